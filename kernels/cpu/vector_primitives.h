// SPDX-License-Identifier: MIT
// The primitives, written once for every vector width. A file that is compiled for an instruction set
// includes its …_vector.h (registers of `lanes` floats) and …_decode.h (stored numbers in registers), then
// this.
//
// The sum of a chunk of columns is kept in `lanes` sums, number i of the columns i, i + lanes, …, whose order
// of addition at the end is that of lane_sums.
#pragma once

#include "kernels/cpu/primitives.h"
#include "kernels/quant/dequantise.h"

namespace kernels::cpu {

namespace {

// ---- rests of rows ----

// As load_plain for the last n < lanes numbers of a row; the other lanes are 0.
template <Dtype dtype> Vec load_last(const std::byte* row, Index c, Index n)
{
    if constexpr (dtype == Dtype::f32) {
        return load_some(reinterpret_cast<const float*>(row + 4 * c), n);
    } else {
        std::byte some[2 * lanes] = {};
        constexpr Index bytes = bytes_per_block(dtype);
        __builtin_memcpy(some, row + bytes * c, static_cast<std::size_t>(bytes * n));
        return load_plain<dtype>(some, 0);
    }
}

// Columns c … c + n of a row, n <= lanes, of a type without blocks.
template <Dtype dtype> Vec load_rest(const std::byte* row, Index c, Index n, const std::byte* factors)
{
    const Vec numbers = n == lanes ? load_plain<dtype>(row, c) : load_last<dtype>(row, c, n);
    if constexpr (dtype == Dtype::f8_e4m3)
        return all(factor_at(factors, c)) * numbers;
    return numbers;
}

// Rows that end after a few lines give the processor's own prefetcher no time to see a pattern, so whoever
// reads weights asks for the lines of the row that comes `rows_ahead` later. Asking beyond the last row is
// harmless.
constexpr Index rows_ahead = 4;

void prefetch(const std::byte* data, Index bytes)
{
    for (Index line = 0; line < bytes; line += 64)
        _mm_prefetch(data + line, _MM_HINT_T0);
}

// Bytes that a decoder opens.
template <Dtype dtype>
constexpr Index opened_bytes = Decoder<dtype>::columns / values_per_block(dtype) * bytes_per_block(dtype);

constexpr int vectors_per_group = 32 / lanes;

// f.operator()<size>(first) for a size that is known to be at most T.
template <int T, class F> void in_tile(Index size, Index first, const F& f)
{
    if (size == T)
        f.template operator()<T>(first);
    else if constexpr (T > 1)
        in_tile<T - 1>(size, first, f);
}

// Cuts `count` rows of activations into as few tiles as hold them, of about equal sizes: a row alone would
// wait for its own sums.
template <class F> void in_tiles(Index count, const F& f)
{
    Index first = 0;
    for (Index tiles = (count + most_tokens - 1) / most_tokens; tiles > 0; --tiles) {
        const Index size = (count - first + tiles - 1) / tiles;
        in_tile<most_tokens>(size, first, f);
        first += size;
    }
}

// ---- dots ----

// `sums` of R rows go to y[0 … R).
template <int R> void store_sums(const Vec sums[R], float* y, Store mode)
{
    if constexpr (R == 4) {
        __m128 total = lane_sums(sums);
        if (mode == Store::add)
            total = _mm_add_ps(_mm_loadu_ps(y), total);
        _mm_storeu_ps(y, total);
    } else {
        for (int r = 0; r < R; ++r)
            y[r] = mode == Store::add ? y[r] + lane_sum(sums[r]) : lane_sum(sums[r]);
    }
}

// A tile is one chunk of columns for R rows and T tokens.
struct Tile
{
    WeightRows w;
    const float* const* x = nullptr;
    Index x_offset = 0;
    float* const* y = nullptr;
    Index y_offset = 0;
    Store store = Store::write;
};

// Floats that lie in the cache: a round loads R weights and T activations for R * T multiplications.
template <int R, int T> void dot_floats(const Tile& tile)
{
    Vec sum[T][R];
    const float* x[T];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        x[t] = tile.x[t] + tile.x_offset;
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
            sum[t][r] = zero();
    }
    const Index whole = tile.w.columns & ~Index{lanes - 1};
    for (Index c = 0; c < whole; c += lanes) {
        Vec activation[T];
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t)
            activation[t] = load(x[t] + c);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const Vec weight = load_plain<Dtype::f32>(tile.w.data + r * tile.w.stride, c);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t)
                sum[t][r] = fused(weight, activation[t], sum[t][r]);
        }
    }
    if (const Index rest = tile.w.columns - whole; rest != 0) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const Vec weight = load_last<Dtype::f32>(tile.w.data + r * tile.w.stride, whole, rest);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t)
                sum[t][r] = fused(weight, load_some(x[t] + whole, rest), sum[t][r]);
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t)
        store_sums<R>(sum[t], tile.y[t] + tile.y_offset, tile.store);
}

// Stored numbers that come from memory: they are converted in registers, where they meet T tokens, and the
// lines of the next four rows are asked for in time.
template <Dtype dtype, int R, int T> void dot_stored(const Tile& tile)
{
    Vec sum[T][R];
    const float* x[T];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
        x[t] = tile.x[t] + tile.x_offset;
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
            sum[t][r] = zero();
    }
    using Decoder = Decoder<dtype>;
    const Index ahead = rows_ahead * tile.w.stride;
    const Index whole = tile.w.columns / Decoder::columns * Decoder::columns;
    const std::byte* row[R];
    const std::byte* factors[R];
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
        row[r] = tile.w.data + r * tile.w.stride;
        factors[r] = tile.w.scales.row(r);
    }
    for (Index c = 0; c < whole; c += Decoder::columns) {
        Decoder opened[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            opened[r].open(row[r], c, factors[r]);
            prefetch(row[r] + row_bytes(dtype, c) + ahead, opened_bytes<dtype>);
        }
        constexpr int round_columns = 32 * Decoder::unrolled;
        for (int round = 0; round < Decoder::columns / round_columns; ++round) {
            // All groups of a row in turn: those that share bytes load them once.
#pragma GCC unroll 4
            for (int r = 0; r < R; ++r) {
#pragma GCC unroll 4
                for (int k = 0; k < Decoder::unrolled; ++k) {
                    const Index column = c + round * round_columns + 32 * k;
                    const auto& group = opened[r].group(round, k);
#pragma GCC unroll 4
                    for (int i = 0; i < vectors_per_group; ++i) {
                        const Vec weight = group.load(i);
#pragma GCC unroll 8
                        for (int t = 0; t < T; ++t)
                            sum[t][r] = fused(weight, load(x[t] + column + lanes * i), sum[t][r]);
                    }
                }
            }
        }
    }
    if constexpr (values_per_block(dtype) == 1) {
        for (Index c = whole; c < tile.w.columns; c += lanes) {
            const Index count = tile.w.columns - c < lanes ? tile.w.columns - c : lanes;
            for (int r = 0; r < R; ++r) {
                const Vec weight = load_rest<dtype>(row[r], c, count, factors[r]);
                for (int t = 0; t < T; ++t)
                    sum[t][r] = fused(weight, load_some(x[t] + c, count), sum[t][r]);
            }
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t)
        store_sums<R>(sum[t], tile.y[t] + tile.y_offset, tile.store);
}

// Rows first … first + count and, of these, `columns` numbers from column c on, a multiple of chunk_columns.
WeightRows part_of(const WeightRows& w, Index first, Index count, Index c, Index columns)
{
    return {w.data + first * w.stride + row_bytes(w.dtype, c),
            w.dtype,
            count,
            columns,
            w.stride,
            w.scales.below(first).right_of(c)};
}

template <Dtype dtype, int R, int T> void dot_chunks(const Dots& work, Index row, Index token)
{
    WeightRows w = work.w;
    w.dtype = dtype; // as a constant: offsets in rows then need no division
    Index first = 0;
    do {
        const Index rest = w.columns - first;
        const Index count = rest < chunk_columns ? rest : chunk_columns;
        const Tile tile{.w = part_of(w, row, R, first, count),
                        .x = work.x + token,
                        .x_offset = work.x_offset + first,
                        .y = work.y + token,
                        .y_offset = work.y_offset + row,
                        .store = first == 0 ? work.store : Store::add};
        if constexpr (dtype == Dtype::f32)
            dot_floats<R, T>(tile);
        else
            dot_stored<dtype, R, T>(tile);
        first += count;
    } while (first < w.columns);
}

template <Dtype dtype> void dots_of(const Dots& work)
{
    in_tiles(work.tokens, [&]<int T>(Index token) {
        Index r = 0;
        for (; r + 4 <= work.w.rows; r += 4)
            dot_chunks<dtype, 4, T>(work, r, token);
        for (; r < work.w.rows; ++r)
            dot_chunks<dtype, 1, T>(work, r, token);
    });
}

// Calls f.operator()<dtype>() for a type that has a decoder, otherwise g().
template <class F, class G> void with_decoder(Dtype dtype, const F& f, const G& g)
{
    switch (dtype) {
    case Dtype::f32:
        return f.template operator()<Dtype::f32>();
    case Dtype::f16:
        return f.template operator()<Dtype::f16>();
    case Dtype::bf16:
        return f.template operator()<Dtype::bf16>();
    case Dtype::f8_e4m3:
        return f.template operator()<Dtype::f8_e4m3>();
    case Dtype::q4_0:
        return f.template operator()<Dtype::q4_0>();
    case Dtype::q4_1:
        return f.template operator()<Dtype::q4_1>();
    case Dtype::q5_0:
        return f.template operator()<Dtype::q5_0>();
    case Dtype::q5_1:
        return f.template operator()<Dtype::q5_1>();
    case Dtype::q8_0:
        return f.template operator()<Dtype::q8_0>();
    case Dtype::q2_k:
        return f.template operator()<Dtype::q2_k>();
    case Dtype::q3_k:
        return f.template operator()<Dtype::q3_k>();
    case Dtype::q4_k:
        return f.template operator()<Dtype::q4_k>();
    case Dtype::q5_k:
        return f.template operator()<Dtype::q5_k>();
    case Dtype::q6_k:
        return f.template operator()<Dtype::q6_k>();
    case Dtype::iq4_nl:
        return f.template operator()<Dtype::iq4_nl>();
    case Dtype::iq4_xs:
        return f.template operator()<Dtype::iq4_xs>();
    case Dtype::iq1_s:
    case Dtype::iq1_m:
    case Dtype::iq2_xxs:
    case Dtype::iq2_xs:
    case Dtype::iq2_s:
    case Dtype::iq3_xxs:
    case Dtype::iq3_s:
        return g();
    }
}

void dequantise(const WeightRows& w, float* dst);

// The same numbers as floats in `panel` (rows, columns).
WeightRows floats_of(const WeightRows& w, float* panel)
{
    dequantise(w, panel);
    return {reinterpret_cast<const std::byte*>(panel), Dtype::f32, w.rows, w.columns, w.columns * 4};
}

// The types without a form of their own: some rows of a chunk become floats, then as these.
void dots_of_floats(const Dots& work)
{
    float panel[4 * chunk_columns];
    for (Index r = 0; r < work.w.rows; r += 4) {
        const Index rows = work.w.rows - r < 4 ? work.w.rows - r : 4;
        Index first = 0;
        do {
            const Index rest = work.w.columns - first;
            const Index columns = rest < chunk_columns ? rest : chunk_columns;
            Dots part = work;
            part.w = floats_of(part_of(work.w, r, rows, first, columns), panel);
            part.x_offset += first;
            part.y_offset += r;
            part.store = first == 0 ? work.store : Store::add;
            dots_of<Dtype::f32>(part);
            first += columns;
        } while (first < work.w.columns);
    }
}

void dots(const Dots& work)
{
    with_decoder(
        work.w.dtype, [&]<Dtype dtype>() { dots_of<dtype>(work); }, [&] { dots_of_floats(work); });
}

// ---- mix ----

// Columns c … c + lanes * V of T tokens, all rows.
template <Dtype dtype, int T, int V>
void mix_tile(const WeightRows& w, Index c, const float* const* a, float* const* y)
{
    Vec sum[T][V];
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            sum[t][v] = load(y[t] + c + lanes * v);
    const std::byte* row = w.data;
    for (Index r = 0; r < w.rows; ++r, row += w.stride) {
        Vec factor[T];
#pragma GCC unroll 8
        for (int t = 0; t < T; ++t)
            factor[t] = all(a[t][r]);
        Decoder<dtype> opened;
        opened.open(row, c, w.scales.row(r));
        const auto& group = opened.group(0, 0);
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
            const Vec weight = group.load(v);
#pragma GCC unroll 8
            for (int t = 0; t < T; ++t)
                sum[t][v] = fused(factor[t], weight, sum[t][v]);
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            store(y[t] + c + lanes * v, sum[t][v]);
}

// The last n < lanes columns of one token.
template <Dtype dtype> void mix_last(const WeightRows& w, Index c, Index n, const float* a, float* y)
{
    Vec sum = load_some(y + c, n);
    for (Index r = 0; r < w.rows; ++r)
        sum = fused(all(a[r]), load_rest<dtype>(w.data + r * w.stride, c, n, w.scales.row(r)), sum);
    store_some(y + c, n, sum);
}

template <Dtype dtype, int V> void mix_columns(const Mix& work, Index c)
{
    in_tiles(work.tokens, [&]<int T>(Index t) { mix_tile<dtype, T, V>(work.w, c, work.a + t, work.y + t); });
}

template <Dtype dtype> void mix_of(const Mix& work)
{
    const Index columns = work.w.columns;
    Index c = 0;
    for (; c + 32 <= columns; c += 32)
        mix_columns<dtype, vectors_per_group>(work, c);
    if constexpr (values_per_block(dtype) == 1) {
        for (; c + lanes <= columns; c += lanes)
            mix_columns<dtype, 1>(work, c);
        if (c < columns)
            for (Index t = 0; t < work.tokens; ++t)
                mix_last<dtype>(work.w, c, columns - c, work.a[t], work.y[t]);
    }
}

// As dots_of_floats. A sum that is continued from memory gives the same number.
void mix_of_floats(const Mix& work)
{
    float panel[4 * chunk_columns];
    for (Index t = 0; t < work.tokens; t += most_tokens) {
        const Index tokens = work.tokens - t < most_tokens ? work.tokens - t : most_tokens;
        for (Index r = 0; r < work.w.rows; r += 4) {
            const Index rows = work.w.rows - r < 4 ? work.w.rows - r : 4;
            for (Index c = 0; c < work.w.columns; c += chunk_columns) {
                const Index rest = work.w.columns - c;
                const float* a[most_tokens];
                float* y[most_tokens];
                for (Index i = 0; i < tokens; ++i) {
                    a[i] = work.a[t + i] + r;
                    y[i] = work.y[t + i] + c;
                }
                const Index columns = rest < chunk_columns ? rest : chunk_columns;
                mix_of<Dtype::f32>({.w = floats_of(part_of(work.w, r, rows, c, columns), panel),
                                    .a = a,
                                    .y = y,
                                    .tokens = tokens});
            }
        }
    }
}

void mix(const Mix& work)
{
    switch (work.w.dtype) {
    case Dtype::f32:
        return mix_of<Dtype::f32>(work);
    case Dtype::f16:
        return mix_of<Dtype::f16>(work);
    case Dtype::bf16:
        return mix_of<Dtype::bf16>(work);
    case Dtype::f8_e4m3:
        return mix_of<Dtype::f8_e4m3>(work);
    case Dtype::q8_0:
        return mix_of<Dtype::q8_0>(work);
    default:
        return mix_of_floats(work);
    }
}

// ---- rows ----

template <Dtype dtype> void dequantise_of(const WeightRows& w, float* dst)
{
    using Decoder = Decoder<dtype>;
    const Index whole = w.columns / Decoder::columns * Decoder::columns;
    for (Index r = 0; r < w.rows; ++r, dst += w.columns) {
        const std::byte* row = w.data + r * w.stride;
        const std::byte* factors = w.scales.row(r);
        for (Index c = 0; c < whole; c += Decoder::columns) {
            Decoder opened;
            opened.open(row, c, factors);
            prefetch(row + row_bytes(dtype, c) + rows_ahead * w.stride, opened_bytes<dtype>);
            float* to = dst + c;
            for (int round = 0; round < Decoder::columns / (32 * Decoder::unrolled); ++round) {
#pragma GCC unroll 4
                for (int k = 0; k < Decoder::unrolled; ++k, to += 32) {
                    const auto& group = opened.group(round, k);
#pragma GCC unroll 4
                    for (int i = 0; i < vectors_per_group; ++i)
                        store(to + lanes * i, group.load(i));
                }
            }
        }
        if constexpr (values_per_block(dtype) == 1) {
            for (Index c = whole; c < w.columns; c += lanes) {
                const Index count = w.columns - c < lanes ? w.columns - c : lanes;
                store_some(dst + c, count, load_rest<dtype>(row, c, count, factors));
            }
        }
    }
}

void dequantise(const WeightRows& w, float* dst)
{
    with_decoder(
        w.dtype, [&]<Dtype dtype>() { dequantise_of<dtype>(w, dst); },
        [&] {
            for (Index r = 0; r < w.rows; ++r)
                dequantise_row(w.dtype, w.data + r * w.stride, dst + r * w.columns, w.columns);
        });
}

void rms_norm(float* y, const float* x, const float* weight, Index count, float eps)
{
    Vec sum[4] = {zero(), zero(), zero(), zero()};
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes) {
        const Vec value = load(x + i);
        sum[i / lanes % 4] = fused(value, value, sum[i / lanes % 4]);
    }
    const Vec last = load_some(x + whole, count - whole);
    const Vec squares = fused(last, last, (sum[0] + sum[1]) + (sum[2] + sum[3]));
    const float mean = lane_sum(squares) / static_cast<float>(count);
    const Vec factor = all(1.0f / __builtin_sqrtf(mean + eps));
    for (Index i = 0; i < whole; i += lanes)
        store(y + i, load(weight + i) * (load(x + i) * factor));
    if (whole < count)
        store_some(y + whole, count - whole, load_some(weight + whole, count - whole) * (last * factor));
}

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2, where eight terms of the series give all 24
// bits. Arguments outside ±87 give about the smallest and largest normal numbers; NaN stays NaN.
Vec exponential(Vec x)
{
    x = smaller(all(88.0f), larger(all(-87.0f), x));
    const Vec n = nearest_whole(x * all(1.44269504f));
    // ln 2 in two parts, the first with few bits so that n times it is exact.
    Vec r = less_fused(n, all(0.693359375f), x);
    r = less_fused(n, all(-2.12194440e-4f), r);
    Vec series = all(1.0f / 5040.0f);
    series = fused(series, r, all(1.0f / 720.0f));
    series = fused(series, r, all(1.0f / 120.0f));
    series = fused(series, r, all(1.0f / 24.0f));
    series = fused(series, r, all(1.0f / 6.0f));
    series = fused(series, r, all(0.5f));
    series = fused(series, r, all(1.0f));
    series = fused(series, r, all(1.0f));
    return series * power_of_two(n);
}

Vec silu(Vec x)
{
    return x / (all(1.0f) + exponential(zero() - x));
}

void silu_mul(float* gate, const float* up, Index count)
{
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes)
        store(gate + i, silu(load(gate + i)) * load(up + i));
    if (const Index n = count - whole; n != 0)
        store_some(gate + whole, n, silu(load_some(gate + whole, n)) * load_some(up + whole, n));
}

float largest(const float* x, Index count)
{
    const Vec lowest = all(-__builtin_inff());
    Vec best = lowest;
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes)
        best = larger(best, load(x + i));
    if (const Index n = count - whole; n != 0)
        best = larger(best, first_or(load_some(x + whole, n), n, lowest));
    return largest_lane(best);
}

float exponentials(float* x, Index count, float scale, float shift)
{
    const Vec scales = all(scale);
    const Vec shifts = all(shift);
    Vec sum = zero();
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes) {
        const Vec value = exponential(fused_less(load(x + i), scales, shifts));
        store(x + i, value);
        sum = sum + value;
    }
    if (const Index n = count - whole; n != 0) {
        const Vec value = exponential(fused_less(load_some(x + whole, n), scales, shifts));
        store_some(x + whole, n, value);
        sum = sum + first_or(value, n, zero());
    }
    return lane_sum(sum);
}

void scale(float* x, float factor, Index count)
{
    const Vec factors = all(factor);
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes)
        store(x + i, load(x + i) * factors);
    if (const Index n = count - whole; n != 0)
        store_some(x + whole, n, load_some(x + whole, n) * factors);
}

void add_scaled(float* y, const float* x, float factor, Index count)
{
    const Vec factors = all(factor);
    const Index whole = count & ~Index{lanes - 1};
    for (Index i = 0; i < whole; i += lanes)
        store(y + i, fused(load(x + i), factors, load(y + i)));
    if (const Index n = count - whole; n != 0)
        store_some(y + whole, n, fused(load_some(x + whole, n), factors, load_some(y + whole, n)));
}

// ---- the machine's limits ----

constexpr int chains = 12;

float multiply_adds(Index steps)
{
    Vec sums[chains];
    for (Vec& sum : sums)
        sum = all(1.0f);
    const Vec factor = all(0.999f);
    const Vec addend = all(0.001f);
    for (Index i = 0; i < steps; ++i)
#pragma GCC unroll 12
        for (int k = 0; k < chains; ++k)
            sums[k] = fused(sums[k], factor, addend);
    for (int k = 1; k < chains; ++k)
        sums[0] = sums[0] + sums[k];
    return lane_sum(sums[0]);
}

constexpr Primitives vector_primitives{
    .few_rows = most_tokens,
    .dots = dots,
    .mix = mix,
    .dequantise = dequantise,
    .rms_norm = rms_norm,
    .silu_mul = silu_mul,
    .largest = largest,
    .exponentials = exponentials,
    .scale = scale,
    .add_scaled = add_scaled,
    .read = sum_of_words,
    .multiply_adds = multiply_adds,
    .flop_per_step = 2 * chains * lanes,
};

} // namespace

} // namespace kernels::cpu
