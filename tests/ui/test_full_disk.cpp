// SPDX-License-Identifier: MIT
// What the program says and keeps while the disk takes nothing, and after it does again.
#include "tests/storage/fault_vfs.h"
#include "tests/ui/stage.h"

#include <QSignalSpy>
#include <QTest>

using namespace std::chrono_literals;
using ui::ChatModel;

class TestFullDisk : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;

    ui::Session& session() { return *stage->session; }
    ChatModel& chat() { return session().chat; }
    QString text(int row) { return stage->at(row, ChatModel::Text).toString(); }
    storage::Message stored(qint64 id) { return stage->reader().message(id).value(); }

    // Asks, waits for the first words, fills the disk, and waits for the end; the answer's message.
    qint64 answerIntoFullDisk()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = std::string(600, 'a') + "the end", .token_takes = 1ms};
        };
        if (!chat().send(QStringLiteral("A question")))
            qFatal("Nothing could be sent.");
        if (!QTest::qWaitFor([this] { return chat().state() == QStringLiteral("writing"); }, patience_ms))
            qFatal("No answer came.");
        fault_vfs::set_room(0);
        if (!QTest::qWaitFor([this] { return chat().state() == QStringLiteral("idle"); }, patience_ms))
            qFatal("The answer did not end.");
        return stage->last(ChatModel::MessageId).toLongLong();
    }

private slots:
    void initTestCase() { fault_vfs::install(); }
    void init()
    {
        stage = std::make_unique<Stage>();
        stage->startReady();
    }
    void cleanup()
    {
        fault_vfs::set_room(-1);
        stage.reset();
    }

    void anAnswerOutlivesIt()
    {
        const QSignalSpy said(&session().store, &ui::StoreBridge::failed);
        const qint64 answer = answerIntoFullDisk();
        QTRY_VERIFY(!said.isEmpty());
        QVERIFY(said.front().front().toString().startsWith(QStringLiteral("The disk is full.")));
        QVERIFY(text(1).endsWith(QStringLiteral("the end")));
        QVERIFY(!QByteArray::fromStdString(stored(answer).content).endsWith("the end"));
        QTest::qWait(2500); // at least one more try
        QCOMPARE(said.count(), 1);
        QVERIFY(!chat().canSend()); // the next question would have to go behind it

        fault_vfs::set_room(-1);
        QTRY_VERIFY(chat().canSend());
        const storage::Message kept = stored(answer);
        QCOMPARE(kept.status, storage::Status::complete);
        QVERIFY(QByteArray::fromStdString(kept.content).endsWith("the end"));
        stage->talk(QStringLiteral("Another question"));
        QCOMPARE(chat().count(), 4);
    }

    void anAnswerIsKeptWhileAnotherConversationIsLookedAt()
    {
        const qint64 answer = answerIntoFullDisk();
        const qint64 conversation = chat().conversationId();
        session().conversations.open(0);
        QTRY_COMPARE(chat().count(), 0);
        session().conversations.open(conversation);
        QTRY_COMPARE(chat().count(), 2);
        QTRY_VERIFY(text(1).endsWith(QStringLiteral("the end")));
        fault_vfs::set_room(-1);
        QTRY_COMPARE(stored(answer).status, storage::Status::complete);
    }

    void spaceAtTheLastMomentIsUsed()
    {
        const qint64 answer = answerIntoFullDisk();
        QTest::qWait(100); // the first try was in vain
        fault_vfs::set_room(-1);
        stage->session.reset();
        const storage::Message kept = stored(answer);
        QCOMPARE(kept.status, storage::Status::complete);
        QVERIFY(QByteArray::fromStdString(kept.content).endsWith("the end"));
    }

    void aQuestionThatCannotBeSavedIsNotAsked()
    {
        const QString question(20000, QLatin1Char('q'));
        const QSignalSpy said(&session().store, &ui::StoreBridge::failed);
        fault_vfs::set_room(0);
        chat().setDraft(question);
        chat().send(question);
        QTRY_VERIFY(!said.isEmpty());
        QTRY_COMPARE(chat().draft(), question);
        QCOMPARE(chat().count(), 0);
        QVERIFY(stage->world->requests().empty());
        fault_vfs::set_room(-1);
        stage->talk(QStringLiteral("A question"));
        QCOMPARE(chat().count(), 2);
    }

    void whatIsWrittenIsKept()
    {
        stage->talk(QStringLiteral("One"));
        const qint64 conversation = chat().conversationId();
        const qint64 question = stage->at(0, ChatModel::MessageId).toLongLong();
        const QString draft(20000, QLatin1Char('d'));
        const QString better(20000, QLatin1Char('e'));
        const auto leaveAndReturn = [&] {
            session().conversations.newConversation();
            session().conversations.open(conversation);
            QTRY_VERIFY(!chat().loading());
        };
        const QSignalSpy said(&session().store, &ui::StoreBridge::failed);
        fault_vfs::set_room(0);
        chat().setDraft(draft);
        leaveAndReturn();
        QCOMPARE(chat().draft(), draft);
        QTRY_VERIFY(!said.isEmpty());

        // An edit that cannot be sent is open again.
        chat().beginEdit(question);
        chat().setEditedText(better);
        QTRY_VERIFY(chat().canSend());
        chat().edit(question, better);
        QCOMPARE(chat().editedMessage(), 0);
        QTRY_COMPARE(chat().editedMessage(), question);
        QCOMPARE(chat().editedText(), better);
        leaveAndReturn();
        QCOMPARE(chat().editedText(), better);

        fault_vfs::set_room(-1);
        QTRY_COMPARE(ui::toQt(stage->reader().conversation(conversation)->draft), draft);
        stage->startReady(); // the program again
        session().conversations.open(conversation);
        QTRY_COMPARE(chat().editedText(), better);
        QCOMPARE(chat().draft(), draft);
    }
};

QTEST_MAIN(TestFullDisk)
#include "test_full_disk.moc"
