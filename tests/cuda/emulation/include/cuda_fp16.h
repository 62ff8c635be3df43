// SPDX-License-Identifier: MIT
// Stands before CUDA's own header of this name where .cu files are compiled for the emulation.
#pragma once

#include "kernels/quant/float16.h"
#include "tests/cuda/emulation/types.h"

#include <cstdint>

struct __half
{
    std::uint16_t bits;
};
struct alignas(4) __half2
{
    __half x, y;
};
using half = __half;
using half2 = __half2;

inline float __half2float(__half x)
{
    return kernels::f16_to_f32(x.bits);
}
inline __half __float2half_rn(float x)
{
    return {kernels::f32_to_f16(x)};
}
inline __half __float2half(float x)
{
    return __float2half_rn(x);
}
inline unsigned short __half_as_ushort(__half x)
{
    return x.bits;
}
inline __half __ushort_as_half(unsigned short bits)
{
    return {bits};
}
inline float __low2float(__half2 x)
{
    return __half2float(x.x);
}
inline float __high2float(__half2 x)
{
    return __half2float(x.y);
}
inline float2 __half22float2(__half2 x)
{
    return {__half2float(x.x), __half2float(x.y)};
}
inline __half2 __floats2half2_rn(float x, float y)
{
    return {__float2half_rn(x), __float2half_rn(y)};
}
