// SPDX-License-Identifier: MIT
// Philox4x32-10: 128 random bits as a function of a counter and a key alone (Salmon et al., "Parallel Random
// Numbers: As Easy as 1, 2, 3", 2011), so that a GPU and a CPU make the same weights in any order.
#pragma once

#include <cstdint>

#if defined(__CUDACC__)
#define GPU_AND_HOST __host__ __device__
#else
#define GPU_AND_HOST
#endif

namespace gpu {

struct Words
{
    std::uint32_t w[4];
};

GPU_AND_HOST inline Words philox(Words counter, std::uint32_t key0, std::uint32_t key1)
{
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t a = std::uint64_t{0xD2511F53u} * counter.w[0];
        const std::uint64_t b = std::uint64_t{0xCD9E8D57u} * counter.w[2];
        counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.w[1] ^ key0, static_cast<std::uint32_t>(b),
                    static_cast<std::uint32_t>(a >> 32) ^ counter.w[3] ^ key1,
                    static_cast<std::uint32_t>(a)}};
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return counter;
}

// Numbers that belong to place `index` of what is filled under `key`. `stream` tells kinds of them apart.
GPU_AND_HOST inline Words random_words(std::uint64_t key, std::uint32_t stream, std::uint64_t index)
{
    return philox({{static_cast<std::uint32_t>(index), static_cast<std::uint32_t>(index >> 32), stream, 0u}},
                  static_cast<std::uint32_t>(key), static_cast<std::uint32_t>(key >> 32));
}

// Number i of eight, -32768 … 32767.
GPU_AND_HOST inline std::int32_t sixteen_bits(const Words& words, int i)
{
    return static_cast<std::int16_t>(static_cast<std::uint16_t>(words.w[i / 2] >> (16 * (i % 2))));
}

} // namespace gpu
