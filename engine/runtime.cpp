// SPDX-License-Identifier: MIT
#include "engine/runtime.h"

#include "engine/devices.h"
#include "engine/error.h"
#include "engine/model_info.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine {

namespace {

constexpr std::int64_t default_context_tokens = 8192;
constexpr std::int64_t default_chunk_tokens = 256;

// A token of fewer active parameters is a fraction of a millisecond for one thread; more would mostly wait
// for one another, above all where other programs run.
constexpr std::int64_t parameters_per_thread = 4'000'000;

void check_range(std::int64_t value, std::int64_t low, std::int64_t high, const char* name)
{
    if (value < low || value > high)
        throw Error("", fmt::format("{}: expected {} to {}, found {}", name, low, high, value));
}

void check_fits(const MemoryPlan& plan, const std::string& file)
{
    constexpr double gib = 1024.0 * 1024.0 * 1024.0;
    if (!plan.fits)
        throw Error(
            file, fmt::format("memory: expected {:.2f} GiB (weights {:.2f}, cache {:.2f}, scratch "
                              "{:.2f}), found {:.2f} GiB free",
                              static_cast<double>(plan.total) / gib, static_cast<double>(plan.weights) / gib,
                              static_cast<double>(plan.cache) / gib, static_cast<double>(plan.scratch) / gib,
                              static_cast<double>(plan.available) / gib));
}

} // namespace

LoadOptions resolve(const LoadOptions& options, std::int64_t model_context_tokens)
{
    LoadOptions o = options;
    check_range(o.threads, 0, 1024, "threads");
    if (o.threads == 0)
        o.threads = physical_cores();
    check_range(o.context_tokens, 0, model_context_tokens, "context tokens");
    if (o.context_tokens == 0)
        o.context_tokens = std::min(model_context_tokens, default_context_tokens);
    check_range(o.chunk_tokens, 0, 4096, "chunk tokens");
    if (o.chunk_tokens == 0)
        o.chunk_tokens = default_chunk_tokens;
    check_range(o.cache_tokens, 0, std::int64_t{1} << 32, "cache tokens");
    if (o.cache_tokens == 0)
        o.cache_tokens = 2 * o.context_tokens;
    // One sequence alone must always fit.
    o.cache_tokens = blocks_for(std::max(o.cache_tokens, o.context_tokens)) * kernels::cache_block_tokens;
    return o;
}

std::unique_ptr<Runtime> make_runtime(format::ModelFiles files, const LoadOptions& options,
                                      const std::function<void(const LoadProgress&)>& progress,
                                      const std::stop_token& stop)
{
    Config config = read_config(files);
    LoadOptions resolved = resolve(options, config.max_position_embeddings);
    if (options.threads == 0)
        resolved.threads = static_cast<int>(std::clamp<std::int64_t>(
            config.active_parameters() / parameters_per_thread, 1, resolved.threads));
    Weights weights = bind_weights(files, config);
    check_fits(plan(describe(files, config), resolved), files.path().string());

    const std::int64_t blocks = resolved.cache_tokens / kernels::cache_block_tokens;
    auto runtime = std::make_unique<Runtime>(Runtime{.files = std::move(files),
                                                     .config = std::move(config),
                                                     .options = resolved,
                                                     .weights = std::move(weights),
                                                     .backend = nullptr,
                                                     .pool = BlockPool(blocks)});

    LoadProgress state{.stage = "Weights",
                       .bytes_total = runtime->weights.bytes(),
                       .layers_total = runtime->config.num_hidden_layers};
    progress(state);
    const bool is_complete = read_ahead(
        runtime->files, runtime->weights,
        [&](std::int64_t stages, std::int64_t bytes) {
            state.bytes_done = bytes;
            // The embedding comes before the layers, the head behind them.
            state.layers_done = std::clamp<std::int64_t>(stages - 1, 0, state.layers_total);
            progress(state);
        },
        stop);
    if (!is_complete)
        throw Error(runtime->files.path().string(), "loading was cancelled");

    if (resolved.device != "cpu") {
        const LoadedModule& cuda = cuda_module();
        throw Error("", fmt::format("device: expected cpu, found '{}'{}{}", printable(resolved.device),
                                    cuda.why_not.empty() ? "" : ": ", cuda.why_not));
    }
    runtime->backend = make_cpu_backend(runtime->config, runtime->weights,
                                        {.threads = resolved.threads,
                                         .isa = resolved.isa,
                                         .cache_type = resolved.cache_type,
                                         .cache_blocks = blocks,
                                         .max_rows = resolved.chunk_tokens});
    return runtime;
}

} // namespace engine
