// SPDX-License-Identifier: MIT
#include "ui/formula/formula_painter.h"

#include <QPainter>

#include <cmath>

namespace ui {

namespace {

// On whole device pixels; a thin side is never thinner than one.
QRectF snapped(const QPainter& painter, const QRectF& rect)
{
    const QTransform transform = painter.deviceTransform();
    if (transform.type() > QTransform::TxScale) {
        return rect;
    }
    const QRectF device = transform.mapRect(rect);
    const auto snap = [](double begin, double length, bool thin) {
        if (!thin) {
            return std::pair(begin, length);
        }
        const double whole = std::max(1.0, std::round(length));
        return std::pair(std::round(begin + (length - whole) / 2), whole);
    };
    const auto [x, width] = snap(device.x(), device.width(), device.width() < device.height());
    const auto [y, height] = snap(device.y(), device.height(), device.height() <= device.width());
    return transform.inverted().mapRect(QRectF(x, y, width, height));
}

} // namespace

QColor readableColor(const QColor& chosen, const QColor& text)
{
    // Light words mean a dark page.
    if (text.lightnessF() < 0.5 || chosen.lightnessF() >= 0.62) {
        return chosen;
    }
    return chosen.hslSaturationF() < 0.05F
               ? text
               : QColor::fromHslF(chosen.hslHueF(), chosen.hslSaturationF(), 0.68F, chosen.alphaF());
}

void paintFormula(QPainter& painter, const Formula& formula, QPointF origin, double em, const QColor& color)
{
    const auto ink = [&color](const QColor& own) {
        return own.isValid() ? readableColor(own, color) : color;
    };
    const auto place = [&](const QRectF& rect) {
        return QRectF(origin + rect.topLeft() * em, rect.size() * em);
    };
    painter.save();
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    for (const FormulaRule& fill : formula.fills) {
        QColor paper = fill.color; // a tint: the words on it stay those of the theme
        paper.setAlphaF(0.25F * paper.alphaF());
        painter.fillRect(place(fill.rect), paper);
    }
    for (const FormulaRule& rule : formula.rules) {
        const QRectF rect = snapped(painter, place(rule.rect));
        if (!rule.dashed) {
            painter.fillRect(rect, ink(rule.color));
            continue;
        }
        const bool wide = rect.width() > rect.height();
        const double thick = wide ? rect.height() : rect.width();
        const double length = wide ? rect.width() : rect.height();
        for (double at = 0; at < length; at += 6 * thick) {
            const double dash = std::min(3 * thick, length - at);
            painter.fillRect(wide ? QRectF(rect.x() + at, rect.y(), dash, thick)
                                  : QRectF(rect.x(), rect.y() + at, thick, dash),
                             ink(rule.color));
        }
    }
    for (const FormulaShape& shape : formula.shapes) {
        painter.save();
        painter.setClipRect(place(shape.clip), Qt::IntersectClip);
        painter.translate(origin);
        painter.scale(em, em);
        painter.fillPath(shape.path, ink(shape.color));
        painter.restore();
    }
    for (const FormulaGlyph& glyph : formula.glyphs) {
        painter.save();
        painter.translate(origin + glyph.at * em);
        painter.scale(em * glyph.size, em * glyph.size);
        painter.fillPath(glyph.outline, ink(glyph.color));
        painter.restore();
    }
    painter.restore();
}

} // namespace ui
