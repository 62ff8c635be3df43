// SPDX-License-Identifier: MIT
#include "kernels/cuda/dense.h"

#include <algorithm>

namespace kernels::cuda {

namespace {

constexpr std::int64_t converted_bytes = std::int64_t{32}
                                         << 20; // about what the L2 cache of a large GPU holds
constexpr std::int64_t gate_columns = 2048;     // of all rows at a time

} // namespace

DensePlan plan_dense(std::int64_t max_rows, std::int64_t max_columns)
{
    DensePlan plan;
    plan.slice_bytes =
        std::max(converted_bytes, round_up(max_columns * factor_bytes(Factor::bf16), matrix_alignment));
    plan.rows_bytes = round_up(max_rows * max_columns * factor_bytes(Factor::f32), matrix_alignment);
    plan.gate_bytes =
        round_up(max_rows * gate_columns * static_cast<std::int64_t>(sizeof(float)), matrix_alignment);
    return plan;
}

std::int64_t rows_per_slice(std::int64_t bytes, std::int64_t row_bytes)
{
    const std::int64_t rows = std::max<std::int64_t>(1, bytes / row_bytes);
    return rows < 64 ? rows : rows / 64 * 64;
}

} // namespace kernels::cuda
