// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace storage {

// A file (0600) that is written beside its place and takes it, whole and on the disk, with finish(); until
// then what was there stays, and without finish() it stays for good. All functions throw Error.
class NewFile
{
public:
    explicit NewFile(std::filesystem::path place);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;

    void write(std::string_view bytes);
    void finish();

private:
    void flush();
    [[noreturn]] void fail(int code) const; // errno

    std::filesystem::path m_place;
    std::string m_partial; // its name until it is finished
    int m_descriptor = -1;
    std::string m_buffer;
};

} // namespace storage
