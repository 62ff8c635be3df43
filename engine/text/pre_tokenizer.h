// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/tokenizer.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::text {

// Cuts text into the pieces that merges stay within. Reused from text to text for its buffers.
//
// Each pre-tokeniser is a list of patterns, applied one after the other; each one splits every piece there is
// into matches and the gaps between them. Every pattern is a scan that never goes back, so the time is
// linear.
class Splitter
{
public:
    explicit Splitter(PreTokenizer kind)
        : m_kind(kind)
    {
    }

    // The ends of the pieces, in bytes, ascending; the last is text.size(). Valid UTF-8, less than 4 GiB.
    // The result lives until the next call.
    const std::vector<std::uint32_t>& split(std::string_view text);

private:
    PreTokenizer m_kind;
    std::vector<std::uint16_t> m_classes; // per code point
    std::vector<std::uint32_t> m_offsets; // bytes, per code point and one for the end
    std::vector<std::uint32_t> m_pieces;  // ends, in code points
    std::vector<std::uint32_t> m_scratch;
    std::vector<std::uint32_t> m_result;
};

// Patterns as tokenizer.json writes them: the regular expressions of its Split steps in order.
// Empty if they are none that this program knows.
std::optional<PreTokenizer> recognise_patterns(std::vector<std::string> patterns);
// By the name in GGUF metadata.
std::optional<PreTokenizer> recognise_name(std::string_view name);

} // namespace engine::text
