// SPDX-License-Identifier: MIT
#include "tests/cuda/emulation/grid.h"

#include "tests/cuda/emulation/fiber.h"
#include "tests/cuda/emulation/symbol.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <memory>
#include <new>
#include <numeric>
#include <random>
#include <stdexcept>
#include <vector>

#include <sys/mman.h>

uint3 threadIdx{};
uint3 blockIdx{};
dim3 blockDim;
dim3 gridDim;

namespace emulation {

namespace {

constexpr int max_threads = 1024; // of a block, on every GPU
constexpr int lanes = 32;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::size_t stack_bytes = 256 * 1024;
#else
constexpr std::size_t stack_bytes = 128 * 1024;
#endif
constexpr std::size_t guard_bytes = 4096;

enum class State : std::uint8_t
{
    ready,
    at_meeting,
    at_barrier,
    done,
};

struct Copy
{
    void* to;
    const void* from;
    bool is_valid;
};

struct Thread
{
    std::unique_ptr<Fiber> fiber;
    uint3 index{};
    int number = 0; // in the block
    State state = State::done;
    Place place;
    // at a meeting
    unsigned mask = 0;
    Finish finish = nullptr;
    void* brought = nullptr;
    // at a barrier
    bool value = false;
    int count = 0;
    // cp.async: copies of closed groups, the oldest first, then those of the open group
    std::deque<std::vector<Copy>> groups;
    std::vector<Copy> open_group;
};

struct Fault : std::runtime_error
{
    using std::runtime_error::runtime_error;
};

struct FreeAligned
{
    void operator()(std::byte* p) const { std::free(p); }
};

std::string text(const uint3& index)
{
    std::string all(1, '(');
    all += std::to_string(index.x) + ", " + std::to_string(index.y) + ", " + std::to_string(index.z);
    all += ')';
    return all;
}

bool is_same(const Place& a, const Place& b)
{
    return a.line() == b.line() &&
           (a.file_name() == b.file_name() || std::strcmp(a.file_name(), b.file_name()) == 0);
}

std::string text(const Place& place)
{
    std::string file = place.file_name();
    if (const auto slash = file.rfind('/'); slash != std::string::npos)
        file.erase(0, slash + 1);
    return file + ":" + std::to_string(place.line());
}

// The threads of the block that runs. One for the process, used under the lock of the runtime's API.
class Block
{
public:
    ~Block()
    {
        m_threads.clear();
        if (m_stacks != nullptr)
            munmap(m_stacks, max_threads * (stack_bytes + guard_bytes));
    }

    void begin(const Grid& grid, Order order, const std::function<void()>& body)
    {
        m_grid = &grid;
        m_body = &body;
        m_order = order;
        const int count = static_cast<int>(grid.threads.x * grid.threads.y * grid.threads.z);
        while (static_cast<int>(m_threads.size()) < count)
            add_thread();
        for (int i = 0; i < count; ++i) {
            const auto n = static_cast<unsigned>(i);
            m_threads[n].index = {n % grid.threads.x, n / grid.threads.x % grid.threads.y,
                                  n / (grid.threads.x * grid.threads.y)};
        }
        m_count = count;
        m_warps.resize(static_cast<std::size_t>((count + lanes - 1) / lanes));
        std::iota(m_warps.begin(), m_warps.end(), 0);
        std::iota(std::begin(m_lanes), std::end(m_lanes), 0);
        if (order == Order::descending) {
            std::reverse(m_warps.begin(), m_warps.end());
            std::reverse(std::begin(m_lanes), std::end(m_lanes));
        }
    }

    // The grid's current block, all threads to their end.
    std::optional<std::string> run()
    {
        new_shared_memory();
        for (int i = 0; i < m_count; ++i) {
            Thread& thread = m_threads[static_cast<std::size_t>(i)];
            thread.state = State::ready;
            thread.groups.clear();
            thread.open_group.clear();
        }
        m_fault.clear();
        while (m_fault.empty() && sweep()) {
        }
        if (!m_fault.empty()) {
            for (int i = 0; i < m_count; ++i) {
                Thread& thread = m_threads[static_cast<std::size_t>(i)];
                if (thread.state != State::done)
                    thread.fiber->abandon();
                thread.state = State::done;
            }
            return m_fault;
        }
        return std::nullopt;
    }

    Thread& current() { return *m_current; }
    std::byte* shared() { return m_shared.get(); }

    // The calling thread waits until somebody makes it ready.
    void wait(State state)
    {
        Thread& thread = *m_current;
        thread.state = state;
        Fiber::leave();
    }

    // The lanes of a warp, those that run last first.
    int late_lane(int i) const { return m_lanes[lanes - 1 - i]; }

    Thread* lane_of(const Thread& thread, int lane)
    {
        const int number = thread.number / lanes * lanes + lane;
        return number < m_count ? &m_threads[static_cast<std::size_t>(number)] : nullptr;
    }

private:
    void add_thread()
    {
        if (m_stacks == nullptr) {
            void* memory = mmap(nullptr, max_threads * (stack_bytes + guard_bytes), PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
            if (memory == MAP_FAILED)
                throw std::bad_alloc();
            m_stacks = static_cast<std::byte*>(memory);
            m_threads.reserve(max_threads); // fibers keep pointing to their threads
        }
        std::byte* guard = m_stacks + m_threads.size() * (stack_bytes + guard_bytes);
        mprotect(guard, guard_bytes, PROT_NONE);
        Thread& thread = m_threads.emplace_back();
        thread.number = static_cast<int>(m_threads.size()) - 1;
        // Stacks that all began at the same place of a page would push each other out of the caches.
        const std::size_t shift = m_threads.size() % 64 * 192;
        thread.fiber = std::make_unique<Fiber>(guard + guard_bytes, stack_bytes - shift, &Block::thread_main);
    }

    // Exactly as large as planned, so that the address sanitizer finds what lies beyond.
    void new_shared_memory()
    {
        const std::size_t bytes = m_grid->shared_bytes;
        if (m_shared == nullptr || m_shared_bytes != bytes) {
            void* memory = nullptr;
            if (posix_memalign(&memory, 128, std::max<std::size_t>(bytes, 1)) != 0)
                throw std::bad_alloc();
            m_shared.reset(static_cast<std::byte*>(memory));
            m_shared_bytes = bytes;
        }
        std::memset(m_shared.get(), 0xff, bytes);
    }

    // Runs every thread until it waits for another warp or ends. Whether there is more to do.
    bool sweep()
    {
        if (m_order == Order::shuffled)
            std::shuffle(m_warps.begin(), m_warps.end(), m_random);
        int waiting = 0;
        int alive = 0;
        for (const int warp : m_warps) {
            run_warp(warp);
            if (!m_fault.empty())
                return false;
        }
        for (int i = 0; i < m_count; ++i) {
            const Thread& thread = m_threads[static_cast<std::size_t>(i)];
            alive += thread.state != State::done;
            waiting += thread.state == State::at_barrier;
        }
        if (alive == 0)
            return false;
        if (waiting != alive) {
            m_fault = stuck();
            return false;
        }
        return release_barrier();
    }

    void run_warp(int warp)
    {
        const int first = warp * lanes;
        if (m_order == Order::shuffled)
            std::shuffle(std::begin(m_lanes), std::end(m_lanes), m_random);
        bool has_run = true;
        while (has_run && m_fault.empty()) {
            has_run = false;
            for (const int lane : m_lanes) {
                const int number = first + lane;
                if (number >= m_count || m_threads[static_cast<std::size_t>(number)].state != State::ready)
                    continue;
                m_current = &m_threads[static_cast<std::size_t>(number)];
                threadIdx = m_current->index;
                m_current->fiber->enter();
                has_run = true;
                if (!m_fault.empty())
                    return;
            }
        }
    }

    bool release_barrier()
    {
        const Thread* first = nullptr;
        int count = 0;
        for (int i = 0; i < m_count; ++i) {
            const Thread& thread = m_threads[static_cast<std::size_t>(i)];
            if (thread.state == State::done)
                continue;
            if (first == nullptr)
                first = &thread;
            if (!is_same(thread.place, first->place)) {
                m_fault = where(*first) + "waits at the barrier of " + text(first->place) + ", but thread " +
                          text(thread.index) + " at the one of " + text(thread.place);
                return false;
            }
            count += thread.value;
        }
        for (int i = 0; i < m_count; ++i) {
            Thread& thread = m_threads[static_cast<std::size_t>(i)];
            if (thread.state == State::at_barrier) {
                thread.count = count;
                thread.state = State::ready;
            }
        }
        return true;
    }

    std::string where(const Thread& thread) const
    {
        return "kernel " + symbol_name(m_grid->kernel) + ", block " + text(blockIdx) + ", thread " +
               text(thread.index) + ": ";
    }

    // Why no thread can go on.
    std::string stuck()
    {
        for (int i = 0; i < m_count; ++i) {
            const Thread& thread = m_threads[static_cast<std::size_t>(i)];
            if (thread.state != State::at_meeting)
                continue;
            for (int lane = 0; lane < lanes; ++lane) {
                const std::string reason = (thread.mask >> lane & 1u) != 0 ? why_missing(thread, lane) : "";
                if (!reason.empty())
                    return where(thread) + "waits at " + text(thread.place) + " for lane " +
                           std::to_string(lane) + ", which " + reason;
            }
        }
        return "no thread can go on";
    }

    // Empty where the lane waits at the same meeting as the thread.
    std::string why_missing(const Thread& thread, int lane)
    {
        const Thread* other = lane_of(thread, lane);
        if (other == nullptr)
            return "does not exist";
        if (other->state == State::done)
            return "has returned";
        if (other->state == State::at_barrier)
            return "waits at the barrier of " + text(other->place);
        if (other->mask != thread.mask || other->finish != thread.finish)
            return "waits at " + text(other->place);
        return {};
    }

    static void thread_main();

    const Grid* m_grid = nullptr;
    const std::function<void()>* m_body = nullptr;
    Order m_order = Order::ascending;
    std::vector<Thread> m_threads;
    int m_count = 0;
    std::vector<int> m_warps;
    int m_lanes[lanes] = {};
    std::mt19937 m_random{20240507};
    Thread* m_current = nullptr;
    std::byte* m_stacks = nullptr;
    std::unique_ptr<std::byte, FreeAligned> m_shared;
    std::size_t m_shared_bytes = 0;
    std::string m_fault;
};

Block& block()
{
    static Block the_block;
    return the_block;
}

void Block::thread_main()
{
    Block& self = block();
    Thread& thread = *self.m_current;
    try {
        (*self.m_body)();
    } catch (const std::exception& error) {
        self.m_fault = self.where(thread) + error.what();
    }
    thread.state = State::done;
}

void carry_out(const std::vector<Copy>& copies)
{
    for (const Copy& copy : copies) {
        if (copy.is_valid)
            std::memcpy(copy.to, copy.from, 16);
        else
            std::memset(copy.to, 0, 16);
    }
}

} // namespace

std::optional<std::string> run_grid(const Grid& grid, Order order, const std::function<void()>& body)
{
    block().begin(grid, order, body);
    blockDim = grid.threads;
    gridDim = grid.blocks;
    for (unsigned z = 0; z < grid.blocks.z; ++z) {
        for (unsigned y = 0; y < grid.blocks.y; ++y) {
            for (unsigned x = 0; x < grid.blocks.x; ++x) {
                blockIdx = {x, y, z};
                if (std::optional<std::string> fault = block().run())
                    return fault;
            }
        }
    }
    return std::nullopt;
}

std::byte* dynamic_shared()
{
    return block().shared();
}

int lane()
{
    return block().current().number % lanes;
}

void fault(const std::string& what, const Place& place)
{
    throw Fault(what + " at " + text(place));
}

void meet(unsigned mask, Finish finish, void* brought, const Place& place)
{
    Block& self = block();
    Thread& thread = self.current();
    if ((mask >> (thread.number % lanes) & 1u) == 0)
        fault("the mask leaves out the lane that calls", place);
    thread.mask = mask;
    thread.finish = finish;
    thread.brought = brought;
    thread.place = place;
    for (int i = 0; i < lanes; ++i) {
        const int lane = self.late_lane(i); // who is missing is found at the first look
        if ((mask >> lane & 1u) == 0)
            continue;
        const Thread* other = self.lane_of(thread, lane);
        if (other == nullptr)
            fault("the mask names lane " + std::to_string(lane) + ", which the block does not have", place);
        if (other != &thread &&
            (other->state != State::at_meeting || other->mask != mask || other->finish != finish)) {
            self.wait(State::at_meeting); // the last to come does the work
            return;
        }
    }
    void* all[lanes] = {};
    for (int lane = 0; lane < lanes; ++lane) {
        if ((mask >> lane & 1u) != 0)
            all[lane] = self.lane_of(thread, lane)->brought;
    }
    finish(all, mask, place);
    for (int lane = 0; lane < lanes; ++lane) {
        if ((mask >> lane & 1u) != 0)
            self.lane_of(thread, lane)->state = State::ready;
    }
}

int barrier(bool value, const Place& place)
{
    Thread& thread = block().current();
    thread.value = value;
    thread.place = place;
    block().wait(State::at_barrier);
    return thread.count;
}

void copy_async_16(void* shared, const void* global, bool is_valid, const Place& place)
{
    if (reinterpret_cast<std::uintptr_t>(shared) % 16 != 0 ||
        (is_valid && reinterpret_cast<std::uintptr_t>(global) % 16 != 0))
        fault("a copy of 16 bytes is not aligned", place);
    block().current().open_group.push_back({shared, global, is_valid});
}

void commit_copies()
{
    Thread& thread = block().current();
    thread.groups.push_back(std::move(thread.open_group));
    thread.open_group.clear();
}

void wait_copies(int groups_left)
{
    Thread& thread = block().current();
    while (static_cast<int>(thread.groups.size()) > groups_left) {
        carry_out(thread.groups.front());
        thread.groups.pop_front();
    }
}

} // namespace emulation
