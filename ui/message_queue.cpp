// SPDX-License-Identifier: MIT
#include "ui/message_queue.h"

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

void MessageQueue::show()
{
    const QList<Queued> queue = m_answers.queue(m_conversations.currentId());
    if (queue == m_queue)
        return;
    beginResetModel();
    m_queue = queue;
    endResetModel();
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
