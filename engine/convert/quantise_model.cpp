// SPDX-License-Identifier: MIT
#include "engine/convert/quantise_model.h"

#include "engine/convert/gguf_vocabulary.h"
#include "engine/error.h"
#include "engine/weights.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace engine {

using kernels::Dtype;
using kernels::Matrix;

namespace {

// Where the rows of one tensor of the result come from: matrices of equal shape, one after the other.
struct Source
{
    std::vector<Matrix> matrices;
    bool is_transposed = false; // each matrix becomes its transpose
};

Source source_of(const ModelTensor& tensor, const Weights& w)
{
    if (tensor.part == Part::token_embd)
        return {{w.embedding}};
    if (tensor.part == Part::output_norm)
        return {{w.norm.weight}};
    if (tensor.part == Part::output)
        return {{w.head}};
    const Layer& layer = w.layers[static_cast<std::size_t>(tensor.layer)];
    const auto heads = [](const kernels::HeadMatrix& matrix, bool is_transposed) {
        Source source{{}, is_transposed};
        for (std::int64_t h = 0; h < matrix.heads; ++h)
            source.matrices.push_back(matrix.head(h));
        return source;
    };
    const auto experts = [&](Matrix kernels::Mlp::*part) {
        Source source;
        for (const kernels::Mlp& expert : layer.routed)
            source.matrices.push_back(expert.*part);
        return source;
    };
    switch (tensor.part) {
    case Part::token_embd:
    case Part::output_norm:
    case Part::output:
        break;
    case Part::attn_norm:
        return {{layer.attn_norm.weight}};
    case Part::attn_q:
        return {{layer.wq}};
    case Part::attn_q_a:
        return {{layer.wq_a}};
    case Part::attn_q_a_norm:
        return {{layer.q_norm.weight}};
    case Part::attn_q_b:
        return {{layer.wq_b}};
    case Part::attn_kv_a_mqa:
        return {{layer.wkv_a}};
    case Part::attn_kv_a_norm:
        return {{layer.kv_norm.weight}};
    case Part::attn_k_b:
        return heads(layer.kv_b.key, layer.kv_b.layout == kernels::KeyLayout::nope_by_latent);
    case Part::attn_v_b:
        return heads(layer.kv_b.value, false);
    case Part::attn_output:
        return {{layer.wo}};
    case Part::ffn_norm:
        return {{layer.ffn_norm.weight}};
    case Part::ffn_gate:
        return {{layer.dense.gate}};
    case Part::ffn_up:
        return {{layer.dense.up}};
    case Part::ffn_down:
        return {{layer.dense.down}};
    case Part::ffn_gate_inp:
        return {{layer.router}};
    case Part::exp_probs_b:
        return {{layer.rule.correction_bias}};
    case Part::ffn_gate_exps:
        return experts(&kernels::Mlp::gate);
    case Part::ffn_up_exps:
        return experts(&kernels::Mlp::up);
    case Part::ffn_down_exps:
        return experts(&kernels::Mlp::down);
    case Part::ffn_gate_shexp:
        return {{layer.shared.gate}};
    case Part::ffn_up_shexp:
        return {{layer.shared.up}};
    case Part::ffn_down_shexp:
        return {{layer.shared.down}};
    }
    return {};
}

// The largest magnitude that a type holds: its numbers, or the scales of its blocks, are f16 or wider.
float range_of(Dtype type)
{
    constexpr float largest_f16 = 65504.0f;
    return type == Dtype::f32 || type == Dtype::bf16 ? std::numeric_limits<float>::max() : largest_f16;
}

class Converter
{
public:
    Converter(const format::ModelFiles& files, const Config& config, const Weights& weights, FileType type)
        : m_files(files)
        , m_tensors(model_tensors(config))
    {
        for (const ModelTensor& tensor : m_tensors) {
            m_sources.push_back(source_of(tensor, weights));
            m_types.push_back(choose_type(tensor, config, type, KeyValueTypes::fine));
        }
    }

    void announce(format::GgufWriter& writer) const
    {
        for (std::size_t i = 0; i < m_tensors.size(); ++i)
            writer.add_tensor(m_tensors[i].name, m_types[i], m_tensors[i].shape);
    }

    // Rows first … first + count of a tensor, counted over all its matrices.
    void make(std::size_t index, std::int64_t first, std::int64_t count, std::byte* out) const
    {
        const Source& source = m_sources[index];
        const Matrix& one = source.matrices.front();
        const std::int64_t rows = source.is_transposed ? one.columns : one.rows; // of one matrix
        for (const std::int64_t end = first + count; first < end;) {
            const Matrix& matrix = source.matrices[static_cast<std::size_t>(first / rows)];
            const std::int64_t begin = first % rows;
            const std::int64_t some = std::min(rows - begin, end - first);
            out = source.is_transposed ? transpose(index, matrix, begin, some, out)
                                       : convert(index, matrix, begin, some, out);
            first += some;
        }
    }

    // Lets the pages of a tensor's source go: it is not read again.
    void release(std::size_t index) const
    {
        for (const Matrix& matrix : m_sources[index].matrices)
            m_files.advise({matrix.data, static_cast<std::size_t>(matrix.bytes())},
                           format::MappedFile::Advice::dont_need);
    }

private:
    // Both return where the next row goes.
    std::byte* convert(std::size_t index, const Matrix& matrix, std::int64_t first, std::int64_t count,
                       std::byte* out) const
    {
        const Dtype type = m_types[index];
        const std::int64_t row_bytes = kernels::row_bytes(type, matrix.columns);
        // Floats are checked even where they are only copied.
        const bool is_copy = type == matrix.dtype && kernels::values_per_block(type) > 1;
        std::vector<float> numbers(static_cast<std::size_t>(matrix.columns));
        for (std::int64_t r = first; r < first + count; ++r, out += row_bytes) {
            if (is_copy) {
                std::memcpy(out, matrix.row(r), static_cast<std::size_t>(row_bytes));
                continue;
            }
            kernels::dequantise_row(matrix, r, numbers.data());
            write_row(index, numbers, out);
        }
        return out;
    }

    std::byte* transpose(std::size_t index, const Matrix& matrix, std::int64_t first, std::int64_t count,
                         std::byte* out) const
    {
        std::vector<float> columns(static_cast<std::size_t>(matrix.rows * matrix.columns));
        for (std::int64_t r = 0; r < matrix.rows; ++r)
            kernels::dequantise_row(matrix, r, columns.data() + r * matrix.columns);
        std::vector<float> numbers(static_cast<std::size_t>(matrix.rows));
        for (std::int64_t c = first; c < first + count; ++c) {
            for (std::int64_t r = 0; r < matrix.rows; ++r)
                numbers[static_cast<std::size_t>(r)] =
                    columns[static_cast<std::size_t>(r * matrix.columns + c)];
            write_row(index, numbers, out);
            out += kernels::row_bytes(m_types[index], matrix.rows);
        }
        return out;
    }

    void write_row(std::size_t index, const std::vector<float>& numbers, std::byte* out) const
    {
        const Dtype type = m_types[index];
        const float range = range_of(type);
        for (const float number : numbers)
            if (!(std::abs(number) <= range))
                throw Error(
                    m_files.path().string(), "tensor " + m_tensors[index].name,
                    fmt::format("expected numbers that {} can hold, found {}", kernels::name(type), number));
        kernels::quantise_row(type, numbers.data(), out, std::ssize(numbers));
    }

    const format::ModelFiles& m_files;
    std::vector<ModelTensor> m_tensors;
    std::vector<Source> m_sources;
    std::vector<Dtype> m_types;
};

// What a file says of itself, apart from what is written anew.
void add_description(format::GgufWriter& writer, const format::ModelFiles& files)
{
    const format::Gguf* gguf = files.gguf();
    if (!gguf)
        return writer.add("general.name", std::string_view(files.name()));
    for (const auto& [key, entry] : gguf->metadata())
        if (key.starts_with("general.") && key != "general.architecture" && key != "general.file_type" &&
            key != "general.quantization_version" && key != "general.alignment")
            writer.add(key, entry);
}

} // namespace

bool quantise_model(const std::filesystem::path& model, const QuantiseOptions& options,
                    format::ByteSink& sink, const ByteProgress& progress, const std::stop_token& stop)
{
    const format::ModelFiles files(model);
    const Config config = read_config(files);
    const Weights weights = bind_weights(files, config);
    format::GgufWriter writer;
    add_config(writer, config, options.type, files.path().string());
    add_description(writer, files);
    add_vocabulary(writer, files, config.vocab_size);
    const Converter converter(files, config, weights, options.type);
    converter.announce(writer);

    std::size_t released = 0;
    const auto let_go = [&](std::int64_t done, std::int64_t total) {
        const auto tensors = writer.tensors();
        const auto header_bytes = static_cast<std::uint64_t>(total) - writer.data_bytes();
        while (released < tensors.size() &&
               header_bytes + tensors[released].offset + tensors[released].bytes() <=
                   static_cast<std::uint64_t>(done))
            converter.release(released++);
        progress(done, total);
    };
    const MakeRows make = [&](std::size_t tensor, std::int64_t first, std::int64_t count, std::byte* out) {
        converter.make(tensor, first, count, out);
    };
    if (!write_gguf(writer, make, options.threads, sink, let_go, stop))
        return false;
    files.check();
    return true;
}

} // namespace engine
