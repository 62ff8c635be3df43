// SPDX-License-Identifier: MIT
#include "tests/gpu/synthetic.h"

#include "engine/convert/synthetic.h"
#include "kernels/cuda/plan.h"

#include <cstddef>

namespace gpu {

using kernels::Dtype;
using kernels::Matrix;

namespace {

constexpr std::int64_t alignment = 256; // of a matrix, kernels/cuda/layout.h

// Where matrices lie before their memory is known; not null, which means that there is none.
constexpr std::uintptr_t base_address = alignment;

const std::byte* address(std::int64_t offset)
{
    return reinterpret_cast<const std::byte*>(base_address + static_cast<std::uintptr_t>(offset));
}

} // namespace

engine::Config v2_lite(std::int64_t layers, std::int64_t vocabulary)
{
    engine::Config c = engine::synthetic_config(engine::ModelShape::v2_lite, layers);
    c.vocab_size = vocabulary;
    return c;
}

engine::Config tiny_lite()
{
    engine::Config c = v2_lite(2, 300);
    c.hidden_size = 64;
    c.num_attention_heads = 4;
    c.intermediate_size = 96;
    c.moe_intermediate_size = 32;
    c.n_routed_experts = 8;
    c.num_experts_per_tok = 3;
    return c;
}

SyntheticModel::SyntheticModel(const engine::Config& config, Dtype dtype)
    : m_config(config)
    , m_dtype(dtype)
{
    m_weights.embedding = add(dtype, config.vocab_size, config.hidden_size);
    for (std::int64_t l = 0; l < config.num_hidden_layers; ++l)
        m_weights.layers.push_back(add_layer(l));
    m_weights.norm = add_norm(config.hidden_size, static_cast<float>(config.rms_norm_eps));
    m_weights.head = add(dtype, config.vocab_size, config.hidden_size);
}

Matrix SyntheticModel::add(Dtype dtype, std::int64_t rows, std::int64_t columns)
{
    const Matrix matrix{address(m_bytes), dtype, rows, columns};
    m_tensors.push_back({m_bytes, matrix, weight_filling(m_tensors.size() + 1, columns)});
    m_bytes += kernels::cuda::round_up(matrix.bytes(), alignment);
    return matrix;
}

kernels::Norm SyntheticModel::add_norm(std::int64_t width, float eps)
{
    const Matrix weight = add(Dtype::f32, 1, width);
    m_tensors.back().filling.amplitude = 0.25f;
    m_tensors.back().filling.offset = 1.0f;
    return {weight, eps};
}

kernels::Mlp SyntheticModel::add_mlp(std::int64_t width)
{
    kernels::Mlp mlp;
    mlp.gate = add(m_dtype, width, m_config.hidden_size);
    mlp.up = add(m_dtype, width, m_config.hidden_size);
    mlp.down = add(m_dtype, m_config.hidden_size, width);
    return mlp;
}

engine::Layer SyntheticModel::add_layer(std::int64_t index)
{
    const engine::Config& c = m_config;
    const std::int64_t heads = c.num_attention_heads;
    const auto eps = static_cast<float>(c.rms_norm_eps);
    engine::Layer layer;
    layer.attn_norm = add_norm(c.hidden_size, eps);
    layer.wq = add(m_dtype, heads * c.qk_head_dim(), c.hidden_size);
    layer.wkv_a = add(m_dtype, c.kv_lora_rank + c.qk_rope_head_dim, c.hidden_size);
    layer.kv_norm = add_norm(c.kv_lora_rank, 1e-6f);
    const Matrix kv_b = add(m_dtype, heads * (c.qk_nope_head_dim + c.v_head_dim), c.kv_lora_rank);
    const std::int64_t head_bytes = (c.qk_nope_head_dim + c.v_head_dim) * kv_b.row_bytes();
    layer.kv_b.key = {kv_b.data, m_dtype, heads, c.qk_nope_head_dim, c.kv_lora_rank, head_bytes};
    layer.kv_b.value = {
        kv_b.row(c.qk_nope_head_dim), m_dtype, heads, c.v_head_dim, c.kv_lora_rank, head_bytes};
    layer.wo = add(m_dtype, c.hidden_size, heads * c.v_head_dim);
    layer.ffn_norm = add_norm(c.hidden_size, eps);
    if (c.is_dense_layer(index)) {
        layer.dense = add_mlp(c.intermediate_size);
        return layer;
    }
    layer.router = add(Dtype::f32, c.n_routed_experts, c.hidden_size);
    layer.rule.experts = c.n_routed_experts;
    layer.rule.experts_per_tok = c.num_experts_per_tok;
    for (std::int64_t e = 0; e < c.n_routed_experts; ++e)
        layer.routed.push_back(add_mlp(c.moe_intermediate_size));
    layer.shared = add_mlp(c.n_shared_experts * c.moe_intermediate_size);
    return layer;
}

engine::Weights SyntheticModel::placed(std::byte* memory) const
{
    engine::Weights weights = m_weights;
    engine::for_each_pointer(weights, [&](const std::byte*& data) {
        if (data)
            data = memory + (reinterpret_cast<std::uintptr_t>(data) - base_address);
    });
    return weights;
}

engine::Weights SyntheticModel::on_host(std::byte* memory) const
{
    for (const Tensor& tensor : m_tensors)
        fill_host(tensor.filling, tensor.matrix.dtype, memory + tensor.offset, tensor.matrix.rows,
                  tensor.matrix.columns);
    return placed(memory);
}

engine::Weights SyntheticModel::on_device(const kernels::cuda::Device& device, std::byte* memory) const
{
    for (const Tensor& tensor : m_tensors)
        fill_device(device, tensor.filling, tensor.matrix.dtype, memory + tensor.offset, tensor.matrix.rows,
                    tensor.matrix.columns);
    return placed(memory);
}

std::int64_t SyntheticModel::bytes_per_token() const
{
    std::int64_t bytes = m_weights.norm.weight.bytes() + m_weights.head.bytes();
    for (const engine::Layer& layer : m_weights.layers) {
        bytes += layer.attn_norm.weight.bytes() + layer.wq.bytes() + layer.wkv_a.bytes() +
                 layer.kv_norm.weight.bytes() + layer.wo.bytes() + layer.ffn_norm.weight.bytes() +
                 layer.kv_b.key.heads * layer.kv_b.key.head_bytes;
        const auto add = [&](const kernels::Mlp& mlp) {
            bytes += mlp.gate.bytes() + mlp.up.bytes() + mlp.down.bytes();
        };
        if (layer.is_dense()) {
            add(layer.dense);
            continue;
        }
        bytes += layer.router.bytes();
        for (std::int64_t k = 0; k < m_config.num_experts_per_tok; ++k)
            add(layer.routed[static_cast<std::size_t>(k)]);
        add(layer.shared);
    }
    return bytes;
}

double SyntheticModel::prompt_operations(std::int64_t rows, std::int64_t position) const
{
    const engine::Config& c = m_config;
    const auto heads = static_cast<double>(c.num_attention_heads);
    const auto d = static_cast<double>(c.hidden_size);
    const auto head_widths = static_cast<double>(c.qk_nope_head_dim + c.v_head_dim);
    const auto attended = static_cast<double>(c.qk_head_dim() + c.v_head_dim);
    const auto latent = static_cast<double>(c.kv_lora_rank);
    const auto new_rows = static_cast<double>(rows);
    const auto context = static_cast<double>(position + rows);
    // Every new token attends to what is before it and to itself.
    const double pairs = new_rows * (static_cast<double>(position) + (new_rows + 1.0) / 2.0);
    double operations = 2.0 * static_cast<double>(c.vocab_size) * d;
    for (std::int64_t l = 0; l < c.num_hidden_layers; ++l) {
        const double width =
            c.is_dense_layer(l)
                ? static_cast<double>(c.intermediate_size)
                : static_cast<double>((c.num_experts_per_tok + c.n_shared_experts) * c.moe_intermediate_size);
        const double router = c.is_dense_layer(l) ? 0.0 : static_cast<double>(c.n_routed_experts);
        const double projections = d * (heads * static_cast<double>(c.qk_head_dim()) + latent +
                                        static_cast<double>(c.qk_rope_head_dim)) +
                                   heads * static_cast<double>(c.v_head_dim) * d;
        operations += 2.0 * new_rows * (projections + 3.0 * width * d + router * d);
        operations += 2.0 * context * heads * head_widths * latent; // keys and values out of the latents
        operations += 2.0 * pairs * heads * attended;
    }
    return operations;
}

} // namespace gpu
