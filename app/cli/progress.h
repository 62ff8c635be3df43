// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"

#include <chrono>
#include <cstdint>
#include <string_view>

namespace app {

// A bar on standard error, where that is a terminal; nothing elsewhere. It is gone when it ends.
class Progress
{
public:
    Progress();
    ~Progress() { clear(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    void show(std::string_view what, std::int64_t done, std::int64_t total);
    void show(const engine::LoadProgress& load);
    void clear();

private:
    bool m_isTerminal;
    bool m_isShown = false;
    std::chrono::steady_clock::time_point m_last;
};

} // namespace app
