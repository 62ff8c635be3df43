// SPDX-License-Identifier: MIT
// Writes small models for tests: a golden model with its weights in another type, or random ones of any
// shape.
#pragma once

#include "engine/config.h"
#include "engine/format/json.h"
#include "engine/format/safetensors.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

class SafetensorsWriter
{
public:
    void tensor(const std::string& name, const std::vector<std::int64_t>& shape, kernels::Dtype type,
                const std::vector<float>& values)
    {
        const auto count = static_cast<std::int64_t>(values.size());
        std::string bytes(static_cast<std::size_t>(kernels::row_bytes(type, count)), '\0');
        kernels::quantise_row(type, values.data(), reinterpret_cast<std::byte*>(bytes.data()), count);
        stored_tensor(name, shape, type, bytes);
    }
    // The bytes as they are to stand in the file.
    void stored_tensor(const std::string& name, const std::vector<std::int64_t>& shape, kernels::Dtype type,
                       const std::string& bytes)
    {
        const std::size_t begin = m_data.size();
        m_data += bytes;
        m_header[name] = {
            {"dtype", kernels::name(type)}, {"shape", shape}, {"data_offsets", {begin, m_data.size()}}};
    }
    void write(const std::filesystem::path& file) const
    {
        const std::string header = m_header.dump();
        const std::uint64_t length = header.size();
        std::ofstream out(file, std::ios::binary);
        out.write(reinterpret_cast<const char*>(&length), sizeof length);
        out << header;
        out.write(m_data.data(), static_cast<std::streamsize>(m_data.size()));
    }

private:
    engine::format::Json m_header = engine::format::Json::object();
    std::string m_data;
};

// The model of `folder` in Hugging Face layout again in `to`, all weights in `type`.
inline void write_copy(const std::filesystem::path& folder, const std::filesystem::path& to,
                       kernels::Dtype type)
{
    std::filesystem::create_directories(to);
    for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
        if (std::filesystem::exists(folder / name))
            std::filesystem::copy_file(folder / name, to / name);
    SafetensorsWriter out;
    const engine::format::Safetensors from(folder);
    for (const engine::format::TensorInfo& tensor : from.tensors().all()) {
        std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
        kernels::dequantise_row(*tensor.dtype, tensor.bytes.data(), values.data(), tensor.elements());
        out.tensor(tensor.name, tensor.shape, type, values);
    }
    out.write(to / "model.safetensors");
}

// The sizes of a random model; the rest of config.json is fixed.
struct RandomModel
{
    std::int64_t layers = 2; // the first is dense
    std::int64_t hidden = 64;
    std::int64_t heads = 4;
    std::int64_t q_lora = 0;
    std::int64_t kv_lora = 32;
    std::int64_t nope = 16;
    std::int64_t rope = 16;
    std::int64_t value = 16;
    std::int64_t dense_width = 96;
    std::int64_t expert_width = 32;
    std::int64_t experts = 8;
    std::int64_t experts_per_tok = 2;
    std::int64_t vocabulary = 128;
    kernels::Dtype type = kernels::Dtype::bf16;
    std::uint32_t seed = 1;
};

inline void write_random(const RandomModel& m, const std::filesystem::path& to)
{
    std::filesystem::create_directories(to);
    engine::format::Json config{{"architectures", {"DeepseekV2ForCausalLM"}},
                                {"model_type", "deepseek_v2"},
                                {"vocab_size", m.vocabulary},
                                {"hidden_size", m.hidden},
                                {"num_hidden_layers", m.layers},
                                {"max_position_embeddings", 4096},
                                {"num_attention_heads", m.heads},
                                {"num_key_value_heads", m.heads},
                                {"kv_lora_rank", m.kv_lora},
                                {"qk_nope_head_dim", m.nope},
                                {"qk_rope_head_dim", m.rope},
                                {"v_head_dim", m.value},
                                {"intermediate_size", m.dense_width},
                                {"first_k_dense_replace", 1},
                                {"moe_layer_freq", 1},
                                {"moe_intermediate_size", m.expert_width},
                                {"n_routed_experts", m.experts},
                                {"n_shared_experts", 1},
                                {"num_experts_per_tok", m.experts_per_tok},
                                {"n_group", 1},
                                {"topk_group", 1},
                                {"topk_method", "greedy"},
                                {"scoring_func", "softmax"},
                                {"norm_topk_prob", false},
                                {"routed_scaling_factor", 1.0},
                                {"hidden_act", "silu"},
                                {"rms_norm_eps", 1e-6},
                                {"rope_theta", 10000},
                                {"attention_bias", false},
                                {"tie_word_embeddings", false},
                                {"bos_token_id", 0},
                                {"eos_token_id", 1}};
    config["q_lora_rank"] = m.q_lora > 0 ? engine::format::Json(m.q_lora) : engine::format::Json();
    std::ofstream(to / "config.json") << config.dump();

    std::mt19937 random(m.seed);
    SafetensorsWriter out;
    const auto matrix = [&](const std::string& name, std::int64_t rows, std::int64_t columns) {
        std::normal_distribution<float> normal(0.0f, 1.0f / std::sqrt(static_cast<float>(columns)));
        std::vector<float> values(static_cast<std::size_t>(rows * columns));
        for (float& v : values)
            v = normal(random);
        out.tensor(name, {rows, columns}, m.type, values);
    };
    const auto norm = [&](const std::string& name, std::int64_t width) {
        std::uniform_real_distribution<float> uniform(0.7f, 1.3f);
        std::vector<float> values(static_cast<std::size_t>(width));
        for (float& v : values)
            v = uniform(random);
        out.tensor(name, {width}, m.type, values);
    };
    const auto mlp = [&](const std::string& prefix, std::int64_t width) {
        matrix(prefix + "gate_proj.weight", width, m.hidden);
        matrix(prefix + "up_proj.weight", width, m.hidden);
        matrix(prefix + "down_proj.weight", m.hidden, width);
    };
    matrix("model.embed_tokens.weight", m.vocabulary, m.hidden);
    for (std::int64_t l = 0; l < m.layers; ++l) {
        const std::string layer = "model.layers." + std::to_string(l) + ".";
        const std::string attention = layer + "self_attn.";
        norm(layer + "input_layernorm.weight", m.hidden);
        norm(layer + "post_attention_layernorm.weight", m.hidden);
        if (m.q_lora > 0) {
            matrix(attention + "q_a_proj.weight", m.q_lora, m.hidden);
            norm(attention + "q_a_layernorm.weight", m.q_lora);
            matrix(attention + "q_b_proj.weight", m.heads * (m.nope + m.rope), m.q_lora);
        } else {
            matrix(attention + "q_proj.weight", m.heads * (m.nope + m.rope), m.hidden);
        }
        matrix(attention + "kv_a_proj_with_mqa.weight", m.kv_lora + m.rope, m.hidden);
        norm(attention + "kv_a_layernorm.weight", m.kv_lora);
        matrix(attention + "kv_b_proj.weight", m.heads * (m.nope + m.value), m.kv_lora);
        matrix(attention + "o_proj.weight", m.hidden, m.heads * m.value);
        if (l == 0) {
            mlp(layer + "mlp.", m.dense_width);
            continue;
        }
        matrix(layer + "mlp.gate.weight", m.experts, m.hidden);
        for (std::int64_t e = 0; e < m.experts; ++e)
            mlp(layer + "mlp.experts." + std::to_string(e) + ".", m.expert_width);
        mlp(layer + "mlp.shared_experts.", m.expert_width);
    }
    norm("model.norm.weight", m.hidden);
    matrix("lm_head.weight", m.vocabulary, m.hidden);
    out.write(to / "model.safetensors");
}
