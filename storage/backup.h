// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace storage {

inline constexpr int kept_backups = 3;

// A complete copy of what is committed, in a new file `fathom-<UTC time>-v<version>.db` of this directory,
// read through (quick_check) and on the disk before this returns. Only then the oldest beyond `keep` go.
// Throws Error, with the folder as it was; Error{corrupt} where the copy is not sound.
std::filesystem::path back_up(Connection& database, const std::filesystem::path& backups,
                              int keep = kept_backups);

// Makes a backup of a profile where the newest one is older than `interval` milliseconds, or dated in the
// future. For any thread: over a connection of its own, so that nothing waits for it. Returns its file, if
// one was made.
std::optional<std::filesystem::path> backup_if_due(const std::filesystem::path& profile, Time interval,
                                                   int keep = kept_backups);

// The backups in a folder, newest first.
std::vector<std::filesystem::path> backups_in(const std::filesystem::path& folder);

// When a backup was made, by its name; nothing for a file that is none.
std::optional<Time> time_of_backup(const std::filesystem::path& file);

// "20261124-093000-123", which sorts by time.
std::string utc_time();

} // namespace storage
