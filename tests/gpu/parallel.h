// SPDX-License-Identifier: MIT
// The host's cores for references.
#pragma once

#include <algorithm>
#include <cstdint>
#include <thread>
#include <vector>

namespace gpu {

// Calls f(first, last) for parts that cover 0 … count, on all cores.
template <class F> void parallel(std::int64_t count, const F& f)
{
    const std::int64_t cores = std::max(1u, std::thread::hardware_concurrency());
    const std::int64_t parts = std::clamp<std::int64_t>(count / 64, 1, cores);
    if (parts == 1)
        return f(std::int64_t{0}, count);
    std::vector<std::jthread> threads;
    for (std::int64_t p = 0; p < parts; ++p)
        threads.emplace_back([&f, count, parts, p] { f(count * p / parts, count * (p + 1) / parts); });
}

} // namespace gpu
