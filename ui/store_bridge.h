// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"
#include "ui/mailbox.h"
#include "ui/task_thread.h"

#include <QObject>
#include <QPointer>
#include <QString>

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <type_traits>

namespace ui {

// Whole numbers below this reach a qint64 of ours exactly when QML passes them to a function. From here to
// 2^53 a double still holds them, but the odd ones arrive as their neighbours.
constexpr qint64 exact_in_qml = qint64(1) << 52;

// The way from the window to the history. Work is a function that runs on the store's thread, in the order of
// the calls; its result comes back to the GUI thread, through the event loop, to a function that is dropped
// when its context object is gone by then. Search has a thread and a read-only connection of its own, so that
// it never waits behind a write. Nothing here blocks the caller. Beside the history there is one in memory
// for temporary conversations, which the disk never sees.
class StoreBridge : public QObject
{
    Q_OBJECT

public:
    using Failed = std::function<void(const QString&)>;

    // Conversations and messages with an id from here on are temporary.
    static constexpr qint64 first_temporary = exact_in_qml / 2;
    static bool isTemporary(qint64 id) { return id >= first_temporary; }

    // `lock` outlives this object. The store is opened on its thread.
    explicit StoreBridge(const storage::ProfileLock& lock, QObject* parent = nullptr);
    // Carries out everything that was asked, then closes the store. An upgrade is taken back.
    ~StoreBridge() override;

    // work(storage::ChatStore&) -> Result; done(Result), or done() where the result is void. A failure goes
    // to `failed` with one sentence, or, where there is none, to the signal of that name.
    template <typename Work, typename Done>
    void run(QObject* context, Work work, Done done, Failed failed = {})
    {
        post(0, context, wrap(std::move(work), std::move(done)), std::move(failed));
    }
    // The same for what concerns one conversation or message: `work` gets the store that holds it.
    template <typename Work, typename Done>
    void run(qint64 about, QObject* context, Work work, Done done, Failed failed = {})
    {
        post(about, context, wrap(std::move(work), std::move(done)), std::move(failed));
    }
    // Closes the history, lets work(const storage::ProfileLock&) -> Result have its files, and opens it
    // again: opened() or refused(), then done(Result) or failed.
    template <typename Work, typename Done>
    void exchange(QObject* context, Work work, Done done, Failed failed)
    {
        postExchange(context, wrap(std::move(work), std::move(done)), std::move(failed));
    }

    // Only the latest search matters: an earlier one ends without calling its `done`.
    void search(QObject* context, const QString& query, std::int64_t limit, storage::SearchIn where,
                std::function<void(std::vector<storage::SearchHit>)> done);

    // What ChatReader::find_in_branch() gives, from the search thread in parts, so that a search waits for a
    // part at most. Of finds, too, only the latest matters.
    void find(QObject* context, qint64 conversation, const QString& text,
              std::function<void(std::vector<storage::MessageMatch>)> done, Failed failed);

    bool isOpen() const { return m_open; }
    void report(const QString& sentence) { emit failed(sentence); }

signals:
    // A history of an earlier version is being brought up to date, of which this step begins.
    void upgrading(int step, int steps);
    void opened();
    // The history cannot be opened at all; one sentence. Every later call fails with it, in silence where it
    // has no function for that.
    void refused(const QString& sentence);
    void failed(const QString& sentence);
    // Something in the history that is open cannot be read; the sentence about it follows.
    void damaged();

private:
    using Reply = std::function<void()>; // runs on the GUI thread
    using Task = std::function<Reply(storage::ChatStore&)>;
    using Exchange = std::function<Reply(const storage::ProfileLock&)>;

    template <typename Work, typename Done> static auto wrap(Work work, Done done)
    {
        return [work = std::move(work), done = std::move(done)](auto& subject) -> Reply {
            using Result = std::invoke_result_t<const Work&, decltype(subject)>;
            if constexpr (std::is_void_v<Result>) {
                work(subject);
                return done;
            } else {
                auto result = std::make_shared<Result>(work(subject));
                return [done, result] { done(std::move(*result)); };
            }
        };
    }

    void open();
    void post(qint64 about, QObject* context, Task task, Failed failed);
    void postExchange(QObject* context, Exchange exchange, Failed failed);
    void reply(QPointer<QObject> context, Reply reply);
    QString reason(const storage::Error& error); // its sentence; says that there is damage, where there is
    struct Find;
    void findNext(const std::shared_ptr<Find>& find);
    void openReader();
    void closeReader();

    const storage::ProfileLock& m_lock;
    std::stop_source m_closing;
    bool m_open = false; // GUI thread

    std::unique_ptr<storage::ChatStore> m_store;     // store thread
    QString m_refusal;                               // store thread; why there is no store
    std::unique_ptr<storage::ChatStore> m_temporary; // store thread; made when it is needed

    std::unique_ptr<storage::ChatReader> m_reader; // reader thread; set under m_reader_mutex
    std::mutex m_reader_mutex;
    std::atomic<std::uint64_t> m_search = 0; // the number of the latest search
    std::atomic<std::uint64_t> m_find = 0;   // and of the latest find

    Mailbox m_mailbox; // of the two threads
    std::optional<TaskThread> m_search_thread;
    std::optional<TaskThread> m_store_thread;
};

// What went wrong, in one sentence with its way out.
QString sentence(const storage::Error& error);

} // namespace ui
