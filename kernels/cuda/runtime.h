// SPDX-License-Identifier: MIT
// The CUDA runtime as the rest of the module sees it: owners of memory and streams, copies, and one
// exception. No CUDA type leaves this header, and no call of the runtime stays unchecked.
#pragma once

#include "kernels/cuda/plan.h"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

struct CUstream_st;
struct CUevent_st;

namespace kernels::cuda {

enum class FailureKind : std::uint8_t
{
    out_of_memory,
    device_lost, // the driver's context is unusable from now on; only a new process can use the GPU again
    other,
};

class Failure : public std::runtime_error
{
public:
    Failure(FailureKind failure_kind, const std::string& message)
        : std::runtime_error(message)
        , kind(failure_kind)
    {
    }
    FailureKind kind;
};

// One GPU with its stream. Everything of one backend runs in order on this stream, from one thread.
class Device
{
public:
    // Makes the device current on this thread. Throws Failure.
    explicit Device(int index);
    ~Device();
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    int index() const { return m_index; }
    const DeviceLimits& limits() const { return m_limits; }
    CUstream_st* stream() const { return m_stream; }

    // For each use from another thread than the last.
    void make_current() const;
    // Waits for everything queued; reports what went wrong in it.
    void synchronise() const;
    std::int64_t free_bytes() const;

private:
    int m_index;
    DeviceLimits m_limits;
    CUstream_st* m_stream = nullptr;
};

// Memory of the device, not initialised, aligned to 256 bytes. Throws Failure (out_of_memory) with the bytes
// asked for and free.
class DeviceBuffer
{
public:
    DeviceBuffer() = default;
    DeviceBuffer(const Device& device, std::int64_t bytes);
    ~DeviceBuffer();
    DeviceBuffer(DeviceBuffer&& other) noexcept;
    DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;

    std::byte* data() const { return m_data; }
    std::int64_t bytes() const { return m_bytes; }

private:
    std::byte* m_data = nullptr;
    std::int64_t m_bytes = 0;
};

// Host memory that the device copies from and to without a detour.
class PinnedBuffer
{
public:
    PinnedBuffer() = default;
    explicit PinnedBuffer(std::int64_t bytes);
    ~PinnedBuffer();
    PinnedBuffer(PinnedBuffer&& other) noexcept;
    PinnedBuffer& operator=(PinnedBuffer&& other) noexcept;

    std::byte* data() const { return m_data; }
    std::int64_t bytes() const { return m_bytes; }

private:
    std::byte* m_data = nullptr;
    std::int64_t m_bytes = 0;
};

// A point in the stream that the host can wait for.
class Event
{
public:
    explicit Event(const Device& device);
    ~Event();
    Event(const Event&) = delete;
    Event& operator=(const Event&) = delete;

    void record();     // behind everything queued so far
    void wait() const; // at once where nothing was recorded

private:
    const Device& m_device;
    CUevent_st* m_event = nullptr;
    bool m_is_recorded = false;
};

// Queued on the device's stream. The host side is pinned, or the call waits for it.
void copy_to_device(const Device& device, void* to, const void* from, std::int64_t bytes);
void copy_to_host(const Device& device, void* to, const void* from, std::int64_t bytes);
void fill_zero(const Device& device, void* to, std::int64_t bytes);

} // namespace kernels::cuda
