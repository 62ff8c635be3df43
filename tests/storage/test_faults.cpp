// SPDX-License-Identifier: MIT
// The disk fails at the n-th write or sync, once or from then on. SQLite calls the functions below instead of
// the C library's, because a program's own symbols come first.
#include "storage/chat_store.h"
#include "storage/migrations.h"
#include "tests/storage/profile.h"
#include "tests/storage/session.h"

#include <cerrno>
#include <cstdlib>
#include <random>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

using namespace storage;
namespace fs = std::filesystem;

namespace {

enum class Call
{
    write,
    sync
};

struct Fault
{
    Call call = Call::write;
    int code = 0; // errno
    bool lasts = false;
    int calls_left = 0; // until it strikes; 0: it never does
};
Fault fault;

bool strikes(Call call)
{
    if (fault.call != call || fault.calls_left == 0)
        return false;
    if (fault.calls_left > 1) {
        --fault.calls_left;
        return false;
    }
    if (!fault.lasts)
        fault.calls_left = 0;
    errno = fault.code;
    return true;
}

} // namespace

extern "C" ssize_t pwrite64(int file, const void* bytes, size_t size, off64_t offset)
{
    return strikes(Call::write) ? -1 : syscall(SYS_pwrite64, file, bytes, size, offset);
}

extern "C" int fsync(int)
{
    return 0;
}

extern "C" int fdatasync(int)
{
    return strikes(Call::sync) ? -1 : 0; // no test here cuts the power
}

namespace {

class TestFaults : public QObject
{
    Q_OBJECT

private slots:
    void nothing_acknowledged_is_lost_data()
    {
        QTest::addColumn<int>("call");
        QTest::addColumn<int>("code");
        QTest::addColumn<bool>("lasts");
        QTest::newRow("disk full for a moment") << int(Call::write) << ENOSPC << false;
        QTest::newRow("disk full") << int(Call::write) << ENOSPC << true;
        QTest::newRow("write error") << int(Call::write) << EIO << false;
        QTest::newRow("write errors") << int(Call::write) << EIO << true;
        QTest::newRow("sync error") << int(Call::sync) << EIO << false;
        QTest::newRow("sync errors") << int(Call::sync) << EIO << true;
    }

    void nothing_acknowledged_is_lost()
    {
        QFETCH(int, call);
        QFETCH(int, code);
        QFETCH(bool, lasts);
        Profile profile;
        Acknowledged done;
        int failures = 0;
        for (int n = 1; n <= 10; ++n) {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            // Writes come many to a commit, syncs one.
            fault = {Call(call), code, lasts, Call(call) == Call::write ? 7 * n : n};
            const std::vector<Error> errors = use_everything(store, done, n);
            fault = {};
            if (!errors.empty()) {
                ++failures;
                QCOMPARE(errors.front().kind(), code == ENOSPC ? Error::Kind::full : Error::Kind::io);
                QCOMPARE(errors.front().where(), profile.database().string());
            }
            // The same store goes on once there is room again; after a disk that failed over a new
            // connection.
            const bool has_failed = Call(call) == Call::sync || code != ENOSPC;
            QCOMPARE(store.is_broken(), has_failed && !errors.empty());
            if (store.is_broken())
                store.reopen();
            const std::vector<Error> later = use_everything(store, done, n + 1);
            QVERIFY2(later.empty(), later.empty() ? "" : later.front().what());
            done.verify(store);
        }
        QVERIFY(failures > 5);
        const ProfileLock lock(profile.path());
        ChatStore store(lock);
        done.verify(store);
        Connection database(profile.database(), Connection::Mode::read_only);
        Statement row = database.prepare("PRAGMA integrity_check");
        QVERIFY(row.step());
        QCOMPARE(std::string(row.text(0)), std::string("ok"));
    }

    void a_migration_that_fails_anywhere_can_be_repeated()
    {
        Profile made;
        fs::create_directories(made.path());
        {
            Connection database(made.database(), Connection::Mode::read_write);
            database.use_write_ahead_log();
            migrate(database, migrations().first(1), made.backups());
            database.execute(R"sql(
                INSERT INTO conversations (title, title_is_automatic, settings, created_at, updated_at)
                VALUES ('kept', 0, '{}', 1, 1);
            )sql");
        }
        int failures = 0;
        for (const Call call : {Call::write, Call::sync}) {
            for (int n = 1; n <= 40; n += 3) {
                Profile profile;
                const ProfileLock lock(profile.path());
                fs::copy_file(made.database(), profile.database());
                fault = {call, EIO, true, n};
                failures += error_of([&] { ChatStore store(lock); }).has_value();
                fault = {};
                ChatStore store(lock);
                QCOMPARE(store.search("kept", 1).size(), std::size_t(1));
            }
        }
        QVERIFY(failures > 5);
    }

    void damaged_bytes_are_errors_and_nothing_worse()
    {
        const char* given = std::getenv("FATHOM_SEED");
        const unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        qInfo("FATHOM_SEED=%u", seed);
        std::mt19937 random(seed);
        Profile made;
        Acknowledged done;
        {
            const ProfileLock lock(made.path());
            ChatStore store(lock);
            for (int round = 0; round < 3; ++round)
                use_everything(store, done, round);
        }
        const std::string whole = bytes_of(made.database());
        int refused = 0;
        int worked = 0;
        for (int n = 0; n < 80; ++n) {
            Profile profile;
            const ProfileLock lock(profile.path());
            std::string bytes = whole;
            for (std::size_t flips = 1 + random() % 60; flips > 0; --flips)
                bytes[random() % bytes.size()] = static_cast<char>(random());
            std::ofstream(profile.database(), std::ios::binary) << bytes;
            const auto error = error_of([&] {
                ChatStore store(lock);
                for (const Conversation& conversation : store.list_conversations(Scope::active)) {
                    store.conversation(conversation.id);
                    store.branch(conversation.id);
                }
                for (const char* query : {"aaa", "end", "b", "renamed re"})
                    store.search(query, no_limit);
                const Id id = store.create_conversation("new");
                store.begin_answer(store.append_message(id, Role::user, "new"), {});
                for (const auto& [message, text] : done.texts)
                    store.choose_branch(message);
                for (const auto& [conversation, title] : done.titles)
                    store.delete_for_ever(conversation);
                store.idle();
                store.backup_now();
            });
            ++(error ? refused : worked);
        }
        qInfo("%d errors, %d not noticed", refused, worked);
        QVERIFY(refused > 10);
    }

    void a_fresh_profile_that_fails_anywhere_can_be_made_again()
    {
        for (int n = 1; n <= 30; n += 3) {
            Profile profile;
            const ProfileLock lock(profile.path());
            fault = {Call::write, ENOSPC, true, n};
            const auto error = error_of([&] { ChatStore store(lock); });
            fault = {};
            QVERIFY(!error || error->kind() == Error::Kind::full);
            ChatStore store(lock);
            QVERIFY(store.create_conversation("works") > 0);
        }
    }
};

} // namespace

QTEST_APPLESS_MAIN(TestFaults)
#include "test_faults.moc"
