// SPDX-License-Identifier: MIT
// Whether a model fits, before anything is loaded.
#include "engine/activations.h"
#include "engine/backend.h"
#include "engine/deepseek_v2.h"
#include "engine/devices.h"
#include "engine/error.h"
#include "engine/gpu_memory.h"
#include "engine/kv_cache.h"
#include "engine/runtime.h"
#include "engine/weights.h"
#include "kernels/cpu/ops.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace engine {

namespace {

using Chunks = std::vector<std::int64_t>;

const Chunks cpu_chunks = {256};
const Chunks gpu_chunks = {1024, 512, smallest_gpu_chunk}; // the first that fits

// The sizes again that memory depends on.
Config sizes(const ModelInfo& info)
{
    const auto of = [&](const char* name) {
        const auto found = info.hyperparameters.find(name);
        return found == info.hyperparameters.end() ? 0 : found->second;
    };
    Config c;
    c.vocab_size = of("vocab_size");
    c.hidden_size = of("hidden_size");
    c.num_hidden_layers = of("num_hidden_layers");
    c.num_attention_heads = of("num_attention_heads");
    c.q_lora_rank = of("q_lora_rank");
    c.kv_lora_rank = of("kv_lora_rank");
    c.qk_nope_head_dim = of("qk_nope_head_dim");
    c.qk_rope_head_dim = of("qk_rope_head_dim");
    c.v_head_dim = of("v_head_dim");
    c.intermediate_size = of("intermediate_size");
    c.first_k_dense_replace = of("first_k_dense_replace");
    c.moe_intermediate_size = of("moe_intermediate_size");
    c.n_routed_experts = of("n_routed_experts");
    c.n_shared_experts = of("n_shared_experts");
    c.num_experts_per_tok = of("num_experts_per_tok");
    return c;
}

// Where a model is to be loaded, and what it needs there; weights, cache, scratch and library of a plan.
struct Place
{
    std::int64_t available = 0;
    const Chunks* chunks = nullptr;
    std::function<MemoryPlan(const LoadOptions&)> needs;
    std::string why_not; // it cannot be used
};

Place cpu(const ModelInfo& model)
{
    const auto needs = [&model, c = sizes(model)](const LoadOptions& o) {
        kernels::cpu::ScratchShape scratch;
        scratch.threads = cpu_threads(o, model.active_parameters);
        scratch.rows = o.chunk_tokens;
        scratch.context_tokens = o.context_tokens;
        scratch.widest_norm = std::max(c.hidden_size, c.q_lora_rank);
        scratch.experts = c.first_k_dense_replace < c.num_hidden_layers ? c.n_routed_experts : 0;
        scratch.mlps_per_tok = c.num_experts_per_tok + (c.n_shared_experts > 0 ? 1 : 0);
        scratch.attention = Attention(c).shape;
        MemoryPlan plan;
        // Tensors that nothing reads (prediction layers) are mapped, and stay on the disk.
        plan.groups = model.weight_bytes;
        plan.weights = model.weight_bytes.total() + model.header_bytes;
        plan.mapped = model.file_bytes;
        plan.vocabulary = model.vocabulary_bytes;
        plan.cache =
            o.cache_tokens * model.kv_bytes_per_token.at(o.cache_type == CacheType::f32 ? "f32" : "bf16");
        plan.scratch = Activations<float>(c, o.chunk_tokens, nullptr).bytes +
                       kernels::cpu::Ops::most_scratch_bytes(scratch) +
                       logits_rows(o.chunk_tokens) * c.vocab_size * static_cast<std::int64_t>(sizeof(float));
        return plan;
    };
    return {.available = available_memory(), .chunks = &cpu_chunks, .needs = needs, .why_not = {}};
}

Place gpu(const ModelInfo& model, const std::string& id)
{
    const FoundGpu found = find_gpu(id);
    Place place{
        .available = found.device.free_bytes, .chunks = &gpu_chunks, .needs = {}, .why_not = found.why_not};
    if (!found.why_not.empty())
        return place;
    if (!model.device_model) {
        place.why_not = "The file has no weights.";
        return place;
    }
    place.why_not = model.device_model->why_not;
    place.needs = [model = model.device_model, limits = found.limits](const LoadOptions& o) {
        const GpuMemory memory = gpu_memory(*model,
                                            {.cache_type = o.cache_type,
                                             .cache_blocks = blocks_for(o.cache_tokens),
                                             .context_tokens = o.context_tokens,
                                             .max_rows = o.chunk_tokens},
                                            limits);
        MemoryPlan plan;
        plan.groups = weight_bytes(model->weights);
        plan.weights = memory.weights;
        plan.cache = memory.cache;
        plan.scratch = memory.scratch;
        plan.library = gpu_library_bytes;
        return plan;
    };
    return place;
}

MemoryPlan plan_at(const Place& place, LoadOptions resolved, std::int64_t chunk)
{
    resolved.chunk_tokens = chunk;
    MemoryPlan plan = place.needs(resolved);
    plan.total = plan.weights + plan.cache + plan.scratch + plan.library + plan.vocabulary;
    plan.available = place.available;
    plan.fits = plan.total <= plan.available;
    plan.chunk_tokens = chunk;
    return plan;
}

// The first of the chunks that fits, otherwise the last.
MemoryPlan first_fitting(const Place& place, const LoadOptions& resolved, const Chunks& chunks)
{
    MemoryPlan plan;
    for (const std::int64_t chunk : chunks) {
        plan = plan_at(place, resolved, chunk);
        if (plan.fits)
            break;
    }
    return plan;
}

// The most tokens of context, in whole blocks, that fit with the smallest chunk; 0: none. Where the budget of
// all sequences was given, it is as large as one conversation there.
std::int64_t largest_context(const Place& place, const LoadOptions& options, std::int64_t most,
                             std::int64_t chunk)
{
    const auto fits = [&](std::int64_t tokens) {
        LoadOptions o = options;
        o.context_tokens = tokens;
        o.cache_tokens = options.cache_tokens > 0 ? tokens : 0;
        LoadOptions resolved = resolve(o, most);
        resolved.threads = options.threads;
        return plan_at(place, resolved, chunk).fits;
    };
    if (fits(most))
        return most;
    std::int64_t low = 0; // blocks that fit
    std::int64_t high = most / kernels::cache_block_tokens + 1;
    while (high - low > 1) {
        const std::int64_t middle = low + (high - low) / 2;
        (fits(std::min(most, middle * kernels::cache_block_tokens)) ? low : high) = middle;
    }
    return low * kernels::cache_block_tokens;
}

// "1.50 GiB (weights …, cache …, scratch …)"
std::string size_and_parts(const MemoryPlan& plan)
{
    std::string text =
        fmt::format("{} (weights {}, cache {}, scratch {}", readable_bytes(plan.total),
                    readable_bytes(plan.weights), readable_bytes(plan.cache), readable_bytes(plan.scratch));
    if (plan.library > 0)
        text += fmt::format(", library {}", readable_bytes(plan.library));
    if (plan.vocabulary > 0)
        text += fmt::format(", vocabulary {}", readable_bytes(plan.vocabulary));
    return text + ")";
}

std::string verdict(const MemoryPlan& plan, std::int64_t context_tokens)
{
    if (plan.fits)
        return fmt::format("Fits: {} of {} free.", readable_bytes(plan.total),
                           readable_bytes(plan.available));
    if (plan.largest_context_tokens > 0)
        return fmt::format("Fits with {} tokens of context: {} would need {} (cache {}), and {} are free.",
                           plan.largest_context_tokens, context_tokens, readable_bytes(plan.total),
                           readable_bytes(plan.cache), readable_bytes(plan.available));
    return fmt::format("Does not fit, because it needs {} and {} are free.", size_and_parts(plan),
                       readable_bytes(plan.available));
}

} // namespace

std::string readable_bytes(std::int64_t bytes)
{
    constexpr double mib = 1024.0 * 1024.0;
    const double size = static_cast<double>(bytes) / mib;
    return size < 1024.0 ? fmt::format("{:.1f} MiB", size) : fmt::format("{:.2f} GiB", size / 1024.0);
}

std::string shortage(const MemoryPlan& plan)
{
    std::string text =
        fmt::format("expected {}, found {} free", size_and_parts(plan), readable_bytes(plan.available));
    if (plan.largest_context_tokens > 0)
        text += fmt::format("; with {} tokens of context it would fit", plan.largest_context_tokens);
    return text;
}

MemoryPlan plan(const ModelInfo& model, const LoadOptions& options)
{
    MemoryPlan result;
    if (model.hyperparameters.empty()) {
        result.available = available_memory();
        result.fits = true;
        result.verdict = "The file holds a vocabulary alone.";
        return result;
    }
    if (!model.why_not.empty()) {
        result.available = available_memory();
        result.verdict = model.why_not;
        return result;
    }
    if (model.weight_bytes.total() == 0) {
        result.available = available_memory();
        result.verdict = "There are no weights, so nothing can be computed.";
        return result;
    }
    LoadOptions resolved = resolve(options, model.context_length);
    resolved.threads = options.threads; // 0 stands for what suits the model
    const Place place = resolved.device == "cpu" ? cpu(model) : gpu(model, resolved.device);
    if (!place.why_not.empty()) {
        result.available = place.available;
        result.verdict = place.why_not;
        return result;
    }
    const Chunks chunks = resolved.chunk_tokens > 0 ? Chunks{resolved.chunk_tokens} : *place.chunks;
    result = first_fitting(place, resolved, chunks);
    result.largest_context_tokens = largest_context(place, options, model.context_length, chunks.back());
    result.verdict = verdict(result, resolved.context_tokens);
    return result;
}

} // namespace engine
