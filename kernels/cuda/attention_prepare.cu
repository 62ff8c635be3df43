// SPDX-License-Identifier: MIT
// What stands before and behind latent attention: the row of the cache, the rotation of the queries, and the
// per-head matrices W_UK and W_UV, which are too small for one launch each and share one.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/numeric.h"

namespace kernels::cuda {

namespace {

// ---- kernels
// -----------------------------------------------------------------------------------------------

// One row of the batch: its place in the cache, and the rotary part of its queries.
struct RowWork
{
    const float* kv = nullptr;
    std::int64_t kv_stride = 0;
    const float* norm = nullptr;
    float eps = 0.0f;
    int latent = 0; // C
    int rotary = 0; // R
    LayerCache cache;
    const std::int32_t* position = nullptr;
    const std::int32_t* first_block = nullptr;
    const std::int32_t* blocks = nullptr;
    const float* rotation = nullptr;
    // q_pe of head h at q + row * q_stride + h * q_head; to and from may be the same.
    const float* from = nullptr;
    std::int64_t from_stride = 0;
    int from_head = 0;
    float* to = nullptr;
    std::int64_t to_stride = 0;
    int to_head = 0;
    int heads = 0;
};

__device__ void store_number(Dtype dtype, std::byte* row, int i, float value)
{
    if (dtype == Dtype::bf16)
        reinterpret_cast<__nv_bfloat16*>(row)[i] = __float2bfloat16_rn(value);
    else
        reinterpret_cast<float*>(row)[i] = value;
}

// Adjacent pairs turn by angles (cosine, sine) of this position.
__device__ float2 rotated(float even, float odd, const float* angle)
{
    return make_float2(even * angle[0] - odd * angle[1], even * angle[1] + odd * angle[0]);
}

__device__ void prepare_row(const RowWork& work, std::int64_t row, float* shared32)
{
    const int thread = static_cast<int>(threadIdx.x);
    const int threads = static_cast<int>(blockDim.x);
    const float* kv = work.kv + row * work.kv_stride;
    const float* angles = work.rotation + row * work.rotary;
    std::byte* stored = cache_row(work.cache, work.blocks + work.first_block[row], work.position[row]);

    float squares = 0.0f;
    for (int i = thread; i < work.latent; i += threads)
        squares += kv[i] * kv[i];
    squares = block_sum(squares, shared32);
    const float scale = 1.0f / sqrtf(squares / static_cast<float>(work.latent) + work.eps);
    for (int i = thread; i < work.latent; i += threads)
        store_number(work.cache.dtype, stored, i, work.norm[i] * (kv[i] * scale));

    for (int i = 2 * thread; i < work.rotary; i += 2 * threads) {
        const int column = work.latent + i;
        const float2 turned = rotated(kv[column], kv[column + 1], angles + i);
        store_number(work.cache.dtype, stored, column, turned.x);
        store_number(work.cache.dtype, stored, column + 1, turned.y);
    }
    const float* from = work.from + row * work.from_stride;
    float* to = work.to + row * work.to_stride;
    for (int head = warp_index(); head < work.heads; head += threads / warp_size) {
        for (int i = 2 * lane_index(); i < work.rotary; i += 2 * warp_size) {
            const float* q = from + head * work.from_head + i;
            const float2 turned = rotated(q[0], q[1], angles + i);
            to[head * work.to_head + i] = turned.x;
            to[head * work.to_head + i + 1] = turned.y;
        }
    }
}

// The product of every head's matrix with its part of some rows.
struct HeadWork
{
    const std::byte* w = nullptr;
    std::int64_t head_bytes = 0;
    std::int64_t row_bytes = 0;
    int w_rows = 0;
    int w_columns = 0;
    int heads = 0;
    int output_tiles = 0;
    int lanes = 0;
    const float* x = nullptr; // of head h at x + row * x_stride + h * x_head
    std::int64_t x_stride = 0;
    int x_head = 0;
    float* y = nullptr;
    std::int64_t y_stride = 0;
    int y_head = 0;
    int rows = 0;
};

// Which outputs of which head and rows a block computes.
struct HeadBlock
{
    int tile = 0;
    int head = 0;
    int first_row = 0;

    __device__ HeadBlock(const HeadWork& work, unsigned block, int rows_at_once)
        : tile(static_cast<int>(block) % work.output_tiles)
        , head(static_cast<int>(block) / work.output_tiles % work.heads)
        , first_row(static_cast<int>(block) / work.output_tiles / work.heads * rows_at_once)
    {
    }
};

template <Dtype D, bool Aligned>
__device__ void weights8(const std::byte* row, int columns, int c, float (&out)[8])
{
    if constexpr (Aligned)
        load8<D>(row, columns, c, out);
    else
        load8_any<D>(row, columns, c, out);
}

// y[r] = sum over c of w[r][c] x[c]. `lanes` lanes share a row, and each lane has two rows in hand.
template <Dtype D, int T, bool Aligned> __device__ void multiply_dot(const HeadWork& work, unsigned block)
{
    const HeadBlock own(work, block, T);
    const int width = (work.w_columns + 7) / 8 * 8;
    auto* x = reinterpret_cast<float*>(dynamic_shared()); // (T, width), zeros behind the end
    for (int i = static_cast<int>(threadIdx.x); i < T * width; i += head_product_threads) {
        const int row = own.first_row + i / width;
        const int column = i % width;
        x[i] = row < work.rows && column < work.w_columns
                   ? work.x[row * work.x_stride + own.head * work.x_head + column]
                   : 0.0f;
    }
    __syncthreads();

    const std::byte* w = work.w + own.head * work.head_bytes;
    const int lane = lane_index();
    const int rows_together = warp_size / work.lanes;
    int r[2];
    const std::byte* rows[2];
    r[0] = own.tile * dot_rows(work.lanes) + warp_index() * 2 * rows_together + lane / work.lanes;
    r[1] = r[0] + rows_together;
#pragma unroll
    for (int i = 0; i < 2; ++i) // rows behind the end read the last one and are not stored
        rows[i] = w + min(r[i], work.w_rows - 1) * work.row_bytes;

    float sums[2][T] = {};
#pragma unroll 2
    for (int c = lane % work.lanes * 8; c < width; c += work.lanes * 8) {
        float numbers[2][8];
        weights8<D, Aligned>(rows[0], work.w_columns, c, numbers[0]);
        weights8<D, Aligned>(rows[1], work.w_columns, c, numbers[1]);
#pragma unroll
        for (int t = 0; t < T; ++t) {
            const float4 low = *reinterpret_cast<const float4*>(x + t * width + c);
            const float4 high = *reinterpret_cast<const float4*>(x + t * width + c + 4);
            const float in[8] = {low.x, low.y, low.z, low.w, high.x, high.y, high.z, high.w};
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                sums[0][t] = fmaf(numbers[0][i], in[i], sums[0][t]);
                sums[1][t] = fmaf(numbers[1][i], in[i], sums[1][t]);
            }
        }
    }
    for (int distance = work.lanes / 2; distance > 0; distance /= 2) {
#pragma unroll
        for (int t = 0; t < T; ++t) {
            sums[0][t] += __shfl_xor_sync(all_lanes, sums[0][t], distance);
            sums[1][t] += __shfl_xor_sync(all_lanes, sums[1][t], distance);
        }
    }
    if (lane % work.lanes != 0)
        return;
#pragma unroll
    for (int t = 0; t < T; ++t) {
        if (own.first_row + t >= work.rows)
            continue;
        float* y = work.y + (own.first_row + t) * work.y_stride + own.head * work.y_head;
#pragma unroll
        for (int i = 0; i < 2; ++i) {
            if (r[i] < work.w_rows)
                y[r[i]] = sums[i][t];
        }
    }
}

// y[c] = sum over r of w[r][c] x[r]. Eight threads span the block's 64 columns, eight each; 32 such groups
// take every 32nd row of the weights.
template <Dtype D, int T, bool Aligned> __device__ void multiply_mix(const HeadWork& work, unsigned block)
{
    constexpr int octets = mix_columns / 8;
    constexpr int groups = head_product_threads / octets;
    constexpr int warps = head_product_threads / warp_size;
    const HeadBlock own(work, block, T);
    const int thread = static_cast<int>(threadIdx.x);
    auto* x = reinterpret_cast<float*>(dynamic_shared()); // (w_rows, T)
    float* partial = x + work.w_rows * T;                 // (warps, T, mix_columns)
    for (int i = thread; i < T * work.w_rows; i += head_product_threads) {
        const int t = i / work.w_rows; // neighbours read neighbours
        const int r = i % work.w_rows;
        const int row = own.first_row + t;
        x[r * T + t] = row < work.rows ? work.x[row * work.x_stride + own.head * work.x_head + r] : 0.0f;
    }
    __syncthreads();

    const std::byte* w = work.w + own.head * work.head_bytes;
    const int first_column = own.tile * mix_columns;
    const int column = first_column + thread % octets * 8;
    float sums[T][8] = {};
    if (column < work.w_columns) {
#pragma unroll 4
        for (int r = thread / octets; r < work.w_rows; r += groups) {
            float numbers[8];
            weights8<D, Aligned>(w + r * work.row_bytes, work.w_columns, column, numbers);
#pragma unroll
            for (int t = 0; t < T; ++t) {
                const float in = x[r * T + t];
#pragma unroll
                for (int i = 0; i < 8; ++i)
                    sums[t][i] = fmaf(numbers[i], in, sums[t][i]);
            }
        }
    }
#pragma unroll
    for (int t = 0; t < T; ++t) {
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            sums[t][i] += __shfl_xor_sync(all_lanes, sums[t][i], octets);
            sums[t][i] += __shfl_xor_sync(all_lanes, sums[t][i], 2 * octets);
        }
    }
    if (lane_index() < octets) {
#pragma unroll
        for (int t = 0; t < T; ++t) {
#pragma unroll
            for (int i = 0; i < 8; ++i)
                partial[(warp_index() * T + t) * mix_columns + thread % octets * 8 + i] = sums[t][i];
        }
    }
    __syncthreads();
    for (int i = thread; i < T * mix_columns; i += head_product_threads) {
        const int row = own.first_row + i / mix_columns;
        const int c = first_column + i % mix_columns;
        float sum = 0.0f;
        for (int warp = 0; warp < warps; ++warp)
            sum += partial[warp * T * mix_columns + i];
        if (row < work.rows && c < work.w_columns)
            work.y[row * work.y_stride + own.head * work.y_head + c] = sum;
    }
}

// The first `products` blocks move the queries into the latent space, the others take one row each.
template <Dtype D, int T, bool Aligned, HeadForm F>
__global__ void __launch_bounds__(head_product_threads, T == 8 ? 1 : 2)
    prepare_absorbed(const RowWork rows, const HeadWork product, const unsigned products)
{
    __shared__ float shared32[warp_size];
    if (blockIdx.x >= products)
        prepare_row(rows, blockIdx.x - products, shared32);
    else if constexpr (F == HeadForm::dot)
        multiply_dot<D, T, Aligned>(product, blockIdx.x);
    else
        multiply_mix<D, T, Aligned>(product, blockIdx.x);
}

__global__ void __launch_bounds__(head_product_threads) prepare_rows(const RowWork rows)
{
    __shared__ float shared32[warp_size];
    prepare_row(rows, blockIdx.x, shared32);
}

template <Dtype D, int T, bool Aligned>
__global__ void __launch_bounds__(head_product_threads, T == 8 ? 1 : 2) value_products(const HeadWork product)
{
    multiply_dot<D, T, Aligned>(product, blockIdx.x);
}

// ---- launchers
// ---------------------------------------------------------------------------------------------

RowWork row_work(View<const float> kv, const Norm& norm, const AttentionShape& shape,
                 const DeviceBatch& batch, const LayerCache& cache)
{
    RowWork work;
    work.kv = kv.data;
    work.kv_stride = kv.stride;
    work.norm = reinterpret_cast<const float*>(norm.weight.data);
    work.eps = norm.eps;
    work.latent = static_cast<int>(shape.kv_lora_rank);
    work.rotary = static_cast<int>(shape.qk_rope_head_dim);
    work.cache = cache;
    work.position = batch.position;
    work.first_block = batch.first_block;
    work.blocks = batch.blocks;
    work.rotation = batch.rotation;
    work.heads = static_cast<int>(shape.heads);
    return work;
}

HeadWork head_work(const HeadMatrix& w, const HeadProductPlan& plan, View<float> y, std::int64_t y_head,
                   View<const float> x, std::int64_t x_head)
{
    HeadWork work;
    work.w = w.data;
    work.head_bytes = w.head_bytes;
    work.row_bytes = row_bytes(w.dtype, w.columns);
    work.w_rows = static_cast<int>(w.rows);
    work.w_columns = static_cast<int>(w.columns);
    work.heads = static_cast<int>(w.heads);
    work.output_tiles = static_cast<int>(plan.output_tiles);
    work.lanes = plan.lanes;
    work.x = x.data;
    work.x_stride = x.stride;
    work.x_head = static_cast<int>(x_head);
    work.y = y.data;
    work.y_stride = y.stride;
    work.y_head = static_cast<int>(y_head);
    work.rows = static_cast<int>(x.rows);
    return work;
}

// Calls f.operator()<T, Aligned>() with the plan's choice as constants.
template <class F> void with_rows_at_once(const HeadProductPlan& plan, F&& f)
{
    if (!plan.is_aligned)
        return f.template operator()<4, false>();
    switch (plan.rows_at_once) {
    case 1:
        return f.template operator()<1, true>();
    case 2:
        return f.template operator()<2, true>();
    case 4:
        return f.template operator()<4, true>();
    default:
        return f.template operator()<8, true>();
    }
}

} // namespace

void mla_prepare_absorbed(const Device& device, View<float> q_latent, View<const float> q,
                          View<const float> kv, const Norm& norm, const KeyValueUp& kv_b,
                          const AttentionShape& shape, const DeviceBatch& batch, const LayerCache& cache)
{
    const std::int64_t from_head = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    const std::int64_t to_head = shape.kv_lora_rank + shape.qk_rope_head_dim;
    RowWork rows = row_work(kv, norm, shape, batch, cache);
    rows.from = q.data + shape.qk_nope_head_dim;
    rows.from_stride = q.stride;
    rows.from_head = static_cast<int>(from_head);
    rows.to = q_latent.data + shape.kv_lora_rank;
    rows.to_stride = q_latent.stride;
    rows.to_head = static_cast<int>(to_head);

    const bool is_transposed = kv_b.layout == KeyLayout::latent_by_nope;
    HeadProductPlan plan =
        plan_head_product(is_transposed ? HeadForm::dot : HeadForm::mix, kv_b.key, batch.rows);
    require_shared(plan.launch, device.limits());
    const HeadWork product =
        head_work(kv_b.key, plan, q_latent, to_head, q.first_rows(batch.rows), from_head);
    const unsigned products = plan.launch.grid[0];
    plan.launch.grid[0] += static_cast<std::uint32_t>(batch.rows);
    with_dtype(kv_b.key.dtype, [&]<Dtype D>() {
        with_rows_at_once(plan, [&]<int T, bool Aligned>() {
            launch(device, plan.launch,
                   is_transposed ? prepare_absorbed<D, T, Aligned, HeadForm::dot>
                                 : prepare_absorbed<D, T, Aligned, HeadForm::mix>,
                   rows, product, products);
        });
    });
}

void mla_prepare_decompressed(const Device& device, View<float> q, View<const float> kv, const Norm& norm,
                              const AttentionShape& shape, const DeviceBatch& batch, const LayerCache& cache)
{
    RowWork rows = row_work(kv, norm, shape, batch, cache);
    rows.to = q.data + shape.qk_nope_head_dim;
    rows.to_stride = q.stride;
    rows.to_head = static_cast<int>(shape.qk_nope_head_dim + shape.qk_rope_head_dim);
    rows.from = rows.to;
    rows.from_stride = rows.to_stride;
    rows.from_head = rows.to_head;
    LaunchPlan plan;
    plan.threads = head_product_threads;
    plan.grid[0] = static_cast<std::uint32_t>(batch.rows);
    launch(device, plan, prepare_rows, rows);
}

void mla_value(const Device& device, View<float> x, View<const float> mix, const KeyValueUp& kv_b,
               const AttentionShape& shape)
{
    const HeadProductPlan plan = plan_head_product(HeadForm::dot, kv_b.value, mix.rows);
    require_shared(plan.launch, device.limits());
    const HeadWork product = head_work(kv_b.value, plan, x, shape.v_head_dim, mix, shape.kv_lora_rank);
    with_dtype(kv_b.value.dtype, [&]<Dtype D>() {
        with_rows_at_once(plan, [&]<int T, bool Aligned>() {
            launch(device, plan.launch, value_products<D, T, Aligned>, product);
        });
    });
}

} // namespace kernels::cuda
