// SPDX-License-Identifier: MIT
#include "kernels/cuda/devices.h"

#include <cuda_runtime.h>

namespace kernels::cuda {

namespace {

constexpr int least_capability_major = 8; // bf16 tensor cores and copies past the registers

// CUDA writes 13.0 as 13000 and 12.8 as 12080.
std::string version_text(int version)
{
    return std::to_string(version / 1000) + "." + std::to_string(version % 1000 / 10);
}

std::string reason(cudaError_t error)
{
    int driver = 0;
    if (cudaDriverGetVersion(&driver) != cudaSuccess || driver == 0) {
        return "No NVIDIA driver is installed.";
    }
    if (error == cudaErrorInsufficientDriver) {
        return "The NVIDIA driver is too old: it knows CUDA " + version_text(driver) + ", and CUDA " +
               version_text(CUDART_VERSION) + " is needed.";
    }
    if (error == cudaErrorNoDevice || error == cudaSuccess) {
        return "The NVIDIA driver finds no GPU.";
    }
    return std::string("The NVIDIA driver cannot be used: ") + cudaGetErrorString(error) + ".";
}

} // namespace

DeviceList list_devices()
{
    DeviceList list;
    int count = 0;
    cudaError_t error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || count == 0) {
        list.why_none = reason(error);
        cudaGetLastError(); // or the next launch would report this one
        return list;
    }
    int current = 0;
    cudaGetDevice(&current);
    for (int i = 0; i < count; ++i) {
        cudaDeviceProp properties{};
        std::size_t free_bytes = 0;
        std::size_t total_bytes = 0;
        error = cudaGetDeviceProperties(&properties, i);
        if (error == cudaSuccess) {
            error = cudaSetDevice(i);
        }
        if (error == cudaSuccess) {
            error = cudaMemGetInfo(&free_bytes, &total_bytes);
        }
        DeviceInfo device;
        if (error == cudaSuccess) {
            device.name = properties.name;
            device.capability_major = properties.major;
            device.capability_minor = properties.minor;
            if (properties.major < least_capability_major)
                device.why_not = "compute capability " + std::to_string(properties.major) + "." +
                                 std::to_string(properties.minor) + ", and " +
                                 std::to_string(least_capability_major) + ".0 is needed";
        } else { // listed all the same, since the index is the device's number
            device.name = "GPU " + std::to_string(i);
            device.why_not = cudaGetErrorString(error);
            cudaGetLastError();
        }
        device.memory_bytes = static_cast<std::int64_t>(total_bytes);
        device.free_bytes = static_cast<std::int64_t>(free_bytes);
        list.devices.push_back(std::move(device));
    }
    cudaSetDevice(current);
    return list;
}

} // namespace kernels::cuda
