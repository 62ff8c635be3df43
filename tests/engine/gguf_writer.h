// SPDX-License-Identifier: MIT
// Writes small GGUF files for tests, right ones and wrong ones. It shares nothing with the program's own
// writer, which makes only right ones and is tested against the same reader.
#pragma once

#include "engine/format/json.h"

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <vector>

class GgufWriter
{
public:
    // The parts of the header that a test may set to anything.
    std::string magic = "GGUF";
    std::uint32_t version = 3;
    std::int64_t alignment = 32;

    // A vocabulary, written if it has tokens.
    std::string model = "gpt2";
    std::string pre;
    std::vector<std::string> tokens;
    std::vector<std::int32_t> types;
    std::vector<std::string> merges;

    template <class T> static std::string raw(T value)
    {
        return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
    }

    static std::string text(std::string_view value)
    {
        return raw<std::uint64_t>(value.size()) + std::string(value);
    }

    // A metadata entry with the bytes of its value.
    void entry(std::string_view key, std::uint32_t type, const std::string& value)
    {
        std::erase_if(m_entries, [&](const auto& e) { return e.first == key; });
        m_entries.emplace_back(key, text(key) + raw(type) + value);
    }
    // The same without replacing an earlier one.
    void second_entry(std::string_view key, std::uint32_t type, const std::string& value)
    {
        m_entries.emplace_back(key, text(key) + raw(type) + value);
    }
    void remove(std::string_view key)
    {
        std::erase_if(m_entries, [&](const auto& e) { return e.first == key; });
    }
    void u32(std::string_view key, std::uint32_t value) { entry(key, 4, raw(value)); }
    void i32(std::string_view key, std::int32_t value) { entry(key, 5, raw(value)); }
    void f32(std::string_view key, float value) { entry(key, 6, raw(value)); }
    void boolean(std::string_view key, bool value) { entry(key, 7, raw<std::uint8_t>(value)); }
    void string(std::string_view key, std::string_view value) { entry(key, 8, text(value)); }

    // ne: fastest axis first, as the format has it. The offset is where the data lands.
    void tensor(std::string_view name, const std::vector<std::int64_t>& ne, std::uint32_t type,
                const std::string& data)
    {
        const auto padding = static_cast<std::size_t>(alignment);
        m_data.resize((m_data.size() + padding - 1) / padding * padding);
        described_tensor(name, ne, type, m_data.size());
        m_data += data;
        m_whole.push_back({std::string(name), ne, type, data});
    }
    // Only the description, with any offset.
    void described_tensor(std::string_view name, const std::vector<std::int64_t>& ne, std::uint32_t type,
                          std::uint64_t offset)
    {
        std::string description = text(name) + raw(static_cast<std::uint32_t>(ne.size()));
        for (const std::int64_t length : ne)
            description += raw(length);
        m_tensors.push_back(description + raw(type) + raw(offset));
    }

    std::string bytes() const
    {
        std::vector<std::string> entries;
        for (const auto& [key, value] : m_entries)
            entries.push_back(value);
        if (!tokens.empty() || !pre.empty()) {
            entries.push_back(text("tokenizer.ggml.model") + raw<std::uint32_t>(8) + text(model));
            if (!pre.empty())
                entries.push_back(text("tokenizer.ggml.pre") + raw<std::uint32_t>(8) + text(pre));
        }
        if (!tokens.empty()) {
            entries.push_back(text("tokenizer.ggml.tokens") + raw<std::uint32_t>(9) + strings(tokens));
            std::string numbers = raw<std::uint32_t>(5) + raw<std::uint64_t>(types.size());
            for (const std::int32_t type : types)
                numbers += raw(type);
            entries.push_back(text("tokenizer.ggml.token_type") + raw<std::uint32_t>(9) + numbers);
            entries.push_back(text("tokenizer.ggml.merges") + raw<std::uint32_t>(9) + strings(merges));
        }
        std::string all =
            magic + raw(version) + raw<std::uint64_t>(m_tensors.size()) + raw<std::uint64_t>(entries.size());
        for (const std::string& e : entries)
            all += e;
        for (const std::string& tensor : m_tensors)
            all += tensor;
        if (!m_data.empty() && alignment > 0) {
            const auto padding = static_cast<std::size_t>(alignment);
            all.resize((all.size() + padding - 1) / padding * padding);
        }
        return all + m_data;
    }

    void write(const std::filesystem::path& path) const
    {
        const std::string all = bytes();
        std::ofstream(path, std::ios::binary).write(all.data(), static_cast<std::streamsize>(all.size()));
    }

    // The same as a model in `parts` files, FOLDER/NAME-00001-of-0000N.gguf …, every tensor in one of them.
    // Returns the first.
    std::filesystem::path write_split(const std::filesystem::path& folder, const std::string& name,
                                      std::size_t parts) const
    {
        const auto number = [](std::size_t n) {
            return std::string(5 - std::to_string(n).size(), '0') + std::to_string(n);
        };
        std::filesystem::path first;
        for (std::size_t part = parts; part-- > 0;) {
            GgufWriter out;
            if (part == 0) {
                out = *this;
                out.m_tensors.clear();
                out.m_data.clear();
            }
            out.alignment = alignment;
            out.entry("split.no", 2, raw(static_cast<std::uint16_t>(part)));
            out.entry("split.count", 2, raw(static_cast<std::uint16_t>(parts)));
            out.i32("split.tensors.count", static_cast<std::int32_t>(m_whole.size()));
            for (std::size_t i = part; i < m_whole.size(); i += parts)
                out.tensor(m_whole[i].name, m_whole[i].ne, m_whole[i].type, m_whole[i].data);
            first = folder / (name + "-" + number(part + 1) + "-of-" + number(parts) + ".gguf");
            out.write(first);
        }
        return first;
    }

    void add_token(std::string token, std::int32_t type)
    {
        tokens.push_back(std::move(token));
        types.push_back(type);
    }

    // The vocabulary of a tokenizer.json.
    static GgufWriter of_tokenizer(const engine::format::Json& json, std::string pre_tokenizer)
    {
        GgufWriter writer;
        writer.pre = std::move(pre_tokenizer);
        const auto set = [&](std::size_t id, const std::string& token, std::int32_t type) {
            writer.tokens.resize(std::max(writer.tokens.size(), id + 1));
            writer.types.resize(writer.tokens.size(), 5);
            writer.tokens[id] = token;
            writer.types[id] = type;
        };
        for (const auto& [token, id] : json.at("model").at("vocab").items())
            set(id.get<std::size_t>(), token, 1);
        for (const auto& added : json.at("added_tokens"))
            set(added.at("id").get<std::size_t>(), added.at("content"),
                added.at("special").get<bool>() ? 3 : 4);
        for (const auto& merge : json.at("model").at("merges"))
            writer.merges.push_back(merge.is_string() ? merge.get<std::string>()
                                                      : merge.at(0).get<std::string>() + " " +
                                                            merge.at(1).get<std::string>());
        return writer;
    }

private:
    static std::string strings(const std::vector<std::string>& values)
    {
        std::string all = raw<std::uint32_t>(8) + raw<std::uint64_t>(values.size());
        for (const std::string& value : values)
            all += text(value);
        return all;
    }

    std::vector<std::pair<std::string, std::string>> m_entries;
    struct Whole
    {
        std::string name;
        std::vector<std::int64_t> ne;
        std::uint32_t type;
        std::string data;
    };

    std::vector<std::string> m_tensors;
    std::vector<Whole> m_whole; // those of tensor()
    std::string m_data;
};
