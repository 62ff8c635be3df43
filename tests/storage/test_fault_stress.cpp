// SPDX-License-Identifier: MIT
// Faults of every kind strike at random moments of a long session: while the history is opened, written,
// read, copied, exported to and imported from, several at once, with too little room, one after the other on
// the same history. Whatever was acknowledged is there after each of them; what was refused is there as it
// was or as it was to become. FATHOM_STRESS_SECONDS says how long; FATHOM_SEED repeats a run.
#include "storage/backup.h"
#include "storage/chat_store.h"
#include "storage/rescue.h"
#include "tests/storage/fault_vfs.h"
#include "tests/storage/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <set>

using namespace storage;
using fault_vfs::Call;
using fault_vfs::Failure;
namespace fs = std::filesystem;

namespace {

// What a conversation or message may be like: one thing as far as we know, more after a change that failed.
struct Possible
{
    std::set<std::string> values; // title or text
    bool may_be_gone = false;
};
using Things = std::map<Id, Possible>;

} // namespace

class TestFaultStress : public QObject
{
    Q_OBJECT

    std::mt19937 m_random;
    Things m_conversations;
    Things m_messages;
    std::map<Id, Id> m_place; // the conversation of each message
    std::set<Id> m_writing;   // answers
    bool m_is_faulty = false;
    int m_errors = 0;

    int below(int bound) { return static_cast<int>(m_random() % static_cast<unsigned>(bound)); }
    Id any(const Things& things)
    {
        return things.empty() ? 0 : std::next(things.begin(), below(static_cast<int>(things.size())))->first;
    }
    std::string text()
    {
        return std::string(static_cast<std::size_t>(1) << below(16), static_cast<char>('a' + below(26)));
    }

    // False where it failed, which it may only while the disk does.
    bool attempt(const std::function<void()>& action)
    {
        const auto error = error_of(action);
        if (!error)
            return true;
        ++m_errors;
        if (!m_is_faulty && !QTest::currentTestFailed())
            QTest::qFail(error->what(), __FILE__, __LINE__);
        return false;
    }

    void change(Things& things, Id id, const std::string& value, const std::function<void()>& action)
    {
        Possible& thing = things.at(id);
        if (attempt(action))
            thing.values = {value};
        else
            thing.values.insert(value);
    }

    void inject()
    {
        m_is_faulty = true;
        const int nth = 1 << below(8);
        if (below(4) == 0) {
            fault_vfs::set_room(below(200) << 10);
            return;
        }
        const Call call = Call(below(static_cast<int>(fault_vfs::call_kinds)));
        const bool takes_room = call == Call::open || call == Call::write;
        const Failure failure = takes_room ? Failure(below(3)) : Failure::io;
        fault_vfs::fail(call, failure, 1 + below(nth), below(2) == 0);
    }

    void do_one_thing(ChatStore& store, const fs::path& outside)
    {
        const Id conversation = any(m_conversations);
        const Id message = any(m_messages);
        switch (below(16)) {
        case 0:
            attempt([&] { m_conversations[store.create_conversation("new")] = {{"new"}, false}; });
            break;
        case 1:
        case 2:
        case 3:
            if (conversation != 0) {
                const std::string words = text();
                attempt([&] {
                    const Id id = store.append_message(conversation, Role::user, words);
                    m_messages[id] = {{words}, false};
                    m_place[id] = conversation;
                });
            }
            break;
        case 4:
        case 5:
            if (message != 0 && !m_writing.contains(message))
                attempt([&] {
                    const Id id = store.begin_answer(message, {});
                    m_messages[id] = {{""}, false};
                    m_place[id] = m_place[message];
                    m_writing.insert(id);
                });
            break;
        case 6:
        case 7:
            if (!m_writing.empty()) {
                const Id id = *std::next(m_writing.begin(), below(static_cast<int>(m_writing.size())));
                const std::string words = text();
                change(m_messages, id, words, [&] { store.update_answer(id, words, {1, 2}); });
            }
            break;
        case 8:
            if (!m_writing.empty()) {
                const Id id = *m_writing.begin();
                const std::string words = text();
                change(m_messages, id, words, [&] {
                    AnswerResult result;
                    result.text = words;
                    store.finish_answer(id, result);
                });
                m_writing.erase(id); // it may have been finished even so
            }
            break;
        case 9:
            if (conversation != 0) {
                const std::string title = "title " + std::to_string(m_random());
                change(m_conversations, conversation, title, [&] { store.rename(conversation, title); });
            }
            break;
        case 10:
            if (conversation != 0 && below(3) == 0)
                erase(store, conversation);
            break;
        case 11:
            if (message != 0)
                attempt([&] {
                    const Id fork = store.fork(message, "fork");
                    m_conversations[fork] = {{"fork"}, false};
                });
            break;
        case 12:
            attempt([&] { store.idle(); });
            break;
        case 13:
            if (below(4) == 0)
                attempt([&] { store.backup_now(); });
            else if (conversation != 0)
                attempt([&] {
                    store.set_tags(conversation, {"one", "two"});
                    store.set_folder(conversation, "Folder");
                    if (message != 0)
                        store.choose_branch(message);
                });
            break;
        case 14:
            if (conversation != 0)
                attempt([&] {
                    const fs::path file = outside / "exported.json";
                    store.export_json({conversation}, file);
                    for (const Id id : store.import_json(file, IfPresent::copy).conversations)
                        m_conversations[id] = {{store.conversation(id)->title}, false};
                });
            break;
        case 15:
            attempt([&] { store.search("title", 5); });
            if (message != 0) // what is told while the disk fails is true
                attempt([&] {
                    const auto found = store.message(message);
                    const Possible& known = m_messages.at(message);
                    QVERIFY(found ? known.values.contains(found->content) : known.may_be_gone);
                });
            break;
        }
    }

    void erase(ChatStore& store, Id conversation)
    {
        const bool done = attempt([&] { store.delete_for_ever(conversation); });
        for (auto one = m_place.begin(); one != m_place.end();) {
            if (one->second != conversation) {
                ++one;
                continue;
            }
            m_writing.erase(one->first);
            if (done)
                m_messages.erase(one->first);
            else
                m_messages.at(one->first).may_be_gone = true;
            one = done ? m_place.erase(one) : std::next(one);
        }
        if (done)
            m_conversations.erase(conversation);
        else
            m_conversations.at(conversation).may_be_gone = true;
    }

    // All is as it may be; from here on it is as it is.
    template <typename Find> void settle(Things& things, Find find)
    {
        for (auto one = things.begin(); one != things.end();) {
            const std::optional<std::string> value = find(one->first);
            if (!value) {
                QVERIFY2(one->second.may_be_gone, std::to_string(one->first).c_str());
                m_place.erase(one->first);
                m_writing.erase(one->first);
                one = things.erase(one);
                continue;
            }
            QVERIFY2(one->second.values.contains(*value), std::to_string(one->first).c_str());
            one->second = {{*value}, false};
            ++one;
        }
    }

    void verify(ChatReader& reader)
    {
        settle(m_conversations, [&](Id id) -> std::optional<std::string> {
            const auto found = reader.conversation(id);
            return found ? std::optional(found->title) : std::nullopt;
        });
        if (QTest::currentTestFailed())
            return;
        settle(m_messages, [&](Id id) -> std::optional<std::string> {
            const auto found = reader.message(id);
            return found ? std::optional(found->content) : std::nullopt;
        });
        // Which of them are still being written is for the store to say.
        for (auto one = m_writing.begin(); one != m_writing.end();)
            one = reader.message(*one)->status == Status::streaming ? std::next(one) : m_writing.erase(one);
    }

    void heal(std::optional<ChatStore>& store, const ProfileLock& lock)
    {
        fault_vfs::heal();
        fault_vfs::set_room(-1);
        m_is_faulty = false;
        attempt([&] {
            if (!store)
                store.emplace(lock);
            else if (store->is_broken())
                store->reopen();
            verify(*store);
        });
    }

    static const char* why(unsigned seed)
    {
        static char text[40];
        std::snprintf(text, sizeof text, "FATHOM_SEED=%u", seed);
        return text;
    }

private slots:
    void initTestCase() { fault_vfs::install(); }

    void whatever_strikes_what_was_acknowledged_stays()
    {
        const char* given = std::getenv("FATHOM_SEED");
        unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        using Clock = std::chrono::steady_clock;
        const auto end = Clock::now() + std::chrono::seconds(FATHOM_STRESS_SECONDS);
        int profiles = 0;
        int faults = 0;
        for (; Clock::now() < end || profiles == 0; ++seed) {
            ++profiles;
            m_random.seed(seed);
            Profile outside;
            fs::create_directories(outside.path());
            m_conversations.clear();
            m_messages.clear();
            m_place.clear();
            m_writing.clear();
            Profile profile;
            const ProfileLock lock(profile.path());
            std::optional<ChatStore> store(std::in_place, lock);
            for (int round = 0; round < 60 && Clock::now() < end; ++round) {
                for (int i = below(6); i > 0; --i)
                    do_one_thing(*store, outside.path());
                inject();
                ++faults;
                for (int i = 1 + below(12); i > 0; --i) {
                    if (below(12) == 0) { // a start, too
                        store.reset();
                        m_writing.clear(); // is interrupted by it
                    }
                    if (!store && !attempt([&] { store.emplace(lock); }))
                        store.reset();
                    if (store)
                        do_one_thing(*store, outside.path());
                    if (below(5) == 0)
                        inject(); // a second one
                    QVERIFY2(!QTest::currentTestFailed(), why(seed));
                }
                heal(store, lock);
                QVERIFY2(!QTest::currentTestFailed(), why(seed));
                if (round % 10 == 9) {
                    Connection database(profile.database(), Connection::Mode::copy_only);
                    const std::vector<std::string> findings = check(database);
                    QVERIFY2(findings.empty(), findings.empty() ? "" : findings.front().c_str());
                    for (const fs::path& backup : backups_in(profile.path() / "backups")) {
                        Connection copy(backup, Connection::Mode::copy_only);
                        QVERIFY2(check(copy).empty(), backup.c_str());
                    }
                }
            }
            // The search index counts what it holds: taking more out of it than that would be damage to it.
            for (const auto& [id, conversation] : m_conversations)
                change(m_conversations, id, "last", [&, one = id] { store->rename(one, "last"); });
            QVERIFY2(!QTest::currentTestFailed(), why(seed));
        }
        qInfo("%d histories, %d faults, %d errors, up to FATHOM_SEED=%u", profiles, faults, m_errors,
              seed - 1);
        QVERIFY(m_errors > 0);
    }
};

QTEST_APPLESS_MAIN(TestFaultStress)
#include "test_fault_stress.moc"
