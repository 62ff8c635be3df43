// SPDX-License-Identifier: MIT
// Compiled with -mavx2 -mfma -mf16c; called only where isa.h says that the processor has them.
#include "kernels/cpu/avx2_decode.h"

#include "kernels/cpu/vector_primitives.h"

namespace kernels::cpu {

const Primitives avx2_primitives = vector_primitives;

} // namespace kernels::cpu
