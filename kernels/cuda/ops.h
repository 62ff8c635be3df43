// SPDX-License-Identifier: MIT
// The operations on a GPU. Shapes and meanings stand in kernels/ops.h; all views and matrices point to the
// memory of the device.
//
// Few rows are served by kernels that read each weight once in its stored form; for more, weights meet tiles
// of rows (cuBLAS, and grouped products of the experts). Everything is queued on the device's stream, nothing
// is waited for.
#pragma once

#include "kernels/cuda/batch.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"
#include "kernels/cuda/workspace.h"
#include "kernels/ops.h"
#include "kernels/sampling.h"

#include <cstdint>
#include <span>

namespace kernels::cuda {

class Ops
{
public:
    using Real = float;

    // Device and library outlive the operations. Throws Failure.
    Ops(const Device& device, Blas& blas, const ModelShape& shape);

    std::int64_t workspace_bytes() const { return m_memory.bytes(); }

    // The ids that choose() may give: 1 there. (N)
    void set_defined(std::span<const std::uint8_t> defined);

    // Copies what the following operations have to know of the batch. Waits for the copy of the last pass.
    void begin(const Batch& batch, const Rope& rope);

    void embed(View<float> h, const Matrix& table, const Batch& batch);
    void norm_matmul(View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                     const Matrix& w1 = {});
    void mla_prepare_absorbed(View<float> x, View<const float> q, View<const float> kv, const Norm& norm,
                              const KeyValueUp& kv_b, const AttentionShape& shape, const Rope& rope,
                              const Batch& batch, const LayerCache& cache);
    void mla_prepare_decompressed(View<float> q, View<const float> kv, const Norm& norm,
                                  const AttentionShape& shape, const Rope& rope, const Batch& batch,
                                  const LayerCache& cache);
    void mla_attend(View<float> x, View<const float> q_latent, const AttentionShape& shape,
                    const Batch& batch, const LayerCache& cache);
    void mla_value(View<float> x, View<const float> mix, const KeyValueUp& kv_b, const AttentionShape& shape);
    void mla_attend_decompressed(View<float> x, View<const float> q, const KeyValueUp& kv_b,
                                 const AttentionShape& shape, const Batch& batch, const LayerCache& cache);
    void matmul_add(View<float> h, View<const float> in, const Matrix& w);
    void norm_gate_up(View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp);
    void norm_route(View<float> x, const Routing& routing, View<const float> in, const Norm& norm,
                    const Matrix& w, const RoutingRule& rule);
    void experts_gate_up(View<float> x, View<const float> in, const Routing& routing, const Experts& experts);
    void experts_down_add(View<float> h, View<const float> in, const Routing& routing,
                          const Experts& experts);
    // batch.output_rows is a part of those that begin() was told.
    void norm_head(View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
                   const Batch& batch);

    // Where the logits of part of the output rows have room: (rows, N).
    View<float> logits(std::int64_t rows) const { return m_workspace.logits.first_rows(rows); }

    // Copies what the choices of this pass have to know, as begin() does.
    void begin_choices(std::span<const TokenChoice> choices);
    // The ids for choices first, first + 1, … from a row of logits for each.
    void choose(View<const float> logits, std::int64_t first);
    // The ids of all choices, on the device.
    const std::int32_t* ids() const { return m_workspace.ids; }

private:
    void multiply(const Product& product);

    const Device& m_device;
    Blas& m_blas;
    ModelShape m_shape;
    DeviceBuffer m_memory;
    Workspace m_workspace;
    PinnedBuffer m_pass; // what begin() copies
    PinnedBuffer m_draw; // what begin_choices() copies
    Event m_pass_copied;
    Event m_draw_copied;
    DeviceBatch m_batch;
    const std::int32_t* m_outputs = nullptr; // output rows of the batch, on the host
    const Draw* m_draws = nullptr;           // on the device
    const std::int32_t* m_recent = nullptr;  // on the device
};
static_assert(kernels::Ops<Ops>);

} // namespace kernels::cuda
