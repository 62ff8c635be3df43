// SPDX-License-Identifier: MIT
// What each vector instruction set implements. Filled in by later files; see ops.cpp for how they are used.
#pragma once

namespace kernels::cpu {

struct Primitives;

} // namespace kernels::cpu
