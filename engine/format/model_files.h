// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf.h"
#include "engine/format/safetensors.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>

namespace engine::format {

// What a MODEL argument names, opened: a GGUF file, or a folder with config.json, tokenizer.json and weights.
// A vocabulary without weights serves too; tensors() is empty then.
class ModelFiles
{
public:
    explicit ModelFiles(const std::filesystem::path& path);

    const std::filesystem::path& path() const { return m_path; }
    std::string name() const; // general.name, or the name of the file or folder
    const Gguf* gguf() const { return m_gguf ? &*m_gguf : nullptr; } // null: a folder
    bool is_folder() const { return !m_gguf; }

    const TensorTable& tensors() const;
    std::span<const MappedFile> files() const; // the files that hold tensors
    std::uint64_t file_bytes() const;

    // Tells the kernel how a part of one of the files will be used. A hint; it never fails.
    void advise(std::span<const std::byte> part, MappedFile::Advice advice) const;

    // Throws if a mapped file was replaced, changed or cut since it was opened.
    void check() const;

private:
    std::filesystem::path m_path;
    std::optional<Gguf> m_gguf;
    std::optional<Safetensors> m_safetensors;
    TensorTable m_no_tensors;
};

} // namespace engine::format
