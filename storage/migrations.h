// SPDX-License-Identifier: MIT
#pragma once

#include "storage/database.h"

#include <filesystem>
#include <functional>
#include <span>
#include <stop_token>

namespace storage {

// One step of the schema. The list only ever grows: a step that was released is never edited.
struct Migration
{
    int version;      // of the database after it; counts up from 1 without a gap
    const char* what; // for the message if it fails
    const char* sql;
};

std::span<const Migration> migrations();

// The version of the schema that this program reads and writes.
int supported_version();
int version_of(Connection& database);

// Throws Error{too_new}, naming the file and both versions, or Error{corrupt} for a database of another
// program. Only reads.
void refuse_foreign(Connection& database, int supported);

// An upgrade of a long history takes minutes, most of them for the first index of its words.
struct Upgrade
{
    // Hears at the beginning of each step which of how many it is, from 1; the first is the copy. A new
    // database is silent.
    std::function<void(int step, int steps)> begins = {};
    // Asked for: ends it with Error{cancelled}, the database as it was. A new one is made in any case.
    std::stop_token stop = {};
};

// Brings a database to the last version of the list, in one transaction: all steps or none. A database that
// holds something is copied to `backups` first. `database` is a writer.
void migrate(Connection& database, std::span<const Migration> list, const std::filesystem::path& backups,
             const Upgrade& upgrade = {});

} // namespace storage
