// SPDX-License-Identifier: MIT
// The smallest model that answers: about 30 KB, with its vocabulary and chat template.
#pragma once

#include "tests/engine/golden_gguf.h"
#include "tests/engine/model_writer.h"

#include <filesystem>

namespace museum {

// Files of the golden model lite, which has a vocabulary of 260 tokens.
inline void write_toy(const std::filesystem::path& folder)
{
    write_random({.layers = 2,
                  .hidden = 16,
                  .heads = 2,
                  .q_lora = 0,
                  .kv_lora = 8,
                  .nope = 8,
                  .rope = 8,
                  .value = 8,
                  .dense_width = 16,
                  .expert_width = 8,
                  .experts = 4,
                  .experts_per_tok = 2,
                  .vocabulary = 260},
                 folder);
    const std::filesystem::path lite = std::filesystem::path(FATHOM_SOURCE_DIR) / "tests/data/golden/lite";
    for (const char* name : {"tokenizer.json", "tokenizer_config.json"})
        std::filesystem::copy_file(lite / name, folder / name);
}

// The same as one GGUF file, with alignment and everything else that a converter writes.
inline GgufWriter toy_gguf(const std::filesystem::path& folder,
                           golden::KeyValueForm form = golden::KeyValueForm::mla)
{
    GgufWriter writer = golden::to_gguf(folder, form);
    writer.string(
        "tokenizer.chat_template",
        "{{ bos_token }}{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n\n' }}{% endfor %}"
        "{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}");
    return writer;
}

} // namespace museum
