// SPDX-License-Identifier: MIT
#include "tests/ui/stage.h"

#include <QAbstractItemModelTester>
#include <QSignalSpy>
#include <QTest>

#include <fstream>

using ui::ConversationModel;

class TestConversationModel : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QAbstractItemModelTester> tester;

    ConversationModel& model() { return stage->session->conversations; }
    QVariant at(int row, int role) { return model().index(row).data(role); }
    qint64 id(int row) { return at(row, ConversationModel::ConversationId).toLongLong(); }

    QByteArray titles()
    {
        QStringList all;
        for (int row = 0; row < model().count(); ++row)
            all.append(at(row, ConversationModel::Title).toString());
        return all.join(u' ').toUtf8();
    }

    // Conversations A, B, C, C the latest.
    void makeThree()
    {
        storage::ChatStore store(stage->lock);
        for (const char* title : {"A", "B", "C"}) {
            const storage::Id one = store.create_conversation();
            store.suggest_title(one, title);
            store.append_message(one, storage::Role::user, std::string("The question of ") + title);
            QTest::qSleep(2); // another millisecond
        }
    }

    void start()
    {
        stage->startReady();
        tester = std::make_unique<QAbstractItemModelTester>(
            &model(), QAbstractItemModelTester::FailureReportingMode::QtTest);
    }

private slots:
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup()
    {
        tester.reset();
        stage.reset();
    }

    void latestFirstAndSectioned()
    {
        makeThree();
        start();
        QCOMPARE(titles(), QByteArray("C B A"));
        QCOMPARE(model().total(), 3);
        QCOMPARE(at(0, ConversationModel::Section).toString(), QStringLiteral("Today"));
        QCOMPARE(at(0, ConversationModel::Preview).toString(), QStringLiteral("The question of C"));
        QVERIFY(at(0, ConversationModel::UpdatedAt).toDateTime().secsTo(QDateTime::currentDateTime()) < 60);

        QSignalSpy moved(&model(), &QAbstractItemModel::rowsMoved);
        model().setPinned(id(2), true);
        QTRY_COMPARE(titles(), QByteArray("A C B"));
        QCOMPARE(moved.size(), 1);
        QCOMPARE(at(0, ConversationModel::Section).toString(), QStringLiteral("Pinned"));
        model().setPinned(id(0), false);
        QTRY_COMPARE(titles(), QByteArray("C B A"));
    }

    void renames()
    {
        makeThree();
        start();
        model().open(id(1));
        QVERIFY(model().currentTitleAutomatic());
        model().rename(id(1), QStringLiteral("  Bees\nand wasps "));
        QTRY_COMPARE(at(1, ConversationModel::Title).toString(), QStringLiteral("Bees and wasps"));
        QCOMPARE(model().currentTitle(), QStringLiteral("Bees and wasps"));
        QVERIFY(!model().currentTitleAutomatic());
        model().rename(id(1), QStringLiteral("   "));
        stage->settle();
        QCOMPARE(model().currentTitle(), QStringLiteral("Bees and wasps"));
    }

    void trashUndoAndForEver()
    {
        makeThree();
        start();
        const qint64 b = id(1);
        model().open(b);
        model().moveToTrash(b);
        QCOMPARE(model().currentId(), 0);
        QTRY_COMPARE(titles(), QByteArray("C A"));
        QCOMPARE(model().undoText(), QStringLiteral("Deleted “B”"));
        model().undo();
        QTRY_COMPARE(titles(), QByteArray("C B A"));
        QCOMPARE(model().currentId(), b);
        QVERIFY(model().undoText().isEmpty());

        model().moveToTrash(b);
        QTRY_COMPARE(model().total(), 2);
        model().setScope(QStringLiteral("trash"));
        QTRY_COMPARE(titles(), QByteArray("B"));
        QVERIFY(at(0, ConversationModel::InTrash).toBool());
        model().deleteForEver(b);
        QTRY_COMPARE(model().count(), 0);
        QVERIFY(!stage->reader().conversation(b));
        model().setScope(QStringLiteral("active"));
        QTRY_COMPARE(titles(), QByteArray("C A"));

        model().moveToTrash(id(0));
        model().moveToTrash(id(1));
        QTRY_COMPARE(model().count(), 0);
        model().emptyTrash();
        stage->settle();
        QCOMPARE(stage->reader().count_conversations().trash, 0);
    }

    void archives()
    {
        makeThree();
        start();
        model().setArchived(id(0), true);
        QTRY_COMPARE(titles(), QByteArray("B A"));
        model().setScope(QStringLiteral("archived"));
        QTRY_COMPARE(titles(), QByteArray("C"));
        model().setArchived(id(0), false);
        QTRY_COMPARE(model().count(), 0);
    }

    void searches()
    {
        makeThree();
        start();
        QVERIFY(!model().searching());
        model().setQuery(QStringLiteral("question of b"));
        QVERIFY(model().searching());
        QVERIFY(model().searchRunning());
        QTRY_COMPARE(titles(), QByteArray("B"));
        QVERIFY(!model().searchRunning());
        const QString snippet = at(0, ConversationModel::Snippet).toString();
        const QString hit = snippet.mid(at(0, ConversationModel::MatchStart).toInt(),
                                        at(0, ConversationModel::MatchLength).toInt());
        QCOMPARE(hit.toLower(), QStringLiteral("question"));
        QVERIFY(at(0, ConversationModel::Section).toString().isEmpty());

        model().rename(id(0), QStringLiteral("Bees"));
        QTRY_COMPARE(titles(), QByteArray("Bees"));
        model().setQuery(QStringLiteral("nothing like this"));
        QTRY_VERIFY(!model().searchRunning());
        QCOMPARE(model().count(), 0);
        model().setQuery({});
        QCOMPARE(titles(), QByteArray("C Bees A"));
    }

    void theHitIsCountedInLettersNotBytes()
    {
        {
            storage::ChatStore store(stage->lock);
            const storage::Id one = store.create_conversation();
            store.append_message(one, storage::Role::user, "量子😀计算在北京的应用");
        }
        start();
        model().setQuery(QStringLiteral("北京"));
        QTRY_COMPARE(model().count(), 1);
        const QString snippet = at(0, ConversationModel::Snippet).toString();
        QCOMPARE(snippet.mid(at(0, ConversationModel::MatchStart).toInt(),
                             at(0, ConversationModel::MatchLength).toInt()),
                 QStringLiteral("北京"));
    }

    void aNewConversationComesWithItsFirstMessage()
    {
        start();
        QCOMPARE(model().currentId(), 0);
        QCOMPARE(model().count(), 0);
        QSignalSpy inserted(&model(), &QAbstractItemModel::rowsInserted);
        stage->talk(QStringLiteral(
            "Tell me about the very long history of the bridges over the river Tagus in Lisbon\nplease"));
        QCOMPARE(inserted.size(), 1);
        QCOMPARE(model().currentId(), id(0));
        QVERIFY(at(0, ConversationModel::Current).toBool());
        QCOMPARE(model().currentTitle(),
                 QStringLiteral("Tell me about the very long history of the bridges…"));
        QCOMPARE(at(0, ConversationModel::Preview).toString(), QStringLiteral("An answer."));

        stage->talk(QStringLiteral("Something else"));
        QCOMPARE(model().count(), 1);
        QCOMPARE(model().currentTitle(),
                 QStringLiteral("Tell me about the very long history of the bridges…"));
    }

    void walksThroughTheList()
    {
        makeThree();
        start();
        model().openNext();
        QCOMPARE(model().currentTitle(), QStringLiteral("C"));
        model().openNext();
        model().openNext();
        model().openNext();
        QCOMPARE(model().currentTitle(), QStringLiteral("A"));
        model().openPrevious();
        QCOMPARE(model().currentTitle(), QStringLiteral("B"));
        model().newConversation();
        QCOMPARE(model().currentId(), 0);
    }

    void anAnswerElsewhereIsUnreadUntilOpened()
    {
        makeThree();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "Slowly written.", .token_takes = std::chrono::milliseconds(30)};
        };
        start();
        const qint64 a = id(2);
        model().open(a);
        QTRY_VERIFY(stage->session->chat.canSend());
        QVERIFY(stage->session->chat.send(QStringLiteral("Go on")));
        QTRY_COMPARE(id(0), a); // the latest now
        QVERIFY(at(0, ConversationModel::Writing).toBool());
        model().open(id(1));
        QTRY_VERIFY(at(0, ConversationModel::Unread).toBool());
        QVERIFY(!at(0, ConversationModel::Writing).toBool());
        model().open(a);
        QTRY_VERIFY(!at(0, ConversationModel::Unread).toBool());
    }

    void aDamagedDatabaseIsSaidOnceAndHarmsNothing()
    {
        std::ofstream(storage::database_file(stage->lock.profile())) << std::string(50'000, 'x');
        ui::Session& session = stage->start();
        session.models.loadFirst({});
        QTRY_VERIFY(!model().fatal().isEmpty());
        QTRY_COMPARE(session.engine.state(), ui::EngineBridge::State::ready);
        QVERIFY(!session.chat.canSend());
        QVERIFY(!session.chat.send(QStringLiteral("Hello")));
        session.chat.setDraft(QStringLiteral("kept"));
        model().setQuery(QStringLiteral("x"));
        model().newConversation();
        QTest::qWait(50);
        QVERIFY(model().error().isEmpty()); // said once
        QVERIFY(!model().fatal().isEmpty());
    }
};

QTEST_MAIN(TestConversationModel)
#include "test_conversation_model.moc"
