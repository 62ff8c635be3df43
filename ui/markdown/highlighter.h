// SPDX-License-Identifier: MIT
// Colours for code: one table per language, one pass over each line, a state of a few bits between lines.
#pragma once

#include <QString>
#include <QStringView>

#include <vector>

namespace ui {

// The six hues of code, plus plain text.
enum class CodeHue
{
    Plain,
    Comment,
    Keyword,
    String,
    Number,
    Type,
    Function
};

struct CodeSpan
{
    qsizetype begin = 0;
    qsizetype length = 0;
    CodeHue hue = CodeHue::Plain;
};

// Appends the coloured spans of a line to spans, in order and without overlap; state is what the line above
// left (0 at the start), the return value what this one leaves. An unknown language colours nothing.
// O(line).
int highlightLine(QStringView language, QStringView line, int state, std::vector<CodeSpan>& spans);

} // namespace ui
