// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace app {

// Wrong usage: exit status 2, with the usage line.
class UsageError : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

struct OptionSpec
{
    std::string_view name;  // "--text", "-t"
    std::string_view value; // what stands behind it, for the usage line; empty: nothing does
};

// The words behind a command. Options may stand anywhere, as "--name value" or "--name=value"; "--" ends
// them.
class Arguments
{
public:
    // Throws UsageError for unknown options, missing values and another number of other words than
    // `operands`.
    Arguments(std::span<char* const> words, std::span<const OptionSpec> specs, std::size_t operands);

    std::string_view operand(std::size_t index) const { return m_operands[index]; }

    bool has(std::string_view name) const;
    std::optional<std::string_view> find(std::string_view name) const; // the last one
    std::vector<std::string> all(std::string_view name) const;
    // Throws UsageError where the option is missing.
    std::string_view require(std::string_view name) const;

    // Throw UsageError where the value is no number or not in the range.
    std::int64_t integer(std::string_view name, std::int64_t fallback, std::int64_t low,
                         std::int64_t high) const;
    double number(std::string_view name, double fallback, double low, double high) const;
    // "1,2,3"; blanks around the numbers are allowed.
    std::vector<std::int32_t> integers(std::string_view name, std::string_view fallback, std::int32_t low,
                                       std::int32_t high) const;

private:
    struct Given
    {
        std::string_view name;
        std::string_view value;
    };
    std::vector<Given> m_given;
    std::vector<std::string_view> m_operands;
};

} // namespace app
