// SPDX-License-Identifier: MIT
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/format/model_files.h"

namespace engine {

// What can be said about a model without reading its weights.
ModelInfo describe(const format::ModelFiles& files, const Config& config);

} // namespace engine
