// SPDX-License-Identifier: MIT
// Rows of random weights made directly in the form in which they are stored: valid scales, random quants. So
// a file of a true model's size takes as long as its writing.
#pragma once

#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace engine {

// xoshiro256++ (Blackman and Vigna, 2019), its state filled by splitmix64. The same key gives the same
// numbers everywhere.
class Random
{
public:
    explicit Random(std::uint64_t key);
    // One stream for each row of each tensor, so that it does not matter who makes which row when.
    Random(std::uint64_t seed, std::uint64_t tensor, std::uint64_t row);

    std::uint64_t next();
    float uniform(float low, float high);
    void fill(std::byte* out, std::size_t bytes);

private:
    std::uint64_t m_state[4];
};

struct RandomRow
{
    float deviation = 1.0f; // standard deviation; the mean is 0
    // One group of 32 or 256 numbers in so many is eight times as large; 0: none.
    std::uint32_t outlier_every = 0;
};

// Fills row_bytes(dtype, columns) bytes at `out`. `dtype` is one of the common mixes: F32, F16, BF16,
// Q4_0, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K, Q6_K; Error for others.
void make_random_row(kernels::Dtype dtype, const RandomRow& row, Random& random, std::byte* out,
                     std::int64_t columns);

} // namespace engine
