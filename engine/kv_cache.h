// SPDX-License-Identifier: MIT
// Which parts of the cache are in use. The bytes lie in the backend; this is the bookkeeping that all
// backends share.
#pragma once

#include "kernels/batch.h"

#include <cstdint>
#include <vector>

namespace engine {

// Blocks of kernels::cache_block_tokens tokens in every layer, handed to sequences one at a time.
class BlockPool
{
public:
    explicit BlockPool(std::int64_t blocks);

    std::int64_t total() const { return m_total; }
    std::int64_t free() const { return static_cast<std::int64_t>(m_free.size()); }

    std::int32_t take(); // there must be a free one
    void give_back(std::int32_t block);

private:
    std::int64_t m_total;
    std::vector<std::int32_t> m_free;
};

// Blocks that hold `tokens` tokens.
constexpr std::int64_t blocks_for(std::int64_t tokens)
{
    return (tokens + kernels::cache_block_tokens - 1) / kernels::cache_block_tokens;
}

// The blocks of one sequence; blocks()[p / cache_block_tokens] holds position p.
class BlockList
{
public:
    explicit BlockList(BlockPool& pool)
        : m_pool(&pool)
    {
    }
    ~BlockList() { shrink(0); }
    BlockList(BlockList&& other) noexcept;
    BlockList& operator=(BlockList&&) = delete;
    BlockList(const BlockList&) = delete;
    BlockList& operator=(const BlockList&) = delete;

    const std::vector<std::int32_t>& blocks() const { return m_blocks; }

    // How many more blocks are needed before `tokens` tokens fit.
    std::int64_t missing(std::int64_t tokens) const;
    // Makes room in the list itself, so that growing to `tokens` tokens allocates nothing.
    void reserve(std::int64_t tokens) { m_blocks.reserve(static_cast<std::size_t>(blocks_for(tokens))); }
    // Takes them. False, with nothing taken, where the pool has too few.
    bool grow(std::int64_t tokens);
    // Gives back what lies behind the first `tokens` tokens.
    void shrink(std::int64_t tokens);

private:
    BlockPool* m_pool;
    std::vector<std::int32_t> m_blocks;
};

} // namespace engine
