// SPDX-License-Identifier: MIT
#include "engine/convert/gguf_model.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace engine {

using kernels::Dtype;

namespace {

struct FileTypeInfo
{
    FileType type;
    std::string_view name;
    std::uint32_t number; // general.file_type
    Dtype base;
    Dtype more; // for the matrices that a mix treats better
    Dtype head;
};

constexpr FileTypeInfo file_types[] = {
    {FileType::f32, "f32", 0, Dtype::f32, Dtype::f32, Dtype::f32},
    {FileType::f16, "f16", 1, Dtype::f16, Dtype::f16, Dtype::f16},
    {FileType::bf16, "bf16", 32, Dtype::bf16, Dtype::bf16, Dtype::bf16},
    {FileType::q8_0, "q8_0", 7, Dtype::q8_0, Dtype::q8_0, Dtype::q8_0},
    {FileType::q6_k, "q6_k", 18, Dtype::q6_k, Dtype::q6_k, Dtype::q6_k},
    {FileType::q5_k_m, "q5_k_m", 17, Dtype::q5_k, Dtype::q6_k, Dtype::q6_k},
    {FileType::q4_k_m, "q4_k_m", 15, Dtype::q4_k, Dtype::q6_k, Dtype::q6_k},
    {FileType::q4_0, "q4_0", 2, Dtype::q4_0, Dtype::q4_0, Dtype::q6_k},
};

const FileTypeInfo& info(FileType type)
{
    return *std::ranges::find(file_types, type, &FileTypeInfo::type);
}

// The first and the last eighth of the layers, and every third between.
bool has_more_bits(std::int64_t layer, std::int64_t layers)
{
    const std::int64_t eighth = layers / 8;
    return layer < eighth || layer >= 7 * layers / 8 || (layer - eighth) % 3 == 2;
}

Dtype at_least_8_bits(Dtype type)
{
    return kernels::values_per_block(type) > 1 ? Dtype::q8_0 : type;
}

Dtype that_fits(Dtype type, std::int64_t columns)
{
    if (columns % kernels::values_per_block(type) == 0)
        return type;
    switch (type) {
    case Dtype::q4_k:
        return that_fits(Dtype::q5_0, columns);
    case Dtype::q5_k:
        return that_fits(Dtype::q5_1, columns);
    case Dtype::q6_k:
        return that_fits(Dtype::q8_0, columns);
    default:
        return Dtype::f16;
    }
}

} // namespace

std::vector<ModelTensor> model_tensors(const Config& c)
{
    const std::int64_t d = c.hidden_size;
    const std::int64_t heads = c.num_attention_heads;
    const std::int64_t query_rows = heads * c.qk_head_dim();
    const std::int64_t width = c.moe_intermediate_size;
    const std::int64_t experts = c.n_routed_experts;

    std::vector<ModelTensor> tensors;
    tensors.push_back({Part::token_embd, -1, "token_embd.weight", {c.vocab_size, d}});
    for (std::int64_t l = 0; l < c.num_hidden_layers; ++l) {
        const auto add = [&](Part part, std::string_view name, std::vector<std::int64_t> shape) {
            tensors.push_back({part, l, fmt::format("blk.{}.{}", l, name), std::move(shape)});
        };
        add(Part::attn_norm, "attn_norm.weight", {d});
        if (c.q_lora_rank == 0) {
            add(Part::attn_q, "attn_q.weight", {query_rows, d});
        } else {
            add(Part::attn_q_a, "attn_q_a.weight", {c.q_lora_rank, d});
            add(Part::attn_q_a_norm, "attn_q_a_norm.weight", {c.q_lora_rank});
            add(Part::attn_q_b, "attn_q_b.weight", {query_rows, c.q_lora_rank});
        }
        add(Part::attn_kv_a_mqa, "attn_kv_a_mqa.weight", {c.kv_lora_rank + c.qk_rope_head_dim, d});
        add(Part::attn_kv_a_norm, "attn_kv_a_norm.weight", {c.kv_lora_rank});
        add(Part::attn_k_b, "attn_k_b.weight", {heads, c.kv_lora_rank, c.qk_nope_head_dim});
        add(Part::attn_v_b, "attn_v_b.weight", {heads, c.v_head_dim, c.kv_lora_rank});
        add(Part::attn_output, "attn_output.weight", {d, heads * c.v_head_dim});
        add(Part::ffn_norm, "ffn_norm.weight", {d});
        if (c.is_dense_layer(l)) {
            add(Part::ffn_gate, "ffn_gate.weight", {c.intermediate_size, d});
            add(Part::ffn_up, "ffn_up.weight", {c.intermediate_size, d});
            add(Part::ffn_down, "ffn_down.weight", {d, c.intermediate_size});
            continue;
        }
        add(Part::ffn_gate_inp, "ffn_gate_inp.weight", {experts, d});
        if (c.topk_method == kernels::TopkMethod::noaux_tc)
            add(Part::exp_probs_b, "exp_probs_b.bias", {experts});
        add(Part::ffn_gate_exps, "ffn_gate_exps.weight", {experts, width, d});
        add(Part::ffn_up_exps, "ffn_up_exps.weight", {experts, width, d});
        add(Part::ffn_down_exps, "ffn_down_exps.weight", {experts, d, width});
        if (c.n_shared_experts > 0) {
            const std::int64_t shared = c.n_shared_experts * width;
            add(Part::ffn_gate_shexp, "ffn_gate_shexp.weight", {shared, d});
            add(Part::ffn_up_shexp, "ffn_up_shexp.weight", {shared, d});
            add(Part::ffn_down_shexp, "ffn_down_shexp.weight", {d, shared});
        }
    }
    tensors.push_back({Part::output_norm, -1, "output_norm.weight", {d}});
    if (!c.tie_word_embeddings)
        tensors.push_back({Part::output, -1, "output.weight", {c.vocab_size, d}});
    return tensors;
}

std::string_view name(FileType type)
{
    return info(type).name;
}

std::optional<FileType> parse_file_type(std::string_view text)
{
    const auto* found = std::ranges::find(file_types, text, &FileTypeInfo::name);
    return found == std::end(file_types) ? std::nullopt : std::optional(found->type);
}

std::string file_type_names()
{
    std::string names;
    for (const FileTypeInfo& type : file_types) {
        if (!names.empty())
            names += '|';
        names += type.name;
    }
    return names;
}

Dtype choose_type(const ModelTensor& tensor, const Config& config, FileType type, KeyValueTypes key_value)
{
    if (tensor.shape.size() == 1 || tensor.part == Part::ffn_gate_inp)
        return Dtype::f32;
    const FileTypeInfo& mix = info(type);
    Dtype dtype = mix.base;
    switch (tensor.part) {
    case Part::output:
        dtype = mix.head;
        break;
    case Part::token_embd:
        if (config.tie_word_embeddings)
            dtype = mix.head;
        break;
    case Part::ffn_down:
    case Part::ffn_down_exps:
    case Part::ffn_down_shexp:
        if (has_more_bits(tensor.layer, config.num_hidden_layers))
            dtype = mix.more;
        break;
    case Part::attn_k_b:
    case Part::attn_v_b:
        if (key_value == KeyValueTypes::fine)
            dtype = at_least_8_bits(dtype);
        break;
    default:
        break;
    }
    return that_fits(dtype, tensor.shape.back());
}

void add_config(format::GgufWriter& writer, const Config& c, FileType type, const std::string& file)
{
    const auto refuse = [&](const char* key, const std::string& what) {
        throw Error(file, std::string("key ") + key, what);
    };
    using kernels::ScoringFunction;
    using kernels::TopkMethod;
    const bool is_sigmoid = c.scoring_func == ScoringFunction::sigmoid;
    // Readers conclude the method from the scores and the groups.
    if (is_sigmoid != (c.topk_method == TopkMethod::noaux_tc))
        refuse("topk_method", "expected noaux_tc with sigmoid scores and with no others, as GGUF has no key "
                              "for the method; found another pair");

    writer.add("general.architecture", "deepseek2");
    writer.add("general.file_type", info(type).number);
    writer.add("general.quantization_version", std::uint32_t{2});

    const auto number = [&](std::string_view key, std::int64_t value) {
        writer.add(fmt::format("deepseek2.{}", key), static_cast<std::uint32_t>(value));
    };
    const auto real = [&](std::string_view key, double value) {
        writer.add(fmt::format("deepseek2.{}", key), static_cast<float>(value));
    };
    number("vocab_size", c.vocab_size);
    number("block_count", c.num_hidden_layers);
    number("context_length", c.max_position_embeddings);
    number("embedding_length", c.hidden_size);
    number("feed_forward_length", c.intermediate_size);
    number("leading_dense_block_count", c.first_k_dense_replace);

    // The latent form: to a program that knows no MLA, one key and value head as wide as the cache.
    number("attention.head_count", c.num_attention_heads);
    number("attention.head_count_kv", 1);
    number("attention.key_length", c.kv_lora_rank + c.qk_rope_head_dim);
    number("attention.value_length", c.kv_lora_rank);
    number("attention.key_length_mla", c.qk_head_dim());
    number("attention.value_length_mla", c.v_head_dim);
    if (c.q_lora_rank > 0)
        number("attention.q_lora_rank", c.q_lora_rank);
    number("attention.kv_lora_rank", c.kv_lora_rank);
    real("attention.layer_norm_rms_epsilon", c.rms_norm_eps);

    number("rope.dimension_count", c.qk_rope_head_dim);
    real("rope.freq_base", c.rope_theta);
    if (c.yarn) {
        const Yarn& yarn = *c.yarn;
        // mscale itself has no key. Readers take it as mscale_all_dim, or as 1 where that is missing.
        const bool has_multiplier = yarn.mscale_all_dim != 0;
        if (yarn.mscale != (has_multiplier ? yarn.mscale_all_dim : 1))
            refuse("rope_scaling.mscale",
                   fmt::format("expected {}, the same as mscale_all_dim, as GGUF has no key for it; found {}",
                               yarn.mscale_all_dim, yarn.mscale));
        writer.add("deepseek2.rope.scaling.type", "yarn");
        real("rope.scaling.factor", yarn.factor);
        number("rope.scaling.original_context_length", yarn.original_max_position_embeddings);
        if (has_multiplier)
            real("rope.scaling.yarn_log_multiplier", 0.1 * yarn.mscale_all_dim);
        const Yarn usual;
        if (yarn.beta_fast != usual.beta_fast)
            real("rope.scaling.yarn_beta_fast", yarn.beta_fast);
        if (yarn.beta_slow != usual.beta_slow)
            real("rope.scaling.yarn_beta_slow", yarn.beta_slow);
    }

    number("expert_count", c.n_routed_experts);
    number("expert_used_count", c.num_experts_per_tok);
    number("expert_shared_count", c.n_shared_experts);
    number("expert_feed_forward_length", c.moe_intermediate_size);
    number("expert_group_count", c.n_group);
    number("expert_group_used_count", c.topk_group);
    number("expert_gating_func", is_sigmoid ? 2 : 1);
    real("expert_weights_scale", c.routed_scaling_factor);
    if (c.norm_topk_prob)
        writer.add("deepseek2.expert_weights_norm", true);
}

} // namespace engine
