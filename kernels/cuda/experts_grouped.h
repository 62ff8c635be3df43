// SPDX-License-Identifier: MIT
// The experts of many rows (prompts): (token, slot) pairs are sorted by expert on the device, and each
// expert's matrix meets all its tokens in tiles. No host round trip; the order within an expert is ascending
// by token, so that the numbers of a row do not depend on the others.
#pragma once

#include "kernels/cuda/products.h"
#include "kernels/cuda/runtime.h"
#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

struct GroupedPlan
{
    LaunchPlan sort;
    LaunchPlan gate_up;
    LaunchPlan down; // of `down_columns` columns
    std::int64_t tile_rows = 0;
    std::int64_t down_columns = 0;  // columns of h that are produced at a time
    std::int64_t sort_bytes = 0;    // offsets (E + 1) and pairs (T * K)
    std::int64_t rows_bytes = 0;    // x (T, d), later hidden (T, K * F), in BF16 for the tensor cores
    std::int64_t down_bytes = 0;    // (T, K, down_columns) fp32, before they are summed in slot order
    bool uses_tensor_cores = false; // BF16, F16 and Q8_0 weights of fitting shapes; otherwise fp32 arithmetic
    std::int64_t workspace_bytes() const { return sort_bytes + rows_bytes + down_bytes; }
};
// For up to `rows` rows; more rows never need less workspace.
GroupedPlan plan_grouped(std::int64_t rows, std::int64_t experts_per_tok, const DeviceExperts& experts,
                         const DeviceLimits& limits);

// hidden (T, K * F + shared width): columns 0 … K * F alone; the shared expert is a dense product.
void grouped_gate_up(const Device& device, View<float> hidden, View<const float> x, const Routing& routing,
                     const DeviceExperts& experts, std::byte* workspace, const GroupedPlan& plan);

// h (T, d) += sum over k, ascending, of weight[k] * (down of expert[k]). After grouped_gate_up of the same
// routing, whose order it finds in the workspace.
void grouped_down_add(const Device& device, View<float> h, View<const float> hidden, const Routing& routing,
                      const DeviceExperts& experts, std::byte* workspace, const GroupedPlan& plan);

} // namespace kernels::cuda
