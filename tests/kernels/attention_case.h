// SPDX-License-Identifier: MIT
// A random attention layer, a cache pool with shuffled blocks, and a batch of one or more sequences.
#pragma once

#include "tests/kernels/support.h"

#include "kernels/cpu/ops.h"

#include <cmath>
#include <memory>

namespace kernels::test {

struct Sequence
{
    std::int64_t position = 0; // tokens in the cache before the pass
    std::int64_t count = 0;    // new tokens
};

struct AttentionCase
{
    AttentionShape shape;
    KeyLayout layout = KeyLayout::nope_by_latent;
    Weights key_weights;   // one matrix for each head, one after the other
    Weights value_weights; // likewise
    KeyValueUp kv_b;
    Weights norm_weight;
    Norm norm;
    std::vector<double> frequency;
    Rope rope;

    std::vector<std::byte> pool;
    LayerCache cache;
    std::vector<std::vector<std::int32_t>> blocks; // of each sequence
    std::vector<Segment> segments;
    std::vector<std::int32_t> tokens;
    std::vector<std::int32_t> positions;
    Batch batch;
    Activations q;
    Activations kv;

    std::int64_t q_width() const { return shape.qk_nope_head_dim + shape.qk_rope_head_dim; }
    std::int64_t latent_width() const { return shape.kv_lora_rank + shape.qk_rope_head_dim; }

    AttentionCase(Random& random, const AttentionShape& chosen, Dtype dtype, KeyLayout key_layout,
                  Dtype cache_dtype, const std::vector<Sequence>& sequences)
        : shape(chosen)
        , layout(key_layout)
    {
        const std::int64_t nope = shape.qk_nope_head_dim;
        const std::int64_t latent = shape.kv_lora_rank;
        const bool transposed = layout == KeyLayout::latent_by_nope;
        const std::int64_t key_rows = transposed ? latent : nope;
        const std::int64_t key_columns = transposed ? nope : latent;
        key_weights = Weights(random, dtype, shape.heads * key_rows, key_columns);
        value_weights = Weights(random, dtype, shape.heads * shape.v_head_dim, latent);
        const auto split = [&](const Matrix& all, std::int64_t rows) {
            return HeadMatrix{all.data,  all.dtype, shape.heads, rows, all.columns, rows * all.row_bytes(),
                              all.scales};
        };
        kv_b = {split(key_weights.matrix, key_rows), layout, split(value_weights.matrix, shape.v_head_dim)};
        norm_weight = norm_weights(random, latent);
        norm = {norm_weight.matrix, 1e-5f};
        for (std::int64_t i = 0; i < shape.qk_rope_head_dim / 2; ++i)
            frequency.push_back(
                std::pow(100.0, -2.0 * static_cast<double>(i) / static_cast<double>(shape.qk_rope_head_dim)));
        rope = {frequency, 1.1f};
        shape.softmax_scale = 1.5f / std::sqrt(static_cast<float>(q_width()));
        make_batch(random, cache_dtype, sequences);
        q = Activations(random, batch.rows(), shape.heads * q_width());
        kv = Activations(random, batch.rows(), latent_width());
    }
    AttentionCase(const AttentionCase&) = delete;
    AttentionCase& operator=(const AttentionCase&) = delete;

    // The cached row of a sequence's position as it is stored.
    std::vector<float> cached(std::size_t sequence, std::int64_t position) const
    {
        std::vector<float> row(static_cast<std::size_t>(cache.columns));
        dequantise_row(cache.dtype, cache_row(cache, segments[sequence], position), row.data(),
                       cache.columns);
        return row;
    }

    Activations absorbed(cpu::Ops& ops)
    {
        Activations q_latent(batch.rows(), shape.heads * latent_width());
        Activations mixed(batch.rows(), shape.heads * shape.kv_lora_rank);
        Activations values(batch.rows(), shape.heads * shape.v_head_dim);
        ops.mla_prepare_absorbed(q_latent.view, q.view, kv.view, norm, kv_b, shape, rope, batch, cache);
        ops.mla_attend(mixed.view, q_latent.view, shape, batch, cache);
        ops.mla_value(values.view, mixed.view, kv_b, shape);
        return values;
    }

    Activations decompressed(cpu::Ops& ops)
    {
        Activations rotated(batch.rows(), q.view.columns);
        for (std::int64_t t = 0; t < batch.rows(); ++t)
            std::copy_n(q.view.row(t), q.view.columns, rotated.view.row(t));
        Activations values(batch.rows(), shape.heads * shape.v_head_dim);
        ops.mla_prepare_decompressed(rotated.view, kv.view, norm, shape, rope, batch, cache);
        ops.mla_attend_decompressed(values.view, rotated.view, kv_b, shape, batch, cache);
        return values;
    }

private:
    // Rows that are in the cache are random; rows that are not yet written are NaN.
    void make_batch(Random& random, Dtype cache_dtype, const std::vector<Sequence>& sequences)
    {
        std::int64_t needed = 0;
        for (const Sequence& s : sequences)
            needed += (s.position + s.count + cache_block_tokens - 1) / cache_block_tokens;
        std::vector<std::int32_t> free;
        for (std::int64_t b = 0; b < needed + 3; ++b)
            free.push_back(static_cast<std::int32_t>(b));
        random.shuffle(free);
        cache = {nullptr, cache_dtype, latent_width(), needed + 3};
        pool.resize(static_cast<std::size_t>(cache.blocks * cache.block_bytes()));
        cache.data = pool.data();
        const std::vector<float> nothing(static_cast<std::size_t>(cache.columns),
                                         std::numeric_limits<float>::quiet_NaN());
        for (std::int64_t r = 0; r < cache.blocks * cache_block_tokens; ++r)
            quantise_row(cache_dtype, nothing.data(), cache.data + r * cache.row_bytes(), cache.columns);

        for (const Sequence& s : sequences) {
            const std::int64_t count = (s.position + s.count + cache_block_tokens - 1) / cache_block_tokens;
            blocks.emplace_back(free.end() - count, free.end());
            free.resize(free.size() - static_cast<std::size_t>(count));
        }
        for (std::size_t i = 0; i < sequences.size(); ++i) {
            const auto [position, count] = sequences[i];
            segments.push_back({static_cast<std::int64_t>(tokens.size()), count, position, blocks[i]});
            for (std::int64_t p = 0; p < position; ++p) {
                std::vector<float> row;
                for (std::int64_t c = 0; c < cache.columns; ++c)
                    row.push_back(random.normal());
                quantise_row(cache_dtype, row.data(), cache_row(cache, segments.back(), p), cache.columns);
            }
            for (std::int64_t k = 0; k < count; ++k) {
                tokens.push_back(0);
                positions.push_back(static_cast<std::int32_t>(position + k));
            }
        }
        batch = {tokens, positions, segments, {}, AttentionForm::absorbed};
    }
};

} // namespace kernels::test
