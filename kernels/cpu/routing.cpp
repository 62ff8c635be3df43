// SPDX-License-Identifier: MIT
#include "kernels/cpu/routing.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace kernels::cpu {

namespace {

constexpr float lowest = -std::numeric_limits<float>::infinity();

void softmax(std::span<float> x)
{
    const float largest = *std::max_element(x.begin(), x.end());
    float sum = 0.0f;
    for (float& value : x) {
        value = std::exp(value - largest);
        sum += value;
    }
    for (float& value : x)
        value /= sum;
}

void sigmoid(std::span<float> x)
{
    for (float& value : x)
        value = 1.0f / (1.0f + std::exp(-value));
}

// What an expert competes with: its score, for noaux_tc plus its bias.
struct Candidates
{
    std::span<const float> score;
    std::span<const float> bias; // empty: none

    float operator[](std::int64_t e) const
    {
        const auto i = static_cast<std::size_t>(e);
        return bias.empty() ? score[i] : score[i] + bias[i];
    }
};

// The best of the group, or for noaux_tc the sum of its two best.
float group_score(const Candidates& candidates, const RoutingRule& rule, std::int64_t group)
{
    const std::int64_t width = rule.experts / rule.n_group;
    float best = lowest;
    float second = lowest;
    for (std::int64_t e = group * width; e < (group + 1) * width; ++e) {
        if (candidates[e] > best) {
            second = best;
            best = candidates[e];
        } else {
            second = std::max(second, candidates[e]);
        }
    }
    return rule.method == TopkMethod::noaux_tc && width > 1 ? best + second : best;
}

// Whether fewer than topk_group groups are better. An equal one is better if it comes first.
bool group_is_kept(const Candidates& candidates, const RoutingRule& rule, std::int64_t group)
{
    if (rule.method == TopkMethod::greedy || rule.topk_group >= rule.n_group)
        return true;
    const float own = group_score(candidates, rule, group);
    std::int64_t better = 0;
    for (std::int64_t g = 0; g < rule.n_group; ++g) {
        const float other = group_score(candidates, rule, g);
        if (other > own || (other == own && g < group))
            ++better;
    }
    return better < rule.topk_group;
}

// Keeps the K best so far in descending order; an equal one goes behind, so the lower index stays first.
void insert(const Candidates& candidates, std::int64_t e, std::int64_t& count, std::int64_t limit,
            std::int32_t* expert)
{
    std::int64_t place = count;
    while (place > 0 && candidates[e] > candidates[expert[place - 1]])
        --place;
    if (place == limit)
        return;
    count = std::min(count + 1, limit);
    for (std::int64_t i = count - 1; i > place; --i)
        expert[i] = expert[i - 1];
    expert[place] = static_cast<std::int32_t>(e);
}

// Version 2 scales only what it does not normalise, version 3 always scales.
void weigh(std::span<const float> score, const RoutingRule& rule, const std::int32_t* expert, float* weight)
{
    const std::int64_t count = rule.experts_per_tok;
    float sum = 1e-20f;
    for (std::int64_t k = 0; k < count; ++k) {
        weight[k] = score[static_cast<std::size_t>(expert[k])];
        sum += weight[k];
    }
    const bool version_3 = rule.method == TopkMethod::noaux_tc || rule.scoring == ScoringFunction::sigmoid;
    const bool normalise = rule.norm_topk_prob && (count > 1 || version_3);
    const float scale =
        (normalise ? 1.0f / sum : 1.0f) * (!normalise || version_3 ? rule.routed_scaling_factor : 1.0f);
    for (std::int64_t k = 0; k < count; ++k)
        weight[k] *= scale;
}

} // namespace

void choose_experts(std::span<float> logits, std::span<const float> bias, const RoutingRule& rule,
                    std::int32_t* expert, float* weight)
{
    if (rule.scoring == ScoringFunction::softmax)
        softmax(logits);
    else
        sigmoid(logits);
    const Candidates candidates{logits,
                                rule.method == TopkMethod::noaux_tc ? bias : std::span<const float>()};
    const std::int64_t width = rule.experts / rule.n_group;
    std::int64_t count = 0;
    for (std::int64_t group = 0; group < rule.n_group; ++group) {
        if (!group_is_kept(candidates, rule, group))
            continue;
        for (std::int64_t e = group * width; e < (group + 1) * width; ++e)
            insert(candidates, e, count, rule.experts_per_tok, expert);
    }
    weigh(logits, rule, expert, weight);
}

} // namespace kernels::cpu
