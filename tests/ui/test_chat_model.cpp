// SPDX-License-Identifier: MIT
#include "tests/ui/stage.h"
#include "ui/markdown/markdown_blocks.h"

#include <QAbstractItemModelTester>
#include <QClipboard>
#include <QGuiApplication>
#include <QRandomGenerator>
#include <QSignalSpy>
#include <QTest>

using namespace std::chrono_literals;
using ui::ChatModel;

namespace {

fake::Script endless(const engine::Request&)
{
    return {.text = "la la ", .token_takes = 2ms, .endless = true};
}

} // namespace

class TestChatModel : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QAbstractItemModelTester> tester;

    ChatModel& chat() { return stage->session->chat; }
    ui::ConversationModel& conversations() { return stage->session->conversations; }

    void start()
    {
        tester.reset();
        stage->startReady();
        tester = std::make_unique<QAbstractItemModelTester>(
            &chat(), QAbstractItemModelTester::FailureReportingMode::QtTest);
    }

    QString text(int row) { return stage->at(row, ChatModel::Text).toString(); }
    QString status(int row) { return stage->at(row, ChatModel::Status).toString(); }
    qint64 id(int row) { return stage->at(row, ChatModel::MessageId).toLongLong(); }
    QString lastText() { return stage->last(ChatModel::Text).toString(); }

    void open(qint64 conversation)
    {
        conversations().open(conversation);
        QTRY_VERIFY(!chat().loading());
    }

    // Sends, and waits until the answer has begun.
    void sendAndHear(const QString& text)
    {
        QVERIFY(chat().send(text));
        QTRY_COMPARE(chat().state(), QStringLiteral("writing"));
        QTRY_VERIFY(lastText().size() > 12);
    }

private slots:
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup()
    {
        tester.reset();
        stage.reset();
    }

    void aTurn()
    {
        start();
        QVERIFY(chat().canSend());
        QVERIFY(!chat().send(QStringLiteral("  \n ")));
        QSignalSpy states(&chat(), &ChatModel::stateChanged);
        QSignalSpy appended(&chat(), &ChatModel::appended);
        QVERIFY(chat().send(QStringLiteral(" What is this?\n")));
        QVERIFY(!chat().canSend());
        QCOMPARE(chat().state(), QStringLiteral("waiting"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(chat().state(), QStringLiteral("idle"));
        QVERIFY(!states.isEmpty());
        QVERIFY(!appended.isEmpty());
        QCOMPARE(chat().count(), 2);
        QCOMPARE(text(0), QStringLiteral("What is this?"));
        QCOMPARE(stage->at(0, ChatModel::MessageRole).toString(), QStringLiteral("user"));
        QVERIFY(!stage->at(0, ChatModel::Blocks).value<QObject*>());
        QCOMPARE(text(1), QStringLiteral("An answer."));
        QCOMPARE(status(1), QStringLiteral("complete"));
        QCOMPARE(stage->at(1, ChatModel::ModelName).toString(), QStringLiteral("Fathom Starter"));
        QCOMPARE(stage->at(1, ChatModel::FinishReason).toString(), QStringLiteral("stop"));
        QCOMPARE(stage->at(1, ChatModel::GeneratedTokens).toInt(), 3);
        QVERIFY(stage->at(1, ChatModel::TokensPerSecond).toDouble() > 0);
        QVERIFY(stage->at(1, ChatModel::IsLast).toBool());
        QVERIFY(!stage->at(0, ChatModel::IsLast).toBool());
        QCOMPARE(chat().contextLimit(), 4096);
        QTRY_VERIFY(chat().contextUsed() > 0);
        QCOMPARE(chat().cacheBytes(), 6912.0 * static_cast<double>(chat().contextUsed()));

        const storage::Message kept = *stage->reader().message(id(1));
        QCOMPARE(kept.content, std::string("An answer."));
        QCOMPARE(kept.status, storage::Status::complete);
        QCOMPARE(kept.origin->model_hash, stage->world->info.identity);
        QCOMPARE(static_cast<std::uint64_t>(kept.origin->seed), stage->world->requests()[0].sampling.seed);
        QCOMPARE(stage->reader().token_ids(id(1)).size(), std::size_t(3));

        stage->talk(QStringLiteral("And that?"));
        const auto requests = stage->world->requests();
        QCOMPARE(requests[1].messages.size(), std::size_t(3));
        QCOMPARE(requests[1].messages[1].role, std::string("assistant"));
        QCOMPARE(requests[1].messages[2].content, std::string("And that?"));
        QCOMPARE(stage->world->open_sequences.load(), 1);
    }

    // The script runs on the engine's thread at the moment at which it is asked.
    void theQuestionIsOnTheDiskBeforeTheEngineIsAsked()
    {
        std::atomic<int> asked = 0;
        std::atomic<int> found = 0;
        stage->world->script = [&](const engine::Request& request) {
            ++asked;
            storage::ChatReader other(stage->lock.profile());
            for (const storage::Conversation& one : other.list_conversations(storage::Scope::active)) {
                for (const storage::Message& message : other.branch(one.id)) {
                    if (message.content == request.messages.back().content)
                        ++found;
                }
            }
            return fake::Script{.text = "Yes."};
        };
        start();
        for (int i = 0; i < 8; ++i)
            stage->talk(QStringLiteral("Question %1").arg(i));
        chat().edit(id(0), QStringLiteral("Question edited"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(asked.load(), 9);
        QCOMPARE(found.load(), 9);
    }

    void streamsIntoBlocksAndOntoTheDisk()
    {
        stage->world->script = endless;
        start();
        QVERIFY(chat().send(QStringLiteral("Sing")));
        QTRY_COMPARE(chat().count(), 2);
        auto* blocks = qobject_cast<ui::MarkdownBlocks*>(stage->at(1, ChatModel::Blocks).value<QObject*>());
        QVERIFY(blocks);
        QCOMPARE(status(1), QStringLiteral("streaming"));
        QTRY_VERIFY(blocks->source().size() > 100);
        QVERIFY(blocks->streaming());
        QCOMPARE(blocks->source(), text(1));
        QSignalSpy changed(&chat(), &QAbstractItemModel::dataChanged);
        // Committed at least every second while it grows.
        storage::ChatReader other(stage->lock.profile());
        std::size_t before = 0;
        for (int i = 0; i < 3; ++i) {
            QTRY_VERIFY(other.message(id(1))->content.size() > before);
            QCOMPARE(other.message(id(1))->status, storage::Status::streaming);
            before = other.message(id(1))->content.size();
        }
        QVERIFY(changed.isEmpty()); // no row is announced for a token
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        QVERIFY(!blocks->streaming());
        QCOMPARE(blocks->source(), text(1));
        QCOMPARE(status(1), QStringLiteral("stopped"));
        QCOMPARE(stage->reader().message(id(1))->content, ui::toUtf8(text(1)));
        QCOMPARE(stage->reader().message(id(1))->finish_reason, storage::FinishReason::cancelled);
    }

    void aStopBeforeTheFirstWordCounts()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{
                .text = "x", .prompt_tokens = 100'000, .prompt_tokens_step = 10, .prompt_step_takes = 1ms};
        };
        start();
        QVERIFY(chat().send(QStringLiteral("Hello")));
        chat().stop(); // not even on the disk yet
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(status(1), QStringLiteral("stopped"));
        QVERIFY(text(1).isEmpty());

        QVERIFY(chat().send(QStringLiteral("Again")));
        QTRY_COMPARE(chat().state(), QStringLiteral("reading"));
        QTRY_VERIFY(chat().promptDone() > 0);
        QCOMPARE(chat().promptTotal(), 100'000);
        QVERIFY(chat().promptSeconds() > 0);
        chat().stop();
        QTRY_VERIFY(chat().canSend());
    }

    void anEditMakesABranchAndOverwritesNothing()
    {
        int answers = 0;
        stage->world->script = [&answers](const engine::Request&) {
            return fake::Script{.text = "Answer " + std::to_string(++answers)};
        };
        start();
        stage->talk(QStringLiteral("First"));
        stage->talk(QStringLiteral("Second"));
        const qint64 question = id(2);
        const qint64 answer = id(3);
        QSignalSpy removed(&chat(), &QAbstractItemModel::rowsRemoved);
        chat().edit(question, QStringLiteral("Second, better"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(removed.size(), 1); // the first two rows stayed
        QCOMPARE(chat().count(), 4);
        QCOMPARE(text(2), QStringLiteral("Second, better"));
        QCOMPARE(text(3), QStringLiteral("Answer 3"));
        QCOMPARE(stage->at(2, ChatModel::SiblingIndex).toInt(), 2);
        QCOMPARE(stage->at(2, ChatModel::SiblingCount).toInt(), 2);
        QCOMPARE(stage->reader().message(question)->content, std::string("Second"));
        QCOMPARE(stage->reader().message(answer)->content, std::string("Answer 2"));
        QCOMPARE(stage->world->requests().back().messages.size(), std::size_t(3));

        chat().chooseSibling(id(2), -1);
        QTRY_COMPARE(text(2), QStringLiteral("Second"));
        QCOMPARE(text(3), QStringLiteral("Answer 2"));
        chat().chooseSibling(id(2), -1); // there is none before it
        chat().chooseSibling(id(2), 1);
        QTRY_COMPARE(text(3), QStringLiteral("Answer 3"));

        chat().edit(id(1), QStringLiteral("not a person's"));
        chat().edit(id(2), QStringLiteral("  "));
        stage->settle();
        QCOMPARE(stage->world->requests().size(), std::size_t(3));
    }

    void regeneratesBeside()
    {
        int answers = 0;
        stage->world->script = [&answers](const engine::Request&) {
            return fake::Script{.text = "Answer " + std::to_string(++answers)};
        };
        start();
        stage->talk(QStringLiteral("Question"));
        chat().regenerate(id(1));
        QTRY_VERIFY(chat().canSend() && lastText() == QStringLiteral("Answer 2"));
        QCOMPARE(stage->at(1, ChatModel::SiblingCount).toInt(), 2);
        QCOMPARE(stage->world->requests().back().messages.size(), std::size_t(1));
        chat().chooseSibling(id(1), -1);
        QTRY_COMPARE(lastText(), QStringLiteral("Answer 1"));
        QCOMPARE(stage->at(1, ChatModel::SiblingIndex).toInt(), 1);
    }

    void continuesAStoppedAnswer()
    {
        stage->world->script = endless;
        start();
        sendAndHear(QStringLiteral("Sing"));
        auto* before = stage->at(1, ChatModel::Blocks).value<QObject*>();
        QVERIFY(before);
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        const QString half = text(1);
        const qint64 answer = id(1);
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "and the end."}; };
        chat().continueAnswer(answer);
        QTRY_VERIFY(chat().canSend() && status(1) == QStringLiteral("complete"));
        QCOMPARE(id(1), answer);
        QCOMPARE(text(1), half + QStringLiteral("and the end."));
        const engine::Request request = stage->world->requests().back();
        QVERIFY(request.continue_last);
        QCOMPARE(request.messages.back().content, ui::toUtf8(half));
        QCOMPARE(stage->reader().message(answer)->content, ui::toUtf8(text(1)));
        auto* blocks = qobject_cast<ui::MarkdownBlocks*>(stage->at(1, ChatModel::Blocks).value<QObject*>());
        QCOMPARE(blocks->source(), text(1));
        QVERIFY(!blocks->streaming());
    }

    void failuresAreShownAndCanBeTriedAgain_data()
    {
        QTest::addColumn<bool>("atStart");
        QTest::newRow("at the start") << true;
        QTest::newRow("in the middle") << false;
    }

    void failuresAreShownAndCanBeTriedAgain()
    {
        QFETCH(bool, atStart);
        stage->world->script = [atStart](const engine::Request&) {
            fake::Script script{.text = "Half an ans"};
            (atStart ? script.start_error : script.step_error) = "The prompt has 9,214 tokens.";
            return script;
        };
        start();
        stage->talk(QStringLiteral("Question"));
        QCOMPARE(status(1), QStringLiteral("failed"));
        QCOMPARE(stage->at(1, ChatModel::Notice).toString(), QStringLiteral("The prompt has 9,214 tokens."));
        QCOMPARE(text(1), atStart ? QString() : QStringLiteral("Half an ans"));
        QCOMPARE(stage->reader().message(id(1))->status, storage::Status::failed);
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "Now it works."}; };
        chat().retry(id(1));
        QTRY_VERIFY(chat().canSend() && lastText() == QStringLiteral("Now it works."));
        QCOMPARE(stage->at(1, ChatModel::SiblingCount).toInt(), 2);
    }

    void aLostGpuKeepsTheConversationAndTheCpuGoesOn()
    {
        stage->start().settings.setDevice(QStringLiteral("cuda:0"));
        start();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "Half an ans", .device_error = "The GPU was lost."};
        };
        stage->talk(QStringLiteral("Hello?"));
        QCOMPARE(chat().count(), 2);
        QCOMPARE(status(1), QStringLiteral("failed"));
        QCOMPARE(stage->at(1, ui::ChatModel::Text).toString(), QStringLiteral("Half an ans"));
        QCOMPARE(stage->at(1, ui::ChatModel::Notice).toString(), QStringLiteral("The GPU was lost."));
        QVERIFY(stage->session->models.deviceFailed());
        stage->settle();
        QCOMPARE(stage->reader().message(id(1))->content, std::string("Half an ans"));
        QCOMPARE(stage->reader().message(id(1))->error, std::string("The GPU was lost."));

        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "An answer."}; };
        stage->session->models.useCpu();
        QVERIFY(!stage->session->models.deviceFailed());
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->world->loads().back().device, std::string("cpu"));
        QCOMPARE(chat().count(), 2); // the conversation stands as it was
        chat().retry(id(1));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(status(1), QStringLiteral("complete"));
        QCOMPARE(stage->at(1, ui::ChatModel::Text).toString(), QStringLiteral("An answer."));
        QCOMPARE(stage->at(1, ui::ChatModel::SiblingCount).toInt(), 2); // beside what failed
    }

    void aFullContextIsSaid()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "As much as fits", .finish = engine::Finish::context};
        };
        start();
        stage->talk(QStringLiteral("Question"));
        QCOMPARE(status(1), QStringLiteral("complete"));
        QCOMPARE(stage->at(1, ChatModel::FinishReason).toString(), QStringLiteral("context"));
        QVERIFY(stage->at(1, ChatModel::Notice).toString().startsWith(QStringLiteral("The context is full")));
    }

    void anAnswerWithoutAWordIsSaid()
    {
        stage->world->script = [](const engine::Request&) { return fake::Script{}; };
        start();
        stage->talk(QStringLiteral("Question"));
        QCOMPARE(status(1), QStringLiteral("complete"));
        QCOMPARE(text(1), QString());
        QVERIFY(stage->at(1, ChatModel::Notice).toString().startsWith(QStringLiteral("The model ended")));
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "Now."}; };
        chat().retry(id(1));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(text(1), QStringLiteral("Now."));
        QCOMPARE(stage->at(1, ChatModel::Notice).toString(), QString());
    }

    void whatWasStreamingOpensAsInterrupted()
    {
        stage->world->script = endless;
        start();
        sendAndHear(QStringLiteral("Sing"));
        const qint64 conversation = chat().conversationId();
        const QString heard = text(1);
        tester.reset();
        stage->session.reset(); // ends in the middle
        QCOMPARE(stage->reader().message(stage->reader().branch(conversation)[1].id)->status,
                 storage::Status::streaming);

        start();
        open(conversation);
        QCOMPARE(chat().count(), 2);
        QCOMPARE(status(1), QStringLiteral("interrupted"));
        QVERIFY(text(1).startsWith(heard)); // what had been seen is on the disk
        QVERIFY(!stage->at(1, ChatModel::Notice).toString().isEmpty());
        QVERIFY(chat().canSend());
    }

    void switchingAwayDoesNotStopAnAnswer()
    {
        stage->world->script = endless;
        start();
        sendAndHear(QStringLiteral("Sing"));
        const qint64 singing = chat().conversationId();
        conversations().newConversation();
        QCOMPARE(chat().conversationId(), 0);
        QCOMPARE(chat().count(), 0);
        QCOMPARE(chat().state(), QStringLiteral("idle"));
        QVERIFY(chat().modelBusyElsewhere());
        const int before = stage->world->tokens;
        QTRY_VERIFY(stage->world->tokens > before + 50);

        open(singing);
        QCOMPARE(chat().state(), QStringLiteral("writing"));
        auto* blocks = qobject_cast<ui::MarkdownBlocks*>(stage->at(1, ChatModel::Blocks).value<QObject*>());
        QCOMPARE(blocks->source(), text(1));
        const auto size = text(1).size();
        QVERIFY(size > before);
        QTRY_VERIFY(text(1).size() > size);
        QCOMPARE(blocks->source(), text(1));
        chat().stop();
        QTRY_COMPARE(status(1), QStringLiteral("stopped"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->reader().message(id(1))->content, ui::toUtf8(text(1)));
    }

    void twoConversationsWriteAtOnce()
    {
        stage->world->script = [](const engine::Request& request) {
            return fake::Script{
                .text = request.messages.back().content + " ", .token_takes = 1ms, .endless = true};
        };
        start();
        sendAndHear(QStringLiteral("aaaa"));
        const qint64 one = chat().conversationId();
        conversations().newConversation();
        QVERIFY(chat().canSend());
        sendAndHear(QStringLiteral("bbbb"));
        const qint64 two = chat().conversationId();
        QCOMPARE(stage->session->answers.writing(), 2);
        QCOMPARE(stage->world->open_sequences.load(), 2);
        QVERIFY(!text(1).contains(u'a'));
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->session->answers.writing(), 1);
        open(one);
        QVERIFY(!text(1).contains(u'b'));
        QCOMPARE(chat().state(), QStringLiteral("writing"));
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        QVERIFY(stage->reader().branch(two)[1].content.find('a') == std::string::npos);
        QVERIFY(stage->reader().branch(one)[1].content.find('b') == std::string::npos);
    }

    void deletingAConversationThatWrites_data()
    {
        QTest::addColumn<bool>("forEver");
        QTest::newRow("into the trash") << false;
        QTest::newRow("for ever") << true;
    }

    void deletingAConversationThatWrites()
    {
        QFETCH(bool, forEver);
        stage->world->script = endless;
        start();
        sendAndHear(QStringLiteral("Sing"));
        const qint64 conversation = chat().conversationId();
        const qint64 answer = id(1);
        if (forEver)
            conversations().erase({conversation});
        else
            conversations().trash({conversation});
        QTRY_COMPARE(conversations().total(), 0);
        QTRY_COMPARE(stage->session->engine.running(), 0);
        QTRY_COMPARE(chat().conversationId(), 0);
        stage->settle();
        stage->settle();
        QVERIFY2(conversations().error().isEmpty(), qPrintable(conversations().error()));
        if (forEver) {
            QVERIFY(!stage->reader().message(answer));
            QTRY_COMPARE(stage->world->open_sequences.load(), 0);
        } else {
            QCOMPARE(stage->reader().message(answer)->status, storage::Status::stopped);
            QVERIFY(!stage->reader().message(answer)->content.empty());
        }
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "Fine."}; };
        stage->talk(QStringLiteral("Still there?"));
        QCOMPARE(lastText(), QStringLiteral("Fine."));
    }

    void aModelThatGoesEndsItsAnswers()
    {
        stage->world->script = endless;
        start();
        sendAndHear(QStringLiteral("Sing"));
        stage->session->models.unload();
        QVERIFY(!chat().canSend());
        QTRY_COMPARE(status(1), QStringLiteral("stopped"));
        stage->session->models.loadFirst({});
        QTRY_VERIFY(chat().canSend());
    }

    void draftsBelongToTheirConversations()
    {
        start();
        stage->talk(QStringLiteral("One"));
        const qint64 one = chat().conversationId();
        chat().setDraft(QStringLiteral("half a thought"));
        chat().setDraftCursor(5);
        conversations().newConversation();
        QVERIFY(chat().draft().isEmpty());
        chat().setDraft(QStringLiteral("something new"));
        open(one);
        QCOMPARE(chat().draft(), QStringLiteral("half a thought"));
        QCOMPARE(chat().draftCursor(), 5);
        chat().setDraft(QStringLiteral("half a thought more"));
        chat().setDraftCursor(7);
        QTRY_COMPARE(stage->reader().conversation(one)->draft,
                     std::string("half a thought more")); // by itself
        conversations().newConversation();
        QCOMPARE(chat().draft(), QStringLiteral("something new"));

        start(); // the program again
        QCOMPARE(chat().draft(), QStringLiteral("something new"));
        stage->talk(QStringLiteral("something new"));
        QVERIFY(chat().draft().isEmpty());
        open(one);
        QCOMPARE(chat().draft(), QStringLiteral("half a thought more"));
        QCOMPARE(chat().draftCursor(), 7);
    }

    void whatIsWrittenWhileAConversationIsReadIsKept()
    {
        start();
        stage->talk(QStringLiteral("One"));
        const qint64 one = chat().conversationId();
        chat().setDraft(QStringLiteral("before"));
        conversations().newConversation();
        conversations().open(one);
        QVERIFY(chat().loading());
        chat().setDraft(QStringLiteral("meanwhile"));
        QTRY_VERIFY(!chat().loading());
        QCOMPARE(chat().draft(), QStringLiteral("before\n\nmeanwhile"));

        // It is left before it has been read.
        conversations().newConversation();
        conversations().open(one);
        chat().setDraft(QStringLiteral("in passing"));
        conversations().newConversation();
        open(one);
        QCOMPARE(chat().draft(), QStringLiteral("in passing\n\nbefore\n\nmeanwhile"));
    }

    void editsOutliveLeavingTheirConversation()
    {
        start();
        stage->talk(QStringLiteral("One"));
        stage->talk(QStringLiteral("Two"));
        const qint64 conversation = chat().conversationId();
        const qint64 first = stage->at(0, ChatModel::MessageId).toLongLong();
        const qint64 second = stage->at(2, ChatModel::MessageId).toLongLong();
        chat().beginEdit(first);
        QCOMPARE(chat().editedMessage(), first);
        QCOMPARE(chat().editedText(), QStringLiteral("One"));
        chat().setEditedText(QStringLiteral("One, better"));
        chat().beginEdit(second); // and the first is not lost for it
        chat().setEditedText(QStringLiteral("Two, better"));
        conversations().newConversation();
        QCOMPARE(chat().editedMessage(), 0);

        start(); // the program again
        open(conversation);
        QCOMPARE(chat().editedMessage(), second);
        QCOMPARE(chat().editedText(), QStringLiteral("Two, better"));
        chat().endEdit(); // not wanted
        chat().beginEdit(second);
        QCOMPARE(chat().editedText(), QStringLiteral("Two"));
        chat().beginEdit(first);
        QCOMPARE(chat().editedText(), QStringLiteral("One, better"));

        // A fork has nothing of it; sending ends it.
        chat().fork(second);
        QTRY_VERIFY(chat().conversationId() != conversation);
        QTRY_COMPARE(chat().count(), 3);
        QCOMPARE(chat().editedMessage(), 0);
        open(conversation);
        QCOMPARE(chat().editedMessage(), first);
        QTRY_VERIFY(chat().canSend());
        chat().edit(first, chat().editedText());
        QCOMPARE(chat().editedMessage(), 0);
        QTRY_COMPARE(stage->at(0, ChatModel::Text).toString(), QStringLiteral("One, better"));
        QTRY_VERIFY(chat().canSend());
        conversations().newConversation();
        open(conversation);
        QCOMPARE(chat().editedMessage(), 0);
    }

    void samplingComesFromTheSettings()
    {
        start();
        stage->session->settings.setSeed(42);
        stage->session->settings.setTemperature(0.25);
        stage->session->settings.setMaxTokens(2);
        stage->talk(QStringLiteral("One"));
        const engine::Request request = stage->world->requests().back();
        QCOMPARE(request.sampling.seed, 42u);
        QCOMPARE(request.sampling.temperature, 0.25f);
        QCOMPARE(request.max_tokens, 2);
        QCOMPARE(stage->at(1, ChatModel::FinishReason).toString(), QStringLiteral("length"));
        QCOMPARE(stage->reader().message(id(1))->origin->seed, 42);
    }

    void copies()
    {
        start();
        stage->talk(QStringLiteral("One"));
        chat().copyMessage(id(1));
        QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("An answer."));
    }
};

QTEST_MAIN(TestChatModel)
#include "test_chat_model.moc"
