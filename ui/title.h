// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

namespace ui {

// The title that a conversation has until the person gives it one: the first sentence of the first message
// without its Markdown, cut at a word where it is long. Made without the model, so that no conversation's
// cache is disturbed.
QString titleFrom(const QString& message);

// A name or title as one line that shows what it holds: without control characters, of which a NUL would end
// the window's title, and without marks that turn the order of letters around.
QString oneLine(const QString& text);

} // namespace ui
