// SPDX-License-Identifier: MIT
// Sixteen floats at a time, for files compiled with AVX-512 F, BW, DQ and VL. The names of avx2_vector.h.
#pragma once

#include "kernels/tensor.h"

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace kernels::cpu {

namespace {

using Index = std::int64_t;
using Vec = __m512;

constexpr int lanes = 16;

// How many rows of activations meet a weight while it is in a register: with four rows of weights 24 of the
// 32 registers hold sums.
constexpr int most_tokens = 6;

Vec zero()
{
    return _mm512_setzero_ps();
}

Vec all(float value)
{
    return _mm512_set1_ps(value);
}

Vec load(const float* src)
{
    return _mm512_loadu_ps(src);
}

void store(float* dst, Vec value)
{
    _mm512_storeu_ps(dst, value);
}

__mmask16 first_lanes(Index n)
{
    return static_cast<__mmask16>((1u << n) - 1u);
}

Vec load_some(const float* src, Index n)
{
    return _mm512_maskz_loadu_ps(first_lanes(n), src);
}

void store_some(float* dst, Index n, Vec value)
{
    _mm512_mask_storeu_ps(dst, first_lanes(n), value);
}

Vec first_or(Vec value, Index n, Vec rest)
{
    return _mm512_mask_mov_ps(rest, first_lanes(n), value);
}

Vec fused(Vec a, Vec b, Vec c)
{
    return _mm512_fmadd_ps(a, b, c);
}

Vec fused_less(Vec a, Vec b, Vec c)
{
    return _mm512_fmsub_ps(a, b, c);
}

Vec less_fused(Vec a, Vec b, Vec c)
{
    return _mm512_fnmadd_ps(a, b, c);
}

Vec smaller(Vec a, Vec b)
{
    return _mm512_min_ps(a, b);
}

Vec larger(Vec a, Vec b)
{
    return _mm512_max_ps(a, b);
}

Vec nearest_whole(Vec x)
{
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

Vec power_of_two(Vec n)
{
    return _mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_add_epi32(_mm512_cvtps_epi32(n), _mm512_set1_epi32(127)), 23));
}

// Of each of four vectors: (0+2)+(1+3) of every four lanes, then the first and the third of these sums, the
// second and the fourth, and both.
__m128 lane_sums(const Vec v[4])
{
    const Vec first = _mm512_unpacklo_ps(v[0], v[1]) + _mm512_unpackhi_ps(v[0], v[1]);
    const Vec second = _mm512_unpacklo_ps(v[2], v[3]) + _mm512_unpackhi_ps(v[2], v[3]);
    const __m512d f = _mm512_castps_pd(first);
    const __m512d s = _mm512_castps_pd(second);
    const Vec quads = _mm512_castpd_ps(_mm512_unpacklo_pd(f, s)) + _mm512_castpd_ps(_mm512_unpackhi_pd(f, s));
    const __m256 pairs = _mm512_castps512_ps256(quads) + _mm512_extractf32x8_ps(quads, 1);
    return _mm256_castps256_ps128(pairs) + _mm256_extractf128_ps(pairs, 1);
}

float lane_sum(Vec v)
{
    const Vec same[4] = {v, v, v, v};
    return _mm_cvtss_f32(lane_sums(same));
}

float largest_lane(Vec v)
{
    const __m256 eight = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

std::uint64_t sum_of_words(const std::uint64_t* data, Index bytes)
{
    __m512i sums[4] = {};
    for (Index i = 0; i < bytes / 8; i += 32)
#pragma GCC unroll 4
        for (int k = 0; k < 4; ++k)
            sums[k] = _mm512_add_epi64(sums[k], _mm512_loadu_si512(data + i + 8 * k));
    std::uint64_t words[8];
    _mm512_storeu_si512(
        words, _mm512_add_epi64(_mm512_add_epi64(sums[0], sums[1]), _mm512_add_epi64(sums[2], sums[3])));
    std::uint64_t total = 0;
    for (const std::uint64_t word : words)
        total += word;
    return total;
}

} // namespace

} // namespace kernels::cpu
