// SPDX-License-Identifier: MIT
// Every operation a backend offers. One operation is one fusion unit: one barrier on the CPU, one kernel
// launch on the GPU. The forward pass in engine/deepseek_v2.h is a template over a type with these members.
//
// Shapes: T rows of the batch, d hidden_size, H heads, P qk_nope_head_dim, R qk_rope_head_dim, V v_head_dim,
// C kv_lora_rank, Q q_lora_rank, E routed experts, K experts per token, F expert width, N vocabulary.
// Numbers follow the DeepSeek-V2 paper (arXiv 2405.04434), sections 2.1 and 2.2.
#pragma once

#include "kernels/batch.h"
#include "kernels/tensor.h"

#include <concepts>
#include <cstdint>
#include <span>

namespace kernels {

// RMSNorm weight: y = w * x / sqrt(mean(x^2) + eps), statistics in fp32.
struct Norm
{
    Matrix weight; // (1, width)
    float eps = 1e-6f;
};

// Rotation of adjacent pairs (2i, 2i+1) by position * frequency[i], both outputs times `magnitude` (YaRN,
// paper 3.1.4).
struct Rope
{
    std::span<const double> frequency; // (R / 2)
    float magnitude = 1.0f;            // mu = m(s, mscale) / m(s, mscale_all_dim)
};

struct AttentionShape
{
    std::int64_t heads = 0;            // H
    std::int64_t qk_nope_head_dim = 0; // P
    std::int64_t qk_rope_head_dim = 0; // R
    std::int64_t v_head_dim = 0;       // V
    std::int64_t kv_lora_rank = 0;     // C
    float softmax_scale = 0.0f;        // sigma, with the square of the YaRN temperature
};

// How W_UK lies in the file. GGUF's MLA form stores each head transposed.
enum class KeyLayout : std::uint8_t
{
    nope_by_latent, // (P, C): k_nope = W c
    latent_by_nope, // (C, P): q_latent = W q_nope
};

// kv_b_proj, split by head.
struct KeyValueUp
{
    HeadMatrix key; // W_UK in `layout`
    KeyLayout layout = KeyLayout::nope_by_latent;
    HeadMatrix value; // W_UV (V, C)
};

// down(silu(gate x) * (up x))
struct Mlp
{
    Matrix gate; // (width, d)
    Matrix up;   // (width, d)
    Matrix down; // (d, width)
};

enum class ScoringFunction : std::uint8_t
{
    softmax,
    sigmoid,
};

enum class TopkMethod : std::uint8_t
{
    greedy,               // the K best of all experts
    group_limited_greedy, // only inside the topk_group groups with the best single expert
    noaux_tc, // biased scores, groups by the sum of their two best; the bias chooses, it does not weigh
};

struct RoutingRule
{
    std::int64_t experts = 0;         // E
    std::int64_t experts_per_tok = 0; // K
    std::int64_t n_group = 1;
    std::int64_t topk_group = 1;
    TopkMethod method = TopkMethod::greedy;
    ScoringFunction scoring = ScoringFunction::softmax;
    bool norm_topk_prob = false;
    float routed_scaling_factor = 1.0f;
    Matrix correction_bias = {}; // (1, E), noaux_tc alone
};

// What the router chose, written by norm_route. Chosen experts stand in descending order of their score
// (ties: lower index first).
struct Routing
{
    View<std::int32_t> expert; // (T, K)
    View<float> weight;        // (T, K), scaled
};

// The experts of one layer. Routed experts may lie anywhere (Hugging Face stores each as tensors of its own).
struct Experts
{
    std::span<const Mlp> routed; // E of width F
    Mlp shared; // one MLP of width n_shared_experts * F, weight 1; empty where the model has none
};

// Real: the type of activations (float on the CPU). In the comments: output first, then inputs with their
// shapes.
template <class B>
concept Ops =
    requires(B& ops, View<float> h, View<typename B::Real> x, View<const typename B::Real> in,
             View<float> logits, const Norm& norm, const Matrix& w, const KeyValueUp& kv_b,
             const AttentionShape& shape, const Rope& rope, const Batch& batch, const LayerCache& cache,
             const Mlp& mlp, const RoutingRule& rule, const Routing& routing, const Experts& experts) {
        // h (T, d) = table[tokens]
        {
            ops.embed(h, w, batch)
        } -> std::same_as<void>;

        // x (T, w0.rows + w1.rows) = [w0; w1] norm(h): two products of one normed input side by side; w1 may
        // be empty.
        {
            ops.norm_matmul(x, View<const float>(h), norm, w, w)
        } -> std::same_as<void>;

        // x (T, w.rows) = w norm(in): the second half of the squeezed query (W_UQ over q_a_layernorm).
        {
            ops.norm_matmul(x, in, norm, w)
        } -> std::same_as<void>;

        // For the absorbed form. Appends [norm(kv[:C]); rotate(kv[C:])] of every token to its place in the
        // cache and writes x (T, H * (C + R)) = per head [W_UK^T q_nope; rotate(q_pe)] from in = q (T, H * (P
        // + R)), kv (T, C + R).
        {
            ops.mla_prepare_absorbed(x, in, in, norm, kv_b, shape, rope, batch, cache)
        } -> std::same_as<void>;

        // For the de-compressed form. Appends to the cache as above and rotates q_pe of x = q (T, H * (P +
        // R)) in place.
        {
            ops.mla_prepare_decompressed(x, in, norm, shape, rope, batch, cache)
        } -> std::same_as<void>;

        // x (T, H * C) = softmax(scale * q_latent . cache rows) mixed over the rows' first C numbers; causal
        // in each segment. in = q_latent (T, H * (C + R)).
        {
            ops.mla_attend(x, in, shape, batch, cache)
        } -> std::same_as<void>;

        // x (T, H * V) = per head W_UV mix. in = mix (T, H * C).
        {
            ops.mla_value(x, in, kv_b, shape)
        } -> std::same_as<void>;

        // x (T, H * V): what mla_attend and mla_value give together, with per-head keys and values expanded
        // from the cache block by block in bounded workspace. in = rotated q (T, H * (P + R)).
        {
            ops.mla_attend_decompressed(x, in, kv_b, shape, batch, cache)
        } -> std::same_as<void>;

        // h (T, d) += w in
        {
            ops.matmul_add(h, in, w)
        } -> std::same_as<void>;

        // x (T, width) = silu(gate norm(h)) * (up norm(h)), the first half of a dense layer's MLP
        {
            ops.norm_gate_up(x, View<const float>(h), norm, mlp)
        } -> std::same_as<void>;

        // x (T, d) = norm(h); routing by the rule from scores w (E, d) x in fp32.
        {
            ops.norm_route(x, routing, View<const float>(h), norm, w, rule)
        } -> std::same_as<void>;

        // x (T, K * F + shared width): silu(gate in) * (up in) of each chosen expert k at columns k * F, then
        // of the shared one. in = x (T, d).
        {
            ops.experts_gate_up(x, in, routing, experts)
        } -> std::same_as<void>;

        // h (T, d) += shared down + sum over k, ascending, of weight[k] * (down of expert[k]); the order of
        // summation does not depend on the other rows, so that a sequence gives the same numbers in any
        // batch. in = hidden (T, K * F + shared width).
        {
            ops.experts_down_add(h, in, routing, experts)
        } -> std::same_as<void>;

        // logits (output rows, N) = w norm(h[output_rows])
        {
            ops.norm_head(logits, View<const float>(h), norm, w, batch)
        } -> std::same_as<void>;
    };

} // namespace kernels
