// SPDX-License-Identifier: MIT
#include "engine/text/vocabulary_gguf.h"

#include "engine/error.h"
#include "engine/text/pre_tokenizer.h"

#include <fmt/format.h>

namespace engine::text {

namespace {

TokenKind kind_of_gguf(std::int32_t type, const format::Gguf& gguf)
{
    switch (type) {
    case 1:
        return TokenKind::normal;
    case 2: // unknown: no text becomes it
    case 3:
        return TokenKind::control;
    case 4:
        return TokenKind::user_defined;
    case 5:
        return TokenKind::unused;
    default:
        gguf.fail("tokenizer.ggml.token_type", fmt::format("expected 1 to 5, found {}", type));
    }
}

PreTokenizer gguf_pre_tokenizer(const format::Gguf& gguf, std::size_t size)
{
    constexpr std::string_view key = "tokenizer.ggml.pre";
    const std::optional<std::string_view> name = gguf.find_string(key);
    // Very old files of the family lack the key.
    if (!name && size == 102400 && gguf.find_string("general.architecture") == "deepseek2")
        return PreTokenizer::deepseek_llm;
    const std::optional<PreTokenizer> kind = name ? recognise_name(*name) : std::nullopt;
    if (!kind)
        gguf.fail(key, fmt::format("expected deepseek-llm, deepseek-coder or deepseek-v3, found {}",
                                   name ? printable(*name) : "no such key"));
    return *kind;
}

std::optional<TokenId> gguf_id(const format::Gguf& gguf, std::string_view key)
{
    const std::optional<std::int64_t> id = gguf.find_integer(key, 0, most_tokens - 1);
    return id ? std::optional(static_cast<TokenId>(*id)) : std::nullopt;
}

} // namespace

std::unique_ptr<const Vocabulary> read_vocabulary(const format::Gguf& gguf)
{
    const std::string_view model = gguf.string("tokenizer.ggml.model");
    if (model != "gpt2")
        gguf.fail("tokenizer.ggml.model", "expected gpt2 (byte-level BPE), found " + printable(model));
    const auto texts = gguf.find_strings("tokenizer.ggml.tokens");
    if (!texts)
        gguf.fail("tokenizer.ggml.tokens", "expected the vocabulary, found no such key");
    const auto types = gguf.find_integers("tokenizer.ggml.token_type");
    if (types && types->size() != texts->size())
        gguf.fail("tokenizer.ggml.token_type",
                  fmt::format("expected {} values, found {}", texts->size(), types->size()));
    const auto merges = gguf.find_strings("tokenizer.ggml.merges");

    RawVocabulary raw;
    raw.tokens_place = "key tokenizer.ggml.tokens";
    raw.merges_place = "key tokenizer.ggml.merges";
    raw.tokens.reserve(texts->size());
    for (std::size_t i = 0; i < texts->size(); ++i)
        raw.tokens.push_back({(*texts)[i], types ? kind_of_gguf((*types)[i], gguf) : TokenKind::normal});
    if (merges) {
        raw.merges.reserve(merges->size());
        for (const std::string_view merge : *merges)
            raw.merges.push_back(split_merge(merge, gguf.path(), raw.merges_place));
    }

    VocabularyBuilder builder(gguf.path(), gguf_pre_tokenizer(gguf, raw.tokens.size()), raw);
    Vocabulary& vocabulary = builder.vocabulary();
    vocabulary.bos = gguf_id(gguf, "tokenizer.ggml.bos_token_id");
    vocabulary.eos = gguf_id(gguf, "tokenizer.ggml.eos_token_id");
    vocabulary.add_bos = gguf.find_bool("tokenizer.ggml.add_bos_token").value_or(true);
    vocabulary.chat_template = gguf.find_string("tokenizer.chat_template").value_or("");
    const std::optional<TokenId> end_of_turn = gguf_id(gguf, "tokenizer.ggml.eot_token_id");
    builder.check_id(vocabulary.bos, "key tokenizer.ggml.bos_token_id");
    builder.check_id(vocabulary.eos, "key tokenizer.ggml.eos_token_id");
    builder.check_id(end_of_turn, "key tokenizer.ggml.eot_token_id");
    return builder.finish({&end_of_turn, 1});
}

} // namespace engine::text
