// SPDX-License-Identifier: MIT
// A pass over random sequences, on the host and on the device, with a cache whose blocks lie in any order.
#pragma once

#include "kernels/cuda/batch.h"
#include "tests/gpu/tensors.h"

#include <cmath>
#include <cstdint>
#include <vector>

namespace gpu {

struct Sequence
{
    std::int64_t position = 0; // tokens in the cache before the pass
    std::int64_t count = 0;    // new ones
};

class Pass
{
public:
    Pass(const kernels::cuda::Device& device, const std::vector<Sequence>& sequences,
         std::int64_t rope_dim, // R
         std::int64_t cache_columns, kernels::Dtype cache_dtype, std::uint64_t cache_key)
    {
        constexpr std::int64_t block = kernels::cache_block_tokens;
        std::int64_t total = 0;
        for (const Sequence& s : sequences)
            total += (s.position + s.count + block - 1) / block;
        // Sequence i takes every block that leaves the remainder i, from the last one down: neither in order
        // nor in one piece.
        const auto streams = static_cast<std::int64_t>(sequences.size());
        std::int64_t longest_table = 0;
        for (const Sequence& s : sequences)
            longest_table = std::max(longest_table, (s.position + s.count + block - 1) / block);
        std::vector<std::int32_t> block_table;
        for (std::int64_t i = 0; i < streams; ++i) {
            const Sequence& s = sequences[static_cast<std::size_t>(i)];
            const auto first = static_cast<std::int32_t>(block_table.size());
            for (std::int64_t b = 0; b < (s.position + s.count + block - 1) / block; ++b)
                block_table.push_back(static_cast<std::int32_t>((longest_table - 1 - b) * streams + i));
            for (std::int64_t j = 0; j < s.count; ++j) {
                sequence_of.push_back(i);
                m_position.push_back(static_cast<std::int32_t>(s.position + j));
                m_first_block.push_back(first);
            }
            longest = std::max(longest, s.position + s.count);
        }
        const auto rows = static_cast<std::int64_t>(m_position.size());

        // As YaRN-free rotary embeddings of base 10,000 turn, by a magnitude that shows if it is forgotten.
        std::vector<float> turns(static_cast<std::size_t>(rows * rope_dim));
        for (std::int64_t t = 0; t < rows; ++t)
            for (std::int64_t i = 0; i < rope_dim / 2; ++i) {
                const double angle =
                    static_cast<double>(m_position[static_cast<std::size_t>(t)]) *
                    std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(rope_dim));
                turns[static_cast<std::size_t>(t * rope_dim + 2 * i)] =
                    static_cast<float>(1.1 * std::cos(angle));
                turns[static_cast<std::size_t>(t * rope_dim + 2 * i + 1)] =
                    static_cast<float>(1.1 * std::sin(angle));
            }

        const std::int64_t blocks = longest_table * streams;
        m_cache = Weights(device, {cache_key, 1.0f, 0.0f}, cache_dtype, blocks * block, cache_columns);
        cache = {const_cast<std::byte*>(m_cache.on_device.data), cache_dtype, cache_columns, blocks};
        positions = Rows<std::int32_t>(device, 1, rows, m_position);
        first_blocks = Rows<std::int32_t>(device, 1, rows, m_first_block);
        table = Rows<std::int32_t>(device, 1, static_cast<std::int64_t>(block_table.size()), block_table);
        rotation = Rows<float>(device, rows, rope_dim, std::move(turns));
        std::int64_t first_row = 0;
        for (std::int64_t i = 0; i < streams; ++i) {
            const Sequence& s = sequences[static_cast<std::size_t>(i)];
            const std::int64_t count = (s.position + s.count + block - 1) / block;
            const auto first = static_cast<std::size_t>(m_first_block[static_cast<std::size_t>(first_row)]);
            m_segments.push_back({first_row, s.count, s.position,
                                  std::span(table.host).subspan(first, static_cast<std::size_t>(count))});
            first_row += s.count;
        }
        batch.rows = rows;
        batch.position = positions.view.data;
        batch.first_block = first_blocks.view.data;
        batch.blocks = table.view.data;
        batch.rotation = rotation.view.data;
        batch.longest = longest;
        batch.segments = m_segments;
    }
    Pass(const Pass&) = delete;
    Pass& operator=(const Pass&) = delete;

    std::int64_t rows() const { return batch.rows; }
    std::int64_t position(std::int64_t row) const { return m_position[static_cast<std::size_t>(row)]; }

    // The row of the cache that holds a position of the sequence of `row`.
    std::int64_t cache_index(std::int64_t row, std::int64_t position) const
    {
        const std::int64_t first = m_first_block[static_cast<std::size_t>(row)];
        const std::int64_t block =
            table.host[static_cast<std::size_t>(first + position / kernels::cache_block_tokens)];
        return block * kernels::cache_block_tokens + position % kernels::cache_block_tokens;
    }
    // What lay there before the pass.
    Numbers cached(std::int64_t row, std::int64_t position) const
    {
        return row_of(m_cache.host, cache_index(row, position));
    }
    // The whole cache as it is now, in rows of `cache.columns`.
    kernels::Matrix download(const kernels::cuda::Device& device, std::vector<std::byte>& memory) const
    {
        memory.resize(static_cast<std::size_t>(m_cache.host.bytes()));
        copy_to_host(device, memory.data(), cache.data, m_cache.host.bytes());
        device.synchronise();
        kernels::Matrix now = m_cache.host;
        now.data = memory.data();
        return now;
    }

    // Rotates pairs of x by the position of `row`.
    void rotate(std::int64_t row, double* x, std::int64_t rope_dim) const
    {
        for (std::int64_t i = 0; i < rope_dim / 2; ++i) {
            const auto c = static_cast<double>(rotation.row(row)[2 * i]);
            const auto s = static_cast<double>(rotation.row(row)[2 * i + 1]);
            const double a = x[2 * i];
            const double b = x[2 * i + 1];
            x[2 * i] = a * c - b * s;
            x[2 * i + 1] = a * s + b * c;
        }
    }

    std::vector<std::int64_t> sequence_of; // (rows)
    std::int64_t longest = 0;
    kernels::LayerCache cache;
    kernels::cuda::DeviceBatch batch;
    Rows<std::int32_t> positions;
    Rows<std::int32_t> first_blocks;
    Rows<std::int32_t> table;
    Rows<float> rotation;

private:
    std::vector<std::int32_t> m_position;
    std::vector<std::int32_t> m_first_block;
    std::vector<kernels::Segment> m_segments;
    Weights m_cache;
};

} // namespace gpu
