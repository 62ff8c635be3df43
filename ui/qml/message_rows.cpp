// SPDX-License-Identifier: MIT
#include "ui/qml/message_rows.h"

#include "ui/markdown/inline_html.h"
#include "ui/markdown/markdown_blocks.h"

#include <algorithm>
#include <limits>

namespace ui {

namespace {

constexpr int margin = 32; // messages in the window on each side of what is seen
constexpr int slack = 32;  // more before the farthest ones go
constexpr int step = 4;    // messages that come in at a time: each has to be parsed
constexpr int behind_all = std::numeric_limits<int>::max(); // a block or position
constexpr int nearest = 5;                                  // on each side, of a message that is gone to

} // namespace

MessageRows::MessageRows(QObject* parent)
    : QAbstractListModel(parent)
{
    m_adjust.setSingleShot(true);
    m_adjust.setInterval(0);
    connect(&m_adjust, &QTimer::timeout, this, &MessageRows::adjust);
}

void MessageRows::setSource(QAbstractItemModel* source)
{
    if (m_source == source) {
        return;
    }
    if (m_source) {
        m_source->disconnect(this);
    }
    m_source = source;
    m_sourceRoles.clear();
    if (source) {
        const QHash<int, QByteArray> names = source->roleNames();
        for (auto name = names.begin(); name != names.end(); ++name) {
            m_sourceRoles.insert(name.value(), name.key());
        }
        connect(source, &QAbstractItemModel::rowsInserted, this,
                [this](const QModelIndex&, int first, int last) { insertMessages(first, last); });
        connect(source, &QAbstractItemModel::rowsRemoved, this,
                [this](const QModelIndex&, int first, int last) { removeMessages(first, last); });
        connect(source, &QAbstractItemModel::dataChanged, this,
                [this](const QModelIndex& first, const QModelIndex& last) {
                    changeMessages(first.row(), last.row());
                });
        connect(source, &QAbstractItemModel::modelReset, this, &MessageRows::reload);
        connect(source, &QAbstractItemModel::layoutChanged, this, &MessageRows::reload);
        connect(source, &QAbstractItemModel::rowsMoved, this, &MessageRows::reload);
    }
    reload();
    emit sourceChanged();
}

int MessageRows::rowOfMessage(qint64 messageId) const
{
    for (size_t i = 0; i < m_messages.size(); ++i) {
        if (messageValue(i, "messageId").toLongLong() == messageId) {
            return static_cast<int>(m_messages[i].begin);
        }
    }
    return -1;
}

int MessageRows::messageOf(int row) const
{
    return row < 0 || row >= count() ? -1
                                     : m_first + static_cast<int>(place(static_cast<size_t>(row)).message);
}

double MessageRows::progressAt(int row) const
{
    if (row < 0 || row >= count()) {
        return 0;
    }
    const Place at = place(static_cast<size_t>(row));
    const Message& message = m_messages[at.message];
    return m_first + static_cast<double>(at.message) +
           static_cast<double>(static_cast<size_t>(row) - message.begin) /
               static_cast<double>(message.rows());
}

QVariant MessageRows::value(int row, const QString& role) const
{
    return data(index(row), roleNames().key(role.toUtf8(), -1));
}

QString MessageRows::plainText(int row) const
{
    if (row < 0 || row >= count()) {
        return {};
    }
    const Place at = place(static_cast<size_t>(row));
    const Message& message = m_messages[at.message];
    if (!message.answer) {
        return messageValue(at.message, "text").toString();
    }
    return at.block >= 0 && message.blocks ? message.blocks->plainAt(at.block) : QString();
}

QVariantMap MessageRows::locate(qint64 messageId, const QString& text, int occurrence) const
{
    QVariantMap found{
        {QStringLiteral("row"), -1}, {QStringLiteral("index"), 0}, {QStringLiteral("count"), -1}};
    int row = rowOfMessage(messageId);
    if (row < 0 || text.isEmpty()) {
        return found;
    }
    const int message = messageOf(row);
    int count = 0;
    for (; messageOf(row) == message; ++row) {
        const int here = static_cast<int>(plainText(row).count(text, Qt::CaseInsensitive));
        if (occurrence >= count && occurrence < count + here) {
            found[QStringLiteral("row")] = row;
            found[QStringLiteral("index")] = occurrence - count;
        }
        count += here;
    }
    found[QStringLiteral("count")] = count;
    return found;
}

MessageRows::Spot MessageRows::spot(int row, int position) const
{
    if (row < 0 || row >= count()) {
        return {};
    }
    const Place at = place(static_cast<size_t>(row));
    const bool footer = m_messages[at.message].answer && at.block < 0;
    return {m_first + static_cast<int>(at.message), footer ? behind_all : at.block, position};
}

int MessageRows::rowOf(const Spot& spot) const
{
    if (spot.message < m_first || spot.message >= end()) {
        return -1;
    }
    const Message& message = m_messages[static_cast<size_t>(spot.message - m_first)];
    const size_t row = std::min(static_cast<size_t>(std::max(0, spot.block)), message.rows() - 1);
    return static_cast<int>(message.begin + row);
}

void MessageRows::setSelection(const Spot& anchor, const Spot& head)
{
    if (anchor == m_anchor && head == m_head) {
        return;
    }
    m_anchor = anchor;
    m_head = head;
    emit selectionChanged();
}

void MessageRows::select(int anchorRow, int anchorPosition, int headRow, int headPosition)
{
    setSelection(spot(anchorRow, anchorPosition), spot(headRow, headPosition));
}

void MessageRows::extendTo(int headRow, int headPosition)
{
    if (m_anchor.message >= 0) {
        setSelection(m_anchor, spot(headRow, headPosition));
    }
}

void MessageRows::selectAll()
{
    if (messageCount() > 0) {
        setSelection({0, -1, 0}, {messageCount() - 1, behind_all, behind_all});
    }
}

void MessageRows::clearSelection()
{
    setSelection({}, {});
}

QPoint MessageRows::selectionIn(int row, int length) const
{
    const Spot begin = std::min(m_anchor, m_head);
    const Spot last = std::max(m_anchor, m_head);
    const Spot from = spot(row, 0);
    const Spot to = spot(row, length);
    if (!hasSelection() || from.message < 0 || to <= begin || from >= last) {
        return {-1, -1};
    }
    return {std::max(begin, from).position, std::min(last, to).position};
}

QVariant MessageRows::selectedPart(int message, bool markdown, const QVariantMap& texts) const
{
    const Spot begin = std::min(m_anchor, m_head);
    const Spot last = std::max(m_anchor, m_head);
    if (message < m_first || message >= end()) {
        return {};
    }
    const Message& part = m_messages[static_cast<size_t>(message - m_first)];
    const Spot from = spot(static_cast<int>(part.begin), 0);
    const int lastText = static_cast<int>(part.begin + (part.answer ? part.blockRows : 1)) - 1;
    const Spot to = spot(lastText, static_cast<int>(plainText(lastText).size()));
    if (begin <= from && last >= to) {
        return {};
    }
    QStringList parts;
    for (int row = static_cast<int>(part.begin); row <= lastText; ++row) {
        const QString whole = plainText(row);
        const QPoint range = selectionIn(row, static_cast<int>(whole.size()));
        if (range.x() < 0) {
            continue;
        }
        const bool all = range.x() == 0 && range.y() >= whole.size();
        const QVariant known = texts.value(QString::number(row));
        if (markdown && part.blocks && (all || rowOf(begin) != rowOf(last))) {
            parts +=
                part.blocks->markdownAt(row - static_cast<int>(part.begin)); // a part of one is no Markdown
        } else {
            parts +=
                known.isValid() ? known.toString() : whole.mid(range.x(), range.y() - range.x()).trimmed();
        }
    }
    parts.removeAll(QString());
    return parts.join(QStringLiteral("\n\n"));
}

int MessageRows::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QVariant MessageRows::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count()) {
        return {};
    }
    const Place at = place(static_cast<size_t>(index.row()));
    const Message& message = m_messages[at.message];
    const bool block = at.block >= 0 && message.blocks;
    switch (role) {
    case Kind:
        return !message.answer ? QStringLiteral("user")
               : block         ? message.blocks->data(message.blocks->index(at.block), MarkdownBlocks::Kind)
                               : QStringLiteral("footer");
    case BlockNumber:
        return at.block;
    case First:
        return static_cast<size_t>(index.row()) == message.begin;
    case Html:
        return block ? message.blocks->data(message.blocks->index(at.block), MarkdownBlocks::Html)
                     : escapedHtml(messageValue(at.message, "text").toString());
    default:
        break;
    }
    if (role >= FirstBlockRole) {
        const int own = role - FirstBlockRole + MarkdownBlocks::Type;
        return block ? message.blocks->data(message.blocks->index(at.block), own) : QVariant();
    }
    if (role >= FirstMessageRole && m_source) {
        return m_source->data(m_source->index(m_first + static_cast<int>(at.message), 0),
                              role - FirstMessageRole + Qt::UserRole);
    }
    return {};
}

QHash<int, QByteArray> MessageRows::roleNames() const
{
    QHash<int, QByteArray> names{{Kind, "kind"}, {BlockNumber, "block"}, {First, "first"}, {Html, "html"}};
    for (auto role = m_sourceRoles.begin(); role != m_sourceRoles.end(); ++role) {
        const int number = role.value() - Qt::UserRole;
        if (number >= 0 && number < FirstBlockRole - FirstMessageRole) {
            names.insert(FirstMessageRole + number, role.key());
        }
    }
    for (const auto& [name, role] :
         {std::pair("type", MarkdownBlocks::Type), std::pair("level", MarkdownBlocks::Level),
          std::pair("indent", MarkdownBlocks::Indent), std::pair("quoteAbove", MarkdownBlocks::QuoteAbove),
          std::pair("quoteIndents", MarkdownBlocks::QuoteIndents), std::pair("quote", MarkdownBlocks::Quote),
          std::pair("marker", MarkdownBlocks::Marker), std::pair("language", MarkdownBlocks::Language),
          std::pair("code", MarkdownBlocks::Code), std::pair("table", MarkdownBlocks::Table),
          std::pair("continuation", MarkdownBlocks::Continuation),
          std::pair("continued", MarkdownBlocks::Continued), std::pair("lastBlock", MarkdownBlocks::Last),
          std::pair("tex", MarkdownBlocks::Tex), std::pair("thought", MarkdownBlocks::Thought),
          std::pair("thinking", MarkdownBlocks::Thinking), std::pair("folded", MarkdownBlocks::Folded),
          std::pair("seconds", MarkdownBlocks::Seconds), std::pair("wrapped", MarkdownBlocks::Wrapped)}) {
        names.insert(FirstBlockRole + (role - MarkdownBlocks::Type), name);
    }
    return names;
}

MessageRows::Place MessageRows::place(size_t row) const
{
    const auto after =
        std::upper_bound(m_messages.begin(), m_messages.end(), row,
                         [](size_t value, const Message& message) { return value < message.begin; });
    const size_t message = static_cast<size_t>(after - m_messages.begin()) - 1;
    const size_t offset = row - m_messages[message].begin;
    const bool block = m_messages[message].answer && offset < m_messages[message].blockRows;
    return {message, block ? static_cast<int>(offset) : -1};
}

QVariant MessageRows::messageValue(size_t message, const QByteArray& role) const
{
    return m_source ? m_source->data(m_source->index(m_first + static_cast<int>(message), 0),
                                     m_sourceRoles.value(role, -1))
                    : QVariant();
}

bool MessageRows::isLoaded(int message) const
{
    const int role = m_sourceRoles.value("loaded", -1);
    return role < 0 || m_source->data(m_source->index(message, 0), role).toBool();
}

// How many of the `limit` messages from this one on are at hand.
int MessageRows::loadedFrom(int message, int limit) const
{
    int loaded = 0;
    while (loaded < limit && isLoaded(message + loaded)) {
        ++loaded;
    }
    return loaded;
}

MessageRows::Message MessageRows::read(int row)
{
    Message message;
    const QModelIndex index = m_source->index(row, 0);
    message.answer =
        m_source->data(index, m_sourceRoles.value("role", -1)).toString() == QLatin1String("assistant");
    if (message.answer) {
        QObject* object = m_source->data(index, m_sourceRoles.value("blocks", -1)).value<QObject*>();
        message.blocks = qobject_cast<MarkdownBlocks*>(object);
        message.blockRows = message.blocks ? static_cast<size_t>(message.blocks->count()) : 0;
        follow(message.blocks);
    }
    return message;
}

void MessageRows::follow(MarkdownBlocks* blocks)
{
    if (!blocks) {
        return;
    }
    blocks->disconnect(this);
    connect(blocks, &QAbstractItemModel::rowsInserted, this,
            [this, blocks](const QModelIndex&, int first, int last) { insertBlocks(blocks, first, last); });
    connect(blocks, &QAbstractItemModel::rowsRemoved, this,
            [this, blocks](const QModelIndex&, int first, int last) { removeBlocks(blocks, first, last); });
    connect(blocks, &QAbstractItemModel::dataChanged, this,
            [this, blocks](const QModelIndex& first, const QModelIndex& last) {
                changeBlocks(blocks, first.row(), last.row());
            });
    connect(blocks, &QAbstractItemModel::modelReset, this, [this, blocks] { resetBlocks(blocks); });
}

// An answer that streams is the last or one of the last, so the search begins there.
size_t MessageRows::find(const MarkdownBlocks* blocks) const
{
    for (size_t i = m_messages.size(); i > 0; --i) {
        if (m_messages[i - 1].blocks == blocks) {
            return i - 1;
        }
    }
    return m_messages.size();
}

void MessageRows::renumber(size_t from)
{
    size_t begin = from == 0 ? 0 : m_messages[from - 1].begin + m_messages[from - 1].rows();
    for (size_t i = from; i < m_messages.size(); ++i) {
        m_messages[i].begin = begin;
        begin += m_messages[i].rows();
    }
    m_rowCount = begin;
}

void MessageRows::reload()
{
    beginResetModel();
    for (const Message& message : m_messages) {
        if (message.blocks) {
            message.blocks->disconnect(this);
        }
    }
    m_messages.clear();
    m_rowCount = 0;
    m_first = 0;
    m_target = -1;
    m_wantedLast = -1;
    m_seenFirst = m_seenLast = messageCount() - 1;
    clearSelection();
    endResetModel();
    begin();
    emit countChanged();
    emit windowChanged();
}

// An empty window opens at what is looked at, once that is at hand.
void MessageRows::begin()
{
    m_adjust.start();
    if (messageCount() == 0) {
        m_first = 0;
        return;
    }
    m_seenLast = std::clamp(m_seenLast, 0, messageCount() - 1);
    m_seenFirst = std::clamp(m_seenFirst, 0, m_seenLast);
    int first = m_seenLast;
    while (first > 0 && m_seenLast - first < 2 * nearest && isLoaded(first - 1)) {
        --first;
    }
    m_first = first;
    append(loadedFrom(first, m_seenLast + 1 - first));
}

void MessageRows::look(int firstRow, int lastRow)
{
    if (m_messages.empty()) {
        return;
    }
    const int last = count() - 1;
    m_seenFirst = messageOf(std::clamp(firstRow, 0, last));
    m_seenLast = messageOf(std::clamp(lastRow, 0, last));
    adjust();
}

void MessageRows::go(int message)
{
    if (messageCount() == 0) {
        return;
    }
    message = std::clamp(message, 0, messageCount() - 1);
    m_target = message;
    if (message < m_first || message >= end()) {
        emit wanted(std::max(0, message - margin), std::min(messageCount() - 1, message + margin));
        m_wantedLast = -1; // what was asked for before is not all that is needed
    }
    arrive();
}

void MessageRows::arrive()
{
    if (m_target < 0) {
        return;
    }
    if (m_target < m_first || m_target >= end()) {
        const int first = std::max(0, m_target - nearest);
        const int behind = std::min(messageCount(), m_target + nearest + 1);
        if (loadedFrom(first, behind - first) < behind - first) {
            return;
        }
        beginResetModel();
        for (const Message& message : m_messages) {
            if (message.blocks) {
                message.blocks->disconnect(this);
            }
        }
        m_messages.clear();
        m_first = first;
        for (int message = first; message < behind; ++message) {
            m_messages.push_back(read(message));
        }
        renumber(0);
        m_seenFirst = m_seenLast = m_target;
        endResetModel();
        emit countChanged();
        emit windowChanged();
    }
    const int message = m_target - m_first;
    m_target = -1;
    m_adjust.start();
    emit arrived(static_cast<int>(m_messages[static_cast<size_t>(message)].begin));
}

void MessageRows::adjust()
{
    if (!m_source || messageCount() == 0 || m_target >= 0) {
        return;
    }
    if (m_messages.empty()) {
        ask();
        begin();
        m_adjust.stop();
        if (m_messages.empty()) {
            return;
        }
    }
    trim();
    ask();
    grow();
}

void MessageRows::trim()
{
    if (m_first < m_seenFirst - margin - slack) {
        dropFront(m_seenFirst - margin - m_first);
    }
    if (end() - 1 > m_seenLast + margin + slack) {
        dropBack(end() - 1 - (m_seenLast + margin));
    }
}

void MessageRows::ask()
{
    const int last = messageCount() - 1;
    const bool enough = m_wantedFirst <= std::max(0, m_seenFirst - margin) &&
                        m_wantedLast >= std::min(last, m_seenLast + margin);
    if (enough) {
        return;
    }
    m_wantedFirst = std::max(0, m_seenFirst - margin - slack);
    m_wantedLast = std::min(last, m_seenLast + margin + slack);
    emit unneeded(m_wantedFirst, m_wantedLast);
    emit wanted(m_wantedFirst, m_wantedLast);
}

void MessageRows::grow()
{
    const int below = std::min(messageCount(), m_seenLast + margin + 1) - end();
    const int taken = below > 0 ? loadedFrom(end(), std::min(step, below)) : 0;
    if (taken > 0) {
        append(taken);
    }
    const int above = m_first - std::max(0, m_seenFirst - margin);
    int lifted = 0;
    while (lifted < std::min(step, above) && isLoaded(m_first - lifted - 1)) {
        ++lifted;
    }
    if (lifted > 0) {
        prepend(lifted);
    }
    if (taken > 0 || lifted > 0) {
        m_adjust.start(); // there may be more
    }
}

void MessageRows::append(int messages)
{
    if (messages <= 0) {
        return;
    }
    std::vector<Message> fresh;
    size_t rows = 0;
    for (int message = end(); message < end() + messages; ++message) {
        fresh.push_back(read(message));
        rows += fresh.back().rows();
    }
    beginInsertRows({}, count(), static_cast<int>(m_rowCount + rows) - 1);
    const size_t from = m_messages.size();
    m_messages.insert(m_messages.end(), fresh.begin(), fresh.end());
    renumber(from);
    endInsertRows();
    emit countChanged();
    emit windowChanged();
}

void MessageRows::prepend(int messages)
{
    std::vector<Message> fresh;
    size_t rows = 0;
    for (int message = m_first - messages; message < m_first; ++message) {
        fresh.push_back(read(message));
        rows += fresh.back().rows();
    }
    beginInsertRows({}, 0, static_cast<int>(rows) - 1);
    m_messages.insert(m_messages.begin(), fresh.begin(), fresh.end());
    m_first -= messages;
    renumber(0);
    endInsertRows();
    emit countChanged();
    emit windowChanged();
}

void MessageRows::dropFront(int messages)
{
    erase(0, static_cast<size_t>(messages) - 1);
    m_first += messages;
    emit windowChanged();
}

void MessageRows::dropBack(int messages)
{
    erase(m_messages.size() - static_cast<size_t>(messages), m_messages.size() - 1);
    emit windowChanged();
}

void MessageRows::erase(size_t first, size_t last)
{
    const size_t begin = m_messages[first].begin;
    beginRemoveRows({}, static_cast<int>(begin),
                    static_cast<int>(m_messages[last].begin + m_messages[last].rows()) - 1);
    const auto from = m_messages.begin() + static_cast<std::ptrdiff_t>(first);
    const auto to = m_messages.begin() + static_cast<std::ptrdiff_t>(last) + 1;
    for (auto message = from; message != to; ++message) {
        if (message->blocks) {
            message->blocks->disconnect(this);
        }
    }
    m_messages.erase(from, to);
    renumber(first);
    endRemoveRows();
    emit countChanged();
}

void MessageRows::insertMessages(int first, int last)
{
    const int added = last - first + 1;
    m_wantedLast = -1;
    m_adjust.start();
    if (m_target >= first) {
        m_target += added;
    }
    for (Spot* spot : {&m_anchor, &m_head}) {
        if (spot->message >= first) {
            spot->message += added;
        }
    }
    const bool wasEmpty = m_messages.empty();
    const int before = end();
    if (!wasEmpty && first <= m_seenFirst) {
        m_seenFirst += added;
    }
    if (!wasEmpty && first <= m_seenLast) {
        m_seenLast += added;
    }
    if (wasEmpty) {
        m_seenFirst = m_seenLast = messageCount() - 1;
        begin();
    } else if (first <= m_first) {
        m_first += added;
        // At the very top of the source they are looked at, if the view is there.
        if (first == 0 && m_first == added && m_seenFirst <= margin + added) {
            int lifted = 0;
            while (lifted < std::min(added, step) && isLoaded(m_first - lifted - 1)) {
                ++lifted;
            }
            if (lifted > 0) {
                prepend(lifted);
            }
        }
    } else if (first == before) {
        append(loadedFrom(first, std::min(added, margin)));
    } else if (first < before) {
        // In the middle: what is below comes in again behind them.
        dropBack(before - first);
        append(loadedFrom(first, std::min(messageCount(), before + added) - first));
    }
    emit windowChanged();
}

void MessageRows::removeMessages(int first, int last)
{
    const int removed = last - first + 1;
    m_wantedLast = -1;
    m_adjust.start();
    if (std::max(m_anchor, m_head).message >= first) { // what is not there any more cannot stay selected
        clearSelection();
    }
    m_target = m_target > last ? m_target - removed : m_target >= first ? -1 : m_target;
    const int from = std::max(first, m_first);
    const int to = std::min(last, end() - 1);
    if (from <= to) {
        erase(static_cast<size_t>(from - m_first), static_cast<size_t>(to - m_first));
    }
    m_first -= std::clamp(m_first - first, 0, removed);
    const auto moved = [&](int message) {
        return message > last ? message - removed : std::min(message, std::max(0, first - 1));
    };
    m_seenFirst = moved(m_seenFirst);
    m_seenLast = moved(m_seenLast);
    emit windowChanged();
}

void MessageRows::changeMessages(int first, int last)
{
    m_adjust.start(); // texts may have come
    for (int row = std::max(first, m_first); row <= last && row < end(); ++row) {
        if (!isLoaded(row)) { // nobody asked for that, but it is the source's to decide
            if (row < m_seenFirst) {
                dropFront(row + 1 - m_first);
            } else {
                dropBack(end() - row);
            }
            continue;
        }
        const Message& known = m_messages[static_cast<size_t>(row - m_first)];
        const Message now = read(row);
        if (now.answer != known.answer || now.blocks != known.blocks || now.blockRows != known.blockRows) {
            replace(static_cast<size_t>(row - m_first));
            continue;
        }
        emit dataChanged(index(static_cast<int>(known.begin)),
                         index(static_cast<int>(known.begin + known.rows() - 1)));
    }
    arrive();
}

void MessageRows::replace(size_t message)
{
    erase(message, message);
    const Message fresh = read(m_first + static_cast<int>(message));
    const size_t begin = message < m_messages.size() ? m_messages[message].begin : m_rowCount;
    beginInsertRows({}, static_cast<int>(begin), static_cast<int>(begin + fresh.rows()) - 1);
    m_messages.insert(m_messages.begin() + static_cast<std::ptrdiff_t>(message), fresh);
    renumber(message);
    endInsertRows();
    emit countChanged();
}

void MessageRows::insertBlocks(MarkdownBlocks* blocks, int first, int last)
{
    const size_t message = find(blocks);
    if (message == m_messages.size()) {
        return;
    }
    const int begin = static_cast<int>(m_messages[message].begin);
    beginInsertRows({}, begin + first, begin + last);
    m_messages[message].blockRows += static_cast<size_t>(last - first + 1);
    renumber(message);
    endInsertRows();
    emit countChanged();
}

void MessageRows::removeBlocks(MarkdownBlocks* blocks, int first, int last)
{
    const size_t message = find(blocks);
    if (message == m_messages.size()) {
        return;
    }
    const int begin = static_cast<int>(m_messages[message].begin);
    beginRemoveRows({}, begin + first, begin + last);
    m_messages[message].blockRows -= static_cast<size_t>(last - first + 1);
    renumber(message);
    endRemoveRows();
    emit countChanged();
}

void MessageRows::changeBlocks(MarkdownBlocks* blocks, int first, int last)
{
    const size_t message = find(blocks);
    if (message < m_messages.size()) {
        const int begin = static_cast<int>(m_messages[message].begin);
        emit dataChanged(index(begin + first), index(begin + last));
    }
}

void MessageRows::resetBlocks(MarkdownBlocks* blocks)
{
    const size_t message = find(blocks);
    if (message < m_messages.size()) {
        replace(message);
    }
}

} // namespace ui
