// SPDX-License-Identifier: MIT
#include "ui/message_queue.h"

#include <algorithm>

namespace ui {

MessageQueue::MessageQueue(Answers& answers, ConversationModel& conversations, QObject* parent)
    : QAbstractListModel(parent)
    , m_answers(answers)
    , m_conversations(conversations)
{
    connect(&m_conversations, &ConversationModel::currentIdChanged, this, &MessageQueue::show);
    connect(&m_answers, &Answers::ownChanged, this, [this](qint64 conversation) {
        if (conversation == m_conversations.currentId())
            show();
    });
}

int MessageQueue::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> MessageQueue::roleNames() const
{
    return {{QueuedId, "queuedId"}, {Text, "text"}};
}

QVariant MessageQueue::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Queued& queued = m_queue[index.row()];
    switch (role) {
    case QueuedId:
        return queued.id;
    case Qt::DisplayRole:
    case Text:
        return queued.text;
    default:
        return {};
    }
}

// Row by row, so that a message that is being changed keeps its field while another one comes or goes.
void MessageQueue::show()
{
    const QList<Queued> queue = m_answers.queue(m_conversations.currentId());
    if (queue == m_queue)
        return;
    const qsizetype before = m_queue.size();
    const auto place = [](const QList<Queued>& in, qint64 id) {
        return std::ranges::find(in, id, &Queued::id) - in.begin();
    };
    for (int row = count() - 1; row >= 0; --row) {
        if (place(queue, m_queue[row].id) < queue.size())
            continue;
        beginRemoveRows({}, row, row);
        m_queue.removeAt(row);
        endRemoveRows();
    }
    for (int row = 0; row < static_cast<int>(queue.size()); ++row) {
        if (const int old = static_cast<int>(place(m_queue, queue[row].id)); old == count()) {
            beginInsertRows({}, row, row);
            m_queue.insert(row, queue[row]);
            endInsertRows();
        } else if (old != row) {
            beginMoveRows({}, old, old, {}, row);
            m_queue.move(old, row);
            endMoveRows();
        }
        if (m_queue[row] != queue[row]) {
            m_queue[row] = queue[row];
            emit dataChanged(index(row), index(row));
        }
    }
    if (m_queue.size() != before)
        emit countChanged();
}

bool MessageQueue::add(const QString& text)
{
    const QString message = text.trimmed();
    if (message.isEmpty() || m_conversations.currentId() == 0)
        return false;
    m_answers.enqueue(m_conversations.currentId(), message, [this, text](const QString& why) {
        m_answers.report(why);
        emit notAdded(text);
    });
    return true;
}

void MessageQueue::change(qint64 queuedId, const QString& text)
{
    m_answers.changeQueued(m_conversations.currentId(), queuedId, text.trimmed());
}

void MessageQueue::sendNow()
{
    m_answers.sendQueued(m_conversations.currentId());
}

} // namespace ui
