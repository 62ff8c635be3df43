// SPDX-License-Identifier: MIT
#include "engine/kv_cache.h"

#include <algorithm>
#include <cassert>

namespace engine {

BlockPool::BlockPool(std::int64_t blocks)
    : m_total(blocks)
{
    // The lowest block is handed out first, so that short use touches little memory.
    m_free.reserve(static_cast<std::size_t>(blocks));
    for (std::int64_t b = blocks - 1; b >= 0; --b)
        m_free.push_back(static_cast<std::int32_t>(b));
}

std::int32_t BlockPool::take()
{
    assert(!m_free.empty());
    const std::int32_t block = m_free.back();
    m_free.pop_back();
    return block;
}

void BlockPool::give_back(std::int32_t block)
{
    assert(free() < m_total);
    m_free.push_back(block);
}

BlockList::BlockList(BlockList&& other) noexcept
    : m_pool(other.m_pool)
    , m_blocks(std::move(other.m_blocks))
{
    other.m_blocks.clear();
}

std::int64_t BlockList::missing(std::int64_t tokens) const
{
    return std::max<std::int64_t>(0, blocks_for(tokens) - static_cast<std::int64_t>(m_blocks.size()));
}

bool BlockList::grow(std::int64_t tokens)
{
    const std::int64_t count = missing(tokens);
    if (count > m_pool->free())
        return false;
    for (std::int64_t i = 0; i < count; ++i)
        m_blocks.push_back(m_pool->take());
    return true;
}

void BlockList::shrink(std::int64_t tokens)
{
    while (static_cast<std::int64_t>(m_blocks.size()) > blocks_for(tokens)) {
        m_pool->give_back(m_blocks.back());
        m_blocks.pop_back();
    }
}

} // namespace engine
