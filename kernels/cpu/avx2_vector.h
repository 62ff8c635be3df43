// SPDX-License-Identifier: MIT
// Eight floats at a time, for files compiled with AVX2, FMA and F16C. vector_primitives.h is written in these
// names; sums, products and quotients of vectors are plain operators.
#pragma once

#include "kernels/tensor.h"

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace kernels::cpu {

namespace {

using Index = std::int64_t;
using Vec = __m256;

constexpr int lanes = 8;

// How many rows of activations meet a weight while it is in a register: with four rows of weights the sums,
// three activations and one weight fill the sixteen registers.
constexpr int most_tokens = 3;

Vec zero()
{
    return _mm256_setzero_ps();
}

Vec all(float value)
{
    return _mm256_set1_ps(value);
}

Vec load(const float* src)
{
    return _mm256_loadu_ps(src);
}

void store(float* dst, Vec value)
{
    _mm256_storeu_ps(dst, value);
}

__m256i first_lanes(Index n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}

// The first n lanes, the others 0.
Vec load_some(const float* src, Index n)
{
    return _mm256_maskload_ps(src, first_lanes(n));
}

void store_some(float* dst, Index n, Vec value)
{
    _mm256_maskstore_ps(dst, first_lanes(n), value);
}

// `value` in the first n lanes, `rest` in the others.
Vec first_or(Vec value, Index n, Vec rest)
{
    return _mm256_blendv_ps(rest, value, _mm256_castsi256_ps(first_lanes(n)));
}

// a * b + c, rounded once
Vec fused(Vec a, Vec b, Vec c)
{
    return _mm256_fmadd_ps(a, b, c);
}

// a * b - c, rounded once
Vec fused_less(Vec a, Vec b, Vec c)
{
    return _mm256_fmsub_ps(a, b, c);
}

// c - a * b, rounded once
Vec less_fused(Vec a, Vec b, Vec c)
{
    return _mm256_fnmadd_ps(a, b, c);
}

// The second operand where one is NaN.
Vec smaller(Vec a, Vec b)
{
    return _mm256_min_ps(a, b);
}

Vec larger(Vec a, Vec b)
{
    return _mm256_max_ps(a, b);
}

Vec nearest_whole(Vec x)
{
    return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// 2^n for whole n from -126 to 127
Vec power_of_two(Vec n)
{
    return _mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23));
}

// ((0+1)+(2+3)) + ((4+5)+(6+7)) of each of four vectors.
__m128 lane_sums(const Vec v[4])
{
    const Vec quads = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    return _mm_add_ps(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1));
}

float lane_sum(Vec v)
{
    const Vec pairs = _mm256_hadd_ps(v, v);
    const Vec quads = _mm256_hadd_ps(pairs, pairs);
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}

float largest_lane(Vec v)
{
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

// A sum that depends on every byte of `bytes`, a multiple of 256.
std::uint64_t sum_of_words(const std::uint64_t* data, Index bytes)
{
    __m256i sums[8] = {};
    const auto* source = reinterpret_cast<const __m256i*>(data);
    for (Index i = 0; i < bytes / 32; i += 8)
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k)
            sums[k] = _mm256_add_epi64(sums[k], _mm256_loadu_si256(source + i + k));
    std::uint64_t words[4];
    for (int k = 1; k < 8; ++k)
        sums[0] = _mm256_add_epi64(sums[0], sums[k]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), sums[0]);
    return words[0] + words[1] + words[2] + words[3];
}

} // namespace

} // namespace kernels::cpu
