// SPDX-License-Identifier: MIT
// The smallest model that answers: about 30 KB, with its vocabulary and chat template.
#pragma once

#include "tests/engine/golden_gguf.h"
#include "tests/engine/model_writer.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

namespace museum {

// Files of the golden model lite, which has a vocabulary of 260 tokens.
inline void write_toy(const std::filesystem::path& folder)
{
    write_random({.layers = 2,
                  .hidden = 16,
                  .heads = 2,
                  .q_lora = 0,
                  .kv_lora = 8,
                  .nope = 8,
                  .rope = 8,
                  .value = 8,
                  .dense_width = 16,
                  .expert_width = 8,
                  .experts = 4,
                  .experts_per_tok = 2,
                  .vocabulary = 260},
                 folder);
    const std::filesystem::path lite = std::filesystem::path(FATHOM_SOURCE_DIR) / "tests/data/golden/lite";
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
        std::filesystem::copy_file(lite / name, folder / name);
}

// The number of FP8 that is nearest to `value`, of the finite ones.
inline char nearest_fp8(float value)
{
    char best = 0;
    float distance = std::numeric_limits<float>::infinity();
    for (int code = 0; code < 256; ++code) {
        const auto byte = static_cast<std::byte>(code);
        float number = 0;
        kernels::dequantise_row(kernels::Dtype::f8_e4m3, &byte, &number, 1);
        if (std::abs(number - value) < distance) {
            distance = std::abs(number - value);
            best = static_cast<char>(code);
        }
    }
    return best;
}

// The toy in `folder` again with its projections in FP8, as DeepSeek-V3 is published: e4m3, and in a tensor
// beside it a factor for each 128 x 128 numbers, here one for each matrix.
inline void store_as_fp8(const std::filesystem::path& folder)
{
    SafetensorsWriter out;
    const engine::format::Safetensors from(folder);
    for (const engine::format::TensorInfo& tensor : from.tensors().all()) {
        std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
        kernels::dequantise_row(*tensor.dtype, tensor.bytes.data(), values.data(), tensor.elements());
        if (tensor.name.find("_proj") == tensor.name.npos) {
            out.tensor(tensor.name, tensor.shape, *tensor.dtype, values);
            continue;
        }
        float largest = 0;
        for (const float value : values)
            largest = std::max(largest, std::abs(value));
        const float factor = largest / 448; // the largest number of e4m3
        std::string bytes;
        for (const float value : values)
            bytes += nearest_fp8(value / factor);
        out.stored_tensor(tensor.name, tensor.shape, kernels::Dtype::f8_e4m3, bytes);
        out.tensor(tensor.name + "_scale_inv", {1, 1}, kernels::Dtype::f32, {factor});
    }
    // Beside the file that is still mapped, then in its place.
    out.write(folder / "fp8");
    std::filesystem::rename(folder / "fp8", folder / "model.safetensors");
    engine::format::Json config = engine::format::read_json(folder / "config.json");
    config["quantization_config"] = {
        {"quant_method", "fp8"}, {"fmt", "e4m3"}, {"weight_block_size", {128, 128}}};
    std::ofstream(folder / "config.json") << config.dump();
}

// The same as one GGUF file, with alignment and everything else that a converter writes.
inline GgufWriter toy_gguf(const std::filesystem::path& folder,
                           golden::KeyValueForm form = golden::KeyValueForm::mla)
{
    GgufWriter writer = golden::to_gguf(folder, form);
    writer.string(
        "tokenizer.chat_template",
        "{{ bos_token }}{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}");
    return writer;
}

} // namespace museum
