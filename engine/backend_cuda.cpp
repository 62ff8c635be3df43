// SPDX-License-Identifier: MIT
// The CUDA module, libfathom-cuda.so: what the program finds behind engine/backend.h where it can load it.
#include "engine/backend.h"
#include "kernels/cuda/devices.h"

#include <utility>

namespace {

std::string list_devices(std::vector<engine::Device>& devices)
{
    kernels::cuda::DeviceList found = kernels::cuda::list_devices();
    for (std::size_t i = 0; i < found.devices.size(); ++i) {
        const kernels::cuda::DeviceInfo& gpu = found.devices[i];
        devices.push_back({.id = "cuda:" + std::to_string(i),
                           .name = gpu.name,
                           .memory_bytes = gpu.memory_bytes,
                           .free_bytes = gpu.free_bytes,
                           .detail = "compute capability " + std::to_string(gpu.capability_major) + "." +
                                     std::to_string(gpu.capability_minor)});
    }
    return std::move(found.why_none);
}

constexpr engine::BackendModule module_table{.version = engine::backend_module_version,
                                             .list_devices = list_devices};

} // namespace

extern "C" __attribute__((visibility("default"))) const engine::BackendModule* fathom_backend_module()
{
    return &module_table;
}
