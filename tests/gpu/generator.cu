// SPDX-License-Identifier: MIT
#include "tests/gpu/generator.h"

#include "kernels/cuda/launch.h"

#include <algorithm>

namespace gpu {

using kernels::Dtype;
using kernels::cuda::launch;
using kernels::cuda::LaunchPlan;

namespace {

constexpr std::int64_t threads = 256;

template <Dtype D> __device__ void store(std::byte* data, std::int64_t i, float value)
{
    if constexpr (D == Dtype::f32)
        reinterpret_cast<float*>(data)[i] = value;
    else if constexpr (D == Dtype::f16)
        reinterpret_cast<__half*>(data)[i] = __float2half_rn(value);
    else
        reinterpret_cast<__nv_bfloat16*>(data)[i] = __float2bfloat16_rn(value);
}

// One thread for eight numbers, then on to the next ones a grid away.
template <Dtype D> __global__ void fill_numbers(Filling filling, std::byte* data, std::int64_t numbers)
{
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    std::int64_t group = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (; 8 * group < numbers; group += step) {
        const Words words = number_words(filling, group);
        for (int i = 0; i < 8; ++i)
            if (8 * group + i < numbers)
                store<D>(data, 8 * group + i, number_of(filling, words, i));
    }
}

// One thread for a block of 32 numbers; the row's scales stand behind its quants.
__global__ void fill_q8_0(Filling filling, std::byte* data, std::int64_t rows, std::int64_t columns)
{
    const std::int64_t blocks_of_row = columns / 32;
    const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
    std::int64_t b = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
    for (; b < rows * blocks_of_row; b += step) {
        std::byte* row = data + b / blocks_of_row * (blocks_of_row * 34);
        const std::int64_t place = b % blocks_of_row;
        for (int part = 0; part < 4; ++part) {
            const Words words = number_words(filling, 4 * b + part);
            for (int i = 0; i < 8; ++i)
                row[32 * place + 8 * part + i] = static_cast<std::byte>(quant_of(words, i));
        }
        reinterpret_cast<__half*>(row + columns)[place] = __float2half_rn(scale_of(filling, b));
    }
}

LaunchPlan plan_fill(const kernels::cuda::Device& device, std::int64_t items)
{
    const std::int64_t most = 16 * device.limits().multiprocessors;
    LaunchPlan plan;
    plan.grid[0] = static_cast<std::uint32_t>(std::min(kernels::cuda::divide_up(items, threads), most));
    plan.threads = threads;
    return plan;
}

} // namespace

void fill_device(const kernels::cuda::Device& device, const Filling& filling, Dtype dtype, std::byte* data,
                 std::int64_t rows, std::int64_t columns)
{
    const std::int64_t numbers = rows * columns;
    const LaunchPlan plan = plan_fill(
        device, dtype == Dtype::q8_0 ? numbers / 32 : kernels::cuda::divide_up<std::int64_t>(numbers, 8));
    switch (dtype) {
    case Dtype::f32:
        return launch(device, plan, fill_numbers<Dtype::f32>, filling, data, numbers);
    case Dtype::f16:
        return launch(device, plan, fill_numbers<Dtype::f16>, filling, data, numbers);
    case Dtype::bf16:
        return launch(device, plan, fill_numbers<Dtype::bf16>, filling, data, numbers);
    case Dtype::q8_0:
        return launch(device, plan, fill_q8_0, filling, data, rows, columns);
    default: // is not served
        return;
    }
}

} // namespace gpu
