// SPDX-License-Identifier: MIT
// What kernels call: barriers, exchanges between the lanes of a warp, atomics, bits and mathematics. Names
// and meanings are CUDA's.
#pragma once

#include "tests/cuda/emulation/grid.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

// ---- barriers and fences ----------------------------------------------------------------------------------

inline void __syncthreads(const emulation::Place& place = emulation::Place::current())
{
    emulation::barrier(false, place);
}
inline int __syncthreads_count(int value, const emulation::Place& place = emulation::Place::current())
{
    return emulation::barrier(value != 0, place);
}
inline int __syncthreads_or(int value, const emulation::Place& place = emulation::Place::current())
{
    return emulation::barrier(value != 0, place) > 0;
}
inline int __syncthreads_and(int value, const emulation::Place& place = emulation::Place::current())
{
    return emulation::barrier(value == 0, place) == 0;
}
inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
[[noreturn]] inline void __trap(const emulation::Place& place = emulation::Place::current())
{
    emulation::fault("__trap()", place);
}

// ---- lanes of a warp --------------------------------------------------------------------------------------

namespace emulation {

// What one lane brings to an exchange and takes from it.
template <class T> struct Exchange
{
    T value;
    int from = 0; // lane whose value it takes
    T result;
};

template <class T> void finish_shuffle(void* const (&brought)[32], unsigned mask, const Place& place)
{
    for (int lane = 0; lane < 32; ++lane) {
        if ((mask >> lane & 1u) == 0)
            continue;
        auto& mine = *static_cast<Exchange<T>*>(brought[lane]);
        if ((mask >> mine.from & 1u) == 0)
            fault("lane " + std::to_string(lane) + " asks lane " + std::to_string(mine.from) +
                      ", which takes no part",
                  place);
        mine.result = static_cast<const Exchange<T>*>(brought[mine.from])->value;
    }
}

template <class T> T shuffle(unsigned mask, T value, int from, const Place& place)
{
    static_assert(std::is_trivially_copyable_v<T> && (sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8));
    Exchange<T> exchange{value, from, value};
    meet(mask, finish_shuffle<T>, &exchange, place);
    return exchange.result;
}

// Operation(a, b) over all lanes in ascending order; every lane takes the result.
template <class T, class Operation>
void finish_reduction(void* const (&brought)[32], unsigned mask, const Place&)
{
    const int first = std::countr_zero(mask);
    T sum = static_cast<Exchange<T>*>(brought[first])->value;
    for (int lane = first + 1; lane < 32; ++lane) {
        if ((mask >> lane & 1u) != 0)
            sum = Operation()(sum, static_cast<Exchange<T>*>(brought[lane])->value);
    }
    for (int lane = first; lane < 32; ++lane) {
        if ((mask >> lane & 1u) != 0)
            static_cast<Exchange<T>*>(brought[lane])->result = sum;
    }
}

template <class Operation, class T> T reduce(unsigned mask, T value, const Place& place)
{
    Exchange<T> exchange{value, 0, value};
    meet(mask, finish_reduction<T, Operation>, &exchange, place);
    return exchange.result;
}

struct Smaller
{
    template <class T> T operator()(T a, T b) const { return std::min(a, b); }
};
struct Larger
{
    template <class T> T operator()(T a, T b) const { return std::max(a, b); }
};

// Bit `lane` of the result is the lane's own.
inline unsigned vote(unsigned mask, bool value, const Place& place)
{
    return reduce<std::bit_or<>>(mask, value ? 1u << lane() : 0u, place);
}

inline void finish_nothing(void* const (&)[32], unsigned, const Place&) {}

template <class T> void finish_match(void* const (&brought)[32], unsigned mask, const Place&)
{
    for (int lane = 0; lane < 32; ++lane) {
        if ((mask >> lane & 1u) == 0)
            continue;
        auto& mine = *static_cast<Exchange<T>*>(brought[lane]);
        mine.from = 0;
        for (int other = 0; other < 32; ++other) {
            if ((mask >> other & 1u) != 0 && static_cast<Exchange<T>*>(brought[other])->value == mine.value)
                mine.from |= static_cast<int>(1u << other);
        }
    }
}

} // namespace emulation

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       const emulation::Place& place = emulation::Place::current())
{
    emulation::meet(mask, emulation::finish_nothing, nullptr, place);
}

template <class T>
T __shfl_sync(unsigned mask, T value, int from, int width = warpSize,
              const emulation::Place& place = emulation::Place::current())
{
    const int base = emulation::lane() / width * width;
    return emulation::shuffle(mask, value, base + (from & (width - 1)), place);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = warpSize,
                  const emulation::Place& place = emulation::Place::current())
{
    const int lane = emulation::lane();
    const int from = lane ^ lane_mask;
    const bool is_beyond = from >= (lane / width + 1) * width;
    return emulation::shuffle(mask, value, is_beyond ? lane : from, place);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                 const emulation::Place& place = emulation::Place::current())
{
    const int lane = emulation::lane();
    const int from = lane - static_cast<int>(delta);
    return emulation::shuffle(mask, value, from < lane / width * width ? lane : from, place);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = warpSize,
                   const emulation::Place& place = emulation::Place::current())
{
    const int lane = emulation::lane();
    const int from = lane + static_cast<int>(delta);
    return emulation::shuffle(mask, value, from >= (lane / width + 1) * width ? lane : from, place);
}

inline unsigned __ballot_sync(unsigned mask, int value,
                              const emulation::Place& place = emulation::Place::current())
{
    return emulation::vote(mask, value != 0, place);
}
inline int __any_sync(unsigned mask, int value, const emulation::Place& place = emulation::Place::current())
{
    return emulation::vote(mask, value != 0, place) != 0;
}
inline int __all_sync(unsigned mask, int value, const emulation::Place& place = emulation::Place::current())
{
    return emulation::vote(mask, value != 0, place) == mask;
}
template <class T>
unsigned __match_any_sync(unsigned mask, T value, const emulation::Place& place = emulation::Place::current())
{
    emulation::Exchange<T> exchange{value, 0, value};
    emulation::meet(mask, emulation::finish_match<T>, &exchange, place);
    return static_cast<unsigned>(exchange.from);
}

inline unsigned __reduce_add_sync(unsigned mask, unsigned value,
                                  const emulation::Place& place = emulation::Place::current())
{
    return emulation::reduce<std::plus<>>(mask, value, place);
}
inline int __reduce_add_sync(unsigned mask, int value,
                             const emulation::Place& place = emulation::Place::current())
{
    return static_cast<int>(emulation::reduce<std::plus<>>(mask, static_cast<unsigned>(value), place));
}
template <class T>
T __reduce_min_sync(unsigned mask, T value, const emulation::Place& place = emulation::Place::current())
{
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
    return emulation::reduce<emulation::Smaller>(mask, value, place);
}
template <class T>
T __reduce_max_sync(unsigned mask, T value, const emulation::Place& place = emulation::Place::current())
{
    static_assert(std::is_same_v<T, int> || std::is_same_v<T, unsigned>);
    return emulation::reduce<emulation::Larger>(mask, value, place);
}
inline unsigned __reduce_and_sync(unsigned mask, unsigned value,
                                  const emulation::Place& place = emulation::Place::current())
{
    return emulation::reduce<std::bit_and<>>(mask, value, place);
}
inline unsigned __reduce_or_sync(unsigned mask, unsigned value,
                                 const emulation::Place& place = emulation::Place::current())
{
    return emulation::reduce<std::bit_or<>>(mask, value, place);
}
inline unsigned __reduce_xor_sync(unsigned mask, unsigned value,
                                  const emulation::Place& place = emulation::Place::current())
{
    return emulation::reduce<std::bit_xor<>>(mask, value, place);
}

// ---- atomics: one thread runs at a time -------------------------------------------------------------------

template <class T> T atomicAdd(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    if constexpr (std::is_same_v<T, int>)
        *at = static_cast<int>(static_cast<unsigned>(old) + static_cast<unsigned>(value));
    else
        *at = old + value;
    return old;
}
template <class T> T atomicSub(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = static_cast<T>(static_cast<unsigned>(old) - static_cast<unsigned>(value));
    return old;
}
template <class T> T atomicMax(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = std::max(old, value);
    return old;
}
template <class T> T atomicMin(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = std::min(old, value);
    return old;
}
template <class T> T atomicExch(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = value;
    return old;
}
template <class T> T atomicCAS(T* at, std::type_identity_t<T> expected, std::type_identity_t<T> value)
{
    const T old = *at;
    if (old == expected)
        *at = value;
    return old;
}
template <class T> T atomicOr(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = old | value;
    return old;
}
template <class T> T atomicAnd(T* at, std::type_identity_t<T> value)
{
    const T old = *at;
    *at = old & value;
    return old;
}
inline unsigned atomicInc(unsigned* at, unsigned limit)
{
    const unsigned old = *at;
    *at = old >= limit ? 0 : old + 1;
    return old;
}

// ---- loads and stores with hints --------------------------------------------------------------------------

template <class T> T __ldg(const T* at)
{
    return *at;
}
template <class T> T __ldcs(const T* at)
{
    return *at;
}
template <class T> T __ldcg(const T* at)
{
    return *at;
}
template <class T> T __ldca(const T* at)
{
    return *at;
}
template <class T> T __ldlu(const T* at)
{
    return *at;
}
template <class T> void __stcs(T* at, std::type_identity_t<T> value)
{
    *at = value;
}
template <class T> void __stcg(T* at, std::type_identity_t<T> value)
{
    *at = value;
}
template <class T> void __stwt(T* at, std::type_identity_t<T> value)
{
    *at = value;
}

// ---- bits -------------------------------------------------------------------------------------------------

inline int __popc(unsigned x)
{
    return std::popcount(x);
}
inline int __popcll(unsigned long long x)
{
    return std::popcount(x);
}
inline int __clz(int x)
{
    return std::countl_zero(static_cast<unsigned>(x));
}
inline int __clzll(long long x)
{
    return std::countl_zero(static_cast<unsigned long long>(x));
}
inline int __ffs(int x)
{
    return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1;
}
inline int __ffsll(long long x)
{
    return x == 0 ? 0 : std::countr_zero(static_cast<unsigned long long>(x)) + 1;
}
inline unsigned __brev(unsigned x)
{
    unsigned reversed = 0;
    for (int i = 0; i < 32; ++i)
        reversed |= (x >> i & 1u) << (31 - i);
    return reversed;
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector)
{
    const std::uint64_t bytes = static_cast<std::uint64_t>(y) << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; ++i)
        result |= static_cast<unsigned>(bytes >> (8 * (selector >> (4 * i) & 7u)) & 0xffu) << (8 * i);
    return result;
}
inline unsigned __umulhi(unsigned x, unsigned y)
{
    return static_cast<unsigned>(static_cast<std::uint64_t>(x) * y >> 32);
}
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y)
{
    __extension__ using wide = unsigned __int128;
    return static_cast<unsigned long long>(static_cast<wide>(x) * y >> 64);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift)
{
    return static_cast<unsigned>((static_cast<std::uint64_t>(high) << 32 | low) << (shift & 31u) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift)
{
    return static_cast<unsigned>((static_cast<std::uint64_t>(high) << 32 | low) >> (shift & 31u));
}
// sum + the four products of signed bytes
inline int __dp4a(int x, int y, int sum)
{
    for (int i = 0; i < 32; i += 8)
        sum += static_cast<std::int8_t>(static_cast<unsigned>(x) >> i) *
               static_cast<std::int8_t>(static_cast<unsigned>(y) >> i);
    return sum;
}

inline unsigned __float_as_uint(float x)
{
    return std::bit_cast<unsigned>(x);
}
inline int __float_as_int(float x)
{
    return std::bit_cast<int>(x);
}
inline float __uint_as_float(unsigned x)
{
    return std::bit_cast<float>(x);
}
inline float __int_as_float(int x)
{
    return std::bit_cast<float>(x);
}
inline long long __double_as_longlong(double x)
{
    return std::bit_cast<long long>(x);
}
inline double __longlong_as_double(long long x)
{
    return std::bit_cast<double>(x);
}

// ---- numbers ----------------------------------------------------------------------------------------------

namespace emulation {

// To an integer as CUDA does: saturated, NaN to 0.
template <class Integer> Integer to_integer(double rounded)
{
    if (std::isnan(rounded))
        return 0;
    if (rounded <= static_cast<double>(std::numeric_limits<Integer>::min()))
        return std::numeric_limits<Integer>::min();
    if (rounded >= static_cast<double>(std::numeric_limits<Integer>::max()))
        return std::numeric_limits<Integer>::max();
    return static_cast<Integer>(rounded);
}

} // namespace emulation

inline int __float2int_rn(float x)
{
    return emulation::to_integer<int>(std::nearbyint(x));
}
inline int __float2int_rz(float x)
{
    return emulation::to_integer<int>(std::trunc(x));
}
inline unsigned __float2uint_rn(float x)
{
    return emulation::to_integer<unsigned>(std::nearbyint(x));
}
inline long long __float2ll_rn(float x)
{
    return emulation::to_integer<long long>(std::nearbyint(x));
}
inline long long __double2ll_rn(double x)
{
    return emulation::to_integer<long long>(std::nearbyint(x));
}
inline unsigned long long __double2ull_rn(double x)
{
    return emulation::to_integer<unsigned long long>(std::nearbyint(x));
}
inline long long __double2ll_rd(double x)
{
    return emulation::to_integer<long long>(std::floor(x));
}
inline float __int2float_rn(int x)
{
    return static_cast<float>(x);
}
inline float __uint2float_rn(unsigned x)
{
    return static_cast<float>(x);
}
inline double __ll2double_rn(long long x)
{
    return static_cast<double>(x);
}
inline double __ull2double_rn(unsigned long long x)
{
    return static_cast<double>(x);
}

inline float __fmul_rn(float x, float y)
{
    return x * y;
}
inline float __fadd_rn(float x, float y)
{
    return x + y;
}
inline float __fsub_rn(float x, float y)
{
    return x - y;
}
inline float __fdiv_rn(float x, float y)
{
    return x / y;
}
inline float __fmaf_rn(float x, float y, float z)
{
    return std::fma(x, y, z);
}
inline float __fsqrt_rn(float x)
{
    return std::sqrt(x);
}
inline float __frcp_rn(float x)
{
    return 1.0f / x;
}
inline float __fdividef(float x, float y)
{
    return x / y;
}
inline double __dmul_rn(double x, double y)
{
    return x * y;
}
inline double __dadd_rn(double x, double y)
{
    return x + y;
}
inline double __dsub_rn(double x, double y)
{
    return x - y;
}
inline double __ddiv_rn(double x, double y)
{
    return x / y;
}
inline float rsqrtf(float x)
{
    return 1.0f / std::sqrt(x);
}
inline float __saturatef(float x)
{
    return std::clamp(x, 0.0f, 1.0f);
}
// The C library declares these names for itself and does not define them.
#define __expf(x) expf(x)
#define __exp10f(x) exp10f(x)
#define __logf(x) logf(x)
#define __log2f(x) log2f(x)
#define __sinf(x) sinf(x)
#define __cosf(x) cosf(x)
#define __powf(x, y) powf(x, y)

#define EMULATION_MIN_MAX(type)                                                                              \
    inline type min(type a, type b)                                                                          \
    {                                                                                                        \
        return b < a ? b : a;                                                                                \
    }                                                                                                        \
    inline type max(type a, type b)                                                                          \
    {                                                                                                        \
        return a < b ? b : a;                                                                                \
    }
EMULATION_MIN_MAX(int)
EMULATION_MIN_MAX(unsigned)
EMULATION_MIN_MAX(long)
EMULATION_MIN_MAX(unsigned long)
EMULATION_MIN_MAX(long long)
EMULATION_MIN_MAX(unsigned long long)
#undef EMULATION_MIN_MAX
inline float min(float a, float b)
{
    return std::fmin(a, b);
}
inline float max(float a, float b)
{
    return std::fmax(a, b);
}
inline double min(double a, double b)
{
    return std::fmin(a, b);
}
inline double max(double a, double b)
{
    return std::fmax(a, b);
}
