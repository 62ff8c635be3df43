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

float f16_at(const std::byte* src)
{
    return _cvtsh_ss(load_as<unsigned short>(src));
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

// Four bytes of six bits each, whose lower parts are in `low` and upper two bits in `high`.
std::uint32_t six_bits(std::uint32_t low, std::uint32_t high)
{
    return (low & 0x0f0f0f0fu) | (high & 0x03030303u) << 4;
}

std::uint64_t eight(std::uint32_t first, std::uint32_t second)
{
    return first | static_cast<std::uint64_t>(second) << 32;
}

// Each of eight bytes of a word as a float, times `factor`.
void store_scaled(float* dst, std::uint64_t bytes, float factor)
{
    const __m256i numbers = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
    _mm256_store_ps(dst, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(numbers)));
}

void store_scaled_signed(float* dst, std::uint64_t bytes, float factor)
{
    const __m256i numbers = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<long long>(bytes)));
    _mm256_store_ps(dst, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(numbers)));
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
    float scale() const { return f16_at(m_block); }
};

// Those whose numbers start at `least`.
template <Dtype dtype> struct SmallBlockWithLeast : SmallBlock<dtype>
{
    float least() const { return f16_at(this->m_block + 2); }
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
    alignas(32) float m_scales[8];
    alignas(32) float m_leasts[8];

    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(dtype);
        const auto first = load_as<std::uint32_t>(m_block + 4);
        const auto second = load_as<std::uint32_t>(m_block + 8);
        const auto third = load_as<std::uint32_t>(m_block + 12);
        store_scaled(m_scales, eight(first & 0x3f3f3f3fu, six_bits(third, first >> 6)), f16_at(m_block));
        store_scaled(m_leasts, eight(second & 0x3f3f3f3fu, six_bits(third >> 4, second >> 6)),
                     f16_at(m_block + 2));
    }
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
        const float scale = f16_at(m_block + 80);
        const float least = f16_at(m_block + 82);
        constexpr std::uint64_t nibbles = 0x0f0f0f0f0f0f0f0fu;
        for (int half = 0; half < 2; ++half) {
            const auto scales = load_as<std::uint64_t>(m_block + 8 * half);
            store_scaled(m_scales + 8 * half, scales & nibbles, scale);
            store_scaled(m_leasts + 8 * half, scales >> 4 & nibbles, least);
        }
    }
};

template <> struct Opened<Dtype::q3_k> : SmallSubBlocks<Dtype::q3_k>
{
    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::q3_k);
        const auto first = load_as<std::uint32_t>(m_block + 96);
        const auto second = load_as<std::uint32_t>(m_block + 100);
        const auto upper = load_as<std::uint32_t>(m_block + 104);
        const float scale = f16_at(m_block + 108);
        // Six bits less 32: no byte borrows from its neighbour if a seventh one is set first.
        const auto less_32 = [](std::uint64_t bytes) {
            constexpr std::uint64_t each = 0x0101010101010101u;
            return ((bytes | 128 * each) - 32 * each) ^ 128 * each;
        };
        store_scaled_signed(m_scales, less_32(eight(six_bits(first, upper), six_bits(second, upper >> 2))),
                            scale);
        store_scaled_signed(
            m_scales + 8, less_32(eight(six_bits(first >> 4, upper >> 4), six_bits(second >> 4, upper >> 6))),
            scale);
    }
};

template <> struct Opened<Dtype::q6_k> : SmallSubBlocks<Dtype::q6_k>
{
    void open(const std::byte* row, std::int64_t c, const std::byte*)
    {
        m_block = row + c / 256 * bytes_per_block(Dtype::q6_k);
        const float scale = f16_at(m_block + 208);
        for (int half = 0; half < 2; ++half)
            store_scaled_signed(m_scales + 8 * half, load_as<std::uint64_t>(m_block + 192 + 8 * half), scale);
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
        _mm256_store_ps(m_scales, _mm256_mul_ps(_mm256_set1_ps(f16_at(m_block)), _mm256_cvtepi32_ps(scales)));
    }
};

} // namespace

} // namespace kernels::cpu
