// SPDX-License-Identifier: MIT
// The commands of fathom-cli. Each writes its result to standard output; engine::Error and UsageError reach
// main().
#pragma once

#include "app/cli/arguments.h"

#include <span>
#include <stop_token>
#include <string_view>

namespace app {

// What is thrown where Ctrl-C ended a command.
struct Interrupted
{
};

struct Command
{
    std::string_view name;
    std::string_view summary;
    std::string_view operands;           // "MODEL", "MODEL OUT.gguf" or nothing
    std::span<const OptionSpec> options; // beside them
    void (*run)(const Arguments& arguments, const std::stop_token& stop);
};

void devices(const Arguments& arguments, const std::stop_token& stop);
void inspect(const Arguments& arguments, const std::stop_token& stop);
void tokenize(const Arguments& arguments, const std::stop_token& stop);
void detokenize(const Arguments& arguments, const std::stop_token& stop);
void render(const Arguments& arguments, const std::stop_token& stop);
void logits(const Arguments& arguments, const std::stop_token& stop);
void perplexity(const Arguments& arguments, const std::stop_token& stop);
void generate(const Arguments& arguments, const std::stop_token& stop);
void bench(const Arguments& arguments, const std::stop_token& stop);
void verify(const Arguments& arguments, const std::stop_token& stop);
void quantize(const Arguments& arguments, const std::stop_token& stop);
void synth(const Arguments& arguments, const std::stop_token& stop);

} // namespace app
