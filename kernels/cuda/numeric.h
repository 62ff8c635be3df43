// SPDX-License-Identifier: MIT
// Numbers of a weight row as floats, and sums over a warp or block in a fixed order. For .cu files.
#pragma once

#include "kernels/cuda/layout.h"
#include "kernels/cuda/plan.h"
#include "kernels/tensor.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cassert>
#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

// Calls f.operator()<D>() with the format, one of those that are served, as a constant.
template <class F> void with_dtype(Dtype dtype, F&& f)
{
    switch (dtype) {
    case Dtype::f32:
        return f.template operator()<Dtype::f32>();
    case Dtype::f16:
        return f.template operator()<Dtype::f16>();
    case Dtype::bf16:
        return f.template operator()<Dtype::bf16>();
    case Dtype::q8_0:
        return f.template operator()<Dtype::q8_0>();
    default:
        assert(is_served(dtype));
    }
}

constexpr unsigned all_lanes = 0xffffffffu;

__device__ inline int lane_index()
{
    return static_cast<int>(threadIdx.x) % warp_size;
}
__device__ inline int warp_index()
{
    return static_cast<int>(threadIdx.x) / warp_size;
}

// ---- one number or eight of a row that lies as kernels/cuda/layout.h says ---------------------------------

// Little-endian bits from any address.
__device__ inline std::uint16_t load_bits16(const std::byte* at)
{
    return static_cast<std::uint16_t>(static_cast<unsigned>(at[0]) | static_cast<unsigned>(at[1]) << 8);
}
__device__ inline std::uint32_t load_bits32(const std::byte* at)
{
    return load_bits16(at) | static_cast<std::uint32_t>(load_bits16(at + 2)) << 16;
}

__device__ inline float f16_bits_to_float(std::uint16_t bits)
{
    return __half2float(__ushort_as_half(bits));
}
__device__ inline float bf16_bits_to_float(std::uint32_t bits)
{
    return __uint_as_float(bits << 16);
}

// Number c of a row of `columns`, which may begin at any address.
template <Dtype D> __device__ inline float load1(const std::byte* row, int columns, int c)
{
    if constexpr (D == Dtype::f32)
        return __uint_as_float(load_bits32(row + 4 * static_cast<std::int64_t>(c)));
    else if constexpr (D == Dtype::f16)
        return f16_bits_to_float(load_bits16(row + 2 * static_cast<std::int64_t>(c)));
    else if constexpr (D == Dtype::bf16)
        return bf16_bits_to_float(load_bits16(row + 2 * static_cast<std::int64_t>(c)));
    else
        return f16_bits_to_float(load_bits16(row + columns + 2 * (c / 32))) *
               static_cast<float>(static_cast<signed char>(row[c]));
}

// Eight numbers as they are stored: read early with fetch8, used late with unpack8, so that many reads are in
// flight.
template <Dtype D> struct Packed8
{
    uint4 bits;
};
template <> struct Packed8<Dtype::f32>
{
    float4 low;
    float4 high;
};
template <> struct Packed8<Dtype::q8_0>
{
    uint2 quants;
    std::uint16_t scale; // f16
};

// Numbers c … c + 7 of a row; c is a multiple of 8 and the matrix is_aligned().
template <Dtype D> __device__ inline Packed8<D> fetch8(const std::byte* row, int columns, int c)
{
    if constexpr (D == Dtype::f32) {
        const auto* at = reinterpret_cast<const float4*>(row + 4 * static_cast<std::int64_t>(c));
        return {__ldg(at), __ldg(at + 1)};
    } else if constexpr (D == Dtype::q8_0) {
        return {__ldg(reinterpret_cast<const uint2*>(row + c)),
                __ldg(reinterpret_cast<const std::uint16_t*>(row + columns) + c / 32)};
    } else {
        return {__ldg(reinterpret_cast<const uint4*>(row + 2 * static_cast<std::int64_t>(c)))};
    }
}

// The two 16-bit numbers of a word, the lower first.
template <Dtype D> __device__ inline float2 unpack2(std::uint32_t word)
{
    if constexpr (D == Dtype::f16)
        return make_float2(f16_bits_to_float(static_cast<std::uint16_t>(word)),
                           f16_bits_to_float(static_cast<std::uint16_t>(word >> 16)));
    else
        return make_float2(__uint_as_float(word << 16), __uint_as_float(word & 0xffff0000u));
}

template <Dtype D> __device__ inline void unpack8(const Packed8<D>& packed, float (&out)[8])
{
    if constexpr (D == Dtype::f32) {
        out[0] = packed.low.x;
        out[1] = packed.low.y;
        out[2] = packed.low.z;
        out[3] = packed.low.w;
        out[4] = packed.high.x;
        out[5] = packed.high.y;
        out[6] = packed.high.z;
        out[7] = packed.high.w;
    } else if constexpr (D == Dtype::q8_0) {
        const float scale = f16_bits_to_float(packed.scale);
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const std::uint32_t word = i < 4 ? packed.quants.x : packed.quants.y;
            out[i] = scale * static_cast<float>(static_cast<signed char>(word >> (8 * (i % 4))));
        }
    } else {
        const std::uint32_t words[4] = {packed.bits.x, packed.bits.y, packed.bits.z, packed.bits.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            const float2 two = unpack2<D>(words[i]);
            out[2 * i] = two.x;
            out[2 * i + 1] = two.y;
        }
    }
}

template <Dtype D> __device__ inline void load8(const std::byte* row, int columns, int c, float (&out)[8])
{
    unpack8<D>(fetch8<D>(row, columns, c), out);
}

// The same from any address and to a ragged end: numbers from `columns` on are 0.
template <Dtype D> __device__ inline void load8_any(const std::byte* row, int columns, int c, float (&out)[8])
{
#pragma unroll
    for (int i = 0; i < 8; ++i)
        out[i] = c + i < columns ? load1<D>(row, columns, c + i) : 0.0f;
}

// ---- over the lanes of a warp and the warps of a block; every thread gets the result ----------------------

__device__ inline float warp_sum(float value)
{
#pragma unroll
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(all_lanes, value, distance);
    return value;
}

__device__ inline float warp_max(float value)
{
#pragma unroll
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value = fmaxf(value, __shfl_xor_sync(all_lanes, value, distance));
    return value;
}

// All threads of a block of whole warps. `shared32` is room for 32 floats; it may be used again at once.
__device__ inline float block_sum(float value, float* shared32)
{
    const int lane = lane_index();
    const int warps = static_cast<int>(blockDim.x) / warp_size;
    value = warp_sum(value);
    __syncthreads(); // whoever still reads the last result
    if (lane == 0)
        shared32[warp_index()] = value;
    __syncthreads();
    return warp_sum(lane < warps ? shared32[lane] : 0.0f);
}

__device__ inline float block_max(float value, float* shared32)
{
    const int lane = lane_index();
    const int warps = static_cast<int>(blockDim.x) / warp_size;
    value = warp_max(value);
    __syncthreads();
    if (lane == 0)
        shared32[warp_index()] = value;
    __syncthreads();
    return warp_max(lane < warps ? shared32[lane] : shared32[0]);
}

} // namespace kernels::cuda
