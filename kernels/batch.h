// SPDX-License-Identifier: MIT
// What one forward pass works on: the new tokens of one or more sequences, and where their latent caches lie.
#pragma once

#include "kernels/tensor.h"

#include <cstdint>
#include <span>

namespace kernels {

// The cache is paged: a block holds `cache_block_tokens` consecutive tokens of one sequence in every layer,
// so that several sequences of any length share one memory budget without copying.
constexpr std::int64_t cache_block_tokens = 64;

// One layer's part of the cache pool: (blocks, cache_block_tokens, kv_lora_rank + qk_rope_head_dim). A row is
// the normed latent c followed by the rotated key part k_pe in interleaved order (DeepSeek-V2 paper,
// section 2.1.3).
struct LayerCache
{
    std::byte* data = nullptr;
    Dtype dtype = Dtype::f32; // f32 or bf16
    std::int64_t columns = 0; // kv_lora_rank + qk_rope_head_dim
    std::int64_t blocks = 0;

    std::int64_t row_bytes() const { return kernels::row_bytes(dtype, columns); }
    std::int64_t block_bytes() const { return cache_block_tokens * row_bytes(); }
    std::byte* block(std::int64_t b) const { return data + b * block_bytes(); }
};

// The tokens of one sequence in this pass: rows first_row … first_row + count of the batch, at positions
// position … position + count. `blocks[p / cache_block_tokens]` is the pool block that holds position p; it
// covers every position up to position + count - 1.
struct Segment
{
    std::int64_t first_row = 0;
    std::int64_t count = 0;
    std::int64_t position = 0;
    std::span<const std::int32_t> blocks;
};

// Where the row of a position of `segment` lies.
inline std::byte* cache_row(const LayerCache& cache, const Segment& segment, std::int64_t position)
{
    return cache.block(segment.blocks[static_cast<std::size_t>(position / cache_block_tokens)]) +
           position % cache_block_tokens * cache.row_bytes();
}

// Which of the two equal forms of attention a pass uses (specification: absorbed for few new tokens,
// de-compressed for long prompt chunks). Chosen once per pass.
enum class AttentionForm : std::uint8_t
{
    absorbed,     // queries move into the latent space; all heads share the 576-wide cache rows
    decompressed, // cached latents are expanded to per-head keys and values, block by block
};

struct Batch
{
    std::span<const std::int32_t> tokens;      // (rows) ids
    std::span<const std::int32_t> positions;   // (rows) position of each token in its own sequence
    std::span<const Segment> segments;         // cover the rows without gap or overlap, in order
    std::span<const std::int32_t> output_rows; // rows whose logits are wanted, ascending
    AttentionForm form = AttentionForm::absorbed;

    std::int64_t rows() const { return static_cast<std::int64_t>(tokens.size()); }
};

} // namespace kernels
