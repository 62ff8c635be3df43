// SPDX-License-Identifier: MIT
#pragma once

#include "ui/formula/formula.h"

class QPainter;

namespace ui {

// Draws a formula whose baseline begins at `origin`; em in the painter's units. What has no colour of its own
// takes `color`. Rules are at least one device pixel thick and lie on whole ones.
void paintFormula(QPainter& painter, const Formula& formula, QPointF origin, double em, const QColor& color);

// A colour that an author chose for a white page, light enough for words of `text` to stand beside it.
QColor readableColor(const QColor& chosen, const QColor& text);

} // namespace ui
