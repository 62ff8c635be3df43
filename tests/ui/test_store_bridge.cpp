// SPDX-License-Identifier: MIT
#include "storage/error.h"
#include "tests/ui/long_conversation.h"
#include "tests/ui/patience.h"
#include "ui/store_bridge.h"

#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <fstream>

using ui::StoreBridge;

class TestStoreBridge : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<QTemporaryDir> folder;
    std::unique_ptr<storage::ProfileLock> lock;

    std::filesystem::path profile() const { return folder->filePath(QStringLiteral("p")).toStdString(); }

private slots:
    void init()
    {
        folder = std::make_unique<QTemporaryDir>();
        lock = std::make_unique<storage::ProfileLock>(profile());
    }

    void answersInOrder()
    {
        StoreBridge store(*lock);
        QList<int> order;
        storage::Id id = 0;
        store.run(
            this, [](storage::ChatStore& s) { return s.create_conversation("One"); },
            [&](storage::Id made) {
                order.append(1);
                id = made;
            });
        store.run(
            this, [](storage::ChatStore& s) { return s.list_conversations(storage::Scope::active).size(); },
            [&](std::size_t count) {
                QCOMPARE(count, std::size_t(1));
                order.append(2);
            });
        QVERIFY(order.isEmpty()); // nothing happens inside the call
        QTRY_COMPARE(order, (QList<int>{1, 2}));
        QVERIFY(id > 0);
        QVERIFY(store.isOpen());
    }

    void whatIsAcknowledgedIsOnTheDisk()
    {
        StoreBridge store(*lock);
        bool checked = false;
        store.run(
            this, [](storage::ChatStore& s) { return s.create_conversation("Kept"); },
            [&](storage::Id id) {
                storage::ChatReader other(profile());
                QVERIFY(other.conversation(id).has_value());
                checked = true;
            });
        QTRY_VERIFY(checked);
    }

    void failuresGoToTheCaller()
    {
        StoreBridge store(*lock);
        QSignalSpy general(&store, &StoreBridge::failed);
        QString why;
        bool done = false;
        store.run(
            this, [](storage::ChatStore& s) { s.rename(12345, "x"); }, [&] { done = true; },
            [&](const QString& sentence) { why = sentence; });
        QTRY_VERIFY(!why.isEmpty());
        QVERIFY(!done);
        QVERIFY(general.isEmpty());

        store.run(
            this, [](storage::ChatStore& s) { s.rename(12345, "x"); }, [&] { done = true; });
        QTRY_COMPARE(general.size(), 1);
        store.run(
            this, [](storage::ChatStore&) { throw std::runtime_error("odd"); }, [&] { done = true; });
        QTRY_COMPARE(general.size(), 2);
        QVERIFY(!done);
    }

    void aGoneReceiverIsNotCalled()
    {
        StoreBridge store(*lock);
        auto receiver = std::make_unique<QObject>();
        bool called = false;
        bool after = false;
        store.run(
            receiver.get(), [](storage::ChatStore&) {}, [&] { called = true; });
        receiver.reset();
        store.run(
            this, [](storage::ChatStore&) {}, [&] { after = true; });
        QTRY_VERIFY(after);
        QVERIFY(!called);
    }

    void carriesOutEverythingBeforeItGoes()
    {
        {
            StoreBridge store(*lock);
            for (int i = 0; i < 50; ++i)
                store.run(
                    this, [](storage::ChatStore& s) { s.create_conversation("x"); }, [] {});
        }
        storage::ChatReader reader(profile());
        QCOMPARE(reader.count_conversations().active, 50);
    }

    void searchDoesNotWaitForWrites()
    {
        StoreBridge store(*lock);
        bool ready = false;
        store.run(
            this,
            [](storage::ChatStore& s) {
                const storage::Id id = s.create_conversation("Boats");
                s.append_message(id, storage::Role::user, "The harbour of Lisbon, 北京");
            },
            [&] { ready = true; });
        QTRY_VERIFY(ready);

        std::atomic<bool> release = false;
        bool written = false;
        store.run(
            this,
            [&](storage::ChatStore&) {
                while (!release)
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
            },
            [&] { written = true; });
        std::vector<storage::SearchHit> hits;
        store.search(this, QStringLiteral("北京"), 10, storage::SearchIn::kept,
                     [&](std::vector<storage::SearchHit> found) { hits = std::move(found); });
        const bool found = QTest::qWaitFor([&] { return hits.size() == 1; }, patience_ms);
        release = true;
        QVERIFY(found);
        QTRY_VERIFY(written);
    }

    void onlyTheLatestSearchAnswers()
    {
        StoreBridge store(*lock);
        QSignalSpy opened(&store, &StoreBridge::opened);
        bool ready = false;
        store.run(
            this,
            [](storage::ChatStore& s) {
                for (int i = 0; i < 200; ++i)
                    s.append_message(s.create_conversation(), storage::Role::user, "some words to be found");
            },
            [&] { ready = true; });
        QTRY_VERIFY(ready);
        QCOMPARE(opened.size(), 1);
        int answers = 0;
        std::size_t last = 0;
        for (int i = 0; i < 30; ++i) {
            store.search(this, i < 29 ? QStringLiteral("words") : QStringLiteral("nowhere"), 1000,
                         storage::SearchIn::kept, [&](std::vector<storage::SearchHit> hits) {
                             ++answers;
                             last = hits.size();
                         });
        }
        QTRY_COMPARE(answers, 1);
        QCOMPARE(last, std::size_t(0));
    }

    // In parts, beside searches, and without the store's thread.
    void findsInALongBranch()
    {
        const qint64 conversation = sample::fillLong(*lock, 5000);
        const auto expected = storage::ChatReader(lock->profile()).find_in_branch(conversation, "answer");
        QCOMPARE(expected.size(), std::size_t(2500));
        StoreBridge store(*lock);
        QSignalSpy opened(&store, &StoreBridge::opened);
        QTRY_COMPARE(opened.size(), 1);
        std::atomic<bool> release = false;
        bool written = false;
        store.run(
            this,
            [&](storage::ChatStore&) {
                while (!release)
                    std::this_thread::sleep_for(std::chrono::milliseconds(1));
            },
            [&] { written = true; });
        int answers = 0;
        std::vector<storage::MessageMatch> found;
        const auto find = [&](const char* text) {
            store.find(
                this, conversation, QLatin1String(text),
                [&](std::vector<storage::MessageMatch> matches) {
                    ++answers;
                    found = std::move(matches);
                },
                [](const QString& why) { QFAIL(qPrintable(why)); });
        };
        int searches = 0;
        for (int i = 0; i < 20; ++i) {
            find(i < 19 ? "question" : "ANSWER");
            store.search(this, QStringLiteral("answer"), 10, storage::SearchIn::kept,
                         [&](const std::vector<storage::SearchHit>&) { ++searches; });
        }
        const bool came = QTest::qWaitFor([&] { return answers > 0 && searches > 0; }, patience_ms);
        release = true;
        QVERIFY(came);
        QTRY_VERIFY(written);
        QCOMPARE(answers, 1);
        QCOMPARE(found.size(), expected.size());
        for (std::size_t i = 0; i < found.size(); ++i) {
            QCOMPARE(found[i].message, expected[i].message);
            QCOMPARE(found[i].count, expected[i].count);
        }
        find("nowhere to be found");
        QTRY_COMPARE(answers, 2);
        QVERIFY(found.empty());
    }

    void refusesWhatIsNoDatabase()
    {
        const std::filesystem::path file = storage::database_file(profile());
        std::ofstream(file) << std::string(100'000, 'x');
        StoreBridge store(*lock);
        QSignalSpy refused(&store, &StoreBridge::refused);
        QTRY_COMPARE(refused.size(), 1);
        QVERIFY(!refused[0][0].toString().isEmpty());
        QVERIFY(!store.isOpen());
        QString why;
        store.run(
            this, [](storage::ChatStore&) {}, [] {}, [&](const QString& sentence) { why = sentence; });
        QTRY_COMPARE(why, refused[0][0].toString());
        QVERIFY(why.contains(QStringLiteral("backups")));
        std::ifstream stream(file);
        std::string content((std::istreambuf_iterator<char>(stream)), {});
        QCOMPARE(content, std::string(100'000, 'x'));
    }
};

QTEST_GUILESS_MAIN(TestStoreBridge)
#include "test_store_bridge.moc"
