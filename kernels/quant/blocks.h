// SPDX-License-Identifier: MIT
// The blocks of GGUF's quantised types, field by field, little-endian. `scale` and `least` are f16; a K-quant
// multiplies them by small integers for each of its sub-blocks. How a number follows from its fields stands
// beside each dequantiser in dequantise.cpp and dequantise_iq.cpp.
//
// Nibbles: byte j of 16 holds number j in its low half and number j + 16 in its high half.
#pragma once

#include <cstdint>

namespace kernels {

struct Q4_0Block
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::uint8_t nibbles[16];
};
static_assert(sizeof(Q4_0Block) == 18);

struct Q4_1Block
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::uint16_t least;
    std::uint8_t nibbles[16];
};
static_assert(sizeof(Q4_1Block) == 20);

struct Q5_0Block
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::uint8_t high[4]; // bit i of 32: the fifth bit of number i
    std::uint8_t nibbles[16];
};
static_assert(sizeof(Q5_0Block) == 22);

struct Q5_1Block
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::uint16_t least;
    std::uint8_t high[4];
    std::uint8_t nibbles[16];
};
static_assert(sizeof(Q5_1Block) == 24);

struct Q8_0Block
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::int8_t values[32];
};
static_assert(sizeof(Q8_0Block) == 34);

// 16 sub-blocks of 16: scale in the low nibble, offset in the high one.
struct Q2_KBlock
{
    static constexpr int count = 256;
    std::uint8_t scales[16];
    std::uint8_t pairs[64]; // number 128 h + 32 j + l: bits 2 j of byte 32 h + l
    std::uint16_t scale;
    std::uint16_t least;
};
static_assert(sizeof(Q2_KBlock) == 84);

// 16 sub-blocks of 16 with scales of six bits.
struct Q3_KBlock
{
    static constexpr int count = 256;
    std::uint8_t high[32];   // number 128 h + 32 j + l: bit 4 h + j of byte l, the third bit
    std::uint8_t pairs[64];  // the lower two, as in Q2_K
    std::uint8_t scales[12]; // see q3_k_scale
    std::uint16_t scale;
};
static_assert(sizeof(Q3_KBlock) == 110);

// 8 sub-blocks of 32 with scales and offsets of six bits.
struct Q4_KBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint16_t least;
    std::uint8_t scales[12];   // see k_scale
    std::uint8_t nibbles[128]; // sub-blocks 2 g and 2 g + 1: low and high halves of bytes 32 g … 32 g + 31
};
static_assert(sizeof(Q4_KBlock) == 144);

struct Q5_KBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint16_t least;
    std::uint8_t scales[12];
    std::uint8_t high[32]; // bit j of byte l: the fifth bit of number l of sub-block j
    std::uint8_t nibbles[128];
};
static_assert(sizeof(Q5_KBlock) == 176);

// 16 sub-blocks of 16 with scales of eight bits. Number 128 h + 32 j + l: its lower four bits in byte
// 64 h + 32 (j mod 2) + l, in the low half for j < 2; its upper two in bits 2 j of byte 32 h + l.
struct Q6_KBlock
{
    static constexpr int count = 256;
    std::uint8_t nibbles[128];
    std::uint8_t high[64];
    std::int8_t scales[16];
    std::uint16_t scale;
};
static_assert(sizeof(Q6_KBlock) == 210);

struct IQ4_NLBlock
{
    static constexpr int count = 32;
    std::uint16_t scale;
    std::uint8_t nibbles[16];
};
static_assert(sizeof(IQ4_NLBlock) == 18);

// 8 sub-blocks of 32, each as IQ4_NL, with scales of six bits, 32 subtracted.
struct IQ4_XSBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint16_t scales_high;  // bits 2 j: the upper two of sub-block j
    std::uint8_t scales_low[4]; // nibbles
    std::uint8_t nibbles[128];
};
static_assert(sizeof(IQ4_XSBlock) == 136);

// The IQ1, IQ2 and IQ3 types look up groups of eight or four magnitudes in code books (iq_tables.h) and keep
// their signs apart. Eight sub-blocks j of 32 numbers, four groups g of eight in each.

struct IQ1_SBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint8_t codes[32];
    std::uint16_t high[8]; // bits 3 g: the upper three of a code; 12 to 14: the sub-block's scale; 15: shift
};
static_assert(sizeof(IQ1_SBlock) == 50);

struct IQ1_MBlock
{
    static constexpr int count = 256;
    std::uint8_t codes[32];
    std::uint8_t high[16];   // a nibble for each group: the upper three bits of its code, and its shift
    std::uint16_t scales[4]; // four scales of three bits each; the top nibbles make the block's f16 scale
};
static_assert(sizeof(IQ1_MBlock) == 56);

struct IQ2_XXSBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    struct
    {
        std::uint8_t codes[4];
        std::uint8_t signs[4]; // a u32: seven bits of signs for each group, the scale in bits 28 to 31
    } parts[8];
};
static_assert(sizeof(IQ2_XXSBlock) == 66);

struct IQ2_XSBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint16_t codes[32]; // nine bits of code, seven of signs
    std::uint8_t scales[8];  // a nibble for 16 numbers
};
static_assert(sizeof(IQ2_XSBlock) == 74);

struct IQ2_SBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint8_t codes[32];
    std::uint8_t signs[32];
    std::uint8_t high[8]; // bits 2 g: the upper two of a code
    std::uint8_t scales[8];
};
static_assert(sizeof(IQ2_SBlock) == 82);

struct IQ3_XXSBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint8_t codes[64];
    std::uint8_t signs[8][4]; // as in IQ2_XXS
};
static_assert(sizeof(IQ3_XXSBlock) == 98);

struct IQ3_SBlock
{
    static constexpr int count = 256;
    std::uint16_t scale;
    std::uint8_t codes[64];
    std::uint8_t high[8]; // bit k: the ninth bit of code k of the sub-block
    std::uint8_t signs[32];
    std::uint8_t scales[4]; // a nibble for each sub-block
};
static_assert(sizeof(IQ3_SBlock) == 110);

// The sixteen levels of IQ4_NL and IQ4_XS.
inline constexpr std::int8_t iq4_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                               1,    13,   25,  38,  53,  69,  89,  113};

struct ScaleAndLeast
{
    int scale;
    int least;
};

// Six-bit scale and offset of sub-block j of Q4_K and Q5_K. The first four lie in six bits of bytes j and
// j + 4; the others have four bits in byte j + 4 and two on top of those.
inline ScaleAndLeast k_scale(const std::uint8_t (&scales)[12], int j)
{
    if (j < 4)
        return {scales[j] & 63, scales[j + 4] & 63};
    return {(scales[j + 4] & 15) | (scales[j - 4] >> 6 << 4), (scales[j + 4] >> 4) | (scales[j] >> 6 << 4)};
}

// Scale of sub-block b of Q3_K, -32 … 31: four bits in a nibble of the first eight bytes, two in the last
// four.
inline int q3_k_scale(const std::uint8_t (&scales)[12], int b)
{
    const int low = b < 8 ? scales[b] & 15 : scales[b - 8] >> 4;
    return (low | (scales[8 + b % 4] >> (2 * (b / 4)) & 3) << 4) - 32;
}

} // namespace kernels
