// SPDX-License-Identifier: MIT
// Binding tensors: the forms that GGUF knows, and one clear message for every mistake.
#include "engine/error.h"
#include "engine/evaluator.h"
#include "engine/weights.h"
#include "kernels/cpu/isa.h"
#include "tests/engine/golden.h"
#include "tests/engine/golden_gguf.h"
#include "tests/engine/model_writer.h"

#include <QTemporaryDir>
#include <QTest>

#include <fstream>
#include <iterator>

using engine::Evaluator;
using engine::LoadOptions;
using golden::KeyValueForm;
namespace fs = std::filesystem;

namespace {

std::string read_bytes(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write_bytes(const fs::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

void replace(std::string& text, const std::string& from, const std::string& to)
{
    const std::size_t at = text.find(from);
    QVERIFY2(at != std::string::npos, from.c_str());
    text.replace(at, from.size(), to);
}

LoadOptions options()
{
    LoadOptions o;
    o.threads = 1;
    o.cache_type = engine::CacheType::f32;
    o.context_tokens = 128;
    return o;
}

// The message that loading and reading a few tokens ends with; empty if it goes well.
std::string failure_of(const fs::path& model)
{
    try {
        Evaluator evaluator(model, options());
        const std::int32_t ids[] = {1, 2, 3};
        evaluator.feed(ids, Evaluator::Output::last,
                       [](std::size_t, std::int64_t, std::span<const float>) {});
    } catch (const engine::Error& error) {
        return error.what();
    }
    return {};
}

} // namespace

class TestWeights : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    int m_copies = 0;

    fs::path copy_of(const char* name)
    {
        const fs::path target = fs::path(m_folder.path().toStdString()) / std::to_string(++m_copies);
        fs::copy(golden::data_folder() / "golden" / name, target, fs::copy_options::recursive);
        return target;
    }
    fs::path file(const char* name) const { return fs::path(m_folder.path().toStdString()) / name; }

    // The experts of every layer as two stacks, the first cut to `rows` rows of each expert.
    static void stack_experts(const fs::path& folder, const engine::Config& c, std::int64_t rows)
    {
        SafetensorsWriter out;
        {
            const engine::format::Safetensors from(folder);
            const auto values_of = [&](const std::string& name) {
                const engine::format::TensorInfo& tensor = *from.tensors().find(name);
                std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
                kernels::dequantise_row(*tensor.dtype, tensor.bytes.data(), values.data(), tensor.elements());
                return values;
            };
            for (const engine::format::TensorInfo& tensor : from.tensors().all())
                if (tensor.name.find(".mlp.experts.") == std::string::npos)
                    out.tensor(tensor.name, tensor.shape, *tensor.dtype, values_of(tensor.name));
            for (std::int64_t l = c.first_k_dense_replace; l < c.num_hidden_layers; ++l) {
                const std::string prefix = "model.layers." + std::to_string(l) + ".mlp.experts.";
                std::vector<float> gate_up;
                std::vector<float> down;
                for (std::int64_t e = 0; e < c.n_routed_experts; ++e) {
                    const std::string expert = prefix + std::to_string(e);
                    std::vector<float> both = values_of(expert + ".gate_proj.weight");
                    const std::vector<float> up = values_of(expert + ".up_proj.weight");
                    both.insert(both.end(), up.begin(), up.end());
                    both.resize(static_cast<std::size_t>(rows * c.hidden_size));
                    gate_up.insert(gate_up.end(), both.begin(), both.end());
                    const std::vector<float> one = values_of(expert + ".down_proj.weight");
                    down.insert(down.end(), one.begin(), one.end());
                }
                out.tensor(prefix + "gate_up_proj", {c.n_routed_experts, rows, c.hidden_size},
                           kernels::Dtype::bf16, gate_up);
                out.tensor(prefix + "down_proj", {c.n_routed_experts, c.hidden_size, c.moe_intermediate_size},
                           kernels::Dtype::bf16, down);
            }
        }
        out.write(folder / "model.safetensors");
    }

private slots:
    // The same logits from the forms of GGUF as from the folder.
    void gguf_forms_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<int>("form");
        for (const QString name : {"lite", "groups", "long", "dense", "odd", "v3"})
            for (const KeyValueForm form : {KeyValueForm::legacy, KeyValueForm::mla, KeyValueForm::both})
                QTest::newRow(qPrintable(QString("%1 %2").arg(name).arg(static_cast<int>(form))))
                    << name << static_cast<int>(form);
    }
    void gguf_forms()
    {
        QFETCH(QString, name);
        QFETCH(int, form);
        const fs::path folder = golden::data_folder() / "golden" / name.toStdString();
        const auto key_value = static_cast<KeyValueForm>(form);
        const auto experts =
            key_value == KeyValueForm::mla ? golden::ExpertForm::fused : golden::ExpertForm::apart;
        golden::to_gguf(folder, key_value, experts).write(file("model.gguf"));
        const auto prompt = golden::prompt_of({"", folder, "", folder / "run.json"});
        const golden::Table expected = golden::read_logits(folder / "expected.safetensors");
        for (const auto chosen : {kernels::AttentionForm::absorbed, kernels::AttentionForm::decompressed}) {
            Evaluator evaluator(file("model.gguf"), options());
            evaluator.set_form(chosen);
            double worst = 0;
            QVERIFY(evaluator.feed(prompt, Evaluator::Output::all,
                                   [&](std::size_t, std::int64_t position, std::span<const float> row) {
                                       const double d = golden::difference(
                                           row, expected.row(static_cast<std::size_t>(position)));
                                       if (!(d <= worst))
                                           worst = d;
                                   }));
            QVERIFY2(worst <= 1e-4, qPrintable(QString::number(worst)));
        }
    }

    // Old quantised files hold attn_kv_b as one matrix of blocks. Its heads are read where they lie, in both
    // forms of attention, as what the blocks stand for.
    void quantised_kv_b_data()
    {
        QTest::addColumn<int>("type");
        for (const kernels::DtypeInfo& info : kernels::dtype_infos)
            if (info.dtype != kernels::Dtype::f8_e4m3 && kernels::can_quantise(info.dtype))
                QTest::newRow(std::string(info.name).c_str()) << static_cast<int>(info.dtype);
    }
    void quantised_kv_b()
    {
        QFETCH(int, type);
        RandomModel shape;
        shape.kv_lora = 256;
        shape.nope = 24; // so that a head does not begin where a panel of rows does
        shape.value = 20;
        shape.type = kernels::Dtype::f32;
        shape.seed = 7;
        write_random(shape, file("plain"));
        const fs::path blocks = file("blocks.gguf");
        golden::to_gguf(file("plain"), KeyValueForm::legacy, golden::ExpertForm::apart,
                        static_cast<kernels::Dtype>(type))
            .write(blocks);

        // The same numbers in F32.
        SafetensorsWriter out;
        const engine::format::Safetensors from(file("plain"));
        const engine::format::Gguf stored(blocks);
        for (const engine::format::TensorInfo& tensor : from.tensors().all()) {
            std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
            const bool is_kv_b = tensor.name.find("kv_b_proj") != std::string::npos;
            const std::string layer = tensor.name.substr(13, 1); // model.layers.N
            const engine::format::TensorInfo& source =
                is_kv_b ? *stored.tensors().find("blk." + layer + ".attn_kv_b.weight") : tensor;
            kernels::dequantise_row(*source.dtype, source.bytes.data(), values.data(), source.elements());
            out.tensor(tensor.name, tensor.shape, kernels::Dtype::f32, values);
        }
        fs::create_directories(file("dequantised"));
        fs::copy_file(file("plain") / "config.json", file("dequantised") / "config.json",
                      fs::copy_options::overwrite_existing);
        out.write(file("dequantised") / "model.safetensors");

        std::vector<std::int32_t> ids;
        for (int i = 0; i < 40; ++i)
            ids.push_back((i * 37 + 5) % 128);
        for (const char* isa : {"scalar", "avx2", "avx512"}) {
            for (const auto form : {kernels::AttentionForm::absorbed, kernels::AttentionForm::decompressed}) {
                std::vector<std::vector<float>> rows;
                for (const fs::path& model : {file("dequantised"), blocks}) {
                    LoadOptions o = options();
                    o.isa = isa;
                    if (!kernels::cpu::supported(*kernels::cpu::parse_isa(isa)))
                        continue;
                    Evaluator evaluator(model, o);
                    evaluator.set_form(form);
                    QVERIFY(evaluator.feed(ids, Evaluator::Output::all,
                                           [&](std::size_t, std::int64_t, std::span<const float> row) {
                                               rows.emplace_back(row.begin(), row.end());
                                           }));
                }
                for (std::size_t i = 0; i < rows.size() / 2; ++i) {
                    const double d = golden::difference(rows[rows.size() / 2 + i], rows[i]);
                    QVERIFY2(d <= 1e-5, qPrintable(QString("%1: %2").arg(isa).arg(d)));
                }
            }
        }
    }

    // A model in several files, of which the first is named.
    void split_gguf()
    {
        const fs::path folder = golden::data_folder() / "golden" / "groups";
        const fs::path target = m_folder.path().toStdString();
        const fs::path first = golden::to_gguf(folder, KeyValueForm::mla).write_split(target, "groups", 3);
        QCOMPARE(first.filename().string(), std::string("groups-00001-of-00003.gguf"));
        const golden::Table expected = golden::read_logits(folder / "expected.safetensors");
        Evaluator evaluator(first, options());
        double worst = 0;
        QVERIFY(evaluator.feed(
            golden::prompt_of({"", folder, "", folder / "run.json"}), Evaluator::Output::all,
            [&](std::size_t, std::int64_t position, std::span<const float> row) {
                worst = std::max(worst,
                                 golden::difference(row, expected.row(static_cast<std::size_t>(position))));
            }));
        QVERIFY2(worst > 0 && worst <= 1e-4, qPrintable(QString::number(worst)));
        fs::rename(target / "groups-00002-of-00003.gguf", target / "elsewhere.gguf");
        const std::string message = failure_of(first);
        QVERIFY2(message.find("groups-00002-of-00003.gguf: expected part 2 of the 3") != std::string::npos,
                 message.c_str());
    }

    // Experts as transformers 5 keeps them: gate_up_proj (E, 2 F, d) and down_proj (E, d, F).
    void stacked_experts()
    {
        for (const char* name : {"lite", "v3"}) {
            const fs::path folder = copy_of(name);
            const engine::Config c = engine::read_config_json(folder / "config.json");
            stack_experts(folder, c, 2 * c.moe_intermediate_size);
            const golden::Table expected = golden::read_logits(folder / "expected.safetensors");
            Evaluator evaluator(folder, options());
            double worst = 0;
            QVERIFY(evaluator.feed(
                golden::prompt_of({"", folder, "", folder / "run.json"}), Evaluator::Output::all,
                [&](std::size_t, std::int64_t position, std::span<const float> row) {
                    const double d =
                        golden::difference(row, expected.row(static_cast<std::size_t>(position)));
                    if (!(d <= worst))
                        worst = d;
                }));
            QVERIFY2(worst <= 1e-4, qPrintable(QString::number(worst)));

            fs::remove(folder / "model.safetensors");
            fs::copy_file(golden::data_folder() / "golden" / name / "model.safetensors",
                          folder / "model.safetensors");
            stack_experts(folder, c, 2 * c.moe_intermediate_size - 1);
            const std::string message = failure_of(folder);
            QVERIFY2(message.find("model.layers.1.mlp.experts.gate_up_proj: expected shape [") !=
                         std::string::npos,
                     message.c_str());
        }
    }

    // FP8: the factors belong to the matrix, have its shape in blocks of 128, and are F32.
    void fp8_factors()
    {
        const engine::format::ModelFiles files(golden::data_folder() / "golden" / "fp8");
        const engine::Config c = engine::read_config(files);
        const engine::Weights weights = engine::bind_weights(files, c);
        const engine::Layer& layer = weights.layers[1];
        QCOMPARE(layer.routed[3].gate.scales.stride, std::int64_t{8});
        QCOMPARE(layer.routed[3].gate.scales.data,
                 files.tensors()
                     .require("model.layers.1.mlp.experts.3.gate_proj.weight_scale_inv", {2, 2})
                     .bytes.data());
        QVERIFY(!layer.router.scales.data && !weights.head.scales.data);
        QCOMPARE(layer.kv_b.value.head(1).scales.first_row, 2 * c.qk_nope_head_dim + c.v_head_dim);

        const std::string factors = "model.layers.1.mlp.shared_experts.up_proj.weight_scale_inv";
        const auto broken = [&](const std::string& from, const std::string& to) {
            const fs::path folder = copy_of("fp8");
            std::string bytes = read_bytes(folder / "model.safetensors");
            replace(bytes, from, to);
            write_bytes(folder / "model.safetensors", bytes);
            return failure_of(folder);
        };
        const std::string missing = broken(factors, "x" + factors.substr(1));
        QVERIFY2(missing.find("model.safetensors: tensor " + factors +
                              ": expected shape [2, 2], found no tensor of this name") != std::string::npos,
                 missing.c_str());
        const std::string entry = "\"" + factors + "\":{\"dtype\":\"F32\",\"shape\":[2,2]";
        const std::string shaped = broken(entry, "\"" + factors + "\":{\"dtype\":\"F32\",\"shape\":[4,1]");
        QVERIFY2(shaped.find(factors + ": expected shape [2, 2], found [4, 1]") != std::string::npos,
                 shaped.c_str());
        const std::string typed = broken(entry, "\"" + factors + "\":{\"dtype\":\"I32\",\"shape\":[2,2]");
        QVERIFY2(typed.find(factors + ": expected a type that this program computes with, found I32") !=
                     std::string::npos,
                 typed.c_str());
    }

    // A GGUF without output.weight uses the embedding for it.
    void tied_head()
    {
        const fs::path folder = copy_of("dense");
        const engine::format::ModelFiles plain(folder);
        const engine::Config config = engine::read_config(plain);
        QVERIFY(engine::bind_weights(plain, config).head.data !=
                engine::bind_weights(plain, config).embedding.data);

        GgufWriter writer = golden::to_gguf(folder, KeyValueForm::legacy);
        std::string bytes = writer.bytes();
        replace(bytes, "output.weight", "unused.weight");
        write_bytes(file("tied.gguf"), bytes);
        const engine::format::ModelFiles tied(file("tied.gguf"));
        const engine::Weights weights = engine::bind_weights(tied, engine::read_config(tied));
        QVERIFY(weights.head.data == weights.embedding.data);

        std::string json = read_bytes(folder / "config.json");
        replace(json, "\"tie_word_embeddings\": false", "\"tie_word_embeddings\": true");
        write_bytes(folder / "config.json", json);
        const engine::format::ModelFiles said(folder);
        const engine::Weights by_config = engine::bind_weights(said, engine::read_config(said));
        QVERIFY(by_config.head.data == by_config.embedding.data);
    }

    void stages_hold_every_tensor_once()
    {
        for (const char* name : {"lite", "groups", "dense", "sharded", "v3", "fp8"}) {
            const engine::format::ModelFiles files(golden::data_folder() / "golden" / name);
            const engine::Config config = engine::read_config(files);
            const engine::Weights weights = engine::bind_weights(files, config);
            std::int64_t all = 0;
            // A prediction layer stays where it is.
            const std::string behind = "model.layers." + std::to_string(config.num_hidden_layers) + ".";
            std::int64_t skipped = 0;
            for (const auto& tensor : files.tensors().all()) {
                const bool is_skipped = tensor.name.starts_with(behind);
                (is_skipped ? skipped : all) += static_cast<std::int64_t>(tensor.bytes.size());
            }
            QCOMPARE(skipped > 0, config.num_nextn_predict_layers > 0);
            QCOMPARE(weights.bytes(), all);
            QCOMPARE(static_cast<std::int64_t>(weights.stages.size()), config.num_hidden_layers + 2);

            std::int64_t read = 0;
            std::int64_t stages = 0;
            QVERIFY(engine::read_ahead(files, weights,
                                       [&](std::int64_t s, std::int64_t bytes) {
                                           QVERIFY(bytes >= read && s >= stages);
                                           stages = s;
                                           read = bytes;
                                       },
                                       {}));
            QCOMPARE(read, all);
            QCOMPARE(stages, config.num_hidden_layers + 2);
        }
    }

    void pointers_can_be_moved()
    {
        const engine::format::ModelFiles files(golden::data_folder() / "golden" / "groups");
        engine::Weights weights = engine::bind_weights(files, engine::read_config(files));
        const std::byte* const before = weights.layers[1].routed[2].down.data;
        int visited = 0;
        int present = 0;
        engine::for_each_pointer(weights, [&](const std::byte*& pointer) {
            ++visited;
            if (pointer) {
                ++present;
                ++pointer;
            }
        });
        QCOMPARE(weights.layers[1].routed[2].down.data, before + 1);
        // Embedding, norm and head; 7 of a squeezed attention's matrices, kv_b twice, and the ffn's norm in
        // each of 3 layers; one dense network; router, 8 experts and the shared one in 2 layers.
        QCOMPARE(present, 3 + 3 * (8 + 2) + 3 + 2 * (1 + 8 * 3 + 3));
        QVERIFY(visited > present);
    }

    void stop_while_reading()
    {
        const engine::format::ModelFiles files(golden::data_folder() / "golden" / "lite");
        const engine::Weights weights = engine::bind_weights(files, engine::read_config(files));
        std::stop_source stop;
        std::int64_t stages = 0;
        QVERIFY(!engine::read_ahead(
            files, weights,
            [&](std::int64_t s, std::int64_t) {
                stages = s;
                if (s == 2)
                    stop.request_stop();
            },
            stop.get_token()));
        QCOMPARE(stages, 2);
    }

    // Every fault: what is done to a golden folder, and what the message must say.
    void faults()
    {
        const auto says = [&](const fs::path& model, std::initializer_list<const char*> words) {
            const std::string message = failure_of(model);
            QVERIFY2(!message.empty(), "no error");
            QVERIFY2(message.find('\n') == std::string::npos, message.c_str());
            for (const char* word : words)
                QVERIFY2(message.find(word) != std::string::npos,
                         (message + " lacks '" + word + "'").c_str());
        };
        const auto edit = [&](const fs::path& path, const std::string& from, const std::string& to) {
            std::string bytes = read_bytes(path);
            replace(bytes, from, to);
            write_bytes(path, bytes);
        };

        QVERIFY2(failure_of(copy_of("lite")).empty(), "the unharmed copy");

        fs::path model = copy_of("lite");
        fs::remove(model / "config.json");
        says(model, {"config.json"});

        model = copy_of("lite");
        edit(model / "config.json", "\"n_routed_experts\": 8", "\"n_routed_experts\": 0");
        says(model, {"config.json", "n_routed_experts", "0"});

        model = copy_of("lite");
        fs::remove(model / "model.safetensors");
        says(model, {model.c_str(), "weights"});

        model = copy_of("lite");
        edit(model / "model.safetensors", "layers.1.self_attn.o_proj", "layers.1.self_attn.o_prox");
        says(model, {"model.safetensors", "model.layers.1.self_attn.o_proj.weight", "expected", "found"});

        model = copy_of("lite");
        edit(model / "config.json", "\"vocab_size\": 260", "\"vocab_size\": 261");
        says(model, {"model.safetensors", "model.embed_tokens.weight", "[261, 64]", "[260, 64]"});

        model = copy_of("lite");
        std::string bytes = read_bytes(model / "model.safetensors");
        write_bytes(model / "model.safetensors", bytes.substr(0, bytes.size() - 1));
        says(model, {"model.safetensors"});

        GgufWriter writer = golden::to_gguf(copy_of("lite"), KeyValueForm::legacy);
        bytes = writer.bytes();
        write_bytes(file("cut.gguf"), bytes.substr(0, bytes.size() / 2));
        says(file("cut.gguf"), {"cut.gguf"});
        std::string name_only = bytes;
        replace(name_only, "blk.2.attn_norm.weight", "blk.2.attn_morn.weight");
        write_bytes(file("name.gguf"), name_only);
        says(file("name.gguf"), {"name.gguf", "blk.2.attn_norm.weight"});
        says(file("absent.gguf"), {"absent.gguf"});

        // Numbers that are none: found when the logits are looked at.
        model = copy_of("lite");
        const engine::format::Safetensors original(model);
        const auto norm = original.tensors().find("model.norm.weight")->bytes;
        const auto whole = original.files().front().bytes();
        bytes = read_bytes(model / "model.safetensors");
        for (std::size_t i = 0; i < norm.size(); i += 2)
            bytes.replace(static_cast<std::size_t>(norm.data() - whole.data()) + i, 2, "\xc0\x7f");
        const fs::path nan = copy_of("lite");
        write_bytes(nan / "model.safetensors", bytes);
        says(nan, {nan.c_str(), "position 2", "finite"});
    }

    void options_that_cannot_be()
    {
        const fs::path model = golden::data_folder() / "golden" / "lite";
        const auto failure = [&](auto change) {
            LoadOptions o = options();
            change(o);
            try {
                const Evaluator evaluator(model, o);
            } catch (const engine::Error& error) {
                return std::string(error.what());
            }
            return std::string();
        };
        QVERIFY(failure([](LoadOptions&) {}).empty());
        QVERIFY(failure([](LoadOptions& o) { o.isa = "abacus"; }).find("abacus") != std::string::npos);
        QVERIFY(failure([](LoadOptions& o) { o.device = "cuda:99"; }).find("cuda:99") != std::string::npos);
        QVERIFY(failure([](LoadOptions& o) { o.threads = -1; }).find("threads") != std::string::npos);
        QVERIFY(failure([](LoadOptions& o) { o.chunk_tokens = -1; }).find("chunk") != std::string::npos);
        QVERIFY(failure([](LoadOptions& o) { o.context_tokens = 163841; }).find("context") !=
                std::string::npos);
    }
};

QTEST_APPLESS_MAIN(TestWeights)
#include "test_weights.moc"
