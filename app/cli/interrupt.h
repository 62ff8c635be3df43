// SPDX-License-Identifier: MIT
#pragma once

#include <stop_token>
#include <string>
#include <thread>

namespace app {

// What Ctrl-C, or a request to terminate, ends the program with.
inline constexpr int interruptedStatus = 130;

// Turns Ctrl-C into a stop token. Signals wait for a thread of their own, so any code may follow. Whoever
// does not look at the token (reading standard input, say) is ended all the same after a moment.
class Interrupt
{
public:
    Interrupt(); // before any other thread is started
    ~Interrupt();
    Interrupt(const Interrupt&) = delete;
    Interrupt& operator=(const Interrupt&) = delete;

    std::stop_token token() const { return m_source.get_token(); }

private:
    std::stop_source m_source;
    std::jthread m_thread;
};

// A file that must not stay when the program is ended from outside. Thread-safe; an empty path is none.
void setUnfinishedFile(const std::string& path);

} // namespace app
