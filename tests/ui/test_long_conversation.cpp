// SPDX-License-Identifier: MIT
// A conversation of which only a part is at hand: its texts come and go, and everything that is done in it
// holds for the whole.
#include "tests/ui/long_conversation.h"
#include "tests/ui/stage.h"

#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QGuiApplication>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>

using ui::ChatModel;

class TestLongConversation : public QObject
{
    Q_OBJECT

private:
    static constexpr int messages = 1200;

    std::unique_ptr<Stage> stage;
    std::unique_ptr<QAbstractItemModelTester> tester;
    qint64 conversation = 0;

    ChatModel& chat() { return stage->session->chat; }
    ui::Finder& finder() { return *chat().finder(); }
    qint64 id(int row) { return stage->at(row, ChatModel::MessageId).toLongLong(); }
    QString text(int row) { return stage->at(row, ChatModel::Text).toString(); }
    bool loaded(int row) { return stage->at(row, ChatModel::Loaded).toBool(); }
    static QString expected(int row) { return ui::toQt(sample::longText(row)); }
    bool allLoaded(int first, int last)
    {
        while (first <= last && loaded(first))
            ++first;
        return first > last;
    }
    int loadedRows()
    {
        int rows = 0;
        for (int row = 0; row < chat().count(); ++row)
            rows += loaded(row) ? 1 : 0;
        return rows;
    }

    void open(qint64 which)
    {
        stage->session->conversations.open(which);
        QTRY_COMPARE(chat().conversationId(), which);
        QTRY_VERIFY(!chat().loading());
    }

private slots:
    void init()
    {
        stage = std::make_unique<Stage>();
        conversation = sample::fillLong(stage->lock, messages);
        stage->startReady();
        tester = std::make_unique<QAbstractItemModelTester>(
            &chat(), QAbstractItemModelTester::FailureReportingMode::QtTest);
        open(conversation);
    }
    void cleanup()
    {
        tester.reset();
        stage.reset();
    }

    void opensAtItsEnd()
    {
        QCOMPARE(text(chat().count() - 1), expected(messages - 1));
        QTRY_COMPARE(chat().count(), messages);
        QCOMPARE(text(messages - 1), expected(messages - 1));
        QVERIFY(loadedRows() < 100);
        QCOMPARE(stage->at(0, ChatModel::MessageRole).toString(), QStringLiteral("user"));
        QCOMPARE(text(0), QString());
        QVERIFY(!stage->at(1, ChatModel::Blocks).value<QObject*>());
    }

    void anyJumpBringsTheRightTexts()
    {
        const quint32 seed = QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        QTRY_COMPARE(chat().count(), messages);
        for (int round = 0; round < 40; ++round) {
            const int first = random.bounded(messages);
            const int last = qMin(messages - 1, first + random.bounded(120));
            if (random.bounded(3) > 0)
                chat().keep(first - 10, last + 10);
            chat().load(first, last);
            if (random.bounded(2) == 0) // a second one before the first has come
                chat().load(qMax(0, first - 50), first);
            QTRY_VERIFY(allLoaded(first, last));
            for (int row = 0; row < messages; ++row) {
                if (loaded(row))
                    QCOMPARE(text(row), expected(row));
                else
                    QVERIFY(row < first || row > last);
            }
        }
        chat().keep(100, 120);
        stage->settle();
        chat().keep(100, 120);
        QVERIFY(loadedRows() <= 21);
    }

    void anEditedAnswerIsOneMoreVersion()
    {
        QTRY_COMPARE(chat().count(), messages);
        const int row = 401;
        const qint64 answer = id(row);
        chat().edit(answer, QStringLiteral("What the person says."));
        QTRY_COMPARE(chat().count(), row + 1);
        QCOMPARE(text(row), QStringLiteral("What the person says."));
        QVERIFY(stage->at(row, ChatModel::Edited).toBool());
        QCOMPARE(stage->at(row, ChatModel::SiblingCount).toInt(), 2);
        QCOMPARE(stage->at(row, ChatModel::Status).toString(), QStringLiteral("complete"));
        QCOMPARE(stage->reader().message(answer)->content, sample::longText(row));
        QVERIFY(stage->world->requests().empty()); // nothing is asked

        stage->talk(QStringLiteral("And then?"));
        const auto branch = stage->reader().branch(conversation);
        QCOMPARE(branch.size(), std::size_t(row + 3));
        QCOMPARE(branch[row].content, std::string("What the person says."));
        chat().chooseSibling(id(row), -1);
        QTRY_COMPARE(chat().count(), messages);
        QCOMPARE(id(row), answer);
        QCOMPARE(text(row), expected(row));
        QVERIFY(!stage->at(row, ChatModel::Edited).toBool());
        QCOMPARE(text(row + 5), expected(row + 5)); // what is below is there at once
    }

    void forks()
    {
        QTRY_COMPARE(chat().count(), messages);
        const qint64 from = id(300);
        chat().fork(from);
        QTRY_VERIFY(chat().conversationId() != conversation && !chat().loading());
        QTRY_COMPARE(chat().count(), 301);
        QCOMPARE(text(300), expected(300));
        QVERIFY(id(300) != from);
        stage->talk(QStringLiteral("Another way"));
        QCOMPARE(stage->reader().branch(conversation).size(), std::size_t(messages)); // stays as it was
        QCOMPARE(chat().count(), 303);
    }

    void revealsAMessageOfAnotherBranch()
    {
        QTRY_COMPARE(chat().count(), messages);
        const qint64 far = id(900);
        chat().edit(id(401), QStringLiteral("Short."));
        QTRY_COMPARE(chat().count(), 402);
        QSignalSpy revealed(&chat(), &ChatModel::revealed);
        chat().reveal(far);
        QTRY_COMPARE(revealed.size(), 1);
        QCOMPARE(revealed[0][0].toInt(), 900);
        QCOMPARE(chat().count(), messages);
        chat().reveal(id(3));
        QCOMPARE(revealed.size(), 2);
        QCOMPARE(revealed[1][0].toInt(), 3);
    }

    // Of a branch that no context could hold only the beginning and the end are read, and nothing else comes
    // of it than of the whole.
    void sendingReadsWhatTheContextHolds_data()
    {
        QTest::addColumn<QString>("policy");
        for (const char* policy : {"stop", "oldest", "middle"})
            QTest::newRow(policy) << QString::fromLatin1(policy);
    }
    void sendingReadsWhatTheContextHolds()
    {
        QFETCH(QString, policy);
        QTRY_COMPARE(chat().count(), messages);
        ui::Settings& settings = stage->session->settings;
        settings.setContextPolicy(policy);
        settings.setContextLength(256);
        stage->session->models.reload();
        QTRY_VERIFY(stage->session->engine.contextTokens() == 256 && chat().canSend());
        stage->talk(QStringLiteral("And then?"));
        QCOMPARE(chat().count(), messages + 2);
        const auto branch = stage->reader().branch(conversation);
        QCOMPARE(branch.size(), std::size_t(messages + 2));
        QCOMPARE(branch[messages].content, std::string("And then?"));
        if (policy == QLatin1String("stop")) {
            QVERIFY(stage->world->requests().empty());
            QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("failed"));
            QVERIFY(
                stage->last(ChatModel::Notice).toString().contains(QStringLiteral("more than 1,024 tokens")));
            return;
        }
        const auto asked = stage->world->requests().back().messages;
        const int from = chat().leftOutFrom();
        const int to = chat().leftOutTo();
        QCOMPARE(from, policy == QLatin1String("oldest") ? 0 : 2);
        QCOMPARE(asked.size(), static_cast<std::size_t>(from + messages + 1 - to));
        for (std::size_t i = 0; i < asked.size(); ++i) {
            const std::size_t row =
                i < static_cast<std::size_t>(from) ? i : i + static_cast<std::size_t>(to - from);
            QVERIFY(asked[i].content == branch[row].content);
        }
        qint64 bytes = 0;
        for (const engine::Message& message : asked)
            bytes += static_cast<qint64>(message.content.size());
        QVERIFY(bytes > 300 && bytes < 800); // about half of the context
        const std::string again = asked[static_cast<std::size_t>(from)].content;
        stage->talk(QStringLiteral("And then?"));
        QCOMPARE(stage->world->requests().back().messages[static_cast<std::size_t>(from)].content, again);
        QCOMPARE(chat().leftOutTo(), to); // the boundary stays
    }

    // A step above all that has been read so far.
    void anAnswerToWhatIsNotKnownYet()
    {
        const auto branch = stage->reader().branch(conversation);
        stage->session->conversations.open(0);
        stage->session->conversations.open(conversation);
        stage->session->answers.regenerate(branch[100].id, {});
        QTRY_COMPARE(chat().count(), 102);
        QTRY_COMPARE(text(101), QStringLiteral("An answer."));
        QCOMPARE(stage->at(101, ChatModel::SiblingCount).toInt(), 2);
        for (int row = 0; row < 102; ++row)
            QCOMPARE(id(row), row < 101 ? qint64(branch[static_cast<std::size_t>(row)].id) : id(101));
    }

    void copiesMessagesThatAreNotAtHand()
    {
        QTRY_COMPARE(chat().count(), messages);
        chat().copyRange(0, messages - 1, QVariant(), QStringLiteral("the end"), true);
        QClipboard* clipboard = QGuiApplication::clipboard();
        QTRY_VERIFY(clipboard->text().endsWith(QStringLiteral("the end")));
        const QString all = clipboard->text();
        QVERIFY(all.startsWith(QStringLiteral("**You:**\n\n") + expected(0)));
        for (int row = 0; row < messages - 1; row += 97)
            QVERIFY2(all.contains(expected(row)), qPrintable(QString::number(row)));
        chat().copyRange(700, 701, QStringLiteral("part"), QVariant(), false);
        QTRY_COMPARE(clipboard->text(),
                     QStringLiteral("part\n\nAnswer 701.\n\nAfter 701 comes 702, and so on."
                                    "\n\nPoint 0 of 701, with a few more words so that it "
                                    "takes a line."));
    }

    void finds()
    {
        finder().startAt(id(chat().count() - 1));
        finder().setQuery(QStringLiteral("ANSWER 1")); // 1, 11…19, 101…199, 1001…1199: the odd ones
        QTRY_VERIFY(!finder().running());
        QCOMPARE(finder().total(), 1 + 5 + 50 + 100);
        QCOMPARE(finder().number(), finder().total()); // the nearest one above
        const auto message = [this] {
            return ui::toQt(stage->reader().message(finder().message())->content);
        };
        QVERIFY(message().startsWith(QStringLiteral("Answer 1199")));
        finder().step(1);
        QCOMPARE(finder().number(), 1); // round
        QCOMPARE(message(), expected(1));
        finder().step(1);
        QVERIFY(message().startsWith(QStringLiteral("Answer 11.")));
        finder().step(-1);
        finder().step(-1);
        QVERIFY(message().startsWith(QStringLiteral("Answer 1199")));
        finder().setQuery(QStringLiteral("nowhere to be found"));
        QTRY_VERIFY(!finder().running());
        QCOMPARE(finder().total(), 0);
        QCOMPARE(finder().number(), 0);
        finder().step(1);
        QCOMPARE(finder().message(), 0);
    }

    // The store finds the text in markup too; what is not seen is no match.
    void whatIsNotShownIsNoMatch()
    {
        finder().startAt(id(chat().count() - 1));
        finder().setQuery(QStringLiteral("after")); // in each question once, in each answer once
        QTRY_VERIFY(!finder().running());
        QCOMPARE(finder().total(), messages);
        const qint64 at = finder().message();
        const int number = finder().number();
        finder().setShown(at, 0);
        QCOMPARE(finder().total(), messages - 1);
        QVERIFY(finder().message() != at);
        finder().setShown(finder().message(), 3);
        QCOMPARE(finder().total(), messages + 1);
        QVERIFY(qAbs(finder().number() - number) <= 3);
        stage->session->conversations.newConversation();
        QCOMPARE(finder().query(), QString());
        QCOMPARE(finder().total(), 0);
    }
};

QTEST_MAIN(TestLongConversation)
#include "test_long_conversation.moc"
