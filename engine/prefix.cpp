// SPDX-License-Identifier: MIT
#include "engine/prefix.h"

#include <algorithm>
#include <string_view>

namespace engine {

namespace {

// One side of the comparison: whole tokens read, and the bytes of the last one that the other side lacks.
struct Reader
{
    const text::Tokenizer& tokenizer;
    std::span<const text::TokenId> tokens;
    std::size_t read = 0;
    std::string_view rest{};

    bool at_end() const { return read == tokens.size(); }
    // The bytes of a token of text; nothing for special and undefined ones, which are equal by id alone.
    bool take_text()
    {
        const text::TokenId id = tokens[read];
        if (tokenizer.kind(id) != text::TokenKind::normal)
            return false;
        rest = tokenizer.bytes(id);
        ++read;
        return !rest.empty();
    }
};

} // namespace

CommonPrefix common_prefix(const text::Tokenizer& tokenizer, std::span<const text::TokenId> cached,
                           std::span<const text::TokenId> fresh)
{
    Reader a{tokenizer, cached};
    Reader b{tokenizer, fresh};
    CommonPrefix best;
    for (;;) {
        if (a.rest.empty() && b.rest.empty()) {
            // The last token of the prompt must be read in any case: its logits are wanted.
            if (b.at_end())
                return best;
            best = {a.read, b.read};
            if (a.at_end())
                return best;
            if (a.tokens[a.read] == b.tokens[b.read]) {
                ++a.read;
                ++b.read;
                continue;
            }
        }
        for (Reader* side : {&a, &b})
            if (side->rest.empty() && (side->at_end() || !side->take_text()))
                return best;
        const std::size_t length = std::min(a.rest.size(), b.rest.size());
        if (a.rest.substr(0, length) != b.rest.substr(0, length))
            return best;
        a.rest.remove_prefix(length);
        b.rest.remove_prefix(length);
    }
}

} // namespace engine
