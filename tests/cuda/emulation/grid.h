// SPDX-License-Identifier: MIT
// A grid on the host: blocks run one after the other, the threads of a block as fibers on the caller's
// thread, switched where CUDA's threads wait for each other. What a kernel does wrong there (lanes that miss
// a meeting, threads that wait at different barriers, a lane asked that takes no part) becomes a message
// instead of a hang.
//
// It shows indexing, arithmetic and missing barriers in the orders that are run; it shows neither true races
// nor hardware.
#pragma once

#include "tests/cuda/emulation/types.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <source_location>
#include <string>

// Of the fiber that runs.
extern uint3 threadIdx;
extern uint3 blockIdx;
extern dim3 blockDim;
extern dim3 gridDim;
constexpr int warpSize = 32;

namespace emulation {

using Place = std::source_location;

// In which order the threads of a block get to run between two barriers.
enum class Order : std::uint8_t
{
    ascending,
    descending,
    shuffled,
};

struct Grid
{
    dim3 blocks;
    dim3 threads;
    std::size_t shared_bytes = 0;
    const void* kernel = nullptr; // names it in messages
};

// Runs the body once for each thread. The first fault, if there is one: kernel, block, thread and what.
std::optional<std::string> run_grid(const Grid& grid, Order order, const std::function<void()>& body);

// ---- called by a thread of a running grid
// -------------------------------------------------------------------

// Dynamic shared memory of the block, aligned to 128 bytes, full of NaN bytes at first.
std::byte* dynamic_shared();

int lane();

// Stops the grid with this fault.
[[noreturn]] void fault(const std::string& what, const Place& place);

// Waits until all lanes of the mask have come with the same mask and the same `finish`; the last one runs it
// on what all lanes brought.
using Finish = void (*)(void* const (&brought)[32], unsigned mask, const Place& place);
void meet(unsigned mask, Finish finish, void* brought, const Place& place);

// Waits for all threads of the block that have not returned. The number of them that came with true.
int barrier(bool value, const Place& place);

// cp.async: the copy is carried out only in the matching wait_copies, so that a missing one shows.
void copy_async_16(void* shared, const void* global, bool is_valid, const Place& place = Place::current());
void commit_copies();
void wait_copies(int groups_left);

} // namespace emulation
