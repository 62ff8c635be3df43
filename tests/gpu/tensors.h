// SPDX-License-Identifier: MIT
// Weights and activations that lie on both sides, and their comparison with references in float64.
#pragma once

#include "kernels/cuda/layout.h"
#include "kernels/cuda/runtime.h"
#include "kernels/ops.h"
#include "kernels/quant/dequantise.h"
#include "tests/gpu/generator.h"
#include "tests/gpu/parallel.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace gpu {

// The same random matrix in memory of the host, as a file has it, and of the device.
class Weights
{
public:
    Weights() = default;
    Weights(const kernels::cuda::Device& device, const Filling& filling, kernels::Dtype dtype,
            std::int64_t rows, std::int64_t columns)
        : m_host(static_cast<std::size_t>(rows * kernels::row_bytes(dtype, columns)))
        , m_device(device, rows * kernels::row_bytes(dtype, columns))
        , host{m_host.data(), dtype, rows, columns}
        , on_device{m_device.data(), dtype, rows, columns}
    {
        fill_host(filling, dtype, m_host.data(), rows, columns);
        fill_device(device, filling, dtype, m_device.data(), rows, columns);
    }
    // Of deviation 1 / sqrt(columns).
    Weights(const kernels::cuda::Device& device, std::uint64_t key, kernels::Dtype dtype, std::int64_t rows,
            std::int64_t columns)
        : Weights(device, weight_filling(key, columns), dtype, rows, columns)
    {
    }

private:
    std::vector<std::byte> m_host;
    kernels::cuda::DeviceBuffer m_device;

public:
    kernels::Matrix host;
    kernels::Matrix on_device;
};

// Rows of numbers (T, columns) on both sides.
template <class T> class Rows
{
public:
    Rows() = default;
    Rows(const kernels::cuda::Device& device, std::int64_t rows, std::int64_t columns)
        : m_device(&device)
        , m_buffer(device, rows * columns * static_cast<std::int64_t>(sizeof(T)))
        , host(static_cast<std::size_t>(rows * columns))
        , view{reinterpret_cast<T*>(m_buffer.data()), rows, columns, columns}
    {
    }
    Rows(const kernels::cuda::Device& device, std::int64_t rows, std::int64_t columns, std::vector<T> numbers)
        : Rows(device, rows, columns)
    {
        host = std::move(numbers);
        upload();
    }

    void upload() { copy_to_device(*m_device, view.data, host.data(), bytes()); }
    void download()
    {
        copy_to_host(*m_device, host.data(), view.data, bytes());
        m_device->synchronise();
    }
    T* row(std::int64_t r) { return host.data() + r * view.columns; }
    const T* row(std::int64_t r) const { return host.data() + r * view.columns; }

private:
    std::int64_t bytes() const { return view.rows * view.columns * static_cast<std::int64_t>(sizeof(T)); }

    const kernels::cuda::Device* m_device = nullptr;
    kernels::cuda::DeviceBuffer m_buffer;

public:
    std::vector<T> host;
    kernels::View<T> view; // of the device
};

inline Rows<float> random_rows(const kernels::cuda::Device& device, std::uint64_t key, std::int64_t rows,
                               std::int64_t columns, float amplitude = 1.0f)
{
    std::vector<float> numbers(static_cast<std::size_t>(rows * columns));
    fill_host({key, amplitude, 0.0f}, kernels::Dtype::f32, reinterpret_cast<std::byte*>(numbers.data()), rows,
              columns);
    return {device, rows, columns, std::move(numbers)};
}

// ---- references -------------------------------------------------------------------------------------------

using Numbers = std::vector<double>;

inline Numbers row_of(const kernels::Matrix& w, std::int64_t r)
{
    std::vector<float> row(static_cast<std::size_t>(w.columns));
    kernels::dequantise_row(w.dtype, w.row(r), row.data(), w.columns);
    return {row.begin(), row.end()};
}

inline double dot(const Numbers& a, const Numbers& b)
{
    double sum = 0.0;
    for (std::size_t i = 0; i < a.size(); ++i)
        sum += a[i] * b[i];
    return sum;
}

// w x
inline Numbers product(const kernels::Matrix& w, const Numbers& x)
{
    Numbers y(static_cast<std::size_t>(w.rows));
    parallel(w.rows, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t r = first; r < last; ++r)
            y[static_cast<std::size_t>(r)] = dot(row_of(w, r), x);
    });
    return y;
}

// w^T x
inline Numbers transposed_product(const kernels::Matrix& w, const Numbers& x)
{
    Numbers y(static_cast<std::size_t>(w.columns));
    for (std::int64_t r = 0; r < w.rows; ++r) {
        const Numbers row = row_of(w, r);
        for (std::size_t c = 0; c < y.size(); ++c)
            y[c] += row[c] * x[static_cast<std::size_t>(r)];
    }
    return y;
}

inline Numbers normed(const kernels::Matrix& weight, double eps, const Numbers& x)
{
    if (!weight)
        return x;
    const double scale = 1.0 / std::sqrt(dot(x, x) / static_cast<double>(x.size()) + eps);
    Numbers y = row_of(weight, 0);
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] *= x[i] * scale;
    return y;
}

inline double silu(double x)
{
    return x / (1.0 + std::exp(-x));
}

inline Numbers gated(const kernels::Matrix& gate, const kernels::Matrix& up, const Numbers& x)
{
    Numbers y = product(gate, x);
    const Numbers factor = product(up, x);
    for (std::size_t i = 0; i < y.size(); ++i)
        y[i] = silu(y[i]) * factor[i];
    return y;
}

// How far results are from their references.
class Difference
{
public:
    void add(double got, double expected)
    {
        // Not std::max, which would lose what is not a number.
        if (!(std::abs(got - expected) <= m_worst))
            m_worst = std::abs(got - expected);
        m_largest = std::max(m_largest, std::abs(expected));
        m_got += got * got;
        m_expected += expected * expected;
        m_both += got * expected;
        ++m_count;
    }
    void add(const float* got, const Numbers& expected)
    {
        for (std::size_t i = 0; i < expected.size(); ++i)
            add(static_cast<double>(got[i]), expected[i]);
    }

    std::int64_t count() const { return m_count; }
    // The worst distance as a part of the largest number.
    double worst() const { return m_worst == 0.0 ? 0.0 : m_worst / m_largest; }
    // 1 - cosine of the angle between both.
    double angle() const
    {
        const double length = std::sqrt(m_got * m_expected);
        return length > 0.0 ? 1.0 - m_both / length : worst();
    }

private:
    std::int64_t m_count = 0;
    double m_worst = 0.0;
    double m_largest = 0.0;
    double m_got = 0.0;
    double m_expected = 0.0;
    double m_both = 0.0;
};

} // namespace gpu
