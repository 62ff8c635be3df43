// SPDX-License-Identifier: MIT
// The part of the Jinja template language that language models' chat templates use, with the environment that
// they are written for (trim_blocks, lstrip_blocks, no final newline, no escaping). A template cannot reach
// anything but the values it is given.
#pragma once

#include "engine/error.h"
#include "engine/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace engine::text::jinja {

// A string that remembers which of its parts the template wrote and which came from outside.
class Text
{
public:
    Text() = default;
    Text(std::string_view chars, Trust trust) { append(chars, trust); }

    const std::string& chars() const { return m_chars; }
    void append(std::string_view chars, Trust trust);
    void append(const Text& other);
    Text slice(std::size_t begin, std::size_t size) const;
    std::vector<Segment> segments() const;

private:
    struct Run
    {
        std::size_t end; // into m_chars
        Trust trust;
    };
    std::string m_chars;
    std::vector<Run> m_runs; // neighbours differ in trust; none is empty
};

struct Value;
using List = std::vector<Value>;
using Map = std::vector<std::pair<std::string, Value>>; // small: a message, a tool, a namespace

struct Undefined
{
};
struct None
{
};

// Lists and maps are shared, not copied; only namespaces are ever changed. Messages hold no cycles, and a
// namespace cannot be stored in another one.
struct Value
{
    std::variant<Undefined, None, bool, std::int64_t, std::shared_ptr<const Text>,
                 std::shared_ptr<const List>, std::shared_ptr<Map>>
        data;

    static Value string(Text text) { return {std::make_shared<const Text>(std::move(text))}; }
    static Value list(List items) { return {std::make_shared<const List>(std::move(items))}; }
    static Value map(Map members) { return {std::make_shared<Map>(std::move(members))}; }
};

// The template called raise_exception: it works, but does not accept these messages.
class Refusal : public Error
{
public:
    using Error::Error;
};

struct Limits
{
    std::uint64_t steps = 1'000'000; // evaluated nodes; work on long texts counts by 64 bytes
    std::size_t output = 1 << 20;    // bytes, of the result and of any string on the way
};

class Template
{
public:
    // Throws Error with the file, the line and what is not understood.
    Template(std::string_view source, std::string_view file);
    ~Template();
    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;

    // Throws Refusal, or Error for a fault of the template or an exceeded limit.
    Text render(Map variables, const Limits& limits) const;

private:
    struct Program;
    std::unique_ptr<const Program> m_program;
};

} // namespace engine::text::jinja
