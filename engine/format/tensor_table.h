// SPDX-License-Identifier: MIT
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace engine::format {

// One tensor of a model file. Nothing is copied: the bytes lie in the mapping of the file that the table's
// owner holds, and are not aligned beyond what the file's writer did.
struct TensorInfo
{
    std::string name;
    std::string type_name;               // as the format calls it: "BF16", "Q4_K", "F8_E4M3"
    std::optional<kernels::Dtype> dtype; // empty if the kernels cannot compute with this type
    std::vector<std::int64_t> shape; // outermost axis first, so a matrix is {out, in}; GGUF's order reversed
    std::span<const std::byte> bytes;
    std::size_t file = 0; // index into files()

    std::int64_t elements() const;
};

// The tensors of a model, whatever format they came from, found by name in constant time.
class TensorTable
{
public:
    std::size_t add_file(std::string path);
    // Throws if the name is already there.
    void add(TensorInfo tensor);

    std::span<const TensorInfo> all() const { return m_tensors; }
    std::span<const std::string> files() const { return m_files; }
    bool empty() const { return m_tensors.empty(); }
    const TensorInfo* find(std::string_view name) const;

    // The tensor of that name, of exactly that shape and of a type that the kernels know. Throws Error with
    // the file, the name, what was expected and what was found.
    const TensorInfo& require(std::string_view name, std::span<const std::int64_t> shape) const;
    const TensorInfo& require(std::string_view name, std::initializer_list<std::int64_t> shape) const;
    // The same with a demand on the type, for tensors that are never quantised.
    const TensorInfo& require(std::string_view name, std::span<const std::int64_t> shape,
                              std::initializer_list<kernels::Dtype> types) const;

private:
    struct Hash
    {
        using is_transparent = void;
        std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
    };

    std::vector<std::string> m_files;
    std::vector<TensorInfo> m_tensors;
    std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> m_by_name;
};

std::string shape_text(std::span<const std::int64_t> shape); // "[102400, 2048]"

} // namespace engine::format
