// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/byte_pairs.h"
#include "engine/text/special_tree.h"
#include "engine/text/tokenizer.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::text {

class TextIndex;

// The tables that encoding and decoding work on. Everything in them has been checked.
struct Vocabulary
{
    std::string file;
    PreTokenizer pre_tokenizer = PreTokenizer::deepseek_llm;
    std::string pool;                   // the bytes of all tokens, one after the other
    std::vector<std::uint32_t> offsets; // into the pool, per token and one for the end
    std::vector<TokenKind> kinds;
    MergeTable merges;
    SpecialTree specials; // control and user-defined tokens
    std::optional<TokenId> bos;
    std::optional<TokenId> eos;
    bool add_bos = true;
    std::vector<TokenId> end_tokens;
    std::string chat_template;

    std::string_view bytes(TokenId id) const
    {
        const auto i = static_cast<std::size_t>(id);
        return std::string_view(pool).substr(offsets[i], offsets[i + 1] - offsets[i]);
    }
    std::size_t table_bytes() const // memory
    {
        return sizeof(Vocabulary) + pool.capacity() + offsets.capacity() * sizeof offsets[0] +
               kinds.capacity() * sizeof kinds[0] + merges.table_bytes() + specials.table_bytes() +
               chat_template.capacity();
    }
    bool is_valid(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < kinds.size(); }
};

// A token as a file gives it, before it is checked.
struct RawToken
{
    std::string_view text; // in the byte alphabet if normal
    TokenKind kind = TokenKind::unused;
};

struct RawMerge
{
    std::string_view left;
    std::string_view right;
};

// A vocabulary as a file gives it. The views point into the file or its parsed form.
struct RawVocabulary
{
    std::vector<RawToken> tokens;
    std::vector<RawMerge> merges;
    std::string tokens_place; // for messages
    std::string merges_place;
};

// "a b" of a file's list of merges. Throws Error where these are not two tokens.
RawMerge split_merge(std::string_view text, const std::string& file, const std::string& place);

// Makes the tables from what a file gives, checking on the way: each failure throws Error with the place,
// what was expected and what was found.
class VocabularyBuilder
{
public:
    VocabularyBuilder(std::string file, PreTokenizer pre_tokenizer, const RawVocabulary& raw);

    // For the flags that files keep elsewhere: bos, eos, add_bos, chat_template.
    Vocabulary& vocabulary() { return *m_vocabulary; }
    // The added token of this text.
    std::optional<TokenId> find(std::string_view text) const { return m_vocabulary->specials.find(text); }
    void check_id(const std::optional<TokenId>& id, std::string_view place) const;
    // After the flags are set. more_ends: ids that end an answer beside those that every model has.
    std::unique_ptr<const Vocabulary> finish(std::span<const std::optional<TokenId>> more_ends);

private:
    void add_token(const RawVocabulary& raw, std::size_t i, TextIndex& ordinary, TextIndex& added);
    std::array<TokenId, 256> find_byte_tokens(const RawVocabulary& raw) const;
    void add_merges(const RawVocabulary& raw, const TextIndex& ordinary,
                    const std::array<TokenId, 256>& byte_tokens);

    std::unique_ptr<Vocabulary> m_vocabulary;
};

} // namespace engine::text
