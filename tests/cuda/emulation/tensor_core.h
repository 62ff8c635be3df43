// SPDX-License-Identifier: MIT
// Host twins of the instructions behind kernels/cuda/mma.h, where the fragments are described.
#pragma once

#include "tests/cuda/emulation/grid.h"

#include <cstdint>

namespace emulation {

// d += a b, summed in fp32 in ascending order.
void mma_bf16(float (&d)[4], const std::uint32_t (&a)[4], const std::uint32_t (&b)[2],
              const Place& place = Place::current());

void load_matrix_x4(std::uint32_t (&r)[4], const void* shared, const Place& place = Place::current());
void load_matrix_x4_transposed(std::uint32_t (&r)[4], const void* shared,
                               const Place& place = Place::current());
void load_matrix_x2(std::uint32_t (&r)[2], const void* shared, const Place& place = Place::current());
void load_matrix_x2_transposed(std::uint32_t (&r)[2], const void* shared,
                               const Place& place = Place::current());

} // namespace emulation
