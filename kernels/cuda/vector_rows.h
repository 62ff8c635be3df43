// SPDX-License-Identifier: MIT
// What the products of a few rows share: rows of weights in their stored form, inputs that wait in shared
// memory, and the dot products between them. For .cu files.
//
// Order of summation: lane l of a warp adds up columns 8 l … 8 l + 7 of each tile of 256, tiles ascending,
// and warp_sum() adds the lanes. It depends on nothing but the number of columns.
#pragma once

#include "kernels/cuda/launch.h"
#include "kernels/cuda/layout.h"
#include "kernels/cuda/numeric.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/products.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

namespace kernels::cuda {

constexpr int tile_columns = 8 * warp_size;
constexpr int vector_threads = 512;
constexpr int vector_warps = vector_threads / warp_size;

// Static shared memory that a block may use beside its dynamic one.
constexpr std::int64_t vector_static_bytes = 1024;

// ---- weights ----------------------------------------------------------------------------------------------

// A Matrix as device code sees it.
struct Rows
{
    const std::byte* data = nullptr;
    std::int64_t row_bytes = 0;
    int count = 0;
    int columns = 0;
    Dtype dtype = Dtype::f32;
};

inline Rows rows_of(const Matrix& w)
{
    return {w.data, w.row_bytes(), static_cast<int>(w.rows), static_cast<int>(w.columns), w.dtype};
}

struct WeightRow
{
    const std::byte* data;
    Dtype dtype;
};

__device__ inline WeightRow row_at(const Rows& w, int r)
{
    return {w.data + r * w.row_bytes, w.dtype};
}

// How eight numbers of a row are read. `Vectors`: all rows are of one format and is_aligned() is true.
template <Dtype D> struct Vectors
{
    using Packed = Packed8<D>;

    // Beyond the end come numbers that do not count: they meet zeros.
    static __device__ Packed fetch(const WeightRow& row, int columns, int c)
    {
        return fetch8<D>(row.data, columns, min(c, columns - 8));
    }
    static __device__ void unpack(const Packed& packed, float (&out)[8]) { unpack8<D>(packed, out); }
};

// Q8_0 where rows begin at multiples of four bytes alone, as those of 10944 numbers do in V2-Lite.
struct Q8Words
{
    using Packed = Packed8<Dtype::q8_0>;

    static __device__ Packed fetch(const WeightRow& row, int columns, int c)
    {
        c = min(c, columns - 8);
        const auto* at = reinterpret_cast<const std::uint32_t*>(row.data + c);
        return {make_uint2(__ldg(at), __ldg(at + 1)),
                __ldg(reinterpret_cast<const std::uint16_t*>(row.data + columns) + c / 32)};
    }
    static __device__ void unpack(const Packed& packed, float (&out)[8])
    {
        unpack8<Dtype::q8_0>(packed, out);
    }
};

// Any mixture of formats at any address, one number after the other.
struct AnyRows
{
    struct Packed
    {
        float numbers[8];
    };

    static __device__ Packed fetch(const WeightRow& row, int columns, int c)
    {
        Packed packed;
        switch (row.dtype) {
        case Dtype::f32:
            load8_any<Dtype::f32>(row.data, columns, c, packed.numbers);
            break;
        case Dtype::f16:
            load8_any<Dtype::f16>(row.data, columns, c, packed.numbers);
            break;
        case Dtype::bf16:
            load8_any<Dtype::bf16>(row.data, columns, c, packed.numbers);
            break;
        case Dtype::q8_0:
            load8_any<Dtype::q8_0>(row.data, columns, c, packed.numbers);
            break;
        default: // is not served
            break;
        }
        return packed;
    }
    static __device__ void unpack(const Packed& packed, float (&out)[8])
    {
        for (int i = 0; i < 8; ++i)
            out[i] = packed.numbers[i];
    }
};

enum class Reading : std::uint8_t
{
    vectors,
    q8_words,
    any,
};

// The fastest that all of `matrices`, the empty ones apart, allow.
inline Reading reading_of(std::initializer_list<Matrix> matrices)
{
    const Dtype dtype = matrices.begin()->dtype;
    const auto all = [&](auto&& fits) {
        return std::all_of(matrices.begin(), matrices.end(),
                           [&](const Matrix& w) { return !w || (w.dtype == dtype && fits(w)); });
    };
    if (all([](const Matrix& w) { return is_aligned(w); }))
        return Reading::vectors;
    const auto is_in_words = [](const Matrix& w) {
        return w.row_bytes() % 4 == 0 && reinterpret_cast<std::uintptr_t>(w.data) % 4 == 0;
    };
    return dtype == Dtype::q8_0 && all(is_in_words) ? Reading::q8_words : Reading::any;
}

// Tokens that the version for `tokens` is made for: 1, 2, 4 or 8. One version serves all where not all is at
// its fastest anyway.
constexpr int version_tokens(Reading reading, std::int64_t tokens)
{
    return reading != Reading::vectors || tokens > 4 ? 8 : tokens > 2 ? 4 : tokens > 1 ? 2 : 1;
}

// Calls f.operator()<Reader, version_tokens()>().
template <class F> void with_reader(Reading reading, Dtype dtype, std::int64_t tokens, F&& f)
{
    if (reading == Reading::any)
        return f.template operator()<AnyRows, 8>();
    if (reading == Reading::q8_words)
        return f.template operator()<Q8Words, 8>();
    with_dtype(dtype, [&]<Dtype D>() {
        switch (version_tokens(reading, tokens)) {
        case 1:
            return f.template operator()<Vectors<D>, 1>();
        case 2:
            return f.template operator()<Vectors<D>, 2>();
        case 4:
            return f.template operator()<Vectors<D>, 4>();
        default:
            return f.template operator()<Vectors<D>, 8>();
        }
    });
}

// ---- inputs in shared memory ------------------------------------------------------------------------------

// Where column c of an input lies: a lane's eight numbers of a tile are two groups of four, and the first
// groups of all lanes stand together, then the second ones, so that sixteen-byte reads meet no bank twice.
__device__ inline int staged_place(int c)
{
    return c / tile_columns * tile_columns + c % 8 / 4 * (tile_columns / 2) + c % tile_columns / 8 * 4 +
           c % 4;
}

// ---- products ---------------------------------------------------------------------------------------------

// How many tiles of R rows are on their way at a time: about 64 bytes for each lane.
template <class Reader, int R> constexpr int tiles_in_flight()
{
    constexpr int of_one_row = sizeof(typename Reader::Packed) > 16    ? 2
                               : sizeof(typename Reader::Packed) == 16 ? 4
                                                                       : 8;
    return of_one_row / R > 4 ? 4 : of_one_row / R > 1 ? of_one_row / R : 1;
}

template <class Reader, int R, int T, int Tiles>
__device__ inline void accumulate_tiles(float (&sums)[R][T], const WeightRow (&rows)[R], int columns, int c,
                                        const float* const (&x)[T], int x_place, int users)
{
    typename Reader::Packed packed[Tiles][R];
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile)
#pragma unroll
        for (int r = 0; r < R; ++r)
            packed[tile][r] = Reader::fetch(rows[r], columns, c + tile * tile_columns);
#pragma unroll
    for (int tile = 0; tile < Tiles; ++tile) {
        float w[R][8];
#pragma unroll
        for (int r = 0; r < R; ++r)
            Reader::unpack(packed[tile][r], w[r]);
#pragma unroll
        for (int t = 0; t < T; ++t) {
            if (t < users) {
                const auto* at = reinterpret_cast<const float4*>(x[t] + x_place + tile * tile_columns);
                const float4 low = at[0];
                const float4 high = at[tile_columns / 8];
                const float numbers[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
                for (int r = 0; r < R; ++r)
#pragma unroll
                    for (int i = 0; i < 8; ++i)
                        sums[r][t] = fmaf(w[r][i], numbers[i], sums[r][t]);
            }
        }
    }
}

// The lane's part of sums[r][t] += rows[r] . x[t] over the tiles that begin at columns first … first + count,
// for t < users. x[t]: staged columns from `first` on, with zeros to the end of the last tile.
template <class Reader, int R, int T>
__device__ inline void accumulate(float (&sums)[R][T], const WeightRow (&rows)[R], int columns, int first,
                                  int count, const float* const (&x)[T], int users)
{
    constexpr int in_flight = tiles_in_flight<Reader, R>();
    const int tiles = divide_up(count, tile_columns);
    const int column = first + 8 * lane_index();
    const int place = 4 * lane_index();
    int tile = 0;
    for (; tile + in_flight <= tiles; tile += in_flight)
        accumulate_tiles<Reader, R, T, in_flight>(sums, rows, columns, column + tile * tile_columns, x,
                                                  place + tile * tile_columns, users);
    if constexpr (in_flight > 2) {
        if (tile + 2 <= tiles) {
            accumulate_tiles<Reader, R, T, 2>(sums, rows, columns, column + tile * tile_columns, x,
                                              place + tile * tile_columns, users);
            tile += 2;
        }
    }
    for (; tile < tiles; ++tile)
        accumulate_tiles<Reader, R, T, 1>(sums, rows, columns, column + tile * tile_columns, x,
                                          place + tile * tile_columns, users);
}

// Equal shares of `total` for the blocks of the grid's first dimension.
struct Share
{
    int first;
    int last;
};
__device__ inline Share share_of_block(int total)
{
    const auto grid = static_cast<std::int64_t>(gridDim.x);
    const auto block = static_cast<std::int64_t>(blockIdx.x);
    return {static_cast<int>(total * block / grid), static_cast<int>(total * (block + 1) / grid)};
}

// Blocks that a multiprocessor runs at a time, by their registers.
constexpr int resident_blocks(int tokens)
{
    return tokens <= 1 ? 2 : 1;
}
// What the compiler is held to; wide numbers need more registers than two blocks leave.
template <class Reader, int T> constexpr int least_blocks()
{
    return sizeof(typename Reader::Packed) > 16 ? 1 : resident_blocks(T);
}

// Blocks that share `units` of work, each of which is one warp's: as many as run at the same time, but none
// with so little that preparing its input outweighs it.
inline std::uint32_t vector_blocks(std::int64_t units, std::int64_t tokens, const DeviceLimits& limits)
{
    const std::int64_t resident = limits.multiprocessors * resident_blocks(static_cast<int>(tokens));
    return static_cast<std::uint32_t>(std::min(resident, divide_up<std::int64_t>(units, 4)));
}

// ---- in products.cu ---------------------------------------------------------------------------------------

// multiply() for any number of rows, eight at a time side by side; also writes the normed rows to `normed`
// (T, columns).
void multiply_and_keep(const Device& device, const Product& product, View<float> normed);

} // namespace kernels::cuda
