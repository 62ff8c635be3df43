// SPDX-License-Identifier: MIT
#include "tests/storage/fault_vfs.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <new>
#include <optional>
#include <sqlite3.h>
#include <string>

namespace fault_vfs {
namespace {

struct Plan
{
    Call call;
    Failure failure;
    int nth;
    bool lasts;
};

std::optional<Plan> plan;
std::array<int, call_kinds> counts{};
bool struck = false;
std::int64_t room = -1;
Recorder* recorder = nullptr;
std::map<std::string, std::int64_t> sizes; // of the files that were opened by name

// The failure that this call meets, if any.
std::optional<Failure> strike(Call call)
{
    const int count = ++counts[static_cast<std::size_t>(call)];
    if (!plan || plan->call != call || (plan->lasts ? count < plan->nth : count != plan->nth))
        return std::nullopt;
    struck = true;
    errno = EIO;
    return plan->failure;
}

int code(Failure failure, int io_error)
{
    return failure == Failure::io ? io_error : SQLITE_FULL;
}

// What SQLite allocates for us: our part, with the real file behind it.
struct File
{
    sqlite3_file base;
    sqlite3_file* real;
    std::string* name; // of a file that has one
};

File& of(sqlite3_file* file)
{
    return *reinterpret_cast<File*>(file);
}

sqlite3_file* real(sqlite3_file* file)
{
    return of(file).real;
}

int close_file(sqlite3_file* file)
{
    delete of(file).name;
    return real(file)->pMethods->xClose(real(file));
}

int read_file(sqlite3_file* file, void* bytes, int size, sqlite3_int64 offset)
{
    if (const auto failure = strike(Call::read))
        return code(*failure, SQLITE_IOERR_READ);
    return real(file)->pMethods->xRead(real(file), bytes, size, offset);
}

int write_file(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 offset)
{
    if (const auto failure = strike(Call::write)) {
        if (*failure == Failure::short_write)
            real(file)->pMethods->xWrite(real(file), bytes, size / 2, offset);
        return code(*failure, SQLITE_IOERR_WRITE);
    }
    if (const std::string* name = of(file).name) {
        std::int64_t& known = sizes[*name];
        const std::int64_t growth = std::max<std::int64_t>(0, offset + size - known);
        if (room >= 0 && growth > room)
            return SQLITE_FULL;
        if (room >= 0)
            room -= growth;
        known += growth;
        if (recorder)
            recorder->wrote(*name, offset, {static_cast<const char*>(bytes), static_cast<std::size_t>(size)});
    }
    return real(file)->pMethods->xWrite(real(file), bytes, size, offset);
}

int truncate_file(sqlite3_file* file, sqlite3_int64 size)
{
    if (const auto failure = strike(Call::truncate))
        return code(*failure, SQLITE_IOERR_TRUNCATE);
    if (const std::string* name = of(file).name) {
        std::int64_t& known = sizes[*name];
        if (room >= 0)
            room += std::max<std::int64_t>(0, known - size);
        known = std::min<std::int64_t>(known, size);
        if (recorder)
            recorder->truncated(*name, size);
    }
    return real(file)->pMethods->xTruncate(real(file), size);
}

int sync_file(sqlite3_file* file, int)
{
    if (const auto failure = strike(Call::sync))
        return code(*failure, SQLITE_IOERR_FSYNC);
    if (const std::string* name = of(file).name; name && recorder)
        recorder->synced(*name);
    return SQLITE_OK;
}

int map_shared(sqlite3_file* file, int page, int size, int extend, void volatile** memory)
{
    if (const auto failure = strike(Call::map))
        return code(*failure, SQLITE_IOERR_SHMMAP);
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}

const sqlite3_io_methods methods = {
    3,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    [](sqlite3_file* file, sqlite3_int64* size) { return real(file)->pMethods->xFileSize(real(file), size); },
    [](sqlite3_file* file, int level) { return real(file)->pMethods->xLock(real(file), level); },
    [](sqlite3_file* file, int level) { return real(file)->pMethods->xUnlock(real(file), level); },
    [](sqlite3_file* file, int* held) { return real(file)->pMethods->xCheckReservedLock(real(file), held); },
    [](sqlite3_file* file, int operation, void* argument) {
        return real(file)->pMethods->xFileControl(real(file), operation, argument);
    },
    [](sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); },
    [](sqlite3_file* file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); },
    map_shared,
    [](sqlite3_file* file, int offset, int count, int flags) {
        return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
    },
    [](sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); },
    [](sqlite3_file* file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); },
    [](sqlite3_file* file, sqlite3_int64 offset, int size, void** memory) {
        return real(file)->pMethods->xFetch(real(file), offset, size, memory);
    },
    [](sqlite3_file* file, sqlite3_int64 offset, void* memory) {
        return real(file)->pMethods->xUnfetch(real(file), offset, memory);
    },
};

sqlite3_vfs* disk = nullptr; // the one that was the default

int open_file(sqlite3_vfs*, const char* name, sqlite3_file* file, int flags, int* opened)
{
    file->pMethods = nullptr; // SQLite closes no file that has none
    if (const auto failure = strike(Call::open))
        return code(*failure, SQLITE_CANTOPEN);
    File& ours = *new (file) File{};
    ours.real = reinterpret_cast<sqlite3_file*>(&ours + 1);
    const int result = disk->xOpen(disk, name, ours.real, flags, opened);
    if (!ours.real->pMethods)
        return result;
    ours.base.pMethods = &methods;
    if (name && result == SQLITE_OK) {
        ours.name = new std::string(name);
        sqlite3_int64 size = 0;
        ours.real->pMethods->xFileSize(ours.real, &size);
        sizes[name] = size;
        if (recorder)
            recorder->opened(name);
    }
    return result;
}

int remove_file(sqlite3_vfs*, const char* name, int sync)
{
    if (const auto failure = strike(Call::remove))
        return code(*failure, SQLITE_IOERR_DELETE);
    if (room >= 0)
        room += sizes[name];
    sizes.erase(name);
    if (recorder)
        recorder->removed(name, sync != 0);
    return disk->xDelete(disk, name, sync);
}

} // namespace

void install()
{
    if (disk)
        return;
    disk = sqlite3_vfs_find(nullptr);
    static sqlite3_vfs ours = *disk; // all else is the disk's
    ours.zName = "faults";
    ours.pNext = nullptr;
    ours.szOsFile = static_cast<int>(sizeof(File)) + disk->szOsFile;
    ours.xOpen = open_file;
    ours.xDelete = remove_file;
    sqlite3_vfs_register(&ours, 1);
}

void fail(Call call, Failure failure, int nth, bool lasts)
{
    heal();
    plan = {call, failure, nth, lasts};
}

void heal()
{
    plan.reset();
    counts.fill(0);
    struck = false;
}

bool has_struck()
{
    return struck;
}

int calls(Call call)
{
    return counts[static_cast<std::size_t>(call)];
}

void record(Recorder* by)
{
    recorder = by;
}

void set_room(std::int64_t bytes)
{
    room = bytes;
}

} // namespace fault_vfs
