// SPDX-License-Identifier: MIT
#include "engine/text/vocabulary_json.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/format/mapped_file.h"
#include "engine/text/pre_tokenizer.h"

#include <fmt/format.h>

namespace engine::text {

namespace {

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

std::unique_ptr<const Vocabulary> read_vocabulary(const std::filesystem::path& tokenizer_json,
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

    const std::optional<PreTokenizer> kind = recognise_patterns(split_patterns(document));
    // Where nothing merges, it does not matter how the text is cut.
    if (!kind && !raw.merges.empty())
        document.fail("pre_tokenizer",
                      "expected the patterns of deepseek-llm, deepseek-coder or deepseek-v3, found others");
    VocabularyBuilder builder(document.file(), kind.value_or(PreTokenizer::deepseek_llm), raw);
    Vocabulary& vocabulary = builder.vocabulary();

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
        vocabulary.bos = find_token("bos_token");
        vocabulary.eos = find_token("eos_token");
        vocabulary.add_bos = config.find_bool("add_bos_token").value_or(true);
        vocabulary.chat_template = template_text(config);
    }
    // Newer folders keep the template in a file of its own.
    const std::filesystem::path template_file = config_json.parent_path() / "chat_template.jinja";
    if (std::filesystem::exists(template_file, ignored))
        vocabulary.chat_template = format::MappedFile(template_file).text();
    return builder.finish({});
}

} // namespace engine::text
