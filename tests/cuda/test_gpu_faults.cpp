// SPDX-License-Identifier: MIT
// What goes wrong on a GPU: a message, a smaller plan or the CPU, never the end of the program.
#include "engine/engine.h"
#include "engine/error.h"
#include "tests/cuda/emulated_module.h"
#include "tests/engine/golden.h"

#include <QTest>

#include <algorithm>
#include <optional>

using engine::DeviceError;
using engine::LoadOptions;
namespace fs = std::filesystem;

namespace {

// As the runtime numbers them.
constexpr int memory_allocation = 2;
constexpr int illegal_address = 700;

LoadOptions on(const std::string& device)
{
    LoadOptions options;
    options.device = device;
    options.cache_type = engine::CacheType::f32;
    options.context_tokens = 64;
    return options;
}

std::unique_ptr<engine::Engine> load(const LoadOptions& options)
{
    return engine::load(golden::data_folder() / "golden" / "lite", options,
                        [](const engine::LoadProgress&) {}, {});
}

engine::Request request()
{
    engine::Request r;
    r.ids = {1, 2, 3};
    r.max_tokens = 2;
    r.sampling.temperature = 0;
    return r;
}

class Sink final : public engine::Sink
{
public:
    void prompt_progress(std::int64_t, std::int64_t) override {}
    void text(std::string_view) override {}
    void finished(const engine::Result&) override { is_finished = true; }
    void failed(const std::string& message) override { failure = message; }
    void device_failed(const std::string& message) override { device_failure = message; }
    bool is_finished = false;
    std::string failure;
    std::string device_failure;
};

std::optional<DeviceError::Cause> cause_of(const LoadOptions& options, std::string& message)
{
    try {
        load(options);
    } catch (const DeviceError& error) {
        message = error.what();
        return error.cause;
    }
    return std::nullopt;
}

} // namespace

class TestGpuFaults : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulated::reset(); }

    // Another program takes the memory between plan and load: a smaller chunk is tried once.
    void out_of_memory_at_load()
    {
        emulated::fail("cudaMalloc", 1, memory_allocation);
        QVERIFY(load(on("cuda:0")));
        LoadOptions fixed = on("cuda:0");
        fixed.chunk_tokens = 64; // what was asked for is not made smaller
        emulated::fail("cudaMalloc", 1, memory_allocation);
        std::string message;
        QVERIFY(cause_of(fixed, message) == DeviceError::Cause::out_of_memory);
        QVERIFY2(message.find("memory") != std::string::npos, message.c_str());
        QCOMPARE(emulated::allocated_bytes(), 0);
    }

    void missing_device()
    {
        std::string message;
        QVERIFY(cause_of(on("cuda:9"), message) == DeviceError::Cause::unusable);
        QVERIFY2(message.find("cuda:9") != std::string::npos, message.c_str());
    }

    // A GPU that is lost fails what runs with one message, is refused from then on, and the CPU serves.
    void lost_in_a_pass()
    {
        emulated::set_devices({EmulatedDevice{}, EmulatedDevice{}});
        const auto engine = load(on("cuda:1"));
        Sink sinks[2];
        for (Sink& sink : sinks)
            engine->start(engine->open_sequence(), request(), {}, sink);
        emulated::fail("cudaStreamSynchronize", 1, illegal_address);
        while (engine->step()) {
        }
        for (const Sink& sink : sinks) {
            QVERIFY(!sink.is_finished && sink.failure.empty());
            QVERIFY2(sink.device_failure.starts_with("The GPU was lost (") &&
                         sink.device_failure.ends_with("); Fathom uses the CPU until it is started again."),
                     sink.device_failure.c_str());
        }
        // The conversation can still be asked; it fails again, in the same words.
        Sink again;
        engine->start(engine->open_sequence(), request(), {}, again);
        while (engine->step()) {
        }
        QCOMPARE(again.device_failure, sinks[0].device_failure);

        emulated::reset(); // the emulated machine is well again; the engine does not trust it
        emulated::set_devices({EmulatedDevice{}, EmulatedDevice{}});
        const engine::Devices found = engine::list_devices();
        const auto lost = std::find_if(found.devices.begin(), found.devices.end(),
                                       [](const engine::Device& device) { return device.id == "cuda:1"; });
        QVERIFY(lost != found.devices.end());
        QCOMPARE(lost->why_not, sinks[0].device_failure);
        std::string message;
        QVERIFY(cause_of(on("cuda:1"), message) == DeviceError::Cause::unusable);
        QVERIFY2(message.find("was lost") != std::string::npos, message.c_str());

        const auto cpu = load(on("cpu"));
        Sink served;
        cpu->start(cpu->open_sequence(), request(), {}, served);
        while (cpu->step()) {
        }
        QVERIFY(served.is_finished);
    }

    void drivers()
    {
        emulated::set_driver(0);
        engine::Devices found = engine::list_devices();
        QCOMPARE(found.devices.size(), std::size_t{1});
        QVERIFY2(found.why_no_gpu.find("driver") != std::string::npos, found.why_no_gpu.c_str());
        emulated::set_driver(11000);
        found = engine::list_devices();
        QVERIFY2(found.why_no_gpu.find("too old") != std::string::npos, found.why_no_gpu.c_str());
    }
};

QTEST_GUILESS_MAIN(TestGpuFaults)
#include "test_gpu_faults.moc"
