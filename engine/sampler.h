// SPDX-License-Identifier: MIT
// From logits to the next token.
#pragma once

#include "engine/engine.h"

#include <cstdint>
#include <optional>
#include <random>
#include <span>
#include <vector>

namespace engine {

// Throws Error where a value is out of its range.
void check_sampling(const Sampling& sampling);

// One generation's choice of tokens. In this order: repetition penalty, temperature, top-k, top-p (of the
// probability that top-k leaves), min-p (relative to the best). The same seed and logits give the same tokens
// on every platform.
class Sampler
{
public:
    // `defined` (vocabulary) tells the ids that may be chosen, at least one; it outlives the sampler.
    Sampler(const Sampling& sampling, const std::vector<bool>& defined);

    // logits (vocabulary); `tokens` is everything so far, of which the penalty sees the last ones. Nothing
    // where a logit is infinite or not a number.
    std::optional<std::int32_t> sample(std::span<const float> logits, std::span<const std::int32_t> tokens);

private:
    struct Candidate
    {
        float logit;
        std::int32_t id;
    };

    bool read(std::span<const float> logits);
    void penalise(std::span<const float> logits, std::span<const std::int32_t> tokens);
    std::int32_t draw(std::size_t count, double sum);

    Sampling m_sampling;
    const std::vector<bool>& m_defined;
    std::mt19937_64 m_random;
    std::vector<Candidate> m_candidates; // of all defined ids, then narrowed down
    std::vector<std::int32_t> m_place;   // id -> index in m_candidates as read, -1 where undefined
    std::vector<double> m_weight;        // exp of the candidates' logits over the best
};

} // namespace engine
