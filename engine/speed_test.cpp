// SPDX-License-Identifier: MIT
#include "engine/speed_test.h"

#include "engine/error.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <random>

namespace engine {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin)
{
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

} // namespace

Work work_of(const Runtime& runtime, double streams, double rows, double depth, double chunk)
{
    const Config& c = runtime.config;
    const auto experts = static_cast<double>(c.n_routed_experts);
    const auto chosen = static_cast<double>(c.num_experts_per_tok);
    const double per_pass = std::min(rows * streams, chunk);
    const double passes = std::ceil(rows * streams / per_pass);
    double fixed = 0;
    double routed = 0;
    for (const Layer& w : runtime.weights.layers) {
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
            routed += experts * (1 - std::pow(1 - chosen / experts, per_pass)) *
                      static_cast<double>(one.gate.bytes() + one.up.bytes() + one.down.bytes());
        }
    }
    fixed += static_cast<double>(runtime.weights.head.bytes());

    const auto layers = static_cast<double>(c.num_hidden_layers);
    const auto heads = static_cast<double>(c.num_attention_heads);
    const bool is_one_by_one = rows == 1;
    // Multiply-adds for one pair of tokens: in the latent space, or with keys and values of every head.
    const auto per_pair = heads * static_cast<double>(is_one_by_one ? 2 * c.kv_lora_rank + c.qk_rope_head_dim
                                                                    : c.qk_head_dim() + c.v_head_dim);
    const double pairs = rows * depth + rows * (rows + 1) / 2;
    const auto table = static_cast<double>(c.vocab_size * c.hidden_size);
    const double cache_bytes = static_cast<double>(c.kv_numbers_per_token()) *
                               (runtime.options.cache_type == CacheType::f32 ? 4 : 2);
    Work work;
    work.bytes = passes * (fixed + routed) + streams * (depth + rows) * cache_bytes;
    work.flop = streams * 2 *
                ((static_cast<double>(c.active_parameters()) - table) * rows + per_pair * pairs * layers);
    return work;
}

SpeedTest::SpeedTest(Evaluator& evaluator, std::vector<std::int32_t> script, std::int64_t runs,
                     std::optional<kernels::cpu::MachineLimits> limits, Progress progress,
                     std::stop_token stop)
    : m_evaluator(evaluator)
    , m_script(std::move(script))
    , m_runs(runs)
    , m_limits(limits)
    , m_progress(std::move(progress))
    , m_stop(std::move(stop))
{
}

std::optional<Rate> SpeedTest::prompt(std::size_t streams, std::int64_t tokens, std::int64_t depth)
{
    const Work work =
        work_of(m_evaluator.runtime(), static_cast<double>(streams), static_cast<double>(tokens),
                static_cast<double>(depth), static_cast<double>(m_evaluator.runtime().options.chunk_tokens));
    return measure(streams, tokens, depth, work,
                   [&] { return feed(streams, tokens, Evaluator::Output::last); });
}

std::optional<Rate> SpeedTest::generation(std::size_t streams, std::int64_t tokens, std::int64_t depth)
{
    // Half way through the run the depth is what it is on average.
    Work work = work_of(m_evaluator.runtime(), static_cast<double>(streams), 1,
                        static_cast<double>(depth) + static_cast<double>(tokens) / 2,
                        static_cast<double>(m_evaluator.runtime().options.chunk_tokens));
    work.bytes *= static_cast<double>(tokens);
    work.flop *= static_cast<double>(tokens);
    return measure(streams, tokens, depth, work, [&] {
        for (std::int64_t i = 0; i < tokens; ++i)
            if (!feed(streams, 1, Evaluator::Output::last))
                return false;
        return true;
    });
}

bool SpeedTest::feed(std::size_t streams, std::int64_t tokens, Evaluator::Output output)
{
    std::vector<std::vector<std::int32_t>> ids(streams);
    std::vector<std::span<const std::int32_t>> parts(streams);
    for (std::size_t s = 0; s < streams; ++s) {
        for (std::int64_t i = 0; i < tokens; ++i)
            ids[s].push_back(
                m_script[static_cast<std::size_t>(m_evaluator.position(s) + i) % m_script.size()]);
        parts[s] = ids[s];
    }
    return m_evaluator.feed(
        parts, output, [](std::size_t, std::int64_t, std::span<const float>) {}, m_stop);
}

std::optional<Rate> SpeedTest::measure(std::size_t streams, std::int64_t tokens, std::int64_t depth,
                                       const Work& work, const std::function<bool()>& run)
{
    std::vector<double> speeds;
    const auto all = static_cast<double>(streams) * static_cast<double>(tokens);
    // The first run warms caches and buffers up and does not count.
    for (std::int64_t i = 0; i <= m_runs; ++i) {
        for (std::size_t s = 0; s < streams; ++s)
            m_evaluator.rewind(s, depth);
        if (!feed(streams, depth - m_evaluator.position(), Evaluator::Output::none))
            return std::nullopt;
        const auto begin = Clock::now();
        if (!run())
            return std::nullopt;
        if (i > 0)
            speeds.push_back(all / seconds_since(begin));
        m_progress(i, m_runs);
    }
    std::sort(speeds.begin(), speeds.end());
    const std::size_t middle = speeds.size() / 2;
    Rate rate;
    rate.median = speeds.size() % 2 == 1 ? speeds[middle] : (speeds[middle - 1] + speeds[middle]) / 2;
    rate.min = speeds.front();
    rate.max = speeds.back();
    if (m_limits)
        rate.limit = all / std::max(work.bytes / (m_limits->read_gb_per_s * 1e9),
                                    work.flop / (m_limits->fp32_gflop_per_s * 1e9));
    return rate;
}

std::vector<std::int32_t> any_tokens(const Config& config)
{
    std::mt19937 random(1);
    std::vector<std::int32_t> ids(4096);
    for (std::int32_t& id : ids)
        id = static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(config.vocab_size));
    return ids;
}

kernels::cpu::MachineLimits cpu_limits(const LoadOptions& options)
{
    kernels::cpu::ThreadPool pool(options.threads);
    return kernels::cpu::measure_limits(
        pool, kernels::cpu::parse_isa(options.isa).value_or(kernels::cpu::best_isa()));
}

Speed measure_speed(Runtime& runtime, const std::function<void(double)>& progress,
                    const std::stop_token& stop)
{
    constexpr std::int64_t runs = 2;
    constexpr double limits_part = 0.1; // of the whole, about
    progress(0);
    std::optional<kernels::cpu::MachineLimits> limits;
    if (runtime.options.device == "cpu")
        limits = cpu_limits(runtime.options);
    progress(limits_part);

    Speed speed;
    const std::int64_t context = runtime.options.context_tokens;
    speed.generated_tokens = std::min(quick_generated_tokens, context / 2);
    speed.prompt_tokens = std::min(quick_prompt_tokens, context - speed.generated_tokens);
    Evaluator evaluator(runtime);
    double before = limits_part;
    SpeedTest test(
        evaluator, any_tokens(runtime.config), runs, limits,
        [&](std::int64_t done, std::int64_t of) {
            progress(before +
                     (1 - limits_part) / 2 * static_cast<double>(done + 1) / static_cast<double>(of + 1));
        },
        stop);
    const auto prompt = test.prompt(1, speed.prompt_tokens, 0);
    before += (1 - limits_part) / 2;
    const auto generation =
        prompt ? test.generation(1, speed.generated_tokens, speed.prompt_tokens) : std::nullopt;
    if (!generation)
        throw Error("", "measuring was stopped");
    speed.prompt_tps = prompt->median;
    speed.prompt_limit_tps = prompt->limit;
    speed.generate_tps = generation->median;
    speed.generate_limit_tps = generation->limit;
    if (limits) {
        speed.read_gb_per_s = limits->read_gb_per_s;
        speed.fp32_gflop_per_s = limits->fp32_gflop_per_s;
    }
    return speed;
}

} // namespace engine
