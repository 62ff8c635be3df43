// SPDX-License-Identifier: MIT
// The experts of a few rows (DeepSeek-V2 paper, section 2.1). What was routed is known on the device alone:
// each block finds the distinct experts for itself, so that the weights of one meet all its tokens when they
// are read.
#include "kernels/cuda/activation.h"
#include "kernels/cuda/vector_rows.h"

#include <cassert>
#include <string>

namespace kernels::cuda {

namespace {

// ---- which experts are used, and by whom ------------------------------------------------------------------

// One matrix of every expert as device code sees it.
struct ExpertRows
{
    const std::byte* data = nullptr;
    std::int64_t expert_bytes = 0;
    std::int64_t row_bytes = 0;
    int rows = 0; // of one expert
    int columns = 0;
    Dtype dtype = Dtype::f32;
};

ExpertRows expert_rows_of(const HeadMatrix& w)
{
    return {w.data,
            w.head_bytes,
            row_bytes(w.dtype, w.columns),
            static_cast<int>(w.rows),
            static_cast<int>(w.columns),
            w.dtype};
}

__device__ inline WeightRow row_at(const ExpertRows& w, int expert, int r)
{
    return {w.data + expert * w.expert_bytes + r * w.row_bytes, w.dtype};
}

// What was chosen: (tokens, chosen).
struct Choice
{
    const std::int32_t* expert = nullptr;
    const float* weight = nullptr;
    std::int64_t expert_stride = 0;
    std::int64_t weight_stride = 0;
    int tokens = 0;
    int chosen = 0;
};

Choice choice_of(const Routing& routing)
{
    return {routing.expert.data,
            routing.weight.data,
            routing.expert.stride,
            routing.weight.stride,
            static_cast<int>(routing.expert.rows),
            static_cast<int>(routing.expert.columns)};
}

// The distinct experts of a choice, in shared memory. A token chooses an expert once at most, so that no
// expert has more users than there are tokens.
class Uses
{
public:
    static constexpr std::int64_t bytes(std::int64_t tokens, std::int64_t chosen)
    {
        return 4 * tokens * chosen * (4 + tokens);
    }

    // All threads of the block.
    __device__ Uses(const Choice& choice, std::byte* shared)
        : m_tokens(choice.tokens)
    {
        const int pairs = choice.tokens * choice.chosen;
        auto* expert_of = reinterpret_cast<int*>(shared); // (pairs) the expert of pair token * chosen + slot
        int* is_first = expert_of + pairs;                // (pairs) whether no pair before has the expert
        m_expert = is_first + pairs;
        m_users = m_expert + pairs;
        m_pair = m_users + pairs;
        const int first_pair = static_cast<int>(threadIdx.x);
        for (int p = first_pair; p < pairs; p += vector_threads)
            expert_of[p] = choice.expert[p / choice.chosen * choice.expert_stride + p % choice.chosen];
        __syncthreads();
        for (int p = first_pair; p < pairs; p += vector_threads) {
            int earlier = 0;
            for (int q = 0; q < p; ++q)
                earlier |= expert_of[q] == expert_of[p] ? 1 : 0;
            is_first[p] = 1 - earlier;
        }
        __syncthreads();
        for (int p = first_pair; p < pairs; p += vector_threads) {
            if (is_first[p] == 0)
                continue;
            int place = 0;
            for (int q = 0; q < p; ++q)
                place += is_first[q];
            int users = 0;
            for (int q = p; q < pairs; ++q)
                if (expert_of[q] == expert_of[p])
                    m_pair[place * m_tokens + users++] = q;
            m_expert[place] = expert_of[p];
            m_users[place] = users;
        }
        m_count = 0;
        for (int p = 0; p < pairs; ++p)
            m_count += is_first[p];
        __syncthreads();
    }

    __device__ int count() const { return m_count; }
    __device__ int expert(int i) const { return m_expert[i]; }
    __device__ int users(int i) const { return m_users[i]; }
    // token * chosen + slot of a user, ascending
    __device__ int pair(int i, int user) const { return m_pair[i * m_tokens + user]; }

private:
    int m_tokens;
    int m_count;
    int* m_expert;
    int* m_users;
    int* m_pair; // (count, tokens)
};

// ---- kernels ----------------------------------------------------------------------------------------------

struct GateUpArguments
{
    View<float> hidden; // (T, K * F + shared width)
    View<const float> x;
    Choice choice;
    ExpertRows gate;
    ExpertRows up;
    Rows shared_gate; // no rows: none
    Rows shared_up;
    int first_shared = 0; // column of hidden
};

// Rows of x into shared memory, each padded with zeros to `width`. All threads; the caller waits.
__device__ inline void stage_rows(float* staged, View<const float> x, int width)
{
    const int columns = static_cast<int>(x.columns);
    const int count = static_cast<int>(x.rows) * width;
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < count; i += vector_threads) {
        const int t = i / width;
        const int c = i % width;
        staged[t * width + staged_place(c)] = c < columns ? __ldg(x.data + t * x.stride + c) : 0.0f;
    }
}

// A unit is one number of the hidden layer of one expert, for all its users.
template <class Reader, int T>
__global__ __launch_bounds__(vector_threads,
                             least_blocks<Reader, T>()) void gate_up_kernel(const GateUpArguments p)
{
    const int columns = static_cast<int>(p.x.columns);
    const int width = round_up(columns, tile_columns);
    auto* staged = reinterpret_cast<float*>(dynamic_shared());
    stage_rows(staged, p.x, width);
    const Uses uses(p.choice, dynamic_shared() + 4 * static_cast<std::int64_t>(width) * p.x.rows);
    __syncthreads();

    const int routed = uses.count() * p.gate.rows;
    const Share share = share_of_block(routed + p.shared_gate.count);
    for (int unit = share.first + warp_index(); unit < share.last; unit += vector_warps) {
        const bool is_shared = unit >= routed;
        const int use = is_shared ? 0 : unit / p.gate.rows;
        const int r = is_shared ? unit - routed : unit % p.gate.rows;
        const int users = is_shared ? static_cast<int>(p.x.rows) : uses.users(use);
        const WeightRow rows[2] = {is_shared ? row_at(p.shared_gate, r) : row_at(p.gate, uses.expert(use), r),
                                   is_shared ? row_at(p.shared_up, r) : row_at(p.up, uses.expert(use), r)};
        const int chosen = p.choice.chosen;
        const auto token_of = [&](int user) { return is_shared ? user : uses.pair(use, user) / chosen; };
        const auto column_of = [&](int user) {
            return is_shared ? p.first_shared : uses.pair(use, user) % chosen * p.gate.rows;
        };
        const float* x[T];
#pragma unroll
        for (int u = 0; u < T; ++u)
            x[u] = staged + token_of(min(u, users - 1)) * width;
        float sums[2][T] = {};
        accumulate<Reader, 2, T>(sums, rows, columns, 0, columns, x, users);
#pragma unroll
        for (int u = 0; u < T; ++u) {
            if (u >= users)
                break;
            const float gate = warp_sum(sums[0][u]);
            const float up = warp_sum(sums[1][u]);
            if (lane_index() == 0)
                p.hidden.data[token_of(u) * p.hidden.stride + column_of(u) + r] = silu(gate) * up;
        }
    }
}

struct DownArguments
{
    View<float> h;
    View<const float> hidden; // (T, K * F + shared width)
    Choice choice;
    ExpertRows down;
    Rows shared_down; // no rows: none
    int first_shared = 0;
};

// Rows of h that a block works on at a time.
constexpr int down_rows = vector_warps;

// The hidden rows into shared memory, each slot padded with zeros to whole tiles. All threads; the caller
// waits.
__device__ inline void stage_hidden(float* staged, const DownArguments& p, int width)
{
    const int padded = round_up(p.down.columns, tile_columns);
    const int count = static_cast<int>(p.hidden.rows) * width;
#pragma unroll 4
    for (int i = static_cast<int>(threadIdx.x); i < count; i += vector_threads) {
        const int t = i / width;
        const int slot = min(i % width / padded, p.choice.chosen);
        const int c = i % width - slot * padded;
        const bool is_shared = slot == p.choice.chosen;
        const float* from =
            p.hidden.data + t * p.hidden.stride + (is_shared ? p.first_shared : slot * p.down.columns);
        const int columns = is_shared ? p.shared_down.columns : p.down.columns;
        staged[t * width + slot * padded + staged_place(c)] = c < columns ? __ldg(from + c) : 0.0f;
    }
}

// Each block brings some rows of h. An item is one such row of one expert's matrix, for all its users; what
// they give waits in shared memory (row, token, slot) until all slots are there to be added in order.
template <class Reader, int T>
__global__ __launch_bounds__(vector_threads,
                             least_blocks<Reader, T>()) void down_kernel(const DownArguments p)
{
    const int tokens = static_cast<int>(p.hidden.rows);
    const int chosen = p.choice.chosen;
    const bool has_shared = p.shared_down.count > 0;
    const int slots = chosen + (has_shared ? 1 : 0);
    const int padded = round_up(p.down.columns, tile_columns);
    const int width = chosen * padded + round_up(p.shared_down.columns, tile_columns);
    auto* staged = reinterpret_cast<float*>(dynamic_shared());
    float* results = staged + tokens * width; // (down_rows, tokens, slots)
    stage_hidden(staged, p, width);
    const Uses uses(p.choice, reinterpret_cast<std::byte*>(results + down_rows * tokens * slots));
    __syncthreads();

    const int items_of_row = uses.count() + (has_shared ? 1 : 0);
    const Share share = share_of_block(static_cast<int>(p.h.columns));
    for (int first = share.first; first < share.last; first += down_rows) {
        const int count = min(down_rows, share.last - first);
        for (int item = warp_index(); item < count * items_of_row; item += vector_warps) {
            const int r = item / items_of_row;
            const int use = item % items_of_row;
            const bool is_shared = use == uses.count();
            const int users = is_shared ? tokens : uses.users(use);
            const int columns = is_shared ? p.shared_down.columns : p.down.columns;
            const WeightRow rows[1] = {is_shared ? row_at(p.shared_down, first + r)
                                                 : row_at(p.down, uses.expert(use), first + r)};
            const auto token_of = [&](int user) { return is_shared ? user : uses.pair(use, user) / chosen; };
            const auto slot_of = [&](int user) { return is_shared ? chosen : uses.pair(use, user) % chosen; };
            const float* x[T];
#pragma unroll
            for (int u = 0; u < T; ++u) {
                const int user = min(u, users - 1);
                x[u] = staged + token_of(user) * width + slot_of(user) * padded;
            }
            float sums[1][T] = {};
            accumulate<Reader, 1, T>(sums, rows, columns, 0, columns, x, users);
#pragma unroll
            for (int u = 0; u < T; ++u) {
                if (u >= users)
                    break;
                const float sum = warp_sum(sums[0][u]);
                if (lane_index() == 0)
                    results[(r * tokens + token_of(u)) * slots + slot_of(u)] = sum;
            }
        }
        __syncthreads();
        for (int i = static_cast<int>(threadIdx.x); i < count * tokens; i += vector_threads) {
            const int t = i / count;
            const int r = i % count;
            const float* own = results + (r * tokens + t) * slots;
            float* h = p.h.data + t * p.h.stride + first + r;
            float sum = has_shared ? *h + own[chosen] : *h;
            for (int k = 0; k < chosen; ++k)
                sum = fmaf(p.choice.weight[t * p.choice.weight_stride + k], own[k], sum);
            *h = sum;
        }
        __syncthreads();
    }
}

// ---- launchers --------------------------------------------------------------------------------------------

// The second expert's place tells how all others lie.
Matrix second_expert(const HeadMatrix& w)
{
    return w.head(std::min<std::int64_t>(1, w.heads - 1));
}

// One launch, or one of several with fewer tokens each where the shared memory of a block holds no more.
struct ExpertsPlan
{
    Reading reading = Reading::any; // of the routed experts
    bool joins_shared = false;      // whether the launch brings the shared expert, too
    std::int64_t tokens = 0;        // at a time
    LaunchPlan launch;
};

// `shared_bytes(tokens)`: what a block needs.
template <class SharedBytes>
std::int64_t tokens_at_once(std::int64_t tokens, const DeviceLimits& limits, const SharedBytes& shared_bytes)
{
    const std::int64_t room = limits.shared_bytes - vector_static_bytes;
    std::int64_t fitting = std::min(tokens, max_vector_rows);
    while (fitting > 0 && shared_bytes(fitting) > room)
        --fitting;
    return fitting;
}

ExpertsPlan plan_gate_up(View<const float> x, const Routing& routing, const DeviceExperts& experts,
                         const DeviceLimits& limits)
{
    ExpertsPlan plan;
    plan.reading = reading_of(
        {experts.gate.head(0), second_expert(experts.gate), experts.up.head(0), second_expert(experts.up)});
    const Mlp& shared = experts.shared;
    plan.joins_shared = shared.gate && plan.reading == Reading::vectors &&
                        reading_of({experts.gate.head(0), shared.gate, shared.up}) == Reading::vectors;
    const std::int64_t chosen = routing.expert.columns;
    const auto shared_bytes = [&](std::int64_t tokens) {
        return 4 * tokens * round_up<std::int64_t>(x.columns, tile_columns) + Uses::bytes(tokens, chosen);
    };
    plan.tokens = tokens_at_once(x.rows, limits, shared_bytes);
    const std::int64_t units = std::min(experts.gate.heads, plan.tokens * chosen) * experts.gate.rows +
                               (plan.joins_shared ? shared.gate.rows : 0);
    plan.launch = {.grid = {plan.tokens == 0 ? 0 : vector_blocks(units, plan.tokens, limits), 1, 1},
                   .threads = vector_threads,
                   .shared_bytes = shared_bytes(plan.tokens)};
    return plan;
}

ExpertsPlan plan_down(View<const float> hidden, const Routing& routing, const DeviceExperts& experts,
                      const DeviceLimits& limits)
{
    ExpertsPlan plan;
    plan.reading = reading_of({experts.down.head(0), second_expert(experts.down)});
    const Matrix& shared = experts.shared.down;
    const std::int64_t chosen = routing.expert.columns;
    const auto shared_bytes = [&](std::int64_t tokens, bool joins_shared) {
        const std::int64_t width = chosen * round_up<std::int64_t>(experts.down.columns, tile_columns) +
                                   (joins_shared ? round_up<std::int64_t>(shared.columns, tile_columns) : 0);
        return 4 * tokens * (width + down_rows * (chosen + (joins_shared ? 1 : 0))) +
               Uses::bytes(tokens, chosen);
    };
    plan.joins_shared = shared && plan.reading == Reading::vectors &&
                        reading_of({experts.down.head(0), shared}) == Reading::vectors &&
                        shared_bytes(1, true) <= limits.shared_bytes - vector_static_bytes;
    plan.tokens = tokens_at_once(
        hidden.rows, limits, [&](std::int64_t tokens) { return shared_bytes(tokens, plan.joins_shared); });
    plan.launch = {
        .grid = {plan.tokens == 0 ? 0 : vector_blocks(experts.down.rows, plan.tokens, limits), 1, 1},
        .threads = vector_threads,
        .shared_bytes = shared_bytes(plan.tokens, plan.joins_shared)};
    return plan;
}

// Calls run(first, count, plan) for as many rows at a time as one launch serves, all of whose rows `plan_of`
// plans.
template <class PlanOf, class Run>
void for_each_launch(std::int64_t rows, std::int64_t columns, const PlanOf& plan_of, const Run& run)
{
    for (std::int64_t first = 0; first < rows;) {
        const ExpertsPlan plan = plan_of(first);
        if (plan.tokens == 0)
            throw Failure(FailureKind::other, "this GPU cannot hold an expert's input of " +
                                                  std::to_string(columns) + " numbers in its shared memory");
        run(first, plan);
        first += plan.tokens;
    }
}

Routing slice(const Routing& routing, std::int64_t first, std::int64_t count)
{
    return {routing.expert.slice_rows(first, count), routing.weight.slice_rows(first, count)};
}

} // namespace

LaunchPlan plan_experts_gate_up(View<const float> x, const Routing& routing, const DeviceExperts& experts,
                                const DeviceLimits& limits)
{
    return plan_gate_up(x, routing, experts, limits).launch;
}

void experts_gate_up(const Device& device, View<float> hidden, View<const float> x, const Routing& routing,
                     const DeviceExperts& experts)
{
    assert(x.rows <= max_vector_rows);
    const std::int64_t first_shared = routing.expert.columns * experts.gate.rows;
    const std::int64_t rows = x.rows;
    bool joined_shared = false;
    const auto plan_of = [&](std::int64_t first) {
        return plan_gate_up(x.slice_rows(first, rows - first), slice(routing, first, rows - first), experts,
                            device.limits());
    };
    for_each_launch(rows, x.columns, plan_of, [&](std::int64_t first, const ExpertsPlan& plan) {
        GateUpArguments arguments;
        arguments.hidden = hidden.slice_rows(first, plan.tokens);
        arguments.x = x.slice_rows(first, plan.tokens);
        arguments.choice = choice_of(slice(routing, first, plan.tokens));
        arguments.gate = expert_rows_of(experts.gate);
        arguments.up = expert_rows_of(experts.up);
        if (plan.joins_shared) {
            arguments.shared_gate = rows_of(experts.shared.gate);
            arguments.shared_up = rows_of(experts.shared.up);
        }
        arguments.first_shared = static_cast<int>(first_shared);
        joined_shared = plan.joins_shared;
        with_reader(plan.reading, experts.gate.dtype, plan.tokens, [&]<class Reader, int T>() {
            launch(device, plan.launch, gate_up_kernel<Reader, T>, arguments);
        });
    });
    if (experts.shared.gate && !joined_shared)
        multiply_gated(device, {.y = hidden.slice_columns(first_shared, experts.shared.gate.rows),
                                .x = x,
                                .norm = {},
                                .gate = experts.shared.gate,
                                .up = experts.shared.up});
}

LaunchPlan plan_experts_down(View<const float> hidden, const Routing& routing, const DeviceExperts& experts,
                             const DeviceLimits& limits)
{
    return plan_down(hidden, routing, experts, limits).launch;
}

void experts_down_add(const Device& device, View<float> h, View<const float> hidden, const Routing& routing,
                      const DeviceExperts& experts)
{
    assert(h.rows <= max_vector_rows);
    const std::int64_t first_shared = routing.expert.columns * experts.down.columns;
    const std::int64_t rows = hidden.rows;
    const auto plan_of = [&](std::int64_t first) {
        return plan_down(hidden.slice_rows(first, rows - first), slice(routing, first, rows - first), experts,
                         device.limits());
    };
    if (rows > 0 && experts.shared.down && !plan_of(0).joins_shared)
        multiply(device, {.y = h,
                          .x = hidden.slice_columns(first_shared, experts.shared.down.columns),
                          .norm = {},
                          .w0 = experts.shared.down,
                          .w1 = {},
                          .store = Store::add});
    for_each_launch(rows, experts.down.columns, plan_of, [&](std::int64_t first, const ExpertsPlan& plan) {
        DownArguments arguments;
        arguments.h = h.slice_rows(first, plan.tokens);
        arguments.hidden = hidden.slice_rows(first, plan.tokens);
        arguments.choice = choice_of(slice(routing, first, plan.tokens));
        arguments.down = expert_rows_of(experts.down);
        if (plan.joins_shared)
            arguments.shared_down = rows_of(experts.shared.down);
        arguments.first_shared = static_cast<int>(first_shared);
        with_reader(plan.reading, experts.down.dtype, plan.tokens, [&]<class Reader, int T>() {
            launch(device, plan.launch, down_kernel<Reader, T>, arguments);
        });
    });
}

} // namespace kernels::cuda
