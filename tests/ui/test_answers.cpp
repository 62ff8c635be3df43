// SPDX-License-Identifier: MIT
// The life of answers: what waits behind them, how they are repeated, what of a conversation they are asked
// with, and models that come and go.
#include "tests/ui/stage.h"

#include <QSignalSpy>
#include <QTest>

using namespace std::chrono_literals;
using ui::ChatModel;

class TestAnswers : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;

    ui::Session& session() { return *stage->session; }
    ChatModel& chat() { return session().chat; }
    ui::MessageQueue& queue() { return session().queue; }
    QString queued(int row) { return queue().index(row).data(ui::MessageQueue::Text).toString(); }
    qint64 queuedId(int row) { return queue().index(row).data(ui::MessageQueue::QueuedId).toLongLong(); }
    qint64 id(int row) { return stage->at(row, ChatModel::MessageId).toLongLong(); }
    QString text(int row) { return stage->at(row, ChatModel::Text).toString(); }

    // Answers that end when the test says so.
    std::atomic<bool> release = false;
    void holdAnswers()
    {
        release = false;
        stage->world->script = [this](const engine::Request& request) {
            const std::string& question = request.messages.back().content;
            fake::Script script{.text = "To " + question + ". ", .token_takes = 1ms, .endless = !release};
            return script;
        };
    }
    void sendAndHear(const QString& message)
    {
        QVERIFY(chat().send(message));
        QTRY_COMPARE(chat().state(), QStringLiteral("writing"));
    }
    void add(const QString& message)
    {
        const int before = queue().count();
        QVERIFY(queue().add(message));
        QTRY_COMPARE(queue().count(), before + 1);
    }

private slots:
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup() { stage.reset(); }

    void waitingMessagesAreSentInOrder()
    {
        stage->startReady();
        std::atomic<int> answers = 0;
        stage->world->script = [&answers](const engine::Request&) {
            ++answers;
            return fake::Script{.text = std::string(400, 'a'), .token_takes = 2ms};
        };
        sendAndHear(QStringLiteral("One"));
        QVERIFY(!queue().add(QStringLiteral(" \n")));
        add(QStringLiteral("Two"));
        add(QStringLiteral("Three"));
        QCOMPARE(queued(0), QStringLiteral("Two"));
        // They are on the disk already.
        const auto kept = stage->reader().conversation(chat().conversationId());
        QCOMPARE(ui::ConversationSettings(kept->settings).queue().size(), 2);
        QTRY_VERIFY(chat().count() == 6 && chat().canSend());
        QCOMPARE(answers.load(), 3);
        QCOMPARE(text(2), QStringLiteral("Two"));
        QCOMPARE(text(4), QStringLiteral("Three"));
        QCOMPARE(queue().count(), 0);
        QCOMPARE(stage->world->requests().back().messages.size(), std::size_t(5));
    }

    // How long was thought is kept with the answer, also for the next start.
    void thoughtsAreTimed()
    {
        stage->startReady();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "<think>\nHm.\n</think>\nYes.", .token_takes = 250ms};
        };
        sendAndHear(QStringLiteral("Is it?"));
        QTRY_VERIFY_WITH_TIMEOUT(chat().canSend(), 20'000);
        stage->settle();
        const auto seconds = [this] {
            const auto origin = stage->reader().message(id(1))->origin;
            return origin ? ui::AnswerFacts::from(origin->sampling, 0).thoughtSeconds : std::vector<int>();
        };
        QCOMPARE(seconds().size(), std::size_t(1));
        QVERIFY(seconds().front() >= 1);
        const int before = seconds().front();

        const qint64 conversation = chat().conversationId();
        stage->startReady();
        session().conversations.open(conversation);
        QTRY_COMPARE(chat().count(), 2);
        const auto* blocks = stage->at(1, ChatModel::Blocks).value<QAbstractItemModel*>();
        QVERIFY(blocks);
        const int role = blocks->roleNames().key("seconds");
        QCOMPARE(blocks->index(0, 0).data(role).toInt(), before);
    }

    void aStopKeepsWhatWaits()
    {
        stage->startReady();
        holdAnswers();
        sendAndHear(QStringLiteral("One"));
        add(QStringLiteral("Two"));
        add(QStringLiteral("Three"));
        add(QStringLiteral("Four"));
        queue().change(queuedId(0), QStringLiteral(" Two, better "));
        QTRY_COMPARE(queued(0), QStringLiteral("Two, better"));
        queue().remove(queuedId(1));
        QTRY_COMPARE(queue().count(), 2);
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        stage->settle();
        QCOMPARE(queue().count(), 2);
        QCOMPARE(chat().count(), 2);
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("stopped"));

        // The program again: they still wait, and go when the person says so.
        const qint64 conversation = chat().conversationId();
        release = true;
        stage->startReady();
        session().conversations.open(conversation);
        QTRY_COMPARE(queue().count(), 2);
        queue().sendNow();
        QTRY_VERIFY(chat().count() == 6 && chat().canSend());
        QCOMPARE(text(2), QStringLiteral("Two, better"));
        QCOMPARE(text(4), QStringLiteral("Four"));
        QCOMPARE(queue().count(), 0);
    }

    void aFailureKeepsWhatWaits()
    {
        stage->startReady();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = std::string(200, 'a'), .token_takes = 2ms, .step_error = "Broken."};
        };
        sendAndHear(QStringLiteral("One"));
        add(QStringLiteral("Two"));
        QTRY_VERIFY(chat().canSend());
        stage->settle();
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("failed"));
        QCOMPARE(queue().count(), 1);
    }

    void waitingBelongsToItsConversation()
    {
        stage->startReady();
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = std::string(400, 'a'), .token_takes = 2ms};
        };
        sendAndHear(QStringLiteral("One"));
        add(QStringLiteral("Two"));
        const qint64 first = chat().conversationId();
        session().conversations.newConversation();
        QTRY_COMPARE(queue().count(), 0);
        QTRY_VERIFY(stage->reader().branch(first).size() == 4); // sent out of view
        QTRY_COMPARE(session().answers.writing(), 0);
        session().conversations.open(first);
        QTRY_COMPARE(chat().count(), 4);
        QCOMPARE(queue().count(), 0);
    }

    void aMessageThatComesTooLateToWaitIsSent()
    {
        stage->startReady();
        stage->talk(QStringLiteral("One"));
        QVERIFY(queue().add(QStringLiteral("Two")));
        QTRY_VERIFY(chat().count() == 4 && chat().canSend());
        QCOMPARE(text(2), QStringLiteral("Two"));
        QCOMPARE(queue().count(), 0);
    }

    void anAnswerIsAskedForAgainExactlySo()
    {
        stage->startReady();
        session().settings.setSystemPrompt(QStringLiteral("Be brief."));
        session().settings.setTemperature(0.3);
        session().settings.setMaxTokens(50);
        stage->talk(QStringLiteral("One"));
        const engine::Request first = stage->world->requests().back();
        const QVariantMap facts = stage->last(ChatModel::Facts).toMap();
        QCOMPARE(facts[QStringLiteral("seed")].toString(), QString::number(first.sampling.seed));
        QCOMPARE(facts[QStringLiteral("maxTokens")].toInt(), 50);
        QCOMPARE(facts[QStringLiteral("reusedTokens")].toInt(), 0);
        QCOMPARE(facts[QStringLiteral("modelIdentity")].toString(), session().models.currentIdentity());

        // Whatever the settings have become.
        session().settings.setSystemPrompt(QStringLiteral("Be a pirate."));
        session().settings.setTemperature(1.5);
        session().settings.setTopK(7);
        session().settings.setMaxTokens(0);
        session().chatSettings.setNumber(QStringLiteral("minP"), 0.5);
        stage->settle();
        chat().repeat(id(1));
        QTRY_VERIFY(stage->world->requests().size() == 2 && chat().canSend());
        const engine::Request again = stage->world->requests().back();
        QCOMPARE(again.sampling.seed, first.sampling.seed);
        QCOMPARE(again.sampling.temperature, first.sampling.temperature);
        QCOMPARE(again.sampling.top_k, first.sampling.top_k);
        QCOMPARE(again.sampling.min_p, first.sampling.min_p);
        QCOMPARE(again.max_tokens, first.max_tokens);
        QCOMPARE(again.reuse_at_most, std::optional<std::int64_t>(0));
        QCOMPARE(again.messages.size(), first.messages.size());
        for (std::size_t i = 0; i < again.messages.size(); ++i)
            QCOMPARE(again.messages[i].content, first.messages[i].content);
        QCOMPARE(stage->last(ChatModel::SiblingCount).toInt(), 2);
        // An ordinary one takes what is set now, and another seed.
        chat().regenerate(id(1));
        QTRY_VERIFY(stage->world->requests().size() == 3 && chat().canSend());
        QCOMPARE(stage->world->requests().back().sampling.top_k, 7);
        QCOMPARE(stage->world->requests().back().messages.front().content, std::string("Be a pirate."));
        QVERIFY(stage->world->requests().back().sampling.seed != first.sampling.seed);
    }

    void aConversationSetsItsOwn()
    {
        stage->startReady();
        ui::ChatSettings& own = session().chatSettings;
        session().settings.setTemperature(0.25);
        session().settings.setSystemPrompt(QStringLiteral("Be brief."));
        stage->talk(QStringLiteral("One"));
        QCOMPARE(stage->world->requests().back().messages.front().content, std::string("Be brief."));
        QCOMPARE(stage->world->requests().back().sampling.temperature, 0.25f);
        const qint64 one = chat().conversationId();
        own.setSystemPrompt(QStringLiteral("Be a pirate."));
        own.setNumber(QStringLiteral("temperature"), 9.0); // brought into its bounds
        own.setNumber(QStringLiteral("seed"), 12);
        own.setNumber(QStringLiteral("rubbish"), 12);
        stage->talk(QStringLiteral("Two"));
        QCOMPARE(stage->world->requests().back().messages.front().content, std::string("Be a pirate."));
        QCOMPARE(stage->world->requests().back().sampling.temperature, 2.0f);
        QCOMPARE(stage->world->requests().back().sampling.seed, std::uint64_t(12));

        // A new one begins with what was set for it.
        session().conversations.newConversation();
        QTRY_VERIFY(!own.any());
        own.setSystemPrompt(QStringLiteral("Rhyme."));
        own.setNumber(QStringLiteral("topK"), 3);
        stage->talk(QStringLiteral("Three"));
        QCOMPARE(stage->world->requests().back().messages.front().content, std::string("Rhyme."));
        QCOMPARE(stage->world->requests().back().sampling.top_k, 3);
        QCOMPARE(stage->world->requests().back().sampling.temperature, 0.25f);
        QCOMPARE(own.systemPrompt(), QStringLiteral("Rhyme."));
        session().conversations.newConversation();
        QTRY_VERIFY(!own.any()); // which was for that one

        session().conversations.open(one);
        QTRY_COMPARE(own.systemPrompt(), QStringLiteral("Be a pirate."));
        QCOMPARE(own.numbers().size(), 2);
        own.clearNumber(QStringLiteral("seed"));
        own.clearNumber(QStringLiteral("temperature"));
        own.setSystemPrompt({});
        QTRY_VERIFY(!own.any());
        QTRY_VERIFY(chat().canSend());
        stage->talk(QStringLiteral("Four"));
        QCOMPARE(stage->world->requests().back().messages.front().content, std::string("Be brief."));
        QCOMPARE(stage->world->requests().back().sampling.temperature, 0.25f);
    }

    void presets()
    {
        stage->startReady();
        ui::ChatSettings& own = session().chatSettings;
        const auto names = [&own] {
            QStringList list;
            for (const QVariant& preset : own.presets())
                list.append(preset.toMap()[QStringLiteral("name")].toString());
            return list;
        };
        const auto idOf = [&own](const char* name) {
            for (const QVariant& preset : own.presets())
                if (preset.toMap()[QStringLiteral("name")].toString() == QLatin1String(name))
                    return preset.toMap()[QStringLiteral("id")].toLongLong();
            return qint64(0);
        };
        stage->talk(QStringLiteral("One"));
        own.setSystemPrompt(QStringLiteral("Be a pirate."));
        own.setNumber(QStringLiteral("temperature"), 1.25);
        stage->settle();
        own.savePreset(QStringLiteral(" "));
        own.savePreset(QStringLiteral("Pirate"));
        QTRY_COMPARE(names(), QStringList{QStringLiteral("Pirate")});
        QCOMPARE(own.currentPreset(), QStringLiteral("Pirate"));
        own.setNumber(QStringLiteral("temperature"), 0.5);
        QTRY_VERIFY(own.currentPreset().isEmpty());
        own.savePreset(QStringLiteral("Calm pirate"));
        QTRY_COMPARE(names().size(), 2);

        session().conversations.newConversation();
        QTRY_VERIFY(!own.any());
        own.applyPreset(idOf("Pirate"));
        QCOMPARE(own.systemPrompt(), QStringLiteral("Be a pirate."));
        QCOMPARE(own.numbers()[QStringLiteral("temperature")].toDouble(), 1.25);
        stage->talk(QStringLiteral("Two"));
        QCOMPARE(stage->world->requests().back().sampling.temperature, 1.25f);
        // The same name again replaces it; what was taken over before stays as it is.
        own.setNumber(QStringLiteral("topK"), 5);
        stage->settle();
        own.savePreset(QStringLiteral("Pirate"));
        QTRY_COMPARE(own.currentPreset(), QStringLiteral("Pirate"));
        QCOMPARE(names().size(), 2);
        own.deletePreset(idOf("Pirate"));
        QTRY_COMPARE(names(), QStringList{QStringLiteral("Calm pirate")});
        QCOMPARE(own.systemPrompt(), QStringLiteral("Be a pirate."));

        stage->startReady(); // the program again
        QTRY_COMPARE(session().chatSettings.presets().size(), 1);
    }

    void aConversationRemembersItsModel()
    {
        stage->startReady();
        ui::ChatSettings& own = session().chatSettings;
        QVERIFY(own.modelIdentity().isEmpty());
        stage->talk(QStringLiteral("One"));
        QCOMPARE(own.modelName(), QStringLiteral("Fathom Starter"));
        QCOMPARE(own.modelIdentity(), stage->session->models.currentIdentity());
        stage->world->info.name = "Another";
        stage->world->info.identity = "fedcba";
        session().models.load(QStringLiteral("/models/other.gguf"));
        QTRY_COMPARE(session().models.state(), QStringLiteral("ready"));
        QVERIFY(own.modelIdentity() != session().models.currentIdentity());
        stage->talk(QStringLiteral("Two"));
        QCOMPARE(own.modelIdentity(), QStringLiteral("fedcba"));
        QCOMPARE(own.modelPath(), QStringLiteral("/models/other.gguf"));
    }

    void anAnswerWaitsForItsModel()
    {
        stage->world->load_takes = 300ms;
        stage->start();
        session().models.loadFirst({});
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(session().models.state(), QStringLiteral("loading"));
        QVERIFY(chat().send(QStringLiteral("Early")));
        QTRY_VERIFY(chat().count() == 2 && chat().canSend());
        QCOMPARE(text(1), QStringLiteral("An answer."));
        QCOMPARE(stage->at(1, ChatModel::ModelName).toString(), QStringLiteral("Fathom Starter"));
        QCOMPARE(session().models.state(), QStringLiteral("ready"));
    }

    void aStopWhileTheModelLoads()
    {
        stage->world->load_takes = 60s;
        stage->start();
        session().models.loadFirst({});
        QTRY_VERIFY(chat().canSend());
        QVERIFY(chat().send(QStringLiteral("Early")));
        QTRY_COMPARE(chat().count(), 2);
        chat().stop();
        QTRY_VERIFY(chat().canSend()); // long before the model is there
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("stopped"));
        QCOMPARE(session().models.state(), QStringLiteral("loading")); // which the person had asked for
        QVERIFY(stage->world->requests().empty());
    }

    void aModelThatDoesNotLoadFailsItsAnswer()
    {
        stage->world->load_takes = 100ms;
        stage->world->load_error = "tensor x is too small";
        stage->start();
        session().models.loadFirst({});
        QTRY_VERIFY(chat().canSend());
        QVERIFY(chat().send(QStringLiteral("Early")));
        QTRY_COMPARE(session().models.state(), QStringLiteral("failed"));
        QTRY_COMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("failed"));
        QVERIFY(stage->last(ChatModel::Notice).toString().contains(QStringLiteral("too small")));
    }

    void anUnusedModelSleepsAndIsWoken()
    {
        stage->startReady();
        stage->talk(QStringLiteral("One"));
        session().engine.setKeepAlive(30ms);
        QTRY_COMPARE(session().models.state(), QStringLiteral("asleep"));
        QTRY_COMPARE(stage->world->loaded.load(), 0);
        QCOMPARE(session().models.currentName(), QStringLiteral("Fathom Starter"));
        session().engine.setKeepAlive(0ms);
        stage->world->load_takes = 200ms;
        QVERIFY(chat().canSend());
        QSignalSpy progress(&session().models, &ui::ModelList::progressChanged);
        QVERIFY(chat().send(QStringLiteral("Two")));
        QTRY_COMPARE(session().models.state(), QStringLiteral("loading"));
        QTRY_VERIFY(chat().count() == 4 && chat().canSend());
        QCOMPARE(text(3), QStringLiteral("An answer."));
        QCOMPARE(session().models.state(), QStringLiteral("ready"));
        QVERIFY(progress.size() > 2);

        // A stop while it wakes puts it to sleep again.
        session().engine.setKeepAlive(30ms);
        QTRY_COMPARE(session().models.state(), QStringLiteral("asleep"));
        stage->world->load_takes = 60s;
        QVERIFY(chat().send(QStringLiteral("Three")));
        QTRY_COMPARE(chat().count(), 6);
        chat().stop();
        QTRY_VERIFY(chat().canSend());
        QTRY_COMPARE(session().models.state(), QStringLiteral("asleep"));
        stage->world->load_takes = 0ms;
        stage->talk(QStringLiteral("Four"));
        QCOMPARE(stage->last(ChatModel::Text).toString(), QStringLiteral("An answer."));
    }

    void noModelAtTheStartButThenItIsLoaded()
    {
        stage->start().settings.setLoadAtStart(false);
        session().models.loadFirst({});
        QCOMPARE(session().models.state(), QStringLiteral("asleep"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->world->loaded.load(), 0);
        stage->talk(QStringLiteral("One"));
        QCOMPARE(stage->last(ChatModel::Text).toString(), QStringLiteral("An answer."));
        QCOMPARE(session().models.state(), QStringLiteral("ready"));
    }

    void aFullContextIsSaid()
    {
        fillContext(QStringLiteral("stop"));
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("failed"));
        QVERIFY(stage->last(ChatModel::Notice).toString().contains(QStringLiteral("the context holds")));
        QVERIFY(chat().canSend());
    }

    void theOldestTurnsAreLeftOut()
    {
        fillContext(QStringLiteral("oldest"));
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("complete"));
        const engine::Request last = stage->world->requests().back();
        QVERIFY(last.messages.size() < static_cast<std::size_t>(chat().count()) - 1);
        QCOMPARE(last.messages.front().role, std::string("user"));
        QCOMPARE(chat().leftOutFrom(), 0);
        QCOMPARE(chat().leftOutTo() % 2, 0);
        QCOMPARE(static_cast<std::size_t>(chat().leftOutTo()),
                 static_cast<std::size_t>(chat().count()) - 1 - last.messages.size());
        QVERIFY(text(chat().leftOutTo()) == ui::toQt(last.messages.front().content));
        QCOMPARE(stage->last(ChatModel::Facts).toMap()[QStringLiteral("leftOut")].toInt(),
                 chat().leftOutTo());
        const int leftOut = chat().leftOutTo();

        // It is known after a new start, and left out again where the answer is repeated.
        const qint64 conversation = chat().conversationId();
        stage->startReady();
        session().settings.setContextPolicy(QStringLiteral("oldest"));
        session().conversations.open(conversation);
        QTRY_VERIFY(!chat().loading());
        QTRY_COMPARE(chat().leftOutTo(), leftOut);
        chat().repeat(stage->last(ChatModel::MessageId).toLongLong());
        QTRY_VERIFY(chat().canSend() &&
                    stage->world->requests().back().messages.size() == last.messages.size());
        QCOMPARE(chat().leftOutTo(), leftOut);
    }

    void theMiddleIsLeftOut()
    {
        fillContext(QStringLiteral("middle"));
        QCOMPARE(stage->last(ChatModel::Status).toString(), QStringLiteral("complete"));
        const engine::Request last = stage->world->requests().back();
        QCOMPARE(last.messages[0].content, ui::toUtf8(text(0)));
        QCOMPARE(last.messages[1].content, ui::toUtf8(text(1)));
        QCOMPARE(chat().leftOutFrom(), 2);
        QVERIFY(chat().leftOutTo() > 2);
        QCOMPARE(last.messages[2].content, ui::toUtf8(text(chat().leftOutTo())));
    }

private:
    // Turns of some hundred tokens in a context of 1,024, until they cannot all fit.
    void fillContext(const QString& policy)
    {
        stage->world->script = [](const engine::Request& request) {
            return fake::Script{.text = "To " + request.messages.back().content, .letters_per_token = 400};
        };
        stage->start().settings.setContextLength(1024);
        session().settings.setContextPolicy(policy);
        session().models.loadFirst({});
        QTRY_COMPARE(session().models.state(), QStringLiteral("ready"));
        QTRY_VERIFY(session().conversations.ready());
        for (int turn = 0; turn < 12; ++turn) {
            stage->talk(QStringLiteral("%1 ").arg(turn) + QString(500, u'x'));
            if (stage->last(ChatModel::Status).toString() == QLatin1String("failed"))
                return;
        }
        QVERIFY(chat().contextUsed() < chat().contextLimit());
    }
};

QTEST_MAIN(TestAnswers)
#include "test_answers.moc"
