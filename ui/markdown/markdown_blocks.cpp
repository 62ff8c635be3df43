// SPDX-License-Identifier: MIT
#include "ui/markdown/markdown_blocks.h"

#include "ui/markdown/inline_html.h"

#include <algorithm>

namespace ui {

namespace {

constexpr int kWidestCell = 60;
// A section that comes with more than this at once was not seen from its beginning: its time is unknown.
constexpr qsizetype kSeenFromStart = 256;

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
    case BlockKind::Think:
        return QStringLiteral("think");
    }
    return {};
}

QString kindName(BlockKind kind)
{
    return kind == BlockKind::Heading     ? QStringLiteral("text")
           : kind == BlockKind::Paragraph ? QStringLiteral("text")
           : kind == BlockKind::Math      ? QStringLiteral("formula")
                                          : typeName(kind);
}

// What is thought stands in a quote of its own.
int quotes(const Block& block)
{
    return block.quote + (block.section >= 0 ? 1 : 0);
}

QVariantList quoteIndents(const Block& block)
{
    QVariantList indents;
    if (block.section >= 0) {
        indents.append(0);
    }
    for (const int indent : block.quoteIndents) {
        indents.append(indent);
    }
    return indents;
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
    , m_rightToLeft(first ? first->rightToLeft() : isRightToLeft(owner->block(row).source))
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
            width = qMax(width, qMin(kWidestCell, inlineLetters(cells[i])));
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

void MarkdownBlocks::setText(const QString& text, const std::vector<int>& thoughtSeconds)
{
    beginResetModel();
    drop(0);
    m_shown.clear();
    m_sections.clear();
    m_openSection = -1;
    m_parser.clear();
    m_source = text;
    m_parser.append(text);
    m_parser.finish();
    m_parser.clearDirty();
    m_streaming = false;
    size_t section = 0;
    for (size_t index = 0; index < m_parser.blocks().size() && section < thoughtSeconds.size(); ++index) {
        if (m_parser.blocks()[index].kind == BlockKind::Think) {
            m_sections[index].milliseconds = qint64{1000} * thoughtSeconds[section++];
        }
    }
    for (size_t index = 0; index < m_parser.blocks().size(); ++index) {
        m_rows.push_back(makeRow(static_cast<qsizetype>(index)));
        if (isShown(index)) {
            m_shown.push_back(index);
        }
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
    followSection();
}

void MarkdownBlocks::finish()
{
    if (!m_streaming) {
        return;
    }
    m_streaming = false;
    m_parser.finish();
    publish();
    followSection();
    if (!m_rows.empty()) {
        m_rows.back().rendered = false; // its open marks are no longer closed for it
        changed(m_rows.size() - 1, m_rows.size());
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

MarkdownBlocks::Row MarkdownBlocks::makeRow(qsizetype index)
{
    Row made;
    made.kind = block(index).kind;
    if (isVerbatim(made.kind)) {
        made.code = new CodeText(this, index);
    } else if (made.kind == BlockKind::Table) {
        const bool more = block(index).continuation && index > 0;
        TableRows* above = more ? m_rows[static_cast<size_t>(index - 1)].table : nullptr;
        made.table = new TableRows(this, index, above ? above->first() : nullptr);
    }
    return made;
}

bool MarkdownBlocks::isShown(size_t index) const
{
    const std::vector<Block>& blocks = m_parser.blocks();
    const Block& part = blocks[index];
    const qsizetype number = static_cast<qsizetype>(index);
    if (part.kind == BlockKind::Think) {
        const bool empty = index + 1 == blocks.size() || blocks[index + 1].section != number;
        return !empty || m_parser.openSection() == number;
    }
    if (part.section < 0) {
        return true;
    }
    const auto section = m_sections.find(static_cast<size_t>(part.section));
    const bool open = m_parser.openSection() == part.section;
    return section == m_sections.end() ? open : !section->second.folded;
}

// The block behind the last one of a section.
size_t MarkdownBlocks::sectionEnd(size_t think) const
{
    const std::vector<Block>& blocks = m_parser.blocks();
    size_t end = think + 1;
    while (end < blocks.size() && blocks[end].section == static_cast<qsizetype>(think)) {
        ++end;
    }
    return end;
}

// The row of a block, or of the next one that has a row.
size_t MarkdownBlocks::firstRow(size_t index) const
{
    return static_cast<size_t>(std::lower_bound(m_shown.begin(), m_shown.end(), index) - m_shown.begin());
}

// Brings the rows of the blocks begin..end-1 in line with isShown(), which has one answer for all of them.
void MarkdownBlocks::show(size_t begin, size_t end)
{
    const size_t row = firstRow(begin);
    const size_t behind = firstRow(end);
    if (begin == end || isShown(begin) == (behind > row)) {
        return;
    }
    const auto at = m_shown.begin() + static_cast<std::ptrdiff_t>(row);
    if (behind > row) {
        beginRemoveRows({}, static_cast<int>(row), static_cast<int>(behind - 1));
        m_shown.erase(at, m_shown.begin() + static_cast<std::ptrdiff_t>(behind));
        endRemoveRows();
    } else {
        std::vector<size_t> fresh;
        for (size_t index = begin; index < end; ++index) {
            fresh.push_back(index);
        }
        beginInsertRows({}, static_cast<int>(row), static_cast<int>(row + fresh.size() - 1));
        m_shown.insert(at, fresh.begin(), fresh.end());
        endInsertRows();
    }
    emit countChanged();
}

void MarkdownBlocks::changed(size_t begin, size_t end)
{
    const size_t row = firstRow(begin);
    const size_t behind = firstRow(end);
    if (behind > row) {
        emit dataChanged(index(static_cast<int>(row)), index(static_cast<int>(behind - 1)));
    }
}

// A section that begins is shown; one that ends is folded and knows its time.
void MarkdownBlocks::followSection()
{
    const qsizetype open = m_parser.openSection();
    if (open == m_openSection) {
        return;
    }
    const qsizetype ended = m_openSection;
    m_openSection = open;
    if (ended >= 0) {
        const size_t think = static_cast<size_t>(ended);
        Section& section = m_sections[think];
        section.milliseconds = section.measured ? section.begun.elapsed() : -1;
        section.folded = section.folded || !section.chosen;
        if (think < m_rows.size()) {
            show(think + 1, sectionEnd(think));
            show(think, think + 1);
            changed(think, think + 1);
        }
    }
    if (open >= 0) {
        Section& section = m_sections[static_cast<size_t>(open)];
        if (!section.begun.isValid()) {
            section.begun.start();
            section.folded = false;
            section.measured =
                m_source.size() - m_source.lastIndexOf(QLatin1String("<think>")) < kSeenFromStart;
        }
        changed(static_cast<size_t>(open), static_cast<size_t>(open) + 1);
    }
}

void MarkdownBlocks::setFolded(int row, bool folded)
{
    if (row < 0 || row >= count() || m_rows[m_shown[static_cast<size_t>(row)]].kind != BlockKind::Think) {
        return;
    }
    const size_t think = m_shown[static_cast<size_t>(row)];
    Section& section = m_sections[think];
    section.folded = folded;
    section.chosen = true;
    show(think + 1, sectionEnd(think));
    changed(think, think + 1);
}

// Tells the views what the parser changed: rows that stay of their kind change in place.
void MarkdownBlocks::publish()
{
    const std::vector<Block>& blocks = m_parser.blocks();
    const size_t first = static_cast<size_t>(m_parser.firstDirty());
    const size_t before = m_rows.size();
    const size_t shownBefore = m_shown.size();
    size_t same = qMin(first, before);
    while (same < before && same < blocks.size() && goesOn(m_rows[same], blocks[same])) {
        ++same;
    }
    if (before > same) {
        const size_t row = firstRow(same);
        if (row < m_shown.size()) {
            beginRemoveRows({}, static_cast<int>(row), static_cast<int>(m_shown.size() - 1));
            drop(same);
            m_shown.resize(row);
            endRemoveRows();
        } else {
            drop(same);
        }
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
        changed(first, same);
    }
    if (blocks.size() > same) {
        std::vector<size_t> fresh;
        for (size_t i = same; i < blocks.size(); ++i) {
            if (isShown(i)) {
                fresh.push_back(i);
            }
        }
        const int row = static_cast<int>(m_shown.size());
        if (!fresh.empty()) {
            beginInsertRows({}, row, row + static_cast<int>(fresh.size()) - 1);
        }
        for (size_t i = same; i < blocks.size(); ++i) {
            m_rows.push_back(makeRow(static_cast<qsizetype>(i)));
        }
        m_shown.insert(m_shown.end(), fresh.begin(), fresh.end());
        if (!fresh.empty()) {
            endInsertRows();
        }
    }
    m_parser.clearDirty();
    if (m_rows.size() != before || same != before) {
        // The block above the new ones is no longer the last: its open marks stay open.
        if (same > 0) {
            m_rows[same - 1].rendered = false;
            changed(same - 1, same);
        }
    }
    if (m_shown.size() != shownBefore || same != before) {
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

// The block that a piece goes on with.
size_t MarkdownBlocks::firstPiece(size_t index) const
{
    while (index > 0 && m_parser.blocks()[index].continuation) {
        --index;
    }
    return index;
}

void MarkdownBlocks::setWrapped(int row, bool wrapped)
{
    if (row < 0 || row >= count() || !m_rows[m_shown[static_cast<size_t>(row)]].code) {
        return;
    }
    const std::vector<Block>& blocks = m_parser.blocks();
    const size_t begin = firstPiece(m_shown[static_cast<size_t>(row)]);
    size_t end = begin + 1;
    while (end < blocks.size() && blocks[end].continuation) {
        ++end;
    }
    m_rows[begin].wrapped = wrapped;
    changed(begin, end);
}

QString MarkdownBlocks::codeAt(int row) const
{
    if (row < 0 || row >= count() || !m_rows[m_shown[static_cast<size_t>(row)]].code) {
        return {};
    }
    const std::vector<Block>& blocks = m_parser.blocks();
    const size_t begin = firstPiece(m_shown[static_cast<size_t>(row)]);
    QString code = blocks[begin].source;
    for (size_t i = begin + 1; i < blocks.size() && blocks[i].continuation; ++i) {
        code += blocks[i].source;
    }
    return withoutLastBreak(code).toString();
}

QString MarkdownBlocks::markdownAt(int row) const
{
    if (row < 0 || row >= count()) {
        return {};
    }
    const Block& part = m_parser.blocks()[m_shown[static_cast<size_t>(row)]];
    QString text = withoutLastBreak(part.source).toString();
    switch (part.kind) {
    case BlockKind::Heading:
        text.prepend(QString(part.level, u'#') + u' ');
        break;
    case BlockKind::Code:
        text = QStringLiteral("```%1\n%2\n```").arg(part.language, text);
        break;
    case BlockKind::Table:
        if (!part.continuation) {
            QString rule;
            for (const ColumnAlignment alignment : part.columns) {
                rule += alignment == ColumnAlignment::Center  ? QStringLiteral("|:-:")
                        : alignment == ColumnAlignment::Right ? QStringLiteral("|--:")
                                                              : QStringLiteral("|---");
            }
            const qsizetype head = text.indexOf(u'\n');
            text.insert(head < 0 ? text.size() : head, u'\n' + rule + u'|');
        }
        break;
    case BlockKind::Rule:
        text = QStringLiteral("---");
        break;
    default:
        break;
    }
    const QString marker = part.marker == u"•"     ? QStringLiteral("- ")
                           : part.marker == u"☐"   ? QStringLiteral("- [ ] ")
                           : part.marker == u"☑"   ? QStringLiteral("- [x] ")
                           : part.marker.isEmpty() ? QString()
                                                   : part.marker + u' ';
    const QString quote = QStringLiteral("> ").repeated(part.quote);
    const QString above(4 * std::max(0, part.indent - (marker.isEmpty() ? 0 : 1)), u' ');
    text.replace(u'\n', u'\n' + quote + QString(4 * part.indent, u' '));
    return quote + above + marker + text;
}

QString MarkdownBlocks::plainAt(int row) const
{
    if (row < 0 || row >= count()) {
        return {};
    }
    const Block& part = m_parser.blocks()[m_shown[static_cast<size_t>(row)]];
    return part.kind == BlockKind::Paragraph || part.kind == BlockKind::Heading ? inlinePlain(part.source)
                                                                                : part.source;
}

int MarkdownBlocks::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant MarkdownBlocks::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count()) {
        return {};
    }
    const std::vector<Block>& blocks = m_parser.blocks();
    const size_t at = m_shown[static_cast<size_t>(index.row())];
    if (at >= blocks.size() || at >= m_rows.size()) {
        return {};
    }
    const Block& part = blocks[at];
    const Row& row = m_rows[at];
    switch (role) {
    case Type:
        return typeName(part.kind);
    case Kind:
        return kindName(part.kind);
    case Html:
        if (part.kind != BlockKind::Paragraph && part.kind != BlockKind::Heading) {
            return QString();
        }
        if (!row.rendered) {
            m_inlineWork += part.source.size();
            row.html = inlineHtml(part.source, m_streaming && at + 1 == m_rows.size());
            row.rendered = true;
        }
        return row.html;
    case Level:
        return part.level;
    case Indent:
        return part.indent;
    case Quote:
        return quotes(part);
    case QuoteAbove:
        return at > 0 ? qMin(quotes(part), quotes(blocks[at - 1])) : 0;
    case QuoteIndents:
        return quoteIndents(part);
    case Marker:
        return part.marker;
    case Language:
        return part.language;
    case Code:
        return QVariant::fromValue<QObject*>(row.code);
    case Table:
        return QVariant::fromValue<QObject*>(row.table);
    case Continuation:
        return part.continuation;
    case Continued:
        return at + 1 < blocks.size() && blocks[at + 1].continuation;
    case Last:
        return index.row() + 1 == count();
    case Tex:
        return part.kind == BlockKind::Math && part.closed ? formulaTex(part.source) : QString();
    case Thought:
        return part.section >= 0;
    case Thinking:
        return part.kind == BlockKind::Think && m_openSection == static_cast<qsizetype>(at);
    case Folded:
    case Seconds: {
        const auto section = m_sections.find(at);
        const bool known = part.kind == BlockKind::Think && section != m_sections.end();
        if (role == Folded) {
            return part.kind == BlockKind::Think && (!known || section->second.folded);
        }
        return known && section->second.milliseconds >= 0
                   ? static_cast<int>((section->second.milliseconds + 500) / 1000)
                   : -1;
    }
    case Wrapped:
        return row.code && m_rows[firstPiece(at)].wrapped;
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
            {QuoteIndents, "quoteIndents"},
            {Marker, "marker"},
            {Language, "language"},
            {Code, "code"},
            {Table, "table"},
            {Continuation, "continuation"},
            {Continued, "continued"},
            {Last, "last"},
            {Tex, "tex"},
            {Thought, "thought"},
            {Thinking, "thinking"},
            {Folded, "folded"},
            {Seconds, "seconds"},
            {Wrapped, "wrapped"}};
}

} // namespace ui
