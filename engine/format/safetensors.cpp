// SPDX-License-Identifier: MIT
#include "engine/format/safetensors.h"

#include "engine/error.h"
#include "engine/format/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <set>

namespace engine::format {

namespace {

constexpr std::uint64_t largest_header = std::uint64_t{64} << 20;
constexpr std::size_t most_axes = 8;
constexpr std::size_t most_shards = 1000;
constexpr std::int64_t largest_integer = (std::int64_t{1} << 53) - 1;
constexpr const char* single_name = "model.safetensors";
constexpr const char* index_name = "model.safetensors.index.json";

struct ElementType
{
    std::string_view name;
    std::int64_t bytes;
    std::optional<kernels::Dtype> dtype = std::nullopt;
};

constexpr ElementType element_types[] = {
    {"BOOL", 1},
    {"U8", 1},
    {"I8", 1},
    {"F8_E4M3", 1, kernels::Dtype::f8_e4m3},
    {"F8_E5M2", 1},
    {"I16", 2},
    {"U16", 2},
    {"F16", 2, kernels::Dtype::f16},
    {"BF16", 2, kernels::Dtype::bf16},
    {"I32", 4},
    {"U32", 4},
    {"F32", 4, kernels::Dtype::f32},
    {"I64", 8},
    {"U64", 8},
    {"F64", 8},
};

struct Extent
{
    std::int64_t begin; // bytes from the start of the data
    std::int64_t end;
    std::string name;
};

// Tensors must cover the data exactly: what overlaps could make a small file claim much memory, and a gap
// could hide a second file.
void check_extents(const std::string& file, std::vector<Extent> extents, std::int64_t data_size)
{
    std::ranges::sort(extents, [](const Extent& a, const Extent& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::int64_t position = 0;
    for (const Extent& extent : extents) {
        if (extent.begin != position)
            throw Error(file, "tensor " + printable(extent.name),
                        fmt::format("expected its data at byte {}, found it at {}", position, extent.begin));
        position = extent.end;
    }
    if (position != data_size)
        throw Error(file, "end",
                    fmt::format("expected {} bytes of data by the header, found {}", position, data_size));
}

TensorInfo read_tensor(const JsonObject& entry, const std::string& name, std::span<const std::byte> data,
                       Extent& extent)
{
    const std::string place = "tensor " + printable(name);
    const auto fail = [&](const std::string& what) { throw Error(entry.file(), place, what); };
    const std::optional<std::string> type_name = entry.find_string("dtype");
    const Json* shape = entry.find("shape");
    const Json* offsets = entry.find("data_offsets");
    if (!type_name || !shape || !shape->is_array() || !offsets || !offsets->is_array() ||
        offsets->size() != 2)
        fail("expected dtype, shape and two data_offsets, found something else");
    const auto* type = std::ranges::find(element_types, *type_name, &ElementType::name);
    if (type == std::end(element_types))
        fail("expected a known dtype, found " + printable(*type_name));
    if (shape->size() > most_axes)
        fail(fmt::format("expected at most {} dimensions, found {}", most_axes, shape->size()));

    const auto whole = [&](const Json& value) {
        const bool fits = value.is_number_unsigned() && value.get<std::uint64_t>() <= largest_integer;
        if (!fits)
            fail("expected integers from 0 in shape and data_offsets, found " + value.dump());
        return value.get<std::int64_t>();
    };
    TensorInfo tensor;
    tensor.name = name;
    tensor.type_name = *type_name;
    tensor.dtype = type->dtype;
    // Zero and overflow are looked at together: the product of the non-zero lengths must fit in any case.
    std::int64_t product = type->bytes;
    bool is_empty = false;
    for (const Json& axis : *shape) {
        const std::int64_t length = whole(axis);
        tensor.shape.push_back(length);
        is_empty = is_empty || length == 0;
        if (length != 0 && __builtin_mul_overflow(product, length, &product))
            fail("expected a shape whose size can be counted, found one that is too large");
    }
    const std::int64_t size = is_empty ? 0 : product;
    extent = {whole((*offsets)[0]), whole((*offsets)[1]), name};
    if (extent.begin > extent.end || extent.end > static_cast<std::int64_t>(data.size()))
        fail(fmt::format("expected data within {} bytes, found bytes {} to {}", data.size(), extent.begin,
                         extent.end));
    if (extent.end - extent.begin != size)
        fail(fmt::format("expected {} bytes for {} {}, found {}", size, *type_name, shape_text(tensor.shape),
                         extent.end - extent.begin));
    tensor.bytes = data.subspan(static_cast<std::size_t>(extent.begin), static_cast<std::size_t>(size));
    return tensor;
}

// A name in an index must be that of a file in the same folder. What it links to is another matter: Hugging
// Face's cache consists of links.
void check_shard_name(const JsonObject& map, const std::string& tensor, const std::string& name)
{
    const bool plain = name.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                       name.size() <= 255 && name.ends_with(".safetensors") && name != ".safetensors";
    if (!plain)
        map.fail(tensor, "expected the plain name of a .safetensors file, found \"" + printable(name) + "\"");
}

} // namespace

Safetensors::Safetensors(const std::filesystem::path& path)
{
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
        read_file(path);
        return;
    }
    if (std::filesystem::exists(path / index_name, ignored))
        read_index(path, path / index_name);
    else if (std::filesystem::exists(path / single_name, ignored))
        read_file(path / single_name);
    else
        throw Error(path.string(), fmt::format("expected {} or {}, found neither", single_name, index_name));
}

bool Safetensors::exists_in(const std::filesystem::path& folder)
{
    std::error_code ignored;
    return std::filesystem::exists(folder / index_name, ignored) ||
           std::filesystem::exists(folder / single_name, ignored);
}

void Safetensors::read_file(const std::filesystem::path& path)
{
    const MappedFile& file = m_files.emplace_back(path);
    constexpr std::size_t prefix = sizeof(std::uint64_t);
    if (file.size() < prefix)
        throw Error(file.path(), "beginning", fmt::format("expected 8 bytes, found {}", file.size()));
    std::uint64_t header_size = 0;
    std::memcpy(&header_size, file.bytes().data(), prefix);
    const std::uint64_t most = std::min<std::uint64_t>(largest_header, file.size() - prefix);
    if (header_size < 2 || header_size > most)
        throw Error(
            file.path(), "beginning",
            fmt::format("expected a header of 2 to {} bytes, found a length of {}", most, header_size));
    const std::string_view header = file.text().substr(prefix, static_cast<std::size_t>(header_size));
    if (header.front() != '{')
        throw Error(file.path(), "header", "expected \"{\" as its first byte, found something else");
    const std::span data = file.bytes().subspan(prefix + static_cast<std::size_t>(header_size));

    const std::size_t index = m_tensors.add_file(file.path());
    std::vector<Extent> extents;
    const Json json = parse_json(header, file.path());
    for (const auto& [name, value] : json.items()) {
        if (name == "__metadata__") {
            const JsonObject metadata(value, file.path(), name);
            for (const auto& [key, text] : value.items()) {
                if (!text.is_string())
                    metadata.fail(key, fmt::format("expected a string, found {}", text.type_name()));
                if (index == 0)
                    m_metadata[key] = text.get<std::string>();
            }
            continue;
        }
        if (name.empty() || name.find('\0') != std::string::npos)
            throw Error(file.path(), "header", "expected names of tensors, found an empty or broken one");
        TensorInfo tensor =
            read_tensor(JsonObject(value, file.path(), name), name, data, extents.emplace_back());
        tensor.file = index;
        m_tensors.add(std::move(tensor));
    }
    check_extents(file.path(), std::move(extents), static_cast<std::int64_t>(data.size()));
}

void Safetensors::read_index(const std::filesystem::path& folder, const std::filesystem::path& index)
{
    const Json json = read_json(index);
    const JsonObject document(json, index.string());
    const std::optional<JsonObject> map = document.find_object("weight_map");
    if (!map)
        document.fail("weight_map", "expected an object, found nothing");
    std::set<std::string> shards;
    for (const auto& [tensor, shard] : map->json().items()) {
        if (!shard.is_string())
            map->fail(tensor, fmt::format("expected a file name, found {}", shard.type_name()));
        const auto& name = shard.get_ref<const std::string&>();
        check_shard_name(*map, tensor, name);
        shards.insert(name);
        if (shards.size() > most_shards)
            map->fail(tensor, fmt::format("expected at most {} files, found more", most_shards));
    }
    m_files.reserve(shards.size());
    for (const std::string& shard : shards)
        read_file(folder / shard);
    for (const auto& [tensor, shard] : map->json().items()) {
        const TensorInfo* info = m_tensors.find(tensor);
        const std::string expected = (folder / shard.get_ref<const std::string&>()).string();
        if (!info || m_files.at(info->file).path() != expected)
            throw Error(expected, "tensor " + printable(tensor), "expected here by the index, found nothing");
    }
}

} // namespace engine::format
