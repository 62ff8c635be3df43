// SPDX-License-Identifier: MIT
#include "engine/config.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "tests/fuzz/numbers.h"
#include "tests/fuzz/scratch.h"
#include "tests/fuzz/targets.h"
#include "tests/fuzz/vocabulary.h"

namespace fuzz {

namespace {

Verdict read_hyperparameters(const std::filesystem::path& file)
{
    try {
        try_numbers(engine::read_config_json(file));
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return Verdict::refused;
    }
}

Verdict read_beside_vocabulary(const std::filesystem::path& vocabulary, const std::filesystem::path& file)
{
    try {
        const engine::text::ChatTemplate chat(engine::text::Tokenizer::from_json(vocabulary, file));
        return Verdict::accepted;
    } catch (const engine::Error&) {
        return Verdict::refused;
    }
}

} // namespace

Verdict config(std::string_view input)
{
    static const Scratch scratch;
    static const std::filesystem::path vocabulary =
        scratch.write("tokenizer.json", small_vocabulary().dump());
    const std::filesystem::path file = scratch.write("config.json", input);
    const Verdict verdict = read_hyperparameters(file);
    // Reading a vocabulary each time would slow the rest down tenfold.
    const bool may_be_tokenizer =
        input.find("_token\"") != input.npos || input.find("template") != input.npos;
    if (verdict == Verdict::accepted || !may_be_tokenizer)
        return verdict;
    return read_beside_vocabulary(vocabulary, file);
}

} // namespace fuzz
