// SPDX-License-Identifier: MIT
// Multi-head latent attention (DeepSeek-V2 paper, section 2.1) in both forms. Letters and meanings as in
// kernels/ops.h; all views and matrices point to device memory, weights lie as kernels/cuda/layout.h says,
// cache rows are F32 or BF16.
#pragma once

#include "kernels/cuda/batch.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"
#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

// Appends [norm(kv[:C]); rotate(kv[C:])] of every row to the cache and writes q_latent (T, H * (C + R)). Any
// number of rows.
void mla_prepare_absorbed(const Device& device, View<float> q_latent, View<const float> q,
                          View<const float> kv, const Norm& norm, const KeyValueUp& kv_b,
                          const AttentionShape& shape, const DeviceBatch& batch, const LayerCache& cache);

// Appends to the cache as above and rotates q_pe of q (T, H * (P + R)) in place.
void mla_prepare_decompressed(const Device& device, View<float> q, View<const float> kv, const Norm& norm,
                              const AttentionShape& shape, const DeviceBatch& batch, const LayerCache& cache);

// How absorbed attention is laid out: every row's context in parts of attend_split_tokens() tokens, each part
// one block of the grid for each group of heads; the parts' results are merged in ascending order. The parts
// depend on the row's own context length and the device alone, never on the other rows, so that a sequence
// gives the same numbers in any batch.
struct AttendPlan
{
    LaunchPlan launch;                // (parts, groups of heads, rows_at_once)
    LaunchPlan merge;                 // no blocks where one part suffices
    std::int64_t rows_at_once = 0;    // as many as keep the partial results small
    std::int64_t most_parts = 1;      // of any context: they fill the GPU
    std::int64_t split_tokens = 0;    // of the longest row
    std::int64_t splits = 0;          // no row up to the longest has more parts
    std::int64_t group_heads = 1;     // heads of one block
    std::int64_t workspace_bytes = 0; // partial results and their maxima and sums
    bool uses_tensor_cores = false;   // C 512, R 64, BF16 cache; otherwise fp32 arithmetic of any shape
};
AttendPlan plan_attend(const AttentionShape& shape, Dtype cache, std::int64_t rows, std::int64_t longest,
                       const DeviceLimits& limits);

// x (T, H * C) = softmax(scale * q_latent . cache rows) mixed over the rows' first C numbers, causal.
void mla_attend(const Device& device, View<float> x, View<const float> q_latent, const AttentionShape& shape,
                const DeviceBatch& batch, const LayerCache& cache, std::byte* workspace);

// x (T, H * V) = per head W_UV mix. Any number of rows.
void mla_value(const Device& device, View<float> x, View<const float> mix, const KeyValueUp& kv_b,
               const AttentionShape& shape);

// x (T, H * V) from rotated q (T, H * (P + R)): keys and values of a group of heads and a stretch of the
// context are expanded into the workspace (by cuBLAS), attended to, and the results of the stretches merged,
// so that the workspace stays bounded for any context.
struct DecompressPlan
{
    std::int64_t heads = 0;  // at a time
    std::int64_t tokens = 0; // of the context at a time
    std::int64_t workspace_bytes = 0;
    bool uses_tensor_cores =
        false; // P 128, R 64, V 128, BF16 cache, no F32 weights; otherwise fp32 arithmetic of any shape
};
DecompressPlan plan_decompress(const AttentionShape& shape, Dtype cache, const KeyValueUp& kv_b,
                               std::int64_t max_rows, std::int64_t longest, const DeviceLimits& limits);
void mla_attend_decompressed(const Device& device, Blas& blas, View<float> x, View<const float> q,
                             const KeyValueUp& kv_b, const AttentionShape& shape, const DeviceBatch& batch,
                             const LayerCache& cache, std::byte* workspace, const DecompressPlan& plan);

} // namespace kernels::cuda
