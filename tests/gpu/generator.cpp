// SPDX-License-Identifier: MIT
#include "tests/gpu/generator.h"

#include "kernels/quant/blocks.h"
#include "kernels/quant/float16.h"
#include "tests/gpu/parallel.h"

#include <algorithm>
#include <cstring>

namespace gpu {

using kernels::Dtype;

namespace {

void fill_blocks(const Filling& filling, std::byte* data, std::int64_t first, std::int64_t last)
{
    for (std::int64_t b = first; b < last; ++b) {
        kernels::Q8_0Block block;
        block.scale = kernels::f32_to_f16(scale_of(filling, b));
        for (int part = 0; part < 4; ++part) {
            const Words words = number_words(filling, 4 * b + part);
            for (int i = 0; i < 8; ++i)
                block.values[8 * part + i] = quant_of(words, i);
        }
        std::memcpy(data + b * static_cast<std::int64_t>(sizeof block), &block, sizeof block);
    }
}

void store(Dtype dtype, std::byte* data, std::int64_t i, float value)
{
    if (dtype == Dtype::f32) {
        std::memcpy(data + 4 * i, &value, 4);
        return;
    }
    const std::uint16_t bits = dtype == Dtype::f16 ? kernels::f32_to_f16(value) : kernels::f32_to_bf16(value);
    std::memcpy(data + 2 * i, &bits, 2);
}

} // namespace

void fill_host(const Filling& filling, Dtype dtype, std::byte* data, std::int64_t rows, std::int64_t columns)
{
    const std::int64_t numbers = rows * columns;
    if (dtype == Dtype::q8_0) {
        parallel(numbers / 32,
                 [&](std::int64_t first, std::int64_t last) { fill_blocks(filling, data, first, last); });
        return;
    }
    parallel((numbers + 7) / 8, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t group = first; group < last; ++group) {
            const Words words = number_words(filling, group);
            const auto count = static_cast<int>(std::min<std::int64_t>(8, numbers - 8 * group));
            for (int i = 0; i < count; ++i)
                store(dtype, data, 8 * group + i, number_of(filling, words, i));
        }
    });
}

} // namespace gpu
