// SPDX-License-Identifier: MIT
#include "ui/markdown/markdown_blocks.h"

#include "ui/markdown/inline_html.h"

namespace ui {

namespace {

constexpr int kWidestCell = 60;

bool isVerbatim(BlockKind kind)
{
    return kind == BlockKind::Code || kind == BlockKind::Math;
}

QString typeName(BlockKind kind)
{
    switch (kind) {
    case BlockKind::Paragraph:
        return QStringLiteral("paragraph");
    case BlockKind::Heading:
        return QStringLiteral("heading");
    case BlockKind::Code:
        return QStringLiteral("code");
    case BlockKind::Math:
        return QStringLiteral("math");
    case BlockKind::Table:
        return QStringLiteral("table");
    case BlockKind::Rule:
        return QStringLiteral("rule");
    }
    return {};
}

QString kindName(BlockKind kind)
{
    if (isVerbatim(kind)) {
        return QStringLiteral("code");
    }
    return kind == BlockKind::Heading     ? QStringLiteral("text")
           : kind == BlockKind::Paragraph ? QStringLiteral("text")
                                          : typeName(kind);
}

QStringView withoutLastBreak(QStringView text)
{
    return text.endsWith(u'\n') ? text.chopped(1) : text;
}

} // namespace

CodeText::CodeText(MarkdownBlocks* owner, qsizetype row)
    : QObject(owner)
    , m_owner(owner)
    , m_row(row)
{
}

void CodeText::detach()
{
    m_owner = nullptr;
}

QString CodeText::language() const
{
    return m_owner ? m_owner->block(m_row).language : QString();
}

QStringView CodeText::view() const
{
    return m_owner ? withoutLastBreak(m_owner->block(m_row).source) : QStringView();
}

QString CodeText::text() const
{
    return view().toString();
}

TableRows::TableRows(MarkdownBlocks* owner, qsizetype row, TableRows* first)
    : QAbstractListModel(owner)
    , m_owner(owner)
    , m_row(row)
    , m_first(first)
    , m_columns(owner->block(row).columns)
    , m_headless(owner->block(row).continuation)
    , m_widths(static_cast<qsizetype>(m_columns.size()), 0)
{
    if (first) {
        connect(first, &TableRows::widthsChanged, this, &TableRows::widthsChanged);
    }
    update(0);
}

void TableRows::detach()
{
    beginResetModel();
    m_owner = nullptr;
    m_rows.clear();
    endResetModel();
}

int TableRows::columns() const
{
    return static_cast<int>(m_columns.size());
}

QStringList TableRows::alignments() const
{
    QStringList names;
    for (const ColumnAlignment alignment : m_columns) {
        names += alignment == ColumnAlignment::Center  ? QStringLiteral("center")
                 : alignment == ColumnAlignment::Right ? QStringLiteral("right")
                                                       : QStringLiteral("left");
    }
    return names;
}

// Takes in what the source has from this position on; rows that end before it stay.
void TableRows::update(qsizetype dirtyFrom)
{
    const QString& source = m_owner->block(m_row).source;
    qsizetype keep = static_cast<qsizetype>(m_rows.size());
    while (keep > 0 && m_rows[static_cast<size_t>(keep - 1)].end >= dirtyFrom) {
        --keep;
    }
    std::vector<Row> fresh;
    qsizetype begin = keep > 0 ? m_rows[static_cast<size_t>(keep - 1)].end + 1 : 0;
    while (begin < source.size()) {
        qsizetype end = source.indexOf(u'\n', begin);
        end = end < 0 ? source.size() : end;
        fresh.push_back({begin, end});
        begin = end + 1;
    }
    const qsizetype before = static_cast<qsizetype>(m_rows.size());
    const qsizetype after = keep + static_cast<qsizetype>(fresh.size());
    if (after < before) {
        beginRemoveRows({}, static_cast<int>(after), static_cast<int>(before - 1));
        m_rows.resize(static_cast<size_t>(after));
        endRemoveRows();
    }
    const qsizetype common = qMin(before, after);
    std::copy(fresh.begin(), fresh.begin() + (common - keep), m_rows.begin() + keep);
    if (common > keep) {
        emit dataChanged(index(static_cast<int>(keep)), index(static_cast<int>(common - 1)));
    }
    if (after > before) {
        beginInsertRows({}, static_cast<int>(before), static_cast<int>(after - 1));
        m_rows.insert(m_rows.end(), fresh.begin() + (common - keep), fresh.end());
        endInsertRows();
    }
    measure(keep);
}

void TableRows::measure(qsizetype from)
{
    QList<int> widths(m_widths.size(), 0);
    for (qsizetype row = from; row < static_cast<qsizetype>(m_rows.size()); ++row) {
        const std::vector<QString> cells = cellsOf(row);
        for (size_t i = 0; i < cells.size() && i < m_columns.size(); ++i) {
            int& width = widths[static_cast<qsizetype>(i)];
            width = qMax(width, qMin(kWidestCell, static_cast<int>(inlinePlain(cells[i]).size())));
        }
    }
    first()->widen(widths);
}

void TableRows::widen(const QList<int>& widths)
{
    QList<int> wider = m_widths;
    for (qsizetype i = 0; i < wider.size(); ++i) {
        wider[i] = qMax(wider[i], widths.value(i));
    }
    if (wider != m_widths) {
        m_widths = wider;
        emit widthsChanged();
    }
}

std::vector<QString> TableRows::cellsOf(qsizetype row) const
{
    const Row& place = m_rows[static_cast<size_t>(row)];
    return tableCells(QStringView(m_owner->block(m_row).source).sliced(place.begin, place.end - place.begin));
}

int TableRows::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant TableRows::data(const QModelIndex& index, int role) const
{
    if (!m_owner || !index.isValid() || index.row() >= rowCount()) {
        return {};
    }
    if (role == Header) {
        return index.row() == 0 && !m_headless;
    }
    if (role == Cells) {
        QStringList html;
        for (const QString& cell : cellsOf(index.row())) {
            if (html.size() < columns()) {
                html += inlineHtml(cell);
            }
        }
        while (html.size() < columns()) {
            html += QString();
        }
        return html;
    }
    return {};
}

QHash<int, QByteArray> TableRows::roleNames() const
{
    return {{Cells, "cells"}, {Header, "header"}};
}

MarkdownBlocks::MarkdownBlocks(QObject* parent)
    : QAbstractListModel(parent)
{
}

MarkdownBlocks::~MarkdownBlocks() = default;

void MarkdownBlocks::setText(const QString& text)
{
    beginResetModel();
    drop(0);
    m_parser.clear();
    m_source = text;
    m_parser.append(text);
    m_parser.finish();
    m_parser.clearDirty();
    m_streaming = false;
    for (qsizetype row = 0; row < static_cast<qsizetype>(m_parser.blocks().size()); ++row) {
        m_rows.push_back(makeRow(row));
    }
    endResetModel();
    emit countChanged();
    emit streamingChanged();
}

void MarkdownBlocks::append(QStringView text)
{
    if (!m_streaming) {
        m_streaming = true;
        emit streamingChanged();
    }
    m_source += text;
    m_parser.append(text);
    publish();
}

void MarkdownBlocks::finish()
{
    if (!m_streaming) {
        return;
    }
    m_streaming = false;
    m_parser.finish();
    publish();
    if (!m_rows.empty()) {
        m_rows.back().rendered = false; // its open marks are no longer closed for it
        const QModelIndex last = index(count() - 1);
        emit dataChanged(last, last);
    }
    emit streamingChanged();
}

void MarkdownBlocks::drop(size_t from)
{
    for (size_t i = from; i < m_rows.size(); ++i) {
        // A delegate may still hold them for a moment.
        if (m_rows[i].code) {
            m_rows[i].code->detach();
            m_rows[i].code->deleteLater();
        }
        if (m_rows[i].table) {
            m_rows[i].table->detach();
            m_rows[i].table->deleteLater();
        }
    }
    m_rows.resize(from);
}

MarkdownBlocks::Row MarkdownBlocks::makeRow(qsizetype row)
{
    Row made;
    made.kind = block(row).kind;
    if (isVerbatim(made.kind)) {
        made.code = new CodeText(this, row);
    } else if (made.kind == BlockKind::Table) {
        const bool more = block(row).continuation && row > 0;
        TableRows* above = more ? m_rows[static_cast<size_t>(row - 1)].table : nullptr;
        made.table = new TableRows(this, row, above ? above->first() : nullptr);
    }
    return made;
}

// Tells the views what the parser changed: rows that stay of their kind change in place.
void MarkdownBlocks::publish()
{
    const std::vector<Block>& blocks = m_parser.blocks();
    const size_t first = static_cast<size_t>(m_parser.firstDirty());
    const size_t before = m_rows.size();
    size_t same = qMin(first, before);
    while (same < before && same < blocks.size() && goesOn(m_rows[same], blocks[same])) {
        ++same;
    }
    if (before > same) {
        beginRemoveRows({}, static_cast<int>(same), static_cast<int>(before - 1));
        drop(same);
        endRemoveRows();
    }
    for (size_t i = first; i < same; ++i) {
        m_rows[i].kind = blocks[i].kind;
        m_rows[i].rendered = false;
        if (m_rows[i].code) {
            emit m_rows[i].code->changed(blocks[i].dirtyFrom);
        } else if (m_rows[i].table) {
            m_rows[i].table->update(blocks[i].dirtyFrom);
        }
    }
    if (same > first) {
        emit dataChanged(index(static_cast<int>(first)), index(static_cast<int>(same - 1)));
    }
    if (blocks.size() > same) {
        beginInsertRows({}, static_cast<int>(same), static_cast<int>(blocks.size() - 1));
        for (size_t i = same; i < blocks.size(); ++i) {
            m_rows.push_back(makeRow(static_cast<qsizetype>(i)));
        }
        endInsertRows();
    }
    m_parser.clearDirty();
    if (m_rows.size() != before || same != before) {
        // The block above the new ones is no longer the last: its open marks stay open.
        if (same > 0 && same == qMin(first, before)) {
            m_rows[same - 1].rendered = false;
            const QModelIndex above = index(static_cast<int>(same - 1));
            emit dataChanged(above, above);
        }
        emit countChanged();
    }
}

bool MarkdownBlocks::goesOn(const Row& row, const Block& block)
{
    if (kindName(row.kind) != kindName(block.kind) || isVerbatim(block.kind) != (row.code != nullptr)) {
        return false;
    }
    if (isVerbatim(block.kind)) {
        return row.kind == block.kind && row.code->language() == block.language;
    }
    return !row.table || row.table->columns() == static_cast<int>(block.columns.size());
}

QString MarkdownBlocks::codeAt(int row) const
{
    if (row < 0 || row >= count() || !isVerbatim(block(row).kind)) {
        return {};
    }
    int begin = row;
    while (begin > 0 && block(begin).continuation) {
        --begin;
    }
    QString code = block(begin).source;
    for (int i = begin + 1; i < count() && block(i).continuation; ++i) {
        code += block(i).source;
    }
    return withoutLastBreak(code).toString();
}

QString MarkdownBlocks::plainAt(int row) const
{
    if (row < 0 || row >= count()) {
        return {};
    }
    const Block& part = block(row);
    return part.kind == BlockKind::Paragraph || part.kind == BlockKind::Heading ? inlinePlain(part.source)
                                                                                : part.source;
}

int MarkdownBlocks::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant MarkdownBlocks::data(const QModelIndex& index, int role) const
{
    const size_t row = static_cast<size_t>(index.row());
    if (!index.isValid() || row >= m_rows.size() || row >= m_parser.blocks().size()) {
        return {};
    }
    const Block& part = m_parser.blocks()[row];
    switch (role) {
    case Type:
        return typeName(part.kind);
    case Kind:
        return kindName(part.kind);
    case Html:
        if (part.kind != BlockKind::Paragraph && part.kind != BlockKind::Heading) {
            return QString();
        }
        if (!m_rows[row].rendered) {
            m_inlineWork += part.source.size();
            m_rows[row].html = inlineHtml(part.source, m_streaming && row + 1 == m_rows.size());
            m_rows[row].rendered = true;
        }
        return m_rows[row].html;
    case Level:
        return part.level;
    case Indent:
        return part.indent;
    case Quote:
        return part.quote;
    case QuoteAbove:
        return row > 0 ? qMin(part.quote, m_parser.blocks()[row - 1].quote) : 0;
    case Marker:
        return part.marker;
    case Language:
        return part.language;
    case Code:
        return QVariant::fromValue<QObject*>(m_rows[row].code);
    case Table:
        return QVariant::fromValue<QObject*>(m_rows[row].table);
    case Continuation:
        return part.continuation;
    case Continued:
        return row + 1 < m_parser.blocks().size() && m_parser.blocks()[row + 1].continuation;
    case Last:
        return row + 1 == m_rows.size();
    default:
        return {};
    }
}

QHash<int, QByteArray> MarkdownBlocks::roleNames() const
{
    return {{Type, "type"},
            {Kind, "kind"},
            {Html, "html"},
            {Level, "level"},
            {Indent, "indent"},
            {Quote, "quote"},
            {QuoteAbove, "quoteAbove"},
            {Marker, "marker"},
            {Language, "language"},
            {Code, "code"},
            {Table, "table"},
            {Continuation, "continuation"},
            {Continued, "continued"},
            {Last, "last"}};
}

} // namespace ui
