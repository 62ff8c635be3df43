// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace engine::format {

using Json = nlohmann::json;

struct JsonLimits
{
    std::size_t bytes = std::size_t{64} << 20;
    std::size_t depth = 64;
    std::size_t values = 2'000'000; // values in the whole document; bounds the memory that a text can cost
};

// Parses one JSON document. A key that occurs twice in an object is an error, not a choice. Throws Error
// "FILE: line L, byte B: reason"; the parser's own exceptions never leave.
Json parse_json(std::string_view text, std::string_view file, const JsonLimits& limits = {});
Json read_json(const std::filesystem::path& path, const JsonLimits& limits = {});

// Members of a JSON object whose absence or wrong type is an Error that names the file and the key.
class JsonObject
{
public:
    // place: where in the file the object stands, "" for the document itself.
    JsonObject(const Json& json, std::string file, std::string place = {});

    const Json* find(std::string_view key) const; // absent and null are both nullptr
    std::optional<std::int64_t> find_integer(std::string_view key, std::int64_t low, std::int64_t high) const;
    std::optional<double> find_number(std::string_view key) const; // finite
    std::optional<bool> find_bool(std::string_view key) const;
    std::optional<std::string> find_string(std::string_view key) const;
    std::optional<JsonObject> find_object(std::string_view key) const;

    std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;

    const Json& json() const { return *m_json; }
    const std::string& file() const { return m_file; }
    std::string place(std::string_view key) const; // "key rope_scaling.factor"
    [[noreturn]] void fail(std::string_view key, const std::string& what) const;

private:
    const Json* m_json;
    std::string m_file;
    std::string m_place;
};

} // namespace engine::format
