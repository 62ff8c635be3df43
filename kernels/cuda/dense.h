// SPDX-License-Identifier: MIT
// Products of many rows (prompts): rows and weights become factors of kernels/cuda/blas.h, BF16 where the
// weights are BF16, F16 or Q8_0 (the published weights are BF16, so an F16 copy of them loses nothing), F32
// where they are F32. Weights that are not stored as a factor are converted slice by slice in bounded
// workspace.
#pragma once

#include "kernels/cuda/blas.h"
#include "kernels/cuda/layout.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/runtime.h"
#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

constexpr Factor factor_of(Dtype weights)
{
    return weights == Dtype::f32 ? Factor::f32 : Factor::bf16;
}

// Rows as a factor: (rows, columns) without gaps.
struct FactorRows
{
    Factor factor = Factor::bf16;
    void* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
};

// out = x, normed first where `norm` has a weight; with `gather` from the rows of x that it names.
void to_factor(const Device& device, const FactorRows& out, View<const float> x, const Norm& norm = {},
               const std::int32_t* gather = nullptr);

// out (w.rows * w.columns) = w as numbers of `factor`.
void weights_to_factor(const Device& device, Factor factor, void* out, const Matrix& w);

struct DensePlan
{
    std::int64_t slice_bytes = 0; // of converted weights
    std::int64_t rows_bytes = 0;  // of the rows as a factor
    std::int64_t gate_bytes = 0;  // of the up half of a gated product
    std::int64_t workspace_bytes() const { return slice_bytes + rows_bytes + gate_bytes; }
};
// For products of at most `max_rows` rows whose matrices have at most `max_columns` columns.
DensePlan plan_dense(std::int64_t max_rows, std::int64_t max_columns);

// How many rows of `row_bytes` each a slice of at most `bytes` has: one at least, and whole tiles of 64 where
// there are as many.
std::int64_t rows_per_slice(std::int64_t bytes, std::int64_t row_bytes);

// As multiply() and multiply_gated() of kernels/cuda/products.h, for any number of rows up to the plan's.
void multiply_dense(const Device& device, Blas& blas, const Product& product, std::byte* workspace,
                    const DensePlan& plan);
void multiply_gated_dense(const Device& device, Blas& blas, const GatedProduct& product, std::byte* workspace,
                          const DensePlan& plan);

} // namespace kernels::cuda
