// SPDX-License-Identifier: MIT
// The weights of a model as structs of views into its mapped files, bound and shape-checked once. Names of
// the tensors: specification of the DeepSeek-V2 family, the reference implementation's and GGUF's.
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/format/model_files.h"
#include "kernels/ops.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stop_token>
#include <vector>

namespace engine {

// One decoder layer. d hidden_size, H heads, P qk_nope_head_dim, R qk_rope_head_dim, V v_head_dim,
// C kv_lora_rank, Q q_lora_rank, E routed experts, F expert width.
struct Layer
{
    kernels::Norm attn_norm;          // (d)
    kernels::Matrix wq;               // (H * (P + R), d); empty where the query passes through a latent
    kernels::Matrix wq_a;             // (Q, d), W_DQ
    kernels::Norm q_norm;             // (Q)
    kernels::Matrix wq_b;             // (H * (P + R), Q), W_UQ and W_QR
    kernels::Matrix wkv_a;            // (C + R, d), W_DKV and W_KR
    kernels::Norm kv_norm;            // (C)
    kernels::KeyValueUp kv_b;         // W_UK and W_UV by head
    kernels::Matrix wo;               // (d, H * V)
    kernels::Norm ffn_norm;           // (d)
    kernels::Mlp dense;               // of intermediate_size; empty in layers with experts
    kernels::Matrix router;           // (E, d); empty in dense layers
    kernels::RoutingRule rule;        // with the layer's correction bias
    std::vector<kernels::Mlp> routed; // E of width F
    kernels::Mlp shared;              // of n_shared_experts * F; empty where there are none

    bool is_dense() const { return static_cast<bool>(dense.gate); }
    kernels::Experts experts() const { return {routed, shared}; }
};

struct Weights
{
    kernels::Matrix embedding; // (N, d)
    std::vector<Layer> layers;
    kernels::Norm norm;   // (d)
    kernels::Matrix head; // (N, d); the embedding where they are tied

    // The tensors that the views above point into, whole, by the time they are needed in a pass: first the
    // embedding, then one list for each layer, last the norm and the head.
    std::vector<std::vector<std::span<const std::byte>>> stages;

    std::int64_t bytes() const; // of the stages
};

// What the matrices take where they are stored, also of weights that were placed elsewhere.
WeightBytes weight_bytes(const Weights& weights);

// Binds every tensor that the config asks for; others (prediction layers) stay unread. Throws Error with the
// file, the tensor, what was expected and what was found. `files` outlives the result.
Weights bind_weights(const format::ModelFiles& files, const Config& config);

// Calls f(const std::byte*&) for every pointer into the tensors, so that a copy of the weights can be made to
// point elsewhere (the memory of a GPU).
void for_each_pointer(Weights& weights, const std::function<void(const std::byte*&)>& f);

// Reads all pages of the weights from the disk and maps them, in the order of use. `progress` gets the stages
// done and the bytes read so far, on the calling thread. Returns false when stopped.
bool read_ahead(const format::ModelFiles& files, const Weights& weights,
                const std::function<void(std::int64_t stages, std::int64_t bytes)>& progress,
                const std::stop_token& stop, int threads = 1);

} // namespace engine
