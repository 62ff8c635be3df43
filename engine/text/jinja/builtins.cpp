// SPDX-License-Identifier: MIT
#include "engine/text/jinja/builtins.h"

#include "engine/text/jinja/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace engine::text::jinja {

namespace {

constexpr std::int64_t longest_range = 10'000;

const Text& text_of(Work& work, const Value& value, const std::string& use)
{
    const Text* text = as_text(value);
    if (!text)
        work.fail(fmt::format("expected a text for {}, found {}", use, type_name(value)));
    return *text;
}

// Takes these characters, all of ASCII, away from one or both ends.
Value strip(Work& work, const Text& text, std::string_view characters, bool left, bool right)
{
    const std::string& chars = text.chars();
    work.spend(chars.size() * std::max<std::size_t>(characters.size(), 1));
    const std::size_t first = left ? chars.find_first_not_of(characters) : 0;
    if (first == std::string::npos)
        return Value::string({});
    const std::size_t end = right ? chars.find_last_not_of(characters) + 1 : chars.size();
    return Value::string(text.slice(first, std::max(first, end) - first));
}

Value split(Work& work, const Text& text, const std::string& separator, std::int64_t most)
{
    work.spend_search(text.chars(), separator);
    List parts;
    std::size_t begin = 0;
    while (true) {
        const std::size_t end = most == 0 ? std::string::npos : text.chars().find(separator, begin);
        const bool is_last = end == std::string::npos;
        work.spend(64);
        parts.push_back(Value::string(text.slice(begin, (is_last ? text.chars().size() : end) - begin)));
        if (is_last)
            return work.list(std::move(parts));
        begin = end + separator.size();
        --most;
    }
}

// The parts between runs of white space, none of them empty.
Value split_words(Work& work, const Text& text)
{
    const std::string& chars = text.chars();
    work.spend(chars.size());
    List words;
    std::size_t begin = chars.find_first_not_of(white_space);
    while (begin != std::string::npos) {
        work.spend(64);
        const std::size_t end = std::min(chars.find_first_of(white_space, begin), chars.size());
        words.push_back(Value::string(text.slice(begin, end - begin)));
        begin = chars.find_first_not_of(white_space, end);
    }
    return work.list(std::move(words));
}

Value replaced(Work& work, const Text& text, const Text& old, const Text& fresh)
{
    const std::string& chars = text.chars();
    if (old.chars().empty())
        work.fail("expected a text to replace, found an empty one");
    work.spend_search(chars, old.chars());
    Text result;
    std::size_t begin = 0;
    while (true) {
        const std::size_t end = std::min(chars.find(old.chars(), begin), chars.size());
        result.append(text.slice(begin, end - begin));
        if (end == chars.size())
            return Value::string(std::move(result));
        result.append(fresh);
        work.spend(fresh.chars().size());
        work.check_size(result.chars().size());
        begin = end + old.chars().size();
    }
}

enum class Case
{
    upper,
    lower,
    capital, // the first letter
    title,   // the first letter of each word
};

// Letters of ASCII alone, for roles and names; others stay as they are.
Value cased(Work& work, const Text& text, Case form)
{
    work.spend(text.chars().size());
    Text result;
    bool is_first = true;
    for (Segment& segment : text.segments()) {
        for (char& c : segment.text) {
            const bool is_lower = c >= 'a' && c <= 'z';
            const bool is_upper = c >= 'A' && c <= 'Z';
            const bool raises = form == Case::upper || (form != Case::lower && is_first);
            if (raises && is_lower)
                c = static_cast<char>(c - 'a' + 'A');
            else if (!raises && is_upper)
                c = static_cast<char>(c - 'A' + 'a');
            is_first = form == Case::title && !is_lower && !is_upper;
        }
        result.append(segment.text, segment.trust);
    }
    return Value::string(std::move(result));
}

std::optional<Case> case_of(const std::string& name)
{
    if (name == "upper")
        return Case::upper;
    if (name == "lower")
        return Case::lower;
    if (name == "capitalize")
        return Case::capital;
    if (name == "title")
        return Case::title;
    return std::nullopt;
}

Value length(Work& work, const Value& value)
{
    if (const Text* text = as_text(value)) {
        work.spend(text->chars().size());
        return {static_cast<std::int64_t>(character_count(text->chars()))};
    }
    if (const List* list = as_list(value))
        return {static_cast<std::int64_t>(list->size())};
    if (const Map* map = as_map(value))
        return {static_cast<std::int64_t>(map->size())};
    work.fail(fmt::format("expected a text or list to count, found {}", type_name(value)));
}

// [[key, value], …]
Value items(Work& work, const Map& map)
{
    List pairs;
    for (const auto& [name, value] : map) {
        work.spend();
        pairs.push_back(work.list({Value::string(Text(name, Trust::untrusted)), value}));
    }
    return work.list(std::move(pairs));
}

Value join(Work& work, const List& list, const Text& separator)
{
    Text result;
    for (const Value& item : list) {
        if (&item != &list.front())
            result.append(separator);
        const Text text = work.written(item);
        work.spend(separator.chars().size() + text.chars().size());
        result.append(text);
        work.check_size(result.chars().size());
    }
    return Value::string(std::move(result));
}

// JSON as Python's json.dumps(value, ensure_ascii=False, indent=indent) writes it.
class JsonWriter
{
public:
    JsonWriter(Work& work, std::int64_t indent) // below 0: on one line
        : m_work(work)
        , m_indent(indent)
    {
    }

    Text take() { return std::move(m_out); }

    void write(const Value& value, std::int64_t level = 0)
    {
        m_work.spend();
        if (const Text* text = as_text(value))
            return write_string(*text);
        if (const List* list = as_list(value)) {
            put("[");
            for (const Value& item : *list) {
                separate(&item == &list->front(), level + 1);
                write(item, level + 1);
            }
            return close("]", list->empty(), level);
        }
        if (const Map* map = as_map(value)) {
            put("{");
            for (const auto& entry : *map) {
                separate(&entry == &map->front(), level + 1);
                write_string(Text(entry.first, Trust::untrusted));
                put(": ");
                write(entry.second, level + 1);
            }
            return close("}", map->empty(), level);
        }
        if (is_undefined(value))
            m_work.fail("expected a value to write as JSON, found something undefined");
        if (is_none(value))
            put("null");
        else if (const auto* flag = std::get_if<bool>(&value.data))
            put(*flag ? "true" : "false");
        else
            put(fmt::to_string(as_integer(value).value_or(0)));
    }

private:
    void put(std::string_view chars, Trust trust = Trust::trusted)
    {
        m_work.spend(chars.size());
        m_out.append(chars, trust);
        m_work.check_size(m_out.chars().size());
    }

    void new_line(std::int64_t level)
    {
        if (m_indent < 0)
            return;
        put("\n");
        put(std::string(static_cast<std::size_t>(level * m_indent), ' '));
    }

    void separate(bool is_first, std::int64_t level)
    {
        if (!is_first)
            put(m_indent < 0 ? ", " : ",");
        new_line(level);
    }

    void close(std::string_view bracket, bool is_empty, std::int64_t level)
    {
        if (!is_empty)
            new_line(level);
        put(bracket);
    }

    void write_string(const Text& text)
    {
        put("\"");
        for (const Segment& segment : text.segments())
            put(escaped(segment.text), segment.trust);
        put("\"");
    }

    static std::string escaped(const std::string& text)
    {
        std::string out;
        for (const char c : text) {
            constexpr std::string_view plain = "\"\\\n\r\t\b\f";
            constexpr std::string_view letters = "\"\\nrtbf";
            if (const std::size_t i = plain.find(c); i != std::string_view::npos)
                (out += '\\') += letters[i];
            else if (static_cast<unsigned char>(c) < 0x20)
                out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            else
                out += c;
        }
        return out;
    }

    Work& m_work;
    std::int64_t m_indent;
    Text m_out;
};

Value to_json(Work& work, const Value& value, const Arguments& arguments)
{
    std::int64_t indent = -1;
    for (const auto& [name, number] : arguments.named) {
        if (name == "indent" && as_integer(number))
            indent = std::clamp<std::int64_t>(*as_integer(number), 0, 16);
        else if (name != "ensure_ascii")
            work.fail(fmt::format("expected indent for tojson, found \"{}\"", printable(name)));
    }
    JsonWriter writer(work, indent);
    writer.write(value);
    return Value::string(writer.take());
}

Value range(Work& work, const std::vector<Value>& arguments)
{
    const std::optional<std::int64_t> begin =
        arguments.size() == 2 ? as_integer(arguments[0]) : std::optional<std::int64_t>(0);
    const std::optional<std::int64_t> end = as_integer(arguments.back());
    if (!begin || !end || *end - *begin > longest_range)
        work.fail(fmt::format("expected a range of at most {} numbers, found another", longest_range));
    List numbers;
    for (std::int64_t i = *begin; i < *end; ++i) {
        work.spend();
        numbers.push_back({i});
    }
    return work.list(std::move(numbers));
}

Value character(Work& work, const Text& text, std::int64_t index)
{
    work.spend(text.chars().size());
    const auto size = static_cast<std::int64_t>(character_count(text.chars()));
    const std::int64_t i = index < 0 ? index + size : index;
    if (i < 0 || i >= size)
        return {};
    const std::size_t begin = byte_position(text.chars(), static_cast<std::size_t>(i));
    const std::size_t end = byte_position(text.chars(), static_cast<std::size_t>(i) + 1);
    return Value::string(text.slice(begin, end - begin));
}

Value call_text_method(Work& work, const Text& text, const std::string& name,
                       const std::vector<Value>& arguments)
{
    const std::size_t count = arguments.size();
    if (const std::optional<Case> form = case_of(name); form && count == 0)
        return cased(work, text, *form);
    if (name == "split" && count == 0)
        return split_words(work, text);
    const bool is_strip = name == "strip" || name == "lstrip" || name == "rstrip";
    if (is_strip && count == 0)
        return strip(work, text, white_space, name != "rstrip", name != "lstrip");
    const Text* first = count > 0 ? as_text(arguments[0]) : nullptr;
    if (first && count == 1) {
        const std::string& argument = first->chars();
        work.spend(argument.size());
        if (name == "startswith")
            return {text.chars().starts_with(argument)};
        if (name == "endswith")
            return {text.chars().ends_with(argument)};
        const bool is_ascii = std::ranges::all_of(argument, [](char c) { return (c & 0x80) == 0; });
        if (is_strip && is_ascii)
            return strip(work, text, argument, name != "rstrip", name != "lstrip");
    }
    if (first && name == "split" && !first->chars().empty() && (count == 1 || count == 2)) {
        constexpr std::int64_t all = std::numeric_limits<std::int64_t>::max();
        const std::optional<std::int64_t> most = count == 2 ? as_integer(arguments[1]) : all;
        if (most)
            return split(work, text, first->chars(), *most < 0 ? all : *most);
    }
    if (first && name == "replace" && count == 2 && as_text(arguments[1]))
        return replaced(work, text, *first, *as_text(arguments[1]));
    work.fail(fmt::format("expected a known method of texts, found \"{}\" with {} arguments", printable(name),
                          count));
}

} // namespace

Value call_function(Work& work, const std::string& name, const Arguments& arguments)
{
    const std::vector<Value>& values = arguments.values;
    if (name == "namespace" && values.empty()) {
        for (const auto& [member_name, value] : arguments.named)
            if (as_namespace(value))
                work.fail("expected plain values for a namespace, found another namespace");
        return Value::space(arguments.named);
    }
    if (name == "raise_exception")
        throw Refusal(work.file(), "chat template",
                      "the template refuses these messages: " +
                          printable(values.empty() ? "" : work.written(values[0]).chars()));
    if (name == "range" && (values.size() == 1 || values.size() == 2))
        return range(work, values);
    work.fail(fmt::format("expected a function that templates have, found \"{}\"", printable(name)));
}

Value call_method(Work& work, const Value& value, const std::string& name, const Arguments& arguments)
{
    const std::vector<Value>& values = arguments.values;
    if (const Map* map = as_map(value); map && !as_namespace(value)) {
        if (name == "items" && values.empty())
            return items(work, *map);
        if (name == "get" && (values.size() == 1 || values.size() == 2) && as_text(values[0])) {
            work.spend(map->size());
            const Value* found = find_member(*map, as_text(values[0])->chars());
            return found ? *found : values.size() == 2 ? values[1] : Value{None{}};
        }
        work.fail(fmt::format("expected items or get for a mapping, found \"{}\"", printable(name)));
    }
    return call_text_method(work, text_of(work, value, fmt::format(".{}()", printable(name))), name, values);
}

Value apply_filter(Work& work, const Value& value, const std::string& name, const Arguments& arguments)
{
    const std::vector<Value>& values = arguments.values;
    if (name == "trim" && values.empty())
        return strip(work, work.written(value), white_space, true, true);
    if (name == "string")
        return as_text(value) ? value : Value::string(work.written(value));
    if (name == "length" || name == "count")
        return length(work, value);
    if (name == "first")
        return member(work, value, {std::int64_t{0}});
    if (name == "last")
        return member(work, value, {std::int64_t{-1}});
    if (name == "default" || name == "d") {
        const bool replaces_false = values.size() == 2 && is_true(values[1]);
        const bool is_missing = is_undefined(value) || (replaces_false && !is_true(value));
        return is_missing && !values.empty() ? values[0] : value;
    }
    if (name == "tojson")
        return to_json(work, value, arguments);
    if (name == "join" && as_list(value) && values.size() <= 1)
        return join(work, *as_list(value),
                    values.empty() ? Text() : text_of(work, values[0], "the text between the joined"));
    if (name == "replace" && values.size() == 2)
        return replaced(work, work.written(value), text_of(work, values[0], name),
                        text_of(work, values[1], name));
    if (name == "items" && as_map(value) && !as_namespace(value))
        return items(work, *as_map(value));
    if (name == "list" && as_list(value))
        return value;
    if (const std::optional<Case> form = case_of(name))
        return cased(work, work.written(value), *form);
    work.fail(fmt::format("expected a known filter, found \"{}\" for {}", printable(name), type_name(value)));
}

bool test(Work& work, const Value& value, const std::string& name)
{
    const auto* flag = std::get_if<bool>(&value.data);
    const auto* number = std::get_if<std::int64_t>(&value.data);
    if (name == "defined")
        return !is_undefined(value);
    if (name == "undefined")
        return is_undefined(value);
    if (name == "none")
        return is_none(value);
    if (name == "string")
        return as_text(value) != nullptr;
    if (name == "mapping")
        return as_map(value) && !as_namespace(value);
    if (name == "iterable" || name == "sequence")
        return as_text(value) || as_list(value) || as_map(value);
    if (name == "true" || name == "false")
        return flag && *flag == (name == "true");
    if (name == "boolean")
        return flag != nullptr;
    if (name == "number")
        return flag || number;
    if (name == "integer")
        return number != nullptr;
    if ((name == "even" || name == "odd") && as_integer(value))
        return (*as_integer(value) % 2 != 0) == (name == "odd");
    work.fail(fmt::format("expected a known test, found \"{}\"", printable(name)));
}

Value member(Work& work, const Value& value, const Value& key)
{
    if (const Map* map = as_map(value)) {
        work.spend(map->size());
        const Value* found = as_text(key) ? find_member(*map, as_text(key)->chars()) : nullptr;
        return found ? *found : Value{};
    }
    const std::optional<std::int64_t> index = as_integer(key);
    if (const List* list = as_list(value); list && index) {
        const auto size = static_cast<std::int64_t>(list->size());
        const std::int64_t i = *index < 0 ? *index + size : *index;
        return i >= 0 && i < size ? (*list)[static_cast<std::size_t>(i)] : Value{};
    }
    if (as_text(value) && index)
        return character(work, *as_text(value), *index);
    if (is_undefined(value) || is_none(value))
        work.fail(fmt::format("expected a mapping or list, found {}", type_name(value)));
    return {};
}

Value slice(Work& work, const Value& value, const Value& begin_value, const Value& end_value)
{
    const Text* text = as_text(value);
    const List* list = as_list(value);
    if (!text && !list)
        work.fail(fmt::format("expected a text or list to cut, found {}", type_name(value)));
    work.spend(text ? text->chars().size() : 64 * list->size());
    const auto size = static_cast<std::int64_t>(text ? character_count(text->chars()) : list->size());
    const auto bound = [&](const Value& number, std::int64_t otherwise) {
        if (is_undefined(number))
            return otherwise;
        const std::optional<std::int64_t> i = as_integer(number);
        if (!i)
            work.fail(fmt::format("expected a number to cut at, found {}", type_name(number)));
        return std::clamp<std::int64_t>(*i < 0 ? *i + size : *i, 0, size);
    };
    const auto begin = static_cast<std::size_t>(bound(begin_value, 0));
    const auto end = std::max(begin, static_cast<std::size_t>(bound(end_value, size)));
    if (list)
        return work.list(List(list->begin() + static_cast<std::ptrdiff_t>(begin),
                              list->begin() + static_cast<std::ptrdiff_t>(end)));
    const std::size_t first = byte_position(text->chars(), begin);
    return Value::string(text->slice(first, byte_position(text->chars(), end) - first));
}

} // namespace engine::text::jinja
