// SPDX-License-Identifier: MIT
#include "app/cli/output_file.h"

#include "app/cli/interrupt.h"
#include "engine/error.h"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace app {

OutputFile::OutputFile(const std::filesystem::path& path)
    : m_path(path)
    , m_temporary(path.string() + fmt::format(".{}.part", getpid()))
{
    std::error_code error;
    if (std::filesystem::is_directory(path, error))
        throw engine::Error(path.string(), "expected a file to write, found a folder");
    setUnfinishedFile(m_temporary.string());
    m_file.reset(std::fopen(m_temporary.c_str(), "wbx"));
    if (!m_file) {
        setUnfinishedFile({});
        fail("cannot be created");
    }
}

OutputFile::~OutputFile()
{
    if (!m_file)
        return;
    m_file.reset();
    std::error_code ignored;
    std::filesystem::remove(m_temporary, ignored);
    setUnfinishedFile({});
}

void OutputFile::reserve(std::uint64_t bytes)
{
    std::error_code error;
    const std::filesystem::space_info space = std::filesystem::space(m_temporary, error);
    if (!error && space.available < bytes)
        throw engine::Error(m_path.string(), fmt::format("expected {} bytes free on the disk, found {}",
                                                         bytes, space.available));
}

void OutputFile::write(std::span<const std::byte> bytes)
{
    if (!bytes.empty() && std::fwrite(bytes.data(), 1, bytes.size(), m_file.get()) != bytes.size())
        fail("cannot be written");
}

void OutputFile::write(std::string_view text)
{
    write(std::as_bytes(std::span(text.data(), text.size())));
}

void OutputFile::commit()
{
    if (std::fflush(m_file.get()) != 0 || fsync(fileno(m_file.get())) != 0)
        fail("cannot be written");
    if (std::rename(m_temporary.c_str(), m_path.c_str()) != 0)
        fail("cannot be moved into place");
    m_file.reset();
    setUnfinishedFile({});
}

void OutputFile::fail(const char* what) const
{
    throw engine::Error(m_path.string(), fmt::format("{}: {}", what, std::generic_category().message(errno)));
}

} // namespace app
