// SPDX-License-Identifier: MIT
// The memory of a GPU that passes over a model work in, apart from weights, cache and activations: what each
// operation needs at most, planned before anything is taken and placed by the same code.
#pragma once

#include "kernels/cuda/attention.h"
#include "kernels/cuda/dense.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/products.h"
#include "kernels/cuda/sample.h"
#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace kernels::cuda {

// What the size of the workspace depends on. Letters as in kernels/ops.h.
struct ModelShape
{
    AttentionShape attention;
    Dtype cache = Dtype::bf16;
    std::int64_t vocabulary = 0;      // N
    std::int64_t experts = 0;         // E
    std::int64_t experts_per_tok = 0; // K
    std::int64_t max_columns = 0;     // of any matrix
    std::vector<KeyValueUp> kv_b;     // of every layer
    std::vector<DeviceExperts> moe;   // of every layer that has experts

    std::int64_t max_rows = 0;       // T, of a pass
    std::int64_t logits_rows = 0;    // logits made at a time
    std::int64_t context_tokens = 0; // of the longest sequence
    std::int64_t cache_blocks = 0;   // of all sequences
};

// What a pass of T rows is told from the host, packed so that one copy brings it.
struct PassData
{
    std::int32_t* token = nullptr;       // (T)
    std::int32_t* position = nullptr;    // (T)
    std::int32_t* first_block = nullptr; // (T)
    std::int32_t* output_rows = nullptr; // (T) at most
    std::int32_t* blocks = nullptr;      // (blocks) those of all segments behind one another
    float* rotation = nullptr;           // (T, R / 2, 2)
    std::int64_t bytes = 0;

    PassData() = default;
    PassData(std::int64_t rows, std::int64_t block_count, std::int64_t rotary_dim, std::byte* memory);
};

// The same for the choice of the tokens.
struct DrawData
{
    Draw* draws = nullptr;          // (count)
    std::int32_t* recent = nullptr; // (recent_count) those of all draws behind one another
    std::int64_t bytes = 0;

    DrawData() = default;
    DrawData(std::int64_t count, std::int64_t recent_count, std::byte* memory);
};

// The parts of the workspace. Made without memory it only counts.
struct Workspace
{
    std::byte* pass = nullptr; // a PassData of any pass, then a DrawData
    std::byte* draw = nullptr;
    std::int64_t pass_bytes = 0;
    std::int64_t draw_bytes = 0;
    std::uint8_t* defined = nullptr; // (N)
    std::int32_t* ids = nullptr;     // (T)
    View<float> logits;              // (logits_rows, N)
    View<float> scores;              // (T, E), of the router
    // Whatever one operation leaves behind in these is not needed by the next, except that the sorted experts
    // stay from the first half of the experts to the second; so attention and the choice of tokens share the
    // memory of the products.
    std::byte* dense = nullptr;
    std::byte* grouped = nullptr;
    std::byte* attention = nullptr;
    std::byte* sampling = nullptr;
    DensePlan dense_plan;
    std::int64_t bytes = 0;

    Workspace(const ModelShape& shape, const DeviceLimits& limits, std::byte* memory);
};

// The experts of one layer, as they lie in the memory of a GPU: each kind of matrix at a constant distance.
DeviceExperts device_experts(const Experts& experts);

} // namespace kernels::cuda
