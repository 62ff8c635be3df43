// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf_writer.h"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace app {

// A file that appears whole or not at all: it is written beside its place and moved there by commit(). Throws
// engine::Error where the disk refuses.
class OutputFile : public engine::format::ByteSink
{
public:
    explicit OutputFile(const std::filesystem::path& path);
    ~OutputFile() override; // without commit() nothing stays
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    void reserve(std::uint64_t bytes) override;
    void write(std::span<const std::byte> bytes) override;
    void write(std::string_view text);
    void commit();

private:
    struct Close
    {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    [[noreturn]] void fail(const char* what) const;

    std::filesystem::path m_path;
    std::filesystem::path m_temporary;
    std::unique_ptr<std::FILE, Close> m_file;
};

} // namespace app
