// SPDX-License-Identifier: MIT
#include "engine/text/tokenizer.h"

#include "engine/error.h"
#include "engine/text/utf8.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"

#include <algorithm>
#include <string>

namespace fuzz {

namespace {

using engine::text::SpecialTokens;
using engine::text::TokenId;
using engine::text::Tokenizer;
using engine::text::TokenKind;

// Whatever the vocabulary, a text comes back as it went in, and nothing that a person writes steers the
// model.
void exercise(const Tokenizer& tokenizer, std::string_view text)
{
    const std::string valid = engine::text::to_valid_utf8(text);
    for (const SpecialTokens special : {SpecialTokens::as_text, SpecialTokens::parse}) {
        const std::vector<TokenId> ids = tokenizer.encode(text, special);
        for (const TokenId id : ids) {
            expect(id >= 0 && id < tokenizer.size() && tokenizer.is_defined(id), "ids are of the vocabulary");
            expect(special == SpecialTokens::parse || tokenizer.kind(id) != TokenKind::control,
                   "a person's text holds no control token");
        }
        expect(tokenizer.decode(ids) == valid, "a text comes back");
    }
}

void exercise(const Tokenizer& tokenizer, std::string_view input, std::string_view more)
{
    for (const auto& id : {tokenizer.bos(), tokenizer.eos()})
        expect(!id || (*id >= 0 && *id < tokenizer.size()), "marks are of the vocabulary");
    for (const TokenId id : tokenizer.end_tokens())
        expect(id >= 0 && id < tokenizer.size(), "ends are of the vocabulary");
    expect(!tokenizer.add_bos() || tokenizer.bos(), "only a mark that exists is added");
    exercise(tokenizer, more);
    exercise(tokenizer, input.substr(0, 2048));
    exercise(tokenizer, input.substr(input.size() - std::min<std::size_t>(input.size(), 2048)));
}

Tokenizer read(const Scratch& scratch, std::string_view input)
{
    if (!input.starts_with("GGUF"))
        return Tokenizer::from_json(scratch.write("tokenizer.json", input), scratch.folder() / "none.json");
    const engine::format::Gguf gguf(scratch.write("vocabulary.gguf", input));
    return Tokenizer::from_gguf(gguf);
}

} // namespace

Verdict tokenizer(std::string_view input)
{
    static const Scratch scratch;
    static const std::string mixed =
        "The 3 of us,  don't\r\n\t<｜User｜><｜begin▁of▁sentence｜> <|EOT|> 你好ש\u0301👍"
        "\xFF\xE4\xBD" +
        std::string("\0", 1) + std::string(300, 'a') + std::string(300, ' ');
    try {
        exercise(read(scratch, input), input, mixed);
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return Verdict::refused;
    }
}

} // namespace fuzz
