// SPDX-License-Identifier: MIT
// The tiles of the grouped products: pairs of one expert by rows of its weights. Known to plans and kernels.
#pragma once

#include <cstdint>

namespace kernels::cuda {

// Tensor cores: `pairs` by 128 rows of weights, `depth` columns at a time, in a ring of `stages` in shared
// memory. Eight warps of 32 pairs each; what is left of the width is shared out between them.
template <int Pairs> struct MmaTile
{
    static constexpr int pairs = Pairs;
    static constexpr int weight_rows = 128;
    static constexpr int threads = 256;
    // Many pairs are bound by arithmetic and want two blocks on every multiprocessor; few are bound by
    // reading the weights and want whole cache lines of them.
    static constexpr int depth = Pairs == 128 ? 32 : 64;
    static constexpr int stages = Pairs == 128 ? 3 : 2;
    static constexpr int chunks = depth / 8; // of sixteen bytes, in a row
    static constexpr int pair_warps = Pairs / 32;
    static constexpr int weight_warps = threads / 32 / pair_warps;
    static constexpr int warp_weight_rows = weight_rows / weight_warps;
    static constexpr int pair_bytes = Pairs * depth * 2;
    static constexpr int stage_bytes = pair_bytes + weight_rows * depth * 2;
    static constexpr std::int64_t shared_bytes = stages * stage_bytes;
};

// Fp32 arithmetic: 64 pairs by 64 rows of weights, each thread four by four of them.
struct SimpleTile
{
    static constexpr int pairs = 64;
    static constexpr int weight_rows = 64;
    static constexpr int threads = 256;
    static constexpr int depth = 16;
};

} // namespace kernels::cuda
