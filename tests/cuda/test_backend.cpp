// SPDX-License-Identifier: MIT
// Whole models on the emulated GPU, through the module as the program loads it: golden logits, greedy texts,
// sampling, several sequences. The emulation shows indexing and arithmetic, neither races nor hardware.
#include "engine/engine.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "tests/cuda/emulated_module.h"
#include "tests/engine/golden.h"
#include "tests/engine/model_writer.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <map>
#include <optional>

using engine::CacheType;
using engine::Evaluator;
using engine::LoadOptions;
using kernels::AttentionForm;
using kernels::Dtype;
namespace fs = std::filesystem;
using Ids = std::vector<std::int32_t>;

namespace {

// Of the largest logit of a position. In fp32: other orders of summation than the reference's.
constexpr double fp32_tolerance = 1e-4;
// Prompts meet BF16 weights with activations rounded to BF16, 2^-9 each, in every product of a layer: so much
// at most positions, and more where that tips the choice between two experts.
constexpr double bf16_typical = 0.02;
constexpr double bf16_tolerance = 0.1;

// Passes of so many rows are served by the kernels that keep activations in fp32.
constexpr std::int64_t few_rows = 8;

LoadOptions on_gpu(std::int64_t chunk, CacheType cache = CacheType::f32)
{
    LoadOptions options;
    options.device = "cuda:0";
    options.cache_type = cache;
    options.context_tokens = 128;
    options.chunk_tokens = chunk;
    return options;
}

LoadOptions on_cpu(CacheType cache = CacheType::f32)
{
    LoadOptions options = on_gpu(256, cache);
    options.device = "cpu";
    options.threads = 1;
    options.isa = "scalar";
    return options;
}

using Logits = std::vector<std::vector<float>>;

Logits logits_of(const fs::path& model, const LoadOptions& options, std::optional<AttentionForm> form,
                 const Ids& ids)
{
    Evaluator evaluator(model, options);
    evaluator.set_form(form);
    Logits all;
    evaluator.feed(ids, Evaluator::Output::all, [&](std::size_t, std::int64_t, std::span<const float> row) {
        all.emplace_back(row.begin(), row.end());
    });
    return all;
}

// The largest difference of a position, and where.
struct Worst
{
    double difference = 0;
    std::size_t position = 0;
    double median = 0; // of all positions
};
template <class Expected> Worst worst_of(const Logits& found, Expected&& expected)
{
    Worst worst;
    std::vector<double> all;
    for (std::size_t p = 0; p < found.size(); ++p) {
        const double d = golden::difference(found[p], expected(p));
        if (!(d <= worst.difference))
            worst = {d, p};
        all.push_back(d);
    }
    std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(all.size() / 2), all.end());
    worst.median = all[all.size() / 2];
    return worst;
}

QString text_of(const Worst& worst, const char* what)
{
    return QString("%1: %2 at position %3, median %4")
        .arg(what)
        .arg(worst.difference)
        .arg(worst.position)
        .arg(worst.median);
}

struct Way // of feeding a prompt
{
    const char* name;
    std::int64_t chunk;
    std::optional<AttentionForm> form;
};
const Way ways[] = {
    {"at once", 128, {}},
    {"at once, absorbed", 128, AttentionForm::absorbed},
    {"token by token", 1, {}},
    {"in nines, de-compressed", 9, AttentionForm::decompressed},
};

// Random weights with the head sizes of the published models.
RandomModel true_heads()
{
    RandomModel m;
    m.heads = 16;
    m.kv_lora = 512;
    m.nope = 128;
    m.rope = 64;
    m.value = 128;
    return m;
}

Ids some_ids(std::size_t count, std::int32_t vocabulary)
{
    Ids ids;
    for (std::size_t i = 0; i < count; ++i)
        ids.push_back(static_cast<std::int32_t>((i * 37 + 11) % static_cast<std::size_t>(vocabulary)));
    return ids;
}

engine::Request request_of(const Ids& ids, std::int64_t max_tokens, float temperature, std::uint64_t seed)
{
    engine::Request request;
    request.ids = ids;
    request.max_tokens = max_tokens;
    request.sampling.temperature = temperature;
    request.sampling.repeat_penalty = temperature > 0 ? 1.1f : 1.0f;
    request.sampling.seed = seed;
    return request;
}

Ids generated(const fs::path& model, const LoadOptions& options, const engine::Request& request)
{
    const auto loaded = engine::load(model, options, [](const engine::LoadProgress&) {}, {});
    return engine::generate(*loaded, loaded->open_sequence(), request, {}, [](std::string_view) {}).ids;
}

} // namespace

class TestBackend : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    std::vector<golden::Case> m_golden; // the committed ones
    std::map<std::string, fs::path> m_f32;

    fs::path folder(const std::string& name) const { return fs::path(m_folder.path().toStdString()) / name; }

    void add_golden()
    {
        QTest::addColumn<int>("index");
        for (std::size_t i = 0; i < m_golden.size(); ++i)
            QTest::newRow(m_golden[i].name.c_str()) << static_cast<int>(i);
    }

private slots:
    void initTestCase()
    {
        QVERIFY2(engine::cuda_module().module, engine::cuda_module().why_not.c_str());
        for (const golden::Case& c : golden::cases())
            if (c.on_gpu && !c.name.starts_with("spec/")) {
                m_golden.push_back(c);
                m_f32[c.name] = folder(c.name);
                write_copy(c.model, m_f32[c.name], Dtype::f32);
            }
        QCOMPARE(m_golden.size(), std::size_t{7});
    }

    // Weights in F32: every path computes in fp32.
    void golden_in_f32_data() { add_golden(); }
    void golden_in_f32()
    {
        QFETCH(int, index);
        const golden::Case& c = m_golden[static_cast<std::size_t>(index)];
        const golden::Table expected = golden::read_logits(c.expected);
        for (const Way& way : ways) {
            const Logits found = logits_of(m_f32[c.name], on_gpu(way.chunk), way.form, golden::prompt_of(c));
            QCOMPARE(found.size(), expected.rows);
            const Worst worst = worst_of(found, [&](std::size_t p) { return expected.row(p); });
            QVERIFY2(worst.difference <= fp32_tolerance, qPrintable(text_of(worst, way.name)));
        }
    }

    // Weights as they are stored, BF16, F16 or F32: exact in a few rows, rounded in many.
    void golden_as_stored_data() { add_golden(); }
    void golden_as_stored()
    {
        QFETCH(int, index);
        const golden::Case& c = m_golden[static_cast<std::size_t>(index)];
        const golden::Table expected = golden::read_logits(c.expected);
        for (const auto& [chunk, tolerance] :
             {std::pair(few_rows, fp32_tolerance), std::pair(std::int64_t{128}, bf16_tolerance)}) {
            // De-compressed attention multiplies factors in BF16 whatever the number of rows.
            const Logits found =
                logits_of(c.model, on_gpu(chunk),
                          chunk == few_rows ? std::optional(AttentionForm::absorbed) : std::nullopt,
                          golden::prompt_of(c));
            const Worst worst = worst_of(found, [&](std::size_t p) { return expected.row(p); });
            QVERIFY2(worst.difference <= tolerance && worst.median <= bf16_typical,
                     qPrintable(text_of(worst, "as stored")));
        }
    }

    // The head sizes that tensor cores serve, against the readable definition on the CPU with the same cache.
    void true_head_sizes()
    {
        const RandomModel m = true_heads();
        const fs::path model = folder("heads");
        write_random(m, model);
        const Ids ids = some_ids(70, static_cast<std::int32_t>(m.vocabulary)); // more than one block
        const Logits expected = logits_of(model, on_cpu(CacheType::bf16), {}, ids);
        const auto row = [&](std::size_t p) { return std::span<const float>(expected[p]); };
        for (const AttentionForm form : {AttentionForm::absorbed, AttentionForm::decompressed}) {
            const Worst worst = worst_of(logits_of(model, on_gpu(128, CacheType::bf16), form, ids), row);
            QVERIFY2(worst.difference <= bf16_tolerance && worst.median <= bf16_typical,
                     qPrintable(text_of(worst, form == AttentionForm::absorbed ? "absorbed" : "expanded")));
        }
    }

    // The starter model: Q8_0, a real vocabulary; its first tokens and what it answers first.
    void starter()
    {
        const fs::path starter = fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf";
        const Ids ids = {0, 100, 200};
        const Logits expected = logits_of(starter, on_cpu(), {}, ids);
        const auto row = [&](std::size_t p) { return std::span<const float>(expected[p]); };
        const Worst few = worst_of(logits_of(starter, on_gpu(few_rows), AttentionForm::absorbed, ids), row);
        QVERIFY2(few.difference <= fp32_tolerance, qPrintable(text_of(few, "few rows")));
    }

    // Quantised models of the specification with logits of their own, where they are at hand.
    void specification()
    {
        for (const golden::Case& c : golden::cases()) {
            if (!c.model.string().ends_with("q8_0.gguf"))
                continue;
            const golden::Table expected = golden::read_logits(c.expected);
            Ids ids = golden::prompt_of(c);
            ids.resize(few_rows);
            const Worst worst = worst_of(logits_of(c.model, on_gpu(few_rows), AttentionForm::absorbed, ids),
                                         [&](std::size_t p) { return expected.row(p); });
            QVERIFY2(worst.difference <= fp32_tolerance, qPrintable(text_of(worst, c.name.c_str())));
        }
    }

    void greedy_data() { add_golden(); }
    void greedy()
    {
        QFETCH(int, index);
        const golden::Case& c = m_golden[static_cast<std::size_t>(index)];
        const Ids wanted = golden::greedy_of(c);
        Evaluator evaluator(m_f32[c.name], on_gpu(128));
        Ids next = golden::prompt_of(c);
        Ids chosen;
        while (chosen.size() < wanted.size()) {
            QVERIFY(evaluator.feed(
                next, Evaluator::Output::last, [&](std::size_t, std::int64_t, std::span<const float> row) {
                    chosen.push_back(
                        static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
                }));
            next = {chosen.back()};
        }
        QCOMPARE(chosen, wanted);
    }

    // Tokens that the device chooses: the greedy text of the golden model, and with a seed the CPU's.
    void sampling()
    {
        const golden::Case& c = m_golden[0];
        const fs::path& model = m_f32[c.name];
        QCOMPARE(generated(model, on_gpu(128), request_of(golden::prompt_of(c), 12, 0, 0)),
                 golden::greedy_of(c));
        for (const std::uint64_t seed : {1, 2}) {
            const auto request = request_of(golden::prompt_of(c), 12, 0.9f, seed);
            const Ids found = generated(model, on_gpu(128), request);
            QCOMPARE(generated(model, on_cpu(), request), found);
        }
    }

    // Several conversations in the same passes, one prompt longer than a chunk, give what each gives alone.
    void sequences_do_not_meet()
    {
        class Sink final : public engine::Sink
        {
        public:
            void prompt_progress(std::int64_t, std::int64_t) override {}
            void text(std::string_view) override {}
            void finished(const engine::Result& answer) override { ids = answer.ids; }
            void failed(const std::string& message) override { failure = message; }
            std::optional<Ids> ids;
            std::string failure;
        };
        const fs::path& model = m_f32["lite"];
        std::vector<engine::Request> requests;
        for (const std::size_t length : {30, 3, 12})
            requests.push_back(request_of(some_ids(length, 250), 5, 0.8f, length));
        const auto loaded = engine::load(model, on_gpu(24), [](const engine::LoadProgress&) {}, {});
        std::vector<Sink> sinks(requests.size());
        for (std::size_t i = 0; i < requests.size(); ++i)
            loaded->start(loaded->open_sequence(), requests[i], {}, sinks[i]);
        while (loaded->step()) {
        }
        for (std::size_t i = 0; i < requests.size(); ++i) {
            QVERIFY2(sinks[i].ids, sinks[i].failure.c_str());
            QCOMPARE(*sinks[i].ids, generated(model, on_gpu(24), requests[i]));
        }
    }

    // Loading tells how far it is, and can be stopped on the way.
    void loading()
    {
        std::vector<engine::LoadProgress> seen;
        const fs::path starter = fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf";
        engine::load(starter, on_gpu(8), [&](const engine::LoadProgress& p) { seen.push_back(p); }, {});
        QCOMPARE(seen.back().stage, std::string_view("Weights"));
        QVERIFY(seen.back().bytes_total > 0);
        QCOMPARE(seen.back().bytes_done, seen.back().bytes_total);
        QCOMPARE(seen.back().layers_done, seen.back().layers_total);

        std::stop_source stop;
        std::string message;
        try {
            engine::load(
                starter, on_gpu(8),
                [&](const engine::LoadProgress& p) {
                    if (p.stage == "Weights")
                        stop.request_stop();
                },
                stop.get_token());
        } catch (const engine::Error& error) {
            message = error.what();
        }
        QVERIFY2(message.find("cancelled") != std::string::npos, message.c_str());
        QCOMPARE(emulated::allocated_bytes(), 0);
    }
};

QTEST_GUILESS_MAIN(TestBackend)
#include "test_backend.moc"
