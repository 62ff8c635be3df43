// SPDX-License-Identifier: MIT
#pragma once

#include "ui/formula/formulas.h"

#include <QPointer>
#include <QQmlEngine>
#include <QQuickImageProvider>
#include <QtQml/qqmlregistration.h>

namespace ui {

// How a piece of a formula stands in a line of text: as an image that the text's layout centres, with room
// above or below so that the baselines meet. Pixels of the window.
struct FormulaPlace
{
    int width = 0;
    int height = 0;
    double left = 0;     // of the piece's origin
    double baseline = 0; // below the image's top

    // em of the formula and how far the image reaches above the baseline at the least, in pixels.
    static FormulaPlace of(const Formula& part, double em, double least);
};

// QTextDocumentLayout takes the middle of an image to lie half of half the x-height of the default font above
// the baseline. Qt Quick draws it in the middle of its line, which is the same where the images of a line
// reach further than its letters in both directions: so each reaches at least this far, in sizes of the text.
constexpr double kAboveLetters = 1.25;   // Chinese ones reach 1.16
constexpr double kAboveLowLetters = 1.0; // Latin ones of Inter reach 0.97

// The address of such an image; ratio is the number of device pixels in one of the window.
QString formulaImage(uint64_t layout, size_t part, double em, double above, double ratio,
                     const QColor& color);

// Draws the images that formulaImage() names.
class FormulaImages : public QQuickImageProvider
{
public:
    explicit FormulaImages(Formulas* formulas);
    QImage requestImage(const QString& id, QSize* size, const QSize& requestedSize) override;

private:
    QPointer<Formulas> m_formulas;
};

// The formulas of the window, as QML sees them.
struct FormulasSingleton
{
    Q_GADGET
    QML_FOREIGN(ui::Formulas)
    QML_NAMED_ELEMENT(Formulas)
    QML_SINGLETON

public:
    // The engine owns what this returns and the images that are drawn for it.
    static Formulas* create(QQmlEngine* engine, QJSEngine* scripts);
};

} // namespace ui
