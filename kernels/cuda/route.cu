// SPDX-License-Identifier: MIT
// The router (DeepSeek-V2 paper, section 2.2.1 and 2.2.2): scores of all experts, then each token's choice by
// the rules of kernels/cpu/routing.cpp.
#include "kernels/cuda/order.h"
#include "kernels/cuda/vector_rows.h"

#include <cassert>

namespace kernels::cuda {

namespace {

constexpr int route_warps = 4; // tokens of one block

struct RouteArguments
{
    View<std::int32_t> expert;
    View<float> weight;
    View<const float> logits;
    const float* bias = nullptr; // (E), noaux_tc alone
    int experts = 0;
    int chosen = 0;
    int groups = 1; // 1 where every expert competes with all others
    int kept_groups = 1;
    bool adds_two = false; // a group counts as the sum of its two best, otherwise as its best
    bool is_softmax = true;
    bool normalises = false;
    float scale = 1.0f;
};

// ---- kernels ----------------------------------------------------------------------------------------------

__device__ inline unsigned long long highest_key(unsigned long long value)
{
#pragma unroll
    for (int distance = warp_size / 2; distance > 0; distance /= 2)
        value = max(value, __shfl_xor_sync(all_lanes, value, distance));
    return value;
}

// score (experts) = softmax or sigmoid of the logits
__device__ inline void score_experts(const RouteArguments& p, const float* logits, float* score)
{
    const int lane = lane_index();
    if (!p.is_softmax) {
        for (int e = lane; e < p.experts; e += warp_size)
            score[e] = 1.0f / (1.0f + expf(-logits[e]));
        return;
    }
    float largest = __uint_as_float(0xff800000u); // minus infinity
    for (int e = lane; e < p.experts; e += warp_size)
        largest = fmaxf(largest, logits[e]);
    largest = warp_max(largest);
    float sum = 0.0f;
    for (int e = lane; e < p.experts; e += warp_size) {
        score[e] = expf(logits[e] - largest);
        sum += score[e];
    }
    sum = warp_sum(sum);
    for (int e = lane; e < p.experts; e += warp_size)
        score[e] /= sum;
}

// What a group competes with.
__device__ inline float group_score(const RouteArguments& p, const float* candidate, int group)
{
    const int width = p.experts / p.groups;
    float best = __uint_as_float(0xff800000u);
    float second = best;
    for (int e = group * width; e < (group + 1) * width; ++e) {
        if (candidate[e] > best) {
            second = best;
            best = candidate[e];
        } else {
            second = fmaxf(second, candidate[e]);
        }
    }
    return p.adds_two && width > 1 ? best + second : best;
}

// One warp for each token. Shared memory of a warp: score, candidate (numbers, then keys; 0: out of the
// choice) and group score.
__global__ __launch_bounds__(route_warps* warp_size) void route_kernel(const RouteArguments p)
{
    const int token = static_cast<int>(blockIdx.x) * route_warps + warp_index();
    if (token >= static_cast<int>(p.logits.rows))
        return;
    const int lane = lane_index();
    auto* score = reinterpret_cast<float*>(dynamic_shared()) + warp_index() * (3 * p.experts);
    float* candidate = score + p.experts;
    float* of_group = candidate + p.experts;
    auto* key = reinterpret_cast<std::uint32_t*>(candidate);

    score_experts(p, p.logits.data + token * p.logits.stride, score);
    for (int e = lane; e < p.experts; e += warp_size)
        candidate[e] = p.bias != nullptr ? score[e] + p.bias[e] : score[e];
    __syncwarp();
    for (int group = lane; group < p.groups; group += warp_size)
        of_group[group] = group_score(p, candidate, group);
    __syncwarp();
    for (int e = lane; e < p.experts; e += warp_size) {
        const int group = e / (p.experts / p.groups);
        int better = 0; // groups; an equal one is better if it comes first
        for (int g = 0; g < p.groups; ++g)
            better += of_group[g] > of_group[group] || (of_group[g] == of_group[group] && g < group) ? 1 : 0;
        key[e] = better < p.kept_groups ? key_of(candidate[e]) : 0;
    }
    __syncwarp();

    std::int32_t* chosen = p.expert.data + token * p.expert.stride;
    float sum = 1e-20f;
    for (int k = 0; k < p.chosen; ++k) {
        unsigned long long best = 0; // the highest key, then the lowest index
        for (int e = lane; e < p.experts; e += warp_size)
            best = max(best, static_cast<unsigned long long>(key[e]) << 32 | static_cast<unsigned>(~e));
        const int e = ~static_cast<int>(static_cast<unsigned>(highest_key(best)));
        sum += score[e];
        if (lane == e % warp_size) // the lane that reads this key
            key[e] = 0;
        if (lane == 0)
            chosen[k] = e;
    }
    __syncwarp();
    float* weight = p.weight.data + token * p.weight.stride;
    const float scale = p.normalises ? p.scale / sum : p.scale;
    for (int k = lane; k < p.chosen; k += warp_size)
        weight[k] = score[chosen[k]] * scale;
}

} // namespace

// ---- launcher ---------------------------------------------------------------------------------------------

LaunchPlan plan_route(std::int64_t rows, const RoutingRule& rule)
{
    return {.grid = {static_cast<std::uint32_t>(divide_up<std::int64_t>(rows, route_warps)), 1, 1},
            .threads = route_warps * warp_size,
            .shared_bytes = route_warps * 3 * rule.experts * 4};
}

void norm_route(const Device& device, View<float> x, const Routing& routing, View<const float> h,
                const Norm& norm, const Matrix& w, const RoutingRule& rule, View<float> scores)
{
    multiply_and_keep(device, {.y = scores, .x = h, .norm = norm, .w0 = w, .w1 = {}}, x);

    const bool is_biased = rule.method == TopkMethod::noaux_tc;
    const bool is_version_3 = is_biased || rule.scoring == ScoringFunction::sigmoid;
    const bool is_grouped = rule.method != TopkMethod::greedy && rule.topk_group < rule.n_group;
    assert(!rule.correction_bias || rule.correction_bias.dtype == Dtype::f32);
    RouteArguments p;
    p.expert = routing.expert;
    p.weight = routing.weight;
    p.logits = scores;
    p.bias = is_biased ? reinterpret_cast<const float*>(rule.correction_bias.data) : nullptr;
    p.experts = static_cast<int>(rule.experts);
    p.chosen = static_cast<int>(rule.experts_per_tok);
    p.groups = is_grouped ? static_cast<int>(rule.n_group) : 1;
    p.kept_groups = is_grouped ? static_cast<int>(rule.topk_group) : 1;
    p.adds_two = is_biased;
    p.is_softmax = rule.scoring == ScoringFunction::softmax;
    // Version 2 scales only what it does not normalise, version 3 always scales.
    p.normalises = rule.norm_topk_prob && (rule.experts_per_tok > 1 || is_version_3);
    p.scale = !p.normalises || is_version_3 ? rule.routed_scaling_factor : 1.0f;
    launch(device, plan_route(x.rows, rule), route_kernel, p);
}

} // namespace kernels::cuda
