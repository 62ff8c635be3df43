// SPDX-License-Identifier: MIT
// How the operations are cut into tasks and tiles; shared by ops.cpp, ops_attention.cpp and ops_experts.cpp.
#pragma once

#include "kernels/cpu/ops.h"
#include "kernels/cpu/primitives.h"

#include <algorithm>
#include <cstdint>

namespace kernels::cpu {

// Up to this many rows of activations a product reads weights in their stored form.
constexpr std::int64_t few_rows = 8;

// Weight rows that are turned into floats at a time: 16 rows of chunk_columns floats are 64 KiB, which the L2
// cache keeps while every row of activations passes by.
constexpr std::int64_t panel_rows = 16;

// Rows of the batch that one task of a per-head operation takes.
constexpr std::int64_t row_block = 64;

constexpr std::int64_t parts(std::int64_t count, std::int64_t size)
{
    return (count + size - 1) / size;
}

// Rows in a task, so that it outweighs being handed out: some ten microseconds on one core. A multiple of
// `step`.
constexpr std::int64_t rows_per_task(std::int64_t multiplications_per_row, std::int64_t step)
{
    constexpr std::int64_t enough = 1 << 16;
    return parts(parts(enough, std::max<std::int64_t>(multiplications_per_row, 1)), step) * step;
}

inline WeightRows weight_rows(const Matrix& w)
{
    return {w.data, w.dtype, w.rows, w.columns, w.row_bytes()};
}

inline WeightRows weight_rows(View<const float> x)
{
    return {reinterpret_cast<const std::byte*>(x.data), Dtype::f32, x.rows, x.columns,
            x.stride * static_cast<std::int64_t>(sizeof(float))};
}

// The same numbers as floats in `panel` (rows, columns).
inline WeightRows floats_of(const WeightRows& w, float* panel, const Primitives& primitives)
{
    for (std::int64_t r = 0; r < w.rows; ++r)
        primitives.dequantise(w.dtype, w.data + r * w.stride, panel + r * w.columns, w.columns);
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
