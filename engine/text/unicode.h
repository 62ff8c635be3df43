// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <span>

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

struct CategoryRange
{
    char32_t first;
    char32_t last;
    Category category;
};

// Ascending; what lies in none of them is Category::other.
std::span<const CategoryRange> category_ranges();

} // namespace engine::text
