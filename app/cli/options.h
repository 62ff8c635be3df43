// SPDX-License-Identifier: MIT
// Options that several commands share.
#pragma once

#include "app/cli/arguments.h"
#include "engine/engine.h"

#include <filesystem>
#include <string>

namespace app {

std::filesystem::path modelOperand(const Arguments& arguments);

// -t, --device, --isa, --kv, --ctx where the command has them.
engine::LoadOptions loadOptions(const Arguments& arguments, engine::CacheType cacheType);

// The whole of a file, or of standard input for an empty path. Throws engine::Error.
std::string readText(const std::filesystem::path& path);

} // namespace app
