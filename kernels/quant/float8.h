// SPDX-License-Identifier: MIT
// The eight-bit float of DeepSeek-V3's weights, e4m3fn: a sign, four exponent bits with bias 7, three
// fraction bits. The largest number is 448; there is no infinity, and 0x7f and 0xff are NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace kernels {

inline float f8_e4m3_to_f32(std::uint8_t bits)
{
    const std::uint32_t sign = static_cast<std::uint32_t>(bits & 0x80u) << 24;
    const std::uint32_t exponent = (bits >> 3) & 15u;
    const std::uint32_t fraction = bits & 7u;
    if (exponent == 15 && fraction == 7)
        return std::bit_cast<float>(sign | 0x7fc00000u);
    if (exponent == 0) { // zero and subnormals: fraction * 2^-9
        const float magnitude = static_cast<float>(fraction) * 0x1p-9f;
        return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
    }
    return std::bit_cast<float>(sign | ((exponent + 120) << 23) | (fraction << 20));
}

} // namespace kernels
