// SPDX-License-Identifier: MIT
// How the operations are cut into tasks and tiles; shared by ops.cpp, ops_attention.cpp and ops_experts.cpp.
#pragma once

#include "kernels/cpu/ops.h"
#include "kernels/cpu/primitives.h"

#include <algorithm>
#include <cstdint>

namespace kernels::cpu {

// Up to this many rows are not worth a run of the pool where a row takes about a microsecond.
constexpr std::int64_t rows_alone = 8;

// Weight rows that are turned into floats at a time: with chunk_columns columns they are 32 KiB and stay in
// the L1 cache while rows of activations pass by.
constexpr std::int64_t panel_rows = 16;

// Rows of activations that meet one panel after the other: 192 KiB of a chunk stay in the L2 cache.
constexpr std::int64_t token_block = 96;

// Weight rows of a task with many rows of activations, so that these come from far away once for 64 rows.
constexpr std::int64_t task_rows = 4 * panel_rows;

// Rows of the batch that one task of a per-head operation takes.
constexpr std::int64_t row_block = 64;

constexpr std::int64_t heads_at_once = 16;

// Keys of one part of a token's attention. Parts lie at fixed positions and are merged in order, so the
// numbers of a token depend on nothing but its own past; several threads share a long one.
constexpr std::int64_t part_keys = 16 * cache_block_tokens;

// What the results of parts may take before they are merged.
constexpr std::int64_t partial_bytes = 16 << 20;

// Keys that the de-compressed form expands at a time: with V2's shapes 128 latents, keys and values are half
// a megabyte.
constexpr std::int64_t expanded_keys = 2 * cache_block_tokens;

constexpr std::int64_t parts(std::int64_t count, std::int64_t size)
{
    return (count + size - 1) / size;
}

// How many rows (or heads) make a task that outweighs being handed out: some ten microseconds on one core. A
// multiple of `step`.
constexpr std::int64_t rows_per_task(std::int64_t multiplications_per_row, std::int64_t step)
{
    constexpr std::int64_t enough = 1 << 17;
    return parts(parts(enough, std::max<std::int64_t>(multiplications_per_row, 1)), step) * step;
}

// The same for the rows of a weight that meet `tokens` rows of activations.
inline std::int64_t weight_rows_per_task(std::int64_t columns, std::int64_t tokens,
                                         const Primitives& primitives)
{
    return tokens <= primitives.few_rows ? rows_per_task(columns * tokens, 4) : task_rows;
}

inline WeightRows weight_rows(const Matrix& w)
{
    return {w.data, w.dtype, w.rows, w.columns, w.row_bytes(), w.scales};
}

inline WeightRows slice_rows(const WeightRows& w, std::int64_t first, std::int64_t count)
{
    return {w.data + first * w.stride, w.dtype, count, w.columns, w.stride, w.scales.below(first)};
}

// `first` is a multiple of chunk_columns.
inline WeightRows slice_columns(const WeightRows& w, std::int64_t first, std::int64_t count)
{
    return {w.data + row_bytes(w.dtype, first), w.dtype, w.rows, count, w.stride, w.scales.right_of(first)};
}

inline WeightRows weight_rows(View<const float> x)
{
    return {reinterpret_cast<const std::byte*>(x.data), Dtype::f32, x.rows, x.columns,
            x.stride * static_cast<std::int64_t>(sizeof(float))};
}

// The same numbers as floats in `panel` (rows, columns).
inline WeightRows floats_of(const WeightRows& w, float* panel, const Primitives& primitives)
{
    primitives.dequantise(w, panel);
    return weight_rows(View<const float>{panel, w.rows, w.columns, w.columns});
}

template <class T> T* const* pointers_to_rows(Scratch& scratch, View<T> x)
{
    T** rows = scratch.get<T*>(x.rows);
    for (std::int64_t t = 0; t < x.rows; ++t)
        rows[t] = x.row(t);
    return rows;
}

} // namespace kernels::cpu
