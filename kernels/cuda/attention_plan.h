// SPDX-License-Identifier: MIT
// How the kernels of attention are laid out: what the plans of kernels/cuda/attention.h and their launchers
// share. Ordinary functions that need no device.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/blas.h"
#include "kernels/cuda/plan.h"
#include "kernels/ops.h"
#include "kernels/tensor.h"

#include <cstdint>

namespace kernels::cuda {

// Throws Failure where a block needs more shared memory than the GPU has: heads far wider than any known.
void require_shared(const LaunchPlan& plan, const DeviceLimits& limits);

// The shape of the published models, which the tensor cores serve.
namespace published {

constexpr int latent = 512;                // C
constexpr int nope = 128;                  // P
constexpr int rotary = 64;                 // R
constexpr int value = 128;                 // V
constexpr int key = nope + rotary;         // of a head
constexpr int cache_row = latent + rotary; // key of all heads in the latent space

} // namespace published

// ---- per-head products of a few rows: W_UK on the query, W_UV on the mix ----------------------------------

constexpr int head_product_threads = 256;

enum class HeadForm : std::uint8_t
{
    dot, // y[r] = sum over c of w[r][c] x[c]
    mix, // y[c] = sum over r of w[r][c] x[r]
};

struct HeadProductPlan
{
    LaunchPlan launch;             // linear: tiles of outputs, heads, tiles of rows, the first fastest
    std::int64_t output_tiles = 0; // of one head
    std::int64_t rows_at_once = 0; // 1, 2, 4 or 8 rows of the batch share each weight that is read
    int lanes = warp_size;         // dot: that share one row of the weights, a power of two
    bool is_aligned = false;       // weights are read in vectors
};
HeadProductPlan plan_head_product(HeadForm form, const HeadMatrix& w, std::int64_t rows);

// Columns of one block of the mixing form: a whole line of 128 bytes of every row of BF16 weights.
constexpr int mix_columns = 64;

// Rows of the weights that one block of the other form covers.
constexpr int dot_rows(int lanes)
{
    return 2 * head_product_threads / lanes;
}

// ---- absorbed attention
// ------------------------------------------------------------------------------------

// Tokens that meet the queries at once.
constexpr int attend_tile = 32;

// The parts of a context of `context` tokens: a function of the context and the device alone.
constexpr std::int64_t attend_split_tokens(std::int64_t context, std::int64_t most_parts)
{
    const std::int64_t even = (context + most_parts - 1) / most_parts;
    const std::int64_t tokens = (even + attend_tile - 1) / attend_tile * attend_tile;
    return tokens < 2 * attend_tile ? 2 * attend_tile : tokens;
}

// Shared memory of the tensor-core kernel for `heads` (16 or 32) heads: two tiles of cache rows, the scores'
// four partial sums over the width, the weights in bf16, a factor for each head. Rows are padded by 16 bytes,
// so that the eight rows of a matrix load lie in different banks.
constexpr int padded_latent_row = published::cache_row + 8; // bf16
constexpr int padded_scores = attend_tile + 8;              // fp32, or bf16
constexpr int score_parts = 4;
constexpr std::int64_t attend_shared_bytes(std::int64_t heads)
{
    return 2 * attend_tile * padded_latent_row * 2 + score_parts * heads * padded_scores * 4 +
           heads * padded_scores * 2 + heads * 4;
}

// ---- plain arithmetic of any shape
// -------------------------------------------------------------------------

constexpr int simple_threads = 128;

// Shared memory of attention in fp32: a query, the sums of the values, scores and weights of one tile.
constexpr std::int64_t simple_shared_bytes(std::int64_t key_width, std::int64_t value_width)
{
    return 4 * (key_width + value_width + 2 * attend_tile);
}

constexpr std::int64_t merge_columns = 128; // of one block that merges parts

// ---- decompressed attention
// --------------------------------------------------------------------------------

// Tiles of the tensor-core kernel.
constexpr int query_tile = 64;
constexpr int key_tile = 64;
constexpr int padded_key_row = published::key + 8; // bf16
constexpr int padded_value_row = published::value + 8;
constexpr std::int64_t expanded_shared_bytes()
{
    return key_tile * (padded_key_row + padded_value_row) * 2;
}

// Where everything lies in the workspace, in bytes from its start.
struct DecompressLayout
{
    Factor factor = Factor::f32;
    std::int64_t latents = 0; // (tokens, C + R) of `factor`
    std::int64_t keys = 0;    // (heads, tokens, P)
    std::int64_t values = 0;  // (heads, tokens, V)
    std::int64_t softmax = 0; // (rows, heads, 2) fp32: largest score and sum of weights so far
    std::int64_t key_weights = 0;
    std::int64_t value_weights = 0;
    std::int64_t bytes = 0;
};
DecompressLayout decompress_layout(const DecompressPlan& plan, const AttentionShape& shape,
                                   const KeyValueUp& kv_b, std::int64_t rows);

// Rows from one head's matrix to the next, where the heads lie in rows of one larger matrix; 0 otherwise.
std::int64_t rows_between_heads(const HeadMatrix& w);

// Whether each head's values follow its keys in one larger matrix (kv_b_proj as Hugging Face stores it).
bool is_one_matrix(const KeyValueUp& kv_b);

LaunchPlan plan_expanded(const AttentionShape& shape, bool uses_tensor_cores, std::int64_t heads,
                         std::int64_t rows);

} // namespace kernels::cuda
