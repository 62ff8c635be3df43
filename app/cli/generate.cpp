// SPDX-License-Identifier: MIT
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/progress.h"
#include "engine/engine.h"
#include "engine/error.h"
#include "engine/sampler.h"
#include "engine/text/chat_template.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <limits>
#include <optional>

#include <sys/resource.h>

namespace app {

namespace {

engine::Sampling readSampling(const Arguments& arguments)
{
    constexpr double most = 1e6;
    engine::Sampling s;
    s.temperature = static_cast<float>(arguments.number("--temperature", s.temperature, 0, most));
    s.top_k = static_cast<int>(arguments.integer("--top-k", s.top_k, 0, std::numeric_limits<int>::max()));
    s.top_p = static_cast<float>(arguments.number("--top-p", s.top_p, 0, 1));
    s.min_p = static_cast<float>(arguments.number("--min-p", s.min_p, 0, 1));
    s.repeat_penalty = static_cast<float>(arguments.number("--repeat-penalty", s.repeat_penalty, 0, most));
    s.seed = static_cast<std::uint64_t>(
        arguments.integer("--seed", 0, 0, std::numeric_limits<std::int64_t>::max()));
    try {
        engine::check_sampling(s);
    } catch (const engine::Error& error) {
        throw UsageError(error.what());
    }
    return s;
}

engine::Request readRequest(const Arguments& arguments)
{
    engine::Request request;
    const bool isGap = arguments.has("--fim-prefix") || arguments.has("--fim-suffix");
    if (arguments.has("--prompt") + arguments.has("--chat") + isGap != 1)
        throw UsageError("expected one of --prompt, --chat and --fim-prefix with --fim-suffix");
    if (isGap) {
        request.fill_in = engine::FillIn{std::string(arguments.find("--fim-prefix").value_or("")),
                                         std::string(arguments.find("--fim-suffix").value_or(""))};
    } else if (const auto prompt = arguments.find("--prompt")) {
        request.prompt = *prompt;
    } else {
        const std::string file(arguments.require("--chat"));
        for (const auto& message : engine::text::parse_messages(readText(file), file)) {
            if (!message.content || !message.tool_calls.empty())
                throw engine::Error(file, "expected messages of text, found a call of a tool");
            request.messages.push_back({message.role, *message.content});
        }
        if (request.messages.empty())
            throw engine::Error(file, "expected at least one message, found none");
        request.continue_last = request.messages.back().role == "assistant";
    }
    request.sampling = readSampling(arguments);
    request.max_tokens = arguments.integer("--max-tokens", 0, 1, std::numeric_limits<std::int32_t>::max());
    request.stop = arguments.all("--stop");
    return request;
}

// Text to standard output as it comes, progress of the prompt to the bar.
class Printer final : public engine::Sink
{
public:
    Printer(Progress& progress, bool isQuiet)
        : m_progress(progress)
        , m_isQuiet(isQuiet)
    {
    }

    void prompt_progress(std::int64_t done, std::int64_t total) override
    {
        m_progress.show("Reading", done, total);
    }
    void text(std::string_view utf8) override
    {
        m_progress.clear();
        if (m_isQuiet)
            return;
        std::fwrite(utf8.data(), 1, utf8.size(), stdout);
        std::fflush(stdout);
    }
    void finished(const engine::Result& answer) override { result = answer; }
    void failed(const std::string& message) override { failure = message; }

    std::optional<engine::Result> result;
    std::optional<std::string> failure;

private:
    Progress& m_progress;
    bool m_isQuiet;
};

std::int64_t peakMemory()
{
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

} // namespace

void generate(const Arguments& arguments, const std::stop_token& stop)
{
    const engine::LoadOptions options = loadOptions(arguments, engine::CacheType::bf16);
    const engine::Request request = readRequest(arguments);
    const bool isJson = arguments.has("--json");

    Progress progress;
    const auto engine = engine::load(
        modelOperand(arguments), options, [&](const engine::LoadProgress& load) { progress.show(load); },
        stop);
    Printer printer(progress, isJson);
    const engine::SequenceId sequence = engine->open_sequence();
    engine->start(sequence, request, stop, printer);
    while (!printer.result && !printer.failure)
        engine->step();
    progress.clear();
    if (printer.failure)
        throw engine::Error("", *printer.failure);
    const engine::Result& result = *printer.result;
    if (!isJson)
        fmt::print("\n");
    std::fflush(stdout);
    if (result.finish == engine::Finish::cancelled)
        throw Interrupted();
    if (!isJson) {
        fmt::print(stderr, "{} tokens read at {:.1f} tokens/s, {} generated at {:.1f} tokens/s, finish: {}\n",
                   result.prompt_tokens, result.prompt_tps, result.generated_tokens, result.generate_tps,
                   engine::name(result.finish));
        return;
    }
    const nlohmann::ordered_json json{{"text", result.text},
                                      {"ids", result.ids},
                                      {"finish", engine::name(result.finish)},
                                      {"prompt_tokens", result.prompt_tokens},
                                      {"generated_tokens", result.generated_tokens},
                                      {"first_token_s", result.first_token_seconds},
                                      {"prompt_tps", result.prompt_tps},
                                      {"generate_tps", result.generate_tps},
                                      {"peak_rss_bytes", peakMemory()}};
    fmt::print("{}\n", json.dump());
}

} // namespace app
