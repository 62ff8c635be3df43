// SPDX-License-Identifier: MIT
#include "kernels/cuda/ops.h"

#include "kernels/cuda/attention.h"
#include "kernels/cuda/dense.h"
#include "kernels/cuda/experts_grouped.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/sample.h"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace kernels::cuda {

Ops::Ops(const Device& device, Blas& blas, const ModelShape& shape)
    : m_device(device)
    , m_blas(blas)
    , m_shape(shape)
    , m_memory(device, Workspace(shape, device.limits(), nullptr).bytes)
    , m_workspace(shape, device.limits(), m_memory.data())
    , m_pass(m_workspace.pass_bytes)
    , m_draw(m_workspace.draw_bytes)
    , m_pass_copied(device)
    , m_draw_copied(device)
{
}

void Ops::set_defined(std::span<const std::uint8_t> defined)
{
    copy_to_device(m_device, m_workspace.defined, defined.data(), static_cast<std::int64_t>(defined.size()));
}

void Ops::begin(const Batch& batch, const Rope& rope)
{
    const std::int64_t rows = batch.rows();
    const std::int64_t rotary_dim = m_shape.attention.qk_rope_head_dim;
    std::int64_t block_count = 0;
    for (const Segment& segment : batch.segments)
        block_count += divide_up(segment.position + segment.count, cache_block_tokens);
    assert(rows <= m_shape.max_rows && block_count <= m_shape.cache_blocks);

    m_pass_copied.wait(); // a pass that was stopped may not have been waited for
    const PassData host(rows, block_count, rotary_dim, m_pass.data());
    std::copy(batch.tokens.begin(), batch.tokens.end(), host.token);
    std::copy(batch.positions.begin(), batch.positions.end(), host.position);
    std::copy(batch.output_rows.begin(), batch.output_rows.end(), host.output_rows);
    std::int64_t first_block = 0;
    std::int64_t longest = 0;
    for (const Segment& segment : batch.segments) {
        const std::int64_t end = segment.position + segment.count;
        const std::int64_t own = divide_up(end, cache_block_tokens);
        std::fill_n(host.first_block + segment.first_row, segment.count,
                    static_cast<std::int32_t>(first_block));
        std::copy_n(segment.blocks.begin(), own, host.blocks + first_block);
        first_block += own;
        longest = std::max(longest, end);
    }
    float* rotation = host.rotation;
    for (const std::int32_t position : batch.positions) {
        for (const double frequency : rope.frequency) {
            const double angle = position * frequency;
            *rotation++ = static_cast<float>(std::cos(angle) * static_cast<double>(rope.magnitude));
            *rotation++ = static_cast<float>(std::sin(angle) * static_cast<double>(rope.magnitude));
        }
    }
    copy_to_device(m_device, m_workspace.pass, m_pass.data(), host.bytes);
    m_pass_copied.record();

    const PassData data(rows, block_count, rotary_dim, m_workspace.pass);
    m_batch.rows = rows;
    m_batch.outputs = static_cast<std::int64_t>(batch.output_rows.size());
    m_batch.token = data.token;
    m_batch.position = data.position;
    m_batch.first_block = data.first_block;
    m_batch.blocks = data.blocks;
    m_batch.output_rows = data.output_rows;
    m_batch.rotation = data.rotation;
    m_batch.longest = longest;
    m_batch.segments = batch.segments;
    m_outputs = batch.output_rows.data();
}

void Ops::multiply(const Product& product)
{
    if (product.y.rows <= max_vector_rows)
        cuda::multiply(m_device, product);
    else
        multiply_dense(m_device, m_blas, product, m_workspace.dense, m_workspace.dense_plan);
}

void Ops::embed(View<float> h, const Matrix& table, const Batch&)
{
    cuda::embed(m_device, h, table, m_batch);
}

void Ops::norm_matmul(View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                      const Matrix& w1)
{
    multiply({.y = x, .x = in, .norm = norm, .w0 = w0, .w1 = w1});
}

void Ops::mla_prepare_absorbed(View<float> x, View<const float> q, View<const float> kv, const Norm& norm,
                               const KeyValueUp& kv_b, const AttentionShape& shape, const Rope&, const Batch&,
                               const LayerCache& cache)
{
    cuda::mla_prepare_absorbed(m_device, x, q, kv, norm, kv_b, shape, m_batch, cache);
}

void Ops::mla_prepare_decompressed(View<float> q, View<const float> kv, const Norm& norm,
                                   const AttentionShape& shape, const Rope&, const Batch&,
                                   const LayerCache& cache)
{
    cuda::mla_prepare_decompressed(m_device, q, kv, norm, shape, m_batch, cache);
}

void Ops::mla_attend(View<float> x, View<const float> q_latent, const AttentionShape& shape, const Batch&,
                     const LayerCache& cache)
{
    cuda::mla_attend(m_device, x, q_latent, shape, m_batch, cache, m_workspace.attention);
}

void Ops::mla_value(View<float> x, View<const float> mix, const KeyValueUp& kv_b, const AttentionShape& shape)
{
    cuda::mla_value(m_device, x, mix, kv_b, shape);
}

void Ops::mla_attend_decompressed(View<float> x, View<const float> q, const KeyValueUp& kv_b,
                                  const AttentionShape& shape, const Batch&, const LayerCache& cache)
{
    const DecompressPlan plan = plan_decompress(shape, cache.dtype, kv_b, m_shape.max_rows,
                                                m_shape.context_tokens, m_device.limits());
    cuda::mla_attend_decompressed(m_device, m_blas, x, q, kv_b, shape, m_batch, cache, m_workspace.attention,
                                  plan);
}

void Ops::matmul_add(View<float> h, View<const float> in, const Matrix& w)
{
    multiply({.y = h, .x = in, .norm = {}, .w0 = w, .w1 = {}, .store = Store::add});
}

void Ops::norm_gate_up(View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp)
{
    const GatedProduct product{.y = x, .x = in, .norm = norm, .gate = mlp.gate, .up = mlp.up};
    if (x.rows <= max_vector_rows)
        multiply_gated(m_device, product);
    else
        multiply_gated_dense(m_device, m_blas, product, m_workspace.dense, m_workspace.dense_plan);
}

void Ops::norm_route(View<float> x, const Routing& routing, View<const float> in, const Norm& norm,
                     const Matrix& w, const RoutingRule& rule)
{
    cuda::norm_route(m_device, x, routing, in, norm, w, rule, m_workspace.scores.first_rows(x.rows));
}

void Ops::experts_gate_up(View<float> x, View<const float> in, const Routing& routing, const Experts& experts)
{
    const DeviceExperts own = device_experts(experts);
    if (x.rows <= max_vector_rows) {
        cuda::experts_gate_up(m_device, x, in, routing, own);
        return;
    }
    const GroupedPlan plan = plan_grouped(x.rows, routing.expert.columns, own, m_device.limits());
    grouped_gate_up(m_device, x, in, routing, own, m_workspace.grouped, plan);
    if (own.shared.gate) {
        const std::int64_t routed = routing.expert.columns * own.gate.rows;
        norm_gate_up(x.slice_columns(routed, own.shared.gate.rows), in, {}, own.shared);
    }
}

void Ops::experts_down_add(View<float> h, View<const float> in, const Routing& routing,
                           const Experts& experts)
{
    const DeviceExperts own = device_experts(experts);
    if (h.rows <= max_vector_rows) {
        cuda::experts_down_add(m_device, h, in, routing, own);
        return;
    }
    if (own.shared.gate) {
        const std::int64_t routed = routing.expert.columns * own.gate.rows;
        matmul_add(h, in.slice_columns(routed, own.shared.down.columns), own.shared.down);
    }
    const GroupedPlan plan = plan_grouped(h.rows, routing.expert.columns, own, m_device.limits());
    grouped_down_add(m_device, h, in, routing, own, m_workspace.grouped, plan);
}

void Ops::norm_head(View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
                    const Batch& batch)
{
    const std::int32_t* rows = m_batch.output_rows + (batch.output_rows.data() - m_outputs);
    multiply({.y = logits, .x = h, .norm = norm, .w0 = w, .w1 = {}, .gather = rows});
}

void Ops::begin_choices(std::span<const TokenChoice> choices)
{
    std::int64_t recent_count = 0;
    for (const TokenChoice& choice : choices)
        recent_count += static_cast<std::int64_t>(choice.recent.size());
    const auto count = static_cast<std::int64_t>(choices.size());

    m_draw_copied.wait();
    const DrawData host(count, recent_count, m_draw.data());
    assert(host.bytes <= m_draw.bytes());
    std::int32_t* recent = host.recent;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        const TokenChoice& choice = choices[i];
        host.draws[i] = {.temperature = choice.draw.temperature,
                         .top_k = choice.draw.top_k,
                         .top_p = choice.draw.top_p,
                         .min_p = choice.draw.min_p,
                         .repeat_penalty = choice.draw.repeat_penalty,
                         .recent_first = static_cast<std::int32_t>(recent - host.recent),
                         .recent_count = static_cast<std::int32_t>(choice.recent.size()),
                         .uniform = choice.draw.uniform};
        recent = std::copy(choice.recent.begin(), choice.recent.end(), recent);
    }
    copy_to_device(m_device, m_workspace.draw, m_draw.data(), host.bytes);
    m_draw_copied.record();
    const DrawData data(count, recent_count, m_workspace.draw);
    m_draws = data.draws;
    m_recent = data.recent;
}

void Ops::choose(View<const float> logits, std::int64_t first)
{
    sample(m_device, m_workspace.ids + first, logits, m_draws + first, m_recent, m_workspace.defined,
           m_workspace.sampling);
}

} // namespace kernels::cuda
