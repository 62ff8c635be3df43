// SPDX-License-Identifier: MIT
// Multi-head latent attention (DeepSeek-V2 paper, section 2.1) with a running softmax: blocks of keys come
// one after the other, and sums collected so far shrink whenever a larger score appears.
#include "kernels/cpu/ops.h"
#include "kernels/cpu/ops_tasks.h"
#include "kernels/cpu/scalar.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kernels::cpu {

// Absorbed attention of one token: some heads over some keys.
struct AttentionPart
{
    const Segment* segment = nullptr;
    std::int64_t first_key = 0; // a multiple of cache_block_tokens
    std::int64_t keys = 0;
    const float* q = nullptr; // (heads, C + R)
    std::int64_t heads = 0;   // at most heads_at_once
    float* result = nullptr;  // (heads, C + 2): sum of weighted rows, largest score, sum of weights
};

namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

// angles (R): cosine and sine of each pair, alternating
void rotate(float* x, const float* angles, std::int64_t width)
{
    for (std::int64_t i = 0; i < width; i += 2) {
        const float even = x[i];
        const float odd = x[i + 1];
        x[i] = even * angles[i] - odd * angles[i + 1];
        x[i + 1] = even * angles[i + 1] + odd * angles[i];
    }
}

// The largest score and the sum of weights of one running softmax.
struct Softmax
{
    float largest = lowest;
    float sum = 0.0f;

    // Turns `count` scores into weights and returns what earlier sums must be multiplied with.
    float add(float* scores, std::int64_t count, float scale, const Primitives& primitives)
    {
        const float block_largest = scale * primitives.largest(scores, count);
        float shrink = 1.0f;
        if (block_largest > largest) {
            shrink = std::exp(largest - block_largest);
            largest = block_largest;
            sum *= shrink;
        }
        sum += primitives.exponentials(scores, count, scale, largest);
        return shrink;
    }
};

} // namespace

const float* Ops::rotations(const Rope& rope, const Batch& batch)
{
    const auto pairs = static_cast<std::int64_t>(rope.frequency.size());
    float* angles = m_angles.get<float>(batch.rows() * 2 * pairs);
    for_each_row(batch.rows(), [&](std::int64_t t, Worker&) {
        for (std::int64_t i = 0; i < pairs; ++i) {
            const double angle =
                batch.positions[static_cast<std::size_t>(t)] * rope.frequency[static_cast<std::size_t>(i)];
            float* own = angles + 2 * (t * pairs + i);
            own[0] = static_cast<float>(std::cos(angle) * static_cast<double>(rope.magnitude));
            own[1] = static_cast<float>(std::sin(angle) * static_cast<double>(rope.magnitude));
        }
    });
    return angles;
}

const std::int32_t* Ops::segments_of_rows(const Batch& batch)
{
    std::int32_t* segments = m_segments.get<std::int32_t>(batch.rows());
    for (std::size_t s = 0; s < batch.segments.size(); ++s)
        std::fill_n(segments + batch.segments[s].first_row, batch.segments[s].count,
                    static_cast<std::int32_t>(s));
    return segments;
}

void Ops::append_to_cache(View<const float> kv, const Norm& norm, const AttentionShape& shape,
                          const Batch& batch, const LayerCache& cache, const float* angles)
{
    const float* weight = floats(norm.weight, m_norm_weight);
    const std::int32_t* segments = segments_of_rows(batch);
    for_each_row(batch.rows(), [&](std::int64_t t, Worker& worker) {
        float* row = worker.rows.get<float>(cache.columns);
        m_primitives->rms_norm(row, kv.row(t), weight, shape.kv_lora_rank, norm.eps);
        float* k_pe = row + shape.kv_lora_rank;
        std::copy_n(kv.row(t) + shape.kv_lora_rank, shape.qk_rope_head_dim, k_pe);
        rotate(k_pe, angles + t * shape.qk_rope_head_dim, shape.qk_rope_head_dim);
        quantise_row(cache.dtype, row,
                     cache_row(cache, batch.segments[static_cast<std::size_t>(segments[t])],
                               batch.positions[static_cast<std::size_t>(t)]),
                     cache.columns);
    });
}

void Ops::mla_prepare_absorbed(View<float> x, View<const float> q, View<const float> kv, const Norm& norm,
                               const KeyValueUp& kv_b, const AttentionShape& shape, const Rope& rope,
                               const Batch& batch, const LayerCache& cache)
{
    if (!m_primitives)
        return scalar::mla_prepare_absorbed(m_pool, x, q, kv, norm, kv_b, shape, rope, batch, cache);
    const float* angles = rotations(rope, batch);
    append_to_cache(kv, norm, shape, batch, cache, angles);
    const std::int64_t nope = shape.qk_nope_head_dim;
    const std::int64_t turned = shape.qk_rope_head_dim;
    const std::int64_t latent = shape.kv_lora_rank;
    for_each_head(shape.heads, batch.rows(), nope * latent,
                  [&](std::int64_t head, RowBlock block, Worker& worker) {
                      const float* inputs[row_block];
                      float* outputs[row_block];
                      for (std::int64_t i = 0; i < block.count; ++i) {
                          const std::int64_t t = block.first + i;
                          inputs[i] = q.row(t) + head * (nope + turned);
                          outputs[i] = x.row(t) + head * (latent + turned);
                          std::fill_n(outputs[i], latent, 0.0f);
                          float* q_pe = outputs[i] + latent;
                          std::copy_n(inputs[i] + nope, turned, q_pe);
                          rotate(q_pe, angles + t * turned, turned);
                      }
                      const WeightRows w = weight_rows(kv_b.key.head(head));
                      if (kv_b.layout == KeyLayout::nope_by_latent)
                          mix({.w = w, .a = inputs, .y = outputs, .tokens = block.count}, worker);
                      else
                          multiply({.w = w, .x = inputs, .y = outputs, .tokens = block.count}, worker);
                  });
}

void Ops::mla_prepare_decompressed(View<float> q, View<const float> kv, const Norm& norm,
                                   const AttentionShape& shape, const Rope& rope, const Batch& batch,
                                   const LayerCache& cache)
{
    if (!m_primitives)
        return scalar::mla_prepare_decompressed(m_pool, q, kv, norm, shape, rope, batch, cache);
    const float* angles = rotations(rope, batch);
    append_to_cache(kv, norm, shape, batch, cache, angles);
    const std::int64_t turned = shape.qk_rope_head_dim;
    for_each_row(batch.rows(), [&](std::int64_t t, Worker&) {
        float* q_pe = q.row(t) + shape.qk_nope_head_dim;
        for (std::int64_t head = 0; head < shape.heads; ++head, q_pe += shape.qk_nope_head_dim + turned)
            rotate(q_pe, angles + t * turned, turned);
    });
}

void Ops::attend_part(const AttentionShape& shape, const LayerCache& cache, const AttentionPart& part,
                      Worker& worker) const
{
    const std::int64_t latent = shape.kv_lora_rank;
    const float* q[heads_at_once];
    float* sums[heads_at_once];
    float* scores[heads_at_once];
    Softmax softmax[heads_at_once];
    float* score_rows = worker.scores.get<float>(heads_at_once * cache_block_tokens);
    const View<float> key_rows{worker.rows.get<float>(cache_block_tokens * cache.columns), cache_block_tokens,
                               cache.columns, cache.columns};
    for (std::int64_t head = 0; head < part.heads; ++head) {
        q[head] = part.q + head * cache.columns;
        sums[head] = part.result + head * (latent + 2);
        scores[head] = score_rows + head * cache_block_tokens;
        std::fill_n(sums[head], latent, 0.0f);
    }
    for (std::int64_t done = 0; done < part.keys; done += cache_block_tokens) {
        const std::int64_t keys = std::min(cache_block_tokens, part.keys - done);
        const std::byte* stored = cache_row(cache, *part.segment, part.first_key + done);
        for (std::int64_t key = 0; key < keys; key += panel_rows) {
            const WeightRows some{stored + key * cache.row_bytes(), cache.dtype,
                                  std::min(panel_rows, keys - key), cache.columns, cache.row_bytes()};
            m_primitives->dots({.w = floats_of(some, key_rows.row(key), *m_primitives),
                                .x = q,
                                .y = scores,
                                .y_offset = key,
                                .tokens = part.heads});
        }
        for (std::int64_t head = 0; head < part.heads; ++head) {
            const float shrink = softmax[head].add(scores[head], keys, shape.softmax_scale, *m_primitives);
            if (shrink != 1.0f)
                m_primitives->scale(sums[head], shrink, latent);
        }
        m_primitives->mix({.w = weight_rows(key_rows.first_rows(keys).slice_columns(0, latent)),
                           .a = scores,
                           .y = sums,
                           .tokens = part.heads});
    }
    for (std::int64_t head = 0; head < part.heads; ++head) {
        sums[head][latent] = softmax[head].largest;
        sums[head][latent + 1] = softmax[head].sum;
    }
}

void Ops::mla_attend(View<float> x, View<const float> q_latent, const AttentionShape& shape,
                     const Batch& batch, const LayerCache& cache)
{
    if (!m_primitives)
        return scalar::mla_attend(m_pool, x, q_latent, shape, batch, cache);
    const std::int64_t rows = batch.rows();
    const std::int32_t* segments = segments_of_rows(batch);
    const std::int64_t latent = shape.kv_lora_rank;
    std::int64_t longest = 0;
    for (const Segment& segment : batch.segments)
        longest = std::max(longest, segment.position + segment.count);
    const std::int64_t most_parts = parts(longest, part_keys);

    // All heads of a token share its keys, unless there are more threads than tokens and parts.
    std::int64_t group = std::min(heads_at_once, shape.heads);
    while (group > 4 && rows * most_parts * parts(shape.heads, group) < m_pool.threads())
        group = parts(group, 2);
    const std::int64_t groups = parts(shape.heads, group);

    const std::int64_t result_width = latent + 2;
    const std::int64_t result_size = shape.heads * result_width; // of one token and part
    const std::int64_t rows_at_once =
        std::clamp<std::int64_t>(partial_bytes / (4 * std::max<std::int64_t>(1, most_parts * result_size)), 1,
                                 std::max<std::int64_t>(rows, 1));
    float* results = m_partials.get<float>(rows_at_once * most_parts * result_size);

    for (std::int64_t first_row = 0; first_row < rows; first_row += rows_at_once) {
        const std::int64_t count = std::min(rows_at_once, rows - first_row);
        const auto result = [&](std::int64_t row, std::int64_t part, std::int64_t head) {
            return results + ((row - first_row) * most_parts + part) * result_size + head * result_width;
        };
        const auto keys_of = [&](std::int64_t row) -> std::int64_t {
            return batch.positions[static_cast<std::size_t>(row)] + 1;
        };
        m_pool.run(count * most_parts * groups, [&](std::int64_t task, int worker) {
            const std::int64_t row = first_row + task / (most_parts * groups);
            const std::int64_t part = task / groups % most_parts;
            const std::int64_t head = task % groups * group;
            const std::int64_t first_key = part * part_keys;
            if (first_key >= keys_of(row))
                return;
            attend_part(shape, cache,
                        {.segment = &batch.segments[static_cast<std::size_t>(segments[row])],
                         .first_key = first_key,
                         .keys = std::min(part_keys, keys_of(row) - first_key),
                         .q = q_latent.row(row) + head * cache.columns,
                         .heads = std::min(group, shape.heads - head),
                         .result = result(row, part, head)},
                        m_workers[static_cast<std::size_t>(worker)]);
        });
        // Merge: m = max(m1, m2), sums and weights of each part times e^(own - m).
        m_pool.run(count * groups, [&](std::int64_t task, int) {
            const std::int64_t row = first_row + task / groups;
            const std::int64_t first_head = task % groups * group;
            const std::int64_t own_parts = parts(keys_of(row), part_keys);
            for (std::int64_t head = first_head; head < std::min(shape.heads, first_head + group); ++head) {
                float largest = lowest;
                for (std::int64_t part = 0; part < own_parts; ++part)
                    largest = std::max(largest, result(row, part, head)[latent]);
                float* y = x.row(row) + head * latent;
                std::fill_n(y, latent, 0.0f);
                float sum = 0.0f;
                for (std::int64_t part = 0; part < own_parts; ++part) {
                    const float* own = result(row, part, head);
                    const float factor = std::exp(own[latent] - largest);
                    sum += factor * own[latent + 1];
                    m_primitives->add_scaled(y, own, factor, latent);
                }
                m_primitives->scale(y, 1.0f / sum, latent);
            }
        });
    }
}

void Ops::mla_value(View<float> x, View<const float> mix, const KeyValueUp& kv_b, const AttentionShape& shape)
{
    if (!m_primitives)
        return scalar::mla_value(m_pool, x, mix, kv_b, shape);
    for_each_head(
        shape.heads, mix.rows, shape.v_head_dim * shape.kv_lora_rank,
        [&](std::int64_t head, RowBlock block, Worker& worker) {
            const float* inputs[row_block];
            float* outputs[row_block];
            for (std::int64_t i = 0; i < block.count; ++i) {
                inputs[i] = mix.row(block.first + i) + head * shape.kv_lora_rank;
                outputs[i] = x.row(block.first + i) + head * shape.v_head_dim;
            }
            multiply(
                {.w = weight_rows(kv_b.value.head(head)), .x = inputs, .y = outputs, .tokens = block.count},
                worker);
        });
}

// All tokens of a segment for one head. Keys and values of `expanded_keys` positions at a time are expanded
// and meet every token that sees them.
void Ops::attend_head(View<float> x, View<const float> q, const KeyValueUp& kv_b, const AttentionShape& shape,
                      const Segment& segment, const LayerCache& cache, std::int64_t head,
                      Worker& worker) const
{
    const std::int64_t nope = shape.qk_nope_head_dim;
    const std::int64_t turned = shape.qk_rope_head_dim;
    const std::int64_t latent = shape.kv_lora_rank;
    const std::int64_t width = nope + turned;
    const std::int64_t v_width = shape.v_head_dim;

    float* memory = worker.rows.get<float>(expanded_keys * (cache.columns + width + v_width));
    const View<float> latents{memory, expanded_keys, cache.columns, cache.columns};
    const View<float> keys{latents.row(expanded_keys), expanded_keys, width, width};
    const View<float> values{keys.row(expanded_keys), expanded_keys, v_width, v_width};
    const View<float> scores{worker.scores.get<float>(row_block * expanded_keys + 2 * segment.count),
                             row_block, expanded_keys, expanded_keys};
    auto* softmax = reinterpret_cast<Softmax*>(scores.row(row_block));
    std::uninitialized_fill_n(softmax, segment.count, Softmax());
    for (std::int64_t i = 0; i < segment.count; ++i)
        std::fill_n(x.row(segment.first_row + i) + head * v_width, v_width, 0.0f);

    for (std::int64_t first = 0; first < segment.position + segment.count; first += expanded_keys) {
        m_pool.throw_if_stopped();
        const std::int64_t count = std::min(expanded_keys, segment.position + segment.count - first);
        const float* latent_rows[expanded_keys];
        float* key_rows[expanded_keys];
        float* value_rows[expanded_keys];
        for (std::int64_t j = 0; j < count; ++j) {
            m_primitives->dequantise(
                {cache_row(cache, segment, first + j), cache.dtype, 1, cache.columns, cache.row_bytes()},
                latents.row(j));
            latent_rows[j] = latents.row(j);
            key_rows[j] = keys.row(j);
            value_rows[j] = values.row(j);
            std::fill_n(key_rows[j], nope, 0.0f);
            std::copy_n(latent_rows[j] + latent, turned, key_rows[j] + nope);
        }
        const WeightRows w = weight_rows(kv_b.key.head(head));
        if (kv_b.layout == KeyLayout::nope_by_latent)
            multiply({.w = w, .x = latent_rows, .y = key_rows, .tokens = count}, worker);
        else
            mix({.w = w, .a = latent_rows, .y = key_rows, .tokens = count}, worker);
        multiply(
            {.w = weight_rows(kv_b.value.head(head)), .x = latent_rows, .y = value_rows, .tokens = count},
            worker);

        const std::int64_t first_token = std::max<std::int64_t>(0, first - segment.position);
        for (std::int64_t i = first_token; i < segment.count; i += row_block) {
            const std::int64_t tokens = std::min(row_block, segment.count - i);
            const float* q_rows[row_block];
            float* score_rows[row_block];
            float* outputs[row_block];
            for (std::int64_t k = 0; k < tokens; ++k) {
                const std::int64_t t = segment.first_row + i + k;
                q_rows[k] = q.row(t) + head * width;
                score_rows[k] = scores.row(k);
                outputs[k] = x.row(t) + head * v_width;
            }
            multiply(
                {.w = weight_rows(keys.first_rows(count)), .x = q_rows, .y = score_rows, .tokens = tokens},
                worker);
            for (std::int64_t k = 0; k < tokens; ++k) {
                const std::int64_t visible = std::min(count, segment.position + i + k + 1 - first);
                const float shrink =
                    softmax[i + k].add(score_rows[k], visible, shape.softmax_scale, *m_primitives);
                if (shrink != 1.0f)
                    m_primitives->scale(outputs[k], shrink, v_width);
                std::fill(score_rows[k] + visible, score_rows[k] + count, 0.0f);
            }
            mix({.w = weight_rows(values.first_rows(count)), .a = score_rows, .y = outputs, .tokens = tokens},
                worker);
        }
    }
    for (std::int64_t i = 0; i < segment.count; ++i)
        m_primitives->scale(x.row(segment.first_row + i) + head * v_width, 1.0f / softmax[i].sum, v_width);
}

void Ops::mla_attend_decompressed(View<float> x, View<const float> q, const KeyValueUp& kv_b,
                                  const AttentionShape& shape, const Batch& batch, const LayerCache& cache)
{
    if (!m_primitives)
        return scalar::mla_attend_decompressed(m_pool, x, q, kv_b, shape, batch, cache);
    const auto segments = static_cast<std::int64_t>(batch.segments.size());
    m_pool.run(segments * shape.heads, [&](std::int64_t task, int worker) {
        attend_head(x, q, kv_b, shape, batch.segments[static_cast<std::size_t>(task / shape.heads)], cache,
                    task % shape.heads, m_workers[static_cast<std::size_t>(worker)]);
    });
}

} // namespace kernels::cpu
