// SPDX-License-Identifier: MIT
#include "tests/gpu/golden.h"

#include "engine/evaluator.h"
#include "engine/format/json.h"
#include "engine/format/safetensors.h"

#include "tests/gpu/tensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <exception>

namespace gpu {

namespace fs = std::filesystem;

namespace {

struct Golden
{
    std::vector<std::int32_t> prompt;
    std::vector<std::int32_t> greedy; // the tokens that follow
    std::vector<float> logits;        // (prompt, vocabulary)
    std::int64_t vocabulary = 0;
};

Golden read_golden(const fs::path& folder)
{
    const auto run = engine::format::read_json(folder / "run.json");
    const engine::format::Safetensors file(folder / "expected.safetensors");
    const engine::format::TensorInfo* tensor = file.tensors().find("logits");
    if (!tensor)
        throw std::runtime_error(
            fmt::format("{} has no logits.", (folder / "expected.safetensors").string()));
    Golden golden;
    golden.prompt = run.at("prompt_ids").get<std::vector<std::int32_t>>();
    golden.greedy = run.at("greedy_ids").get<std::vector<std::int32_t>>();
    golden.vocabulary = tensor->shape[1];
    golden.logits.resize(tensor->bytes.size() / sizeof(float));
    std::memcpy(golden.logits.data(), tensor->bytes.data(), tensor->bytes.size());
    return golden;
}

// How a prompt is fed, and how near its logits come.
struct Way
{
    const char* name;
    std::int64_t chunk;
    engine::CacheType cache;
    double allowed;
};
// Few rows and a cache in fp32 are all fp32. Prompts take bf16 factors where the weights are not F32, and so
// does attention where the cache is BF16: an expert may change places with the next one.
constexpr Way ways[] = {{"token by token", 1, engine::CacheType::f32, 1e-4},
                        {"in eights", 8, engine::CacheType::f32, 1e-4},
                        {"token by token", 1, engine::CacheType::bf16, 5e-2},
                        {"at once", 256, engine::CacheType::bf16, 5e-2}};

engine::LoadOptions options_of(const Way& way, int device)
{
    engine::LoadOptions options;
    options.device = fmt::format("cuda:{}", device);
    options.cache_type = way.cache;
    options.context_tokens = 128;
    options.chunk_tokens = way.chunk;
    return options;
}

// The ids that are the likeliest one after the other, as long as the golden ones.
std::vector<std::int32_t> greedy_of(engine::Evaluator& evaluator, const Golden& golden)
{
    std::vector<std::int32_t> next = golden.prompt;
    std::vector<std::int32_t> chosen;
    while (chosen.size() < golden.greedy.size()) {
        const auto choose = [&](std::size_t, std::int64_t, std::span<const float> row) {
            chosen.push_back(
                static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
        };
        evaluator.feed(next, engine::Evaluator::Output::last, choose);
        next = {chosen.back()};
    }
    return chosen;
}

void check_model(Report& report, const fs::path& folder, const Way& way, int device)
{
    const std::string name = folder.filename().string();
    const char* cache = way.cache == engine::CacheType::f32 ? "F32" : "BF16";
    try {
        const Golden golden = read_golden(folder);
        Difference difference;
        engine::Evaluator evaluator(folder, options_of(way, device));
        const auto compare = [&](std::size_t, std::int64_t position, std::span<const float> row) {
            const auto first = golden.logits.begin() + position * golden.vocabulary;
            difference.add(row.data(), Numbers(first, first + golden.vocabulary));
        };
        evaluator.feed(golden.prompt, engine::Evaluator::Output::all, compare);
        engine::Evaluator again(folder, options_of(way, device));
        const bool is_same_text = greedy_of(again, golden) == golden.greedy;
        // Where bf16 rounds, the text may part from the golden one; where nothing does, it may not.
        const bool ok = difference.count() == static_cast<std::int64_t>(golden.logits.size()) &&
                        difference.worst() <= way.allowed && difference.angle() <= way.allowed &&
                        (is_same_text || way.allowed > 1e-3);
        report.verdict({name, way.name, cache, fmt::format("{:.1e}", difference.worst()),
                        fmt::format("{:.1e}", difference.angle()), fmt::format("{:.0e}", way.allowed),
                        is_same_text ? "same" : "other"},
                       ok);
    } catch (const std::exception& error) {
        report.verdict({name, way.name, cache, error.what(), "", "", ""}, false);
    }
}

} // namespace

void check_golden(Report& report, const Clock& clock, const Options& options)
{
    report.section("Golden models through the module", {"model", "fed", "cache", "worst of the largest",
                                                        "1 - cosine", "allowed", "greedy text", "result"});
    int count = 0;
    for (const char* name : {"lite", "groups", "long", "dense", "odd", "sharded"}) {
        const fs::path folder = options.golden_folder / name;
        if (!fs::exists(folder / "run.json"))
            continue;
        ++count;
        for (const Way& way : ways) {
            if (clock.seconds_left() <= 0.0)
                return report.remark("The others were not run: the time is up.");
            check_model(report, folder, way, options.device);
        }
    }
    if (count == 0)
        report.verdict({options.golden_folder.string(), "", "", "no golden model was found", "", "", ""},
                       false);
}

} // namespace gpu
