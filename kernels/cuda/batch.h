// SPDX-License-Identifier: MIT
// A pass as the kernels see it: kernels::Batch in device memory, uploaded once before the first operation.
#pragma once

#include "kernels/batch.h"
#include "kernels/tensor.h"

#include <cstdint>
#include <span>

namespace kernels::cuda {

// All pointers but `segments` are the device's.
struct DeviceBatch
{
    std::int64_t rows = 0;
    std::int64_t outputs = 0;
    const std::int32_t* token = nullptr;    // (rows)
    const std::int32_t* position = nullptr; // (rows)
    // (rows) index in `blocks` where the block table of the row's sequence begins: position p of it lies in
    // cache block blocks[first_block[row] + p / cache_block_tokens], at place p % cache_block_tokens.
    const std::int32_t* first_block = nullptr;
    const std::int32_t* blocks = nullptr;
    const std::int32_t* output_rows = nullptr; // (outputs)
    // (rows, R / 2, 2) cosine and sine of every rotary pair, times the rope's magnitude.
    const float* rotation = nullptr;
    std::int64_t longest = 0;          // tokens that the row with the longest context attends to
    std::span<const Segment> segments; // on the host, for planning
};

} // namespace kernels::cuda
