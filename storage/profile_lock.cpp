// SPDX-License-Identifier: MIT
#include "storage/profile_lock.h"

#include "storage/error.h"

#include <cerrno>
#include <charconv>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <string>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace storage {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path)
{
    const int code = errno;
    const Error::Kind kind = code == EACCES || code == EROFS || code == EPERM ? Error::Kind::read_only
                             : code == ENOSPC || code == EDQUOT               ? Error::Kind::full
                                                                              : Error::Kind::io;
    throw Error(fmt::format("{} {} ({})", what, path.string(), std::strerror(code)), path.string(), kind);
}

} // namespace

ProfileLock::ProfileLock(std::filesystem::path profile)
    : m_profile(std::move(profile))
{
    std::error_code error;
    if (m_profile.has_parent_path())
        std::filesystem::create_directories(m_profile.parent_path(), error); // mkdir says what is wrong
    if (mkdir(m_profile.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        fail("The profile folder could not be created:", m_profile);

    const std::filesystem::path file = m_profile / "lock";
    m_file = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, S_IRUSR | S_IWUSR);
    if (m_file < 0)
        fail("The profile cannot be locked:", file);
    m_held = flock(m_file, LOCK_EX | LOCK_NB) == 0;
    if (!m_held && errno != EWOULDBLOCK) {
        const int code = errno;
        close(m_file);
        errno = code;
        fail("The profile cannot be locked:", file);
    }
    if (m_held) {
        // The id only informs a second start; the lock holds without it, for example on a full disk.
        m_holder = getpid();
        const std::string text = fmt::format("{}\n", m_holder);
        if (ftruncate(m_file, 0) != 0 || pwrite(m_file, text.data(), text.size(), 0) < 0)
            errno = 0;
        return;
    }
    char text[24];
    const ssize_t size = pread(m_file, text, sizeof text, 0);
    if (size > 0)
        std::from_chars(text, text + size, m_holder);
}

ProfileLock::~ProfileLock()
{
    if (m_held && ftruncate(m_file, 0) != 0)
        errno = 0; // a stale id does no harm: it is read only while somebody holds the lock
    close(m_file);
}

} // namespace storage
