// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/jinja/lexer.h"
#include "engine/text/jinja/syntax.h"

#include <string_view>
#include <vector>

namespace engine::text::jinja {

// Throws Error with the file, the line and what is not understood.
Block parse(std::vector<Token> tokens, std::string_view file);

} // namespace engine::text::jinja
