// SPDX-License-Identifier: MIT
#include "engine/model_info.h"

#include "engine/error.h"
#include "engine/gpu_memory.h"

#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "engine/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace engine {

namespace {

// FNV-1a, twice with different starts: 128 bits that tell files apart. Not meant against forgery.
class Fingerprint
{
public:
    void add(std::span<const std::byte> bytes)
    {
        for (const std::byte b : bytes) {
            m_low = (m_low ^ static_cast<std::uint64_t>(b)) * 0x100000001b3u;
            m_high = (m_high ^ (static_cast<std::uint64_t>(b) + 0x5bu)) * 0x100000001b3u;
        }
    }
    void add(std::string_view text)
    {
        add(std::as_bytes(std::span(text.data(), text.size())));
        add(static_cast<std::int64_t>(text.size()));
    }
    void add(std::int64_t number) { add(std::as_bytes(std::span(&number, 1))); }
    std::string text() const { return fmt::format("{:016x}{:016x}", m_high, m_low); }

private:
    std::uint64_t m_low = 0xcbf29ce484222325u;
    std::uint64_t m_high = 0x9ae16a3b2f90404fu;
};

std::string identity(const format::ModelFiles& files, const ModelInfo& info)
{
    Fingerprint print;
    for (const auto& [name, value] : info.hyperparameters) {
        print.add(name);
        print.add(value);
    }
    // A page of one tensor in so many is enough to see other weights, and costs a disk few seeks.
    constexpr std::size_t samples = 64;
    constexpr std::size_t sample_bytes = 256;
    const auto tensors = files.tensors().all();
    const std::size_t step = std::max<std::size_t>(1, tensors.size() / samples);
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        const format::TensorInfo& tensor = tensors[i];
        print.add(tensor.name);
        print.add(tensor.type_name);
        for (const std::int64_t size : tensor.shape)
            print.add(size);
        if (i % step == 0) {
            const std::size_t middle = tensor.bytes.size() / 2;
            print.add(tensor.bytes.subspan(middle, std::min(sample_bytes, tensor.bytes.size() - middle)));
        }
    }
    return print.text();
}

std::string file_type(const format::ModelFiles& files)
{
    std::map<std::string, std::int64_t> matrices; // type -> numbers stored in it
    for (const format::TensorInfo& tensor : files.tensors().all())
        if (tensor.shape.size() > 1)
            matrices[tensor.type_name] += tensor.elements();
    const auto most = std::max_element(matrices.begin(), matrices.end(),
                                       [](const auto& a, const auto& b) { return a.second < b.second; });
    return most == matrices.end() ? std::string() : most->first;
}

std::map<std::string, std::int64_t> hyperparameters(const Config& c)
{
    return {{"vocab_size", c.vocab_size},
            {"hidden_size", c.hidden_size},
            {"num_hidden_layers", c.num_hidden_layers},
            {"max_position_embeddings", c.max_position_embeddings},
            {"num_attention_heads", c.num_attention_heads},
            {"q_lora_rank", c.q_lora_rank},
            {"kv_lora_rank", c.kv_lora_rank},
            {"qk_nope_head_dim", c.qk_nope_head_dim},
            {"qk_rope_head_dim", c.qk_rope_head_dim},
            {"v_head_dim", c.v_head_dim},
            {"intermediate_size", c.intermediate_size},
            {"first_k_dense_replace", c.first_k_dense_replace},
            {"moe_intermediate_size", c.moe_intermediate_size},
            {"n_routed_experts", c.n_routed_experts},
            {"n_shared_experts", c.n_shared_experts},
            {"num_experts_per_tok", c.num_experts_per_tok},
            {"n_group", c.n_group},
            {"topk_group", c.topk_group}};
}

} // namespace

ModelInfo describe(const format::ModelFiles& files, const Config& config)
{
    ModelInfo info;
    info.path = files.path();
    info.name = files.name();
    info.architecture = config.architecture;
    if (const format::Gguf* gguf = files.gguf()) {
        info.description = printable(gguf->find_string("general.description").value_or(""), 400);
        info.license = printable(gguf->find_string("general.license").value_or(""), 80);
        info.attribution = printable(gguf->find_string("general.attribution").value_or(""), 1200);
    }
    info.file_type = file_type(files);
    info.hyperparameters = hyperparameters(config);
    for (const format::TensorInfo& tensor : files.tensors().all())
        ++info.tensor_types[tensor.type_name];
    info.parameters = config.parameters();
    info.active_parameters = config.active_parameters();
    info.file_bytes = static_cast<std::int64_t>(files.file_bytes());
    info.context_length = config.max_position_embeddings;
    info.kv_bytes_per_token = {{"f32", config.kv_numbers_per_token() * 4},
                               {"bf16", config.kv_numbers_per_token() * 2}};
    const std::int64_t plain = config.num_hidden_layers * config.num_attention_heads *
                               (config.qk_head_dim() + config.v_head_dim); // numbers
    info.plain_kv_bytes_per_token = {{"f32", plain * 4}, {"bf16", plain * 2}};
    info.identity = identity(files, info);
    info.header_bytes = info.file_bytes;
    for (const format::TensorInfo& tensor : files.tensors().all())
        info.header_bytes -= static_cast<std::int64_t>(tensor.bytes.size());
    info.notes = config.notes;
    if (files.gguf() && files.tensors().find("blk.0.attn_kv_b.weight"))
        info.notes.push_back(
            "attn_kv_b in one piece, as before April 2025: its halves are used where they lie");
    try {
        if (!files.tensors().empty())
            info.weight_bytes = weight_bytes(bind_weights(files, config));
    } catch (const Error& error) {
        info.why_not = error.what();
    }
    info.device_model = make_device_model(files, config);
    return info;
}

namespace {

// A vocabulary may come in a file of its own, under the name of another architecture.
ModelInfo describe_vocabulary(const format::Gguf& gguf, const format::ModelFiles& files)
{
    ModelInfo info;
    info.path = files.path();
    info.name = files.name();
    info.architecture = printable(gguf.find_string("general.architecture").value_or(""));
    info.file_bytes = static_cast<std::int64_t>(files.file_bytes());
    return info;
}

} // namespace

ModelInfo inspect(const std::filesystem::path& model)
{
    const format::ModelFiles files(model);
    const format::Gguf* gguf = files.gguf();
    const bool is_vocabulary = gguf && files.tensors().empty() &&
                               gguf->find_string("general.architecture").value_or("") != "deepseek2";
    ModelInfo info = is_vocabulary ? describe_vocabulary(*gguf, files) : describe(files, read_config(files));
    // The vocabulary may be missing; that shows when text is wanted.
    if (gguf ? gguf->has("tokenizer.ggml.tokens") : std::filesystem::exists(model / "tokenizer.json")) {
        const text::Tokenizer tokenizer(files);
        info.is_chat = !tokenizer.chat_template().empty();
        info.vocabulary_bytes = tokenizer.table_bytes();
    }
    return info;
}

} // namespace engine
