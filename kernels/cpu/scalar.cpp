// SPDX-License-Identifier: MIT
#include "kernels/cpu/scalar.h"

#include "kernels/cpu/routing.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace kernels::cpu::scalar {

namespace {

using Row = std::vector<float>;

Row row_of(const Matrix& w, std::int64_t r)
{
    Row row(static_cast<std::size_t>(w.columns));
    dequantise_row(w, r, row.data());
    return row;
}

double dot(const float* a, const float* b, std::int64_t count)
{
    double sum = 0.0;
    for (std::int64_t i = 0; i < count; ++i)
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    return sum;
}

// y = w x
Row product(const Matrix& w, const float* x)
{
    Row y;
    for (std::int64_t r = 0; r < w.rows; ++r)
        y.push_back(static_cast<float>(dot(row_of(w, r).data(), x, w.columns)));
    return y;
}

// y = transpose(w) x
Row transposed_product(const Matrix& w, const float* x)
{
    std::vector<double> sum(static_cast<std::size_t>(w.columns), 0.0);
    for (std::int64_t r = 0; r < w.rows; ++r) {
        const Row row = row_of(w, r);
        for (std::size_t c = 0; c < row.size(); ++c)
            sum[c] += static_cast<double>(x[r]) * static_cast<double>(row[c]);
    }
    return Row(sum.begin(), sum.end());
}

// store(t, r, w_r . x_t) for every row of w and every row of x, in parallel over the rows of w.
template <class Store>
void products(ThreadPool& pool, const Matrix& w, View<const float> x, const Store& store)
{
    pool.run(w.rows, [&](std::int64_t r, int) {
        const Row row = row_of(w, r);
        for (std::int64_t t = 0; t < x.rows; ++t)
            store(t, r, static_cast<float>(dot(row.data(), x.row(t), w.columns)));
    });
}

// A matrix of activations that lives for one operation.
struct Rows
{
    std::vector<float> numbers;
    View<float> view;

    Rows(std::int64_t rows, std::int64_t columns)
        : numbers(static_cast<std::size_t>(rows * columns))
        , view{numbers.data(), rows, columns, columns}
    {
    }
};

void normalise(float* y, const float* x, const Norm& norm)
{
    const std::int64_t width = norm.weight.columns;
    const Row weight = row_of(norm.weight, 0);
    const double mean = dot(x, x, width) / static_cast<double>(width);
    const double scale = 1.0 / std::sqrt(mean + static_cast<double>(norm.eps));
    for (std::int64_t i = 0; i < width; ++i)
        y[i] = static_cast<float>(static_cast<double>(weight[static_cast<std::size_t>(i)]) *
                                  static_cast<double>(x[i]) * scale);
}

Rows normalised(View<const float> x, const Norm& norm)
{
    Rows y(x.rows, norm.weight.columns);
    for (std::int64_t t = 0; t < x.rows; ++t)
        normalise(y.view.row(t), x.row(t), norm);
    return y;
}

void rotate(float* x, const Rope& rope, std::int32_t position)
{
    for (std::size_t i = 0; i < rope.frequency.size(); ++i) {
        const double angle = position * rope.frequency[i];
        const double cosine = std::cos(angle) * static_cast<double>(rope.magnitude);
        const double sine = std::sin(angle) * static_cast<double>(rope.magnitude);
        const double even = static_cast<double>(x[2 * i]);
        const double odd = static_cast<double>(x[2 * i + 1]);
        x[2 * i] = static_cast<float>(even * cosine - odd * sine);
        x[2 * i + 1] = static_cast<float>(even * sine + odd * cosine);
    }
}

float silu(float x)
{
    return static_cast<float>(static_cast<double>(x) / (1.0 + std::exp(-static_cast<double>(x))));
}

void append_to_cache(const LayerCache& cache, const Batch& batch, View<const float> kv, const Norm& norm,
                     const AttentionShape& shape, const Rope& rope)
{
    Row row(static_cast<std::size_t>(cache.columns));
    for (const Segment& segment : batch.segments) {
        for (std::int64_t i = 0; i < segment.count; ++i) {
            const std::int64_t t = segment.first_row + i;
            normalise(row.data(), kv.row(t), norm);
            std::copy_n(kv.row(t) + shape.kv_lora_rank, shape.qk_rope_head_dim,
                        row.data() + shape.kv_lora_rank);
            rotate(row.data() + shape.kv_lora_rank, rope, batch.positions[static_cast<std::size_t>(t)]);
            quantise_row(cache.dtype, row.data(), cache_row(cache, segment, segment.position + i),
                         cache.columns);
        }
    }
}

// The cache rows that the token at `position` sees, oldest first: its own included, no later one.
Rows visible_rows(const LayerCache& cache, const Segment& segment, std::int64_t position)
{
    Rows rows(position + 1, cache.columns);
    for (std::int64_t p = 0; p <= position; ++p)
        dequantise_row(cache.dtype, cache_row(cache, segment, p), rows.view.row(p), cache.columns);
    return rows;
}

// softmax(scale * scores)
std::vector<double> probabilities(const std::vector<double>& scores, float scale)
{
    const double largest = *std::max_element(scores.begin(), scores.end());
    std::vector<double> p;
    double sum = 0.0;
    for (const double score : scores) {
        p.push_back(std::exp((score - largest) * static_cast<double>(scale)));
        sum += p.back();
    }
    for (double& value : p)
        value /= sum;
    return p;
}

// y (columns) = sum over rows of p[row] * row
void mix_rows(float* y, const std::vector<double>& p, View<const float> rows)
{
    for (std::int64_t c = 0; c < rows.columns; ++c) {
        double sum = 0.0;
        for (std::int64_t j = 0; j < rows.rows; ++j)
            sum += p[static_cast<std::size_t>(j)] * static_cast<double>(rows.row(j)[c]);
        y[c] = static_cast<float>(sum);
    }
}

void gate_up(ThreadPool& pool, View<float> x, View<const float> in, const Mlp& mlp)
{
    Rows up(in.rows, mlp.up.rows);
    products(pool, mlp.up, in, [&](std::int64_t t, std::int64_t r, float y) { up.view.row(t)[r] = y; });
    products(pool, mlp.gate, in,
             [&](std::int64_t t, std::int64_t r, float y) { x.row(t)[r] = silu(y) * up.view.row(t)[r]; });
}

} // namespace

void embed(ThreadPool& pool, View<float> h, const Matrix& table, const Batch& batch)
{
    pool.run(batch.rows(), [&](std::int64_t t, int) {
        dequantise_row(table, batch.tokens[static_cast<std::size_t>(t)], h.row(t));
    });
}

void norm_matmul(ThreadPool& pool, View<float> x, View<const float> in, const Norm& norm, const Matrix& w0,
                 const Matrix& w1)
{
    const Rows normed = normalised(in, norm);
    products(pool, w0, normed.view, [&](std::int64_t t, std::int64_t r, float y) { x.row(t)[r] = y; });
    products(pool, w1, normed.view,
             [&](std::int64_t t, std::int64_t r, float y) { x.row(t)[w0.rows + r] = y; });
}

void mla_prepare_absorbed(ThreadPool& pool, View<float> x, View<const float> q, View<const float> kv,
                          const Norm& norm, const KeyValueUp& kv_b, const AttentionShape& shape,
                          const Rope& rope, const Batch& batch, const LayerCache& cache)
{
    append_to_cache(cache, batch, kv, norm, shape, rope);
    const std::int64_t q_width = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    const std::int64_t x_width = shape.kv_lora_rank + shape.qk_rope_head_dim;
    pool.run(batch.rows() * shape.heads, [&](std::int64_t task, int) {
        const std::int64_t t = task / shape.heads;
        const std::int64_t head = task % shape.heads;
        const float* q_nope = q.row(t) + head * q_width;
        float* latent = x.row(t) + head * x_width;
        const Matrix w = kv_b.key.head(head);
        const Row moved =
            kv_b.layout == KeyLayout::nope_by_latent ? transposed_product(w, q_nope) : product(w, q_nope);
        std::copy(moved.begin(), moved.end(), latent);
        float* q_pe = latent + shape.kv_lora_rank;
        std::copy_n(q_nope + shape.qk_nope_head_dim, shape.qk_rope_head_dim, q_pe);
        rotate(q_pe, rope, batch.positions[static_cast<std::size_t>(t)]);
    });
}

void mla_prepare_decompressed(ThreadPool& pool, View<float> q, View<const float> kv, const Norm& norm,
                              const AttentionShape& shape, const Rope& rope, const Batch& batch,
                              const LayerCache& cache)
{
    append_to_cache(cache, batch, kv, norm, shape, rope);
    const std::int64_t q_width = shape.qk_nope_head_dim + shape.qk_rope_head_dim;
    pool.run(batch.rows(), [&](std::int64_t t, int) {
        for (std::int64_t head = 0; head < shape.heads; ++head)
            rotate(q.row(t) + head * q_width + shape.qk_nope_head_dim, rope,
                   batch.positions[static_cast<std::size_t>(t)]);
    });
}

void mla_attend(ThreadPool& pool, View<float> x, View<const float> q_latent, const AttentionShape& shape,
                const Batch& batch, const LayerCache& cache)
{
    for (const Segment& segment : batch.segments) {
        pool.run(segment.count, [&](std::int64_t i, int) {
            const std::int64_t t = segment.first_row + i;
            const Rows keys = visible_rows(cache, segment, segment.position + i);
            for (std::int64_t head = 0; head < shape.heads; ++head) {
                const float* q = q_latent.row(t) + head * cache.columns;
                std::vector<double> scores;
                for (std::int64_t j = 0; j < keys.view.rows; ++j)
                    scores.push_back(dot(q, keys.view.row(j), cache.columns));
                mix_rows(x.row(t) + head * shape.kv_lora_rank, probabilities(scores, shape.softmax_scale),
                         keys.view.slice_columns(0, shape.kv_lora_rank));
            }
        });
    }
}

void mla_value(ThreadPool& pool, View<float> x, View<const float> mix, const KeyValueUp& kv_b,
               const AttentionShape& shape)
{
    pool.run(mix.rows * shape.heads, [&](std::int64_t task, int) {
        const std::int64_t t = task / shape.heads;
        const std::int64_t head = task % shape.heads;
        const Row value = product(kv_b.value.head(head), mix.row(t) + head * shape.kv_lora_rank);
        std::copy(value.begin(), value.end(), x.row(t) + head * shape.v_head_dim);
    });
}

void mla_attend_decompressed(ThreadPool& pool, View<float> x, View<const float> q, const KeyValueUp& kv_b,
                             const AttentionShape& shape, const Batch& batch, const LayerCache& cache)
{
    const std::int64_t nope = shape.qk_nope_head_dim;
    const std::int64_t q_width = nope + shape.qk_rope_head_dim;
    for (const Segment& segment : batch.segments) {
        if (segment.count == 0)
            continue;
        const Rows rows = visible_rows(cache, segment, segment.position + segment.count - 1);
        pool.run(shape.heads, [&](std::int64_t head, int) {
            Rows keys(rows.view.rows, nope);
            Rows values(rows.view.rows, shape.v_head_dim);
            const Matrix w = kv_b.key.head(head);
            for (std::int64_t j = 0; j < rows.view.rows; ++j) {
                const float* c = rows.view.row(j);
                const Row key =
                    kv_b.layout == KeyLayout::nope_by_latent ? product(w, c) : transposed_product(w, c);
                const Row value = product(kv_b.value.head(head), c);
                std::copy(key.begin(), key.end(), keys.view.row(j));
                std::copy(value.begin(), value.end(), values.view.row(j));
            }
            for (std::int64_t i = 0; i < segment.count; ++i) {
                const std::int64_t t = segment.first_row + i;
                const float* own = q.row(t) + head * q_width;
                const std::int64_t visible = segment.position + i + 1;
                std::vector<double> scores;
                for (std::int64_t j = 0; j < visible; ++j)
                    scores.push_back(
                        dot(own, keys.view.row(j), nope) +
                        dot(own + nope, rows.view.row(j) + shape.kv_lora_rank, shape.qk_rope_head_dim));
                mix_rows(x.row(t) + head * shape.v_head_dim, probabilities(scores, shape.softmax_scale),
                         values.view.first_rows(visible));
            }
        });
    }
}

void matmul_add(ThreadPool& pool, View<float> h, View<const float> in, const Matrix& w)
{
    products(pool, w, in, [&](std::int64_t t, std::int64_t r, float y) { h.row(t)[r] += y; });
}

void norm_gate_up(ThreadPool& pool, View<float> x, View<const float> in, const Norm& norm, const Mlp& mlp)
{
    const Rows normed = normalised(in, norm);
    gate_up(pool, x, normed.view, mlp);
}

void norm_route(ThreadPool& pool, View<float> x, const Routing& routing, View<const float> in,
                const Norm& norm, const Matrix& w, const RoutingRule& rule)
{
    for (std::int64_t t = 0; t < in.rows; ++t)
        normalise(x.row(t), in.row(t), norm);
    const Row bias = rule.correction_bias ? row_of(rule.correction_bias, 0) : Row();
    pool.run(in.rows, [&](std::int64_t t, int) {
        Row logits = product(w, x.row(t));
        choose_experts(logits, bias, rule, routing.expert.row(t), routing.weight.row(t));
    });
}

void experts_gate_up(ThreadPool& pool, View<float> x, View<const float> in, const Routing& routing,
                     const Experts& experts)
{
    const std::int64_t chosen = routing.expert.columns;
    const std::int64_t width = experts.routed.front().gate.rows;
    for (std::int64_t t = 0; t < in.rows; ++t)
        for (std::int64_t k = 0; k < chosen; ++k)
            gate_up(pool, x.slice_rows(t, 1).slice_columns(k * width, width), in.slice_rows(t, 1),
                    experts.routed[static_cast<std::size_t>(routing.expert.row(t)[k])]);
    if (experts.shared.gate)
        gate_up(pool, x.slice_columns(chosen * width, experts.shared.gate.rows), in, experts.shared);
}

void experts_down_add(ThreadPool& pool, View<float> h, View<const float> in, const Routing& routing,
                      const Experts& experts)
{
    const std::int64_t chosen = routing.expert.columns;
    const std::int64_t width = experts.routed.front().gate.rows;
    if (experts.shared.down)
        products(pool, experts.shared.down, in.slice_columns(chosen * width, experts.shared.down.columns),
                 [&](std::int64_t t, std::int64_t r, float y) { h.row(t)[r] += y; });
    for (std::int64_t t = 0; t < in.rows; ++t)
        for (std::int64_t k = 0; k < chosen; ++k)
            products(
                pool, experts.routed[static_cast<std::size_t>(routing.expert.row(t)[k])].down,
                in.slice_rows(t, 1).slice_columns(k * width, width),
                [&](std::int64_t, std::int64_t r, float y) { h.row(t)[r] += routing.weight.row(t)[k] * y; });
}

void norm_head(ThreadPool& pool, View<float> logits, View<const float> h, const Norm& norm, const Matrix& w,
               const Batch& batch)
{
    Rows normed(static_cast<std::int64_t>(batch.output_rows.size()), norm.weight.columns);
    for (std::int64_t o = 0; o < normed.view.rows; ++o)
        normalise(normed.view.row(o), h.row(batch.output_rows[static_cast<std::size_t>(o)]), norm);
    products(pool, w, normed.view, [&](std::int64_t o, std::int64_t r, float y) { logits.row(o)[r] = y; });
}

} // namespace kernels::cpu::scalar
