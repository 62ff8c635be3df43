// SPDX-License-Identifier: MIT
#include "engine/text/tokenizer.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/text/byte_pairs.h"
#include "engine/text/pre_tokenizer.h"
#include "engine/text/utf8.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <limits>

namespace engine::text {

namespace {

constexpr std::size_t longest_token = 1 << 16; // bytes
constexpr std::size_t longest_special = 512;   // bytes; bounds what one place of a text can cost
constexpr std::size_t longest_text = std::size_t{1} << 30;

constexpr std::string_view begin_of_sentence = "<｜begin▁of▁sentence｜>";
constexpr std::string_view end_of_sentence = "<｜end▁of▁sentence｜>";

// The byte alphabet of GPT-2: each byte is written as a visible character. Most of Latin-1 stands for itself,
// the other 68 bytes are U+0100 and following, in ascending order.
constexpr std::size_t alphabet_end = 0x100 + 68;

// From a character of the alphabet to its byte, -1 for characters that are none.
constexpr auto alphabet = [] {
    std::array<std::int16_t, alphabet_end> bytes;
    bytes.fill(-1);
    char32_t next = 0x100;
    for (std::int16_t byte = 0; byte < 256; ++byte) {
        const bool visible =
            (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || (byte >= 174 && byte <= 255);
        bytes[visible ? static_cast<char32_t>(byte) : next++] = byte;
    }
    return bytes;
}();

// Appends the bytes that a text in the byte alphabet stands for. False, with nothing appended, if it is none.
bool decode_alphabet(std::string_view text, std::string& out)
{
    const std::size_t size = out.size();
    while (!text.empty()) {
        const CodePoint c = first_code_point(text);
        const int byte = c.value < alphabet.size() ? alphabet[c.value] : -1;
        if (c.state != CodePoint::State::whole || byte < 0) {
            out.resize(size);
            return false;
        }
        out += static_cast<char>(byte);
        text.remove_prefix(c.length);
    }
    return true;
}

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

// The texts of added tokens as a tree of bytes, for finding the longest one that begins at a place.
class SpecialTree
{
public:
    void add(std::string_view text, TokenId id)
    {
        std::size_t node = 0;
        for (const char byte : text)
            node = child_or_new(node, byte);
        m_nodes[node].id = id;
        m_first[static_cast<unsigned char>(text.front())] = true;
    }

    // The first place at or behind i where an added token might begin, or the end.
    std::size_t next_place(std::string_view text, std::size_t i) const
    {
        while (i < text.size() && !m_first[static_cast<unsigned char>(text[i])])
            ++i;
        return i;
    }

    // Calls visit(length, id) for each added token that begins the text, shortest first.
    template <class Visit> void matches(std::string_view text, Visit visit) const
    {
        std::int32_t node = 0;
        for (std::size_t i = 0; i < text.size(); ++i) {
            node = m_nodes[static_cast<std::size_t>(node)].child;
            while (node >= 0 && m_nodes[static_cast<std::size_t>(node)].byte != text[i])
                node = m_nodes[static_cast<std::size_t>(node)].sibling;
            if (node < 0)
                return;
            if (const TokenId id = m_nodes[static_cast<std::size_t>(node)].id; id >= 0)
                visit(i + 1, id);
        }
    }

private:
    struct Node
    {
        char byte = 0;
        TokenId id = -1;
        std::int32_t child = -1;
        std::int32_t sibling = -1;
    };

    std::size_t child_or_new(std::size_t node, char byte)
    {
        for (std::int32_t i = m_nodes[node].child; i >= 0; i = m_nodes[static_cast<std::size_t>(i)].sibling)
            if (m_nodes[static_cast<std::size_t>(i)].byte == byte)
                return static_cast<std::size_t>(i);
        const auto index = static_cast<std::int32_t>(m_nodes.size());
        m_nodes.push_back({byte, -1, -1, m_nodes[node].child});
        m_nodes[node].child = index;
        return static_cast<std::size_t>(index);
    }

    std::vector<Node> m_nodes = std::vector<Node>(1);
    std::array<bool, 256> m_first = {};
};

} // namespace

struct Tokenizer::Data
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
    bool is_valid(TokenId id) const { return id >= 0 && static_cast<std::size_t>(id) < kinds.size(); }
};

namespace {

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

} // namespace

// Turns raw vocabularies into the tables that encoding works on, checking on the way.
class TokenizerBuilder
{
public:
    TokenizerBuilder()
        : m_data(std::make_unique<Tokenizer::Data>())
    {
    }
    Tokenizer::Data& data() { return *m_data; }

    void add_vocabulary(const RawVocabulary& raw)
    {
        Tokenizer::Data& data = *m_data;
        const std::size_t count = raw.tokens.size();
        if (count < 1 || count > most_tokens)
            throw Error(data.file, raw.tokens_place,
                        fmt::format("expected 1 to {} tokens, found {}", most_tokens, count));
        TextIndex ordinary(count);
        TextIndex added(count);
        data.kinds.reserve(count);
        data.offsets.reserve(count + 1);
        for (std::size_t i = 0; i < count; ++i)
            add_token(raw, i, ordinary, added);
        data.offsets.push_back(static_cast<std::uint32_t>(data.pool.size()));
        add_merges(raw, ordinary, find_byte_tokens(raw));
    }

    // After the flags are set: which ids end an answer. Special tokens are looked up by text, since their ids
    // differ from model to model.
    std::unique_ptr<const Tokenizer::Data> finish(std::span<const std::optional<TokenId>> more_ends)
    {
        Tokenizer::Data& data = *m_data;
        if (!data.bos)
            data.bos = find(begin_of_sentence);
        if (!data.eos)
            data.eos = find(end_of_sentence);
        std::vector<std::optional<TokenId>> ends = {data.eos, find(end_of_sentence), find("<|EOT|>"),
                                                    find("<｜User｜>"), find(begin_of_sentence)};
        ends.insert(ends.end(), more_ends.begin(), more_ends.end());
        for (const std::optional<TokenId> id : ends)
            if (id && std::ranges::find(data.end_tokens, *id) == data.end_tokens.end())
                data.end_tokens.push_back(*id);
        data.add_bos = data.add_bos && data.bos;
        return std::move(m_data);
    }

    // The added token of this text.
    std::optional<TokenId> find(std::string_view text) const
    {
        std::optional<TokenId> found;
        m_data->specials.matches(text, [&](std::size_t length, TokenId id) {
            if (length == text.size())
                found = id;
        });
        return found;
    }

    void check_id(const std::optional<TokenId>& id, std::string_view place) const
    {
        if (id && !m_data->is_valid(*id))
            throw Error(m_data->file, place,
                        fmt::format("expected an id below {}, found {}", m_data->kinds.size(), *id));
    }

private:
    void add_token(const RawVocabulary& raw, std::size_t i, TextIndex& ordinary, TextIndex& added)
    {
        Tokenizer::Data& data = *m_data;
        const std::string_view text = raw.tokens[i].text;
        const auto id = static_cast<TokenId>(i);
        const auto fail = [&](const std::string& what) {
            throw Error(data.file, fmt::format("{}, token {}", raw.tokens_place, i), what);
        };
        if (text.size() > longest_token)
            fail(fmt::format("expected at most {} bytes, found {}", longest_token, text.size()));
        if (data.pool.size() + text.size() > std::numeric_limits<std::uint32_t>::max())
            fail("expected a vocabulary of less than 4 GiB, found more");

        data.offsets.push_back(static_cast<std::uint32_t>(data.pool.size()));
        TokenKind kind = raw.tokens[i].kind;
        if (kind != TokenKind::control && is_padding_name(text, i))
            kind = TokenKind::unused;
        // Files without kinds list their special tokens as normal ones; these cannot be in the byte alphabet.
        if (kind == TokenKind::normal && !decode_alphabet(text, data.pool))
            kind = TokenKind::user_defined;
        if (kind == TokenKind::user_defined && looks_like_markup(text))
            kind = TokenKind::control;
        data.kinds.push_back(kind);
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
            data.pool += text;
            data.specials.add(text, id);
            break;
        case TokenKind::unused:
            break;
        }
    }

    std::array<TokenId, 256> find_byte_tokens(const RawVocabulary& raw) const
    {
        const Tokenizer::Data& data = *m_data;
        std::array<TokenId, 256> byte_tokens;
        byte_tokens.fill(-1);
        for (std::size_t i = 0; i < data.kinds.size(); ++i) {
            const auto id = static_cast<TokenId>(i);
            const std::string_view bytes = data.bytes(id);
            if (data.kinds[i] == TokenKind::normal && bytes.size() == 1)
                byte_tokens[static_cast<unsigned char>(bytes[0])] = id;
        }
        for (unsigned byte = 0; byte < 256; ++byte)
            if (occurs_in_utf8(byte) && byte_tokens[byte] < 0)
                throw Error(data.file, raw.tokens_place,
                            fmt::format("expected a token for each byte, found none for 0x{:02X}", byte));
        return byte_tokens;
    }

    void add_merges(const RawVocabulary& raw, const TextIndex& ordinary,
                    const std::array<TokenId, 256>& byte_tokens)
    {
        Tokenizer::Data& data = *m_data;
        if (raw.merges.size() > most_tokens)
            throw Error(data.file, raw.merges_place,
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
                throw Error(data.file, fmt::format("{}, merge {}", raw.merges_place, rank),
                            fmt::format("expected tokens of the vocabulary, found \"{}\" and \"{}\"",
                                        printable(merge.left), printable(merge.right)));
            merges.push_back({left, right, result});
        }
        data.merges = MergeTable(merges, byte_tokens);
    }

    std::unique_ptr<Tokenizer::Data> m_data;
};

namespace {

RawMerge split_merge(std::string_view text, const std::string& file, const std::string& place)
{
    const std::size_t space = text.find(' ', 1);
    if (space == std::string_view::npos || space + 1 == text.size())
        throw Error(file, place,
                    "expected two tokens with a blank between, found \"" + printable(text) + "\"");
    return {text.substr(0, space), text.substr(space + 1)};
}

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

// The steps of "pre_tokenizer" that cut by patterns.
std::vector<std::string> split_patterns(const format::JsonObject& document)
{
    const std::optional<format::JsonObject> sequence = document.find_object("pre_tokenizer");
    const format::Json* steps = sequence ? sequence->find("pretokenizers") : nullptr;
    if (!steps || !steps->is_array())
        document.fail("pre_tokenizer", "expected a sequence of steps, found something else");
    std::vector<std::string> patterns;
    for (const format::Json& entry : *steps) {
        const format::JsonObject step(entry, document.file(), "pre_tokenizer");
        const std::string type = step.find_string("type").value_or("");
        const std::optional<format::JsonObject> pattern = step.find_object("pattern");
        if (type == "Split" && pattern)
            patterns.push_back(pattern->find_string("Regex").value_or(""));
        else if (type == "ByteLevel" && step.find_bool("add_prefix_space").value_or(true))
            step.fail("add_prefix_space", "expected false, found true");
        else if (type != "ByteLevel" && type != "Digits")
            step.fail("type", "expected Split, Digits or ByteLevel, found " + printable(type));
    }
    return patterns;
}

void refuse_unsupported(const format::JsonObject& document, const format::JsonObject& model)
{
    const std::string type = model.find_string("type").value_or("BPE");
    if (type != "BPE")
        model.fail("type", "expected BPE, found " + printable(type));
    for (const char* key : {"byte_fallback", "ignore_merges", "fuse_unk"})
        if (model.find_bool(key).value_or(false))
            model.fail(key, "expected false, found true");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"})
        if (!model.find_string(key).value_or("").empty())
            model.fail(key, "expected nothing, found a text");
    if (const auto normalizer = document.find_object("normalizer")) {
        const format::Json* steps = normalizer->find("normalizers");
        if (!steps || !steps->empty())
            document.fail("normalizer", "expected none, found one");
    }
}

// Places a token at its id; ids that nothing names stay unused.
void place_token(std::vector<RawToken>& tokens, std::int64_t id, RawToken token)
{
    if (tokens.size() <= static_cast<std::size_t>(id))
        tokens.resize(static_cast<std::size_t>(id) + 1);
    tokens[static_cast<std::size_t>(id)] = token;
}

void read_json_tokens(const format::JsonObject& document, const format::JsonObject& model, RawVocabulary& raw)
{
    const std::optional<format::JsonObject> vocab = model.find_object("vocab");
    if (!vocab)
        model.fail("vocab", "expected an object, found nothing");
    for (const auto& [text, id] : vocab->json().get_ref<const format::Json::object_t&>()) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= most_tokens)
            vocab->fail(text, fmt::format("expected an id below {}, found {}", most_tokens, id.dump()));
        const auto number = id.get<std::int64_t>();
        if (static_cast<std::size_t>(number) < raw.tokens.size() &&
            raw.tokens[static_cast<std::size_t>(number)].kind != TokenKind::unused)
            vocab->fail(text, fmt::format("expected an id of its own, found {} a second time", number));
        place_token(raw.tokens, number, {text, TokenKind::normal});
    }
    const format::Json* added = document.find("added_tokens");
    if (!added)
        return;
    if (!added->is_array())
        document.fail("added_tokens", "expected an array, found something else");
    for (const format::Json& entry : *added) {
        const format::JsonObject token(entry, document.file(), "added_tokens");
        const std::int64_t id = token.integer("id", 0, most_tokens - 1);
        const format::Json* content = token.find("content");
        if (!content || !content->is_string())
            token.fail("content", "expected a text, found something else");
        for (const char* key : {"lstrip", "rstrip", "single_word"})
            if (token.find_bool(key).value_or(false))
                token.fail(key, "expected false, found true");
        const bool special = token.find_bool("special").value_or(false);
        // Files list some added tokens in the vocabulary too, under the same text.
        const auto place = static_cast<std::size_t>(id);
        if (place < raw.tokens.size() && raw.tokens[place].kind != TokenKind::unused &&
            raw.tokens[place].text != content->get_ref<const std::string&>())
            token.fail("id", fmt::format("expected an id of its own, found {}, which is \"{}\"", id,
                                         printable(raw.tokens[place].text)));
        place_token(
            raw.tokens, id,
            {content->get_ref<const std::string&>(), special ? TokenKind::control : TokenKind::user_defined});
    }
}

std::vector<RawMerge> read_json_merges(const format::JsonObject& model, const std::string& place)
{
    const format::Json* merges = model.find("merges");
    if (!merges || !merges->is_array())
        model.fail("merges", "expected an array, found something else");
    std::vector<RawMerge> raw;
    raw.reserve(merges->size());
    for (const format::Json& merge : *merges) {
        // "a b" or ["a", "b"]
        if (merge.is_string())
            raw.push_back(split_merge(merge.get_ref<const std::string&>(), model.file(), place));
        else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string())
            raw.push_back({merge[0].get_ref<const std::string&>(), merge[1].get_ref<const std::string&>()});
        else
            model.fail("merges", fmt::format("expected pairs of tokens, found {}", merge.type_name()));
    }
    return raw;
}

// "bos_token": a text, or an object that holds it.
std::optional<std::string> token_text(const format::JsonObject& config, std::string_view key)
{
    const format::Json* value = config.find(key);
    if (value && value->is_object())
        return config.find_object(key)->find_string("content");
    return config.find_string(key);
}

// A text, or a list of named texts of which the one called "default" counts.
std::string template_text(const format::JsonObject& config)
{
    const format::Json* value = config.find("chat_template");
    if (!value || !value->is_array())
        return config.find_string("chat_template").value_or("");
    for (const format::Json& entry : *value) {
        const format::JsonObject named(entry, config.file(), "chat_template");
        if (named.find_string("name") == "default")
            return named.find_string("template").value_or("");
    }
    return {};
}

} // namespace

Tokenizer::Tokenizer(std::unique_ptr<const Data> data)
    : m_data(std::move(data))
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

    TokenizerBuilder builder;
    builder.data().file = gguf.path();
    builder.data().pre_tokenizer = gguf_pre_tokenizer(gguf, raw.tokens.size());
    builder.add_vocabulary(raw);
    builder.data().bos = gguf_id(gguf, "tokenizer.ggml.bos_token_id");
    builder.data().eos = gguf_id(gguf, "tokenizer.ggml.eos_token_id");
    builder.data().add_bos = gguf.find_bool("tokenizer.ggml.add_bos_token").value_or(true);
    builder.data().chat_template = gguf.find_string("tokenizer.chat_template").value_or("");
    const std::optional<TokenId> end_of_turn = gguf_id(gguf, "tokenizer.ggml.eot_token_id");
    builder.check_id(builder.data().bos, "key tokenizer.ggml.bos_token_id");
    builder.check_id(builder.data().eos, "key tokenizer.ggml.eos_token_id");
    builder.check_id(end_of_turn, "key tokenizer.ggml.eot_token_id");
    return Tokenizer(builder.finish({&end_of_turn, 1}));
}

Tokenizer Tokenizer::from_json(const std::filesystem::path& tokenizer_json,
                               const std::filesystem::path& config_json)
{
    const format::Json json = format::read_json(tokenizer_json);
    const format::JsonObject document(json, tokenizer_json.string());
    const std::optional<format::JsonObject> model = document.find_object("model");
    if (!model)
        document.fail("model", "expected an object, found nothing");
    refuse_unsupported(document, *model);

    RawVocabulary raw;
    raw.tokens_place = "key model.vocab";
    raw.merges_place = "key model.merges";
    read_json_tokens(document, *model, raw);
    raw.merges = read_json_merges(*model, raw.merges_place);

    TokenizerBuilder builder;
    Data& data = builder.data();
    data.file = tokenizer_json.string();
    const std::optional<PreTokenizer> kind = recognise_patterns(split_patterns(document));
    // Where nothing merges, it does not matter how the text is cut.
    if (!kind && !raw.merges.empty())
        document.fail("pre_tokenizer",
                      "expected the patterns of deepseek-llm, deepseek-coder or deepseek-v3, found others");
    data.pre_tokenizer = kind.value_or(PreTokenizer::deepseek_llm);
    builder.add_vocabulary(raw);

    std::error_code ignored;
    if (std::filesystem::exists(config_json, ignored)) {
        const format::Json config_document = format::read_json(config_json);
        const format::JsonObject config(config_document, config_json.string());
        const auto find_token = [&](std::string_view key) -> std::optional<TokenId> {
            const std::optional<std::string> text = token_text(config, key);
            if (!text)
                return std::nullopt;
            const std::optional<TokenId> id = builder.find(*text);
            if (!id)
                config.fail(key,
                            "expected an added token of the vocabulary, found \"" + printable(*text) + "\"");
            return id;
        };
        data.bos = find_token("bos_token");
        data.eos = find_token("eos_token");
        data.add_bos = config.find_bool("add_bos_token").value_or(true);
        data.chat_template = template_text(config);
    }
    // Newer folders keep the template in a file of its own.
    const std::filesystem::path template_file = config_json.parent_path() / "chat_template.jinja";
    if (std::filesystem::exists(template_file, ignored))
        data.chat_template = format::MappedFile(template_file).text();
    return Tokenizer(builder.finish({}));
}

std::int32_t Tokenizer::size() const
{
    return static_cast<std::int32_t>(m_data->kinds.size());
}

PreTokenizer Tokenizer::pre_tokenizer() const
{
    return m_data->pre_tokenizer;
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
        throw Error(m_data->file, "text",
                    fmt::format("expected at most {} bytes, found {}", longest_text, text.size()));

    std::vector<TokenId> out;
    Splitter splitter(m_data->pre_tokenizer);
    Merger merger(m_data->merges, text.size());
    const auto encode_ordinary = [&](std::string_view part) {
        splitter.split(part, [&](std::string_view piece) { merger.encode(piece, out); });
    };

    std::size_t done = 0; // encoded up to here
    std::size_t run = 0;
    const SpecialTree& specials = m_data->specials;
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
    return m_data->is_valid(id) ? m_data->bytes(id) : std::string_view();
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
    return m_data->is_valid(id) ? m_data->kinds[static_cast<std::size_t>(id)] : TokenKind::unused;
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
    std::optional<TokenId> found;
    m_data->specials.matches(text, [&](std::size_t length, TokenId id) {
        if (length == text.size())
            found = id;
    });
    return found;
}

std::optional<TokenId> Tokenizer::bos() const
{
    return m_data->bos;
}

std::optional<TokenId> Tokenizer::eos() const
{
    return m_data->eos;
}

bool Tokenizer::add_bos() const
{
    return m_data->add_bos;
}

std::span<const TokenId> Tokenizer::end_tokens() const
{
    return m_data->end_tokens;
}

bool Tokenizer::is_end(TokenId id) const
{
    return std::ranges::find(m_data->end_tokens, id) != m_data->end_tokens.end();
}

const std::string& Tokenizer::chat_template() const
{
    return m_data->chat_template;
}

const std::string& Tokenizer::file() const
{
    return m_data->file;
}

} // namespace engine::text
