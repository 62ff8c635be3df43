// SPDX-License-Identifier: MIT
#include "ui/qml/formula_text.h"

#include "ui/markdown/block_parser.h"
#include "ui/markdown/inline_html.h"
#include "ui/qml/formula_images.h"

#include <algorithm>

namespace ui {

namespace {

constexpr QLatin1String kFormulaBegin("<math>");
constexpr QLatin1String kFormulaEnd("</math>");

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
    set(m_html, html);
}

void FormulaText::write()
{
    m_tall = false;
    m_waits = false;
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
        const FormulaPlace place = FormulaPlace::of(part, em, m_textSize);
        if (place.width == 0) {
            continue;
        }
        // Lines have a fixed height, their baseline at four fifths of it; a little may reach into its
        // neighbours.
        m_tall =
            m_tall || part.ascent * em > 0.8 * m_lineHeight + 2 || part.descent * em > 0.2 * m_lineHeight + 4;
        images +=
            QStringLiteral("<img src=\"%1\" width=\"%2\" height=\"%3\" style=\"vertical-align:middle\">")
                .arg(formulaImage(layout->id, i, em, m_textSize, m_ratio, m_color))
                .arg(place.width)
                .arg(place.height);
        m_sources += first ? source : QString();
        first = false;
    }
    m_layouts.push_back(layout);
    return images;
}

QString FormulaText::restored(const QString& text, const QString& before) const
{
    qsizetype next = before.count(QChar::ObjectReplacementCharacter);
    QString made;
    for (const QChar c : text) {
        if (c == QChar::ObjectReplacementCharacter) {
            made += m_sources.value(next++);
        } else {
            made += c;
        }
    }
    return made;
}

} // namespace ui
