// SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace ui {

// A thread that runs tasks in the order in which they were posted. Tasks catch what they throw.
class TaskThread
{
public:
    using Task = std::function<void()>;

    // `quiet` runs once whenever the queue has been empty for a while, and again as long as it returns true.
    explicit TaskThread(std::function<bool()> quiet = {});
    // Runs what was posted, then joins.
    ~TaskThread();
    TaskThread(const TaskThread&) = delete;
    TaskThread& operator=(const TaskThread&) = delete;

    void post(Task task);

private:
    void run();

    std::function<bool()> m_quiet;
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Task> m_tasks;
    bool m_quit = false;
    std::thread m_thread;
};

} // namespace ui
