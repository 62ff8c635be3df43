// SPDX-License-Identifier: MIT
#include "engine/text/tokenizer.h"

#include "engine/error.h"
#include "engine/text/byte_pairs.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/special_tree.h"
#include "engine/text/utf8.h"
#include "engine/text/vocabulary.h"
#include "engine/text/vocabulary_gguf.h"
#include "engine/text/vocabulary_json.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine::text {

namespace {

constexpr std::size_t longest_text = std::size_t{1} << 30;

} // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Vocabulary> vocabulary)
    : m_vocabulary(std::move(vocabulary))
{
}
Tokenizer::~Tokenizer() = default;
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;

Tokenizer::Tokenizer(const format::ModelFiles& files)
    : Tokenizer(files.gguf()
                    ? from_gguf(*files.gguf())
                    : from_json(files.path() / "tokenizer.json", files.path() / "tokenizer_config.json"))
{
}

Tokenizer Tokenizer::from_gguf(const format::Gguf& gguf)
{
    return Tokenizer(read_vocabulary(gguf));
}

Tokenizer Tokenizer::from_json(const std::filesystem::path& tokenizer_json,
                               const std::filesystem::path& config_json)
{
    return Tokenizer(read_vocabulary(tokenizer_json, config_json));
}

std::int32_t Tokenizer::size() const
{
    return static_cast<std::int32_t>(m_vocabulary->kinds.size());
}

PreTokenizer Tokenizer::pre_tokenizer() const
{
    return m_vocabulary->pre_tokenizer;
}

std::vector<TokenId> Tokenizer::encode(std::string_view text, SpecialTokens special) const
{
    const Segment segment = {std::string(text),
                             special == SpecialTokens::parse ? Trust::trusted : Trust::untrusted};
    return encode({&segment, 1});
}

std::vector<TokenId> Tokenizer::encode(std::span<const Segment> segments) const
{
    // One text, and for each run of trust its end. A control token must lie within one trusted run;
    // everything else is encoded as if there were no seams, since that is how the model saw it in training.
    std::string text;
    std::vector<std::pair<std::size_t, Trust>> runs;
    for (const Segment& segment : segments) {
        if (is_valid_utf8(segment.text))
            text += segment.text;
        else
            text += to_valid_utf8(segment.text);
        if (!runs.empty() && runs.back().second == segment.trust)
            runs.back().first = text.size();
        else
            runs.emplace_back(text.size(), segment.trust);
    }
    if (text.size() > longest_text)
        throw Error(m_vocabulary->file, "text",
                    fmt::format("expected at most {} bytes, found {}", longest_text, text.size()));

    std::vector<TokenId> out;
    Splitter splitter(m_vocabulary->pre_tokenizer);
    Merger merger(m_vocabulary->merges, text.size());
    const auto encode_ordinary = [&](std::string_view part) {
        splitter.split(part, [&](std::string_view piece) { merger.encode(piece, out); });
    };

    std::size_t done = 0; // encoded up to here
    std::size_t run = 0;
    const SpecialTree& specials = m_vocabulary->specials;
    for (std::size_t i = specials.next_place(text, 0); i < text.size(); i = specials.next_place(text, i)) {
        while (runs[run].first <= i)
            ++run;
        const std::size_t trusted_left = runs[run].second == Trust::trusted ? runs[run].first - i : 0;
        std::size_t length = 0;
        TokenId id = -1;
        specials.matches(std::string_view(text).substr(i), [&](std::size_t match, TokenId token) {
            if (kind(token) == TokenKind::control && match > trusted_left)
                return;
            length = match; // the longest comes last
            id = token;
        });
        if (length == 0) {
            ++i;
            continue;
        }
        encode_ordinary(std::string_view(text).substr(done, i - done));
        out.push_back(id);
        i += length;
        done = i;
    }
    encode_ordinary(std::string_view(text).substr(done));
    return out;
}

std::string_view Tokenizer::bytes(TokenId id) const
{
    return m_vocabulary->is_valid(id) ? m_vocabulary->bytes(id) : std::string_view();
}

std::string Tokenizer::decode(std::span<const TokenId> ids) const
{
    std::string text;
    for (const TokenId id : ids)
        text += bytes(id);
    return text;
}

TokenKind Tokenizer::kind(TokenId id) const
{
    return m_vocabulary->is_valid(id) ? m_vocabulary->kinds[static_cast<std::size_t>(id)] : TokenKind::unused;
}

bool Tokenizer::is_defined(TokenId id) const
{
    return kind(id) != TokenKind::unused;
}

std::vector<bool> Tokenizer::defined_mask(std::size_t vocab_size) const
{
    std::vector<bool> mask(vocab_size);
    for (std::size_t i = 0; i < vocab_size; ++i)
        mask[i] = is_defined(static_cast<TokenId>(i));
    return mask;
}

std::optional<TokenId> Tokenizer::find_special(std::string_view text) const
{
    return m_vocabulary->specials.find(text);
}

std::optional<TokenId> Tokenizer::bos() const
{
    return m_vocabulary->bos;
}

std::optional<TokenId> Tokenizer::eos() const
{
    return m_vocabulary->eos;
}

bool Tokenizer::add_bos() const
{
    return m_vocabulary->add_bos;
}

std::span<const TokenId> Tokenizer::end_tokens() const
{
    return m_vocabulary->end_tokens;
}

bool Tokenizer::is_end(TokenId id) const
{
    return std::ranges::find(m_vocabulary->end_tokens, id) != m_vocabulary->end_tokens.end();
}

const std::string& Tokenizer::chat_template() const
{
    return m_vocabulary->chat_template;
}

std::int64_t Tokenizer::table_bytes() const
{
    return static_cast<std::int64_t>(m_vocabulary->table_bytes());
}

const std::string& Tokenizer::file() const
{
    return m_vocabulary->file;
}

} // namespace engine::text
