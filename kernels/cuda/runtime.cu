// SPDX-License-Identifier: MIT
#include "kernels/cuda/runtime.h"

#include "kernels/cuda/launch.h"

#include <cstdio>
#include <utility>

namespace kernels::cuda {

namespace {

// Whether the driver's context is lost with it.
bool is_lasting(cudaError_t error)
{
    const int number = error;
    if (number == 226 || number == 721) // cudaErrorContained, cudaErrorTensorMemoryLeak: newer than 12.8
        return true;
    switch (error) {
    case cudaErrorECCUncorrectable:
    case cudaErrorNvlinkUncorrectable:
    case cudaErrorIllegalAddress:
    case cudaErrorLaunchTimeout:
    case cudaErrorAssert:
    case cudaErrorHardwareStackError:
    case cudaErrorIllegalInstruction:
    case cudaErrorMisalignedAddress:
    case cudaErrorInvalidAddressSpace:
    case cudaErrorInvalidPc:
    case cudaErrorLaunchFailure:
    case cudaErrorExternalDevice:
    case cudaErrorUnknown:
        return true;
    default:
        return false;
    }
}

FailureKind kind_of(cudaError_t error)
{
    if (error == cudaErrorMemoryAllocation)
        return FailureKind::out_of_memory;
    return is_lasting(error) ? FailureKind::device_lost : FailureKind::other;
}

std::string in_gib(std::int64_t bytes)
{
    char text[32];
    std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / (1 << 30));
    return text;
}

std::string device_name(int index)
{
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) {
        cudaGetLastError(); // or the next launch would report this one
        return "GPU " + std::to_string(index);
    }
    return properties.name;
}

int attribute(cudaDeviceAttr attribute, int index)
{
    int value = 0;
    check(cudaDeviceGetAttribute(&value, attribute, index), "asking for the GPU's limits");
    return value;
}

} // namespace

void check(cudaError_t error, const char* what)
{
    if (error == cudaSuccess)
        return;
    cudaGetLastError(); // it is reported here, not by the next launch
    throw Failure(kind_of(error), std::string(what) + ": " + cudaGetErrorString(error));
}

// ---- Device -----------------------------------------------------------------------------------------------

Device::Device(int index)
    : m_index(index)
{
    make_current();
    m_limits.capability = 10 * attribute(cudaDevAttrComputeCapabilityMajor, index) +
                          attribute(cudaDevAttrComputeCapabilityMinor, index);
    m_limits.multiprocessors = attribute(cudaDevAttrMultiProcessorCount, index);
    m_limits.shared_bytes = attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin, index);
    check(cudaStreamCreateWithFlags(&m_stream, cudaStreamNonBlocking), "making a stream on the GPU");
}

Device::~Device()
{
    if (cudaStreamDestroy(m_stream) != cudaSuccess)
        cudaGetLastError(); // of a lost device, nothing is left to free
}

void Device::make_current() const
{
    check(cudaSetDevice(m_index), "choosing the GPU");
}

void Device::synchronise() const
{
    check(cudaStreamSynchronize(m_stream), "waiting for the GPU");
}

std::int64_t Device::free_bytes() const
{
    std::size_t free_bytes = 0;
    std::size_t total_bytes = 0;
    check(cudaMemGetInfo(&free_bytes, &total_bytes), "asking for the GPU's free memory");
    return static_cast<std::int64_t>(free_bytes);
}

// ---- memory -----------------------------------------------------------------------------------------------

DeviceBuffer::DeviceBuffer(const Device& device, std::int64_t bytes)
    : m_bytes(bytes)
{
    void* memory = nullptr;
    const cudaError_t error = cudaMalloc(&memory, static_cast<std::size_t>(bytes));
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw Failure(FailureKind::out_of_memory, "out of GPU memory: expected " + in_gib(bytes) +
                                                      ", found " + in_gib(device.free_bytes()) + " free on " +
                                                      device_name(device.index()));
    }
    check(error, "taking GPU memory");
    m_data = static_cast<std::byte*>(memory);
}

DeviceBuffer::~DeviceBuffer()
{
    if (m_data != nullptr && cudaFree(m_data) != cudaSuccess)
        cudaGetLastError();
}

DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr))
    , m_bytes(std::exchange(other.m_bytes, 0))
{
}

DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept
{
    std::swap(m_data, other.m_data);
    std::swap(m_bytes, other.m_bytes);
    return *this;
}

PinnedBuffer::PinnedBuffer(std::int64_t bytes)
    : m_bytes(bytes)
{
    void* memory = nullptr;
    const cudaError_t error = cudaMallocHost(&memory, static_cast<std::size_t>(bytes));
    if (error == cudaErrorMemoryAllocation) {
        cudaGetLastError();
        throw Failure(FailureKind::out_of_memory,
                      "out of memory: " + in_gib(bytes) + " cannot be pinned for the GPU");
    }
    check(error, "taking pinned memory");
    m_data = static_cast<std::byte*>(memory);
}

PinnedBuffer::~PinnedBuffer()
{
    if (m_data != nullptr && cudaFreeHost(m_data) != cudaSuccess)
        cudaGetLastError();
}

PinnedBuffer::PinnedBuffer(PinnedBuffer&& other) noexcept
    : m_data(std::exchange(other.m_data, nullptr))
    , m_bytes(std::exchange(other.m_bytes, 0))
{
}

PinnedBuffer& PinnedBuffer::operator=(PinnedBuffer&& other) noexcept
{
    std::swap(m_data, other.m_data);
    std::swap(m_bytes, other.m_bytes);
    return *this;
}

// ---- Event ------------------------------------------------------------------------------------------------

Event::Event(const Device& device)
    : m_device(device)
{
    check(cudaEventCreateWithFlags(&m_event, cudaEventDisableTiming), "making an event on the GPU");
}

Event::~Event()
{
    if (cudaEventDestroy(m_event) != cudaSuccess)
        cudaGetLastError();
}

void Event::record()
{
    check(cudaEventRecord(m_event, m_device.stream()), "recording an event on the GPU");
    m_is_recorded = true;
}

void Event::wait() const
{
    if (m_is_recorded)
        check(cudaEventSynchronize(m_event), "waiting for the GPU");
}

// ---- copies -----------------------------------------------------------------------------------------------

void copy_to_device(const Device& device, void* to, const void* from, std::int64_t bytes)
{
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyHostToDevice, device.stream()),
          "copying to the GPU");
}

void copy_to_host(const Device& device, void* to, const void* from, std::int64_t bytes)
{
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(bytes), cudaMemcpyDeviceToHost, device.stream()),
          "copying from the GPU");
}

void fill_zero(const Device& device, void* to, std::int64_t bytes)
{
    check(cudaMemsetAsync(to, 0, static_cast<std::size_t>(bytes), device.stream()), "clearing GPU memory");
}

} // namespace kernels::cuda
