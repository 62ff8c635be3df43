// SPDX-License-Identifier: MIT
// CUDA's words and plain types for the C++ compiler. The names are CUDA's; what they mean is written in the
// CUDA C++ programming guide.
#pragma once

#include <cstddef>
#include <cstdint>

#define __host__
#define __device__
#define __global__
#define __constant__
#define __grid_constant__
#define __shared__ static // blocks run one after the other, and each finds what the last one left
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))

#define EMULATION_VECTOR2(name, type, bytes)                                                                 \
    struct alignas(bytes) name                                                                               \
    {                                                                                                        \
        type x, y;                                                                                           \
    };                                                                                                       \
    inline name make_##name(type x, type y)                                                                  \
    {                                                                                                        \
        return {x, y};                                                                                       \
    }
#define EMULATION_VECTOR4(name, type, bytes)                                                                 \
    struct alignas(bytes) name                                                                               \
    {                                                                                                        \
        type x, y, z, w;                                                                                     \
    };                                                                                                       \
    inline name make_##name(type x, type y, type z, type w)                                                  \
    {                                                                                                        \
        return {x, y, z, w};                                                                                 \
    }
EMULATION_VECTOR2(char2, signed char, 2)
EMULATION_VECTOR2(uchar2, unsigned char, 2)
EMULATION_VECTOR2(short2, short, 4)
EMULATION_VECTOR2(ushort2, unsigned short, 4)
EMULATION_VECTOR2(int2, int, 8)
EMULATION_VECTOR2(uint2, unsigned, 8)
EMULATION_VECTOR2(float2, float, 8)
EMULATION_VECTOR2(double2, double, 16)
EMULATION_VECTOR2(longlong2, long long, 16)
EMULATION_VECTOR2(ulonglong2, unsigned long long, 16)
EMULATION_VECTOR4(char4, signed char, 4)
EMULATION_VECTOR4(uchar4, unsigned char, 4)
EMULATION_VECTOR4(short4, short, 8)
EMULATION_VECTOR4(ushort4, unsigned short, 8)
EMULATION_VECTOR4(int4, int, 16)
EMULATION_VECTOR4(uint4, unsigned, 16)
EMULATION_VECTOR4(float4, float, 16)
#undef EMULATION_VECTOR2
#undef EMULATION_VECTOR4

struct float3
{
    float x, y, z;
};
struct int3
{
    int x, y, z;
};
struct uint3
{
    unsigned x, y, z;
};
inline float3 make_float3(float x, float y, float z)
{
    return {x, y, z};
}
inline int3 make_int3(int x, int y, int z)
{
    return {x, y, z};
}
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z)
{
    return {x, y, z};
}

struct dim3
{
    unsigned x = 1;
    unsigned y = 1;
    unsigned z = 1;
    constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1)
        : x(x_)
        , y(y_)
        , z(z_)
    {
    }
};
