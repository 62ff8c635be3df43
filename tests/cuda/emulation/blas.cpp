// SPDX-License-Identifier: MIT
// The plain product that stands in for cuBLAS where a GPU is emulated: sums in double, rounded once.
#include "kernels/cuda/blas.h"

#include "kernels/quant/float16.h"

#include <cstddef>
#include <cstring>
#include <vector>

namespace kernels::cuda {

namespace {

float load(Factor factor, const void* data, std::int64_t i)
{
    if (factor == Factor::bf16) {
        std::uint16_t bits = 0;
        std::memcpy(&bits, static_cast<const std::byte*>(data) + 2 * i, sizeof bits);
        return bf16_to_f32(bits);
    }
    float value = 0.0f;
    std::memcpy(&value, static_cast<const std::byte*>(data) + 4 * i, sizeof value);
    return value;
}

void store(Factor factor, void* data, std::int64_t i, float value)
{
    if (factor == Factor::bf16) {
        const std::uint16_t bits = f32_to_bf16(value);
        std::memcpy(static_cast<std::byte*>(data) + 2 * i, &bits, sizeof bits);
        return;
    }
    std::memcpy(static_cast<std::byte*>(data) + 4 * i, &value, sizeof value);
}

class PlainBlas : public Blas
{
public:
    explicit PlainBlas(const Device& device)
        : m_device(device)
    {
    }

    void multiply(const MatrixProduct& p) override
    {
        m_device.synchronise(); // what is queued before it has come to pass then
        if (p.is_narrow && p.beta != 0.0f)
            throw Failure(FailureKind::other, "A narrow product cannot be added to its result.");
        for (std::int64_t b = 0; b < p.batch; ++b)
            multiply_one(p, b);
    }
    std::int64_t workspace_bytes() const override { return 0; }

private:
    static void multiply_one(const MatrixProduct& p, std::int64_t b)
    {
        const auto n = static_cast<std::size_t>(p.n);
        std::vector<float> w(static_cast<std::size_t>(p.k) * n); // (k, n)
        for (std::int64_t i = 0; i < p.k; ++i)
            for (std::int64_t j = 0; j < p.n; ++j)
                w[static_cast<std::size_t>(i * p.n + j)] =
                    load(p.factor, p.w,
                         b * p.w_batch + (p.is_transposed ? i * p.w_stride + j : j * p.w_stride + i));
        std::vector<double> sums(n);
        for (std::int64_t r = 0; r < p.m; ++r) {
            sums.assign(n, 0.0);
            for (std::int64_t i = 0; i < p.k; ++i) {
                const auto x = static_cast<double>(load(p.factor, p.x, b * p.x_batch + r * p.x_stride + i));
                const float* row = w.data() + i * p.n;
                for (std::size_t j = 0; j < n; ++j)
                    sums[j] += x * static_cast<double>(row[j]);
            }
            const std::int64_t first = b * p.y_batch + r * p.y_stride;
            for (std::int64_t j = 0; j < p.n; ++j) {
                double y = sums[static_cast<std::size_t>(j)];
                if (p.beta != 0.0f)
                    y += static_cast<double>(p.beta) * static_cast<double>(load(Factor::f32, p.y, first + j));
                store(p.is_narrow ? p.factor : Factor::f32, p.y, first + j, static_cast<float>(y));
            }
        }
    }

    const Device& m_device;
};

} // namespace

std::unique_ptr<Blas> make_blas(const Device& device)
{
    return std::make_unique<PlainBlas>(device);
}

} // namespace kernels::cuda
