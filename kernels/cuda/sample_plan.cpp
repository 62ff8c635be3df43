// SPDX-License-Identifier: MIT
#include "kernels/cuda/layout.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/sample.h"

namespace kernels::cuda {

// For every row its logits as keys of their order, and the ids that may be chosen.
std::int64_t sample_workspace_bytes(std::int64_t rows, std::int64_t vocabulary)
{
    return rows * 2 *
           round_up(vocabulary * static_cast<std::int64_t>(sizeof(std::uint32_t)), matrix_alignment);
}

} // namespace kernels::cuda
