// SPDX-License-Identifier: MIT
#include "ui/qml/code_document.h"

#include "ui/markdown/highlighter.h"
#include "ui/markdown/markdown_blocks.h"

#include <QTextBlock>
#include <QTextCursor>
#include <QTextDocument>

#include <algorithm>

namespace ui {

void CodeDocument::setDocument(QQuickTextDocument* document)
{
    if (m_document == document) {
        return;
    }
    m_document = document;
    write(0);
    emit documentChanged();
}

QObject* CodeDocument::code() const
{
    return m_code;
}

void CodeDocument::setCode(QObject* code)
{
    CodeText* text = qobject_cast<CodeText*>(code);
    if (m_code == text) {
        return;
    }
    if (m_code) {
        m_code->disconnect(this);
    }
    m_code = text;
    if (text) {
        connect(text, &CodeText::changed, this, &CodeDocument::write);
    }
    write(0);
    emit codeChanged();
}

void CodeDocument::setColors(const QList<QColor>& colors)
{
    if (m_colors != colors) {
        m_colors = colors;
        write(0);
        emit colorsChanged();
    }
}

void CodeDocument::setLineHeight(qreal height)
{
    if (!qFuzzyCompare(m_lineHeight + 1, height + 1)) {
        m_lineHeight = height;
        write(0);
        emit lineHeightChanged();
    }
}

// Writes the text again from the line on that holds this position.
void CodeDocument::write(qsizetype from)
{
    if (!m_document || !m_code || m_colors.isEmpty()) {
        return;
    }
    const QStringView text = m_code->view();
    const QString language = m_code->language();
    if (m_lineStarts.empty() || from == 0) {
        m_lineStarts.assign(1, 0);
        m_states.assign(1, 0);
    }
    const auto after = std::upper_bound(m_lineStarts.begin(), m_lineStarts.end(), from);
    const size_t line = static_cast<size_t>(std::max<std::ptrdiff_t>(after - m_lineStarts.begin() - 1, 0));
    m_lineStarts.resize(line + 1);
    m_states.resize(line + 1);

    QTextDocument* document = m_document->textDocument();
    document->setUndoRedoEnabled(false);
    QTextBlockFormat blockFormat;
    blockFormat.setLineHeight(m_lineHeight, QTextBlockFormat::FixedHeight);
    QTextCursor cursor(document);
    cursor.beginEditBlock();
    cursor.setPosition(document->findBlockByNumber(static_cast<int>(line)).position());
    cursor.movePosition(QTextCursor::End, QTextCursor::KeepAnchor);
    cursor.removeSelectedText();
    cursor.setBlockFormat(blockFormat);

    const auto format = [this](CodeHue hue) {
        QTextCharFormat result;
        result.setForeground(m_colors.value(static_cast<int>(hue), m_colors.first()));
        return result;
    };
    const QTextCharFormat plain = format(CodeHue::Plain);
    qsizetype begin = m_lineStarts.back();
    std::vector<CodeSpan> spans;
    for (;;) {
        const qsizetype newLine = text.indexOf(u'\n', begin);
        const QStringView content = text.sliced(begin, (newLine < 0 ? text.size() : newLine) - begin);
        spans.clear();
        const int state = highlightLine(language, content, m_states.back(), spans);
        qsizetype at = 0;
        for (const CodeSpan& span : spans) {
            if (span.begin > at) {
                cursor.insertText(content.sliced(at, span.begin - at).toString(), plain);
            }
            cursor.insertText(content.sliced(span.begin, span.length).toString(), format(span.hue));
            at = span.begin + span.length;
        }
        if (at < content.size()) {
            cursor.insertText(content.sliced(at).toString(), plain);
        }
        if (newLine < 0) {
            break;
        }
        begin = newLine + 1;
        m_lineStarts.push_back(begin);
        m_states.push_back(state);
        cursor.insertBlock(blockFormat, plain);
    }
    cursor.endEditBlock();
}

} // namespace ui
