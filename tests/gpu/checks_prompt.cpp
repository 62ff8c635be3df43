// SPDX-License-Identifier: MIT
#include "tests/gpu/checks.h"

#include "kernels/cuda/dense.h"
#include "kernels/cuda/experts_grouped.h"

#include <algorithm>

namespace gpu {

using kernels::Dtype;
using kernels::HeadMatrix;
using kernels::Matrix;
using kernels::cuda::Product;
using kernels::cuda::Store;

namespace {

constexpr float eps = 1e-6f;

Numbers numbers_of(const Rows<float>& rows, std::int64_t r)
{
    return {rows.row(r), rows.row(r) + rows.view.columns};
}

double tolerance_of(Dtype dtype)
{
    return dtype == Dtype::f32 ? fp32_tolerance : bf16_tolerance;
}

// First, last and some rows between.
std::vector<std::int64_t> some_rows(std::int64_t rows)
{
    return {0, rows / 3, rows / 2, rows - 1};
}

} // namespace

void check_dense(Checks& checks, const ModelShape& shape, kernels::cuda::Blas& blas)
{
    const std::int64_t d = shape.hidden;
    const std::int64_t query = shape.q_latent > 0 ? shape.q_latent : shape.heads * (shape.nope + shape.rope);
    const std::int64_t cached = shape.latent + shape.rope;
    const std::int64_t rows = checks.has_true_shapes ? 500 : 19;
    const kernels::cuda::DensePlan plan =
        kernels::cuda::plan_dense(rows, std::max({d, shape.dense, shape.heads * shape.value}));
    const kernels::cuda::DeviceBuffer workspace(checks.device, plan.workspace_bytes());
    for (const Dtype dtype : all_dtypes) {
        checks.check(
            "dense product, normed, two matrices", fmt::format("{} × ({} × {})", rows, query + cached, d),
            std::string(name(dtype)), tolerance_of(dtype), [&](Difference& difference) {
                const Weights w0(checks.device, checks.key(), dtype, query, d);
                const Weights w1(checks.device, checks.key(), dtype, cached, d);
                const Weights norm(checks.device, Filling{checks.key(), 0.25f, 1.0f}, Dtype::f32, 1, d);
                const Rows<float> x = random_rows(checks.device, checks.key(), rows, d);
                Rows<float> y(checks.device, rows, query + cached);
                Product task;
                task.y = y.view;
                task.x = x.view;
                task.norm = {norm.on_device, eps};
                task.w0 = w0.on_device;
                task.w1 = w1.on_device;
                multiply_dense(checks.device, blas, task, workspace.data(), plan);
                y.download();
                for (const std::int64_t t : some_rows(rows)) {
                    const Numbers in = normed(norm.host, eps, numbers_of(x, t));
                    difference.add(y.row(t), product(w0.host, in));
                    difference.add(y.row(t) + query, product(w1.host, in));
                }
            });
        const std::int64_t wide = shape.heads * shape.value;
        checks.check("dense product, added", fmt::format("{} × ({} × {})", rows, d, wide),
                     std::string(name(dtype)), tolerance_of(dtype), [&](Difference& difference) {
                         const Weights w(checks.device, checks.key(), dtype, d, wide);
                         const Rows<float> x = random_rows(checks.device, checks.key(), rows, wide);
                         Rows<float> y = random_rows(checks.device, checks.key(), rows, d);
                         const std::vector<float> before = y.host;
                         Product task;
                         task.y = y.view;
                         task.x = x.view;
                         task.w0 = w.on_device;
                         task.store = Store::add;
                         multiply_dense(checks.device, blas, task, workspace.data(), plan);
                         y.download();
                         for (const std::int64_t t : some_rows(rows)) {
                             Numbers expected = product(w.host, numbers_of(x, t));
                             for (std::int64_t i = 0; i < d; ++i)
                                 expected[static_cast<std::size_t>(i)] +=
                                     before[static_cast<std::size_t>(t * d + i)];
                             difference.add(y.row(t), expected);
                         }
                     });
        checks.check(
            "dense product, gated", fmt::format("{} × ({} × {})", rows, 2 * shape.dense, d),
            std::string(name(dtype)), tolerance_of(dtype), [&](Difference& difference) {
                const Weights gate(checks.device, checks.key(), dtype, shape.dense, d);
                const Weights up(checks.device, checks.key(), dtype, shape.dense, d);
                const Weights norm(checks.device, Filling{checks.key(), 0.25f, 1.0f}, Dtype::f32, 1, d);
                const Rows<float> x = random_rows(checks.device, checks.key(), rows, d);
                Rows<float> y(checks.device, rows, shape.dense);
                multiply_gated_dense(checks.device, blas,
                                     {y.view, x.view, {norm.on_device, eps}, gate.on_device, up.on_device},
                                     workspace.data(), plan);
                y.download();
                for (const std::int64_t t : some_rows(rows))
                    difference.add(y.row(t),
                                   gated(gate.host, up.host, normed(norm.host, eps, numbers_of(x, t))));
            });
    }
}

void check_grouped(Checks& checks, const ModelShape& shape)
{
    const std::int64_t d = shape.hidden;
    const std::int64_t width = shape.width;
    const std::int64_t per_tok = shape.per_tok;
    const auto split = [&](const Matrix& all) {
        const std::int64_t rows = all.rows / shape.held;
        return HeadMatrix{all.data, all.dtype, shape.held, rows, all.columns, rows * all.row_bytes()};
    };
    for (const Dtype dtype : all_dtypes)
        for (const std::int64_t rows : {std::int64_t{9}, std::int64_t{checks.has_true_shapes ? 1000 : 45}}) {
            const Weights gate(checks.device, checks.key(), dtype, shape.held * width, d);
            const Weights up(checks.device, checks.key(), dtype, shape.held * width, d);
            const Weights down(checks.device, checks.key(), dtype, shape.held * d, width);
            const kernels::cuda::DeviceExperts experts{
                split(gate.on_device), split(up.on_device), split(down.on_device), {}};
            // Uneven on purpose: one expert gets a token of nearly every row, and the last ones get none.
            Rows<std::int32_t> expert(checks.device, rows, per_tok);
            const std::int64_t used = std::max(per_tok + 1, shape.held - 2);
            for (std::int64_t t = 0; t < rows; ++t)
                for (std::int64_t k = 0; k < per_tok; ++k)
                    expert.row(t)[k] =
                        static_cast<std::int32_t>(k == 0 ? 0 : 1 + (t * t + 3 * t + k - 1) % (used - 1));
            expert.upload();
            const Rows<float> weight = random_rows(checks.device, checks.key(), rows, per_tok);
            const kernels::Routing routing{expert.view, weight.view};
            const Rows<float> x = random_rows(checks.device, checks.key(), rows, d);
            Rows<float> hidden(checks.device, rows, per_tok * width + shape.shared);
            Rows<float> h = random_rows(checks.device, checks.key(), rows, d);
            const std::vector<float> before = h.host;
            const kernels::cuda::GroupedPlan plan =
                kernels::cuda::plan_grouped(rows, per_tok, experts, checks.device.limits());
            const kernels::cuda::DeviceBuffer workspace(checks.device, plan.workspace_bytes());
            const auto part = [&](const Matrix& all, std::int64_t e) {
                const std::int64_t count = all.rows / shape.held;
                return all.slice(e * count, count);
            };
            const std::string text = fmt::format("{} rows, {} of {} experts", rows, per_tok, shape.held);
            checks.check("grouped experts, gate and up", text, std::string(name(dtype)), tolerance_of(dtype),
                         [&](Difference& difference) {
                             grouped_gate_up(checks.device, hidden.view, x.view, routing, experts,
                                             workspace.data(), plan);
                             hidden.download();
                             for (const std::int64_t t : some_rows(rows))
                                 for (std::int64_t k = 0; k < per_tok; ++k) {
                                     const std::int64_t e = expert.row(t)[k];
                                     difference.add(
                                         hidden.row(t) + k * width,
                                         gated(part(gate.host, e), part(up.host, e), numbers_of(x, t)));
                                 }
                         });
            checks.check("grouped experts, down and sum", text, std::string(name(dtype)), tolerance_of(dtype),
                         [&](Difference& difference) {
                             grouped_down_add(checks.device, h.view, hidden.view, routing, experts,
                                              workspace.data(), plan);
                             h.download();
                             for (const std::int64_t t : some_rows(rows)) {
                                 Numbers sum(before.begin() + t * d, before.begin() + (t + 1) * d);
                                 for (std::int64_t k = 0; k < per_tok; ++k) {
                                     const float* from = hidden.row(t) + k * width;
                                     const Numbers y =
                                         product(part(down.host, expert.row(t)[k]), {from, from + width});
                                     for (std::size_t i = 0; i < y.size(); ++i)
                                         sum[i] += static_cast<double>(weight.row(t)[k]) * y[i];
                                 }
                                 difference.add(h.row(t), sum);
                             }
                         });
        }
}

} // namespace gpu
