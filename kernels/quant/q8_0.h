// SPDX-License-Identifier: MIT
// Q8_0 of GGUF: 32 numbers share one f16 scale; number i is scale * values[i]. The product has at most 19
// significant bits, so it is exact in a float.
#pragma once

#include "kernels/quant/float16.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace kernels {

struct Q8_0Block
{
    std::uint16_t scale = 0; // f16
    std::int8_t values[32] = {};
};
static_assert(sizeof(Q8_0Block) == 34 && alignof(Q8_0Block) == 2);

inline void dequantise(const Q8_0Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(block.values[i]);
}

// The largest magnitude becomes ±127; the others are rounded with the scale that is computed in fp32, half
// away from zero, as the common writers of these files do.
inline Q8_0Block quantise_q8_0(const float* src)
{
    float largest = 0.0f;
    for (int i = 0; i < 32; ++i)
        largest = std::max(largest, std::abs(src[i]));
    const float scale = largest / 127.0f;
    const float inverse = scale > 0.0f ? 1.0f / scale : 0.0f;
    Q8_0Block block;
    block.scale = f32_to_f16(scale);
    for (int i = 0; i < 32; ++i)
        block.values[i] = static_cast<std::int8_t>(std::clamp(std::round(src[i] * inverse), -127.0f, 127.0f));
    return block;
}

} // namespace kernels
