// SPDX-License-Identifier: MIT
#include "ui/qml/formula_item.h"

#include "ui/formula/formula_painter.h"

#include <QPainter>

#include <algorithm>
#include <cmath>

namespace ui {

namespace {

constexpr double kRim = 2;            // pixels around, for smooth edges
constexpr double kTagGap = 1;         // em between a formula and its number
constexpr double kLargestItem = 8000; // pixels of a side; wider formulas stay their source

} // namespace

FormulaItem::FormulaItem(QQuickItem* parent)
    : QQuickPaintedItem(parent)
{
    connect(this, &QQuickItem::widthChanged, this, [this] { update(); });
}

void FormulaItem::setFormulas(Formulas* formulas)
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
            if (!m_layout) {
                look();
            }
        });
    }
    emit formulasChanged();
    look();
}

void FormulaItem::setTex(const QString& tex)
{
    if (tex != m_tex) {
        m_tex = tex;
        emit texChanged();
        look();
    }
}

void FormulaItem::setTextSize(qreal size)
{
    if (size != m_textSize) {
        m_textSize = size;
        emit textSizeChanged();
        look();
    }
}

void FormulaItem::setColor(const QColor& color)
{
    if (color != m_color) {
        m_color = color;
        emit colorChanged();
        update();
    }
}

void FormulaItem::look()
{
    const bool before = ready();
    m_layout = m_formulas && !m_tex.isEmpty() ? m_formulas->find(m_tex, true) : nullptr;
    measure();
    update();
    if (before != ready()) {
        emit readyChanged();
    }
}

void FormulaItem::measure()
{
    if (!m_layout) {
        setImplicitSize(0, 0);
        return;
    }
    const double em = m_textSize * kFormulaScale;
    const Formula& body = m_layout->parts.front();
    double ascent = body.ascent;
    double descent = body.descent;
    double width = body.left + body.width + body.right;
    if (m_layout->tag) {
        width += 2 * (m_layout->tag->width + kTagGap); // the formula stays in the middle
        ascent = std::max(ascent, m_layout->tag->ascent);
        descent = std::max(descent, m_layout->tag->descent);
    }
    const QSizeF size(std::ceil(width * em) + 2 * kRim,
                      std::ceil(ascent * em) + std::ceil(descent * em) + 2 * kRim);
    if (size.width() > kLargestItem || size.height() > kLargestItem) {
        m_layout = nullptr;
        setImplicitSize(0, 0);
        return;
    }
    setImplicitSize(size.width(), size.height());
}

void FormulaItem::paint(QPainter* painter)
{
    if (!m_layout) {
        return;
    }
    const double em = m_textSize * kFormulaScale;
    const Formula& body = m_layout->parts.front();
    double ascent = body.ascent;
    if (m_layout->tag) {
        ascent = std::max(ascent, m_layout->tag->ascent);
    }
    const double baseline = kRim + std::ceil(ascent * em);
    const double spare = width() - (body.left + body.width + body.right) * em;
    paintFormula(*painter, body, QPointF(std::max(kRim, spare / 2) + body.left * em, baseline), em, m_color);
    if (m_layout->tag) {
        const double x = width() - kRim - m_layout->tag->width * em;
        paintFormula(*painter, *m_layout->tag, QPointF(x, baseline), em, m_color);
    }
}

} // namespace ui
