// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// A layer between SQLite and the disk that fails when it is told to, and tells what goes through it. Nothing
// is really synced: tests/storage/power.h says what a disk would hold without power.
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

// Is told of all that reaches the disk, for files that have a name.
class Recorder
{
public:
    virtual ~Recorder() = default;
    virtual void opened(const std::string& name) = 0; // and made, where it was not there
    virtual void wrote(const std::string& name, std::int64_t offset, std::string_view bytes) = 0;
    virtual void truncated(const std::string& name, std::int64_t size) = 0;
    virtual void synced(const std::string& name) = 0;
    virtual void removed(const std::string& name, bool directory) = 0; // the folder was synced too
};
void record(Recorder* recorder); // null: nobody

// All files together may not grow beyond what they have now and `bytes` more; -1: no limit.
void set_room(std::int64_t bytes);

} // namespace fault_vfs
