// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/tokenizer.h"

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace engine::text {

constexpr std::uint32_t most_tokens = 1 << 21; // of a vocabulary, and of its merges

// The merges of a byte-level BPE: which two neighbouring tokens become which, and in what order.
class MergeTable
{
public:
    using Rank = std::uint32_t; // place in the order of the merges
    static constexpr Rank no_merge = ~Rank{0};

    struct Merge
    {
        TokenId left;
        TokenId right;
        TokenId result;
    };

    MergeTable() = default; // for assignment
    // merges: in order, at most most_tokens of them, of ids below most_tokens. The first of equal pairs
    // counts. byte_tokens: the token of each single byte, -1 where there is none.
    MergeTable(std::span<const Merge> merges, const std::array<TokenId, 256>& byte_tokens);

    Rank rank(TokenId left, TokenId right) const; // no_merge: these two do not merge
    Rank rank_of_bytes(unsigned char left, unsigned char right) const
    {
        return m_bytes[static_cast<std::size_t>(left) << 8 | right];
    }
    TokenId result(Rank rank) const { return m_results[rank]; }
    std::size_t table_bytes() const // memory
    {
        return m_entries.capacity() * sizeof m_entries[0] + m_results.capacity() * sizeof m_results[0] +
               m_bytes.capacity() * sizeof m_bytes[0];
    }
    TokenId byte_token(unsigned char byte) const { return m_byte_tokens[byte]; }

private:
    std::size_t place(std::uint64_t pair) const;

    // Open addressing; a power of two, at most half full. An entry is 21 bits each of left, right and rank,
    // so that eight lie in a cache line.
    std::vector<std::uint64_t> m_entries;
    std::vector<TokenId> m_results; // by rank
    std::vector<Rank> m_bytes;      // by two bytes: what every piece of text begins with
    std::array<TokenId, 256> m_byte_tokens = {};
};

// Turns pieces of text into tokens. Holds the buffers that this needs, and the tokens of short pieces that it
// met, so that encoding a text allocates only while they grow.
class Merger
{
public:
    // text_size: in bytes, of what will be encoded; says how much is worth remembering.
    Merger(const MergeTable& merges, std::size_t text_size);

    // Appends the tokens of one piece: the adjacent pair of the lowest rank, the leftmost of equals, is
    // merged until none is left. O(n log n) for n bytes. Every byte of the piece has a token.
    void encode(std::string_view piece, std::vector<TokenId>& out);

private:
    // A piece of up to 16 bytes as two numbers, and its tokens.
    struct Remembered
    {
        std::uint64_t front = 0;
        std::uint64_t back = 0;
        std::uint8_t size = 0;
        std::uint8_t count = 0;
        std::array<TokenId, 3> tokens = {};
    };
    // A token in a doubly linked list over the piece; positions are indices into m_symbols.
    struct Symbol
    {
        TokenId id;
        MergeTable::Rank rank; // of merging it with the next one
        std::uint32_t previous;
        std::uint32_t next;
    };
    void merge_short(std::string_view piece, std::vector<TokenId>& out) const;
    void merge_long(std::string_view piece, std::vector<TokenId>& out);

    const MergeTable& m_merges;
    std::vector<Remembered> m_remembered; // by hash; a power of two, a newcomer takes its place
    std::vector<Symbol> m_symbols;
    std::vector<std::uint64_t> m_heap; // rank, then the position of the left one: the smallest is next
};

} // namespace engine::text
