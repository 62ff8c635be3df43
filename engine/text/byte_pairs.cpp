// SPDX-License-Identifier: MIT
#include "engine/text/byte_pairs.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>

namespace engine::text {

namespace {

constexpr std::uint32_t none = ~std::uint32_t{0};
constexpr int id_bits = 21;
static_assert(most_tokens == 1 << id_bits);
constexpr std::uint64_t empty_entry = ~std::uint64_t{0}; // no entry: those leave the top bit clear

// Pieces up to this size look for the next merge in an array, longer ones in a heap.
constexpr std::size_t short_piece = 64;
constexpr int position_bits = 6;
constexpr std::size_t remembered_size = 16; // bytes of a piece that is worth remembering
constexpr std::size_t most_remembered = 1 << 14;

std::uint64_t pair_of(TokenId left, TokenId right)
{
    return static_cast<std::uint64_t>(left) << id_bits | static_cast<std::uint64_t>(right);
}

// The upper half of a product depends on all bits of its factor.
std::uint64_t mixed(std::uint64_t key)
{
    return (key * 0x9E3779B97F4A7C15u) >> 32;
}

template <class Number> Number loaded(const char* from)
{
    Number number;
    std::memcpy(&number, from, sizeof number);
    return number;
}

} // namespace

MergeTable::MergeTable(std::span<const Merge> merges, const std::array<TokenId, 256>& byte_tokens)
    : m_entries(std::bit_ceil(2 * merges.size() + 2), empty_entry)
    , m_bytes(std::size_t{1} << 16, no_merge)
    , m_byte_tokens(byte_tokens)
{
    m_results.reserve(merges.size());
    for (const Merge& merge : merges) {
        const std::uint64_t pair = pair_of(merge.left, merge.right);
        std::uint64_t& entry = m_entries[place(pair)];
        if (entry == empty_entry)
            entry = pair << id_bits | m_results.size();
        m_results.push_back(merge.result);
    }
    for (std::size_t bytes = 0; bytes < m_bytes.size(); ++bytes) {
        const TokenId left = byte_tokens[bytes >> 8];
        const TokenId right = byte_tokens[bytes & 0xFF];
        if (left >= 0 && right >= 0)
            m_bytes[bytes] = rank(left, right);
    }
}

// Where the pair stands, or would stand.
std::size_t MergeTable::place(std::uint64_t pair) const
{
    std::size_t i = mixed(pair) & (m_entries.size() - 1);
    while (m_entries[i] >> id_bits != pair && m_entries[i] != empty_entry)
        i = (i + 1) & (m_entries.size() - 1);
    return i;
}

MergeTable::Rank MergeTable::rank(TokenId left, TokenId right) const
{
    const std::uint64_t entry = m_entries[place(pair_of(left, right))];
    return entry == empty_entry ? no_merge : static_cast<Rank>(entry & (most_tokens - 1));
}

Merger::Merger(const MergeTable& merges, std::size_t text_size)
    : m_merges(merges)
    , m_remembered(std::bit_ceil(std::clamp<std::size_t>(text_size / 8, 1, most_remembered)))
{
}

void Merger::encode(std::string_view piece, std::vector<TokenId>& out)
{
    const std::size_t size = piece.size();
    if (size == 1)
        return out.push_back(m_merges.byte_token(static_cast<unsigned char>(piece[0])));
    if (size > remembered_size)
        return size <= short_piece ? merge_short(piece, out) : merge_long(piece, out);

    // Two loads that may overlap hold all bytes of the piece.
    std::uint64_t front = 0;
    std::uint64_t back = 0;
    const char* const end = piece.data() + size;
    if (size >= 8) {
        front = loaded<std::uint64_t>(piece.data());
        back = loaded<std::uint64_t>(end - 8);
    } else if (size >= 4) {
        front = loaded<std::uint32_t>(piece.data());
        back = loaded<std::uint32_t>(end - 4);
    } else {
        front = loaded<std::uint16_t>(piece.data());
        back = static_cast<unsigned char>(end[-1]);
    }
    const std::uint64_t hash = mixed(front ^ std::rotl(back, 29) * 0xBF58476D1CE4E5B9u ^ size);
    Remembered& place = m_remembered[hash & (m_remembered.size() - 1)];
    if (place.size == size && place.front == front && place.back == back) {
        for (std::size_t i = 0; i < place.count; ++i)
            out.push_back(place.tokens[i]);
        return;
    }
    const std::size_t begin = out.size();
    merge_short(piece, out);
    const std::size_t count = out.size() - begin;
    if (count > place.tokens.size())
        return;
    place.front = front;
    place.back = back;
    place.size = static_cast<std::uint8_t>(size);
    place.count = static_cast<std::uint8_t>(count);
    std::copy_n(out.begin() + static_cast<std::ptrdiff_t>(begin), count, place.tokens.begin());
}

// Each round looks through all places for the lowest rank; with so few of them that is cheaper than a heap.
void Merger::merge_short(std::string_view piece, std::vector<TokenId>& out) const
{
    constexpr std::uint32_t no_candidate = (std::uint32_t{1} << (id_bits + position_bits)) - 1;
    static_assert(id_bits + position_bits < 31);
    std::array<TokenId, short_piece> ids;
    std::array<std::uint32_t, short_piece> candidates; // rank, then position: the smallest is next
    std::array<std::uint8_t, short_piece> previous;
    std::array<std::uint8_t, short_piece> next;
    const std::size_t size = piece.size();
    assert(size >= 2 && size <= short_piece);
    const auto candidate = [&](MergeTable::Rank rank, std::size_t position) {
        return rank == MergeTable::no_merge ? no_candidate
                                            : rank << position_bits | static_cast<std::uint32_t>(position);
    };
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(piece[i]); };
    for (std::size_t i = 0; i < size; ++i) {
        ids[i] = m_merges.byte_token(byte(i));
        candidates[i] =
            i + 1 < size ? candidate(m_merges.rank_of_bytes(byte(i), byte(i + 1)), i) : no_candidate;
        previous[i] = static_cast<std::uint8_t>(i - 1);
        next[i] = static_cast<std::uint8_t>(i + 1);
    }
    while (true) {
        std::uint32_t best = no_candidate;
        for (std::size_t i = 0; i < size; ++i)
            best = std::min(best, candidates[i]);
        if (best == no_candidate)
            break;
        const std::size_t left = best & (short_piece - 1);
        const std::size_t right = next[left];
        const std::size_t after = next[right];
        ids[left] = m_merges.result(best >> position_bits);
        candidates[right] = no_candidate;
        next[left] = static_cast<std::uint8_t>(after);
        candidates[left] = no_candidate;
        if (after < size) {
            previous[after] = static_cast<std::uint8_t>(left);
            candidates[left] = candidate(m_merges.rank(ids[left], ids[after]), left);
        }
        if (left > 0) {
            const std::size_t before = previous[left];
            candidates[before] = candidate(m_merges.rank(ids[before], ids[left]), before);
        }
    }
    for (std::size_t i = 0; i < size; i = next[i])
        out.push_back(ids[i]);
}

void Merger::merge_long(std::string_view piece, std::vector<TokenId>& out)
{
    const auto count = static_cast<std::uint32_t>(piece.size());
    const auto byte = [&](std::uint32_t i) { return static_cast<unsigned char>(piece[i]); };
    const auto order = [](MergeTable::Rank rank, std::uint32_t position) {
        return static_cast<std::uint64_t>(rank) << 32 | position;
    };
    m_symbols.clear();
    m_heap.clear();
    for (std::uint32_t i = 0; i < count; ++i) {
        const bool is_last = i + 1 == count;
        const MergeTable::Rank rank =
            is_last ? MergeTable::no_merge : m_merges.rank_of_bytes(byte(i), byte(i + 1));
        m_symbols.push_back(
            {m_merges.byte_token(byte(i)), rank, i == 0 ? none : i - 1, is_last ? none : i + 1});
        if (rank != MergeTable::no_merge)
            m_heap.push_back(order(rank, i));
    }
    std::ranges::make_heap(m_heap, std::greater());
    const auto find_rank = [&](std::uint32_t position) {
        Symbol& left = m_symbols[position];
        left.rank =
            left.next == none ? MergeTable::no_merge : m_merges.rank(left.id, m_symbols[left.next].id);
        if (left.rank == MergeTable::no_merge)
            return;
        m_heap.push_back(order(left.rank, position));
        std::ranges::push_heap(m_heap, std::greater());
    };

    while (!m_heap.empty()) {
        std::ranges::pop_heap(m_heap, std::greater());
        const auto rank = static_cast<MergeTable::Rank>(m_heap.back() >> 32);
        const auto position = static_cast<std::uint32_t>(m_heap.back());
        m_heap.pop_back();
        Symbol& left = m_symbols[position];
        if (left.rank != rank) // one of the two has merged otherwise since
            continue;
        Symbol& right = m_symbols[left.next];
        left.id = m_merges.result(rank);
        left.next = right.next;
        right.rank = MergeTable::no_merge;
        if (left.next != none)
            m_symbols[left.next].previous = position;
        find_rank(position);
        if (left.previous != none)
            find_rank(left.previous);
    }
    for (std::uint32_t i = 0; i != none; i = m_symbols[i].next)
        out.push_back(m_symbols[i].id);
}

} // namespace engine::text
