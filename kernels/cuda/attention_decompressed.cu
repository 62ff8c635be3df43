// SPDX-License-Identifier: MIT
// Attention with per-head keys and values (DeepSeek-V2 paper, section 2.1.1), for many new tokens of one
// sequence: the latents of a stretch of its context are expanded by W_UK and W_UV for some heads, meet all
// queries that see them, and make room for the next stretch. The softmax and the sums, which lie in the
// output itself, run on from stretch to stretch.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_kernels.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/dense.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "kernels/cuda/numeric.h"

#include <algorithm>
#include <type_traits>

namespace kernels::cuda {

namespace {

// ---- kernels
// -----------------------------------------------------------------------------------------------

// to (tokens, columns) = the cache's rows first … first + tokens of the sequence: a block for each.
template <class To, class From>
__global__ void gather_latents(To* to, const LayerCache cache, const std::int32_t* first_block,
                               const std::int32_t* all_blocks, const int first)
{
    const std::int32_t* blocks = all_blocks + *first_block;
    const int token = static_cast<int>(blockIdx.x);
    const auto* row = reinterpret_cast<const From*>(cache_row(cache, blocks, first + token));
    const int columns = static_cast<int>(cache.columns);
    To* out = to + static_cast<std::int64_t>(token) * columns;
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
        if constexpr (std::is_same_v<To, From>)
            out[c] = row[c];
        else
            out[c] = __bfloat162float(row[c]);
    }
}

struct ExpandedWork
{
    const float* q = nullptr; // rotated, of the segment's first row and the first of these heads
    std::int64_t q_stride = 0;
    float* x = nullptr; // likewise: the result, and between stretches the sums
    std::int64_t x_stride = 0;
    float2* softmax = nullptr; // (rows, heads): largest score, sum of weights
    int heads = 0;             // of this group
    int rows = 0;              // of the segment
    int first_query = 0;       // the first row that sees this stretch
    int position = 0;          // of row 0
    int first_key = 0;         // position of key 0 of the stretch
    int keys = 0;
    bool is_first = false; // stretch of the context
    float scale = 0.0f;
    int nope = 0;                      // P
    int rotary = 0;                    // R
    int value_width = 0;               // V
    const void* nope_keys = nullptr;   // (heads, tokens, P)
    const void* values = nullptr;      // (heads, tokens, V)
    std::int64_t tokens = 0;           // between the heads
    const void* rotary_keys = nullptr; // row k at k * latent_stride, shared by all heads
    std::int64_t latent_stride = 0;
};

// Whether a row has seen all its keys behind this stretch.
__device__ bool is_done(const ExpandedWork& work, int row)
{
    return work.position + row < work.first_key + work.keys;
}

// Queues the copy of `rows` rows of Width bf16 numbers to padded ones, zeros up to key_tile rows.
template <int Width, int Padded>
__device__ void copy_rows(__nv_bfloat16* to, const __nv_bfloat16* from, std::int64_t stride, int rows)
{
    constexpr int chunks = Width / 8;
    constexpr int threads = 2 * query_tile;
#pragma unroll
    for (int i = 0; i < key_tile * chunks / threads; ++i) {
        const int chunk = i * threads + static_cast<int>(threadIdx.x);
        const int row = chunk / chunks;
        const int column = chunk % chunks * 8;
        const bool is_valid = row < rows;
        copy_async_16(to + row * Padded + column, from + (is_valid ? row : 0) * stride + column, is_valid);
    }
}

// P 128, R 64, V 128 in bf16: 64 queries of one head meet the stretch, 64 keys at a time, on the tensor
// cores. A warp has 16 queries with their scores and sums in registers. The values of a tile are on their way
// while its scores are computed, and the keys of the next one while the values are mixed.
__global__ void __launch_bounds__(2 * query_tile) attend_expanded(const ExpandedWork work)
{
    constexpr int key_steps = published::key / 16;
    auto* keys = reinterpret_cast<__nv_bfloat16*>(dynamic_shared()); // (key_tile, padded_key_row)
    __nv_bfloat16* values = keys + key_tile * padded_key_row;        // (key_tile, padded_value_row)

    const int lane = lane_index();
    const int g = lane / 4;
    const int t = lane % 4;
    const int head = static_cast<int>(blockIdx.y);
    // The last queries see the most keys and begin first.
    const int tile = static_cast<int>(gridDim.x - 1 - blockIdx.x) * query_tile;
    const int first_row = work.first_query + tile + warp_index() * 16;
    const int last_row = min(work.first_query + tile + query_tile, work.rows) - 1; // of the block
    const int end = min(work.keys, work.position + last_row + 1 - work.first_key);

    const auto* nope_keys =
        static_cast<const __nv_bfloat16*>(work.nope_keys) + head * work.tokens * published::nope;
    const auto* all_values =
        static_cast<const __nv_bfloat16*>(work.values) + head * work.tokens * published::value;
    const auto* rotary_keys = static_cast<const __nv_bfloat16*>(work.rotary_keys);
    const auto start_keys = [&](int key) {
        const int count = min(key_tile, work.keys - key);
        copy_rows<published::nope, padded_key_row>(
            keys, nope_keys + static_cast<std::int64_t>(key) * published::nope, published::nope, count);
        copy_rows<published::rotary, padded_key_row>(
            keys + published::nope, rotary_keys + key * work.latent_stride, work.latent_stride, count);
        commit_copies();
    };
    start_keys(0);

    std::uint32_t q[key_steps][4]; // scaled
    int rows[2];                   // g and g + 8 of the warp; behind the end they repeat the last
    std::int64_t state[2];
    RunningSoftmax softmax[2];
    float sums[published::value / 8][4] = {};
    const float scale = work.scale * log2_e;
#pragma unroll
    for (int half = 0; half < 2; ++half) {
        rows[half] = min(first_row + g + 8 * half, work.rows - 1);
        const float* from = work.q + rows[half] * work.q_stride + head * published::key + 2 * t;
#pragma unroll
        for (int step = 0; step < key_steps; ++step) {
            const float* at = from + step * 16;
            q[step][half] = pack_bf16(at[0] * scale, at[1] * scale);
            q[step][half + 2] = pack_bf16(at[8] * scale, at[9] * scale);
        }
        state[half] = static_cast<std::int64_t>(rows[half]) * work.heads + head;
        if (!work.is_first) {
            const float2 before = work.softmax[state[half]];
            softmax[half] = {before.x, before.y};
            const float* x = work.x + rows[half] * work.x_stride + head * published::value + 2 * t;
#pragma unroll
            for (int n = 0; n < published::value / 8; ++n) {
                sums[n][2 * half] = x[n * 8];
                sums[n][2 * half + 1] = x[n * 8 + 1];
            }
        }
    }

    for (int key = 0; key < end; key += key_tile) {
        wait_copies<0>();
        __syncthreads(); // the keys are there, and the last values are done with
        copy_rows<published::value, padded_value_row>(
            values, all_values + static_cast<std::int64_t>(key) * published::value, published::value,
            min(key_tile, work.keys - key));
        commit_copies();

        float s[key_tile / 8][4] = {};
#pragma unroll
        for (int step = 0; step < key_steps; ++step) {
#pragma unroll
            for (int n = 0; n < key_tile; n += 16) {
                std::uint32_t b[4];
                load_matrix_x4(b, keys + (n + lane % 8 + lane / 16 * 8) * padded_key_row + step * 16 +
                                      lane / 8 % 2 * 8);
                const std::uint32_t low[2] = {b[0], b[1]};
                const std::uint32_t high[2] = {b[2], b[3]};
                mma_bf16(s[n / 8], q[step], low);
                mma_bf16(s[n / 8 + 1], q[step], high);
            }
        }

        // Softmax of rows g and g + 8, each spread over four lanes.
        std::uint32_t p[key_tile / 8][2]; // rows g and g + 8, two keys each
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            const int visible = work.position + rows[half] + 1 - work.first_key - key; // keys of the tile
            float largest = softmax[half].largest;
#pragma unroll
            for (int n = 0; n < key_tile / 8; ++n) {
#pragma unroll
                for (int i = 0; i < 2; ++i) {
                    float& score = s[n][2 * half + i];
                    if (n * 8 + 2 * t + i >= visible)
                        score = -INFINITY;
                    largest = fmaxf(largest, score);
                }
            }
            largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, 1));
            largest = fmaxf(largest, __shfl_xor_sync(all_lanes, largest, 2));
            const float shrink = exp2f(softmax[half].largest - largest);
            float sum = 0.0f;
#pragma unroll
            for (int n = 0; n < key_tile / 8; ++n) { // the sum is of the weights as they are multiplied
                p[n][half] = pack_bf16(exp2f(s[n][2 * half] - largest), exp2f(s[n][2 * half + 1] - largest));
                const float2 weights = unpack2<Dtype::bf16>(p[n][half]);
                sum += weights.x + weights.y;
            }
            sum += __shfl_xor_sync(all_lanes, sum, 1);
            sum += __shfl_xor_sync(all_lanes, sum, 2);
            softmax[half].sum = softmax[half].sum * shrink + sum;
            softmax[half].largest = largest; // finite: every row here sees the first key of the stretch
#pragma unroll
            for (int n = 0; n < published::value / 8; ++n) {
                sums[n][2 * half] *= shrink;
                sums[n][2 * half + 1] *= shrink;
            }
        }

        wait_copies<0>();
        __syncthreads(); // the values are there, and the keys are done with
        if (key + key_tile < end)
            start_keys(key + key_tile);
#pragma unroll
        for (int k = 0; k < key_tile; k += 16) {
            const std::uint32_t a[4] = {p[k / 8][0], p[k / 8][1], p[k / 8 + 1][0], p[k / 8 + 1][1]};
#pragma unroll
            for (int n = 0; n < published::value; n += 16) {
                std::uint32_t b[4];
                load_matrix_x4_transposed(b, values + (k + lane % 16) * padded_value_row + n + lane / 16 * 8);
                const std::uint32_t left[2] = {b[0], b[1]};
                const std::uint32_t right[2] = {b[2], b[3]};
                mma_bf16(sums[n / 8], a, left);
                mma_bf16(sums[n / 8 + 1], a, right);
            }
        }
    }

#pragma unroll
    for (int half = 0; half < 2; ++half) {
        if (first_row + g + 8 * half >= work.rows)
            continue;
        const bool is_last = is_done(work, rows[half]);
        const float factor = is_last ? 1.0f / softmax[half].sum : 1.0f;
        float* x = work.x + rows[half] * work.x_stride + head * published::value + 2 * t;
#pragma unroll
        for (int n = 0; n < published::value / 8; ++n) {
            x[n * 8] = sums[n][2 * half] * factor;
            x[n * 8 + 1] = sums[n][2 * half + 1] * factor;
        }
        if (!is_last && t == 0)
            work.softmax[state[half]] = make_float2(softmax[half].largest, softmax[half].sum);
    }
}

// A key is in two places: the head's own part, and the rotated part that all heads share.
struct SplitKey
{
    const float* nope;
    const float* rotary;
    int nope_columns;

    __device__ float operator[](int column) const
    {
        return column < nope_columns ? nope[column] : rotary[column - nope_columns];
    }
};

struct ExpandedKeys
{
    const float* nope;
    const float* rotary;
    const float* values;
    std::int64_t latent_stride;
    int nope_columns;
    int value_columns;

    __device__ SplitKey key(int k) const
    {
        return {nope + static_cast<std::int64_t>(k) * nope_columns, rotary + k * latent_stride, nope_columns};
    }
    __device__ const float* value(int k) const
    {
        return values + static_cast<std::int64_t>(k) * value_columns;
    }
};

// Any shape: one head of one row meets the stretch, in fp32.
__global__ void __launch_bounds__(simple_threads) attend_expanded_any(const ExpandedWork work)
{
    const std::int64_t row = work.first_query + static_cast<std::int64_t>(blockIdx.x);
    const int head = static_cast<int>(blockIdx.y);
    const int thread = static_cast<int>(threadIdx.x);
    const int width = work.nope + work.rotary;
    const SimpleShared shared(width, work.value_width);
    const float* q = work.q + row * work.q_stride + head * width;
    float* x = work.x + row * work.x_stride + head * work.value_width;
    for (int c = thread; c < width; c += simple_threads)
        shared.q[c] = q[c] * (work.scale * log2_e);
    for (int c = thread; c < work.value_width; c += simple_threads)
        shared.sums[c] = work.is_first ? 0.0f : x[c];
    RunningSoftmax softmax;
    float2* state = work.softmax + row * work.heads + head;
    if (!work.is_first)
        softmax = {state->x, state->y};

    const ExpandedKeys keys{static_cast<const float*>(work.nope_keys) + head * work.tokens * work.nope,
                            static_cast<const float*>(work.rotary_keys),
                            static_cast<const float*>(work.values) + head * work.tokens * work.value_width,
                            work.latent_stride,
                            work.nope,
                            work.value_width};
    const int end = min(work.keys, work.position + static_cast<int>(row) + 1 - work.first_key);
    softmax = attend_simple(keys, width, work.value_width, 0, end, softmax, shared);

    const bool is_last = is_done(work, static_cast<int>(row));
    const float factor = is_last ? 1.0f / softmax.sum : 1.0f;
    for (int c = thread; c < work.value_width; c += simple_threads)
        x[c] = shared.sums[c] * factor;
    if (!is_last && thread == 0)
        *state = make_float2(softmax.largest, softmax.sum);
}

// ---- launcher
// ----------------------------------------------------------------------------------------------

// The matrices of some heads as factors.
struct HeadFactors
{
    const void* data = nullptr;
    std::int64_t head_numbers = 0; // from one head to the next
};

bool is_stored_as(Factor factor, Dtype dtype)
{
    return dtype == (factor == Factor::bf16 ? Dtype::bf16 : Dtype::f32);
}

// Heads first … first + count; converted into `space` where they are stored otherwise.
HeadFactors head_factors(const Device& device, Factor factor, const HeadMatrix& w, std::int64_t first,
                         std::int64_t count, std::byte* space)
{
    const std::int64_t between = rows_between_heads(w);
    if (is_stored_as(factor, w.dtype))
        return {w.head(first).data, w.head_bytes / factor_bytes(factor)};
    if (between > 0) {
        weights_to_factor(device, factor, space,
                          {w.head(first).data, w.dtype, (count - 1) * between + w.rows, w.columns});
        return {space, between * w.columns};
    }
    const std::int64_t numbers = w.rows * w.columns;
    for (std::int64_t i = 0; i < count; ++i)
        weights_to_factor(device, factor, space + i * numbers * factor_bytes(factor), w.head(first + i));
    return {space, numbers};
}

struct GroupFactors
{
    HeadFactors key;
    HeadFactors value;
};

GroupFactors group_factors(const Device& device, const KeyValueUp& kv_b, const DecompressLayout& layout,
                           std::int64_t first, std::int64_t count, std::byte* workspace)
{
    std::byte* space = workspace + layout.key_weights;
    if (is_stored_as(layout.factor, kv_b.key.dtype) || !is_one_matrix(kv_b))
        return {
            head_factors(device, layout.factor, kv_b.key, first, count, space),
            head_factors(device, layout.factor, kv_b.value, first, count, workspace + layout.value_weights)};
    HeadMatrix both = kv_b.key;
    both.rows += kv_b.value.rows;
    const HeadFactors whole = head_factors(device, layout.factor, both, first, count, space);
    return {whole, {workspace + layout.value_weights, whole.head_numbers}};
}

void gather(const Device& device, void* to, Factor factor, const LayerCache& cache, const DeviceBatch& batch,
            std::int64_t row, std::int64_t first, std::int64_t tokens)
{
    LaunchPlan plan;
    plan.threads = 128;
    plan.grid[0] = static_cast<std::uint32_t>(tokens);
    const std::int32_t* first_block = batch.first_block + row;
    const int token = static_cast<int>(first);
    if (factor == Factor::bf16)
        launch(device, plan, gather_latents<__nv_bfloat16, __nv_bfloat16>, static_cast<__nv_bfloat16*>(to),
               cache, first_block, batch.blocks, token);
    else if (cache.dtype == Dtype::bf16)
        launch(device, plan, gather_latents<float, __nv_bfloat16>, static_cast<float*>(to), cache,
               first_block, batch.blocks, token);
    else
        launch(device, plan, gather_latents<float, float>, static_cast<float*>(to), cache, first_block,
               batch.blocks, token);
}

// y (heads, tokens, n) = latents (keys, C) W^T of each head.
void expand(Blas& blas, const DecompressLayout& layout, const DecompressPlan& plan, std::byte* y,
            const std::byte* latents, std::int64_t latent_stride, const HeadFactors& w, std::int64_t n,
            std::int64_t k, bool is_transposed, std::int64_t keys, std::int64_t heads)
{
    MatrixProduct product;
    product.factor = layout.factor;
    product.y = y;
    product.x = latents;
    product.w = w.data;
    product.m = keys;
    product.n = n;
    product.k = k;
    product.y_stride = n;
    product.x_stride = latent_stride;
    product.w_stride = is_transposed ? n : k;
    product.is_transposed = is_transposed;
    product.is_narrow = layout.factor == Factor::bf16;
    product.batch = heads;
    product.y_batch = plan.tokens * n;
    product.w_batch = w.head_numbers;
    blas.multiply(product);
}

} // namespace

void mla_attend_decompressed(const Device& device, Blas& blas, View<float> x, View<const float> q,
                             const KeyValueUp& kv_b, const AttentionShape& shape, const DeviceBatch& batch,
                             const LayerCache& cache, std::byte* workspace, const DecompressPlan& plan)
{
    std::int64_t most_rows = 0;
    for (const Segment& segment : batch.segments)
        most_rows = std::max(most_rows, segment.count);
    const DecompressLayout layout = decompress_layout(plan, shape, kv_b, most_rows);
    std::byte* latents = workspace + layout.latents;
    std::byte* keys = workspace + layout.keys;
    std::byte* values = workspace + layout.values;

    ExpandedWork work;
    work.q_stride = q.stride;
    work.x_stride = x.stride;
    work.softmax = reinterpret_cast<float2*>(workspace + layout.softmax);
    work.scale = shape.softmax_scale;
    work.nope = static_cast<int>(shape.qk_nope_head_dim);
    work.rotary = static_cast<int>(shape.qk_rope_head_dim);
    work.value_width = static_cast<int>(shape.v_head_dim);
    work.nope_keys = keys;
    work.values = values;
    work.tokens = plan.tokens;
    work.rotary_keys = latents + shape.kv_lora_rank * factor_bytes(layout.factor);
    work.latent_stride = cache.columns;

    for (std::int64_t head = 0; head < shape.heads; head += plan.heads) {
        const std::int64_t heads = std::min(plan.heads, shape.heads - head);
        const GroupFactors factors = group_factors(device, kv_b, layout, head, heads, workspace);
        work.heads = static_cast<int>(heads);
        for (const Segment& segment : batch.segments) {
            const std::int64_t context = segment.position + segment.count;
            work.q = q.row(segment.first_row) + head * (shape.qk_nope_head_dim + shape.qk_rope_head_dim);
            work.x = x.row(segment.first_row) + head * shape.v_head_dim;
            work.rows = static_cast<int>(segment.count);
            work.position = static_cast<int>(segment.position);
            for (std::int64_t first = 0; segment.count > 0 && first < context; first += plan.tokens) {
                const std::int64_t count = std::min(plan.tokens, context - first);
                gather(device, latents, layout.factor, cache, batch, segment.first_row, first, count);
                expand(blas, layout, plan, keys, latents, cache.columns, factors.key, shape.qk_nope_head_dim,
                       shape.kv_lora_rank, kv_b.layout == KeyLayout::latent_by_nope, count, heads);
                expand(blas, layout, plan, values, latents, cache.columns, factors.value, shape.v_head_dim,
                       shape.kv_lora_rank, false, count, heads);
                work.first_key = static_cast<int>(first);
                work.keys = static_cast<int>(count);
                work.first_query = static_cast<int>(std::max<std::int64_t>(0, first - segment.position));
                work.is_first = first == 0;
                const LaunchPlan attend =
                    plan_expanded(shape, plan.uses_tensor_cores, heads, segment.count - work.first_query);
                require_shared(attend, device.limits());
                launch(device, attend, plan.uses_tensor_cores ? attend_expanded : attend_expanded_any, work);
            }
        }
    }
}

} // namespace kernels::cuda
