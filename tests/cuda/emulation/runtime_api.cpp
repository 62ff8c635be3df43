// SPDX-License-Identifier: MIT
#include "tests/cuda/emulation/runtime_api.h"

#include "tests/cuda/emulation/control.h"
#include "tests/cuda/emulation/grid.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

struct Stream
{
    std::deque<std::function<void()>> work;
};

struct EventState
{
    bool is_recorded = false;
    std::int64_t waits = 0; // records that have not come to pass
    Clock::time_point time;
    std::weak_ptr<Stream> stream;
};

struct Memory
{
    std::size_t bytes = 0;
    int device = -1; // -1: host memory, pinned
};

struct ErrorText
{
    cudaError_t error;
    const char* name;
    const char* text;
    bool is_lasting; // the context is unusable from then on
};
constexpr ErrorText error_texts[] = {
    {cudaSuccess, "cudaSuccess", "no error", false},
    {cudaErrorInvalidValue, "cudaErrorInvalidValue", "invalid argument", false},
    {cudaErrorMemoryAllocation, "cudaErrorMemoryAllocation", "out of memory", false},
    {cudaErrorInitializationError, "cudaErrorInitializationError", "initialization error", false},
    {cudaErrorInvalidConfiguration, "cudaErrorInvalidConfiguration", "invalid configuration argument", false},
    {cudaErrorInsufficientDriver, "cudaErrorInsufficientDriver",
     "CUDA driver version is insufficient for CUDA runtime version", false},
    {cudaErrorNoDevice, "cudaErrorNoDevice", "no CUDA-capable device is detected", false},
    {cudaErrorInvalidDevice, "cudaErrorInvalidDevice", "invalid device ordinal", false},
    {cudaErrorDeviceUninitialized, "cudaErrorDeviceUninitialized", "invalid device context", false},
    {cudaErrorECCUncorrectable, "cudaErrorECCUncorrectable", "uncorrectable ECC error encountered", true},
    {cudaErrorNvlinkUncorrectable, "cudaErrorNvlinkUncorrectable",
     "uncorrectable NVLink error detected during the execution", true},
    {cudaErrorContained, "cudaErrorContained",
     "Invalid access of peer GPU memory over nvlink or a hardware error", true},
    {cudaErrorInvalidResourceHandle, "cudaErrorInvalidResourceHandle", "invalid resource handle", false},
    {cudaErrorNotReady, "cudaErrorNotReady", "device not ready", false},
    {cudaErrorIllegalAddress, "cudaErrorIllegalAddress", "an illegal memory access was encountered", true},
    {cudaErrorLaunchOutOfResources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch", false},
    {cudaErrorLaunchTimeout, "cudaErrorLaunchTimeout", "the launch timed out and was terminated", true},
    {cudaErrorAssert, "cudaErrorAssert", "device-side assert triggered", true},
    {cudaErrorHardwareStackError, "cudaErrorHardwareStackError", "hardware stack error", true},
    {cudaErrorIllegalInstruction, "cudaErrorIllegalInstruction", "an illegal instruction was encountered",
     true},
    {cudaErrorMisalignedAddress, "cudaErrorMisalignedAddress", "misaligned address", true},
    {cudaErrorInvalidAddressSpace, "cudaErrorInvalidAddressSpace",
     "operation not supported on global/shared address space", true},
    {cudaErrorInvalidPc, "cudaErrorInvalidPc", "invalid program counter", true},
    {cudaErrorLaunchFailure, "cudaErrorLaunchFailure", "unspecified launch failure", true},
    {cudaErrorTensorMemoryLeak, "cudaErrorTensorMemoryLeak", "tensor memory not completely freed", true},
    {cudaErrorExternalDevice, "cudaErrorExternalDevice", "an async error has occurred in external entity",
     true},
    {cudaErrorUnknown, "cudaErrorUnknown", "unknown error", true},
};

const ErrorText& text_of(cudaError_t error)
{
    const auto* found = std::find_if(std::begin(error_texts), std::end(error_texts),
                                     [error](const ErrorText& text) { return text.error == error; });
    return found == std::end(error_texts) ? error_texts[std::size(error_texts) - 1] : *found;
}

struct Machine
{
    std::recursive_mutex mutex;
    std::vector<EmulatedDevice> devices{EmulatedDevice{}};
    int driver = CUDART_VERSION;
    emulation::Order order = emulation::Order::ascending;
    std::int64_t launches = 0;
    std::int64_t allocated_bytes = 0;
    std::int64_t peak_bytes = 0;

    std::string failing_function;
    int calls_until_failure = 0;
    cudaError_t failure = cudaSuccess;

    cudaError_t lost = cudaSuccess; // returned by everything from then on
    std::string fault;              // what a kernel did
    cudaError_t last_error = cudaSuccess;

    std::map<std::uintptr_t, Memory> memory; // by its beginning
    std::map<const void*, std::size_t> allowed_shared_bytes;
    std::vector<std::shared_ptr<Stream>> streams{std::make_shared<Stream>()}; // the default stream first
};

Machine& machine()
{
    static Machine the_machine;
    return the_machine;
}

thread_local int current_device = 0;

// None where the machine has no such device (any more).
const EmulatedDevice* device_at(int index)
{
    const auto& devices = machine().devices;
    return index >= 0 && index < static_cast<int>(devices.size()) ? &devices[static_cast<std::size_t>(index)]
                                                                  : nullptr;
}

// Opens every function of the API: the lock, and the error that it is to return at once, if any.
class Call
{
public:
    explicit Call(const char* function)
        : m(machine())
        , m_lock(m.mutex)
    {
        if (m.lost != cudaSuccess) {
            error = m.lost;
        } else if (m.calls_until_failure > 0 && m.failing_function == function &&
                   --m.calls_until_failure == 0) {
            error = m.failure;
            if (text_of(error).is_lasting)
                m.lost = error;
        } else if (m.driver < CUDART_VERSION) {
            error = cudaErrorInsufficientDriver;
        } else if (m.devices.empty()) {
            error = cudaErrorNoDevice;
        }
        if (error != cudaSuccess)
            m.last_error = error;
    }

    // To return.
    cudaError_t end(cudaError_t result = cudaSuccess)
    {
        if (m.lost != cudaSuccess)
            result = m.lost;
        if (result != cudaSuccess)
            m.last_error = result;
        return result;
    }

    Machine& m;
    cudaError_t error = cudaSuccess;

private:
    std::lock_guard<std::recursive_mutex> m_lock;
};

void run_one(Stream& stream)
{
    const std::function<void()> work = std::move(stream.work.front());
    stream.work.pop_front();
    if (machine().lost == cudaSuccess)
        work();
}

void run_all(Stream& stream)
{
    while (!stream.work.empty())
        run_one(stream);
}

void run_everything()
{
    for (const auto& stream : machine().streams)
        run_all(*stream);
}

// The memory that holds all of these bytes, or none.
const Memory* memory_at(const void* at, std::size_t bytes)
{
    const auto address = reinterpret_cast<std::uintptr_t>(at);
    const auto& memory = machine().memory;
    auto found = memory.upper_bound(address);
    if (found == memory.begin())
        return nullptr;
    --found;
    return address + bytes <= found->first + found->second.bytes ? &found->second : nullptr;
}

bool is_of_device(const Memory* memory)
{
    return memory != nullptr && memory->device >= 0;
}

std::size_t free_bytes_of(int device)
{
    const EmulatedDevice* d = device_at(device);
    if (d == nullptr)
        return 0;
    std::int64_t used = d->others_bytes;
    for (const auto& [begin, memory] : machine().memory)
        used += memory.device == device ? static_cast<std::int64_t>(memory.bytes) : 0;
    return static_cast<std::size_t>(std::max<std::int64_t>(d->total_bytes - used, 0));
}

cudaError_t allocate(void** result, std::size_t bytes, int device)
{
    Machine& m = machine();
    *result = nullptr;
    if (bytes == 0)
        return cudaSuccess;
    if (device >= 0 && bytes > free_bytes_of(device))
        return cudaErrorMemoryAllocation;
    void* memory = nullptr;
    if (posix_memalign(&memory, 256, bytes) != 0)
        return cudaErrorMemoryAllocation;
    std::memset(memory, 0xff, bytes);
    m.memory[reinterpret_cast<std::uintptr_t>(memory)] = {bytes, device};
    if (device >= 0) {
        m.allocated_bytes += static_cast<std::int64_t>(bytes);
        m.peak_bytes = std::max(m.peak_bytes, m.allocated_bytes);
    }
    *result = memory;
    return cudaSuccess;
}

// Waits for everything, as CUDA does.
cudaError_t release(void* memory, bool is_host)
{
    if (memory == nullptr)
        return cudaSuccess;
    run_everything();
    Machine& m = machine();
    const auto found = m.memory.find(reinterpret_cast<std::uintptr_t>(memory));
    if (found == m.memory.end() || (found->second.device < 0) != is_host)
        return cudaErrorInvalidValue;
    if (!is_host)
        m.allocated_bytes -= static_cast<std::int64_t>(found->second.bytes);
    m.memory.erase(found);
    std::free(memory);
    return cudaSuccess;
}

Stream& stream_of(cudaStream_t stream);

// Host memory that is not pinned makes the call wait, and so does the default stream.
cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream)
{
    if (bytes == 0)
        return cudaSuccess;
    const Memory* source = memory_at(from, bytes);
    const Memory* target = memory_at(to, bytes);
    const bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
    const bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
    if (kind != cudaMemcpyDefault &&
        (is_of_device(source) != from_device || is_of_device(target) != to_device))
        return cudaErrorInvalidValue;
    Stream& queue = stream_of(stream);
    queue.work.emplace_back([=] { std::memmove(to, from, bytes); });
    if (stream == nullptr)
        run_everything();
    else if (source == nullptr || target == nullptr)
        run_all(queue);
    return cudaSuccess;
}

cudaError_t fill(void* to, int value, std::size_t bytes, cudaStream_t stream)
{
    if (bytes == 0)
        return cudaSuccess;
    if (!is_of_device(memory_at(to, bytes)))
        return cudaErrorInvalidValue;
    stream_of(stream).work.emplace_back([=] { std::memset(to, value, bytes); });
    if (stream == nullptr)
        run_everything();
    return cudaSuccess;
}

} // namespace

struct CUstream_st
{
    std::shared_ptr<Stream> stream;
};

struct CUevent_st
{
    std::shared_ptr<EventState> state;
};

namespace {

Stream& stream_of(cudaStream_t stream)
{
    return stream == nullptr ? *machine().streams.front() : *stream->stream;
}

void wait_for(const EventState& event)
{
    const std::shared_ptr<Stream> stream = event.stream.lock();
    while (stream && event.waits > 0 && !stream->work.empty())
        run_one(*stream);
}

} // namespace

// ---- errors -----------------------------------------------------------------------------------------------

const char* cudaGetErrorString(cudaError_t error)
{
    const std::lock_guard lock(machine().mutex);
    if (error == cudaErrorLaunchFailure && !machine().fault.empty())
        return machine().fault.c_str();
    return text_of(error).text;
}

const char* cudaGetErrorName(cudaError_t error)
{
    return text_of(error).name;
}

cudaError_t cudaGetLastError()
{
    Machine& m = machine();
    const std::lock_guard lock(m.mutex);
    return std::exchange(m.last_error, m.lost);
}

cudaError_t cudaPeekAtLastError()
{
    const std::lock_guard lock(machine().mutex);
    return machine().last_error;
}

// ---- devices ----------------------------------------------------------------------------------------------

cudaError_t cudaDriverGetVersion(int* version)
{
    const std::lock_guard lock(machine().mutex);
    *version = machine().driver;
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version)
{
    *version = CUDART_VERSION;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count)
{
    Call call("cudaGetDeviceCount");
    *count = 0;
    if (call.error != cudaSuccess)
        return call.error;
    *count = static_cast<int>(call.m.devices.size());
    return call.end();
}

cudaError_t cudaGetDevice(int* device)
{
    Call call("cudaGetDevice");
    *device = current_device;
    return call.error;
}

cudaError_t cudaSetDevice(int device)
{
    Call call("cudaSetDevice");
    if (call.error != cudaSuccess)
        return call.error;
    if (device_at(device) == nullptr)
        return call.end(cudaErrorInvalidDevice);
    current_device = device;
    return call.end();
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device)
{
    Call call("cudaGetDeviceProperties");
    if (call.error != cudaSuccess)
        return call.error;
    const EmulatedDevice* d = device_at(device);
    if (d == nullptr)
        return call.end(cudaErrorInvalidDevice);
    *properties = {};
    std::memcpy(properties->name, d->name, sizeof d->name);
    properties->name[sizeof d->name] = '\0';
    properties->totalGlobalMem = static_cast<std::size_t>(d->total_bytes);
    properties->sharedMemPerBlockOptin = static_cast<std::size_t>(d->shared_bytes);
    properties->major = d->major;
    properties->minor = d->minor;
    properties->multiProcessorCount = d->multiprocessors;
    return call.end();
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device)
{
    Call call("cudaDeviceGetAttribute");
    if (call.error != cudaSuccess)
        return call.error;
    const EmulatedDevice* d = device_at(device);
    if (d == nullptr)
        return call.end(cudaErrorInvalidDevice);
    switch (attribute) {
    case cudaDevAttrMultiProcessorCount:
        *value = d->multiprocessors;
        break;
    case cudaDevAttrComputeCapabilityMajor:
        *value = d->major;
        break;
    case cudaDevAttrComputeCapabilityMinor:
        *value = d->minor;
        break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin:
        *value = static_cast<int>(d->shared_bytes);
        break;
    default:
        return call.end(cudaErrorInvalidValue);
    }
    return call.end();
}

cudaError_t cudaDeviceSynchronize()
{
    Call call("cudaDeviceSynchronize");
    if (call.error != cudaSuccess)
        return call.error;
    run_everything();
    return call.end();
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes)
{
    Call call("cudaMemGetInfo");
    *free_bytes = 0;
    *total_bytes = 0;
    if (call.error != cudaSuccess)
        return call.error;
    const EmulatedDevice* d = device_at(current_device);
    if (d == nullptr)
        return call.end(cudaErrorInvalidDevice);
    *free_bytes = free_bytes_of(current_device);
    *total_bytes = static_cast<std::size_t>(d->total_bytes);
    return call.end();
}

// ---- memory -----------------------------------------------------------------------------------------------

cudaError_t emulation_malloc(void** memory, std::size_t bytes)
{
    Call call("cudaMalloc");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(allocate(memory, bytes, current_device));
}

cudaError_t emulation_malloc_host(void** memory, std::size_t bytes)
{
    Call call("cudaMallocHost");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(allocate(memory, bytes, -1));
}

cudaError_t cudaFree(void* memory)
{
    Call call("cudaFree");
    const cudaError_t result = release(memory, false); // also of a lost device: the bytes are the host's
    return call.error != cudaSuccess ? call.error : call.end(result);
}

cudaError_t cudaFreeHost(void* memory)
{
    Call call("cudaFreeHost");
    const cudaError_t result = release(memory, true);
    return call.error != cudaSuccess ? call.error : call.end(result);
}

cudaError_t cudaMemcpy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind)
{
    Call call("cudaMemcpy");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(copy(to, from, bytes, kind, nullptr));
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream)
{
    Call call("cudaMemcpyAsync");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(copy(to, from, bytes, kind, stream));
}

cudaError_t cudaMemset(void* to, int value, std::size_t bytes)
{
    Call call("cudaMemset");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(fill(to, value, bytes, nullptr));
}

cudaError_t cudaMemsetAsync(void* to, int value, std::size_t bytes, cudaStream_t stream)
{
    Call call("cudaMemsetAsync");
    if (call.error != cudaSuccess)
        return call.error;
    return call.end(fill(to, value, bytes, stream));
}

// ---- streams and events -----------------------------------------------------------------------------------

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned)
{
    Call call("cudaStreamCreateWithFlags");
    *stream = nullptr;
    if (call.error != cudaSuccess)
        return call.error;
    *stream = new CUstream_st{std::make_shared<Stream>()};
    call.m.streams.push_back((*stream)->stream);
    return call.end();
}

cudaError_t cudaStreamDestroy(cudaStream_t stream)
{
    Call call("cudaStreamDestroy");
    if (stream == nullptr)
        return call.end(cudaErrorInvalidResourceHandle);
    run_all(*stream->stream);
    std::erase(call.m.streams, stream->stream);
    delete stream;
    return call.error != cudaSuccess ? call.error : call.end();
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream)
{
    Call call("cudaStreamSynchronize");
    if (call.error != cudaSuccess)
        return call.error;
    run_all(stream_of(stream));
    return call.end();
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned)
{
    Call call("cudaStreamWaitEvent");
    if (call.error != cudaSuccess)
        return call.error;
    stream_of(stream).work.emplace_back([state = event->state] { wait_for(*state); });
    return call.end();
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned)
{
    Call call("cudaEventCreateWithFlags");
    *event = nullptr;
    if (call.error != cudaSuccess)
        return call.error;
    *event = new CUevent_st{std::make_shared<EventState>()};
    return call.end();
}

cudaError_t cudaEventDestroy(cudaEvent_t event)
{
    Call call("cudaEventDestroy");
    delete event;
    return call.error;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream)
{
    Call call("cudaEventRecord");
    if (call.error != cudaSuccess)
        return call.error;
    Stream& queue = stream_of(stream);
    EventState& state = *event->state;
    state.is_recorded = true;
    ++state.waits;
    state.stream = stream == nullptr ? call.m.streams.front() : stream->stream;
    queue.work.emplace_back([kept = event->state] {
        --kept->waits;
        kept->time = Clock::now();
    });
    return call.end();
}

cudaError_t cudaEventSynchronize(cudaEvent_t event)
{
    Call call("cudaEventSynchronize");
    if (call.error != cudaSuccess)
        return call.error;
    wait_for(*event->state);
    return call.end();
}

cudaError_t cudaEventQuery(cudaEvent_t event)
{
    Call call("cudaEventQuery");
    if (call.error != cudaSuccess)
        return call.error;
    return event->state->waits == 0 ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end)
{
    Call call("cudaEventElapsedTime");
    if (call.error != cudaSuccess)
        return call.error;
    if (!start->state->is_recorded || !end->state->is_recorded)
        return call.end(cudaErrorInvalidResourceHandle);
    if (start->state->waits > 0 || end->state->waits > 0)
        return cudaErrorNotReady;
    *milliseconds = std::chrono::duration<float, std::milli>(end->state->time - start->state->time).count();
    return call.end();
}

// ---- kernels ----------------------------------------------------------------------------------------------

cudaError_t emulation_allow_shared(const void* kernel, cudaFuncAttribute attribute, int bytes)
{
    Call call("cudaFuncSetAttribute");
    if (call.error != cudaSuccess)
        return call.error;
    const EmulatedDevice* d = device_at(current_device);
    if (d == nullptr || attribute != cudaFuncAttributeMaxDynamicSharedMemorySize || bytes < 0 ||
        bytes > d->shared_bytes)
        return call.end(cudaErrorInvalidValue);
    call.m.allowed_shared_bytes[kernel] = static_cast<std::size_t>(bytes);
    return call.end();
}

cudaError_t emulation_launch(const cudaLaunchConfig_t& config, const void* kernel,
                             std::function<void()> thread)
{
    Call call("cudaLaunchKernelEx");
    if (call.error != cudaSuccess)
        return call.error;
    const dim3& grid = config.gridDim;
    const dim3& block = config.blockDim;
    const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
    if (threads == 0 || threads > 1024 || block.z > 64 || grid.x == 0 || grid.x > 0x7fffffffu ||
        grid.y == 0 || grid.y > 65535 || grid.z == 0 || grid.z > 65535)
        return call.end(cudaErrorInvalidConfiguration);
    const auto allowed = call.m.allowed_shared_bytes.find(kernel);
    const std::size_t shared_limit =
        std::max<std::size_t>(48 * 1024, allowed == call.m.allowed_shared_bytes.end() ? 0 : allowed->second);
    if (config.dynamicSmemBytes > shared_limit)
        return call.end(cudaErrorInvalidValue);
    stream_of(config.stream)
        .work.emplace_back([grid, block, bytes = config.dynamicSmemBytes, kernel, run = std::move(thread)] {
            Machine& m = machine();
            ++m.launches;
            const auto fault = emulation::run_grid({grid, block, bytes, kernel}, m.order, run);
            if (fault) {
                m.fault = *fault;
                m.lost = cudaErrorLaunchFailure;
            }
        });
    if (config.stream == nullptr)
        run_everything();
    return call.end();
}

// ---- control ----------------------------------------------------------------------------------------------

void emulation_reset()
{
    Machine& m = machine();
    const std::lock_guard lock(m.mutex);
    m.devices = {EmulatedDevice{}};
    m.driver = CUDART_VERSION;
    m.order = emulation::Order::ascending;
    m.launches = 0;
    m.peak_bytes = m.allocated_bytes;
    m.failing_function.clear();
    m.calls_until_failure = 0;
    m.lost = cudaSuccess;
    m.last_error = cudaSuccess;
    m.fault.clear();
}

void emulation_set_devices(const EmulatedDevice* devices, int count)
{
    const std::lock_guard lock(machine().mutex);
    machine().devices.assign(devices, devices + count);
}

void emulation_set_driver(int version)
{
    const std::lock_guard lock(machine().mutex);
    machine().driver = version;
}

void emulation_fail(const char* function, int nth, int error)
{
    Machine& m = machine();
    const std::lock_guard lock(m.mutex);
    m.failing_function = function;
    m.calls_until_failure = nth;
    m.failure = static_cast<cudaError_t>(error);
}

void emulation_set_order(int order)
{
    const std::lock_guard lock(machine().mutex);
    machine().order = static_cast<emulation::Order>(order);
}

std::int64_t emulation_allocated_bytes()
{
    const std::lock_guard lock(machine().mutex);
    return machine().allocated_bytes;
}

std::int64_t emulation_peak_bytes()
{
    const std::lock_guard lock(machine().mutex);
    return machine().peak_bytes;
}

std::int64_t emulation_launches()
{
    const std::lock_guard lock(machine().mutex);
    return machine().launches;
}
