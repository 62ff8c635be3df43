// SPDX-License-Identifier: MIT
#include "engine/text/jinja/value.h"

#include <algorithm>

namespace engine::text::jinja {

void Text::append(std::string_view chars, Trust trust)
{
    if (chars.empty())
        return;
    m_chars += chars;
    if (!m_runs.empty() && m_runs.back().trust == trust)
        m_runs.back().end = m_chars.size();
    else
        m_runs.push_back({m_chars.size(), trust});
}

void Text::append(const Text& other)
{
    std::size_t begin = 0;
    for (const Run& run : other.m_runs) {
        append(std::string_view(other.m_chars).substr(begin, run.end - begin), run.trust);
        begin = run.end;
    }
}

Text Text::slice(std::size_t begin, std::size_t size) const
{
    Text part;
    const std::size_t end = begin + size;
    auto run = std::ranges::upper_bound(m_runs, begin, {}, &Run::end);
    for (std::size_t from = begin; from < end; ++run) {
        const std::size_t to = std::min(end, run->end);
        part.append(std::string_view(m_chars).substr(from, to - from), run->trust);
        from = to;
    }
    return part;
}

std::vector<Segment> Text::segments() const
{
    std::vector<Segment> segments;
    std::size_t begin = 0;
    for (const Run& run : m_runs) {
        segments.push_back({m_chars.substr(begin, run.end - begin), run.trust});
        begin = run.end;
    }
    return segments;
}

Value Value::list(List items)
{
    int deepest = 0;
    for (const Value& item : items)
        deepest = std::max(deepest, depth_of(item));
    return {std::make_shared<const ListNode>(ListNode{std::move(items), deepest + 1})};
}

Value Value::map(Map members)
{
    int deepest = 0;
    for (const auto& [name, value] : members)
        deepest = std::max(deepest, depth_of(value));
    return {std::make_shared<const MapNode>(MapNode{std::move(members), deepest + 1})};
}

Value Value::space(Map members)
{
    return {std::make_shared<Namespace>(Namespace{std::move(members)})};
}

const Text* as_text(const Value& value)
{
    const auto* text = std::get_if<std::shared_ptr<const Text>>(&value.data);
    return text ? text->get() : nullptr;
}

const List* as_list(const Value& value)
{
    const auto* list = std::get_if<std::shared_ptr<const ListNode>>(&value.data);
    return list ? &(*list)->items : nullptr;
}

const Map* as_map(const Value& value)
{
    if (const auto* map = std::get_if<std::shared_ptr<const MapNode>>(&value.data))
        return &(*map)->members;
    const Namespace* space = as_namespace(value);
    return space ? &space->members : nullptr;
}

Namespace* as_namespace(const Value& value)
{
    const auto* space = std::get_if<std::shared_ptr<Namespace>>(&value.data);
    return space ? space->get() : nullptr;
}

bool is_none(const Value& value)
{
    return std::holds_alternative<None>(value.data);
}

bool is_true(const Value& value)
{
    if (const Text* text = as_text(value))
        return !text->chars().empty();
    if (const List* list = as_list(value))
        return !list->empty();
    if (const Map* map = as_map(value))
        return !map->empty();
    return as_integer(value).value_or(0) != 0;
}

int depth_of(const Value& value)
{
    if (const auto* list = std::get_if<std::shared_ptr<const ListNode>>(&value.data))
        return (*list)->depth;
    if (const auto* map = std::get_if<std::shared_ptr<const MapNode>>(&value.data))
        return (*map)->depth;
    return 0;
}

bool is_undefined(const Value& value)
{
    return std::holds_alternative<Undefined>(value.data);
}

std::optional<std::int64_t> as_integer(const Value& value)
{
    if (const auto* number = std::get_if<std::int64_t>(&value.data))
        return *number;
    if (const auto* flag = std::get_if<bool>(&value.data))
        return *flag;
    return std::nullopt;
}

const Value* find_member(const Map& map, std::string_view name)
{
    const auto member = std::ranges::find(map, name, &Map::value_type::first);
    return member == map.end() ? nullptr : &member->second;
}

std::string_view type_name(const Value& value)
{
    constexpr std::string_view names[] = {
        "something undefined", "none",       "true or false", "a number", "a text", "a list",
        "a mapping",           "a namespace"};
    return names[value.data.index()];
}

std::size_t byte_position(const std::string& text, std::size_t characters)
{
    std::size_t i = 0;
    for (; i < text.size() && characters > 0; --characters)
        do
            ++i;
        while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80);
    return i;
}

std::size_t character_count(const std::string& text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}
} // namespace engine::text::jinja
