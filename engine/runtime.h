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

// The defaults that depend on the model and the machine; throws Error where a value cannot be used.
LoadOptions resolve(const LoadOptions& options, std::int64_t model_context_tokens);

} // namespace engine
