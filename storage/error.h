// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>
#include <utility>

namespace storage {

// What opening, reading or writing the history throws. what() is one sentence that a person can read; where()
// is the file or directory it is about; kind() lets the window choose its notice and its way out.
class Error : public std::runtime_error
{
public:
    enum class Kind
    {
        busy,       // another process holds the profile or the database
        full,       // no space left on the disk
        io,         // the disk or the file system failed; the store must be reopened
        corrupt,    // the file is damaged or is no Fathom database
        read_only,  // no permission to write
        too_new,    // written by a newer version of Fathom
        constraint, // a row that does not exist or must not exist: a mistake of the caller
        cancelled,  // ChatReader::interrupt() ended the query
        other,
    };

    Error(const std::string& what, std::string where, Kind kind = Kind::other)
        : std::runtime_error(what)
        , m_where(std::move(where))
        , m_kind(kind)
    {
    }

    const std::string& where() const { return m_where; }
    Kind kind() const { return m_kind; }

private:
    std::string m_where;
    Kind m_kind;
};

} // namespace storage
