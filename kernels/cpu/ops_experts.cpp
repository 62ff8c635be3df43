// SPDX-License-Identifier: MIT
// Gated MLPs: the dense one, and the mixture of experts (DeepSeek-V2 paper, section 2.2). Tokens are grouped
// by expert, so that the weights of each are read once for all tokens that chose it.
#include "kernels/cpu/ops.h"
#include "kernels/cpu/ops_tasks.h"
#include "kernels/cpu/scalar.h"

#include <algorithm>

namespace kernels::cpu {

Ops::Pairs Ops::pair_up(const Routing& routing, const Experts& experts)
{
    const std::int64_t tokens = routing.expert.rows;
    const std::int64_t chosen = routing.expert.columns;
    const std::int64_t shared = experts.shared.gate ? 1 : 0;
    const auto routed = static_cast<std::int64_t>(experts.routed.size());
    const std::int64_t count = tokens * (chosen + shared);

    std::int32_t* numbers = m_pairs.get<std::int32_t>(2 * count + routed);
    std::int32_t* token = numbers;
    std::int32_t* slot = numbers + count;
    std::int32_t* next = slot + count; // of each expert: first how many, then where its next pair goes
    std::fill_n(next, routed, 0);
    for (std::int64_t t = 0; t < tokens; ++t)
        for (std::int64_t k = 0; k < chosen; ++k)
            ++next[routing.expert.row(t)[k]];

    Group* groups = m_groups.get<Group>(routed + shared);
    std::int64_t used = 0;
    std::int64_t first = 0;
    for (std::int64_t e = 0; e < routed; ++e) {
        const std::int64_t own = next[e];
        next[e] = static_cast<std::int32_t>(first);
        if (own > 0)
            groups[used++] = {&experts.routed[static_cast<std::size_t>(e)], first, own, 0};
        first += own;
    }
    for (std::int64_t t = 0; t < tokens; ++t) {
        for (std::int64_t k = 0; k < chosen; ++k) {
            const std::int32_t place = next[routing.expert.row(t)[k]]++;
            token[place] = static_cast<std::int32_t>(t);
            slot[place] = static_cast<std::int32_t>(k);
        }
    }
    if (shared != 0) {
        groups[used++] = {&experts.shared, first, tokens, 0};
        for (std::int64_t t = 0; t < tokens; ++t) {
            token[first + t] = static_cast<std::int32_t>(t);
            slot[first + t] = static_cast<std::int32_t>(chosen);
        }
    }
    const auto size = static_cast<std::size_t>(count);
    return {{groups, static_cast<std::size_t>(used)}, {token, size}, {slot, size}, chosen + shared};
}

// x[token][slot * slot_width …] = silu(gate in) * (up in) for every pair
void Ops::gate_up(View<float> x, View<const float> in, const Pairs& pairs, std::int64_t slot_width)
{
    const auto count = static_cast<std::int64_t>(pairs.token.size());
    const float** inputs = m_inputs.get<const float*>(count);
    float** outputs = m_outputs.get<float*>(count);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto pair = static_cast<std::size_t>(i);
        inputs[i] = in.row(pairs.token[pair]);
        outputs[i] = x.row(pairs.token[pair]) + pairs.slot[pair] * slot_width;
    }
    const auto rows_a_task = [&](const Group& group) {
        return weight_rows_per_task(2 * in.columns, group.count, *m_primitives);
    };
    std::int64_t tasks = 0;
    for (Group& group : pairs.groups) {
        group.first_task = tasks;
        tasks += parts(group.mlp->gate.rows, rows_a_task(group));
    }
    m_pool.run(tasks, [&](std::int64_t task, int worker_number) {
        Worker& worker = m_workers[static_cast<std::size_t>(worker_number)];
        const Group& group =
            *(std::upper_bound(pairs.groups.begin(), pairs.groups.end(), task,
                               [](std::int64_t t, const Group& g) { return t < g.first_task; }) -
              1);
        const std::int64_t first = (task - group.first_task) * rows_a_task(group);
        const std::int64_t rows = std::min(rows_a_task(group), group.mlp->gate.rows - first);
        for (std::int64_t done = 0; done < group.count; done += row_block) {
            const std::int64_t tokens = std::min(row_block, group.count - done);
            const std::int64_t pair = group.first + done;
            float* up_memory = worker.rows.get<float>(row_block * rows);
            float* up[row_block];
            for (std::int64_t t = 0; t < tokens; ++t)
                up[t] = up_memory + t * rows;
            multiply({.w = weight_rows(group.mlp->gate.slice(first, rows)),
                      .x = inputs + pair,
                      .y = outputs + pair,
                      .y_offset = first,
                      .tokens = tokens},
                     worker);
            multiply({.w = weight_rows(group.mlp->up.slice(first, rows)),
                      .x = inputs + pair,
                      .y = up,
                      .tokens = tokens},
                     worker);
            for (std::int64_t t = 0; t < tokens; ++t)
                m_primitives->silu_mul(outputs[pair + t] + first, up[t], rows);
        }
    });
}

void Ops::norm_gate_up(View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp)
{
    if (!m_primitives)
        return scalar::norm_gate_up(m_pool, x, in, norm, mlp);
    const Routing none{{nullptr, in.rows, 0, 0}, {nullptr, in.rows, 0, 0}};
    gate_up(x, normalised(in, norm), pair_up(none, {{}, mlp}), 0);
}

void Ops::experts_gate_up(View<float> x, View<const float> in, const Routing& routing, const Experts& experts)
{
    if (!m_primitives)
        return scalar::experts_gate_up(m_pool, x, in, routing, experts);
    gate_up(x, in, pair_up(routing, experts), experts.routed.front().gate.rows);
}

void Ops::experts_down_add(View<float> h, View<const float> in, const Routing& routing,
                           const Experts& experts)
{
    if (!m_primitives)
        return scalar::experts_down_add(m_pool, h, in, routing, experts);
    const Pairs pairs = pair_up(routing, experts);
    const std::int64_t chosen = routing.expert.columns;
    const std::int64_t slot_width = experts.routed.front().gate.rows;
    const auto count = static_cast<std::int64_t>(pairs.token.size());
    const float** inputs = m_inputs.get<const float*>(count);
    for (std::int64_t i = 0; i < count; ++i) {
        const auto pair = static_cast<std::size_t>(i);
        inputs[i] = in.row(pairs.token[pair]) + pairs.slot[pair] * slot_width;
    }
    const std::int64_t rows_a_task = weight_rows_per_task(in.columns, in.rows, *m_primitives);
    m_pool.run(parts(h.columns, rows_a_task), [&](std::int64_t task, int worker_number) {
        Worker& worker = m_workers[static_cast<std::size_t>(worker_number)];
        const std::int64_t first = task * rows_a_task;
        const std::int64_t rows = std::min(rows_a_task, h.columns - first);
        float* results = worker.rows.get<float>(count * rows); // (T, slots, rows)
        float** outputs = worker.pointers.get<float*>(count);
        for (std::int64_t i = 0; i < count; ++i) {
            const auto pair = static_cast<std::size_t>(i);
            outputs[i] = results + (pairs.token[pair] * pairs.slot_count + pairs.slot[pair]) * rows;
        }
        for (const Group& group : pairs.groups)
            multiply({.w = weight_rows(group.mlp->down.slice(first, rows)),
                      .x = inputs + group.first,
                      .y = outputs + group.first,
                      .tokens = group.count},
                     worker);
        for (std::int64_t t = 0; t < in.rows; ++t) {
            const float* own = results + t * pairs.slot_count * rows;
            if (pairs.slot_count > chosen)
                m_primitives->add_scaled(h.row(t) + first, own + chosen * rows, 1.0f, rows);
            for (std::int64_t k = 0; k < chosen; ++k)
                m_primitives->add_scaled(h.row(t) + first, own + k * rows, routing.weight.row(t)[k], rows);
        }
    });
}

} // namespace kernels::cpu
