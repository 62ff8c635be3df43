// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"

#include <QObject>
#include <QStringList>
#include <QTimer>

#include <vector>

namespace ui {

// How to take back what was done to conversations last, for some seconds after it was done.
class UndoOffer : public QObject
{
    Q_OBJECT

public:
    struct Step
    {
        QString text; // what was done; empty: nothing
        std::vector<storage::Conversation> before;
        qint64 reopen = 0;   // was on the screen
        QStringList folders; // of the settings, before
    };

    explicit UndoOffer(QObject* parent = nullptr);

    QString text() const { return m_step.text; }
    void offer(Step step);
    // What was decided anew by hand is not for the undo any more; without anything left it goes.
    void forget(const std::vector<storage::Id>& ids);
    Step take(); // offers it no longer

signals:
    void textChanged();

private:
    Step m_step;
    QTimer m_timer;
};

// Folder, tags, archive and trash as they were; what has been deleted meanwhile stays so.
void putBefore(storage::ChatStore& store, const std::vector<storage::Conversation>& before);

} // namespace ui
