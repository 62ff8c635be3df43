// SPDX-License-Identifier: MIT
// A formula as plain boxes: letters of a font at a place, rules, and outlines. Lengths are in em of the
// formula's own font, which is kFormulaScale times the size of the text around it; y grows downwards from the
// baseline.
#pragma once

#include <QColor>
#include <QPainterPath>
#include <QPointF>
#include <QRectF>

#include <cstdint>
#include <optional>
#include <vector>

namespace ui {

// KaTeX's own: its letters are then as tall as those of the text.
constexpr double kFormulaScale = 1.21;

// The fonts of KaTeX, in the order of their files in formula_fonts.cpp.
enum class FormulaFace
{
    Main,
    MainBold,
    MainItalic,
    MainBoldItalic,
    Math,
    MathBold,
    Ams,
    Caligraphic,
    CaligraphicBold,
    Fraktur,
    FrakturBold,
    SansSerif,
    SansSerifBold,
    SansSerifItalic,
    Script,
    Typewriter,
    Size1,
    Size2,
    Size3,
    Size4,
    Other // a font of the system
};

struct FormulaGlyph
{
    FormulaFace face = FormulaFace::Main;
    char32_t letter = 0;
    QPointF at;           // its origin on the baseline
    double size = 1;      // of its font
    QColor color;         // invalid: that of the text
    QPainterPath outline; // of size 1, at the origin
};

struct FormulaRule
{
    QRectF rect;
    QColor color;
    bool dashed = false;
};

struct FormulaShape
{
    QPainterPath path;
    QRectF clip; // nothing outside it is drawn
    QColor color;
};

struct Formula
{
    double width = 0;
    double ascent = 0;  // above the baseline
    double descent = 0; // below it
    double left = 0;    // how far ink reaches out of the width on either side
    double right = 0;
    std::vector<FormulaRule> fills; // below everything else
    std::vector<FormulaShape> shapes;
    std::vector<FormulaRule> rules;
    std::vector<FormulaGlyph> glyphs;
};

// One for a display formula; in a sentence one for each piece between which a line may break.
struct FormulaLayout
{
    uint64_t id = 0; // of the run of the program; 0: not kept by Formulas
    std::vector<Formula> parts;
    std::optional<Formula> tag; // the number at the right edge
};

} // namespace ui
