// SPDX-License-Identifier: MIT
// Attention in the latent space (DeepSeek-V2 paper, section 2.1.2): all heads share the rows of the cache,
// whose first C numbers are key and value at once. The context of a row is cut into parts that run beside
// each other and are merged in order.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "kernels/cuda/numeric.h"

#include <algorithm>

namespace kernels::cuda {

namespace {

// ---- kernels
// -----------------------------------------------------------------------------------------------

struct AttendWork
{
    const float* q = nullptr; // (rows, heads, C + R)
    std::int64_t q_stride = 0;
    float* x = nullptr; // (rows, heads, C)
    std::int64_t x_stride = 0;
    // Without partial results a row has one part, which goes to x at once.
    float* sums = nullptr;     // (rows_at_once, splits, heads, C)
    float2* softmax = nullptr; // (rows_at_once, splits, heads): largest score, sum of weights
    int splits = 0;
    int most_parts = 0;
    int first_row = 0; // rows first_row + blockIdx.z of the batch
    int heads = 0;
    int latent = 0; // C
    int width = 0;  // C + R
    float scale = 0.0f;
    LayerCache cache;
    const std::int32_t* position = nullptr;
    const std::int32_t* first_block = nullptr;
    const std::int32_t* blocks = nullptr;
};

// The tokens of one part.
struct Part
{
    int first = 0;
    int end = 0;

    __device__ Part(std::int32_t position, int most_parts, unsigned index)
    {
        const int context = position + 1;
        const int tokens = static_cast<int>(attend_split_tokens(context, most_parts));
        first = static_cast<int>(index) * tokens;
        end = min(first + tokens, context);
    }
    __device__ bool is_empty() const { return first >= end; }
};

// Index of a partial result of head 0.
__device__ std::int64_t partial_index(const AttendWork& work, unsigned row, unsigned part)
{
    return (static_cast<std::int64_t>(row) * work.splits + part) * work.heads;
}

// Queues the copy of `count` cache rows, at most attend_tile, into padded rows; zeros behind them.
template <int Threads> __device__ void copy_tile(std::byte* tile, const std::byte* rows, int count)
{
    constexpr int chunks = published::cache_row * 2 / 16; // of a row
#pragma unroll
    for (int i = 0; i < attend_tile * chunks / Threads; ++i) {
        const int chunk = i * Threads + static_cast<int>(threadIdx.x);
        const int row = chunk / chunks;
        const bool is_valid = row < count;
        copy_async_16(tile + row * padded_latent_row * 2 + chunk % chunks * 16,
                      rows + (is_valid ? chunk * 16 : 0), is_valid);
    }
    commit_copies();
}

// C 512, R 64, BF16 cache: 16 * M heads of one row meet one part of its context, 32 tokens at a time, on the
// tensor cores.
//
// There are four warps for every 16 heads. Scores: each takes a quarter of the width for its 16 heads and all
// tokens, with the queries in registers, and the quarters are added in shared memory. Values: each takes its
// own columns for all heads. While a tile is worked on, the next one is on its way.
template <int M> __global__ void __launch_bounds__(128 * M) attend_tensor(const AttendWork work)
{
    constexpr int warps = 4 * M;
    constexpr int threads = warps * warp_size;
    constexpr int block_heads = 16 * M;
    constexpr int steps = published::cache_row / 16 / score_parts; // of 16 numbers in a quarter of the width
    constexpr int columns = published::latent / warps;             // of the values of a warp
    constexpr int padded = padded_latent_row;

    const std::int64_t row = work.first_row + blockIdx.z;
    const Part part(work.position[row], work.most_parts, blockIdx.x);
    if (part.is_empty())
        return;

    auto* tiles = reinterpret_cast<__nv_bfloat16*>(dynamic_shared());
    auto* scores = reinterpret_cast<float*>(tiles + 2 * attend_tile * padded);
    auto* weights = reinterpret_cast<__nv_bfloat16*>(scores + score_parts * block_heads * padded_scores);
    auto* factors = reinterpret_cast<float*>(weights + block_heads * padded_scores);

    const int thread = static_cast<int>(threadIdx.x);
    const int lane = lane_index();
    const int warp = warp_index();
    const int quarter = warp % score_parts;
    const int own_heads = warp / score_parts * 16; // of the scores
    const int g = lane / 4;
    const int t = lane % 4;
    const int first_head = static_cast<int>(blockIdx.y) * block_heads;

    const std::int32_t* blocks = work.blocks + work.first_block[row];
    const auto start_copy = [&](int token, int stage) {
        copy_tile<threads>(reinterpret_cast<std::byte*>(tiles + stage * attend_tile * padded),
                           cache_row(work.cache, blocks, token), min(attend_tile, part.end - token));
    };
    start_copy(part.first, 0);

    std::uint32_t q[steps][4]; // 16 heads by this quarter of the width, scaled
    const float scale = work.scale * log2_e;
    const float* queries = work.q + row * work.q_stride;
#pragma unroll
    for (int half = 0; half < 2; ++half) { // heads g and g + 8
        const int head = first_head + own_heads + g + 8 * half;
        const float* from =
            queries + min(head, work.heads - 1) * published::cache_row + quarter * steps * 16 + 2 * t;
#pragma unroll
        for (int step = 0; step < steps; ++step) {
            const float* at = from + step * 16;
            q[step][half] = pack_bf16(at[0] * scale, at[1] * scale);
            q[step][half + 2] = pack_bf16(at[8] * scale, at[9] * scale);
        }
    }

    float sums[M][columns / 8][4] = {};
    RunningSoftmax softmax; // of head `thread / 8` of the block, the same in eight threads
    int stage = 0;
    for (int token = part.first; token < part.end; token += attend_tile, stage ^= 1) {
        const __nv_bfloat16* tile = tiles + stage * attend_tile * padded;
        wait_copies<0>();
        __syncthreads(); // the tile is there, and the other one is done with
        if (token + attend_tile < part.end)
            start_copy(token + attend_tile, stage ^ 1);

        // Scores (16 heads, 32 tokens) over a quarter of the width.
        float s[attend_tile / 8][4] = {};
#pragma unroll
        for (int step = 0; step < steps; ++step) {
#pragma unroll
            for (int n = 0; n < attend_tile; n += 16) {
                std::uint32_t keys[4];
                const int key = n + lane % 8 + lane / 16 * 8;
                const int column = (quarter * steps + step) * 16 + lane / 8 % 2 * 8;
                load_matrix_x4(keys, tile + key * padded + column);
                const std::uint32_t low[2] = {keys[0], keys[1]};
                const std::uint32_t high[2] = {keys[2], keys[3]};
                mma_bf16(s[n / 8], q[step], low);
                mma_bf16(s[n / 8 + 1], q[step], high);
            }
        }
        float* own_scores = scores + (quarter * block_heads + own_heads) * padded_scores;
#pragma unroll
        for (int n = 0; n < attend_tile / 8; ++n) {
            float* at = own_scores + g * padded_scores + n * 8 + 2 * t;
            *reinterpret_cast<float2*>(at) = make_float2(s[n][0], s[n][1]);
            *reinterpret_cast<float2*>(at + 8 * padded_scores) = make_float2(s[n][2], s[n][3]);
        }
        __syncthreads();

        // Softmax: eight threads for each head, four tokens each.
        {
            const int head = thread / 8;
            const int first = thread % 8 * 4;
            float v[4] = {};
#pragma unroll
            for (int i = 0; i < score_parts; ++i) {
                const float4 four = *reinterpret_cast<const float4*>(
                    scores + (i * block_heads + head) * padded_scores + first);
                v[0] += four.x;
                v[1] += four.y;
                v[2] += four.z;
                v[3] += four.w;
            }
            float largest = softmax.largest;
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                if (token + first + i >= part.end)
                    v[i] = -INFINITY;
                largest = fmaxf(largest, v[i]);
            }
#pragma unroll
            for (int distance = 4; distance > 0; distance /= 2)
                largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, distance));
            const float shrink = exp2f(softmax.largest - largest);
            float sum = 0.0f;
#pragma unroll
            for (int i = 0; i < 4; ++i) { // the sum is of the weights as they are multiplied, in bf16
                const __nv_bfloat16 weight = __float2bfloat16_rn(exp2f(v[i] - largest));
                weights[head * padded_scores + first + i] = weight;
                sum += __bfloat162float(weight);
            }
#pragma unroll
            for (int distance = 4; distance > 0; distance /= 2)
                sum += __shfl_xor_sync(all_lanes, sum, distance);
            softmax.sum = softmax.sum * shrink + sum;
            softmax.largest = largest;
            if (first == 0)
                factors[head] = shrink;
        }
        __syncthreads();

        // Sums (all heads, own columns) += weights * values.
#pragma unroll
        for (int m = 0; m < M; ++m) {
            const float upper = factors[m * 16 + g];
            const float lower = factors[m * 16 + g + 8];
#pragma unroll
            for (int n = 0; n < columns / 8; ++n) {
                sums[m][n][0] *= upper;
                sums[m][n][1] *= upper;
                sums[m][n][2] *= lower;
                sums[m][n][3] *= lower;
            }
        }
#pragma unroll
        for (int k = 0; k < attend_tile; k += 16) {
            std::uint32_t p[M][4];
#pragma unroll
            for (int m = 0; m < M; ++m)
                load_matrix_x4(p[m], weights + (m * 16 + lane % 16) * padded_scores + k + lane / 16 * 8);
#pragma unroll
            for (int n = 0; n < columns; n += 16) {
                std::uint32_t values[4];
                load_matrix_x4_transposed(values, tile + (k + lane % 16) * padded + warp * columns + n +
                                                      lane / 16 * 8);
                const std::uint32_t left[2] = {values[0], values[1]};
                const std::uint32_t right[2] = {values[2], values[3]};
#pragma unroll
                for (int m = 0; m < M; ++m) {
                    mma_bf16(sums[m][n / 8], p[m], left);
                    mma_bf16(sums[m][n / 8 + 1], p[m], right);
                }
            }
        }
    }

    const bool is_whole = work.sums == nullptr;
    const std::int64_t partial = is_whole ? 0 : partial_index(work, blockIdx.z, blockIdx.x);
    if (is_whole) {
        __syncthreads();
        if (thread % 8 == 0)
            factors[thread / 8] = 1.0f / softmax.sum;
        __syncthreads();
    } else if (thread % 8 == 0 && first_head + thread / 8 < work.heads) {
        work.softmax[partial + first_head + thread / 8] = make_float2(softmax.largest, softmax.sum);
    }
#pragma unroll
    for (int m = 0; m < M; ++m) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int block_head = m * 16 + g + 8 * half;
            const int head = first_head + block_head;
            if (head >= work.heads)
                continue;
            const float factor = is_whole ? factors[block_head] : 1.0f;
            float* to = is_whole ? work.x + row * work.x_stride + head * published::latent
                                 : work.sums + (partial + head) * published::latent;
            to += warp * columns + 2 * t;
#pragma unroll
            for (int n = 0; n < columns / 8; ++n) {
                to[n * 8] = sums[m][n][2 * half] * factor;
                to[n * 8 + 1] = sums[m][n][2 * half + 1] * factor;
            }
        }
    }
}

__device__ float number(const float* row, int i)
{
    return row[i];
}
__device__ float number(const __nv_bfloat16* row, int i)
{
    return __bfloat162float(row[i]);
}

template <class T> struct CachedRow
{
    const T* row;

    __device__ float operator[](int column) const { return number(row, column); }
};

template <class T> struct CachedKeys
{
    LayerCache cache;
    const std::int32_t* blocks;

    __device__ CachedRow<T> key(int position) const
    {
        return {reinterpret_cast<const T*>(cache_row(cache, blocks, position))};
    }
    __device__ CachedRow<T> value(int position) const { return key(position); }
};

// Any shape: one head of one row meets one part of its context. T is the type of the cache.
template <class T> __global__ void __launch_bounds__(simple_threads) attend_any(const AttendWork work)
{
    const std::int64_t row = work.first_row + blockIdx.z;
    const int head = static_cast<int>(blockIdx.y);
    const Part part(work.position[row], work.most_parts, blockIdx.x);
    if (part.is_empty())
        return;
    const int thread = static_cast<int>(threadIdx.x);
    const SimpleShared shared(work.width, work.latent);
    const float* q = work.q + row * work.q_stride + head * work.width;
    for (int c = thread; c < work.width; c += simple_threads)
        shared.q[c] = q[c] * (work.scale * log2_e);
    for (int c = thread; c < work.latent; c += simple_threads)
        shared.sums[c] = 0.0f;
    const CachedKeys<T> keys{work.cache, work.blocks + work.first_block[row]};
    const RunningSoftmax softmax =
        attend_simple(keys, work.width, work.latent, part.first, part.end, {}, shared);

    const bool is_whole = work.sums == nullptr;
    const std::int64_t partial = is_whole ? 0 : partial_index(work, blockIdx.z, blockIdx.x) + head;
    float* to =
        is_whole ? work.x + row * work.x_stride + head * work.latent : work.sums + partial * work.latent;
    const float factor = is_whole ? 1.0f / softmax.sum : 1.0f;
    for (int c = thread; c < work.latent; c += simple_threads)
        to[c] = shared.sums[c] * factor;
    if (!is_whole && thread == 0)
        work.softmax[partial] = make_float2(softmax.largest, softmax.sum);
}

// x of one head of one row, merge_columns columns of it: parts in ascending order.
__global__ void __launch_bounds__(merge_columns) merge_parts(const AttendWork work)
{
    auto* factors = reinterpret_cast<float*>(dynamic_shared()); // (parts)
    const std::int64_t row = work.first_row + blockIdx.z;
    const int head = static_cast<int>(blockIdx.y);
    const int thread = static_cast<int>(threadIdx.x);
    const int context = work.position[row] + 1;
    const int tokens = static_cast<int>(attend_split_tokens(context, work.most_parts));
    const int parts = (context + tokens - 1) / tokens;
    const float2* softmax = work.softmax + partial_index(work, blockIdx.z, 0) + head;

    // Every warp finds the same largest score and sum.
    float largest = -INFINITY;
    for (int i = lane_index(); i < parts; i += warp_size)
        largest = fmaxf(largest, softmax[static_cast<std::int64_t>(i) * work.heads].x);
    largest = warp_max(largest);
    float sum = 0.0f;
    for (int i = lane_index(); i < parts; i += warp_size) {
        const float2 own = softmax[static_cast<std::int64_t>(i) * work.heads];
        const float factor = exp2f(own.x - largest);
        sum = fmaf(factor, own.y, sum);
        if (warp_index() == 0)
            factors[i] = factor;
    }
    sum = warp_sum(sum);
    __syncthreads();

    const int column = static_cast<int>(blockIdx.x * merge_columns) + thread;
    if (column >= work.latent)
        return;
    const float* from = work.sums + (partial_index(work, blockIdx.z, 0) + head) * work.latent + column;
    const std::int64_t distance = static_cast<std::int64_t>(work.heads) * work.latent;
    float x = 0.0f;
#pragma unroll 8
    for (int i = 0; i < parts; ++i)
        x = fmaf(factors[i], from[i * distance], x);
    work.x[row * work.x_stride + head * work.latent + column] = x * (1.0f / sum);
}

} // namespace

// ---- launcher
// ----------------------------------------------------------------------------------------------

void mla_attend(const Device& device, View<float> x, View<const float> q_latent, const AttentionShape& shape,
                const DeviceBatch& batch, const LayerCache& cache, std::byte* workspace)
{
    AttendPlan plan = plan_attend(shape, cache.dtype, batch.rows, batch.longest, device.limits());
    require_shared(plan.launch, device.limits());
    AttendWork work;
    work.q = q_latent.data;
    work.q_stride = q_latent.stride;
    work.x = x.data;
    work.x_stride = x.stride;
    if (plan.splits > 1) {
        work.softmax = reinterpret_cast<float2*>(workspace);
        work.sums = reinterpret_cast<float*>(work.softmax + plan.rows_at_once * plan.splits * shape.heads);
    }
    work.splits = static_cast<int>(plan.splits);
    work.most_parts = static_cast<int>(plan.most_parts);
    work.heads = static_cast<int>(shape.heads);
    work.latent = static_cast<int>(shape.kv_lora_rank);
    work.width = static_cast<int>(shape.kv_lora_rank + shape.qk_rope_head_dim);
    work.scale = shape.softmax_scale;
    work.cache = cache;
    work.position = batch.position;
    work.first_block = batch.first_block;
    work.blocks = batch.blocks;

    for (std::int64_t first = 0; first < batch.rows; first += plan.rows_at_once) {
        work.first_row = static_cast<int>(first);
        const auto rows = static_cast<std::uint32_t>(std::min(plan.rows_at_once, batch.rows - first));
        plan.launch.grid[2] = rows;
        plan.merge.grid[2] = rows;
        if (!plan.uses_tensor_cores)
            launch(device, plan.launch,
                   cache.dtype == Dtype::bf16 ? attend_any<__nv_bfloat16> : attend_any<float>, work);
        else
            launch(device, plan.launch, plan.group_heads == 16 ? attend_tensor<1> : attend_tensor<2>, work);
        launch(device, plan.merge, merge_parts, work);
    }
}

} // namespace kernels::cuda
