// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf_writer.h"
#include "engine/format/model_files.h"

#include <cstdint>

namespace engine {

// Writes the vocabulary, its flags and the chat template of a model under "tokenizer.": of a GGUF file as
// they are, of a folder out of tokenizer.json and its companions, with [PADn] for each of the `vocab_size`
// ids that has no token. Writes nothing for a folder without vocabulary. Throws Error where the vocabulary
// cannot be read or is larger than the matrices.
void add_vocabulary(format::GgufWriter& writer, const format::ModelFiles& files, std::int64_t vocab_size);

} // namespace engine
