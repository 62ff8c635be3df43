// SPDX-License-Identifier: MIT
// From stored numbers to floats, one row at a time: the readable form of every format, against which faster
// versions are tested. The reverse is in quantise.h.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels {

// dst[0 … columns) from one row at `src`, which need not be aligned. `columns` is a multiple of the block.
// FP8 gives the numbers without the factors of their blocks.
void dequantise_row(Dtype dtype, const std::byte* src, float* dst, std::int64_t columns);

// dst[0 … columns) from row r of a matrix, FP8's factors included.
void dequantise_row(const Matrix& w, std::int64_t r, float* dst);

} // namespace kernels
