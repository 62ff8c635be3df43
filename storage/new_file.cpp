// SPDX-License-Identifier: MIT
#include "storage/new_file.h"

#include "storage/error.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <utility>

namespace storage {
namespace {

constexpr std::size_t buffer_size = 64 * 1024;

} // namespace

NewFile::NewFile(std::filesystem::path place)
    : m_place(std::move(place))
    , m_partial(m_place.string() + ".XXXXXX")
{
    m_descriptor = mkostemp(m_partial.data(), O_CLOEXEC); // which makes it 0600
    if (m_descriptor < 0)
        fail(errno);
    m_buffer.reserve(buffer_size);
}

NewFile::~NewFile()
{
    if (m_descriptor < 0)
        return;
    close(m_descriptor);
    unlink(m_partial.c_str());
}

void NewFile::write(std::string_view bytes)
{
    m_buffer += bytes;
    if (m_buffer.size() >= buffer_size)
        flush();
}

void NewFile::flush()
{
    std::string_view rest = m_buffer;
    while (!rest.empty()) {
        const ssize_t written = ::write(m_descriptor, rest.data(), rest.size());
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            fail(errno);
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
    m_buffer.clear();
}

void NewFile::finish()
{
    flush();
    if (fsync(m_descriptor) != 0)
        fail(errno);
    if (std::rename(m_partial.c_str(), m_place.c_str()) != 0)
        fail(errno);
    close(std::exchange(m_descriptor, -1));
    // The name onto the disk as well; where a file system cannot, the file is there all the same.
    const std::filesystem::path folder = m_place.has_parent_path() ? m_place.parent_path() : ".";
    const int directory = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory >= 0) {
        fsync(directory);
        close(directory);
    }
}

void NewFile::fail(int code) const
{
    throw Error(fmt::format("The file {} could not be written ({})", m_place.string(), std::strerror(code)),
                m_place.string(),
                code == ENOSPC || code == EDQUOT                   ? Error::Kind::full
                : code == EACCES || code == EROFS || code == EPERM ? Error::Kind::read_only
                                                                   : Error::Kind::io);
}

} // namespace storage
