// SPDX-License-Identifier: MIT
#include "tests/gpu/speed.h"

#include "kernels/cpu/ops.h"
#include "kernels/cpu/thread_pool.h"
#include "tests/gpu/synthetic_run.h"

#include <fmt/ranges.h>

#include <memory>
#include <thread>

namespace gpu {

using kernels::Dtype;
using kernels::cuda::Failure;
using kernels::cuda::FailureKind;

namespace {

std::vector<std::int32_t> some_ids(std::int64_t count, std::int64_t vocabulary)
{
    std::vector<std::int32_t> ids(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < ids.size(); ++i)
        ids[i] =
            static_cast<std::int32_t>(random_words(99, 2, i).w[0] % static_cast<std::uint64_t>(vocabulary));
    return ids;
}

// The same passes by the operations of the CPU, over weights in memory of the host.
class HostRun
{
public:
    HostRun(const SyntheticModel& model, Dtype cache, std::int64_t max_rows, std::int64_t context_tokens)
        : m_attention(model.config())
        , m_weight_memory(static_cast<std::size_t>(model.bytes()))
        , m_weights(model.on_host(m_weight_memory.data()))
        , m_activation_memory(
              static_cast<std::size_t>(engine::Activations<float>(model.config(), max_rows, nullptr).bytes))
        , m_activations(model.config(), max_rows, m_activation_memory.data())
        , m_blocks(descending_blocks(context_tokens))
        , m_pool(static_cast<int>(std::max(1u, std::thread::hardware_concurrency())))
        , m_ops(m_pool, kernels::cpu::best_isa())
        , m_logits(static_cast<std::size_t>(model.config().vocab_size))
    {
        const engine::Config& c = model.config();
        m_layers.assign(static_cast<std::size_t>(c.num_hidden_layers),
                        {nullptr, cache, c.kv_lora_rank + c.qk_rope_head_dim,
                         static_cast<std::int64_t>(m_blocks.size())});
        const auto layer_bytes = static_cast<std::size_t>(m_layers.front().block_bytes()) * m_blocks.size();
        m_cache_memory.resize(layer_bytes * m_layers.size());
        for (std::size_t l = 0; l < m_layers.size(); ++l)
            m_layers[l].data = m_cache_memory.data() + l * layer_bytes;
    }

    const std::vector<float>& forward(const std::vector<std::int32_t>& ids, std::int64_t position)
    {
        const OneSequence pass(ids, position, m_blocks, m_attention.shape);
        const auto vocabulary = static_cast<std::int64_t>(m_logits.size());
        engine::forward(m_ops, m_weights, m_attention, pass.batch, m_layers, m_activations,
                        {m_logits.data(), 1, vocabulary, vocabulary}, std::stop_token());
        return m_logits;
    }

private:
    engine::Attention m_attention;
    std::vector<std::byte> m_weight_memory;
    engine::Weights m_weights;
    std::vector<std::byte> m_activation_memory;
    engine::Activations<float> m_activations;
    std::vector<std::int32_t> m_blocks;
    kernels::cpu::ThreadPool m_pool;
    kernels::cpu::Ops m_ops;
    std::vector<std::byte> m_cache_memory;
    std::vector<kernels::LayerCache> m_layers;
    std::vector<float> m_logits;
};

// Feeds parts of a text to both and compares the logits behind each part.
void compare_runs(Checks& checks, const SyntheticModel& model, kernels::cuda::Blas& blas, Dtype cache,
                  const std::vector<std::int64_t>& parts, Difference& difference)
{
    const std::int64_t longest = *std::max_element(parts.begin(), parts.end());
    const std::int64_t total = std::accumulate(parts.begin(), parts.end(), std::int64_t{0});
    const std::vector<std::int32_t> ids = some_ids(total, model.config().vocab_size);
    SyntheticRun there(checks.device, blas, model, cache, longest, total);
    HostRun here(model, cache, longest, total);
    std::int64_t position = 0;
    for (const std::int64_t count : parts) {
        const std::vector<std::int32_t> part(ids.begin() + position, ids.begin() + position + count);
        there.queue(part, position);
        const std::vector<float> got = there.logits();
        const std::vector<float>& expected = here.forward(part, position);
        difference.add(got.data(), Numbers(expected.begin(), expected.end()));
        position += count;
    }
}

std::string seconds_text(double seconds)
{
    return fmt::format("{:.3f} ms", 1e3 * seconds);
}

struct SpeedTask
{
    const kernels::cuda::Device& device;
    Report& report;
    const Clock& clock;
    const Ceilings& ceilings;
    const SyntheticModel& model;
    int rounds = 5; // of a prompt

    bool is_late(const std::string& what) const
    {
        if (clock.seconds_left() > 10.0)
            return false;
        report.remark(fmt::format("Not measured, the time is up: {}.", what));
        return true;
    }

    void generation(SyntheticRun& run, std::int64_t position, int tokens) const
    {
        std::int32_t id = 1;
        const auto generate = [&](int count) {
            for (int i = 0; i < count; ++i, ++position) {
                run.queue({id}, position);
                id = run.chosen();
            }
        };
        const std::int64_t context = position;
        generate(std::max(1, tokens / 8)); // to warm up
        const auto begin = std::chrono::steady_clock::now();
        generate(tokens);
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        const double seconds = took.count() / tokens;
        const std::int64_t read =
            model.bytes_per_token() + model.config().kv_numbers_per_token() * 2 * position;
        report.row({fmt::format("{}", context), fmt::format("{:.1f}", 1.0 / seconds), seconds_text(seconds),
                    fmt::format("{:.3f}", static_cast<double>(read) * 1e-9),
                    fmt::format("{:.2f}", static_cast<double>(read) / seconds / ceilings.read_bandwidth)});
    }

    void prompt(SyntheticRun& run, std::int64_t rows, std::int64_t position) const
    {
        const std::vector<std::int32_t> ids = some_ids(rows, model.config().vocab_size);
        const double seconds = seconds_of(
            device, 1, [&] { run.queue(ids, position); }, rounds);
        run.chosen(); // the numbers were finite
        const double operations = model.prompt_operations(rows, position);
        report.row({fmt::format("{} at {}", rows, position),
                    fmt::format("{:.0f}", static_cast<double>(rows) / seconds), seconds_text(seconds),
                    fmt::format("{:.2f}", operations * 1e-12),
                    ceilings.product_rate
                        ? fmt::format("{:.2f}", operations / seconds / *ceilings.product_rate)
                        : "not measured"});
    }
};

} // namespace

void check_layers(Checks& checks, Report& report, kernels::cuda::Blas* blas)
{
    report.section("Two layers with generated weights against the CPU's operations",
                   {"model", "tokens of the passes", "format", "numbers", "worst of the largest",
                    "1 - cosine", "allowed", "result"});
    NoBlas none;
    const engine::Config config = checks.has_true_shapes ? v2_lite(2, 4096) : tiny_lite();
    // All experts are chosen where bf16 rounds, or one might change places with the next, which says nothing
    // about the arithmetic and moves the logits by a tenth.
    engine::Config every_expert = config;
    every_expert.n_routed_experts = 8;
    every_expert.num_experts_per_tok = 8;
    const std::vector<std::int64_t> few{3, 1, 8, 1};
    const std::vector<std::int64_t> many = checks.has_true_shapes ? std::vector<std::int64_t>{200, 1, 90, 2}
                                                                  : std::vector<std::int64_t>{40, 1, 10, 2};
    for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0}) {
        const auto compare = [&](const engine::Config& shape, Dtype cache, double allowed,
                                 const std::vector<std::int64_t>& parts) {
            checks.check(fmt::format("{} of {} experts", shape.num_experts_per_tok, shape.n_routed_experts),
                         fmt::format("{}", fmt::join(parts, ", ")),
                         fmt::format("{}, {} cache", name(dtype), name(cache)), allowed,
                         [&](Difference& difference) {
                             compare_runs(checks, SyntheticModel(shape, dtype), blas ? *blas : none, cache,
                                          parts, difference);
                         });
        };
        compare(config, Dtype::f32, 1e-4, few); // all in fp32, but for sums in another order
        compare(every_expert, Dtype::bf16, bf16_attention_tolerance, few);
        if (blas)
            compare(every_expert, Dtype::bf16, bf16_attention_tolerance, many);
    }
}

void measure_speed(const kernels::cuda::Device& device, Report& report, const Clock& clock,
                   bool has_true_shapes, const Ceilings& ceilings, kernels::cuda::Blas* blas)
{
    NoBlas none;
    const std::vector<std::int64_t> contexts =
        has_true_shapes ? std::vector<std::int64_t>{0, 4096, 32768} : std::vector<std::int64_t>{0, 100};
    const std::vector<std::pair<std::int64_t, std::int64_t>> prompts =
        has_true_shapes
            ? std::vector<std::pair<std::int64_t, std::int64_t>>{{256, 0},     {512, 0},     {1024, 0},
                                                                 {2048, 0},    {4096, 0},    {64, 4096},
                                                                 {1024, 4096}, {1024, 30000}}
            : std::vector<std::pair<std::int64_t, std::int64_t>>{{20, 0}, {12, 70}};
    const int tokens = has_true_shapes ? 64 : 2;
    const std::int64_t max_rows = blas ? (has_true_shapes ? 4096 : 20) : kernels::cuda::max_vector_rows;
    for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0}) {
        const SyntheticModel model(has_true_shapes ? v2_lite() : tiny_lite(), dtype);
        const SpeedTask task{device, report, clock, ceilings, model, has_true_shapes ? 5 : 1};
        const std::string title =
            fmt::format("{} {}", has_true_shapes ? "V2-Lite" : "Tiny model", name(dtype));
        report.section(title + ", generation",
                       {"context", "tokens/s", "a token", "GB read a token", "of the read bandwidth"});
        if (task.is_late(title))
            continue;
        try {
            SyntheticRun run(device, blas ? *blas : none, model, Dtype::bf16, max_rows,
                             contexts.back() + 2 * tokens + 2);
            run.fill_cache();
            for (const std::int64_t context : contexts)
                if (!task.is_late(fmt::format("generation behind {} tokens", context)))
                    task.generation(run, context, tokens);
            report.section(title + ", prompts",
                           {"tokens at position", "tokens/s", "the chunk", "TFLOP", "of the cuBLAS peak"});
            if (!blas) {
                report.remark("Not measured: cuBLAS is missing.");
                continue;
            }
            for (const auto& [rows, position] : prompts)
                if (!task.is_late(fmt::format("{} tokens at {}", rows, position)))
                    task.prompt(run, rows, position);
        } catch (const Failure& failure) {
            report.remark(fmt::format("Not measured: {}", failure.what()));
            if (failure.kind == FailureKind::device_lost)
                throw;
        }
    }
}

} // namespace gpu
