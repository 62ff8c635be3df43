// SPDX-License-Identifier: MIT
#include "kernels/cpu/isa.h"

#ifdef FATHOM_HAS_AVX2
#include <cpuid.h>
#endif

namespace kernels::cpu {

#ifdef FATHOM_HAS_AVX2
namespace {

// Not every compiler that this is built with knows the name "f16c" for __builtin_cpu_supports.
bool has_f16c()
{
    unsigned int eax = 0;
    unsigned int ebx = 0;
    unsigned int ecx = 0;
    unsigned int edx = 0;
    return __get_cpuid(1, &eax, &ebx, &ecx, &edx) != 0 && (ecx & bit_F16C) != 0;
}

} // namespace
#endif

bool supported(Isa isa)
{
    switch (isa) {
    case Isa::scalar:
        return true;
    case Isa::avx2:
#ifdef FATHOM_HAS_AVX2
        // The builtin also asks whether the operating system saves the wide registers.
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
#else
        return false;
#endif
    }
    return false;
}

Isa best_isa()
{
    return supported(Isa::avx2) ? Isa::avx2 : Isa::scalar;
}

std::string_view name(Isa isa)
{
    switch (isa) {
    case Isa::scalar:
        return "scalar";
    case Isa::avx2:
        return "avx2";
    }
    return "?";
}

std::optional<Isa> parse_isa(std::string_view text)
{
    for (const Isa isa : {Isa::scalar, Isa::avx2})
        if (text == name(isa))
            return isa;
    return std::nullopt;
}

} // namespace kernels::cpu
