// SPDX-License-Identifier: MIT
// The forward pass of the DeepSeek-V2 family, written once for every backend (paper: arXiv 2405.04434).
#pragma once

#include "engine/activations.h"
#include "engine/config.h"
#include "engine/weights.h"
#include "kernels/ops.h"

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

namespace engine {

// What every layer's attention shares.
struct Attention
{
    kernels::AttentionShape shape;
    std::vector<double> frequency; // (R / 2)
    float magnitude = 1.0f;

    explicit Attention(const Config& c)
        : shape{c.num_attention_heads, c.qk_nope_head_dim, c.qk_rope_head_dim,
                c.v_head_dim,          c.kv_lora_rank,     static_cast<float>(c.softmax_scale())}
        , frequency(c.rope_inverse_frequencies())
        , magnitude(static_cast<float>(c.rope_multiplier()))
    {
    }

    kernels::Rope rope() const { return {frequency, magnitude}; }
};

// The cheaper of the two equal forms of attention for a batch, by the number of multiply-adds. For new tokens
// after a long prefix they break even at C (P + V) / (2 C - P - V) of them, 171 in the published models,
// whatever the number of heads; a fresh prompt always takes the de-compressed form, and single tokens the
// absorbed one.
kernels::AttentionForm choose_form(const kernels::AttentionShape& shape,
                                   std::span<const kernels::Segment> segments);

// h += attention(norm(h)), paper section 2.1.
template <kernels::Ops B>
void attention(B& ops, const Layer& w, const Attention& c, const kernels::Batch& batch,
               const kernels::LayerCache& cache, const Activations<typename B::Real>& a)
{
    const kernels::Rope rope = c.rope();
    if (w.wq_b) {
        ops.norm_matmul(a.q_kv, a.h, w.attn_norm, w.wq_a, w.wkv_a);
        ops.norm_matmul(a.q, a.q_kv.slice_columns(0, w.wq_a.rows), w.q_norm, w.wq_b);
    } else {
        ops.norm_matmul(a.q_kv, a.h, w.attn_norm, w.wq, w.wkv_a);
    }
    if (batch.form == kernels::AttentionForm::absorbed) {
        // W_UK moves onto the query and W_UV behind the sum, so that all heads share one latent per token.
        ops.mla_prepare_absorbed(a.latent, a.q, a.kv, w.kv_norm, w.kv_b, c.shape, rope, batch, cache);
        ops.mla_attend(a.mix, a.latent, c.shape, batch, cache);
        ops.mla_value(a.values, a.mix, w.kv_b, c.shape);
    } else {
        ops.mla_prepare_decompressed(a.q, a.kv, w.kv_norm, c.shape, rope, batch, cache);
        ops.mla_attend_decompressed(a.values, a.q, w.kv_b, c.shape, batch, cache);
    }
    ops.matmul_add(a.h, a.values, w.wo);
}

// h += ffn(norm(h)), paper section 2.2: one wide network in the first layers, experts in the others.
template <kernels::Ops B> void feed_forward(B& ops, const Layer& w, const Activations<typename B::Real>& a)
{
    if (w.is_dense()) {
        ops.norm_gate_up(a.dense, a.h, w.ffn_norm, w.dense);
        ops.matmul_add(a.h, a.dense, w.dense.down);
        return;
    }
    const kernels::Experts experts = w.experts();
    ops.norm_route(a.x, a.routing, a.h, w.ffn_norm, w.router, w.rule);
    ops.experts_gate_up(a.hidden, a.x, a.routing, experts);
    ops.experts_down_add(a.h, a.hidden, a.routing, experts);
}

// logits (output rows, N) of the batch, whose tokens are in the cache afterwards. Returns false when `stop`
// was triggered on the way; the cache of the batch's rows is undefined then.
template <kernels::Ops B>
bool forward(B& ops, const Weights& w, const Attention& c, const kernels::Batch& batch,
             std::span<const kernels::LayerCache> cache, const Activations<typename B::Real>& buffers,
             kernels::View<float> logits, const std::stop_token& stop)
{
    const Activations<typename B::Real> a = buffers.first_rows(batch.rows());
    ops.embed(a.h, w.embedding, batch);
    for (std::size_t l = 0; l < w.layers.size(); ++l) {
        if (stop.stop_requested())
            return false;
        attention(ops, w.layers[l], c, batch, cache[l], a);
        feed_forward(ops, w.layers[l], a);
    }
    if (logits.rows > 0)
        ops.norm_head(logits, a.h, w.norm, w.head, batch);
    return true;
}

} // namespace engine
