// SPDX-License-Identifier: MIT
// Fills a TextEdit's document with the text of a code block, coloured. While the block streams, only the line
// that changed and what follows it are written again.
#pragma once

#include <QColor>
#include <QPointer>
#include <QQuickTextDocument>
#include <QTextCharFormat>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace ui {

class CodeText;

class CodeDocument : public QObject
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QQuickTextDocument* document READ document WRITE setDocument NOTIFY documentChanged)
    Q_PROPERTY(QObject* code READ code WRITE setCode NOTIFY codeChanged) // a CodeText
    // In the order of CodeHue: plain, comment, keyword, string, number, type, function.
    Q_PROPERTY(QList<QColor> colors READ colors WRITE setColors NOTIFY colorsChanged)
    Q_PROPERTY(qreal lineHeight READ lineHeight WRITE setLineHeight NOTIFY lineHeightChanged) // pixels

public:
    using QObject::QObject;

    QQuickTextDocument* document() const { return m_document; }
    void setDocument(QQuickTextDocument* document);
    QObject* code() const;
    void setCode(QObject* code);
    QList<QColor> colors() const { return m_colors; }
    void setColors(const QList<QColor>& colors);
    qreal lineHeight() const { return m_lineHeight; }
    void setLineHeight(qreal height);

signals:
    void documentChanged();
    void codeChanged();
    void colorsChanged();
    void lineHeightChanged();

private:
    void write(qsizetype from);

    QPointer<QQuickTextDocument> m_document;
    QPointer<CodeText> m_code;
    QList<QColor> m_colors;
    qreal m_lineHeight = 0;
    std::vector<qsizetype> m_lineStarts; // in the code's text
    std::vector<int> m_states;           // that the highlighter had at these
};

} // namespace ui
