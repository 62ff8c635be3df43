// SPDX-License-Identifier: MIT
// Stored numbers to floats in registers, the same bits as kernels::dequantise_row. For files that are
// compiled with AVX2, FMA and F16C, and for those alone.
//
// Decoder<dtype> opens `columns` numbers of a row, a block of its format or 32 plain ones. They come in
// rounds of `unrolled` groups of 32; group(round, k) has what the numbers of one share, and its load(i) gives
// eight of them. `round` may be a variable, k and i are constants once the loops around them are unrolled.
#pragma once

#include "kernels/cpu/primitives.h"

#include <immintrin.h>

namespace kernels::cpu {

namespace {

using Vec = __m256;
using Index = std::int64_t;

// ---- small loads ----

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

// Eight unsigned bytes as integers of 32 bits.
__m256i wide_bytes(const std::byte* src)
{
    return _mm256_cvtepu8_epi32(eight_bytes(src));
}

__m256i low_nibbles(__m256i bytes)
{
    return _mm256_and_si256(bytes, _mm256_set1_epi32(15));
}

__m256i high_nibbles(__m256i bytes)
{
    return _mm256_srli_epi32(bytes, 4);
}

// Numbers 8 * i … 8 * i + 7 of 32 in 16 bytes of nibbles.
__m256i nibbles_at(const std::byte* src, int i)
{
    const __m256i bytes = wide_bytes(src + 8 * (i % 2));
    return i < 2 ? low_nibbles(bytes) : high_nibbles(bytes);
}

// Bits 8 * i … 8 * i + 7 of `bits`, one in each lane at the place of a fifth bit.
__m256i fifth_bits(std::uint32_t bits, int i)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i moved = i == 0 ? _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(bits << 4)), lane)
                                 : _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(bits)),
                                                     _mm256_add_epi32(lane, _mm256_set1_epi32(8 * i - 4)));
    return _mm256_and_si256(moved, _mm256_set1_epi32(16));
}

Vec to_floats(__m256i numbers)
{
    return _mm256_cvtepi32_ps(numbers);
}

// Each of eight bytes of a word as a float, times `factor`.
void store_scaled(float* dst, std::uint64_t bytes, Vec factor)
{
    const __m128i word = _mm_cvtsi64_si128(static_cast<long long>(bytes));
    _mm256_store_ps(dst, _mm256_mul_ps(factor, to_floats(_mm256_cvtepu8_epi32(word))));
}

void store_scaled_signed(float* dst, std::uint64_t bytes, Vec factor)
{
    const __m128i word = _mm_cvtsi64_si128(static_cast<long long>(bytes));
    _mm256_store_ps(dst, _mm256_mul_ps(factor, to_floats(_mm256_cvtepi8_epi32(word))));
}

// ---- plain numbers ----

Vec widen_bf16(__m128i bits)
{
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}

// A number of e4m3 has the bits of an f16 that is 2^8 times smaller, but for its NaN.
Vec widen_f8(__m128i bytes)
{
    const __m128i wide = _mm_cvtepu8_epi16(bytes);
    const __m128i magnitude = _mm_and_si128(wide, _mm_set1_epi16(0x7f));
    const __m128i is_nan = _mm_cmpeq_epi16(magnitude, _mm_set1_epi16(0x7f));
    const __m128i number = _mm_blendv_epi8(_mm_slli_epi16(magnitude, 7), _mm_set1_epi16(0x7e00), is_nan);
    const __m128i half = _mm_or_si128(number, _mm_slli_epi16(_mm_xor_si128(wide, magnitude), 8));
    return _mm256_mul_ps(_mm256_cvtph_ps(half), _mm256_set1_ps(256.0f));
}

// Eight numbers of a row from column c on; not for block formats. FP8 without its factors.
template <Dtype dtype> Vec load8(const std::byte* row, Index c)
{
    if constexpr (dtype == Dtype::f32) {
        return _mm256_loadu_ps(reinterpret_cast<const float*>(row + 4 * c));
    } else if constexpr (dtype == Dtype::f8_e4m3) {
        return widen_f8(eight_bytes(row + c));
    } else {
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 2 * c));
        if constexpr (dtype == Dtype::f16)
            return _mm256_cvtph_ps(bits);
        else
            return widen_bf16(bits);
    }
}

// The factor of column c in a row of FP8.
Vec factor_at(const std::byte* factors, Index c)
{
    return factors ? _mm256_set1_ps(load_as<float>(factors + c / BlockScales::block * 4))
                   : _mm256_set1_ps(1.0f);
}

template <Dtype dtype> struct Decoder
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_row;
    Index m_first;

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_row = row;
        m_first = c;
    }
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return load8<dtype>(m_row, m_first + 8 * i); }
};

template <> struct Decoder<Dtype::f8_e4m3>
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_numbers;
    Vec m_factor;

    void open(const std::byte* row, Index c, const std::byte* factors)
    {
        m_numbers = row + c;
        m_factor = factor_at(factors, c);
    }
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return _mm256_mul_ps(m_factor, load8<Dtype::f8_e4m3>(m_numbers, 8 * i)); }
};

// ---- blocks of 32 numbers ----

// One block is one group.
template <Dtype dtype> struct SmallBlock
{
    static constexpr int columns = 32;
    static constexpr int unrolled = 1;
    const std::byte* m_block;
    Vec m_scale;

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_block = row + c / 32 * bytes_per_block(dtype);
        m_scale = _mm256_set1_ps(f16_at(m_block));
    }
};

template <> struct Decoder<Dtype::q4_0> : SmallBlock<Dtype::q4_0>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const
    {
        return _mm256_mul_ps(m_scale,
                             to_floats(_mm256_sub_epi32(nibbles_at(m_block + 2, i), _mm256_set1_epi32(8))));
    }
};

template <> struct Decoder<Dtype::q4_1> : SmallBlock<Dtype::q4_1>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const
    {
        return _mm256_fmadd_ps(m_scale, to_floats(nibbles_at(m_block + 4, i)),
                               _mm256_set1_ps(f16_at(m_block + 2)));
    }
};

template <> struct Decoder<Dtype::q5_0> : SmallBlock<Dtype::q5_0>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const
    {
        const __m256i numbers =
            _mm256_or_si256(nibbles_at(m_block + 6, i), fifth_bits(load_as<std::uint32_t>(m_block + 2), i));
        return _mm256_mul_ps(m_scale, to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(16))));
    }
};

template <> struct Decoder<Dtype::q5_1> : SmallBlock<Dtype::q5_1>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const
    {
        const __m256i numbers =
            _mm256_or_si256(nibbles_at(m_block + 8, i), fifth_bits(load_as<std::uint32_t>(m_block + 4), i));
        return _mm256_fmadd_ps(m_scale, to_floats(numbers), _mm256_set1_ps(f16_at(m_block + 2)));
    }
};

template <> struct Decoder<Dtype::q8_0> : SmallBlock<Dtype::q8_0>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const
    {
        return _mm256_mul_ps(m_scale, to_floats(_mm256_cvtepi8_epi32(eight_bytes(m_block + 2 + 8 * i))));
    }
};

// The levels of eight nibbles of IQ4_NL and IQ4_XS.
Vec iq4_levels_at(const std::byte* nibbles, int i)
{
    const __m128i levels =
        _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
    __m128i bytes = eight_bytes(nibbles + 8 * (i % 2));
    if (i >= 2)
        bytes = _mm_srli_epi16(bytes, 4);
    const __m128i chosen = _mm_shuffle_epi8(levels, _mm_and_si128(bytes, _mm_set1_epi8(15)));
    return to_floats(_mm256_cvtepi8_epi32(chosen));
}

template <> struct Decoder<Dtype::iq4_nl> : SmallBlock<Dtype::iq4_nl>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return _mm256_mul_ps(m_scale, iq4_levels_at(m_block + 2, i)); }
};

// ---- blocks of 256 numbers ----

// Four bytes of six bits each, whose lower parts are in `low` and upper two bits in `high`.
std::uint32_t six_bits(std::uint32_t low, std::uint32_t high)
{
    return (low & 0x0f0f0f0fu) | (high & 0x03030303u) << 4;
}

std::uint64_t eight(std::uint32_t first, std::uint32_t second)
{
    return first | static_cast<std::uint64_t>(second) << 32;
}

// Q4_K and Q5_K: scales and offsets of the eight sub-blocks, which are the groups.
struct ScaledSubBlocks
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 2;
    const std::byte* m_block;
    alignas(32) float m_scales[8];
    alignas(32) float m_leasts[8];

    void open_block(const std::byte* block)
    {
        m_block = block;
        const auto first = load_as<std::uint32_t>(block + 4);
        const auto second = load_as<std::uint32_t>(block + 8);
        const auto third = load_as<std::uint32_t>(block + 12);
        store_scaled(m_scales, eight(first & 0x3f3f3f3fu, six_bits(third, first >> 6)),
                     _mm256_set1_ps(f16_at(block)));
        store_scaled(m_leasts, eight(second & 0x3f3f3f3fu, six_bits(third >> 4, second >> 6)),
                     _mm256_set1_ps(f16_at(block + 2)));
    }
    Vec scale(int j) const { return _mm256_broadcast_ss(m_scales + j); }
    Vec least(int j) const { return _mm256_broadcast_ss(m_leasts + j); }
};

template <> struct Decoder<Dtype::q4_k> : ScaledSubBlocks
{
    struct Group
    {
        const std::byte* nibbles;
        Vec scale;
        Vec least;
        int half;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(nibbles + 8 * i);
            return _mm256_fmsub_ps(scale, to_floats(half == 0 ? low_nibbles(bytes) : high_nibbles(bytes)),
                                   least);
        }
    };

    void open(const std::byte* row, Index c, const std::byte*) { open_block(row + c / 256 * 144); }
    Group group(int round, int k) const
    {
        return {m_block + 16 + 32 * round, scale(2 * round + k), least(2 * round + k), k};
    }
};

template <> struct Decoder<Dtype::q5_k> : ScaledSubBlocks
{
    struct Group
    {
        const std::byte* nibbles;
        const std::byte* high;
        __m256i sub_block;
        Vec scale;
        Vec least;
        int half;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(nibbles + 8 * i);
            const __m256i moved =
                _mm256_srlv_epi32(_mm256_slli_epi32(wide_bytes(high + 8 * i), 4), sub_block);
            const __m256i numbers = _mm256_or_si256(half == 0 ? low_nibbles(bytes) : high_nibbles(bytes),
                                                    _mm256_and_si256(moved, _mm256_set1_epi32(16)));
            return _mm256_fmsub_ps(scale, to_floats(numbers), least);
        }
    };

    void open(const std::byte* row, Index c, const std::byte*) { open_block(row + c / 256 * 176); }
    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 48 + 32 * round, m_block + 16, _mm256_set1_epi32(j), scale(j), least(j), k};
    }
};

// Q2_K, Q3_K and Q6_K: a scale for every 16 numbers. A round is half a block.
struct SmallSubBlocks
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 4;
    const std::byte* m_block;
    alignas(32) float m_scales[16];

    // Of the numbers 8 * i … 8 * i + 7 of a group.
    Vec scale(int round, int k, int i) const
    {
        return _mm256_broadcast_ss(m_scales + 8 * round + 2 * k + i / 2);
    }
};

template <> struct Decoder<Dtype::q2_k> : SmallSubBlocks
{
    alignas(32) float m_leasts[16];

    struct Group
    {
        const Decoder* decoder;
        int round;
        int k;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(decoder->m_block + 16 + 32 * round + 8 * i);
            const __m256i numbers = _mm256_and_si256(_mm256_srli_epi32(bytes, 2 * k), _mm256_set1_epi32(3));
            return _mm256_fmsub_ps(decoder->scale(round, k, i), to_floats(numbers),
                                   _mm256_broadcast_ss(decoder->m_leasts + 8 * round + 2 * k + i / 2));
        }
    };

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_block = row + c / 256 * 84;
        const Vec scale = _mm256_set1_ps(f16_at(m_block + 80));
        const Vec least = _mm256_set1_ps(f16_at(m_block + 82));
        constexpr std::uint64_t nibbles = 0x0f0f0f0f0f0f0f0fu;
        for (int half = 0; half < 2; ++half) {
            const auto scales = load_as<std::uint64_t>(m_block + 8 * half);
            store_scaled(m_scales + 8 * half, scales & nibbles, scale);
            store_scaled(m_leasts + 8 * half, scales >> 4 & nibbles, least);
        }
    }
    Group group(int round, int k) const { return {this, round, k}; }
};

template <> struct Decoder<Dtype::q3_k> : SmallSubBlocks
{
    struct Group
    {
        const Decoder* decoder;
        __m256i sub_block;
        int round;
        int k;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(decoder->m_block + 32 + 32 * round + 8 * i);
            const __m256i low = _mm256_and_si256(_mm256_srli_epi32(bytes, 2 * k), _mm256_set1_epi32(3));
            const __m256i moved =
                _mm256_srlv_epi32(_mm256_slli_epi32(wide_bytes(decoder->m_block + 8 * i), 2), sub_block);
            const __m256i numbers = _mm256_or_si256(low, _mm256_and_si256(moved, _mm256_set1_epi32(4)));
            return _mm256_mul_ps(decoder->scale(round, k, i),
                                 to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(4))));
        }
    };

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_block = row + c / 256 * 110;
        const auto first = load_as<std::uint32_t>(m_block + 96);
        const auto second = load_as<std::uint32_t>(m_block + 100);
        const auto upper = load_as<std::uint32_t>(m_block + 104);
        const Vec scale = _mm256_set1_ps(f16_at(m_block + 108));
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
    Group group(int round, int k) const { return {this, _mm256_set1_epi32(4 * round + k), round, k}; }
};

template <> struct Decoder<Dtype::q6_k> : SmallSubBlocks
{
    struct Group
    {
        const Decoder* decoder;
        int round;
        int k;

        Vec load(int i) const
        {
            const std::byte* block = decoder->m_block;
            const __m256i bytes = wide_bytes(block + 64 * round + 32 * (k % 2) + 8 * i);
            const __m256i pairs = wide_bytes(block + 128 + 32 * round + 8 * i);
            const __m256i moved =
                k < 2 ? _mm256_slli_epi32(pairs, 4 - 2 * k) : _mm256_srli_epi32(pairs, 2 * k - 4);
            const __m256i numbers = _mm256_or_si256(k < 2 ? low_nibbles(bytes) : high_nibbles(bytes),
                                                    _mm256_and_si256(moved, _mm256_set1_epi32(48)));
            return _mm256_mul_ps(decoder->scale(round, k, i),
                                 to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(32))));
        }
    };

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_block = row + c / 256 * 210;
        const Vec scale = _mm256_set1_ps(f16_at(m_block + 208));
        for (int half = 0; half < 2; ++half)
            store_scaled_signed(m_scales + 8 * half, load_as<std::uint64_t>(m_block + 192 + 8 * half), scale);
    }
    Group group(int round, int k) const { return {this, round, k}; }
};

template <> struct Decoder<Dtype::iq4_xs>
{
    static constexpr int columns = 256;
    static constexpr int unrolled = 1;
    const std::byte* m_block;
    alignas(32) float m_scales[8];

    struct Group
    {
        const std::byte* nibbles;
        Vec scale;

        Vec load(int i) const { return _mm256_mul_ps(scale, iq4_levels_at(nibbles, i)); }
    };

    void open(const std::byte* row, Index c, const std::byte*)
    {
        m_block = row + c / 256 * 136;
        const auto low = load_as<std::uint32_t>(m_block + 4);
        const auto high = load_as<std::uint16_t>(m_block + 2);
        const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        const __m256i lower = low_nibbles(
            _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(low)), _mm256_slli_epi32(lane, 2)));
        const __m256i upper = _mm256_and_si256(
            _mm256_srlv_epi32(_mm256_set1_epi32(high), _mm256_slli_epi32(lane, 1)), _mm256_set1_epi32(3));
        const __m256i scales =
            _mm256_sub_epi32(_mm256_or_si256(lower, _mm256_slli_epi32(upper, 4)), _mm256_set1_epi32(32));
        _mm256_store_ps(m_scales, _mm256_mul_ps(_mm256_set1_ps(f16_at(m_block)), to_floats(scales)));
    }
    Group group(int round, int) const
    {
        return {m_block + 8 + 16 * round, _mm256_broadcast_ss(m_scales + round)};
    }
};

} // namespace

} // namespace kernels::cpu
