// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::text {

// One code point at the front of a text. An ill-formed sequence gives U+FFFD and the length of its maximal
// subpart (Unicode table 3-7: no overlong forms, no surrogates, nothing above U+10FFFF).
struct CodePoint
{
    char32_t value = 0;
    std::uint32_t length = 0; // bytes; 0 only for an empty text
    enum class State : std::uint8_t
    {
        whole,
        ill_formed,
        unfinished
    } state = State::whole;
    // unfinished: the text ends within a sequence that more bytes could complete
};
CodePoint first_code_point(std::string_view text);

void append_utf8(std::string& text, char32_t code_point);
std::size_t valid_utf8_prefix(std::string_view text); // bytes, up to the first ill-formed sequence
bool is_valid_utf8(std::string_view text);
// The text with each ill-formed part replaced by U+FFFD.
std::string to_valid_utf8(std::string_view text);

// Turns the bytes of successive tokens into whole characters: what is undecided, at most three bytes, is held
// back; what can no longer become valid comes out as U+FFFD at once.
class Utf8Stream
{
public:
    std::string push(std::string_view bytes); // what can be shown now; always valid UTF-8
    std::string finish();                     // the rest; an unfinished sequence becomes U+FFFD

private:
    std::string m_tail;
};

// Watches a stream of text for strings that end an answer. Text that may be the beginning of one is held
// back.
class StopStrings
{
public:
    explicit StopStrings(std::vector<std::string> stops = {}); // empty strings are ignored

    // The text that is now certain. Once a stop string was found, everything from it on is dropped.
    std::string push(std::string_view text);
    std::string finish(); // what was held back, if no stop string was found
    bool stopped() const { return m_stopped; }

private:
    std::vector<std::string> m_stops;
    std::string m_held;
    bool m_stopped = false;
};

} // namespace engine::text
