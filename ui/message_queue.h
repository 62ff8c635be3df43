// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_model.h"

#include <QAbstractListModel>

namespace ui {

// The messages that wait in the conversation on the screen until its answer has ended.
class MessageQueue : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    enum Role
    {
        QueuedId = Qt::UserRole + 1,
        Text,
    };

    // All outlive this object.
    MessageQueue(Answers& answers, ConversationModel& conversations, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;
    int count() const { return static_cast<int>(m_queue.size()); }

    // On the disk before it is on the list. False where there is nothing to add or no conversation.
    Q_INVOKABLE bool add(const QString& text);
    Q_INVOKABLE void change(qint64 queuedId, const QString& text); // an empty text removes it
    Q_INVOKABLE void remove(qint64 queuedId) { change(queuedId, {}); }
    Q_INVOKABLE void sendNow(); // the first, where no answer is being written

signals:
    void countChanged();
    void notAdded(const QString& text); // it could not be written

private:
    void show();

    Answers& m_answers;
    ConversationModel& m_conversations;
    QList<Queued> m_queue;
};

} // namespace ui
