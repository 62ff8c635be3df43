// SPDX-License-Identifier: MIT
// From the tree of boxes that KaTeX makes to places. KaTeX writes for a browser: its boxes carry classes of
// katex.css and lengths in em. This computes what that style sheet makes a browser do with them, for those of
// its rules that formulas need.
#pragma once

#include "ui/formula/formula.h"

#include <QJsonObject>

#include <optional>

namespace ui {

class FormulaFonts;

// What KaTeX writes where it does not know a command; a formula that has it is refused.
constexpr const char* kFormulaErrorColor = "#010203";

// The tree as katex.cpp writes it: c classes, s style, k children, t text, i italic correction, g attributes
// of an SVG image, d path data, l attributes of a line. Nothing if anything in it is not known here, or if a
// letter has no outline.
std::optional<FormulaLayout> layOutFormula(const QJsonObject& tree, bool display, FormulaFonts& fonts);

} // namespace ui
