// SPDX-License-Identifier: MIT
// What a plan says before anything is loaded, against what is taken then.
#include "engine/devices.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/text/tokenizer.h"
#include "engine/weights.h"
#include "tests/engine/golden.h"
#include "tests/engine/golden_gguf.h"
#include "tests/engine/model_writer.h"

#include <fmt/format.h>

#include <QTemporaryDir>
#include <QTest>

#include <fstream>
#include <sstream>

#include <malloc.h>

using engine::LoadOptions;
using engine::MemoryPlan;
using engine::ModelInfo;
namespace fs = std::filesystem;

namespace {

LoadOptions options_for(std::int64_t context)
{
    LoadOptions o;
    o.threads = 2;
    o.cache_type = engine::CacheType::f32;
    o.context_tokens = context;
    o.cache_tokens = context;
    return o;
}

// "RssAnon:   1234 kB" of /proc/self/status, in bytes.
std::int64_t status_bytes(const std::string& key)
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with(key + ":"))
            return std::stoll(line.substr(key.size() + 1)) * 1024;
    return -1;
}

struct Mapping // bytes
{
    std::int64_t size = 0;
    std::int64_t resident = 0;
};

// What of a file is mapped, and what of that is in memory (/proc/self/smaps).
Mapping mapping_of(const fs::path& file)
{
    Mapping sum;
    bool is_inside = false;
    std::ifstream smaps("/proc/self/smaps");
    for (std::string line; std::getline(smaps, line);) {
        std::istringstream words(line);
        std::string key;
        std::int64_t kib = 0;
        words >> key;
        if (!key.ends_with(':'))
            is_inside = line.ends_with(file.string());
        else if (is_inside && (key == "Size:" || key == "Rss:") && words >> kib)
            (key == "Size:" ? sum.size : sum.resident) += kib * 1024;
    }
    return sum;
}

double off_by(std::int64_t planned, std::int64_t taken)
{
    return std::abs(static_cast<double>(planned - taken)) / static_cast<double>(taken);
}

} // namespace

class TestPlan : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    fs::path folder(const char* name) const { return fs::path(m_folder.path().toStdString()) / name; }

private slots:
    // A model of some 140 MB, every page and every part of its buffers used.
    void is_what_is_taken()
    {
        RandomModel shape;
        shape.layers = 4;
        shape.hidden = 512;
        shape.heads = 8;
        shape.kv_lora = 128;
        shape.nope = 64;
        shape.rope = 32;
        shape.value = 64;
        shape.dense_width = 1408;
        shape.expert_width = 384;
        shape.experts = 18;
        shape.experts_per_tok = 4;
        shape.vocabulary = 2048;
        shape.type = kernels::Dtype::f32;
        write_random(shape, folder("large"));

        constexpr std::int64_t context = 512;
        const LoadOptions options = options_for(context);
        const MemoryPlan plan = engine::plan(engine::inspect(folder("large")), options);
        QVERIFY2(plan.fits, plan.verdict.c_str());
        QVERIFY(plan.weights > 100'000'000);

        malloc_trim(0); // what writing the model has left
        const std::int64_t before = status_bytes("RssAnon");
        engine::Evaluator evaluator(folder("large"), options);
        std::vector<std::int32_t> ids(context);
        for (std::size_t i = 0; i < ids.size(); ++i)
            ids[i] = static_cast<std::int32_t>(i * 7919 % static_cast<std::size_t>(shape.vocabulary));
        const auto ignore = [](std::size_t, std::int64_t, std::span<const float>) {};
        for (const auto form : {kernels::AttentionForm::absorbed, kernels::AttentionForm::decompressed}) {
            evaluator.rewind(0, 0);
            evaluator.set_form(form);
            QVERIFY(evaluator.feed(ids, engine::Evaluator::Output::last, ignore));
        }
        const std::int64_t anonymous = status_bytes("RssAnon") - before;
        const Mapping mapping = mapping_of(folder("large") / "model.safetensors");
        const std::int64_t taken = anonymous + mapping.resident;
        qInfo("planned %.2f MB (weights %.2f, cache %.2f, scratch %.2f), taken %.2f MB (mapped file %.2f, "
              "other %.2f)",
              1e-6 * static_cast<double>(plan.total), 1e-6 * static_cast<double>(plan.weights),
              1e-6 * static_cast<double>(plan.cache), 1e-6 * static_cast<double>(plan.scratch),
              1e-6 * static_cast<double>(taken), 1e-6 * static_cast<double>(mapping.resident),
              1e-6 * static_cast<double>(anonymous));
        QVERIFY(off_by(plan.mapped, mapping.size) <= 1e-3);
        QVERIFY(off_by(plan.weights, mapping.resident) <= 0.02);
        QVERIFY(off_by(plan.total, taken) <= 0.02);
        QVERIFY(off_by(plan.scratch, evaluator.runtime().backend->scratch_bytes()) <= 0.02);
    }

    // The groups are the tensors that are used, each byte once.
    void groups_are_the_tensors()
    {
        const auto check = [](const fs::path& model) {
            const engine::format::ModelFiles files(model);
            const engine::Config config = engine::read_config(files);
            const ModelInfo info = engine::inspect(model);
            QCOMPARE(info.weight_bytes.total(), engine::bind_weights(files, config).bytes());
            const MemoryPlan plan = engine::plan(info, options_for(64));
            QCOMPARE(plan.groups.total() + info.header_bytes, plan.weights);
            QCOMPARE(plan.mapped, info.file_bytes);
            QCOMPARE(plan.weights<plan.mapped, config.num_nextn_predict_layers> 0);
            // Wherever a group's tensors are known by name, their bytes are the group's.
            const auto named = [&](std::initializer_list<const char*> parts) {
                std::int64_t bytes = 0;
                const std::string behind = "model.layers." + std::to_string(config.num_hidden_layers) + ".";
                for (const auto& tensor : files.tensors().all())
                    if (!tensor.name.starts_with(behind) &&
                        std::any_of(parts.begin(), parts.end(), [&](const char* part) {
                            return tensor.name.find(part) != std::string::npos;
                        }))
                        bytes += static_cast<std::int64_t>(tensor.bytes.size());
                return bytes;
            };
            QCOMPARE(plan.groups.embedding, named({"embed_tokens", "token_embd"}));
            QCOMPARE(plan.groups.head, named({"lm_head", "output.weight"}) - named({"attn_output.weight"}));
            QCOMPARE(plan.groups.routed_experts, named({".experts.", "_exps"}));
            QCOMPARE(plan.groups.shared_experts, named({"shared_experts", "_shexp"}));
            QCOMPARE(plan.groups.router_and_norms,
                     named({"norm", "mlp.gate.weight", "correction_bias", "gate_inp", "exp_probs_b"}));
        };
        for (const golden::Case& c : golden::cases())
            check(c.model);
        const fs::path lite = golden::data_folder() / "golden" / "lite";
        golden::to_gguf(lite, golden::KeyValueForm::legacy).write(folder("legacy.gguf"));
        check(folder("legacy.gguf"));
    }

    void notes_say_what_was_taken()
    {
        const fs::path lite = golden::data_folder() / "golden" / "lite";
        GgufWriter writer = golden::to_gguf(lite, golden::KeyValueForm::mla);
        writer.write(folder("new.gguf"));
        QVERIFY(engine::inspect(folder("new.gguf")).notes.empty());
        writer = golden::to_gguf(lite, golden::KeyValueForm::legacy);
        writer.remove("deepseek2.expert_gating_func");
        writer.write(folder("old.gguf"));
        const std::vector<std::string> notes = engine::inspect(folder("old.gguf")).notes;
        QCOMPARE(notes.size(), std::size_t{2});
        QCOMPARE(notes[0], std::string("no expert_gating_func: taken as softmax"));
        QVERIFY(notes[1].starts_with("attn_kv_b in one piece"));
    }

    // Three answers, each a sentence with its figures; and nothing is loaded where the answer is no.
    void verdicts()
    {
        ModelInfo info = engine::inspect(golden::cases()[0].model);
        const MemoryPlan small = engine::plan(info, options_for(512));
        QVERIFY2(small.verdict.starts_with("Fits: ") && small.verdict.find(" free.") != std::string::npos,
                 small.verdict.c_str());
        QCOMPARE(small.largest_context_tokens, info.context_length);

        // A cache that takes a thousandth of what is free for each block.
        const std::int64_t free = engine::available_memory();
        info.kv_bytes_per_token["f32"] = free / 1000 / kernels::cache_block_tokens;
        const MemoryPlan large = engine::plan(info, options_for(163840));
        QVERIFY(!large.fits);
        const std::int64_t most = large.largest_context_tokens;
        QVERIFY(most > 900 * 64 && most < 1100 * 64 && most % kernels::cache_block_tokens == 0);
        QVERIFY2(large.verdict.starts_with("Fits with " + std::to_string(most) +
                                           " tokens of context: 163840 would need "),
                 large.verdict.c_str());
        QVERIFY(engine::plan(info, options_for(most / 2)).fits);

        info.weight_bytes.routed_experts = 2 * engine::total_memory();
        const MemoryPlan never = engine::plan(info, options_for(64));
        QVERIFY(!never.fits);
        QCOMPARE(never.largest_context_tokens, std::int64_t{0});
        QVERIFY2(never.verdict.starts_with("Does not fit, because it needs ") &&
                     never.verdict.find("(weights ") != std::string::npos,
                 never.verdict.c_str());
    }

    // What the vocabulary takes beside the model is a part of its own, and of the sum.
    void vocabulary_is_counted()
    {
        const fs::path lite = golden::data_folder() / "golden" / "lite";
        const ModelInfo info = engine::inspect(lite);
        const MemoryPlan plan = engine::plan(info, options_for(64));
        QCOMPARE(plan.vocabulary, info.vocabulary_bytes);
        QCOMPARE(plan.total, plan.weights + plan.cache + plan.scratch + plan.vocabulary);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) // these have a heap of their own
        const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
        const auto tokenizer = engine::text::Tokenizer(engine::format::ModelFiles(lite));
        const std::size_t taken = mallinfo2().uordblks + mallinfo2().hblkhd - before;
        QVERIFY2(off_by(plan.vocabulary, static_cast<std::int64_t>(taken)) <= 0.02,
                 fmt::format("planned {}, taken {}", plan.vocabulary, taken).c_str());
        QCOMPARE(tokenizer.table_bytes(), plan.vocabulary);
#endif
    }

    void what_has_no_weights_says_so()
    {
        fs::create_directories(folder("bare"));
        fs::copy_file(golden::data_folder() / "golden" / "lite" / "config.json",
                      folder("bare") / "config.json");
        const MemoryPlan plan = engine::plan(engine::inspect(folder("bare")), options_for(64));
        QVERIFY(!plan.fits);
        QCOMPARE(plan.total, std::int64_t{0});
        QCOMPARE(plan.verdict, std::string("There are no weights, so nothing can be computed."));
    }

    // A tensor that is missing says so before any memory is looked at.
    void what_cannot_be_bound_says_so()
    {
        GgufWriter writer =
            golden::to_gguf(golden::data_folder() / "golden" / "lite", golden::KeyValueForm::mla);
        std::string bytes = writer.bytes();
        bytes.replace(bytes.find("blk.2.attn_output.weight"), 5, "blk.9");
        std::ofstream(folder("broken.gguf"), std::ios::binary) << bytes;
        const ModelInfo info = engine::inspect(folder("broken.gguf"));
        const MemoryPlan plan = engine::plan(info, options_for(64));
        QVERIFY(!plan.fits);
        QCOMPARE(plan.total, std::int64_t{0});
        QCOMPARE(plan.verdict, info.why_not);
        QVERIFY2(plan.verdict.find("broken.gguf: tensor blk.2.attn_output.weight: expected shape [64, 64], "
                                   "found no tensor of this name") != std::string::npos,
                 plan.verdict.c_str());
    }

    void what_does_not_fit_is_not_loaded()
    {
        LoadOptions options = options_for(512);
        options.cache_tokens = std::int64_t{1} << 32;
        std::vector<std::string> stages;
        const std::int64_t before = status_bytes("VmRSS");
        try {
            engine::load(golden::cases()[0].model, options,
                         [&](const engine::LoadProgress& p) { stages.emplace_back(p.stage); }, {});
            QFAIL("expected a refusal");
        } catch (const engine::Error& error) {
            const std::string message = error.what();
            QVERIFY2(message.find("memory: expected ") != std::string::npos, message.c_str());
            QVERIFY2(message.find(" tokens of context it would fit") != std::string::npos, message.c_str());
        }
        QVERIFY(std::find(stages.begin(), stages.end(), "Weights") == stages.end());
        QVERIFY(status_bytes("VmRSS") - before < std::int64_t{64} << 20);
    }
};

QTEST_APPLESS_MAIN(TestPlan)
#include "test_plan.moc"
