// SPDX-License-Identifier: MIT
#include "engine/text/chat_template.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/text/jinja.h"

#include <fmt/format.h>

namespace engine::text {

namespace {

// The published formats (specification of the family, section 4.6), as templates of our own.
constexpr std::string_view format_a =
    "{{ bos_token }}"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content + '\\n\\n' }}"
    "{% elif m.role == 'user' %}{{ 'User: ' + m.content + '\\n\\n' }}"
    "{% elif m.role == 'assistant' %}{{ 'Assistant: ' + m.content + eos_token }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}";

constexpr std::string_view format_b =
    "{{ bos_token }}"
    "{% for m in messages %}"
    "{% if m.role == 'system' %}{{ m.content + '\\n\\n' }}"
    "{% elif m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
    "{% elif m.role == 'assistant' %}{{ '<｜Assistant｜>' + m.content + eos_token }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

// The last system message stands first. Calls of tools and their results are written in the complete form of
// the model card; after results the model goes on without a mark of its own.
constexpr std::string_view format_c =
    "{% set ns = namespace(system='', outputs=false) %}"
    "{% for m in messages %}{% if m.role == 'system' %}{% set ns.system = m.content %}{% endif %}{% endfor %}"
    "{{ bos_token + ns.system }}"
    "{% for m in messages %}"
    "{% if ns.outputs and m.role != 'tool' %}{{ '<｜tool▁outputs▁end｜>' }}{% endif %}"
    "{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
    "{% elif m.role == 'assistant' %}"
    "{% if not ns.outputs %}{{ '<｜Assistant｜>' }}{% endif %}"
    "{{ m.content if m.content is not none else '' }}"
    "{% if m.tool_calls is defined %}{{ '<｜tool▁calls▁begin｜>' }}"
    "{% for call in m.tool_calls %}"
    "{% if not loop.first %}{{ '\\n' }}{% endif %}"
    "{{ '<｜tool▁call▁begin｜>' + call.type + '<｜tool▁sep｜>' + call.function.name + '\\n```json\\n' "
    "+ call.function.arguments + '\\n```<｜tool▁call▁end｜>' }}"
    "{% endfor %}{{ '<｜tool▁calls▁end｜>' }}{% endif %}"
    "{{ eos_token }}"
    "{% elif m.role == 'tool' %}"
    "{{ '\\n' if ns.outputs else '<｜tool▁outputs▁begin｜>' }}"
    "{{ '<｜tool▁output▁begin｜>' + m.content + '<｜tool▁output▁end｜>' }}"
    "{% endif %}"
    "{% set ns.outputs = m.role == 'tool' %}"
    "{% endfor %}"
    "{% if ns.outputs %}{{ '<｜tool▁outputs▁end｜>' }}"
    "{% elif add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

constexpr std::string_view format_plain =
    "{{ bos_token }}"
    "{% for m in messages %}{% if not loop.first %}{{ '\\n\\n' }}{% endif %}{{ m.content }}{% endfor %}";

std::string_view built_in_source(ChatFormat format)
{
    switch (format) {
    case ChatFormat::a:
        return format_a;
    case ChatFormat::b:
        return format_b;
    case ChatFormat::c:
        return format_c;
    case ChatFormat::plain:
    case ChatFormat::own:
        break;
    }
    return format_plain;
}

// The format that a template which cannot be interpreted was probably meant to be.
ChatFormat resembling_format(std::string_view source)
{
    const auto holds = [&](std::string_view part) { return source.find(part) != std::string_view::npos; };
    if (holds("'Assistant: ' +"))
        return ChatFormat::a;
    if (holds("<｜User｜>"))
        return holds("['content'] + '\\n\\n'") || holds("['content'] + '\n\n'") ? ChatFormat::b
                                                                                : ChatFormat::c;
    return ChatFormat::plain;
}

jinja::Value outside(std::string_view text)
{
    return jinja::Value::string(jinja::Text(text, Trust::untrusted));
}

jinja::Value to_value(const ChatMessage& message)
{
    jinja::Map map;
    map.emplace_back("role", outside(message.role));
    map.emplace_back("content", message.content ? outside(*message.content) : jinja::Value{jinja::None{}});
    if (!message.tool_calls.empty()) {
        jinja::List calls;
        for (const ToolCall& call : message.tool_calls)
            calls.push_back(jinja::Value::map(
                {{"type", outside(call.type)},
                 {"function", jinja::Value::map(
                                  {{"name", outside(call.name)}, {"arguments", outside(call.arguments)}})}}));
        map.emplace_back("tool_calls", jinja::Value::list(std::move(calls)));
    }
    return jinja::Value::map(std::move(map));
}

std::size_t size_of(std::span<const ChatMessage> messages)
{
    std::size_t size = 0;
    for (const ChatMessage& message : messages) {
        size += message.role.size() + message.content.value_or("").size();
        for (const ToolCall& call : message.tool_calls)
            size += call.type.size() + call.name.size() + call.arguments.size();
    }
    return size;
}

// One revision of a template writes eight blanks before BOS when there is a system message.
void drop_blanks_before(std::vector<Segment>& segments, std::string_view bos)
{
    if (segments.empty() || segments[0].trust != Trust::trusted || bos.empty())
        return;
    std::string& text = segments[0].text;
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    if (begin != std::string::npos && begin > 0 && std::string_view(text).substr(begin).starts_with(bos))
        text.erase(0, begin);
}

std::string joined(const std::vector<Segment>& segments)
{
    std::string text;
    for (const Segment& segment : segments)
        text += segment.text;
    return text;
}

ChatMessage text_message(std::string role, std::string content)
{
    return {std::move(role), std::move(content), {}};
}

std::string text_of_token(const Tokenizer& tokenizer, std::optional<TokenId> id)
{
    return id ? std::string(tokenizer.bytes(*id)) : std::string();
}

} // namespace

struct ChatTemplate::Program
{
    jinja::Template source;
};

ChatTemplate::ChatTemplate(const Tokenizer& tokenizer)
    : ChatTemplate(tokenizer.chat_template(), text_of_token(tokenizer, tokenizer.bos()),
                   text_of_token(tokenizer, tokenizer.eos()), tokenizer.file())
{
}

ChatTemplate::ChatTemplate(std::string_view source, std::string bos, std::string eos, std::string_view file)
    : m_bos(std::move(bos))
    , m_eos(std::move(eos))
{
    if (!source.empty()) {
        try {
            m_program = std::make_unique<const Program>(Program{jinja::Template(source, file)});
            m_format = ChatFormat::own;
            try_out();
        } catch (const Error& error) {
            m_problem = error.what();
            m_format = resembling_format(source);
            m_program = nullptr;
        }
    }
    if (!m_program)
        m_program =
            std::make_unique<const Program>(Program{jinja::Template(built_in_source(m_format), file)});
    find_answer_prefix();
}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

// A fault of a template shows now, not in the middle of a conversation. A template may refuse messages that
// it does not know, but never a plain question.
void ChatTemplate::try_out() const
{
    const ChatMessage system = text_message("system", "s");
    const ChatMessage user = text_message("user", "question");
    const ChatMessage assistant = text_message("assistant", "answer");
    const std::string prompt = joined(render({&user, 1}, GenerationPrompt::add));
    if (prompt.find("question") == std::string::npos)
        throw Error("chat template", "expected the user's words in the prompt, found none");
    const std::vector<ChatMessage> conversations[] = {
        {system, user}, {user, assistant}, {user, assistant, user}, {system, user, assistant, user}};
    for (const std::vector<ChatMessage>& messages : conversations) {
        try {
            render(messages, GenerationPrompt::add);
        } catch (const jinja::Refusal&) {
            // For instance a template without system messages; the person will be told when it matters.
        }
    }
}

void ChatTemplate::find_answer_prefix()
{
    const std::vector<ChatMessage> messages = {text_message("user", "question"),
                                               text_message("assistant", "answer")};
    try {
        const std::string prompt = joined(render({messages.data(), 1}, GenerationPrompt::add));
        const std::string history = joined(render(messages, GenerationPrompt::none));
        const std::size_t answer = history.find("answer", prompt.size());
        if (!history.starts_with(prompt) || answer == std::string::npos)
            return;
        const std::string between = history.substr(prompt.size(), answer - prompt.size());
        if (between.find_first_not_of(" \n") == std::string::npos)
            m_answer_prefix = between;
    } catch (const jinja::Refusal&) {
        // A template without stored answers needs no prefix.
    }
}

std::vector<Segment> ChatTemplate::render(std::span<const ChatMessage> messages,
                                          GenerationPrompt prompt) const
{
    jinja::List list;
    for (const ChatMessage& message : messages)
        list.push_back(to_value(message));
    jinja::Map variables;
    variables.emplace_back("messages", jinja::Value::list(std::move(list)));
    variables.emplace_back("add_generation_prompt", jinja::Value{prompt == GenerationPrompt::add});
    variables.emplace_back("bos_token", jinja::Value::string(jinja::Text(m_bos, Trust::trusted)));
    variables.emplace_back("eos_token", jinja::Value::string(jinja::Text(m_eos, Trust::trusted)));

    // Enough for any template that looks at each message a few times, whatever the length of the
    // conversation.
    const std::size_t input = size_of(messages);
    jinja::Limits limits;
    limits.steps = 1'000'000 + 2'000 * messages.size() + input;
    limits.output = (std::size_t{1} << 20) + 16 * input;
    std::vector<Segment> segments = m_program->source.render(std::move(variables), limits).segments();
    drop_blanks_before(segments, m_bos);
    return segments;
}

std::vector<ChatMessage> parse_messages(std::string_view json, std::string_view file)
{
    const format::Json document = format::parse_json(json, file);
    if (!document.is_array())
        throw Error(file, "the document",
                    fmt::format("expected an array of messages, found {}", document.type_name()));
    std::vector<ChatMessage> messages;
    for (std::size_t i = 0; i < document.size(); ++i) {
        const format::JsonObject entry(document[i], std::string(file), fmt::format("[{}]", i));
        ChatMessage message;
        message.role = entry.find_string("role").value_or("");
        if (message.role.empty())
            entry.fail("role", "expected a role, found nothing");
        message.content = entry.find_string("content");
        const format::Json* calls = entry.find("tool_calls");
        if (calls && !calls->is_array())
            entry.fail("tool_calls", fmt::format("expected an array, found {}", calls->type_name()));
        for (std::size_t k = 0; calls && k < calls->size(); ++k) {
            const format::JsonObject call((*calls)[k], std::string(file),
                                          fmt::format("[{}].tool_calls[{}]", i, k));
            const std::optional<format::JsonObject> function = call.find_object("function");
            if (!function)
                call.fail("function", "expected an object, found nothing");
            message.tool_calls.push_back({call.find_string("type").value_or("function"),
                                          function->find_string("name").value_or(""),
                                          function->find_string("arguments").value_or("")});
        }
        if (!message.content && message.tool_calls.empty())
            entry.fail("content", "expected a text, found nothing");
        messages.push_back(std::move(message));
    }
    return messages;
}

} // namespace engine::text
