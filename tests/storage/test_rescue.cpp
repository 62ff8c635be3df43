// SPDX-License-Identifier: MIT
#include "storage/backup.h"
#include "storage/chat_store.h"
#include "storage/migrations.h"
#include "storage/rescue.h"
#include "tests/storage/profile.h"

#include <fmt/format.h>

#include <map>
#include <random>

using namespace storage;
namespace fs = std::filesystem;

namespace {

constexpr int conversation_count = 40;
constexpr int turns = 12;
constexpr std::size_t page = 4096;

// Long enough that the rows lie on many pages, short enough that none needs a page of its own.
std::string text_of(int conversation, int turn)
{
    std::string text = fmt::format("conversation {} turn {} 北京", conversation, turn);
    while (text.size() < 600)
        text += fmt::format(" word {}", text.size() * 7919 % 1000);
    return text;
}

void write_history(const Profile& profile)
{
    const ProfileLock lock(profile.path());
    ChatStore store(lock);
    for (int c = 0; c < conversation_count; ++c) {
        const Id id = store.create_conversation();
        store.rename(id, fmt::format("title {}", c));
        store.set_tags(id, {"all", fmt::format("tag {}", c % 3)});
        for (int t = 0; t < turns; ++t)
            store.append_message(id, t % 2 == 0 ? Role::user : Role::assistant, text_of(c, t));
    }
}

std::map<Id, std::string> contents(ChatStore& store)
{
    std::map<Id, std::string> all;
    for (const Conversation& conversation : store.list_conversations(Scope::active))
        for (const Message& message : store.branch(conversation.id))
            all.emplace(message.id, message.content);
    return all;
}

void overwrite(const fs::path& file, std::size_t at, const std::string& bytes)
{
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(static_cast<std::streamoff>(at));
    stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

bool has_tables(const fs::path& file)
{
    return !error_of([&] {
        Connection database(file, Connection::Mode::read_only);
        database.run("SELECT length(sql) FROM sqlite_schema");
        database.run("SELECT id FROM messages LIMIT 0");
    });
}

} // namespace

class TestRescue : public QObject
{
    Q_OBJECT

private slots:
    void soundHistoryStaysWhole()
    {
        const Profile profile;
        write_history(profile);
        std::map<Id, std::string> before;
        Id edited = 0;
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            const Conversation first = store.list_conversations(Scope::active).back();
            edited = store.add_sibling(store.branch(first.id).front().id, "another beginning");
            before = contents(store);
        }
        const std::string bytes = bytes_of(profile.database());
        const ProfileLock lock(profile.path());
        const Rescued rescued = rescue(lock);
        QCOMPARE(rescued.conversations, std::int64_t{conversation_count});
        QCOMPARE(rescued.messages, std::int64_t{conversation_count * turns + 1});
        QCOMPARE(rescued.unreadable, std::int64_t{0});
        QVERIFY(bytes_of(rescued.kept / "fathom.sqlite") == bytes);

        ChatStore store(lock);
        QVERIFY(contents(store) == before);
        QCOMPARE(store.siblings(edited).size(), std::size_t{2});
        const Conversation one = store.list_conversations(Scope::active).front();
        QCOMPARE(one.tags.size(), std::size_t{2});
        QCOMPARE(store.search("京 turn", 10).size(), std::size_t{10});
        store.append_message(one.id, Role::user, "and on it goes");
    }

    void everyPageMayBeLost()
    {
        const Profile original;
        write_history(original);
        const std::string whole = bytes_of(original.database());
        const std::size_t pages = whole.size() / page;
        const auto seed = std::random_device{}();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        std::size_t fewest = conversation_count * turns;
        for (int round = 0; round < 15; ++round) {
            const Profile profile;
            const ProfileLock lock(profile.path());
            std::string damaged = whole;
            // The first page is tried in a test of its own.
            const std::size_t lost = 1 + random() % (pages - 1);
            for (std::size_t i = 0; i < page; ++i)
                damaged[lost * page + i] = static_cast<char>(random());
            std::ofstream(profile.database(), std::ios::binary) << damaged;

            // Some pages hold the description of the tables. Without it there is nothing to find, and nothing
            // is done.
            if (!has_tables(profile.database())) {
                const std::optional<Error> error = error_of([&] { rescue(lock); });
                QVERIFY(error);
                QCOMPARE(error->kind(), Error::Kind::corrupt);
                QVERIFY(bytes_of(profile.database()) == damaged);
                continue;
            }
            rescue(lock);
            {
                Connection rescued(profile.database(), Connection::Mode::read_only);
                QVERIFY(check(rescued).empty());
                QVERIFY(!rescued.prepare("PRAGMA foreign_key_check").step());
            }
            ChatStore store(lock);
            std::size_t exact = 0;
            for (const auto& [id, content] : contents(store)) {
                const int number = static_cast<int>(id) - 1;
                if (content == text_of(number / turns, number % turns))
                    ++exact;
            }
            fewest = std::min(fewest, exact);
            // A leaf of the table holds at most six of these messages. An inner page leads to many, and with
            // it goes all that lies below it.
            const char kind = whole[lost * page];
            const bool is_leaf = kind == 0x0d || kind == 0x0a;
            if (is_leaf)
                QVERIFY2(exact >= conversation_count * turns - 6,
                         qPrintable(QStringLiteral("page %1: %2 messages left").arg(lost).arg(exact)));
            store.create_conversation("still works");
        }
        qInfo("at least %zu of %d messages were rescued", fewest, conversation_count * turns);
    }

    void whatHangsTogetherStaysTogether()
    {
        const Profile profile;
        write_history(profile);
        const ProfileLock lock(profile.path());
        {
            // As a lost page would leave it: a message in the middle and a whole conversation are gone.
            Connection database(profile.database(), Connection::Mode::read_write);
            database.execute("PRAGMA foreign_keys = OFF; DELETE FROM messages WHERE id = 5;"
                             "DELETE FROM conversations WHERE id = 2; UPDATE conversations SET leaf = 999999 "
                             "WHERE id = 3");
        }
        const Rescued rescued = rescue(lock);
        QCOMPARE(rescued.messages, std::int64_t{conversation_count * turns - 1});
        QCOMPARE(rescued.conversations, std::int64_t{conversation_count});
        ChatStore store(lock);
        QCOMPARE(store.branch(1).size(), std::size_t{turns - 1}); // closed over the gap
        QCOMPARE(store.branch(2).size(), std::size_t{turns});
        QCOMPARE(store.conversation(2)->title, std::string("Recovered conversation"));
        QCOMPARE(store.branch(3).size(), std::size_t{turns});
    }

    void whatBelongsToAConversationIsKept()
    {
        const Profile profile;
        std::string uuid;
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            const Id id = store.create_conversation("kept");
            store.set_draft(id, "half a thought", 4);
            store.add_preset("Poet", R"({"temperature":1.2})");
            store.begin_answer(store.append_message(id, Role::user, "a word"), {"Starter", {}, {}, "{}", 1});
            uuid = store.conversation(id)->uuid;
        }
        const ProfileLock lock(profile.path());
        rescue(lock);
        ChatStore store(lock);
        const Conversation kept = *store.conversation(store.list_conversations(Scope::active).at(0).id);
        QCOMPARE(kept.uuid, uuid);
        QCOMPARE(kept.draft, std::string("half a thought"));
        QCOMPARE(kept.draft_cursor, 4);
        QCOMPARE(store.presets().at(0).name, std::string("Poet"));
        QCOMPARE(store.presets().at(0).settings, std::string(R"({"temperature":1.2})"));
        QCOMPARE(store.search("word model:starter after:2020", 10).size(), std::size_t{1});
    }

    void anEarlierVersionIsRescuedToo()
    {
        const Profile profile;
        fs::create_directories(profile.path());
        {
            Connection database(profile.database(), Connection::Mode::read_write);
            migrate(database, migrations().first(2), profile.backups());
            database.execute(R"sql(
                INSERT INTO conversations (id, title, title_is_automatic, settings, created_at, updated_at)
                VALUES (1, 'first', 0, '{}', 1, 1), (2, 'second', 0, '{}', 2, 2);
                INSERT INTO messages (id, conversation, parent, ordinal, chosen, role, status, created_at, content)
                VALUES (1, 1, NULL, 0, 1, 'user', 'complete', 1, 'of version two');
            )sql");
        }
        const ProfileLock lock(profile.path());
        const Rescued rescued = rescue(lock);
        QCOMPARE(rescued.conversations, std::int64_t{2});
        QCOMPARE(rescued.messages, std::int64_t{1});
        ChatStore store(lock);
        QCOMPARE(store.search("version", 10).size(), std::size_t{1});
        QVERIFY(store.conversation(1)->uuid.size() == 32);
        QVERIFY(store.conversation(1)->uuid != store.conversation(2)->uuid);
    }

    void logIsRead()
    {
        const Profile profile;
        const Profile copy;
        write_history(profile);
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            const Id id = store.create_conversation();
            store.append_message(id, Role::user, "only in the log");
            fs::create_directories(copy.path());
            fs::copy(profile.database(), copy.database());
            fs::copy(fs::path(profile.database()) += "-wal", fs::path(copy.database()) += "-wal");
        }
        const ProfileLock lock(copy.path());
        QCOMPARE(rescue(lock).conversations, std::int64_t{conversation_count + 1});
        ChatStore store(lock);
        QCOMPARE(store.search("only in the log", 5).size(), std::size_t{1});
    }

    void backupServesWhereNothingCanBeRead()
    {
        const Profile profile;
        write_history(profile);
        fs::path backup;
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            backup = store.backup_now();
        }
        overwrite(profile.database(), 0, std::string(page, '#'));
        const std::string damaged = bytes_of(profile.database());
        const ProfileLock lock(profile.path());
        const std::optional<Error> error = error_of([&] { rescue(lock); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::corrupt);
        QVERIFY(bytes_of(profile.database()) == damaged);

        QVERIFY(backups_in(profile.backups()) == std::vector<fs::path>{backup});
        const fs::path kept = restore_backup(lock, backup);
        QVERIFY(bytes_of(kept / "fathom.sqlite") == damaged);
        ChatStore store(lock);
        QCOMPARE(contents(store).size(), std::size_t{conversation_count * turns});
    }

    void damagedBackupIsRefused()
    {
        const Profile profile;
        write_history(profile);
        const ProfileLock lock(profile.path());
        fs::path backup;
        {
            ChatStore store(lock);
            backup = store.backup_now();
        }
        const std::string before = bytes_of(profile.database());
        overwrite(backup, 3 * page, std::string(page, '\x5a'));
        const std::optional<Error> error = error_of([&] { restore_backup(lock, backup); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::corrupt);
        QVERIFY(QString::fromUtf8(error->what()).contains(QString::fromStdString(backup.string())));
        QVERIFY(bytes_of(profile.database()) == before);
        QVERIFY(!fs::exists(profile.path() / "rescue.partial"));
    }

    void interruptedExchangeIsCompleted()
    {
        const Profile profile;
        const Profile other;
        write_history(profile);
        {
            const ProfileLock lock(other.path());
            ChatStore store(lock);
            store.append_message(store.create_conversation(), Role::user, "the new history");
        }
        fs::copy(other.database(), profile.path() / "replacement.sqlite");
        std::ofstream(fs::path(profile.database()) += "-wal") << "a log of the old history";
        const ProfileLock lock(profile.path());
        ChatStore store(lock);
        QCOMPARE(store.count_conversations().active, std::int64_t{1});
        QCOMPARE(store.search("the new history", 5).size(), std::size_t{1});
        QVERIFY(!fs::exists(profile.path() / "replacement.sqlite"));
    }

    void checkNamesTheDamage()
    {
        const Profile profile;
        write_history(profile);
        {
            Connection database(profile.database(), Connection::Mode::read_only);
            QVERIFY(check(database).empty());
        }
        overwrite(profile.database(), 9 * page, std::string(page, '\x5a'));
        Connection database(profile.database(), Connection::Mode::read_only);
        QVERIFY(!check(database).empty());
    }
};

QTEST_APPLESS_MAIN(TestRescue)
#include "test_rescue.moc"
