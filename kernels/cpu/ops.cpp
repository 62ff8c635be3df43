// SPDX-License-Identifier: MIT
#include "kernels/cpu/ops.h"

#include "kernels/cpu/scalar.h"

#include <stdexcept>

namespace kernels::cpu {

Ops::Ops(ThreadPool& pool, Isa isa)
    : m_pool(pool)
    , m_isa(isa)
    , m_primitives(nullptr)
{
    if (!supported(isa))
        throw std::invalid_argument("this processor lacks the instruction set " + std::string(name(isa)));
}

std::int64_t Ops::scratch_bytes() const
{
    return 0;
}

void Ops::embed(View<float> h, const Matrix& table, const Batch& batch)
{
    scalar::embed(m_pool, h, table, batch);
}

void Ops::norm_matmul(View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                      const Matrix& w1)
{
    scalar::norm_matmul(m_pool, x, in, norm, w0, w1);
}

void Ops::mla_prepare_absorbed(View<float> x, View<const float> q, View<const float> kv, const Norm& norm,
                               const KeyValueUp& kv_b, const AttentionShape& shape, const Rope& rope,
                               const Batch& batch, const LayerCache& cache)
{
    scalar::mla_prepare_absorbed(m_pool, x, q, kv, norm, kv_b, shape, rope, batch, cache);
}

void Ops::mla_prepare_decompressed(View<float> q, View<const float> kv, const Norm& norm,
                                   const AttentionShape& shape, const Rope& rope, const Batch& batch,
                                   const LayerCache& cache)
{
    scalar::mla_prepare_decompressed(m_pool, q, kv, norm, shape, rope, batch, cache);
}

void Ops::mla_attend(View<float> x, View<const float> q_latent, const AttentionShape& shape,
                     const Batch& batch, const LayerCache& cache)
{
    scalar::mla_attend(m_pool, x, q_latent, shape, batch, cache);
}

void Ops::mla_value(View<float> x, View<const float> mix, const KeyValueUp& kv_b, const AttentionShape& shape)
{
    scalar::mla_value(m_pool, x, mix, kv_b, shape);
}

void Ops::mla_attend_decompressed(View<float> x, View<const float> q, const KeyValueUp& kv_b,
                                  const AttentionShape& shape, const Batch& batch, const LayerCache& cache)
{
    scalar::mla_attend_decompressed(m_pool, x, q, kv_b, shape, batch, cache);
}

void Ops::matmul_add(View<float> h, View<const float> in, const Matrix& w)
{
    scalar::matmul_add(m_pool, h, in, w);
}

void Ops::norm_gate_up(View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp)
{
    scalar::norm_gate_up(m_pool, x, in, norm, mlp);
}

void Ops::norm_route(View<float> x, const Routing& routing, View<const float> in, const Norm& norm,
                     const Matrix& w, const RoutingRule& rule)
{
    scalar::norm_route(m_pool, x, routing, in, norm, w, rule);
}

void Ops::experts_gate_up(View<float> x, View<const float> in, const Routing& routing, const Experts& experts)
{
    scalar::experts_gate_up(m_pool, x, in, routing, experts);
}

void Ops::experts_down_add(View<float> h, View<const float> in, const Routing& routing,
                           const Experts& experts)
{
    scalar::experts_down_add(m_pool, h, in, routing, experts);
}

void Ops::norm_head(View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
                    const Batch& batch)
{
    scalar::norm_head(m_pool, logits, h, norm, w, batch);
}

} // namespace kernels::cpu
