// SPDX-License-Identifier: MIT
// Every intermediate result of the forward pass, in one piece of memory that is taken once.
#pragma once

#include "engine/config.h"
#include "kernels/ops.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace engine {

// Hands out the parts of an arena, each aligned to a cache line. Without memory it only counts.
class Arena
{
public:
    explicit Arena(std::byte* memory)
        : m_memory(memory)
    {
    }

    template <class T> kernels::View<T> view(std::int64_t rows, std::int64_t columns)
    {
        constexpr std::int64_t line = 64;
        kernels::View<T> view{nullptr, rows, columns, columns};
        if (m_memory)
            view.data = reinterpret_cast<T*>(m_memory + m_bytes);
        const std::int64_t bytes = rows * columns * static_cast<std::int64_t>(sizeof(T));
        m_bytes += (bytes + line - 1) / line * line;
        return view;
    }
    std::int64_t bytes() const { return m_bytes; }

private:
    std::byte* m_memory;
    std::int64_t m_bytes = 0;
};

// T rows of the batch, d hidden_size, H heads, P qk_nope_head_dim, R qk_rope_head_dim, V v_head_dim,
// C kv_lora_rank, Q q_lora_rank, K experts per token, F expert width, S n_shared_experts * F.
template <class Real> struct Activations
{
    template <class T> using View = kernels::View<T>;

    View<float> h;            // (T, d), the residual stream
    View<Real> q_kv;          // (T, Q + C + R), or (T, H * (P + R) + C + R) where the query is one matrix
    View<Real> q;             // (T, H * (P + R)), of the squeezed query; otherwise the first columns of q_kv
    View<Real> kv;            // (T, C + R), the last columns of q_kv
    View<Real> latent;        // (T, H * (C + R)), queries in the latent space
    View<Real> mix;           // (T, H * C), latents mixed by attention
    View<Real> values;        // (T, H * V)
    View<Real> x;             // (T, d), the normed input of the experts
    View<Real> hidden;        // (T, K * F + S), or (T, intermediate_size) in dense layers
    View<Real> dense;         // the same memory, cut to intermediate_size
    kernels::Routing routing; // (T, K)

    // Places the buffers for `rows` tokens. `bytes` is what they take.
    Activations(const Config& c, std::int64_t rows, std::byte* memory)
    {
        Arena arena(memory);
        const std::int64_t heads = c.num_attention_heads;
        const std::int64_t query = heads * c.qk_head_dim();
        const std::int64_t cached = c.kv_lora_rank + c.qk_rope_head_dim;
        const std::int64_t first = c.q_lora_rank > 0 ? c.q_lora_rank : query;
        const bool has_experts = c.first_k_dense_replace < c.num_hidden_layers;
        const std::int64_t experts =
            has_experts ? (c.num_experts_per_tok + c.n_shared_experts) * c.moe_intermediate_size : 0;
        const std::int64_t dense_width = c.first_k_dense_replace > 0 ? c.intermediate_size : 0;

        h = arena.view<float>(rows, c.hidden_size);
        q_kv = arena.view<Real>(rows, first + cached);
        q = c.q_lora_rank > 0 ? arena.view<Real>(rows, query) : q_kv.slice_columns(0, query);
        // Without memory this only counts, and nothing may be added to a null pointer.
        kv = memory ? q_kv.slice_columns(first, cached) : View<Real>{nullptr, rows, cached, q_kv.stride};
        latent = arena.view<Real>(rows, heads * cached);
        mix = arena.view<Real>(rows, heads * c.kv_lora_rank);
        values = arena.view<Real>(rows, heads * c.v_head_dim);
        if (has_experts) {
            x = arena.view<Real>(rows, c.hidden_size);
            routing.expert = arena.view<std::int32_t>(rows, c.num_experts_per_tok);
            routing.weight = arena.view<float>(rows, c.num_experts_per_tok);
        }
        hidden = arena.view<Real>(rows, std::max(experts, dense_width));
        dense = hidden.slice_columns(0, dense_width);
        hidden = hidden.slice_columns(0, experts);
        bytes = arena.bytes();
    }

    // The same buffers, cut to the rows of one pass.
    Activations first_rows(std::int64_t count) const
    {
        Activations cut = *this;
        for (View<Real>* view : {&cut.q_kv, &cut.q, &cut.kv, &cut.latent, &cut.mix, &cut.values, &cut.x,
                                 &cut.hidden, &cut.dense})
            *view = view->first_rows(count);
        cut.h = h.first_rows(count);
        cut.routing.expert = routing.expert.first_rows(count);
        cut.routing.weight = routing.weight.first_rows(count);
        return cut;
    }

    std::int64_t bytes = 0;
};

} // namespace engine
