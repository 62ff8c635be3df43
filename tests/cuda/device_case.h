// SPDX-License-Identifier: MIT
// Activations and weights of kernels/cuda's tests: on the host for the reference, on the (emulated) device
// for the kernel.
#pragma once

#include "kernels/cuda/layout.h"
#include "kernels/cuda/runtime.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/float16.h"
#include "kernels/quant/quantise.h"
#include "tests/cuda/emulation/control.h"
#include "tests/kernels/support.h"

#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace kernels::test {

// The orders in which the emulated threads of a block run; a missing barrier shows in one of them.
constexpr int thread_orders = 3;

enum class Placement
{
    aligned,    // rows begin at multiples of sixteen bytes
    misaligned, // at odd floats
};

// Activations on the device, with NaN in the gaps between the rows.
class DeviceRows
{
public:
    DeviceRows(const cuda::Device& device, std::int64_t rows, std::int64_t columns, Placement placement)
        : m_device(device)
    {
        const std::int64_t offset = placement == Placement::aligned ? 0 : 1;
        const std::int64_t stride = placement == Placement::aligned ? (columns + 3) / 4 * 4 + 4 : columns + 3;
        m_host.assign(static_cast<std::size_t>(offset + rows * stride),
                      std::numeric_limits<float>::quiet_NaN());
        m_buffer = cuda::DeviceBuffer(device, bytes());
        m_offset = offset;
        m_shape = {nullptr, rows, columns, stride};
        view = m_shape;
        view.data = reinterpret_cast<float*>(m_buffer.data()) + offset;
        upload();
    }
    DeviceRows(const cuda::Device& device, View<const float> x, Placement placement)
        : DeviceRows(device, x.rows, x.columns, placement)
    {
        for (std::int64_t t = 0; t < x.rows; ++t)
            std::copy_n(x.row(t), x.columns, host().row(t));
        upload();
    }

    // What lies on the device now. A number in a gap is turned into a wrong one in the row before it.
    View<const float> download()
    {
        cuda::copy_to_host(m_device, m_host.data(), m_buffer.data(), bytes());
        m_device.synchronise();
        for (std::int64_t t = 0; t < m_shape.rows; ++t)
            for (std::int64_t c = m_shape.columns; c < m_shape.stride; ++c)
                if (!std::isnan(host().row(t)[c]))
                    host().row(t)[m_shape.columns - 1] = std::numeric_limits<float>::infinity();
        return host();
    }

    View<float> view;

private:
    View<float> host()
    {
        View<float> rows = m_shape;
        rows.data = m_host.data() + m_offset;
        return rows;
    }
    std::int64_t bytes() const { return static_cast<std::int64_t>(m_host.size() * sizeof(float)); }
    void upload()
    {
        cuda::copy_to_device(m_device, m_buffer.data(), m_host.data(), bytes());
        m_device.synchronise();
    }

    const cuda::Device& m_device;
    std::vector<float> m_host;
    cuda::DeviceBuffer m_buffer;
    View<float> m_shape;
    std::int64_t m_offset = 0;
};

// Plain values on the device.
template <class T> class DeviceValues
{
public:
    DeviceValues(const cuda::Device& device, std::span<const T> values)
        : m_buffer(device, static_cast<std::int64_t>(values.size_bytes()))
    {
        cuda::copy_to_device(device, m_buffer.data(), values.data(), m_buffer.bytes());
        device.synchronise();
    }
    T* data() const { return reinterpret_cast<T*>(m_buffer.data()); }

private:
    cuda::DeviceBuffer m_buffer;
};

// Matrices of one shape and format on the device, each at a multiple of `distance`.
class DeviceMatrices
{
public:
    DeviceMatrices() = default;
    DeviceMatrices(const cuda::Device& device, std::span<const Matrix> matrices, std::int64_t distance)
    {
        const Matrix& first = matrices.front();
        const auto count = static_cast<std::int64_t>(matrices.size());
        std::vector<std::byte> rows(static_cast<std::size_t>(count * distance));
        for (std::int64_t i = 0; i < count; ++i)
            for (std::int64_t r = 0; r < first.rows; ++r)
                cuda::to_device_row(first.dtype, matrices[static_cast<std::size_t>(i)].row(r),
                                    rows.data() + i * distance + r * first.row_bytes(), first.columns);
        m_buffer = cuda::DeviceBuffer(device, count * distance);
        cuda::copy_to_device(device, m_buffer.data(), rows.data(), count * distance);
        device.synchronise();
        all = {m_buffer.data(), first.dtype, count, first.rows, first.columns, distance};
    }
    DeviceMatrices(const cuda::Device& device, const Matrix& matrix)
        : DeviceMatrices(device, std::span<const Matrix>(&matrix, 1), matrix.bytes())
    {
    }

    HeadMatrix all;
    Matrix matrix() const { return all.head(0); }

private:
    cuda::DeviceBuffer m_buffer;
};

// A norm's weight on the device, where it is F32.
class DeviceNorm
{
public:
    DeviceNorm(const cuda::Device& device, const Norm& norm)
        : m_eps(norm.eps)
    {
        std::vector<float> weight(static_cast<std::size_t>(norm.weight.columns));
        dequantise_row(norm.weight.dtype, norm.weight.data, weight.data(), norm.weight.columns);
        m_weight = DeviceMatrices(device, Matrix{reinterpret_cast<const std::byte*>(weight.data()),
                                                 Dtype::f32, 1, norm.weight.columns});
    }
    Norm norm() const { return {m_weight.matrix(), m_eps}; }

private:
    DeviceMatrices m_weight;
    float m_eps;
};

// A matrix as BF16: what tensor cores multiply.
class Rounded
{
public:
    explicit Rounded(const Matrix& w)
        : m_memory(static_cast<std::size_t>(w.rows * row_bytes(Dtype::bf16, w.columns)))
        , matrix{m_memory.data(), Dtype::bf16, w.rows, w.columns}
    {
        std::vector<float> row(static_cast<std::size_t>(w.columns));
        for (std::int64_t r = 0; r < w.rows; ++r) {
            dequantise_row(w.dtype, w.row(r), row.data(), w.columns);
            quantise_row(Dtype::bf16, row.data(), m_memory.data() + r * matrix.row_bytes(), w.columns);
        }
    }

private:
    std::vector<std::byte> m_memory;

public:
    Matrix matrix;
};

inline void round_to_bf16(View<float> x)
{
    for (std::int64_t t = 0; t < x.rows; ++t)
        for (std::int64_t c = 0; c < x.columns; ++c)
            x.row(t)[c] = bf16_to_f32(f32_to_bf16(x.row(t)[c]));
}

} // namespace kernels::test
