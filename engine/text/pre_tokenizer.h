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
// A pre-tokeniser is a list of patterns, applied one after the other; each one splits every piece there is
// into matches and the gaps between them. Here each pattern hands its pieces straight to the next one. Every
// pattern is a scan that goes back one character at most, so the time is linear.
class Splitter
{
public:
    explicit Splitter(PreTokenizer kind)
        : m_kind(kind)
    {
    }

    // Calls visit(piece) for each piece of a text, in order. Valid UTF-8.
    template <class Visit> void split(std::string_view text, Visit visit)
    {
        while (!text.empty()) {
            const std::string_view stretch = text.substr(0, stretch_size(text));
            std::size_t begin = 0;
            for (const std::uint32_t end : ends(stretch)) {
                visit(stretch.substr(begin, end - begin));
                begin = end;
            }
            text.remove_prefix(stretch.size());
        }
    }

private:
    // How much of the text, some kilobytes if possible, is cut as if nothing followed: up to a line break.
    std::size_t stretch_size(std::string_view text) const;
    // The ends of the pieces, in bytes, ascending; the last is text.size(). Less than 4 GiB.
    const std::vector<std::uint32_t>& ends(std::string_view text);

    PreTokenizer m_kind;
    std::vector<std::uint16_t> m_classes; // per code point
    std::vector<std::uint32_t> m_offsets; // bytes, per code point and one for the end
    std::vector<std::uint32_t> m_ends;
};

// Patterns as tokenizer.json writes them: the regular expressions of its Split steps in order.
// Empty if they are none that this program knows.
std::optional<PreTokenizer> recognise_patterns(std::vector<std::string> patterns);
// By the name in GGUF metadata.
std::optional<PreTokenizer> recognise_name(std::string_view name);

} // namespace engine::text
