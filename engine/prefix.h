// SPDX-License-Identifier: MIT
// What of a cached sequence can serve a new prompt.
#pragma once

#include "engine/text/tokenizer.h"

#include <cstddef>
#include <span>

namespace engine {

struct CommonPrefix
{
    std::size_t cached = 0; // tokens of the cache that can stay
    std::size_t fresh = 0;  // tokens of the new prompt that they stand for, at most all but the last
};

// The longest common prefix of two token sequences as text: both have a boundary between tokens at its end,
// all bytes before are equal and special tokens stand at the same places. A generated text need not be cut
// into the same tokens as the same text read from a prompt.
CommonPrefix common_prefix(const text::Tokenizer& tokenizer, std::span<const text::TokenId> cached,
                           std::span<const text::TokenId> fresh);

} // namespace engine
