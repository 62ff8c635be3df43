// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/tokenizer.h"

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::text {

struct ToolCall
{
    std::string type = "function";
    std::string name;
    std::string arguments; // JSON text
};

struct ChatMessage
{
    std::string role;                   // "system", "user", "assistant", "tool"
    std::optional<std::string> content; // none: an assistant that only calls tools
    std::vector<ToolCall> tool_calls;
};

// [{"role": …, "content": …, "tool_calls": […]}, …]. Throws Error with the file and the place.
std::vector<ChatMessage> parse_messages(std::string_view json, std::string_view file);

enum class GenerationPrompt
{
    none,
    add
};

// What makes one prompt of a conversation: the model's own template, or a built-in format.
enum class ChatFormat
{
    own,   // the model's template, interpreted
    a,     // "User: …\n\nAssistant: …", DeepSeek-V2-Chat, -Lite-Chat, Coder-V2-Instruct
    b,     // <｜User｜> with a blank line after the system text, V2-Chat-0628
    c,     // <｜User｜> with the system text directly before, V2.5
    plain, // a base model: the texts joined by blank lines
};

// A chat template in the part of Jinja that language models' templates use. Parsed once; rendering has a
// budget of steps and output bytes, so no template can hang, recurse or fill the memory. There are no
// imports, files, calls into the host or attributes beyond the messages' own.
class ChatTemplate
{
public:
    // The format for a model. A template that cannot be interpreted is replaced by the built-in format that
    // its text resembles; without a template the result is plain. Never throws for a bad template; see
    // problem().
    explicit ChatTemplate(const Tokenizer& tokenizer);
    // The same for a given source; file is for messages.
    ChatTemplate(std::string_view source, std::string bos, std::string eos, std::string_view file);
    ~ChatTemplate();
    ChatTemplate(ChatTemplate&&) noexcept;
    ChatTemplate& operator=(ChatTemplate&&) noexcept;

    ChatFormat format() const { return m_format; }
    // Why the model's own template is not used; empty if it is or if there is none.
    const std::string& problem() const { return m_problem; }

    // The prompt. Text of the messages is untrusted, everything else trusted; white space before BOS is
    // dropped. Throws Error if the template refuses the messages (raise_exception) or exceeds its budget.
    std::vector<Segment> render(std::span<const ChatMessage> messages, GenerationPrompt prompt) const;

    // What the format writes between the generation prompt and a stored answer: " " in format A, where the
    // prompt ends with "Assistant:" and the model begins with a blank. An answer is stored without it.
    const std::string& answer_prefix() const { return m_answer_prefix; }

private:
    struct Program;
    void try_out() const;
    void find_answer_prefix();

    ChatFormat m_format = ChatFormat::plain;
    std::string m_problem;
    std::string m_answer_prefix;
    std::string m_bos;
    std::string m_eos;
    std::unique_ptr<const Program> m_program;
};

} // namespace engine::text
