// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf.h"
#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace engine::format {

// Where a file is written, from front to end. Both functions throw Error where the disk refuses.
class ByteSink
{
public:
    virtual ~ByteSink() = default;
    // Says once, before anything is written, how long the file will be; throws where it has no room.
    virtual void reserve(std::uint64_t bytes) = 0;
    virtual void write(std::span<const std::byte> bytes) = 0;
};

// A tensor that the writer announced: where its data begin, counted from the end of the header.
struct GgufTensor
{
    std::string name;
    kernels::Dtype dtype = kernels::Dtype::f32;
    std::vector<std::int64_t> shape; // outermost axis first, {out, in} for a matrix
    std::uint64_t offset = 0;        // a multiple of the alignment

    std::int64_t columns() const { return shape.back(); }
    std::int64_t rows() const; // of all outer axes together
    std::uint64_t bytes() const;
    std::uint64_t padding() const; // zeros behind the data, up to the alignment
};

// The head of a GGUF file of version 3: metadata and descriptions of tensors in the order in which they are
// added. The tensors' data follow it, each filled up with zeros to the alignment.
class GgufWriter
{
public:
    static constexpr std::uint64_t alignment = 32; // bytes, the format's default

    // Keys and names occur once; that is the caller's duty.
    void add(std::string_view key, std::uint32_t value);
    void add(std::string_view key, float value);
    void add(std::string_view key, bool value);
    void add(std::string_view key, std::string_view value);
    void add(std::string_view key, const char* value) { add(key, std::string_view(value)); }
    void add(std::string_view key, std::span<const std::string> values);
    void add(std::string_view key, std::span<const std::int32_t> values);
    // An entry of another file as it is.
    void add(std::string_view key, const GgufEntry& entry);

    // The innermost axis is a multiple of the type's block.
    void add_tensor(std::string name, kernels::Dtype dtype, std::vector<std::int64_t> shape);

    std::span<const GgufTensor> tensors() const { return m_tensors; }
    std::uint64_t data_bytes() const { return m_data_bytes; } // of all tensors and their padding

    // All that stands before the data, filled up to a multiple of the alignment.
    std::string header() const;

private:
    void begin(std::string_view key, GgufType type);

    std::string m_entries;
    std::uint64_t m_entry_count = 0;
    std::vector<GgufTensor> m_tensors;
    std::uint64_t m_data_bytes = 0;
};

} // namespace engine::format
