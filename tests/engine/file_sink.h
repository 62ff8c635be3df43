// SPDX-License-Identifier: MIT
#pragma once

#include "engine/format/gguf_writer.h"

#include <filesystem>
#include <fstream>

// A file for the functions that write models.
class FileSink : public engine::format::ByteSink
{
public:
    explicit FileSink(const std::filesystem::path& path)
        : m_out(path, std::ios::binary)
    {
    }
    void reserve(std::uint64_t) override {}
    void write(std::span<const std::byte> bytes) override
    {
        m_out.write(reinterpret_cast<const char*>(bytes.data()), std::ssize(bytes));
    }

private:
    std::ofstream m_out;
};
