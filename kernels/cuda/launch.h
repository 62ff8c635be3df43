// SPDX-License-Identifier: MIT
// How kernels are started and failures reported. For .cu files, which nvcc compiles and, for the tests, the
// C++ compiler with the emulation's headers.
#pragma once

#include "kernels/cuda/plan.h"
#include "kernels/cuda/runtime.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

// Throws Failure where `error` is one: "<what>: <the runtime's words>".
void check(cudaError_t error, const char* what);

// Dynamic shared memory that every kernel may use without asking.
constexpr std::int64_t default_shared_bytes = 48 * 1024;

// Queues one launch on the device's stream. A plan whose grid has a zero does nothing. Throws Failure.
template <class... P, class... A>
void launch(const Device& device, const LaunchPlan& plan, void (*kernel)(P...), A&&... arguments)
{
    if (plan.grid[0] == 0 || plan.grid[1] == 0 || plan.grid[2] == 0)
        return;
    if (plan.shared_bytes > default_shared_bytes)
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                   static_cast<int>(plan.shared_bytes)),
              "asking for shared memory");
    cudaLaunchConfig_t config{};
    config.gridDim = dim3(plan.grid[0], plan.grid[1], plan.grid[2]);
    config.blockDim = dim3(plan.threads);
    config.dynamicSmemBytes = static_cast<std::size_t>(plan.shared_bytes);
    config.stream = device.stream();
    check(cudaLaunchKernelEx(&config, kernel, static_cast<P>(arguments)...), "launching a kernel");
}

// The block's dynamic shared memory, aligned to 128 bytes.
__device__ inline std::byte* dynamic_shared()
{
#ifdef FATHOM_CUDA_EMULATION
    return emulation::dynamic_shared();
#else
    extern __shared__ __align__(128) std::byte dynamic_shared_bytes[];
    return dynamic_shared_bytes;
#endif
}

} // namespace kernels::cuda
