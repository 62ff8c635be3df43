// SPDX-License-Identifier: MIT
// From any model that can be read to one GGUF file in another type.
#pragma once

#include "engine/convert/gguf_model.h"
#include "engine/convert/tensor_stream.h"

#include <filesystem>
#include <stop_token>

namespace engine {

struct QuantiseOptions
{
    FileType type = FileType::q8_0;
    int threads = 0; // 0: one for each core
};

// Writes the model at `model` (a GGUF file in any form, or a folder in Hugging Face layout) with
// hyperparameters, vocabulary and chat template: attn_k_b and attn_v_b, experts stacked, prediction layers
// left out. A tensor that has its type already is copied as it is. A few MiB are in work at a time. Returns
// false when stopped. Throws Error with the file and the tensor for weights that are not finite, or beyond
// the range of the type, and for hyperparameters that GGUF has no key for; and what the sink throws.
bool quantise_model(const std::filesystem::path& model, const QuantiseOptions& options,
                    format::ByteSink& sink, const ByteProgress& progress, const std::stop_token& stop);

} // namespace engine
