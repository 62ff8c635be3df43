// SPDX-License-Identifier: MIT
// Conversations on the engine: several in one batch, one memory budget, caches that are reused and dropped,
// stops, and what a request ends with.
#include "engine/engine.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "tests/engine/golden.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <map>
#include <new>
#include <optional>
#include <thread>

namespace {

std::atomic<std::int64_t> allocations{0};

} // namespace

// Counts, so that a test can see that generating allocates nothing. Inlined, GCC 14 would see malloc in one
// place and delete in another.
[[gnu::noinline]] void* operator new(std::size_t size)
{
    allocations.fetch_add(1, std::memory_order_relaxed);
    if (void* const memory = std::malloc(size > 0 ? size : 1))
        return memory;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

namespace {

using engine::Engine;
using engine::Finish;
using engine::LoadOptions;
using engine::Message;
using engine::Request;
using engine::Result;
using engine::SequenceId;
using Ids = std::vector<std::int32_t>;

class TestSink : public engine::Sink
{
public:
    void prompt_progress(std::int64_t done, std::int64_t total) override
    {
        progress.push_back(done);
        prompt = total;
        if (on_progress)
            on_progress();
    }
    void text(std::string_view utf8) override
    {
        streamed += utf8;
        if (on_text)
            on_text();
    }
    void finished(const Result& answer) override { result = answer; }
    void failed(const std::string& message) override { failure = message; }

    bool is_done() const { return result || failure; }

    std::vector<std::int64_t> progress;
    std::int64_t prompt = 0;
    std::string streamed;
    std::optional<Result> result;
    std::optional<std::string> failure;
    std::function<void()> on_progress;
    std::function<void()> on_text;
};

LoadOptions options()
{
    LoadOptions o;
    o.threads = 2;
    o.cache_type = engine::CacheType::f32;
    o.context_tokens = 512;
    return o;
}

std::unique_ptr<Engine> load(const LoadOptions& o, const golden::fs::path& model = golden::cases()[0].model)
{
    return engine::load(model, o, [](const engine::LoadProgress&) {}, {});
}

Request request_of(const Ids& ids, std::int64_t max_tokens)
{
    Request request;
    request.ids = ids;
    request.sampling.temperature = 0;
    request.sampling.repeat_penalty = 1;
    request.max_tokens = max_tokens;
    return request;
}

Request chat_of(const std::vector<Message>& messages, std::int64_t max_tokens)
{
    Request request = request_of({}, max_tokens);
    request.messages = messages;
    return request;
}

Result run(Engine& engine, SequenceId sequence, const Request& request)
{
    return engine::generate(engine, sequence, request, {}, [](std::string_view) {});
}

// Runs everything that was started.
void run_all(Engine& engine)
{
    while (engine.step()) {
    }
}

// What a request gives on an engine of its own.
Ids alone(const Request& request)
{
    const auto engine = load(options());
    return run(*engine, engine->open_sequence(), request).ids;
}

Ids some_ids(std::size_t count, std::int32_t seed)
{
    Ids ids;
    for (std::size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<std::int32_t>((i * 37 + static_cast<std::size_t>(seed) * 11) % 250));
    return ids;
}

} // namespace

class TestEngine : public QObject
{
    Q_OBJECT

private slots:
    void greedy_tokens()
    {
        int compared = 0;
        for (const golden::Case& c : golden::cases()) {
            const engine::format::ModelFiles files(c.model);
            const bool has_vocabulary = files.gguf() ? files.gguf()->has("tokenizer.ggml.tokens")
                                                     : golden::fs::exists(c.model / "tokenizer.json");
            if (!has_vocabulary || !c.has_greedy)
                continue;
            const auto engine = load(options(), c.model);
            auto wanted = golden::greedy_of(c);
            const auto count = static_cast<std::int64_t>(wanted.size());
            // The marks of a text and of a turn end an answer.
            const auto end = std::find_if(wanted.begin(), wanted.end(), [](auto id) { return id >= 256; });
            const Finish finish = end == wanted.end() ? Finish::length : Finish::stop;
            wanted.erase(end, wanted.end());
            const Result r = run(*engine, engine->open_sequence(), request_of(golden::prompt_of(c), count));
            QCOMPARE(r.ids, wanted);
            QCOMPARE(r.finish, finish);
            QCOMPARE(r.prompt_tokens, static_cast<std::int64_t>(golden::prompt_of(c).size()));
            QCOMPARE(r.reused_tokens, 0);
            QVERIFY(r.first_token_seconds > 0 && r.prompt_tps > 0);
            ++compared;
        }
        QVERIFY(compared > 0);
    }

    void several_in_one_batch()
    {
        for (const std::int64_t chunk : {3, 256}) {
            LoadOptions o = options();
            o.chunk_tokens = chunk;
            const auto engine = load(o);
            std::vector<Request> requests;
            for (const std::size_t length : {40, 3, 90, 1, 17})
                requests.push_back(request_of(some_ids(length, static_cast<std::int32_t>(length)), 20));
            std::vector<TestSink> sinks(requests.size());
            for (std::size_t i = 0; i < requests.size(); ++i) {
                engine->start(engine->open_sequence(), requests[i], {}, sinks[i]);
                engine->step();
            }
            run_all(*engine);
            for (std::size_t i = 0; i < requests.size(); ++i) {
                QVERIFY(sinks[i].result);
                QCOMPARE(sinks[i].result->ids, alone(requests[i]));
                QCOMPARE(sinks[i].prompt, static_cast<std::int64_t>(requests[i].ids.size()));
                QCOMPARE(sinks[i].progress.back(), sinks[i].prompt);
                QVERIFY(std::is_sorted(sinks[i].progress.begin(), sinks[i].progress.end()));
                QCOMPARE(sinks[i].streamed, sinks[i].result->text);
            }
        }
    }

    // The next turn reads only what is new, and gives what reading everything gives.
    void second_turn()
    {
        const auto engine = load(options());
        const SequenceId sequence = engine->open_sequence();
        std::vector<Message> messages = {{"user", "What is a latent?"}};
        const Result first = run(*engine, sequence, chat_of(messages, 24));
        QCOMPARE(first.reused_tokens, 0);
        QCOMPARE(engine->count_tokens(messages) + 10, first.prompt_tokens); // "Assistant:"

        // The random model writes no blank first, and the template does.
        messages.push_back({"assistant", first.text});
        messages.push_back({"user", "And why?"});
        const Result second = run(*engine, sequence, chat_of(messages, 24));
        QCOMPARE(second.reused_tokens, first.prompt_tokens);
        QCOMPARE(second.ids, alone(chat_of(messages, 24)));

        // The same again: everything but the last token is there.
        const Result again = run(*engine, sequence, chat_of(messages, 24));
        QCOMPARE(again.reused_tokens, again.prompt_tokens - 1);
        QCOMPARE(again.ids, second.ids);

        // An edited message keeps what stands before it.
        messages[2].content = "And how?";
        const Result edited = run(*engine, sequence, chat_of(messages, 24));
        QVERIFY(edited.reused_tokens > first.prompt_tokens &&
                edited.reused_tokens < edited.prompt_tokens - 1);
        QCOMPARE(edited.ids, alone(chat_of(messages, 24)));

        // A first message edited keeps only the beginning.
        messages[0].content = "Who is it?";
        const Result early = run(*engine, sequence, chat_of(messages, 24));
        QVERIFY(early.reused_tokens > 0 && early.reused_tokens < 12);
        QCOMPARE(early.ids, alone(chat_of(messages, 24)));
    }

    // An answer cut off is continued from where it stands.
    void continue_last()
    {
        const auto engine = load(options());
        const SequenceId sequence = engine->open_sequence();
        std::vector<Message> messages = {{"user", "Go on"}, {"assistant", "One two"}};
        Request request = chat_of(messages, 8);
        request.continue_last = true;
        const Result r = run(*engine, sequence, request);
        // BOS, "User: Go on\n\n", "Assistant: One two"
        QCOMPARE(r.prompt_tokens, 1 + 13 + 18);
        Request no_answer = chat_of({{"user", "Go on"}}, 8);
        no_answer.continue_last = true;
        TestSink sink;
        QVERIFY_THROWS_EXCEPTION(engine::Error, engine->start(sequence, no_answer, {}, sink));
    }

    void text_is_the_tokens()
    {
        const auto engine = load(options());
        const Result r = run(*engine, engine->open_sequence(), request_of(some_ids(12, 5), 60));
        QVERIFY(QString::fromStdString(r.text).toStdString() == r.text); // well-formed
        QCOMPARE(static_cast<std::int64_t>(r.ids.size()), r.generated_tokens);
    }

    void stop_strings()
    {
        const auto engine = load(options());
        const Request plain = request_of(some_ids(12, 5), 60);
        const Result whole = run(*engine, engine->open_sequence(), plain);
        QCOMPARE(whole.finish, Finish::length);
        // Any two characters from its middle.
        const std::size_t at = whole.text.find_first_of("abcdefghijklmnopqrstuvwxyz0123456789=;&()", 5);
        QVERIFY(at != std::string::npos);
        Request stopping = plain;
        stopping.stop = {"not in it at all", whole.text.substr(at, 1)};
        TestSink sink;
        engine->start(engine->open_sequence(), stopping, {}, sink);
        run_all(*engine);
        QCOMPARE(sink.result->finish, Finish::stop);
        QCOMPARE(sink.result->text, whole.text.substr(0, whole.text.find(stopping.stop[1])));
        QCOMPARE(sink.streamed, sink.result->text);
        QVERIFY(sink.result->generated_tokens < whole.generated_tokens);
    }

    void context_is_full()
    {
        LoadOptions o = options();
        o.context_tokens = 30;
        const auto engine = load(o);
        const SequenceId sequence = engine->open_sequence();
        const Result r = run(*engine, sequence, request_of(some_ids(20, 1), 0));
        QCOMPARE(r.finish, Finish::context);
        QCOMPARE(r.generated_tokens, 10);
        TestSink sink;
        for (const std::size_t length : {30, 31, 500})
            QVERIFY_THROWS_EXCEPTION(engine::Error,
                                     engine->start(sequence, request_of(some_ids(length, 1), 5), {}, sink));
        QVERIFY(!sink.is_done());
        QCOMPARE(run(*engine, sequence, request_of(some_ids(29, 1), 0)).generated_tokens, 1);
    }

    void requests_that_cannot_be()
    {
        const auto engine = load(options());
        const SequenceId sequence = engine->open_sequence();
        TestSink sink;
        const auto refused = [&](const Request& request) {
            try {
                engine->start(sequence, request, {}, sink);
            } catch (const engine::Error&) {
                return true;
            }
            return false;
        };
        QVERIFY(refused(request_of({1, 260}, 1)));
        QVERIFY(refused(request_of({-1}, 1)));
        Request hot = request_of({1}, 1);
        hot.sampling.temperature = -1;
        QVERIFY(refused(hot));
        Request gap = request_of({}, 1);
        gap.fill_in = engine::FillIn{"a", "b"}; // the vocabulary has no marks for it
        QVERIFY(refused(gap));
        QVERIFY_THROWS_EXCEPTION(engine::Error, engine->start(sequence + 1, request_of({1}, 1), {}, sink));

        QVERIFY(!refused(request_of({1}, 5)));
        QVERIFY(refused(request_of({1}, 5))); // busy
        run_all(*engine);
        QVERIFY(sink.result->generated_tokens > 0);
    }

    // Three sequences that together do not fit: the one idle for longest loses its cache, and answers right
    // when it is asked again.
    void budget()
    {
        LoadOptions o = options();
        o.context_tokens = 128;
        o.cache_tokens = 256; // four blocks; each sequence below needs two
        const auto engine = load(o);
        std::vector<SequenceId> sequences;
        std::vector<Request> requests;
        for (std::int32_t i = 0; i < 3; ++i) {
            sequences.push_back(engine->open_sequence());
            requests.push_back(request_of(some_ids(80, i), 10));
            const Result r = run(*engine, sequences.back(), requests.back());
            QCOMPARE(r.reused_tokens, 0);
            QCOMPARE(r.ids, alone(requests.back()));
        }
        const auto again = [&](std::size_t i) {
            const Result r = run(*engine, sequences[i], requests[i]);
            return r.ids == alone(requests[i]) ? r.reused_tokens : -1;
        };
        QCOMPARE(again(2), 79);
        QCOMPARE(again(1), 79);
        QCOMPARE(again(0), 0); // dropped when the third came
        QCOMPARE(again(1), 79);
        QCOMPARE(again(2), 0); // dropped for the first
        engine->close_sequence(sequences[1]);
        QCOMPARE(again(2), 79);
    }

    // Even sequences that are all answering get through when the budget holds only one of them at a time.
    void more_than_the_budget_at_once()
    {
        LoadOptions o = options();
        o.context_tokens = 192;
        o.cache_tokens = 192; // three blocks
        o.chunk_tokens = 32;
        const auto engine = load(o);
        std::vector<Request> requests;
        for (std::int32_t i = 0; i < 4; ++i)
            requests.push_back(request_of(some_ids(50 + static_cast<std::size_t>(i) * 9, i), 90));
        std::vector<TestSink> sinks(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i)
            engine->start(engine->open_sequence(), requests[i], {}, sinks[i]);
        run_all(*engine);
        for (std::size_t i = 0; i < requests.size(); ++i) {
            QVERIFY(sinks[i].result);
            QCOMPARE(sinks[i].result->ids, alone(requests[i]));
        }
    }

    // A stop in the middle of a prompt, out of the sink and so between two chunks.
    void stop_between_chunks()
    {
        LoadOptions o = options();
        o.chunk_tokens = 16;
        const auto engine = load(o);
        const SequenceId sequence = engine->open_sequence();
        const SequenceId other = engine->open_sequence();
        std::stop_source stop;
        TestSink sink;
        sink.on_progress = [&] {
            if (sink.progress.back() >= 32)
                stop.request_stop();
        };
        TestSink bystander;
        const Request request = request_of(some_ids(200, 3), 20);
        const Request small = request_of(some_ids(9, 4), 20);
        engine->start(sequence, request, stop.get_token(), sink);
        engine->start(other, small, {}, bystander);
        run_all(*engine);
        QCOMPARE(sink.result->finish, Finish::cancelled);
        QCOMPARE(sink.result->generated_tokens, 0);
        QVERIFY(sink.progress.back() < 200);
        QCOMPARE(bystander.result->ids, alone(small));
        // What was read is still good.
        const Result r = run(*engine, sequence, request);
        QCOMPARE(r.reused_tokens, sink.progress.back());
        QCOMPARE(r.ids, alone(request));
    }

    // A stop from another thread, inside a pass: the pass ends, nothing of it counts, others go on.
    void stop_inside_a_pass()
    {
        const auto engine = load(options());
        const SequenceId sequence = engine->open_sequence();
        const Request request = request_of(some_ids(500, 3), 2);
        const Request small = request_of(some_ids(9, 4), 20);
        for (int round = 0; round < 20; ++round) {
            std::stop_source stop;
            TestSink sink;
            TestSink bystander;
            const SequenceId other = engine->open_sequence();
            engine->start(sequence, request, stop.get_token(), sink);
            engine->start(other, small, {}, bystander);
            std::thread stopper([&] {
                std::this_thread::sleep_for(std::chrono::microseconds(200 * round));
                stop.request_stop();
            });
            run_all(*engine);
            stopper.join();
            QVERIFY(sink.result && bystander.result);
            QVERIFY(sink.result->finish == Finish::cancelled || sink.result->generated_tokens == 2);
            QCOMPARE(bystander.result->ids, alone(small));
            engine->close_sequence(other);
        }
        QCOMPARE(run(*engine, sequence, request).ids, alone(request));
    }

    void stop_while_generating()
    {
        const auto engine = load(options());
        std::stop_source stop;
        TestSink sink;
        sink.on_text = [&] {
            if (sink.streamed.size() > 20)
                stop.request_stop();
        };
        engine->start(engine->open_sequence(), request_of(some_ids(9, 4), 400), stop.get_token(), sink);
        run_all(*engine);
        QCOMPARE(sink.result->finish, Finish::cancelled);
        QCOMPARE(sink.result->text, sink.streamed);
        QVERIFY(sink.result->generated_tokens < 100);
    }

    void stopped_before_it_began()
    {
        const auto engine = load(options());
        std::stop_source stop;
        stop.request_stop();
        const Result r = engine::generate(*engine, engine->open_sequence(), request_of({1, 2}, 5),
                                          stop.get_token(), [](std::string_view) {});
        QCOMPARE(r.finish, Finish::cancelled);
        QCOMPARE(r.generated_tokens, 0);
        QVERIFY(!engine->step());
    }

    void closing_ends_the_answer()
    {
        auto engine = load(options());
        TestSink closed;
        TestSink destroyed;
        const SequenceId a = engine->open_sequence();
        engine->start(a, request_of({1, 2}, 50), {}, closed);
        engine->start(engine->open_sequence(), request_of({1, 2}, 50), {}, destroyed);
        engine->step();
        engine->close_sequence(a);
        QCOMPARE(closed.result->finish, Finish::cancelled);
        engine->step();
        engine.reset();
        QCOMPARE(destroyed.result->finish, Finish::cancelled);
        QVERIFY(destroyed.result->generated_tokens > 0);
    }

    void seeds_and_temperature()
    {
        const auto engine = load(options());
        const auto draw = [&](std::uint64_t seed) {
            Request r = request_of(some_ids(9, 4), 30);
            r.sampling = {};
            r.sampling.temperature = 2;
            r.sampling.seed = seed;
            const Result result = run(*engine, engine->open_sequence(), r);
            return result.seed == seed ? result.ids : Ids();
        };
        QCOMPARE(draw(1), draw(1));
        QVERIFY(!draw(1).empty() && draw(1) != draw(2));
    }

    void generating_allocates_nothing()
    {
        LoadOptions o = options();
        o.chunk_tokens = 32;
        TestSink sinks[2]; // they outlive the engine, which ends what is still running
        const auto engine = load(o);
        for (TestSink& sink : sinks) {
            sink.streamed.reserve(4096);
            Request request = request_of(some_ids(20, 3), 200);
            request.sampling = {}; // with everything that sampling does by default
            engine->start(engine->open_sequence(), request, {}, sink);
        }
        for (int i = 0; i < 10; ++i)
            QVERIFY(engine->step());
        // A piece of text too long for a string's own memory costs some; everything else costs nothing.
        constexpr std::size_t own_memory = 15;
        int steps = 0;
        for (; steps < 100; ++steps) {
            const std::size_t shown[] = {sinks[0].streamed.size(), sinks[1].streamed.size()};
            const std::int64_t before = allocations.load();
            engine->step();
            const std::int64_t count = allocations.load() - before;
            if (sinks[0].is_done() || sinks[1].is_done())
                break; // a result was handed over
            const bool is_short = sinks[0].streamed.size() - shown[0] <= own_memory &&
                                  sinks[1].streamed.size() - shown[1] <= own_memory;
            QVERIFY2(count == 0 || !is_short, qPrintable(QString("%1 allocations").arg(count)));
        }
        QVERIFY(steps > 20);
    }

    void loading()
    {
        const golden::fs::path model = golden::cases()[0].model;
        std::vector<std::string> stages;
        engine::LoadProgress last;
        const auto engine = engine::load(model, options(),
                                         [&](const engine::LoadProgress& p) {
                                             if (stages.empty() || stages.back() != p.stage)
                                                 stages.emplace_back(p.stage);
                                             last = p;
                                         },
                                         {});
        QCOMPARE(stages, (std::vector<std::string>{"Opening", "Vocabulary", "Weights"}));
        QVERIFY(last.bytes_total > 0);
        QCOMPARE(last.bytes_done, last.bytes_total);
        QCOMPARE(last.layers_done, 3);
        QCOMPARE(last.layers_total, 3);
        const engine::ModelInfo& info = engine->info();
        QCOMPARE(info.architecture, "deepseek_v2");
        QVERIFY(info.is_chat);
        QCOMPARE(info.file_type, "BF16");
        QCOMPARE(info.identity, engine::inspect(model).identity);
        QVERIFY(info.identity != engine::inspect(golden::cases()[1].model).identity);
        QCOMPARE(info.kv_bytes_per_token.at("bf16"), 3 * (32 + 16) * 2);
    }

    void loading_is_cancelled()
    {
        const golden::fs::path model = golden::cases()[0].model;
        for (const char* stage : {"Opening", "Vocabulary", "Weights"}) {
            std::stop_source stop;
            std::string message;
            try {
                engine::load(
                    model, options(),
                    [&](const engine::LoadProgress& p) {
                        if (p.stage == stage)
                            stop.request_stop();
                    },
                    stop.get_token());
            } catch (const engine::Error& error) {
                message = error.what();
            }
            QVERIFY2(message.find("cancelled") != std::string::npos, stage);
        }
    }

    void memory_is_planned()
    {
        const engine::ModelInfo info = engine::inspect(golden::cases()[0].model);
        LoadOptions o = options();
        const engine::MemoryPlan small = engine::plan(info, o);
        QVERIFY(small.fits);
        QCOMPARE(small.cache, 2 * 512 * info.kv_bytes_per_token.at("f32"));
        QVERIFY(small.vocabulary > 0);
        QCOMPARE(small.total, small.weights + small.cache + small.scratch + small.vocabulary);
        o.cache_type = engine::CacheType::bf16;
        QCOMPARE(engine::plan(info, o).cache, small.cache / 2);

        o.cache_tokens = std::int64_t{1} << 32;
        QVERIFY(!engine::plan(info, o).fits);
        std::string message;
        try {
            load(o);
        } catch (const engine::Error& error) {
            message = error.what();
        }
        QVERIFY2(message.find("memory") != std::string::npos && message.find("GiB") != std::string::npos,
                 message.c_str());
    }

    void devices()
    {
        const engine::Devices found = engine::list_devices();
        QCOMPARE(found.devices.front().id, "cpu");
        QVERIFY(!found.devices.front().name.empty());
        QVERIFY(found.devices.front().memory_bytes >= found.devices.front().free_bytes);
        QVERIFY(found.devices.front().free_bytes > 0);
        QCOMPARE(found.devices.size() == 1, !found.why_no_gpu.empty());
    }

    // A model whose numbers are none fails the answer, not the program.
    void not_finite()
    {
        QTemporaryDir folder;
        const golden::fs::path copy = golden::fs::path(folder.path().toStdString()) / "copy";
        golden::fs::copy(golden::cases()[0].model, copy, golden::fs::copy_options::recursive);
        {
            QFile file(QString::fromStdString((copy / "model.safetensors").string()));
            QVERIFY(file.open(QIODevice::ReadWrite));
            const engine::format::Safetensors original(copy);
            const auto tensor = original.tensors().find("model.norm.weight")->bytes;
            file.seek(tensor.data() - original.files().front().bytes().data());
            file.write(QByteArray(static_cast<qsizetype>(tensor.size()), '\xff'));
        }
        const auto engine = load(options(), copy);
        const SequenceId sequence = engine->open_sequence();
        for (int i = 0; i < 2; ++i) {
            TestSink sink;
            engine->start(sequence, request_of({1, 2, 3}, 5), {}, sink);
            run_all(*engine);
            QVERIFY(sink.failure);
            QVERIFY2(sink.failure->find("position 2") != std::string::npos, sink.failure->c_str());
        }
    }
};

QTEST_GUILESS_MAIN(TestEngine)
#include "test_engine.moc"
