// SPDX-License-Identifier: MIT
#include "ui/qml/formula_text.h"

#include "ui/markdown/block_parser.h"
#include "ui/markdown/inline_html.h"
#include "ui/qml/formula_images.h"
#include "ui/qml/long_word.h"

#include <algorithm>

namespace ui {

namespace {

constexpr QLatin1String kFormulaBegin("<math>");
constexpr QLatin1String kFormulaEnd("</math>");

// Qt Quick draws an image that begins a line at the line's left edge, wherever the line's text is aligned to,
// and one in a line of Arabic beside whatever came before. A letter without ink in front of it shows it the
// way, and marks around keep the parts of a formula in their order.
constexpr QLatin1String kAnchor("<span style=\"font-size:1px\">&lrm;&nbsp;</span>");
constexpr QLatin1String kAnchorEnd("&lrm;");

// Latin, Greek and Cyrillic letters and their punctuation are less tall than others.
bool isLow(QChar c)
{
    return c.unicode() < 0x0530 || (c.unicode() >= 0x2010 && c.unicode() <= 0x2026);
}

bool isFromRight(QChar c)
{
    return c.direction() == QChar::DirR || c.direction() == QChar::DirAL;
}

// What escapedHtml() wrote.
QString unescaped(QString text)
{
    return text.replace(QLatin1String("&lt;"), QLatin1String("<"))
        .replace(QLatin1String("&gt;"), QLatin1String(">"))
        .replace(QLatin1String("&quot;"), QLatin1String("\""))
        .replace(QLatin1String("&amp;"), QLatin1String("&"));
}

} // namespace

void FormulaText::setFormulas(Formulas* formulas)
{
    if (formulas == m_formulas) {
        return;
    }
    if (m_formulas) {
        m_formulas->disconnect(this);
    }
    m_formulas = formulas;
    if (formulas) {
        connect(formulas, &Formulas::changed, this, [this] {
            if (m_waits) {
                write();
            }
        });
    }
    emit changed();
    write();
}

void FormulaText::setHtml(const QString& html)
{
    if (const bool unbroken = hasLongWord(html); m_unbroken != unbroken) {
        m_unbroken = unbroken;
        emit unbrokenChanged();
    }
    set(m_html, html);
}

void FormulaText::write()
{
    m_tall = false;
    m_waits = false;
    m_ascent = 0;
    m_anchors = m_anchored || isRightToLeft(m_html);
    m_above =
        m_textSize * (std::all_of(m_html.begin(), m_html.end(), isLow) ? kAboveLowLetters : kAboveLetters);
    m_sources.clear();
    std::vector<Formulas::LayoutPtr>
        before; // the images of the text until now are needed until it is replaced
    before.swap(m_layouts);
    QString rich;
    qsizetype at = 0;
    for (qsizetype begin = m_html.indexOf(kFormulaBegin); begin >= 0;
         begin = m_html.indexOf(kFormulaBegin, at)) {
        const qsizetype end = m_html.indexOf(kFormulaEnd, begin);
        if (end < 0) {
            break;
        }
        const qsizetype inner = begin + kFormulaBegin.size();
        rich += QStringView(m_html).sliced(at, begin - at);
        rich += formula(unescaped(m_html.sliced(inner, end - inner)), m_waits);
        at = end + kFormulaEnd.size();
    }
    rich += QStringView(m_html).sliced(at);
    if (!m_layouts.empty()) { // a background would be as tall as the images in its line
        rich.replace(QLatin1String("<code>"), QLatin1String("<code style=\"background-color:transparent\">"));
    }
    if (std::any_of(m_html.begin(), m_html.end(), isFromRight)) { // these scripts have no slanted letters
        rich.replace(QLatin1String("<i>"), QLatin1String("<b>"));
        rich.replace(QLatin1String("</i>"), QLatin1String("</b>"));
    }
    if (rich != m_rich) {
        m_rich = rich;
        emit richChanged();
    }
}

QString FormulaText::formula(const QString& source, bool& waits)
{
    const bool display = source.startsWith(QLatin1String("\\[")) || source.startsWith(QLatin1String("$$"));
    const QString tex = formulaTex(source);
    const Formulas::LayoutPtr layout = m_formulas ? m_formulas->find(tex, display) : nullptr;
    if (!layout) {
        waits = waits || (m_formulas && !m_formulas->failed(tex, display));
        return QLatin1String("<code>") + escapedHtml(source) + QLatin1String("</code>");
    }
    double em = m_textSize * kFormulaScale;
    if (m_maximumWidth > 0) { // smaller where it would not fit
        double widest = 0;
        for (const Formula& part : layout->parts) {
            widest = std::max(widest, (part.left + part.width + part.right) * em + 1);
        }
        em *= std::min(1.0, m_maximumWidth / std::max(1.0, widest));
    }
    QString images;
    bool first = true;
    for (size_t i = 0; i < layout->parts.size(); ++i) {
        const Formula& part = layout->parts[i];
        const FormulaPlace place = FormulaPlace::of(part, em, m_above);
        if (place.width == 0) {
            continue;
        }
        m_ascent = std::max(m_ascent, place.baseline);
        // Lines have a fixed height, their baseline at four fifths of it; a little may reach into its
        // neighbours.
        m_tall =
            m_tall || part.ascent * em > 0.8 * m_lineHeight + 2 || part.descent * em > 0.2 * m_lineHeight + 4;
        if (m_anchors) {
            images += kAnchor;
        }
        images +=
            QStringLiteral("<img src=\"%1\" width=\"%2\" height=\"%3\" style=\"vertical-align:middle\">")
                .arg(formulaImage(layout->id, i, em, m_above, m_ratio, m_color))
                .arg(place.width)
                .arg(place.height);
        m_sources += first ? source : QString();
        first = false;
    }
    if (m_anchors && !images.isEmpty()) {
        images += kAnchorEnd;
    }
    m_layouts.push_back(layout);
    return images;
}

QString FormulaText::restored(const QString& text, const QString& before) const
{
    constexpr char16_t mark = 0x200E;
    qsizetype next = before.count(QChar::ObjectReplacementCharacter);
    QString made;
    for (const QChar c : text) {
        if (c == QChar::ObjectReplacementCharacter) {
            if (m_anchors && made.endsWith(QChar::Nbsp)) {
                made.chop(1);
            }
            made += m_sources.value(next++);
        } else if (!m_anchors || c != mark) {
            made += c;
        }
    }
    return made;
}

} // namespace ui
