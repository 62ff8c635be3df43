// SPDX-License-Identifier: MIT
#include "kernels/quant/dequantise_iq.h"

#include "kernels/quant/float16.h"
#include "kernels/quant/iq_tables.h"

#include <bit>

namespace kernels {

namespace {

// Magnitudes of a code, one after the other from its lowest bits on.
constexpr float iq2_levels[4] = {8.0f, 25.0f, 43.0f, 0.0f};
constexpr float iq3_xxs_levels[8] = {4.0f, 12.0f, 20.0f, 28.0f, 36.0f, 44.0f, 52.0f, 62.0f};

float signed_as(float magnitude, unsigned signs, int k)
{
    return (signs >> k & 1) != 0 ? -magnitude : magnitude;
}

// Eight numbers: two bits of `code` and one of `signs` each.
void write_iq2(float* dst, float scale, unsigned code, unsigned signs)
{
    for (int k = 0; k < 8; ++k)
        dst[k] = signed_as(scale * iq2_levels[code >> (2 * k) & 3], signs, k);
}

// Eight numbers with the values -1, 0 and 1, all shifted by the same eighth.
void write_iq1(float* dst, float scale, unsigned code, bool is_shifted_down)
{
    const float shift = is_shifted_down ? -0.125f : 0.125f;
    for (int k = 0; k < 8; ++k)
        dst[k] = scale * (static_cast<float>(static_cast<int>(code >> (2 * k) & 3) - 1) + shift);
}

// Seven signs; the eighth makes their number even.
unsigned all_signs(unsigned seven)
{
    return seven | (static_cast<unsigned>(std::popcount(seven)) & 1) << 7;
}

std::uint32_t word(const std::uint8_t (&bytes)[4])
{
    return bytes[0] | static_cast<std::uint32_t>(bytes[1]) << 8 | static_cast<std::uint32_t>(bytes[2]) << 16 |
           static_cast<std::uint32_t>(bytes[3]) << 24;
}

// The scale of 16 numbers whose four bits are a nibble of `scales`.
float half_step_scale(float scale, std::uint8_t scales, int which)
{
    return scale * (0.5f + static_cast<float>(scales >> (4 * which) & 15)) * 0.25f;
}

} // namespace

void dequantise_block(const IQ2_XXSBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const std::uint32_t signs = word(block.parts[j].signs);
        const float scale = f16_to_f32(block.scale) * (0.5f + static_cast<float>(signs >> 28)) * 0.25f;
        for (int g = 0; g < 4; ++g)
            write_iq2(dst + 32 * j + 8 * g, scale, iq2_xxs_codes[block.parts[j].codes[g]],
                      all_signs(signs >> (7 * g) & 127));
    }
}

void dequantise_block(const IQ2_XSBlock& block, float* dst)
{
    for (int group = 0; group < 32; ++group) {
        const float scale = half_step_scale(f16_to_f32(block.scale), block.scales[group / 4], group % 4 / 2);
        const unsigned code = block.codes[group];
        write_iq2(dst + 8 * group, scale, iq2_xs_codes[code & 511], all_signs(code >> 9));
    }
}

void dequantise_block(const IQ2_SBlock& block, float* dst)
{
    for (int group = 0; group < 32; ++group) {
        const int j = group / 4;
        const int g = group % 4;
        const float scale = half_step_scale(f16_to_f32(block.scale), block.scales[j], g / 2);
        const int code = block.codes[group] | (block.high[j] >> (2 * g) & 3) << 8;
        write_iq2(dst + 8 * group, scale, iq2_s_codes[code], block.signs[group]);
    }
}

void dequantise_block(const IQ3_XXSBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const std::uint32_t bits = word(block.signs[j]);
        const float scale = f16_to_f32(block.scale) * (0.5f + static_cast<float>(bits >> 28)) * 0.5f;
        for (int i = 0; i < 32; ++i) {
            const unsigned code = iq3_xxs_codes[block.codes[8 * j + i / 4]];
            const unsigned signs = all_signs(bits >> (7 * (i / 8)) & 127);
            dst[32 * j + i] = signed_as(scale * iq3_xxs_levels[code >> (3 * (i % 4)) & 7], signs, i % 8);
        }
    }
}

void dequantise_block(const IQ3_SBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const int steps = 1 + 2 * (block.scales[j / 2] >> (4 * (j % 2)) & 15);
        const float scale = f16_to_f32(block.scale) * static_cast<float>(steps);
        for (int i = 0; i < 32; ++i) {
            const int high = block.high[j] >> (i / 4) & 1;
            const unsigned code = iq3_s_codes[block.codes[8 * j + i / 4] | high << 8];
            const auto magnitude = static_cast<float>(1 + 2 * (code >> (3 * (i % 4)) & 7)); // 1, 3 … 15
            dst[32 * j + i] = signed_as(scale * magnitude, block.signs[4 * j + i / 8], i % 8);
        }
    }
}

void dequantise_block(const IQ1_SBlock& block, float* dst)
{
    for (int j = 0; j < 8; ++j) {
        const unsigned high = block.high[j];
        const float scale = f16_to_f32(block.scale) * static_cast<float>(2 * (high >> 12 & 7) + 1);
        for (int g = 0; g < 4; ++g)
            write_iq1(dst + 32 * j + 8 * g, scale,
                      iq1_codes[block.codes[4 * j + g] | (high >> (3 * g) & 7) << 8], (high >> 15) != 0);
    }
}

void dequantise_block(const IQ1_MBlock& block, float* dst)
{
    unsigned scale_bits = 0;
    for (int k = 0; k < 4; ++k)
        scale_bits |= static_cast<unsigned>(block.scales[k] >> 12) << (4 * k);
    const float scale = f16_to_f32(static_cast<std::uint16_t>(scale_bits));
    for (int group = 0; group < 32; ++group) {
        const int half = group / 2; // 16 numbers share a scale
        const int steps = 2 * (block.scales[half / 4] >> (3 * (half % 4)) & 7) + 1;
        const unsigned high = block.high[half] >> (4 * (group % 2)) & 15u;
        write_iq1(dst + 8 * group, scale * static_cast<float>(steps),
                  iq1_codes[block.codes[group] | (high & 7) << 8], (high & 8) != 0);
    }
}

} // namespace kernels
