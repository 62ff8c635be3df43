// SPDX-License-Identifier: MIT
#include "engine/format/model_files.h"

#include "engine/error.h"

namespace engine::format {

ModelFiles::ModelFiles(const std::filesystem::path& path)
    : m_path(path)
{
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (status.type() == std::filesystem::file_type::not_found)
        throw Error(path.string(), "expected a model, found no such file or folder");
    if (status.type() != std::filesystem::file_type::directory) {
        m_gguf.emplace(path);
        return;
    }
    if (!std::filesystem::exists(path / "config.json", error) &&
        !std::filesystem::exists(path / "tokenizer.json", error))
        throw Error(path.string(), "expected config.json and tokenizer.json in the folder, found neither");
    if (Safetensors::exists_in(path))
        m_safetensors.emplace(path);
}

std::string ModelFiles::name() const
{
    if (m_gguf) {
        const std::optional<std::string_view> name = m_gguf->find_string("general.name");
        return name && !name->empty() ? printable(*name) : m_path.stem().string();
    }
    // "model/" has an empty last part.
    const std::filesystem::path folder = m_path.has_filename() ? m_path : m_path.parent_path();
    return folder.filename().string();
}

const TensorTable& ModelFiles::tensors() const
{
    if (m_gguf)
        return m_gguf->tensors();
    return m_safetensors ? m_safetensors->tensors() : m_no_tensors;
}

std::span<const MappedFile> ModelFiles::files() const
{
    if (m_gguf)
        return m_gguf->files();
    return m_safetensors ? std::span<const MappedFile>(m_safetensors->files())
                         : std::span<const MappedFile>();
}

std::uint64_t ModelFiles::file_bytes() const
{
    std::uint64_t total = 0;
    for (const MappedFile& file : files())
        total += file.size();
    return total;
}

void ModelFiles::advise(std::span<const std::byte> part, MappedFile::Advice advice) const
{
    for (const MappedFile& file : files()) {
        const auto all = file.bytes();
        if (part.data() >= all.data() && part.data() < all.data() + all.size()) {
            file.advise(part, advice);
            return;
        }
    }
}

void ModelFiles::check() const
{
    for (const MappedFile& file : files())
        file.check();
}

} // namespace engine::format
