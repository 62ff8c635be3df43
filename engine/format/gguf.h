// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/mapped_file.h"
#include "engine/format/tensor_table.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine::format {

// The value types of GGUF metadata, by their number in the file.
enum class GgufType : std::uint32_t
{
    u8 = 0,
    i8 = 1,
    u16 = 2,
    i16 = 3,
    u32 = 4,
    i32 = 5,
    f32 = 6,
    boolean = 7,
    string = 8,
    array = 9,
    u64 = 10,
    i64 = 11,
    f64 = 12,
};

// One metadata entry. Its bytes were checked when the file was opened, so reading it cannot run out of the
// file.
struct GgufEntry
{
    GgufType type = GgufType::u8; // for an array: the type of its elements
    bool is_array = false;
    std::uint64_t count = 1;          // elements of an array
    std::span<const std::byte> bytes; // the raw value or elements; strings with their length prefixes
};

// The number of a tensor type in the file. Throws Error for FP8, which GGUF does not have.
std::uint32_t gguf_type_id(kernels::Dtype dtype);

// A GGUF file of version 2 or 3, or a model split over several (…-00001-of-0000N.gguf), read through a
// mapping. Format: little-endian; header, metadata, tensor descriptions, padding, tensor data.
class Gguf
{
public:
    // Opens one file; if it is the first part of a split model, the other parts too. Every length, count,
    // offset and name is checked here; throws Error with the file, the place and the reason.
    explicit Gguf(const std::filesystem::path& path);

    const std::string& path() const { return m_files.front().path(); }
    const std::vector<MappedFile>& files() const { return m_files; }
    const TensorTable& tensors() const { return m_tensors; }
    std::uint32_t version() const { return m_version; }
    std::uint64_t alignment() const { return m_alignment; }
    const std::map<std::string, GgufEntry, std::less<>>& metadata() const { return m_metadata; }

    bool has(std::string_view key) const;

    // Absent keys give nothing; a value of another type or out of range throws.
    std::optional<std::int64_t> find_integer(std::string_view key, std::int64_t low, std::int64_t high) const;
    std::optional<double> find_number(std::string_view key) const; // finite; integers are accepted
    std::optional<bool> find_bool(std::string_view key) const;
    std::optional<std::string_view> find_string(std::string_view key) const; // bytes in the mapping
    std::optional<std::vector<std::string_view>> find_strings(std::string_view key) const;
    std::optional<std::vector<std::int32_t>> find_integers(std::string_view key) const;

    [[noreturn]] void fail(std::string_view key, const std::string& what) const;

    // As above, and an absent key throws.
    std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high) const;
    double number(std::string_view key) const;
    std::string_view string(std::string_view key) const;

private:
    const GgufEntry* find(std::string_view key) const;
    void read_part(std::size_t part);

    std::vector<MappedFile> m_files;
    std::map<std::string, GgufEntry, std::less<>> m_metadata; // of the first part
    TensorTable m_tensors;
    std::uint32_t m_version = 0;
    std::uint64_t m_alignment = 32;
};

} // namespace engine::format
