// SPDX-License-Identifier: MIT
#include "engine/sampler.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
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

Sampler::Sampler(const Sampling& sampling)
    : m_sampling(sampling)
    , m_random(sampling.seed)
{
    check_sampling(sampling);
    accept();
}

kernels::TokenChoice Sampler::next(std::span<const std::int32_t> tokens) const
{
    const std::size_t window =
        m_sampling.repeat_penalty == 1.0f
            ? 0
            : std::min(static_cast<std::size_t>(m_sampling.repeat_window), tokens.size());
    return {.draw = {.temperature = m_sampling.temperature,
                     .top_k = m_sampling.top_k,
                     .top_p = m_sampling.top_p,
                     .min_p = m_sampling.min_p,
                     .repeat_penalty = m_sampling.repeat_penalty,
                     .uniform = m_uniform},
            .recent = tokens.last(window)};
}

void Sampler::accept()
{
    // 53 random bits; the standard's distributions differ between libraries.
    m_uniform = static_cast<double>(m_random() >> 11) * 0x1p-53;
}

} // namespace engine
