// SPDX-License-Identifier: MIT
#include "engine/runtime.h"

#include "engine/devices.h"
#include "engine/error.h"
#include "engine/model_info.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>
#include <string>

namespace engine {

namespace {

constexpr std::int64_t default_context_tokens = 8192;

// A token of fewer active parameters is a fraction of a millisecond for one thread; more would mostly wait
// for one another, above all where other programs run.
constexpr std::int64_t parameters_per_thread = 4'000'000;

void check_range(std::int64_t value, std::int64_t low, std::int64_t high, const char* name)
{
    if (value < low || value > high)
        throw Error("", fmt::format("{}: expected {} to {}, found {}", name, low, high, value));
}

std::string memory_error(const MemoryPlan& plan)
{
    return fmt::format("memory: {}", shortage(plan));
}

void check_fits(const MemoryPlan& plan, const LoadOptions& options, const std::string& file)
{
    if (plan.fits)
        return;
    if (options.device == "cpu")
        throw Error(file, memory_error(plan));
    // Without a size the plan never came to look at the memory.
    if (plan.total == 0)
        throw DeviceError(DeviceError::Cause::unusable, plan.verdict, options.device);
    throw DeviceError(DeviceError::Cause::out_of_memory, memory_error(plan), file);
}

// Tells `progress` what has been read of the weights.
class WeightProgress
{
public:
    WeightProgress(const Runtime& runtime, const std::function<void(const LoadProgress&)>& progress)
        : m_progress(progress)
        , m_state{.stage = "Weights",
                  .bytes_total = runtime.weights.bytes(),
                  .layers_total = runtime.config.num_hidden_layers}
    {
        m_progress(m_state);
    }
    void operator()(std::int64_t stages, std::int64_t bytes)
    {
        m_state.bytes_done = bytes;
        // The embedding comes before the layers, the head behind them.
        m_state.layers_done = std::clamp<std::int64_t>(stages - 1, 0, m_state.layers_total);
        m_progress(m_state);
    }

private:
    const std::function<void(const LoadProgress&)>& m_progress;
    LoadProgress m_state;
};

[[noreturn]] void fail_cancelled(const Runtime& runtime)
{
    throw Error(runtime.files.path().string(), "loading was cancelled");
}

BackendOptions backend_options(const LoadOptions& options)
{
    return {.threads = options.threads,
            .isa = options.isa,
            .cache_type = options.cache_type,
            .cache_blocks = options.cache_tokens / kernels::cache_block_tokens,
            .context_tokens = options.context_tokens,
            .max_rows = options.chunk_tokens};
}

void load_on_cpu(Runtime& runtime, WeightProgress progress, const std::stop_token& stop)
{
    if (!read_ahead(runtime.files, runtime.weights, std::ref(progress), stop, runtime.options.threads))
        fail_cancelled(runtime);
    runtime.backend = make_cpu_backend(runtime.config, runtime.weights, backend_options(runtime.options));
}

void load_on_gpu(Runtime& runtime, WeightProgress progress, const std::stop_token& stop)
{
    const std::string& id = runtime.options.device;
    const FoundGpu gpu = find_gpu(id);
    if (!gpu.why_not.empty())
        throw DeviceError(DeviceError::Cause::unusable, gpu.why_not, id);
    using Advice = format::MappedFile::Advice;
    const auto advise = [&](Advice advice) {
        return [&runtime, advice](std::span<const std::byte> part) { runtime.files.advise(part, advice); };
    };
    BackendOptions options = backend_options(runtime.options);
    options.device = gpu.index;
    runtime.backend = gpu.module->make_backend(runtime.config, runtime.weights, options,
                                               {.progress = std::ref(progress),
                                                .will_need = advise(Advice::will_need),
                                                .done_with = advise(Advice::dont_need),
                                                .lost = [id](const std::string& why) { mark_lost(id, why); }},
                                               stop);
    if (!runtime.backend)
        fail_cancelled(runtime);
    runtime.files.check();
}

} // namespace

int cpu_threads(const LoadOptions& options, std::int64_t active_parameters)
{
    if (options.threads > 0)
        return options.threads;
    return static_cast<int>(
        std::clamp<std::int64_t>(active_parameters / parameters_per_thread, 1, physical_cores()));
}

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
    resolved.threads = cpu_threads(options, config.active_parameters());
    Weights weights = bind_weights(files, config);
    const MemoryPlan memory = plan(describe(files, config), options);
    check_fits(memory, resolved, files.path().string());
    const bool may_be_smaller = resolved.chunk_tokens == 0;
    resolved.chunk_tokens = memory.chunk_tokens;

    const std::int64_t blocks = resolved.cache_tokens / kernels::cache_block_tokens;
    auto runtime = std::make_unique<Runtime>(Runtime{.files = std::move(files),
                                                     .config = std::move(config),
                                                     .options = resolved,
                                                     .weights = std::move(weights),
                                                     .backend = nullptr,
                                                     .pool = BlockPool(blocks)});
    if (resolved.device == "cpu") {
        load_on_cpu(*runtime, WeightProgress(*runtime, progress), stop);
        return runtime;
    }
    try {
        load_on_gpu(*runtime, WeightProgress(*runtime, progress), stop);
    } catch (const DeviceError& error) {
        // Another program may have taken memory since the plan was made.
        const bool can_shrink = error.cause == DeviceError::Cause::out_of_memory && may_be_smaller &&
                                resolved.chunk_tokens > smallest_gpu_chunk;
        if (!can_shrink)
            throw;
        runtime->options.chunk_tokens = smallest_gpu_chunk;
        load_on_gpu(*runtime, WeightProgress(*runtime, progress), stop);
    }
    return runtime;
}

} // namespace engine
