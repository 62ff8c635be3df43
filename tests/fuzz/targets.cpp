// SPDX-License-Identifier: MIT
#include "tests/fuzz/targets.h"

namespace fuzz {

std::span<const Target> targets()
{
    static constexpr Target all[] = {
        {"chat_template", chat_template}, {"config", config},       {"gguf", gguf},      {"json", json},
        {"safetensors", safetensors},     {"tokenizer", tokenizer}, {"weights", weights}};
    return all;
}

} // namespace fuzz
