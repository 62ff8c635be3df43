// SPDX-License-Identifier: MIT
// KaTeX as the distribution packages it (libjs-katex, fonts-katex), run by Qt's own JavaScript engine. Only
// its layout is used: it writes a tree of boxes, which box_layout.cpp turns into places. To be used by the
// thread that made it; interrupt() may come from any.
#pragma once

#include "ui/formula/formula.h"
#include "ui/formula/formula_fonts.h"

#include <QString>

#include <memory>
#include <optional>

class QJSEngine;

namespace ui {

class Watchdog;

class Katex
{
public:
    struct Files
    {
        QString script; // katex.min.js
        QString fonts;  // the folder with KaTeX_*.ttf
        bool exist() const { return !script.isEmpty() && !fonts.isEmpty(); }
    };
    // Where the packages of the system have them; empty where they are not installed.
    static Files find();

    explicit Katex(const Files& files);
    ~Katex();

    // Nothing if KaTeX is not there, does not understand the source, or takes too long, if the source is
    // longer or nested deeper than a formula is, or if the boxes cannot be drawn. Throws nothing.
    std::optional<FormulaLayout> layOut(const QString& tex, bool display);
    // Ends the call that runs, and every later one, at once.
    void interrupt();

private:
    bool load();

    Files m_files;
    FormulaFonts m_fonts;
    std::unique_ptr<Watchdog> m_watchdog;
    std::unique_ptr<QJSEngine> m_engine;
    bool m_failed = false; // the script cannot be loaded
};

// Whether a source is short enough and its braces are not nested deeper than a formula needs.
bool isReasonableTex(const QString& tex);

} // namespace ui
