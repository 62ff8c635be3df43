// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>

namespace engine::text {

// The byte alphabet of GPT-2: each byte is written as a visible character. Most of Latin-1 stands for itself,
// the other 68 bytes are U+0100 and following, in ascending order.

// Appends the bytes that a text in the byte alphabet stands for. False, with nothing appended, if it is none.
bool decode_alphabet(std::string_view text, std::string& out);

// The character for each byte, in UTF-8.
std::array<std::string, 256> byte_alphabet();

} // namespace engine::text
