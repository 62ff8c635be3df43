// SPDX-License-Identifier: MIT
// Stored numbers to floats in registers, sixteen at a time, the same bits as kernels::dequantise_row. For
// files that are compiled with AVX-512 F, BW, DQ and VL. What a Decoder is stands in avx2_decode.h.
//
// A register holds sixteen floats, as many as there are codes of four bits. So the floats of all codes of a
// sub-block are computed once, and each number is one look-up, which ignores the upper bits of its code.
#pragma once

#include "kernels/cpu/avx512_vector.h"
#include "kernels/cpu/opened_blocks.h"

#include <immintrin.h>

namespace kernels::cpu {

namespace {

// In every lane.
Vec f16_in_all_lanes(const std::byte* src)
{
    return _mm512_cvtph_ps(_mm256_set1_epi16(load_as<short>(src)));
}

// Sixteen unsigned bytes as integers of 32 bits.
__m512i wide_bytes(const std::byte* src)
{
    return _mm512_cvtepu8_epi32(sixteen_bytes(src));
}

Vec to_floats(__m512i numbers)
{
    return _mm512_cvtepi32_ps(numbers);
}

// first, first + 1, … first + 15
Vec ascending_from(float first)
{
    return all(first) + _mm512_setr_ps(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
}

// The entry that the lowest four bits of each code name.
Vec look_up(Vec table, __m512i codes)
{
    return _mm512_permutexvar_ps(codes, table);
}

// The lowest five bits: the first 16 entries are in `low`.
Vec look_up(Vec low, Vec high, __m512i codes)
{
    return _mm512_permutex2var_ps(low, codes, high);
}

// The bits of `low` where `mask` has ones, elsewhere those of `high`.
__m512i join(int mask, __m512i low, __m512i high)
{
    constexpr int choose = 0xca;
    return _mm512_ternarylogic_epi32(_mm512_set1_epi32(mask), low, high, choose);
}

// ---- plain numbers ----

template <Dtype dtype> Vec load_plain(const std::byte* row, Index c)
{
    if constexpr (dtype == Dtype::f32) {
        return load(reinterpret_cast<const float*>(row + 4 * c));
    } else if constexpr (dtype == Dtype::f8_e4m3) {
        const __m256i halves =
            _mm256_set_m128i(f8_as_f16(eight_bytes(row + c + 8)), f8_as_f16(eight_bytes(row + c)));
        return _mm512_cvtph_ps(halves) * all(256.0f);
    } else {
        const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row + 2 * c));
        if constexpr (dtype == Dtype::f16)
            return _mm512_cvtph_ps(bits);
        else
            return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
    }
}

template <Dtype dtype> struct Decoder : Opened<dtype>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return load_plain<dtype>(this->m_numbers, 16 * i); }
};

template <> struct Decoder<Dtype::f8_e4m3> : Opened<Dtype::f8_e4m3>
{
    const Decoder& group(int, int) const { return *this; }
    Vec load(int i) const { return all(m_factor) * load_plain<Dtype::f8_e4m3>(m_numbers, 16 * i); }
};

// ---- codes of four bits ----

// 32 numbers in 16 bytes of nibbles, the lower ones first.
struct NibblesGroup
{
    const std::byte* nibbles;
    Vec table;

    Vec load(int i) const
    {
        const __m512i bytes = wide_bytes(nibbles);
        return look_up(table, i == 0 ? bytes : _mm512_srli_epi32(bytes, 4));
    }
};

template <> struct Decoder<Dtype::q4_0> : Opened<Dtype::q4_0>
{
    NibblesGroup group(int, int) const
    {
        return {m_block + 2, f16_in_all_lanes(scale()) * ascending_from(-8.0f)};
    }
};

template <> struct Decoder<Dtype::q4_1> : Opened<Dtype::q4_1>
{
    NibblesGroup group(int, int) const
    {
        return {m_block + 4,
                fused(f16_in_all_lanes(scale()), ascending_from(0.0f), f16_in_all_lanes(least()))};
    }
};

// IQ4_NL and IQ4_XS: nibbles are numbers of a level.
Vec levels()
{
    return _mm512_setr_ps(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);
}

template <> struct Decoder<Dtype::iq4_nl> : Opened<Dtype::iq4_nl>
{
    NibblesGroup group(int, int) const { return {m_block + 2, f16_in_all_lanes(scale()) * levels()}; }
};

template <> struct Decoder<Dtype::iq4_xs> : Opened<Dtype::iq4_xs>
{
    NibblesGroup group(int round, int) const
    {
        return {m_block + 8 + 16 * round, all(m_scales[round]) * levels()};
    }
};

// Two groups share 32 bytes: the first has the lower nibbles.
template <> struct Decoder<Dtype::q4_k> : Opened<Dtype::q4_k>
{
    struct Group
    {
        const std::byte* nibbles;
        Vec table;
        int half;

        Vec load(int i) const
        {
            const __m512i bytes = wide_bytes(nibbles + 16 * i);
            return look_up(table, half == 0 ? bytes : _mm512_srli_epi32(bytes, 4));
        }
    };

    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 16 + 32 * round, fused_less(all(scale(j)), ascending_from(0.0f), all(least(j))), k};
    }
};

// ---- five bits ----

// As NibblesGroup, with the fifth bits of the 32 numbers in one word.
struct FiveBitsGroup
{
    const std::byte* nibbles;
    __m512i high; // the word, in every lane
    Vec table[2];

    Vec load(int i) const
    {
        const __m512i bytes = wide_bytes(nibbles);
        // Bit `lane` or bit 16 + `lane` moves to the place of a fifth bit.
        const __m512i lane = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
        const __m512i moved =
            _mm512_rorv_epi32(high, _mm512_add_epi32(lane, _mm512_set1_epi32(i == 0 ? 28 : 12)));
        return look_up(table[0], table[1], join(15, i == 0 ? bytes : _mm512_srli_epi32(bytes, 4), moved));
    }
};

template <> struct Decoder<Dtype::q5_0> : Opened<Dtype::q5_0>
{
    FiveBitsGroup group(int, int) const
    {
        return {m_block + 6,
                _mm512_set1_epi32(load_as<int>(m_block + 2)),
                {f16_in_all_lanes(scale()) * ascending_from(-16.0f),
                 f16_in_all_lanes(scale()) * ascending_from(0.0f)}};
    }
};

template <> struct Decoder<Dtype::q5_1> : Opened<Dtype::q5_1>
{
    FiveBitsGroup group(int, int) const
    {
        return {m_block + 8,
                _mm512_set1_epi32(load_as<int>(m_block + 4)),
                {fused(f16_in_all_lanes(scale()), ascending_from(0.0f), f16_in_all_lanes(least())),
                 fused(f16_in_all_lanes(scale()), ascending_from(16.0f), f16_in_all_lanes(least()))}};
    }
};

// As Q4_K; bit j of byte n of `high` belongs to number n of group j.
template <> struct Decoder<Dtype::q5_k> : Opened<Dtype::q5_k>
{
    struct Group
    {
        const std::byte* nibbles;
        const std::byte* high;
        __m512i turn; // brings bit j to the place of a fifth bit
        Vec table[2];
        int half;

        Vec load(int i) const
        {
            const __m512i bytes = wide_bytes(nibbles + 16 * i);
            const __m512i moved = _mm512_rolv_epi32(wide_bytes(high + 16 * i), turn);
            return look_up(table[0], table[1],
                           join(15, half == 0 ? bytes : _mm512_srli_epi32(bytes, 4), moved));
        }
    };

    Group group(int round, int k) const
    {
        const int j = 2 * round + k;
        return {m_block + 48 + 32 * round,
                m_block + 16,
                _mm512_set1_epi32(4 - j),
                {fused_less(all(scale(j)), ascending_from(0.0f), all(least(j))),
                 fused_less(all(scale(j)), ascending_from(16.0f), all(least(j)))},
                k};
    }
};

// ---- a scale for each vector of sixteen ----

template <> struct Decoder<Dtype::q2_k> : Opened<Dtype::q2_k>
{
    struct Group
    {
        const Decoder* decoder;
        int round;
        int k;

        Vec load(int i) const
        {
            const __m512i bytes = wide_bytes(decoder->m_block + 16 + 32 * round + 16 * i);
            const int j = sub_block(round, k, i);
            // The same four entries again and again, whatever the bits above the lowest two.
            const Vec table = fused_less(all(decoder->m_scales[j]),
                                         _mm512_setr_ps(0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3),
                                         all(decoder->m_leasts[j]));
            return look_up(table, _mm512_srli_epi32(bytes, static_cast<unsigned>(2 * k)));
        }
    };

    Group group(int round, int k) const { return {this, round, k}; }
};

template <> struct Decoder<Dtype::q3_k> : Opened<Dtype::q3_k>
{
    struct Group
    {
        const Decoder* decoder;
        __m512i turn; // brings bit 4 * round + k to the place of a third bit
        int round;
        int k;

        Vec load(int i) const
        {
            const __m512i bytes = wide_bytes(decoder->m_block + 32 + 32 * round + 16 * i);
            const __m512i moved = _mm512_rolv_epi32(wide_bytes(decoder->m_block + 16 * i), turn);
            // The same eight entries twice, whatever the fourth bit.
            const Vec table = all(decoder->m_scales[sub_block(round, k, i)]) *
                              _mm512_setr_ps(-4, -3, -2, -1, 0, 1, 2, 3, -4, -3, -2, -1, 0, 1, 2, 3);
            return look_up(table, join(3, _mm512_srli_epi32(bytes, static_cast<unsigned>(2 * k)), moved));
        }
    };

    Group group(int round, int k) const { return {this, _mm512_set1_epi32(2 - 4 * round - k), round, k}; }
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
            const __m512i bytes = wide_bytes(block + 64 * round + 32 * (k % 2) + 16 * i);
            const __m512i pairs = wide_bytes(block + 128 + 32 * round + 16 * i);
            const __m512i moved = k < 2 ? _mm512_slli_epi32(pairs, static_cast<unsigned>(4 - 2 * k))
                                        : _mm512_srli_epi32(pairs, static_cast<unsigned>(2 * k - 4));
            const __m512i numbers = join(15, k < 2 ? bytes : _mm512_srli_epi32(bytes, 4),
                                         _mm512_and_si512(moved, _mm512_set1_epi32(48)));
            return all(decoder->m_scales[sub_block(round, k, i)]) *
                   to_floats(_mm512_sub_epi32(numbers, _mm512_set1_epi32(32)));
        }
    };

    Group group(int round, int k) const { return {this, round, k}; }
};

// ---- eight bits ----

template <> struct Decoder<Dtype::q8_0> : Opened<Dtype::q8_0>
{
    struct Group
    {
        const std::byte* numbers;
        Vec scale;

        Vec load(int i) const
        {
            return scale * to_floats(_mm512_cvtepi8_epi32(sixteen_bytes(numbers + 16 * i)));
        }
    };

    Group group(int, int) const { return {m_block + 2, f16_in_all_lanes(scale())}; }
};

} // namespace

} // namespace kernels::cpu
