// SPDX-License-Identifier: MIT
// Stored numbers to floats in registers, eight at a time, the same bits as kernels::dequantise_row. For files
// that are compiled with AVX2, FMA and F16C.
//
// Decoder<dtype> is an Opened<dtype> whose group(round, k) has what 32 numbers share; its load(i) gives the
// i-th vector of them. `round` may be a variable, k and i are constants once the loops around them are
// unrolled.
#pragma once

#include "kernels/cpu/avx2_vector.h"
#include "kernels/cpu/opened_blocks.h"

#include <immintrin.h>

namespace kernels::cpu {

namespace {

// ---- small loads ----

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

// ---- plain numbers ----

// `lanes` numbers of a row from column c on; not for block formats. FP8 without its factors.
template <Dtype dtype> Vec load_plain(const std::byte* row, Index c)
{
    if constexpr (dtype == Dtype::f32) {
        return load(reinterpret_cast<const float*>(row + 4 * c));
    } else if constexpr (dtype == Dtype::f8_e4m3) {
        return _mm256_cvtph_ps(f8_as_f16(eight_bytes(row + c))) * all(256.0f);
    } else {
        const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(row + 2 * c));
        if constexpr (dtype == Dtype::f16)
            return _mm256_cvtph_ps(bits);
        else
            return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
    }
}

template <Dtype dtype> struct Decoder : Opened<dtype>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return load_plain<dtype>(this->m_numbers, 8 * i); }
};

template <> struct Decoder<Dtype::f8_e4m3> : Opened<Dtype::f8_e4m3>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return all(m_factor) * load_plain<Dtype::f8_e4m3>(m_numbers, 8 * i); }
};

// ---- blocks of 32 numbers ----

template <> struct Decoder<Dtype::q4_0> : Opened<Dtype::q4_0>
{
    struct Group
    {
        const std::byte* nibbles;
        Vec scale;

        Vec load(int i) const
        {
            return scale * to_floats(_mm256_sub_epi32(nibbles_at(nibbles, i), _mm256_set1_epi32(8)));
        }
    };

    Group group(int, int) const { return {m_block + 2, all(scale())}; }
};

template <> struct Decoder<Dtype::q4_1> : Opened<Dtype::q4_1>
{
    struct Group
    {
        const std::byte* nibbles;
        Vec scale;
        Vec least;

        Vec load(int i) const { return fused(scale, to_floats(nibbles_at(nibbles, i)), least); }
    };

    Group group(int, int) const { return {m_block + 4, all(scale()), all(least())}; }
};

template <> struct Decoder<Dtype::q5_0> : Opened<Dtype::q5_0>
{
    struct Group
    {
        const std::byte* nibbles;
        std::uint32_t high;
        Vec scale;

        Vec load(int i) const
        {
            const __m256i numbers = _mm256_or_si256(nibbles_at(nibbles, i), fifth_bits(high, i));
            return scale * to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(16)));
        }
    };

    Group group(int, int) const { return {m_block + 6, load_as<std::uint32_t>(m_block + 2), all(scale())}; }
};

template <> struct Decoder<Dtype::q5_1> : Opened<Dtype::q5_1>
{
    struct Group
    {
        const std::byte* nibbles;
        std::uint32_t high;
        Vec scale;
        Vec least;

        Vec load(int i) const
        {
            const __m256i numbers = _mm256_or_si256(nibbles_at(nibbles, i), fifth_bits(high, i));
            return fused(scale, to_floats(numbers), least);
        }
    };

    Group group(int, int) const
    {
        return {m_block + 8, load_as<std::uint32_t>(m_block + 4), all(scale()), all(least())};
    }
};

template <> struct Decoder<Dtype::q8_0> : Opened<Dtype::q8_0>
{
    struct Group
    {
        const std::byte* numbers;
        Vec scale;

        Vec load(int i) const
        {
            return scale * to_floats(_mm256_cvtepi8_epi32(eight_bytes(numbers + 8 * i)));
        }
    };

    Group group(int, int) const { return {m_block + 2, all(scale())}; }
};

// IQ4_NL and IQ4_XS: nibbles are numbers of a level.
struct LevelsGroup
{
    const std::byte* nibbles;
    Vec scale;

    Vec load(int i) const
    {
        const __m128i levels =
            _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
        __m128i bytes = eight_bytes(nibbles + 8 * (i % 2));
        if (i >= 2)
            bytes = _mm_srli_epi16(bytes, 4);
        const __m128i chosen = _mm_shuffle_epi8(levels, _mm_and_si128(bytes, _mm_set1_epi8(15)));
        return scale * to_floats(_mm256_cvtepi8_epi32(chosen));
    }
};

template <> struct Decoder<Dtype::iq4_nl> : Opened<Dtype::iq4_nl>
{
    LevelsGroup group(int, int) const { return {m_block + 2, all(scale())}; }
};

// ---- blocks of 256 numbers ----

template <> struct Decoder<Dtype::iq4_xs> : Opened<Dtype::iq4_xs>
{
    LevelsGroup group(int round, int) const { return {m_block + 8 + 16 * round, all(m_scales[round])}; }
};

template <> struct Decoder<Dtype::q4_k> : Opened<Dtype::q4_k>
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
            return fused_less(scale, to_floats(half == 0 ? low_nibbles(bytes) : high_nibbles(bytes)), least);
        }
    };

    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 16 + 32 * round, all(m_scales[j]), all(m_leasts[j]), k};
    }
};

template <> struct Decoder<Dtype::q5_k> : Opened<Dtype::q5_k>
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
            return fused_less(scale, to_floats(numbers), least);
        }
    };

    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 48 + 32 * round, m_block + 16,     _mm256_set1_epi32(j),
                all(m_scales[j]),          all(m_leasts[j]), k};
    }
};

template <> struct Decoder<Dtype::q2_k> : Opened<Dtype::q2_k>
{
    struct Group
    {
        const Decoder* decoder;
        int round;
        int k;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(decoder->m_block + 16 + 32 * round + 8 * i);
            const __m256i numbers = _mm256_and_si256(_mm256_srli_epi32(bytes, 2 * k), _mm256_set1_epi32(3));
            const int j = sub_block(round, k, i / 2);
            return fused_less(all(decoder->m_scales[j]), to_floats(numbers), all(decoder->m_leasts[j]));
        }
    };

    Group group(int round, int k) const { return {this, round, k}; }
};

template <> struct Decoder<Dtype::q3_k> : Opened<Dtype::q3_k>
{
    struct Group
    {
        const Decoder* decoder;
        __m256i high_bit;
        int round;
        int k;

        Vec load(int i) const
        {
            const __m256i bytes = wide_bytes(decoder->m_block + 32 + 32 * round + 8 * i);
            const __m256i low = _mm256_and_si256(_mm256_srli_epi32(bytes, 2 * k), _mm256_set1_epi32(3));
            const __m256i moved =
                _mm256_srlv_epi32(_mm256_slli_epi32(wide_bytes(decoder->m_block + 8 * i), 2), high_bit);
            const __m256i numbers = _mm256_or_si256(low, _mm256_and_si256(moved, _mm256_set1_epi32(4)));
            return all(decoder->m_scales[sub_block(round, k, i / 2)]) *
                   to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(4)));
        }
    };

    Group group(int round, int k) const { return {this, _mm256_set1_epi32(4 * round + k), round, k}; }
};

template <> struct Decoder<Dtype::q6_k> : Opened<Dtype::q6_k>
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
            return all(decoder->m_scales[sub_block(round, k, i / 2)]) *
                   to_floats(_mm256_sub_epi32(numbers, _mm256_set1_epi32(32)));
        }
    };

    Group group(int round, int k) const { return {this, round, k}; }
};

} // namespace

} // namespace kernels::cpu
