// SPDX-License-Identifier: MIT
#include "tests/gpu/synthetic_run.h"

#include "kernels/quant/dequantise.h"

#include <algorithm>
#include <stop_token>

namespace gpu {

using kernels::cuda::DeviceBuffer;
using kernels::cuda::Failure;
using kernels::cuda::FailureKind;

namespace {

// What the operations' workspace depends on.
kernels::cuda::ModelShape shape_of(const engine::Config& config, const engine::Weights& weights,
                                   const kernels::AttentionShape& attention, kernels::Dtype cache,
                                   std::int64_t max_rows, std::int64_t context_tokens)
{
    kernels::cuda::ModelShape shape;
    shape.attention = attention;
    shape.cache = cache;
    shape.vocabulary = config.vocab_size;
    shape.experts = config.n_routed_experts;
    shape.experts_per_tok = config.num_experts_per_tok;
    shape.max_columns =
        std::max({config.hidden_size, config.num_attention_heads * config.v_head_dim, config.kv_lora_rank,
                  config.intermediate_size, config.n_shared_experts * config.moe_intermediate_size});
    for (const engine::Layer& layer : weights.layers) {
        shape.kv_b.push_back(layer.kv_b);
        if (!layer.is_dense())
            shape.moe.push_back(kernels::cuda::device_experts(layer.experts()));
    }
    shape.max_rows = max_rows;
    shape.logits_rows = 1;
    shape.context_tokens = context_tokens;
    shape.cache_blocks = kernels::cuda::divide_up(context_tokens, kernels::cache_block_tokens);
    return shape;
}

std::vector<kernels::LayerCache> layers_of(const engine::Config& config, kernels::Dtype dtype,
                                           std::int64_t blocks)
{
    return std::vector<kernels::LayerCache>(
        static_cast<std::size_t>(config.num_hidden_layers),
        {nullptr, dtype, config.kv_lora_rank + config.qk_rope_head_dim, blocks});
}

} // namespace

SyntheticRun::SyntheticRun(const kernels::cuda::Device& device, kernels::cuda::Blas& blas,
                           const SyntheticModel& model, kernels::Dtype cache, std::int64_t max_rows,
                           std::int64_t context_tokens)
    : m_device(device)
    , m_attention(model.config())
    , m_weight_memory(device, model.bytes())
    , m_weights(model.on_device(device, m_weight_memory.data()))
    , m_activation_memory(device, engine::Activations<float>(model.config(), max_rows, nullptr).bytes)
    , m_activations(model.config(), max_rows, m_activation_memory.data())
    , m_layers(layers_of(model.config(), cache,
                         kernels::cuda::divide_up(context_tokens, kernels::cache_block_tokens)))
    , m_blocks(descending_blocks(context_tokens))
    , m_ops(device, blas,
            shape_of(model.config(), m_weights, m_attention.shape, cache, max_rows, context_tokens))
{
    const std::int64_t layer_bytes = m_layers.front().block_bytes() * m_layers.front().blocks;
    m_cache_memory = DeviceBuffer(device, layer_bytes * static_cast<std::int64_t>(m_layers.size()));
    for (std::size_t l = 0; l < m_layers.size(); ++l)
        m_layers[l].data = m_cache_memory.data() + static_cast<std::int64_t>(l) * layer_bytes;
    const std::vector<std::uint8_t> defined(static_cast<std::size_t>(model.config().vocab_size), 1);
    m_ops.set_defined(defined);
    m_device.synchronise();
}

void SyntheticRun::fill_cache()
{
    const kernels::LayerCache& layer = m_layers.front();
    const std::int64_t rows =
        layer.blocks * kernels::cache_block_tokens * static_cast<std::int64_t>(m_layers.size());
    // Latents are normed, so that their numbers deviate by one.
    fill_device(m_device, {77, 1.7320508f, 0.0f}, layer.dtype, m_cache_memory.data(), rows, layer.columns);
}

void SyntheticRun::queue(const std::vector<std::int32_t>& ids, std::int64_t position)
{
    const OneSequence pass(ids, position, m_blocks, m_attention.shape);
    m_ops.begin(pass.batch, m_attention.rope());
    const kernels::View<float> logits = m_ops.logits(1);
    engine::forward(m_ops, m_weights, m_attention, pass.batch, m_layers, m_activations, logits,
                    std::stop_token());
    const kernels::TokenChoice greedy;
    m_ops.begin_choices(std::span(&greedy, 1));
    m_ops.choose(logits, 0);
}

std::int32_t SyntheticRun::chosen()
{
    std::int32_t id = 0;
    copy_to_host(m_device, &id, m_ops.ids(), sizeof id);
    m_device.synchronise();
    if (id < 0)
        throw Failure(FailureKind::other, "The logits of the pass are not finite.");
    return id;
}

std::vector<float> SyntheticRun::logits()
{
    const kernels::View<float> row = m_ops.logits(1);
    std::vector<float> numbers(static_cast<std::size_t>(row.columns));
    copy_to_host(m_device, numbers.data(), row.data, row.columns * 4);
    m_device.synchronise();
    return numbers;
}

} // namespace gpu
