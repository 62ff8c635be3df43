// SPDX-License-Identifier: MIT
// The weights of a model as a GPU holds them (kernels/cuda/layout.h): all in one piece of memory, every
// matrix at a multiple of 256 bytes, the matrices of a layer's experts at a constant distance, norms and
// biases in F32, tied matrices once.
#pragma once

#include "engine/weights.h"
#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace engine {

// Rows that lie behind one another in the file and will on the device.
struct WeightCopy
{
    kernels::Matrix from;
    bool to_f32 = false;     // otherwise as kernels::cuda::to_device_row
    std::int64_t offset = 0; // of the first row on the device
    std::int64_t stage = 0;  // of Weights::stages that it belongs to

    std::int64_t row_bytes() const // on the device
    {
        return to_f32 ? kernels::row_bytes(kernels::Dtype::f32, from.columns) : from.row_bytes();
    }
    std::int64_t end() const { return offset + from.rows * row_bytes(); }
};

struct WeightLayout
{
    // Every pointer is an offset into the memory of the device; null where there is nothing, since nothing
    // lies at offset 0. No stages.
    Weights weights;
    std::vector<WeightCopy> copies; // by ascending offset
    std::int64_t bytes = 0;
};

// Throws Error where the experts of a layer are stored in different types.
WeightLayout lay_out(const Weights& weights);

// The weights of a layout in the memory that begins at `base`.
Weights placed_at(const std::byte* base, const Weights& offsets);

// The bytes of a layout, part by part, made from the mapped files.
class WeightReader
{
public:
    struct Hooks
    {
        std::function<void(std::span<const std::byte>)> will_need; // of the file, is read soon
        std::function<void(std::span<const std::byte>)> done_with; // is not read again
    };
    // The layout outlives the reader.
    WeightReader(const WeightLayout& layout, Hooks hooks);

    // What `memory` must have at least to hold any part.
    std::int64_t least_memory() const;

    struct Part
    {
        std::int64_t offset = 0; // on the device
        std::span<const std::byte> bytes;
    };
    // The next part, as long as fits; empty at the end. `memory` is aligned as the device's.
    Part next(std::span<std::byte> memory);

    std::int64_t bytes_read() const { return m_bytes_read; } // of the files
    std::int64_t stages_read() const;                        // of Weights::stages, whole

private:
    void ask_ahead();

    const WeightLayout& m_layout;
    Hooks m_hooks;
    std::size_t m_copy = 0; // the next row to be read is row m_row of it
    std::int64_t m_row = 0;
    std::size_t m_asked = 0; // copies that were announced
    std::int64_t m_asked_bytes = 0;
    std::int64_t m_bytes_read = 0;
};

} // namespace engine
