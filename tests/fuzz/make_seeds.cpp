// SPDX-License-Identifier: MIT
// make_seeds FOLDER: writes the seeds of the fuzzers, good files as small as they come.
#include "engine/text/chat_template.h"
#include "tests/fuzz/vocabulary.h"
#include "tests/museum/toy_model.h"

#include <QTemporaryDir>

#include <fmt/format.h>

#include <fstream>
#include <iostream>
#include <set>

namespace {

namespace fs = std::filesystem;
using engine::format::Json;

const fs::path data = fs::path(FATHOM_SOURCE_DIR) / "tests" / "data";

class Seeds
{
public:
    explicit Seeds(fs::path folder)
        : m_folder(std::move(folder))
    {
    }
    void add(const std::string& target, const std::string& name, const std::string& content) const
    {
        fs::create_directories(m_folder / target);
        std::ofstream(m_folder / target / ("seed-" + name), std::ios::binary) << content;
    }

private:
    fs::path m_folder;
};

std::string content(const fs::path& path)
{
    const engine::format::MappedFile file(path);
    return std::string(file.text());
}

// Dimensions as small as the readers allow.
RandomModel tiny()
{
    return {.layers = 2,
            .hidden = 4,
            .heads = 2,
            .q_lora = 2,
            .kv_lora = 2,
            .nope = 2,
            .rope = 2,
            .value = 2,
            .dense_width = 2,
            .expert_width = 2,
            .experts = 2,
            .experts_per_tok = 1,
            .vocabulary = 8};
}

GgufWriter every_type()
{
    GgufWriter writer;
    writer.u32("general.alignment", 32);
    writer.entry("u8", 0, GgufWriter::raw<std::uint8_t>(1));
    writer.entry("i16", 3, GgufWriter::raw<std::int16_t>(-1));
    writer.entry("f64", 12, GgufWriter::raw(0.5));
    writer.entry("u64", 10, GgufWriter::raw(~std::uint64_t{0}));
    writer.boolean("yes", true);
    writer.string("text", "words");
    writer.entry("texts", 9,
                 GgufWriter::raw<std::uint32_t>(8) + GgufWriter::raw<std::uint64_t>(2) +
                     GgufWriter::text("a") + GgufWriter::text("bc"));
    writer.entry("numbers", 9,
                 GgufWriter::raw<std::uint32_t>(5) + GgufWriter::raw<std::uint64_t>(2) +
                     GgufWriter::raw<std::int32_t>(-1) + GgufWriter::raw<std::int32_t>(1));
    writer.tensor("f32", {2, 3}, 0, std::string(24, '\0'));
    writer.tensor("q8_0", {32, 1, 1, 2}, 8, std::string(68, '\0'));
    writer.tensor("q4_k", {256}, 12, std::string(144, '\0'));
    return writer;
}

void model_seeds(const Seeds& seeds, const fs::path& folder)
{
    write_random(tiny(), folder);
    seeds.add("gguf", "model", golden::to_gguf(folder, golden::KeyValueForm::mla).bytes());
    seeds.add("gguf", "legacy", golden::to_gguf(folder, golden::KeyValueForm::legacy).bytes());
    seeds.add("safetensors", "model", content(folder / "model.safetensors"));
    seeds.add("config", "model", content(folder / "config.json"));
}

void format_seeds(const Seeds& seeds)
{
    seeds.add("gguf", "types", every_type().bytes());
    seeds.add("safetensors", "index",
              R"({"metadata":{"total_size":16},"weight_map":)"
              R"({"a":"a.safetensors","b":"b.safetensors"}})");
    const std::string header = R"({"__metadata__":{"format":"pt"},"x":{"dtype":"BF16","shape":[1,2],)"
                               R"("data_offsets":[0,4]},"none":{"dtype":"F8_E4M3","shape":[0,3],)"
                               R"("data_offsets":[4,4]}}  )";
    seeds.add("safetensors", "small", GgufWriter::raw<std::uint64_t>(header.size()) + header + "1234");

    seeds.add("json", "values",
              "[null, true, -1, 1.5e3, 18446744073709551615, \"\\u00e9\\n\", {\"a\": [{}]}]");
    const Json vectors = engine::format::read_json(data / "chat" / "vectors.json");
    seeds.add("json", "messages", vectors.at("conversations").at(4).dump());
}

void config_seeds(const Seeds& seeds)
{
    for (const char* name : {"groups", "long"})
        seeds.add("config", name, engine::format::read_json(data / "golden" / name / "config.json").dump());
    seeds.add("config", "tokenizer", content(data / "golden" / "lite" / "tokenizer_config.json"));
    seeds.add("config", "templates",
              R"({"bos_token":{"content":"<｜begin▁of▁sentence｜>"},"add_bos_token":true,"chat_template":)"
              R"([{"name":"default","template":"{{ messages[0]['content'] }}"}]})");
}

void tokenizer_seeds(const Seeds& seeds)
{
    seeds.add("tokenizer", "bytes", fuzz::small_vocabulary().dump());
    seeds.add("tokenizer", "bytes.gguf",
              GgufWriter::of_tokenizer(fuzz::small_vocabulary(), "deepseek-llm").bytes());
    for (const char* name : {"deepseek-llm", "deepseek-coder", "deepseek-v3"}) {
        const Json json = engine::format::read_json(data / "tokenizer" / (std::string(name) + ".json"));
        seeds.add("tokenizer", name, json.dump());
        seeds.add("tokenizer", std::string(name) + ".gguf", GgufWriter::of_tokenizer(json, name).bytes());
    }
}

// Every kind of statement and expression: the sources of the vectors, each with the person's words behind it.
void template_seeds(const Seeds& seeds)
{
    const Json vectors = engine::format::read_json(data / "chat" / "vectors.json");
    std::set<std::string> sources;
    for (const Json& one : vectors.at("cases"))
        sources.insert(one.at("source").get<std::string>() +
                       "{% for m in messages %}{{ m['content'] }}{% endfor %}");
    const Json config = engine::format::read_json(data / "golden" / "lite" / "tokenizer_config.json");
    sources.insert(config.at("chat_template").get<std::string>());
    int number = 0;
    for (const std::string& source : sources) {
        const engine::text::ChatTemplate chat(source, "B", "E", "seed");
        if (chat.problem().empty()) // some of the vectors are about faults
            seeds.add("chat_template", fmt::format("{:02}", ++number), source);
    }
}

// The toys as they are, and with changes that leave them whole: six bytes each, as weights.cpp reads them.
void weight_seeds(const Seeds& seeds)
{
    for (int toy = 0; toy < 5; ++toy)
        seeds.add("weights", fmt::format("toy-{}", toy), std::string(1, static_cast<char>(toy)));
    const auto change = [](int what, int at, int argument, int other) {
        return GgufWriter::raw(static_cast<std::uint8_t>(what)) +
               GgufWriter::raw(static_cast<std::uint8_t>(at)) +
               GgufWriter::raw(static_cast<std::uint16_t>(argument)) +
               GgufWriter::raw(static_cast<std::uint16_t>(other));
    };
    constexpr int set_type = 7;
    for (const int type : {0, 1, 2, 3, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 29, 30})
        seeds.add("weights", fmt::format("type-{:02}", type), '\0' + change(set_type, 0, type, 1));
    constexpr int set_bytes = 8;
    seeds.add("weights", "nan", '\0' + change(set_bytes, 0, 0, 0x7FC0));
}

} // namespace

int main(int argc, char** argv)
{
    if (argc != 2) {
        std::cerr << "usage: make_seeds FOLDER\n";
        return 2;
    }
    const QTemporaryDir temporary;
    const Seeds seeds{fs::path(argv[1])};
    model_seeds(seeds, temporary.filePath(QStringLiteral("tiny")).toStdString());
    format_seeds(seeds);
    config_seeds(seeds);
    tokenizer_seeds(seeds);
    template_seeds(seeds);
    weight_seeds(seeds);
    return 0;
}
