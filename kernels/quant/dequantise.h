// SPDX-License-Identifier: MIT
// From stored numbers to floats and back, one row at a time: the readable form of every format, against which
// faster versions are tested.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels {

// dst[0 … columns) from one row at `src`, which need not be aligned. `columns` is a multiple of the block.
void dequantise_row(Dtype dtype, const std::byte* src, float* dst, std::int64_t columns);

// The reverse, rounded to nearest. Writes row_bytes(dtype, columns) bytes.
void quantise_row(Dtype dtype, const float* src, std::byte* dst, std::int64_t columns);

} // namespace kernels
