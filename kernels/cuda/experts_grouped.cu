// SPDX-License-Identifier: MIT
// A pair is a chosen expert of a token: number t * K + k for the k-th of token t. Weight rows of a tile are
// rows of the gate and the up matrix side by side, so that the thread that holds a gate sum also holds the up
// sum of the same column.
#include "kernels/cuda/experts_grouped.h"

#include "kernels/cuda/activation.h"
#include "kernels/cuda/dense.h"
#include "kernels/cuda/grouped_tile.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma.h"
#include "kernels/cuda/numeric.h"

#include <algorithm>
#include <climits>

namespace kernels::cuda {

namespace {

enum class Stage : std::uint8_t
{
    gate_up, // y = silu(gate x) * (up x)
    down,    // y = down x
};

struct ExpertWeights
{
    const std::byte* data = nullptr;
    Dtype dtype = Dtype::f32;
    bool is_aligned = false;
    std::int64_t expert_bytes = 0;
    std::int64_t row_bytes = 0;
};

// y of pair p = W of its expert times x of pair p. Pair p = (t, k) has its x at t * x_token + k * x_slot and
// its y at t * y_token + k * y_slot, in numbers.
struct TileTask
{
    ExpertWeights w;  // gate or down
    ExpertWeights up; // gate_up alone
    int rows = 0;     // of the weights, columns of y
    int columns = 0;  // of the weights and of x
    const void* x = nullptr;
    std::int64_t x_token = 0;
    std::int64_t x_slot = 0;
    float* y = nullptr;
    std::int64_t y_token = 0;
    std::int64_t y_slot = 0;
    const std::int32_t* offsets = nullptr; // (experts + 1) into `pairs`
    const std::int32_t* pairs = nullptr;   // sorted by expert, ascending within one
    int experts = 0;
    int experts_per_tok = 0;
};

// ---- sorting ----------------------------------------------------------------------------------------------

// One block for each expert, which reads all choices: it counts those of lower experts, where its own pairs
// begin, and writes its own in order. Warps take consecutive parts.
__global__ void __launch_bounds__(1024)
    sort_pairs(const std::int32_t* expert, std::int64_t stride, int experts_per_tok, int pair_count,
               std::int32_t* offsets, std::int32_t* pairs)
{
    __shared__ int lower[32];
    __shared__ int own[32];
    const int e = static_cast<int>(blockIdx.x);
    const int lane = lane_index();
    const int warp = warp_index();
    const int warps = static_cast<int>(blockDim.x) / warp_size;
    const int part = (pair_count + warps * warp_size - 1) / (warps * warp_size) * warp_size;
    const int first = min(warp * part, pair_count);
    const int end = min(first + part, pair_count);
    const auto chosen = [&](int p) {
        return p < end ? expert[p / experts_per_tok * stride + p % experts_per_tok] : INT_MAX;
    };

    int lower_count = 0;
    int own_count = 0;
    for (int base = first; base < end; base += warp_size) {
        const int choice = chosen(base + lane);
        lower_count += __popc(__ballot_sync(all_lanes, choice < e));
        own_count += __popc(__ballot_sync(all_lanes, choice == e));
    }
    if (lane == 0) {
        lower[warp] = lower_count;
        own[warp] = own_count;
    }
    __syncthreads();
    int begin = 0;
    int place = 0;
    int total = 0;
    for (int i = 0; i < warps; ++i) {
        begin += lower[i];
        place += i < warp ? own[i] : 0;
        total += own[i];
    }
    place += begin;
    for (int base = first; base < end; base += warp_size) {
        const bool is_own = chosen(base + lane) == e;
        const unsigned votes = __ballot_sync(all_lanes, is_own);
        if (is_own)
            pairs[place + __popc(votes & ((1u << lane) - 1u))] = base + lane;
        place += __popc(votes);
    }
    if (threadIdx.x == 0) {
        offsets[e] = begin;
        if (blockIdx.x + 1 == gridDim.x)
            offsets[e + 1] = begin + total;
    }
}

// ---- tiles ------------------------------------------------------------------------------------------------

// Some pairs of one expert; none behind the last tile.
struct Tile
{
    int expert = 0;
    int first = 0; // in the sorted list
    int count = 0;
};

// The tile with this number, when each expert's pairs are cut into tiles of at most `size`. Every warp for
// itself; uniform over the block.
__device__ Tile find_tile(const std::int32_t* offsets, int experts, int size, int number)
{
    const int lane = lane_index();
    int seen = 0; // tiles of the experts before `base`
    for (int base = 0; base < experts; base += warp_size) {
        const int e = base + lane;
        const int begin = e < experts ? offsets[e] : 0;
        const int count = e < experts ? offsets[e + 1] - begin : 0;
        const int own = (count + size - 1) / size;
        int until = own; // tiles up to and including those of this lane
#pragma unroll
        for (int distance = 1; distance < warp_size; distance *= 2) {
            const int before = __shfl_up_sync(all_lanes, until, distance);
            until += lane >= distance ? before : 0;
        }
        const unsigned votes = __ballot_sync(all_lanes, number < seen + until);
        if (votes != 0) {
            const int winner = __ffs(static_cast<int>(votes)) - 1;
            const int done = (number - seen - (until - own)) * size;
            Tile tile;
            tile.expert = base + winner;
            tile.first = __shfl_sync(all_lanes, begin + done, winner);
            tile.count = __shfl_sync(all_lanes, min(size, count - done), winner);
            return tile;
        }
        seen += __shfl_sync(all_lanes, until, warp_size - 1);
    }
    return {};
}

// A row of weights by its place in the tile. With both matrices, `group` consecutive places are half gate
// rows, half up rows of the same columns.
struct WeightRow
{
    bool is_up = false;
    int row = 0;
};
template <Stage S, int Group> __device__ WeightRow weight_row(int first, int place)
{
    if constexpr (S == Stage::down)
        return {false, first + place};
    else
        return {place % Group >= Group / 2, first + place / Group * (Group / 2) + place % (Group / 2)};
}

// The first weight row (of each matrix) of the block.
template <Stage S> __device__ int first_weight_row(int tile_rows)
{
    return static_cast<int>(blockIdx.x) * (S == Stage::gate_up ? tile_rows / 2 : tile_rows);
}

template <Stage S>
__device__ const std::byte* weight_data(const TileTask& task, int expert, const WeightRow& row)
{
    if (S == Stage::gate_up && row.is_up)
        return task.up.data + expert * task.up.expert_bytes + row.row * task.up.row_bytes;
    return task.w.data + expert * task.w.expert_bytes + row.row * task.w.row_bytes;
}

__device__ std::int64_t place_of(const TileTask& task, int pair, std::int64_t token_stride,
                                 std::int64_t slot_stride)
{
    return pair / task.experts_per_tok * token_stride + pair % task.experts_per_tok * slot_stride;
}

// ---- tensor cores -----------------------------------------------------------------------------------------

// Where a chunk of sixteen bytes lies in a tile in shared memory: turned by the row, so that the eight rows
// that one matrix load reads are in eight different groups of banks.
template <int Chunks> __device__ int chunk_offset(int row, int chunk)
{
    const int turn = Chunks == 8 ? row : row / 2;
    return (row * Chunks + (chunk ^ (turn & (Chunks - 1)))) * 16;
}

// x is BF16; the weights become it on their way into shared memory.
template <Dtype D, int Pairs, Stage S>
__global__ void __launch_bounds__(MmaTile<Pairs>::threads, 2) multiply_tile(TileTask task)
{
    using Shape = MmaTile<Pairs>;
    constexpr int chunks = Shape::chunks;
    constexpr int rows_at_once = Shape::threads / chunks; // one chunk for each thread
    constexpr int pair_loads = Pairs / rows_at_once;
    constexpr int weight_loads = Shape::weight_rows / rows_at_once;
    constexpr int pair_tiles = 2; // of 16 pairs, for each warp
    constexpr int weight_tiles = Shape::warp_weight_rows / 8;
    constexpr bool copies_weights = D == Dtype::bf16; // stored as they are multiplied

    const Tile tile = find_tile(task.offsets, task.experts, Pairs, static_cast<int>(blockIdx.y));
    if (tile.count == 0)
        return;
    std::byte* const shared = dynamic_shared();
    const int thread = static_cast<int>(threadIdx.x);
    const int lane = lane_index();
    const int first_row = first_weight_row<S>(Shape::weight_rows);

    // What this thread brings in: a chunk of every rows_at_once-th row.
    const int chunk = thread % chunks;
    const int own_row = thread / chunks;
    const std::byte* x[pair_loads];
#pragma unroll
    for (int i = 0; i < pair_loads; ++i) {
        const int row = own_row + i * rows_at_once;
        x[i] = nullptr;
        if (row < tile.count)
            x[i] = static_cast<const std::byte*>(task.x) +
                   2 * place_of(task, task.pairs[tile.first + row], task.x_token, task.x_slot);
    }
    const std::byte* w[weight_loads];
#pragma unroll
    for (int i = 0; i < weight_loads; ++i) {
        const WeightRow row = weight_row<S, Shape::warp_weight_rows>(first_row, own_row + i * rows_at_once);
        w[i] = row.row < task.rows ? weight_data<S>(task, tile.expert, row) : nullptr;
    }

    const int steps = (task.columns + Shape::depth - 1) / Shape::depth;
    Packed8<D> packed[weight_loads];
    const auto start_copies = [&](int step) {
        std::byte* stage = shared + step % Shape::stages * Shape::stage_bytes;
        const int c = step * Shape::depth + chunk * 8;
        const bool is_inside = c < task.columns;
#pragma unroll
        for (int i = 0; i < pair_loads; ++i) {
            const bool is_valid = is_inside && x[i];
            copy_async_16(stage + chunk_offset<chunks>(own_row + i * rows_at_once, chunk),
                          is_valid ? x[i] + 2 * static_cast<std::int64_t>(c) : task.x, is_valid);
        }
        stage += Shape::pair_bytes;
#pragma unroll
        for (int i = 0; i < weight_loads; ++i) {
            const bool is_valid = is_inside && w[i];
            if constexpr (copies_weights)
                copy_async_16(stage + chunk_offset<chunks>(own_row + i * rows_at_once, chunk),
                              is_valid ? w[i] + 2 * static_cast<std::int64_t>(c) : task.w.data, is_valid);
            else if (is_valid)
                packed[i] = fetch8<D>(w[i], task.columns, c);
        }
    };
    // Of the same step, when the reads of start_copies have had time to arrive.
    const auto store_weights = [&](int step) {
        if constexpr (!copies_weights) {
            std::byte* stage = shared + step % Shape::stages * Shape::stage_bytes + Shape::pair_bytes;
            const int c = step * Shape::depth + chunk * 8;
#pragma unroll
            for (int i = 0; i < weight_loads; ++i) {
                uint4 bits = make_uint4(0, 0, 0, 0);
                if (c < task.columns && w[i]) {
                    float v[8];
                    unpack8<D>(packed[i], v);
                    bits = make_uint4(pack_bf16(v[0], v[1]), pack_bf16(v[2], v[3]), pack_bf16(v[4], v[5]),
                                      pack_bf16(v[6], v[7]));
                }
                *reinterpret_cast<uint4*>(stage + chunk_offset<chunks>(own_row + i * rows_at_once, chunk)) =
                    bits;
            }
        }
    };

    const int first_pair = warp_index() % Shape::pair_warps * 32;
    const int first_weight = warp_index() / Shape::pair_warps * Shape::warp_weight_rows;
    const bool has_work = first_pair < tile.count;
    float sums[pair_tiles][weight_tiles][4] = {};
    const auto multiply = [&](int step) {
        const std::byte* a_stage = shared + step % Shape::stages * Shape::stage_bytes;
        const std::byte* b_stage = a_stage + Shape::pair_bytes;
#pragma unroll
        for (int k = 0; k < Shape::depth / 16; ++k) {
            std::uint32_t a[pair_tiles][4];
#pragma unroll
            for (int i = 0; i < pair_tiles; ++i)
                load_matrix_x4(
                    a[i], a_stage + chunk_offset<chunks>(first_pair + i * 16 + lane % 16, 2 * k + lane / 16));
#pragma unroll
            for (int j = 0; j < weight_tiles; j += 2) {
                std::uint32_t b[4];
                load_matrix_x4(b,
                               b_stage + chunk_offset<chunks>(first_weight + j * 8 + lane / 16 * 8 + lane % 8,
                                                              2 * k + lane / 8 % 2));
                const std::uint32_t low[2] = {b[0], b[1]};
                const std::uint32_t high[2] = {b[2], b[3]};
#pragma unroll
                for (int i = 0; i < pair_tiles; ++i) {
                    mma_bf16(sums[i][j], a[i], low);
                    mma_bf16(sums[i][j + 1], a[i], high);
                }
            }
        }
    };

    for (int step = 0; step < Shape::stages - 1; ++step) {
        if (step < steps) {
            start_copies(step);
            store_weights(step);
        }
        commit_copies();
    }
    for (int step = 0; step < steps; ++step) {
        wait_copies<Shape::stages - 2>();
        __syncthreads(); // the copies of all threads are there, and nobody reads the stage to be filled
        const int next = step + Shape::stages - 1;
        if (next < steps)
            start_copies(next);
        commit_copies();
        if (has_work)
            multiply(step);
        if (next < steps)
            store_weights(next);
    }
    if (!has_work)
        return;

    constexpr int result_tiles = S == Stage::gate_up ? weight_tiles / 2 : weight_tiles;
#pragma unroll
    for (int i = 0; i < pair_tiles; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) { // rows g and g + 8 of the fragment
            const int row = first_pair + i * 16 + half * 8 + lane / 4;
            if (row >= tile.count)
                continue;
            float* y = task.y + place_of(task, task.pairs[tile.first + row], task.y_token, task.y_slot);
#pragma unroll
            for (int j = 0; j < result_tiles; ++j) {
                const int c = weight_row<S, Shape::warp_weight_rows>(first_row, first_weight + j * 8).row +
                              lane % 4 * 2;
#pragma unroll
                for (int n = 0; n < 2; ++n) {
                    float value = sums[i][j][half * 2 + n];
                    if constexpr (S == Stage::gate_up)
                        value = silu(value) * sums[i][j + result_tiles][half * 2 + n];
                    if (c + n < task.rows)
                        y[c + n] = value;
                }
            }
        }
    }
}

// ---- fp32 arithmetic --------------------------------------------------------------------------------------

// Any format, any alignment.
__device__ void load8_weights(const ExpertWeights& w, const std::byte* row, int columns, int c,
                              float (&out)[8])
{
    const auto load = [&]<Dtype D>() {
        if (w.is_aligned && c < columns)
            load8<D>(row, columns, c, out);
        else
            load8_any<D>(row, columns, c, out);
    };
    switch (w.dtype) {
    case Dtype::f32:
        return load.operator()<Dtype::f32>();
    case Dtype::f16:
        return load.operator()<Dtype::f16>();
    case Dtype::bf16:
        return load.operator()<Dtype::bf16>();
    case Dtype::q8_0:
        return load.operator()<Dtype::q8_0>();
    default: // is not served
        return;
    }
}

template <Stage S> __global__ void __launch_bounds__(SimpleTile::threads) multiply_tile_fp32(TileTask task)
{
    using Shape = SimpleTile;
    constexpr int group = 4; // a thread's weight rows: with both matrices, two of each
    constexpr int stride = Shape::pairs + 4;
    alignas(16) __shared__ float x_tile[Shape::depth][stride]; // columns first
    alignas(16) __shared__ float w_tile[Shape::depth][stride];

    const Tile tile = find_tile(task.offsets, task.experts, Shape::pairs, static_cast<int>(blockIdx.y));
    if (tile.count == 0)
        return;
    const int thread = static_cast<int>(threadIdx.x);
    const int first_row = first_weight_row<S>(Shape::weight_rows);

    // The first half of the threads brings in x, the other half weights: eight columns of one row each.
    constexpr int loaders = Shape::threads / 2;
    const bool loads_weights = thread >= loaders;
    const int place = thread % loaders / 2;
    const int own_column = thread % 2 * 8;
    const float* x = nullptr;
    const std::byte* w = nullptr;
    const WeightRow row = weight_row<S, group>(first_row, place);
    const ExpertWeights& matrix = S == Stage::gate_up && row.is_up ? task.up : task.w;
    if (!loads_weights && place < tile.count)
        x = static_cast<const float*>(task.x) +
            place_of(task, task.pairs[tile.first + place], task.x_token, task.x_slot);
    if (loads_weights && row.row < task.rows)
        w = weight_data<S>(task, tile.expert, row);

    float loaded[8];
    const auto load = [&](int step) {
        const int c = step * Shape::depth + own_column;
        if (w) {
            load8_weights(matrix, w, task.columns, c, loaded);
        } else {
#pragma unroll
            for (int i = 0; i < 8; ++i)
                loaded[i] = x && c + i < task.columns ? x[c + i] : 0.0f;
        }
    };
    const int steps = (task.columns + Shape::depth - 1) / Shape::depth;
    const int pair = thread / 16 * 4;
    const int weight = thread % 16 * group;
    float sums[4][group] = {};
    load(0);
    for (int step = 0; step < steps; ++step) {
        __syncthreads(); // everybody is done with the last tile
#pragma unroll
        for (int i = 0; i < 8; ++i)
            (loads_weights ? w_tile : x_tile)[own_column + i][place] = loaded[i];
        __syncthreads();
        if (step + 1 < steps)
            load(step + 1);
        if (pair >= tile.count)
            continue;
#pragma unroll
        for (int k = 0; k < Shape::depth; ++k) {
            const float4 a = *reinterpret_cast<const float4*>(&x_tile[k][pair]);
            const float4 b = *reinterpret_cast<const float4*>(&w_tile[k][weight]);
            const float own_x[4] = {a.x, a.y, a.z, a.w};
            const float own_w[4] = {b.x, b.y, b.z, b.w};
#pragma unroll
            for (int i = 0; i < 4; ++i)
#pragma unroll
                for (int j = 0; j < group; ++j)
                    sums[i][j] += own_x[i] * own_w[j];
        }
    }

    constexpr int results = S == Stage::gate_up ? group / 2 : group;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        if (pair + i >= tile.count)
            continue;
        float* y = task.y + place_of(task, task.pairs[tile.first + pair + i], task.y_token, task.y_slot);
#pragma unroll
        for (int j = 0; j < results; ++j) {
            const int c = weight_row<S, group>(first_row, weight + j).row;
            float value = sums[i][j];
            if constexpr (S == Stage::gate_up)
                value = silu(value) * sums[i][j + results];
            if (c < task.rows)
                y[c] = value;
        }
    }
}

// ---- the sum over the slots -------------------------------------------------------------------------------

// h[t][c] += weight[t][k] * y[t][k][c], k ascending. One block for each token.
__global__ void __launch_bounds__(256)
    add_slots(float* h, std::int64_t h_stride, const float* y, int columns, const float* weight,
              std::int64_t weight_stride, int experts_per_tok)
{
    const std::int64_t t = blockIdx.x;
    const float* own = y + t * experts_per_tok * columns;
    for (int c = static_cast<int>(threadIdx.x); c < columns; c += static_cast<int>(blockDim.x)) {
        float sum = h[t * h_stride + c];
#pragma unroll 4
        for (int k = 0; k < experts_per_tok; ++k)
            sum += weight[t * weight_stride + k] * own[static_cast<std::int64_t>(k) * columns + c];
        h[t * h_stride + c] = sum;
    }
}

// ---- on the host ------------------------------------------------------------------------------------------

struct Workspace
{
    std::int32_t* offsets = nullptr;
    std::int32_t* pairs = nullptr;
    std::byte* rows = nullptr;
    float* down = nullptr;
};

Workspace divide(std::byte* memory, const GroupedPlan& plan, std::int64_t experts)
{
    std::byte* pairs = memory + round_up((experts + 1) * 4, matrix_alignment);
    std::byte* rows = memory + plan.sort_bytes;
    return {reinterpret_cast<std::int32_t*>(memory), reinterpret_cast<std::int32_t*>(pairs), rows,
            reinterpret_cast<float*>(rows + plan.rows_bytes)};
}

ExpertWeights weights(const HeadMatrix& w)
{
    const Matrix first = w.head(0);
    const std::int64_t unit = w.dtype == Dtype::q8_0 ? 8 : 16;
    return {w.data, w.dtype, is_aligned(first) && w.head_bytes % unit == 0, w.head_bytes, first.row_bytes()};
}

template <Stage S>
void multiply_tiles(const Device& device, const LaunchPlan& launch_plan, const GroupedPlan& plan,
                    const TileTask& task)
{
    if (!plan.uses_tensor_cores)
        return launch(device, launch_plan, multiply_tile_fp32<S>, task);
    with_dtype(task.w.dtype, [&]<Dtype D>() {
        if constexpr (D != Dtype::f32)
            launch(device, launch_plan,
                   plan.tile_rows == 128 ? multiply_tile<D, 128, S> : multiply_tile<D, 32, S>, task);
    });
}

} // namespace

void grouped_gate_up(const Device& device, View<float> hidden, View<const float> x, const Routing& routing,
                     const DeviceExperts& experts, std::byte* workspace, const GroupedPlan& plan)
{
    const std::int64_t chosen = routing.expert.columns;
    if (x.rows == 0)
        return;
    const Workspace work = divide(workspace, plan, experts.gate.heads);
    launch(device, plan.sort, sort_pairs, routing.expert.data, routing.expert.stride,
           static_cast<int>(chosen), static_cast<int>(x.rows * chosen), work.offsets, work.pairs);

    TileTask task;
    task.w = weights(experts.gate);
    task.up = weights(experts.up);
    task.rows = static_cast<int>(experts.gate.rows);
    task.columns = static_cast<int>(experts.gate.columns);
    task.x = x.data;
    task.x_token = x.stride;
    if (plan.uses_tensor_cores) {
        to_factor(device, {Factor::bf16, work.rows, x.rows, x.columns}, x);
        task.x = work.rows;
        task.x_token = x.columns;
    }
    task.y = hidden.data;
    task.y_token = hidden.stride;
    task.y_slot = experts.gate.rows;
    task.offsets = work.offsets;
    task.pairs = work.pairs;
    task.experts = static_cast<int>(experts.gate.heads);
    task.experts_per_tok = static_cast<int>(chosen);
    multiply_tiles<Stage::gate_up>(device, plan.gate_up, plan, task);
}

void grouped_down_add(const Device& device, View<float> h, View<const float> hidden, const Routing& routing,
                      const DeviceExperts& experts, std::byte* workspace, const GroupedPlan& plan)
{
    const std::int64_t chosen = routing.expert.columns;
    const std::int64_t width = experts.down.columns;
    if (h.rows == 0)
        return;
    const Workspace work = divide(workspace, plan, experts.down.heads);
    TileTask task;
    task.w = weights(experts.down);
    task.columns = static_cast<int>(width);
    task.x = hidden.data;
    task.x_token = hidden.stride;
    task.x_slot = width;
    if (plan.uses_tensor_cores) {
        to_factor(device, {Factor::bf16, work.rows, h.rows, chosen * width},
                  hidden.slice_columns(0, chosen * width));
        task.x = work.rows;
        task.x_token = chosen * width;
    }
    task.offsets = work.offsets;
    task.pairs = work.pairs;
    task.experts = static_cast<int>(experts.down.heads);
    task.experts_per_tok = static_cast<int>(chosen);
    const std::byte* const data = task.w.data;
    const std::int64_t tile_columns =
        plan.uses_tensor_cores ? MmaTile<128>::weight_rows : SimpleTile::weight_rows;
    for (std::int64_t c = 0; c < h.columns; c += plan.down_columns) {
        const std::int64_t columns = std::min(plan.down_columns, h.columns - c);
        task.w.data = data + c * task.w.row_bytes;
        task.rows = static_cast<int>(columns);
        task.y = work.down;
        task.y_token = chosen * columns;
        task.y_slot = columns;
        LaunchPlan down = plan.down;
        down.grid[0] = static_cast<std::uint32_t>(divide_up(columns, tile_columns));
        multiply_tiles<Stage::down>(device, down, plan, task);
        const LaunchPlan sum{{static_cast<std::uint32_t>(h.rows), 1, 1}, 256, 0};
        launch(device, sum, add_slots, h.data + c, h.stride, work.down, static_cast<int>(columns),
               routing.weight.data, routing.weight.stride, static_cast<int>(chosen));
    }
}

} // namespace kernels::cuda
