// SPDX-License-Identifier: MIT
#include "ui/task_thread.h"

#include <chrono>

namespace ui {

namespace {
constexpr std::chrono::seconds quiet_after{3};
}

TaskThread::TaskThread(std::function<bool()> quiet)
    : m_quiet(std::move(quiet))
    , m_thread([this] { run(); })
{
}

TaskThread::~TaskThread()
{
    {
        const std::lock_guard lock(m_mutex);
        m_quit = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void TaskThread::post(Task task)
{
    {
        const std::lock_guard lock(m_mutex);
        m_tasks.push_back(std::move(task));
    }
    m_wake.notify_one();
}

void TaskThread::run()
{
    bool tidy = false; // something ran since the last quiet moment
    std::unique_lock lock(m_mutex);
    for (;;) {
        const auto something = [this] { return m_quit || !m_tasks.empty(); };
        if (m_quiet && tidy) {
            if (!m_wake.wait_for(lock, quiet_after, something)) {
                lock.unlock();
                tidy = m_quiet();
                lock.lock();
                continue;
            }
        } else {
            m_wake.wait(lock, something);
        }
        if (m_tasks.empty())
            return;
        const Task task = std::move(m_tasks.front());
        m_tasks.pop_front();
        lock.unlock();
        task();
        tidy = true;
        lock.lock();
    }
}

} // namespace ui
