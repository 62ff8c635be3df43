// SPDX-License-Identifier: MIT
// The commands that need no weights.
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "engine/engine.h"
#include "engine/error.h"
#include "engine/format/model_files.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <limits>
#include <map>
#include <string>

#include <unistd.h>

namespace app {

namespace {

namespace format = engine::format;
namespace text = engine::text;

// Exactly these bytes; on a terminal, a line of its own.
void writeText(std::string_view bytes)
{
    std::fwrite(bytes.data(), 1, bytes.size(), stdout);
    if (isatty(STDOUT_FILENO) == 1 && !bytes.ends_with('\n'))
        std::fputc('\n', stdout);
}

void writeIds(const std::vector<text::TokenId>& ids)
{
    fmt::print("{}\n", nlohmann::json(ids).dump());
}

std::string readableBytes(std::int64_t bytes)
{
    constexpr const char* units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    for (; value >= 1024 && unit + 1 < std::size(units); ++unit)
        value /= 1024;
    return unit == 0 ? fmt::format("{} bytes", bytes) : fmt::format("{:.2f} {}", value, units[unit]);
}

std::map<std::string, std::int64_t> weightGroups(const engine::WeightBytes& bytes)
{
    return {{"embedding", bytes.embedding},
            {"attention", bytes.attention},
            {"dense", bytes.dense},
            {"routed experts", bytes.routed_experts},
            {"shared experts", bytes.shared_experts},
            {"router and norms", bytes.router_and_norms},
            {"head", bytes.head}};
}

// What this program takes by itself and has taken already, which is why no plan counts it; 0: unknown.
std::int64_t ownBytes()
{
    std::ifstream statm("/proc/self/statm");
    std::int64_t size = 0;
    std::int64_t resident = 0;
    statm >> size >> resident;
    return resident * sysconf(_SC_PAGESIZE);
}

void printInfo(const engine::ModelInfo& info, const engine::MemoryPlan& plan, std::int64_t context,
               std::int64_t program)
{
    const auto line = [](std::string_view name, const std::string& value) {
        fmt::print("{:<24} {}\n", name, value);
    };
    line("name", info.name);
    if (!info.description.empty())
        line("description", info.description);
    if (!info.license.empty())
        line("license", info.license);
    if (!info.attribution.empty())
        line("attribution", info.attribution);
    line("architecture", info.architecture);
    line("parameters", fmt::format("{}", info.parameters));
    line("active for each token", fmt::format("{}", info.active_parameters));
    line("file", readableBytes(info.file_bytes));
    for (const auto& [type, count] : info.tensor_types)
        line(fmt::format("tensors in {}", type), fmt::format("{}", count));
    for (const auto& [type, bytes] : info.kv_bytes_per_token)
        line(fmt::format("cache in {}", type), fmt::format("{} bytes for each token", bytes));
    for (const auto& [name, value] : info.hyperparameters)
        line(name, fmt::format("{}", value));
    line("chat format", info.is_chat ? "yes" : "no");
    for (const std::string& note : info.notes)
        line("note", note);
    line("identity", info.identity);
    fmt::print("\nMemory for {} tokens of context:\n", context);
    line("weights", readableBytes(plan.weights));
    for (const auto& [name, bytes] : weightGroups(plan.groups))
        if (bytes > 0)
            line("  " + name, readableBytes(bytes));
    line("cache", readableBytes(plan.cache));
    line("scratch", readableBytes(plan.scratch));
    if (plan.library > 0)
        line("library", readableBytes(plan.library));
    if (plan.vocabulary > 0)
        line("vocabulary", readableBytes(plan.vocabulary));
    line("total", readableBytes(plan.total));
    line("program itself", readableBytes(program) + ", taken already");
    line("free now", readableBytes(plan.available));
    line("largest context", fmt::format("{} tokens", plan.largest_context_tokens));
    fmt::print("{}\n", plan.verdict);
}

} // namespace

void inspect(const Arguments& arguments, const std::stop_token&)
{
    const std::int64_t wanted = arguments.integer("--ctx", 0, 1, std::numeric_limits<std::int32_t>::max());
    const std::int64_t program = ownBytes();
    const engine::ModelInfo info = engine::inspect(modelOperand(arguments));
    engine::LoadOptions options;
    options.context_tokens = wanted > 0 ? wanted : std::min<std::int64_t>(info.context_length, 8192);
    options.cache_tokens = options.context_tokens; // one conversation
    options.device = arguments.find("--device").value_or("cpu");
    const engine::MemoryPlan plan = engine::plan(info, options);
    if (!arguments.has("--json")) {
        printInfo(info, plan, options.context_tokens, program);
        return;
    }
    const nlohmann::ordered_json json{{"name", info.name},
                                      {"description", info.description},
                                      {"license", info.license},
                                      {"attribution", info.attribution},
                                      {"architecture", info.architecture},
                                      {"hyperparameters", info.hyperparameters},
                                      {"context_length", info.context_length},
                                      {"parameters", info.parameters},
                                      {"active_parameters", info.active_parameters},
                                      {"file_bytes", info.file_bytes},
                                      {"types", info.tensor_types},
                                      {"kv_bytes_per_token", info.kv_bytes_per_token},
                                      {"is_chat", info.is_chat},
                                      {"notes", info.notes},
                                      {"identity", info.identity},
                                      {"plan",
                                       {{"context", options.context_tokens},
                                        {"device", options.device},
                                        {"weights", plan.weights},
                                        {"weight_groups", weightGroups(plan.groups)},
                                        {"mapped", plan.mapped},
                                        {"cache", plan.cache},
                                        {"scratch", plan.scratch},
                                        {"library", plan.library},
                                        {"vocabulary", plan.vocabulary},
                                        {"program", program},
                                        {"total", plan.total},
                                        {"available", plan.available},
                                        {"fits", plan.fits},
                                        {"largest_context", plan.largest_context_tokens},
                                        {"verdict", plan.verdict}}}};
    fmt::print("{}\n", json.dump());
}

void tokenize(const Arguments& arguments, const std::stop_token&)
{
    if (arguments.has("--text") && arguments.has("--file"))
        throw UsageError("expected one of --text and --file");
    const text::Tokenizer tokenizer{format::ModelFiles(modelOperand(arguments))};
    const std::string content = arguments.has("--text") ? std::string(*arguments.find("--text"))
                                                        : readText(arguments.find("--file").value_or(""));
    std::vector<text::TokenId> ids = tokenizer.encode(
        content, arguments.has("--special") ? text::SpecialTokens::parse : text::SpecialTokens::as_text);
    if (arguments.has("--bos")) {
        if (!tokenizer.bos())
            throw engine::Error(tokenizer.file(), "expected a token that begins a text, found none");
        ids.insert(ids.begin(), *tokenizer.bos());
    }
    writeIds(ids);
}

void detokenize(const Arguments& arguments, const std::stop_token&)
{
    arguments.require("--ids");
    const auto ids = arguments.integers("--ids", "", 0, std::numeric_limits<std::int32_t>::max());
    const text::Tokenizer tokenizer{format::ModelFiles(modelOperand(arguments))};
    for (const text::TokenId id : ids)
        if (id >= tokenizer.size())
            throw engine::Error(tokenizer.file(), fmt::format("expected token ids from 0 to {}, found {}",
                                                              tokenizer.size() - 1, id));
    writeText(tokenizer.decode(ids));
}

void render(const Arguments& arguments, const std::stop_token&)
{
    const std::string file(arguments.require("--chat"));
    const text::Tokenizer tokenizer{format::ModelFiles(modelOperand(arguments))};
    const text::ChatTemplate chat(tokenizer);
    const std::vector<text::ChatMessage> messages = text::parse_messages(readText(file), file);
    // What comes next is an answer, unless one stands at the end.
    const bool isAnswered = !messages.empty() && messages.back().role == "assistant";
    const std::vector<text::Segment> segments =
        chat.render(messages, isAnswered ? text::GenerationPrompt::none : text::GenerationPrompt::add);
    if (arguments.has("--ids")) {
        writeIds(tokenizer.encode(segments));
        return;
    }
    std::string prompt;
    for (const text::Segment& segment : segments)
        prompt += segment.text;
    writeText(prompt);
}

} // namespace app
