// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/tokenizer.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace engine::text {

// The texts of added tokens as a tree of bytes, for finding the longest one that begins at a place.
class SpecialTree
{
public:
    void add(std::string_view text, TokenId id)
    {
        std::size_t node = 0;
        for (const char byte : text)
            node = child_or_new(node, byte);
        m_nodes[node].id = id;
        m_first[static_cast<unsigned char>(text.front())] = true;
    }

    // The first place at or behind i where an added token might begin, or the end.
    std::size_t next_place(std::string_view text, std::size_t i) const
    {
        while (i < text.size() && !m_first[static_cast<unsigned char>(text[i])])
            ++i;
        return i;
    }

    // Calls visit(length, id) for each added token that begins the text, shortest first.
    template <class Visit> void matches(std::string_view text, Visit visit) const
    {
        std::int32_t node = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            node = m_nodes[static_cast<std::size_t>(node)].child;
            while (node >= 0 && m_nodes[static_cast<std::size_t>(node)].byte != text[i])
                node = m_nodes[static_cast<std::size_t>(node)].sibling;
            if (node < 0)
                return;
            if (const TokenId id = m_nodes[static_cast<std::size_t>(node)].id; id >= 0)
                visit(i + 1, id);
        }
    }

    std::size_t table_bytes() const { return m_nodes.capacity() * sizeof(Node); } // memory

    // The added token of exactly this text.
    std::optional<TokenId> find(std::string_view text) const
    {
        std::optional<TokenId> found;
        matches(text, [&](std::size_t length, TokenId id) {
            if (length == text.size())
                found = id;
        });
        return found;
    }

private:
    struct Node
    {
        char byte = 0;
        TokenId id = -1;
        std::int32_t child = -1;
        std::int32_t sibling = -1;
    };

    std::size_t child_or_new(std::size_t node, char byte)
    {
        for (std::int32_t i = m_nodes[node].child; i >= 0; i = m_nodes[static_cast<std::size_t>(i)].sibling)
            if (m_nodes[static_cast<std::size_t>(i)].byte == byte)
                return static_cast<std::size_t>(i);
        const auto index = static_cast<std::int32_t>(m_nodes.size());
        m_nodes.push_back({byte, -1, -1, m_nodes[node].child});
        m_nodes[node].child = index;
        return static_cast<std::size_t>(index);
    }

    std::vector<Node> m_nodes = std::vector<Node>(1);
    std::array<bool, 256> m_first = {};
};

} // namespace engine::text
