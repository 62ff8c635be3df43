// SPDX-License-Identifier: MIT
#include "tests/ui/fake_engine.h"
#include "tests/ui/patience.h"
#include "ui/engine_bridge.h"

#include <QSignalSpy>
#include <QTest>

using namespace std::chrono_literals;
using ui::EngineBridge;

namespace {

// What the bridge said about each answer, in order.
struct Listener : QObject
{
    explicit Listener(EngineBridge& bridge)
    {
        connect(&bridge, &EngineBridge::textArrived, this, [this](qint64 answer, const QString& text) {
            texts[answer] += text;
            QVERIFY(!ended.contains(answer));
        });
        connect(&bridge, &EngineBridge::finished, this, [this](qint64 answer, const engine::Result& result) {
            QVERIFY(!ended.contains(answer));
            ended.insert(answer);
            results[answer] = result;
        });
        connect(&bridge, &EngineBridge::failed, this, [this](qint64 answer, const QString& message) {
            QVERIFY(!ended.contains(answer));
            ended.insert(answer);
            errors[answer] = message;
        });
    }

    QHash<qint64, QString> texts;
    QSet<qint64> ended;
    QHash<qint64, engine::Result> results;
    QHash<qint64, QString> errors;
};

engine::Request request(const char* text)
{
    engine::Request request;
    request.messages = {{"user", text}};
    return request;
}

std::string repeat(const std::string& piece, int times)
{
    std::string text;
    for (int i = 0; i < times; ++i)
        text += piece;
    return text;
}

} // namespace

class TestEngineBridge : public QObject
{
    Q_OBJECT

private:
    std::shared_ptr<fake::World> world;
    std::unique_ptr<EngineBridge> bridge;
    std::unique_ptr<Listener> heard;

    void load()
    {
        bridge->load("model.gguf", {});
        QTRY_COMPARE(bridge->state(), EngineBridge::State::ready);
    }

private slots:
    void init()
    {
        world = std::make_shared<fake::World>();
        bridge = std::make_unique<EngineBridge>(fake::functions(world));
        heard = std::make_unique<Listener>(*bridge);
    }

    void cleanup()
    {
        heard.reset();
        bridge.reset();
        QCOMPARE(world->loaded.load(), 0);
        QCOMPARE(world->open_sequences.load(), 0);
    }

    void loadsWithProgress()
    {
        world->load_takes = 150ms;
        QSignalSpy progress(bridge.get(), &EngineBridge::progressChanged);
        engine::LoadOptions options;
        options.context_tokens = 1024;
        bridge->load("model.gguf", options);
        QCOMPARE(bridge->state(), EngineBridge::State::loading);
        QTRY_COMPARE(bridge->state(), EngineBridge::State::ready);
        QVERIFY(!progress.isEmpty());
        QCOMPARE(bridge->progress().layersTotal, 27);
        QCOMPARE(bridge->info()->name, world->info.name);
        QCOMPARE(bridge->contextTokens(), 1024);
        QCOMPARE(world->loads().front().context_tokens, 1024);
    }

    void saysWhyALoadFailed()
    {
        world->load_error = "tensor x: expected 4 × 4, found 4 × 2";
        bridge->load("model.gguf", {});
        QTRY_COMPARE(bridge->state(), EngineBridge::State::failed);
        QCOMPARE(bridge->error(), QStringLiteral("model.gguf: tensor x: expected 4 × 4, found 4 × 2"));
        QVERIFY(!bridge->info());

        world->load_error.clear();
        load(); // and lives on
    }

    void loadCanBeCancelled()
    {
        world->load_takes = 60s;
        bridge->load("model.gguf", {});
        QTest::qWait(20);
        bridge->cancelLoad();
        QTRY_COMPARE(bridge->state(), EngineBridge::State::none);
        QVERIFY(bridge->error().isEmpty());
    }

    void onlyTheLatestLoadCounts()
    {
        world->load_takes = 100ms;
        QSignalSpy states(bridge.get(), &EngineBridge::stateChanged);
        for (int i = 0; i < 5; ++i)
            bridge->load("model" + std::to_string(i) + ".gguf", {});
        QTRY_COMPARE(bridge->state(), EngineBridge::State::ready);
        QCOMPARE(bridge->path(), std::filesystem::path("model4.gguf"));
        QTest::qWait(50);
        QCOMPARE(states.size(), 6); // five times loading, once ready
        QCOMPARE(world->loaded.load(), 1);
    }

    void streamsWholeText()
    {
        const std::string text = repeat("Ein Satz – 一句话 😀. ", 200);
        world->script = [&](const engine::Request&) { return fake::Script{.text = text}; };
        load();
        QSignalSpy prompt(bridge.get(), &EngineBridge::promptRead);
        bridge->generate(7, 1, request("Hello"));
        QTRY_VERIFY(heard->ended.contains(7));
        QCOMPARE(heard->texts[7], QString::fromStdString(text));
        QCOMPARE(heard->results[7].text, text);
        QCOMPARE(heard->results[7].finish, engine::Finish::stop);
        QVERIFY(!prompt.isEmpty());
        QCOMPARE(bridge->running(), 0);
    }

    // Each token costs the GUI thread nothing but its share of one of thirty events a second.
    void tenThousandTokensPostFewEvents()
    {
        constexpr int tokens = 10'000;
        world->script = [](const engine::Request&) {
            return fake::Script{.text = repeat("word ", tokens), .letters_per_token = 5};
        };
        load();
        const quint64 before = bridge->flushes();
        QElapsedTimer clock;
        clock.start();
        bridge->generate(1, 1, request("Go"));
        QTRY_VERIFY(heard->ended.contains(1));
        QCOMPARE(heard->results[1].generated_tokens, tokens);
        QCOMPARE(heard->texts[1].size(), qsizetype(5 * tokens));
        const auto most = static_cast<quint64>(clock.elapsed() / 33 + 3);
        QVERIFY2(
            bridge->flushes() - before <= most,
            qPrintable(
                QStringLiteral("%1 events in %2 ms").arg(bridge->flushes() - before).arg(clock.elapsed())));
    }

    void stopsWithinOneToken()
    {
        world->script = [](const engine::Request&) {
            return fake::Script{.text = "la ", .letters_per_token = 3, .token_takes = 20ms, .endless = true};
        };
        load();
        bridge->generate(1, 1, request("Sing"));
        QTRY_VERIFY(heard->texts[1].size() > 6);
        bridge->stop(1);
        const int before = world->tokens;
        QTRY_VERIFY(heard->ended.contains(1));
        QCOMPARE(heard->results[1].finish, engine::Finish::cancelled);
        QVERIFY(world->tokens - before <= 1);
    }

    void stopsInTheMiddleOfAPrompt()
    {
        world->script = [](const engine::Request&) {
            return fake::Script{
                .text = "x", .prompt_tokens = 1 << 20, .prompt_tokens_step = 16, .prompt_step_takes = 5ms};
        };
        load();
        bridge->generate(1, 1, request("Read"));
        QTest::qWait(30);
        bridge->stop(1);
        QTRY_VERIFY(heard->ended.contains(1));
        QVERIFY(heard->texts[1].isEmpty());
    }

    void aStopHitsOneAnswerAlone()
    {
        world->script = [](const engine::Request& one) {
            return fake::Script{
                .text = one.messages.front().content + " ", .token_takes = 2ms, .endless = true};
        };
        load();
        bridge->generate(1, 1, request("one"));
        bridge->generate(2, 2, request("two"));
        QTRY_VERIFY(heard->texts[1].size() > 20 && heard->texts[2].size() > 20);
        bridge->stop(1);
        QTRY_VERIFY(heard->ended.contains(1));
        QVERIFY(!heard->ended.contains(2));
        const auto so_far = heard->texts[2].size();
        QTRY_VERIFY(heard->texts[2].size() > so_far + 20);
        QCOMPARE(world->open_sequences.load(), 2); // one for each conversation
        bridge->stop(2);
        QTRY_COMPARE(bridge->running(), 0);

        bridge->generate(3, 2, request("three")); // an old stop does not hit the next answer
        QTRY_VERIFY(heard->texts[3].size() > 8);
        QCOMPARE(world->open_sequences.load(), 2);
    }

    void everyErrorBecomesAMessage_data()
    {
        QTest::addColumn<int>("kind");
        QTest::newRow("start") << 0;
        QTest::newRow("sink") << 1;
        QTest::newRow("step throws") << 2;
    }

    void everyErrorBecomesAMessage()
    {
        QFETCH(int, kind);
        world->script = [kind](const engine::Request&) {
            fake::Script script{.text = "Half"};
            std::string& where = kind == 0   ? script.start_error
                                 : kind == 1 ? script.step_error
                                             : script.step_throws;
            where = "it broke";
            return script;
        };
        load();
        bridge->generate(1, 1, request("Hello"));
        QTRY_VERIFY(heard->ended.contains(1));
        QCOMPARE(heard->errors[1], QStringLiteral("it broke"));
        QCOMPARE(heard->texts[1], kind == 0 ? QString() : QStringLiteral("Half"));
        QCOMPARE(bridge->running(), 0);

        world->script = [](const engine::Request&) { return fake::Script{.text = "Whole"}; };
        bridge->unload();
        load();
        bridge->generate(2, 1, request("Again"));
        QTRY_VERIFY(heard->results.contains(2));
        QCOMPARE(heard->texts[2], QStringLiteral("Whole"));
    }

    void aPromptThatDoesNotFitSaysSoWithTheWaysOut()
    {
        world->script = [](const engine::Request&) { return fake::Script{.start_error = "expected fewer"}; };
        engine::LoadOptions options;
        options.context_tokens = 1 << 20; // becomes the model's own
        bridge->load("model.gguf", options);
        QTRY_COMPARE(bridge->state(), EngineBridge::State::ready);
        QCOMPARE(world->loads().back().context_tokens, world->info.context_length);
        QCOMPARE(bridge->contextTokens(), qint64(world->info.context_length));
        bridge->generate(1, 1, request(repeat("word ", 5000).c_str()));
        QTRY_VERIFY(heard->errors.contains(1));
        QVERIFY(heard->errors[1].contains(QStringLiteral("context")));
        QVERIFY(heard->errors[1].contains(QStringLiteral("Start a new one")));
    }

    void withoutAModelAnAnswerFails()
    {
        bridge->generate(1, 1, request("Hello"));
        QTRY_VERIFY(heard->errors.contains(1));
    }

    void aNewModelEndsWhatTheOldOneWrites()
    {
        world->script = [](const engine::Request&) { return fake::Script{.text = "la ", .endless = true}; };
        load();
        bridge->generate(1, 1, request("Sing"));
        QTRY_VERIFY(heard->texts[1].size() > 6);
        bridge->load("other.gguf", {});
        QTRY_COMPARE(bridge->state(), EngineBridge::State::ready);
        QVERIFY(heard->ended.contains(1));
        QCOMPARE(world->loaded.load(), 1);
        QCOMPARE(world->open_sequences.load(), 0);
        bridge->unload();
        QTRY_COMPARE(world->loaded.load(), 0);
    }

    void forgettingClosesTheSequence()
    {
        world->script = [](const engine::Request&) { return fake::Script{.text = "la ", .endless = true}; };
        load();
        bridge->generate(1, 5, request("Sing"));
        QTRY_VERIFY(heard->texts[1].size() > 6);
        bridge->forget(5);
        QTRY_VERIFY(heard->ended.contains(1));
        QTRY_COMPARE(world->open_sequences.load(), 0);
    }

    void countsTokens()
    {
        load();
        QSignalSpy counted(bridge.get(), &EngineBridge::counted);
        bridge->count(3, {{"user", "12345678"}});
        QTRY_COMPARE(counted.size(), 1);
        QCOMPARE(counted[0][0].toLongLong(), 3);
        QCOMPARE(counted[0][1].toLongLong(), 3);
    }

    void itsHeadersAreKnownBeforeTheModel()
    {
        world->load_takes = 60s;
        QSignalSpy known(bridge.get(), &EngineBridge::infoKnown);
        QVERIFY(!bridge->canGenerate());
        bridge->load("model.gguf", {});
        QTRY_COMPARE(known.size(), 1);
        QCOMPARE(bridge->state(), EngineBridge::State::loading);
        QCOMPARE(bridge->info()->identity, world->info.identity);
        QVERIFY(bridge->canGenerate());
        bridge->cancelLoad();
        QTRY_COMPARE(bridge->state(), EngineBridge::State::none);
        QVERIFY(!bridge->info());
        QVERIFY(!bridge->canGenerate());
    }

    void aModelThatCannotBePreparedSaysWhy()
    {
        world->inspect_error = "expected a model, found a letter";
        bridge->prepare("bad.gguf", {});
        QTRY_COMPARE(bridge->state(), EngineBridge::State::failed);
        QVERIFY(bridge->error().contains(QStringLiteral("found a letter")));
        world->inspect_error.clear();
        bridge->prepare("better.gguf", {});
        QTRY_VERIFY(bridge->canGenerate());
        QCOMPARE(bridge->state(), EngineBridge::State::asleep);
        QCOMPARE(world->loaded.load(), 0);
        bridge->generate(1, 1, request("Hello"));
        QCOMPARE(bridge->state(), EngineBridge::State::loading);
        QTRY_VERIFY(heard->results.contains(1));
        QCOMPARE(bridge->state(), EngineBridge::State::ready);
    }

    void whatIsUsedDoesNotSleep()
    {
        world->script = [](const engine::Request&) { return fake::Script{.text = "la ", .endless = true}; };
        load();
        bridge->generate(1, 1, request("Sing"));
        bridge->setKeepAlive(20ms);
        QTRY_VERIFY(heard->texts[1].size() > 6);
        QTest::qWait(150);
        QCOMPARE(bridge->state(), EngineBridge::State::ready);
        bridge->stop(1);
        QTRY_COMPARE(bridge->state(), EngineBridge::State::asleep);
        QVERIFY(heard->ended.contains(1));
        QTRY_COMPARE(world->loaded.load(), 0);
        bridge->unload();
        QCOMPARE(bridge->state(), EngineBridge::State::none);
        QVERIFY(!bridge->canGenerate());
    }

    void whatIsLeftOutIsSaid()
    {
        load();
        QSignalSpy fitted(bridge.get(), &EngineBridge::fitted);
        engine::Request long_one;
        for (int i = 0; i < 40; ++i) {
            long_one.messages.push_back({"user", repeat("word ", 100)});
            long_one.messages.push_back({"assistant", repeat("word ", 100)});
        }
        long_one.messages.push_back({"user", "And now?"});
        bridge->generate(1, 1, long_one, {.policy = ui::ContextPolicy::oldest});
        QTRY_VERIFY(heard->results.contains(1));
        QCOMPARE(fitted.size(), 1);
        QCOMPARE(fitted[0][0].toLongLong(), 1);
        QCOMPARE(fitted[0][1].toLongLong(), 0);
        const qint64 left = fitted[0][2].toLongLong();
        QVERIFY(left > 0);
        QCOMPARE(world->requests().back().messages.size() + static_cast<std::size_t>(left),
                 long_one.messages.size());
        // The count is of what the model gets.
        QSignalSpy counted(bridge.get(), &EngineBridge::counted);
        bridge->count(1, long_one.messages, {.policy = ui::ContextPolicy::oldest});
        QTRY_COMPARE(counted.size(), 1);
        QVERIFY(counted[0][1].toLongLong() < bridge->contextTokens());
    }

    void measures()
    {
        QSignalSpy measured(bridge.get(), &EngineBridge::measured);
        QSignalSpy failed(bridge.get(), &EngineBridge::measureFailed);
        bridge->measure(); // nothing to measure
        QVERIFY(!bridge->measuring());
        load();
        world->measure_takes = 100ms;
        bridge->measure();
        QVERIFY(bridge->measuring());
        QTRY_COMPARE(measured.size(), 1);
        QVERIFY(!bridge->measuring());
        QCOMPARE(measured[0][0].value<engine::Speed>().generate_tps, 40.0);

        world->measure_takes = 60s;
        bridge->measure();
        bridge->cancelMeasure();
        QTRY_VERIFY(!bridge->measuring());
        bridge->measure();
        bridge->generate(1, 1, request("Hello")); // comes first
        QTRY_VERIFY(heard->results.contains(1));
        QVERIFY(!bridge->measuring());
        QVERIFY(failed.isEmpty());
        world->measure_takes = 0ms;
        world->measure_error = "The GPU was lost.";
        bridge->measure();
        QTRY_COMPARE(failed.size(), 1);
        QCOMPARE(world->measured.load(), 1);
    }

    // Destroyed in the middle of everything: cleanup() sees that nothing is left.
    void endsQuicklyWhileItWrites()
    {
        world->script = [](const engine::Request&) {
            return fake::Script{.text = "la ", .token_takes = 5ms, .endless = true};
        };
        load();
        bridge->generate(1, 1, request("Sing"));
        bridge->generate(2, 2, request("Sing"));
        QTRY_VERIFY(heard->texts[2].size() > 3);
        QElapsedTimer clock;
        clock.start();
        heard.reset();
        bridge.reset();
        QVERIFY(clock.elapsed() < 20'000); // it did not wait for an end that never comes
    }
};

QTEST_GUILESS_MAIN(TestEngineBridge)
#include "test_engine_bridge.moc"
