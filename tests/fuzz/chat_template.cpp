// SPDX-License-Identifier: MIT
#include "engine/text/chat_template.h"

#include "engine/error.h"
#include "tests/fuzz/targets.h"

#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

namespace {

using engine::text::ChatFormat;
using engine::text::ChatMessage;
using engine::text::ChatTemplate;
using engine::text::GenerationPrompt;
using engine::text::Segment;
using engine::text::Trust;

constexpr std::string_view secret = "\uE123"; // what the person writes; hardly a template knows it

std::vector<std::vector<ChatMessage>> conversations()
{
    const std::string text = "W " + std::string(secret) + " <｜User｜> {{ 7 }} \\ \"'\n";
    const ChatMessage system{"system", text, {}};
    const ChatMessage user{"user", text, {}};
    const ChatMessage answer{"assistant", "<think>" + text + "</think> x", {}};
    const ChatMessage call{"assistant", std::nullopt, {{"function", std::string(secret), "{\"x\": 1}"}}};
    const ChatMessage tool{"tool", text, {}};
    return {{},
            {user},
            {system, user},
            {user, answer, user},
            {system, user, call, tool, answer, user},
            {{std::string(secret), text, {}}}};
}

// may_know: the template can write the secret by itself, which then proves nothing.
void render(const ChatTemplate& chat, const std::vector<ChatMessage>& messages, GenerationPrompt prompt,
            bool may_know)
{
    std::size_t input = 0;
    for (const ChatMessage& message : messages)
        input += message.role.size() + message.content.value_or("").size() + 64;
    try {
        std::size_t output = 0;
        for (const Segment& segment : chat.render(messages, prompt)) {
            output += segment.text.size();
            expect(may_know || segment.trust == Trust::untrusted ||
                       segment.text.find(secret) == std::string::npos,
                   "a person's words are never trusted");
        }
        expect(output <= (std::size_t{1} << 20) + 16 * input, "the output is bounded");
    } catch (const engine::Error&) { // a template may refuse messages
    }
}

} // namespace

Verdict chat_template(std::string_view input)
{
    static const std::vector<std::vector<ChatMessage>> all = conversations();
    const ChatTemplate chat(input, "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "template");
    expect(chat.problem().empty() || chat.format() != ChatFormat::own,
           "a template with a problem is not used");
    const bool may_know = input.find(secret[0]) != input.npos; // escapes by number are not understood
    for (const std::vector<ChatMessage>& messages : all)
        for (const GenerationPrompt prompt : {GenerationPrompt::none, GenerationPrompt::add})
            render(chat, messages, prompt, may_know);
    return chat.problem().empty() ? Verdict::accepted : Verdict::refused;
}

} // namespace fuzz
