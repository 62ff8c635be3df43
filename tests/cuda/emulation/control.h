// SPDX-License-Identifier: MIT
// The emulated machine: which GPUs it has, and what fails. C functions, so that they are also found in a
// module that was loaded at run time. Everything goes for the whole process.
#pragma once

#include <cstdint>

#define EMULATION_API extern "C" __attribute__((visibility("default")))

struct EmulatedDevice
{
    char name[64] = "NVIDIA Emulated GPU";
    int major = 8;
    int minor = 6;
    int multiprocessors = 4;
    std::int64_t shared_bytes = 99 * 1024; // of one block, opted in
    std::int64_t total_bytes = std::int64_t{12} << 30;
    std::int64_t others_bytes = 0; // taken by other processes
};

// Back to one EmulatedDevice, ascending threads, no faults; nothing is lost any more. Memory, streams and
// events that exist stay usable.
EMULATION_API void emulation_reset();

EMULATION_API void emulation_set_devices(const EmulatedDevice* devices, int count);

// As CUDA writes it: 13.0 is 13000. 0: no driver is installed. Older than the runtime's: too old.
EMULATION_API void emulation_set_driver(int version);

// The call number `nth` from now on (1: the next) of the function, such as "cudaMalloc", fails with this
// error. Errors after which a GPU is lost are returned by every later call too. One fault at a time.
EMULATION_API void emulation_fail(const char* function, int nth, int error);

// 0 ascending, 1 descending, 2 shuffled (kernels that run from now on).
EMULATION_API void emulation_set_order(int order);

// Of cudaMalloc on all devices, now and at most since the last emulation_reset().
EMULATION_API std::int64_t emulation_allocated_bytes();
EMULATION_API std::int64_t emulation_peak_bytes();

// Kernels that have run since the last emulation_reset().
EMULATION_API std::int64_t emulation_launches();
