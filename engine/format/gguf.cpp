// SPDX-License-Identifier: MIT
#include "engine/format/gguf.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace engine::format {

namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is read in place");

// Far above any real model, far below what could hurt.
constexpr std::uint64_t largest_header = std::uint64_t{64} << 20;
constexpr std::uint64_t most_entries = 4096;
constexpr std::uint64_t most_tensors = 65536;
constexpr std::uint64_t most_elements = 2'000'000;
constexpr std::uint64_t longest_string = std::uint64_t{1} << 20;
constexpr std::uint64_t longest_tensor_name = 63;
constexpr std::uint64_t largest_alignment = std::uint64_t{1} << 20;
constexpr std::int64_t most_parts = 1000;

struct TensorType
{
    std::uint32_t id;
    std::string_view name;
    std::int64_t block_values;
    std::int64_t block_bytes;
    std::optional<kernels::Dtype> dtype = std::nullopt;
};

constexpr TensorType tensor_types[] = {
    {0, "F32", 1, 4, kernels::Dtype::f32},
    {1, "F16", 1, 2, kernels::Dtype::f16},
    {2, "Q4_0", 32, 18, kernels::Dtype::q4_0},
    {3, "Q4_1", 32, 20, kernels::Dtype::q4_1},
    {6, "Q5_0", 32, 22, kernels::Dtype::q5_0},
    {7, "Q5_1", 32, 24, kernels::Dtype::q5_1},
    {8, "Q8_0", 32, 34, kernels::Dtype::q8_0},
    {9, "Q8_1", 32, 36},
    {10, "Q2_K", 256, 84, kernels::Dtype::q2_k},
    {11, "Q3_K", 256, 110, kernels::Dtype::q3_k},
    {12, "Q4_K", 256, 144, kernels::Dtype::q4_k},
    {13, "Q5_K", 256, 176, kernels::Dtype::q5_k},
    {14, "Q6_K", 256, 210, kernels::Dtype::q6_k},
    {15, "Q8_K", 256, 292},
    {16, "IQ2_XXS", 256, 66, kernels::Dtype::iq2_xxs},
    {17, "IQ2_XS", 256, 74, kernels::Dtype::iq2_xs},
    {18, "IQ3_XXS", 256, 98, kernels::Dtype::iq3_xxs},
    {19, "IQ1_S", 256, 50, kernels::Dtype::iq1_s},
    {20, "IQ4_NL", 32, 18, kernels::Dtype::iq4_nl},
    {21, "IQ3_S", 256, 110, kernels::Dtype::iq3_s},
    {22, "IQ2_S", 256, 82, kernels::Dtype::iq2_s},
    {23, "IQ4_XS", 256, 136, kernels::Dtype::iq4_xs},
    {24, "I8", 1, 1},
    {25, "I16", 1, 2},
    {26, "I32", 1, 4},
    {27, "I64", 1, 8},
    {28, "F64", 1, 8},
    {29, "IQ1_M", 256, 56, kernels::Dtype::iq1_m},
    {30, "BF16", 1, 2, kernels::Dtype::bf16},
    {34, "TQ1_0", 256, 54},
    {35, "TQ2_0", 256, 66},
    {39, "MXFP4", 32, 17},
};

const TensorType* tensor_type(std::uint32_t id)
{
    const auto* type = std::ranges::find(tensor_types, id, &TensorType::id);
    return type == std::end(tensor_types) ? nullptr : type;
}

// Bytes of one value; 0 for strings and arrays, whose size varies.
std::uint64_t value_size(GgufType type)
{
    switch (type) {
    case GgufType::u8:
    case GgufType::i8:
    case GgufType::boolean:
        return 1;
    case GgufType::u16:
    case GgufType::i16:
        return 2;
    case GgufType::u32:
    case GgufType::i32:
    case GgufType::f32:
        return 4;
    case GgufType::u64:
    case GgufType::i64:
    case GgufType::f64:
        return 8;
    case GgufType::string:
    case GgufType::array:
        break;
    }
    return 0;
}

std::string_view type_name(const GgufEntry& entry)
{
    if (entry.is_array)
        return "an array";
    switch (entry.type) {
    case GgufType::f32:
    case GgufType::f64:
        return "a number with a fraction";
    case GgufType::boolean:
        return "true or false";
    case GgufType::string:
        return "a string";
    default:
        return "an integer";
    }
}

bool is_integer_type(GgufType type)
{
    return type != GgufType::f32 && type != GgufType::f64 && type != GgufType::boolean &&
           type != GgufType::string && type != GgufType::array;
}

template <class T> T load(std::span<const std::byte> bytes, std::size_t index = 0)
{
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

// Element `index` of an entry of an integer type. A u64 beyond int64 is clamped: no key allows it.
std::int64_t load_integer(const GgufEntry& entry, std::size_t index)
{
    switch (entry.type) {
    case GgufType::u8:
        return load<std::uint8_t>(entry.bytes, index);
    case GgufType::i8:
        return load<std::int8_t>(entry.bytes, index);
    case GgufType::u16:
        return load<std::uint16_t>(entry.bytes, index);
    case GgufType::i16:
        return load<std::int16_t>(entry.bytes, index);
    case GgufType::u32:
        return load<std::uint32_t>(entry.bytes, index);
    case GgufType::i32:
        return load<std::int32_t>(entry.bytes, index);
    case GgufType::u64:
        return static_cast<std::int64_t>(std::min<std::uint64_t>(load<std::uint64_t>(entry.bytes, index),
                                                                 std::numeric_limits<std::int64_t>::max()));
    default:
        return load<std::int64_t>(entry.bytes, index);
    }
}

// Reads the header from front to back. Nothing is taken without being compared with what is left.
class Cursor
{
public:
    Cursor(const MappedFile& file)
        : m_file(file)
    {
    }

    std::size_t position() const { return m_position; }
    std::size_t left() const { return m_file.size() - m_position; }

    [[noreturn]] void fail(std::string_view place, const std::string& what) const
    {
        throw Error(m_file.path(), place, what);
    }

    std::span<const std::byte> take(std::uint64_t size, std::string_view place)
    {
        if (size > left())
            fail(place, fmt::format("expected {} more bytes at byte {}, found {}", size, m_position, left()));
        if (size > largest_header - std::min<std::uint64_t>(m_position, largest_header))
            fail(place, fmt::format("expected a header of at most {} bytes, found more", largest_header));
        const std::span part = m_file.bytes().subspan(m_position, size);
        m_position += size;
        return part;
    }

    template <class T> T read(std::string_view place) { return load<T>(take(sizeof(T), place)); }

    // A count that the format stores with a sign: -1 must not become a large number.
    std::uint64_t count(std::string_view place, std::uint64_t most)
    {
        const auto value = read<std::int64_t>(place);
        if (value < 0 || static_cast<std::uint64_t>(value) > most)
            fail(place, fmt::format("expected 0 to {}, found {}", most, value));
        return static_cast<std::uint64_t>(value);
    }

    std::string_view string(std::string_view place, std::uint64_t longest = longest_string)
    {
        const auto length = read<std::uint64_t>(place);
        if (length > longest)
            fail(place, fmt::format("expected a string of at most {} bytes, found {}", longest, length));
        const std::span part = take(length, place);
        return {reinterpret_cast<const char*>(part.data()), part.size()};
    }

private:
    const MappedFile& m_file;
    std::size_t m_position = 0;
};

GgufType checked_type(const Cursor& cursor, std::uint32_t id, std::string_view place)
{
    if (id > static_cast<std::uint32_t>(GgufType::f64))
        cursor.fail(place, fmt::format("expected a value type of 0 to 12, found {}", id));
    return static_cast<GgufType>(id);
}

GgufEntry read_entry(Cursor& cursor, const MappedFile& file, std::string_view place)
{
    GgufEntry entry;
    entry.type = checked_type(cursor, cursor.read<std::uint32_t>(place), place);
    if (entry.type == GgufType::array) {
        entry.is_array = true;
        entry.type = checked_type(cursor, cursor.read<std::uint32_t>(place), place);
        if (entry.type == GgufType::array)
            cursor.fail(place, "expected an array of plain values, found an array of arrays");
        entry.count = cursor.count(place, most_elements);
    }
    const std::size_t begin = cursor.position();
    if (entry.type == GgufType::string) {
        for (std::uint64_t i = 0; i < entry.count; ++i)
            cursor.string(place);
    } else {
        cursor.take(entry.count * value_size(entry.type), place); // both factors are bounded
    }
    entry.bytes = file.bytes().subspan(begin, cursor.position() - begin);
    return entry;
}

using Metadata = std::map<std::string, GgufEntry, std::less<>>;

Metadata read_metadata(Cursor& cursor, const MappedFile& file, std::uint64_t count)
{
    Metadata metadata;
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string_view key = cursor.string(fmt::format("metadata entry {}", i));
        const std::string place = "key " + printable(key);
        if (key.empty() || key.find('\0') != std::string_view::npos)
            cursor.fail(fmt::format("metadata entry {}", i), "expected a name, found an empty or broken one");
        const auto [entry, is_new] = metadata.try_emplace(std::string(key));
        if (!is_new)
            cursor.fail(place, "expected once, found a second time");
        entry->second = read_entry(cursor, file, place);
    }
    return metadata;
}

// The description of a tensor as it stands in the header.
struct Description
{
    std::string name;
    std::vector<std::int64_t> shape; // outermost axis first
    const TensorType* type = nullptr;
    std::uint32_t type_id = 0;
    std::uint64_t offset = 0; // from the start of the data
    std::uint64_t size = 0;   // bytes; 0 for a type whose blocks are not known
};

Description read_description(Cursor& cursor, std::uint64_t index, std::uint64_t alignment)
{
    const std::string number = fmt::format("tensor {}", index);
    Description tensor;
    tensor.name = cursor.string(number, longest_tensor_name);
    const std::string place = "tensor " + printable(tensor.name);
    if (tensor.name.empty() || tensor.name.find('\0') != std::string::npos)
        cursor.fail(number, "expected a name, found an empty or broken one");

    const auto axes = cursor.read<std::uint32_t>(place);
    if (axes < 1 || axes > 4)
        cursor.fail(place, fmt::format("expected 1 to 4 dimensions, found {}", axes));
    // Each factor is checked by itself, then each product: a zero must not hide an overflow.
    std::int64_t elements = 1;
    for (std::uint32_t axis = 0; axis < axes; ++axis) {
        const auto length = cursor.read<std::int64_t>(place);
        if (length < 1)
            cursor.fail(place, fmt::format("expected dimension {} to be 1 or more, found {}", axis, length));
        if (__builtin_mul_overflow(elements, length, &elements))
            cursor.fail(place, "expected a shape whose size can be counted, found one that is too large");
        tensor.shape.insert(tensor.shape.begin(), length);
    }

    tensor.type_id = cursor.read<std::uint32_t>(place);
    tensor.type = tensor_type(tensor.type_id);
    tensor.offset = cursor.read<std::uint64_t>(place);
    if (tensor.offset % alignment != 0)
        cursor.fail(place,
                    fmt::format("expected an offset that {} divides, found {}", alignment, tensor.offset));
    if (tensor.type) {
        const std::int64_t row = tensor.shape.back();
        if (row % tensor.type->block_values != 0)
            cursor.fail(place, fmt::format("expected rows of a multiple of {} for {}, found {}",
                                           tensor.type->block_values, tensor.type->name, row));
        std::int64_t size = 0;
        if (__builtin_mul_overflow(elements / tensor.type->block_values, tensor.type->block_bytes, &size))
            cursor.fail(place, "expected a shape whose size can be counted, found one that is too large");
        tensor.size = static_cast<std::uint64_t>(size);
    }
    return tensor;
}

void check_overlaps(const MappedFile& file, std::vector<Description> tensors)
{
    std::ranges::sort(tensors, {}, &Description::offset);
    for (std::size_t i = 1; i < tensors.size(); ++i) {
        const Description& before = tensors[i - 1];
        if (before.offset + before.size > tensors[i].offset) // both were found to lie within the file
            throw Error(file.path(), "tensor " + printable(tensors[i].name),
                        "expected data of its own, found it to overlap that of " + printable(before.name));
    }
}

std::uint64_t read_alignment(const MappedFile& file, const Metadata& metadata)
{
    const auto entry = metadata.find("general.alignment");
    if (entry == metadata.end())
        return 32;
    constexpr std::string_view place = "key general.alignment";
    if (entry->second.is_array || entry->second.type != GgufType::u32)
        throw Error(file.path(), place,
                    fmt::format("expected a 32-bit integer, found {}", type_name(entry->second)));
    const std::uint64_t alignment = load<std::uint32_t>(entry->second.bytes);
    if (!std::has_single_bit(alignment) || alignment > largest_alignment)
        throw Error(file.path(), place,
                    fmt::format("expected a power of two up to {}, found {}", largest_alignment, alignment));
    return alignment;
}

std::uint32_t read_version(Cursor& cursor)
{
    const std::span magic = cursor.take(4, "beginning");
    if (std::memcmp(magic.data(), "GGUF", 4) != 0)
        cursor.fail("beginning", fmt::format("expected the letters GGUF, found \"{}\"",
                                             printable({reinterpret_cast<const char*>(magic.data()), 4})));
    const auto version = cursor.read<std::uint32_t>("version");
    if (version == 2 || version == 3)
        return version;
    const std::uint32_t swapped = __builtin_bswap32(version);
    if (swapped >= 1 && swapped <= 3)
        cursor.fail("version", "expected a little-endian file, found one for a big-endian machine");
    cursor.fail("version", fmt::format("expected 2 or 3, found {}", version));
}

// "model-00001-of-00004.gguf", `from` being 0 → the name of part `to`, counted from 0. Empty if the name does
// not follow the pattern.
std::filesystem::path part_path(const std::filesystem::path& file, std::int64_t from, std::int64_t to,
                                std::int64_t parts)
{
    const std::string name = file.filename().string();
    const std::string ending = fmt::format("-{:05}-of-{:05}.gguf", from + 1, parts);
    if (!name.ends_with(ending))
        return {};
    const std::string stem = name.substr(0, name.size() - ending.size());
    return file.parent_path() / fmt::format("{}-{:05}-of-{:05}.gguf", stem, to + 1, parts);
}

} // namespace

Gguf::Gguf(const std::filesystem::path& path)
{
    m_files.emplace_back(path);
    read_part(0);
    const std::int64_t parts = find_integer("split.count", 0, most_parts).value_or(1);
    const std::int64_t number = find_integer("split.no", 0, most_parts).value_or(0);
    if (number != 0) {
        const std::string first = part_path(path, number, 0, parts).filename().string();
        throw Error(m_files[0].path(), "key split.no",
                    fmt::format("expected the first part of the model{}, found part {}",
                                first.empty() ? "" : ", " + first, number + 1));
    }
    for (std::int64_t part = 1; part < parts; ++part) {
        const std::filesystem::path part_file = part_path(path, 0, part, parts);
        if (part_file.empty())
            throw Error(m_files[0].path(), "name",
                        fmt::format("expected a name ending in -00001-of-{:05}.gguf for a model in {} parts",
                                    parts, parts));
        if (std::error_code error; !std::filesystem::exists(part_file, error))
            throw Error(
                part_file.string(),
                fmt::format("expected part {} of the {} of this model, found no such file", part + 1, parts));
        m_files.emplace_back(part_file);
        read_part(static_cast<std::size_t>(part));
    }
    const auto total = find_integer("split.tensors.count", 0, static_cast<std::int64_t>(most_tensors));
    if (total && parts > 1 && *total != static_cast<std::int64_t>(m_tensors.all().size()))
        throw Error(
            m_files[0].path(), "key split.tensors.count",
            fmt::format("expected {} tensors in all parts, found {}", *total, m_tensors.all().size()));
}

void Gguf::read_part(std::size_t part)
{
    const MappedFile& file = m_files[part];
    Cursor cursor(file);
    const std::uint32_t version = read_version(cursor);
    const std::uint64_t tensor_count = cursor.count("number of tensors", most_tensors);
    const std::uint64_t entry_count = cursor.count("number of metadata entries", most_entries);
    Metadata metadata = read_metadata(cursor, file, entry_count);
    const std::uint64_t alignment = read_alignment(file, metadata);
    if (part == 0) {
        m_metadata = std::move(metadata);
        m_version = version;
        m_alignment = alignment;
    } else {
        // A part of another model, or of another cut of this one, must not pass for the one that is missing.
        const auto demand = [&](std::string_view key, std::int64_t expected) {
            const auto entry = metadata.find(key);
            const bool is_number =
                entry != metadata.end() && !entry->second.is_array && is_integer_type(entry->second.type);
            if (!is_number || load_integer(entry->second, 0) != expected)
                throw Error(file.path(), fmt::format("key {}", key),
                            fmt::format("expected {}, found {}", expected,
                                        is_number ? std::to_string(load_integer(entry->second, 0))
                                                  : "no such number"));
        };
        demand("split.no", static_cast<std::int64_t>(part));
        demand("split.count", integer("split.count", 0, most_parts));
        if (const auto total = find_integer("split.tensors.count", 0, most_tensors))
            demand("split.tensors.count", *total);
    }

    std::vector<Description> descriptions;
    for (std::uint64_t i = 0; i < tensor_count; ++i)
        descriptions.push_back(read_description(cursor, i, alignment));

    // The padding behind a header without tensors, and behind the last tensor, may be missing.
    const std::uint64_t data_begin = (cursor.position() + alignment - 1) / alignment * alignment;
    const std::uint64_t data_size = file.size() - std::min<std::uint64_t>(data_begin, file.size());
    const std::size_t index = m_tensors.add_file(file.path());
    for (const Description& tensor : descriptions) {
        if (tensor.offset > data_size || tensor.size > data_size - tensor.offset)
            throw Error(file.path(), "tensor " + printable(tensor.name),
                        fmt::format("expected {} bytes at byte {} of {} bytes of data, found the file to end",
                                    tensor.size, tensor.offset, data_size));
        TensorInfo info;
        info.name = tensor.name;
        info.type_name =
            tensor.type ? std::string(tensor.type->name) : fmt::format("type {}", tensor.type_id);
        info.dtype = tensor.type ? tensor.type->dtype : std::nullopt;
        info.shape = tensor.shape;
        info.bytes = file.bytes().subspan(static_cast<std::size_t>(data_begin + tensor.offset),
                                          static_cast<std::size_t>(tensor.size));
        info.file = index;
        m_tensors.add(std::move(info));
    }
    check_overlaps(file, std::move(descriptions));
}

const GgufEntry* Gguf::find(std::string_view key) const
{
    const auto entry = m_metadata.find(key);
    return entry == m_metadata.end() ? nullptr : &entry->second;
}

std::uint32_t gguf_type_id(kernels::Dtype dtype)
{
    const auto* type = std::ranges::find(tensor_types, std::optional(dtype), &TensorType::dtype);
    if (type == std::end(tensor_types))
        throw Error("", fmt::format("expected a type that GGUF has, found {}", kernels::name(dtype)));
    return type->id;
}

bool Gguf::has(std::string_view key) const
{
    return find(key) != nullptr;
}

void Gguf::fail(std::string_view key, const std::string& what) const
{
    throw Error(path(), "key " + std::string(key), what);
}

std::optional<std::int64_t> Gguf::find_integer(std::string_view key, std::int64_t low,
                                               std::int64_t high) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (entry->is_array || !is_integer_type(entry->type))
        fail(key, fmt::format("expected an integer, found {}", type_name(*entry)));
    const std::int64_t value = load_integer(*entry, 0);
    if (value < low || value > high)
        fail(key, fmt::format("expected {} to {}, found {}", low, high, value));
    return value;
}

std::optional<double> Gguf::find_number(std::string_view key) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (entry->is_array || entry->type == GgufType::string || entry->type == GgufType::boolean)
        fail(key, fmt::format("expected a number, found {}", type_name(*entry)));
    double value = 0;
    if (entry->type == GgufType::f32)
        value = load<float>(entry->bytes);
    else if (entry->type == GgufType::f64)
        value = load<double>(entry->bytes);
    else
        value = static_cast<double>(load_integer(*entry, 0));
    if (!std::isfinite(value))
        fail(key, fmt::format("expected a finite number, found {}", value));
    return value;
}

std::optional<bool> Gguf::find_bool(std::string_view key) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (entry->is_array || entry->type != GgufType::boolean)
        fail(key, fmt::format("expected true or false, found {}", type_name(*entry)));
    return load<std::uint8_t>(entry->bytes) != 0;
}

std::optional<std::string_view> Gguf::find_string(std::string_view key) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (entry->is_array || entry->type != GgufType::string)
        fail(key, fmt::format("expected a string, found {}", type_name(*entry)));
    const std::span<const std::byte> bytes = entry->bytes.subspan(sizeof(std::uint64_t));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

std::optional<std::vector<std::string_view>> Gguf::find_strings(std::string_view key) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (!entry->is_array || entry->type != GgufType::string)
        fail(key, "expected an array of strings, found another type");
    std::vector<std::string_view> strings;
    strings.reserve(entry->count);
    const auto* text = reinterpret_cast<const char*>(entry->bytes.data());
    std::size_t position = 0;
    // The lengths were checked when the file was opened, but whoever writes to it meanwhile changes the
    // mapping.
    for (std::uint64_t i = 0; i < entry->count; ++i) {
        const std::size_t left = entry->bytes.size() - position;
        std::uint64_t length = 0;
        if (left >= sizeof(length))
            length = load<std::uint64_t>(entry->bytes.subspan(position));
        if (left < sizeof(length) || length > left - sizeof(length))
            fail(key, "expected the strings that were there at first, found the file changed");
        strings.emplace_back(text + position + sizeof(length), length);
        position += sizeof(length) + length;
    }
    return strings;
}

std::optional<std::vector<std::int32_t>> Gguf::find_integers(std::string_view key) const
{
    const GgufEntry* entry = find(key);
    if (!entry)
        return std::nullopt;
    if (!entry->is_array || !is_integer_type(entry->type))
        fail(key, "expected an array of integers, found another type");
    std::vector<std::int32_t> values;
    values.reserve(entry->count);
    for (std::uint64_t i = 0; i < entry->count; ++i) {
        const std::int64_t value = load_integer(*entry, i);
        if (value < std::numeric_limits<std::int32_t>::min() ||
            value > std::numeric_limits<std::int32_t>::max())
            fail(key, fmt::format("expected 32-bit integers, found {}", value));
        values.push_back(static_cast<std::int32_t>(value));
    }
    return values;
}

std::int64_t Gguf::integer(std::string_view key, std::int64_t low, std::int64_t high) const
{
    const std::optional<std::int64_t> value = find_integer(key, low, high);
    if (!value)
        fail(key, fmt::format("expected {} to {}, found no such key", low, high));
    return *value;
}

double Gguf::number(std::string_view key) const
{
    const std::optional<double> value = find_number(key);
    if (!value)
        fail(key, "expected a number, found no such key");
    return *value;
}

std::string_view Gguf::string(std::string_view key) const
{
    const std::optional<std::string_view> value = find_string(key);
    if (!value)
        fail(key, "expected a string, found no such key");
    return *value;
}

} // namespace engine::format
