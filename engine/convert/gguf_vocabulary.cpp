// SPDX-License-Identifier: MIT
#include "engine/convert/gguf_vocabulary.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/text/tokenizer.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

using format::Json;
using format::JsonObject;

namespace {

// The numbers of token_type.
constexpr std::int32_t normal_token = 1;
constexpr std::int32_t control_token = 3;
constexpr std::int32_t user_defined_token = 4;
constexpr std::int32_t unused_token = 5;

struct Vocabulary
{
    std::vector<std::string> tokens;
    std::vector<std::int32_t> types;
};

std::string_view name(text::PreTokenizer kind)
{
    switch (kind) {
    case text::PreTokenizer::deepseek_llm:
        return "deepseek-llm";
    case text::PreTokenizer::deepseek_coder:
        return "deepseek-coder";
    case text::PreTokenizer::deepseek_v3:
        break;
    }
    return "deepseek-v3";
}

// Role marks and the like are added tokens that DeepSeek-V3 does not call special; other programs' converters
// know them by their form, and so do readers.
std::int32_t type_of_added(const JsonObject& token, std::string_view content)
{
    const bool is_mark = content.starts_with("<｜") && content.ends_with("｜>");
    return token.find_bool("special").value_or(false) || is_mark ? control_token : user_defined_token;
}

Vocabulary read_tokens(const JsonObject& document, const JsonObject& model, std::int64_t vocab_size)
{
    Vocabulary vocabulary;
    for (std::int64_t id = 0; id < vocab_size; ++id)
        vocabulary.tokens.push_back(fmt::format("[PAD{}]", id));
    vocabulary.types.assign(static_cast<std::size_t>(vocab_size), unused_token);
    const auto place = [&](const JsonObject& where, std::string_view text, std::int64_t id,
                           std::int32_t type) {
        if (id >= vocab_size)
            where.fail(text, fmt::format("expected an id below the {} rows of the embedding, found {}",
                                         vocab_size, id));
        vocabulary.tokens[static_cast<std::size_t>(id)] = text;
        vocabulary.types[static_cast<std::size_t>(id)] = type;
    };
    const std::optional<JsonObject> vocab = model.find_object("vocab");
    for (const auto& [text, id] : vocab->json().get_ref<const Json::object_t&>())
        place(*vocab, text, id.get<std::int64_t>(), normal_token);
    if (const Json* added = document.find("added_tokens")) {
        for (const Json& entry : *added) {
            const JsonObject token(entry, document.file(), "added_tokens");
            const std::string content = token.find_string("content").value_or("");
            place(token, content, token.integer("id", 0, vocab_size - 1), type_of_added(token, content));
        }
    }
    return vocabulary;
}

std::vector<std::string> read_merges(const JsonObject& model)
{
    std::vector<std::string> merges;
    for (const Json& merge : *model.find("merges"))
        merges.push_back(merge.is_string() ? merge.get<std::string>()
                                           : fmt::format("{} {}", merge[0].get_ref<const std::string&>(),
                                                         merge[1].get_ref<const std::string&>()));
    return merges;
}

// The padding token that tokenizer_config.json names, if it is one of the added tokens.
std::optional<text::TokenId> padding_token(const std::filesystem::path& config_json,
                                           const text::Tokenizer& tokenizer)
{
    if (!std::filesystem::exists(config_json))
        return std::nullopt;
    const Json json = format::read_json(config_json);
    const JsonObject config(json, config_json.string());
    const Json* value = config.find("pad_token");
    const std::optional<std::string> text = value && value->is_object()
                                                ? config.find_object("pad_token")->find_string("content")
                                                : config.find_string("pad_token");
    return text ? tokenizer.find_special(*text) : std::nullopt;
}

void add_folder_vocabulary(format::GgufWriter& writer, const format::ModelFiles& files,
                           std::int64_t vocab_size)
{
    const std::filesystem::path path = files.path() / "tokenizer.json";
    if (!std::filesystem::exists(path))
        return;
    const text::Tokenizer tokenizer(files); // checks the files; what follows reads them again
    const Json json = format::read_json(path);
    const JsonObject document(json, path.string());
    const JsonObject model = *document.find_object("model");
    const Vocabulary vocabulary = read_tokens(document, model, vocab_size);
    const std::vector<std::string> merges = read_merges(model);

    writer.add("tokenizer.ggml.model", "gpt2"); // byte-level BPE
    writer.add("tokenizer.ggml.pre", name(tokenizer.pre_tokenizer()));
    writer.add("tokenizer.ggml.tokens", std::span(vocabulary.tokens));
    writer.add("tokenizer.ggml.token_type", std::span(vocabulary.types));
    writer.add("tokenizer.ggml.merges", std::span(merges));
    const auto add_id = [&](std::string_view key, std::optional<text::TokenId> id) {
        if (id)
            writer.add(fmt::format("tokenizer.ggml.{}_token_id", key), static_cast<std::uint32_t>(*id));
    };
    add_id("bos", tokenizer.bos());
    add_id("eos", tokenizer.eos());
    add_id("padding", padding_token(files.path() / "tokenizer_config.json", tokenizer));
    writer.add("tokenizer.ggml.add_bos_token", tokenizer.add_bos());
    writer.add("tokenizer.ggml.add_eos_token", false);
    if (!tokenizer.chat_template().empty())
        writer.add("tokenizer.chat_template", std::string_view(tokenizer.chat_template()));
}

} // namespace

void add_vocabulary(format::GgufWriter& writer, const format::ModelFiles& files, std::int64_t vocab_size)
{
    const format::Gguf* gguf = files.gguf();
    if (!gguf)
        return add_folder_vocabulary(writer, files, vocab_size);
    for (const auto& [key, entry] : gguf->metadata())
        if (key.starts_with("tokenizer."))
            writer.add(key, entry);
}

} // namespace engine
