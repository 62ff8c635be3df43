// SPDX-License-Identifier: MIT
// Matrix products of a library: cuBLAS on a GPU, a plain product where the tests emulate one.
#pragma once

#include "kernels/cuda/runtime.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

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

// The names that cuBLAS is tried under, in order: beside the module, with the toolkit that the module was
// built with, where the system looks. An empty folder is left out.
std::vector<std::string> cublas_names(const std::string& module_folder, const std::string& toolkit_folder,
                                      int cuda_major);
// The sentence that says that none of them was found.
std::string cublas_is_missing(int cuda_major);

// Device memory that cuBLAS works in, so that it takes none by itself and its results can be repeated.
std::int64_t cublas_workspace_bytes(const DeviceLimits& limits);

} // namespace kernels::cuda
