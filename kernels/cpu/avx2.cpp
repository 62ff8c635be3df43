// SPDX-License-Identifier: MIT
// Compiled with -mavx2 -mfma -mf16c; called only where isa.h says that the processor has them.
#include "kernels/cpu/avx2_decode.h"
#include "kernels/cpu/primitives.h"
#include "kernels/quant/dequantise.h"

#include <immintrin.h>

namespace kernels::cpu {

namespace {

// The first n of 8 lanes.
__m256i first_lanes(Index n)
{
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(n)), lane);
}

Vec load_some(const float* src, Index n)
{
    return _mm256_maskload_ps(src, first_lanes(n));
}

void store_some(float* dst, Index n, Vec value)
{
    _mm256_maskstore_ps(dst, first_lanes(n), value);
}

// ---- stored numbers to floats ----

// As load8 for the last n < 8 numbers of a row; the other lanes are 0.
template <Dtype dtype> Vec load_last(const std::byte* row, Index c, Index n)
{
    if constexpr (dtype == Dtype::f32) {
        return load_some(reinterpret_cast<const float*>(row + 4 * c), n);
    } else {
        std::byte some[16] = {};
        constexpr Index bytes = bytes_per_block(dtype);
        __builtin_memcpy(some, row + bytes * c, static_cast<std::size_t>(bytes * n));
        return load8<dtype>(some, 0);
    }
}

// Columns c … c + n of a row, n <= 8, of a type without blocks.
template <Dtype dtype> Vec load_rest(const std::byte* row, Index c, Index n, const std::byte* factors)
{
    const Vec numbers = n == 8 ? load8<dtype>(row, c) : load_last<dtype>(row, c, n);
    if constexpr (dtype == Dtype::f8_e4m3)
        return _mm256_mul_ps(factor_at(factors, c), numbers);
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

// ---- dots ----

// ((0+1)+(2+3)) + ((4+5)+(6+7))
float lane_sum(Vec v)
{
    const Vec pairs = _mm256_hadd_ps(v, v);
    const Vec quads = _mm256_hadd_ps(pairs, pairs);
    return _mm_cvtss_f32(_mm_add_ss(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1)));
}

// The same for four vectors at once.
__m128 lane_sums(const Vec v[4])
{
    const Vec quads = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    return _mm_add_ps(_mm256_castps256_ps128(quads), _mm256_extractf128_ps(quads, 1));
}

// `sums` of R rows go to y[0 … R).
template <int R> void store_sums(const Vec sums[R], float* y, Store store)
{
    if constexpr (R == 4) {
        __m128 total = lane_sums(sums);
        if (store == Store::add)
            total = _mm_add_ps(_mm_loadu_ps(y), total);
        _mm_storeu_ps(y, total);
    } else {
        for (int r = 0; r < R; ++r)
            y[r] = store == Store::add ? y[r] + lane_sum(sums[r]) : lane_sum(sums[r]);
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

// Floats that lie in the cache. With R = 4 and T = 3 the twelve sums, three activations and one weight fill
// the sixteen registers, and seven loads feed twelve multiplications.
template <int R, int T> void dot_floats(const Tile& tile)
{
    Vec sum[T][R];
    const float* x[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
        x[t] = tile.x[t] + tile.x_offset;
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
            sum[t][r] = _mm256_setzero_ps();
    }
    const Index whole = tile.w.columns & ~Index{7};
    for (Index c = 0; c < whole; c += 8) {
        Vec activation[T];
#pragma GCC unroll 4
        for (int t = 0; t < T; ++t)
            activation[t] = _mm256_loadu_ps(x[t] + c);
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const Vec weight = load8<Dtype::f32>(tile.w.data + r * tile.w.stride, c);
#pragma GCC unroll 4
            for (int t = 0; t < T; ++t)
                sum[t][r] = _mm256_fmadd_ps(weight, activation[t], sum[t][r]);
        }
    }
    if (const Index rest = tile.w.columns - whole; rest != 0) {
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r) {
            const Vec weight = load_last<Dtype::f32>(tile.w.data + r * tile.w.stride, whole, rest);
#pragma GCC unroll 4
            for (int t = 0; t < T; ++t)
                sum[t][r] = _mm256_fmadd_ps(weight, load_some(x[t] + whole, rest), sum[t][r]);
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t)
        store_sums<R>(sum[t], tile.y[t] + tile.y_offset, tile.store);
}

// Stored numbers that come from memory: they are converted in registers, and the lines of the next four rows
// are asked for in time. Short rows end before the processor's own prefetcher has seen a pattern in them.
template <Dtype dtype, int R, int T> void dot_stored(const Tile& tile)
{
    Vec sum[T][R];
    const float* x[T];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t) {
        x[t] = tile.x[t] + tile.x_offset;
#pragma GCC unroll 4
        for (int r = 0; r < R; ++r)
            sum[t][r] = _mm256_setzero_ps();
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
#pragma GCC unroll 4
            for (int k = 0; k < Decoder::unrolled; ++k) {
                const Index column = c + round * round_columns + 32 * k;
#pragma GCC unroll 4
                for (int r = 0; r < R; ++r) {
                    const auto& group = opened[r].group(round, k);
#pragma GCC unroll 4
                    for (int i = 0; i < 4; ++i) {
                        const Vec weight = group.load(i);
#pragma GCC unroll 4
                        for (int t = 0; t < T; ++t)
                            sum[t][r] =
                                _mm256_fmadd_ps(weight, _mm256_loadu_ps(x[t] + column + 8 * i), sum[t][r]);
                    }
                }
            }
        }
    }
    if constexpr (values_per_block(dtype) == 1) {
        for (Index c = whole; c < tile.w.columns; c += 8) {
            const Index count = tile.w.columns - c < 8 ? tile.w.columns - c : 8;
            for (int r = 0; r < R; ++r) {
                const Vec weight = load_rest<dtype>(row[r], c, count, factors[r]);
                for (int t = 0; t < T; ++t)
                    sum[t][r] = _mm256_fmadd_ps(weight, load_some(x[t] + c, count), sum[t][r]);
            }
        }
    }
#pragma GCC unroll 4
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
    Index first = 0;
    do {
        const Index rest = work.w.columns - first;
        const Index count = rest < chunk_columns ? rest : chunk_columns;
        const Tile tile{.w = part_of(work.w, row, R, first, count),
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
    } while (first < work.w.columns);
}

template <Dtype dtype, int T> void dot_rows(const Dots& work, Index token)
{
    Index r = 0;
    for (; r + 4 <= work.w.rows; r += 4)
        dot_chunks<dtype, 4, T>(work, r, token);
    for (; r < work.w.rows; ++r)
        dot_chunks<dtype, 1, T>(work, r, token);
}

// Tiles of three tokens; a rest of four goes as two and two, since one alone would wait for its own sums.
template <Dtype dtype> void dots_of(const Dots& work)
{
    Index t = 0;
    for (; work.tokens - t >= 5 || work.tokens - t == 3; t += 3)
        dot_rows<dtype, 3>(work, t);
    for (; work.tokens - t >= 2; t += 2)
        dot_rows<dtype, 2>(work, t);
    if (t < work.tokens)
        dot_rows<dtype, 1>(work, t);
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

// Columns c … c + 8 * V of T tokens, all rows.
template <Dtype dtype, int T, int V>
void mix_tile(const WeightRows& w, Index c, const float* const* a, float* const* y)
{
    Vec sum[T][V];
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            sum[t][v] = _mm256_loadu_ps(y[t] + c + 8 * v);
    const std::byte* row = w.data;
    for (Index r = 0; r < w.rows; ++r, row += w.stride) {
        Vec factor[T];
#pragma GCC unroll 4
        for (int t = 0; t < T; ++t)
            factor[t] = _mm256_broadcast_ss(a[t] + r);
        Decoder<dtype> opened;
        opened.open(row, c, w.scales.row(r));
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
            const Vec weight = opened.group(0, 0).load(v);
#pragma GCC unroll 4
            for (int t = 0; t < T; ++t)
                sum[t][v] = _mm256_fmadd_ps(factor[t], weight, sum[t][v]);
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < T; ++t)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v)
            _mm256_storeu_ps(y[t] + c + 8 * v, sum[t][v]);
}

// The last n < 8 columns of one token.
template <Dtype dtype> void mix_last(const WeightRows& w, Index c, Index n, const float* a, float* y)
{
    Vec sum = load_some(y + c, n);
    for (Index r = 0; r < w.rows; ++r)
        sum = _mm256_fmadd_ps(_mm256_broadcast_ss(a + r),
                              load_rest<dtype>(w.data + r * w.stride, c, n, w.scales.row(r)), sum);
    store_some(y + c, n, sum);
}

template <Dtype dtype, int V> void mix_columns(const Mix& work, Index c)
{
    Index t = 0;
    for (; work.tokens - t >= 5 || work.tokens - t == 3; t += 3)
        mix_tile<dtype, 3, V>(work.w, c, work.a + t, work.y + t);
    for (; work.tokens - t >= 2; t += 2)
        mix_tile<dtype, 2, V>(work.w, c, work.a + t, work.y + t);
    if (t < work.tokens)
        mix_tile<dtype, 1, V>(work.w, c, work.a + t, work.y + t);
}

template <Dtype dtype> void mix_of(const Mix& work)
{
    const Index columns = work.w.columns;
    Index c = 0;
    for (; c + 32 <= columns; c += 32)
        mix_columns<dtype, 4>(work, c);
    if constexpr (values_per_block(dtype) == 1) {
        for (; c + 8 <= columns; c += 8)
            mix_columns<dtype, 1>(work, c);
        if (c < columns)
            for (Index t = 0; t < work.tokens; ++t)
                mix_last<dtype>(work.w, c, columns - c, work.a[t], work.y[t]);
    }
}

// As dots_of_floats. A sum that is continued from memory gives the same number.
void mix_of_floats(const Mix& work)
{
    constexpr Index most_tokens = 3;
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
                    for (int i = 0; i < 4; ++i)
                        _mm256_storeu_ps(to + 8 * i, group.load(i));
                }
            }
        }
        if constexpr (values_per_block(dtype) == 1) {
            for (Index c = whole; c < w.columns; c += 8) {
                const Index count = w.columns - c < 8 ? w.columns - c : 8;
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
    Vec sum[4] = {_mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps(), _mm256_setzero_ps()};
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8) {
        const Vec value = _mm256_loadu_ps(x + i);
        sum[i / 8 % 4] = _mm256_fmadd_ps(value, value, sum[i / 8 % 4]);
    }
    const Vec last = load_some(x + whole, count - whole);
    const Vec squares = _mm256_fmadd_ps(
        last, last, _mm256_add_ps(_mm256_add_ps(sum[0], sum[1]), _mm256_add_ps(sum[2], sum[3])));
    const float mean = lane_sum(squares) / static_cast<float>(count);
    const Vec factor = _mm256_set1_ps(1.0f / __builtin_sqrtf(mean + eps));
    for (Index i = 0; i < whole; i += 8)
        _mm256_storeu_ps(
            y + i, _mm256_mul_ps(_mm256_loadu_ps(weight + i), _mm256_mul_ps(_mm256_loadu_ps(x + i), factor)));
    if (whole < count)
        store_some(y + whole, count - whole,
                   _mm256_mul_ps(load_some(weight + whole, count - whole), _mm256_mul_ps(last, factor)));
}

// e^x = 2^n e^r with n = round(x / ln 2) and |r| <= ln(2) / 2, where eight terms of the series give all 24
// bits. Arguments outside ±87 give about the smallest and largest normal numbers; NaN stays NaN.
Vec exponential(Vec x)
{
    // min and max give their second operand where one is NaN.
    x = _mm256_min_ps(_mm256_set1_ps(88.0f), _mm256_max_ps(_mm256_set1_ps(-87.0f), x));
    const Vec n = _mm256_round_ps(_mm256_mul_ps(x, _mm256_set1_ps(1.44269504f)),
                                  _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
    // ln 2 in two parts, the first with few bits so that n times it is exact.
    Vec r = _mm256_fnmadd_ps(n, _mm256_set1_ps(0.693359375f), x);
    r = _mm256_fnmadd_ps(n, _mm256_set1_ps(-2.12194440e-4f), r);
    Vec series = _mm256_set1_ps(1.0f / 5040.0f);
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f / 720.0f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f / 120.0f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f / 24.0f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f / 6.0f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(0.5f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f));
    series = _mm256_fmadd_ps(series, r, _mm256_set1_ps(1.0f));
    const __m256i exponent =
        _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(series, _mm256_castsi256_ps(exponent));
}

Vec silu(Vec x)
{
    const Vec one = _mm256_set1_ps(1.0f);
    return _mm256_div_ps(x, _mm256_add_ps(one, exponential(_mm256_sub_ps(_mm256_setzero_ps(), x))));
}

void silu_mul(float* gate, const float* up, Index count)
{
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8)
        _mm256_storeu_ps(gate + i, _mm256_mul_ps(silu(_mm256_loadu_ps(gate + i)), _mm256_loadu_ps(up + i)));
    if (const Index n = count - whole; n != 0)
        store_some(gate + whole, n,
                   _mm256_mul_ps(silu(load_some(gate + whole, n)), load_some(up + whole, n)));
}

float largest(const float* x, Index count)
{
    const Vec lowest = _mm256_set1_ps(-__builtin_inff());
    Vec best = lowest;
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8)
        best = _mm256_max_ps(best, _mm256_loadu_ps(x + i));
    if (const Index n = count - whole; n != 0)
        best = _mm256_max_ps(
            best, _mm256_blendv_ps(lowest, load_some(x + whole, n), _mm256_castsi256_ps(first_lanes(n))));
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(best), _mm256_extractf128_ps(best, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

float exponentials(float* x, Index count, float scale, float shift)
{
    const Vec scales = _mm256_set1_ps(scale);
    const Vec shifts = _mm256_set1_ps(shift);
    Vec sum = _mm256_setzero_ps();
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8) {
        const Vec value = exponential(_mm256_fmsub_ps(_mm256_loadu_ps(x + i), scales, shifts));
        _mm256_storeu_ps(x + i, value);
        sum = _mm256_add_ps(sum, value);
    }
    if (const Index n = count - whole; n != 0) {
        const Vec value = exponential(_mm256_fmsub_ps(load_some(x + whole, n), scales, shifts));
        store_some(x + whole, n, value);
        sum = _mm256_add_ps(sum, _mm256_and_ps(value, _mm256_castsi256_ps(first_lanes(n))));
    }
    return lane_sum(sum);
}

void scale(float* x, float factor, Index count)
{
    const Vec factors = _mm256_set1_ps(factor);
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8)
        _mm256_storeu_ps(x + i, _mm256_mul_ps(_mm256_loadu_ps(x + i), factors));
    if (const Index n = count - whole; n != 0)
        store_some(x + whole, n, _mm256_mul_ps(load_some(x + whole, n), factors));
}

void add_scaled(float* y, const float* x, float factor, Index count)
{
    const Vec factors = _mm256_set1_ps(factor);
    const Index whole = count & ~Index{7};
    for (Index i = 0; i < whole; i += 8)
        _mm256_storeu_ps(y + i, _mm256_fmadd_ps(_mm256_loadu_ps(x + i), factors, _mm256_loadu_ps(y + i)));
    if (const Index n = count - whole; n != 0)
        store_some(y + whole, n, _mm256_fmadd_ps(load_some(x + whole, n), factors, load_some(y + whole, n)));
}

} // namespace

const Primitives avx2_primitives{
    .dots = dots,
    .mix = mix,
    .dequantise = dequantise,
    .rms_norm = rms_norm,
    .silu_mul = silu_mul,
    .largest = largest,
    .exponentials = exponentials,
    .scale = scale,
    .add_scaled = add_scaled,
};

std::uint64_t avx2_read(const std::uint64_t* data, std::int64_t bytes)
{
    __m256i sums[8] = {};
    const auto* source = reinterpret_cast<const __m256i*>(data);
    for (Index i = 0; i < bytes / 32; i += 8)
#pragma GCC unroll 8
        for (int k = 0; k < 8; ++k)
            sums[k] = _mm256_add_epi64(sums[k], _mm256_loadu_si256(source + i + k));
    std::uint64_t words[4];
    for (int k = 1; k < 8; ++k)
        sums[0] = _mm256_add_epi64(sums[0], sums[k]);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(words), sums[0]);
    return words[0] + words[1] + words[2] + words[3];
}

float avx2_multiply_adds(std::int64_t steps)
{
    Vec sums[12];
    for (Vec& sum : sums)
        sum = _mm256_set1_ps(1.0f);
    const Vec factor = _mm256_set1_ps(0.999f);
    const Vec addend = _mm256_set1_ps(0.001f);
    for (Index i = 0; i < steps; ++i)
#pragma GCC unroll 12
        for (int k = 0; k < 12; ++k)
            sums[k] = _mm256_fmadd_ps(sums[k], factor, addend);
    for (int k = 1; k < 12; ++k)
        sums[0] = _mm256_add_ps(sums[0], sums[k]);
    return lane_sum(sums[0]);
}

} // namespace kernels::cpu
