// SPDX-License-Identifier: MIT
#include "engine/text/byte_pairs.h"

#include <algorithm>
#include <bit>

namespace engine::text {

namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};
constexpr TokenId dead = -1;

std::uint64_t pair_key(TokenId left, TokenId right)
{
    return static_cast<std::uint64_t>(static_cast<std::uint32_t>(left)) << 32 |
           static_cast<std::uint32_t>(right);
}

} // namespace

MergeTable::MergeTable(std::size_t count)
    : m_entries(std::bit_ceil(2 * count + 2))
{
}

std::size_t MergeTable::place(std::uint64_t key) const
{
    // Fibonacci hashing: the upper bits of the product depend on all bits of the key.
    std::size_t i =
        static_cast<std::size_t>((key ^ key >> 32) * 0x9E3779B97F4A7C15u >> 20) & (m_entries.size() - 1);
    while (m_entries[i].key != empty_key && m_entries[i].key != key)
        i = (i + 1) & (m_entries.size() - 1);
    return i;
}

bool MergeTable::add(TokenId left, TokenId right, Merge merge)
{
    const std::uint64_t key = pair_key(left, right);
    Entry& entry = m_entries[place(key)];
    if (entry.key == key)
        return false;
    entry = {key, merge};
    return true;
}

MergeTable::Merge MergeTable::find(TokenId left, TokenId right) const
{
    return m_entries[place(pair_key(left, right))].merge;
}

// Puts the pair that begins at `position` on the heap if it can merge.
void Merger::propose(std::uint32_t position)
{
    const Symbol& left = m_symbols[position];
    if (left.next == none)
        return;
    const Symbol& right = m_symbols[left.next];
    const MergeTable::Merge merge = m_merges.find(left.id, right.id);
    if (merge.result < 0)
        return;
    m_heap.push_back({static_cast<std::uint64_t>(merge.rank) << 32 | position, left.id, right.id});
}

void Merger::merge(std::string_view piece, std::vector<TokenId>& out)
{
    const auto later = [](const Candidate& a, const Candidate& b) { return a.order > b.order; };
    const auto count = static_cast<std::uint32_t>(piece.size());
    m_symbols.clear();
    for (std::uint32_t i = 0; i < count; ++i)
        m_symbols.push_back({m_byte_tokens[static_cast<unsigned char>(piece[i])], i == 0 ? none : i - 1,
                             i + 1 == count ? none : i + 1});
    m_heap.clear();
    for (std::uint32_t i = 0; i + 1 < count; ++i)
        propose(i);
    std::ranges::make_heap(m_heap, later);

    while (!m_heap.empty()) {
        std::ranges::pop_heap(m_heap, later);
        const Candidate best = m_heap.back();
        m_heap.pop_back();
        const auto position = static_cast<std::uint32_t>(best.order);
        Symbol& left = m_symbols[position];
        if (left.id != best.left || left.next == none || m_symbols[left.next].id != best.right)
            continue;
        Symbol& right = m_symbols[left.next];
        left.id = m_merges.find(best.left, best.right).result;
        left.next = right.next;
        right.id = dead;
        if (left.next != none)
            m_symbols[left.next].previous = position;
        for (const std::uint32_t neighbour : {left.previous, position}) {
            const std::size_t size = m_heap.size();
            if (neighbour != none)
                propose(neighbour);
            if (m_heap.size() > size)
                std::ranges::push_heap(m_heap, later);
        }
    }
    for (std::uint32_t i = 0; i < count; i = m_symbols[i].next) {
        out.push_back(m_symbols[i].id);
        if (m_symbols[i].next == none)
            break;
    }
}

} // namespace engine::text
