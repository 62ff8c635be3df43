// SPDX-License-Identifier: MIT
// Writes a GGUF file whose tensors are made on the way: a few MiB at a time, on several threads, while the
// piece before is being written. So a file of any size needs little memory.
#pragma once

#include "engine/format/gguf_writer.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>

namespace engine {

// Makes rows first … first + count of tensor number `tensor` at `out`. Called on several threads at once, in
// no order; throws Error where it cannot.
using MakeRows =
    std::function<void(std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* out)>;

// Bytes written so far, and of the whole file.
using ByteProgress = std::function<void(std::int64_t done, std::int64_t total)>;

// Header and data of `writer` into `sink`, which is told the length first. `threads` 0: one for each core.
// Returns false when stopped. Throws what MakeRows and the sink throw.
bool write_gguf(const format::GgufWriter& writer, const MakeRows& make, int threads, format::ByteSink& sink,
                const ByteProgress& progress, const std::stop_token& stop);

} // namespace engine
