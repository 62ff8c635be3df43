// SPDX-License-Identifier: MIT
// Fork and join: run(n, f) calls f(0) … f(n - 1) on all threads and returns when every call has ended. One
// operation of the forward pass is one or two such runs, a few hundred in a token, so a run costs a few
// microseconds and allocates nothing; threads that find no work soon sleep.
#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

namespace kernels::cpu {

// Refers to a callable of the caller, which outlives the call. No allocation, no copy.
template <class Signature> class FunctionRef;

template <class Result, class... Arguments> class FunctionRef<Result(Arguments...)>
{
public:
    template <class F>
        requires(!std::is_same_v<std::remove_cvref_t<F>, FunctionRef>)
    FunctionRef(F&& f)
        : m_object(const_cast<void*>(static_cast<const void*>(&f)))
        , m_call([](void* object, Arguments... arguments) -> Result {
            return (*static_cast<std::remove_reference_t<F>*>(object))(std::forward<Arguments>(arguments)...);
        })
    {
    }

    Result operator()(Arguments... arguments) const
    {
        return m_call(m_object, std::forward<Arguments>(arguments)...);
    }

private:
    void* m_object;
    Result (*m_call)(void*, Arguments...);
};

enum class Split : std::uint8_t
{
    dynamic,    // whoever is free takes the next task
    contiguous, // worker w takes the w-th part of the tasks, the same in every run
};

// What run() throws when the stop token was triggered; the results of the run are undefined.
struct Stopped
{
};

class ThreadPool
{
public:
    // Task number and worker number, 0 … threads() - 1.
    using Task = FunctionRef<void(std::int64_t task, int worker)>;

    // `threads` includes the caller of run(), which is worker 0; below 1 counts as 1.
    explicit ThreadPool(int threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    int threads() const { return static_cast<int>(m_threads.size()) + 1; }

    // From one thread at a time, not from inside a task. An exception of a task ends the run early (tasks not
    // begun are skipped) and is rethrown here; of several, the first.
    void run(std::int64_t tasks, Task task, Split split = Split::dynamic);

    // From now on every run ends with Stopped once the token is triggered, between two tasks.
    void set_stop(std::stop_token token) { m_token = std::move(token); }

    // For long tasks, from inside them: throws Stopped once the token is triggered.
    void throw_if_stopped() const
    {
        if (m_token.stop_requested())
            throw Stopped();
    }

private:
    void work(int worker);
    void take_part(int worker) noexcept;
    void wait_for_workers();

    // What the current run is; written before m_run changes, read by workers after they saw it change.
    const Task* m_task = nullptr;
    std::int64_t m_tasks = 0;
    Split m_split = Split::dynamic;
    std::stop_token m_token;

    alignas(64) std::atomic<std::uint32_t> m_run{0}; // changes when there is work
    alignas(64) std::atomic<std::int64_t> m_next{0}; // the next task of a dynamic run
    alignas(64) std::atomic<std::int32_t> m_busy{0}; // workers that have not finished the run
    std::atomic<bool> m_failed{false};
    std::mutex m_failure_mutex;
    std::exception_ptr m_failure;
    std::atomic<bool> m_stop{false};
    std::vector<std::thread> m_threads;
};

} // namespace kernels::cpu
