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

// ---- codes ----
//
// The codes of 32 numbers are put together in bytes, where one instruction works on all of them; each vector
// of floats then takes eight.

__m256i all_bytes(int value)
{
    return _mm256_set1_epi8(static_cast<char>(value));
}

__m256i thirty_two_bytes(const std::byte* src)
{
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(src));
}

// Bits n, n + 1, … of every byte as its lowest ones, as many as `mask` has. The mask keeps out what comes
// from the neighbouring byte.
__m256i bits_from(__m256i bytes, int n, int mask)
{
    return _mm256_and_si256(_mm256_srli_epi16(bytes, n), all_bytes(mask));
}

// 32 nibbles of 16 bytes, the lower ones first.
__m256i nibbles_at(const std::byte* src)
{
    const __m128i bytes = sixteen_bytes(src);
    return _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes), all_bytes(15));
}

// 255 where bit n of 32 is 1, else 0.
__m256i where_bits(const std::byte* src)
{
    const __m256i spread =
        _mm256_shuffle_epi8(_mm256_set1_epi32(load_as<int>(src)),
                            _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, //
                                             2, 2, 2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
    const __m256i own = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201u));
    return _mm256_cmpeq_epi8(_mm256_and_si256(spread, own), own);
}

__m128i eight_of(__m256i codes, int i)
{
    const __m128i half = i < 2 ? _mm256_castsi256_si128(codes) : _mm256_extracti128_si256(codes, 1);
    return i % 2 == 0 ? half : _mm_unpackhi_epi64(half, half);
}

Vec unsigned_floats(__m256i codes, int i)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight_of(codes, i)));
}

Vec signed_floats(__m256i codes, int i)
{
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight_of(codes, i)));
}

// 32 numbers that share a scale.
struct ScaledGroup
{
    __m256i codes; // signed
    Vec scale;

    Vec load(int i) const { return scale * signed_floats(codes, i); }
};

// scale * code + offset
struct ShiftedGroup
{
    __m256i codes; // unsigned
    Vec scale;
    Vec offset;

    Vec load(int i) const { return fused(scale, unsigned_floats(codes, i), offset); }
};

// As ScaledGroup, with a scale for each half.
struct ScaledHalves
{
    __m256i codes;
    Vec scale[2];

    Vec load(int i) const { return scale[i / 2] * signed_floats(codes, i); }
};

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
    ScaledGroup group(int, int) const
    {
        return {_mm256_sub_epi8(nibbles_at(m_block + 2), all_bytes(8)), f16_at(scale())};
    }
};

template <> struct Decoder<Dtype::q4_1> : Opened<Dtype::q4_1>
{
    ShiftedGroup group(int, int) const { return {nibbles_at(m_block + 4), f16_at(scale()), f16_at(least())}; }
};

template <> struct Decoder<Dtype::q5_0> : Opened<Dtype::q5_0>
{
    // The nibble less 16 where the fifth bit is 0: all upper bits set.
    ScaledGroup group(int, int) const
    {
        return {_mm256_or_si256(nibbles_at(m_block + 6),
                                _mm256_andnot_si256(where_bits(m_block + 2), all_bytes(0xf0))),
                f16_at(scale())};
    }
};

template <> struct Decoder<Dtype::q5_1> : Opened<Dtype::q5_1>
{
    ShiftedGroup group(int, int) const
    {
        return {_mm256_or_si256(nibbles_at(m_block + 8),
                                _mm256_and_si256(where_bits(m_block + 4), all_bytes(16))),
                f16_at(scale()), f16_at(least())};
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
            return scale * _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(eight_bytes(numbers + 8 * i)));
        }
    };

    Group group(int, int) const { return {m_block + 2, f16_at(scale())}; }
};

// IQ4_NL and IQ4_XS: nibbles are numbers of a level.
__m256i levels_at(const std::byte* nibbles)
{
    const __m256i levels = _mm256_broadcastsi128_si256(
        _mm_setr_epi8(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113));
    return _mm256_shuffle_epi8(levels, nibbles_at(nibbles));
}

template <> struct Decoder<Dtype::iq4_nl> : Opened<Dtype::iq4_nl>
{
    ScaledGroup group(int, int) const { return {levels_at(m_block + 2), f16_at(scale())}; }
};

// ---- blocks of 256 numbers ----

template <> struct Decoder<Dtype::iq4_xs> : Opened<Dtype::iq4_xs>
{
    ScaledGroup group(int round, int) const
    {
        return {levels_at(m_block + 8 + 16 * round), all(m_scales[round])};
    }
};

// Two groups share 32 bytes: the first has the lower nibbles. No detour over bytes, since these are all there
// is to a code.
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
            const __m256i bytes = _mm256_cvtepu8_epi32(eight_bytes(nibbles + 8 * i));
            const __m256i codes =
                half == 0 ? _mm256_and_si256(bytes, _mm256_set1_epi32(15)) : _mm256_srli_epi32(bytes, 4);
            return fused_less(scale, _mm256_cvtepi32_ps(codes), least);
        }
    };

    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 16 + 32 * round, all(scale(j)), all(least(j)), k};
    }
};

// As Q4_K; bit j of byte n of `high` belongs to number n of group j.
template <> struct Decoder<Dtype::q5_k> : Opened<Dtype::q5_k>
{
    ShiftedGroup group(int round, int k) const
    {
        const int j = 2 * round + k;
        const __m256i high = bits_from(thirty_two_bytes(m_block + 16), j, 1);
        return {_mm256_or_si256(bits_from(thirty_two_bytes(m_block + 48 + 32 * round), 4 * k, 15),
                                _mm256_slli_epi16(high, 4)),
                all(scale(j)), all(-least(j))};
    }
};

template <> struct Decoder<Dtype::q2_k> : Opened<Dtype::q2_k>
{
    struct Group
    {
        __m256i codes;
        Vec scale[2];
        Vec least[2];

        Vec load(int i) const { return fused_less(scale[i / 2], unsigned_floats(codes, i), least[i / 2]); }
    };

    Group group(int round, int k) const
    {
        const int j = sub_block(round, k, 0);
        return {bits_from(thirty_two_bytes(m_block + 16 + 32 * round), 2 * k, 3),
                {all(m_scales[j]), all(m_scales[j + 1])},
                {all(m_leasts[j]), all(m_leasts[j + 1])}};
    }
};

template <> struct Decoder<Dtype::q3_k> : Opened<Dtype::q3_k>
{
    ScaledHalves group(int round, int k) const
    {
        const int j = sub_block(round, k, 0);
        const __m256i low = bits_from(thirty_two_bytes(m_block + 32 + 32 * round), 2 * k, 3);
        const __m256i high = bits_from(thirty_two_bytes(m_block), 4 * round + k, 1);
        return {_mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 2)), all_bytes(4)),
                {all(m_scales[j]), all(m_scales[j + 1])}};
    }
};

template <> struct Decoder<Dtype::q6_k> : Opened<Dtype::q6_k>
{
    ScaledHalves group(int round, int k) const
    {
        const int j = sub_block(round, k, 0);
        const __m256i low = bits_from(thirty_two_bytes(m_block + 64 * round + 32 * (k % 2)), 4 * (k / 2), 15);
        const __m256i high = bits_from(thirty_two_bytes(m_block + 128 + 32 * round), 2 * k, 3);
        return {_mm256_sub_epi8(_mm256_or_si256(low, _mm256_slli_epi16(high, 4)), all_bytes(32)),
                {all(m_scales[j]), all(m_scales[j + 1])}};
    }
};

} // namespace

} // namespace kernels::cpu
