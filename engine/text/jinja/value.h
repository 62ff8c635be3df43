// SPDX-License-Identifier: MIT
// What the expressions of a template evaluate to.
#pragma once

#include "engine/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <optional>
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
    Text slice(std::size_t begin, std::size_t size) const; // in bytes
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
using Map = std::vector<std::pair<std::string, Value>>; // small: a message, a tool

struct Undefined
{
};
struct None
{
};
struct ListNode;
struct MapNode;
struct Namespace;

// Texts, lists and maps are shared, not copied; only namespaces are ever changed, and no other value holds
// one, so that there are no cycles.
struct Value
{
    std::variant<Undefined, None, bool, std::int64_t, std::shared_ptr<const Text>,
                 std::shared_ptr<const ListNode>, std::shared_ptr<const MapNode>, std::shared_ptr<Namespace>>
        data;

    static Value string(Text text) { return {std::make_shared<const Text>(std::move(text))}; }
    static Value list(List items);
    static Value map(Map members);
    static Value space(Map members);
};

struct ListNode
{
    List items;
    int depth; // of lists and maps within each other, this one included
};
struct MapNode
{
    Map members;
    int depth;
};
struct Namespace
{
    Map members;
};

// Null where the value is none.
const Text* as_text(const Value& value);
const List* as_list(const Value& value);
const Map* as_map(const Value& value); // also of a namespace
Namespace* as_namespace(const Value& value);
std::optional<std::int64_t> as_integer(const Value& value); // true and false count as 1 and 0

bool is_undefined(const Value& value);
bool is_none(const Value& value);
bool is_true(const Value& value); // as Python takes it
int depth_of(const Value& value);
const Value* find_member(const Map& map, std::string_view name);
std::string_view type_name(const Value& value); // for messages

// The bytes that the first characters of a text take. Positions count code points.
std::size_t byte_position(const std::string& text, std::size_t characters);
std::size_t character_count(const std::string& text);

} // namespace engine::text::jinja
