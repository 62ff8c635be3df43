// SPDX-License-Identifier: MIT
#include "engine/weights.h"

#include "engine/error.h"
#include "kernels/cpu/thread_pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <string>

namespace engine {

using format::TensorInfo;
using format::TensorTable;
using kernels::BlockScales;
using kernels::Dtype;
using kernels::HeadMatrix;
using kernels::KeyLayout;
using kernels::Matrix;
using kernels::Mlp;
using kernels::Norm;

namespace {

// q_a_layernorm and kv_a_layernorm are built without an eps of their own in the reference implementation, so
// its class default holds whatever the config says.
constexpr float latent_norm_eps = 1e-6f;

using Shape = std::initializer_list<std::int64_t>;

Matrix matrix_of(const TensorInfo& tensor, std::int64_t rows, std::int64_t columns)
{
    return {tensor.bytes.data(), *tensor.dtype, rows, columns, {}};
}

// Looks tensors up and keeps a list of what one stage of the pass reads.
class Binder
{
public:
    Binder(const format::ModelFiles& files, const Config& config)
        : m_tensors(files.tensors())
        , m_config(config)
        , m_gguf(files.gguf() != nullptr)
    {
    }

    Weights bind()
    {
        const Config& c = m_config;
        Weights w;
        w.embedding =
            matrix(m_gguf ? "token_embd.weight" : "model.embed_tokens.weight", {c.vocab_size, c.hidden_size});
        end_stage(w);
        w.layers.reserve(static_cast<std::size_t>(c.num_hidden_layers));
        for (std::int64_t l = 0; l < c.num_hidden_layers; ++l) {
            m_prefix = m_gguf ? fmt::format("blk.{}.", l) : fmt::format("model.layers.{}.", l);
            w.layers.push_back(layer(l));
            end_stage(w);
        }
        m_prefix.clear();
        w.norm = norm(m_gguf ? "output_norm.weight" : "model.norm.weight", c.hidden_size,
                      static_cast<float>(c.rms_norm_eps));
        const char* head = m_gguf ? "output.weight" : "lm_head.weight";
        // GGUF has no key for tied embeddings: the head is left out.
        const bool tied = c.tie_word_embeddings || (m_gguf && !m_tensors.find(head));
        w.head = tied ? w.embedding : matrix(head, {c.vocab_size, c.hidden_size});
        end_stage(w);
        return w;
    }

private:
    // Tensors of a layer have two names; m_prefix stands before both.
    std::string name(const char* hugging_face, const char* gguf) const
    {
        return m_prefix + (m_gguf ? gguf : hugging_face);
    }

    const TensorInfo& use(const TensorInfo& tensor)
    {
        m_stage.push_back(tensor.bytes);
        return tensor;
    }

    Matrix matrix(const std::string& tensor_name, Shape shape)
    {
        const TensorInfo& tensor = use(m_tensors.require(tensor_name, shape));
        Matrix result = matrix_of(tensor, shape.begin()[0], shape.begin()[1]);
        if (result.dtype == Dtype::f8_e4m3)
            result.scales = block_scales(tensor_name, result);
        return result;
    }

    // One factor for each 128 x 128 numbers of an FP8 matrix, in a tensor beside it: X.weight_scale_inv for
    // X.weight (published DeepSeek-V3).
    BlockScales block_scales(const std::string& tensor_name, const Matrix& of)
    {
        const auto blocks = [](std::int64_t size) {
            return (size + BlockScales::block - 1) / BlockScales::block;
        };
        const std::int64_t shape[] = {blocks(of.rows), blocks(of.columns)};
        const TensorInfo& factors = use(m_tensors.require(tensor_name + "_scale_inv", shape, {Dtype::f32}));
        return {factors.bytes.data(), kernels::row_bytes(Dtype::f32, shape[1]), 0};
    }

    // A stack of matrices, (count, rows, columns).
    HeadMatrix stacked(const std::string& tensor_name, std::int64_t count, std::int64_t rows,
                       std::int64_t columns)
    {
        const TensorInfo& tensor = use(m_tensors.require(tensor_name, {count, rows, columns}));
        if (*tensor.dtype == Dtype::f8_e4m3)
            throw Error(m_tensors.files()[tensor.file], "tensor " + tensor_name,
                        "expected FP8 in matrices of their own, found a stack of them");
        return {tensor.bytes.data(),
                *tensor.dtype,
                count,
                rows,
                columns,
                rows * kernels::row_bytes(*tensor.dtype, columns)};
    }

    Norm norm(const std::string& tensor_name, std::int64_t width, float eps)
    {
        const std::int64_t shape[] = {width};
        const TensorInfo& tensor =
            use(m_tensors.require(tensor_name, shape, {Dtype::f32, Dtype::f16, Dtype::bf16}));
        return {matrix_of(tensor, 1, width), eps};
    }

    Layer layer(std::int64_t index)
    {
        const Config& c = m_config;
        const std::int64_t d = c.hidden_size;
        const std::int64_t heads = c.num_attention_heads;
        const std::int64_t latent = c.kv_lora_rank;
        const auto eps = static_cast<float>(c.rms_norm_eps);

        Layer w;
        w.attn_norm = norm(name("input_layernorm.weight", "attn_norm.weight"), d, eps);
        if (c.q_lora_rank == 0) {
            w.wq = matrix(name("self_attn.q_proj.weight", "attn_q.weight"), {heads * c.qk_head_dim(), d});
        } else {
            w.wq_a = matrix(name("self_attn.q_a_proj.weight", "attn_q_a.weight"), {c.q_lora_rank, d});
            w.q_norm = norm(name("self_attn.q_a_layernorm.weight", "attn_q_a_norm.weight"), c.q_lora_rank,
                            latent_norm_eps);
            w.wq_b = matrix(name("self_attn.q_b_proj.weight", "attn_q_b.weight"),
                            {heads * c.qk_head_dim(), c.q_lora_rank});
        }
        w.wkv_a = matrix(name("self_attn.kv_a_proj_with_mqa.weight", "attn_kv_a_mqa.weight"),
                         {latent + c.qk_rope_head_dim, d});
        w.kv_norm =
            norm(name("self_attn.kv_a_layernorm.weight", "attn_kv_a_norm.weight"), latent, latent_norm_eps);
        w.kv_b = key_value_up();
        w.wo = matrix(name("self_attn.o_proj.weight", "attn_output.weight"), {d, heads * c.v_head_dim});
        w.ffn_norm = norm(name("post_attention_layernorm.weight", "ffn_norm.weight"), d, eps);

        if (c.is_dense_layer(index)) {
            w.dense = mlp("mlp.", "ffn_", "", c.intermediate_size);
            return w;
        }
        const std::string router_name = name("mlp.gate.weight", "ffn_gate_inp.weight");
        const std::int64_t router_shape[] = {c.n_routed_experts, d};
        w.router = matrix_of(
            use(m_tensors.require(router_name, router_shape, {Dtype::f32, Dtype::f16, Dtype::bf16})),
            c.n_routed_experts, d);
        w.rule = routing_rule();
        w.routed = routed_experts();
        if (c.n_shared_experts > 0)
            w.shared =
                mlp("mlp.shared_experts.", "ffn_", "_shexp", c.n_shared_experts * c.moe_intermediate_size);
        return w;
    }

    // gate, up and down beside each other. Hugging Face: PREFIXgate_proj.weight, GGUF:
    // PREFIXgateSUFFIX.weight.
    Mlp mlp(const std::string& hugging_face_prefix, const std::string& gguf_prefix,
            const std::string& gguf_suffix, std::int64_t width)
    {
        const auto part = [&](const char* which) {
            return m_prefix + (m_gguf ? gguf_prefix + which + gguf_suffix + ".weight"
                                      : hugging_face_prefix + which + "_proj.weight");
        };
        const std::int64_t d = m_config.hidden_size;
        Mlp result;
        result.gate = matrix(part("gate"), {width, d});
        result.up = matrix(part("up"), {width, d});
        result.down = matrix(part("down"), {d, width});
        return result;
    }

    // kv_b_proj holds for each head P rows that make keys, then V rows that make values (paper, appendix C).
    // GGUF knows it as it is (also beside the two-dimensional halves that one fork adds), or as two tensors
    // of which the first is transposed by head.
    kernels::KeyValueUp key_value_up()
    {
        const Config& c = m_config;
        const std::int64_t heads = c.num_attention_heads;
        const std::int64_t nope = c.qk_nope_head_dim;
        const std::int64_t value = c.v_head_dim;
        const std::int64_t latent = c.kv_lora_rank;
        const std::string whole = name("self_attn.kv_b_proj.weight", "attn_kv_b.weight");
        kernels::KeyValueUp up;
        if (!m_gguf || m_tensors.find(whole) || !m_tensors.find(m_prefix + "attn_k_b.weight")) {
            const Matrix kv_b = matrix(whole, {heads * (nope + value), latent});
            const std::int64_t head_bytes = (nope + value) * kv_b.row_bytes();
            up.layout = KeyLayout::nope_by_latent;
            up.key = {kv_b.data, kv_b.dtype, heads, nope, latent, head_bytes, kv_b.scales};
            up.value = {kv_b.row(nope),         kv_b.dtype, heads, value, latent, head_bytes,
                        kv_b.scales.below(nope)};
            return up;
        }
        up.layout = KeyLayout::latent_by_nope;
        up.key = stacked(m_prefix + "attn_k_b.weight", heads, latent, nope);
        up.value = stacked(m_prefix + "attn_v_b.weight", heads, value, latent);
        return up;
    }

    kernels::RoutingRule routing_rule()
    {
        const Config& c = m_config;
        kernels::RoutingRule rule;
        rule.experts = c.n_routed_experts;
        rule.experts_per_tok = c.num_experts_per_tok;
        rule.n_group = c.n_group;
        rule.topk_group = c.topk_group;
        rule.method = c.topk_method;
        rule.scoring = c.scoring_func;
        rule.norm_topk_prob = c.norm_topk_prob;
        rule.routed_scaling_factor = static_cast<float>(c.routed_scaling_factor);
        if (c.topk_method == kernels::TopkMethod::noaux_tc) {
            const std::int64_t shape[] = {c.n_routed_experts};
            const TensorInfo& bias =
                use(m_tensors.require(name("mlp.gate.e_score_correction_bias", "exp_probs_b.bias"), shape,
                                      {Dtype::f32, Dtype::f16, Dtype::bf16}));
            rule.correction_bias = matrix_of(bias, 1, c.n_routed_experts);
        }
        return rule;
    }

    // Hugging Face: a tensor for each matrix of each expert, or (transformers 5 in memory, hence some saved
    // models) two stacks, gate above up in the first. GGUF: stacks, gate and up apart or above one another.
    std::vector<Mlp> routed_experts()
    {
        const Config& c = m_config;
        const std::int64_t experts = c.n_routed_experts;
        const std::int64_t width = c.moe_intermediate_size;
        const std::int64_t d = c.hidden_size;
        std::vector<Mlp> routed(static_cast<std::size_t>(experts));
        const std::string fused = name("mlp.experts.gate_up_proj", "ffn_gate_up_exps.weight");
        const bool is_fused = m_tensors.find(fused) != nullptr;
        if (!m_gguf && !is_fused) {
            for (std::int64_t e = 0; e < experts; ++e)
                routed[static_cast<std::size_t>(e)] = mlp(fmt::format("mlp.experts.{}.", e), "", "", width);
            return routed;
        }
        const HeadMatrix down =
            stacked(name("mlp.experts.down_proj", "ffn_down_exps.weight"), experts, d, width);
        HeadMatrix gate;
        HeadMatrix up;
        if (is_fused) {
            gate = up = stacked(fused, experts, 2 * width, d);
            gate.rows = up.rows = width;
            up.data += up.head_bytes / 2;
        } else {
            gate = stacked(m_prefix + "ffn_gate_exps.weight", experts, width, d);
            up = stacked(m_prefix + "ffn_up_exps.weight", experts, width, d);
        }
        for (std::int64_t e = 0; e < experts; ++e)
            routed[static_cast<std::size_t>(e)] = {gate.head(e), up.head(e), down.head(e)};
        return routed;
    }

    void end_stage(Weights& w)
    {
        w.stages.push_back(std::move(m_stage));
        m_stage.clear();
    }

    const TensorTable& m_tensors;
    const Config& m_config;
    bool m_gguf;
    std::string m_prefix; // "blk.3." or "model.layers.3."
    std::vector<std::span<const std::byte>> m_stage;
};

} // namespace

std::int64_t Weights::bytes() const
{
    std::int64_t sum = 0;
    for (const auto& stage : stages)
        for (const auto& tensor : stage)
            sum += static_cast<std::int64_t>(tensor.size());
    return sum;
}

WeightBytes weight_bytes(const Weights& weights)
{
    // Factors of FP8 in blocks of rows; those of a matrix that was cut into heads count with the whole of it.
    const auto factors = [](const BlockScales& scales, std::int64_t rows) {
        return scales.data ? (rows + BlockScales::block - 1) / BlockScales::block * scales.stride : 0;
    };
    const auto of = [&](const Matrix& m) { return m ? m.bytes() + factors(m.scales, m.rows) : 0; };
    const auto heads = [](const HeadMatrix& m) { return m ? m.heads * m.head(0).bytes() : 0; };
    const auto mlp = [&](const Mlp& m) { return of(m.gate) + of(m.up) + of(m.down); };
    WeightBytes bytes;
    bytes.embedding = of(weights.embedding);
    bytes.head = weights.head.data == weights.embedding.data ? 0 : of(weights.head);
    bytes.router_and_norms = of(weights.norm.weight);
    for (const Layer& w : weights.layers) {
        for (const Matrix& m : {w.wq, w.wq_a, w.wq_b, w.wkv_a, w.wo})
            bytes.attention += of(m);
        const HeadMatrix& key = w.kv_b.key;
        const HeadMatrix& value = w.kv_b.value;
        bytes.attention +=
            heads(key) + heads(value) + factors(key.scales, key.heads * (key.rows + value.rows));
        for (const Matrix& m : {w.attn_norm.weight, w.q_norm.weight, w.kv_norm.weight, w.ffn_norm.weight,
                                w.router, w.rule.correction_bias})
            bytes.router_and_norms += of(m);
        bytes.dense += mlp(w.dense);
        for (const Mlp& expert : w.routed)
            bytes.routed_experts += mlp(expert);
        bytes.shared_experts += mlp(w.shared);
    }
    return bytes;
}

Weights bind_weights(const format::ModelFiles& files, const Config& config)
{
    if (files.tensors().empty())
        throw Error(files.path().string(), "expected weights, found none (a vocabulary or config alone)");
    return Binder(files, config).bind();
}

void for_each_pointer(Weights& weights, const std::function<void(const std::byte*&)>& f)
{
    const auto mlp = [&](Mlp& m) {
        f(m.gate.data);
        f(m.up.data);
        f(m.down.data);
    };
    f(weights.embedding.data);
    f(weights.norm.weight.data);
    f(weights.head.data);
    for (Layer& w : weights.layers) {
        for (Matrix* matrix :
             {&w.attn_norm.weight, &w.wq, &w.wq_a, &w.q_norm.weight, &w.wq_b, &w.wkv_a, &w.kv_norm.weight,
              &w.wo, &w.ffn_norm.weight, &w.router, &w.rule.correction_bias})
            f(matrix->data);
        f(w.kv_b.key.data);
        f(w.kv_b.value.data);
        mlp(w.dense);
        for (Mlp& expert : w.routed)
            mlp(expert);
        mlp(w.shared);
    }
}

bool read_ahead(const format::ModelFiles& files, const Weights& weights,
                const std::function<void(std::int64_t, std::int64_t)>& progress, const std::stop_token& stop,
                int threads)
{
    constexpr std::size_t step = std::size_t{16} << 20; // between two looks at the stop token
    constexpr std::size_t slice = std::size_t{1} << 20; // what one thread touches at a time
    constexpr std::size_t page = 4096;
    // Of a file that is in memory already, mapping its pages is all there is to wait for, and each thread
    // maps its own.
    kernels::cpu::ThreadPool pool(threads);
    std::int64_t done = 0;
    std::int64_t stages = 0;
    for (const auto& stage : weights.stages) {
        for (const auto& tensor : stage)
            files.advise(tensor, format::MappedFile::Advice::will_need);
        for (const auto& tensor : stage) {
            for (std::size_t at = 0; at < tensor.size(); at += step) {
                if (stop.stop_requested())
                    return false;
                const auto part = tensor.subspan(at, std::min(step, tensor.size() - at));
                pool.run(static_cast<std::int64_t>((part.size() + slice - 1) / slice),
                         [&](std::int64_t task, int) {
                             const std::size_t first = static_cast<std::size_t>(task) * slice;
                             const std::size_t end = std::min(first + slice, part.size());
                             for (std::size_t i = first; i < end; i += page)
                                 static_cast<void>(*static_cast<const volatile std::byte*>(part.data() + i));
                         });
                done += static_cast<std::int64_t>(part.size());
                progress(stages, done);
            }
        }
        progress(++stages, done);
    }
    files.check();
    return true;
}

} // namespace engine
