// SPDX-License-Identifier: MIT
// The choice of the next token on the device: the same id as choose() of kernels/sampling.h, which defines
// it.
#pragma once

#include "kernels/cuda/runtime.h"
#include "kernels/tensor.h"

#include <cstddef>
#include <cstdint>

namespace kernels::cuda {

struct Draw
{
    float temperature = 0.0f; // 0: greedy
    std::int32_t top_k = 0;   // 0: off
    float top_p = 1.0f;
    float min_p = 0.0f;
    float repeat_penalty = 1.0f;
    std::int32_t recent_first = 0; // the tokens that are penalised: recent[recent_first …]
    std::int32_t recent_count = 0;
    double uniform = 0.0; // in [0, 1)
};

// In sample_plan.cpp, since the plan of a model's memory needs it where no CUDA is.
LaunchPlan plan_sample(std::int64_t rows, std::int64_t vocabulary);
std::int64_t sample_workspace_bytes(std::int64_t rows, std::int64_t vocabulary);

// ids (rows) = the choices; -1 where a logit of the row is infinite or not a number. `defined` (vocabulary)
// is 1 where an id may be chosen. All pointers are the device's.
void sample(const Device& device, std::int32_t* ids, View<const float> logits, const Draw* draws,
            const std::int32_t* recent, const std::uint8_t* defined, std::byte* workspace);

} // namespace kernels::cuda
