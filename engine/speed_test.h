// SPDX-License-Identifier: MIT
// How fast a model reads and generates, beside what the machine allows at most.
#pragma once

#include "engine/evaluator.h"
#include "kernels/cpu/machine_limits.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <vector>

namespace engine {

// What computing costs at least.
struct Work
{
    double bytes = 0; // of weights and cache read from memory
    double flop = 0;
};

// `rows` new tokens of each of `streams` sequences that hold `depth` tokens, in passes of at most `chunk`
// rows. With even routing.
Work work_of(const Runtime& runtime, double streams, double rows, double depth, double chunk);

// Tokens a second, all streams together.
struct Rate
{
    double median = 0;
    double min = 0;
    double max = 0;
    double limit = 0; // that the machine allows; 0: not known
};

// Feeds `script`, repeated as needed, to an evaluator and takes the time. Without limits no limit is known.
class SpeedTest
{
public:
    using Progress = std::function<void(std::int64_t done, std::int64_t of)>; // runs

    SpeedTest(Evaluator& evaluator, std::vector<std::int32_t> script, std::int64_t runs,
              std::optional<kernels::cpu::MachineLimits> limits, Progress progress, std::stop_token stop);

    // Over streams that hold `depth` tokens. Nothing when stopped.
    std::optional<Rate> prompt(std::size_t streams, std::int64_t tokens, std::int64_t depth);
    std::optional<Rate> generation(std::size_t streams, std::int64_t tokens, std::int64_t depth);

private:
    bool feed(std::size_t streams, std::int64_t tokens, Evaluator::Output output);
    std::optional<Rate> measure(std::size_t streams, std::int64_t tokens, std::int64_t depth,
                                const Work& work, const std::function<bool()>& run);

    Evaluator& m_evaluator;
    std::vector<std::int32_t> m_script;
    std::int64_t m_runs;
    std::optional<kernels::cpu::MachineLimits> m_limits;
    Progress m_progress;
    std::stop_token m_stop;
};

// Token ids out of the whole vocabulary, always the same.
std::vector<std::int32_t> any_tokens(const Config& config);

// Of the CPU with the threads and instructions of these options, measured now. Takes a second.
kernels::cpu::MachineLimits cpu_limits(const LoadOptions& options);

// Engine::measure(): a prompt and a generation that take seconds, less where the context is shorter. The pool
// must have room for them.
inline constexpr std::int64_t quick_prompt_tokens = 256;
inline constexpr std::int64_t quick_generated_tokens = 32;
Speed measure_speed(Runtime& runtime, const std::function<void(double)>& progress,
                    const std::stop_token& stop);

} // namespace engine
