// SPDX-License-Identifier: MIT
// One answer as a list of blocks for the view. Text streams in with append(); finished blocks are never
// touched again, so a token costs O(new text) plus the inline markup of the block it lands in, which is
// bounded (see block_parser.cpp). Inline markup is rendered when a view asks for it.
#pragma once

#include "ui/markdown/block_parser.h"

#include <QAbstractListModel>
#include <QElapsedTimer>
#include <QPointer>
#include <QStringList>

#include <map>
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
    CodeText(MarkdownBlocks* owner, qsizetype index);
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
    Q_PROPERTY(bool rightToLeft READ rightToLeft CONSTANT)
    // Longest cell of each column, in Latin letters, up to 60.
    Q_PROPERTY(QList<int> widths READ widths NOTIFY widthsChanged)

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
    bool rightToLeft() const { return m_rightToLeft; }
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
    bool m_rightToLeft; // its head begins with such a letter
    std::vector<Row> m_rows;
    QList<int> m_widths;
};

// Roles: type ("paragraph" "heading" "code" "math" "table" "rule" "think"), kind ("text" "code" "formula"
// "table" "rule" "think": which delegate shows it; never changes for a row), html (limited rich text of a
// paragraph or heading), level, indent, quote (a section of reasoning counts as one), quoteAbove (how many of
// its quotes the block above stands in too), quoteIndents (of each quote: the lists around it), marker,
// language, code (CodeText of code and math), table (TableRows), continuation, continued (the next block goes
// on with this one), last, tex (of a complete formula, without delimiters), thought (it belongs to a section
// of reasoning), thinking (a section that still goes on), folded (a section whose blocks are no rows),
// seconds (that a section took; -1 if nobody measured), wrapped (code whose long lines are broken).
//
// A section of reasoning is shown while it is written and folded at its end, unless the person chose
// otherwise. An empty one is no row at all.
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
        QuoteIndents,
        Marker,
        Language,
        Code,
        Table,
        Continuation,
        Continued,
        Last,
        Tex,
        Thought,
        Thinking,
        Folded,
        Seconds,
        Wrapped
    };
    Q_ENUM(Role)

    explicit MarkdownBlocks(QObject* parent = nullptr);
    ~MarkdownBlocks() override;

    // Replaces all; the text is complete.
    // Sections of reasoning took this long, as far as it is known of each.
    void setText(const QString& text, const std::vector<int>& thoughtSeconds = {});
    // More of a text that still streams.
    void append(QStringView text);
    void finish();
    QString source() const { return m_source; }

    int count() const { return static_cast<int>(m_shown.size()); }
    bool streaming() const { return m_streaming; }
    // The whole code that the row belongs to, over all its pieces.
    Q_INVOKABLE QString codeAt(int row) const;
    // The text of a block without markup, as a screen reader speaks it.
    Q_INVOKABLE QString plainAt(int row) const;
    // The block as Markdown, with the marks of what it stands in.
    QString markdownAt(int row) const;
    // Shows or hides the blocks of the section that begins with this row.
    Q_INVOKABLE void setFolded(int row, bool folded);
    // Breaks the long lines of the code that the row belongs to, over all its pieces, or lets them run on.
    Q_INVOKABLE void setWrapped(int row, bool wrapped);
    // By its number in the text, whether or not it is a row.
    const Block& block(qsizetype index) const { return m_parser.blocks()[static_cast<size_t>(index)]; }
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
        bool wrapped = false; // of the first piece of code
        mutable QString html;
        mutable bool rendered = false;
    };
    struct Section
    {
        bool folded = true;
        bool chosen = false; // by the person
        bool measured = false;
        QElapsedTimer begun;
        qint64 milliseconds = -1;
    };
    static bool goesOn(const Row& row, const Block& block);
    void publish();
    void drop(size_t from);
    Row makeRow(qsizetype index);
    bool isShown(size_t index) const;
    size_t sectionEnd(size_t think) const;
    size_t firstRow(size_t index) const;
    void show(size_t begin, size_t end);
    void changed(size_t begin, size_t end);
    void followSection();
    size_t firstPiece(size_t index) const;

    BlockParser m_parser;
    std::vector<Row> m_rows;     // one for each block
    std::vector<size_t> m_shown; // the blocks that are rows of this model, ascending
    std::map<size_t, Section> m_sections;
    qsizetype m_openSection = -1;
    QString m_source;
    bool m_streaming = false;
    mutable qint64 m_inlineWork = 0;
};

} // namespace ui
