// SPDX-License-Identifier: MIT
#include "kernels/cuda/dense.h"

#include "kernels/cuda/activation.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/numeric.h"

#include <algorithm>

namespace kernels::cuda {

namespace {

constexpr int threads = 256;
constexpr int blocks_per_multiprocessor = 16; // of kernels that only move numbers

template <Factor F> __device__ void store1(void* row, std::int64_t c, float value)
{
    if constexpr (F == Factor::bf16)
        static_cast<__nv_bfloat16*>(row)[c] = __float2bfloat16(value);
    else
        static_cast<float*>(row)[c] = value;
}

// Four numbers of a row, whose place is aligned to four numbers.
template <Factor F> __device__ void store4(void* row, std::int64_t c, const float (&values)[4])
{
    if constexpr (F == Factor::bf16)
        *reinterpret_cast<uint2*>(static_cast<__nv_bfloat16*>(row) + c) =
            make_uint2(pack_bf16(values[0], values[1]), pack_bf16(values[2], values[3]));
    else
        *reinterpret_cast<float4*>(static_cast<float*>(row) + c) =
            make_float4(values[0], values[1], values[2], values[3]);
}

struct RowsTask
{
    void* out = nullptr; // (rows, columns)
    const float* x = nullptr;
    std::int64_t stride = 0;
    int columns = 0;
    const float* norm = nullptr;
    float eps = 0.0f;
    const std::int32_t* gather = nullptr;
    bool is_vector = false; // everything is aligned to four numbers
};

__device__ void load4(const RowsTask& task, const float* row, int c, float (&values)[4])
{
    if (task.is_vector) {
        const float4 four = *reinterpret_cast<const float4*>(row + c);
        values[0] = four.x;
        values[1] = four.y;
        values[2] = four.z;
        values[3] = four.w;
        return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i)
        values[i] = c + i < task.columns ? row[c + i] : 0.0f;
}

// One block for each row.
template <Factor F> __global__ void __launch_bounds__(threads) rows_to_factor(RowsTask task)
{
    __shared__ float sums[32];
    const std::int64_t t = blockIdx.x;
    const float* x = task.x + (task.gather ? task.gather[t] : t) * task.stride;
    const int first = 4 * static_cast<int>(threadIdx.x);
    float values[4];
    float scale = 1.0f;
    if (task.norm) {
        float squares = 0.0f;
        for (int c = first; c < task.columns; c += 4 * threads) {
            load4(task, x, c, values);
            squares += (values[0] * values[0] + values[1] * values[1]) +
                       (values[2] * values[2] + values[3] * values[3]);
        }
        const float mean = block_sum(squares, sums) / static_cast<float>(task.columns);
        scale = 1.0f / sqrtf(mean + task.eps);
    }
    const std::int64_t out = t * task.columns;
    for (int c = first; c < task.columns; c += 4 * threads) {
        load4(task, x, c, values);
        const int count = min(4, task.columns - c);
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (task.norm && i < count)
                values[i] *= scale * task.norm[c + i];
        if (task.is_vector) {
            store4<F>(task.out, out + c, values);
        } else {
#pragma unroll
            for (int i = 0; i < 4; ++i)
                if (i < count)
                    store1<F>(task.out, out + c + i, values[i]);
        }
    }
}

struct WeightsTask
{
    void* out = nullptr; // (rows, columns)
    const std::byte* w = nullptr;
    std::int64_t row_bytes = 0;
    std::int64_t rows = 0;
    int columns = 0;
    bool is_vector = false; // rows of w and out are aligned to eight numbers
};

// Threads take eight columns each, blocks every gridDim.y-th row.
template <Dtype D, Factor F> __global__ void __launch_bounds__(threads) convert_weights(WeightsTask task)
{
    const int c = 8 * static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
    if (c >= task.columns)
        return;
    for (std::int64_t r = blockIdx.y; r < task.rows; r += gridDim.y) {
        const std::byte* row = task.w + r * task.row_bytes;
        const std::int64_t out = r * task.columns + c;
        float values[8];
        if (task.is_vector) {
            load8<D>(row, task.columns, c, values);
            store4<F>(task.out, out, {values[0], values[1], values[2], values[3]});
            store4<F>(task.out, out + 4, {values[4], values[5], values[6], values[7]});
            continue;
        }
        load8_any<D>(row, task.columns, c, values);
        for (int i = 0; i < 8 && c + i < task.columns; ++i)
            store1<F>(task.out, out + i, values[i]);
    }
}

// y = silu(y) * up; one block for `threads` numbers of a row.
__global__ void __launch_bounds__(threads)
    multiply_by_silu(float* y, std::int64_t stride, const float* up, int columns)
{
    const std::int64_t t = blockIdx.x;
    const int c = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    if (c >= columns)
        return;
    float* gate = y + t * stride + c;
    *gate = silu(*gate) * up[t * columns + c];
}

bool is_aligned_to(const void* data, std::int64_t bytes)
{
    return reinterpret_cast<std::uintptr_t>(data) % static_cast<std::uintptr_t>(bytes) == 0;
}

bool is_stored_as_factor(Dtype dtype)
{
    return dtype == Dtype::f32 || dtype == Dtype::bf16;
}

// Rows ready for the library.
struct Rows
{
    Factor factor = Factor::bf16;
    const void* data = nullptr;
    std::int64_t stride = 0;
};

// x as `factor`, in `workspace` unless it already is.
Rows rows_as(const Device& device, Factor factor, View<const float> x, std::int64_t rows, const Norm& norm,
             const std::int32_t* gather, std::byte* workspace)
{
    if (factor == Factor::f32 && !norm.weight && !gather)
        return {factor, x.data, x.stride};
    to_factor(device, {factor, workspace, rows, x.columns}, x, norm, gather);
    return {factor, workspace, x.columns};
}

// y (T, w.rows) = or += rows w^T, where w or the slice of it that this is fits `converted` if it has to be
// converted.
void multiply_slice(const Device& device, Blas& blas, View<float> y, const Rows& rows, const Matrix& w,
                    Store store, std::byte* converted)
{
    const void* weights = w.data;
    if (!is_stored_as_factor(w.dtype)) {
        weights_to_factor(device, rows.factor, converted, w);
        weights = converted;
    }
    MatrixProduct product;
    product.factor = rows.factor;
    product.y = y.data;
    product.x = rows.data;
    product.w = weights;
    product.m = y.rows;
    product.n = w.rows;
    product.k = w.columns;
    product.y_stride = y.stride;
    product.x_stride = rows.stride;
    product.w_stride = w.columns;
    product.beta = store == Store::add ? 1.0f : 0.0f;
    blas.multiply(product);
}

// Rows of `w` that are multiplied at a time.
std::int64_t slice_rows(const Matrix& w, const DensePlan& plan)
{
    if (is_stored_as_factor(w.dtype))
        return w.rows;
    return std::min(w.rows, rows_per_slice(plan.slice_bytes, w.columns * factor_bytes(factor_of(w.dtype))));
}

} // namespace

void to_factor(const Device& device, const FactorRows& out, View<const float> x, const Norm& norm,
               const std::int32_t* gather)
{
    RowsTask task;
    task.out = out.data;
    task.x = x.data;
    task.stride = x.stride;
    task.columns = static_cast<int>(out.columns);
    task.norm = reinterpret_cast<const float*>(norm.weight.data);
    task.eps = norm.eps;
    task.gather = gather;
    task.is_vector = out.columns % 4 == 0 && x.stride % 4 == 0 && is_aligned_to(x.data, 16) &&
                     is_aligned_to(out.data, 4 * factor_bytes(out.factor));
    const LaunchPlan plan{{static_cast<std::uint32_t>(out.rows), 1, 1}, threads, 0};
    launch(device, plan,
           out.factor == Factor::bf16 ? rows_to_factor<Factor::bf16> : rows_to_factor<Factor::f32>, task);
}

void weights_to_factor(const Device& device, Factor factor, void* out, const Matrix& w)
{
    if (w.rows == 0)
        return;
    WeightsTask task;
    task.out = out;
    task.w = w.data;
    task.row_bytes = w.row_bytes();
    task.rows = w.rows;
    task.columns = static_cast<int>(w.columns);
    task.is_vector = is_aligned(w) && is_aligned_to(out, 16);
    LaunchPlan plan;
    plan.threads = threads;
    plan.grid[0] = static_cast<std::uint32_t>(divide_up<std::int64_t>(w.columns, 8 * threads));
    plan.grid[1] = static_cast<std::uint32_t>(
        std::min<std::int64_t>(w.rows, device.limits().multiprocessors * blocks_per_multiprocessor));
    with_dtype(w.dtype, [&]<Dtype D>() {
        launch(device, plan,
               factor == Factor::bf16 ? convert_weights<D, Factor::bf16> : convert_weights<D, Factor::f32>,
               task);
    });
}

void multiply_dense(const Device& device, Blas& blas, const Product& product, std::byte* workspace,
                    const DensePlan& plan)
{
    const std::int64_t rows = product.y.rows;
    if (rows == 0)
        return;
    std::byte* converted = workspace;
    std::byte* row_memory = workspace + plan.slice_bytes;
    Rows ready;
    std::int64_t column = 0;
    for (const Matrix& w : {product.w0, product.w1}) {
        if (!w)
            continue;
        const Factor factor = factor_of(w.dtype);
        if (!ready.data || ready.factor != factor)
            ready = rows_as(device, factor, product.x, rows, product.norm, product.gather, row_memory);
        const std::int64_t step = slice_rows(w, plan);
        for (std::int64_t r = 0; r < w.rows; r += step) {
            const Matrix slice = w.slice(r, std::min(step, w.rows - r));
            multiply_slice(device, blas, product.y.slice_columns(column + r, slice.rows), ready, slice,
                           product.store, converted);
        }
        column += w.rows;
    }
}

void multiply_gated_dense(const Device& device, Blas& blas, const GatedProduct& product, std::byte* workspace,
                          const DensePlan& plan)
{
    const std::int64_t rows = product.y.rows;
    const std::int64_t width = product.gate.rows;
    if (rows == 0)
        return;
    std::byte* converted = workspace;
    std::byte* row_memory = converted + plan.slice_bytes;
    auto* up_memory = reinterpret_cast<float*>(row_memory + plan.rows_bytes);
    const std::int64_t fitting =
        rows_per_slice(plan.gate_bytes, rows * static_cast<std::int64_t>(sizeof(float)));
    const std::int64_t step =
        std::min({fitting, slice_rows(product.gate, plan), slice_rows(product.up, plan)});
    Rows ready;
    const auto multiply_half = [&](View<float> y, const Matrix& w) {
        const Factor factor = factor_of(w.dtype);
        if (!ready.data || ready.factor != factor)
            ready = rows_as(device, factor, product.x, rows, product.norm, nullptr, row_memory);
        multiply_slice(device, blas, y, ready, w, Store::assign, converted);
    };
    for (std::int64_t c = 0; c < width; c += step) {
        const std::int64_t count = std::min(step, width - c);
        const View<float> gate = product.y.slice_columns(c, count);
        const View<float> up{up_memory, rows, count, count};
        multiply_half(gate, product.gate.slice(c, count));
        multiply_half(up, product.up.slice(c, count));
        LaunchPlan silu_plan;
        silu_plan.threads = threads;
        silu_plan.grid[0] = static_cast<std::uint32_t>(rows);
        silu_plan.grid[1] = static_cast<std::uint32_t>(divide_up<std::int64_t>(count, threads));
        launch(device, silu_plan, multiply_by_silu, gate.data, gate.stride, up.data, static_cast<int>(count));
    }
}

} // namespace kernels::cuda
