// SPDX-License-Identifier: MIT
// The outlines of KaTeX's fonts and, for what they lack, of the system's. To be used by the thread that made
// it.
#pragma once

#include "ui/formula/formula.h"

#include <QHash>
#include <QRawFont>
#include <QString>

#include <array>

namespace ui {

class FormulaFonts
{
public:
    struct Outline
    {
        QPainterPath path; // of size 1
        double advance = 0;
        bool exists = false;
    };

    // A folder with the files KaTeX_*.ttf.
    explicit FormulaFonts(const QString& folder);
    const Outline& outline(FormulaFace face, char32_t letter);
    // Text in the system's fonts, as glyphs of size 1 from the origin on, and its advance; false if it has
    // letters that are no outlines (colour fonts) or that no font has.
    bool write(const QString& text, bool bold, bool italic, std::vector<FormulaGlyph>& glyphs,
               double& advance);

private:
    static constexpr size_t kFaces = static_cast<size_t>(FormulaFace::Other);

    QString m_folder;
    std::array<QRawFont, kFaces> m_fonts;
    std::array<QHash<char32_t, Outline>, kFaces> m_outlines;
};

} // namespace ui
