// SPDX-License-Identifier: MIT
// The limited rich text of a block (see inline_html.h) with its formulas as images, for a text item. A
// formula that is not laid out, not yet or not ever, stands as its source in code style. Where there are
// letters that cannot be slanted (Arabic, Hebrew), what is to be slanted is bold.
#pragma once

#include "ui/formula/formulas.h"

#include <QColor>
#include <QPointer>
#include <QStringList>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace ui {

class FormulaText : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(ui::Formulas* formulas READ formulas WRITE setFormulas NOTIFY changed)
    Q_PROPERTY(QString html READ html WRITE setHtml NOTIFY changed)
    Q_PROPERTY(qreal textSize READ textSize WRITE setTextSize NOTIFY changed)       // pixels
    Q_PROPERTY(qreal lineHeight READ lineHeight WRITE setLineHeight NOTIFY changed) // pixels
    Q_PROPERTY(
        qreal maximumWidth READ maximumWidth WRITE setMaximumWidth NOTIFY changed) // of a formula; 0: any
    Q_PROPERTY(qreal ratio READ ratio WRITE setRatio NOTIFY changed) // device pixels for one of the window
    Q_PROPERTY(QColor color READ color WRITE setColor NOTIFY changed)
    Q_PROPERTY(
        bool anchored READ anchored WRITE setAnchored NOTIFY changed) // lines may begin elsewhere than left
    Q_PROPERTY(bool unbroken READ unbroken NOTIFY unbrokenChanged)    // see hasLongWord(); before `rich`
    Q_PROPERTY(QString rich READ rich NOTIFY richChanged)             // for the text item
    Q_PROPERTY(bool tall READ tall NOTIFY richChanged) // a formula needs more than the height of a line
    Q_PROPERTY(
        qreal ascent READ ascent NOTIFY richChanged) // of the tallest formula, pixels; 0: there is none

public:
    using QObject::QObject;

    Formulas* formulas() const { return m_formulas; }
    void setFormulas(Formulas* formulas);
    QString html() const { return m_html; }
    void setHtml(const QString& html);
    qreal textSize() const { return m_textSize; }
    void setTextSize(qreal size) { set(m_textSize, size); }
    qreal lineHeight() const { return m_lineHeight; }
    void setLineHeight(qreal height) { set(m_lineHeight, height); }
    qreal maximumWidth() const { return m_maximumWidth; }
    void setMaximumWidth(qreal width) { set(m_maximumWidth, width); }
    qreal ratio() const { return m_ratio; }
    void setRatio(qreal ratio) { set(m_ratio, ratio); }
    QColor color() const { return m_color; }
    void setColor(const QColor& color) { set(m_color, color); }
    bool anchored() const { return m_anchored; }
    void setAnchored(bool anchored) { set(m_anchored, anchored); }
    bool unbroken() const { return m_unbroken; }
    QString rich() const { return m_rich; }
    qreal ascent() const { return m_ascent; }
    bool tall() const { return m_tall; }

    // Text that was taken from the text item with the source of each formula in its place. `before` is what
    // stands in the item before it.
    Q_INVOKABLE QString restored(const QString& text, const QString& before) const;

signals:
    void changed();
    void unbrokenChanged();
    void richChanged();

private:
    template <typename T> void set(T& member, const T& value)
    {
        if (member != value) {
            member = value;
            emit changed();
            write();
        }
    }
    void write();
    QString formula(const QString& source, bool& waits);

    QPointer<Formulas> m_formulas;
    QString m_html;
    qreal m_textSize = 15;
    qreal m_lineHeight = 23;
    qreal m_maximumWidth = 0;
    qreal m_ratio = 1;
    QColor m_color;
    bool m_anchored = false;
    bool m_anchors = false; // formulas are anchored now
    qreal m_above = 0;      // pixels that an image reaches above the baseline at least
    qreal m_ascent = 0;
    bool m_unbroken = false;
    QString m_rich;
    bool m_tall = false;
    bool m_waits = false;                       // for a formula that is not known yet
    QStringList m_sources;                      // for each image; empty for all but the first of a formula
    std::vector<Formulas::LayoutPtr> m_layouts; // whose images are in the text
};

} // namespace ui
