// SPDX-License-Identifier: MIT
// Weights and activations out of nothing: the same numbers on the device and on the host.
#pragma once

#include "kernels/cuda/runtime.h"
#include "kernels/tensor.h"
#include "tests/gpu/philox.h"

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace gpu {

// What a tensor is filled with. Number i, row by row, is offset + amplitude * u with u uniform in [-1, 1).
// Q8_0 takes quants and scales of their own instead: u is quant / 127 times a scale in [1/2, 1), offset is 0.
struct Filling
{
    std::uint64_t key = 0;
    float amplitude = 1.0f;
    float offset = 0.0f;
};

// Weights of deviation 1 / sqrt(columns), so that products keep the size of their input.
inline Filling weight_filling(std::uint64_t key, std::int64_t columns)
{
    return {key, static_cast<float>(std::sqrt(3.0 / static_cast<double>(columns))), 0.0f};
}

// The words of numbers 8 * group … 8 * group + 7.
GPU_AND_HOST inline Words number_words(const Filling& filling, std::int64_t group)
{
    return random_words(filling.key, 0, static_cast<std::uint64_t>(group));
}

// One rounding on either side, whatever the compiler would contract.
GPU_AND_HOST inline float number_of(const Filling& filling, const Words& words, int i)
{
    return fmaf(filling.amplitude * 0x1p-15f, static_cast<float>(sixteen_bits(words, i)), filling.offset);
}

GPU_AND_HOST inline std::int8_t quant_of(const Words& words, int i)
{
    const std::int32_t quant = sixteen_bits(words, i) >> 8;
    return static_cast<std::int8_t>(quant < -127 ? -127 : quant);
}

// The scale of block `block` of 32 numbers, before it is rounded to f16.
GPU_AND_HOST inline float scale_of(const Filling& filling, std::int64_t block)
{
    const Words words = random_words(filling.key, 1, static_cast<std::uint64_t>(block));
    const auto half = static_cast<float>(words.w[0] & 0xffffu) * 0x1p-17f; // [0, 1/2), exact
    return filling.amplitude / 127.0f * (0.5f + half);
}

// The rows as a file has them. Uses all cores.
void fill_host(const Filling& filling, kernels::Dtype dtype, std::byte* data, std::int64_t rows,
               std::int64_t columns);

// The rows as kernels/cuda/layout.h has them. `data` is aligned to 16 bytes.
void fill_device(const kernels::cuda::Device& device, const Filling& filling, kernels::Dtype dtype,
                 std::byte* data, std::int64_t rows, std::int64_t columns);

} // namespace gpu
