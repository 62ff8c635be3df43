// SPDX-License-Identifier: MIT
#include "kernels/sampling.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstddef>
#include <functional>
#include <limits>

namespace kernels {

namespace {

using Candidate = SamplingScratch::Candidate;

constexpr float none = -std::numeric_limits<float>::infinity();
constexpr std::size_t columns = 256;

bool better(const Candidate& a, const Candidate& b)
{
    return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
}

// Penalised logits, minus infinity where undefined. False where a logit is infinite or not a number.
bool read(std::span<const float> logits, float penalty, std::span<const std::int32_t> recent,
          std::span<const std::uint8_t> defined, std::vector<float>& out)
{
    out.resize(logits.size());
    std::uint32_t largest = 0; // exponent; without an early end, which would keep the loop from vectors
    for (std::size_t id = 0; id < logits.size(); ++id) {
        largest = std::max(largest, std::bit_cast<std::uint32_t>(logits[id]) & 0x7f800000u);
        out[id] = defined[id] != 0 ? logits[id] : none;
    }
    for (const std::int32_t token : recent) {
        const auto id = static_cast<std::size_t>(token);
        if (defined[id] != 0)
            out[id] = penalised(logits[id], penalty); // from the logit as it was, so once for each id
    }
    return largest < 0x7f800000u;
}

// largest[c] = the largest of values[c], values[c + columns], …: no column waits for another.
void largest_by_column(std::span<const float> values, std::span<float> largest)
{
    std::fill(largest.begin(), largest.end(), none);
    for (std::size_t i = 0; i < values.size(); i += largest.size()) {
        const std::size_t count = std::min(largest.size(), values.size() - i);
        for (std::size_t c = 0; c < count; ++c)
            largest[c] = largest[c] < values[i + c] ? values[i + c] : largest[c];
    }
}

// Those that weigh `least` or more, ascending by id. Returns the sum of all weights.
std::uint64_t weigh(std::span<const float> values, float best, float halvings_a_logit, std::uint64_t least,
                    std::vector<Candidate>& out)
{
    std::uint64_t total = 0;
    out.clear();
    for (std::size_t id = 0; id < values.size(); ++id) {
        const std::uint64_t weight = relative_weight(values[id], best, halvings_a_logit);
        total += weight;
        if (weight >= least)
            out.push_back({values[id], static_cast<std::int32_t>(id), weight});
    }
    return total;
}

std::uint64_t sum_of_weights(std::span<const Candidate> candidates)
{
    std::uint64_t sum = 0;
    for (const Candidate& c : candidates)
        sum += c.weight;
    return sum;
}

// The last one of the shortest run of the best whose weights add up to `needed`; reorders `candidates`. Half
// of the rest falls away with each step.
Candidate last_needed(std::span<Candidate> candidates, std::uint64_t needed)
{
    while (candidates.size() > 1) {
        const std::size_t half = candidates.size() / 2;
        std::nth_element(candidates.begin(), candidates.begin() + static_cast<std::ptrdiff_t>(half),
                         candidates.end(), better);
        const std::uint64_t sum = sum_of_weights(candidates.first(half));
        if (sum >= needed) {
            candidates = candidates.first(half);
        } else {
            needed -= sum;
            candidates = candidates.subspan(half);
        }
    }
    return candidates.front();
}

// A weight that all of the top_k best reach: the k-th best of some is at most the k-th best of all.
std::uint64_t least_of_top_k(std::size_t k, std::span<float> some, float best, float halvings_a_logit)
{
    if (k > some.size())
        return 1;
    const auto kth = some.begin() + static_cast<std::ptrdiff_t>(k) - 1;
    std::nth_element(some.begin(), kth, some.end(), std::greater<>());
    return std::max<std::uint64_t>(1, relative_weight(*kth, best, halvings_a_logit));
}

// The worst that top-k and top-p leave; reorders `order`. `total` is the sum of all weights.
Candidate last_kept(const TokenDraw& draw, std::uint64_t total, std::vector<Candidate>& order)
{
    Candidate last{none, 0, 0};
    if (draw.top_k > 0) {
        if (const auto k = static_cast<std::size_t>(draw.top_k); k < order.size()) {
            std::nth_element(order.begin(), order.begin() + draw.top_k - 1, order.end(), better);
            order.resize(k);
            last = order.back();
        }
        total = sum_of_weights(order);
    }
    if (draw.top_p < 1.0f)
        last = last_needed(order, weight_needed(draw.top_p, total));
    return last;
}

} // namespace

std::int32_t choose(std::span<const float> logits, const TokenDraw& draw,
                    std::span<const std::int32_t> recent, std::span<const std::uint8_t> defined,
                    SamplingScratch& scratch)
{
    assert(defined.size() == logits.size());
    std::vector<float>& values = scratch.logits;
    if (!read(logits, draw.repeat_penalty, recent, defined, values))
        return -1;
    std::vector<float>& column_best = scratch.column_best;
    column_best.resize(columns);
    largest_by_column(values, column_best);
    const float best = *std::max_element(column_best.begin(), column_best.end());
    if (draw.temperature == 0.0f)
        return static_cast<std::int32_t>(std::find(values.begin(), values.end(), best) - values.begin());

    // For most ids their weight alone says that they will fall away, and they need not be put in order.
    const float halvings_a_logit = halvings_per_logit(draw.temperature);
    const std::uint64_t least = least_weight(draw.min_p);
    std::uint64_t least_kept = least;
    if (draw.top_k > 0) {
        least_kept =
            least_of_top_k(static_cast<std::size_t>(draw.top_k), column_best, best, halvings_a_logit);
    } else if (draw.top_p < 1.0f) {
        // Less than an even share of what top-p leaves over is not needed, even from all ids together.
        const std::uint64_t over = best_weight - weight_needed(draw.top_p, best_weight);
        least_kept = std::max(least, over / values.size());
    }
    std::vector<Candidate>& candidates = scratch.candidates;
    const std::uint64_t total = weigh(values, best, halvings_a_logit, least_kept, candidates);

    if (draw.top_k > 0 || draw.top_p < 1.0f) {
        scratch.order = candidates;
        const Candidate last = last_kept(draw, total, scratch.order);
        std::erase_if(candidates, [&](const Candidate& c) { return better(last, c) || c.weight < least; });
    }
    const std::uint64_t target = draw_target(draw.uniform, sum_of_weights(candidates));
    std::uint64_t sum = 0;
    for (const Candidate& c : candidates) {
        sum += c.weight;
        if (sum > target)
            return c.id;
    }
    return -1; // not reached: the target is less than the sum of all
}

} // namespace kernels
