// SPDX-License-Identifier: MIT
// Pointers and shapes, no ownership. Whoever owns the bytes (a mapped file, an arena) outlives every view of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace kernels {

// How numbers are stored. Block formats pack `values_per_block(d)` numbers of one row into
// `bytes_per_block(d)` bytes.
enum class Dtype : std::uint8_t
{
    f32,
    f16,
    bf16,
    q8_0,
};

constexpr std::int64_t values_per_block(Dtype dtype)
{
    return dtype == Dtype::q8_0 ? 32 : 1;
}

constexpr std::int64_t bytes_per_block(Dtype dtype)
{
    switch (dtype) {
    case Dtype::f32:
        return 4;
    case Dtype::f16:
    case Dtype::bf16:
        return 2;
    case Dtype::q8_0:
        return 34;
    }
    return 0;
}

// Bytes of one row of `columns` numbers; `columns` is a multiple of the block.
constexpr std::int64_t row_bytes(Dtype dtype, std::int64_t columns)
{
    return columns / values_per_block(dtype) * bytes_per_block(dtype);
}

constexpr std::string_view name(Dtype dtype)
{
    switch (dtype) {
    case Dtype::f32:
        return "F32";
    case Dtype::f16:
        return "F16";
    case Dtype::bf16:
        return "BF16";
    case Dtype::q8_0:
        return "Q8_0";
    }
    return "?";
}

// A weight as it lies in its file: (rows, columns) = (out, in), row-major, rows without gaps. y = W x.
// The data need not be aligned to anything: safetensors promises no padding.
struct Matrix
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;

    std::int64_t row_bytes() const { return kernels::row_bytes(dtype, columns); }
    std::int64_t bytes() const { return rows * row_bytes(); }
    const std::byte* row(std::int64_t r) const { return data + r * row_bytes(); }
    // Rows first … first + count of the same matrix.
    Matrix slice(std::int64_t first, std::int64_t count) const { return {row(first), dtype, count, columns}; }
    explicit operator bool() const { return data != nullptr; }
};

// One small matrix for each attention head, at a constant distance in memory.
struct HeadMatrix
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    std::int64_t heads = 0;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t head_bytes = 0; // from one head's matrix to the next

    Matrix head(std::int64_t h) const { return {data + h * head_bytes, dtype, rows, columns}; }
    explicit operator bool() const { return data != nullptr; }
};

// Activations: (rows, columns), row-major with a stride in elements. Row = token.
template <class T> struct View
{
    T* data = nullptr;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t stride = 0; // elements from one row to the next, >= columns

    T* row(std::int64_t r) const { return data + r * stride; }
    View first_rows(std::int64_t count) const { return {data, count, columns, stride}; }
    View slice_rows(std::int64_t first, std::int64_t count) const
    {
        return {row(first), count, columns, stride};
    }
    View slice_columns(std::int64_t first, std::int64_t count) const
    {
        return {data + first, rows, count, stride};
    }
    template <class U>
        requires(std::is_same_v<U, const T> && !std::is_const_v<T>)
    operator View<U>() const
    {
        return {data, rows, columns, stride};
    }
};

} // namespace kernels
