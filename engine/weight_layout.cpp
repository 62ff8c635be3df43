// SPDX-License-Identifier: MIT
#include "engine/weight_layout.h"

#include "engine/error.h"
#include "kernels/cuda/layout.h"
#include "kernels/cuda/plan.h"
#include "kernels/quant/dequantise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <utility>

namespace engine {

namespace {

using kernels::Dtype;
using kernels::HeadMatrix;
using kernels::Matrix;
using kernels::Mlp;
using kernels::cuda::matrix_alignment;

// How far reading is announced to the kernel before it is reached.
constexpr std::int64_t ahead_bytes = std::int64_t{256} << 20;

std::span<const std::byte> bytes_of(const Matrix& matrix)
{
    return {matrix.data, static_cast<std::size_t>(matrix.bytes())};
}

const std::byte* as_pointer(std::int64_t offset)
{
    return reinterpret_cast<const std::byte*>(static_cast<std::uintptr_t>(offset));
}

// Gives every matrix its place, in the order of use.
class Placer
{
public:
    WeightLayout place(const Weights& from)
    {
        Weights& w = m_layout.weights;
        w = from;
        w.stages.clear();
        matrix(w.embedding);
        ++m_stage;
        for (std::size_t l = 0; l < w.layers.size(); ++l) {
            layer(w.layers[l], l);
            ++m_stage;
        }
        norm(w.norm.weight);
        if (from.head.data == from.embedding.data)
            w.head.data = w.embedding.data;
        else
            matrix(w.head);
        m_layout.bytes = m_end;
        return std::move(m_layout);
    }

private:
    void layer(Layer& w, std::size_t index)
    {
        norm(w.attn_norm.weight);
        matrix(w.wq);
        matrix(w.wq_a);
        norm(w.q_norm.weight);
        matrix(w.wq_b);
        matrix(w.wkv_a);
        norm(w.kv_norm.weight);
        heads(w.kv_b.key);
        heads(w.kv_b.value);
        matrix(w.wo);
        norm(w.ffn_norm.weight);
        mlp(w.dense);
        matrix(w.router);
        norm(w.rule.correction_bias);
        experts(w.routed, &Mlp::gate, index);
        experts(w.routed, &Mlp::up, index);
        experts(w.routed, &Mlp::down, index);
        mlp(w.shared);
    }

    void add(const Matrix& from, std::int64_t offset, bool to_f32)
    {
        const WeightCopy copy{from, to_f32, offset, m_stage};
        m_layout.copies.push_back(copy);
        m_end = copy.end();
    }
    void align() { m_end = kernels::cuda::round_up(m_end, matrix_alignment); }

    void matrix(Matrix& m)
    {
        if (!m)
            return;
        align();
        const Matrix from = std::exchange(m, {as_pointer(m_end), m.dtype, m.rows, m.columns});
        add(from, m_end, false);
    }

    // Norms and biases: a few numbers, in F32.
    void norm(Matrix& m)
    {
        if (!m)
            return;
        align();
        const Matrix from = std::exchange(m, {as_pointer(m_end), Dtype::f32, m.rows, m.columns});
        add(from, m_end, true);
    }

    // Without gaps on the device, whatever lies between the heads in the file.
    void heads(HeadMatrix& m)
    {
        if (!m)
            return;
        align();
        HeadMatrix from = m;
        m.data = as_pointer(m_end);
        m.head_bytes = m.head(0).bytes();
        if (from.head_bytes == m.head_bytes) {
            add({from.data, from.dtype, from.heads * from.rows, from.columns}, m_end, false);
            return;
        }
        for (std::int64_t h = 0; h < from.heads; ++h)
            add(from.head(h), m_end, false);
    }

    void mlp(Mlp& m)
    {
        matrix(m.gate);
        matrix(m.up);
        matrix(m.down);
    }

    void experts(std::vector<Mlp>& routed, Matrix Mlp::*kind, std::size_t layer_index)
    {
        for (Mlp& expert : routed) {
            const Dtype expected = (routed.front().*kind).dtype;
            if ((expert.*kind).dtype != expected)
                throw Error(fmt::format("layer {}", layer_index),
                            fmt::format("expected all experts in {}, found one in {}", name(expected),
                                        name((expert.*kind).dtype)));
            matrix(expert.*kind);
        }
    }

    WeightLayout m_layout;
    std::int64_t m_end = matrix_alignment;
    std::int64_t m_stage = 0;
};

} // namespace

WeightLayout lay_out(const Weights& weights)
{
    return Placer().place(weights);
}

Weights placed_at(const std::byte* base, const Weights& offsets)
{
    Weights placed = offsets;
    for_each_pointer(placed, [&](const std::byte*& pointer) {
        if (pointer)
            pointer = base + reinterpret_cast<std::uintptr_t>(pointer);
    });
    return placed;
}

WeightReader::WeightReader(const WeightLayout& layout, Hooks hooks)
    : m_layout(layout)
    , m_hooks(std::move(hooks))
{
}

std::int64_t WeightReader::least_memory() const
{
    std::int64_t longest = 0;
    for (const WeightCopy& copy : m_layout.copies)
        longest = std::max(longest, copy.row_bytes());
    return longest + 2 * matrix_alignment; // a gap before it, and the place within 256 bytes
}

std::int64_t WeightReader::stages_read() const
{
    return m_copy < m_layout.copies.size() ? m_layout.copies[m_copy].stage : m_layout.copies.back().stage + 1;
}

void WeightReader::ask_ahead()
{
    while (m_asked < m_layout.copies.size() && m_asked_bytes < m_bytes_read + ahead_bytes) {
        const Matrix& from = m_layout.copies[m_asked++].from;
        m_hooks.will_need(bytes_of(from));
        m_asked_bytes += from.bytes();
    }
}

WeightReader::Part WeightReader::next(std::span<std::byte> memory)
{
    assert(static_cast<std::int64_t>(memory.size()) >= least_memory());
    const std::span<const WeightCopy> copies = m_layout.copies;
    if (m_copy == copies.size())
        return {};
    const std::int64_t begin = copies[m_copy].offset + m_row * copies[m_copy].row_bytes();
    // What is aligned on the device is aligned here too.
    const std::int64_t origin = begin / matrix_alignment * matrix_alignment;
    const std::int64_t limit = origin + static_cast<std::int64_t>(memory.size());
    const auto at = [&](std::int64_t offset) { return memory.data() + (offset - origin); };

    std::int64_t end = begin;
    while (m_copy < copies.size()) {
        const WeightCopy& copy = copies[m_copy];
        const std::int64_t row_bytes = copy.row_bytes();
        const std::int64_t offset = copy.offset + m_row * row_bytes;
        const std::int64_t rows = std::min(copy.from.rows - m_row, (limit - offset) / row_bytes);
        if (rows <= 0)
            break;
        ask_ahead();
        std::fill(at(end), at(offset), std::byte{0});
        const Matrix from = copy.from.slice(m_row, rows);
        if (copy.to_f32) {
            for (std::int64_t r = 0; r < rows; ++r)
                kernels::dequantise_row(from.dtype, from.row(r),
                                        reinterpret_cast<float*>(at(offset + r * row_bytes)), from.columns);
        } else if (kernels::values_per_block(from.dtype) == 1) {
            std::copy_n(from.data, from.bytes(), at(offset));
        } else {
            for (std::int64_t r = 0; r < rows; ++r)
                kernels::cuda::to_device_row(from.dtype, from.row(r), at(offset + r * row_bytes),
                                             from.columns);
        }
        end = offset + rows * row_bytes;
        m_bytes_read += from.bytes();
        m_row += rows;
        if (m_row < copy.from.rows)
            break;
        m_hooks.done_with(bytes_of(copy.from));
        ++m_copy;
        m_row = 0;
    }
    return {begin, {at(begin), static_cast<std::size_t>(end - begin)}};
}

} // namespace engine
