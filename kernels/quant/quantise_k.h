// SPDX-License-Identifier: MIT
// The K-quants' writers: 256 finite numbers within ±65504 to one block.
#pragma once

#include "kernels/quant/blocks.h"

namespace kernels {

Q4_KBlock quantise_q4_k(const float* src);
Q5_KBlock quantise_q5_k(const float* src);
Q6_KBlock quantise_q6_k(const float* src);

} // namespace kernels
