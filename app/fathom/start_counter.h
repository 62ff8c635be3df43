// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace app {

// Counts the starts of a profile that did not come far, in a file of its own. A start that ends before
// stood() or the destructor, by a crash or by force, is counted by the next one.
class StartCounter
{
public:
    // For the one that holds the profile's lock.
    explicit StartCounter(const std::filesystem::path& profile);
    ~StartCounter(); // an orderly end is no failure
    StartCounter(const StartCounter&) = delete;
    StartCounter& operator=(const StartCounter&) = delete;

    int failed() const { return m_failed; } // starts before this one, in a row
    void stood();                           // the window works

private:
    std::filesystem::path m_file;
    int m_failed = 0;
};

} // namespace app
