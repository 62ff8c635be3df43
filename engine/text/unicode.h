// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace engine::text {

// The first letter of a general category of Unicode, as far as pre-tokenisers ask for it.
enum class Category : std::uint8_t
{
    other,
    letter,      // \p{L}
    mark,        // \p{M}
    number,      // \p{N}
    punctuation, // \p{P}
    symbol,      // \p{S}
};

Category category(char32_t code_point);

} // namespace engine::text
