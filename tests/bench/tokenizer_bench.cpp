// SPDX-License-Identifier: MIT
// tokenizer_bench VOCABULARY TEXT...: how long the vocabulary (.gguf or tokenizer.json) takes to load, how
// fast it encodes each text file on one core, and whether twice a run of one kind of characters takes twice
// as long. make_mixed_text.py writes texts that serve.
#include "engine/format/mapped_file.h"
#include "engine/format/model_files.h"
#include "engine/text/tokenizer.h"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fmt/format.h>
#include <string>
#include <vector>

using engine::text::SpecialTokens;
using engine::text::Tokenizer;

namespace {

constexpr int rounds = 5;
constexpr std::size_t longest_run = 4'000'000; // characters

// Of the processor, so that a busy machine does not matter much.
template <class Work> double seconds(Work work)
{
    const std::clock_t begin = std::clock();
    work();
    return static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
}

template <class Work> double median_seconds(Work work)
{
    std::vector<double> times;
    for (int i = 0; i < rounds; ++i)
        times.push_back(seconds(work));
    std::ranges::sort(times);
    return times[times.size() / 2];
}

Tokenizer load(const std::filesystem::path& path)
{
    return path.extension() == ".gguf" ? Tokenizer(engine::format::ModelFiles(path))
                                       : Tokenizer::from_json(path, {});
}

void measure_text(const Tokenizer& tokenizer, const std::filesystem::path& path)
{
    const engine::format::MappedFile file(path);
    const std::string text(file.text());
    std::size_t tokens = 0;
    const double time =
        median_seconds([&] { tokens = tokenizer.encode(text, SpecialTokens::as_text).size(); });
    fmt::print("| {} | {:.1f} | {:.2f} | {:.1f} |\n", path.stem().string(),
               static_cast<double>(text.size()) / 1e6,
               static_cast<double>(text.size()) / static_cast<double>(tokens),
               static_cast<double>(text.size()) / 1e6 / time);
}

void measure_run(const Tokenizer& tokenizer, std::string_view name, std::string_view unit)
{
    std::string text;
    for (std::size_t i = 0; i < longest_run; ++i)
        text += unit;
    const auto time = [&](std::size_t size) {
        return seconds(
            [&] { tokenizer.encode(std::string_view(text).substr(0, size), SpecialTokens::as_text); });
    };
    const double half = time(text.size() / 2);
    const double whole = time(text.size());
    fmt::print("| {} | {:.1f} | {:.2f} |\n", name, static_cast<double>(text.size()) / 1e6 / whole,
               whole / half);
}

void run(const std::vector<std::string>& words)
{
    const std::filesystem::path path(words.at(0));
    const double load_time = median_seconds([&] { load(path); });
    const Tokenizer tokenizer = load(path);
    fmt::print("{}: {} tokens, loaded in {:.0f} ms\n\n", path.filename().string(), tokenizer.size(),
               1e3 * load_time);
    fmt::print("| text | MB | bytes for each token | MB/s |\n|---|--:|--:|--:|\n");
    for (std::size_t i = 1; i < words.size(); ++i)
        measure_text(tokenizer, words[i]);
    fmt::print("\n| four million of | MB/s | time against two million |\n|---|--:|--:|\n");
    for (const auto& [name, unit] : {std::pair("letter", "a"),
                                     {"base64", "iVBORw0K"},
                                     {"Han", "\u4f60"},
                                     {"digit", "7"},
                                     {"blank", " "},
                                     {"newline", "\n"},
                                     {"sign", "-"},
                                     {"combining mark", "\u0301"},
                                     {"emoji", "\U0001f44d"},
                                     {"ill-formed byte", "\xff"}})
        measure_run(tokenizer, name, unit);
}

} // namespace

int main(int count, char** words)
{
    if (count < 2) {
        fmt::print(stderr, "usage: tokenizer_bench VOCABULARY TEXT...\n");
        return 2;
    }
    try {
        run(std::vector<std::string>(words + 1, words + count));
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "error: {}\n", error.what());
        return 1;
    }
}
