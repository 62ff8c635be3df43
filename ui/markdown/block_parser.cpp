// SPDX-License-Identifier: MIT
#include "ui/markdown/block_parser.h"

#include <algorithm>

namespace ui {

namespace {

// Bounds that keep each step small whatever the text is. A line is read in parts of at most kPart letters, a
// paragraph is cut after kParagraph (its inline markup is rendered anew for each token), code and tables are
// cut into pieces that a view lays out one by one.
constexpr qsizetype kPart = 2000;
constexpr qsizetype kParagraph = 4000;
constexpr qsizetype kPieceLetters = 16000;
constexpr int kCodeLines = 300;
constexpr int kTableRows = 40;
constexpr size_t kColumns = 64;
constexpr size_t kDepth = 12;
constexpr qsizetype kHeldBack = 200;

constexpr QStringView kSectionStart = u"<think>";
constexpr QStringView kSectionEnd = u"</think>";

bool isBlank(QChar c)
{
    return c == u' ' || c == u'\t';
}

bool isDigit(QChar c)
{
    return c >= u'0' && c <= u'9';
}

qsizetype skipBlanks(QStringView text, qsizetype position)
{
    while (position < text.size() && isBlank(text[position])) {
        ++position;
    }
    return position;
}

int columnsAt(QStringView text, qsizetype position)
{
    int columns = 0;
    for (; position < text.size() && isBlank(text[position]); ++position) {
        columns = text[position] == u'\t' ? (columns / 4 + 1) * 4 : columns + 1;
    }
    return columns;
}

// The position after at most this many columns of white space.
qsizetype skipColumns(QStringView text, qsizetype position, int columns)
{
    for (int column = 0; column < columns && position < text.size() && isBlank(text[position]); ++position) {
        column = text[position] == u'\t' ? (column / 4 + 1) * 4 : column + 1;
    }
    return position;
}

qsizetype runLength(QStringView text, QChar c)
{
    qsizetype length = 0;
    while (length < text.size() && text[length] == c) {
        ++length;
    }
    return length;
}

// Only this mark and blanks, at least `least` of it.
bool isMarkLine(QStringView text, QChar mark, int least)
{
    int count = 0;
    for (const QChar c : text) {
        if (c == mark) {
            ++count;
        } else if (!isBlank(c)) {
            return false;
        }
    }
    return count >= least;
}

// The columns of a table's delimiter row such as "| :-- | --: |"; empty if it is none.
std::vector<ColumnAlignment> delimiterRow(QStringView text)
{
    for (const QChar c : text) {
        if (c != u'|' && c != u'-' && c != u':' && !isBlank(c)) {
            return {};
        }
    }
    std::vector<ColumnAlignment> columns;
    for (const QString& cell : tableCells(text)) {
        const bool left = cell.startsWith(u':');
        const bool right = cell.size() > 1 && cell.endsWith(u':');
        const QStringView dashes = QStringView(cell).sliced(left ? 1 : 0).chopped(right ? 1 : 0);
        if (dashes.isEmpty() || runLength(dashes, u'-') != dashes.size() || columns.size() == kColumns) {
            return {};
        }
        columns.push_back(left && right ? ColumnAlignment::Center
                          : right       ? ColumnAlignment::Right
                                        : ColumnAlignment::Left);
    }
    if (columns.size() == 1 && !text.contains(u'|')) {
        return {};
    }
    return columns;
}

// Where a line longer than kPart is cut: behind a blank if there is one, never inside a surrogate pair nor
// inside the end of a section.
qsizetype partLength(QStringView text)
{
    for (qsizetype at = kPart; at > kPart / 2; --at) {
        if (isBlank(text[at - 1])) {
            return at;
        }
    }
    const qsizetype tag = text.first(kPart).lastIndexOf(u'<');
    if (tag > kPart - kSectionEnd.size()) {
        return tag;
    }
    return text[kPart - 1].isHighSurrogate() ? kPart - 1 : kPart;
}

bool isPunctuation(QStringView text)
{
    static constexpr QStringView marks = u".,;:!?。，；：！？、";
    return std::all_of(text.begin(), text.end(), [](QChar c) { return marks.contains(c); });
}

// Where the end of a formula begins, at or behind a position; a backslash that is escaped ends none.
qsizetype mathEndAt(QStringView text, QStringView end, qsizetype from)
{
    qsizetype backslashes = 0;
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (i >= from && backslashes % 2 == 0 && text.sliced(i).startsWith(end)) {
            return i;
        }
        backslashes = text[i] == u'\\' ? backslashes + 1 : 0;
    }
    return -1;
}

} // namespace

std::vector<QString> tableCells(QStringView row)
{
    row = row.trimmed();
    if (row.startsWith(u'|')) {
        row = row.sliced(1);
    }
    std::vector<QString> cells;
    QString cell;
    bool open = true;
    for (qsizetype i = 0; i < row.size(); ++i) {
        open = true;
        if (row[i] == u'\\' && i + 1 < row.size() && row[i + 1] == u'|') {
            cell += u'|';
            ++i;
        } else if (row[i] == u'|') {
            cells.push_back(cell.trimmed());
            cell.clear();
            open = false;
        } else {
            cell += row[i];
        }
    }
    if (open) {
        cells.push_back(cell.trimmed());
    }
    return cells;
}

QString formulaTex(QStringView source)
{
    source = source.trimmed();
    for (const auto& [begin, end] : {std::pair(u"\\(", u"\\)"), std::pair(u"\\[", u"\\]"),
                                     std::pair(u"$$", u"$$"), std::pair(u"$", u"$")}) {
        const QStringView opening(begin);
        const QStringView closing(end);
        if (!source.startsWith(opening)) {
            continue;
        }
        const qsizetype at = source.lastIndexOf(closing);
        const QStringView behind = at < 0 ? source : source.sliced(at + closing.size()).trimmed();
        if (at < opening.size() || !isPunctuation(behind)) {
            return {};
        }
        QString tex = source.first(at).sliced(opening.size()).trimmed().toString();
        if (!behind.isEmpty() && !tex.isEmpty()) {
            tex += QStringLiteral("\n\\text{%1}").arg(behind);
        }
        return tex;
    }
    return {};
}

int BlockParser::Line::indent() const
{
    return columnsAt(text, position);
}

qsizetype BlockParser::Line::content() const
{
    return skipBlanks(text, position);
}

void BlockParser::append(QStringView text)
{
    takeBackPending();
    while (!text.isEmpty()) {
        const qsizetype end = text.indexOf(u'\n');
        m_pending += end < 0 ? text : text.first(end);
        readPending(end >= 0);
        text = end < 0 ? QStringView() : text.sliced(end + 1);
    }
    showPending();
}

void BlockParser::finish()
{
    takeBackPending();
    if (!m_pending.isEmpty()) {
        readPending(true);
    }
    closeLeafAndContainers(0);
    m_state.section = -1;
}

void BlockParser::clear()
{
    *this = BlockParser();
}

void BlockParser::clearDirty()
{
    for (size_t i = static_cast<size_t>(m_firstDirty); i < m_blocks.size(); ++i) {
        m_blocks[i].dirtyFrom = m_blocks[i].source.size();
    }
    m_firstDirty = static_cast<qsizetype>(m_blocks.size());
}

void BlockParser::readPending(bool complete)
{
    qsizetype position = 0;
    while (m_pending.size() - position > kPart) {
        const QStringView left = QStringView(m_pending).sliced(position);
        const qsizetype length = partLength(left);
        feed(left.first(length), false);
        position += length;
    }
    if (complete) {
        QStringView left = QStringView(m_pending).sliced(position);
        if (left.endsWith(u'\r')) {
            left.chop(1);
        }
        feed(left, true);
        m_pending.clear();
    } else {
        m_pending.remove(0, position);
    }
}

void BlockParser::showPending()
{
    if (m_pending.isEmpty() || heldBack(m_pending)) {
        return;
    }
    m_undo.state = m_state;
    m_undo.blocks = m_blocks.size();
    m_undo.sourceLength = m_blocks.empty() ? 0 : m_blocks.back().source.size();
    m_tentative = true;
    feed(m_pending, false);
}

void BlockParser::takeBackPending()
{
    if (!m_tentative) {
        return;
    }
    m_tentative = false;
    m_state = m_undo.state;
    if (m_blocks.size() > m_undo.blocks) {
        m_blocks.resize(m_undo.blocks);
        m_firstDirty = std::min(m_firstDirty, static_cast<qsizetype>(m_undo.blocks));
    }
    if (!m_blocks.empty() && m_blocks.back().source.size() > m_undo.sourceLength) {
        m_blocks.back().source.truncate(m_undo.sourceLength);
        touch(m_blocks.size() - 1, m_undo.sourceLength);
    }
}

// The beginning of a line that may still become a fence, a rule, an underline or a marker is not shown yet,
// so that nothing flashes up as what it is not.
bool BlockParser::heldBack(QStringView text) const
{
    if (m_state.midLine || text.size() > kHeldBack) {
        return false;
    }
    const bool code = m_state.leaf == Leaf::Fence;
    const QStringView tag = m_state.section >= 0 ? kSectionEnd : code ? QStringView() : kSectionStart;
    const QStringView begun = text.trimmed();
    if (!begun.isEmpty() && begun.size() < tag.size() && tag.startsWith(begun)) {
        return true;
    }
    static constexpr QStringView structure = u"-=*_#>`~+|:.$\\[]() \t\r0123456789";
    if (code && m_state.containers.empty()) {
        return begun.startsWith(m_state.fence) && runLength(begun, m_state.fence) == begun.size();
    }
    return std::all_of(text.begin(), text.end(), [](QChar c) { return structure.contains(c); });
}

void BlockParser::feed(QStringView text, bool ends)
{
    m_work += text.size();
    read(text, ends);
}

// A line or part of one, in which sections begin and end.
void BlockParser::read(QStringView text, bool ends)
{
    const qsizetype end = sectionEnd(text);
    if (end >= 0) {
        const QStringView before = text.first(end);
        if (!before.trimmed().isEmpty()) {
            // What is read tentatively must not change the blocks above: to them the line has not ended.
            const bool final = !m_tentative;
            m_state.midLine ? continueLine(before, final) : line(before, final);
        }
        closeLeafAndContainers(0);
        m_state.section = -1;
        text = text.sliced(end + kSectionEnd.size());
        m_state.midLine = false;
        if (text.trimmed().isEmpty()) {
            return;
        }
    }
    if (m_state.midLine) {
        continueLine(text, ends);
    } else {
        m_state.ignoreRest = false;
        if (startSection(text, ends)) {
            return;
        }
        line(text, ends);
    }
    m_state.midLine = !ends;
}

// A section begins with the answer, or with the tag alone on its line: whoever writes about the tag in a
// sentence means no section.
bool BlockParser::startSection(QStringView text, bool ends)
{
    const QStringView content = text.trimmed();
    if (m_state.section >= 0 || m_state.leaf == Leaf::Fence || !content.startsWith(kSectionStart) ||
        columnsAt(text, 0) > 3 || (content.size() > kSectionStart.size() && !m_blocks.empty())) {
        return false;
    }
    closeLeafAndContainers(0);
    push(BlockKind::Think);
    m_state.section = static_cast<qsizetype>(m_blocks.size()) - 1;
    const QStringView rest = text.sliced(skipBlanks(text, 0) + kSectionStart.size());
    if (!rest.trimmed().isEmpty()) {
        read(rest, ends);
    }
    return true;
}

// Where the end of the open section begins in a line; -1 if it goes on. Code that was left open ends with its
// section, but only at the beginning of a line.
qsizetype BlockParser::sectionEnd(QStringView text) const
{
    if (m_state.section < 0) {
        return -1;
    }
    if (m_state.leaf == Leaf::Fence) {
        const qsizetype begin = skipBlanks(text, 0);
        return !m_state.midLine && text.sliced(begin).startsWith(kSectionEnd) ? begin : -1;
    }
    qsizetype at = text.indexOf(kSectionEnd);
    while (at > 0 && text[at - 1] == u'`') {
        at = text.indexOf(kSectionEnd, at + 1);
    }
    return at;
}

void BlockParser::line(QStringView text, bool ends)
{
    Line line;
    line.text = text;
    line.ends = ends;
    matchContainers(line);
    if (continueVerbatim(line)) {
        return;
    }
    if (m_state.leaf == Leaf::Fence || m_state.leaf == Leaf::Math) {
        closeLeafAndContainers(line.matched); // its container ended
    }
    while (startQuote(line) || startItem(line)) {
    }
    if (startLeaf(line)) {
        return;
    }
    const bool blank = line.rest().isEmpty();
    const bool lazy = !blank && !line.opened && m_state.leaf == Leaf::Paragraph;
    if (line.matched < m_state.containers.size() && !lazy) {
        closeLeafAndContainers(line.matched);
    }
    if (blank) {
        m_state.leaf = Leaf::None;
        return;
    }
    if (m_state.leaf == Leaf::Table) {
        appendRow(line.rest(), ends);
        return;
    }
    if (m_state.leaf != Leaf::Paragraph) {
        push(BlockKind::Paragraph);
        m_state.leaf = Leaf::Paragraph;
    }
    appendParagraph(line.rest(), true);
}

void BlockParser::continueLine(QStringView text, bool ends)
{
    switch (m_state.leaf) {
    case Leaf::Fence:
        if (!m_state.ignoreRest) {
            appendVerbatim(text, ends);
        }
        break;
    case Leaf::Math:
        appendMath(text, 0, ends);
        break;
    case Leaf::Table:
        appendRow(text, ends);
        break;
    case Leaf::Paragraph:
        appendParagraph(text, false);
        break;
    case Leaf::None:
        if (!m_blocks.empty() && m_blocks.back().kind == BlockKind::Heading) {
            m_state.leaf = Leaf::Paragraph; // a heading this long is one in name only
            push(BlockKind::Paragraph).continuation = true;
            appendParagraph(text, false);
        }
        break;
    }
}

void BlockParser::matchContainers(Line& line) const
{
    for (const Container& container : m_state.containers) {
        const qsizetype content = line.content();
        if (container.item) {
            if (content == line.text.size()) {
                line.position = skipColumns(line.text, line.position, container.contentIndent);
            } else if (line.indent() >= container.contentIndent) {
                line.position = skipColumns(line.text, line.position, container.contentIndent);
            } else {
                return;
            }
        } else {
            if (line.indent() > 3 || content == line.text.size() || line.text[content] != u'>') {
                return;
            }
            line.position = skipColumns(line.text, content + 1, 1);
        }
        ++line.matched;
    }
}

// Inside code and formulas a line is taken as it is, unless it ends them.
bool BlockParser::continueVerbatim(const Line& line)
{
    if (line.matched < m_state.containers.size()) {
        return false;
    }
    const QStringView rest = line.rest();
    if (m_state.leaf == Leaf::Fence) {
        const qsizetype run = runLength(rest, m_state.fence);
        if (line.ends && line.indent() < 4 && run >= m_state.fenceLength &&
            rest.sliced(run).trimmed().isEmpty()) {
            m_state.leaf = Leaf::None;
            return true;
        }
        const qsizetype from = skipColumns(line.text, line.position, m_state.fenceIndent);
        appendVerbatim(line.text.sliced(from), line.ends);
        return true;
    }
    if (m_state.leaf == Leaf::Math) {
        if (rest.trimmed().isEmpty()) {
            m_state.leaf = Leaf::None; // a formula has no blank line: it was not closed
            return true;
        }
        appendMath(rest, 0, line.ends);
        return true;
    }
    return false;
}

bool BlockParser::inParagraph(const Line& line) const
{
    return m_state.leaf == Leaf::Paragraph && !line.opened && line.matched == m_state.containers.size();
}

bool BlockParser::startQuote(Line& line)
{
    const QStringView rest = line.rest();
    if (!rest.startsWith(u'>') || line.indent() > 3 || line.matched >= kDepth) {
        return false;
    }
    closeLeafAndContainers(line.matched);
    m_state.containers.push_back({});
    line.position = skipColumns(line.text, line.content() + 1, 1);
    line.matched = m_state.containers.size();
    line.opened = true;
    return true;
}

bool BlockParser::startItem(Line& line)
{
    const QStringView rest = line.rest();
    const int indent = line.indent();
    const bool inList = !m_state.containers.empty() && m_state.containers.back().item;
    if (rest.isEmpty() || (indent > 3 && !inList) || line.matched >= kDepth) {
        return false;
    }
    Container item;
    item.item = true;
    qsizetype width = 1;
    if (rest[0] == u'-' || rest[0] == u'*' || rest[0] == u'+') {
        if (isMarkLine(rest, rest[0], 3) && rest[0] != u'+') {
            return false; // a rule
        }
        item.delimiter = rest[0];
        item.marker = QStringLiteral("•");
    } else {
        qsizetype digits = 0;
        while (digits < rest.size() && digits < 9 && isDigit(rest[digits])) {
            item.ordinal = item.ordinal * 10 + rest[digits].digitValue();
            ++digits;
        }
        if (digits == 0 || digits == rest.size() || (rest[digits] != u'.' && rest[digits] != u')')) {
            return false;
        }
        item.delimiter = rest[digits];
        width = digits + 1;
    }
    if (width < rest.size() && !isBlank(rest[width])) {
        return false;
    }
    const bool empty = skipBlanks(rest, width) == rest.size();
    const bool ordered = item.marker.isEmpty();
    if (inParagraph(line)) {
        if ((ordered && item.ordinal != 1) || empty) {
            return false; // would tear a sentence such as "in\n1984. Then" apart
        }
        if (indent > 3) {
            return false;
        }
    }
    if (ordered) {
        if (line.matched < m_state.containers.size()) {
            const Container& sibling = m_state.containers[line.matched];
            if (sibling.item && sibling.delimiter == item.delimiter && sibling.ordinal < 999999999) {
                item.ordinal = sibling.ordinal + 1;
            }
        }
        item.marker = QString::number(item.ordinal) + item.delimiter;
    }
    const int blanks = columnsAt(rest, width);
    const int taken = empty || blanks > 4 ? 1 : blanks;
    item.contentIndent = indent + static_cast<int>(width) + taken;

    closeLeafAndContainers(line.matched);
    line.position = skipColumns(line.text, line.content() + width, taken);
    const QStringView text = line.text.sliced(line.position);
    if (text.size() >= 4 && text[0] == u'[' && text[2] == u']' && isBlank(text[3])) {
        if (text[1] == u' ' || text[1] == u'x' || text[1] == u'X') {
            item.marker = text[1] == u' ' ? QStringLiteral("☐") : QStringLiteral("☑");
            line.position += 4;
        }
    }
    m_state.containers.push_back(item);
    line.matched = m_state.containers.size();
    line.opened = true;
    return true;
}

bool BlockParser::startLeaf(Line& line)
{
    if (line.rest().isEmpty() || line.indent() > 3) {
        return false;
    }
    return startHeading(line) || startFence(line) || startMath(line) || endSetextHeading(line) ||
           startTable(line) || startRule(line);
}

bool BlockParser::startHeading(const Line& line)
{
    QStringView rest = line.rest();
    const qsizetype level = runLength(rest, u'#');
    if (level < 1 || level > 6 || (level < rest.size() && !isBlank(rest[level]))) {
        return false;
    }
    rest = rest.sliced(level).trimmed();
    // A closing run of '#' is not part of the title.
    qsizetype end = rest.size();
    while (end > 0 && rest[end - 1] == u'#') {
        --end;
    }
    if (end == 0 || isBlank(rest[end - 1])) {
        rest = rest.first(end).trimmed();
    }
    closeLeafAndContainers(line.matched);
    push(BlockKind::Heading).level = static_cast<int>(level);
    appendSource(rest);
    return true;
}

bool BlockParser::startFence(const Line& line)
{
    const QStringView rest = line.rest();
    const QChar mark = rest[0];
    const qsizetype run = runLength(rest, mark);
    if ((mark != u'`' && mark != u'~') || run < 3 || (mark == u'`' && rest.sliced(run).contains(u'`'))) {
        return false;
    }
    closeLeafAndContainers(line.matched);
    m_state.leaf = Leaf::Fence;
    m_state.fence = mark;
    m_state.fenceLength = static_cast<int>(std::min<qsizetype>(run, kPart));
    m_state.fenceIndent = line.indent();
    m_state.pieceLines = 0;
    m_state.ignoreRest = true;
    const QStringView info = rest.sliced(run).trimmed();
    qsizetype end = 0;
    while (end < info.size() && end < 40 && !info[end].isSpace() && info[end] != u'{' && info[end] != u',') {
        ++end;
    }
    push(BlockKind::Code).language = info.first(end).toString().toLower();
    return true;
}

bool BlockParser::startMath(const Line& line)
{
    const QStringView rest = line.rest().trimmed();
    const bool dollars = rest.startsWith(u"$$");
    if (!dollars && !rest.startsWith(u"\\[")) {
        return false;
    }
    const QStringView end = dollars ? QStringView(u"$$") : QStringView(u"\\]");
    const qsizetype close = mathEndAt(rest, end, 2);
    if (close >= 0 && !isPunctuation(rest.sliced(close + 2).trimmed())) {
        return false; // a formula in the middle of a sentence
    }
    closeLeafAndContainers(line.matched);
    push(BlockKind::Math);
    m_state.leaf = Leaf::Math;
    m_state.mathEnd = end.toString();
    m_state.pieceLines = 0;
    appendMath(rest, 2, line.ends);
    return true;
}

// A line of a formula, which may end it at or behind a position; words behind its end are a paragraph.
void BlockParser::appendMath(QStringView text, qsizetype from, bool ends)
{
    const qsizetype close = ends ? mathEndAt(text, m_state.mathEnd, from) : -1;
    if (close < 0) {
        appendVerbatim(text, ends);
        return;
    }
    const QStringView behind = text.sliced(close + 2).trimmed();
    const bool words = !isPunctuation(behind);
    appendVerbatim(words ? text.first(close + 2) : text, true);
    m_blocks.back().closed = !m_blocks.back().continuation;
    m_state.leaf = Leaf::None;
    if (words) {
        push(BlockKind::Paragraph);
        m_state.leaf = Leaf::Paragraph;
        appendParagraph(behind, true);
    }
}

bool BlockParser::startRule(const Line& line)
{
    const QStringView rest = line.rest();
    const QChar mark = rest[0];
    if (!line.ends || (mark != u'-' && mark != u'*' && mark != u'_') || !isMarkLine(rest, mark, 3)) {
        return false;
    }
    closeLeafAndContainers(line.matched);
    push(BlockKind::Rule);
    return true;
}

bool BlockParser::endSetextHeading(const Line& line)
{
    const QStringView rest = line.rest().trimmed();
    if (!line.ends || !inParagraph(line) || (rest[0] != u'=' && rest[0] != u'-') ||
        runLength(rest, rest[0]) != rest.size()) {
        return false;
    }
    Block& block = m_blocks.back();
    block.kind = BlockKind::Heading;
    block.level = rest[0] == u'=' ? 1 : 2;
    touch(m_blocks.size() - 1, 0);
    m_state.leaf = Leaf::None;
    return true;
}

bool BlockParser::startTable(const Line& line)
{
    if (!line.ends || !inParagraph(line)) {
        return false;
    }
    const std::vector<ColumnAlignment> columns = delimiterRow(line.rest().trimmed());
    if (columns.empty()) {
        return false;
    }
    const QString& paragraph = m_blocks.back().source;
    const qsizetype lastLine = paragraph.lastIndexOf(u'\n') + 1;
    const QString head = paragraph.sliced(lastLine);
    if (tableCells(head).size() != columns.size()) {
        return false;
    }
    if (lastLine == 0) {
        m_blocks.back().kind = BlockKind::Table;
        m_blocks.back().source.clear();
        touch(m_blocks.size() - 1, 0);
    } else {
        m_blocks.back().source.truncate(lastLine - 1);
        touch(m_blocks.size() - 1, lastLine - 1);
        push(BlockKind::Table);
    }
    m_blocks.back().columns = columns;
    m_blocks.back().continuation = false;
    m_state.leaf = Leaf::Table;
    m_state.pieceLines = 0;
    appendRow(head, true);
    return true;
}

// Ends the open leaf and all containers behind the remaining ones. A list item without content is shown as
// its marker.
void BlockParser::closeLeafAndContainers(size_t remaining)
{
    m_state.leaf = Leaf::None;
    if (remaining >= m_state.containers.size()) {
        return;
    }
    const Container& last = m_state.containers.back();
    if (last.item && !last.started) {
        push(BlockKind::Paragraph);
    }
    m_state.containers.resize(remaining);
}

Block& BlockParser::push(BlockKind kind)
{
    Block block;
    block.kind = kind;
    block.section = m_state.section;
    for (Container& container : m_state.containers) {
        if (!container.item) {
            ++block.quote;
            block.quoteIndents.push_back(block.indent);
            continue;
        }
        ++block.indent;
        if (!container.started) {
            container.started = true;
            block.marker += (block.marker.isEmpty() ? QString() : QStringLiteral(" ")) + container.marker;
        }
    }
    m_blocks.push_back(std::move(block));
    m_firstDirty = std::min(m_firstDirty, static_cast<qsizetype>(m_blocks.size()) - 1);
    return m_blocks.back();
}

// Goes on in a new block of the same sort once the current one is full.
void BlockParser::continuePiece(bool full)
{
    if (!full) {
        return;
    }
    const BlockKind kind = m_blocks.back().kind;
    const QString language = m_blocks.back().language;
    const std::vector<ColumnAlignment> columns = m_blocks.back().columns;
    Block& next = push(kind);
    next.language = language;
    next.columns = columns;
    next.continuation = true;
    m_state.pieceLines = 0;
}

void BlockParser::appendVerbatim(QStringView text, bool ends)
{
    continuePiece(m_state.pieceLines >= kCodeLines || m_blocks.back().source.size() >= kPieceLetters);
    appendSource(text);
    if (ends) {
        appendSource(u"\n");
        ++m_state.pieceLines;
    }
}

void BlockParser::appendRow(QStringView text, bool ends)
{
    if (!m_state.midLine) {
        continuePiece(m_state.pieceLines >= kTableRows || m_blocks.back().source.size() >= kPieceLetters);
    }
    appendSource(text);
    if (ends) {
        appendSource(u"\n");
        ++m_state.pieceLines;
    }
}

void BlockParser::appendParagraph(QStringView text, bool newLine)
{
    if (m_blocks.back().source.size() >= kParagraph) {
        continuePiece(true);
    } else if (newLine && !m_blocks.back().source.isEmpty()) {
        appendSource(u"\n");
    }
    appendSource(text);
}

void BlockParser::appendSource(QStringView text)
{
    touch(m_blocks.size() - 1, m_blocks.back().source.size());
    m_blocks.back().source += text;
}

void BlockParser::touch(size_t block, qsizetype position)
{
    m_blocks[block].dirtyFrom = std::min(m_blocks[block].dirtyFrom, position);
    m_firstDirty = std::min(m_firstDirty, static_cast<qsizetype>(block));
}

} // namespace ui
