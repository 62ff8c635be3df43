// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/mapped_file.h"
#include "engine/format/tensor_table.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace engine::format {

// The weights of a folder in Hugging Face layout: one model.safetensors, or the shards that
// model.safetensors.index.json names. Each file: header length (u64, little-endian), JSON header, data.
class Safetensors
{
public:
    // path: a .safetensors file, or a folder that holds one or an index. Throws Error with file, tensor and
    // reason: a header that is no JSON or too long, unknown types, sizes that do not fit the shape, gaps,
    // overlaps, duplicates, tensors outside the file, shard names that are not plain file names, tensors
    // missing in a shard.
    explicit Safetensors(const std::filesystem::path& path);

    const std::vector<MappedFile>& files() const { return m_files; }
    const TensorTable& tensors() const { return m_tensors; }
    // "__metadata__" of the first file.
    const std::map<std::string, std::string>& metadata() const { return m_metadata; }

    // Whether a folder holds weights at all.
    static bool exists_in(const std::filesystem::path& folder);

private:
    void read_file(const std::filesystem::path& path);
    void read_index(const std::filesystem::path& folder, const std::filesystem::path& index);

    std::vector<MappedFile> m_files;
    std::map<std::string, std::string> m_metadata;
    TensorTable m_tensors;
};

} // namespace engine::format
