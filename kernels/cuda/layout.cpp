// SPDX-License-Identifier: MIT
#include "kernels/cuda/layout.h"

#include "kernels/quant/blocks.h"
#include "kernels/quant/dequantise.h"

#include <cstring>

namespace kernels::cuda {

void to_device_row(Dtype dtype, const std::byte* from, std::byte* to, std::int64_t columns)
{
    if (dtype != Dtype::q8_0) {
        std::memcpy(to, from, static_cast<std::size_t>(row_bytes(dtype, columns)));
        return;
    }
    std::byte* scales = to + columns;
    for (std::int64_t b = 0; b < columns / 32; ++b) {
        const std::byte* block = from + b * static_cast<std::int64_t>(sizeof(Q8_0Block));
        std::memcpy(scales + 2 * b, block + offsetof(Q8_0Block, scale), 2);
        std::memcpy(to + 32 * b, block + offsetof(Q8_0Block, values), 32);
    }
}

void dequantise_device_row(Dtype dtype, const std::byte* from, float* to, std::int64_t columns)
{
    if (dtype != Dtype::q8_0) {
        dequantise_row(dtype, from, to, columns);
        return;
    }
    const std::byte* scales = from + columns;
    for (std::int64_t b = 0; b < columns / 32; ++b) {
        Q8_0Block block;
        std::memcpy(&block.scale, scales + 2 * b, 2);
        std::memcpy(block.values, from + 32 * b, 32);
        dequantise_row(Dtype::q8_0, reinterpret_cast<const std::byte*>(&block), to + 32 * b, 32);
    }
}

} // namespace kernels::cuda
