// SPDX-License-Identifier: MIT
#include "storage/backup.h"

#include "storage/chat_store.h"
#include "storage/migrations.h"
#include "storage/rescue.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <functional>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace storage {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "fathom-";
constexpr std::string_view suffix = ".db";

// A file or a directory onto the disk.
void sync(const fs::path& path)
{
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = descriptor >= 0 && fsync(descriptor) == 0;
    const int code = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (!done)
        throw Error(
            fmt::format("The backup {} could not be written ({})", path.string(), std::strerror(code)),
            path.string(), code == ENOSPC ? Error::Kind::full : Error::Kind::io);
}

void remove_with_log(const fs::path& file)
{
    std::error_code ignored;
    for (const char* ending : {"", "-wal", "-shm", "-journal"})
        fs::remove(fs::path(file) += ending, ignored);
}

void verify(const fs::path& copy)
{
    Connection database(copy, Connection::Mode::copy_only);
    const std::vector<std::string> findings = quick_check(database);
    if (!findings.empty())
        throw Error(fmt::format("the copy is damaged ({})", findings.front()), copy.string(),
                    Error::Kind::corrupt);
}

} // namespace

std::string utc_time()
{
    using namespace std::chrono;
    const auto now = system_clock::now();
    const std::time_t seconds = system_clock::to_time_t(now);
    const auto milliseconds = duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y%m%d-%H%M%S", &parts);
    return fmt::format("{}-{:03}", text, milliseconds);
}

std::optional<Time> time_of_backup(const fs::path& file)
{
    const std::string name = file.filename().string();
    std::tm parts{};
    if (!name.starts_with(prefix) || !name.ends_with(suffix) ||
        !strptime(name.c_str() + prefix.size(), "%Y%m%d-%H%M%S", &parts))
        return std::nullopt;
    return static_cast<Time>(timegm(&parts)) * 1000;
}

std::vector<fs::path> backups_in(const fs::path& folder)
{
    std::vector<fs::path> files;
    std::error_code ignored;
    for (fs::directory_iterator entry(folder, ignored), end; entry != end; entry.increment(ignored))
        if (time_of_backup(entry->path()))
            files.push_back(entry->path());
    std::sort(files.begin(), files.end(), std::greater<>()); // their names begin with their time
    return files;
}

fs::path back_up(Connection& database, const fs::path& backups, int keep)
{
    if (mkdir(backups.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        throw Error(fmt::format("The folder for backups {} could not be created ({})", backups.string(),
                                std::strerror(errno)),
                    backups.string(),
                    errno == EACCES || errno == EROFS    ? Error::Kind::read_only
                    : errno == ENOSPC || errno == EDQUOT ? Error::Kind::full
                                                         : Error::Kind::io);

    const fs::path file =
        backups / fmt::format("{}{}-v{}{}", prefix, utc_time(), version_of(database), suffix);
    const fs::path partial = backups / "partial";
    remove_with_log(partial);
    const int descriptor = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor < 0)
        throw Error(
            fmt::format("The backup {} could not be created ({})", partial.string(), std::strerror(errno)),
            partial.string(),
            errno == EACCES || errno == EROFS    ? Error::Kind::read_only
            : errno == ENOSPC || errno == EDQUOT ? Error::Kind::full
                                                 : Error::Kind::io);
    close(descriptor);
    try {
        database.run("VACUUM INTO ?1", partial.string());
        sync(partial);
        verify(partial);
    } catch (const Error& error) {
        remove_with_log(partial);
        throw Error(
            fmt::format("The history could not be copied into {}: {}", backups.string(), error.what()),
            partial.string(), error.kind());
    }
    std::error_code error;
    fs::rename(partial, file, error);
    if (error)
        throw Error(fmt::format("The backup {} could not be created ({})", file.string(), error.message()),
                    file.string(), Error::Kind::io);
    remove_with_log(partial); // what reading it may have left
    sync(backups);

    const std::vector<fs::path> all = backups_in(backups);
    for (std::size_t i = static_cast<std::size_t>(std::max(keep, 1)); i < all.size(); ++i)
        fs::remove(all[i], error);
    return file;
}

std::optional<fs::path> backup_if_due(const fs::path& profile, Time interval, int keep)
{
    const fs::path folder = profile / "backups";
    const std::vector<fs::path> made = backups_in(folder);
    if (!made.empty()) {
        const Time age = now() - time_of_backup(made.front()).value_or(0);
        if (age >= 0 && age < interval)
            return std::nullopt;
    }
    Connection database(database_file(profile), Connection::Mode::copy_only);
    refuse_foreign(database, supported_version());
    return back_up(database, folder, keep);
}

} // namespace storage
