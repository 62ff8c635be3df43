// SPDX-License-Identifier: MIT
// Blocks of the stored formats with their scales as floats: what the decoders of all vector widths share. For
// files that are compiled with AVX2, FMA and F16C, and for those alone.
//
// Opened<dtype> opens `columns` numbers of a row, a block of its format or 32 plain ones, as rounds of
// `unrolled` groups of 32.
#pragma once

#include "kernels/tensor.h"

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace kernels::cpu {

namespace {

template <class T> T load_as(const std::byte* src)
{
    T value;
    __builtin_memcpy(&value, src, sizeof value);
    return value;
}

// In every lane.
__m256 f16_at(const std::byte* src)
{
    return _mm256_cvtph_ps(_mm_set1_epi16(load_as<short>(src)));
}

__m128i sixteen_bytes(const std::byte* src)
{
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(src));
}

__m128i eight_bytes(const std::byte* src)
{
    return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(src));
}

// A number of e4m3 has the bits of an f16 that is 2^8 times smaller, but for its NaN.
__m128i f8_as_f16(__m128i bytes)
{
    const __m128i wide = _mm_cvtepu8_epi16(bytes);
    const __m128i magnitude = _mm_and_si128(wide, _mm_set1_epi16(0x7f));
    const __m128i is_nan = _mm_cmpeq_epi16(magnitude, _mm_set1_epi16(0x7f));
    const __m128i number = _mm_blendv_epi8(_mm_slli_epi16(magnitude, 7), _mm_set1_epi16(0x7e00), is_nan);
    return _mm_or_si128(number, _mm_slli_epi16(_mm_xor_si128(wide, magnitude), 8));
}

// dst[0 … 16): each of sixteen unsigned bytes as a float, the first eight times `first`, the others `second`.
void store_scaled(float* dst, __m128i bytes, __m256 first, __m256 second)
{
    const __m256i lower = _mm256_cvtepu8_epi32(bytes);
    const __m256i upper = _mm256_cvtepu8_epi32(_mm_unpackhi_epi64(bytes, bytes));
    _mm256_store_ps(dst, _mm256_mul_ps(first, _mm256_cvtepi32_ps(lower)));
    _mm256_store_ps(dst + 8, _mm256_mul_ps(second, _mm256_cvtepi32_ps(upper)));
}

// The same of signed bytes.
void store_scaled_signed(float* dst, __m128i bytes, __m256 factor)
{
    const __m256i lower = _mm256_cvtepi8_epi32(bytes);
    const __m256i upper = _mm256_cvtepi8_epi32(_mm_unpackhi_epi64(bytes, bytes));
    _mm256_store_ps(dst, _mm256_mul_ps(factor, _mm256_cvtepi32_ps(lower)));
    _mm256_store_ps(dst + 8, _mm256_mul_ps(factor, _mm256_cvtepi32_ps(upper)));
}

// ---- plain numbers ----

template <Dtype dtype> struct Opened
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_numbers;

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_numbers = row + bytes_per_block(dtype) * c;
    }
};

// The factor of column c in a row of FP8.
float factor_at(const std::byte* factors, std::int64_t c)
{
    return factors ? load_as<float>(factors + c / BlockScales::block * 4) : 1.0f;
}

template <> struct Opened<Dtype::f8_e4m3>
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_numbers;
    float m_factor;

    void open(const std::byte* row, std::int64_t c, const std::byte* factors)
    {
        m_numbers = row + c;
        m_factor = factor_at(factors, c);
    }
};

// ---- blocks of 32 numbers, each of which is one group ----

template <Dtype dtype> struct SmallBlock
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_block;

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 32 * bytes_per_block(dtype);
    }
    const std::byte* scale() const { return m_block; }
};

// Those whose numbers start at `least`.
template <Dtype dtype> struct SmallBlockWithLeast : SmallBlock<dtype>
{
    const std::byte* least() const { return this->m_block + 2; }
};

template <> struct Opened<Dtype::q4_0> : SmallBlock<Dtype::q4_0>
{
};
template <> struct Opened<Dtype::q4_1> : SmallBlockWithLeast<Dtype::q4_1>
{
};
template <> struct Opened<Dtype::q5_0> : SmallBlock<Dtype::q5_0>
{
};
template <> struct Opened<Dtype::q5_1> : SmallBlockWithLeast<Dtype::q5_1>
{
};
template <> struct Opened<Dtype::q8_0> : SmallBlock<Dtype::q8_0>
{
};
template <> struct Opened<Dtype::iq4_nl> : SmallBlock<Dtype::iq4_nl>
{
};

// ---- blocks of 256 numbers ----

// Q4_K and Q5_K: scales and offsets of the eight sub-blocks of 32, which are the groups.
template <Dtype dtype> struct ScaledSubBlocks
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 2;
    const std::byte* m_block;
    alignas(32) float m_scales[16]; // then offsets, from 8 on

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(dtype);
        // Two f16, then the numbers of six bits: four scales, four offsets, and the lower halves of the other
        // scales and offsets, whose upper two bits are those of the former's bytes.
        const __m128i head = sixteen_bytes(m_block);
        const __m128i low =
            _mm_shuffle_epi8(head, _mm_setr_epi8(4, 5, 6, 7, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15));
        const __m128i high =
            _mm_shuffle_epi8(head, _mm_setr_epi8(-1, -1, -1, -1, 4, 5, 6, 7, -1, -1, -1, -1, 8, 9, 10, 11));
        constexpr int six = 0x3f3f3f3f;
        constexpr int four = 0x0f0f0f0f;
        const __m128i numbers =
            _mm_or_si128(_mm_and_si128(_mm_srlv_epi32(low, _mm_setr_epi32(0, 0, 0, 4)),
                                       _mm_setr_epi32(six, four, six, four)),
                         _mm_and_si128(_mm_srli_epi32(high, 2), _mm_set1_epi32(0x30303030)));
        const __m128 factors = _mm_cvtph_ps(head);
        store_scaled(m_scales, numbers, _mm256_broadcastss_ps(factors),
                     _mm256_broadcastss_ps(_mm_movehdup_ps(factors)));
    }
    float scale(int j) const { return m_scales[j]; }
    float least(int j) const { return m_scales[8 + j]; }
};

template <> struct Opened<Dtype::q4_k> : ScaledSubBlocks<Dtype::q4_k>
{
};
template <> struct Opened<Dtype::q5_k> : ScaledSubBlocks<Dtype::q5_k>
{
};

// Q2_K, Q3_K and Q6_K: a scale for every 16 numbers. A round is half a block.
template <Dtype dtype> struct SmallSubBlocks
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 4;
    const std::byte* m_block;
    alignas(32) float m_scales[16];

    // Of the numbers 16 * half … 16 * half + 15 of a group.
    static int sub_block(int round, int k, int half) { return 8 * round + 2 * k + half; }
};

template <> struct Opened<Dtype::q2_k> : SmallSubBlocks<Dtype::q2_k>
{
    alignas(32) float m_leasts[16];

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::q2_k);
        const __m128i pairs = sixteen_bytes(m_block);
        const __m128i nibble = _mm_set1_epi8(15);
        const __m256 scale = f16_at(m_block + 80);
        const __m256 least = f16_at(m_block + 82);
        store_scaled(m_scales, _mm_and_si128(pairs, nibble), scale, scale);
        store_scaled(m_leasts, _mm_and_si128(_mm_srli_epi16(pairs, 4), nibble), least, least);
    }
};

template <> struct Opened<Dtype::q3_k> : SmallSubBlocks<Dtype::q3_k>
{
    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::q3_k);
        // Sixteen numbers of six bits less 32: the lower halves in nibbles, those of the first eight in the
        // lower ones, then the upper two bits of numbers n, n + 4, n + 8, n + 12 in one byte.
        const __m128i low = _mm_set1_epi64x(load_as<long long>(m_block + 96));
        const __m128i high = _mm_set1_epi32(load_as<int>(m_block + 104));
        const __m128i numbers = _mm_or_si128(
            _mm_and_si128(_mm_srlv_epi32(low, _mm_setr_epi32(0, 0, 4, 4)), _mm_set1_epi8(15)),
            _mm_slli_epi32(_mm_and_si128(_mm_srlv_epi32(high, _mm_setr_epi32(0, 2, 4, 6)), _mm_set1_epi8(3)),
                           4));
        store_scaled_signed(m_scales, _mm_sub_epi8(numbers, _mm_set1_epi8(32)), f16_at(m_block + 108));
    }
};

template <> struct Opened<Dtype::q6_k> : SmallSubBlocks<Dtype::q6_k>
{
    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::q6_k);
        store_scaled_signed(m_scales, sixteen_bytes(m_block + 192), f16_at(m_block + 208));
    }
};

template <> struct Opened<Dtype::iq4_xs>
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 1;
    const std::byte* m_block;
    alignas(32) float m_scales[8];

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::iq4_xs);
        const auto low = load_as<std::uint32_t>(m_block + 4);
        const auto high = load_as<std::uint16_t>(m_block + 2);
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i lower = _mm256_and_si256(
            _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(low)), _mm256_slli_epi32(lane, 2)),
            _mm256_set1_epi32(15));
        const __m256i upper = _mm256_and_si256(
            _mm256_srlv_epi32(_mm256_set1_epi32(high), _mm256_slli_epi32(lane, 1)), _mm256_set1_epi32(3));
        const __m256i scales =
            _mm256_sub_epi32(_mm256_or_si256(lower, _mm256_slli_epi32(upper, 4)), _mm256_set1_epi32(32));
        _mm256_store_ps(m_scales, _mm256_mul_ps(f16_at(m_block), _mm256_cvtepi32_ps(scales)));
    }
};

} // namespace

} // namespace kernels::cpu
