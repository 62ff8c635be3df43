// SPDX-License-Identifier: MIT
// Models of the published shapes with random weights, for measuring size, speed and numerics where the real
// ones are not at hand. Nothing that they write means anything.
#pragma once

#include "engine/config.h"
#include "engine/convert/gguf_model.h"
#include "engine/convert/tensor_stream.h"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

namespace engine {

enum class ModelShape : std::uint8_t
{
    tiny,    // a few layers with the proportions of V2-Lite, also those that a block of 256 does not divide
    v2_lite, // 15.7 thousand million parameters
    v2,      // 236
};

std::optional<ModelShape> parse_model_shape(std::string_view text); // "tiny", "v2-lite", "v2"

enum class RouterKind : std::uint8_t
{
    even, // every expert is chosen about as often as the others
    zipf, // the r-th favourite of a layer about r times less often than the first
};

struct SyntheticOptions
{
    ModelShape shape = ModelShape::tiny;
    FileType type = FileType::q4_k_m;
    std::int64_t layers = 0; // 0: as many as the shape has
    std::uint64_t seed = 0;
    bool has_outliers = false; // a few channels and blocks far larger than the rest, as in trained models
    RouterKind router = RouterKind::even;
    int threads = 0; // 0: one for each core
};

// Hyperparameters of a shape, cut to `layers` layers where that is not 0.
Config synthetic_config(ModelShape shape, std::int64_t layers);

// Writes the model as a GGUF file with a vocabulary of the true size: all bytes, letters joined to pieces of
// up to four, and the family's special tokens. The mix of types is the published one. The same options give
// the same file. Returns false when stopped; throws what the sink throws.
bool write_synthetic(const SyntheticOptions& options, format::ByteSink& sink, const ByteProgress& progress,
                     const std::stop_token& stop);

} // namespace engine
