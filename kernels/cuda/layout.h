// SPDX-License-Identifier: MIT
// Weights as they lie in the memory of a GPU. The numbers and the bytes of a row are those of the file
// (kernels/tensor.h); only inside a row a block format is sorted, so that aligned loads of neighbouring lanes
// touch neighbouring bytes:
//
//   F32, F16, BF16   as in the file
//   Q8_0             the `columns` quants of the row, then its columns / 32 scales (f16)
//
// A matrix begins at a multiple of 256 bytes. Row r begins at r * row_bytes(): a multiple of 16 in the
// published models (of 8 for Q8_0, but for V2-Lite's dense down matrix, whose 10,944 columns make rows of
// 11,628 bytes), of nothing in tiny ones. Kernels ask `is_aligned`. Norms and correction biases are F32 on
// the device, whatever the file has.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

constexpr std::int64_t matrix_alignment = 256;

// Whether the kernels compute with weights of this type. A model that has others is refused before anything
// is allocated.
constexpr bool is_served(Dtype dtype)
{
    return dtype == Dtype::f32 || dtype == Dtype::f16 || dtype == Dtype::bf16 || dtype == Dtype::q8_0;
}

// Whether every row of the matrix can be read in vectors of eight numbers (sixteen bytes; eight quants).
inline bool is_aligned(const Matrix& w)
{
    const std::int64_t unit = w.dtype == Dtype::q8_0 ? 8 : 16;
    return w.columns % 8 == 0 && w.row_bytes() % unit == 0 &&
           reinterpret_cast<std::uintptr_t>(w.data) % unit == 0;
}

// From a row of the file to a row of the device, both row_bytes(dtype, columns) long.
void to_device_row(Dtype dtype, const std::byte* from, std::byte* to, std::int64_t columns);

// The reverse of to_device_row followed by dequantise_row: for tests.
void dequantise_device_row(Dtype dtype, const std::byte* from, float* to, std::int64_t columns);

} // namespace kernels::cuda
