// SPDX-License-Identifier: MIT
// One answer as a list of blocks for the view. Text streams in with append(); finished blocks are never
// touched again, so a token costs O(new text) plus the inline markup of the block it lands in, which is
// bounded (see block_parser.cpp). Inline markup is rendered when a view asks for it.
#pragma once

#include "ui/markdown/block_parser.h"

#include <QAbstractListModel>
#include <QPointer>
#include <QStringList>

#include <vector>

namespace ui {

class MarkdownBlocks;

// The text of a code block, for a view that appends instead of setting all of it again.
class CodeText : public QObject
{
    Q_OBJECT
    Q_PROPERTY(QString language READ language CONSTANT)
    Q_PROPERTY(QString text READ text NOTIFY changed)

public:
    CodeText(MarkdownBlocks* owner, qsizetype row);
    QString language() const;
    // Without the line break at its end.
    QString text() const;
    QStringView view() const;
    // Its block is gone; a view that still holds it sees nothing.
    void detach();

signals:
    // Letters before this position are as they were.
    void changed(qsizetype from);

private:
    MarkdownBlocks* m_owner;
    qsizetype m_row;
};

// The rows of a table. Roles: cells (limited rich text), header.
class TableRows : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int columns READ columns CONSTANT)
    Q_PROPERTY(QStringList alignments READ alignments CONSTANT) // "left" "center" "right"
    Q_PROPERTY(
        QList<int> widths READ widths NOTIFY widthsChanged) // longest cell of a column, in letters, up to 60

public:
    enum Role
    {
        Cells = Qt::UserRole + 1,
        Header
    };

    // The pieces of a table that was cut share the widths of their first one; null for that itself.
    TableRows(MarkdownBlocks* owner, qsizetype row, TableRows* first = nullptr);
    int columns() const;
    QStringList alignments() const;
    QList<int> widths() const { return m_first ? m_first->m_widths : m_widths; }
    TableRows* first() { return m_first ? m_first.data() : this; }
    void update(qsizetype dirtyFrom);
    void detach();

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

signals:
    void widthsChanged();

private:
    struct Row
    {
        qsizetype begin = 0; // in the block's source
        qsizetype end = 0;
    };
    void measure(qsizetype from);
    void widen(const QList<int>& widths);
    std::vector<QString> cellsOf(qsizetype row) const;

    MarkdownBlocks* m_owner;
    qsizetype m_row;
    QPointer<TableRows> m_first;
    std::vector<ColumnAlignment> m_columns;
    bool m_headless;
    std::vector<Row> m_rows;
    QList<int> m_widths;
};

// Roles: type ("paragraph" "heading" "code" "math" "table" "rule"), kind ("text" "code" "table" "rule": which
// delegate shows it; never changes for a row), html (limited rich text of a paragraph or heading), level,
// indent, quote, quoteAbove (how many of its quotes the block above stands in too), marker, language, code
// (CodeText of code and math), table (TableRows), continuation, continued (the next block goes on with this
// one), last.
class MarkdownBlocks : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(bool streaming READ streaming NOTIFY streamingChanged)

public:
    enum Role
    {
        Type = Qt::UserRole + 1,
        Kind,
        Html,
        Level,
        Indent,
        Quote,
        QuoteAbove,
        Marker,
        Language,
        Code,
        Table,
        Continuation,
        Continued,
        Last
    };
    Q_ENUM(Role)

    explicit MarkdownBlocks(QObject* parent = nullptr);
    ~MarkdownBlocks() override;

    // Replaces all; the text is complete.
    void setText(const QString& text);
    // More of a text that still streams.
    void append(QStringView text);
    void finish();
    QString source() const { return m_source; }

    int count() const { return static_cast<int>(m_rows.size()); }
    bool streaming() const { return m_streaming; }
    // The whole code that the row belongs to, over all its pieces.
    Q_INVOKABLE QString codeAt(int row) const;
    // The text of a block without markup, as a screen reader speaks it.
    Q_INVOKABLE QString plainAt(int row) const;
    const Block& block(qsizetype row) const { return m_parser.blocks()[static_cast<size_t>(row)]; }
    qint64 work() const { return m_parser.work() + m_inlineWork; }

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

signals:
    void countChanged();
    void streamingChanged();

private:
    struct Row
    {
        BlockKind kind = BlockKind::Paragraph;
        CodeText* code = nullptr; // children of this object
        TableRows* table = nullptr;
        mutable QString html;
        mutable bool rendered = false;
    };
    static bool goesOn(const Row& row, const Block& block);
    void publish();
    void drop(size_t from);
    Row makeRow(qsizetype row);

    BlockParser m_parser;
    std::vector<Row> m_rows;
    QString m_source;
    bool m_streaming = false;
    mutable qint64 m_inlineWork = 0;
};

} // namespace ui
