// SPDX-License-Identifier: MIT
#include "engine/format/tensor_table.h"

#include "engine/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace engine::format {

std::int64_t TensorInfo::elements() const
{
    std::int64_t count = 1; // the readers checked that this fits
    for (const std::int64_t size : shape)
        count *= size;
    return count;
}

std::size_t TensorTable::add_file(std::string path)
{
    m_files.push_back(std::move(path));
    return m_files.size() - 1;
}

void TensorTable::add(TensorInfo tensor)
{
    const auto [place, is_new] = m_by_name.try_emplace(tensor.name, m_tensors.size());
    if (!is_new)
        throw Error(m_files.at(tensor.file), "tensor " + printable(tensor.name),
                    "expected once, found a second time (first in " +
                        m_files.at(m_tensors[place->second].file) + ")");
    m_tensors.push_back(std::move(tensor));
}

const TensorInfo* TensorTable::find(std::string_view name) const
{
    const auto place = m_by_name.find(name);
    return place == m_by_name.end() ? nullptr : &m_tensors[place->second];
}

const TensorInfo& TensorTable::require(std::string_view name, std::span<const std::int64_t> shape) const
{
    const std::string place = "tensor " + printable(name);
    const TensorInfo* tensor = find(name);
    if (!tensor)
        throw Error(m_files.empty() ? "" : m_files.front(), place,
                    fmt::format("expected shape {}, found no tensor of this name", shape_text(shape)));
    const std::string& file = m_files.at(tensor->file);
    if (!std::ranges::equal(tensor->shape, shape))
        throw Error(file, place,
                    fmt::format("expected shape {}, found {}", shape_text(shape), shape_text(tensor->shape)));
    if (!tensor->dtype)
        throw Error(
            file, place,
            fmt::format("expected a type that this program computes with, found {}", tensor->type_name));
    return *tensor;
}

const TensorInfo& TensorTable::require(std::string_view name, std::initializer_list<std::int64_t> shape) const
{
    return require(name, std::span(shape.begin(), shape.size()));
}

const TensorInfo& TensorTable::require(std::string_view name, std::span<const std::int64_t> shape,
                                       std::initializer_list<kernels::Dtype> types) const
{
    const TensorInfo& tensor = require(name, shape);
    if (std::ranges::find(types, *tensor.dtype) == types.end()) {
        std::vector<std::string_view> names;
        for (const kernels::Dtype type : types)
            names.push_back(kernels::name(type));
        throw Error(m_files.at(tensor.file), "tensor " + printable(name),
                    fmt::format("expected type {}, found {}", fmt::join(names, " or "), tensor.type_name));
    }
    return tensor;
}

std::string shape_text(std::span<const std::int64_t> shape)
{
    return fmt::format("[{}]", fmt::join(shape, ", "));
}

} // namespace engine::format
