// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/vocabulary.h"

#include <filesystem>
#include <memory>

namespace engine::text {

// tokenizer.json and, if it exists, tokenizer_config.json of a folder. Throws Error where they are not what a
// DeepSeek model has.
std::unique_ptr<const Vocabulary> read_vocabulary(const std::filesystem::path& tokenizer_json,
                                                  const std::filesystem::path& config_json);

} // namespace engine::text
