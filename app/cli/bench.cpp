// SPDX-License-Identifier: MIT
// Speed of reading and generating, beside what the machine can do at most.
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/progress.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/text/tokenizer.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/machine_limits.h"
#include "kernels/cpu/thread_pool.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace app {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin)
{
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// What a pass costs at least.
struct Work
{
    double bytes = 0; // of weights and cache read from memory
    double flop = 0;
};

// `rows` new tokens of each of `streams` sequences that hold `depth` tokens, in passes of at most `chunk`
// rows.
Work workOf(const engine::Runtime& runtime, double streams, double rows, double depth, double chunk)
{
    const engine::Config& c = runtime.config;
    const auto experts = static_cast<double>(c.n_routed_experts);
    const auto chosen = static_cast<double>(c.num_experts_per_tok);
    const double perPass = std::min(rows * streams, chunk);
    const double passes = std::ceil(rows * streams / perPass);
    double fixed = 0;
    double routed = 0;
    for (const engine::Layer& w : runtime.weights.layers) {
        for (const kernels::Matrix* m :
             {&w.wq, &w.wq_a, &w.wq_b, &w.wkv_a, &w.wo, &w.dense.gate, &w.dense.up, &w.dense.down, &w.router,
              &w.shared.gate, &w.shared.up, &w.shared.down})
            if (*m)
                fixed += static_cast<double>(m->bytes());
        for (const kernels::HeadMatrix* m : {&w.kv_b.key, &w.kv_b.value})
            fixed += static_cast<double>(m->heads * m->head(0).bytes());
        // With even routing a pass meets this many different experts.
        if (!w.routed.empty()) {
            const kernels::Mlp& one = w.routed.front();
            routed += experts * (1 - std::pow(1 - chosen / experts, perPass)) *
                      static_cast<double>(one.gate.bytes() + one.up.bytes() + one.down.bytes());
        }
    }
    fixed += static_cast<double>(runtime.weights.head.bytes());

    const auto layers = static_cast<double>(c.num_hidden_layers);
    const auto heads = static_cast<double>(c.num_attention_heads);
    const bool isOneByOne = rows == 1;
    // Multiply-adds for one pair of tokens: in the latent space, or with keys and values of every head.
    const auto perPair = heads * static_cast<double>(isOneByOne ? 2 * c.kv_lora_rank + c.qk_rope_head_dim
                                                                : c.qk_head_dim() + c.v_head_dim);
    const double pairs = rows * depth + rows * (rows + 1) / 2;
    const auto table = static_cast<double>(c.vocab_size * c.hidden_size);
    const double cacheBytes = static_cast<double>(c.kv_numbers_per_token()) *
                              (runtime.options.cache_type == engine::CacheType::f32 ? 4 : 2);
    Work work;
    work.bytes = passes * (fixed + routed) + streams * (depth + rows) * cacheBytes;
    work.flop = streams * 2 *
                ((static_cast<double>(c.active_parameters()) - table) * rows + perPair * pairs * layers);
    return work;
}

struct Row
{
    const char* kind;
    std::int64_t streams;
    std::int64_t tokens; // of each stream
    std::int64_t depth;
    double median; // tokens per second, all streams together
    double min;
    double max;
    double fraction;
};

class Bench
{
public:
    Bench(engine::Evaluator& evaluator, const kernels::cpu::MachineLimits& limits, Progress& progress,
          const std::stop_token& stop)
        : m_evaluator(evaluator)
        , m_limits(limits)
        , m_progress(progress)
        , m_stop(stop)
    {
    }

    std::vector<std::int32_t> script; // what is fed; repeated as needed
    std::int64_t runs = 1;

    // Fills the first `streams` streams up to `depth`.
    void goTo(std::size_t streams, std::int64_t depth)
    {
        for (std::size_t s = 0; s < streams; ++s)
            m_evaluator.rewind(s, depth);
        feed(streams, depth - m_evaluator.position(), engine::Evaluator::Output::none);
    }

    Row prompt(std::size_t streams, std::int64_t tokens, std::int64_t depth)
    {
        return measure("prompt", streams, tokens, depth,
                       workOf(m_evaluator.runtime(), static_cast<double>(streams),
                              static_cast<double>(tokens), static_cast<double>(depth),
                              static_cast<double>(m_evaluator.runtime().options.chunk_tokens)),
                       [&] { feed(streams, tokens, engine::Evaluator::Output::last); });
    }

    Row generation(std::size_t streams, std::int64_t tokens, std::int64_t depth)
    {
        // Half way through the run the depth is what it is on average.
        Work work = workOf(m_evaluator.runtime(), static_cast<double>(streams), 1,
                           static_cast<double>(depth) + static_cast<double>(tokens) / 2,
                           static_cast<double>(m_evaluator.runtime().options.chunk_tokens));
        work.bytes *= static_cast<double>(tokens);
        work.flop *= static_cast<double>(tokens);
        return measure("generate", streams, tokens, depth, work, [&] {
            for (std::int64_t i = 0; i < tokens; ++i)
                feed(streams, 1, engine::Evaluator::Output::last);
        });
    }

private:
    void feed(std::size_t streams, std::int64_t tokens, engine::Evaluator::Output output)
    {
        std::vector<std::vector<std::int32_t>> ids(streams);
        std::vector<std::span<const std::int32_t>> parts(streams);
        for (std::size_t s = 0; s < streams; ++s) {
            for (std::int64_t i = 0; i < tokens; ++i)
                ids[s].push_back(
                    script[static_cast<std::size_t>(m_evaluator.position(s) + i) % script.size()]);
            parts[s] = ids[s];
        }
        if (!m_evaluator.feed(
                parts, output, [](std::size_t, std::int64_t, std::span<const float>) {}, m_stop))
            throw Interrupted();
    }

    template <class F>
    Row measure(const char* kind, std::size_t streams, std::int64_t tokens, std::int64_t depth,
                const Work& work, F&& run)
    {
        std::vector<double> speeds;
        const auto all = static_cast<double>(streams) * static_cast<double>(tokens);
        // The first run warms caches and buffers up and does not count.
        for (std::int64_t i = 0; i <= runs; ++i) {
            goTo(streams, depth);
            const auto begin = Clock::now();
            run();
            if (i > 0)
                speeds.push_back(all / secondsSince(begin));
            m_progress.show(kind, i, runs);
        }
        std::sort(speeds.begin(), speeds.end());
        const std::size_t middle = speeds.size() / 2;
        const double median =
            speeds.size() % 2 == 1 ? speeds[middle] : (speeds[middle - 1] + speeds[middle]) / 2;
        const double least = std::max(work.bytes / (m_limits.read_gb_per_s * 1e9),
                                      work.flop / (m_limits.fp32_gflop_per_s * 1e9));
        return {kind,          static_cast<std::int64_t>(streams),
                tokens,        depth,
                median,        speeds.front(),
                speeds.back(), median * least / all};
    }

    engine::Evaluator& m_evaluator;
    kernels::cpu::MachineLimits m_limits;
    Progress& m_progress;
    std::stop_token m_stop;
};

std::vector<std::int32_t> scriptOf(const Arguments& arguments, const engine::Runtime& runtime)
{
    if (const auto file = arguments.find("--replay")) {
        const engine::text::Tokenizer tokenizer(runtime.files);
        auto ids = tokenizer.encode(readText(*file), engine::text::SpecialTokens::as_text);
        if (ids.empty())
            throw engine::Error(*file, "expected a text, found none");
        return ids;
    }
    std::mt19937 random(1);
    std::vector<std::int32_t> ids(4096);
    for (std::int32_t& id : ids)
        id = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(runtime.config.vocab_size));
    return ids;
}

void print(const std::vector<Row>& rows, const kernels::cpu::MachineLimits& limits, double loadSeconds)
{
    fmt::print("limits: read {:.1f} GB/s, fp32 {:.1f} GFLOP/s; loaded in {:.2f} s\n", limits.read_gb_per_s,
               limits.fp32_gflop_per_s, loadSeconds);
    fmt::print("{:<9} {:>7} {:>7} {:>7} {:>12} {:>10} {:>10} {:>9}\n", "kind", "streams", "tokens", "depth",
               "tokens/s", "min", "max", "of limit");
    for (const Row& r : rows)
        fmt::print("{:<9} {:>7} {:>7} {:>7} {:>12.1f} {:>10.1f} {:>10.1f} {:>7.1f} %\n", r.kind, r.streams,
                   r.tokens, r.depth, r.median, r.min, r.max, r.fraction * 100);
}

} // namespace

void bench(const Arguments& arguments, const std::stop_token& stop)
{
    constexpr std::int32_t mostTokens = 1 << 20;
    const std::int64_t promptTokens = arguments.integer("-p", 512, 0, mostTokens);
    const std::int64_t generatedTokens = arguments.integer("-n", 64, 0, mostTokens);
    const std::int64_t runs = arguments.integer("-r", 5, 1, 1000);
    auto depths = arguments.integers("-d", "0,4096", 0, mostTokens);
    const std::int64_t measured = std::max<std::int64_t>({1, promptTokens, generatedTokens});
    const std::filesystem::path model = modelOperand(arguments);
    if (!arguments.has("-d")) { // a model of a short context still has its first depth measured
        const std::int64_t room = engine::inspect(model).context_length - measured;
        std::erase_if(depths, [&](std::int32_t depth) { return depth > 0 && depth > room; });
    }
    const auto streams = arguments.integers("--streams", "1", 1, 256);

    engine::LoadOptions options = loadOptions(arguments, engine::CacheType::bf16);
    options.context_tokens = *std::max_element(depths.begin(), depths.end()) + measured;
    Progress progress;
    const auto begin = Clock::now();
    engine::Evaluator evaluator(
        model, options, static_cast<std::size_t>(*std::max_element(streams.begin(), streams.end())),
        [&](const engine::LoadProgress& load) { progress.show(load); }, stop);
    const double loadSeconds = secondsSince(begin);

    progress.show("Limits", 0, 1);
    kernels::cpu::MachineLimits limits;
    {
        kernels::cpu::ThreadPool pool(evaluator.runtime().options.threads);
        limits = kernels::cpu::measure_limits(
            pool,
            kernels::cpu::parse_isa(evaluator.runtime().options.isa).value_or(kernels::cpu::best_isa()));
    }

    Bench bench(evaluator, limits, progress, stop);
    bench.script = scriptOf(arguments, evaluator.runtime());
    bench.runs = runs;
    std::vector<Row> rows;
    for (const std::int32_t count : streams) {
        for (const std::int32_t depth : depths) {
            if (promptTokens > 0)
                rows.push_back(bench.prompt(static_cast<std::size_t>(count), promptTokens, depth));
            if (generatedTokens > 0)
                rows.push_back(bench.generation(static_cast<std::size_t>(count), generatedTokens, depth));
        }
    }
    progress.clear();
    if (!arguments.has("--json")) {
        print(rows, limits, loadSeconds);
        return;
    }
    nlohmann::ordered_json json{{"limits",
                                 {{"read_gb_s", limits.read_gb_per_s},
                                  {"fp32_gflops", limits.fp32_gflop_per_s},
                                  {"bf16_gflops", limits.bf16_gflop_per_s},
                                  {"int8_gops", limits.int8_gop_per_s}}},
                                {"load_s", loadSeconds},
                                {"rows", nlohmann::ordered_json::array()}};
    for (const Row& r : rows)
        json["rows"].push_back({{"kind", r.kind},
                                {"streams", r.streams},
                                {"tokens", r.tokens},
                                {"depth", r.depth},
                                {"median", r.median},
                                {"min", r.min},
                                {"max", r.max},
                                {"fraction", r.fraction}});
    fmt::print("{}\n", json.dump());
}

} // namespace app
