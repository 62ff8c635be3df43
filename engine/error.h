// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace engine {

// Everything that can go wrong with a model, a template, a file or a request.
// what() is one readable line: "FILE: PLACE: what was expected, what was found".
class Error : public std::runtime_error
{
public:
    // where: a file name, "FILE: tensor NAME", "FILE: key NAME"; empty where there is none.
    Error(std::string_view where, std::string_view what);
    Error(std::string_view file, std::string_view place, std::string_view what);

    const std::string& where() const { return m_where; }

private:
    std::string m_where;
};

// A GPU is the reason, and the CPU would serve.
class DeviceError : public Error
{
public:
    enum class Cause : std::uint8_t
    {
        lost,          // unusable until the program is started again
        out_of_memory, // expected more than it has free
        unusable,      // not there, too old, a library is missing
    };
    DeviceError(Cause why, std::string_view what, std::string_view where = "")
        : Error(where, what)
        , cause(why)
    {
    }
    Cause cause;
};

// A name out of a file as it may be shown in a message, a log or a terminal: valid UTF-8, control characters
// (also escape sequences) written as \xNN, cut to `longest` bytes.
std::string printable(std::string_view name, std::size_t longest = 120);

} // namespace engine
