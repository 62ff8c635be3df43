// SPDX-License-Identifier: MIT
#include "engine/text/jinja/work.h"

#include "engine/text/jinja/syntax.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine::text::jinja {

void Work::fail(const std::string& what) const
{
    throw Error(m_file, fmt::format("chat template, line {}", m_line), what);
}

void Work::spend(std::uint64_t work)
{
    m_steps += 1 + work / 64;
    if (m_steps > m_limits.steps)
        fail(fmt::format("expected at most {} steps, found more", m_limits.steps));
}

void Work::spend_search(const std::string& text, const std::string& part)
{
    spend(text.size() * std::max<std::size_t>(part.size(), 1));
}

void Work::check_size(std::uint64_t bytes) const
{
    if (bytes > m_limits.output)
        fail(fmt::format("expected texts of at most {} bytes, found a longer one", m_limits.output));
}

Value Work::joined(Text left, const Text& right)
{
    const std::size_t size = left.chars().size() + right.chars().size();
    spend(size);
    check_size(size);
    left.append(right);
    return Value::string(std::move(left));
}

Value Work::list(List items)
{
    spend(items.size());
    if (std::ranges::any_of(items, [](const Value& item) { return as_namespace(item) != nullptr; }))
        fail("expected plain values in a list, found a namespace");
    Value value = Value::list(std::move(items));
    if (depth_of(value) > deepest_nesting)
        fail(fmt::format("expected at most {} lists in each other, found more", deepest_nesting));
    return value;
}

Text Work::written(const Value& value) const
{
    if (const Text* text = as_text(value))
        return *text;
    if (is_undefined(value))
        return {};
    if (is_none(value))
        return Text("None", Trust::trusted);
    if (const auto* flag = std::get_if<bool>(&value.data))
        return Text(*flag ? "True" : "False", Trust::trusted);
    if (const std::optional<std::int64_t> number = as_integer(value))
        return Text(fmt::to_string(*number), Trust::trusted);
    fail(fmt::format("expected a text to write, found {}", type_name(value)));
}

} // namespace engine::text::jinja
