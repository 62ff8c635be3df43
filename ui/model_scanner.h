// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace ui {

// A model that was found, with what its headers say or why they cannot be read.
struct FoundModel
{
    std::filesystem::path path; // a .gguf file (the first shard) or a Hugging Face folder
    engine::ModelInfo info;
    std::string error; // one line; `info` is empty then
};

// The models below a folder: *.gguf files and folders whose config.json names DeepSeek, also in the layout of
// the Hugging Face cache, where files are symbolic links. Depth and number of entries are bounded, links to
// folders are followed once. Ends early when `stop` becomes true. Never throws: what cannot be read is left
// out. Sorted by path.
std::vector<std::filesystem::path> findModels(const std::filesystem::path& folder,
                                              const std::atomic<bool>& stop);

// Reads the headers of each.
std::vector<FoundModel> inspectModels(const std::vector<std::filesystem::path>& paths,
                                      const std::function<decltype(engine::inspect)>& inspect,
                                      const std::atomic<bool>& stop);

} // namespace ui
