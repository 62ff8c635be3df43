// SPDX-License-Identifier: MIT
// The inner loops that each vector instruction set implements; ops.cpp and its siblings build the operations
// from them. A file compiled with wider instructions includes nothing but this header, intrinsics and
// declarations: an inline function of the standard library compiled there could be the copy that the linker
// keeps for everybody.
//
// Order of summation, so that a row gives the same numbers alone and in any batch, on any path:
// - dots: columns in chunks of `chunk_columns`, their sums added in ascending order; inside a chunk as many
//   sums as a register has lanes (lane i takes columns i, i + lanes, …), added at its end as lane_sums of the
//   instruction set says.
// - mix: rows in ascending order.
// A weight of any type enters as the float that kernels::dequantise_row gives, bit for bit, whether it is
// converted on the way or before.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cpu {

// A multiple of every block, and of what shares a factor in FP8; 4 rows of floats fit the L1 cache.
constexpr std::int64_t chunk_columns = 512;

// Some rows of a matrix, `stride` bytes apart. Data may be unaligned.
struct WeightRows
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    std::int64_t rows = 0;
    std::int64_t columns = 0;
    std::int64_t stride = 0;
    BlockScales scales = {}; // f8_e4m3 alone
};

enum class Store : std::uint8_t
{
    write,
    add,
};

// For every token t and row r: y[t][y_offset + r] = (or +=) sum over c of w(r, c) * x[t][x_offset + c].
struct Dots
{
    WeightRows w;
    const float* const* x = nullptr; // (tokens) rows
    std::int64_t x_offset = 0;
    float* const* y = nullptr; // (tokens) rows
    std::int64_t y_offset = 0;
    std::int64_t tokens = 0;
    Store store = Store::write;
};

// For every token t and column c: y[t][c] += sum over r of a[t][r] * w(r, c).
struct Mix
{
    WeightRows w;
    const float* const* a = nullptr; // (tokens) rows
    float* const* y = nullptr;       // (tokens) rows
    std::int64_t tokens = 0;
};

struct Primitives
{
    // Up to this many rows of activations a weight meets in its stored form, decoded once in a register; for
    // more it is worth while to lay it out as floats first.
    std::int64_t few_rows;

    void (*dots)(const Dots& work);
    void (*mix)(const Mix& work);
    // dst (rows, columns): the same numbers as kernels::dequantise_row.
    void (*dequantise)(const WeightRows& w, float* dst);
    // y = weight * x / sqrt(mean(x^2) + eps); y may be x.
    void (*rms_norm)(float* y, const float* x, const float* weight, std::int64_t count, float eps);
    // gate = silu(gate) * up
    void (*silu_mul)(float* gate, const float* up, std::int64_t count);
    float (*largest)(const float* x, std::int64_t count); // -inf if count is 0
    // x = exp(scale * x - shift); returns their sum.
    float (*exponentials)(float* x, std::int64_t count, float scale, float shift);
    void (*scale)(float* x, float factor, std::int64_t count);                      // x *= factor
    void (*add_scaled)(float* y, const float* x, float factor, std::int64_t count); // y += factor * x

    // For machine_limits.h. A sum that depends on every byte of `bytes` (a multiple of 256) …
    std::uint64_t (*read)(const std::uint64_t* data, std::int64_t bytes);
    // … and one that depends on `steps` times `flop_per_step` operations that never wait for each other.
    float (*multiply_adds)(std::int64_t steps);
    std::int64_t flop_per_step;
};

extern const Primitives avx2_primitives;
extern const Primitives avx512_primitives;

enum class Isa : std::uint8_t;

// Null for Isa::scalar, and for an instruction set that this build lacks.
const Primitives* primitives_of(Isa isa);

} // namespace kernels::cpu
