// SPDX-License-Identifier: MIT
#include "engine/sampler.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

namespace engine {

void check_sampling(const Sampling& s)
{
    const auto check = [](bool good, const char* name, const char* range, double found) {
        if (!good)
            throw Error("", fmt::format("{}: expected {}, found {}", name, range, found));
    };
    check(std::isfinite(s.temperature) && s.temperature >= 0, "temperature", "0 or more", s.temperature);
    check(s.top_k >= 0, "top-k", "0 or more", s.top_k);
    check(s.top_p > 0 && s.top_p <= 1, "top-p", "more than 0 and at most 1", s.top_p);
    check(s.min_p >= 0 && s.min_p <= 1, "min-p", "0 to 1", s.min_p);
    check(std::isfinite(s.repeat_penalty) && s.repeat_penalty > 0, "repeat-penalty", "more than 0",
          s.repeat_penalty);
    check(s.repeat_window >= 0, "repeat window", "0 or more", s.repeat_window);
}

Sampler::Sampler(const Sampling& sampling, const std::vector<bool>& defined)
    : m_sampling(sampling)
    , m_defined(defined)
    , m_random(sampling.seed)
    , m_place(defined.size(), -1)
{
    check_sampling(sampling);
    std::int32_t count = 0;
    for (std::size_t id = 0; id < defined.size(); ++id)
        if (defined[id])
            m_place[id] = count++;
    assert(count > 0);
    m_candidates.resize(static_cast<std::size_t>(count));
    m_weight.resize(static_cast<std::size_t>(count));
}

bool Sampler::read(std::span<const float> logits)
{
    bool finite = true;
    m_candidates.resize(m_weight.size());
    for (std::size_t id = 0; id < logits.size(); ++id) {
        finite = finite && std::isfinite(logits[id]);
        if (m_place[id] >= 0)
            m_candidates[static_cast<std::size_t>(m_place[id])] = {logits[id], static_cast<std::int32_t>(id)};
    }
    return finite;
}

void Sampler::penalise(std::span<const float> logits, std::span<const std::int32_t> tokens)
{
    const float penalty = m_sampling.repeat_penalty;
    if (penalty == 1.0f)
        return;
    const std::size_t window = std::min(static_cast<std::size_t>(m_sampling.repeat_window), tokens.size());
    for (const std::int32_t id : tokens.last(window)) {
        const std::int32_t place = m_place[static_cast<std::size_t>(id)];
        if (place < 0)
            continue;
        // From the logit as it was, so that a token counts once however often it occurs.
        const float logit = logits[static_cast<std::size_t>(id)];
        m_candidates[static_cast<std::size_t>(place)].logit = logit > 0 ? logit / penalty : logit * penalty;
    }
}

std::optional<std::int32_t> Sampler::sample(std::span<const float> logits,
                                            std::span<const std::int32_t> tokens)
{
    assert(logits.size() == m_defined.size());
    if (!read(logits))
        return std::nullopt;
    penalise(logits, tokens);

    // Ties go to the lower id, so that the order is total.
    const auto better = [](const Candidate& a, const Candidate& b) {
        return a.logit > b.logit || (a.logit == b.logit && a.id < b.id);
    };
    if (m_sampling.temperature == 0)
        return std::min_element(m_candidates.begin(), m_candidates.end(), better)->id;

    const auto top_k = static_cast<std::size_t>(m_sampling.top_k);
    if (top_k > 0 && top_k < m_candidates.size()) {
        std::nth_element(m_candidates.begin(), m_candidates.begin() + m_sampling.top_k, m_candidates.end(),
                         better);
        m_candidates.resize(top_k);
    }
    const float best = std::min_element(m_candidates.begin(), m_candidates.end(), better)->logit;
    const double scale = 1.0 / static_cast<double>(m_sampling.temperature);
    // The logarithm of a candidate's probability relative to the best one's.
    const auto distance = [&](const Candidate& c) {
        return (static_cast<double>(c.logit) - static_cast<double>(best)) * scale;
    };
    // All that lie farther off together are less than 1e-7 of the best, for any vocabulary.
    constexpr double negligible = -30;
    double total = 0;
    for (const Candidate& c : m_candidates)
        if (distance(c) > negligible)
            total += std::exp(distance(c));

    const double farthest = std::log(static_cast<double>(m_sampling.min_p)); // min-p 0: minus infinity
    std::erase_if(m_candidates, [&](const Candidate& c) { return distance(c) < farthest; });

    // The most probable ones until top-p is reached. A heap yields them one by one, and few are needed.
    const auto worse = [&](const Candidate& a, const Candidate& b) { return better(b, a); };
    const double enough = static_cast<double>(m_sampling.top_p) * total;
    double sum = 0;
    if (m_sampling.top_p == 1.0f) {
        for (std::size_t i = 0; i < m_candidates.size(); ++i)
            sum += m_weight[i] = std::exp(distance(m_candidates[i]));
        return draw(m_candidates.size(), sum);
    }
    std::make_heap(m_candidates.begin(), m_candidates.end(), worse);
    std::size_t left = m_candidates.size();
    std::size_t taken = 0;
    while (left > 0 && (taken == 0 || sum < enough)) {
        std::pop_heap(m_candidates.begin(), m_candidates.begin() + static_cast<std::ptrdiff_t>(left), worse);
        --left;
        sum += m_weight[taken++] = std::exp(distance(m_candidates[left]));
    }
    // The heap leaves the best at the end, in ascending order.
    std::reverse(m_candidates.begin() + static_cast<std::ptrdiff_t>(left), m_candidates.end());
    m_candidates.erase(m_candidates.begin(), m_candidates.begin() + static_cast<std::ptrdiff_t>(left));
    return draw(taken, sum);
}

std::int32_t Sampler::draw(std::size_t count, double sum)
{
    // 53 random bits; the standard's distributions differ between libraries.
    const double uniform = static_cast<double>(m_random() >> 11) * 0x1p-53;
    double rest = uniform * sum;
    for (std::size_t i = 0; i + 1 < count; ++i) {
        rest -= m_weight[i];
        if (rest < 0)
            return m_candidates[i].id;
    }
    return m_candidates[count - 1].id;
}

} // namespace engine
