// SPDX-License-Identifier: MIT
#include "ui/qml/formula_images.h"

#include "ui/formula/formula_painter.h"

#include <QFontMetricsF>
#include <QPainter>

#include <cmath>

namespace ui {

namespace {

constexpr int kLargestImage = 8000; // device pixels of a side
// An image may come to lie between two pixels; drawn finer, it stays crisp there.
constexpr double kFiner = 2;

double halfXHeight()
{
    return QFontMetrics(QFont()).xHeight() / 2.0;
}

} // namespace

FormulaPlace FormulaPlace::of(const Formula& part, double em, double least)
{
    const double shift = halfXHeight();
    FormulaPlace place;
    place.width = static_cast<int>(std::ceil((part.left + part.width + part.right) * em - 0.01));
    const double above = std::max(part.ascent * em + 1, least); // a pixel for smooth edges
    const double below = part.descent * em + 1;
    place.height = static_cast<int>(std::ceil(std::max(2 * above - shift, 2 * below + shift)));
    place.left = part.left * em;
    place.baseline = (place.height + shift) / 2;
    return place;
}

QString formulaImage(uint64_t layout, size_t part, double em, double above, double ratio, const QColor& color)
{
    return QStringLiteral("image://formula/%1/%2/%3/%4/%5/%6")
        .arg(layout)
        .arg(part)
        .arg(em)
        .arg(above)
        .arg(ratio)
        .arg(color.name(QColor::HexArgb).mid(1));
}

FormulaImages::FormulaImages(Formulas* formulas)
    : QQuickImageProvider(QQuickImageProvider::Image)
    , m_formulas(formulas)
{
}

QImage FormulaImages::requestImage(const QString& id, QSize* size, const QSize&)
{
    const QStringList words = id.split(u'/');
    const Formulas::LayoutPtr layout =
        words.size() == 6 && m_formulas ? m_formulas->byId(words[0].toULongLong()) : nullptr;
    const size_t part = words.value(1).toULongLong();
    if (!layout || part >= layout->parts.size()) {
        return {};
    }
    const double em = words[2].toDouble();
    const double above = words[3].toDouble();
    const double scale = words[4].toDouble() * kFiner;
    const auto sane = [](double value) { return value > 0 && value < 1000; };
    if (!sane(em) || !sane(above) || !sane(scale)) {
        return {};
    }
    const Formula& formula = layout->parts[part];
    const FormulaPlace place = FormulaPlace::of(formula, em, above);
    const QSize pixels(static_cast<int>(std::ceil(place.width * scale)),
                       static_cast<int>(std::ceil(place.height * scale)));
    if (pixels.isEmpty() || pixels.width() > kLargestImage || pixels.height() > kLargestImage) {
        return {};
    }
    QImage image(pixels, QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    painter.scale(pixels.width() / static_cast<double>(place.width),
                  pixels.height() / static_cast<double>(place.height));
    paintFormula(painter, formula, QPointF(place.left, place.baseline), em, QColor(u'#' + words[5]));
    if (size) {
        *size = pixels;
    }
    return image;
}

Formulas* FormulasSingleton::create(QQmlEngine* engine, QJSEngine*)
{
    auto* formulas = new Formulas(engine);
    engine->addImageProvider(QStringLiteral("formula"), new FormulaImages(formulas));
    return formulas;
}

} // namespace ui
