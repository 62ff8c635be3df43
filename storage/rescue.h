// SPDX-License-Identifier: MIT
#pragma once

#include "storage/database.h"
#include "storage/profile_lock.h"

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

// What can be done about a damaged history. Nothing here overwrites it before a complete copy of it is kept.
namespace storage {

// What SQLite finds wrong with the file, in its words, at most twenty lines; empty for a sound one. Reads all
// of it.
std::vector<std::string> check(Connection& database);
// The same without comparing the indexes to their tables, in a fraction of the time.
std::vector<std::string> quick_check(Connection& database);

struct Rescued
{
    std::filesystem::path kept; // folder with the history as it was found
    std::int64_t conversations = 0;
    std::int64_t messages = 0;
    std::int64_t unreadable = 0; // rows that could not be read, as far as their numbers are known
};

// Makes a new history of every row that can still be read and puts it in the place of the damaged one, which
// is kept in `<profile>/damaged/<time>`. A message whose predecessor is lost hangs below the latest one
// before it; one whose conversation is lost gets a new one. The profile is held by `lock` and no store is
// open. Throws Error{corrupt} where not even the tables can be found (restore a backup then), with everything
// left as it was.
Rescued rescue(const ProfileLock& lock);

// Puts a backup in the place of the history, which is kept in `<profile>/damaged/<time>`. Returns that
// folder. Throws Error, with the history left as it was, where the backup is damaged itself.
std::filesystem::path restore_backup(const ProfileLock& lock, const std::filesystem::path& backup);

// Ends an exchange of files that a crash interrupted. To be called before the history is opened for writing.
void finish_exchange(const std::filesystem::path& profile);

} // namespace storage
