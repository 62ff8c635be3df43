// SPDX-License-Identifier: MIT
// Owners of device memory, streams and events, and what they say when something fails.
#include "kernels/cuda/devices.h"
#include "kernels/cuda/launch.h"
#include "tests/cuda/emulation/control.h"

#include <QtTest>

#include <cstring>
#include <functional>
#include <utility>
#include <vector>

using namespace kernels::cuda;

namespace {

constexpr std::int64_t mib = std::int64_t{1} << 20;
constexpr std::int64_t gib = std::int64_t{1} << 30;

__global__ void add_one(int* value)
{
    atomicAdd(value, 1);
}

EmulatedDevice gpu(const char* name, int major, int minor)
{
    EmulatedDevice device;
    std::strncpy(device.name, name, sizeof device.name - 1);
    device.major = major;
    device.minor = minor;
    return device;
}

// What `action` throws, or nothing.
std::optional<Failure> failure_of(const std::function<void()>& action)
{
    try {
        action();
    } catch (const Failure& failure) {
        return failure;
    }
    return std::nullopt;
}

} // namespace

class TestRuntime : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }
    void cleanup() { emulation_reset(); }

    void a_device_knows_its_limits()
    {
        EmulatedDevice devices[] = {gpu("NVIDIA A100", 8, 0), gpu("NVIDIA H100", 9, 0)};
        devices[1].multiprocessors = 132;
        devices[1].shared_bytes = 227 * 1024;
        devices[1].total_bytes = 80 * gib;
        devices[1].others_bytes = 3 * gib;
        emulation_set_devices(devices, 2);
        const Device device(1);
        QCOMPARE(device.index(), 1);
        QCOMPARE(device.limits().capability, 90);
        QCOMPARE(device.limits().multiprocessors, 132);
        QCOMPARE(device.limits().shared_bytes, std::int64_t{227 * 1024});
        QCOMPARE(device.free_bytes(), 77 * gib);
        const auto missing = failure_of([] { const Device third(2); });
        QVERIFY(missing.has_value());
        QCOMPARE(missing->kind, FailureKind::other);
        QVERIFY2(QString(missing->what()).contains("invalid device"), missing->what());
    }

    void memory_belongs_to_one_buffer()
    {
        const Device device(0);
        const std::int64_t before = emulation_allocated_bytes();
        {
            DeviceBuffer first(device, 1000);
            QCOMPARE(reinterpret_cast<std::uintptr_t>(first.data()) % 256, std::uintptr_t{0});
            QCOMPARE(first.bytes(), std::int64_t{1000});
            std::byte* const memory = first.data();
            DeviceBuffer second(std::move(first));
            QCOMPARE(second.data(), memory);
            QVERIFY(first.data() == nullptr);
            DeviceBuffer third(device, 24);
            QCOMPARE(emulation_allocated_bytes() - before, std::int64_t{1024});
            third = std::move(second);
            QCOMPARE(third.data(), memory);
            QCOMPARE(third.bytes(), std::int64_t{1000});
            PinnedBuffer pinned(64);
            PinnedBuffer other(std::move(pinned));
            pinned = std::move(other);
            QCOMPARE(pinned.bytes(), std::int64_t{64});
            QVERIFY(other.data() == nullptr);
            const DeviceBuffer nothing(device, 0);
            QVERIFY(nothing.data() == nullptr);
        }
        QCOMPARE(emulation_allocated_bytes(), before);
    }

    void no_memory_is_told_with_the_numbers()
    {
        EmulatedDevice device_with_little = gpu("NVIDIA GeForce RTX 3060", 8, 6);
        device_with_little.total_bytes = 2 * gib;
        device_with_little.others_bytes = 2 * gib - 717 * mib;
        emulation_set_devices(&device_with_little, 1);
        const Device device(0);
        const auto failure = failure_of([&] { const DeviceBuffer buffer(device, 3 * gib / 2); });
        QVERIFY(failure.has_value());
        QCOMPARE(failure->kind, FailureKind::out_of_memory);
        QCOMPARE(
            QString(failure->what()),
            QString("out of GPU memory: expected 1.50 GiB, found 0.70 GiB free on NVIDIA GeForce RTX 3060"));
        const DeviceBuffer fits(device, 16 * mib); // and the device still works

        emulation_fail("cudaMallocHost", 1, cudaErrorMemoryAllocation);
        const auto pinned = failure_of([] { const PinnedBuffer buffer(gib); });
        QVERIFY(pinned.has_value());
        QCOMPARE(pinned->kind, FailureKind::out_of_memory);
        QVERIFY2(QString(pinned->what()).contains("1.00 GiB cannot be pinned"), pinned->what());
    }

    void copies_go_there_and_back()
    {
        const Device device(0);
        const DeviceBuffer buffer(device, 256);
        std::vector<std::uint8_t> out(256);
        std::vector<std::uint8_t> in(256);
        for (std::size_t i = 0; i < in.size(); ++i)
            in[i] = static_cast<std::uint8_t>(i);
        copy_to_device(device, buffer.data(), in.data(), 256);
        fill_zero(device, buffer.data() + 10, 20);
        copy_to_host(device, out.data(), buffer.data(), 256);
        std::fill(in.begin() + 10, in.begin() + 30, std::uint8_t{0});
        QCOMPARE(out, in); // memory that is not pinned needs no further waiting
    }

    void an_event_is_waited_for()
    {
        const Device device(0);
        const DeviceBuffer buffer(device, 4);
        const PinnedBuffer pinned(8);
        int values[2] = {};
        std::memset(pinned.data(), 0, 8);
        fill_zero(device, buffer.data(), 4);
        Event event(device);
        event.wait(); // nothing was recorded
        const LaunchPlan plan{.grid = {2, 1, 1}, .threads = 32, .shared_bytes = 0};
        launch(device, plan, add_one, reinterpret_cast<int*>(buffer.data()));
        copy_to_host(device, pinned.data(), buffer.data(), 4);
        event.record();
        launch(device, plan, add_one, reinterpret_cast<int*>(buffer.data()));
        copy_to_host(device, pinned.data() + 4, buffer.data(), 4);
        event.wait();
        std::memcpy(values, pinned.data(), 8);
        QCOMPARE(values[0], 64);
        QCOMPARE(values[1], 0); // queued behind the event
        event.record();
        event.wait();
        std::memcpy(values, pinned.data(), 8);
        QCOMPARE(values[1], 128);
    }

    void failures_are_of_their_kind_data()
    {
        QTest::addColumn<int>("error");
        QTest::addColumn<int>("kind");
        const auto row = [](cudaError_t error, FailureKind kind) {
            QTest::newRow(cudaGetErrorName(error)) << static_cast<int>(error) << static_cast<int>(kind);
        };
        row(cudaErrorMemoryAllocation, FailureKind::out_of_memory);
        row(cudaErrorInvalidValue, FailureKind::other);
        row(cudaErrorLaunchOutOfResources, FailureKind::other);
        row(cudaErrorIllegalAddress, FailureKind::device_lost);
        row(cudaErrorMisalignedAddress, FailureKind::device_lost);
        row(cudaErrorIllegalInstruction, FailureKind::device_lost);
        row(cudaErrorInvalidAddressSpace, FailureKind::device_lost);
        row(cudaErrorInvalidPc, FailureKind::device_lost);
        row(cudaErrorLaunchFailure, FailureKind::device_lost);
        row(cudaErrorLaunchTimeout, FailureKind::device_lost);
        row(cudaErrorAssert, FailureKind::device_lost);
        row(cudaErrorHardwareStackError, FailureKind::device_lost);
        row(cudaErrorECCUncorrectable, FailureKind::device_lost);
        row(cudaErrorNvlinkUncorrectable, FailureKind::device_lost);
        row(cudaErrorContained, FailureKind::device_lost);
        row(cudaErrorTensorMemoryLeak, FailureKind::device_lost);
        row(cudaErrorExternalDevice, FailureKind::device_lost);
        row(cudaErrorUnknown, FailureKind::device_lost);
    }
    void failures_are_of_their_kind()
    {
        QFETCH(int, error);
        QFETCH(int, kind);
        const Device device(0);
        const DeviceBuffer buffer(device, 64);
        Event event(device);
        emulation_fail("cudaStreamSynchronize", 2, error);
        device.synchronise();
        const auto failure = failure_of([&] { device.synchronise(); });
        QVERIFY(failure.has_value());
        QCOMPARE(static_cast<int>(failure->kind), kind);
        const QString text = failure->what();
        QVERIFY2(text.startsWith("waiting for the GPU: "), failure->what());
        QVERIFY2(text.contains(cudaGetErrorString(static_cast<cudaError_t>(error))), failure->what());

        const auto next = failure_of([&] {
            event.record();
            fill_zero(device, buffer.data(), 64);
            device.synchronise();
        });
        QCOMPARE(next.has_value(), failure->kind == FailureKind::device_lost);
        if (next)
            QCOMPARE(next->kind, FailureKind::device_lost);
    } // a lost device is taken down in silence

    void every_call_is_checked_data()
    {
        QTest::addColumn<QByteArray>("function");
        for (const char* function :
             {"cudaSetDevice", "cudaDeviceGetAttribute", "cudaStreamCreateWithFlags", "cudaMalloc",
              "cudaMallocHost", "cudaEventCreateWithFlags", "cudaEventRecord", "cudaEventSynchronize",
              "cudaMemcpyAsync", "cudaMemsetAsync", "cudaFuncSetAttribute", "cudaLaunchKernelEx",
              "cudaStreamSynchronize", "cudaMemGetInfo"})
            QTest::newRow(function) << QByteArray(function);
    }
    void every_call_is_checked()
    {
        QFETCH(QByteArray, function);
        const auto everything = [] {
            const Device device(0);
            const DeviceBuffer buffer(device, 64);
            const PinnedBuffer pinned(64);
            Event event(device);
            fill_zero(device, buffer.data(), 64);
            launch(device, {.grid = {1, 1, 1}, .threads = 32, .shared_bytes = 60 * 1024}, add_one,
                   reinterpret_cast<int*>(buffer.data()));
            copy_to_host(device, pinned.data(), buffer.data(), 64);
            event.record();
            event.wait();
            device.synchronise();
            if (device.free_bytes() <= 0)
                throw std::logic_error("no memory");
        };
        const std::int64_t before = emulation_allocated_bytes();
        everything();
        for (const cudaError_t error : {cudaErrorInvalidValue, cudaErrorIllegalAddress}) {
            emulation_fail(function.constData(), 1, error);
            const auto failure = failure_of(everything);
            QVERIFY(failure.has_value());
            QCOMPARE(failure->kind,
                     error == cudaErrorIllegalAddress ? FailureKind::device_lost : FailureKind::other);
        }
        QCOMPARE(emulation_allocated_bytes(), before);
    }

    void gpus_are_listed()
    {
        EmulatedDevice devices[] = {gpu("NVIDIA GeForce RTX 4090", 8, 9), gpu("Tesla T4", 7, 5)};
        devices[0].total_bytes = 24 * gib;
        devices[0].others_bytes = gib;
        emulation_set_devices(devices, 2);
        const DeviceList list = list_devices();
        QVERIFY(list.why_none.empty());
        QCOMPARE(list.devices.size(), std::size_t{2});
        QCOMPARE(QString::fromStdString(list.devices[0].name), QString("NVIDIA GeForce RTX 4090"));
        QCOMPARE(list.devices[0].capability_major, 8);
        QCOMPARE(list.devices[0].capability_minor, 9);
        QCOMPARE(list.devices[0].memory_bytes, 24 * gib);
        QCOMPARE(list.devices[0].free_bytes, 23 * gib);
        QVERIFY(list.devices[0].why_not.empty());
        QCOMPARE(QString::fromStdString(list.devices[1].why_not),
                 QString("compute capability 7.5, and 8.0 is needed"));
    }

    void a_gpu_that_cannot_be_asked_is_listed()
    {
        EmulatedDevice devices[] = {gpu("first", 8, 0), gpu("second", 8, 0)};
        emulation_set_devices(devices, 2);
        emulation_fail("cudaMemGetInfo", 1, cudaErrorDeviceUninitialized);
        const DeviceList list = list_devices();
        QCOMPARE(list.devices.size(), std::size_t{2});
        QCOMPARE(QString::fromStdString(list.devices[0].name), QString("GPU 0"));
        QCOMPARE(QString::fromStdString(list.devices[0].why_not), QString("invalid device context"));
        QCOMPARE(QString::fromStdString(list.devices[1].name), QString("second"));
        QVERIFY(list.devices[1].why_not.empty());
    }

    void no_gpu_has_a_reason()
    {
        const auto reason = [] { return QString::fromStdString(list_devices().why_none); };
        emulation_set_driver(0);
        QCOMPARE(reason(), QString("No NVIDIA driver is installed."));
        emulation_set_driver(11040);
        QVERIFY2(reason().startsWith("The NVIDIA driver is too old: it knows CUDA 11.4, and CUDA "),
                 qPrintable(reason()));
        emulation_reset();
        emulation_set_devices(nullptr, 0);
        QCOMPARE(reason(), QString("The NVIDIA driver finds no GPU."));
        emulation_reset();
        emulation_fail("cudaGetDeviceCount", 1, cudaErrorInitializationError);
        QCOMPARE(reason(), QString("The NVIDIA driver cannot be used: initialization error."));
        QVERIFY(reason().isEmpty()); // the next question is answered anew
    }
};

QTEST_APPLESS_MAIN(TestRuntime)
#include "test_runtime.moc"
