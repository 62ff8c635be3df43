// SPDX-License-Identifier: MIT
// A formula on a line of its own. It stands in the middle of the item's width, its number at the right edge.
#pragma once

#include "ui/formula/formulas.h"

#include <QColor>
#include <QPointer>
#include <QQuickPaintedItem>
#include <QtQml/qqmlregistration.h>

namespace ui {

class FormulaItem : public QQuickPaintedItem
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(ui::Formulas* formulas READ formulas WRITE setFormulas NOTIFY formulasChanged)
    Q_PROPERTY(QString tex READ tex WRITE setTex NOTIFY texChanged) // without delimiters
    Q_PROPERTY(
        qreal textSize READ textSize WRITE setTextSize NOTIFY textSizeChanged) // pixels, of the text around
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY colorChanged)
    // There is something to draw; else its source is to be shown.
    Q_PROPERTY(bool ready READ ready NOTIFY readyChanged)

public:
    explicit FormulaItem(QQuickItem* parent = nullptr);

    Formulas* formulas() const { return m_formulas; }
    void setFormulas(Formulas* formulas);
    QString tex() const { return m_tex; }
    void setTex(const QString& tex);
    qreal textSize() const { return m_textSize; }
    void setTextSize(qreal size);
    QColor color() const { return m_color; }
    void setColor(const QColor& color);
    bool ready() const { return m_layout != nullptr; }

    void paint(QPainter* painter) override;

signals:
    void formulasChanged();
    void texChanged();
    void textSizeChanged();
    void colorChanged();
    void readyChanged();

private:
    void look();
    void measure();

    QPointer<Formulas> m_formulas;
    QString m_tex;
    qreal m_textSize = 15;
    QColor m_color;
    Formulas::LayoutPtr m_layout;
};

} // namespace ui
