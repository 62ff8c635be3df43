// SPDX-License-Identifier: MIT
// Random weights and activations, misaligned on purpose, and their comparison.
#pragma once

#include "kernels/cpu/isa.h"
#include "kernels/ops.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/float16.h"
#include "kernels/quant/quantise.h"

#include <QString>
#include <QtGlobal>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <vector>

namespace kernels::test {

// Prints its seed, so that a failure can be repeated with the seed as a constant.
class Random
{
public:
    explicit Random(std::uint64_t seed = std::random_device{}())
        : m_engine(seed)
    {
        qInfo("seed %llu", static_cast<unsigned long long>(seed));
    }

    // Both ends included.
    std::int64_t integer(std::int64_t low, std::int64_t high)
    {
        return std::uniform_int_distribution<std::int64_t>(low, high)(m_engine);
    }
    float normal(float deviation = 1.0f)
    {
        return std::normal_distribution<float>(0.0f, deviation)(m_engine);
    }
    template <class T> const T& one_of(const std::vector<T>& choices)
    {
        return choices[static_cast<std::size_t>(integer(0, static_cast<std::int64_t>(choices.size()) - 1))];
    }
    template <class T> void shuffle(std::vector<T>& values)
    {
        std::shuffle(values.begin(), values.end(), m_engine);
    }
    // One that every backend computes with.
    Dtype dtype() { return one_of<Dtype>({Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0}); }
    // Any at all; seldom one whose blocks make shapes large.
    Dtype any_dtype()
    {
        const bool may_be_large = integer(0, 2) == 0;
        Dtype dtype;
        do
            dtype = static_cast<Dtype>(integer(0, static_cast<std::int64_t>(dtype_count) - 1));
        while (values_per_block(dtype) > 32 && !may_be_large);
        return dtype;
    }
    // A number of columns that the type can hold; seldom a multiple of a vector's width where it need not be.
    std::int64_t columns(Dtype dtype, std::int64_t low, std::int64_t high)
    {
        const std::int64_t block = values_per_block(dtype);
        return std::max<std::int64_t>(1, integer(low, high) / block) * block;
    }

private:
    std::mt19937_64 m_engine;
};

// Where the f16 fields of a block lie.
inline std::vector<std::int64_t> scale_offsets(Dtype dtype)
{
    switch (dtype) {
    case Dtype::q2_k:
        return {80, 82};
    case Dtype::q3_k:
        return {108};
    case Dtype::q6_k:
        return {208};
    case Dtype::q4_1:
    case Dtype::q5_1:
    case Dtype::q4_k:
    case Dtype::q5_k:
        return {0, 2};
    default:
        return {0};
    }
}

// Sets the scales of a block; of IQ1_M, whose one lies in the upper nibbles of its last four words, too.
inline void set_scales(Dtype dtype, std::byte* block, float scale)
{
    const std::uint16_t bits = f32_to_f16(scale);
    if (dtype == Dtype::iq1_m) {
        for (int k = 0; k < 4; ++k)
            block[49 + 2 * k] =
                (block[49 + 2 * k] & std::byte{15}) | static_cast<std::byte>((bits >> (4 * k) & 15) << 4);
        return;
    }
    for (const std::int64_t offset : scale_offsets(dtype))
        std::memcpy(block + offset, &bits, sizeof bits);
}

// A row of blocks of random bytes, whose scales give its numbers about that deviation.
inline void random_blocks(Random& random, Dtype dtype, std::byte* row, std::int64_t columns, float deviation)
{
    const std::int64_t bytes = bytes_per_block(dtype);
    std::vector<float> numbers(static_cast<std::size_t>(values_per_block(dtype)));
    for (std::byte* block = row; block < row + row_bytes(dtype, columns); block += bytes) {
        for (std::int64_t i = 0; i < bytes; ++i)
            block[i] = static_cast<std::byte>(random.integer(0, 255));
        set_scales(dtype, block, 1.0f);
        dequantise_row(dtype, block, numbers.data(), values_per_block(dtype));
        float squares = 1e-6f;
        for (const float number : numbers)
            squares += number * number;
        const float scale = deviation / std::sqrt(squares / static_cast<float>(numbers.size()));
        set_scales(dtype, block, random.integer(0, 1) == 0 ? scale : -scale);
    }
}

// Weights of deviation 1 / sqrt(columns), so that products keep the size of their input.
class Weights
{
public:
    Weights() = default;
    Weights(Random& random, Dtype dtype, std::int64_t rows, std::int64_t columns)
        : m_memory(static_cast<std::size_t>(rows * row_bytes(dtype, columns) + 7))
    {
        const std::int64_t misaligned = random.integer(0, 7);
        const float deviation = 1.0f / std::sqrt(static_cast<float>(columns));
        std::byte* data = m_memory.data() + misaligned;
        matrix = {data, dtype, rows, columns};
        if (dtype == Dtype::f8_e4m3)
            make_f8(random, data, deviation);
        std::vector<float> row(static_cast<std::size_t>(columns));
        for (std::int64_t r = 0; r < rows; ++r) {
            std::byte* stored = data + r * matrix.row_bytes();
            if (can_quantise(dtype)) {
                for (float& value : row)
                    value = random.normal(deviation);
                quantise_row(dtype, row.data(), stored, columns);
            } else if (values_per_block(dtype) > 1) {
                random_blocks(random, dtype, stored, columns, deviation);
            }
        }
    }

    // Of one block, by its number in the row.
    void set_scales_of(std::int64_t row, std::int64_t block, float scale)
    {
        std::byte* stored = m_memory.data() + (matrix.row(row) - m_memory.data());
        set_scales(matrix.dtype, stored + block * bytes_per_block(matrix.dtype), scale);
    }

    Matrix matrix;

private:
    // Codes of size 0 to 15 and factors, which begin in the middle of a block of rows.
    void make_f8(Random& random, std::byte* data, float deviation)
    {
        for (std::int64_t i = 0; i < matrix.rows * matrix.columns; ++i)
            data[i] = static_cast<std::byte>(random.integer(0, 0x57) | random.integer(0, 1) << 7);
        const std::int64_t first_row = random.integer(0, 200);
        const std::int64_t across = (matrix.columns + BlockScales::block - 1) / BlockScales::block;
        const std::int64_t down = (first_row + matrix.rows) / BlockScales::block + 1;
        for (std::int64_t i = 0; i < across * down; ++i) {
            const float factor = deviation / 4.0f * static_cast<float>(random.integer(1, 8)) / 4.0f;
            const std::size_t end = m_factors.size();
            m_factors.resize(end + sizeof factor);
            std::memcpy(m_factors.data() + end, &factor, sizeof factor);
        }
        m_factors.insert(m_factors.begin(), std::byte{0}); // so that none is aligned
        matrix.scales = {m_factors.data() + 1, across * 4, first_row};
    }

    std::vector<std::byte> m_memory;
    std::vector<std::byte> m_factors;
};

inline Weights norm_weights(Random& random, std::int64_t columns)
{
    return Weights(random, random.one_of<Dtype>({Dtype::f32, Dtype::bf16}), 1, columns);
}

// Rows with an odd stride, a misaligned start, and NaN in the gaps, which nobody may read or write.
class Activations
{
public:
    Activations() = default;
    Activations(std::int64_t rows, std::int64_t columns)
        : m_numbers(static_cast<std::size_t>(rows * (columns + 3) + 1),
                    std::numeric_limits<float>::quiet_NaN())
    {
        view = {m_numbers.data() + 1, rows, columns, columns + 3};
    }
    Activations(Random& random, std::int64_t rows, std::int64_t columns)
        : Activations(rows, columns)
    {
        for (std::int64_t t = 0; t < rows; ++t)
            for (std::int64_t c = 0; c < columns; ++c)
                view.row(t)[c] = random.normal();
    }
    Activations(const Activations& other)
        : m_numbers(other.m_numbers)
        , view{m_numbers.data() + 1, other.view.rows, other.view.columns, other.view.stride}
    {
    }
    Activations(Activations&&) = default;
    Activations& operator=(Activations&&) = default;
    Activations& operator=(const Activations&) = delete;

    bool gaps_are_untouched() const
    {
        for (std::int64_t t = 0; t < view.rows; ++t)
            for (std::int64_t c = view.columns; c < view.stride; ++c)
                if (!std::isnan(view.row(t)[c]))
                    return false;
        return std::isnan(m_numbers.front());
    }

private:
    std::vector<float> m_numbers;

public:
    View<float> view;
};

// Numbers in double, for references.
using Numbers = std::vector<double>;
using Table = std::vector<Numbers>;

inline Table table(const Matrix& w)
{
    Table rows;
    std::vector<float> row(static_cast<std::size_t>(w.columns));
    for (std::int64_t r = 0; r < w.rows; ++r) {
        dequantise_row(w, r, row.data());
        rows.emplace_back(row.begin(), row.end());
    }
    return rows;
}

inline Table table(View<const float> x)
{
    Table rows;
    for (std::int64_t t = 0; t < x.rows; ++t)
        rows.emplace_back(x.row(t), x.row(t) + x.columns);
    return rows;
}

inline Numbers multiply(const Table& w, const Numbers& x)
{
    Numbers y;
    for (const Numbers& row : w) {
        double sum = 0.0;
        for (std::size_t c = 0; c < row.size(); ++c)
            sum += row[c] * x[c];
        y.push_back(sum);
    }
    return y;
}

inline Numbers rms_norm(const Numbers& weight, const Numbers& x, double eps)
{
    double squares = 0.0;
    for (const double value : x)
        squares += value * value;
    Numbers y;
    for (std::size_t i = 0; i < x.size(); ++i)
        y.push_back(weight[i] * x[i] / std::sqrt(squares / static_cast<double>(x.size()) + eps));
    return y;
}

// Empty if max |got - expected| <= tolerance * max |expected| and the cosine is as near to 1; else what is
// wrong, with the worst element.
inline QString difference(const char* what, View<const float> got, const Table& expected, double tolerance)
{
    double worst = 0.0;
    double largest = 0.0;
    double gg = 0.0;
    double ee = 0.0;
    double ge = 0.0;
    std::int64_t worst_row = 0;
    std::int64_t worst_column = 0;
    if (got.rows != static_cast<std::int64_t>(expected.size()))
        return QStringLiteral("%1: %2 rows instead of %3").arg(what).arg(got.rows).arg(expected.size());
    for (std::int64_t t = 0; t < got.rows; ++t) {
        const Numbers& row = expected[static_cast<std::size_t>(t)];
        if (got.columns != static_cast<std::int64_t>(row.size()))
            return QStringLiteral("%1: %2 columns instead of %3").arg(what).arg(got.columns).arg(row.size());
        for (std::int64_t c = 0; c < got.columns; ++c) {
            const double g = static_cast<double>(got.row(t)[c]);
            const double e = row[static_cast<std::size_t>(c)];
            if (!(std::abs(g - e) <= worst) && !std::isnan(worst)) { // true for a NaN, which then stays
                worst = std::abs(g - e);
                worst_row = t;
                worst_column = c;
            }
            largest = std::max(largest, std::abs(e));
            gg += g * g;
            ee += e * e;
            ge += g * e;
        }
    }
    const double cosine = gg > 0.0 && ee > 0.0 ? ge / std::sqrt(gg * ee) : 1.0;
    if (worst <= tolerance * largest && cosine >= 1.0 - tolerance)
        return {};
    return QStringLiteral("%1: worst element (%2, %3) is %4 instead of %5, relative error %6, cosine %7")
        .arg(what)
        .arg(worst_row)
        .arg(worst_column)
        .arg(static_cast<double>(got.row(worst_row)[worst_column]), 0, 'g', 9)
        .arg(expected[static_cast<std::size_t>(worst_row)][static_cast<std::size_t>(worst_column)], 0, 'g', 9)
        .arg(worst / largest)
        .arg(cosine, 0, 'g', 12);
}

inline QString difference(const char* what, View<const float> got, View<const float> expected,
                          double tolerance)
{
    return difference(what, got, table(expected), tolerance);
}

inline bool identical(View<const float> a, View<const float> b)
{
    for (std::int64_t t = 0; t < a.rows; ++t)
        if (std::memcmp(a.row(t), b.row(t), static_cast<std::size_t>(a.columns) * sizeof(float)) != 0)
            return false;
    return a.rows == b.rows && a.columns == b.columns;
}

inline std::vector<cpu::Isa> supported_isas()
{
    std::vector<cpu::Isa> isas;
    for (const cpu::Isa isa : cpu::all_isas)
        if (cpu::supported(isa))
            isas.push_back(isa);
    return isas;
}

// Fails the running test function with the text of `difference`, if any.
#define COMPARE_NUMBERS(...)                                                                                 \
    do {                                                                                                     \
        const QString wrong = kernels::test::difference(__VA_ARGS__);                                        \
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));                                                        \
    } while (false)

} // namespace kernels::test
