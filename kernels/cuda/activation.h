// SPDX-License-Identifier: MIT
// What happens to activations beside products. For .cu files.
#pragma once

#include "kernels/cuda/numeric.h"

#include <cstdint>
#include <cstring>

namespace kernels::cuda {

__device__ inline float silu(float x)
{
    return x / (1.0f + expf(-x));
}

// Two numbers rounded to nearest, the first in the lower half.
__device__ inline std::uint32_t pack_bf16(float low, float high)
{
    const __nv_bfloat162 pair = __floats2bfloat162_rn(low, high);
    std::uint32_t bits;
    memcpy(&bits, &pair, sizeof bits);
    return bits;
}

} // namespace kernels::cuda
