// SPDX-License-Identifier: MIT
// From every kind of source to every type: the same model, as far as the type allows.
#include "engine/convert/quantise_model.h"
#include "engine/convert/synthetic.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/text/tokenizer.h"
#include "kernels/quant/dequantise.h"
#include "tests/engine/file_sink.h"
#include "tests/engine/golden.h"
#include "tests/engine/golden_gguf.h"
#include "tests/engine/memory_folder.h"
#include "tests/engine/model_writer.h"

#include <QTest>

#include <cmath>
#include <fstream>
#include <iterator>

using engine::Evaluator;
using engine::FileType;
using engine::format::Gguf;
using engine::format::TensorInfo;
using kernels::Dtype;
namespace fs = std::filesystem;

namespace {

std::string bytes_of(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<float> numbers_of(const TensorInfo& tensor)
{
    std::vector<float> numbers(static_cast<std::size_t>(tensor.elements()));
    kernels::dequantise_row(*tensor.dtype, tensor.bytes.data(), numbers.data(), tensor.elements());
    return numbers;
}

std::vector<float> logits_of(const fs::path& model, const std::vector<std::int32_t>& ids)
{
    engine::LoadOptions options;
    options.threads = 1;
    options.cache_type = engine::CacheType::f32;
    options.context_tokens = 128;
    Evaluator evaluator(model, options);
    std::vector<float> all;
    evaluator.feed(ids, Evaluator::Output::all, [&](std::size_t, std::int64_t, std::span<const float> row) {
        all.insert(all.end(), row.begin(), row.end());
    });
    return all;
}

double cosine(const std::vector<float>& a, const std::vector<float>& b)
{
    double ab = 0;
    double aa = 0;
    double bb = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        ab += static_cast<double>(a[i]) * static_cast<double>(b[i]);
        aa += static_cast<double>(a[i]) * static_cast<double>(a[i]);
        bb += static_cast<double>(b[i]) * static_cast<double>(b[i]);
    }
    return ab / std::sqrt(aa * bb);
}

} // namespace

class TestQuantiseModel : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder = memory_folder();

    fs::path path(const std::string& name) const { return fs::path(m_folder->path().toStdString()) / name; }

    fs::path quantise(const fs::path& model, FileType type, const std::string& name, int threads = 2) const
    {
        FileSink sink(path(name));
        if (!engine::quantise_model(model, {type, threads}, sink, [](std::int64_t, std::int64_t) {}, {}))
            throw engine::Error(model.string(), "was stopped by nobody");
        return path(name);
    }

    std::string failure_of(const fs::path& model, FileType type) const
    {
        try {
            quantise(model, type, "failure.gguf");
        } catch (const engine::Error& error) {
            return error.what();
        }
        return {};
    }

    // A copy that may be changed.
    fs::path copy_of_lite() const
    {
        const fs::path copy = path("lite");
        fs::remove_all(copy);
        fs::copy(golden::data_folder() / "golden" / "lite", copy);
        return copy;
    }

    fs::path synthetic(FileType type) const
    {
        engine::SyntheticOptions options;
        options.type = type;
        options.seed = 3;
        const fs::path file = path("synthetic.gguf");
        FileSink sink(file);
        engine::write_synthetic(options, sink, [](std::int64_t, std::int64_t) {}, {});
        return file;
    }

private slots:
    void golden_data()
    {
        QTest::addColumn<std::size_t>("index");
        const auto cases = golden::cases();
        for (std::size_t i = 0; i < cases.size(); ++i)
            if (fs::is_directory(cases[i].model))
                QTest::newRow(cases[i].name.c_str()) << i;
    }
    // Every golden folder as one F32 file still gives its golden logits: names, stacking, the transposed half
    // of kv_b and hyperparameters are right.
    void golden()
    {
        QFETCH(std::size_t, index);
        const golden::Case c = golden::cases()[index];
        const fs::path source = c.model;
        const engine::Config config = engine::read_config_json(source / "config.json");
        if (config.rope_multiplier() != 1) { // GGUF has no key for mscale
            const std::string message = failure_of(source, FileType::f32);
            QVERIFY2(message.find("mscale") != std::string::npos, message.c_str());
            return;
        }
        const fs::path result = quantise(source, FileType::f32, "golden.gguf");
        const auto found = logits_of(result, golden::prompt_of(c));
        const golden::Table expected = golden::read_logits(c.expected);
        QCOMPARE(found.size(), expected.values.size());
        QVERIFY2(golden::difference(found, expected.values) < 1e-4,
                 qPrintable(QString::number(golden::difference(found, expected.values))));

        const engine::Config again = engine::read_config(Gguf(result));
        QVERIFY(again.notes.empty());
        QCOMPARE(again.parameters(), config.parameters());
        QCOMPARE(again.num_nextn_predict_layers, std::int64_t{0});
        QVERIFY(again.topk_method == config.topk_method || (config.n_group == 1 && again.n_group == 1));
        QCOMPARE(again.norm_topk_prob, config.norm_topk_prob);
        QCOMPARE(again.max_position_embeddings, config.max_position_embeddings);
    }

    // The forms that a GGUF file comes in give the same bytes as the folder.
    void forms()
    {
        const fs::path folder = golden::data_folder() / "golden" / "lite";
        const std::string expected = bytes_of(quantise(folder, FileType::q8_0, "folder.gguf"));
        for (const auto& [form, experts] :
             {std::pair(golden::KeyValueForm::legacy, golden::ExpertForm::apart),
              std::pair(golden::KeyValueForm::mla, golden::ExpertForm::fused),
              std::pair(golden::KeyValueForm::both, golden::ExpertForm::apart)}) {
            golden::to_gguf(folder, form, experts).write(path("form.gguf"));
            const fs::path result = quantise(path("form.gguf"), FileType::q8_0, "again.gguf");
            const Gguf found(result);
            const Gguf wanted(path("folder.gguf"));
            QCOMPARE(found.tensors().all().size(), wanted.tensors().all().size());
            for (const TensorInfo& tensor : wanted.tensors().all())
                QVERIFY2(std::ranges::equal(found.tensors().find(tensor.name)->bytes, tensor.bytes),
                         tensor.name.c_str());
            QCOMPARE(found.string("general.name"), std::string_view("golden"));
        }
        QVERIFY(bytes_of(quantise(folder, FileType::q8_0, "folder.gguf", 1)) == expected);
        // What has its type already stays as it is.
        QVERIFY(bytes_of(quantise(path("folder.gguf"), FileType::q8_0, "twice.gguf")).size() ==
                expected.size());
        const Gguf once(path("folder.gguf"));
        const Gguf twice(path("twice.gguf"));
        for (const TensorInfo& tensor : once.tensors().all())
            QVERIFY(std::ranges::equal(twice.tensors().find(tensor.name)->bytes, tensor.bytes));
    }

    void types_data()
    {
        QTest::addColumn<int>("type");
        QTest::addColumn<int>("source");
        QTest::addColumn<double>("least_cosine");
        const auto row = [](const char* name, FileType type, FileType source, double least) {
            QTest::newRow(name) << static_cast<int>(type) << static_cast<int>(source) << least;
        };
        row("f32", FileType::f32, FileType::f32, 1 - 1e-9);
        row("bf16", FileType::bf16, FileType::f32, 0.9999);
        row("f16", FileType::f16, FileType::f32, 0.99999);
        row("q8_0", FileType::q8_0, FileType::f32, 0.999);
        row("q6_k", FileType::q6_k, FileType::f32, 0.998);
        row("q5_k_m", FileType::q5_k_m, FileType::f32, 0.99);
        row("q4_k_m", FileType::q4_k_m, FileType::f32, 0.97);
        row("q4_0", FileType::q4_0, FileType::f32, 0.96);
        row("q6_k from q8_0", FileType::q6_k, FileType::q8_0, 0.998);
    }
    // The result has the types of the mix and logits near those of the source. Weights of a random model say
    // less about one another than trained ones, so these bounds are loose for what a type can do.
    void types()
    {
        QFETCH(int, type);
        QFETCH(int, source);
        QFETCH(double, least_cosine);
        const auto file_type = static_cast<FileType>(type);
        const fs::path from = synthetic(static_cast<FileType>(source));
        const fs::path to = quantise(from, file_type, "result.gguf");
        const Gguf wanted(from);
        const Gguf found(to);
        const engine::Config config = engine::read_config(found);
        std::size_t count = 0;
        for (const engine::ModelTensor& tensor : engine::model_tensors(config)) {
            const TensorInfo* info = found.tensors().find(tensor.name);
            QVERIFY2(info, tensor.name.c_str());
            QVERIFY(info->shape == tensor.shape);
            QVERIFY(info->dtype ==
                    engine::choose_type(tensor, config, file_type, engine::KeyValueTypes::fine));
            const auto a = numbers_of(*info);
            const auto b = numbers_of(*wanted.tensors().find(tensor.name));
            QVERIFY2(cosine(a, b) > 0.993, tensor.name.c_str());
            if (tensor.part == engine::Part::attn_k_b || tensor.part == engine::Part::attn_v_b)
                QVERIFY2(cosine(a, b) > 0.9999, tensor.name.c_str()); // 8 bits at least
            ++count;
        }
        QCOMPARE(found.tensors().all().size(), count);
        QCOMPARE(found.string("general.name"), wanted.string("general.name"));

        const std::vector<std::int32_t> ids = {5, 300, 40, 999, 17, 256, 80, 12};
        const double similarity = cosine(logits_of(to, ids), logits_of(from, ids));
        QVERIFY2(similarity > least_cosine, qPrintable(QString::number(similarity, 'g', 9)));
    }

    // A vocabulary out of tokenizer.json is the same vocabulary, padded to the rows of the embedding.
    void vocabulary()
    {
        const fs::path source = path("random");
        RandomModel random;
        random.vocabulary = 300; // 260 tokens
        write_random(random, source);
        for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
            fs::copy_file(golden::data_folder() / "golden" / "lite" / name, source / name);
        const engine::text::Tokenizer before{engine::format::ModelFiles(source)};
        const fs::path result = quantise(source, FileType::bf16, "vocabulary.gguf");
        const engine::text::Tokenizer after{engine::format::ModelFiles(result)};
        const std::int64_t rows = engine::read_config_json(source / "config.json").vocab_size;
        QCOMPARE(static_cast<std::int64_t>(after.size()), rows);
        QVERIFY(before.size() < after.size());
        for (std::int32_t id = 0; id < after.size(); ++id) {
            QCOMPARE(after.bytes(id), before.bytes(id));
            QVERIFY(after.kind(id) == before.kind(id));
        }
        QVERIFY(after.pre_tokenizer() == before.pre_tokenizer());
        QVERIFY(after.bos() == before.bos() && after.eos() == before.eos());
        QCOMPARE(after.add_bos(), before.add_bos());
        QVERIFY(!before.chat_template().empty());
        QCOMPARE(after.chat_template(), before.chat_template());
    }

    void refusals()
    {
        const fs::path lite = golden::data_folder() / "golden" / "lite";
        const fs::path folder = copy_of_lite();
        const std::string weights = bytes_of(folder / "model.safetensors");
        const engine::format::Safetensors tensors(lite);
        const std::string name = "model.layers.1.self_attn.o_proj.weight";
        const auto* base = tensors.files().front().bytes().data();
        const auto at = static_cast<std::size_t>(tensors.tensors().find(name)->bytes.data() - base);
        const auto plant = [&](std::uint16_t bf16) {
            std::string changed = weights;
            changed.replace(at + 10, 2, reinterpret_cast<const char*>(&bf16), 2);
            std::ofstream(folder / "model.safetensors", std::ios::binary) << changed;
        };
        plant(0x7fc0); // NaN
        for (const FileType type : {FileType::f32, FileType::bf16, FileType::q8_0}) {
            const std::string message = failure_of(folder, type);
            QVERIFY2(message.find("blk.1.attn_output.weight") != std::string::npos &&
                         message.find("nan") != std::string::npos,
                     message.c_str());
        }
        plant(0x4780); // 65536, beyond F16
        QCOMPARE(failure_of(folder, FileType::bf16), std::string());
        for (const FileType type : {FileType::f16, FileType::q8_0}) {
            const std::string message = failure_of(folder, type);
            QVERIFY2(message.find("65536") != std::string::npos, message.c_str());
        }
        const fs::path small = copy_of_lite();
        engine::format::Json vocabulary = engine::format::read_json(small / "tokenizer.json");
        vocabulary["added_tokens"].push_back({{"id", 1000}, {"content", "<x>"}, {"special", true}});
        std::ofstream(small / "tokenizer.json") << vocabulary.dump();
        QVERIFY(failure_of(small, FileType::f16).find("1000") != std::string::npos);
    }

    void stops()
    {
        std::stop_source source;
        source.request_stop();
        FileSink sink(path("stopped.gguf"));
        QVERIFY(!engine::quantise_model(
            golden::data_folder() / "golden" / "lite", {FileType::f16, 1}, sink,
            [](std::int64_t, std::int64_t) {}, source.get_token()));
    }
};

QTEST_APPLESS_MAIN(TestQuantiseModel)
#include "test_quantise_model.moc"
