// SPDX-License-Identifier: MIT
// Products with weights, and what surrounds them. Attention is in ops_attention.cpp, the experts in
// ops_experts.cpp.
#include "kernels/cpu/ops.h"

#include "kernels/cpu/ops_tasks.h"
#include "kernels/cpu/routing.h"
#include "kernels/cpu/scalar.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace kernels::cpu {

namespace {

const Primitives* checked_primitives(Isa isa)
{
    if (!supported(isa))
        throw std::invalid_argument("this processor or build lacks the instruction set " +
                                    std::string(name(isa)));
    return primitives_of(isa);
}

} // namespace

Ops::Ops(ThreadPool& pool, Isa isa)
    : m_pool(pool)
    , m_isa(isa)
    , m_primitives(checked_primitives(isa))
    , m_workers(static_cast<std::size_t>(pool.threads()))
{
}

std::int64_t Ops::scratch_bytes() const
{
    std::int64_t bytes = 0;
    for (const Worker& worker : m_workers)
        bytes += worker.panel.bytes() + worker.rows.bytes() + worker.scores.bytes() + worker.pointers.bytes();
    for (const Scratch* scratch : {&m_norm_weight, &m_normalised, &m_inputs, &m_outputs, &m_angles,
                                   &m_segments, &m_partials, &m_logits, &m_bias, &m_pairs, &m_groups})
        bytes += scratch->bytes();
    return bytes;
}

std::int64_t Ops::most_scratch_bytes(const ScratchShape& shape)
{
    constexpr std::int64_t number = sizeof(float);
    constexpr std::int64_t pointer = sizeof(float*);
    const AttentionShape& a = shape.attention;
    const std::int64_t cached = a.kv_lora_rank + a.qk_rope_head_dim;
    const std::int64_t pairs = shape.rows * shape.mlps_per_tok;

    const std::int64_t panel = std::max(panel_rows * chunk_columns, a.qk_nope_head_dim * a.kv_lora_rank);
    const std::int64_t expanded =
        expanded_keys * (cached + a.qk_nope_head_dim + a.qk_rope_head_dim + a.v_head_dim);
    const std::int64_t rows = std::max({cache_block_tokens * cached, expanded, row_block * task_rows,
                                        pairs * task_rows}); // the last: results of experts
    const std::int64_t scores =
        std::max(heads_at_once * cache_block_tokens, row_block * expanded_keys + 2 * shape.rows);
    const std::int64_t worker = (panel + rows + scores) * number + pairs * pointer;

    const std::int64_t context_parts = parts(std::max<std::int64_t>(shape.context_tokens, 1), part_keys);
    const std::int64_t partial = context_parts * a.heads * (a.kv_lora_rank + 2) * number; // of a row
    const std::int64_t partials =
        partial * std::clamp<std::int64_t>(partial_bytes / std::max<std::int64_t>(partial, 1), 1,
                                           std::max<std::int64_t>(shape.rows, 1));
    const std::int64_t common =
        (shape.widest_norm + shape.rows * (shape.widest_norm + a.qk_rope_head_dim + 1 + shape.experts) +
         2 * pairs + 2 * shape.experts) *
            number +
        2 * pairs * pointer + (shape.experts + 1) * static_cast<std::int64_t>(sizeof(Group));
    return shape.threads * worker + partials + common;
}

// ---- building blocks ----

// Few tokens: each weight is read once from memory, in its stored form, and meets all of them. Many tokens:
// panels of weights become floats that lie together in the cache, so that their conversion is paid once.
void Ops::multiply(const Dots& work, Worker& worker) const
{
    const WeightRows& w = work.w;
    if (work.tokens <= m_primitives->few_rows) {
        for (std::int64_t byte = 0; byte < std::min<std::int64_t>(4, w.rows) * w.stride; byte += 64)
            __builtin_prefetch(w.data + byte); // later rows are asked for while earlier ones are read
        for (std::int64_t r = 0; r < w.rows; r += 4) {
            Dots part = work;
            part.w = slice_rows(w, r, std::min<std::int64_t>(4, w.rows - r));
            part.y_offset += r;
            m_primitives->dots(part);
        }
        return;
    }
    float* panel = worker.panel.get<float>(panel_rows * chunk_columns);
    for (std::int64_t t = 0; t < work.tokens; t += token_block) {
        for (std::int64_t c = 0; c < w.columns; c += chunk_columns) {
            for (std::int64_t r = 0; r < w.rows; r += panel_rows) {
                Dots part = work;
                part.w = slice_columns(slice_rows(w, r, std::min(panel_rows, w.rows - r)), c,
                                       std::min(chunk_columns, w.columns - c));
                part.x += t;
                part.x_offset += c;
                part.y += t;
                part.y_offset += r;
                part.tokens = std::min(token_block, work.tokens - t);
                part.store = c == 0 ? work.store : Store::add;
                part.w = floats_of(part.w, panel, *m_primitives);
                m_primitives->dots(part);
            }
        }
    }
}

void Ops::mix(const Mix& work, Worker& worker) const
{
    Mix part = work;
    if (work.tokens > m_primitives->few_rows && work.w.dtype != Dtype::f32)
        part.w = floats_of(work.w, worker.panel.get<float>(work.w.rows * work.w.columns), *m_primitives);
    m_primitives->mix(part);
}

// y (T, rows of all) = [w; w; …] x
void Ops::product(View<float> y, View<const float> x, std::initializer_list<Matrix> stacked, Store store)
{
    const float* const* inputs = pointers_to_rows(m_inputs, x);
    float* const* outputs = pointers_to_rows(m_outputs, y);
    const auto rows_a_task = [&](const Matrix& w) {
        return weight_rows_per_task(w.columns, x.rows, *m_primitives);
    };
    std::int64_t tasks = 0;
    for (const Matrix& w : stacked)
        tasks += parts(w.rows, rows_a_task(w));
    m_pool.run(x.rows == 0 ? 0 : tasks, [&](std::int64_t task, int worker) {
        std::int64_t y_offset = 0;
        for (const Matrix& w : stacked) {
            const std::int64_t own_tasks = parts(w.rows, rows_a_task(w));
            if (task < own_tasks) {
                const std::int64_t first = task * rows_a_task(w);
                const std::int64_t count = std::min(rows_a_task(w), w.rows - first);
                multiply({.w = weight_rows(w.slice(first, count)),
                          .x = inputs,
                          .y = outputs,
                          .y_offset = y_offset + first,
                          .tokens = x.rows,
                          .store = store},
                         m_workers[static_cast<std::size_t>(worker)]);
                return;
            }
            task -= own_tasks;
            y_offset += w.rows;
        }
    });
}

void Ops::for_each_row(std::int64_t rows, FunctionRef<void(std::int64_t row, Worker& worker)> f)
{
    if (rows <= rows_alone) {
        for (std::int64_t row = 0; row < rows; ++row)
            f(row, m_workers.front());
        return;
    }
    m_pool.run(rows,
               [&](std::int64_t row, int worker) { f(row, m_workers[static_cast<std::size_t>(worker)]); });
}

void Ops::for_each_head(std::int64_t heads, std::int64_t rows, std::int64_t multiplications,
                        FunctionRef<void(std::int64_t head, RowBlock block, Worker& worker)> f)
{
    const std::int64_t blocks = parts(rows, row_block);
    const std::int64_t heads_a_task = rows_per_task(multiplications * std::min(rows, row_block), 1);
    const std::int64_t groups = parts(heads, heads_a_task);
    m_pool.run(blocks * groups, [&](std::int64_t task, int worker) {
        const std::int64_t first_head = task % groups * heads_a_task;
        const std::int64_t first_row = task / groups * row_block;
        const RowBlock block{first_row, std::min(row_block, rows - first_row)};
        for (std::int64_t head = first_head; head < std::min(heads, first_head + heads_a_task); ++head)
            f(head, block, m_workers[static_cast<std::size_t>(worker)]);
    });
}

const float* Ops::floats(const Matrix& row, Scratch& scratch) const
{
    float* numbers = scratch.get<float>(row.columns);
    m_primitives->dequantise(weight_rows(row), numbers);
    return numbers;
}

View<const float> Ops::normalised(View<const float> in, const Norm& norm)
{
    const std::int64_t width = norm.weight.columns;
    const float* weight = floats(norm.weight, m_norm_weight);
    const View<float> y{m_normalised.get<float>(in.rows * width), in.rows, width, width};
    for_each_row(in.rows, [&](std::int64_t t, Worker&) {
        m_primitives->rms_norm(y.row(t), in.row(t), weight, width, norm.eps);
    });
    return y;
}

// ---- operations ----

void Ops::embed(View<float> h, const Matrix& table, const Batch& batch)
{
    if (!m_primitives)
        return scalar::embed(m_pool, h, table, batch);
    for_each_row(batch.rows(), [&](std::int64_t t, Worker&) {
        m_primitives->dequantise(weight_rows(table.slice(batch.tokens[static_cast<std::size_t>(t)], 1)),
                                 h.row(t));
    });
}

void Ops::norm_matmul(View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                      const Matrix& w1)
{
    if (!m_primitives)
        return scalar::norm_matmul(m_pool, x, in, norm, w0, w1);
    product(x, normalised(in, norm), {w0, w1}, Store::write);
}

void Ops::matmul_add(View<float> h, View<const float> in, const Matrix& w)
{
    if (!m_primitives)
        return scalar::matmul_add(m_pool, h, in, w);
    product(h, in, {w}, Store::add);
}

void Ops::norm_route(View<float> x, const Routing& routing, View<const float> in, const Norm& norm,
                     const Matrix& w, const RoutingRule& rule)
{
    if (!m_primitives)
        return scalar::norm_route(m_pool, x, routing, in, norm, w, rule);
    const float* weight = floats(norm.weight, m_norm_weight);
    for_each_row(in.rows, [&](std::int64_t t, Worker&) {
        m_primitives->rms_norm(x.row(t), in.row(t), weight, w.columns, norm.eps);
    });
    const View<float> logits{m_logits.get<float>(in.rows * w.rows), in.rows, w.rows, w.rows};
    product(logits, x, {w}, Store::write);
    std::span<const float> bias;
    if (rule.correction_bias)
        bias = {floats(rule.correction_bias, m_bias), static_cast<std::size_t>(rule.experts)};
    for_each_row(in.rows, [&](std::int64_t t, Worker&) {
        choose_experts({logits.row(t), static_cast<std::size_t>(rule.experts)}, bias, rule,
                       routing.expert.row(t), routing.weight.row(t));
    });
}

void Ops::norm_head(View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
                    const Batch& batch)
{
    if (!m_primitives)
        return scalar::norm_head(m_pool, logits, h, norm, w, batch);
    const std::int64_t width = norm.weight.columns;
    const float* weight = floats(norm.weight, m_norm_weight);
    const auto rows = static_cast<std::int64_t>(batch.output_rows.size());
    const View<float> x{m_normalised.get<float>(rows * width), rows, width, width};
    for_each_row(rows, [&](std::int64_t o, Worker&) {
        m_primitives->rms_norm(x.row(o), h.row(batch.output_rows[static_cast<std::size_t>(o)]), weight, width,
                               norm.eps);
    });
    product(logits.first_rows(rows), x, {w}, Store::write);
}

} // namespace kernels::cpu
