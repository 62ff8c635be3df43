// SPDX-License-Identifier: MIT
// How near a model of the V2-Lite shape comes to what the device can do, and that it computes the same there.
#pragma once

#include "kernels/cuda/blas.h"
#include "kernels/cuda/runtime.h"
#include "tests/gpu/ceilings.h"
#include "tests/gpu/checks.h"
#include "tests/gpu/options.h"
#include "tests/gpu/report.h"

namespace gpu {

// Two layers of the model with generated weights: their logits on the device against those of the CPU's
// operations.
void check_layers(Checks& checks, Report& report, kernels::cuda::Blas* blas);

// `blas` is null where the library is missing: prompts are not measured then.
void measure_speed(const kernels::cuda::Device& device, Report& report, const Clock& clock,
                   bool has_true_shapes, const Ceilings& ceilings, kernels::cuda::Blas* blas);

} // namespace gpu
