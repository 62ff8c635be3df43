// SPDX-License-Identifier: MIT
// What must hold of everything that a reader let pass.
#pragma once

#include "engine/config.h"
#include "engine/format/mapped_file.h"
#include "engine/format/tensor_table.h"
#include "tests/fuzz/targets.h"

#include <cmath>
#include <cstddef>
#include <vector>

namespace fuzz {

// Tensors lie within their files and do not claim more than these hold. The first and the last byte are read.
inline void read_tensors(const engine::format::TensorTable& table,
                         const std::vector<engine::format::MappedFile>& files)
{
    std::vector<std::size_t> left;
    for (const engine::format::MappedFile& file : files)
        left.push_back(file.size());
    for (const engine::format::TensorInfo& tensor : table.all()) {
        expect(tensor.elements() >= 0, "a tensor's elements can be counted");
        if (tensor.bytes.empty())
            continue;
        const auto all = files.at(tensor.file).bytes();
        const auto begin = static_cast<std::size_t>(tensor.bytes.data() - all.data());
        expect(begin <= all.size() && tensor.bytes.size() <= all.size() - begin, "a tensor lies in its file");
        expect(tensor.bytes.size() <= left.at(tensor.file), "tensors do not share bytes");
        left.at(tensor.file) -= tensor.bytes.size();
        const volatile std::byte* ends[] = {&tensor.bytes.front(), &tensor.bytes.back()};
        for (const volatile std::byte* byte : ends)
            (void)*byte;
    }
}

// What follows from hyperparameters that were accepted is finite and positive.
inline void try_numbers(const engine::Config& config)
{
    expect(std::isfinite(config.softmax_scale()) && config.softmax_scale() > 0,
           "the softmax scale is a number");
    expect(std::isfinite(config.rope_multiplier()) && config.rope_multiplier() > 0,
           "the rotation's factor is a number");
    for (const double theta : config.rope_inverse_frequencies())
        expect(std::isfinite(theta) && theta >= 0, "the angles are numbers");
    expect(config.parameters() > 0 && config.active_parameters() > 0, "the parameters can be counted");
    expect(config.active_parameters() <= config.parameters(), "no more parameters are active than there are");
    expect(config.kv_numbers_per_token() > 0, "the cache can be counted");
}

} // namespace fuzz
