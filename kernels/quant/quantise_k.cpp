// SPDX-License-Identifier: MIT
// A K-quant stores its sub-blocks' scales and offsets as multiples of one scale and one offset for all 256
// numbers, so the best choice is a search: each sub-block alone by least squares over several ranges, then
// all of them on the grid that these multiples allow, then the two factors by least squares again. The
// measure is the plain squared error; whoever reads the file knows nothing about the inputs of the weights
// either.
//
// Sums run in four lanes, always the same ones, so that the bytes do not depend on the machine. Numbers q are
// small integers in floats, whose sums of squares are exact.
#include "kernels/quant/quantise_k.h"

#include "kernels/quant/float16.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

namespace kernels {

namespace {

using Floats = float __attribute__((vector_size(16)));
using Ints = std::int32_t __attribute__((vector_size(16)));
constexpr int lanes = 4;

Floats load(const float* src)
{
    Floats value;
    std::memcpy(&value, src, sizeof value);
    return value;
}

void store(float* dst, Floats value)
{
    std::memcpy(dst, &value, sizeof value);
}

Floats all(float value)
{
    return Floats{value, value, value, value};
}

float sum_of(Floats value)
{
    return (value[0] + value[1]) + (value[2] + value[3]);
}

// Each lane, -0.5 … 2^20, rounded half up.
Floats rounded(Floats value)
{
    return __builtin_convertvector(__builtin_convertvector(value + 0.5f, Ints), Floats);
}

Floats clamped(Floats value, float low, float high)
{
    value = value > all(low) ? value : all(low);
    return value < all(high) ? value : all(high);
}

// ---- scale and offset: Q4_K, Q5_K ----

constexpr int part_size = 32;
constexpr int part_count = 8;
constexpr int most_multiple = 63;

// A number is scale * q - least; least >= 0.
struct Affine
{
    float scale = 0.0f;
    float least = 0.0f;
};

// The best q for each of 32 numbers, 0 … levels, and the squared error that remains.
float quantise_part(const float* x, const Affine& fit, int levels, float* q)
{
    const float inverse = fit.scale > 0.0f ? 1.0f / fit.scale : 0.0f;
    Floats error = {};
    for (int i = 0; i < part_size; i += lanes) {
        const Floats above = load(x + i) + fit.least;
        const Floats nearest = rounded(clamped(above * inverse, 0.0f, static_cast<float>(levels)));
        const Floats rest = above - fit.scale * nearest;
        store(q + i, nearest);
        error += rest * rest;
    }
    return sum_of(error);
}

// The line through the points (q, x) with the least squared error, its offset not above 0.
Affine line_through(const float* x, const float* q)
{
    Floats lane_q = {};
    Floats lane_qq = {};
    Floats lane_x = {};
    Floats lane_qx = {};
    for (int i = 0; i < part_size; i += lanes) {
        const Floats place = load(q + i);
        const Floats value = load(x + i);
        lane_q += place;
        lane_qq += place * place;
        lane_x += value;
        lane_qx += place * value;
    }
    constexpr auto count = static_cast<float>(part_size);
    const float sum_q = sum_of(lane_q);
    const float sum_qq = sum_of(lane_qq);
    const float sum_x = sum_of(lane_x);
    const float sum_qx = sum_of(lane_qx);
    const float determinant = count * sum_qq - sum_q * sum_q;
    if (determinant > 0.0f) {
        const float scale = (count * sum_qx - sum_q * sum_x) / determinant;
        const float least = (scale * sum_q - sum_x) / count;
        if (least >= 0.0f)
            return {scale, least};
    }
    return {sum_qx / sum_qq, 0.0f};
}

// Ranges a little narrower and wider than that of the numbers, each bettered by least squares.
Affine fit_part(const float* x, int levels)
{
    const auto [lowest, highest] = std::minmax_element(x, x + part_size);
    const float low = std::min(*lowest, 0.0f);
    const float range = *highest - low;
    if (!(range > 0.0f))
        return {0.0f, -low};
    Affine best;
    float least_error = std::numeric_limits<float>::infinity();
    float q[part_size];
    for (int step = -4; step <= 2; step += 2) {
        Affine fit{range / (static_cast<float>(levels) + 0.2f * static_cast<float>(step)), -low};
        quantise_part(x, fit, levels, q);
        fit = line_through(x, q);
        const float error = quantise_part(x, fit, levels, q);
        if (error < least_error) {
            least_error = error;
            best = fit;
        }
    }
    return best;
}

// All 256 numbers: number i of part j is scale * scales[j] * q - least * leasts[j].
struct AffineBlock
{
    std::uint16_t scale = 0; // f16
    std::uint16_t least = 0; // f16
    std::uint8_t scales[part_count] = {};
    std::uint8_t leasts[part_count] = {};
    float q[256] = {};

    Affine part(int j) const
    {
        return {f16_to_f32(scale) * static_cast<float>(scales[j]),
                f16_to_f32(least) * static_cast<float>(leasts[j])};
    }
};

float quantise_parts(const float* x, int levels, AffineBlock& block)
{
    float error = 0.0f;
    for (int j = 0; j < part_count; ++j)
        error += quantise_part(x + part_size * j, block.part(j), levels, block.q + part_size * j);
    return error;
}

// Each part's multiples one up or down, where that is better.
void improve_multiples(const float* x, int levels, AffineBlock& block)
{
    float q[part_size];
    for (int j = 0; j < part_count; ++j) {
        const int scale = block.scales[j];
        const int least = block.leasts[j];
        float least_error = std::numeric_limits<float>::infinity();
        for (const int s : {scale, scale - 1, scale + 1}) {
            for (const int m : {least, least - 1, least + 1}) {
                if (std::min(s, m) < 0 || std::max(s, m) > most_multiple)
                    continue;
                const Affine fit{f16_to_f32(block.scale) * static_cast<float>(s),
                                 f16_to_f32(block.least) * static_cast<float>(m)};
                const float error = quantise_part(x + part_size * j, fit, levels, q);
                if (error < least_error) {
                    least_error = error;
                    block.scales[j] = static_cast<std::uint8_t>(s);
                    block.leasts[j] = static_cast<std::uint8_t>(m);
                }
            }
        }
    }
}

// The two factors with the least squared error for the multiples and numbers that the block has.
void improve_factors(const float* x, AffineBlock& block)
{
    double ss = 0.0;
    double sm = 0.0;
    double mm = 0.0;
    double sx = 0.0;
    double mx = 0.0;
    for (int i = 0; i < 256; ++i) {
        const double s = block.scales[i / part_size] * static_cast<double>(block.q[i]);
        const double m = block.leasts[i / part_size];
        const double value = static_cast<double>(x[i]);
        ss += s * s;
        sm += s * m;
        mm += m * m;
        sx += s * value;
        mx += m * value;
    }
    const double determinant = ss * mm - sm * sm;
    double scale = ss > 0.0 ? sx / ss : 0.0;
    double least = 0.0;
    if (determinant > 0.0) {
        scale = (sx * mm - mx * sm) / determinant;
        least = (sx * sm - mx * ss) / determinant;
    }
    if (scale < 0.0 || least < 0.0)
        return;
    block.scale = f32_to_f16(static_cast<float>(scale));
    block.least = f32_to_f16(static_cast<float>(least));
}

// How often `unit` goes into `value`, neither below 0.
std::uint8_t multiple_of(float unit, float value)
{
    return static_cast<std::uint8_t>(std::clamp(value / unit, 0.0f, static_cast<float>(most_multiple)) +
                                     0.5f);
}

AffineBlock fit_affine(const float* x, int levels)
{
    Affine fits[part_count];
    Affine largest;
    for (int j = 0; j < part_count; ++j) {
        fits[j] = fit_part(x + part_size * j, levels);
        largest.scale = std::max(largest.scale, fits[j].scale);
        largest.least = std::max(largest.least, fits[j].least);
    }
    AffineBlock block;
    block.scale = f32_to_f16(largest.scale / static_cast<float>(most_multiple));
    block.least = f32_to_f16(largest.least / static_cast<float>(most_multiple));
    const float scale = f16_to_f32(block.scale);
    const float least = f16_to_f32(block.least);
    for (int j = 0; j < part_count; ++j) {
        if (scale > 0.0f)
            block.scales[j] = multiple_of(scale, fits[j].scale);
        if (least > 0.0f)
            block.leasts[j] = multiple_of(least, fits[j].least);
    }
    const float error = quantise_parts(x, levels, block);
    AffineBlock better = block;
    improve_multiples(x, levels, better);
    quantise_parts(x, levels, better);
    improve_factors(x, better);
    return quantise_parts(x, levels, better) < error ? better : block;
}

void pack_scales(const AffineBlock& from, std::uint8_t (&scales)[12])
{
    for (int j = 0; j < 4; ++j) {
        const int s = from.scales[j + 4];
        const int m = from.leasts[j + 4];
        scales[j] = static_cast<std::uint8_t>(from.scales[j] | s >> 4 << 6);
        scales[j + 4] = static_cast<std::uint8_t>(from.leasts[j] | m >> 4 << 6);
        scales[j + 8] = static_cast<std::uint8_t>((s & 15) | (m & 15) << 4);
    }
}

void pack_nibbles(const AffineBlock& from, std::uint8_t (&nibbles)[128])
{
    for (int i = 0; i < 128; ++i) {
        const float* q = from.q + i / 32 * 64 + i % 32;
        nibbles[i] =
            static_cast<std::uint8_t>((static_cast<int>(q[0]) & 15) | (static_cast<int>(q[32]) & 15) << 4);
    }
}

// ---- scale alone: Q6_K ----

constexpr int small_part_size = 16;
constexpr int small_part_count = 16;

// The best q for each of 16 numbers, -32 … 31, and the squared error that remains.
float quantise_small_part(const float* x, float scale, float* q)
{
    const float inverse = scale != 0.0f ? 1.0f / scale : 0.0f;
    Floats error = {};
    for (int i = 0; i < small_part_size; i += lanes) {
        const Floats value = load(x + i);
        const Floats nearest = rounded(clamped(value * inverse, -32.0f, 31.0f) + 32.0f) - 32.0f;
        const Floats rest = value - scale * nearest;
        store(q + i, nearest);
        error += rest * rest;
    }
    return sum_of(error);
}

// The extreme number becomes about -32, whichever sign it has: that level has no counterpart above 0.
float fit_small_part(const float* x)
{
    float extreme = 0.0f;
    for (int i = 0; i < small_part_size; ++i)
        if (std::abs(x[i]) > std::abs(extreme))
            extreme = x[i];
    if (extreme == 0.0f)
        return 0.0f;
    float best = 0.0f;
    float least_error = std::numeric_limits<float>::infinity();
    float q[small_part_size];
    for (int step = -4; step <= 4; step += 2) {
        float scale = extreme / (-32.0f + 0.25f * static_cast<float>(step));
        quantise_small_part(x, scale, q);
        Floats lane_qx = {};
        Floats lane_qq = {};
        for (int i = 0; i < small_part_size; i += lanes) {
            const Floats place = load(q + i);
            lane_qx += place * load(x + i);
            lane_qq += place * place;
        }
        scale = sum_of(lane_qx) / sum_of(lane_qq); // the extreme one is far from 0
        const float error = quantise_small_part(x, scale, q);
        if (error < least_error) {
            least_error = error;
            best = scale;
        }
    }
    return best;
}

// Number i of part j is scale * scales[j] * q.
struct SymmetricBlock
{
    std::uint16_t scale = 0; // f16
    std::int8_t scales[small_part_count] = {};
    float q[256] = {};
};

float quantise_small_parts(const float* x, SymmetricBlock& block)
{
    float error = 0.0f;
    for (int j = 0; j < small_part_count; ++j)
        error += quantise_small_part(x + small_part_size * j,
                                     f16_to_f32(block.scale) * static_cast<float>(block.scales[j]),
                                     block.q + small_part_size * j);
    return error;
}

void improve_multiples(const float* x, SymmetricBlock& block)
{
    float q[small_part_size];
    for (int j = 0; j < small_part_count; ++j) {
        const int middle = block.scales[j];
        float least_error = std::numeric_limits<float>::infinity();
        for (const int s : {middle, middle - 1, middle + 1}) {
            if (s < -128 || s > 127)
                continue;
            const float error = quantise_small_part(x + small_part_size * j,
                                                    f16_to_f32(block.scale) * static_cast<float>(s), q);
            if (error < least_error) {
                least_error = error;
                block.scales[j] = static_cast<std::int8_t>(s);
            }
        }
    }
}

void improve_factor(const float* x, SymmetricBlock& block)
{
    double ss = 0.0;
    double sx = 0.0;
    for (int i = 0; i < 256; ++i) {
        const double s = block.scales[i / small_part_size] * static_cast<double>(block.q[i]);
        ss += s * s;
        sx += s * static_cast<double>(x[i]);
    }
    if (ss > 0.0)
        block.scale = f32_to_f16(static_cast<float>(sx / ss));
}

SymmetricBlock fit_symmetric(const float* x)
{
    float fits[small_part_count];
    float largest = 0.0f;
    for (int j = 0; j < small_part_count; ++j) {
        fits[j] = fit_small_part(x + small_part_size * j);
        if (std::abs(fits[j]) > std::abs(largest))
            largest = fits[j];
    }
    SymmetricBlock block;
    block.scale = f32_to_f16(largest / -128.0f);
    if (const float scale = f16_to_f32(block.scale); scale != 0.0f)
        for (int j = 0; j < small_part_count; ++j)
            block.scales[j] =
                static_cast<std::int8_t>(std::clamp(std::round(fits[j] / scale), -128.0f, 127.0f));
    const float error = quantise_small_parts(x, block);
    SymmetricBlock better = block;
    improve_multiples(x, better);
    quantise_small_parts(x, better);
    improve_factor(x, better);
    return quantise_small_parts(x, better) < error ? better : block;
}

} // namespace

Q4_KBlock quantise_q4_k(const float* src)
{
    const AffineBlock fit = fit_affine(src, 15);
    Q4_KBlock block{};
    block.scale = fit.scale;
    block.least = fit.least;
    pack_scales(fit, block.scales);
    pack_nibbles(fit, block.nibbles);
    return block;
}

Q5_KBlock quantise_q5_k(const float* src)
{
    const AffineBlock fit = fit_affine(src, 31);
    Q5_KBlock block{};
    block.scale = fit.scale;
    block.least = fit.least;
    pack_scales(fit, block.scales);
    pack_nibbles(fit, block.nibbles);
    for (int i = 0; i < 256; ++i)
        block.high[i % 32] =
            static_cast<std::uint8_t>(block.high[i % 32] | static_cast<int>(fit.q[i]) >> 4 << (i / 32));
    return block;
}

Q6_KBlock quantise_q6_k(const float* src)
{
    const SymmetricBlock fit = fit_symmetric(src);
    Q6_KBlock block{};
    block.scale = fit.scale;
    std::copy_n(fit.scales, small_part_count, block.scales);
    for (int i = 0; i < 256; ++i) {
        const int value = static_cast<int>(fit.q[i]) + 32;
        const int half = i / 128;
        const int j = i % 128 / 32;
        std::uint8_t& low = block.nibbles[64 * half + 32 * (j % 2) + i % 32];
        std::uint8_t& high = block.high[32 * half + i % 32];
        low = static_cast<std::uint8_t>(low | (value & 15) << (4 * (j / 2)));
        high = static_cast<std::uint8_t>(high | value >> 4 << (2 * j));
    }
    return block;
}

} // namespace kernels
