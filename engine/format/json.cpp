// SPDX-License-Identifier: MIT
#include "engine/format/json.h"

#include "engine/error.h"
#include "engine/format/mapped_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace engine::format {

namespace {

// Receives the parser's events and builds the document, refusing what is too deep, too large or ambiguous.
// The open containers stand in a stack on the heap, so depth costs no call stack.
class Builder
{
public:
    explicit Builder(const JsonLimits& limits)
        : m_limits(limits)
    {
    }

    bool null() { return add(Json()); }
    bool boolean(bool value) { return add(Json(value)); }
    bool number_integer(std::int64_t value) { return add(Json(value)); }
    bool number_unsigned(std::uint64_t value) { return add(Json(value)); }
    bool number_float(double value, const std::string&) { return add(Json(value)); }
    bool string(std::string& value) { return add(Json(std::move(value))); }
    bool binary(Json::binary_t&) { return refuse("binary values are no JSON"); }
    bool start_object(std::size_t) { return open(Json::object()); }
    bool start_array(std::size_t) { return open(Json::array()); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(std::string& name)
    {
        const auto [place, is_new] = m_open.back()->get_ref<Json::object_t&>().try_emplace(std::move(name));
        if (!is_new)
            return refuse(fmt::format("the key \"{}\" occurs twice in one object", printable(place->first)));
        m_member = &place->second;
        return true;
    }

    bool parse_error(std::size_t position, const std::string& last_token, const Json::exception&)
    {
        m_position = position;
        return refuse(last_token.empty() ? std::string("expected valid JSON, found the end of the text")
                                         : "expected valid JSON, found \"" + printable(last_token) + "\"");
    }

    Json take() { return std::move(m_root); }
    const std::string& problem() const { return m_problem; }
    std::size_t position() const { return m_position; } // of the fault, in bytes from 1; 0 where unknown

private:
    // Where the next value goes: the member whose key came last, the end of an array, or the root.
    Json* place(Json value)
    {
        if (++m_values > m_limits.values) {
            refuse(fmt::format("expected at most {} values, found more", m_limits.values));
            return nullptr;
        }
        if (m_open.empty()) {
            m_root = std::move(value);
            return &m_root;
        }
        if (m_open.back()->is_array())
            return &m_open.back()->get_ref<Json::array_t&>().emplace_back(std::move(value));
        *m_member = std::move(value);
        return m_member;
    }

    bool add(Json value) { return place(std::move(value)) != nullptr; }

    bool open(Json container)
    {
        if (m_open.size() >= m_limits.depth)
            return refuse(fmt::format("expected at most {} nested levels, found more", m_limits.depth));
        Json* placed = place(std::move(container));
        if (!placed)
            return false;
        m_open.push_back(placed);
        return true;
    }

    bool close()
    {
        m_open.pop_back();
        return true;
    }

    bool refuse(std::string problem)
    {
        m_problem = std::move(problem);
        return false;
    }

    const JsonLimits& m_limits;
    Json m_root;
    Json* m_member = nullptr;
    std::vector<Json*> m_open; // stable: only the innermost open container grows
    std::size_t m_values = 0;
    std::string m_problem;
    std::size_t m_position = 0;
};

} // namespace

Json parse_json(std::string_view text, std::string_view file, const JsonLimits& limits)
{
    if (text.size() > limits.bytes)
        throw Error(file,
                    fmt::format("expected at most {} bytes of JSON, found {}", limits.bytes, text.size()));
    if (text.starts_with("\xEF\xBB\xBF"))
        throw Error(file, "line 1, byte 1", "expected JSON, found a byte order mark before it");
    Builder builder(limits);
    if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
        const std::size_t position = std::min(builder.position(), text.size());
        if (position == 0)
            throw Error(file, builder.problem());
        const auto line =
            1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(position), '\n');
        throw Error(file, fmt::format("line {}, byte {}", line, position), builder.problem());
    }
    return builder.take();
}

Json read_json(const std::filesystem::path& path, const JsonLimits& limits)
{
    const MappedFile file(path);
    return parse_json(file.text(), file.path(), limits);
}

JsonObject::JsonObject(const Json& json, std::string file, std::string place)
    : m_json(&json)
    , m_file(std::move(file))
    , m_place(std::move(place))
{
    if (!json.is_object())
        throw Error(m_file, m_place.empty() ? "the document" : "key " + m_place,
                    fmt::format("expected an object, found {}", json.type_name()));
}

const Json* JsonObject::find(std::string_view key) const
{
    const auto place = m_json->find(std::string(key));
    return place == m_json->end() || place->is_null() ? nullptr : &*place;
}

std::string JsonObject::place(std::string_view key) const
{
    return fmt::format("key {}{}{}", m_place, m_place.empty() ? "" : ".", printable(key));
}

void JsonObject::fail(std::string_view key, const std::string& what) const
{
    throw Error(m_file, place(key), what);
}

std::optional<std::int64_t> JsonObject::find_integer(std::string_view key, std::int64_t low,
                                                     std::int64_t high) const
{
    const Json* value = find(key);
    if (!value)
        return std::nullopt;
    if (!value->is_number_integer())
        fail(key, fmt::format("expected an integer, found {}", value->type_name()));
    const bool too_large = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
    const std::int64_t number = too_large ? INT64_MAX : value->get<std::int64_t>();
    if (too_large || number < low || number > high)
        fail(key, fmt::format("expected {} to {}, found {}", low, high, value->dump()));
    return number;
}

std::int64_t JsonObject::integer(std::string_view key, std::int64_t low, std::int64_t high) const
{
    const std::optional<std::int64_t> value = find_integer(key, low, high);
    if (!value)
        fail(key, fmt::format("expected {} to {}, found nothing", low, high));
    return *value;
}

std::optional<double> JsonObject::find_number(std::string_view key) const
{
    const Json* value = find(key);
    if (!value)
        return std::nullopt;
    if (!value->is_number())
        fail(key, fmt::format("expected a number, found {}", value->type_name()));
    const double number = value->get<double>();
    if (!std::isfinite(number))
        fail(key, "expected a finite number");
    return number;
}

std::optional<bool> JsonObject::find_bool(std::string_view key) const
{
    const Json* value = find(key);
    if (!value)
        return std::nullopt;
    if (!value->is_boolean())
        fail(key, fmt::format("expected true or false, found {}", value->type_name()));
    return value->get<bool>();
}

std::optional<std::string> JsonObject::find_string(std::string_view key) const
{
    const Json* value = find(key);
    if (!value)
        return std::nullopt;
    if (!value->is_string())
        fail(key, fmt::format("expected a string, found {}", value->type_name()));
    return value->get<std::string>();
}

std::optional<JsonObject> JsonObject::find_object(std::string_view key) const
{
    const Json* value = find(key);
    if (!value)
        return std::nullopt;
    return JsonObject(*value, m_file, m_place.empty() ? std::string(key) : m_place + "." + std::string(key));
}

} // namespace engine::format
