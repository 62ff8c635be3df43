// SPDX-License-Identifier: MIT
// Inline Markdown to the limited rich text of the window: text with <b> <i> <s> <code> <br> <a href> and
// <math>, nothing else. Everything of the source is escaped; raw HTML is text, an image is its description
// and address as text, and only http, https and mailto addresses become links. <math> holds a formula as
// written, with its delimiters: \\( \\), \\[ \\], $$ $$, or $ $ where no price or shell variable can be
// meant.
#pragma once

#include <QString>
#include <QStringView>

namespace ui {

// The text of a paragraph, heading or table cell. An unfinished one gets its open bold or code mark closed
// and its open formula shown as code, so that marks do not flash up while the text streams.
QString inlineHtml(const QString& source, bool unfinished = false);
// The same without markup.
QString inlinePlain(const QString& source);
// A line without what makes it a heading, quote, item or fence.
QString withoutBlockMarks(QString line);
// About how many Latin letters wide it is when drawn.
int inlineLetters(const QString& source);
// Whether the first letter of such rich text that has a direction is written from right to left.
bool isRightToLeft(QStringView html);
// Text as rich text that shows exactly this text.
QString escapedHtml(QStringView text);

} // namespace ui
