// SPDX-License-Identifier: MIT
// From floats to stored numbers, one row at a time.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels {

// Whether quantise_row can write this type.
bool can_quantise(Dtype dtype);

// Writes row_bytes(dtype, columns) bytes to dst, which need not be aligned; `columns` is a multiple of the
// block. The same input gives the same bytes on every machine. F16 and BF16 round to nearest, ties to even,
// and keep infinities and NaNs. In a block NaN counts as 0, and what is beyond ±65504, the range of its f16
// scale, as that. Throws std::invalid_argument for a type that can only be read.
void quantise_row(Dtype dtype, const float* src, std::byte* dst, std::int64_t columns);

} // namespace kernels
