// SPDX-License-Identifier: MIT
// The choice of the next token from its logits: the definition, which is also what the processor runs. The
// choice on a GPU (kernels/cuda/sample.h) gives the same ids.
//
// Probabilities are integers relative to the best one's (`relative_weight`), so that no order of summation
// and no library's exponential shows: the same logits and the same uniform number give the same id on every
// machine.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#ifdef __CUDACC__
#define FATHOM_HOST_DEVICE __host__ __device__
#else
#define FATHOM_HOST_DEVICE
#endif

namespace kernels {

// One choice. All values are in the ranges that their comments name.
struct TokenDraw
{
    float temperature = 0.0f;    // 0 or more; 0: the best
    std::int32_t top_k = 0;      // 0: off
    float top_p = 1.0f;          // more than 0, at most 1
    float min_p = 0.0f;          // 0 to 1
    float repeat_penalty = 1.0f; // more than 0
    double uniform = 0.0;        // in [0, 1)
};

// A draw with the ids that its penalty sees.
struct TokenChoice
{
    TokenDraw draw;
    std::span<const std::int32_t> recent;
};

// Memory of choose(), to be kept from one choice to the next. Grows to 36 bytes for each id.
struct SamplingScratch
{
    struct Candidate
    {
        float logit;
        std::int32_t id;
        std::uint64_t weight;
    };
    std::vector<float> logits;         // (vocabulary) penalised; minus infinity where undefined
    std::vector<float> column_best;    // (256) the best of every 256th
    std::vector<Candidate> candidates; // ascending by id
    std::vector<Candidate> order;      // partly ordered from the most probable on
};

// The id that `draw` chooses from `logits` (vocabulary), -1 where one of them is infinite or not a number.
// `defined` (vocabulary) is 1 where an id may be chosen, 0 elsewhere; at least one is. `recent`: the ids that
// are penalised, once each. In this order, where "better" is the higher logit, then the lower id:
//
// 1. Penalty: a positive logit is divided by it, any other multiplied. Temperature 0 chooses the best.
// 2. Weights: relative_weight() to the best; what weighs nothing falls away.
// 3. Top-k: the top_k best stay.
// 4. Top-p: the shortest run of the best stays whose weights add up to top_p of what top-k left.
// 5. Min-p: what weighs less than min_p of the best falls away.
// 6. Draw: the first id, ascending, where the sum of the weights up to and with it is more than
//    uniform * (sum of all that is left).
std::int32_t choose(std::span<const float> logits, const TokenDraw& draw,
                    std::span<const std::int32_t> recent, std::span<const std::uint8_t> defined,
                    SamplingScratch& scratch);

// ---- the parts that the GPU shares ----

constexpr int weight_bits = 40;
constexpr std::uint64_t best_weight = std::uint64_t{1} << weight_bits;

FATHOM_HOST_DEVICE inline float penalised(float logit, float penalty)
{
    constexpr float largest = 3.402823466e38f; // stays finite, whatever the penalty
    const float value = logit > 0.0f ? logit / penalty : logit * penalty;
    return value > largest ? largest : value < -largest ? -largest : value;
}

// What relative_weight() multiplies distances by: halvings for each unit of a logit.
FATHOM_HOST_DEVICE inline float halvings_per_logit(float temperature)
{
    return 1.44269504f / temperature;
}

// value * f, where f has 24 bits of fraction
FATHOM_HOST_DEVICE inline std::uint32_t times_fraction(std::uint32_t value, std::uint32_t f)
{
    return static_cast<std::uint32_t>(static_cast<std::uint64_t>(value) * f >> 24);
}

// 2^40 * exp((logit - best) / temperature) as an integer that never rises with the distance: right to a
// hundred-thousandth or to 1, and 0 from 2^-41 on. Subtraction and product are in fp32 (which no compiler can
// contract), the rest is in integers.
FATHOM_HOST_DEVICE inline std::uint64_t relative_weight(float logit, float best, float halvings_a_logit)
{
    const float distance = best - logit;
    if (!(distance > 0.0f))
        return best_weight;
    const float halvings = distance * halvings_a_logit;
    if (!(halvings < static_cast<float>(weight_bits + 1)))
        return 0;
    const auto fixed = static_cast<std::uint32_t>(halvings * 0x1p24f); // 24 bits of fraction
    const std::uint32_t f = fixed & 0xffffffu;
    // 2^-f to 3e-9 by the polynomial of degree 6 of the least relative error that is exact at both ends, in
    // integers of 31 bits of fraction.
    std::uint32_t sum = 0x00038ecb;
    sum = 0x0029bad9 - times_fraction(sum, f);
    sum = 0x0139d911 - times_fraction(sum, f);
    sum = 0x071a4d13 - times_fraction(sum, f);
    sum = 0x1ebfab00 - times_fraction(sum, f);
    sum = 0x58b90af0 - times_fraction(sum, f);
    sum = 0x80000000 - times_fraction(sum, f);
    return static_cast<std::uint64_t>(sum) << (weight_bits - 31) >> (fixed >> 24);
}

// The sum of weights that top-p asks for, at least 1.
FATHOM_HOST_DEVICE inline std::uint64_t weight_needed(float top_p, std::uint64_t total)
{
    const double share = static_cast<double>(top_p) * static_cast<double>(total);
    const auto whole = static_cast<std::uint64_t>(share);
    const std::uint64_t needed = static_cast<double>(whole) < share ? whole + 1 : whole;
    return top_p < 1.0f && needed < total ? needed : total;
}

// The lowest weight that min-p lets pass, at least 1.
FATHOM_HOST_DEVICE inline std::uint64_t least_weight(float min_p)
{
    const double share = static_cast<double>(min_p) * 0x1p40;
    const auto whole = static_cast<std::uint64_t>(share);
    return static_cast<double>(whole) < share || whole == 0 ? whole + 1 : whole;
}

// What the running sum of the draw has to exceed; less than `total`.
FATHOM_HOST_DEVICE inline std::uint64_t draw_target(double uniform, std::uint64_t total)
{
    const auto target = static_cast<std::uint64_t>(uniform * static_cast<double>(total));
    return target < total ? target : total - 1;
}

} // namespace kernels
