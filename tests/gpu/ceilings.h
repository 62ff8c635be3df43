// SPDX-License-Identifier: MIT
// What the device can do at best, measured in the same process as everything that is compared with it.
#pragma once

#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>

namespace gpu {

struct Ceilings
{
    double read_bandwidth = 0.0;                // bytes a second
    std::optional<double> product_rate;         // multiply-adds times two a second, bf16
    double launch_seconds = 0.0;                // of an empty kernel, queued one after the other
    std::optional<double> graph_launch_seconds; // of an empty kernel as a node of a graph
};

// Seconds of one call of `queue`: the best of `rounds` rounds of `repeats` calls, after one to warm up.
template <class F>
double seconds_of(const kernels::cuda::Device& device, int repeats, const F& queue, int rounds = 5)
{
    queue();
    device.synchronise();
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < rounds; ++round) {
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < repeats; ++i)
            queue();
        device.synchronise();
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        best = std::min(best, took.count() / repeats);
    }
    return best;
}

// Reads `bytes` of random numbers (rounded down to 512) and writes nothing.
double read_bandwidth(const kernels::cuda::Device& device, std::int64_t bytes);

// x w^T of random bf16 matrices of n * n.
double product_rate(const kernels::cuda::Device& device, kernels::cuda::Blas& blas, std::int64_t n);

double launch_seconds(const kernels::cuda::Device& device, int launches);

// Nothing where graphs cannot be made (the emulation).
std::optional<double> graph_launch_seconds(const kernels::cuda::Device& device, int nodes);

} // namespace gpu
