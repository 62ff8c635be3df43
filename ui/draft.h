// SPDX-License-Identifier: MIT
#pragma once

#include "ui/conversation_settings.h"
#include "ui/settings.h"
#include "ui/store_bridge.h"

#include <QHash>
#include <QObject>
#include <QTimer>

namespace ui {

// What is being written in a conversation and was not sent yet: the next message, and messages that are being
// edited. Kept in the history soon after each change; where it cannot be written there it stays at hand and
// is offered again. What is written in a new conversation, 0, is kept in the settings.
class Draft : public QObject
{
    Q_OBJECT

public:
    // Both outlive this object.
    Draft(StoreBridge& store, Settings& settings, QObject* parent = nullptr);
    ~Draft() override; // saves

    QString text() const { return m_now.text; }
    int cursor() const { return m_now.cursor; } // 0 to the length of the text
    void setText(const QString& text);
    void setCursor(int cursor);

    // The message that is being edited; 0: none. Of the others what has been written stays, too.
    qint64 edited() const { return m_edited; }
    QString editedText() const { return m_now.edits.value(m_edited, m_original); }
    void beginEdit(qint64 message, const QString& original);
    void setEditedText(const QString& text);
    void endEdit(); // it was sent, or is not wanted

    void save();

    // Another conversation is on the screen; take() follows when it has been read, unless it is 0.
    void open(qint64 conversation);
    void take(const storage::Conversation& conversation);
    // The new conversation has become this one.
    void adopt(qint64 conversation) { m_conversation = conversation; }

    // What could not be sent comes back, before what has been written since.
    void putBack(qint64 conversation, const QString& text);
    void putBackEdit(qint64 conversation, qint64 message, const QString& text);

signals:
    void changed();
    void editedChanged();

private:
    struct Written
    {
        QString text;
        int cursor = 0;
        Edits edits;

        bool operator==(const Written&) const = default;
    };

    void write(qint64 conversation);
    void touch();
    void putBack(qint64 conversation, const Written& returned);
    static void merge(Written& written, const Written& returned);

    StoreBridge& m_store;
    Settings& m_settings;
    qint64 m_conversation = 0;
    Written m_now;
    qint64 m_edited = 0;
    QString m_original;     // of the message that is being edited
    bool m_reading = false; // what this conversation has is on its way
    bool m_unsaved = false;
    bool m_failing = false;            // the latest try was in vain, and this was said
    QHash<qint64, Written> m_saving;   // by conversation: what the history has not acknowledged
    QHash<qint64, Written> m_returned; // by conversation: what came back while another one was on the screen
    QTimer m_timer;
    QTimer m_again;
};

} // namespace ui
