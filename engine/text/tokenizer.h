// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/model_files.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::text {

using TokenId = std::int32_t;

// Whether text such as "<｜User｜>" becomes the token of that name or stays the characters that it is.
// Text of a person, a file or a tool is always as_text.
enum class SpecialTokens
{
    as_text,
    parse
};

// A part of a prompt. Only trusted parts, those that a template itself wrote, can hold special tokens.
enum class Trust : std::uint8_t
{
    trusted,
    untrusted
};
struct Segment
{
    std::string text;
    Trust trust = Trust::untrusted;

    bool operator==(const Segment&) const = default;
};

enum class TokenKind : std::uint8_t
{
    normal,       // a piece of text out of the merges
    control,      // steers the model: sentence marks, roles, tools. Never matched in untrusted text
    user_defined, // literal text that is matched before the merges
    unused,       // an id without a meaning: padding of the matrix. Never matched, never to be sampled
};

// How text is cut before the merges (specification of each model's tokenizer.json).
enum class PreTokenizer
{
    deepseek_llm,
    deepseek_coder,
    deepseek_v3
};

struct Vocabulary;

// Byte-level BPE. Loading checks everything, so that no text can make encoding fail; its time grows as n log
// n with the longest piece and its stack not at all. Immutable, hence usable from any thread.
class Tokenizer
{
public:
    // Reads the vocabulary of a GGUF file, or tokenizer.json and tokenizer_config.json of a folder.
    explicit Tokenizer(const format::ModelFiles& files);
    static Tokenizer from_gguf(const format::Gguf& gguf);
    // config_json may not exist; then no chat template and no flags are known.
    static Tokenizer from_json(const std::filesystem::path& tokenizer_json,
                               const std::filesystem::path& config_json);
    ~Tokenizer();
    Tokenizer(Tokenizer&&) noexcept;
    Tokenizer& operator=(Tokenizer&&) noexcept;

    std::int32_t size() const; // ids are 0 … size() - 1
    PreTokenizer pre_tokenizer() const;

    // Ill-formed UTF-8 is read as U+FFFD. No BOS is added.
    std::vector<TokenId> encode(std::string_view text, SpecialTokens special) const;
    // Trusted segments with special tokens, untrusted ones without. Neighbours of the same kind are joined
    // first, so that a cut never falls between two trusted pieces.
    std::vector<TokenId> encode(std::span<const Segment> segments) const;

    // The bytes of a token; a sequence of tokens may split a character. Ids out of range and unused ids give
    // "".
    std::string_view bytes(TokenId id) const;
    std::string decode(std::span<const TokenId> ids) const; // raw bytes, not necessarily valid UTF-8

    TokenKind kind(TokenId id) const;                             // unused for ids out of range
    bool is_defined(TokenId id) const;                            // false: never sample it
    std::vector<bool> defined_mask(std::size_t vocab_size) const; // per row of the output matrix

    // The control or user-defined token of exactly this text.
    std::optional<TokenId> find_special(std::string_view text) const;

    std::optional<TokenId> bos() const;
    std::optional<TokenId> eos() const;
    bool add_bos() const; // whether plain prompts begin with BOS
    // Ids that end an answer: EOS, <|EOT|>, and the marks of a next turn or a next text.
    std::span<const TokenId> end_tokens() const;
    bool is_end(TokenId id) const;

    // The model's own chat template, empty if there is none.
    const std::string& chat_template() const;
    const std::string& file() const;  // for messages
    std::int64_t table_bytes() const; // memory that the vocabulary's tables take

private:
    explicit Tokenizer(std::unique_ptr<const Vocabulary> vocabulary);
    std::unique_ptr<const Vocabulary> m_vocabulary;
};

} // namespace engine::text
