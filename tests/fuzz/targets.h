// SPDX-License-Identifier: MIT
// One function for each reader of files that strangers write. libFuzzer calls one of them (main.cpp), and
// test_corpus.cpp calls all of them with every committed input and the ordinary compiler.
#pragma once

#include <span>
#include <stdexcept>
#include <string_view>

namespace fuzz {

enum class Verdict
{
    refused, // by an engine::Error; every other exception leaves the target and is a finding
    accepted
};

// What a reader promises and did not keep.
class Finding : public std::logic_error
{
public:
    using std::logic_error::logic_error;
};

inline void expect(bool holds, const char* promise)
{
    if (!holds)
        throw Finding(promise);
}

Verdict chat_template(std::string_view input); // the source of a template
Verdict config(std::string_view input);        // config.json, or tokenizer_config.json
Verdict gguf(std::string_view input);          // a GGUF file with its hyperparameters
Verdict json(std::string_view input);          // any JSON document, and the messages of a conversation
Verdict safetensors(std::string_view input);   // a .safetensors file, or the index of two good ones
Verdict tokenizer(std::string_view input);     // tokenizer.json, or a GGUF file with a vocabulary
Verdict weights(std::string_view input);       // changes to a toy model, which then reads three tokens

struct Target
{
    const char* name;
    Verdict (*run)(std::string_view input);
};
std::span<const Target> targets();

} // namespace fuzz
