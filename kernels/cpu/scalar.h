// SPDX-License-Identifier: MIT
// The readable definition of every operation of kernels/ops.h, on plain loops with sums in double. Slow on
// purpose: it is what the formulas say and what every faster version is tested against. It also runs the
// model where no vector instruction set is supported.
#pragma once

#include "kernels/cpu/thread_pool.h"
#include "kernels/ops.h"

namespace kernels::cpu::scalar {

void embed(ThreadPool& pool, View<float> h, const Matrix& table, const Batch& batch);
void norm_matmul(ThreadPool& pool, View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                 const Matrix& w1);
void mla_prepare_absorbed(ThreadPool& pool, View<float> x, View<const float> q, View<const float> kv,
                          const Norm& norm, const KeyValueUp& kv_b, const AttentionShape& shape,
                          const Rope& rope, const Batch& batch, const LayerCache& cache);
void mla_prepare_decompressed(ThreadPool& pool, View<float> q, View<const float> kv, const Norm& norm,
                              const AttentionShape& shape, const Rope& rope, const Batch& batch,
                              const LayerCache& cache);
void mla_attend(ThreadPool& pool, View<float> x, View<const float> q_latent, const AttentionShape& shape,
                const Batch& batch, const LayerCache& cache);
void mla_value(ThreadPool& pool, View<float> x, View<const float> mix, const KeyValueUp& kv_b,
               const AttentionShape& shape);
void mla_attend_decompressed(ThreadPool& pool, View<float> x, View<const float> q, const KeyValueUp& kv_b,
                             const AttentionShape& shape, const Batch& batch, const LayerCache& cache);
void matmul_add(ThreadPool& pool, View<float> h, View<const float> in, const Matrix& w);
void norm_gate_up(ThreadPool& pool, View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp);
void norm_route(ThreadPool& pool, View<float> x, const Routing& routing, View<const float> in,
                const Norm& norm, const Matrix& w, const RoutingRule& rule);
void experts_gate_up(ThreadPool& pool, View<float> x, View<const float> in, const Routing& routing,
                     const Experts& experts);
void experts_down_add(ThreadPool& pool, View<float> h, View<const float> in, const Routing& routing,
                      const Experts& experts);
void norm_head(ThreadPool& pool, View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
               const Batch& batch);

} // namespace kernels::cpu::scalar
