// SPDX-License-Identifier: MIT
#include "kernels/cpu/machine_limits.h"

#include "kernels/cpu/primitives.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <vector>

namespace kernels::cpu {

namespace {

// The best of several short rounds: what the machine gives when nobody disturbs it.
template <class Round> double best_rate(double work_per_round, Seconds clock, const Round& round)
{
    double best = 0.0;
    for (const double start = clock(); clock() - start < 0.35;) {
        const double begin = clock();
        round();
        best = std::max(best, work_per_round / std::max(clock() - begin, 1e-9));
    }
    return best;
}

// Eight independent sums of eight bytes each, so that no addition waits for the one before.
std::uint64_t scalar_sum(const std::uint64_t* data, std::int64_t count)
{
    std::uint64_t sums[8] = {};
    for (std::int64_t i = 0; i + 8 <= count; i += 8)
        for (int k = 0; k < 8; ++k)
            sums[k] += data[i + k];
    return sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7];
}

// 16 chains; the compiler may keep them in 4-wide registers. Returns a number that depends on all of them.
float scalar_multiply_adds(std::int64_t steps)
{
    float sums[16];
    std::fill(std::begin(sums), std::end(sums), 1.0f);
    for (std::int64_t i = 0; i < steps; ++i)
        for (float& sum : sums)
            sum = sum * 0.999f + 0.001f;
    float total = 0.0f;
    for (const float sum : sums)
        total += sum;
    return total;
}

} // namespace

double wall_clock()
{
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double measure_read_bandwidth(ThreadPool& pool, Isa isa, Seconds clock)
{
    constexpr std::int64_t slice = 1 << 20;  // bytes of one task
    constexpr std::int64_t memory = 1 << 29; // more than any cache
    constexpr std::int64_t round = 1 << 26;  // short, so that some round goes undisturbed
    constexpr std::int64_t words = memory / 8;
    const std::vector<std::uint64_t> data(words, 1);
    std::vector<std::uint64_t> results(static_cast<std::size_t>(pool.threads()) * 8);
    const Primitives* primitives = primitives_of(isa);
    std::int64_t first = 0;
    return best_rate(round / 1e9, clock, [&] {
        pool.run(round / slice, [&](std::int64_t task, int worker) {
            const std::uint64_t* begin = data.data() + (first + task * slice) / 8;
            std::uint64_t& result = results[static_cast<std::size_t>(worker) * 8];
            result += primitives ? primitives->read(begin, slice) : scalar_sum(begin, slice / 8);
        });
        first = (first + round) % memory;
    });
}

double measure_fp32(ThreadPool& pool, Isa isa, Seconds clock)
{
    constexpr std::int64_t steps = 1 << 16;
    std::vector<float> results(static_cast<std::size_t>(pool.threads()) * 16);
    const Primitives* primitives = primitives_of(isa);
    const std::int64_t flop_per_step = primitives ? primitives->flop_per_step : 16 * 2;
    const std::int64_t tasks = 16 * pool.threads();
    return best_rate(static_cast<double>(tasks * steps * flop_per_step) / 1e9, clock, [&] {
        pool.run(tasks, [&](std::int64_t, int worker) {
            float& result = results[static_cast<std::size_t>(worker) * 16];
            result += primitives ? primitives->multiply_adds(steps) : scalar_multiply_adds(steps);
        });
    });
}

MachineLimits measure_limits(ThreadPool& pool, Isa isa, Seconds clock)
{
    return {.read_gb_per_s = measure_read_bandwidth(pool, isa, clock),
            .fp32_gflop_per_s = measure_fp32(pool, isa, clock)};
}

} // namespace kernels::cpu
