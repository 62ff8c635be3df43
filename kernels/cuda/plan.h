// SPDX-License-Identifier: MIT
// What a launch looks like, as plain data: planned by ordinary functions that need no device, so that grids,
// shared memory and workspace are tested on any machine.
#pragma once

#include <cstdint>

namespace kernels::cuda {

// What plans depend on. The defaults are the smallest GPU that is served.
struct DeviceLimits
{
    int capability = 80; // compute capability, 10 * major + minor; 80 at least
    int multiprocessors = 28;
    std::int64_t shared_bytes =
        99 * 1024; // of one block, opted in: 99 KiB on 86, 89 and 120, 163 on 80, 227 on 90
};

// One launch: blocks of `threads` in a grid of up to three dimensions.
struct LaunchPlan
{
    std::uint32_t grid[3] = {1, 1, 1};
    std::uint32_t threads = 1;     // a multiple of the warp
    std::int64_t shared_bytes = 0; // dynamic
};

constexpr int warp_size = 32;

template <class T> constexpr T divide_up(T a, T b)
{
    return (a + b - 1) / b;
}
template <class T> constexpr T round_up(T a, T b)
{
    return divide_up(a, b) * b;
}

} // namespace kernels::cuda
