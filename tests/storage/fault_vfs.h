// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>

// A layer between SQLite and the disk that fails when it is told to. Nothing is synced: no test cuts the
// power.
namespace fault_vfs {

enum class Call
{
    open,
    read,
    write,
    truncate,
    sync,
    remove,
    map, // of the memory that the connections share
};
inline constexpr std::size_t call_kinds = 7;

enum class Failure
{
    io,
    full,        // writes and opens
    short_write, // half of the bytes arrive, then the disk is full
};

void install(); // for every connection opened from now on
void fail(Call call, Failure failure, int nth,
          bool lasts); // the n-th call from now, and all later ones of it
void heal();
bool has_struck();    // since fail()
int calls(Call call); // since fail() or heal()

// All files together may not grow beyond what they have now and `bytes` more; -1: no limit.
void set_room(std::int64_t bytes);

} // namespace fault_vfs
