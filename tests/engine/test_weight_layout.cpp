// SPDX-License-Identifier: MIT
// The weights as a GPU would hold them, read back: every number where it belongs, whatever the file looks
// like.
#include "engine/error.h"
#include "engine/gpu_memory.h"
#include "engine/weight_layout.h"
#include "kernels/cuda/layout.h"
#include "kernels/quant/dequantise.h"
#include "tests/engine/golden.h"
#include "tests/engine/golden_gguf.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

using engine::Layer;
using engine::WeightLayout;
using engine::WeightReader;
using engine::Weights;
using kernels::Dtype;
using kernels::HeadMatrix;
using kernels::Matrix;
namespace fs = std::filesystem;

namespace {

using Visit = std::function<void(const std::string& name, const Matrix& matrix)>;

void visit_heads(const std::string& name, const HeadMatrix& m, const Visit& f)
{
    for (std::int64_t h = 0; h < m.heads; ++h)
        f(name + std::to_string(h), m.head(h));
}

void visit_mlp(const std::string& name, const kernels::Mlp& m, const Visit& f)
{
    f(name + ".gate", m.gate);
    f(name + ".up", m.up);
    f(name + ".down", m.down);
}

// Every matrix, absent ones too, always in the same order.
void visit(const Weights& w, const Visit& f)
{
    f("embedding", w.embedding);
    for (const Layer& l : w.layers) {
        f("attn_norm", l.attn_norm.weight);
        f("wq", l.wq);
        f("wq_a", l.wq_a);
        f("q_norm", l.q_norm.weight);
        f("wq_b", l.wq_b);
        f("wkv_a", l.wkv_a);
        f("kv_norm", l.kv_norm.weight);
        visit_heads("key ", l.kv_b.key, f);
        visit_heads("value ", l.kv_b.value, f);
        f("wo", l.wo);
        f("ffn_norm", l.ffn_norm.weight);
        visit_mlp("dense", l.dense, f);
        f("router", l.router);
        f("correction_bias", l.rule.correction_bias);
        for (std::size_t e = 0; e < l.routed.size(); ++e)
            visit_mlp("expert " + std::to_string(e), l.routed[e], f);
        visit_mlp("shared", l.shared, f);
    }
    f("norm", w.norm.weight);
    f("head", w.head);
}

std::vector<std::pair<std::string, Matrix>> matrices_of(const Weights& w)
{
    std::vector<std::pair<std::string, Matrix>> all;
    visit(w, [&](const std::string& name, const Matrix& m) { all.emplace_back(name, m); });
    return all;
}

// Memory that is aligned as a GPU's.
struct Image
{
    explicit Image(std::int64_t size)
        : memory(static_cast<std::size_t>(size + 256), std::byte{0xff})
    {
        void* at = memory.data();
        std::size_t space = memory.size();
        data = static_cast<std::byte*>(std::align(256, static_cast<std::size_t>(size), at, space));
    }
    std::vector<std::byte> memory;
    std::byte* data;
};

// The whole layout, read through a buffer of so many bytes, and what was seen on the way.
struct Read
{
    std::int64_t parts = 0;
    std::int64_t end = 0;
    std::int64_t widest_gap = 0; // between two parts
    bool goes_back = false;
    std::int64_t stages = 0;
    std::int64_t bytes = 0; // of the files
    std::int64_t asked = 0;
    std::int64_t done = 0;
};
Read read_into(Image& image, const WeightLayout& layout, std::int64_t buffer_bytes)
{
    Read read;
    WeightReader reader(
        layout, {.will_need = [&](std::span<const std::byte> part) { read.asked += std::ssize(part); },
                 .done_with = [&](std::span<const std::byte> part) { read.done += std::ssize(part); }});
    Image buffer(buffer_bytes);
    for (;;) {
        const WeightReader::Part part = reader.next({buffer.data, static_cast<std::size_t>(buffer_bytes)});
        if (part.bytes.empty())
            break;
        read.goes_back = read.goes_back || part.offset < read.end || reader.stages_read() < read.stages;
        read.widest_gap = std::max(read.widest_gap, part.offset - read.end);
        std::copy(part.bytes.begin(), part.bytes.end(), image.data + part.offset);
        read.end = part.offset + std::ssize(part.bytes);
        read.stages = reader.stages_read();
        ++read.parts;
    }
    read.bytes = reader.bytes_read();
    return read;
}

// The numbers of the image are those of the file; norms and biases are F32 there.
void check_image(const Weights& file, const Weights& placed)
{
    const auto expected = matrices_of(file);
    const auto found = matrices_of(placed);
    QCOMPARE(found.size(), expected.size());
    std::vector<float> a;
    std::vector<float> b;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& [name, from] = expected[i];
        const Matrix& to = found[i].second;
        QCOMPARE(static_cast<bool>(to), static_cast<bool>(from));
        if (!from)
            continue;
        const bool is_vector = name.ends_with("norm") || name == "correction_bias";
        QCOMPARE(to.dtype, is_vector ? Dtype::f32 : from.dtype);
        QCOMPARE(to.rows, from.rows);
        QCOMPARE(to.columns, from.columns);
        if (!name.starts_with("key ") && !name.starts_with("value "))
            QVERIFY2(reinterpret_cast<std::uintptr_t>(to.data) % 256 == 0, name.c_str());
        a.resize(static_cast<std::size_t>(from.columns));
        b.resize(a.size());
        for (std::int64_t r = 0; r < from.rows; ++r) {
            kernels::dequantise_row(from.dtype, from.row(r), a.data(), from.columns);
            kernels::cuda::dequantise_device_row(to.dtype, to.row(r), b.data(), to.columns);
            QVERIFY2(a == b, qPrintable(QString("%1 row %2").arg(name.c_str()).arg(r)));
        }
    }
}

void check_layout(const fs::path& model)
{
    const engine::format::ModelFiles files(model);
    const Weights weights = engine::bind_weights(files, engine::read_config(files));
    const WeightLayout layout = engine::lay_out(weights);
    const std::int64_t least = WeightReader(layout, {}).least_memory();
    for (const std::int64_t buffer : {least, 2 * least + 77, std::int64_t{1} << 24}) {
        Image image(layout.bytes);
        const Read read = read_into(image, layout, buffer);
        QCOMPARE(read.end, layout.bytes);
        QVERIFY(!read.goes_back);
        QVERIFY(read.widest_gap <= 256);
        QCOMPARE(read.parts == 1, buffer == std::int64_t{1} << 24);
        QCOMPARE(read.stages, static_cast<std::int64_t>(weights.stages.size()));
        // Every byte of the file once, announced and let go.
        QCOMPARE(read.bytes, weights.bytes());
        QCOMPARE(read.asked, weights.bytes());
        QCOMPARE(read.done, weights.bytes());
        check_image(weights, engine::placed_at(image.data, layout.weights));
    }
    // Experts lie at one distance.
    for (const Layer& l : layout.weights.layers)
        for (std::size_t e = 2; e < l.routed.size(); ++e)
            for (const auto kind : {&kernels::Mlp::gate, &kernels::Mlp::up, &kernels::Mlp::down})
                QCOMPARE((l.routed[e].*kind).data - (l.routed[e - 1].*kind).data,
                         (l.routed[1].*kind).data - (l.routed[0].*kind).data);
}

} // namespace

class TestWeightLayout : public QObject
{
    Q_OBJECT

private slots:
    void golden_models()
    {
        for (const golden::Case& c : golden::cases())
            if (c.on_gpu)
                check_layout(c.model);
    }

    void forms_of_gguf()
    {
        QTemporaryDir folder;
        const fs::path file = fs::path(folder.path().toStdString()) / "model.gguf";
        for (const char* name : {"lite", "groups"})
            for (const auto form :
                 {golden::KeyValueForm::legacy, golden::KeyValueForm::mla, golden::KeyValueForm::both})
                for (const auto experts : {golden::ExpertForm::apart, golden::ExpertForm::fused}) {
                    golden::to_gguf(golden::data_folder() / "golden" / name, form, experts).write(file);
                    check_layout(file);
                }
    }

    void q8_0() { check_layout(fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf"); }

    void tied_embeddings_lie_once()
    {
        const engine::format::ModelFiles files(golden::data_folder() / "golden" / "lite");
        Weights weights = engine::bind_weights(files, engine::read_config(files));
        const WeightLayout apart = engine::lay_out(weights);
        weights.head = weights.embedding;
        const WeightLayout tied = engine::lay_out(weights);
        QCOMPARE(tied.weights.head.data, tied.weights.embedding.data);
        QVERIFY(tied.bytes <= apart.bytes - weights.head.bytes());
    }

    void experts_of_two_types_are_refused()
    {
        const engine::format::ModelFiles files(golden::data_folder() / "golden" / "lite");
        Weights weights = engine::bind_weights(files, engine::read_config(files));
        weights.layers[1].routed[5].up.dtype = Dtype::f16;
        std::string message;
        try {
            engine::lay_out(weights);
        } catch (const engine::Error& error) {
            message = error.what();
        }
        QCOMPARE(message, std::string("layer 1: expected all experts in BF16, found one in F16"));
    }

    // Before anything is allocated: the plan for a GPU says which tensor is the reason.
    void types_that_the_gpu_does_not_compute_are_refused()
    {
        const auto why_not = [](const golden::Case& c) {
            const engine::format::ModelFiles files(c.model);
            return engine::make_device_model(files, engine::read_config(files))->why_not;
        };
        int refused = 0;
        for (const golden::Case& c : golden::cases()) {
            const std::string reason = why_not(c);
            QCOMPARE(reason.empty(), c.on_gpu);
            if (c.on_gpu)
                continue;
            QVERIFY2(reason.find(": tensor ") != std::string::npos, reason.c_str());
            QVERIFY2(reason.ends_with(" is not computed on the GPU yet; the CPU can"), reason.c_str());
            ++refused;
        }
        QVERIFY(refused >= 2);
    }
};

QTEST_APPLESS_MAIN(TestWeightLayout)
#include "test_weight_layout.moc"
