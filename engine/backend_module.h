// SPDX-License-Identifier: MIT
// Loading the backend modules that engine/backend.h describes.
#pragma once

#include "engine/backend.h"

#include <filesystem>

namespace engine {

// The name of the module's file, beside the program or in ../lib/fathom of it.
inline constexpr const char* cuda_module_file = "libfathom-cuda.so";

// Loads one file and checks its version. It stays loaded until the program ends, since code of it may be
// running. Never throws: `why_not` is one sentence where `module` is null.
LoadedModule load_module(const std::filesystem::path& file);

} // namespace engine
