// SPDX-License-Identifier: MIT
// Golden models: random weights with known logits, committed ones and, where they are at hand, those of the
// specification.
#pragma once

#include "engine/format/json.h"
#include "engine/format/safetensors.h"
#include "tests/shared_folder.h"

#include <cmath>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace golden {

namespace fs = std::filesystem;

inline fs::path data_folder()
{
    return fs::path(FATHOM_SOURCE_DIR) / "tests" / "data";
}

// One file or folder that can be loaded, and what its logits have to be.
struct Case
{
    std::string name;
    fs::path model;
    fs::path expected;      // .safetensors with "logits"
    fs::path run;           // run.json
    bool has_greedy = true; // the greedy tokens of run.json belong to this file
    bool on_gpu = true;     // a GPU computes with its types
};

inline std::vector<Case> cases()
{
    std::vector<Case> all;
    for (const std::string name :
         {"lite", "groups", "long", "dense", "odd", "sharded", "v3", "fp8", "quantised", "codebooks"}) {
        const fs::path folder = data_folder() / "golden" / name;
        const fs::path file = folder / "model.gguf";
        all.push_back({.name = name,
                       .model = fs::exists(file) ? file : folder,
                       .expected = folder / "expected.safetensors",
                       .run = folder / "run.json",
                       .on_gpu = name != "fp8" && name != "quantised" && name != "codebooks"});
    }
    const fs::path spec = shared_folder() / "spec" / "golden";
    if (!fs::exists(spec))
        return all;
    for (const char* name : {"lite", "v2", "v2_5", "norope", "mscale", "v3"}) {
        const fs::path folder = spec / name;
        const auto add = [&](const char* file, const char* expected, bool has_greedy) {
            all.push_back({std::string("spec/") + name + "/" + file, folder / file, folder / expected,
                           folder / "run.json", has_greedy});
        };
        const std::string short_name = name;
        add("", "expected.safetensors", true);
        if (short_name == "lite") {
            add("lite-legacy-bf16.gguf", "expected.safetensors", true);
            add("lite-mla-bf16.gguf", "expected.safetensors", true);
            add("lite-mla-q8_0.gguf", "expected-q8_0.safetensors", false);
        } else if (short_name == "v2") {
            add("v2-legacy-bf16.gguf", "expected-nogroups.safetensors", false); // it has no group keys
            add("v2-mla-bf16.gguf", "expected.safetensors", true);
            add("v2-mla-q8_0.gguf", "expected-q8_0.safetensors", false);
        } else if (short_name == "v3") {
            add("v3-mla-bf16.gguf", "expected.safetensors", true);
        }
    }
    return all;
}

inline std::vector<std::int32_t> ids_of(const Case& c, const char* key)
{
    return engine::format::read_json(c.run).at(key).get<std::vector<std::int32_t>>();
}

inline std::vector<std::int32_t> prompt_of(const Case& c)
{
    return ids_of(c, "prompt_ids");
}

inline std::vector<std::int32_t> greedy_of(const Case& c)
{
    const auto json = engine::format::read_json(c.run);
    return json.at(json.contains("greedy_ids") ? "greedy_ids" : "greedy_next_12")
        .get<std::vector<std::int32_t>>();
}

struct Table // (rows, columns)
{
    std::size_t rows = 0;
    std::size_t columns = 0;
    std::vector<float> values;

    std::span<const float> row(std::size_t r) const
    {
        return std::span(values).subspan(r * columns, columns);
    }
};

inline Table read_logits(const fs::path& file)
{
    const engine::format::Safetensors safetensors(file);
    const engine::format::TensorInfo* tensor = safetensors.tensors().find("logits");
    Table table{static_cast<std::size_t>(tensor->shape[0]), static_cast<std::size_t>(tensor->shape[1]), {}};
    table.values.resize(table.rows * table.columns);
    std::memcpy(table.values.data(), tensor->bytes.data(), tensor->bytes.size());
    return table;
}

// max |a - b| / max |b|
inline double difference(std::span<const float> a, std::span<const float> b)
{
    double most = 0;
    double largest = 0;
    for (std::size_t i = 0; i < b.size(); ++i) {
        const double distance = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
        // Not std::max, which would lose what is not a number.
        if (!(distance <= most))
            most = distance;
        largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    }
    return most / largest;
}

} // namespace golden
