// SPDX-License-Identifier: MIT
#pragma once

#include "storage/error.h"
#include "storage/exchange.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace storage {

// How a file of export_json() says what it is.
inline constexpr std::string_view exchange_format = "fathom-conversations";
inline constexpr std::int64_t exchange_version = 1;

// Counts messages and asks at times whether to go on.
class Meter
{
public:
    Meter(const Progress& progress, std::string file)
        : m_progress(progress)
        , m_file(std::move(file))
    {
    }
    void add_message()
    {
        constexpr std::int64_t progress_step = 256; // messages
        if (++m_messages % progress_step == 0 && m_progress && !m_progress(m_messages))
            throw Error("It was cancelled", m_file, Error::Kind::cancelled);
    }
    std::int64_t messages() const { return m_messages; }

private:
    const Progress& m_progress;
    std::string m_file;
    std::int64_t m_messages = 0;
};

} // namespace storage
