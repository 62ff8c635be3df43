// SPDX-License-Identifier: MIT
// The GPUs of this machine. No CUDA type leaves this header.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kernels::cuda {

struct DeviceInfo
{
    std::string name;              // "NVIDIA H100 80GB HBM3"
    std::int64_t memory_bytes = 0; // of the whole device
    std::int64_t free_bytes = 0;   // at the time of asking, of all processes
    int capability_major = 0;      // compute capability
    int capability_minor = 0;
    std::string why_not; // half a sentence where it cannot be used, else empty
};

struct DeviceList
{
    std::vector<DeviceInfo> devices; // in CUDA's order: the index is the device number
    std::string why_none;            // one sentence where `devices` is empty
};

// Never throws for what the driver says: a machine without a GPU is an ordinary machine.
DeviceList list_devices();

} // namespace kernels::cuda
