// SPDX-License-Identifier: MIT
// One virtual call a forward pass. backend_cpu.cpp and backend_cuda.cpp each instantiate the forward pass of
// deepseek_v2.h over their Ops; the second lives in the module libfathom-cuda.so, loaded at run time.
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/weights.h"
#include "kernels/batch.h"

#include <cstdint>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

namespace engine {

struct BackendOptions
{
    int device = 0; // index among the module's devices
    int threads = 1;
    std::string isa;
    CacheType cache_type = CacheType::bf16;
    std::int64_t cache_blocks = 0; // of kernels::cache_block_tokens tokens, all layers
    std::int64_t max_rows = 256;   // tokens in one pass at most
};

class Backend
{
public:
    virtual ~Backend() = default;

    // Runs the batch and writes logits (output rows, vocab_size). The batch's blocks then hold its tokens.
    // Returns false, with the cache of the batch's rows undefined, when `stop` was triggered on the way.
    virtual bool forward(const kernels::Batch& batch, std::span<float> logits, std::stop_token stop) = 0;

    virtual std::int64_t scratch_bytes() const = 0;
};

// `weights` outlives the backend.
std::unique_ptr<Backend> make_cpu_backend(const Config& config, const Weights& weights,
                                          const BackendOptions& options);

// What the module exports: one C function that returns this table. A module of another version is refused.
inline constexpr std::uint32_t backend_module_version = 1;
inline constexpr const char* backend_module_symbol = "fathom_backend_module";

struct BackendModule
{
    std::uint32_t version = 0;
    // Fills `devices`; returns an empty string, or why there is none (no driver, driver too old) in one
    // sentence.
    std::string (*list_devices)(std::vector<Device>& devices) = nullptr;
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
