// SPDX-License-Identifier: MIT
// What a generation asks of kernels::choose.
#pragma once

#include "engine/engine.h"
#include "kernels/sampling.h"

#include <cstdint>
#include <random>
#include <span>

namespace engine {

// Throws Error where a value is out of its range.
void check_sampling(const Sampling& sampling);

// One generation's random numbers. The same seed and logits give the same tokens on every platform.
class Sampler
{
public:
    explicit Sampler(const Sampling& sampling);

    // For the next token after `tokens`, everything so far, of which the penalty sees the last ones. The same
    // until accept(), so that a pass that was interrupted changes nothing.
    kernels::TokenChoice next(std::span<const std::int32_t> tokens) const;
    void accept();

private:
    Sampling m_sampling;
    std::mt19937_64 m_random;
    double m_uniform = 0.0;
};

} // namespace engine
