// SPDX-License-Identifier: MIT
#include "kernels/quant/quantise.h"

#include "kernels/quant/blocks.h"
#include "kernels/quant/float16.h"
#include "kernels/quant/quantise_k.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace kernels {

namespace {

template <class T> void store(std::byte* dst, const T& value)
{
    std::memcpy(dst, &value, sizeof value);
}

void put_nibble(std::uint8_t* nibbles, int i, int value)
{
    nibbles[i % 16] = static_cast<std::uint8_t>(nibbles[i % 16] | (value & 15) << (i < 16 ? 0 : 4));
}

void put_fifth_bit(std::uint8_t (&high)[4], int i, int value)
{
    high[i / 8] = static_cast<std::uint8_t>(high[i / 8] | (value >> 4 & 1) << (i % 8));
}

// 1 / scale; 0 where the scale is too small to be stored, so that the whole block becomes 0.
float inverse_of(float scale, std::uint16_t stored)
{
    return (stored & 0x7fffu) == 0 ? 0.0f : 1.0f / scale;
}

// x >= 0 without its fraction.
int whole(float x, int largest)
{
    return std::min(static_cast<int>(x), largest);
}

// ---- 32 numbers, each with the plain scale that other writers of these files take: equal bytes ----

// The number of the largest magnitude, with its sign.
float extreme_of(const float* src)
{
    float extreme = src[0];
    for (int i = 1; i < 32; ++i)
        if (std::abs(src[i]) > std::abs(extreme))
            extreme = src[i];
    return extreme;
}

// The extreme becomes -8 (or -16), whichever sign it has: that level has no counterpart above 0.
Q4_0Block quantised(const float* src, Q4_0Block block)
{
    const float scale = extreme_of(src) / -8.0f;
    block.scale = f32_to_f16(scale);
    const float inverse = inverse_of(scale, block.scale);
    for (int i = 0; i < 32; ++i)
        put_nibble(block.nibbles, i, whole(src[i] * inverse + 8.5f, 15));
    return block;
}

Q5_0Block quantised(const float* src, Q5_0Block block)
{
    const float scale = extreme_of(src) / -16.0f;
    block.scale = f32_to_f16(scale);
    const float inverse = inverse_of(scale, block.scale);
    for (int i = 0; i < 32; ++i) {
        const int value = whole(src[i] * inverse + 16.5f, 31);
        put_nibble(block.nibbles, i, value);
        put_fifth_bit(block.high, i, value);
    }
    return block;
}

Q4_1Block quantised(const float* src, Q4_1Block block)
{
    const auto [least, most] = std::minmax_element(src, src + 32);
    const float scale = (*most - *least) / 15.0f;
    block.scale = f32_to_f16(scale);
    block.least = f32_to_f16(*least);
    const float inverse = inverse_of(scale, block.scale);
    for (int i = 0; i < 32; ++i)
        put_nibble(block.nibbles, i, whole((src[i] - *least) * inverse + 0.5f, 15));
    return block;
}

Q5_1Block quantised(const float* src, Q5_1Block block)
{
    const auto [least, most] = std::minmax_element(src, src + 32);
    const float scale = (*most - *least) / 31.0f;
    block.scale = f32_to_f16(scale);
    block.least = f32_to_f16(*least);
    const float inverse = inverse_of(scale, block.scale);
    for (int i = 0; i < 32; ++i) {
        const int value = whole((src[i] - *least) * inverse + 0.5f, 31);
        put_nibble(block.nibbles, i, value);
        put_fifth_bit(block.high, i, value);
    }
    return block;
}

Q8_0Block quantised(const float* src, Q8_0Block block)
{
    const float scale = std::abs(extreme_of(src)) / 127.0f;
    block.scale = f32_to_f16(scale);
    const float inverse = inverse_of(scale, block.scale);
    for (int i = 0; i < 32; ++i)
        block.values[i] = static_cast<std::int8_t>(std::round(src[i] * inverse)); // half away from zero
    return block;
}

// ---- 256 numbers ----

Q4_KBlock quantised(const float* src, Q4_KBlock)
{
    return quantise_q4_k(src);
}

Q5_KBlock quantised(const float* src, Q5_KBlock)
{
    return quantise_q5_k(src);
}

Q6_KBlock quantised(const float* src, Q6_KBlock)
{
    return quantise_q6_k(src);
}

// ---- rows ----

float within_f16(float value)
{
    constexpr float largest = 65504.0f;
    return std::isnan(value) ? 0.0f : std::clamp(value, -largest, largest);
}

template <class Block> void quantise_blocks(const float* src, std::byte* dst, std::int64_t columns)
{
    float numbers[Block::count];
    for (std::int64_t c = 0; c < columns; c += Block::count, dst += sizeof(Block)) {
        std::transform(src + c, src + c + Block::count, numbers, within_f16);
        store(dst, quantised(numbers, Block{}));
    }
}

void copy_floats(const float* src, std::byte* dst, std::int64_t columns)
{
    if (columns > 0)
        std::memcpy(dst, src, static_cast<std::size_t>(columns) * sizeof(float));
}

template <std::uint16_t (*narrow)(float)>
void narrow_floats(const float* src, std::byte* dst, std::int64_t columns)
{
    for (std::int64_t c = 0; c < columns; ++c)
        store(dst + 2 * c, narrow(src[c]));
}

struct RowWriter
{
    Dtype dtype;
    void (*quantise)(const float* src, std::byte* dst, std::int64_t columns);
};

constexpr RowWriter writers[] = {
    {Dtype::f32, copy_floats},
    {Dtype::f16, narrow_floats<f32_to_f16>},
    {Dtype::bf16, narrow_floats<f32_to_bf16>},
    {Dtype::q4_0, quantise_blocks<Q4_0Block>},
    {Dtype::q4_1, quantise_blocks<Q4_1Block>},
    {Dtype::q5_0, quantise_blocks<Q5_0Block>},
    {Dtype::q5_1, quantise_blocks<Q5_1Block>},
    {Dtype::q8_0, quantise_blocks<Q8_0Block>},
    {Dtype::q4_k, quantise_blocks<Q4_KBlock>},
    {Dtype::q5_k, quantise_blocks<Q5_KBlock>},
    {Dtype::q6_k, quantise_blocks<Q6_KBlock>},
};

const RowWriter* writer_of(Dtype dtype)
{
    const auto* writer = std::ranges::find(writers, dtype, &RowWriter::dtype);
    return writer == std::end(writers) ? nullptr : writer;
}

} // namespace

bool can_quantise(Dtype dtype)
{
    return writer_of(dtype) != nullptr;
}

void quantise_row(Dtype dtype, const float* src, std::byte* dst, std::int64_t columns)
{
    const RowWriter* writer = writer_of(dtype);
    if (!writer)
        throw std::invalid_argument(std::string(name(dtype)) + " can be read, not written");
    writer->quantise(src, dst, columns);
}

} // namespace kernels
