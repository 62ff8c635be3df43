// SPDX-License-Identifier: MIT
// Stands before CUDA's own header of this name where .cu files are compiled for the emulation.
#pragma once

#include "kernels/quant/float16.h"
#include "tests/cuda/emulation/types.h"

#include <cstdint>

struct __nv_bfloat16
{
    std::uint16_t bits;
};
struct alignas(4) __nv_bfloat162
{
    __nv_bfloat16 x, y;
};

inline float __bfloat162float(__nv_bfloat16 x)
{
    return kernels::bf16_to_f32(x.bits);
}
inline __nv_bfloat16 __float2bfloat16_rn(float x)
{
    return {kernels::f32_to_bf16(x)};
}
inline __nv_bfloat16 __float2bfloat16(float x)
{
    return __float2bfloat16_rn(x);
}
inline unsigned short __bfloat16_as_ushort(__nv_bfloat16 x)
{
    return x.bits;
}
inline __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits)
{
    return {bits};
}
inline float __low2float(__nv_bfloat162 x)
{
    return __bfloat162float(x.x);
}
inline float __high2float(__nv_bfloat162 x)
{
    return __bfloat162float(x.y);
}
inline float2 __bfloat1622float2(__nv_bfloat162 x)
{
    return {__bfloat162float(x.x), __bfloat162float(x.y)};
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y)
{
    return {__float2bfloat16_rn(x), __float2bfloat16_rn(y)};
}
inline __nv_bfloat162 __float22bfloat162_rn(float2 x)
{
    return __floats2bfloat162_rn(x.x, x.y);
}
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y)
{
    return {x, y};
}
