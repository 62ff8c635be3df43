// SPDX-License-Identifier: MIT
// Speed of reading and generating, beside what the machine can do at most.
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/progress.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/speed_test.h"
#include "engine/text/tokenizer.h"
#include "kernels/cpu/machine_limits.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>

namespace app {

namespace {

using Clock = std::chrono::steady_clock;

double secondsSince(Clock::time_point begin)
{
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Row
{
    const char* kind;
    std::int64_t streams;
    std::int64_t tokens; // of each stream
    std::int64_t depth;
    engine::Rate rate;
    double fraction() const { return rate.median / rate.limit; }
};

std::vector<std::int32_t> scriptOf(const Arguments& arguments, const engine::Runtime& runtime)
{
    if (const auto file = arguments.find("--replay")) {
        const engine::text::Tokenizer tokenizer(runtime.files);
        auto ids = tokenizer.encode(readText(*file), engine::text::SpecialTokens::as_text);
        if (ids.empty())
            throw engine::Error(*file, "expected a text, found none");
        return ids;
    }
    return engine::any_tokens(runtime.config);
}

void print(const std::vector<Row>& rows, const kernels::cpu::MachineLimits& limits, double loadSeconds)
{
    fmt::print("limits: read {:.1f} GB/s, fp32 {:.1f} GFLOP/s; loaded in {:.2f} s\n", limits.read_gb_per_s,
               limits.fp32_gflop_per_s, loadSeconds);
    fmt::print("{:<9} {:>7} {:>7} {:>7} {:>12} {:>10} {:>10} {:>9}\n", "kind", "streams", "tokens", "depth",
               "tokens/s", "min", "max", "of limit");
    for (const Row& r : rows)
        fmt::print("{:<9} {:>7} {:>7} {:>7} {:>12.1f} {:>10.1f} {:>10.1f} {:>7.1f} %\n", r.kind, r.streams,
                   r.tokens, r.depth, r.rate.median, r.rate.min, r.rate.max, r.fraction() * 100);
}

} // namespace

void bench(const Arguments& arguments, const std::stop_token& stop)
{
    constexpr std::int32_t mostTokens = 1 << 20;
    const std::int64_t promptTokens = arguments.integer("-p", 512, 0, mostTokens);
    const std::int64_t generatedTokens = arguments.integer("-n", 64, 0, mostTokens);
    const std::int64_t runs = arguments.integer("-r", 5, 1, 1000);
    auto depths = arguments.integers("-d", "0,4096", 0, mostTokens);
    const std::int64_t measured = std::max<std::int64_t>({1, promptTokens, generatedTokens});
    const std::filesystem::path model = modelOperand(arguments);
    if (!arguments.has("-d")) { // a model of a short context still has its first depth measured
        const std::int64_t room = engine::inspect(model).context_length - measured;
        std::erase_if(depths, [&](std::int32_t depth) { return depth > 0 && depth > room; });
    }
    const auto streams = arguments.integers("--streams", "1", 1, 256);

    engine::LoadOptions options = loadOptions(arguments, engine::CacheType::bf16);
    options.context_tokens = *std::max_element(depths.begin(), depths.end()) + measured;
    Progress progress;
    const auto begin = Clock::now();
    engine::Evaluator evaluator(
        model, options, static_cast<std::size_t>(*std::max_element(streams.begin(), streams.end())),
        [&](const engine::LoadProgress& load) { progress.show(load); }, stop);
    const double loadSeconds = secondsSince(begin);

    progress.show("Limits", 0, 1);
    const kernels::cpu::MachineLimits limits = engine::cpu_limits(evaluator.runtime().options);

    const char* kind = "";
    engine::SpeedTest test(
        evaluator, scriptOf(arguments, evaluator.runtime()), runs, limits,
        [&](std::int64_t done, std::int64_t of) { progress.show(kind, done, of); }, stop);
    std::vector<Row> rows;
    const auto add = [&](const std::optional<engine::Rate>& rate, std::int64_t count, std::int64_t tokens,
                         std::int64_t depth) {
        if (!rate)
            throw Interrupted();
        rows.push_back({kind, count, tokens, depth, *rate});
    };
    for (const std::int32_t count : streams) {
        const auto together = static_cast<std::size_t>(count);
        for (const std::int32_t depth : depths) {
            if (promptTokens > 0) {
                kind = "prompt";
                add(test.prompt(together, promptTokens, depth), count, promptTokens, depth);
            }
            if (generatedTokens > 0) {
                kind = "generate";
                add(test.generation(together, generatedTokens, depth), count, generatedTokens, depth);
            }
        }
    }
    progress.clear();
    if (!arguments.has("--json")) {
        print(rows, limits, loadSeconds);
        return;
    }
    nlohmann::ordered_json json{{"limits",
                                 {{"read_gb_s", limits.read_gb_per_s},
                                  {"fp32_gflops", limits.fp32_gflop_per_s},
                                  {"bf16_gflops", limits.bf16_gflop_per_s},
                                  {"int8_gops", limits.int8_gop_per_s}}},
                                {"load_s", loadSeconds},
                                {"rows", nlohmann::ordered_json::array()}};
    for (const Row& r : rows)
        json["rows"].push_back({{"kind", r.kind},
                                {"streams", r.streams},
                                {"tokens", r.tokens},
                                {"depth", r.depth},
                                {"median", r.rate.median},
                                {"min", r.rate.min},
                                {"max", r.rate.max},
                                {"fraction", r.fraction()}});
    fmt::print("{}\n", json.dump());
}

} // namespace app
