// SPDX-License-Identifier: MIT
#include "kernels/cuda/workspace.h"

#include "kernels/cuda/experts_grouped.h"
#include "kernels/cuda/layout.h"

#include <algorithm>

namespace kernels::cuda {

namespace {

// Hands out parts of one piece of memory, each aligned as a matrix.
class Parts
{
public:
    explicit Parts(std::byte* memory)
        : m_memory(memory)
    {
    }

    template <class T> T* take(std::int64_t count)
    {
        T* part = m_memory ? reinterpret_cast<T*>(m_memory + m_bytes) : nullptr;
        m_bytes += round_up(count * static_cast<std::int64_t>(sizeof(T)), matrix_alignment);
        return part;
    }
    template <class T> View<T> take(std::int64_t rows, std::int64_t columns)
    {
        return {take<T>(rows * columns), rows, columns, columns};
    }
    std::int64_t bytes() const { return m_bytes; }

private:
    std::byte* m_memory;
    std::int64_t m_bytes = 0;
};

HeadMatrix at_constant_distance(std::span<const Mlp> experts, Matrix Mlp::*kind)
{
    const Matrix& first = experts.front().*kind;
    const std::int64_t distance = experts.size() > 1 ? (experts[1].*kind).data - first.data : first.bytes();
    return {first.data, first.dtype,   static_cast<std::int64_t>(experts.size()),
            first.rows, first.columns, distance};
}

} // namespace

PassData::PassData(std::int64_t rows, std::int64_t block_count, std::int64_t rotary_dim, std::byte* memory)
{
    Parts parts(memory);
    token = parts.take<std::int32_t>(rows);
    position = parts.take<std::int32_t>(rows);
    first_block = parts.take<std::int32_t>(rows);
    output_rows = parts.take<std::int32_t>(rows);
    blocks = parts.take<std::int32_t>(block_count);
    rotation = parts.take<float>(rows * rotary_dim);
    bytes = parts.bytes();
}

DrawData::DrawData(std::int64_t count, std::int64_t recent_count, std::byte* memory)
{
    Parts parts(memory);
    draws = parts.take<Draw>(count);
    recent = parts.take<std::int32_t>(recent_count);
    bytes = parts.bytes();
}

Workspace::Workspace(const ModelShape& shape, const DeviceLimits& limits, std::byte* memory)
    : pass_bytes(
          PassData(shape.max_rows, shape.cache_blocks, shape.attention.qk_rope_head_dim, nullptr).bytes)
    // A draw penalises tokens of its own sequence, all of which are in the cache.
    , draw_bytes(DrawData(shape.max_rows, shape.cache_blocks * cache_block_tokens, nullptr).bytes)
    , dense_plan(plan_dense(shape.max_rows, shape.max_columns))
{
    Parts parts(memory);
    pass = parts.take<std::byte>(pass_bytes);
    draw = parts.take<std::byte>(draw_bytes);
    defined = parts.take<std::uint8_t>(shape.vocabulary);
    ids = parts.take<std::int32_t>(shape.max_rows);
    logits = parts.take<float>(shape.logits_rows, shape.vocabulary);
    scores = parts.take<float>(shape.max_rows, shape.experts);

    std::int64_t grouped_bytes = 0;
    for (const DeviceExperts& experts : shape.moe)
        grouped_bytes =
            std::max(grouped_bytes,
                     plan_grouped(shape.max_rows, shape.experts_per_tok, experts, limits).workspace_bytes());
    const std::int64_t attend_bytes =
        plan_attend(shape.attention, shape.cache, shape.max_rows, shape.context_tokens, limits)
            .workspace_bytes;
    std::int64_t expanded_bytes = 0;
    for (const KeyValueUp& kv_b : shape.kv_b)
        expanded_bytes =
            std::max(expanded_bytes, plan_decompress(shape.attention, shape.cache, kv_b, shape.max_rows,
                                                     shape.context_tokens, limits)
                                         .workspace_bytes);

    Parts products(memory ? memory + parts.bytes() : nullptr);
    attention = sampling = dense = products.take<std::byte>(dense_plan.workspace_bytes());
    grouped = products.take<std::byte>(grouped_bytes);
    bytes = parts.bytes() + round_up(std::max({products.bytes(), attend_bytes, expanded_bytes,
                                               sample_workspace_bytes(shape.logits_rows, shape.vocabulary)}),
                                     matrix_alignment);
}

DeviceExperts device_experts(const Experts& experts)
{
    return {.gate = at_constant_distance(experts.routed, &Mlp::gate),
            .up = at_constant_distance(experts.routed, &Mlp::up),
            .down = at_constant_distance(experts.routed, &Mlp::down),
            .shared = experts.shared};
}

} // namespace kernels::cuda
