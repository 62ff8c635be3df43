// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/tokenizer.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace engine::text {

// The merges of a byte-level BPE: which two neighbouring tokens become which, and in what order.
class MergeTable
{
public:
    struct Merge
    {
        std::uint32_t rank = 0;
        TokenId result = -1; // -1: these two do not merge
    };

    explicit MergeTable(std::size_t count = 0);
    // False if the pair is already there.
    bool add(TokenId left, TokenId right, Merge merge);
    Merge find(TokenId left, TokenId right) const;

private:
    struct Entry
    {
        std::uint64_t key = empty_key;
        Merge merge;
    };
    static constexpr std::uint64_t empty_key = ~std::uint64_t{0}; // no pair of ids: those are not negative
    std::size_t place(std::uint64_t key) const;

    std::vector<Entry> m_entries; // open addressing; a power of two, at most half full
};

// Merges the bytes of pieces of text. Holds the buffers that this needs, so that encoding a text allocates
// only while they grow.
class Merger
{
public:
    Merger(const MergeTable& merges, const std::array<TokenId, 256>& byte_tokens)
        : m_merges(merges)
        , m_byte_tokens(byte_tokens)
    {
    }

    // Appends the tokens of one piece: the adjacent pair of the lowest rank, the leftmost of equals, is
    // merged until none is left. O(n log n) for n bytes.
    void merge(std::string_view piece, std::vector<TokenId>& out);

private:
    // A token in a doubly linked list over the piece; positions are indices into m_symbols.
    struct Symbol
    {
        TokenId id;
        std::uint32_t previous;
        std::uint32_t next;
    };
    // A pair that can merge, as it was when it was found; stale once one of the two has merged otherwise.
    struct Candidate
    {
        std::uint64_t order; // rank, then the position of the left one: the smallest is next
        TokenId left;
        TokenId right;
    };
    void propose(std::uint32_t position);

    const MergeTable& m_merges;
    const std::array<TokenId, 256>& m_byte_tokens;
    std::vector<Symbol> m_symbols;
    std::vector<Candidate> m_heap;
};

} // namespace engine::text
