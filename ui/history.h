// SPDX-License-Identifier: MIT
#pragma once

#include "storage/exchange.h"
#include "ui/conversation_model.h"
#include "ui/mailbox.h"
#include "ui/settings.h"
#include "ui/store_bridge.h"
#include "ui/task_thread.h"

#include <QObject>
#include <QTimer>
#include <QUrl>
#include <QVariantList>

#include <atomic>

namespace ui {

// What is done with the history as a whole: out to files and in from them, backups on a schedule, and the
// check and repair of a damaged one. One thing at a time; its end is one sentence.
class History : public QObject
{
    Q_OBJECT
    Q_PROPERTY(QString doing READ doing NOTIFY doingChanged)
    Q_PROPERTY(qint64 messagesDone READ messagesDone NOTIFY progressChanged)
    Q_PROPERTY(QString result READ result NOTIFY resultChanged)
    Q_PROPERTY(bool failed READ failed NOTIFY resultChanged)
    Q_PROPERTY(QStringList findings READ findings NOTIFY resultChanged)
    Q_PROPERTY(QVariantList backups READ backups NOTIFY backupsChanged)

public:
    // All of them outlive this object.
    History(const storage::ProfileLock& lock, StoreBridge& store, ConversationModel& conversations,
            Settings& settings, QObject* parent = nullptr);
    ~History() override;

    QString doing() const { return m_doing; } // empty: nothing
    qint64 messagesDone() const { return m_messages; }
    QString result() const { return m_result; } // of what was done last; empty once dismissed
    bool failed() const { return m_failed; }
    QStringList findings() const { return m_findings; } // of a check, in SQLite's words
    QVariantList backups() const { return m_backups; }  // {file, time, size}, newest first

    // `format` is "json", "markdown" or "html". JSON, and a single conversation, goes into the file `where`;
    // several go into files of their own in the folder `where`. No ids: all conversations but the trash.
    Q_INVOKABLE void exportTo(const QVariantList& ids, const QString& format, const QUrl& where);
    Q_INVOKABLE void importFrom(const QUrl& file);
    Q_INVOKABLE QString fileName(const QVariantList& ids, const QString& format) const; // to suggest
    Q_INVOKABLE void backUpNow();
    Q_INVOKABLE void check();
    Q_INVOKABLE void repair();
    Q_INVOKABLE void restore(const QString& backup);
    Q_INVOKABLE void readBackups();
    Q_INVOKABLE void cancel();
    Q_INVOKABLE void dismiss();

signals:
    void doingChanged();
    void progressChanged();
    void resultChanged();
    void backupsChanged();

private:
    struct Outcome
    {
        QString sentence;
        bool failed = false;
        QStringList findings = {};
    };
    bool begin(const QString& doing);
    void end(const Outcome& outcome);
    void work(const QString& doing, std::function<Outcome()> work);
    bool count(qint64 messages);
    void backUpIfDue();

    const storage::ProfileLock& m_lock;
    StoreBridge& m_store;
    ConversationModel& m_conversations;
    Settings& m_settings;
    QString m_doing;
    qint64 m_messages = 0;
    QString m_result;
    bool m_failed = false;
    QStringList m_findings;
    QVariantList m_backups;
    std::atomic<bool> m_cancelled = false;
    std::atomic<qint64> m_counted = 0; // messages, by the thread that works
    QTimer m_progress_timer;
    QTimer m_backup_timer;
    Mailbox m_mailbox;
    std::optional<TaskThread> m_thread;
};

} // namespace ui
