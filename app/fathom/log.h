// SPDX-License-Identifier: MIT
#pragma once

#include <filesystem>

namespace app {

// While it lives, Qt's messages also go to `<folder>/fathom.log`, one JSON object a line; five files of 1 MiB
// are kept, readable by their owner alone. Nothing that the program logs holds chats, keys or the name of the
// home folder. Where the file cannot be written, messages go to standard error alone.
class Log
{
public:
    explicit Log(const std::filesystem::path& folder);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;
};

} // namespace app
