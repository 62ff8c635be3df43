// SPDX-License-Identifier: MIT
#include "engine/format/json.h"

#include "engine/error.h"
#include "engine/text/chat_template.h"
#include "tests/fuzz/targets.h"

namespace fuzz {

Verdict json(std::string_view input)
{
    Verdict verdict = Verdict::refused;
    try {
        const engine::format::Json document = engine::format::parse_json(input, "input");
        expect(engine::format::parse_json(document.dump(), "again") == document,
               "what is read can be written");
        verdict = Verdict::accepted;
        engine::text::parse_messages(input, "input");
    } catch (const engine::Error&) {
    }
    return verdict;
}

} // namespace fuzz
