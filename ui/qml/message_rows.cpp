// SPDX-License-Identifier: MIT
#include "ui/qml/message_rows.h"

#include "ui/markdown/inline_html.h"
#include "ui/markdown/markdown_blocks.h"

#include <algorithm>

namespace ui {

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
        return m_source->data(m_source->index(static_cast<int>(at.message), 0),
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
          std::pair("quote", MarkdownBlocks::Quote), std::pair("marker", MarkdownBlocks::Marker),
          std::pair("language", MarkdownBlocks::Language), std::pair("code", MarkdownBlocks::Code),
          std::pair("table", MarkdownBlocks::Table), std::pair("continuation", MarkdownBlocks::Continuation),
          std::pair("continued", MarkdownBlocks::Continued), std::pair("lastBlock", MarkdownBlocks::Last)}) {
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
    return m_source
               ? m_source->data(m_source->index(static_cast<int>(message), 0), m_sourceRoles.value(role, -1))
               : QVariant();
}

MessageRows::Message MessageRows::read(int sourceRow)
{
    Message message;
    const QModelIndex index = m_source->index(sourceRow, 0);
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
    for (int row = 0; m_source && row < m_source->rowCount(); ++row) {
        m_messages.push_back(read(row));
    }
    renumber(0);
    endResetModel();
    emit countChanged();
}

void MessageRows::insertMessages(int first, int last)
{
    std::vector<Message> fresh;
    size_t rows = 0;
    for (int row = first; row <= last; ++row) {
        fresh.push_back(read(row));
        rows += fresh.back().rows();
    }
    const size_t at = static_cast<size_t>(first);
    const size_t begin = at < m_messages.size() ? m_messages[at].begin : m_rowCount;
    beginInsertRows({}, static_cast<int>(begin), static_cast<int>(begin + rows - 1));
    m_messages.insert(m_messages.begin() + first, fresh.begin(), fresh.end());
    renumber(at);
    endInsertRows();
    emit countChanged();
}

void MessageRows::removeMessages(int first, int last)
{
    const size_t begin = m_messages[static_cast<size_t>(first)].begin;
    const Message& end = m_messages[static_cast<size_t>(last)];
    beginRemoveRows({}, static_cast<int>(begin), static_cast<int>(end.begin + end.rows() - 1));
    for (auto message = m_messages.begin() + first; message != m_messages.begin() + last + 1; ++message) {
        if (message->blocks) {
            message->blocks->disconnect(this);
        }
    }
    m_messages.erase(m_messages.begin() + first, m_messages.begin() + last + 1);
    renumber(static_cast<size_t>(first));
    endRemoveRows();
    emit countChanged();
}

void MessageRows::changeMessages(int first, int last)
{
    for (int row = first; row <= last; ++row) {
        const Message& known = m_messages[static_cast<size_t>(row)];
        const Message now = read(row);
        if (now.answer != known.answer || now.blocks != known.blocks || now.blockRows != known.blockRows) {
            removeMessages(row, row);
            insertMessages(row, row);
            continue;
        }
        emit dataChanged(index(static_cast<int>(known.begin)),
                         index(static_cast<int>(known.begin + known.rows() - 1)));
    }
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
        removeMessages(static_cast<int>(message), static_cast<int>(message));
        insertMessages(static_cast<int>(message), static_cast<int>(message));
    }
}

} // namespace ui
