// SPDX-License-Identifier: MIT
// Compiled with -mavx512f and its parts; called only where isa.h says that the processor has them.
#include "kernels/cpu/avx512_decode.h"

#include "kernels/cpu/vector_primitives.h"

namespace kernels::cpu {

const Primitives avx512_primitives = vector_primitives;

} // namespace kernels::cpu
