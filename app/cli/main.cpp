// SPDX-License-Identifier: MIT
// fathom-cli: the engine without a window. Exit status 0: done; 1: it failed, with one line on standard
// error; 2: wrong usage; 130: interrupted.
#include "app/cli/commands.h"
#include "app/cli/interrupt.h"
#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <new>
#include <string>

namespace app {

namespace {

constexpr int failed = 1;
constexpr int wrongUsage = 2;

constexpr OptionSpec isaOption = {"--isa", "scalar|avx2|avx512"};
constexpr OptionSpec inspectOptions[] = {{"--json", ""}, {"--ctx", "N"}, {"--device", "cpu|cuda:0"}};
constexpr OptionSpec devicesOptions[] = {{"--json", ""}};
constexpr OptionSpec tokenizeOptions[] = {{"--text", "T"}, {"--file", "F"}, {"--special", ""}, {"--bos", ""}};
constexpr OptionSpec detokenizeOptions[] = {{"--ids", "1,2,3"}};
constexpr OptionSpec renderOptions[] = {{"--chat", "FILE.json"}, {"--ids", ""}};
constexpr OptionSpec logitsOptions[] = {{"--ids", "1,2,3"}, {"--out", "F.npy"}, {"--kv", "f32|bf16"},
                                        {"--chunk", "N"},   {"-t", "T"},        {"--device", "cpu|cuda:0"},
                                        isaOption};
constexpr OptionSpec generateOptions[] = {{"--prompt", "T"},
                                          {"--chat", "FILE.json"},
                                          {"--fim-prefix", "T"},
                                          {"--fim-suffix", "T"},
                                          {"--max-tokens", "N"},
                                          {"--temperature", "X"},
                                          {"--top-k", "K"},
                                          {"--top-p", "P"},
                                          {"--min-p", "P"},
                                          {"--repeat-penalty", "R"},
                                          {"--seed", "S"},
                                          {"--stop", "T"},
                                          {"--ctx", "N"},
                                          {"-t", "T"},
                                          {"--device", "D"},
                                          {"--kv", "f32|bf16"},
                                          isaOption,
                                          {"--json", ""}};
constexpr OptionSpec perplexityOptions[] = {{"--file", "F"}, {"--ctx", "N"},    {"--kv", "f32|bf16"},
                                            {"-t", "T"},     {"--device", "D"}, isaOption,
                                            {"--json", ""}};
constexpr OptionSpec benchOptions[] = {{"-p", "512"},        {"-n", "64"},  {"-d", "0,4096"},
                                       {"-r", "5"},          {"-t", "T"},   {"--device", "D"},
                                       {"--kv", "f32|bf16"}, isaOption,     {"--streams", "1,4,8"},
                                       {"--replay", "FILE"}, {"--json", ""}};

constexpr OptionSpec verifyOptions[] = {{"-t", "T"}, {"--device", "D"}, isaOption};
constexpr OptionSpec quantizeOptions[] = {{"--type", "TYPE"}, {"-t", "T"}};
constexpr OptionSpec synthOptions[] = {{"--shape", "tiny|v2-lite|v2"},
                                       {"--type", "TYPE"},
                                       {"--layers", "N"},
                                       {"--seed", "S"},
                                       {"--outliers", ""},
                                       {"--router", "zipf"},
                                       {"-t", "T"}};

constexpr Command table[] = {
    {"inspect", "what a model is and how much memory it needs for N tokens of context", "MODEL",
     inspectOptions, inspect},
    {"tokenize", "the token ids of a text, of a file or of standard input", "MODEL", tokenizeOptions,
     tokenize},
    {"detokenize", "the text of token ids", "MODEL", detokenizeOptions, detokenize},
    {"render", "the prompt that the chat format makes of a conversation, or its token ids", "MODEL",
     renderOptions, render},
    {"logits", "logits of every position as an array of NumPy", "MODEL", logitsOptions, logits},
    {"generate", "continue a text, answer in a conversation or fill a gap", "MODEL", generateOptions,
     generate},
    {"perplexity", "perplexity over a text; nll is the mean loss of a token in nats", "MODEL",
     perplexityOptions, perplexity},
    {"bench", "speed at each depth, beside the measured limits of the machine", "MODEL", benchOptions, bench},
    {"devices", "the devices that --device can name", "", devicesOptions, devices},
    {"verify", "whether the model is whole and computes: one report, to read and to paste", "MODEL",
     verifyOptions, verify},
    {"quantize", "the model in another type, as one GGUF file", "MODEL OUT.gguf", quantizeOptions, quantize},
    {"synth", "a model of a published shape with random weights, for measuring", "OUT.gguf", synthOptions,
     synth},
};

std::size_t operandCount(const Command& command)
{
    if (command.operands.empty())
        return 0;
    return 1 + static_cast<std::size_t>(std::ranges::count(command.operands, ' '));
}

std::string usageLine(const Command& command)
{
    std::string line = fmt::format("usage: fathom-cli {}{}{}", command.name,
                                   command.operands.empty() ? "" : " ", command.operands);
    for (const OptionSpec& option : command.options)
        line += option.value.empty() ? fmt::format(" [{}]", option.name)
                                     : fmt::format(" [{} {}]", option.name, option.value);
    return line;
}

void printHelp()
{
    fmt::print("usage: fathom-cli COMMAND MODEL [options]\n\n"
               "MODEL is the word starter, a .gguf file, or a folder in Hugging Face layout.\n\n");
    for (const Command& command : table)
        fmt::print("  {:<11} {}\n", command.name, command.summary);
    fmt::print("\nfathom-cli COMMAND --help shows the options of a command.\n");
}

int fail(std::string_view message)
{
    fmt::print(stderr, "error: {}\n", message);
    return failed;
}

int run(std::span<char* const> words)
{
    if (words.empty()) {
        fmt::print(stderr,
                   "usage: fathom-cli COMMAND MODEL [options]; fathom-cli --help lists the commands\n");
        return wrongUsage;
    }
    const std::string_view name = words[0];
    if (name == "--help" || name == "-h") {
        printHelp();
        return 0;
    }
    if (name == "--version") {
        fmt::print("fathom-cli {}\n", FATHOM_VERSION);
        return 0;
    }
    const auto command = std::find_if(std::begin(table), std::end(table),
                                      [&](const Command& candidate) { return candidate.name == name; });
    if (command == std::end(table)) {
        fmt::print(stderr, "error: unknown command {}\nusage: fathom-cli COMMAND MODEL [options]\n",
                   engine::printable(name));
        return wrongUsage;
    }
    words = words.subspan(1);
    if (std::any_of(words.begin(), words.end(), [](std::string_view word) { return word == "--help"; })) {
        fmt::print("{}\n{}\n", usageLine(*command), command->summary);
        return 0;
    }
    const Interrupt interrupt;
    try {
        command->run(Arguments(words, command->options, operandCount(*command)), interrupt.token());
        return std::fflush(stdout) == 0 ? 0 : fail("standard output: cannot be written");
    } catch (const UsageError& error) {
        fmt::print(stderr, "error: {}\n{}\n", error.what(), usageLine(*command));
        return wrongUsage;
    } catch (const Interrupted&) {
        return interruptedStatus;
    } catch (const engine::Error& error) {
        return interrupt.token().stop_requested() ? interruptedStatus : fail(error.what());
    } catch (const std::bad_alloc&) {
        return fail("memory: expected more, found none left");
    } catch (const std::exception& error) {
        return fail(error.what());
    }
}

} // namespace

} // namespace app

int main(int count, char** words)
{
    return app::run(std::span(words, static_cast<std::size_t>(count)).subspan(count > 0 ? 1 : 0));
}
