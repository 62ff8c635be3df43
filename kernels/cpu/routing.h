// SPDX-License-Identifier: MIT
// The router's choice for one token (DeepSeek-V2 paper, section 2.2.2; for noaux_tc the DeepSeek-V3 paper,
// arXiv 2412.19437, section 2.1.2). Logic rather than arithmetic, so every instruction set shares it.
#pragma once

#include "kernels/ops.h"

#include <cstdint>
#include <span>

namespace kernels::cpu {

// From logits (E) to the chosen experts (K) and their weights (K). Overwrites `logits` with the scores.
// `bias` (E) is read by noaux_tc alone and may be empty otherwise. Needs E a multiple of n_group and at least
// K experts in topk_group groups.
void choose_experts(std::span<float> logits, std::span<const float> bias, const RoutingRule& rule,
                    std::int32_t* expert, float* weight);

} // namespace kernels::cpu
