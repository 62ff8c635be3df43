// SPDX-License-Identifier: MIT
// A loaded model ready for forward passes: mapped weights, backend, cache. What the conversations of
// engine.cpp and the measurements of evaluator.h share.
#pragma once

#include "engine/backend.h"
#include "engine/config.h"
#include "engine/engine.h"
#include "engine/format/model_files.h"
#include "engine/kv_cache.h"
#include "engine/weights.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <string>

namespace engine {

struct Runtime
{
    format::ModelFiles files;
    Config config;
    LoadOptions options; // with every default filled in
    Weights weights;
    std::unique_ptr<Backend> backend;
    BlockPool pool;
};

// Binds the weights, plans the memory, reads the weights from the disk with progress (stage "Weights") and
// makes the backend. Throws Error, also when stopped.
std::unique_ptr<Runtime> make_runtime(format::ModelFiles files, const LoadOptions& options,
                                      const std::function<void(const LoadProgress&)>& progress,
                                      const std::stop_token& stop);

// The defaults that depend on the model and the machine, apart from the chunk, which plan() chooses. Throws
// Error where a value cannot be used.
LoadOptions resolve(const LoadOptions& options, std::int64_t model_context_tokens);

// The threads of the options, or as many as are worth it for a model of so many active parameters.
int cpu_threads(const LoadOptions& options, std::int64_t active_parameters);

// The chunk that a GPU with too little memory for a larger one is given.
inline constexpr std::int64_t smallest_gpu_chunk = 256;

std::string readable_bytes(std::int64_t bytes); // "1.50 GiB"
// What a plan that does not fit lacks: "expected …, found … free", and what would fit.
std::string shortage(const MemoryPlan& plan);

} // namespace engine
