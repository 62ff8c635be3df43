// SPDX-License-Identifier: MIT
// Logits and what is computed from them.
#include "app/cli/commands.h"
#include "app/cli/options.h"
#include "app/cli/output_file.h"
#include "app/cli/progress.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/text/tokenizer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace app {

namespace {

// The head of a .npy file, version 1.0: magic, length, a dictionary filled up to 64 bytes.
std::string npyHeader(std::size_t rows, std::size_t columns)
{
    static_assert(std::endian::native == std::endian::little);
    std::string dictionary =
        fmt::format("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}, {}), }}", rows, columns);
    constexpr std::size_t before = 10;
    dictionary.resize((before + dictionary.size() + 1 + 63) / 64 * 64 - before - 1, ' ');
    dictionary += '\n';
    std::string header("\x93NUMPY\x01\x00", 8);
    header += static_cast<char>(dictionary.size() & 0xff);
    header += static_cast<char>(dictionary.size() >> 8);
    return header + dictionary;
}

// -log softmax(logits)[id]
double loss(std::span<const float> logits, std::int32_t id)
{
    const double best = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits)
        sum += std::exp(static_cast<double>(logit) - best);
    return std::log(sum) + best - static_cast<double>(logits[static_cast<std::size_t>(id)]);
}

} // namespace

void logits(const Arguments& arguments, const std::stop_token& stop)
{
    arguments.require("--ids");
    const auto ids = arguments.integers("--ids", "", 0, std::numeric_limits<std::int32_t>::max());
    const std::filesystem::path out = arguments.require("--out");
    engine::LoadOptions options = loadOptions(arguments, engine::CacheType::f32);
    options.context_tokens = static_cast<std::int64_t>(ids.size());
    options.chunk_tokens = arguments.integer("--chunk", options.chunk_tokens, 1, 4096);

    Progress progress;
    engine::Evaluator evaluator(
        modelOperand(arguments), options, 1, [&](const engine::LoadProgress& load) { progress.show(load); },
        stop);
    OutputFile file(out);
    file.write(npyHeader(ids.size(), static_cast<std::size_t>(evaluator.runtime().config.vocab_size)));
    const bool isComplete = evaluator.feed(
        ids, engine::Evaluator::Output::all,
        [&](std::size_t, std::int64_t position, std::span<const float> row) {
            file.write(std::as_bytes(row));
            progress.show("Reading", position + 1, options.context_tokens);
        },
        stop);
    if (!isComplete)
        throw Interrupted();
    file.commit();
}

void perplexity(const Arguments& arguments, const std::stop_token& stop)
{
    const std::filesystem::path path = arguments.require("--file");
    engine::LoadOptions options = loadOptions(arguments, engine::CacheType::f32);
    const std::string content = readText(path);

    Progress progress;
    engine::Evaluator evaluator(
        modelOperand(arguments), options, 1, [&](const engine::LoadProgress& load) { progress.show(load); },
        stop);
    const engine::text::Tokenizer tokenizer(evaluator.runtime().files);
    const std::vector<std::int32_t> ids = tokenizer.encode(content, engine::text::SpecialTokens::as_text);

    // Windows side by side, each as long as the context and with BOS before it, so that every token but the
    // first of a text without BOS counts once.
    const auto window = static_cast<std::size_t>(evaluator.runtime().options.context_tokens);
    const std::size_t lead = tokenizer.bos() ? 1 : 0;
    if (window < 2)
        throw UsageError("--ctx: expected 2 or more");
    double sum = 0;
    std::int64_t count = 0;
    std::vector<std::int32_t> part;
    for (std::size_t begin = 0; begin < ids.size();) {
        const std::size_t end = std::min(ids.size(), begin + window - lead);
        part.clear();
        if (lead > 0)
            part.push_back(*tokenizer.bos());
        part.insert(part.end(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                    ids.begin() + static_cast<std::ptrdiff_t>(end));
        evaluator.rewind(0, 0);
        const bool isComplete = evaluator.feed(
            part, engine::Evaluator::Output::all,
            [&](std::size_t, std::int64_t position, std::span<const float> row) {
                const auto next = static_cast<std::size_t>(position) + 1;
                if (next == part.size())
                    return;
                sum += loss(row, part[next]);
                ++count;
                progress.show("Reading", static_cast<std::int64_t>(begin + next),
                              static_cast<std::int64_t>(ids.size()));
            },
            stop);
        if (!isComplete)
            throw Interrupted();
        begin = end;
    }
    if (count == 0)
        throw engine::Error(path.string(), "expected a text of at least two tokens, found less");
    const double nll = sum / static_cast<double>(count);
    progress.clear();
    if (arguments.has("--json"))
        fmt::print("{}\n",
                   nlohmann::json{{"perplexity", std::exp(nll)}, {"tokens", count}, {"nll", nll}}.dump());
    else
        fmt::print("perplexity {:.4f} over {} tokens\n", std::exp(nll), count);
}

} // namespace app
