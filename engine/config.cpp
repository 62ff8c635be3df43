// SPDX-License-Identifier: MIT
#include "engine/config.h"

#include "engine/error.h"
#include "engine/format/json.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace engine {

using kernels::ScoringFunction;
using kernels::TopkMethod;

namespace {

// What each number may be. Wide enough for any model of this family, and narrow enough that no product of
// them overflows 64 bits.
struct Range
{
    std::int64_t low;
    std::int64_t high;
};
constexpr Range vocab_range = {1, 1 << 21};
constexpr Range width_range = {1, 1 << 17};
constexpr Range layer_range = {1, 1024};
constexpr Range position_range = {1, 1 << 24};
constexpr Range head_range = {1, 1024};
constexpr Range rank_range = {1, 1 << 16};
constexpr Range head_dim_range = {1, 4096};
constexpr Range inner_width_range = {1, 1 << 20};
constexpr Range expert_range = {1, 4096};
constexpr Range shared_range = {0, 64};
constexpr Range token_range = {0, (1 << 21) - 1};

constexpr Range from_zero(Range range)
{
    return {0, range.high};
}

// --- config.json
// -----------------------------------------------------------------------------------------------

std::int64_t integer(const format::JsonObject& json, std::string_view key, Range range)
{
    return json.integer(key, range.low, range.high);
}

std::optional<std::int64_t> find_integer(const format::JsonObject& json, std::string_view key, Range range)
{
    return json.find_integer(key, range.low, range.high);
}

// model_type alone tells the two gates apart: a softmax over all experts, or DeepSeek-V3's sigmoid with its
// correction bias. The keys beside it are often left out for V3; where they are there, they must agree.
bool is_version_3(const format::JsonObject& json)
{
    return json.find_string("model_type") == "deepseek_v3";
}

TopkMethod read_topk_method(const format::JsonObject& json)
{
    const std::optional<std::string> method = json.find_string("topk_method");
    if (is_version_3(json)) {
        if (method.value_or("noaux_tc") != "noaux_tc")
            json.fail("topk_method", "expected noaux_tc for deepseek_v3, found " + printable(*method));
        return TopkMethod::noaux_tc;
    }
    // The reference's own default is misspelt.
    if (!method || method == "greedy" || method == "gready")
        return TopkMethod::greedy;
    if (method == "group_limited_greedy")
        return TopkMethod::group_limited_greedy;
    json.fail("topk_method",
              "expected greedy or group_limited_greedy for deepseek_v2, found " + printable(*method));
}

ScoringFunction read_scoring_func(const format::JsonObject& json)
{
    const bool is_v3 = is_version_3(json);
    const std::string expected = is_v3 ? "sigmoid" : "softmax";
    const std::string function = json.find_string("scoring_func").value_or(expected);
    if (function != expected)
        json.fail("scoring_func", fmt::format("expected {} for {}, found {}", expected,
                                              is_v3 ? "deepseek_v3" : "deepseek_v2", printable(function)));
    return is_v3 ? ScoringFunction::sigmoid : ScoringFunction::softmax;
}

std::optional<Yarn> read_yarn(const format::JsonObject& rope)
{
    const std::string type =
        rope.find_string("type").value_or(rope.find_string("rope_type").value_or("default"));
    if (type == "default")
        return std::nullopt;
    if (type != "yarn")
        rope.fail("type", "expected yarn, found " + printable(type));
    Yarn yarn;
    const std::optional<double> factor = rope.find_number("factor");
    if (!factor)
        rope.fail("factor", "expected a number, found nothing");
    yarn.factor = *factor;
    yarn.original_max_position_embeddings = integer(rope, "original_max_position_embeddings", position_range);
    yarn.beta_fast = rope.find_number("beta_fast").value_or(32);
    yarn.beta_slow = rope.find_number("beta_slow").value_or(1);
    yarn.mscale = rope.find_number("mscale").value_or(1);
    yarn.mscale_all_dim = rope.find_number("mscale_all_dim").value_or(0);
    return yarn;
}

void read_rope(Config& config, const format::JsonObject& json)
{
    config.rope_theta = json.find_number("rope_theta").value_or(10000);
    if (const auto scaling = json.find_object("rope_scaling")) {
        config.yarn = read_yarn(*scaling);
    } else if (const auto parameters = json.find_object("rope_parameters")) {
        // The form of transformers 5.
        config.rope_theta = parameters->find_number("rope_theta").value_or(config.rope_theta);
        config.yarn = read_yarn(*parameters);
    }
}

// A list of ids, as some configurations have it for the end of a text, counts with its first.
std::optional<std::int64_t> read_token(const format::JsonObject& json, std::string_view key)
{
    const format::Json* value = json.find(key);
    if (!value || !value->is_array())
        return find_integer(json, key, token_range);
    if (value->empty())
        return std::nullopt;
    const format::Json first = {{key, value->front()}};
    return find_integer(format::JsonObject(first, json.file()), key, token_range);
}

// FP8 in blocks of 128 x 128, as DeepSeek-V3 is published, is the one stored form beside plain numbers. What
// scales activations would be computed in (activation_scheme, scale_fmt) concerns FP8 products, which nothing
// here makes.
void check_quantization(const format::JsonObject& quantization)
{
    const std::string method = quantization.find_string("quant_method").value_or("an unnamed method");
    if (method != "fp8")
        quantization.fail("quant_method",
                          fmt::format("expected weights in FP8, BF16, F16 or F32, found {}; a GGUF file of "
                                      "the model serves",
                                      printable(method)));
    if (const std::string format = quantization.find_string("fmt").value_or("e4m3"); format != "e4m3")
        quantization.fail("fmt", "expected e4m3, found " + printable(format));
    const format::Json* size = quantization.find("weight_block_size");
    if (!size || *size != format::Json{kernels::BlockScales::block, kernels::BlockScales::block})
        quantization.fail("weight_block_size",
                          fmt::format("expected [{0}, {0}], found {1}", kernels::BlockScales::block,
                                      size ? printable(size->dump(), 80) : "nothing"));
}

void refuse_unsupported(const format::JsonObject& json)
{
    const std::string type = json.find_string("model_type").value_or("");
    if (type != "deepseek_v2" && type != "deepseek_v3")
        json.fail("model_type",
                  fmt::format("expected deepseek_v2 or deepseek_v3, found \"{}\"", printable(type)));
    if (json.find_bool("attention_bias").value_or(false))
        json.fail("attention_bias", "expected false, found true");
    // A conversion of the weights that transformers can write; the family is published interleaved.
    if (!json.find_bool("rope_interleave").value_or(true))
        json.fail("rope_interleave", "expected true, found false");
    const std::string activation = json.find_string("hidden_act").value_or("silu");
    if (activation != "silu")
        json.fail("hidden_act", "expected silu, found " + printable(activation));
    if (const auto every = json.find_integer("moe_layer_freq", 1, layer_range.high); every.value_or(1) != 1)
        json.fail("moe_layer_freq", fmt::format("expected 1, found {}", *every));
    if (const auto quantization = json.find_object("quantization_config"))
        check_quantization(*quantization);
}

// --- GGUF
// ------------------------------------------------------------------------------------------------------

// Metadata of one architecture, whose name stands before each key.
class Metadata
{
public:
    Metadata(const format::Gguf& gguf, std::string prefix)
        : m_gguf(gguf)
        , m_prefix(std::move(prefix))
    {
    }

    std::string key(std::string_view name) const { return fmt::format("{}.{}", m_prefix, name); }
    std::int64_t integer(std::string_view name, Range range) const
    {
        return m_gguf.integer(key(name), range.low, range.high);
    }
    std::optional<std::int64_t> find_integer(std::string_view name, Range range) const
    {
        return m_gguf.find_integer(key(name), range.low, range.high);
    }
    std::optional<double> find_number(std::string_view name) const { return m_gguf.find_number(key(name)); }
    // The number, or where the key is missing `otherwise`, with a note of it.
    double number_or(std::string_view name, double otherwise, std::vector<std::string>& notes) const
    {
        const std::optional<double> number = find_number(name);
        if (!number)
            notes.push_back(fmt::format("no {}: taken as {}", name, otherwise));
        return number.value_or(otherwise);
    }
    std::optional<bool> find_bool(std::string_view name) const { return m_gguf.find_bool(key(name)); }
    std::optional<std::string_view> find_string(std::string_view name) const
    {
        return m_gguf.find_string(key(name));
    }
    [[noreturn]] void fail(std::string_view name, const std::string& what) const
    {
        m_gguf.fail(key(name), what);
    }

private:
    const format::Gguf& m_gguf;
    std::string m_prefix;
};

std::optional<Yarn> read_yarn(const Metadata& metadata, std::vector<std::string>& notes)
{
    const std::string_view type = metadata.find_string("rope.scaling.type").value_or("none");
    if (type == "none")
        return std::nullopt;
    if (type != "yarn")
        metadata.fail("rope.scaling.type", "expected yarn, found " + printable(type));
    Yarn yarn;
    const std::optional<double> factor = metadata.find_number("rope.scaling.factor");
    if (!factor)
        metadata.fail("rope.scaling.factor", "expected a number, found no such key");
    yarn.factor = *factor;
    yarn.original_max_position_embeddings =
        metadata.integer("rope.scaling.original_context_length", position_range);
    yarn.beta_fast = metadata.find_number("rope.scaling.yarn_beta_fast").value_or(32);
    yarn.beta_slow = metadata.find_number("rope.scaling.yarn_beta_slow").value_or(1);
    // The file holds 0.1 · mscale_all_dim as a float; the decimal number behind it is wanted. mscale itself
    // is not stored: it equals mscale_all_dim in every published model.
    const std::optional<double> multiplier = metadata.find_number("rope.scaling.yarn_log_multiplier");
    if (!multiplier)
        notes.push_back("no rope.scaling.yarn_log_multiplier: the softmax scale is not corrected, which a "
                        "complete file of this family asks for");
    yarn.mscale_all_dim = std::round(multiplier.value_or(0) * 10 * 1e6) / 1e6;
    yarn.mscale = multiplier ? yarn.mscale_all_dim : 1;
    return yarn;
}

// First length of a tensor's shape, that is the number of its rows.
std::optional<std::int64_t> rows_of(const format::Gguf& gguf, std::string_view name)
{
    const format::TensorInfo* tensor = gguf.tensors().find(name);
    return tensor ? std::optional(tensor->shape.front()) : std::nullopt;
}

// A number that very old files leave out: it stands in the shape of a tensor, if there is one. Throws for a
// missing key where there is none.
std::int64_t integer_or_shape(const Metadata& metadata, std::string_view name, Range range,
                              std::optional<std::int64_t> by_shape, std::vector<std::string>& notes)
{
    const std::optional<std::int64_t> value = metadata.find_integer(name, range);
    if (value || !by_shape)
        return value ? *value : metadata.integer(name, range);
    if (*by_shape < range.low || *by_shape > range.high)
        metadata.fail(name, fmt::format("expected {} to {}, found no such key and {} by the tensors' shape",
                                        range.low, range.high, *by_shape));
    notes.push_back(fmt::format("no {}: {} by the tensors' shape", name, *by_shape));
    return *by_shape;
}

// Layers that predict tokens further ahead stand behind the others. block_count counts them, whether or not
// the file holds their tensors; but a writer that dropped them may have left nextn_predict_layers behind.
std::int64_t prediction_layers(const format::Gguf& gguf, const Metadata& metadata, std::int64_t blocks,
                               std::vector<std::string>& notes)
{
    const auto has = [&](std::int64_t layer, std::string_view name) {
        return gguf.tensors().find(fmt::format("blk.{}.{}", layer, name)) != nullptr;
    };
    const std::int64_t stated =
        metadata.find_integer("nextn_predict_layers", from_zero(layer_range)).value_or(0);
    std::int64_t found = 0;
    while (found < blocks && has(blocks - 1 - found, "nextn.eh_proj.weight"))
        ++found;
    if (found > stated)
        notes.push_back(
            fmt::format("no nextn_predict_layers: {} by the tensors' names, which stay unread", found));
    if (stated > found && has(blocks - 1, "attn_norm.weight")) {
        notes.push_back(
            fmt::format("nextn_predict_layers is {}, but block_count does not count them", stated));
        return found;
    }
    return std::max(found, stated);
}

void read_heads(Config& config, const Metadata& metadata)
{
    config.qk_rope_head_dim = metadata.integer("rope.dimension_count", head_dim_range);
    // Files in the latent form give the lengths of the cached vectors as key_length and those of a head
    // beside.
    const bool latent = metadata.find_integer("attention.key_length_mla", head_dim_range).has_value();
    const std::string key_name = latent ? "attention.key_length_mla" : "attention.key_length";
    const std::int64_t key_length = metadata.integer(key_name, head_dim_range);
    config.qk_nope_head_dim = key_length - config.qk_rope_head_dim;
    if (config.qk_nope_head_dim < 1)
        metadata.fail(key_name, fmt::format("expected more than the {} of rope.dimension_count, found {}",
                                            config.qk_rope_head_dim, key_length));
    config.v_head_dim =
        metadata.integer(latent ? "attention.value_length_mla" : "attention.value_length", head_dim_range);
}

void read_routing(Config& config, const format::Gguf& gguf, const Metadata& metadata)
{
    std::vector<std::string>& notes = config.notes;
    config.n_routed_experts = metadata.integer("expert_count", expert_range);
    config.num_experts_per_tok = metadata.integer("expert_used_count", expert_range);
    const format::TensorInfo* down =
        gguf.tensors().find(fmt::format("blk.{}.ffn_down_exps.weight", config.first_k_dense_replace));
    config.moe_intermediate_size =
        integer_or_shape(metadata, "expert_feed_forward_length", inner_width_range,
                         down ? std::optional(down->shape.back()) : std::nullopt, notes);
    config.norm_topk_prob = metadata.find_bool("expert_weights_norm").value_or(false); // written where true

    const auto gating = metadata.find_integer("expert_gating_func", {0, 1 << 30});
    if (!gating)
        notes.push_back("no expert_gating_func: taken as softmax");
    if (gating.value_or(1) > 2)
        metadata.fail("expert_gating_func",
                      fmt::format("expected 1 (softmax) or 2 (sigmoid), found {}", *gating));
    config.scoring_func = gating == 2 ? ScoringFunction::sigmoid : ScoringFunction::softmax;

    // Only one published architecture has these shapes, so that what its first files leave out has one
    // meaning: groups (all files from before October 2025) and the scale of the experts' weights.
    const bool is_v2 = config.num_hidden_layers == 60 && config.hidden_size == 5120 &&
                       config.n_routed_experts == 160 && config.num_experts_per_tok == 6 &&
                       config.scoring_func == ScoringFunction::softmax;
    config.routed_scaling_factor = metadata.number_or("expert_weights_scale", is_v2 ? 16 : 1, notes);

    const auto groups = metadata.find_integer("expert_group_count", from_zero(expert_range));
    const auto used_groups = metadata.find_integer("expert_group_used_count", from_zero(expert_range));
    config.n_group = std::max<std::int64_t>(groups.value_or(1), 1);
    config.topk_group = std::max<std::int64_t>(used_groups.value_or(1), 1);
    if (!groups && !used_groups && is_v2) {
        config.n_group = 8;
        config.topk_group = 3;
        notes.push_back("no expert_group_count: 3 of 8 groups, as DeepSeek-V2 was trained");
    } else if (!groups || !used_groups) {
        notes.push_back(
            fmt::format("no {}: taken as 1", groups ? "expert_group_used_count" : "expert_group_count"));
    }
    // The gate decides how groups compare, whatever the writer of the keys had in mind: by their best score
    // for softmax, by the sum of the two best for sigmoid.
    if (config.scoring_func == ScoringFunction::sigmoid)
        config.topk_method = TopkMethod::noaux_tc;
    else if (config.n_group > 1)
        config.topk_method = TopkMethod::group_limited_greedy;

    const auto shared =
        rows_of(gguf, fmt::format("blk.{}.ffn_gate_shexp.weight", config.first_k_dense_replace));
    config.n_shared_experts = integer_or_shape(metadata, "expert_shared_count", shared_range,
                                               shared.value_or(0) / config.moe_intermediate_size, notes);
}

// The first layer with a router.
std::optional<std::int64_t> dense_layers_of(const format::Gguf& gguf, std::int64_t layers)
{
    for (std::int64_t l = 0; l < layers; ++l)
        if (gguf.tensors().find(fmt::format("blk.{}.ffn_gate_inp.weight", l)))
            return l;
    return std::nullopt;
}

} // namespace

Config read_config(const format::Gguf& gguf)
{
    const std::string_view architecture = gguf.string("general.architecture");
    if (architecture != "deepseek2")
        gguf.fail("general.architecture", "expected deepseek2, found " + printable(architecture));
    const Metadata metadata(gguf, "deepseek2");

    Config config;
    config.architecture = architecture;
    config.hidden_size = metadata.integer("embedding_length", width_range);
    const std::int64_t blocks = metadata.integer("block_count", layer_range);
    config.num_nextn_predict_layers = prediction_layers(gguf, metadata, blocks, config.notes);
    config.num_hidden_layers = blocks - config.num_nextn_predict_layers;
    config.max_position_embeddings = metadata.integer("context_length", position_range);
    config.vocab_size = integer_or_shape(metadata, "vocab_size", vocab_range,
                                         rows_of(gguf, "token_embd.weight"), config.notes);
    config.num_attention_heads = metadata.integer("attention.head_count", head_range);
    config.kv_lora_rank = integer_or_shape(metadata, "attention.kv_lora_rank", rank_range,
                                           rows_of(gguf, "blk.0.attn_kv_a_norm.weight"), config.notes);
    // Lite has no such key, and no such tensor.
    if (metadata.find_integer("attention.q_lora_rank", from_zero(rank_range)) ||
        gguf.tensors().find("blk.0.attn_q_a.weight"))
        config.q_lora_rank = integer_or_shape(metadata, "attention.q_lora_rank", from_zero(rank_range),
                                              rows_of(gguf, "blk.0.attn_q_a.weight"), config.notes);
    read_heads(config, metadata);

    config.intermediate_size = metadata.integer("feed_forward_length", inner_width_range);
    config.first_k_dense_replace =
        integer_or_shape(metadata, "leading_dense_block_count", from_zero(layer_range),
                         dense_layers_of(gguf, config.num_hidden_layers), config.notes);
    read_routing(config, gguf, metadata);

    config.rms_norm_eps = metadata.number_or("attention.layer_norm_rms_epsilon", 1e-6, config.notes);
    config.rope_theta = metadata.number_or("rope.freq_base", 10000, config.notes);
    config.yarn = read_yarn(metadata, config.notes);
    config.tie_word_embeddings = !gguf.tensors().empty() && !gguf.tensors().find("output.weight");
    config.bos_token_id = gguf.find_integer("tokenizer.ggml.bos_token_id", token_range.low, token_range.high);
    config.eos_token_id = gguf.find_integer("tokenizer.ggml.eos_token_id", token_range.low, token_range.high);
    if (gguf.has("tokenizer.ggml.tokens") && !gguf.has("tokenizer.ggml.pre"))
        config.notes.push_back("no tokenizer.ggml.pre: the vocabulary is split as deepseek-llm does");

    check_config(config, gguf.path());
    return config;
}

Config read_config_json(const std::filesystem::path& config_json)
{
    const format::Json document = format::read_json(config_json, {.bytes = 1 << 20});
    const format::JsonObject json(document, config_json.string());
    refuse_unsupported(json);

    Config config;
    config.architecture = *json.find_string("model_type");
    config.vocab_size = integer(json, "vocab_size", vocab_range);
    config.hidden_size = integer(json, "hidden_size", width_range);
    config.num_hidden_layers = integer(json, "num_hidden_layers", layer_range);
    config.num_nextn_predict_layers =
        find_integer(json, "num_nextn_predict_layers", from_zero(layer_range)).value_or(0);
    config.max_position_embeddings = integer(json, "max_position_embeddings", position_range);

    config.num_attention_heads = integer(json, "num_attention_heads", head_range);
    config.q_lora_rank = find_integer(json, "q_lora_rank", from_zero(rank_range)).value_or(0);
    config.kv_lora_rank = integer(json, "kv_lora_rank", rank_range);
    config.qk_nope_head_dim = integer(json, "qk_nope_head_dim", head_dim_range);
    config.qk_rope_head_dim = integer(json, "qk_rope_head_dim", head_dim_range);
    config.v_head_dim = integer(json, "v_head_dim", head_dim_range);

    config.intermediate_size = integer(json, "intermediate_size", inner_width_range);
    config.first_k_dense_replace =
        find_integer(json, "first_k_dense_replace", from_zero(layer_range)).value_or(0);
    config.moe_intermediate_size = integer(json, "moe_intermediate_size", inner_width_range);
    config.n_routed_experts = integer(json, "n_routed_experts", expert_range);
    config.n_shared_experts = find_integer(json, "n_shared_experts", shared_range).value_or(0);
    config.num_experts_per_tok = integer(json, "num_experts_per_tok", expert_range);
    config.topk_method = read_topk_method(json);
    if (config.topk_method != TopkMethod::greedy) { // plain choice knows no groups, whatever the file says
        config.n_group = find_integer(json, "n_group", expert_range).value_or(1);
        config.topk_group = find_integer(json, "topk_group", expert_range).value_or(1);
    }
    config.scoring_func = read_scoring_func(json);
    config.norm_topk_prob = json.find_bool("norm_topk_prob").value_or(is_version_3(json));
    config.routed_scaling_factor = json.find_number("routed_scaling_factor").value_or(1);

    config.rms_norm_eps = json.find_number("rms_norm_eps").value_or(1e-6);
    read_rope(config, json);
    config.tie_word_embeddings = json.find_bool("tie_word_embeddings").value_or(false);
    config.bos_token_id = read_token(json, "bos_token_id");
    config.eos_token_id = read_token(json, "eos_token_id");

    check_config(config, json.file());
    return config;
}

Config read_config(const format::ModelFiles& files)
{
    return files.gguf() ? read_config(*files.gguf()) : read_config_json(files.path() / "config.json");
}

void check_config(const Config& c, const std::string& file)
{
    const auto demand = [&](bool holds, std::string_view name, const std::string& what) {
        if (!holds)
            throw Error(file, name, what);
    };
    const auto within = [&](double value, double low, double high, std::string_view name) {
        demand(value >= low && value <= high, name,
               fmt::format("expected {} to {}, found {}", low, high, value)); // NaN fails too
    };

    demand(c.num_hidden_layers >= 1, "num_hidden_layers",
           fmt::format("expected at least 1 beside {} prediction layers, found {}",
                       c.num_nextn_predict_layers, c.num_hidden_layers));
    demand(c.qk_rope_head_dim % 2 == 0, "qk_rope_head_dim",
           fmt::format("expected an even number, found {}", c.qk_rope_head_dim));
    demand(c.first_k_dense_replace <= c.num_hidden_layers, "first_k_dense_replace",
           fmt::format("expected at most {} layers, found {}", c.num_hidden_layers, c.first_k_dense_replace));

    demand(c.num_experts_per_tok <= c.n_routed_experts, "num_experts_per_tok",
           fmt::format("expected at most the {} of n_routed_experts, found {}", c.n_routed_experts,
                       c.num_experts_per_tok));
    demand(c.n_routed_experts % c.n_group == 0, "n_group",
           fmt::format("expected a divisor of the {} of n_routed_experts, found {}", c.n_routed_experts,
                       c.n_group));
    demand(c.topk_group <= c.n_group, "topk_group",
           fmt::format("expected at most the {} of n_group, found {}", c.n_group, c.topk_group));
    const std::int64_t group_size = c.n_routed_experts / c.n_group;
    demand(c.num_experts_per_tok <= c.topk_group * group_size, "num_experts_per_tok",
           fmt::format("expected at most the {} experts in {} groups, found {}", c.topk_group * group_size,
                       c.topk_group, c.num_experts_per_tok));
    demand(c.topk_method != TopkMethod::noaux_tc || c.n_group == 1 || group_size >= 2, "n_group",
           fmt::format("expected groups of two experts or more, found {}", group_size));
    within(c.routed_scaling_factor, 1e-6, 1e6, "routed_scaling_factor");

    within(c.rms_norm_eps, 1e-12, 1, "rms_norm_eps");
    within(c.rope_theta, 1.001, 1e12, "rope_theta");
    if (c.yarn) {
        within(c.yarn->factor, 1, 1e6, "rope_scaling.factor");
        within(c.yarn->beta_slow, 1e-3, 1e6, "rope_scaling.beta_slow");
        within(c.yarn->beta_fast, c.yarn->beta_slow, 1e6, "rope_scaling.beta_fast");
        within(c.yarn->mscale, 0, 100, "rope_scaling.mscale");
        within(c.yarn->mscale_all_dim, 0, 100, "rope_scaling.mscale_all_dim");
    }
    for (const auto& [id, name] :
         {std::pair(c.bos_token_id, "bos_token_id"), {c.eos_token_id, "eos_token_id"}})
        demand(
            !id || *id < c.vocab_size, name,
            fmt::format("expected less than the {} of vocab_size, found {}", c.vocab_size, id.value_or(0)));
}

// --- Derived numbers: paper section 3.1.4, reference class DeepseekV2YarnRotaryEmbedding
// ------------------------

namespace {

double magnitude(double factor, double mscale)
{
    return factor <= 1 ? 1 : 0.1 * mscale * std::log(factor) + 1;
}

} // namespace

double Config::softmax_scale() const
{
    const double plain = 1 / std::sqrt(static_cast<double>(qk_head_dim()));
    if (!yarn || yarn->mscale_all_dim == 0)
        return plain;
    const double m = magnitude(yarn->factor, yarn->mscale_all_dim);
    return plain * m * m; // once for the query, once for the key
}

double Config::rope_multiplier() const
{
    return yarn ? magnitude(yarn->factor, yarn->mscale) / magnitude(yarn->factor, yarn->mscale_all_dim) : 1;
}

std::vector<double> Config::rope_inverse_frequencies() const
{
    const auto size = static_cast<double>(qk_rope_head_dim);
    std::vector<double> theta(static_cast<std::size_t>(qk_rope_head_dim / 2));
    for (std::size_t i = 0; i < theta.size(); ++i)
        theta[i] = std::pow(rope_theta, -2.0 * static_cast<double>(i) / size);
    if (!yarn)
        return theta;

    // The pair that turns `rotations` times within the original context.
    const auto correction = [&](double rotations) {
        const auto original = static_cast<double>(yarn->original_max_position_embeddings);
        return size * std::log(original / (2 * std::numbers::pi * rotations)) / (2 * std::log(rope_theta));
    };
    const double low = std::max(std::floor(correction(yarn->beta_fast)), 0.0);
    double high = std::min(std::ceil(correction(yarn->beta_slow)), size - 1);
    if (high == low)
        high += 0.001;
    for (std::size_t i = 0; i < theta.size(); ++i) {
        const double ramp = std::clamp((static_cast<double>(i) - low) / (high - low), 0.0, 1.0);
        theta[i] = theta[i] * (1 - ramp) + theta[i] / yarn->factor * ramp;
    }
    return theta;
}

namespace {

struct ParameterCounts
{
    std::int64_t total = 0;
    std::int64_t active = 0;
};

ParameterCounts count_parameters(const Config& c)
{
    const std::int64_t head_width = c.num_attention_heads * c.qk_head_dim();
    const std::int64_t query =
        c.q_lora_rank == 0 ? c.hidden_size * head_width
                           : c.hidden_size * c.q_lora_rank + c.q_lora_rank + c.q_lora_rank * head_width;
    const std::int64_t latent = c.hidden_size * (c.kv_lora_rank + c.qk_rope_head_dim) + c.kv_lora_rank +
                                c.kv_lora_rank * c.num_attention_heads * (c.qk_nope_head_dim + c.v_head_dim);
    const std::int64_t output = c.num_attention_heads * c.v_head_dim * c.hidden_size;
    const std::int64_t norms = 2 * c.hidden_size;
    const std::int64_t attention = query + latent + output + norms;

    const std::int64_t dense = 3 * c.hidden_size * c.intermediate_size;
    const std::int64_t expert = 3 * c.hidden_size * c.moe_intermediate_size;
    const std::int64_t router = c.hidden_size * c.n_routed_experts;
    const std::int64_t dense_layers = c.first_k_dense_replace;
    const std::int64_t expert_layers = c.num_hidden_layers - dense_layers;

    const std::int64_t matrices = c.tie_word_embeddings ? 1 : 2; // embedding and head
    const std::int64_t shared = matrices * c.vocab_size * c.hidden_size + c.hidden_size +
                                c.num_hidden_layers * attention + dense_layers * dense +
                                expert_layers * (router + c.n_shared_experts * expert);
    return {shared + expert_layers * c.n_routed_experts * expert,
            shared + expert_layers * c.num_experts_per_tok * expert};
}

} // namespace

std::int64_t Config::parameters() const
{
    return count_parameters(*this).total;
}

std::int64_t Config::active_parameters() const
{
    return count_parameters(*this).active;
}

std::int64_t Config::kv_numbers_per_token() const
{
    return num_hidden_layers * (kv_lora_rank + qk_rope_head_dim);
}

} // namespace engine
