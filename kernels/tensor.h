// SPDX-License-Identifier: MIT
// Pointers and shapes, no ownership. Whoever owns the bytes (a mapped file, an arena) outlives every view of
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <span>
#include <string_view>
#include <type_traits>

namespace kernels {

// How numbers are stored: floats, FP8 with factors beside it, and the block formats of GGUF, which pack some
// numbers of one row with their scales into a block (kernels/quant/blocks.h).
enum class Dtype : std::uint8_t
{
    f32,
    f16,
    bf16,
    f8_e4m3, // 4 exponent and 3 fraction bits, no infinity; see BlockScales
    q4_0,
    q4_1,
    q5_0,
    q5_1,
    q8_0,
    q2_k,
    q3_k,
    q4_k,
    q5_k,
    q6_k,
    iq4_nl,
    iq4_xs,
    iq1_s,
    iq1_m,
    iq2_xxs,
    iq2_xs,
    iq2_s,
    iq3_xxs,
    iq3_s,
};

struct DtypeInfo
{
    Dtype dtype;
    std::string_view name; // as GGUF and safetensors call it
    std::int16_t values;   // of one row in a block
    std::int16_t bytes;    // of a block
};

// One row for each type, in the order of the enum.
inline constexpr DtypeInfo dtype_infos[] = {
    {Dtype::f32, "F32", 1, 4},
    {Dtype::f16, "F16", 1, 2},
    {Dtype::bf16, "BF16", 1, 2},
    {Dtype::f8_e4m3, "F8_E4M3", 1, 1},
    {Dtype::q4_0, "Q4_0", 32, 18},
    {Dtype::q4_1, "Q4_1", 32, 20},
    {Dtype::q5_0, "Q5_0", 32, 22},
    {Dtype::q5_1, "Q5_1", 32, 24},
    {Dtype::q8_0, "Q8_0", 32, 34},
    {Dtype::q2_k, "Q2_K", 256, 84},
    {Dtype::q3_k, "Q3_K", 256, 110},
    {Dtype::q4_k, "Q4_K", 256, 144},
    {Dtype::q5_k, "Q5_K", 256, 176},
    {Dtype::q6_k, "Q6_K", 256, 210},
    {Dtype::iq4_nl, "IQ4_NL", 32, 18},
    {Dtype::iq4_xs, "IQ4_XS", 256, 136},
    {Dtype::iq1_s, "IQ1_S", 256, 50},
    {Dtype::iq1_m, "IQ1_M", 256, 56},
    {Dtype::iq2_xxs, "IQ2_XXS", 256, 66},
    {Dtype::iq2_xs, "IQ2_XS", 256, 74},
    {Dtype::iq2_s, "IQ2_S", 256, 82},
    {Dtype::iq3_xxs, "IQ3_XXS", 256, 98},
    {Dtype::iq3_s, "IQ3_S", 256, 110},
};
inline constexpr std::size_t dtype_count = std::size(dtype_infos);

constexpr bool dtype_infos_are_in_order()
{
    for (std::size_t i = 0; i < dtype_count; ++i)
        if (dtype_infos[i].dtype != static_cast<Dtype>(i))
            return false;
    return true;
}
static_assert(dtype_infos_are_in_order());

constexpr const DtypeInfo& info(Dtype dtype)
{
    return dtype_infos[static_cast<std::size_t>(dtype)];
}

constexpr std::int64_t values_per_block(Dtype dtype)
{
    return info(dtype).values;
}

constexpr std::int64_t bytes_per_block(Dtype dtype)
{
    return info(dtype).bytes;
}

// Bytes of one row of `columns` numbers; `columns` is a multiple of the block.
constexpr std::int64_t row_bytes(Dtype dtype, std::int64_t columns)
{
    return columns / values_per_block(dtype) * bytes_per_block(dtype);
}

constexpr std::string_view name(Dtype dtype)
{
    return info(dtype).name;
}

// The factors of an FP8 matrix (DeepSeek-V3's `weight_scale_inv`, a multiplier in spite of its name): one F32
// for each block of 128 x 128 numbers, the blocks at the edges cut. Number (r, c) of the matrix is
// fp8(r, c) * factor((first_row + r) / 128, c / 128). A matrix (M, N) of a file has first_row = 0 and
// stride = 4 * ceil(N / 128); parts of it count their rows from where they begin in it. Other types have
// none.
struct BlockScales
{
    static constexpr std::int64_t block = 128; // rows and columns

    const std::byte* data = nullptr; // need not be aligned; null: every factor is 1
    std::int64_t stride = 0;         // bytes from one row of factors to the next
    std::int64_t first_row = 0;

    // For the part that begins `rows` further down.
    BlockScales below(std::int64_t rows) const { return {data, stride, first_row + rows}; }
    // For the part that begins `columns`, a multiple of `block`, further to the right.
    BlockScales right_of(std::int64_t columns) const
    {
        constexpr auto size = static_cast<std::int64_t>(sizeof(float));
        return {data ? data + columns / block * size : nullptr, stride, first_row};
    }
    // The factors of row r, from column 0 on; null if there are none.
    const std::byte* row(std::int64_t r) const
    {
        return data ? data + (first_row + r) / block * stride : nullptr;
    }
};

// A weight as it lies in its file: (rows, columns) = (out, in), row-major, rows without gaps. y = W x.
// The data need not be aligned to anything: safetensors promises no padding.
struct Matrix
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    BlockScales scales = {}; // f8_e4m3 alone

    std::int64_t row_bytes() const { return kernels::row_bytes(dtype, columns); }
    std::int64_t bytes() const { return rows * row_bytes(); }
    const std::byte* row(std::int64_t r) const { return data + r * row_bytes(); }
    // Rows first … first + count of the same matrix.
    Matrix slice(std::int64_t first, std::int64_t count) const
    {
        return {row(first), dtype, count, columns, scales.below(first)};
    }
    explicit operator bool() const { return data != nullptr; }
};

// One small matrix for each attention head, at a constant distance in memory: rows of a matrix that holds all
// heads, so with FP8 `scales` are those of head 0 in it.
struct HeadMatrix
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    std::int64_t heads = 0;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t head_bytes = 0; // from one head's matrix to the next
    BlockScales scales = {};     // f8_e4m3 alone

    Matrix head(std::int64_t h) const
    {
        const std::int64_t rows_before = scales.data ? h * head_bytes / row_bytes(dtype, columns) : 0;
        return {data + h * head_bytes, dtype, rows, columns, scales.below(rows_before)};
    }
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
