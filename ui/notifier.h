// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_model.h"

#include <QHash>
#include <QObject>

#include <functional>

namespace ui {

// Tells the desktop of an answer that ended out of view: another conversation is shown, or another window is
// in front. The desktop hears the title, never the text; of a temporary conversation not even that.
class Notifier : public QObject
{
    Q_OBJECT

public:
    struct Note
    {
        qint64 conversation = 0;
        QString title;
        QString text;
    };

    // All of them outlive this object. `inFront` tells whether the window has the focus.
    Notifier(Answers& answers, ConversationModel& conversations, Settings& settings,
             std::function<bool()> inFront, QObject* parent = nullptr);

    // For a person who started the program without a terminal, where there will be no window. Returns when
    // the desktop has it, after a second at most.
    static void noStart(const QString& why);

signals:
    void noted(const ui::Notifier::Note& note); // has been sent
    void chosen(qint64 conversation);           // the person clicked on it

private slots:
    void actionInvoked(uint id, const QString& action);
    void notificationClosed(uint id, uint reason);

private:
    void saved(const Answers::Turn& turn);
    void send(const Note& note);

    ConversationModel& m_conversations;
    Settings& m_settings;
    std::function<bool()> m_in_front;
    bool m_listening = false;
    QHash<uint, qint64> m_sent; // the desktop's number -> conversation
};

} // namespace ui
