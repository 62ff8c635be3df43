// SPDX-License-Identifier: MIT
#include "engine/format/mapped_file.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <system_error>
#include <utility>

namespace engine::format {

// A slot of the table that the fault handler walks. Lock-free, because the handler may run on any thread at
// any time: a slot is in use while `end` is not 0.
struct MappedFile::Slot
{
    std::atomic<std::uintptr_t> begin = 0;
    std::atomic<std::uintptr_t> end = 0;
    std::atomic<bool> damaged = false;

    static std::array<Slot, 1024> table;
    static std::uintptr_t page_size;
    static struct sigaction previous;

    static void on_bus_error(int signal_number, siginfo_t* info, void* context);
    static void install_handler();
    static Slot* claim(const std::byte* data, std::size_t size);
};

std::array<MappedFile::Slot, 1024> MappedFile::Slot::table;
std::uintptr_t MappedFile::Slot::page_size = 4096;
struct sigaction MappedFile::Slot::previous = {};

// A page of a mapped file that no longer exists raises SIGBUS. The handler puts zeros in the place of it and
// of all that follows, so that the reading thread goes on, and leaves a mark: the file is of no use any more,
// and a page at a time would run into the kernel's limit of mappings. mmap is a plain system call, safe
// within a handler.
void MappedFile::Slot::on_bus_error(int signal_number, siginfo_t* info, void* context)
{
    const int saved_errno = errno;
    const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    for (Slot& slot : table) {
        const std::uintptr_t end = slot.end.load();
        // Read again: meanwhile the slot may have become another file's.
        if (end == 0 || address >= end || address < slot.begin.load() || slot.end.load() != end)
            continue;
        const std::uintptr_t page = address & ~(page_size - 1);
        if (mmap(reinterpret_cast<void*>(page), end - page, PROT_READ,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
            break;
        slot.damaged.store(true);
        errno = saved_errno;
        return;
    }
    // Not ours. Let whoever was there before handle it; the default action ends the process when the faulting
    // instruction runs again.
    if (previous.sa_flags & SA_SIGINFO)
        previous.sa_sigaction(signal_number, info, context);
    else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN)
        previous.sa_handler(signal_number);
    else
        signal(signal_number, SIG_DFL);
    errno = saved_errno;
}

void MappedFile::Slot::install_handler()
{
    static std::once_flag once;
    std::call_once(once, [] {
        page_size = static_cast<std::uintptr_t>(sysconf(_SC_PAGESIZE));
        struct sigaction action = {};
        action.sa_sigaction = &on_bus_error;
        action.sa_flags = SA_SIGINFO | SA_ONSTACK;
        sigemptyset(&action.sa_mask);
        sigaction(SIGBUS, &action, &previous);
    });
}

MappedFile::Slot* MappedFile::Slot::claim(const std::byte* data, std::size_t size)
{
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    for (Slot& slot : table) {
        if (slot.end.load() != 0)
            continue;
        const auto begin = reinterpret_cast<std::uintptr_t>(data);
        slot.damaged.store(false);
        slot.begin.store(begin);
        // The kernel maps whole pages: the rest of the last one reads as zeros anyway.
        slot.end.store((begin + size + page_size - 1) & ~(page_size - 1));
        return &slot;
    }
    return nullptr;
}

namespace {

std::string reason(int error)
{
    return std::generic_category().message(error);
}

FileIdentity identity_of(const struct stat& info)
{
    return {static_cast<std::uint64_t>(info.st_dev), static_cast<std::uint64_t>(info.st_ino),
            static_cast<std::uint64_t>(info.st_size), static_cast<std::int64_t>(info.st_mtim.tv_sec),
            static_cast<std::int64_t>(info.st_mtim.tv_nsec)};
}

class Descriptor
{
public:
    explicit Descriptor(int fd)
        : m_fd(fd)
    {
    }
    ~Descriptor()
    {
        if (m_fd >= 0)
            close(m_fd);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    int get() const { return m_fd; }

private:
    int m_fd;
};

} // namespace

MappedFile::MappedFile(const std::filesystem::path& path)
    : m_path(path.string())
{
    // A pipe or device must not block the opening; what is no regular file is refused right after it.
    const Descriptor fd(open(m_path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (fd.get() < 0)
        throw Error(m_path, "cannot be opened: " + reason(errno));
    struct stat info = {};
    if (fstat(fd.get(), &info) != 0)
        throw Error(m_path, "cannot be examined: " + reason(errno));
    if (S_ISDIR(info.st_mode))
        throw Error(m_path, "expected a file, found a folder");
    if (!S_ISREG(info.st_mode))
        throw Error(m_path, "expected a regular file, found a device or pipe");
    if (info.st_size == 0)
        throw Error(m_path, "the file is empty");

    m_identity = identity_of(info);
    m_size = static_cast<std::size_t>(info.st_size);
    void* data = mmap(nullptr, m_size, PROT_READ, MAP_SHARED, fd.get(), 0);
    if (data == MAP_FAILED)
        throw Error(m_path, "cannot be mapped into memory: " + reason(errno));
    m_data = static_cast<const std::byte*>(data);
    Slot::install_handler();
    m_slot = Slot::claim(m_data, m_size);
    if (!m_slot) {
        release();
        throw Error(m_path,
                    fmt::format("expected fewer than {} files in use, found as many", Slot::table.size()));
    }
}

MappedFile::~MappedFile()
{
    release();
}

void MappedFile::release() noexcept
{
    if (m_slot)
        m_slot->end.store(0);
    if (m_data)
        munmap(const_cast<std::byte*>(m_data), m_size);
    m_slot = nullptr;
    m_data = nullptr;
    m_size = 0;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : m_path(std::move(other.m_path))
    , m_identity(other.m_identity)
    , m_data(std::exchange(other.m_data, nullptr))
    , m_size(std::exchange(other.m_size, 0))
    , m_slot(std::exchange(other.m_slot, nullptr))
{
}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept
{
    if (this != &other) {
        release();
        m_path = std::move(other.m_path);
        m_identity = other.m_identity;
        m_data = std::exchange(other.m_data, nullptr);
        m_size = std::exchange(other.m_size, 0);
        m_slot = std::exchange(other.m_slot, nullptr);
    }
    return *this;
}

void MappedFile::advise(std::span<const std::byte> part, Advice advice) const
{
    if (part.empty())
        return;
    const auto begin = reinterpret_cast<std::uintptr_t>(part.data());
    const std::uintptr_t first_page = begin & ~(Slot::page_size - 1);
    int flag = MADV_NORMAL;
    switch (advice) {
    case Advice::sequential:
        flag = MADV_SEQUENTIAL;
        break;
    case Advice::random:
        flag = MADV_RANDOM;
        break;
    case Advice::will_need:
        flag = MADV_WILLNEED;
        break;
    case Advice::dont_need:
        flag = MADV_DONTNEED;
        break;
    }
    madvise(reinterpret_cast<void*>(first_page), begin + part.size() - first_page, flag);
}

bool MappedFile::is_damaged() const
{
    return m_slot && m_slot->damaged.load();
}

void MappedFile::check() const
{
    if (is_damaged())
        throw Error(m_path,
                    "a part of the file could no longer be read: it was cut short or its disk failed");
    struct stat info = {};
    if (stat(m_path.c_str(), &info) != 0)
        throw Error(m_path, "the file is no longer there: " + reason(errno));
    if (identity_of(info) != m_identity)
        throw Error(m_path, "the file was changed or replaced while it was in use");
}

} // namespace engine::format
