// SPDX-License-Identifier: MIT
#include "kernels/cuda/experts_grouped.h"
#include "kernels/cuda/grouped_tile.h"
#include "kernels/cuda/layout.h"

#include <algorithm>
#include <initializer_list>

namespace kernels::cuda {

namespace {

constexpr std::int64_t down_limit_bytes = std::int64_t{64} << 20;
constexpr std::int64_t down_columns_step = 128; // whole tiles

bool fits_tensor_cores(const HeadMatrix& w)
{
    const std::int64_t unit = w.dtype == Dtype::q8_0 ? 8 : 16;
    return w.dtype != Dtype::f32 && is_aligned(w.head(0)) && w.head_bytes % unit == 0;
}

std::uint32_t to_grid(std::int64_t count)
{
    return static_cast<std::uint32_t>(count);
}

// Tiles that hold all pairs however they are spread over the experts.
std::int64_t most_tiles(std::int64_t pairs, std::int64_t experts, std::int64_t tile_rows)
{
    return (pairs + std::min(pairs, experts) * (tile_rows - 1)) / tile_rows;
}

} // namespace

GroupedPlan plan_grouped(std::int64_t rows, std::int64_t experts_per_tok, const DeviceExperts& experts,
                         const DeviceLimits&)
{
    const std::int64_t expert_count = experts.gate.heads;
    const std::int64_t width = experts.gate.rows;
    const std::int64_t hidden_size = experts.down.rows;
    const std::int64_t pairs = rows * experts_per_tok;

    GroupedPlan plan;
    plan.uses_tensor_cores = fits_tensor_cores(experts.gate) && fits_tensor_cores(experts.up) &&
                             fits_tensor_cores(experts.down) && experts.gate.dtype == experts.up.dtype;

    const std::int64_t step_bytes = pairs * down_columns_step * 4;
    const std::int64_t reserved = std::max(down_limit_bytes, step_bytes);
    plan.down_columns = hidden_size;
    if (pairs * hidden_size * 4 > reserved)
        plan.down_columns = reserved / step_bytes * down_columns_step;

    plan.sort_bytes =
        round_up((expert_count + 1) * 4, matrix_alignment) + round_up(pairs * 4, matrix_alignment);
    if (plan.uses_tensor_cores)
        plan.rows_bytes = round_up(std::max(rows * hidden_size, pairs * width) * 2, matrix_alignment);
    plan.down_bytes = round_up(std::min(pairs * hidden_size * 4, reserved), matrix_alignment);

    std::int64_t weight_rows = SimpleTile::weight_rows;
    plan.tile_rows = SimpleTile::pairs;
    LaunchPlan tiles;
    tiles.threads = SimpleTile::threads;
    if (plan.uses_tensor_cores) {
        using Large = MmaTile<128>;
        using Small = MmaTile<32>;
        const bool is_large = pairs > expert_count * 48; // less than half of a large tile would be used
        plan.tile_rows = is_large ? Large::pairs : Small::pairs;
        weight_rows = is_large ? Large::weight_rows : Small::weight_rows;
        tiles.threads = is_large ? Large::threads : Small::threads;
        tiles.shared_bytes = is_large ? Large::shared_bytes : Small::shared_bytes;
    }
    tiles.grid[1] = to_grid(most_tiles(pairs, expert_count, plan.tile_rows));
    plan.gate_up = tiles;
    plan.gate_up.grid[0] = to_grid(divide_up(2 * width, weight_rows)); // gate and up side by side
    plan.down = tiles;
    plan.down.grid[0] = to_grid(divide_up(plan.down_columns, weight_rows));
    plan.sort.threads = pairs > 1024 ? 1024 : 256;
    plan.sort.grid[0] = pairs > 0 ? to_grid(expert_count) : 0;
    return plan;
}

} // namespace kernels::cuda
