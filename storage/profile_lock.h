// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <sys/types.h>

namespace storage {

// One process per profile: an advisory lock on `<profile>/lock` that the kernel releases when the process
// dies, however it dies. The file holds the process id of the holder. Creates the profile directory (0700) if
// it is missing.
class ProfileLock
{
public:
    // Does not wait: held() says whether this process has the profile now. Throws Error when the directory or
    // the lock file cannot be used at all.
    explicit ProfileLock(std::filesystem::path profile);
    ~ProfileLock();
    ProfileLock(const ProfileLock&) = delete;
    ProfileLock& operator=(const ProfileLock&) = delete;

    bool held() const { return m_held; }
    // The process that holds the profile: this one if held(); 0 if the other one has not written its id yet.
    pid_t holder() const { return m_holder; }
    const std::filesystem::path& profile() const { return m_profile; }

private:
    std::filesystem::path m_profile;
    int m_file = -1;
    bool m_held = false;
    pid_t m_holder = 0;
};

} // namespace storage
