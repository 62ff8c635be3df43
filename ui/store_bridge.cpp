// SPDX-License-Identifier: MIT
#include "ui/store_bridge.h"

#include "storage/error.h"
#include "ui/text.h"

#include <QCoreApplication>

#include <algorithm>
#include <future>
#include <span>

namespace ui {

namespace {
constexpr std::size_t find_at_once = 4096; // messages: some hundredths of a second
}

// A find that goes on.
struct StoreBridge::Find
{
    std::uint64_t number = 0;
    qint64 conversation = 0;
    std::string text;
    QPointer<QObject> context;
    std::function<void(std::vector<storage::MessageMatch>)> done;
    Failed failed;
    std::vector<storage::MessageHead> heads; // of the whole branch, once it has begun
    std::size_t at = 0;                      // examined so far
    std::vector<storage::MessageMatch> matches;
};

QString sentence(const storage::Error& error)
{
    using Kind = storage::Error::Kind;
    const auto tr = [](const char* text) { return QCoreApplication::translate("Store", text); };
    switch (error.kind()) {
    case Kind::full:
        return tr("The disk is full. Make room, then try again: nothing that was saved is lost.");
    case Kind::read_only:
        return tr("The history cannot be written: no permission for %1.").arg(toQt(error.where()));
    case Kind::corrupt:
        return tr("%1. Nothing in it was changed; earlier copies are in the folder “backups” beside it.")
            .arg(toQt(error.what()));
    default:
        return toQt(error.what());
    }
}

StoreBridge::StoreBridge(const storage::ProfileLock& lock, QObject* parent)
    : QObject(parent)
    , m_lock(lock)
{
    m_search_thread.emplace();
    // Quiet moments bring the log into the database and clean up; what fails there fails again, and is
    // reported, at the next write.
    m_store_thread.emplace([this] {
        try {
            return m_store && !m_store->is_broken() && m_store->idle();
        } catch (const storage::Error&) {
            return false;
        }
    });
    m_store_thread->post([this] { open(); });
}

StoreBridge::~StoreBridge()
{
    m_closing.request_stop();
    ++m_search; // searches that wait end at once
    ++m_find;
    {
        const std::lock_guard guard(m_reader_mutex);
        if (m_reader)
            m_reader->interrupt();
    }
    m_store_thread.reset();
    m_search_thread.reset();
}

void StoreBridge::open()
{
    m_refusal.clear();
    try {
        m_store = std::make_unique<storage::ChatStore>(
            m_lock, storage::Upgrade{.begins =
                                         [this](int step, int steps) {
                                             reply(this,
                                                   [this, step, steps] { emit upgrading(step, steps); });
                                         },
                                     .stop = m_closing.get_token()});
    } catch (const storage::Error& error) {
        m_refusal = sentence(error);
    } catch (const std::exception& error) {
        m_refusal = tr("The history cannot be opened: %1").arg(toQt(error.what()));
    }
    if (!m_refusal.isEmpty()) {
        reply(this, [this, why = m_refusal] { emit refused(why); });
        return;
    }
    m_search_thread->post([this] { openReader(); });
    reply(this, [this] {
        m_open = true;
        emit opened();
    });
}

void StoreBridge::openReader()
{
    try {
        auto reader = std::make_unique<storage::ChatReader>(m_lock.profile());
        const std::lock_guard guard(m_reader_mutex);
        m_reader = std::move(reader);
    } catch (const storage::Error& error) {
        reply(this, [this, why = reason(error)] { emit failed(why); });
    }
}

// Returns when the search thread has let go of the file.
void StoreBridge::closeReader()
{
    ++m_search;
    {
        const std::lock_guard guard(m_reader_mutex);
        if (m_reader)
            m_reader->interrupt();
    }
    std::promise<void> closed;
    m_search_thread->post([this, &closed] {
        {
            const std::lock_guard guard(m_reader_mutex);
            m_reader.reset();
        }
        closed.set_value();
    });
    closed.get_future().wait();
}

void StoreBridge::post(qint64 about, QObject* context, Task task, Failed failed)
{
    m_store_thread->post([this, about, context = QPointer<QObject>(context), task = std::move(task),
                          failed = std::move(failed)] {
        QString why = m_refusal;
        try {
            storage::ChatStore* store = m_store.get();
            if (isTemporary(about)) {
                if (!m_temporary)
                    m_temporary = std::make_unique<storage::ChatStore>(storage::InMemory{first_temporary});
                store = m_temporary.get();
            } else if (store && store->is_broken()) {
                store->reopen();
            }
            if (store) {
                reply(context, task(*store));
                return;
            }
        } catch (const storage::Error& error) {
            why = reason(error);
        } catch (const std::exception& error) {
            why = tr("The history could not be read or written: %1").arg(toQt(error.what()));
        }
        if (failed)
            reply(context, [failed, why] { failed(why); });
        else
            reply(this, [this, why] { emit this->failed(why); });
    });
}

void StoreBridge::postExchange(QObject* context, Exchange exchange, Failed failed)
{
    m_store_thread->post([this, context = QPointer<QObject>(context), exchange = std::move(exchange),
                          failed = std::move(failed)] {
        closeReader();
        m_store.reset();
        reply(this, [this] { m_open = false; });
        Reply answer;
        try {
            answer = exchange(m_lock);
        } catch (const storage::Error& error) {
            answer = [failed, why = sentence(error)] { failed(why); };
        } catch (const std::exception& error) {
            answer = [failed, why = toQt(error.what())] { failed(why); };
        }
        open();
        reply(context, std::move(answer));
    });
}

QString StoreBridge::reason(const storage::Error& error)
{
    if (error.kind() == storage::Error::Kind::corrupt)
        reply(this, [this] { emit damaged(); });
    return sentence(error);
}

void StoreBridge::reply(QPointer<QObject> context, Reply reply)
{
    m_mailbox.post([context = std::move(context), reply = std::move(reply)] {
        if (context && reply)
            reply();
    });
}

void StoreBridge::search(QObject* context, const QString& query, std::int64_t limit, storage::SearchIn where,
                         std::function<void(std::vector<storage::SearchHit>)> done)
{
    const std::uint64_t number = ++m_search;
    {
        const std::lock_guard guard(m_reader_mutex);
        if (m_reader)
            m_reader->interrupt(); // the search before this one
    }
    m_search_thread->post([this, number, context = QPointer<QObject>(context), text = toUtf8(query), limit,
                           where, done = std::move(done)] {
        // An interrupt meant for the search before may hit this one just as it begins: begin again.
        while (m_reader && number == m_search) {
            try {
                auto hits =
                    std::make_shared<std::vector<storage::SearchHit>>(m_reader->search(text, limit, where));
                reply(context, [this, number, done, hits] {
                    if (number == m_search)
                        done(std::move(*hits));
                });
                return;
            } catch (const storage::Error& error) {
                if (error.kind() == storage::Error::Kind::cancelled)
                    continue;
                reply(this, [this, why = reason(error)] { emit failed(why); });
                return;
            } catch (const std::exception& error) {
                reply(this, [this, why = toQt(error.what())] { emit failed(why); });
                return;
            }
        }
    });
}

void StoreBridge::find(QObject* context, qint64 conversation, const QString& text,
                       std::function<void(std::vector<storage::MessageMatch>)> done, Failed failed)
{
    const std::uint64_t number = ++m_find;
    const auto answer = [this, number, done = std::move(done)](std::vector<storage::MessageMatch> matches) {
        if (number == m_find)
            done(std::move(matches));
    };
    if (isTemporary(conversation)) {
        const auto find = [conversation, text = toUtf8(text)](storage::ChatStore& store) {
            return store.find_in_branch(conversation, text);
        };
        run(conversation, context, find, answer, std::move(failed));
        return;
    }
    auto find = std::make_shared<Find>();
    find->number = number;
    find->conversation = conversation;
    find->text = toUtf8(text);
    find->context = context;
    find->done = answer;
    find->failed = std::move(failed);
    m_search_thread->post([this, find] { findNext(find); });
}

// On the search thread: one part, then whatever waits, then the next one.
void StoreBridge::findNext(const std::shared_ptr<Find>& find)
{
    if (find->number != m_find)
        return;
    bool again = false;
    try {
        if (m_reader && find->at == 0)
            find->heads = m_reader->branch_heads(find->conversation);
        const std::size_t count = std::min(find_at_once, find->heads.size() - find->at);
        if (m_reader && count > 0) {
            const auto found = m_reader->find_among(
                find->conversation, std::span(find->heads).subspan(find->at, count), find->text);
            find->matches.insert(find->matches.end(), found.begin(), found.end());
        }
        find->at += count;
    } catch (const storage::Error& error) {
        again = error.kind() == storage::Error::Kind::cancelled; // by a search
        if (!again) {
            reply(find->context, [find, why = reason(error)] { find->failed(why); });
            return;
        }
    } catch (const std::exception& error) {
        reply(find->context, [find, why = toQt(error.what())] { find->failed(why); });
        return;
    }
    if (again || (m_reader && find->at < find->heads.size()))
        m_search_thread->post([this, find] { findNext(find); });
    else
        reply(find->context, [find] { find->done(std::move(find->matches)); });
}

} // namespace ui
