// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace engine::text::jinja {

constexpr std::string_view white_space = " \t\n\r\v\f";

struct Token
{
    enum class Kind
    {
        text,        // between tags
        tag_begin,   // {%
        tag_end,     // %}
        print_begin, // {{
        print_end,   // }}
        name,
        string,
        integer,
        sign, // operators and brackets
        end,
    } kind;
    std::string text;
    int line = 0;
};

// Cuts a template into its tokens, and takes away the white space that tags ask for. Throws Error with the
// file and the line.
std::vector<Token> read_tokens(std::string_view source, std::string_view file);

} // namespace engine::text::jinja
