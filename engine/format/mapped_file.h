// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

namespace engine::format {

// What tells one state of a file from another without reading it: replaced or edited files differ.
struct FileIdentity
{
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint64_t size = 0;            // bytes
    std::int64_t modified_seconds = 0; // since the epoch
    std::int64_t modified_nanoseconds = 0;

    bool operator==(const FileIdentity&) const = default;
};

// One regular file, mapped for reading. Symbolic links are followed (Hugging Face's cache consists of them);
// folders, devices, pipes and empty files are refused without blocking.
//
// If the file shrinks or its disk fails while it is mapped, reading its pages does not end the process: from
// the missing page on the mapping reads as zeros and is_damaged() becomes true, which check() turns into an
// Error.
class MappedFile
{
public:
    // Throws Error with the path and the reason.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&&) noexcept;
    MappedFile& operator=(MappedFile&&) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;

    std::span<const std::byte> bytes() const { return {m_data, m_size}; }
    std::string_view text() const { return {reinterpret_cast<const char*>(m_data), m_size}; }
    std::size_t size() const { return m_size; }
    const std::string& path() const { return m_path; }
    const FileIdentity& identity() const { return m_identity; }

    // Tells the kernel how a part of the mapping will be used. Hints only; they never fail.
    enum class Advice
    {
        sequential,
        random,
        will_need,
        dont_need
    };
    void advise(std::span<const std::byte> part, Advice advice) const;

    bool is_damaged() const;
    // Throws if pages were lost or the file at the path is no longer the one that was mapped.
    void check() const;

private:
    struct Slot;
    void release() noexcept;

    std::string m_path;
    FileIdentity m_identity;
    const std::byte* m_data = nullptr;
    std::size_t m_size = 0;
    Slot* m_slot = nullptr; // entry in the table that the fault handler reads
};

} // namespace engine::format
