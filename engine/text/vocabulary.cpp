// SPDX-License-Identifier: MIT
#include "engine/text/vocabulary.h"

#include "engine/error.h"
#include "engine/text/byte_alphabet.h"
#include "engine/text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <limits>

namespace engine::text {

namespace {

constexpr std::size_t longest_token = 1 << 16; // bytes
constexpr std::size_t longest_special = 512;   // bytes; bounds what one place of a text can cost

constexpr std::string_view begin_of_sentence = "<｜begin▁of▁sentence｜>";
constexpr std::string_view end_of_sentence = "<｜end▁of▁sentence｜>";

// Bytes that occur in valid UTF-8: all but C0, C1 and F5 to FF.
bool occurs_in_utf8(unsigned byte)
{
    return byte < 0xC0 || (byte >= 0xC2 && byte <= 0xF4);
}

// "<｜User｜>", "<|EOT|>", "<think>": text that would steer the model, however a file marks it.
bool looks_like_markup(std::string_view text)
{
    return text.size() > 2 && text.front() == '<' && text.back() == '>';
}

// "[PAD100123]" at that id: a row of the matrix without a meaning.
bool is_padding_name(std::string_view text, std::size_t id)
{
    return text.starts_with("[PAD") && text == fmt::format("[PAD{}]", id);
}

} // namespace

// Finds ids by text, at load: open addressing over views of the file's own bytes.
class TextIndex
{
public:
    explicit TextIndex(std::size_t count)
        : m_places(std::bit_ceil(2 * count + 2), -1)
    {
        m_texts.reserve(count);
    }

    // False if the text is already there.
    bool add(std::string_view text, TokenId id)
    {
        const std::size_t i = place(text);
        if (m_places[i] >= 0)
            return false;
        m_places[i] = static_cast<std::int32_t>(m_texts.size());
        m_texts.emplace_back(text, id);
        return true;
    }

    TokenId find(std::string_view text) const
    {
        const std::int32_t entry = m_places[place(text)];
        return entry < 0 ? -1 : m_texts[static_cast<std::size_t>(entry)].second;
    }

private:
    std::size_t place(std::string_view text) const
    {
        std::size_t i = std::hash<std::string_view>{}(text) & (m_places.size() - 1);
        while (m_places[i] >= 0 && m_texts[static_cast<std::size_t>(m_places[i])].first != text)
            i = (i + 1) & (m_places.size() - 1);
        return i;
    }

    std::vector<std::int32_t> m_places;
    std::vector<std::pair<std::string_view, TokenId>> m_texts;
};

RawMerge split_merge(std::string_view text, const std::string& file, const std::string& place)
{
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size())
        throw Error(file, place,
                    "expected two tokens with a blank between, found \"" + printable(text) + "\"");
    return {text.substr(0, space), text.substr(space + 1)};
}

VocabularyBuilder::VocabularyBuilder(std::string file, PreTokenizer pre_tokenizer, const RawVocabulary& raw)
    : m_vocabulary(std::make_unique<Vocabulary>())
{
    Vocabulary& out = *m_vocabulary;
    out.file = std::move(file);
    out.pre_tokenizer = pre_tokenizer;
    const std::size_t count = raw.tokens.size();
    if (count < 1 || count > most_tokens)
        throw Error(out.file, raw.tokens_place,
                    fmt::format("expected 1 to {} tokens, found {}", most_tokens, count));
    TextIndex ordinary(count);
    TextIndex added(count);
    out.kinds.reserve(count);
    out.offsets.reserve(count + 1);
    for (std::size_t i = 0; i < count; ++i)
        add_token(raw, i, ordinary, added);
    out.offsets.push_back(static_cast<std::uint32_t>(out.pool.size()));
    add_merges(raw, ordinary, find_byte_tokens(raw));
}

std::unique_ptr<const Vocabulary> VocabularyBuilder::finish(std::span<const std::optional<TokenId>> more_ends)
{
    Vocabulary& out = *m_vocabulary;
    if (!out.bos)
        out.bos = find(begin_of_sentence);
    if (!out.eos)
        out.eos = find(end_of_sentence);
    // Which ids end an answer. Looked up by text, since their ids differ from model to model.
    std::vector<std::optional<TokenId>> ends = {out.eos, find(end_of_sentence), find("<|EOT|>"),
                                                find("<｜User｜>"), find(begin_of_sentence)};
    ends.insert(ends.end(), more_ends.begin(), more_ends.end());
    for (const std::optional<TokenId> id : ends)
        if (id && std::ranges::find(out.end_tokens, *id) == out.end_tokens.end())
            out.end_tokens.push_back(*id);
    out.add_bos = out.add_bos && out.bos;
    return std::move(m_vocabulary);
}

void VocabularyBuilder::check_id(const std::optional<TokenId>& id, std::string_view place) const
{
    if (id && !m_vocabulary->is_valid(*id))
        throw Error(m_vocabulary->file, place,
                    fmt::format("expected an id below {}, found {}", m_vocabulary->kinds.size(), *id));
}

void VocabularyBuilder::add_token(const RawVocabulary& raw, std::size_t i, TextIndex& ordinary,
                                  TextIndex& added)
{
    Vocabulary& out = *m_vocabulary;
    const std::string_view text = raw.tokens[i].text;
    const auto id = static_cast<TokenId>(i);
    const auto fail = [&](const std::string& what) {
        throw Error(out.file, fmt::format("{}, token {}", raw.tokens_place, i), what);
    };
    if (text.size() > longest_token)
        fail(fmt::format("expected at most {} bytes, found {}", longest_token, text.size()));
    if (out.pool.size() + text.size() > std::numeric_limits<std::uint32_t>::max())
        fail("expected a vocabulary of less than 4 GiB, found more");

    out.offsets.push_back(static_cast<std::uint32_t>(out.pool.size()));
    TokenKind kind = raw.tokens[i].kind;
    if (kind != TokenKind::control && is_padding_name(text, i))
        kind = TokenKind::unused;
    // Files without kinds list their special tokens as normal ones; these cannot be in the byte alphabet.
    if (kind == TokenKind::normal && !decode_alphabet(text, out.pool))
        kind = TokenKind::user_defined;
    if (kind == TokenKind::user_defined && looks_like_markup(text))
        kind = TokenKind::control;
    out.kinds.push_back(kind);
    switch (kind) {
    case TokenKind::normal:
        if (text.empty())
            fail("expected a text, found an empty one");
        if (!ordinary.add(text, id))
            fail(fmt::format("expected once, found \"{}\" a second time", printable(text)));
        break;
    case TokenKind::control:
    case TokenKind::user_defined:
        if (text.empty() || text.size() > longest_special || !is_valid_utf8(text))
            fail(fmt::format("expected UTF-8 text of 1 to {} bytes, found \"{}\"", longest_special,
                             printable(text)));
        if (!added.add(text, id))
            fail(fmt::format("expected once, found \"{}\" a second time", printable(text)));
        out.pool += text;
        out.specials.add(text, id);
        break;
    case TokenKind::unused:
        break;
    }
}

std::array<TokenId, 256> VocabularyBuilder::find_byte_tokens(const RawVocabulary& raw) const
{
    const Vocabulary& out = *m_vocabulary;
    std::array<TokenId, 256> byte_tokens;
    byte_tokens.fill(-1);
    for (std::size_t i = 0; i < out.kinds.size(); ++i) {
        const auto id = static_cast<TokenId>(i);
        const std::string_view bytes = out.bytes(id);
        if (out.kinds[i] == TokenKind::normal && bytes.size() == 1)
            byte_tokens[static_cast<unsigned char>(bytes[0])] = id;
    }
    for (unsigned byte = 0; byte < 256; ++byte)
        if (occurs_in_utf8(byte) && byte_tokens[byte] < 0)
            throw Error(out.file, raw.tokens_place,
                        fmt::format("expected a token for each byte, found none for 0x{:02X}", byte));
    return byte_tokens;
}

void VocabularyBuilder::add_merges(const RawVocabulary& raw, const TextIndex& ordinary,
                                   const std::array<TokenId, 256>& byte_tokens)
{
    Vocabulary& out = *m_vocabulary;
    if (raw.merges.size() > most_tokens)
        throw Error(out.file, raw.merges_place,
                    fmt::format("expected at most {} merges, found {}", most_tokens, raw.merges.size()));
    std::vector<MergeTable::Merge> merges;
    merges.reserve(raw.merges.size());
    std::string joined;
    for (std::size_t rank = 0; rank < raw.merges.size(); ++rank) {
        const RawMerge& merge = raw.merges[rank];
        joined.assign(merge.left).append(merge.right);
        const TokenId left = ordinary.find(merge.left);
        const TokenId right = ordinary.find(merge.right);
        const TokenId result = ordinary.find(joined);
        if (left < 0 || right < 0 || result < 0)
            throw Error(out.file, fmt::format("{}, merge {}", raw.merges_place, rank),
                        fmt::format("expected tokens of the vocabulary, found \"{}\" and \"{}\"",
                                    printable(merge.left), printable(merge.right)));
        merges.push_back({left, right, result});
    }
    out.merges = MergeTable(merges, byte_tokens);
}

} // namespace engine::text
