// SPDX-License-Identifier: MIT
#pragma once

#include "ui/settings.h"
#include "ui/store_bridge.h"

#include <QObject>
#include <QTimer>

namespace ui {

// What is being written in a conversation and was not sent yet. Kept in the history soon after each change;
// that of a new conversation, 0, in the settings.
class Draft : public QObject
{
    Q_OBJECT

public:
    // Both outlive this object.
    Draft(StoreBridge& store, Settings& settings, QObject* parent = nullptr);
    ~Draft() override; // saves

    QString text() const { return m_text; }
    void setText(const QString& text);
    void save();

    // Another conversation is on the screen; take() follows when it has been read, unless it is 0.
    void open(qint64 conversation);
    void take(const storage::Conversation& conversation);
    // The new conversation has become this one.
    void adopt(qint64 conversation) { m_conversation = conversation; }

signals:
    void changed();

private:
    StoreBridge& m_store;
    Settings& m_settings;
    qint64 m_conversation = 0;
    QString m_text;
    bool m_unsaved = false;
    QTimer m_timer;
};

} // namespace ui
