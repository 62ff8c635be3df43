// SPDX-License-Identifier: MIT
// A model of this family as programs expect it in a GGUF file: its tensors with their shapes, the type that
// each has in the common mixes, and its hyperparameters as metadata.
#pragma once

#include "engine/config.h"
#include "engine/format/gguf_writer.h"
#include "kernels/tensor.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace engine {

// What a tensor is to the model; for each part there is one name in a GGUF file.
enum class Part : std::uint8_t
{
    token_embd,
    output_norm,
    output,
    attn_norm,
    attn_q,
    attn_q_a,
    attn_q_a_norm,
    attn_q_b,
    attn_kv_a_mqa,
    attn_kv_a_norm,
    attn_k_b, // (H, C, P): W_UK of each head, transposed
    attn_v_b, // (H, V, C): W_UV of each head
    attn_output,
    ffn_norm,
    ffn_gate,
    ffn_up,
    ffn_down,
    ffn_gate_inp,
    exp_probs_b,
    ffn_gate_exps,
    ffn_up_exps,
    ffn_down_exps,
    ffn_gate_shexp,
    ffn_up_shexp,
    ffn_down_shexp,
};

struct ModelTensor
{
    Part part;
    std::int64_t layer; // -1 outside the layers
    std::string name;
    std::vector<std::int64_t> shape; // outermost axis first
};

// Every tensor of a model in the order of a pass, kv_b_proj in the form of two tensors (since April 2025),
// prediction layers left out.
std::vector<ModelTensor> model_tensors(const Config& config);

// A mix of types for a whole file, by the names that users know.
enum class FileType : std::uint8_t
{
    f32,
    f16,
    bf16,
    q8_0,
    q6_k,
    q5_k_m,
    q4_k_m,
    q4_0,
};

std::string_view name(FileType type);
std::optional<FileType> parse_file_type(std::string_view text);
std::string file_type_names(); // "f32|f16|…"

// How the halves of kv_b_proj are stored in the quantised mixes. Every key and value of a context passes
// through them, so less than 8 bits costs more than it saves; published files have less.
enum class KeyValueTypes : std::uint8_t
{
    published, // as the mix says
    fine,      // Q8_0 at least
};

// The type of a tensor in a mix: vectors and the router stay F32, and the "M" mixes give more bits to the
// head and, in some layers, to the second matrix of a feed-forward network. A row that is no multiple of the
// type's block takes the next finer type that fits (specification 3.7).
kernels::Dtype choose_type(const ModelTensor& tensor, const Config& config, FileType type,
                           KeyValueTypes key_value);

// Writes general.architecture, the file type and every hyperparameter under "deepseek2.". Throws Error, with
// `file`, for what GGUF has no key for.
void add_config(format::GgufWriter& writer, const Config& config, FileType type, const std::string& file);

} // namespace engine
