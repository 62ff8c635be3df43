// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"
#include "storage/profile_lock.h"
#include "tests/storage/profile.h"

#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace storage;
namespace fs = std::filesystem;

class TestProfileLock : public QObject
{
    Q_OBJECT

private slots:
    void is_held_once()
    {
        Profile profile;
        std::optional<ProfileLock> first(std::in_place, profile.path());
        QVERIFY(first->held());
        QCOMPARE(first->holder(), getpid());
        {
            ProfileLock second(profile.path());
            QVERIFY(!second.held());
            QCOMPARE(second.holder(), getpid());
            const auto error = error_of([&] { ChatStore store(second); });
            QVERIFY(error && error->kind() == Error::Kind::busy);
        }
        first.reset();
        QVERIFY(ProfileLock(profile.path()).held());
    }

    void names_the_process_that_holds_it_and_dies_with_it()
    {
        Profile profile;
        ProfileLock(profile.path()); // makes the folder, so that the child only locks
        int ready[2];
        QCOMPARE(pipe(ready), 0);
        const pid_t child = fork();
        if (child == 0) {
            const ProfileLock lock(profile.path());
            const char held = lock.held() ? 'y' : 'n';
            if (write(ready[1], &held, 1) == 1)
                pause();
            _exit(0);
        }
        char held = 0;
        QCOMPARE(read(ready[0], &held, 1), ssize_t(1));
        QCOMPARE(held, 'y');
        ProfileLock lock(profile.path());
        QVERIFY(!lock.held());
        QCOMPARE(lock.holder(), child);
        kill(child, SIGKILL);
        QCOMPARE(waitpid(child, nullptr, 0), child);
        ProfileLock again(profile.path());
        QVERIFY(again.held());
        QCOMPARE(again.holder(), getpid());
        close(ready[0]);
        close(ready[1]);
    }

    void keeps_everything_private()
    {
        Profile profile;
        const mode_t old = umask(0);
        {
            const ProfileLock lock(profile.path());
            ChatStore store(lock);
            store.create_conversation("secret");
            store.backup_now();
            for (const fs::directory_entry& entry : fs::recursive_directory_iterator(profile.path())) {
                const fs::perms expected = entry.is_directory()
                                               ? fs::perms::owner_all
                                               : fs::perms::owner_read | fs::perms::owner_write;
                QVERIFY2(entry.status().permissions() == expected, entry.path().c_str());
            }
            QVERIFY(fs::status(profile.path()).permissions() == fs::perms::owner_all);
        }
        umask(old);
    }

    void says_what_is_wrong_with_a_place()
    {
        const auto error = error_of([] { ProfileLock("/proc/no/such/profile"); });
        QVERIFY(error);
        QVERIFY(std::string(error->what()).find("/proc/no/such/profile") != std::string::npos);

        Profile profile; // a link instead of the lock file is not followed
        fs::create_directories(profile.path());
        fs::create_symlink(profile.path() / "elsewhere", profile.path() / "lock");
        QVERIFY(error_of([&] { ProfileLock lock(profile.path()); }));
        QVERIFY(!fs::exists(profile.path() / "elsewhere"));
    }
};

QTEST_APPLESS_MAIN(TestProfileLock)
#include "test_profile_lock.moc"
