// SPDX-License-Identifier: MIT
#include "app/cli/interrupt.h"

#include <csignal>
#include <ctime>
#include <mutex>

#include <pthread.h>
#include <unistd.h>

namespace app {

namespace {

std::mutex unfinishedMutex;
std::string unfinishedFile;

sigset_t endingSignals()
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    return set;
}

// Waits for one of the signals; false when the thread is to end.
bool waitForSignal(const std::stop_token& end)
{
    const sigset_t set = endingSignals();
    const timespec slice{0, 50'000'000};
    while (!end.stop_requested())
        if (sigtimedwait(&set, nullptr, &slice) > 0)
            return true;
    return false;
}

} // namespace

Interrupt::Interrupt()
{
    const sigset_t set = endingSignals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    m_thread = std::jthread([source = m_source](const std::stop_token& end) mutable {
        if (!waitForSignal(end))
            return;
        source.request_stop();
        for (int i = 0; i < 50 && !end.stop_requested(); ++i)
            usleep(10'000);
        if (end.stop_requested())
            return;
        const std::lock_guard lock(unfinishedMutex);
        if (!unfinishedFile.empty())
            unlink(unfinishedFile.c_str());
        _exit(interruptedStatus);
    });
}

Interrupt::~Interrupt() = default;

void setUnfinishedFile(const std::string& path)
{
    const std::lock_guard lock(unfinishedMutex);
    unfinishedFile = path;
}

} // namespace app
