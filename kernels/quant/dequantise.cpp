// SPDX-License-Identifier: MIT
// One readable function for each format. Scale times sub-scale first, then times the number, then the offset:
// the order that all readers of these files share, so that their floats are equal bit for bit. Every product
// of a scale and a number fits the 24 bits of a float, so a fused subtraction of the offset changes nothing.
#include "kernels/quant/dequantise.h"

#include "kernels/quant/blocks.h"
#include "kernels/quant/dequantise_iq.h"
#include "kernels/quant/float16.h"
#include "kernels/quant/float8.h"

#include <cstring>

namespace kernels {

namespace {

template <class T> T load(const std::byte* src)
{
    T value;
    std::memcpy(&value, src, sizeof value);
    return value;
}

// Number i of 32 in 16 bytes of nibbles.
int nibble(const std::uint8_t* nibbles, int i)
{
    return nibbles[i % 16] >> (i < 16 ? 0 : 4) & 15;
}

// Bit i of 32, as the fifth bit of a number.
int fifth_bit(const std::uint8_t (&high)[4], int i)
{
    return (high[i / 8] >> (i % 8) & 1) << 4;
}

// ---- 32 numbers ----

void dequantise_block(const Q4_0Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(nibble(block.nibbles, i) - 8);
}

void dequantise_block(const Q4_1Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    const float least = f16_to_f32(block.least);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(nibble(block.nibbles, i)) + least;
}

void dequantise_block(const Q5_0Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>((nibble(block.nibbles, i) | fifth_bit(block.high, i)) - 16);
}

void dequantise_block(const Q5_1Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    const float least = f16_to_f32(block.least);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(nibble(block.nibbles, i) | fifth_bit(block.high, i)) + least;
}

void dequantise_block(const Q8_0Block& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(block.values[i]);
}

void dequantise_block(const IQ4_NLBlock& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 32; ++i)
        dst[i] = scale * static_cast<float>(iq4_levels[nibble(block.nibbles, i)]);
}

// ---- 256 numbers ----

void dequantise_block(const Q2_KBlock& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    const float least = f16_to_f32(block.least);
    for (int i = 0; i < 256; ++i) {
        const int value = block.pairs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        const int scales = block.scales[i / 16];
        dst[i] = scale * static_cast<float>(scales & 15) * static_cast<float>(value) -
                 least * static_cast<float>(scales >> 4);
    }
}

void dequantise_block(const Q3_KBlock& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 256; ++i) {
        const int low = block.pairs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2) & 3;
        const int high = block.high[i % 32] >> (i / 32) & 1;
        dst[i] = scale * static_cast<float>(q3_k_scale(block.scales, i / 16)) *
                 static_cast<float>(low + 4 * high - 4);
    }
}

void dequantise_block(const Q4_KBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const ScaleAndLeast part = k_scale(block.scales, j);
        const float scale = f16_to_f32(block.scale) * static_cast<float>(part.scale);
        const float least = f16_to_f32(block.least) * static_cast<float>(part.least);
        for (int l = 0; l < 32; ++l) {
            const int value = block.nibbles[32 * (j / 2) + l] >> (4 * (j % 2)) & 15;
            dst[32 * j + l] = scale * static_cast<float>(value) - least;
        }
    }
}

void dequantise_block(const Q5_KBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const ScaleAndLeast part = k_scale(block.scales, j);
        const float scale = f16_to_f32(block.scale) * static_cast<float>(part.scale);
        const float least = f16_to_f32(block.least) * static_cast<float>(part.least);
        for (int l = 0; l < 32; ++l) {
            const int low = block.nibbles[32 * (j / 2) + l] >> (4 * (j % 2)) & 15;
            const int high = block.high[l] >> j & 1;
            dst[32 * j + l] = scale * static_cast<float>(low | high << 4) - least;
        }
    }
}

void dequantise_block(const Q6_KBlock& block, float* dst)
{
    const float scale = f16_to_f32(block.scale);
    for (int i = 0; i < 256; ++i) {
        const int half = i / 128;
        const int j = i % 128 / 32;
        const int l = i % 32;
        const int low = block.nibbles[64 * half + 32 * (j % 2) + l] >> (4 * (j / 2)) & 15;
        const int high = block.high[32 * half + l] >> (2 * j) & 3;
        dst[i] =
            scale * static_cast<float>(block.scales[i / 16]) * static_cast<float>((low | high << 4) - 32);
    }
}

void dequantise_block(const IQ4_XSBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const int low = block.scales_low[j / 2] >> (4 * (j % 2)) & 15;
        const int high = block.scales_high >> (2 * j) & 3;
        const float scale = f16_to_f32(block.scale) * static_cast<float>((low | high << 4) - 32);
        for (int i = 0; i < 32; ++i)
            dst[32 * j + i] = scale * static_cast<float>(iq4_levels[nibble(block.nibbles + 16 * j, i)]);
    }
}

// ---- rows ----

template <class Block> void dequantise_blocks(const std::byte* src, float* dst, std::int64_t columns)
{
    for (std::int64_t c = 0; c < columns; c += Block::count, src += sizeof(Block))
        dequantise_block(load<Block>(src), dst + c);
}

void copy_floats(const std::byte* src, float* dst, std::int64_t columns)
{
    if (columns > 0)
        std::memcpy(dst, src, static_cast<std::size_t>(columns) * sizeof(float));
}

template <float (*widen)(std::uint16_t)>
void widen_halves(const std::byte* src, float* dst, std::int64_t columns)
{
    for (std::int64_t c = 0; c < columns; ++c)
        dst[c] = widen(load<std::uint16_t>(src + 2 * c));
}

void widen_bytes(const std::byte* src, float* dst, std::int64_t columns)
{
    for (std::int64_t c = 0; c < columns; ++c)
        dst[c] = f8_e4m3_to_f32(static_cast<std::uint8_t>(src[c]));
}

struct RowReader
{
    Dtype dtype;
    void (*dequantise)(const std::byte* src, float* dst, std::int64_t columns);
};

constexpr RowReader readers[] = {
    {Dtype::f32, copy_floats},
    {Dtype::f16, widen_halves<f16_to_f32>},
    {Dtype::bf16, widen_halves<bf16_to_f32>},
    {Dtype::f8_e4m3, widen_bytes},
    {Dtype::q4_0, dequantise_blocks<Q4_0Block>},
    {Dtype::q4_1, dequantise_blocks<Q4_1Block>},
    {Dtype::q5_0, dequantise_blocks<Q5_0Block>},
    {Dtype::q5_1, dequantise_blocks<Q5_1Block>},
    {Dtype::q8_0, dequantise_blocks<Q8_0Block>},
    {Dtype::q2_k, dequantise_blocks<Q2_KBlock>},
    {Dtype::q3_k, dequantise_blocks<Q3_KBlock>},
    {Dtype::q4_k, dequantise_blocks<Q4_KBlock>},
    {Dtype::q5_k, dequantise_blocks<Q5_KBlock>},
    {Dtype::q6_k, dequantise_blocks<Q6_KBlock>},
    {Dtype::iq4_nl, dequantise_blocks<IQ4_NLBlock>},
    {Dtype::iq4_xs, dequantise_blocks<IQ4_XSBlock>},
    {Dtype::iq1_s, dequantise_blocks<IQ1_SBlock>},
    {Dtype::iq1_m, dequantise_blocks<IQ1_MBlock>},
    {Dtype::iq2_xxs, dequantise_blocks<IQ2_XXSBlock>},
    {Dtype::iq2_xs, dequantise_blocks<IQ2_XSBlock>},
    {Dtype::iq2_s, dequantise_blocks<IQ2_SBlock>},
    {Dtype::iq3_xxs, dequantise_blocks<IQ3_XXSBlock>},
    {Dtype::iq3_s, dequantise_blocks<IQ3_SBlock>},
};

constexpr bool readers_are_in_order()
{
    for (std::size_t i = 0; i < dtype_count; ++i)
        if (readers[i].dtype != dtype_infos[i].dtype)
            return false;
    return std::size(readers) == dtype_count;
}
static_assert(readers_are_in_order());

} // namespace

void dequantise_row(Dtype dtype, const std::byte* src, float* dst, std::int64_t columns)
{
    readers[static_cast<std::size_t>(dtype)].dequantise(src, dst, columns);
}

void dequantise_row(const Matrix& w, std::int64_t r, float* dst)
{
    dequantise_row(w.dtype, w.row(r), dst, w.columns);
    if (const std::byte* factors = w.scales.row(r))
        for (std::int64_t c = 0; c < w.columns; ++c)
            dst[c] *= load<float>(factors + c / BlockScales::block * std::int64_t{sizeof(float)});
}

} // namespace kernels
