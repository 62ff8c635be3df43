// SPDX-License-Identifier: MIT
// Models with random weights: right shapes and types, numbers of the intended size, sane activations.
#include "engine/convert/gguf_model.h"
#include "engine/convert/random_rows.h"
#include "engine/convert/synthetic.h"
#include "engine/evaluator.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "kernels/quant/dequantise.h"
#include "tests/engine/file_sink.h"
#include "tests/engine/memory_folder.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>

using engine::Config;
using engine::FileType;
using engine::KeyValueTypes;
using engine::ModelShape;
using engine::ModelTensor;
using engine::SyntheticOptions;
using engine::format::TensorInfo;
using kernels::Dtype;

namespace {

std::vector<float> numbers_of(const TensorInfo& tensor)
{
    std::vector<float> numbers(static_cast<std::size_t>(tensor.elements()));
    kernels::dequantise_row(*tensor.dtype, tensor.bytes.data(), numbers.data(), tensor.elements());
    return numbers;
}

struct Moments
{
    double mean = 0;
    double deviation = 0;
};

Moments moments(const std::vector<float>& numbers)
{
    const auto count = static_cast<double>(numbers.size());
    const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
    double squares = 0;
    for (const float x : numbers)
        squares += (static_cast<double>(x) - mean) * (static_cast<double>(x) - mean);
    return {mean, std::sqrt(squares / count)};
}

} // namespace

class TestSynthetic : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder = memory_folder();

    std::filesystem::path make(const SyntheticOptions& options, const char* name = "x.gguf") const
    {
        const std::filesystem::path path = m_folder->filePath(name).toStdString();
        FileSink file(path);
        if (!engine::write_synthetic(options, file, [](std::int64_t, std::int64_t) {}, {}))
            qFatal("not stopped, and yet not written");
        return path;
    }

private slots:
    void rows_data()
    {
        QTest::addColumn<int>("dtype");
        for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q4_0, Dtype::q5_0, Dtype::q5_1,
                                  Dtype::q8_0, Dtype::q4_k, Dtype::q5_k, Dtype::q6_k})
            QTest::newRow(std::string(kernels::name(dtype)).c_str()) << static_cast<int>(dtype);
    }
    // Mean 0 and the deviation asked for, also where that is as small as in the 60 layers of V2.
    void rows()
    {
        QFETCH(int, dtype);
        const auto type = static_cast<Dtype>(dtype);
        constexpr std::int64_t columns = 256 * 400;
        for (const float deviation : {1.0f, 0.0013f}) {
            std::vector<std::byte> row(static_cast<std::size_t>(kernels::row_bytes(type, columns)));
            engine::Random random(1, 2, 3);
            engine::make_random_row(type, {deviation, 0}, random, row.data(), columns);
            std::vector<float> numbers(columns);
            kernels::dequantise_row(type, row.data(), numbers.data(), columns);
            const Moments m = moments(numbers);
            QVERIFY2(std::abs(m.deviation / static_cast<double>(deviation) - 1) < 0.06,
                     qPrintable(QString::number(m.deviation)));
            QVERIFY2(std::abs(m.mean) < 0.03 * static_cast<double>(deviation),
                     qPrintable(QString::number(m.mean)));
            engine::Random again(1, 2, 3);
            engine::make_random_row(type, {deviation, 4}, again, row.data(), columns);
            kernels::dequantise_row(type, row.data(), numbers.data(), columns);
            QVERIFY(moments(numbers).deviation > 2.5 * static_cast<double>(deviation));
        }
    }

    // Counts and bytes of the published Q4_K_M file of V2-Lite, in the form with attn_k_b and attn_v_b.
    void published_mix()
    {
        const Config config = engine::synthetic_config(ModelShape::v2_lite, 0);
        std::map<Dtype, int> counts;
        engine::format::GgufWriter writer;
        for (const ModelTensor& tensor : engine::model_tensors(config)) {
            const Dtype type =
                engine::choose_type(tensor, config, FileType::q4_k_m, KeyValueTypes::published);
            ++counts[type];
            writer.add_tensor(tensor.name, type, tensor.shape);
        }
        const std::map<Dtype, int> expected = {
            {Dtype::q4_k, 229}, {Dtype::q5_0, 41}, {Dtype::q6_k, 13}, {Dtype::q8_0, 13}, {Dtype::f32, 108}};
        QVERIFY(counts == expected);
        QCOMPARE((writer.data_bytes() + 5'000'000) / 10'000'000, std::uint64_t{1036}); // 10.36 GB
        QCOMPARE(config.parameters(), std::int64_t{15'706'484'224});
    }

    void parameters_of_v2()
    {
        const Config config = engine::synthetic_config(ModelShape::v2, 0);
        QCOMPARE(config.parameters() / 10'000'000, std::int64_t{23574});
        QVERIFY(engine::synthetic_config(ModelShape::v2, 3).num_hidden_layers == 3);
    }

    void loads_data()
    {
        QTest::addColumn<int>("type");
        for (const FileType type : {FileType::f32, FileType::f16, FileType::bf16, FileType::q8_0,
                                    FileType::q6_k, FileType::q5_k_m, FileType::q4_k_m, FileType::q4_0})
            QTest::newRow(std::string(engine::name(type)).c_str()) << static_cast<int>(type);
    }
    // Every mix computes, with logits of about the size that the head is made for.
    void loads()
    {
        QFETCH(int, type);
        SyntheticOptions options;
        options.type = static_cast<FileType>(type);
        options.seed = 5;
        for (const bool outliers : {false, true}) {
            options.has_outliers = outliers;
            engine::LoadOptions load;
            load.context_tokens = 64;
            load.threads = 1;
            engine::Evaluator evaluator(make(options), load);
            std::vector<std::int32_t> ids(40);
            std::iota(ids.begin(), ids.end(), 100);
            std::vector<float> all;
            evaluator.feed(ids, engine::Evaluator::Output::all,
                           [&](std::size_t, std::int64_t, std::span<const float> row) {
                               all.insert(all.end(), row.begin(), row.end());
                           });
            const Moments m = moments(all);
            QVERIFY2(m.deviation > 0.5 && m.deviation < 3, qPrintable(QString::number(m.deviation)));
        }
    }

    void config_reads_back()
    {
        for (const ModelShape shape : {ModelShape::tiny, ModelShape::v2_lite, ModelShape::v2}) {
            const Config config = engine::synthetic_config(shape, 2);
            engine::format::GgufWriter writer;
            engine::add_config(writer, config, FileType::q8_0, "x");
            writer.add_tensor("output.weight", Dtype::f32, {1, 1}); // the head of its own
            const std::filesystem::path path = m_folder->filePath("config.gguf").toStdString();
            {
                FileSink file(path);
                const std::string header = writer.header() + std::string(32, '\0');
                file.write(std::as_bytes(std::span(header.data(), header.size())));
            }
            const Config found = engine::read_config(engine::format::Gguf(path));
            QVERIFY(found.notes.empty());
            QCOMPARE(found.parameters(), config.parameters());
            QCOMPARE(found.kv_numbers_per_token(), config.kv_numbers_per_token());
            QCOMPARE(found.max_position_embeddings, config.max_position_embeddings);
            QCOMPARE(found.n_group, config.n_group);
            QCOMPARE(found.topk_group, config.topk_group);
            QVERIFY(found.topk_method == config.topk_method && found.scoring_func == config.scoring_func);
            QVERIFY(found.norm_topk_prob == config.norm_topk_prob);
            QCOMPARE(found.routed_scaling_factor, config.routed_scaling_factor);
            QVERIFY(std::abs(found.softmax_scale() / config.softmax_scale() - 1) < 1e-6);
            QCOMPARE(found.rope_multiplier(), config.rope_multiplier());
            QVERIFY(found.rope_inverse_frequencies() == config.rope_inverse_frequencies());
        }
    }

    void same_for_any_number_of_threads()
    {
        const auto bytes = [&](int threads, std::uint64_t seed) {
            SyntheticOptions options;
            options.threads = threads;
            options.seed = seed;
            std::ifstream in(make(options), std::ios::binary);
            return std::string{std::istreambuf_iterator<char>(in), {}};
        };
        const std::string one = bytes(1, 7);
        QVERIFY(one == bytes(3, 7));
        QVERIFY(one != bytes(1, 8));
    }

    void vocabulary()
    {
        const engine::format::ModelFiles files(make({}));
        const engine::text::Tokenizer tokenizer(files);
        QCOMPARE(tokenizer.size(), 1024);
        const std::string text = "The latent holds it; naïve 漢字 🙂\n\n\t0123";
        const auto ids = tokenizer.encode(text, engine::text::SpecialTokens::as_text);
        QCOMPARE(tokenizer.decode(ids), text);
        QVERIFY(ids.size() < text.size()); // the merges do something
        QVERIFY(tokenizer.bos() && tokenizer.eos() && tokenizer.add_bos());
        QVERIFY(!tokenizer.is_defined(1023));
        const engine::text::ChatTemplate chat(tokenizer);
        QVERIFY(chat.format() == engine::text::ChatFormat::own);
        const engine::text::ChatMessage message{"user", "Hello", {}};
        const auto prompt = tokenizer.encode(chat.render({&message, 1}, engine::text::GenerationPrompt::add));
        QCOMPARE(prompt.front(), *tokenizer.bos());
        QCOMPARE(prompt.back(), *tokenizer.find_special("<｜Assistant｜>"));
    }

    // How often each expert of the first such layer would be among the chosen, for hidden states that are the
    // embedding itself.
    void favourites()
    {
        const auto shares = [&](engine::RouterKind kind) {
            SyntheticOptions options;
            options.router = kind;
            options.seed = 11;
            options.type = FileType::q8_0;
            const engine::format::ModelFiles files(make(options));
            const Config config = engine::read_config(files);
            const auto width = static_cast<std::size_t>(config.hidden_size);
            const auto experts = static_cast<std::size_t>(config.n_routed_experts);
            const auto embedding = numbers_of(*files.tensors().find("token_embd.weight"));
            const auto gains = numbers_of(*files.tensors().find("blk.1.ffn_norm.weight"));
            const auto router = numbers_of(*files.tensors().find("blk.1.ffn_gate_inp.weight"));
            std::vector<double> share(experts);
            for (std::size_t token = 0; token < 1000; ++token) {
                const float* x = embedding.data() + token * width;
                double squares = 0;
                for (std::size_t i = 0; i < width; ++i)
                    squares += static_cast<double>(x[i]) * static_cast<double>(x[i]);
                const double scale = 1 / std::sqrt(squares / static_cast<double>(width));
                std::vector<std::pair<double, std::size_t>> scores(experts);
                for (std::size_t e = 0; e < experts; ++e) {
                    scores[e] = {0, e};
                    for (std::size_t i = 0; i < width; ++i)
                        scores[e].first += scale * static_cast<double>(x[i]) * static_cast<double>(gains[i]) *
                                           static_cast<double>(router[e * width + i]);
                }
                std::ranges::sort(scores, std::greater<>());
                for (std::size_t k = 0; k < static_cast<std::size_t>(config.num_experts_per_tok); ++k)
                    share[scores[k].second] += 1 / 1000.0;
            }
            std::ranges::sort(share, std::greater<>());
            return share;
        };
        const std::vector<double> even = shares(engine::RouterKind::even);
        const std::vector<double> zipf = shares(engine::RouterKind::zipf);
        QVERIFY2(even.front() < 0.6 && even.back() > 0.2, qPrintable(QString::number(even.back())));
        QVERIFY2(zipf.front() > 0.85, qPrintable(QString::number(zipf.front())));
        QVERIFY2(zipf.back() < 0.2, qPrintable(QString::number(zipf.back())));
    }
};

QTEST_APPLESS_MAIN(TestSynthetic)
#include "test_synthetic.moc"
