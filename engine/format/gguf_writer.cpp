// SPDX-License-Identifier: MIT
#include "engine/format/gguf_writer.h"

#include <bit>

namespace engine::format {

namespace {

static_assert(std::endian::native == std::endian::little, "GGUF is written as it lies in memory");

constexpr std::uint32_t version = 3;

template <class T> void append(std::string& out, T value)
{
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void append_string(std::string& out, std::string_view text)
{
    append<std::uint64_t>(out, text.size());
    out += text;
}

constexpr std::uint64_t aligned(std::uint64_t bytes)
{
    return (bytes + GgufWriter::alignment - 1) / GgufWriter::alignment * GgufWriter::alignment;
}

} // namespace

std::int64_t GgufTensor::rows() const
{
    std::int64_t rows = 1;
    for (std::size_t axis = 0; axis + 1 < shape.size(); ++axis)
        rows *= shape[axis];
    return rows;
}

std::uint64_t GgufTensor::bytes() const
{
    return static_cast<std::uint64_t>(rows() * kernels::row_bytes(dtype, columns()));
}

std::uint64_t GgufTensor::padding() const
{
    return aligned(bytes()) - bytes();
}

void GgufWriter::begin(std::string_view key, GgufType type)
{
    append_string(m_entries, key);
    append(m_entries, type);
    ++m_entry_count;
}

void GgufWriter::add(std::string_view key, std::uint32_t value)
{
    begin(key, GgufType::u32);
    append(m_entries, value);
}

void GgufWriter::add(std::string_view key, float value)
{
    begin(key, GgufType::f32);
    append(m_entries, value);
}

void GgufWriter::add(std::string_view key, bool value)
{
    begin(key, GgufType::boolean);
    append<std::uint8_t>(m_entries, value ? 1 : 0);
}

void GgufWriter::add(std::string_view key, std::string_view value)
{
    begin(key, GgufType::string);
    append_string(m_entries, value);
}

void GgufWriter::add(std::string_view key, std::span<const std::string> values)
{
    begin(key, GgufType::array);
    append(m_entries, GgufType::string);
    append<std::uint64_t>(m_entries, values.size());
    for (const std::string& value : values)
        append_string(m_entries, value);
}

void GgufWriter::add(std::string_view key, std::span<const std::int32_t> values)
{
    begin(key, GgufType::array);
    append(m_entries, GgufType::i32);
    append<std::uint64_t>(m_entries, values.size());
    m_entries.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

void GgufWriter::add(std::string_view key, const GgufEntry& entry)
{
    begin(key, entry.is_array ? GgufType::array : entry.type);
    if (entry.is_array) {
        append(m_entries, entry.type);
        append(m_entries, entry.count);
    }
    m_entries.append(reinterpret_cast<const char*>(entry.bytes.data()), entry.bytes.size());
}

void GgufWriter::add_tensor(std::string name, kernels::Dtype dtype, std::vector<std::int64_t> shape)
{
    GgufTensor tensor{std::move(name), dtype, std::move(shape), m_data_bytes};
    m_data_bytes += aligned(tensor.bytes());
    m_tensors.push_back(std::move(tensor));
}

std::string GgufWriter::header() const
{
    std::string out = "GGUF";
    append(out, version);
    append<std::uint64_t>(out, m_tensors.size());
    append(out, m_entry_count);
    out += m_entries;
    for (const GgufTensor& tensor : m_tensors) {
        append_string(out, tensor.name);
        append(out, static_cast<std::uint32_t>(tensor.shape.size()));
        for (auto axis = tensor.shape.rbegin(); axis != tensor.shape.rend(); ++axis)
            append(out, *axis);
        append(out, gguf_type_id(tensor.dtype));
        append(out, tensor.offset);
    }
    out.resize(aligned(out.size()));
    return out;
}

} // namespace engine::format
