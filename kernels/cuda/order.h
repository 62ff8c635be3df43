// SPDX-License-Identifier: MIT
// Floats as integers of the same order. For .cu files.
#pragma once

#include "kernels/cuda/numeric.h"

#include <cstdint>

namespace kernels::cuda {

// Higher for a higher number, equal for both zeros, 1 for what is not a number. 0 is left for "none".
__device__ inline std::uint32_t key_of(float value)
{
    if (!(value == value))
        return 1;
    const std::uint32_t bits = __float_as_uint(value + 0.0f); // minus zero becomes zero
    return (bits & 0x80000000u) != 0 ? ~bits : bits | 0x80000000u;
}

__device__ inline float number_of(std::uint32_t key)
{
    return __uint_as_float((key & 0x80000000u) != 0 ? key & 0x7fffffffu : ~key);
}

} // namespace kernels::cuda
