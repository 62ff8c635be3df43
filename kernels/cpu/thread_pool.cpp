// SPDX-License-Identifier: MIT
#include "kernels/cpu/thread_pool.h"

#include <algorithm>
#include <system_error>

namespace kernels::cpu {

namespace {

void pause()
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#else
    std::this_thread::yield();
#endif
}

// The gap between two operations is a few microseconds, a sleep and its wake-up tens. So look for a while
// (about 20 to 50 µs) before sleeping.
template <class T> void wait_while(const std::atomic<T>& value, T old)
{
    for (int i = 0; i < 1000; ++i) {
        if (value.load(std::memory_order_acquire) != old)
            return;
        pause();
    }
    value.wait(old, std::memory_order_acquire);
}

} // namespace

ThreadPool::ThreadPool(int threads)
{
    m_threads.reserve(static_cast<std::size_t>(std::max(threads, 1) - 1));
    try {
        for (int worker = 1; worker < threads; ++worker)
            m_threads.emplace_back([this, worker] { work(worker); });
    } catch (const std::system_error&) {
        // The system grants no more threads; go on with those there are.
    }
}

ThreadPool::~ThreadPool()
{
    m_stop.store(true, std::memory_order_relaxed);
    m_run.fetch_add(1, std::memory_order_release);
    m_run.notify_all();
    for (std::thread& thread : m_threads)
        thread.join();
}

void ThreadPool::run(std::int64_t tasks, Task task, Split split)
{
    if (tasks <= 0)
        return;
    if (tasks == 1 || m_threads.empty()) {
        for (std::int64_t i = 0; i < tasks; ++i) {
            throw_if_stopped();
            task(i, 0);
        }
        return;
    }
    m_task = &task;
    m_tasks = tasks;
    m_split = split;
    m_next.store(0, std::memory_order_relaxed);
    m_busy.store(static_cast<std::int32_t>(m_threads.size()), std::memory_order_relaxed);
    m_run.fetch_add(1, std::memory_order_release);
    m_run.notify_all();
    take_part(0);
    wait_for_workers();
    if (m_failed.load(std::memory_order_relaxed)) {
        m_failed.store(false, std::memory_order_relaxed);
        std::rethrow_exception(std::exchange(m_failure, nullptr));
    }
}

void ThreadPool::wait_for_workers()
{
    for (std::int32_t busy = m_busy.load(std::memory_order_acquire); busy != 0;
         busy = m_busy.load(std::memory_order_acquire))
        wait_while(m_busy, busy);
}

void ThreadPool::work(int worker)
{
    for (std::uint32_t seen = 0;;) {
        wait_while(m_run, seen);
        seen = m_run.load(std::memory_order_acquire);
        if (m_stop.load(std::memory_order_relaxed))
            return;
        take_part(worker);
        if (m_busy.fetch_sub(1, std::memory_order_acq_rel) == 1)
            m_busy.notify_one();
    }
}

void ThreadPool::take_part(int worker) noexcept
{
    try {
        if (m_split == Split::dynamic) {
            for (;;) {
                const std::int64_t i = m_next.fetch_add(1, std::memory_order_relaxed);
                if (i >= m_tasks)
                    return;
                throw_if_stopped();
                (*m_task)(i, worker);
            }
        }
        const std::int64_t end = m_tasks * (worker + 1) / threads();
        for (std::int64_t i = m_tasks * worker / threads(); i < end; ++i) {
            if (m_failed.load(std::memory_order_relaxed))
                return;
            throw_if_stopped();
            (*m_task)(i, worker);
        }
    } catch (...) {
        const std::lock_guard lock(m_failure_mutex);
        if (!m_failure)
            m_failure = std::current_exception();
        m_failed.store(true, std::memory_order_relaxed);
        m_next.store(m_tasks, std::memory_order_relaxed);
    }
}

} // namespace kernels::cpu
