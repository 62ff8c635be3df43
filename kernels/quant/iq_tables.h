// SPDX-License-Identifier: MIT
// The code books of the IQ1, IQ2 and IQ3 types; see iq_tables.cpp.
#pragma once

#include <cstdint>

namespace kernels {

// Eight numbers of two bits each, the first in the lowest ones. Levels 0, 1, 2 are 8, 25, 43; in iq1_codes
// -1, 0, 1.
extern const std::uint16_t iq2_xxs_codes[256];
extern const std::uint16_t iq2_xs_codes[512];
extern const std::uint16_t iq2_s_codes[1024];
extern const std::uint16_t iq1_codes[2048];

// Four numbers of three bits each. Levels 0 … 7 are 4, 12, 20, 28, 36, 44, 52, 62; in iq3_s_codes
// 1, 3, 5 … 15.
extern const std::uint16_t iq3_xxs_codes[256];
extern const std::uint16_t iq3_s_codes[512];

} // namespace kernels
