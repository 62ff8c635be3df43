// SPDX-License-Identifier: MIT
#include "app/cli/arguments.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace app {

namespace {

template <class T> std::optional<T> parse(std::string_view text)
{
    T value{};
    const char* const end = text.data() + text.size();
    const auto [stopped, error] = std::from_chars(text.data(), end, value);
    return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

std::string_view trim(std::string_view text)
{
    constexpr std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    return first == std::string_view::npos ? std::string_view()
                                           : text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

} // namespace

Arguments::Arguments(std::span<char* const> words, std::span<const OptionSpec> specs, std::size_t operands)
{
    bool isOptions = true;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = words[i];
        if (!isOptions || word.size() < 2 || word[0] != '-') {
            m_operands.push_back(word);
            continue;
        }
        if (word == "--") {
            isOptions = false;
            continue;
        }
        const std::size_t equals = word.starts_with("--") ? word.find('=') : std::string_view::npos;
        const std::string_view name = word.substr(0, equals);
        const auto spec = std::find_if(specs.begin(), specs.end(),
                                       [&](const OptionSpec& candidate) { return candidate.name == name; });
        if (spec == specs.end())
            throw UsageError(fmt::format("unknown option {}", name));
        if (spec->value.empty()) {
            if (equals != std::string_view::npos)
                throw UsageError(fmt::format("{} takes no value", name));
            m_given.push_back({name, {}});
        } else if (equals != std::string_view::npos) {
            m_given.push_back({name, word.substr(equals + 1)});
        } else if (i + 1 < words.size()) {
            m_given.push_back({name, words[++i]});
        } else {
            throw UsageError(fmt::format("{} needs a value", name));
        }
    }
    if (m_operands.size() < operands)
        throw UsageError("MODEL is missing");
    if (m_operands.size() > operands)
        throw UsageError(fmt::format("unexpected argument {}", m_operands[operands]));
}

bool Arguments::has(std::string_view name) const
{
    return find(name).has_value();
}

std::optional<std::string_view> Arguments::find(std::string_view name) const
{
    const auto found = std::find_if(m_given.rbegin(), m_given.rend(),
                                    [&](const Given& given) { return given.name == name; });
    return found == m_given.rend() ? std::nullopt : std::optional(found->value);
}

std::vector<std::string> Arguments::all(std::string_view name) const
{
    std::vector<std::string> values;
    for (const Given& given : m_given)
        if (given.name == name)
            values.emplace_back(given.value);
    return values;
}

std::string_view Arguments::require(std::string_view name) const
{
    const auto value = find(name);
    if (!value)
        throw UsageError(fmt::format("{} is missing", name));
    return *value;
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t fallback, std::int64_t low,
                                std::int64_t high) const
{
    const auto text = find(name);
    if (!text)
        return fallback;
    const auto value = parse<std::int64_t>(*text);
    if (!value || *value < low || *value > high)
        throw UsageError(
            fmt::format("{}: expected a number from {} to {}, found '{}'", name, low, high, *text));
    return *value;
}

double Arguments::number(std::string_view name, double fallback, double low, double high) const
{
    const auto text = find(name);
    if (!text)
        return fallback;
    const auto value = parse<double>(*text);
    if (!value || !std::isfinite(*value) || *value < low || *value > high)
        throw UsageError(
            fmt::format("{}: expected a number from {} to {}, found '{}'", name, low, high, *text));
    return *value;
}

std::vector<std::int32_t> Arguments::integers(std::string_view name, std::string_view fallback,
                                              std::int32_t low, std::int32_t high) const
{
    std::vector<std::int32_t> values;
    std::string_view rest = find(name).value_or(fallback);
    for (;;) {
        const std::size_t comma = rest.find(',');
        const std::string_view part = trim(rest.substr(0, comma));
        const auto value = parse<std::int32_t>(part);
        if (!value || *value < low || *value > high)
            throw UsageError(
                fmt::format("{}: expected numbers from {} to {}, found '{}'", name, low, high, part));
        values.push_back(*value);
        if (comma == std::string_view::npos)
            return values;
        rest.remove_prefix(comma + 1);
    }
}

} // namespace app
