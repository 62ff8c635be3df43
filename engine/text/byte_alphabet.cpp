// SPDX-License-Identifier: MIT
#include "engine/text/byte_alphabet.h"

#include "engine/text/utf8.h"

#include <array>
#include <cstdint>

namespace engine::text {

namespace {

constexpr std::size_t alphabet_end = 0x100 + 68;

// From a character of the alphabet to its byte, -1 for characters that are none.
constexpr auto alphabet = [] {
    std::array<std::int16_t, alphabet_end> bytes;
    bytes.fill(-1);
    char32_t next = 0x100;
    for (std::int16_t byte = 0; byte < 256; ++byte) {
        const bool visible =
            (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
        bytes[visible ? static_cast<char32_t>(byte) : next++] = byte;
    }
    return bytes;
}();

} // namespace

bool decode_alphabet(std::string_view text, std::string& out)
{
    const std::size_t size = out.size();
    while (!text.empty()) {
        const CodePoint c = first_code_point(text);
        const int byte = c.value < alphabet.size() ? alphabet[c.value] : -1;
        if (c.state != CodePoint::State::whole || byte < 0) {
            out.resize(size);
            return false;
        }
        out += static_cast<char>(byte);
        text.remove_prefix(c.length);
    }
    return true;
}

std::array<std::string, 256> byte_alphabet()
{
    std::array<std::string, 256> characters;
    for (char32_t c = 0; c < alphabet.size(); ++c) {
        if (alphabet[c] >= 0)
            append_utf8(characters[static_cast<std::size_t>(alphabet[c])], c);
    }
    return characters;
}

} // namespace engine::text
