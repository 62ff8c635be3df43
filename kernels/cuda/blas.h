// SPDX-License-Identifier: MIT
// Matrix products of a library: cuBLAS on a GPU, a plain product where the tests emulate one.
#pragma once

#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <memory>

namespace kernels::cuda {

// What both factors are stored as. Sums are in fp32; F32 is multiplied in full precision, not TF32.
enum class Factor : std::uint8_t
{
    f32,
    bf16,
};
constexpr std::int64_t factor_bytes(Factor factor)
{
    return factor == Factor::bf16 ? 2 : 4;
}

// For each b < batch:  y_b (m, n) = x_b (m, k) w_b^T + beta y_b, all row-major, strides in elements. w_b is
// (n, k), or (k, n) where `transposed` (then y = x w). y is fp32, or the factors' type where `narrow`.
struct MatrixProduct
{
    Factor factor = Factor::bf16;
    void* y = nullptr;
    const void* x = nullptr;
    const void* w = nullptr;
    std::int64_t m = 0;
    std::int64_t n = 0;
    std::int64_t k = 0;
    std::int64_t y_stride = 0;
    std::int64_t x_stride = 0;
    std::int64_t w_stride = 0;
    bool is_transposed = false;
    bool is_narrow = false; // y is stored as `factor`; beta must be 0
    float beta = 0.0f;
    std::int64_t batch = 1;
    std::int64_t y_batch = 0; // distance from one product to the next
    std::int64_t x_batch = 0;
    std::int64_t w_batch = 0;
};

class Blas
{
public:
    virtual ~Blas() = default;
    // Queued on the device's stream. Throws Failure.
    virtual void multiply(const MatrixProduct& product) = 0;
    virtual std::int64_t workspace_bytes() const = 0; // device memory that the library takes for itself
};

// Loads the library. Throws Failure with one sentence where it is missing or too old.
std::unique_ptr<Blas> make_blas(const Device& device);

} // namespace kernels::cuda
