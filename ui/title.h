// SPDX-License-Identifier: MIT
#pragma once

#include <QString>

namespace ui {

// The title that a conversation has until the person gives it one: the first sentence of the first message
// without its Markdown, cut at a word where it is long. Made without the model, so that no conversation's
// cache is disturbed.
QString titleFrom(const QString& message);

} // namespace ui
