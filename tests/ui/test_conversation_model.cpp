// SPDX-License-Identifier: MIT
#include "tests/ui/stage.h"

#include <QAbstractItemModelTester>
#include <QRandomGenerator>
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
        model().pin({id(2)}, true);
        QTRY_COMPARE(titles(), QByteArray("A C B"));
        QCOMPARE(moved.size(), 1);
        QCOMPARE(at(0, ConversationModel::Section).toString(), QStringLiteral("Pinned"));
        model().pin({id(0)}, false);
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
        model().trash({b});
        QCOMPARE(model().currentId(), 0);
        QTRY_COMPARE(titles(), QByteArray("C A"));
        QCOMPARE(model().undoText(), QStringLiteral("Deleted “B”"));
        model().undo();
        QTRY_COMPARE(titles(), QByteArray("C B A"));
        QCOMPARE(model().currentId(), b);
        QVERIFY(model().undoText().isEmpty());

        model().trash({b});
        QTRY_COMPARE(model().total(), 2);
        model().setScope(QStringLiteral("trash"));
        QTRY_COMPARE(titles(), QByteArray("B"));
        QVERIFY(at(0, ConversationModel::InTrash).toBool());
        model().erase({b});
        QTRY_COMPARE(model().count(), 0);
        QVERIFY(!stage->reader().conversation(b));
        model().setScope(QStringLiteral("active"));
        QTRY_COMPARE(titles(), QByteArray("C A"));

        model().trash({id(0)});
        model().trash({id(1)});
        QTRY_COMPARE(model().count(), 0);
        model().emptyTrash();
        stage->settle();
        QCOMPARE(stage->reader().count_conversations().trash, 0);
    }

    // What was put back by hand needs no undo; what was deleted with it still does.
    void puttingBackByHandEndsTheUndo()
    {
        makeThree();
        start();
        const qint64 c = id(0);
        const qint64 b = id(1);
        model().trash({c, b});
        QTRY_COMPARE(titles(), QByteArray("A"));
        QVERIFY(!model().undoText().isEmpty());
        model().setScope(QStringLiteral("trash"));
        QTRY_COMPARE(model().count(), 2);
        model().putBack({c});
        QTRY_COMPARE(titles(), QByteArray("B"));
        QVERIFY(!model().undoText().isEmpty());
        model().putBack({b});
        QVERIFY(model().undoText().isEmpty());
        QTRY_COMPARE(model().count(), 0);
        model().setScope(QStringLiteral("active"));
        QTRY_COMPARE(titles(), QByteArray("C B A"));
    }

    void archives()
    {
        makeThree();
        start();
        model().archive({id(0)}, true);
        QTRY_COMPARE(titles(), QByteArray("B A"));
        model().setScope(QStringLiteral("archived"));
        QTRY_COMPARE(titles(), QByteArray("C"));
        model().archive({id(0)}, false);
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

    void foldersHoldTheirConversations()
    {
        makeThree();
        start();
        const qint64 a = id(2);
        const qint64 b = id(1);
        model().moveToFolder({a, b}, QStringLiteral(" Work / Letters"));
        QTRY_COMPARE(titles(), QByteArray("Work Letters B A C")); // a new one is open
        QCOMPARE(model().undoText(), QStringLiteral("Moved 2 conversations to “Work/Letters”"));
        QVERIFY(at(1, ConversationModel::IsFolder).toBool());
        QCOMPARE(at(0, ConversationModel::FolderCount).toInt(), 2);
        QCOMPARE(at(1, ConversationModel::FolderCount).toInt(), 2);
        QCOMPARE(at(1, ConversationModel::Depth).toInt(), 1);
        QCOMPARE(at(1, ConversationModel::Section).toString(), QStringLiteral("Folders"));
        QCOMPARE(at(4, ConversationModel::Section).toString(), QStringLiteral("Today"));

        model().toggleFolder(QStringLiteral("Work/Letters"));
        QCOMPARE(titles(), QByteArray("Work Letters C"));
        model().toggleFolder(QStringLiteral("Work/Letters"));
        QCOMPARE(titles(), QByteArray("Work Letters B A C"));
        QCOMPARE(at(2, ConversationModel::Depth).toInt(), 2);
        QVERIFY(stage->session->settings.openFolders().contains(QStringLiteral("Work/Letters")));
        model().pin({b}, true); // stands among the pinned ones alone
        QTRY_COMPARE(titles(), QByteArray("B Work Letters A C"));
        QCOMPARE(at(1, ConversationModel::FolderCount).toInt(), 1);
        model().pin({b}, false);
        QTRY_COMPARE(titles(), QByteArray("Work Letters B A C"));
        model().toggleFolder(QStringLiteral("Work"));
        QCOMPARE(titles(), QByteArray("Work C"));
        model().toggleFolder(QStringLiteral("Work"));

        model().renameFolder(QStringLiteral("Work"), QStringLiteral("Office"));
        QTRY_COMPARE(titles(), QByteArray("Office Letters B A C"));
        model().renameFolder(QStringLiteral("Office"), QStringLiteral("Office/Inside")); // itself
        stage->settle();
        QCOMPARE(titles(), QByteArray("Office Letters B A C"));
        model().removeFolder(QStringLiteral("Office/Letters"));
        QTRY_COMPARE(titles(), QByteArray("Office B A C"));
        QCOMPARE(stage->reader().conversation(a)->folder, std::string("Office"));
        model().undo();
        QTRY_COMPARE(stage->reader().conversation(a)->folder, std::string("Office/Letters"));
        QTRY_COMPARE(at(0, ConversationModel::FolderCount).toInt(), 2);

        model().moveToFolder({a, b}, {});
        QTRY_COMPARE(titles(), QByteArray("Office Letters C B A")); // the folders stay, empty
        model().removeFolder(QStringLiteral("Office"));
        QTRY_COMPARE(titles(), QByteArray("Letters C B A"));
    }

    void severalAtOnceAndOneUndo()
    {
        makeThree();
        start();
        const qint64 a = id(2);
        const qint64 b = id(1);
        const qint64 c = id(0);
        model().open(c);
        model().toggleSelected(2); // the open one counts as chosen already
        QCOMPARE(model().selected(), (QVariantList{c, a}));
        model().toggleSelected(2);
        QCOMPARE(model().selected(), QVariantList{c});
        model().clearSelection();
        model().selectTo(1);
        QCOMPARE(model().selected(), (QVariantList{c, b}));
        QVERIFY(at(1, ConversationModel::Selected).toBool());
        model().selectTo(2);
        QCOMPARE(model().targets(b), (QVariantList{c, b, a}));
        model().clearSelection();
        QCOMPARE(model().targets(b), QVariantList{b});

        model().setTag({a, b}, QStringLiteral("bees"), true);
        QTRY_COMPARE(model().tags(), QStringList{QStringLiteral("bees")});
        QCOMPARE(model().countWithTag({a, b, c}, QStringLiteral("bees")), 2);
        QCOMPARE(at(2, ConversationModel::Tags).toStringList(), QStringList{QStringLiteral("bees")});
        model().setTag({a}, QStringLiteral("bees"), false);
        QTRY_COMPARE(model().countWithTag({a, b, c}, QStringLiteral("bees")), 1);
        model().undo();
        QTRY_COMPARE(model().countWithTag({a, b, c}, QStringLiteral("bees")), 2);

        model().trash({a, c});
        QTRY_COMPARE(titles(), QByteArray("B"));
        QCOMPARE(model().currentId(), 0);
        QCOMPARE(model().undoText(), QStringLiteral("Deleted 2 conversations"));
        model().undo();
        QTRY_COMPARE(titles(), QByteArray("C B A"));
        QCOMPARE(model().currentId(), c);

        model().archive({a, b, c}, true);
        QTRY_COMPARE(model().count(), 0);
        model().undo();
        QTRY_COMPARE(titles(), QByteArray("C B A"));
        model().archive({b}, true);
        QTRY_COMPARE(titles(), QByteArray("C A"));
        model().selectAll();
        QCOMPARE(model().selectedCount(), 2);
        model().setScope(QStringLiteral("archived"));
        QCOMPARE(model().selectedCount(), 0);
        QTRY_COMPARE(titles(), QByteArray("B"));
    }

    void theTrashIsEmptiedAfterItsTime_data()
    {
        QTest::addColumn<int>("daysSetting");
        QTest::addColumn<int>("daysAgo");
        QTest::addColumn<int>("left");
        QTest::newRow("younger") << 30 << 29 << 1;
        QTest::newRow("older") << 30 << 31 << 0;
        QTest::newRow("shorter time") << 7 << 8 << 0;
        QTest::newRow("never") << 0 << 5000 << 1;
    }

    void theTrashIsEmptiedAfterItsTime()
    {
        QFETCH(int, daysSetting);
        QFETCH(int, daysAgo);
        QFETCH(int, left);
        {
            storage::ChatStore store(stage->lock);
            store.move_to_trash(store.create_conversation());
        }
        {
            storage::Connection database(storage::database_file(stage->lock.profile()),
                                         storage::Connection::Mode::read_write);
            database.run("UPDATE conversations SET deleted_at = ?1",
                         storage::now() - std::int64_t(daysAgo) * 24 * 60 * 60 * 1000);
        }
        stage->start().settings.setTrashDays(daysSetting);
        QTRY_VERIFY(model().ready());
        stage->settle();
        QCOMPARE(stage->reader().count_conversations().trash, left);
    }

    void aTemporaryConversationLeavesNothing()
    {
        const QString secret = QStringLiteral("Xylophone-7741-secret");
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "Quokka-9983-answer."};
        };
        start();
        model().newTemporary();
        QTRY_VERIFY(model().currentTemporary());
        const qint64 temporary = model().currentId();
        QTRY_COMPARE(model().count(), 1);
        QVERIFY(at(0, ConversationModel::Temporary).toBool());
        QTRY_VERIFY(stage->session->chat.canSend());
        stage->session->chat.setDraft(secret);
        stage->talk(secret);
        QTRY_COMPARE(stage->session->chat.count(), 2);
        QCOMPARE(stage->last(ui::ChatModel::Text).toString(), QStringLiteral("Quokka-9983-answer."));
        stage->session->chat.setDraft(QStringLiteral("Xylophone-7741-draft"));

        model().newConversation(); // and back: it is still there
        QCOMPARE(titles(), secret.toUtf8());
        model().open(temporary);
        QTRY_COMPARE(stage->session->chat.count(), 2);
        model().setQuery(secret);
        QTRY_VERIFY(!model().searchRunning());
        QCOMPARE(model().count(), 0);
        model().setQuery({});
        model().moveToFolder({temporary}, QStringLiteral("Work")); // has no place there
        model().archive({temporary}, true);
        stage->settle();
        QVERIFY(at(0, ConversationModel::Temporary).toBool() || at(1, ConversationModel::Temporary).toBool());
        model().newTemporary();
        QTRY_VERIFY(model().currentId() != temporary);
        model().newConversation(); // one in which nothing was said goes by itself
        QTRY_COMPARE(model().total(), 1);

        model().erase({temporary});
        QTRY_COMPARE(model().total(), 0);
        tester.reset();
        stage->session.reset();
        const auto files = std::filesystem::recursive_directory_iterator(stage->profile());
        for (const std::filesystem::directory_entry& file : files) {
            QFile content(ui::pathToQt(file.path()));
            if (!file.is_regular_file() || !content.open(QIODevice::ReadOnly))
                continue;
            const QByteArray bytes = content.readAll();
            QVERIFY2(!bytes.contains("Xylophone"), file.path().c_str());
            QVERIFY2(!bytes.contains("Quokka"), file.path().c_str());
        }
    }

    // Whatever happens to which conversation: the lines are what a fresh look gives, and views were told.
    void randomChangesKeepTheLinesRight()
    {
        constexpr int conversations = 12;
        {
            storage::ChatStore store(stage->lock);
            for (int i = 0; i < conversations; ++i) {
                const storage::Id one = store.create_conversation();
                store.rename(one, QStringLiteral("T%1").arg(i).toStdString());
                store.append_message(one, storage::Role::user, "x");
            }
        }
        start();
        const quint32 seed = QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        const QStringList folders = {{}, QStringLiteral("A"), QStringLiteral("A/B"), QStringLiteral("C")};
        for (int step = 0; step < 60; ++step) {
            QVariantList ids;
            for (int i = 0; i < 1 + static_cast<int>(random.bounded(3)); ++i)
                ids.append(qint64(1 + random.bounded(conversations)));
            switch (random.bounded(6)) {
            case 0:
                model().moveToFolder(ids, folders[random.bounded(folders.size())]);
                break;
            case 1:
                model().pin(ids, random.bounded(2) == 0);
                break;
            case 2:
                model().archive(ids, random.bounded(2) == 0);
                break;
            case 3:
                model().trash(ids);
                break;
            case 4:
                model().undo();
                break;
            default:
                model().toggleFolder(folders[1 + random.bounded(folders.size() - 1)]);
            }
            stage->settle();
        }
        const QByteArray lines = titles();
        model().reload();
        stage->settle();
        QCOMPARE(titles(), lines);
    }

    void anEarlierHistoryIsBroughtUpToDateAndSaysSo()
    {
        {
            storage::Connection old(storage::database_file(stage->lock.profile()),
                                    storage::Connection::Mode::read_write);
            old.use_write_ahead_log();
            storage::migrate(old, storage::migrations().first(2), stage->lock.profile() / "backups");
            old.execute("INSERT INTO conversations (title, title_is_automatic, settings, created_at, "
                        "updated_at) VALUES ('Old', 0, '{}', 1000, 1000)");
        }
        // Whoever closes the window meanwhile loses nothing: it begins anew, or is done.
        stage->start();
        QTRY_VERIFY(!model().upgrade().isEmpty() || model().ready());
        stage->start();
        QTRY_VERIFY(model().ready());
        QVERIFY(model().upgrade().isEmpty());
        QVERIFY(model().fatal().isEmpty());
        QCOMPARE(titles(), "Old");
    }

    void anUpgradeSaysEachStep()
    {
        {
            storage::Connection old(storage::database_file(stage->lock.profile()),
                                    storage::Connection::Mode::read_write);
            old.use_write_ahead_log();
            storage::migrate(old, storage::migrations().first(2), stage->lock.profile() / "backups");
        }
        QStringList said;
        stage->start();
        connect(&model(), &ConversationModel::upgradeChanged, this, [&] { said.append(model().upgrade()); });
        QTRY_VERIFY(model().ready());
        QCOMPARE(said.size(), storage::supported_version() - 2 + 2); // the copy and the end
        QVERIFY(said[0].contains(QStringLiteral("Step 1 of")));
        QVERIFY(said.last().isEmpty());
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
