// SPDX-License-Identifier: MIT
// What this machine can do at most, measured: the limits against which the speed of the operations is judged.
// Other programs on the machine lower the figures, so measure right before and after what is compared.
#pragma once

#include "kernels/cpu/isa.h"
#include "kernels/cpu/thread_pool.h"

namespace kernels::cpu {

struct MachineLimits
{
    double read_gb_per_s = 0.0;    // reading memory that no cache holds, 10^9 bytes per second
    double fp32_gflop_per_s = 0.0; // multiply-adds in registers, each counts 2
    double bf16_gflop_per_s = 0.0; // 0: no operation uses it
    double int8_gop_per_s = 0.0;   // 0: no operation uses it
};

using Seconds = double (*)(); // a clock
double wall_clock();

// Each of these uses all threads of the pool for about a third of a second.
double measure_read_bandwidth(ThreadPool& pool, Isa isa, Seconds clock = wall_clock); // GB/s
double measure_fp32(ThreadPool& pool, Isa isa, Seconds clock = wall_clock);           // GFLOP/s

MachineLimits measure_limits(ThreadPool& pool, Isa isa, Seconds clock = wall_clock);

} // namespace kernels::cpu
