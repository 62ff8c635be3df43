// SPDX-License-Identifier: MIT
// A golden model in Hugging Face layout, written again as GGUF: so that both forms of kv_b are tested without
// files from elsewhere.
#pragma once

#include "engine/config.h"
#include "engine/format/gguf.h"
#include "engine/format/json.h"
#include "engine/format/safetensors.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"
#include "tests/engine/gguf_writer.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace golden {

enum class KeyValueForm
{
    legacy, // attn_kv_b as it is
    mla,    // attn_k_b, transposed by head, and attn_v_b
    both,   // attn_kv_b, with two-dimensional halves beside it
};

enum class ExpertForm
{
    apart, // gate and up as tensors of their own
    fused, // for each expert gate, then up
};

// kv_b_type: what attn_kv_b is stored in instead of the folder's type.
inline GgufWriter to_gguf(const std::filesystem::path& folder, KeyValueForm form,
                          ExpertForm experts = ExpertForm::apart,
                          std::optional<kernels::Dtype> kv_b_type = std::nullopt)
{
    const engine::Config c = engine::read_config_json(folder / "config.json");
    GgufWriter out;
    if (std::filesystem::exists(folder / "tokenizer.json")) {
        out = GgufWriter::of_tokenizer(engine::format::read_json(folder / "tokenizer.json"), "deepseek-llm");
        out.u32("tokenizer.ggml.bos_token_id", static_cast<std::uint32_t>(*c.bos_token_id));
        out.u32("tokenizer.ggml.eos_token_id", static_cast<std::uint32_t>(*c.eos_token_id));
    }
    const auto number = [&](const std::string& key, std::int64_t value) {
        out.u32("deepseek2." + key, static_cast<std::uint32_t>(value));
    };
    out.string("general.architecture", "deepseek2");
    out.string("general.name", "golden");
    number("block_count", c.num_hidden_layers + c.num_nextn_predict_layers);
    if (c.num_nextn_predict_layers > 0)
        number("nextn_predict_layers", c.num_nextn_predict_layers);
    number("context_length", c.max_position_embeddings);
    number("embedding_length", c.hidden_size);
    number("feed_forward_length", c.intermediate_size);
    number("attention.head_count", c.num_attention_heads);
    number("attention.kv_lora_rank", c.kv_lora_rank);
    if (c.q_lora_rank > 0)
        number("attention.q_lora_rank", c.q_lora_rank);
    const bool is_mla = form == KeyValueForm::mla;
    number("attention.head_count_kv", is_mla ? 1 : c.num_attention_heads);
    number("attention.key_length", is_mla ? c.kv_lora_rank + c.qk_rope_head_dim : c.qk_head_dim());
    number("attention.value_length", is_mla ? c.kv_lora_rank : c.v_head_dim);
    if (is_mla) {
        number("attention.key_length_mla", c.qk_head_dim());
        number("attention.value_length_mla", c.v_head_dim);
    }
    out.f32("deepseek2.attention.layer_norm_rms_epsilon", static_cast<float>(c.rms_norm_eps));
    out.f32("deepseek2.rope.freq_base", static_cast<float>(c.rope_theta));
    number("rope.dimension_count", c.qk_rope_head_dim);
    if (c.yarn) {
        out.string("deepseek2.rope.scaling.type", "yarn");
        out.f32("deepseek2.rope.scaling.factor", static_cast<float>(c.yarn->factor));
        number("rope.scaling.original_context_length", c.yarn->original_max_position_embeddings);
        out.f32("deepseek2.rope.scaling.yarn_log_multiplier",
                static_cast<float>(0.1 * c.yarn->mscale_all_dim));
    }
    number("leading_dense_block_count", c.first_k_dense_replace);
    number("vocab_size", c.vocab_size);
    number("expert_count", c.n_routed_experts);
    number("expert_used_count", c.num_experts_per_tok);
    number("expert_shared_count", c.n_shared_experts);
    number("expert_feed_forward_length", c.moe_intermediate_size);
    out.f32("deepseek2.expert_weights_scale", static_cast<float>(c.routed_scaling_factor));
    number("expert_gating_func", c.scoring_func == kernels::ScoringFunction::sigmoid ? 2 : 1);
    if (c.norm_topk_prob)
        out.boolean("deepseek2.expert_weights_norm", true);
    number("expert_group_count", c.n_group);
    number("expert_group_used_count", c.topk_group);

    const engine::format::Safetensors from(folder);
    const auto find = [&](const std::string& name) { return from.tensors().find(name); };
    const auto bytes_of = [](const engine::format::TensorInfo& tensor) {
        return std::string(reinterpret_cast<const char*>(tensor.bytes.data()), tensor.bytes.size());
    };
    const auto type_of = [](const engine::format::TensorInfo& tensor) -> std::uint32_t {
        return tensor.type_name == "F32" ? 0 : tensor.type_name == "F16" ? 1 : 30;
    };
    const auto copy = [&](const std::string& source, const std::string& target) {
        if (const engine::format::TensorInfo* tensor = find(source))
            out.tensor(target, {tensor->shape.rbegin(), tensor->shape.rend()}, type_of(*tensor),
                       bytes_of(*tensor));
    };
    copy("model.embed_tokens.weight", "token_embd.weight");
    copy("model.norm.weight", "output_norm.weight");
    copy("lm_head.weight", "output.weight");
    for (std::int64_t l = 0; l < c.num_hidden_layers; ++l) {
        const std::string source = "model.layers." + std::to_string(l) + ".";
        const std::string target = "blk." + std::to_string(l) + ".";
        for (const auto& [a, b] : std::initializer_list<std::pair<const char*, const char*>>{
                 {"input_layernorm", "attn_norm"},
                 {"post_attention_layernorm", "ffn_norm"},
                 {"self_attn.q_proj", "attn_q"},
                 {"self_attn.q_a_proj", "attn_q_a"},
                 {"self_attn.q_a_layernorm", "attn_q_a_norm"},
                 {"self_attn.q_b_proj", "attn_q_b"},
                 {"self_attn.kv_a_proj_with_mqa", "attn_kv_a_mqa"},
                 {"self_attn.kv_a_layernorm", "attn_kv_a_norm"},
                 {"self_attn.o_proj", "attn_output"},
                 {"mlp.gate_proj", "ffn_gate"},
                 {"mlp.up_proj", "ffn_up"},
                 {"mlp.down_proj", "ffn_down"},
                 {"mlp.gate", "ffn_gate_inp"},
                 {"mlp.shared_experts.gate_proj", "ffn_gate_shexp"},
                 {"mlp.shared_experts.up_proj", "ffn_up_shexp"},
                 {"mlp.shared_experts.down_proj", "ffn_down_shexp"}})
            copy(source + a + ".weight", target + b + ".weight");
        copy(source + "mlp.gate.e_score_correction_bias", target + "exp_probs_b.bias");

        const engine::format::TensorInfo& kv_b = *find(source + "self_attn.kv_b_proj.weight");
        const std::string all = bytes_of(kv_b);
        const std::int64_t heads = c.num_attention_heads;
        const std::int64_t nope = c.qk_nope_head_dim;
        const std::int64_t value = c.v_head_dim;
        const std::int64_t latent = c.kv_lora_rank;
        const std::size_t size = all.size() / static_cast<std::size_t>(heads * (nope + value) * latent);
        std::string keys;
        std::string values;
        for (std::int64_t h = 0; h < heads; ++h) {
            const std::int64_t first = h * (nope + value);
            for (std::int64_t i = 0; i < latent; ++i)
                for (std::int64_t p = 0; p < nope; ++p)
                    keys += all.substr(static_cast<std::size_t>((first + p) * latent + i) * size, size);
            values += all.substr(static_cast<std::size_t>((first + nope) * latent) * size,
                                 static_cast<std::size_t>(value * latent) * size);
        }
        if (!is_mla && kv_b_type) {
            const std::int64_t rows = heads * (nope + value);
            std::vector<float> numbers(static_cast<std::size_t>(rows * latent));
            kernels::dequantise_row(*kv_b.dtype, kv_b.bytes.data(), numbers.data(), rows * latent);
            std::string stored(static_cast<std::size_t>(kernels::row_bytes(*kv_b_type, rows * latent)), '\0');
            kernels::quantise_row(*kv_b_type, numbers.data(), reinterpret_cast<std::byte*>(stored.data()),
                                  rows * latent);
            out.tensor(target + "attn_kv_b.weight", {latent, rows}, engine::format::gguf_type_id(*kv_b_type),
                       stored);
        } else if (!is_mla) {
            copy(source + "self_attn.kv_b_proj.weight", target + "attn_kv_b.weight");
        }
        if (is_mla) {
            out.tensor(target + "attn_k_b.weight", {nope, latent, heads}, type_of(kv_b), keys);
            out.tensor(target + "attn_v_b.weight", {latent, value, heads}, type_of(kv_b), values);
        } else if (form == KeyValueForm::both) {
            out.tensor(target + "attn_k_b.weight", {nope, heads * latent}, type_of(kv_b), keys);
            out.tensor(target + "attn_v_b.weight", {latent, heads * value}, type_of(kv_b), values);
        }

        const auto stack = [&](std::initializer_list<const char*> matrices, const std::string& name) {
            std::string stacked;
            const engine::format::TensorInfo* one = nullptr;
            for (std::int64_t e = 0; e < c.n_routed_experts; ++e) {
                for (const char* matrix : matrices) {
                    one = find(source + "mlp.experts." + std::to_string(e) + "." + matrix + ".weight");
                    if (one)
                        stacked += bytes_of(*one);
                }
            }
            const auto count = static_cast<std::int64_t>(matrices.size());
            if (one)
                out.tensor(target + name, {one->shape[1], count * one->shape[0], c.n_routed_experts},
                           type_of(*one), stacked);
        };
        if (experts == ExpertForm::fused) {
            stack({"gate_proj", "up_proj"}, "ffn_gate_up_exps.weight");
        } else {
            stack({"gate_proj"}, "ffn_gate_exps.weight");
            stack({"up_proj"}, "ffn_up_exps.weight");
        }
        stack({"down_proj"}, "ffn_down_exps.weight");
    }
    return out;
}

} // namespace golden
