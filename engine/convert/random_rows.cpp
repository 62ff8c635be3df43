// SPDX-License-Identifier: MIT
#include "engine/convert/random_rows.h"

#include "engine/error.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/float16.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <iterator>

namespace engine {

using kernels::Dtype;

namespace {

constexpr std::uint64_t golden_ratio = 0x9e3779b97f4a7c15u;

std::uint64_t mix(std::uint64_t& state)
{
    state += golden_ratio;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

// Standard deviation of a uniform distribution over `levels` neighbouring integers.
float deviation_of(int levels)
{
    return std::sqrt((static_cast<float>(levels) * static_cast<float>(levels) - 1.0f) / 12.0f);
}

// The scale of one block: what brings quants of deviation `quants` to that of the row, up to a quarter more
// or less.
float block_scale(const RandomRow& row, float quants, Random& random)
{
    float scale = row.deviation / quants * random.uniform(0.75f, 1.25f);
    if (row.outlier_every > 0 && random.next() % row.outlier_every == 0)
        scale *= 8.0f;
    return scale;
}

// Quants of a type without offset lean to one side by half a step, since zero is one of an even number of
// levels. Half of the blocks lean to the other.
float with_random_sign(float scale, Random& random)
{
    return random.next() >> 63 ? -scale : scale;
}

template <class Block> Block random_quants(Random& random)
{
    Block block;
    random.fill(reinterpret_cast<std::byte*>(&block), sizeof block);
    return block;
}

kernels::Q4_0Block make(const RandomRow& row, Random& random, kernels::Q4_0Block block)
{
    block.scale = kernels::f32_to_f16(with_random_sign(block_scale(row, deviation_of(16), random), random));
    return block;
}

kernels::Q5_0Block make(const RandomRow& row, Random& random, kernels::Q5_0Block block)
{
    block.scale = kernels::f32_to_f16(with_random_sign(block_scale(row, deviation_of(32), random), random));
    return block;
}

kernels::Q5_1Block make(const RandomRow& row, Random& random, kernels::Q5_1Block block)
{
    const float scale = block_scale(row, deviation_of(32), random);
    block.scale = kernels::f32_to_f16(scale);
    block.least = kernels::f32_to_f16(-15.5f * scale);
    return block;
}

kernels::Q8_0Block make(const RandomRow& row, Random& random, kernels::Q8_0Block block)
{
    block.scale = kernels::f32_to_f16(with_random_sign(block_scale(row, deviation_of(256), random), random));
    return block;
}

// Scales of the sub-blocks from 32 to 63, with equal offsets: the block's `least` then centres all of them.
// The packing is the reverse of kernels::k_scale. Returns the root mean square of the scales.
float fill_k_scales(std::uint8_t (&scales)[12], Random& random)
{
    std::fill(std::begin(scales), std::end(scales), std::uint8_t{0});
    const std::uint64_t bits = random.next();
    float squares = 0.0f;
    for (int j = 0; j < 8; ++j) {
        const unsigned scale = 32u + ((bits >> (5 * j)) & 31u);
        squares += static_cast<float>(scale * scale);
        if (j < 4) {
            scales[j] = static_cast<std::uint8_t>(scales[j] | scale);
            scales[j + 4] = static_cast<std::uint8_t>(scales[j + 4] | scale);
        } else {
            scales[j + 4] = static_cast<std::uint8_t>((scale & 15u) | (scale & 15u) << 4);
            scales[j - 4] = static_cast<std::uint8_t>(scales[j - 4] | (scale >> 4) << 6);
            scales[j] = static_cast<std::uint8_t>(scales[j] | (scale >> 4) << 6);
        }
    }
    return std::sqrt(squares / 8.0f);
}

kernels::Q4_KBlock make(const RandomRow& row, Random& random, kernels::Q4_KBlock block)
{
    const float scale = block_scale(row, deviation_of(16) * fill_k_scales(block.scales, random), random);
    block.scale = kernels::f32_to_f16(scale);
    block.least = kernels::f32_to_f16(7.5f * scale);
    return block;
}

kernels::Q5_KBlock make(const RandomRow& row, Random& random, kernels::Q5_KBlock block)
{
    const float scale = block_scale(row, deviation_of(32) * fill_k_scales(block.scales, random), random);
    block.scale = kernels::f32_to_f16(scale);
    block.least = kernels::f32_to_f16(15.5f * scale);
    return block;
}

kernels::Q6_KBlock make(const RandomRow& row, Random& random, kernels::Q6_KBlock block)
{
    float squares = 0.0f;
    for (std::int8_t& scale : block.scales) {
        const int magnitude = 64 + (scale & 63);
        squares += static_cast<float>(magnitude * magnitude);
        scale = static_cast<std::int8_t>(scale < 0 ? -magnitude : magnitude);
    }
    const float quants = deviation_of(64) * std::sqrt(squares / 16.0f);
    block.scale = kernels::f32_to_f16(block_scale(row, quants, random));
    return block;
}

template <class Block>
void fill_blocks(const RandomRow& row, Random& random, std::byte* out, std::int64_t columns)
{
    for (std::int64_t i = 0; i < columns; i += Block::count) {
        const Block block = make(row, random, random_quants<Block>(random));
        std::memcpy(out, &block, sizeof block);
        out += sizeof block;
    }
}

// Numbers one by one, in groups that share a scale.
template <class T, class Narrow>
void fill_numbers(const RandomRow& row, Random& random, std::byte* out, std::int64_t columns, Narrow narrow)
{
    constexpr std::int64_t group = 32;
    float scale = 0.0f;
    for (std::int64_t i = 0; i < columns; ++i) {
        if (i % group == 0)
            scale = block_scale(row, 1.0f / std::sqrt(3.0f), random); // of the range -1 to 1
        const T number = narrow(random.uniform(-1.0f, 1.0f) * scale);
        std::memcpy(out + i * static_cast<std::int64_t>(sizeof number), &number, sizeof number);
    }
}

} // namespace

Random::Random(std::uint64_t key)
{
    for (std::uint64_t& word : m_state)
        word = mix(key);
}

Random::Random(std::uint64_t seed, std::uint64_t tensor, std::uint64_t row)
    : Random((seed * golden_ratio + tensor) * golden_ratio + row)
{
}

std::uint64_t Random::next()
{
    const std::uint64_t result = std::rotl(m_state[0] + m_state[3], 23) + m_state[0];
    const std::uint64_t shifted = m_state[1] << 17;
    m_state[2] ^= m_state[0];
    m_state[3] ^= m_state[1];
    m_state[1] ^= m_state[2];
    m_state[0] ^= m_state[3];
    m_state[2] ^= shifted;
    m_state[3] = std::rotl(m_state[3], 45);
    return result;
}

float Random::uniform(float low, float high)
{
    return low + (high - low) * (static_cast<float>(next() >> 40) * 0x1p-24f);
}

void Random::fill(std::byte* out, std::size_t bytes)
{
    for (std::size_t i = 0; i < bytes; i += sizeof(std::uint64_t)) {
        const std::uint64_t word = next();
        std::memcpy(out + i, &word, std::min(bytes - i, sizeof word));
    }
}

void make_random_row(Dtype dtype, const RandomRow& row, Random& random, std::byte* out, std::int64_t columns)
{
    switch (dtype) {
    case Dtype::f32:
        return fill_numbers<float>(row, random, out, columns, [](float number) { return number; });
    case Dtype::f16:
        return fill_numbers<std::uint16_t>(row, random, out, columns, kernels::f32_to_f16);
    case Dtype::bf16:
        return fill_numbers<std::uint16_t>(row, random, out, columns, kernels::f32_to_bf16);
    case Dtype::q4_0:
        return fill_blocks<kernels::Q4_0Block>(row, random, out, columns);
    case Dtype::q5_0:
        return fill_blocks<kernels::Q5_0Block>(row, random, out, columns);
    case Dtype::q5_1:
        return fill_blocks<kernels::Q5_1Block>(row, random, out, columns);
    case Dtype::q8_0:
        return fill_blocks<kernels::Q8_0Block>(row, random, out, columns);
    case Dtype::q4_k:
        return fill_blocks<kernels::Q4_KBlock>(row, random, out, columns);
    case Dtype::q5_k:
        return fill_blocks<kernels::Q5_KBlock>(row, random, out, columns);
    case Dtype::q6_k:
        return fill_blocks<kernels::Q6_KBlock>(row, random, out, columns);
    default:
        throw Error("", fmt::format("expected a type of the common mixes, found {}", kernels::name(dtype)));
    }
}

} // namespace engine
