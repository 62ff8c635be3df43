// SPDX-License-Identifier: MIT
// One virtual call a forward pass. backend_cpu.cpp and backend_cuda.cpp each instantiate the forward pass of
// deepseek_v2.h over their Ops; the second lives in the module libfathom-cuda.so, loaded at run time.
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/weights.h"
#include "kernels/batch.h"
#include "kernels/cuda/plan.h"
#include "kernels/sampling.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

namespace engine {

struct BackendOptions
{
    int device = 0; // index among the module's devices
    int threads = 1;
    std::string isa;
    CacheType cache_type = CacheType::bf16;
    std::int64_t cache_blocks = 0;   // of kernels::cache_block_tokens tokens, all layers
    std::int64_t context_tokens = 0; // of one sequence
    std::int64_t max_rows = 256;     // tokens in one pass at most
};

// Errors: Error; of a GPU DeviceError, and once it was lost every call throws that again.
class Backend
{
public:
    virtual ~Backend() = default;

    // Runs the batch and writes logits (output rows, vocab_size). The batch's blocks then hold its tokens.
    // Returns false, with the cache of the batch's rows undefined, when `stop` was triggered on the way.
    virtual bool forward(const kernels::Batch& batch, std::span<float> logits, std::stop_token stop) = 0;

    // The ids that sample() may choose: `defined` (vocab_size) is 1 there, 0 elsewhere. Before the first
    // sample().
    virtual void set_defined(std::span<const std::uint8_t> defined) = 0;

    // As forward(), but the logits stay where they are: ids (output rows) are chosen from them by
    // kernels::choose, -1 where they are not finite.
    virtual bool sample(const kernels::Batch& batch, std::span<const kernels::TokenChoice> choices,
                        std::span<std::int32_t> ids, std::stop_token stop) = 0;

    virtual std::int64_t scratch_bytes() const = 0;
    // All that the backend has taken of its device, the mapped weights of the CPU not counted.
    virtual std::int64_t memory_bytes() const = 0;
};

// Rows of logits that sample() makes at a time, of passes of at most `max_rows` rows.
constexpr std::int64_t logits_rows(std::int64_t max_rows)
{
    return max_rows < 32 ? max_rows : 32;
}

// `weights` outlives the backend.
std::unique_ptr<Backend> make_cpu_backend(const Config& config, const Weights& weights,
                                          const BackendOptions& options);

// What a backend that copies the weights tells while it does, all on the calling thread.
struct UploadHooks
{
    std::function<void(std::int64_t stages, std::int64_t bytes)> progress; // of the files, done so far
    std::function<void(std::span<const std::byte>)> will_need;             // is read soon
    std::function<void(std::span<const std::byte>)> done_with;             // is not read again
    // The GPU was lost, now or later; one sentence.
    std::function<void(const std::string& why)> lost;
};

// What the module exports: one C function that returns this table. A module of another version is refused.
inline constexpr std::uint32_t backend_module_version = 2;
inline constexpr const char* backend_module_symbol = "fathom_backend_module";

struct BackendModule
{
    std::uint32_t version = 0;
    // Fills `devices`; returns an empty string, or why there is none (no driver, driver too old) in one
    // sentence.
    std::string (*list_devices)(std::vector<Device>& devices) = nullptr;
    // What plans for this GPU depend on. Throws DeviceError.
    kernels::cuda::DeviceLimits (*device_limits)(int device) = nullptr;
    // Copies the weights, which need not outlive the call. Returns null when stopped. Throws DeviceError.
    std::unique_ptr<Backend> (*make_backend)(const Config& config, const Weights& weights,
                                             const BackendOptions& options, const UploadHooks& hooks,
                                             const std::stop_token& stop) = nullptr;
};
using BackendModuleFunction = const BackendModule* (*)();

// The module beside the program, loaded once; null with the reason where there is none.
struct LoadedModule
{
    const BackendModule* module = nullptr;
    std::string why_not;
};
const LoadedModule& cuda_module();

} // namespace engine
