// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf.h"
#include "engine/text/vocabulary.h"

namespace engine::text {

// The keys tokenizer.* of a GGUF file. Throws Error where they are not what a DeepSeek model has.
std::unique_ptr<const Vocabulary> read_vocabulary(const format::Gguf& gguf);

} // namespace engine::text
