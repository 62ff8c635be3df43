// SPDX-License-Identifier: MIT
#include "kernels/cpu/isa.h"

#include "kernels/cpu/primitives.h"

#ifdef FATHOM_HAS_VECTORS
#include <cpuid.h>
#endif

namespace kernels::cpu {

#ifdef FATHOM_HAS_VECTORS

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

bool supported(Isa isa)
{
    // The builtin also asks whether the operating system saves the wide registers.
    switch (isa) {
    case Isa::scalar:
        return true;
    case Isa::avx2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && has_f16c();
    case Isa::avx512:
        return supported(Isa::avx2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    }
    return false;
}

const Primitives* primitives_of(Isa isa)
{
    switch (isa) {
    case Isa::scalar:
        return nullptr;
    case Isa::avx2:
        return &avx2_primitives;
    case Isa::avx512:
        return &avx512_primitives;
    }
    return nullptr;
}

#else

bool supported(Isa isa)
{
    return isa == Isa::scalar;
}

const Primitives* primitives_of(Isa)
{
    return nullptr;
}

#endif

Isa best_isa()
{
    Isa best = Isa::scalar;
    for (const Isa isa : all_isas)
        if (supported(isa))
            best = isa;
    return best;
}

std::string_view name(Isa isa)
{
    switch (isa) {
    case Isa::scalar:
        return "scalar";
    case Isa::avx2:
        return "avx2";
    case Isa::avx512:
        return "avx512";
    }
    return "?";
}

std::optional<Isa> parse_isa(std::string_view text)
{
    for (const Isa isa : all_isas)
        if (text == name(isa))
            return isa;
    return std::nullopt;
}

} // namespace kernels::cpu
