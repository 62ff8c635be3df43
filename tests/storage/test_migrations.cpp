// SPDX-License-Identifier: MIT
#include "storage/backup.h"
#include "storage/chat_store.h"
#include "storage/migrations.h"
#include "tests/storage/profile.h"

#include <algorithm>
#include <chrono>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

using namespace storage;
namespace fs = std::filesystem;

namespace {

std::int64_t number(Connection& database, const char* sql)
{
    return database.query(sql).first_integer();
}

std::string word(Connection& database, const char* sql)
{
    Statement row = database.prepare(sql);
    return row.step() ? std::string(row.text(0)) : std::string();
}

// A database as the program of that version left it, with one conversation of two messages.
void make_version(const Profile& profile, int version)
{
    fs::create_directories(profile.path());
    Connection database(profile.database(), Connection::Mode::read_write);
    database.use_write_ahead_log();
    migrate(database, migrations().first(static_cast<std::size_t>(version)), profile.backups());
    database.execute(R"sql(
        BEGIN;
        INSERT INTO conversations (id, title, title_is_automatic, settings, created_at, updated_at)
        VALUES (7, 'Letters from 北京', 0, '{}', 1000, 2000);
        INSERT INTO messages
            (id, conversation, parent, ordinal, chosen, role, status, created_at, content) VALUES
            (11, 7, NULL, 0, 1, 'user', 'complete', 1000, 'How is the weather?'),
            (12, 7, 11, 0, 1, 'assistant', 'complete', 2000, 'Sunny, as ever.');
        UPDATE conversations SET leaf = 12;
        COMMIT;
    )sql");
    if (version >= 2) // from here on there is a search index
        database.execute(R"sql(
            INSERT INTO message_trigrams (message_trigrams) VALUES ('rebuild');
            INSERT INTO message_bigrams (message_bigrams) VALUES ('rebuild');
            INSERT INTO title_trigrams (title_trigrams) VALUES ('rebuild');
            INSERT INTO title_bigrams (title_bigrams) VALUES ('rebuild');
        )sql");
}

std::vector<fs::path> files_in(const fs::path& directory)
{
    std::vector<fs::path> files;
    if (fs::exists(directory))
        for (const fs::directory_entry& entry : fs::directory_iterator(directory))
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

class TestMigrations : public QObject
{
    Q_OBJECT

private slots:
    void the_list_counts_up()
    {
        int expected = 1;
        for (const Migration& step : migrations())
            QCOMPARE(step.version, expected++);
        QCOMPARE(supported_version(), expected - 1);
    }

    void a_fresh_database_gets_everything_and_no_backup()
    {
        Profile profile;
        const ProfileLock lock(profile.path());
        {
            ChatStore store(lock);
            QVERIFY(store.list_conversations(Scope::active).empty());
        }
        Connection database(profile.database(), Connection::Mode::read_write);
        QCOMPARE(version_of(database), supported_version());
        QCOMPARE(word(database, "PRAGMA journal_mode"), std::string("wal"));
        QCOMPARE(number(database, "PRAGMA synchronous"), 2);
        QCOMPARE(number(database, "PRAGMA foreign_keys"), 1);
        QCOMPARE(number(database, "PRAGMA secure_delete"), 1);
        QCOMPARE(number(database, "PRAGMA trusted_schema"), 0);
        QCOMPARE(word(database, "PRAGMA integrity_check"), std::string("ok"));
        QVERIFY(!fs::exists(profile.backups()));
    }

    void each_earlier_version_is_brought_up_to_date_data()
    {
        QTest::addColumn<int>("version");
        for (int version = 1; version <= supported_version(); ++version)
            QTest::addRow("%d", version) << version;
    }

    void each_earlier_version_is_brought_up_to_date()
    {
        QFETCH(int, version);
        Profile profile;
        make_version(profile, version);
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            const std::vector<Message> branch = store.branch(7);
            QCOMPARE(branch.size(), std::size_t(2));
            QCOMPARE(branch[1].content, std::string("Sunny, as ever."));
            QCOMPARE(store.search("weather", 10).size(), std::size_t(1));
            QCOMPARE(store.search("北京", 10).size(), std::size_t(1));
        }
        const std::vector<fs::path> backups = files_in(profile.backups());
        QCOMPARE(backups.size(), std::size_t(version < supported_version() ? 1 : 0));
        for (const fs::path& file : backups) {
            Connection backup(file, Connection::Mode::read_only);
            QCOMPARE(version_of(backup), version);
            QCOMPARE(number(backup, "SELECT count(*) FROM messages"), 2);
            QCOMPARE(word(backup, "PRAGMA integrity_check"), std::string("ok"));
        }
    }

    void an_upgrade_tells_its_steps_and_a_new_history_none()
    {
        Profile profile;
        std::vector<std::pair<int, int>> told;
        const Upgrade upgrade{.begins = [&](int step, int steps) { told.emplace_back(step, steps); }};
        {
            const ProfileLock lock(profile.path());
            const ChatStore store(lock, upgrade);
        }
        QVERIFY(told.empty());
        Profile old;
        make_version(old, 2);
        const ProfileLock lock(old.path());
        const ChatStore store(lock, upgrade);
        const int steps = supported_version() - 2 + 1; // and the copy
        QCOMPARE(told.size(), static_cast<std::size_t>(steps));
        for (int i = 0; i < steps; ++i)
            QCOMPARE(told[static_cast<std::size_t>(i)], std::pair(i + 1, steps));
    }

    void an_upgrade_that_is_stopped_leaves_the_history_as_it_was()
    {
        Profile profile;
        make_version(profile, 1);
        const ProfileLock lock(profile.path());
        for (int at = 1; at <= supported_version(); ++at) {
            std::stop_source stop;
            const auto error = error_of([&] {
                ChatStore(lock, {.begins =
                                     [&](int step, int) {
                                         if (step == at)
                                             stop.request_stop();
                                     },
                                 .stop = stop.get_token()});
            });
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::cancelled);
            Connection database(profile.database(), Connection::Mode::read_only);
            QCOMPARE(version_of(database), 1);
            QCOMPARE(number(database, "SELECT count(*) FROM messages"), 2);
        }
        ChatStore store(lock);
        QCOMPARE(store.branch(7).size(), std::size_t(2));
    }

    void an_upgrade_stops_within_a_step()
    {
        Profile profile;
        make_version(profile, supported_version());
        std::vector<Migration> steps(migrations().begin(), migrations().end());
        steps.push_back({supported_version() + 1, "a long step", R"sql(
            CREATE TABLE numbers AS
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 10000000000)
                SELECT count(*) AS count FROM n
        )sql"});
        std::stop_source stop;
        std::thread stopper;
        Connection database(profile.database(), Connection::Mode::read_write);
        const Upgrade upgrade{.begins =
                                  [&](int step, int) {
                                      if (step == 2)
                                          stopper = std::thread([&] {
                                              std::this_thread::sleep_for(std::chrono::milliseconds(50));
                                              stop.request_stop();
                                          });
                                  },
                              .stop = stop.get_token()};
        const auto error = error_of([&] { migrate(database, steps, profile.backups(), upgrade); });
        stopper.join();
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::cancelled);
        QCOMPARE(version_of(database), supported_version());
        QCOMPARE(number(database, "SELECT count(*) FROM sqlite_schema WHERE name = 'numbers'"), 0);
    }

    void a_newer_database_is_refused_and_left_alone_data()
    {
        QTest::addColumn<bool>("with_log");
        QTest::newRow("closed cleanly") << false;
        QTest::newRow("with a log left by a crash") << true;
    }

    void a_newer_database_is_refused_and_left_alone()
    {
        QFETCH(bool, with_log);
        Profile profile;
        make_version(profile, supported_version());
        const fs::path log = profile.database().string() + "-wal";
        {
            Connection database(profile.database(), Connection::Mode::read_write);
            database.use_write_ahead_log();
            database.execute("PRAGMA user_version = 1000");
            if (with_log) { // copies of the files while they are open are what a kill leaves
                fs::copy_file(profile.database(), profile.path() / "db");
                fs::copy_file(log, profile.path() / "log");
            }
        }
        if (with_log) {
            fs::rename(profile.path() / "db", profile.database());
            fs::rename(profile.path() / "log", log);
        }
        const std::string before = bytes_of(profile.database());
        const std::string log_before = bytes_of(log);
        QCOMPARE(log_before.empty(), !with_log);

        const ProfileLock lock(profile.path());
        for (const bool writer : {true, false}) {
            const auto error = error_of([&] {
                if (writer)
                    ChatStore store(lock);
                else
                    ChatReader reader(profile.path());
            });
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::too_new);
            QCOMPARE(error->where(), profile.database().string());
            const std::string what = error->what();
            for (const std::string& part : {profile.database().string(), std::string("version 1000"),
                                            "version " + std::to_string(supported_version())})
                QVERIFY2(what.find(part) != std::string::npos, what.c_str());
        }
        QVERIFY(bytes_of(profile.database()) == before);
        QVERIFY(bytes_of(log) == log_before);
        QVERIFY(!fs::exists(profile.backups()));
    }

    void a_failing_step_undoes_all_steps()
    {
        Profile profile;
        make_version(profile, 1);
        std::vector<Migration> steps(migrations().begin(), migrations().end());
        steps.push_back(
            {supported_version() + 1, "a new table", "CREATE TABLE added (x) STRICT; SELECT nonsense"});
        const auto dump = [&] {
            Connection database(profile.database(), Connection::Mode::read_only);
            std::string all = std::to_string(version_of(database));
            Statement row =
                database.prepare("SELECT name || ifnull(sql, '') FROM sqlite_schema ORDER BY name");
            while (row.step())
                all += std::string(row.text(0));
            return all + word(database, "SELECT group_concat(content) FROM messages");
        };
        const std::string before = dump();
        {
            Connection database(profile.database(), Connection::Mode::read_write);
            database.use_write_ahead_log();
            const auto error = error_of([&] { migrate(database, steps, profile.backups()); });
            QVERIFY(error);
            const std::string what = error->what();
            QVERIFY2(what.find("a new table") != std::string::npos, what.c_str());
            QVERIFY2(what.find("left as it was") != std::string::npos, what.c_str());
        }
        QVERIFY(dump() == before);
        QCOMPARE(files_in(profile.backups()).size(), std::size_t(1));

        const ProfileLock lock(profile.path()); // and the true list still works afterwards
        QCOMPARE(ChatStore(lock).branch(7).size(), std::size_t(2));
    }

    void a_failing_backup_stops_the_migration()
    {
        Profile profile;
        make_version(profile, 1);
        std::ofstream(profile.backups()) << "a file where the folder should be";
        const std::string before = bytes_of(profile.database());
        const ProfileLock lock(profile.path());
        QVERIFY(error_of([&] { ChatStore store(lock); }));
        QVERIFY(bytes_of(profile.database()) == before);
    }

    void three_backups_are_kept()
    {
        Profile profile;
        const ProfileLock lock(profile.path());
        ChatStore store(lock);
        std::vector<fs::path> made;
        for (int i = 0; i < 5; ++i) {
            store.create_conversation(std::to_string(i));
            made.push_back(store.backup_now());
            QTest::qSleep(2); // their names hold milliseconds
        }
        const std::vector<fs::path> kept = files_in(profile.backups());
        QVERIFY(kept == std::vector<fs::path>(made.end() - kept_backups, made.end()));
        Connection newest(kept.back(), Connection::Mode::read_only);
        QCOMPARE(number(newest, "SELECT count(*) FROM conversations"), 5);
    }

    void a_scheduled_backup_is_made_when_it_is_due()
    {
        constexpr Time day = 24LL * 60 * 60 * 1000;
        Profile profile;
        const ProfileLock lock(profile.path());
        ChatStore store(lock);
        store.create_conversation("kept");
        const std::optional<fs::path> first = backup_if_due(profile.path(), day);
        QVERIFY(first);
        QVERIFY(std::abs(now() - time_of_backup(*first).value_or(0)) < 60000);
        QVERIFY(!backup_if_due(profile.path(), day)); // made just now
        {
            Connection copy(*first, Connection::Mode::read_only);
            QCOMPARE(word(copy, "SELECT title FROM conversations"), std::string("kept"));
        }

        // Two days old, and one that a wrong clock dated far ahead.
        fs::rename(*first, profile.backups() / "fathom-20261122-100000-000-v3.db");
        const std::optional<fs::path> second = backup_if_due(profile.path(), day);
        QVERIFY(second);
        fs::rename(*second, profile.backups() / "fathom-29991122-100000-000-v3.db");
        QVERIFY(backup_if_due(profile.path(), day));
        QCOMPARE(backups_in(profile.backups()).size(), std::size_t(3));
        std::ofstream(profile.backups() / "fathom-notes.db") << "not ours";
        QTest::qSleep(2);
        QVERIFY(backup_if_due(profile.path(), 0, 1));
        QCOMPARE(backups_in(profile.backups()).size(), std::size_t(1));
        QVERIFY(fs::exists(profile.backups() / "fathom-notes.db"));
        store.create_conversation("the store works on");
    }

    void a_backup_that_is_damaged_replaces_none()
    {
        Profile profile;
        fs::path whole;
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            const Id conversation = store.create_conversation("first");
            for (int i = 0; i < 50; ++i)
                store.append_message(conversation, Role::user, std::string(2000, 'x'));
            whole = store.backup_now();
        }
        // A text where an integer must be: VACUUM copies it, quick_check finds it.
        {
            Connection database(profile.database(), Connection::Mode::read_write);
            database.execute("PRAGMA ignore_check_constraints = ON");
            database.execute("UPDATE conversations SET pinned = 7");
        }
        const auto error = error_of([&] { backup_if_due(profile.path(), 0, 1); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::corrupt);
        QVERIFY(files_in(profile.backups()) == std::vector<fs::path>{whole});
    }

    void what_is_no_history_is_refused_and_left_alone_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::newRow("garbage") << QByteArray("This is no database, and never was one. ").repeated(200);
        QTest::newRow("zeros") << QByteArray(64560, '\0');
        QTest::newRow("header alone") << QByteArray("SQLite format 3\0", 16);

        Profile profile;
        make_version(profile, supported_version());
        const std::string whole = bytes_of(profile.database());
        for (const double part : {0.02, 0.3, 0.6, 0.99})
            QTest::addRow("cut at %g", part)
                << QByteArray(whole.data(), static_cast<qsizetype>(static_cast<double>(whole.size()) * part));

        Profile other;
        fs::create_directories(other.path());
        {
            Connection database(other.database(), Connection::Mode::read_write);
            database.execute("CREATE TABLE bookmarks (url TEXT)");
        }
        QTest::newRow("another program's") << QByteArray::fromStdString(bytes_of(other.database()));
    }

    void what_is_no_history_is_refused_and_left_alone()
    {
        QFETCH(QByteArray, content);
        Profile profile;
        const ProfileLock lock(profile.path());
        std::ofstream(profile.database(), std::ios::binary).write(content.data(), content.size());
        for (const bool writer : {true, false}) {
            const auto error = error_of([&] {
                if (writer)
                    ChatStore store(lock);
                else
                    ChatReader reader(profile.path());
            });
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::corrupt);
            QCOMPARE(error->where(), profile.database().string());
            QVERIFY(std::string(error->what()).find(profile.database().string()) != std::string::npos);
            QVERIFY(!writer || !fs::exists(profile.database().string() + "-wal"));
        }
        QVERIFY(bytes_of(profile.database()) == content.toStdString());
    }
};

QTEST_APPLESS_MAIN(TestMigrations)
#include "test_migrations.moc"
