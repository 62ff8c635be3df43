// SPDX-License-Identifier: MIT
#include "kernels/cuda/attention_plan.h"

#include "kernels/cuda/layout.h"

#include <algorithm>
#include <string>

namespace kernels::cuda {

namespace {

// Partial results are kept for so many rows at once that they stay in the cache of the GPU.
constexpr std::int64_t partial_bytes = 16 << 20;

// Keys and values that are expanded at a time: enough for the products to run at full speed.
constexpr std::int64_t expanded_bytes = 64 << 20;
constexpr std::int64_t expanded_heads = 16;
constexpr std::int64_t expanded_tokens = 4096;

constexpr std::int64_t largest_grid = 65535; // of the second and third dimension

// Shared memory that the hardware keeps for itself in every block.
constexpr std::int64_t reserved_bytes = 1024;

std::uint32_t dimension(std::int64_t blocks)
{
    return static_cast<std::uint32_t>(blocks);
}

} // namespace

void require_shared(const LaunchPlan& plan, const DeviceLimits& limits)
{
    if (plan.shared_bytes > limits.shared_bytes)
        throw Failure(FailureKind::other,
                      "The attention heads of this model are too wide for the GPU: a block needs " +
                          std::to_string(plan.shared_bytes) + " bytes of shared memory, and " +
                          std::to_string(limits.shared_bytes) + " are there.");
}

HeadProductPlan plan_head_product(HeadForm form, const HeadMatrix& w, std::int64_t rows)
{
    HeadProductPlan plan;
    plan.is_aligned = is_aligned(w.head(0)) && w.head_bytes % 16 == 0;
    plan.rows_at_once = !plan.is_aligned ? 4 : rows > 4 ? 8 : rows > 2 ? 4 : rows > 1 ? 2 : 1;
    plan.launch.threads = head_product_threads;
    if (form == HeadForm::dot) {
        while (plan.lanes > 1 && (plan.lanes / 2) * 8 >= w.columns)
            plan.lanes /= 2;
        plan.output_tiles = divide_up<std::int64_t>(w.rows, dot_rows(plan.lanes));
        plan.launch.shared_bytes = plan.rows_at_once * round_up<std::int64_t>(w.columns, 8) * 4;
    } else {
        plan.output_tiles = divide_up<std::int64_t>(w.columns, mix_columns);
        plan.launch.shared_bytes =
            plan.rows_at_once * (w.rows + head_product_threads / warp_size * mix_columns) * 4;
    }
    plan.launch.grid[0] = dimension(plan.output_tiles * w.heads * divide_up(rows, plan.rows_at_once));
    return plan;
}

AttendPlan plan_attend(const AttentionShape& shape, Dtype cache, std::int64_t rows, std::int64_t longest,
                       const DeviceLimits& limits)
{
    AttendPlan plan;
    plan.uses_tensor_cores = shape.kv_lora_rank == published::latent &&
                             shape.qk_rope_head_dim == published::rotary && cache == Dtype::bf16;
    std::int64_t groups = shape.heads;
    if (plan.uses_tensor_cores) {
        plan.group_heads = shape.heads > 16 ? 32 : 16;
        groups = divide_up(shape.heads, plan.group_heads);
        plan.launch.threads = static_cast<std::uint32_t>(8 * plan.group_heads);
        plan.launch.shared_bytes = attend_shared_bytes(plan.group_heads);
    } else {
        plan.launch.threads = simple_threads;
        plan.launch.shared_bytes =
            simple_shared_bytes(shape.kv_lora_rank + shape.qk_rope_head_dim, shape.kv_lora_rank);
    }
    // As many parts as fill the GPU with one row. Registers allow 8 warps of the tensor-core kernel on a
    // multiprocessor.
    const std::int64_t by_registers = plan.uses_tensor_cores ? 32 / plan.group_heads : 4;
    const std::int64_t by_memory =
        (limits.shared_bytes + reserved_bytes) / (plan.launch.shared_bytes + reserved_bytes);
    const std::int64_t resident = std::clamp<std::int64_t>(by_memory, 1, by_registers);
    plan.most_parts = std::max<std::int64_t>(1, limits.multiprocessors * resident / groups);
    plan.split_tokens = attend_split_tokens(longest, plan.most_parts);
    // A shorter context can have more parts than the longest, but not more than these.
    plan.splits = std::min(plan.most_parts, divide_up<std::int64_t>(longest, 2 * attend_tile));

    plan.rows_at_once = std::min(rows, largest_grid);
    if (plan.splits > 1) {
        const std::int64_t row_bytes = plan.splits * shape.heads * (shape.kv_lora_rank + 2) * 4;
        plan.rows_at_once = std::min(plan.rows_at_once, std::max<std::int64_t>(1, partial_bytes / row_bytes));
        // Never less than for fewer rows or shorter contexts, which then fit the same workspace.
        plan.workspace_bytes = std::min(rows * row_bytes, std::max(partial_bytes, row_bytes));
        plan.merge.threads = merge_columns;
        plan.merge.shared_bytes = plan.splits * 4;
        plan.merge.grid[0] = dimension(divide_up(shape.kv_lora_rank, merge_columns));
        plan.merge.grid[1] = dimension(shape.heads);
        plan.merge.grid[2] = dimension(plan.rows_at_once);
    } else {
        plan.merge.grid[0] = 0;
    }
    plan.launch.grid[0] = dimension(plan.splits);
    plan.launch.grid[1] = dimension(groups);
    plan.launch.grid[2] = dimension(plan.rows_at_once);
    return plan;
}

DecompressLayout decompress_layout(const DecompressPlan& plan, const AttentionShape& shape,
                                   const KeyValueUp& kv_b, std::int64_t rows)
{
    DecompressLayout layout;
    layout.factor = plan.uses_tensor_cores ? Factor::bf16 : Factor::f32;
    const std::int64_t number = factor_bytes(layout.factor);
    const auto place = [&](std::int64_t bytes) {
        const std::int64_t at = layout.bytes;
        layout.bytes += round_up(bytes, matrix_alignment);
        return at;
    };
    layout.latents = place(plan.tokens * (shape.kv_lora_rank + shape.qk_rope_head_dim) * number);
    layout.keys = place(plan.heads * plan.tokens * shape.qk_nope_head_dim * number);
    layout.values = place(plan.heads * plan.tokens * shape.v_head_dim * number);
    layout.softmax = place(rows * plan.heads * 2 * 4);
    const Dtype stored = layout.factor == Factor::bf16 ? Dtype::bf16 : Dtype::f32;
    const auto converted = [&](const HeadMatrix& w) {
        const std::int64_t between = rows_between_heads(w);
        const std::int64_t w_rows = between > 0 ? (plan.heads - 1) * between + w.rows : plan.heads * w.rows;
        return w.dtype == stored ? 0 : w_rows * w.columns * number;
    };
    if (is_one_matrix(kv_b)) {
        const std::int64_t both = kv_b.key.rows + kv_b.value.rows;
        const std::int64_t bytes = plan.heads * both * kv_b.key.columns * number;
        layout.key_weights = place(kv_b.key.dtype == stored ? 0 : bytes);
        layout.value_weights = layout.key_weights + kv_b.key.rows * kv_b.key.columns * number;
    } else {
        layout.key_weights = place(converted(kv_b.key));
        layout.value_weights = place(converted(kv_b.value));
    }
    return layout;
}

std::int64_t rows_between_heads(const HeadMatrix& w)
{
    const std::int64_t bytes = row_bytes(w.dtype, w.columns);
    return w.head_bytes % bytes == 0 ? w.head_bytes / bytes : 0;
}

bool is_one_matrix(const KeyValueUp& kv_b)
{
    return kv_b.layout == KeyLayout::nope_by_latent && kv_b.key.dtype == kv_b.value.dtype &&
           kv_b.key.columns == kv_b.value.columns &&
           kv_b.value.data == kv_b.key.data + kv_b.key.head(0).bytes() &&
           kv_b.key.head_bytes == kv_b.key.head(0).bytes() + kv_b.value.head(0).bytes() &&
           kv_b.value.head_bytes == kv_b.key.head_bytes;
}

DecompressPlan plan_decompress(const AttentionShape& shape, Dtype cache, const KeyValueUp& kv_b,
                               std::int64_t max_rows, std::int64_t longest, const DeviceLimits&)
{
    DecompressPlan plan;
    plan.uses_tensor_cores =
        shape.qk_nope_head_dim == published::nope && shape.qk_rope_head_dim == published::rotary &&
        shape.v_head_dim == published::value && shape.kv_lora_rank % 8 == 0 && cache == Dtype::bf16 &&
        kv_b.key.dtype != Dtype::f32 && kv_b.value.dtype != Dtype::f32;
    plan.heads = std::min(shape.heads, expanded_heads);
    const std::int64_t token_bytes = (plan.heads * (shape.qk_nope_head_dim + shape.v_head_dim) +
                                      shape.kv_lora_rank + shape.qk_rope_head_dim) *
                                     factor_bytes(plan.uses_tensor_cores ? Factor::bf16 : Factor::f32);
    const std::int64_t fitting = expanded_bytes / token_bytes / cache_block_tokens * cache_block_tokens;
    plan.tokens = std::min(
        {round_up(longest, cache_block_tokens), expanded_tokens, std::max(fitting, cache_block_tokens)});
    plan.workspace_bytes = decompress_layout(plan, shape, kv_b, max_rows).bytes;
    return plan;
}

LaunchPlan plan_expanded(const AttentionShape& shape, bool uses_tensor_cores, std::int64_t heads,
                         std::int64_t rows)
{
    LaunchPlan plan;
    if (uses_tensor_cores) {
        plan.threads = 2 * query_tile; // a warp for every 16 rows
        plan.shared_bytes = expanded_shared_bytes();
        plan.grid[0] = dimension(divide_up<std::int64_t>(rows, query_tile));
    } else {
        plan.threads = simple_threads;
        plan.shared_bytes =
            simple_shared_bytes(shape.qk_nope_head_dim + shape.qk_rope_head_dim, shape.v_head_dim);
        plan.grid[0] = dimension(rows);
    }
    plan.grid[1] = dimension(heads);
    return plan;
}

} // namespace kernels::cuda
