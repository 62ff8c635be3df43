// SPDX-License-Identifier: MIT
#include "kernels/quant/dequantise.h"

#include "kernels/quant/float16.h"
#include "kernels/quant/q8_0.h"

#include <cstring>

namespace kernels {

namespace {

template <class T> T load(const std::byte* src)
{
    T value;
    std::memcpy(&value, src, sizeof value);
    return value;
}

template <class T> void store(std::byte* dst, const T& value)
{
    std::memcpy(dst, &value, sizeof value);
}

} // namespace

void dequantise_row(Dtype dtype, const std::byte* src, float* dst, std::int64_t columns)
{
    switch (dtype) {
    case Dtype::f32:
        if (columns > 0)
            std::memcpy(dst, src, static_cast<std::size_t>(columns) * sizeof(float));
        return;
    case Dtype::f16:
        for (std::int64_t c = 0; c < columns; ++c)
            dst[c] = f16_to_f32(load<std::uint16_t>(src + 2 * c));
        return;
    case Dtype::bf16:
        for (std::int64_t c = 0; c < columns; ++c)
            dst[c] = bf16_to_f32(load<std::uint16_t>(src + 2 * c));
        return;
    case Dtype::q8_0:
        for (std::int64_t c = 0; c < columns; c += 32, src += sizeof(Q8_0Block))
            dequantise(load<Q8_0Block>(src), dst + c);
        return;
    }
}

void quantise_row(Dtype dtype, const float* src, std::byte* dst, std::int64_t columns)
{
    switch (dtype) {
    case Dtype::f32:
        if (columns > 0)
            std::memcpy(dst, src, static_cast<std::size_t>(columns) * sizeof(float));
        return;
    case Dtype::f16:
        for (std::int64_t c = 0; c < columns; ++c)
            store(dst + 2 * c, f32_to_f16(src[c]));
        return;
    case Dtype::bf16:
        for (std::int64_t c = 0; c < columns; ++c)
            store(dst + 2 * c, f32_to_bf16(src[c]));
        return;
    case Dtype::q8_0:
        for (std::int64_t c = 0; c < columns; c += 32, dst += sizeof(Q8_0Block))
            store(dst, quantise_q8_0(src + c));
        return;
    }
}

} // namespace kernels
