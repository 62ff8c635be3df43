// SPDX-License-Identifier: MIT
#include "app/cli/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include <unistd.h>

namespace app {

Progress::Progress()
    : m_isTerminal(isatty(STDERR_FILENO) == 1)
{
}

void Progress::show(std::string_view what, std::int64_t done, std::int64_t total)
{
    if (!m_isTerminal)
        return;
    const auto now = std::chrono::steady_clock::now();
    if (m_isShown && now - m_last < std::chrono::milliseconds(50))
        return;
    m_last = now;
    m_isShown = true;
    constexpr std::int64_t width = 32;
    const std::int64_t filled = total > 0 ? std::clamp<std::int64_t>(done * width / total, 0, width) : 0;
    const std::string bar(static_cast<std::size_t>(filled), '#');
    fmt::print(stderr, "\r{:<12} [{:<32}] {:3} %", what, bar, total > 0 ? done * 100 / total : 0);
    std::fflush(stderr);
}

void Progress::show(const engine::LoadProgress& load)
{
    show(load.stage, load.bytes_done, load.bytes_total);
}

void Progress::clear()
{
    if (m_isShown)
        fmt::print(stderr, "\r\x1b[K");
    m_isShown = false;
}

} // namespace app
