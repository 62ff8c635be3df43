// SPDX-License-Identifier: MIT
#include "ui/formula/formula_fonts.h"

#include <QGlyphRun>
#include <QGuiApplication>
#include <QTextLayout>
#include <QTransform>

namespace ui {

namespace {

constexpr std::array<const char*, static_cast<size_t>(FormulaFace::Other)> kFiles = {
    "Main-Regular",       "Main-Bold",         "Main-Italic",         "Main-BoldItalic",  "Math-Italic",
    "Math-BoldItalic",    "AMS-Regular",       "Caligraphic-Regular", "Caligraphic-Bold", "Fraktur-Regular",
    "Fraktur-Bold",       "SansSerif-Regular", "SansSerif-Bold",      "SansSerif-Italic", "Script-Regular",
    "Typewriter-Regular", "Size1-Regular",     "Size2-Regular",       "Size3-Regular",    "Size4-Regular"};

// Pixels for one em while outlines are read: the units of the fonts.
constexpr double kPixels = 1000;

QPainterPath scaled(const QPainterPath& path, double factor)
{
    QPainterPath made = QTransform::fromScale(factor, factor).map(path);
    made.setFillRule(Qt::WindingFill);
    return made;
}

} // namespace

FormulaFonts::FormulaFonts(const QString& folder)
    : m_folder(folder)
{
}

const FormulaFonts::Outline& FormulaFonts::outline(FormulaFace face, char32_t letter)
{
    const size_t index = static_cast<size_t>(face);
    QHash<char32_t, Outline>& known = m_outlines[index];
    if (const auto found = known.constFind(letter); found != known.constEnd()) {
        return *found;
    }
    QRawFont& font = m_fonts[index];
    if (!font.isValid()) {
        font.loadFromFile(m_folder + QStringLiteral("/KaTeX_%1.ttf").arg(QLatin1String(kFiles[index])),
                          kPixels, QFont::PreferNoHinting);
    }
    Outline made;
    if (font.isValid() && font.supportsCharacter(letter)) {
        const QList<quint32> glyphs = font.glyphIndexesForString(QString::fromUcs4(&letter, 1));
        const QList<QPointF> advances = font.advancesForGlyphIndexes(glyphs);
        if (glyphs.size() == 1 && advances.size() == 1) {
            made.path = scaled(font.pathForGlyph(glyphs[0]), 1 / kPixels);
            made.advance = advances[0].x() / kPixels;
            made.exists = true;
        }
    }
    return *known.insert(letter, made);
}

bool FormulaFonts::write(const QString& text, bool bold, bool italic, std::vector<FormulaGlyph>& glyphs,
                         double& advance)
{
    QFont font = QGuiApplication::font();
    font.setPixelSize(static_cast<int>(kPixels));
    font.setHintingPreference(QFont::PreferNoHinting);
    font.setBold(bold);
    font.setItalic(italic);
    QTextLayout layout(text, font);
    layout.beginLayout();
    QTextLine line = layout.createLine();
    layout.endLayout();
    if (!line.isValid()) {
        return false;
    }
    advance = line.naturalTextWidth() / kPixels;
    const bool blank = text.trimmed().isEmpty();
    for (const QGlyphRun& run : layout.glyphRuns()) {
        const QRawFont raw = run.rawFont();
        const QList<quint32> indexes = run.glyphIndexes();
        const QList<QPointF> positions = run.positions();
        for (qsizetype i = 0; i < indexes.size() && i < positions.size(); ++i) {
            FormulaGlyph glyph;
            glyph.face = FormulaFace::Other;
            glyph.letter = text.size() == 1 ? text[0].unicode() : 0;
            glyph.outline = scaled(raw.pathForGlyph(indexes[i]), 1 / kPixels);
            glyph.at = (positions[i] - QPointF(0, line.ascent())) / kPixels;
            if (indexes[i] == 0 || (glyph.outline.isEmpty() && !blank && indexes.size() == 1)) {
                return false;
            }
            glyphs.push_back(glyph);
        }
    }
    return blank || !glyphs.empty();
}

} // namespace ui
