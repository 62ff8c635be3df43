// SPDX-License-Identifier: MIT
#include "kernels/cuda/layout.h"
#include "kernels/cuda/plan.h"
#include "kernels/cuda/sample.h"

namespace kernels::cuda {

// The penalised logits of every row.
std::int64_t sample_workspace_bytes(std::int64_t rows, std::int64_t vocabulary)
{
    return rows * round_up(vocabulary * static_cast<std::int64_t>(sizeof(float)), matrix_alignment);
}

} // namespace kernels::cuda
