// SPDX-License-Identifier: MIT
// Passes over a synthetic model on the device, one sequence.
#pragma once

#include "engine/deepseek_v2.h"
#include "kernels/cuda/ops.h"
#include "tests/gpu/synthetic.h"

#include <memory>
#include <numeric>
#include <vector>

namespace gpu {

// Stands in for the library where it is missing: few rows need none.
class NoBlas : public kernels::cuda::Blas
{
public:
    void multiply(const kernels::cuda::MatrixProduct&) override
    {
        throw kernels::cuda::Failure(kernels::cuda::FailureKind::other, "This pass needs cuBLAS.");
    }
    std::int64_t workspace_bytes() const override { return 0; }
};

// The blocks of one sequence, from the last down, so that an order that is not kept shows.
inline std::vector<std::int32_t> descending_blocks(std::int64_t context_tokens)
{
    std::vector<std::int32_t> blocks(
        static_cast<std::size_t>(kernels::cuda::divide_up(context_tokens, kernels::cache_block_tokens)));
    std::iota(blocks.rbegin(), blocks.rend(), 0);
    return blocks;
}

// Tokens at position … of the sequence whose blocks are given, logits wanted for the last.
struct OneSequence
{
    OneSequence(const std::vector<std::int32_t>& ids, std::int64_t position,
                const std::vector<std::int32_t>& blocks, const kernels::AttentionShape& shape)
        : tokens(ids)
        , positions(ids.size())
        , segment{0, static_cast<std::int64_t>(ids.size()), position, blocks}
        , last(static_cast<std::int32_t>(ids.size()) - 1)
    {
        std::iota(positions.begin(), positions.end(), static_cast<std::int32_t>(position));
        batch = {tokens, positions, std::span(&segment, 1), std::span(&last, 1),
                 engine::choose_form(shape, std::span(&segment, 1))};
    }
    OneSequence(const OneSequence&) = delete;
    OneSequence& operator=(const OneSequence&) = delete;

    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> positions;
    kernels::Segment segment;
    std::int32_t last;
    kernels::Batch batch;
};

class SyntheticRun
{
public:
    // Throws Failure where the device has too little memory.
    SyntheticRun(const kernels::cuda::Device& device, kernels::cuda::Blas& blas, const SyntheticModel& model,
                 kernels::Dtype cache, std::int64_t max_rows, std::int64_t context_tokens);

    // Queues the pass and the greedy choice behind it.
    void queue(const std::vector<std::int32_t>& ids, std::int64_t position);
    // Waits; the id that the last pass chose.
    std::int32_t chosen();
    // Waits; the logits of the last pass.
    std::vector<float> logits();
    // Makes the cache hold random latents, as if a long text had been read.
    void fill_cache();

private:
    const kernels::cuda::Device& m_device;
    engine::Attention m_attention;
    kernels::cuda::DeviceBuffer m_weight_memory;
    engine::Weights m_weights;
    kernels::cuda::DeviceBuffer m_activation_memory;
    engine::Activations<float> m_activations;
    kernels::cuda::DeviceBuffer m_cache_memory;
    std::vector<kernels::LayerCache> m_layers;
    std::vector<std::int32_t> m_blocks;
    kernels::cuda::Ops m_ops;
};

} // namespace gpu
