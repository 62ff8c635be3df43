// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/model_files.h"
#include "kernels/ops.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace engine {

// YaRN, the extension of the rotary embedding beyond the length of pre-training.
struct Yarn
{
    double factor = 1;
    std::int64_t original_max_position_embeddings = 0;
    double beta_fast = 32;
    double beta_slow = 1;
    double mscale = 1;
    double mscale_all_dim = 0; // 0: the softmax scale is not corrected
};

// The hyperparameters of a DeepSeek-V2 model, under the reference implementation's names.
struct Config
{
    std::string architecture; // as the file calls it: "deepseek_v2", "deepseek2"

    std::int64_t vocab_size = 0;
    std::int64_t hidden_size = 0;
    std::int64_t num_hidden_layers = 0;
    std::int64_t num_nextn_predict_layers = 0; // layers behind num_hidden_layers that plain decoding skips
    std::int64_t max_position_embeddings = 0;

    std::int64_t num_attention_heads = 0;
    std::int64_t q_lora_rank = 0; // 0: the query is one full matrix
    std::int64_t kv_lora_rank = 0;
    std::int64_t qk_nope_head_dim = 0;
    std::int64_t qk_rope_head_dim = 0;
    std::int64_t v_head_dim = 0;

    std::int64_t intermediate_size = 0; // width of the dense layers
    std::int64_t first_k_dense_replace = 0;
    std::int64_t moe_intermediate_size = 0; // width of one expert
    std::int64_t n_routed_experts = 0;
    std::int64_t n_shared_experts = 0;
    std::int64_t num_experts_per_tok = 0;
    std::int64_t n_group = 1;
    std::int64_t topk_group = 1;
    kernels::TopkMethod topk_method = kernels::TopkMethod::greedy;
    kernels::ScoringFunction scoring_func = kernels::ScoringFunction::softmax;
    bool norm_topk_prob = false;
    double routed_scaling_factor = 1;

    double rms_norm_eps = 1e-6;
    double rope_theta = 10000;
    std::optional<Yarn> yarn;
    bool tie_word_embeddings = false; // the head uses the embedding's matrix

    std::optional<std::int64_t> bos_token_id;
    std::optional<std::int64_t> eos_token_id;

    // Facts about the reading that a log should tell, such as group counts filled in for an old file.
    std::vector<std::string> notes;

    bool is_dense_layer(std::int64_t layer) const { return layer < first_k_dense_replace; }
    std::int64_t qk_head_dim() const { return qk_nope_head_dim + qk_rope_head_dim; }

    // σ: what attention scores are multiplied by, with YaRN's square (paper section 3.1.4).
    double softmax_scale() const;
    // θ_i for i = 0 … qk_rope_head_dim/2 - 1: the angle that pair i turns by per position.
    std::vector<double> rope_inverse_frequencies() const;
    // μ: what cosine and sine are multiplied by. 1 in every published model.
    double rope_multiplier() const;

    std::int64_t parameters() const;        // without the prediction layers
    std::int64_t active_parameters() const; // per token, embedding table and head included
    // Numbers in the cache for one token: kv_lora_rank + qk_rope_head_dim in each layer.
    std::int64_t kv_numbers_per_token() const;
};

// Reads and checks the hyperparameters. Throws Error with the file, the key and what is wrong with it.
Config read_config(const format::ModelFiles& files);
Config read_config(const format::Gguf& gguf);
Config read_config_json(const std::filesystem::path& config_json);

// The checks that both readers end with: sizes that are zero, absurd or do not fit together.
// Throws Error with the file and the hyperparameter.
void check_config(const Config& config, const std::string& file);

} // namespace engine
