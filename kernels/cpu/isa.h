// SPDX-License-Identifier: MIT
// Which instruction set the operations use. Chosen once, at start.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kernels::cpu {

enum class Isa : std::uint8_t
{
    scalar, // the readable definition; runs everywhere
    avx2,   // AVX2, FMA and F16C
    avx512, // AVX-512 F, BW, DQ and VL
};

// In ascending order.
inline constexpr Isa all_isas[] = {Isa::scalar, Isa::avx2, Isa::avx512};

// True where both the processor and the operating system allow it and this build contains it.
bool supported(Isa isa);

// The fastest one supported.
Isa best_isa();

std::string_view name(Isa isa);

// "scalar", "avx2", "avx512"; empty for anything else.
std::optional<Isa> parse_isa(std::string_view text);

} // namespace kernels::cpu
