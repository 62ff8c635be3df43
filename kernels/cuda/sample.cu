// SPDX-License-Identifier: MIT
// One block chooses for one row. Few ids can be told to be candidates by their weight or rank alone; their
// list, ascending by id, is then narrowed by radix selection over their keys, from the highest digit on. All
// sums are of integers, so that atomic additions in any order give the same.
#include "kernels/cuda/sample.h"

#include "kernels/cuda/launch.h"
#include "kernels/cuda/numeric.h"
#include "kernels/cuda/order.h"
#include "kernels/sampling.h"

namespace kernels::cuda {

namespace {

using Weight = unsigned long long; // and other counts that atomics add up

constexpr int most_threads = 1024;
constexpr int digit_values = 256;

struct SampleArguments
{
    std::int32_t* ids = nullptr;
    View<const float> logits;
    const Draw* draws = nullptr;
    const std::int32_t* recent = nullptr;
    const std::uint8_t* defined = nullptr;
    std::uint32_t* keys = nullptr;      // (rows, stride)
    std::int32_t* candidates = nullptr; // (rows, stride)
    std::int64_t stride = 0;
};

struct Shared
{
    Weight sums[warp_size]; // or other results of the warps
    Weight bins[digit_values];
    std::uint32_t thread_best[most_threads];
    std::uint32_t prefix; // of the key that is searched for
    Weight rest;
    int place;
};

// ---- over a block, for all of whose threads ---------------------------------------------------------------

__device__ inline int thread_index()
{
    return static_cast<int>(threadIdx.x);
}
__device__ inline int thread_count()
{
    return static_cast<int>(blockDim.x);
}

__device__ inline Weight warp_sum(Weight value)
{
#pragma unroll
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value += __shfl_xor_sync(all_lanes, value, distance);
    return value;
}

// The sum of the lanes up to and with this one.
__device__ inline Weight warp_running_sum(Weight value)
{
#pragma unroll
    for (int distance = 1; distance < warp_size; distance *= 2) {
        const Weight other = __shfl_up_sync(all_lanes, value, distance);
        if (lane_index() >= distance)
            value += other;
    }
    return value;
}

__device__ inline Weight block_sum(Weight value, Shared& shared)
{
    value = warp_sum(value);
    __syncthreads(); // whoever still reads the last sums
    if (lane_index() == 0)
        shared.sums[warp_index()] = value;
    __syncthreads();
    return warp_sum(lane_index() < thread_count() / warp_size ? shared.sums[lane_index()] : 0);
}

__device__ inline std::uint32_t block_max(std::uint32_t value, Shared& shared)
{
    value = __reduce_max_sync(all_lanes, value);
    __syncthreads();
    if (lane_index() == 0)
        shared.sums[warp_index()] = value;
    __syncthreads();
    return __reduce_max_sync(all_lanes, lane_index() < thread_count() / warp_size
                                            ? static_cast<std::uint32_t>(shared.sums[lane_index()])
                                            : 0);
}

// A warp's stretch of 0 … count, a multiple of the warp's width apart from the end.
struct Stretch
{
    int first;
    int last;
};
__device__ inline Stretch stretch_of_warp(int count)
{
    const int length = round_up(divide_up(count, thread_count() / warp_size), warp_size);
    return {min(count, warp_index() * length), min(count, (warp_index() + 1) * length)};
}

// The first i of 0 … count for which the sum of value(0) … value(i) is more than `target`; there is one.
template <class Value>
__device__ int find_in_order(int count, Weight target, const Value& value, Shared& shared)
{
    const Stretch own = stretch_of_warp(count);
    Weight sum = 0;
    for (int i = own.first + lane_index(); i < own.last; i += warp_size)
        sum += value(i);
    sum = warp_sum(sum);
    __syncthreads();
    if (lane_index() == 0)
        shared.sums[warp_index()] = sum;
    __syncthreads();
    Weight before = 0;
    for (int warp = 0; warp < warp_index(); ++warp)
        before += shared.sums[warp];
    if (before <= target && before + sum > target) { // one warp
        for (int first = own.first; first < own.last; first += warp_size) {
            const int i = first + lane_index();
            const Weight running = before + warp_running_sum(i < own.last ? value(i) : 0);
            const unsigned beyond = __ballot_sync(all_lanes, running > target);
            if (beyond != 0) {
                if (lane_index() == 0)
                    shared.place = first + __ffs(static_cast<int>(beyond)) - 1;
                break;
            }
            before = __shfl_sync(all_lanes, running, warp_size - 1);
        }
    }
    __syncthreads();
    return shared.place;
}

// The key at which the amounts of all with a higher or equal key reach `needed` (1 to their sum), and what of
// `needed` those with the higher keys leave.
struct Selected
{
    std::uint32_t key;
    Weight rest;
};
template <class Key, class Amount>
__device__ Selected select(int count, Weight needed, const Key& key, const Amount& amount, Shared& shared)
{
    std::uint32_t prefix = 0;
    for (int shift = 24; shift >= 0; shift -= 8) {
        for (int bin = thread_index(); bin < digit_values; bin += thread_count())
            shared.bins[bin] = 0;
        __syncthreads();
        for (int i = thread_index(); i < count; i += thread_count()) {
            const std::uint32_t own = key(i);
            if (static_cast<Weight>(own ^ prefix) >> shift >> 8 == 0)
                atomicAdd(&shared.bins[own >> shift & 0xffu], amount(i));
        }
        __syncthreads();
        if (warp_index() == 0) {
            // Lane 0 has the eight highest bins.
            constexpr int bins_of_lane = digit_values / warp_size;
            const int highest = digit_values - 1 - lane_index() * bins_of_lane;
            Weight own = 0;
            for (int bin = 0; bin < bins_of_lane; ++bin)
                own += shared.bins[highest - bin];
            Weight before = warp_running_sum(own) - own;
            if (before < needed && before + own >= needed) { // one lane
                int bin = highest;
                while (before + shared.bins[bin] < needed)
                    before += shared.bins[bin--];
                shared.prefix = prefix | static_cast<std::uint32_t>(bin) << shift;
                shared.rest = needed - before;
            }
        }
        __syncthreads();
        prefix = shared.prefix;
        needed = shared.rest;
        __syncthreads();
    }
    return {prefix, needed};
}

// ---- the choice -------------------------------------------------------------------------------------------

// The logits of a row as keys, penalised; 0 where undefined. False where one is infinite or not a number.
__device__ bool read_keys(const SampleArguments& p, const Draw& draw, const float* logits,
                          std::uint32_t* keys)
{
    const int vocabulary = static_cast<int>(p.logits.columns);
    bool is_finite = true;
#pragma unroll 4
    for (int id = thread_index(); id < vocabulary; id += thread_count()) {
        const float logit = logits[id];
        is_finite = is_finite && (__float_as_uint(logit) & 0x7f800000u) != 0x7f800000u;
        keys[id] = p.defined[id] != 0 ? key_of(logit) : 0;
    }
    if (__syncthreads_or(is_finite ? 0 : 1) != 0)
        return false;
    for (int i = thread_index(); i < draw.recent_count; i += thread_count()) {
        const int id = p.recent[draw.recent_first + i];
        if (p.defined[id] != 0) // the same key from every thread that has the same id
            keys[id] = key_of(penalised(logits[id], draw.repeat_penalty));
    }
    __syncthreads();
    return true;
}

// A key and a weight that all candidates reach. What is below falls away, whatever the other steps leave.
struct Floor
{
    std::uint32_t key;
    Weight weight;
};
__device__ Floor candidate_floor(const Draw& draw, int vocabulary, Weight least, Shared& shared)
{
    if (draw.top_k > 0) {
        // The k-th best of the threads' best is at most the k-th best of all.
        if (draw.top_k > thread_count())
            return {1, 1};
        const Selected kth = select(
            thread_count(), static_cast<Weight>(draw.top_k), [&](int i) { return shared.thread_best[i]; },
            [](int) { return Weight{1}; }, shared);
        return {max(kth.key, 1u), 1};
    }
    if (draw.top_p < 1.0f) {
        // Less than an even share of what top-p leaves over is not needed, even from all ids together.
        const Weight over = best_weight - weight_needed(draw.top_p, best_weight);
        return {1, max(least, over / static_cast<Weight>(vocabulary))};
    }
    return {1, least};
}

__global__ __launch_bounds__(most_threads) void sample_kernel(const SampleArguments p)
{
    __shared__ Shared shared;
    const std::int64_t row = blockIdx.x;
    const int vocabulary = static_cast<int>(p.logits.columns);
    const Draw draw = p.draws[row];
    const float* logits = p.logits.data + row * p.logits.stride;
    std::uint32_t* keys = p.keys + row * p.stride;
    std::int32_t* candidates = p.candidates + row * p.stride;
    if (!read_keys(p, draw, logits, keys)) {
        if (thread_index() == 0)
            p.ids[row] = -1;
        return;
    }

    std::uint32_t own_best = 0;
#pragma unroll 4
    for (int id = thread_index(); id < vocabulary; id += thread_count())
        own_best = max(own_best, keys[id]);
    shared.thread_best[thread_index()] = own_best;
    const std::uint32_t best_key = block_max(own_best, shared);
    if (draw.temperature == 0.0f) {
        const int best_id = find_in_order(
            vocabulary, 0, [&](int id) { return Weight{keys[id] == best_key ? 1u : 0u}; }, shared);
        if (thread_index() == 0)
            p.ids[row] = best_id;
        return;
    }

    const float best = number_of(best_key);
    const float halvings_a_logit = halvings_per_logit(draw.temperature);
    const auto weight_of = [&](std::uint32_t key) -> Weight {
        return key == 0 ? 0 : relative_weight(number_of(key), best, halvings_a_logit);
    };
    const Weight least = least_weight(draw.min_p);
    const Floor floor = candidate_floor(draw, vocabulary, least, shared);

    // A weight never rises with the distance, so that the lowest candidate's key tells candidates, too.
    const Stretch own = stretch_of_warp(vocabulary);
    Weight sum = 0;
    std::uint32_t lowest = best_key;
#pragma unroll 4
    for (int id = own.first + lane_index(); id < own.last; id += warp_size) {
        const std::uint32_t key = keys[id];
        const Weight weight = weight_of(key);
        sum += weight;
        if (weight >= floor.weight)
            lowest = min(lowest, key);
    }
    Weight total = block_sum(sum, shared);
    lowest = max(floor.key, ~block_max(~lowest, shared));

    // Ascending by id: each warp lists its own stretch behind those of the warps before it.
    Weight own_count = 0;
#pragma unroll 4
    for (int id = own.first + lane_index(); id < own.last; id += warp_size)
        own_count += keys[id] >= lowest ? 1 : 0;
    own_count = warp_sum(own_count);
    __syncthreads();
    if (lane_index() == 0)
        shared.sums[warp_index()] = own_count;
    __syncthreads();
    int place = 0;
    int count = 0;
    for (int warp = 0; warp < thread_count() / warp_size; ++warp) {
        place += warp < warp_index() ? static_cast<int>(shared.sums[warp]) : 0;
        count += static_cast<int>(shared.sums[warp]);
    }
    for (int first = own.first; first < own.last; first += warp_size) {
        const int id = first + lane_index();
        const bool is_candidate = id < own.last && keys[id] >= lowest;
        const unsigned together = __ballot_sync(all_lanes, is_candidate);
        if (is_candidate)
            candidates[place + __popc(together & ((1u << lane_index()) - 1u))] = id;
        place += __popc(together);
    }
    __syncthreads();

    // The worst that stays.
    std::uint32_t last_key = 0;
    int last_id = vocabulary;
    const auto key_at = [&](int i) { return keys[candidates[i]]; };
    const auto is_kept = [&](int i) {
        const std::uint32_t key = key_at(i);
        return key > last_key || (key == last_key && candidates[i] <= last_id);
    };
    const auto kept_weight = [&](int i) { return is_kept(i) ? weight_of(key_at(i)) : 0; };
    // `ties` of those that have this key stay, those with the lower ids; all that are better stay.
    const auto keep_down_to = [&](std::uint32_t key, Weight ties) {
        const int at = find_in_order(
            count, ties - 1, [&](int i) { return Weight{key_at(i) == key ? 1u : 0u}; }, shared);
        last_key = key;
        last_id = candidates[at];
    };
    const auto sum_of_kept = [&](Weight floor_weight) {
        Weight kept = 0;
        for (int i = thread_index(); i < count; i += thread_count())
            kept += kept_weight(i) >= floor_weight ? kept_weight(i) : 0;
        return block_sum(kept, shared);
    };
    if (draw.top_k > 0) {
        if (draw.top_k < count) {
            const Selected kth = select(
                count, static_cast<Weight>(draw.top_k), key_at, [](int) { return Weight{1}; }, shared);
            keep_down_to(kth.key, kth.rest);
        }
        total = sum_of_kept(1);
    }
    if (draw.top_p < 1.0f) {
        // Less may be there than is needed where min-p has taken its part already.
        const Weight needed = weight_needed(draw.top_p, total);
        if (needed < sum_of_kept(1)) {
            const Selected last = select(count, needed, key_at, kept_weight, shared);
            const Weight weight = weight_of(last.key);
            keep_down_to(last.key, (last.rest + weight - 1) / weight);
        }
    }
    const Weight target = draw_target(draw.uniform, sum_of_kept(least));
    const int chosen = find_in_order(
        count, target, [&](int i) { return kept_weight(i) >= least ? kept_weight(i) : 0; }, shared);
    if (thread_index() == 0)
        p.ids[row] = candidates[chosen];
}

} // namespace

// ---- launcher ---------------------------------------------------------------------------------------------

LaunchPlan plan_sample(std::int64_t rows, std::int64_t vocabulary)
{
    const std::int64_t threads = round_up<std::int64_t>(divide_up<std::int64_t>(vocabulary, 8), warp_size);
    return {.grid = {static_cast<std::uint32_t>(rows), 1, 1},
            .threads = static_cast<std::uint32_t>(threads < most_threads ? threads : most_threads)};
}

void sample(const Device& device, std::int32_t* ids, View<const float> logits, const Draw* draws,
            const std::int32_t* recent, const std::uint8_t* defined, std::byte* workspace)
{
    const std::int64_t half = sample_workspace_bytes(logits.rows, logits.columns) / 2;
    SampleArguments p;
    p.ids = ids;
    p.logits = logits;
    p.draws = draws;
    p.recent = recent;
    p.defined = defined;
    p.keys = reinterpret_cast<std::uint32_t*>(workspace);
    p.candidates = reinterpret_cast<std::int32_t*>(workspace + half);
    p.stride = half / 4 / (logits.rows > 0 ? logits.rows : 1);
    launch(device, plan_sample(logits.rows, logits.columns), sample_kernel, p);
}

} // namespace kernels::cuda
