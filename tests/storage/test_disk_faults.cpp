// SPDX-License-Identifier: MIT
// Every call that SQLite makes to the disk in a session fails once, or from then on; the disk fills up, on a
// real file system where one can be mounted; the folder is read-only. FATHOM_FAULT_POINTS says at how many
// calls of a kind at most; FATHOM_SEED repeats which.
#include "storage/backup.h"
#include "storage/chat_store.h"
#include "storage/rescue.h"
#include "tests/storage/fault_vfs.h"
#include "tests/storage/profile.h"
#include "tests/storage/session.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <numeric>
#include <random>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace storage;
using fault_vfs::Call;
using fault_vfs::Failure;
namespace fs = std::filesystem;

namespace {

// A start, everything once, a backup and an end; then the disk is healed, and the same store must go on, over
// a new connection where the old one is given up.
struct Session
{
    std::vector<Error> errors; // before the disk was healed
    std::vector<Error> later;
    bool struck = false;
    std::array<int, fault_vfs::call_kinds> calls{};
};

Session session(const fs::path& profile, Acknowledged& done, int round)
{
    Session result;
    const auto attempt = [&](const std::function<void()>& action) {
        if (const auto error = error_of(action))
            result.errors.push_back(*error);
    };
    attempt([&] {
        const ProfileLock lock(profile);
        ChatStore store(lock);
        result.errors = use_everything(store, done, round);
        attempt([&] { store.backup_now(); });
        attempt([&] { store.search("renamed", 5); });
        result.struck = fault_vfs::has_struck();
        for (std::size_t i = 0; i < result.calls.size(); ++i)
            result.calls[i] = fault_vfs::calls(Call(i));
        fault_vfs::heal();
        if (store.is_broken())
            store.reopen();
        result.later = use_everything(store, done, round + 1);
        done.verify(store);
    });
    result.struck = result.struck || fault_vfs::has_struck();
    fault_vfs::heal();
    return result;
}

void verify_sound(const fs::path& profile, const Acknowledged& done)
{
    const ProfileLock lock(profile);
    ChatStore store(lock);
    done.verify(store);
    Connection database(database_file(profile), Connection::Mode::copy_only);
    const std::vector<std::string> findings = check(database);
    QVERIFY2(findings.empty(), findings.empty() ? "" : findings.front().c_str());
    QVERIFY(!database.prepare("PRAGMA foreign_key_check").step());
    for (const fs::path& backup : backups_in(profile / "backups")) {
        Connection copy(backup, Connection::Mode::copy_only);
        QVERIFY2(check(copy).empty(), backup.c_str());
    }
}

// Runs what a process of its own must do, and gives its words; empty: all was well.
std::string in_another_process(const std::function<std::string()>& work)
{
    int ends[2];
    if (pipe(ends) != 0)
        return "no pipe";
    const pid_t child = fork();
    if (child == 0) {
        close(ends[0]);
        std::string words;
        try {
            words = work();
        } catch (const std::exception& error) {
            words = std::string("uncaught: ") + error.what();
        }
        _exit(write(ends[1], words.data(), words.size()) == static_cast<ssize_t>(words.size()) ? 0 : 1);
    }
    close(ends[1]);
    std::string words;
    char buffer[4096];
    for (ssize_t count; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
        words.append(buffer, static_cast<std::size_t>(count));
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? words : "it died: " + words;
}

// Puts a file system of this size (bytes) onto a folder, for this process alone.
bool mount_small(const fs::path& folder, int size)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    const std::string options = "size=" + std::to_string(size);
    return mount("tmpfs", folder.c_str(), "tmpfs", 0, options.c_str()) == 0;
}

} // namespace

class TestDiskFaults : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase() { fault_vfs::install(); }

    void a_fault_at_any_call_loses_nothing_data()
    {
        QTest::addColumn<int>("call");
        QTest::addColumn<int>("failure");
        QTest::addColumn<bool>("lasts");
        const auto row = [](const char* name, Call call, Failure failure) {
            QTest::addRow("%s, once", name) << int(call) << int(failure) << false;
            QTest::addRow("%s, from then on", name) << int(call) << int(failure) << true;
        };
        row("open", Call::open, Failure::io);
        row("open full", Call::open, Failure::full);
        row("read", Call::read, Failure::io);
        row("write", Call::write, Failure::io);
        row("write full", Call::write, Failure::full);
        row("write in part", Call::write, Failure::short_write);
        row("truncate", Call::truncate, Failure::io);
        row("sync", Call::sync, Failure::io);
        row("remove", Call::remove, Failure::io);
        row("map", Call::map, Failure::io);
    }

    void a_fault_at_any_call_loses_nothing()
    {
        QFETCH(int, call);
        QFETCH(int, failure);
        QFETCH(bool, lasts);
        const char* given = std::getenv("FATHOM_SEED");
        const unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        std::mt19937 random(seed);
        // Begins on a profile with a history, as all but the first start do.
        Profile made;
        Acknowledged before;
        QVERIFY(session(made.path(), before, 0).errors.empty());
        const auto again = [&](const Profile& profile, Acknowledged& done, int round) {
            fs::create_directories(profile.path());
            fs::copy_file(made.database(), profile.database());
            return session(profile.path(), done, round);
        };
        Profile healthy;
        Acknowledged ignored;
        fault_vfs::heal();
        const int calls = again(healthy, ignored, 1).calls[static_cast<std::size_t>(call)];
        std::vector<int> points(static_cast<std::size_t>(calls));
        std::iota(points.begin(), points.end(), 1);
        std::shuffle(points.begin(), points.end(), random);
        points.resize(std::min<std::size_t>(points.size(), FATHOM_FAULT_POINTS));
        int failures = 0;
        for (const int n : points) {
            Profile profile;
            Acknowledged done = before;
            fault_vfs::fail(Call(call), Failure(failure), n, lasts);
            const auto [errors, later, struck, met] = again(profile, done, n);
            QVERIFY(struck);
            failures += !errors.empty();
            QVERIFY2(later.empty(), later.empty() ? "" : later.front().what());
            for (const Error& error : errors)
                QVERIFY2(error.where().starts_with(profile.path().string()), error.what());
            if (!errors.empty()) {
                const Error::Kind kind = errors.front().kind();
                // What cannot be read of a new backup counts as damage of that.
                const bool is_right = failure != int(Failure::io) ? kind == Error::Kind::full
                                      : call == int(Call::read)
                                          ? kind == Error::Kind::io || kind == Error::Kind::corrupt
                                          : kind == Error::Kind::io;
                QVERIFY2(is_right, errors.front().what());
            }
            verify_sound(profile.path(), done);
            if (QTest::currentTestFailed()) {
                qInfo("FATHOM_SEED=%u, call %d", seed, n);
                return;
            }
        }
        qInfo("%zu of %d calls, %d of them an error, FATHOM_SEED=%u", points.size(), calls, failures, seed);
        QVERIFY(failures > 0);
    }

    void a_full_disk_loses_nothing_data()
    {
        QTest::addColumn<bool>("real");
        QTest::newRow("real") << true;
        QTest::newRow("quota") << false;
    }

    // Until the disk is full, then with room again, three times.
    void a_full_disk_loses_nothing()
    {
        QFETCH(bool, real);
        Profile profile;
        fs::create_directories(profile.path());
        const std::string words = in_another_process([&]() -> std::string {
            constexpr int size = 2 << 20;
            const fs::path ballast = profile.path() / "ballast";
            const bool mounted = real && mount_small(profile.path(), size);
            if (real && !mounted)
                std::fprintf(stderr, "no file system can be mounted here; a quota stands in for it\n");
            Acknowledged done;
            const ProfileLock lock(profile.path());
            std::optional<ChatStore> store(std::in_place, lock);
            int full = 0;
            for (int round = 0; round < 3; ++round) {
                if (mounted) { // all but 300 KiB is taken
                    struct stat unused;
                    const auto space = fs::space(profile.path());
                    const int file = open(ballast.c_str(), O_WRONLY | O_CREAT, 0600);
                    const bool taken =
                        posix_fallocate(file, 0, static_cast<off_t>(space.available - (300 << 10))) == 0;
                    close(file);
                    if (!taken || stat(ballast.c_str(), &unused) != 0)
                        return "the disk could not be filled";
                } else {
                    fault_vfs::set_room(300 << 10);
                }
                std::vector<Error> errors;
                for (int i = 0; i < 40 && errors.empty(); ++i)
                    errors = use_everything(*store, done, i);
                if (errors.empty())
                    return "the disk did not become full";
                if (errors.front().kind() != Error::Kind::full)
                    return std::string("not what a full disk says: ") + errors.front().what();
                ++full;
                for (const auto& [id, text] : done.texts) // what is there can be read all the while
                    if (store->message(id)->content != text)
                        return "a text is lost";
                if (mounted)
                    fs::remove(ballast);
                else
                    fault_vfs::set_room(-1);
                if (store->is_broken())
                    store->reopen();
                Acknowledged later;
                errors = use_everything(*store, later, round);
                if (!errors.empty())
                    return std::string("with room again: ") + errors.front().what();
                store.emplace(lock);
            }
            for (const auto& [id, title] : done.titles)
                if (!store->conversation(id) || store->conversation(id)->title != title)
                    return "a title is lost";
            for (const auto& [id, text] : done.texts)
                if (store->message(id)->content != text)
                    return "a text is lost";
            for (const Id id : done.deleted)
                if (store->conversation(id))
                    return "a deleted conversation is back";
            Connection database(database_file(profile.path()), Connection::Mode::copy_only);
            const std::vector<std::string> findings = check(database);
            return findings.empty() && full == 3 ? "" : "the database is damaged";
        });
        QVERIFY2(words.empty(), words.c_str());
    }

    // Root may write everywhere, so a child without its rights tries.
    void a_read_only_folder_says_so_and_is_left_alone()
    {
        char name[] = "/tmp/fathom-read-only-XXXXXX";
        QVERIFY(mkdtemp(name));
        const fs::path folder = name;
        const fs::path profile = folder / "profile";
        constexpr uid_t nobody = 65534;
        QVERIFY(geteuid() != 0 || chown(name, nobody, nobody) == 0);
        const std::string words = in_another_process([&]() -> std::string {
            if (geteuid() == 0 && (setgid(nobody) != 0 || setuid(nobody) != 0))
                return "the rights could not be given up";
            Acknowledged done;
            if (!session(profile, done, 1).errors.empty())
                return "the first session failed";
            const auto lock_file = profile / "lock";
            const std::string before = bytes_of(database_file(profile));
            chmod(database_file(profile).c_str(), 0400);
            chmod(lock_file.c_str(), 0400);
            chmod(profile.c_str(), 0500);
            const auto error = error_of([&] {
                const ProfileLock lock(profile);
                ChatStore store(lock);
                store.create_conversation("x");
            });
            const bool same = bytes_of(database_file(profile)) == before;
            chmod(profile.c_str(), 0700);
            chmod(lock_file.c_str(), 0600);
            if (!error || error->kind() != Error::Kind::read_only)
                return std::string("not what a read-only folder says: ") +
                       (error ? error->what() : "nothing");
            if (error->where().find(profile.string()) == std::string::npos || !same)
                return "it was changed, or is not named";
            const ProfileLock lock(profile); // writable again
            ChatStore store(lock);
            done.verify(store);
            return store.create_conversation("works on") > 0 ? "" : "it does not work on";
        });
        fs::remove_all(folder);
        QVERIFY2(words.empty(), words.c_str());
    }

    void of_many_starts_at_once_one_holds_the_profile()
    {
        Profile profile;
        for (int round = 0; round < 10; ++round) {
            int ends[2];
            QCOMPARE(pipe(ends), 0);
            int gate[2];
            QCOMPARE(pipe(gate), 0);
            constexpr int starts = 6;
            std::vector<pid_t> children;
            for (int i = 0; i < starts; ++i) {
                children.push_back(fork());
                if (children.back() != 0)
                    continue;
                close(gate[1]);
                char word = 'f';                    // failed
                if (read(gate[0], &word, 1) == 0) { // all at once
                    try {
                        const ProfileLock lock(profile.path());
                        word = lock.held() ? 'h' : 'n';
                        if (lock.held()) {
                            ChatStore store(lock);
                            store.append_message(store.create_conversation("held"), Role::user, "x");
                        }
                        if (::write(ends[1], &word, 1) == 1)
                            pause(); // so that nobody holds it after another
                    } catch (const Error&) {
                        word = 'f';
                    }
                }
                _exit(::write(ends[1], &word, 1) == 1 ? 0 : 1);
            }
            close(gate[0]);
            close(gate[1]);
            std::string words;
            for (int i = 0; i < starts; ++i) {
                char word = 0;
                QCOMPARE(read(ends[0], &word, 1), ssize_t(1));
                words += word;
            }
            for (const pid_t child : children) {
                kill(child, SIGKILL);
                waitpid(child, nullptr, 0);
            }
            close(ends[0]);
            close(ends[1]);
            std::sort(words.begin(), words.end());
            QCOMPARE(words, std::string("hnnnnn"));
        }
        const ProfileLock lock(profile.path());
        ChatStore store(lock);
        QCOMPARE(store.count_conversations().active, 10);
        Connection database(profile.database(), Connection::Mode::copy_only);
        QVERIFY(check(database).empty());
    }
};

QTEST_APPLESS_MAIN(TestDiskFaults)
#include "test_disk_faults.moc"
