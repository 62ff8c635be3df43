// SPDX-License-Identifier: MIT
#pragma once

#include "engine/backend.h"
#include "engine/engine.h"
#include "kernels/cuda/plan.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace engine {

// Bytes that this process can still take without swapping: the kernel's estimate (which counts the page cache
// that mapped weights lie in), or what the control group leaves where that is less.
std::int64_t available_memory();
std::int64_t total_memory();

// Physical cores that this process may run on, at least 1.
int physical_cores();

// The GPU of an id such as "cuda:0". Loads the module.
struct FoundGpu
{
    const BackendModule* module = nullptr;
    int index = 0; // among the module's devices
    Device device;
    kernels::cuda::DeviceLimits limits;
    std::string why_not; // one sentence; the rest is not filled in then
};
FoundGpu find_gpu(std::string_view id);

// From now on until the program ends the GPU counts as unusable. Thread-safe.
void mark_lost(const std::string& id, const std::string& why);

} // namespace engine
