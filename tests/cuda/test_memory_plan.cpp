// SPDX-License-Identifier: MIT
// What a plan promises is what the emulated GPU gives out, and what does not fit is said before loading.
#include "engine/devices.h"
#include "engine/engine.h"
#include "engine/error.h"
#include "engine/evaluator.h"
#include "kernels/cuda/workspace.h"
#include "tests/cuda/emulated_module.h"
#include "tests/engine/golden.h"

#include <QProcess>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <optional>

using engine::LoadOptions;
using engine::MemoryPlan;
namespace fs = std::filesystem;

namespace {

LoadOptions on_gpu(std::int64_t context)
{
    LoadOptions options;
    options.device = "cuda:0";
    options.context_tokens = context;
    return options;
}

EmulatedDevice gpu_of(std::int64_t bytes)
{
    EmulatedDevice gpu;
    gpu.total_bytes = bytes;
    return gpu;
}

fs::path starter()
{
    return fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf";
}

kernels::HeadMatrix heads_of(std::int64_t heads, std::int64_t rows, std::int64_t columns)
{
    const auto* data = reinterpret_cast<const std::byte*>(std::uintptr_t{256});
    return {data, kernels::Dtype::bf16, heads, rows, columns, rows * columns * 2};
}

// One layer of the published models stands for all.
kernels::cuda::ModelShape published(std::int64_t heads, std::int64_t hidden, std::int64_t experts,
                                    std::int64_t expert_width)
{
    kernels::cuda::ModelShape shape;
    shape.attention = {heads, 128, 64, 128, 512, 0.1f};
    shape.vocabulary = 102400;
    shape.experts = experts;
    shape.experts_per_tok = 6;
    shape.max_columns = std::max<std::int64_t>(heads * 128, 12288);
    shape.kv_b.push_back(
        {heads_of(heads, 128, 512), kernels::KeyLayout::nope_by_latent, heads_of(heads, 128, 512)});
    shape.moe.push_back({heads_of(experts, expert_width, hidden),
                         heads_of(experts, expert_width, hidden),
                         heads_of(experts, hidden, expert_width),
                         {}});
    shape.max_rows = 1024;
    shape.logits_rows = 32;
    shape.context_tokens = 8192;
    shape.cache_blocks = 256;
    return shape;
}

} // namespace

class TestMemoryPlan : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulated::reset(); }

    void plan_is_what_is_taken_data()
    {
        QTest::addColumn<QString>("model");
        for (const char* name : {"lite", "groups", "dense", "odd"})
            QTest::newRow(name) << QString::fromStdString((golden::data_folder() / "golden" / name).string());
        QTest::newRow("starter") << QString::fromStdString(starter().string());
    }
    void plan_is_what_is_taken()
    {
        QFETCH(QString, model);
        const fs::path path = model.toStdString();
        for (const std::int64_t context : {64, 128}) {
            LoadOptions options = on_gpu(context);
            options.cache_tokens = context;
            const MemoryPlan plan = engine::plan(engine::inspect(path), options);
            QVERIFY2(plan.fits && plan.verdict.starts_with("Fits: "), plan.verdict.c_str());
            QCOMPARE(plan.total, plan.weights + plan.cache + plan.scratch + plan.library);
            QCOMPARE(plan.chunk_tokens, 1024);
            const engine::Evaluator evaluator(path, options);
            const std::int64_t planned = plan.total - plan.library;
            QCOMPARE(evaluator.runtime().backend->memory_bytes(), planned);
            const double taken = static_cast<double>(emulated::allocated_bytes());
            QVERIFY2(std::abs(taken - static_cast<double>(planned)) <= 0.05 * static_cast<double>(planned),
                     qPrintable(QString("planned %1, taken %2").arg(planned).arg(taken)));
        }
    }

    // The first remedy is a smaller chunk, then the message says which context would fit.
    void smaller_plans()
    {
        const engine::ModelInfo info = engine::inspect(starter());
        const MemoryPlan large = engine::plan(info, on_gpu(2048));
        LoadOptions smallest = on_gpu(2048);
        smallest.chunk_tokens = 256;
        const MemoryPlan small = engine::plan(info, smallest);
        QVERIFY(small.total < large.total);

        emulated::set_devices({gpu_of(small.total + (large.total - small.total) / 8)});
        const MemoryPlan remedied = engine::plan(info, on_gpu(2048));
        QVERIFY(remedied.fits);
        QVERIFY(remedied.chunk_tokens < 1024);

        emulated::set_devices({gpu_of(small.total - small.cache / 2)});
        const MemoryPlan too_large = engine::plan(info, on_gpu(2048));
        QVERIFY(!too_large.fits);
        const std::int64_t largest = too_large.largest_context_tokens;
        QVERIFY(largest > 0 && largest < 2048 && largest % 64 == 0);
        for (const std::string& part :
             {"Fits with " + std::to_string(largest) + " tokens of context: 2048 would need ",
              std::string(" are free.")})
            QVERIFY2(too_large.verdict.find(part) != std::string::npos, too_large.verdict.c_str());
        QVERIFY(engine::plan(info, on_gpu(largest)).fits);
        QVERIFY(!engine::plan(info, on_gpu(largest + 64)).fits);

        // Nothing is loaded then.
        std::optional<engine::DeviceError::Cause> cause;
        try {
            engine::load(starter(), on_gpu(2048), [](const engine::LoadProgress&) {}, {});
        } catch (const engine::DeviceError& error) {
            cause = error.cause;
            QVERIFY2(std::string(error.what()).find(std::to_string(largest)) != std::string::npos,
                     error.what());
        }
        QVERIFY(cause == engine::DeviceError::Cause::out_of_memory);
        QCOMPARE(emulated::allocated_bytes(), 0);
    }

    void what_cannot_be_used_says_why()
    {
        EmulatedDevice old;
        old.major = 7;
        old.minor = 5;
        emulated::set_devices({old, EmulatedDevice{}});
        const engine::ModelInfo info = engine::inspect(starter());
        const MemoryPlan refused = engine::plan(info, on_gpu(64));
        QVERIFY(!refused.fits);
        QVERIFY2(refused.verdict.find("7.5") != std::string::npos, refused.verdict.c_str());
        LoadOptions second = on_gpu(64);
        second.device = "cuda:1";
        QVERIFY(engine::plan(info, second).fits);
        second.device = "cuda:7";
        QVERIFY2(engine::plan(info, second).verdict.find("cuda:7") != std::string::npos, "named");
        emulated::set_driver(0);
        QVERIFY2(engine::plan(info, second).verdict.find("driver") != std::string::npos,
                 engine::plan(info, second).verdict.c_str());
    }

    // The command line finds the module beside it, too.
    void command_line()
    {
        const auto run = [](const QStringList& arguments) {
            QProcess cli;
            cli.start(FATHOM_CLI, arguments);
            cli.waitForFinished(60'000);
            return cli.readAllStandardOutput();
        };
        QVERIFY(run({"devices"}).contains("cuda:0   NVIDIA Emulated GPU, 12.0 GiB"));
        const QString model = QString::fromStdString(starter().string());
        QVERIFY(run({"inspect", model, "--device", "cuda:0"}).contains("\nFits: "));
        QVERIFY(run({"inspect", model, "--device", "cuda:3"}).contains("cuda:3"));
        const QByteArray answer = run({"generate", model, "--prompt", "a", "--max-tokens", "1",
                                       "--temperature", "0", "--device", "cuda:0", "--ctx", "64", "--json"});
        QVERIFY2(answer.contains("\"generated_tokens\":1"), answer.constData());
    }

    // The published shapes on every kind of GPU that is served: a workspace that is bounded, and does not
    // grow with the context as fast as the cache does.
    void published_shapes()
    {
        for (const int capability : {80, 86, 89, 90, 120}) {
            kernels::cuda::DeviceLimits limits;
            limits.capability = capability;
            limits.multiprocessors = capability == 90 ? 132 : 84;
            limits.shared_bytes = (capability == 80 ? 163 : capability == 90 ? 227 : 99) * 1024;
            for (kernels::cuda::ModelShape shape :
                 {published(16, 2048, 64, 1408), published(128, 5120, 160, 1536)}) {
                const std::int64_t bytes = kernels::cuda::Workspace(shape, limits, nullptr).bytes;
                QVERIFY(bytes > 0 && bytes < std::int64_t{2} << 30);
                shape.context_tokens = 131072;
                shape.cache_blocks = 4096;
                const std::int64_t longer = kernels::cuda::Workspace(shape, limits, nullptr).bytes;
                QVERIFY(longer >= bytes && longer < std::int64_t{3} << 30);
                shape.max_rows = 256;
                QVERIFY(kernels::cuda::Workspace(shape, limits, nullptr).bytes < longer);
            }
        }
    }
};

QTEST_GUILESS_MAIN(TestMemoryPlan)
#include "test_memory_plan.moc"
