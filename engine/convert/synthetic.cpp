// SPDX-License-Identifier: MIT
#include "engine/convert/synthetic.h"

#include "engine/convert/random_rows.h"
#include "engine/text/byte_alphabet.h"
#include "kernels/quant/quantise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

namespace engine {

using kernels::Dtype;

namespace {

// --- Shapes: specification, section 1.2 -----------------------------------------------------------------

Config lite()
{
    Config c;
    c.architecture = "deepseek2";
    c.vocab_size = 102400;
    c.hidden_size = 2048;
    c.num_hidden_layers = 27;
    c.max_position_embeddings = 163840;
    c.num_attention_heads = 16;
    c.kv_lora_rank = 512;
    c.qk_nope_head_dim = 128;
    c.qk_rope_head_dim = 64;
    c.v_head_dim = 128;
    c.intermediate_size = 10944;
    c.first_k_dense_replace = 1;
    c.moe_intermediate_size = 1408;
    c.n_routed_experts = 64;
    c.n_shared_experts = 2;
    c.num_experts_per_tok = 6;
    c.yarn = Yarn{40, 4096, 32, 1, 0.707, 0.707};
    return c;
}

Config v2()
{
    Config c = lite();
    c.hidden_size = 5120;
    c.num_hidden_layers = 60;
    c.num_attention_heads = 128;
    c.q_lora_rank = 1536;
    c.intermediate_size = 12288;
    c.moe_intermediate_size = 1536;
    c.n_routed_experts = 160;
    c.n_group = 8;
    c.topk_group = 3;
    c.topk_method = kernels::TopkMethod::group_limited_greedy;
    c.routed_scaling_factor = 16;
    return c;
}

Config tiny()
{
    Config c = lite();
    c.vocab_size = 1024;
    c.hidden_size = 256;
    c.num_hidden_layers = 3;
    c.num_attention_heads = 4;
    c.kv_lora_rank = 256;
    c.qk_nope_head_dim = 64;
    c.qk_rope_head_dim = 32;
    c.v_head_dim = 64;
    c.intermediate_size = 672;
    c.moe_intermediate_size = 384;
    c.n_routed_experts = 8;
    c.num_experts_per_tok = 3;
    return c;
}

// --- Vocabulary -------------------------------------------------------------------------------------------

constexpr std::string_view special_tokens[] = {
    "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>",
    "<｜fim▁hole｜>",          "<｜fim▁begin｜>",
    "<｜fim▁end｜>",           "<｜User｜>",
    "<｜Assistant｜>",         "<|EOT|>",
};

constexpr std::string_view chat_template =
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}"
    "{% elif message['role'] == 'user' %}{{ '<｜User｜>' + message['content'] }}"
    "{% elif message['role'] == 'assistant' %}{{ '<｜Assistant｜>' + message['content'] + eos_token }}"
    "{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜>' }}{% endif %}";

// The numbers of token_type.
constexpr std::int32_t normal_token = 1;
constexpr std::int32_t control_token = 3;
constexpr std::int32_t unused_token = 5;

// Letters by how often they occur in English, so that a cut vocabulary keeps the likelier pieces.
constexpr std::string_view letters = "etaoinshrdlucmfwypvbgkjqxz";

// How byte-level vocabularies write a blank: U+0120.
constexpr std::string_view blank = "\xc4\xa0";

class Vocabulary
{
public:
    // `size` ids in all: those that are not needed at the end are unused, 2,400 in the published size.
    explicit Vocabulary(std::int64_t size)
        : m_ordinary(static_cast<std::size_t>(size - size / 42))
    {
        for (const std::string& character : text::byte_alphabet())
            add(character, normal_token);
        add_merges();
        m_bos = static_cast<std::uint32_t>(m_tokens.size());
        for (const std::string_view token : special_tokens)
            add(std::string(token), control_token);
        while (m_tokens.size() < static_cast<std::size_t>(size))
            add(fmt::format("[PAD{}]", m_tokens.size()), unused_token);
    }

    void write(format::GgufWriter& writer) const
    {
        writer.add("tokenizer.ggml.model", "gpt2");
        writer.add("tokenizer.ggml.pre", "deepseek-llm");
        writer.add("tokenizer.ggml.tokens", std::span(m_tokens));
        writer.add("tokenizer.ggml.token_type", std::span(m_types));
        writer.add("tokenizer.ggml.merges", std::span(m_merges));
        writer.add("tokenizer.ggml.bos_token_id", m_bos);
        writer.add("tokenizer.ggml.eos_token_id", m_bos + 1);
        writer.add("tokenizer.ggml.padding_token_id", m_bos + 1);
        writer.add("tokenizer.ggml.add_bos_token", true);
        writer.add("tokenizer.ggml.add_eos_token", false);
        writer.add("tokenizer.chat_template", chat_template);
    }

private:
    void add(std::string token, std::int32_t type)
    {
        m_tokens.push_back(std::move(token));
        m_types.push_back(type);
    }

    // Joins two tokens that are there, while there is room for ordinary ones.
    void merge(std::string_view left, std::string_view right)
    {
        if (m_tokens.size() >= m_ordinary)
            return;
        m_merges.push_back(fmt::format("{} {}", left, right));
        add(fmt::format("{}{}", left, right), normal_token);
    }

    // All pairs of letters, with and without a blank before, then triples, then pairs of pairs.
    void add_merges()
    {
        std::vector<std::string> pairs;
        for (const char a : letters)
            for (const char b : letters)
                pairs.push_back({a, b});
        std::ranges::stable_sort(
            pairs, {}, [](const std::string& pair) { return letters.find(pair[0]) + letters.find(pair[1]); });
        for (const char a : letters)
            merge(blank, {&a, 1});
        for (const std::string& pair : pairs) {
            merge({&pair[0], 1}, {&pair[1], 1});
            merge(fmt::format("{}{}", blank, pair[0]), {&pair[1], 1});
        }
        for (const std::string& pair : pairs) {
            for (const char c : letters) {
                merge(pair, {&c, 1});
                merge(fmt::format("{}{}", blank, pair), {&c, 1});
            }
        }
        for (const std::string& left : pairs)
            for (const std::string& right : pairs)
                merge(left, right);
    }

    std::size_t m_ordinary;
    std::uint32_t m_bos = 0;
    std::vector<std::string> m_tokens;
    std::vector<std::int32_t> m_types;
    std::vector<std::string> m_merges;
};

// --- Weights ----------------------------------------------------------------------------------------------

constexpr std::uint32_t outlier_block_every = 512;
constexpr int outlier_channels = 4;
constexpr float outlier_gain = 16.0f;

// What norms and routers draw that is not a row of a tensor.
constexpr std::uint64_t outlier_key = ~std::uint64_t{0};
constexpr std::uint64_t favourite_key = outlier_key - 1;

// A matrix gives outputs about as large as its inputs, and what a layer adds to the residual stream is
// smaller than that by the root of the number of additions, so activations stay within a small factor of the
// embedding however many layers there are.
class RandomModel
{
public:
    RandomModel(const Config& config, const SyntheticOptions& options)
        : m_config(config)
        , m_options(options)
        , m_tensors(model_tensors(config))
    {
        Random random(options.seed, outlier_key, 0);
        for (int i = 0; i < outlier_channels && options.has_outliers; ++i)
            m_outliers.push_back(static_cast<std::size_t>(random.next()) %
                                 static_cast<std::size_t>(config.hidden_size));
    }

    void announce(format::GgufWriter& writer) const
    {
        for (const ModelTensor& tensor : m_tensors)
            writer.add_tensor(tensor.name,
                              choose_type(tensor, m_config, m_options.type, KeyValueTypes::published),
                              tensor.shape);
    }

    void make(std::size_t index, Dtype dtype, std::int64_t first, std::int64_t count, std::byte* out) const
    {
        const ModelTensor& tensor = m_tensors[index];
        const std::int64_t columns = tensor.shape.back();
        RandomRow row{deviation(tensor), m_options.has_outliers ? outlier_block_every : 0};
        for (std::int64_t r = first; r < first + count; ++r) {
            Random random(m_options.seed, index, static_cast<std::uint64_t>(r));
            if (tensor.shape.size() == 1)
                make_norm(tensor, random, out);
            else
                make_random_row(dtype, row, random, out, columns);
            if (m_options.router == RouterKind::zipf)
                make_favourites(tensor, dtype, r, random, out);
            out += kernels::row_bytes(dtype, columns);
        }
    }

private:
    float deviation(const ModelTensor& tensor) const
    {
        const auto root = [](std::int64_t n) { return 1.0f / std::sqrt(static_cast<float>(n)); };
        const std::int64_t columns = tensor.shape.back();
        switch (tensor.part) {
        case Part::token_embd:
            return 1.0f;
        case Part::attn_k_b: // transposed: its input is the latent
            return root(m_config.kv_lora_rank);
        case Part::attn_output:
        case Part::ffn_down:
        case Part::ffn_down_exps:
        case Part::ffn_down_shexp:
            return root(columns) * root(2 * m_config.num_hidden_layers);
        default:
            return root(columns);
        }
    }

    void make_norm(const ModelTensor& tensor, Random& random, std::byte* out) const
    {
        std::vector<float> gains(static_cast<std::size_t>(tensor.shape.back()));
        for (float& gain : gains)
            gain = random.uniform(0.75f, 1.25f);
        if (tensor.part == Part::attn_norm || tensor.part == Part::ffn_norm)
            for (const std::size_t channel : m_outliers)
                gains[channel] = outlier_gain;
        std::memcpy(out, gains.data(), gains.size() * sizeof(float));
    }

    // Channel 0 of every embedding holds the same large number, which reaches each router through the
    // residual stream; there, the rows of the experts turn it into -ln(rank) on their scores. The random rest
    // of the scores decides from token to token.
    void make_favourites(const ModelTensor& tensor, Dtype dtype, std::int64_t r, Random& random,
                         std::byte* out) const
    {
        const float constant = std::sqrt(static_cast<float>(m_config.hidden_size)) / 4.0f;
        constexpr float usual_rms = 1.2f; // of the residual stream, half way through the layers
        if (tensor.part == Part::token_embd) {
            std::vector<float> block(static_cast<std::size_t>(kernels::values_per_block(dtype)));
            for (float& number : block)
                number = random.uniform(-1.0f, 1.0f) * std::sqrt(3.0f);
            block[0] = constant;
            kernels::quantise_row(dtype, block.data(), out, kernels::values_per_block(dtype));
        } else if (tensor.part == Part::ffn_norm) {
            put(out, 1.0f);
        } else if (tensor.part == Part::ffn_gate_inp) {
            std::vector<std::int64_t> rank(static_cast<std::size_t>(m_config.n_routed_experts));
            std::iota(rank.begin(), rank.end(), 1);
            Random order(m_options.seed, favourite_key, static_cast<std::uint64_t>(tensor.layer));
            for (std::size_t i = rank.size() - 1; i > 0; --i)
                std::swap(rank[i], rank[order.next() % (i + 1)]);
            put(out, -std::log(static_cast<float>(rank[static_cast<std::size_t>(r)])) * usual_rms / constant);
        }
    }

    static void put(std::byte* out, float number) { std::memcpy(out, &number, sizeof number); }

    const Config& m_config;
    const SyntheticOptions& m_options;
    std::vector<ModelTensor> m_tensors;
    std::vector<std::size_t> m_outliers; // channels of the hidden state
};

std::string_view name(ModelShape shape)
{
    switch (shape) {
    case ModelShape::tiny:
        return "tiny";
    case ModelShape::v2_lite:
        return "v2-lite";
    case ModelShape::v2:
        break;
    }
    return "v2";
}

} // namespace

std::optional<ModelShape> parse_model_shape(std::string_view text)
{
    for (const ModelShape shape : {ModelShape::tiny, ModelShape::v2_lite, ModelShape::v2})
        if (text == name(shape))
            return shape;
    return std::nullopt;
}

Config synthetic_config(ModelShape shape, std::int64_t layers)
{
    Config config = shape == ModelShape::tiny ? tiny() : shape == ModelShape::v2_lite ? lite() : v2();
    if (layers > 0)
        config.num_hidden_layers = layers;
    return config;
}

bool write_synthetic(const SyntheticOptions& options, format::ByteSink& sink, const ByteProgress& progress,
                     const std::stop_token& stop)
{
    const Config config = synthetic_config(options.shape, options.layers);
    format::GgufWriter writer;
    add_config(writer, config, options.type, "");
    writer.add("general.name", fmt::format("Random weights in the shape of {}", name(options.shape)));
    writer.add("general.description", fmt::format("Means nothing; seed {}.", options.seed));
    Vocabulary(config.vocab_size).write(writer);
    const RandomModel model(config, options);
    model.announce(writer);
    const MakeRows make = [&](std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* out) {
        model.make(tensor, writer.tensors()[tensor].dtype, first, count, out);
    };
    return write_gguf(writer, make, options.threads, sink, progress, stop);
}

} // namespace engine
