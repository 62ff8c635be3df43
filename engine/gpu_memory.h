// SPDX-License-Identifier: MIT
// What a model takes of a GPU's memory, planned without one.
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/weights.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/workspace.h"

#include <cstdint>
#include <memory>
#include <string>

namespace engine {

// The weights of a model as a GPU would hold them: shapes, types and offsets, no bytes.
struct DeviceModel
{
    Config config;
    Weights weights; // offsets of WeightLayout
    std::int64_t weight_bytes = 0;
    std::string why_not; // no GPU could hold them, or a tensor is missing
};

// Null for files without weights.
std::shared_ptr<const DeviceModel> make_device_model(const format::ModelFiles& files, const Config& config);

// How large a pass and the cache may be.
struct PassLimits
{
    CacheType cache_type = CacheType::bf16;
    std::int64_t cache_blocks = 0;
    std::int64_t context_tokens = 0; // of one sequence
    std::int64_t max_rows = 0;
};
kernels::cuda::ModelShape model_shape(const Config& config, const Weights& weights, const PassLimits& limits);

struct GpuMemory // bytes
{
    std::int64_t weights = 0;
    std::int64_t cache = 0;
    std::int64_t scratch = 0; // activations and workspace
};
GpuMemory gpu_memory(const DeviceModel& model, const PassLimits& limits,
                     const kernels::cuda::DeviceLimits& device);

// What the driver and cuBLAS take beside that, once the context of the process is there (the free memory that
// a device reports comes after it): cuBLAS' workspace of 32 MiB, the code of its kernels and of ours, which
// is loaded when it is first used, and the allocator's rounding.
inline constexpr std::int64_t gpu_library_bytes = std::int64_t{256} << 20;

} // namespace engine
