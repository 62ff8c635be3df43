// SPDX-License-Identifier: MIT
// Products of a few rows. Each block norms the input for itself into shared memory; then every warp takes
// rows of weights and meets all tokens with each.
#include "kernels/cuda/products.h"

#include "kernels/cuda/activation.h"
#include "kernels/cuda/vector_rows.h"

#include <cassert>

namespace kernels::cuda {

namespace {

// The rows of the input that one block works on, as the kernels see them.
struct Input
{
    View<const float> x;
    View<float> normed;          // where block 0 keeps them; none: nowhere
    const float* norm = nullptr; // (columns); none: x as it is
    float eps = 0.0f;
    const std::int32_t* gather = nullptr; // none: row t is t
    int tokens = 0;                       // of all blocks
    int columns = 0;
    int chunk = 0; // columns that fit into shared memory at a time, a multiple of a tile
};

// ---- kernels ----------------------------------------------------------------------------------------------

// The input of a block: T rows from row T * blockIdx.y on.
template <int T> class StagedInput
{
public:
    // All threads of the block. `shared` has room for T rows of a chunk, or of fewer tokens than T if the
    // whole input is fewer.
    __device__ StagedInput(const Input& input, float* shared, float (&scratch)[warp_size])
        : m_input(input)
        , m_first(static_cast<int>(blockIdx.y) * T)
        , m_tokens(min(T, input.tokens - m_first))
        , m_shared(shared)
    {
#pragma unroll
        for (int t = 0; t < T; ++t) {
            m_scale[t] = 1.0f;
            if (t >= m_tokens || input.norm == nullptr)
                continue;
            float squares = 0.0f;
            for (int c = static_cast<int>(threadIdx.x); c < input.columns; c += vector_threads) {
                const float value = __ldg(row(t) + c);
                squares = fmaf(value, value, squares);
            }
            const float mean = block_sum(squares, scratch) / static_cast<float>(input.columns);
            m_scale[t] = 1.0f / sqrtf(mean + input.eps);
        }
    }

    __device__ int first() const { return m_first; }
    __device__ int tokens() const { return m_tokens; }
    __device__ const float* staged(int t) const { return m_shared + t * m_input.chunk; }

    // Columns first … first + chunk into shared memory, with zeros to the end of the last tile. All threads;
    // what was staged before may still be in use.
    __device__ void stage(int first_column, bool keep)
    {
        const int count = min(m_input.chunk, m_input.columns - first_column);
        __syncthreads();
#pragma unroll
        for (int t = 0; t < T; ++t) {
            if (t >= m_tokens)
                break;
            const float* from = row(t) + first_column;
            float* to = m_shared + t * m_input.chunk;
            float* kept =
                keep ? m_input.normed.data + (m_first + t) * m_input.normed.stride + first_column : nullptr;
#pragma unroll 4
            for (int c = static_cast<int>(threadIdx.x); c < count; c += vector_threads) {
                float value = __ldg(from + c);
                if (m_input.norm != nullptr)
                    value = m_input.norm[first_column + c] * (value * m_scale[t]);
                to[staged_place(c)] = value;
                if (keep)
                    kept[c] = value;
            }
            for (int c = count + static_cast<int>(threadIdx.x); c < round_up(count, tile_columns);
                 c += vector_threads)
                to[staged_place(c)] = 0.0f;
        }
        __syncthreads();
    }

private:
    __device__ const float* row(int t) const
    {
        const std::int64_t index = m_input.gather != nullptr ? m_input.gather[m_first + t] : m_first + t;
        return m_input.x.data + index * m_input.x.stride;
    }

    const Input& m_input;
    int m_first;
    int m_tokens;
    float* m_shared;
    float m_scale[T]; // what the norm multiplies a row by
};

// Walks over the units of the block's share, R rows of weights each: rows_of_unit(unit, rows) names them,
// write(unit, t, sums) gets the R sums of every token, on every lane.
template <class Reader, int R, int T, class RowsOfUnit, class Write>
__device__ inline void for_each_unit(const Input& in, int units, float (&scratch)[warp_size],
                                     const RowsOfUnit& rows_of_unit, const Write& write)
{
    StagedInput<T> input(in, reinterpret_cast<float*>(dynamic_shared()), scratch);
    const float* x[T];
#pragma unroll
    for (int t = 0; t < T; ++t)
        x[t] = input.staged(min(t, input.tokens() - 1));
    const Share share = share_of_block(units);
    const bool keeps = in.normed.data != nullptr && blockIdx.x == 0;
    for (int round = share.first; round < share.last; round += vector_warps) {
        const int unit = round + warp_index();
        const bool is_active = unit < share.last;
        WeightRow rows[R];
        rows_of_unit(min(unit, share.last - 1), rows);
        float sums[R][T] = {};
        for (int first = 0; first < in.columns; first += in.chunk) {
            if (round == share.first || in.chunk < in.columns)
                input.stage(first, keeps && round == share.first);
            if (is_active)
                accumulate<Reader, R, T>(sums, rows, in.columns, first, min(in.chunk, in.columns - first), x,
                                         input.tokens());
        }
        if (!is_active)
            continue;
#pragma unroll
        for (int t = 0; t < T; ++t) {
            if (t >= input.tokens())
                break;
            float results[R];
#pragma unroll
            for (int r = 0; r < R; ++r)
                results[r] = warp_sum(sums[r][t]);
            write(unit, input.first() + t, results);
        }
    }
}

struct ProductArguments
{
    Input input;
    View<float> y;
    Rows w0;
    Rows w1;
    Store store = Store::assign;
};

// Rows of weights that one warp takes at a time: two where several tokens read the same inputs.
constexpr int product_rows(int tokens)
{
    return tokens >= 4 ? 2 : 1;
}

template <class Reader, int T>
__global__ __launch_bounds__(vector_threads,
                             least_blocks<Reader, T>()) void multiply_kernel(const ProductArguments p)
{
    constexpr int R = product_rows(T);
    __shared__ float scratch[warp_size];
    const int count = p.w0.count + p.w1.count;
    for_each_unit<Reader, R, T>(
        p.input, divide_up(count, R), scratch,
        [&](int unit, WeightRow(&rows)[R]) {
#pragma unroll
            for (int i = 0; i < R; ++i) {
                const int r = min(unit * R + i, count - 1);
                rows[i] = r < p.w0.count ? row_at(p.w0, r) : row_at(p.w1, r - p.w0.count);
            }
        },
        [&](int unit, int t, const float(&results)[R]) {
            float* y = p.y.data + t * p.y.stride;
#pragma unroll
            for (int i = 0; i < R; ++i) {
                const int r = unit * R + i;
                if (lane_index() == 0 && r < count)
                    y[r] = p.store == Store::add ? y[r] + results[i] : results[i];
            }
        });
}

struct GatedArguments
{
    Input input;
    View<float> y;
    Rows gate;
    Rows up;
};

template <class Reader, int T>
__global__ __launch_bounds__(vector_threads,
                             least_blocks<Reader, T>()) void multiply_gated_kernel(const GatedArguments p)
{
    __shared__ float scratch[warp_size];
    for_each_unit<Reader, 2, T>(
        p.input, p.gate.count, scratch,
        [&](int unit, WeightRow(&rows)[2]) {
            rows[0] = row_at(p.gate, unit);
            rows[1] = row_at(p.up, unit);
        },
        [&](int unit, int t, const float(&results)[2]) {
            if (lane_index() == 0)
                p.y.data[t * p.y.stride + unit] = silu(results[0]) * results[1];
        });
}

// Block (row, stretch of 256 columns).
template <Dtype D> __global__ void embed_kernel(View<float> h, const Rows table, const std::int32_t* tokens)
{
    const int row = static_cast<int>(blockIdx.x);
    const int c = static_cast<int>(blockIdx.y * blockDim.x + threadIdx.x);
    if (c < table.columns)
        h.data[row * h.stride + c] = load1<D>(row_at(table, tokens[row]).data, table.columns, c);
}

// ---- launchers --------------------------------------------------------------------------------------------

// `units` of work, each a warp's, over an input of `tokens` rows.
LaunchPlan plan_units(std::int64_t units, std::int64_t tokens, std::int64_t columns,
                      const DeviceLimits& limits)
{
    if (units == 0 || tokens == 0)
        return {.grid = {0, 0, 0}, .threads = vector_threads};
    const std::int64_t staged = std::min(tokens, max_vector_rows);
    const std::int64_t groups = divide_up(tokens, max_vector_rows);
    const std::int64_t room = (limits.shared_bytes - vector_static_bytes) / (4 * staged);
    const std::int64_t chunk =
        std::min(round_up<std::int64_t>(columns, tile_columns), room / tile_columns * tile_columns);
    const std::int64_t blocks = std::max<std::int64_t>(1, vector_blocks(units, staged, limits) / groups);
    return {.grid = {static_cast<std::uint32_t>(blocks), static_cast<std::uint32_t>(groups), 1},
            .threads = vector_threads,
            .shared_bytes = 4 * staged * chunk};
}

Input input_of(View<const float> x, const Norm& norm, const std::int32_t* gather, std::int64_t tokens,
               const LaunchPlan& plan)
{
    assert(!norm.weight || norm.weight.dtype == Dtype::f32);
    const std::int64_t staged = std::min(tokens, max_vector_rows);
    Input input;
    input.x = x;
    input.norm = reinterpret_cast<const float*>(norm.weight.data);
    input.eps = norm.eps;
    input.gather = gather;
    input.tokens = static_cast<int>(tokens);
    input.columns = static_cast<int>(x.columns);
    input.chunk = static_cast<int>(plan.shared_bytes / (4 * std::max<std::int64_t>(1, staged)));
    return input;
}

void multiply_rows(const Device& device, const Product& product, View<float> normed)
{
    const LaunchPlan plan = plan_product(product, device.limits());
    ProductArguments arguments;
    arguments.input = input_of(product.x, product.norm, product.gather, product.y.rows, plan);
    arguments.input.normed = normed;
    arguments.y = product.y;
    arguments.w0 = rows_of(product.w0);
    arguments.w1 = rows_of(product.w1);
    arguments.store = product.store;
    with_reader(reading_of({product.w0, product.w1}), product.w0.dtype, product.y.rows,
                [&]<class Reader, int T>() { launch(device, plan, multiply_kernel<Reader, T>, arguments); });
}

} // namespace

LaunchPlan plan_product(const Product& product, const DeviceLimits& limits)
{
    const std::int64_t tokens = product.y.rows;
    const std::int64_t rows = product.w0.rows + product.w1.rows;
    const int together = product_rows(version_tokens(reading_of({product.w0, product.w1}), tokens));
    return plan_units(divide_up<std::int64_t>(rows, together), tokens, product.x.columns, limits);
}

void multiply(const Device& device, const Product& product)
{
    assert(product.y.rows <= max_vector_rows);
    multiply_rows(device, product, {});
}

void multiply_and_keep(const Device& device, const Product& product, View<float> normed)
{
    multiply_rows(device, product, normed);
}

LaunchPlan plan_gated_product(const GatedProduct& product, const DeviceLimits& limits)
{
    return plan_units(product.gate.rows, product.y.rows, product.x.columns, limits);
}

void multiply_gated(const Device& device, const GatedProduct& product)
{
    assert(product.y.rows <= max_vector_rows);
    const LaunchPlan plan = plan_gated_product(product, device.limits());
    GatedArguments arguments;
    arguments.input = input_of(product.x, product.norm, nullptr, product.y.rows, plan);
    arguments.y = product.y;
    arguments.gate = rows_of(product.gate);
    arguments.up = rows_of(product.up);
    with_reader(
        reading_of({product.gate, product.up}), product.gate.dtype, product.y.rows,
        [&]<class Reader, int T>() { launch(device, plan, multiply_gated_kernel<Reader, T>, arguments); });
}

void embed(const Device& device, View<float> h, const Matrix& table, const DeviceBatch& batch)
{
    constexpr std::uint32_t threads = 256;
    const LaunchPlan plan{.grid = {static_cast<std::uint32_t>(batch.rows),
                                   divide_up(static_cast<std::uint32_t>(table.columns), threads), 1},
                          .threads = threads};
    with_dtype(table.dtype,
               [&]<Dtype D>() { launch(device, plan, embed_kernel<D>, h, rows_of(table), batch.token); });
}

} // namespace kernels::cuda
