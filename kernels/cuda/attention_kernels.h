// SPDX-License-Identifier: MIT
// What the kernels of both forms of attention share, most of all attention of one query of any width in fp32
// arithmetic, for shapes and types that the tensor-core kernels do not serve. For .cu files.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/cuda/attention_plan.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/numeric.h"

namespace kernels::cuda {

// exp(x) = exp2(log2_e x): scores are scaled by both at once.
constexpr float log2_e = 1.44269504088896341f;

// The row of the cache that holds position p of the sequence with these blocks.
__device__ inline std::byte* cache_row(const LayerCache& cache, const std::int32_t* blocks, std::int32_t p)
{
    const std::int64_t block = blocks[p / static_cast<std::int32_t>(cache_block_tokens)];
    return cache.data + (block * cache_block_tokens + p % static_cast<std::int32_t>(cache_block_tokens)) *
                            (cache.columns * (cache.dtype == Dtype::bf16 ? 2 : 4));
}

// A running softmax: the largest score, in powers of two, and the sum of weights.
struct RunningSoftmax
{
    float largest = -INFINITY;
    float sum = 0.0f;
};

// What a block of simple_threads keeps in its dynamic shared memory.
struct SimpleShared
{
    float* q;       // (key width), scaled
    float* sums;    // (value width); thread i owns the columns i, i + simple_threads, …
    float* scores;  // (attend_tile)
    float* weights; // (attend_tile)

    __device__ SimpleShared(int key_width, int value_width)
        : q(reinterpret_cast<float*>(dynamic_shared()))
        , sums(q + key_width)
        , scores(sums + value_width)
        , weights(scores + attend_tile)
    {
    }
};

// The keys first … end - 1 of `keys`, whose members key(position) and value(position) give something that is
// indexed by column, go through the softmax into shared.sums. All threads of the block; each gets the softmax
// behind these keys.
template <class Keys>
__device__ RunningSoftmax attend_simple(const Keys& keys, int key_width, int value_width, int first, int end,
                                        RunningSoftmax softmax, const SimpleShared& shared)
{
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = lane_index();
    for (int tile = first; tile < end; tile += attend_tile) {
        const int count = min(attend_tile, end - tile);
        __syncthreads(); // q is there, and the last tile's scores and weights are done with
        for (int i = warp_index(); i < count; i += simple_threads / warp_size) {
            const auto key = keys.key(tile + i);
            float sum = 0.0f;
            for (int c = lane; c < key_width; c += warp_size)
                sum = fmaf(shared.q[c], key[c], sum);
            sum = warp_sum(sum);
            if (lane == 0)
                shared.scores[i] = sum;
        }
        __syncthreads();
        // Every warp does the same: a lane for each key of the tile.
        const float score = lane < count ? shared.scores[lane] : -INFINITY;
        const float largest = fmaxf(softmax.largest, warp_max(score));
        const float shrink = exp2f(softmax.largest - largest);
        const float weight = exp2f(score - largest);
        softmax.sum = softmax.sum * shrink + warp_sum(weight);
        softmax.largest = largest;
        if (warp_index() == 0)
            shared.weights[lane] = weight;
        __syncthreads();
        for (int c = thread; c < value_width; c += simple_threads) {
            float sum = shared.sums[c] * shrink;
            for (int i = 0; i < count; ++i)
                sum = fmaf(shared.weights[i], keys.value(tile + i)[c], sum);
            shared.sums[c] = sum;
        }
    }
    return softmax;
}

} // namespace kernels::cuda
