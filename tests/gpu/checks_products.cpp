// SPDX-License-Identifier: MIT
#include "tests/gpu/checks.h"

#include "kernels/cpu/routing.h"
#include "kernels/cuda/products.h"

#include <algorithm>
#include <span>

namespace gpu {

using kernels::Dtype;
using kernels::Matrix;
using kernels::cuda::DeviceBatch;
using kernels::cuda::GatedProduct;
using kernels::cuda::Product;
using kernels::cuda::Store;

namespace {

constexpr float eps = 1e-6f;

Weights norm_weights(Checks& checks, std::int64_t width)
{
    return {checks.device, Filling{checks.key(), 0.25f, 1.0f}, Dtype::f32, 1, width};
}

Numbers numbers_of(const Rows<float>& rows, std::int64_t r)
{
    return {rows.row(r), rows.row(r) + rows.view.columns};
}

std::string size(std::int64_t rows, std::int64_t out, std::int64_t in)
{
    return fmt::format("{} × ({} × {})", rows, out, in);
}

// y = [w0; w1] norm(x), added to what y holds.
void check_product(Checks& checks, const char* what, Dtype dtype, std::int64_t rows, std::int64_t out0,
                   std::int64_t out1, std::int64_t in, bool has_norm)
{
    const std::string shape = size(rows, out0 + out1, in);
    checks.check(what, shape, std::string(name(dtype)), fp32_tolerance, [&](Difference& difference) {
        const Weights w0(checks.device, checks.key(), dtype, out0, in);
        const Weights w1 = out1 > 0 ? Weights(checks.device, checks.key(), dtype, out1, in) : Weights();
        const Weights norm = has_norm ? norm_weights(checks, in) : Weights();
        const Rows<float> x = random_rows(checks.device, checks.key(), rows, in);
        Rows<float> y = random_rows(checks.device, checks.key(), rows, out0 + out1);
        const std::vector<float> before = y.host;
        Product task;
        task.y = y.view;
        task.x = x.view;
        task.norm = {norm.on_device, eps};
        task.w0 = w0.on_device;
        task.w1 = w1.on_device;
        task.store = has_norm ? Store::assign : Store::add;
        multiply(checks.device, task);
        y.download();
        for (std::int64_t t = 0; t < rows; ++t) {
            const Numbers in_row = normed(norm.host, eps, numbers_of(x, t));
            Numbers expected = product(w0.host, in_row);
            const Numbers second = product(w1.host, in_row);
            expected.insert(expected.end(), second.begin(), second.end());
            if (!has_norm)
                for (std::size_t i = 0; i < expected.size(); ++i)
                    expected[i] += before[static_cast<std::size_t>(t) * expected.size() + i];
            difference.add(y.row(t), expected);
        }
    });
}

void check_head(Checks& checks, const ModelShape& shape, Dtype dtype)
{
    checks.check("head of gathered rows", size(2, shape.vocabulary, shape.hidden), std::string(name(dtype)),
                 fp32_tolerance, [&](Difference& difference) {
                     const Weights w(checks.device, checks.key(), dtype, shape.vocabulary, shape.hidden);
                     const Weights norm = norm_weights(checks, shape.hidden);
                     const Rows<float> x = random_rows(checks.device, checks.key(), 5, shape.hidden);
                     const Rows<std::int32_t> gather(checks.device, 1, 2, {4, 1});
                     Rows<float> y(checks.device, 2, shape.vocabulary);
                     Product task;
                     task.y = y.view;
                     task.x = x.view;
                     task.norm = {norm.on_device, eps};
                     task.w0 = w.on_device;
                     task.gather = gather.view.data;
                     multiply(checks.device, task);
                     y.download();
                     for (std::int64_t t = 0; t < 2; ++t)
                         difference.add(y.row(t), product(w.host, normed(norm.host, eps,
                                                                         numbers_of(x, gather.row(0)[t]))));
                 });
}

void check_embed(Checks& checks, const ModelShape& shape, Dtype dtype)
{
    checks.check("embedding", fmt::format("5 of {} × {}", shape.vocabulary, shape.hidden),
                 std::string(name(dtype)), 0.0, [&](Difference& difference) {
                     const Weights w(checks.device, checks.key(), dtype, shape.vocabulary, shape.hidden);
                     const auto last = static_cast<std::int32_t>(shape.vocabulary - 1);
                     const Rows<std::int32_t> tokens(checks.device, 1, 5, {last, 0, 7, last, 99});
                     Rows<float> h(checks.device, 5, shape.hidden);
                     DeviceBatch batch;
                     batch.rows = 5;
                     batch.token = tokens.view.data;
                     embed(checks.device, h.view, w.on_device, batch);
                     h.download();
                     for (std::int64_t t = 0; t < 5; ++t)
                         difference.add(h.row(t), row_of(w.host, tokens.row(0)[t]));
                 });
}

void check_gated(Checks& checks, const ModelShape& shape, Dtype dtype, std::int64_t rows)
{
    checks.check("gated product", size(rows, 2 * shape.dense, shape.hidden), std::string(name(dtype)),
                 fp32_tolerance, [&](Difference& difference) {
                     const Weights gate(checks.device, checks.key(), dtype, shape.dense, shape.hidden);
                     const Weights up(checks.device, checks.key(), dtype, shape.dense, shape.hidden);
                     const Weights norm = norm_weights(checks, shape.hidden);
                     const Rows<float> x = random_rows(checks.device, checks.key(), rows, shape.hidden);
                     Rows<float> y(checks.device, rows, shape.dense);
                     multiply_gated(checks.device,
                                    {y.view, x.view, {norm.on_device, eps}, gate.on_device, up.on_device});
                     y.download();
                     for (std::int64_t t = 0; t < rows; ++t)
                         difference.add(y.row(t),
                                        gated(gate.host, up.host, normed(norm.host, eps, numbers_of(x, t))));
                 });
}

} // namespace

void check_products(Checks& checks, const ModelShape& shape)
{
    const std::int64_t d = shape.hidden;
    const std::int64_t query = shape.heads * (shape.nope + shape.rope);
    const std::int64_t cached = shape.latent + shape.rope;
    for (const Dtype dtype : all_dtypes) {
        check_embed(checks, shape, dtype);
        for (const std::int64_t rows : {1, 2, 3, 8})
            check_product(checks, "norm, query and latent", dtype, rows,
                          shape.q_latent > 0 ? shape.q_latent : query, cached, d, true);
        if (shape.q_latent > 0)
            check_product(checks, "norm, second half of the query", dtype, 1, query, 0, shape.q_latent, true);
        for (const std::int64_t rows : {1, 5})
            check_product(checks, "product added to the residual", dtype, rows, d, 0,
                          shape.heads * shape.value, false);
        for (const std::int64_t rows : {1, 4})
            check_gated(checks, shape, dtype, rows);
        check_head(checks, shape, dtype);
    }
}

// The choice itself is held to the reference on the CPU, fed with scores in float64 that are rounded once:
// two experts that are nearer than the roundings of fp32 may change places, so weights are compared, not
// numbers of experts. A wrong choice shows as a wrong weight.
void check_router(Checks& checks, const ModelShape& shape)
{
    using kernels::ScoringFunction;
    using kernels::TopkMethod;
    const std::int64_t d = shape.hidden;
    for (const Dtype dtype : {Dtype::f32, Dtype::bf16})
        for (const TopkMethod method :
             {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc})
            for (const std::int64_t rows : {1, 8, 70}) {
                const char* names[] = {"router, greedy", "router, group-limited", "router, biased"};
                checks.check(
                    names[static_cast<int>(method)],
                    fmt::format("{} of {}, {} rows", shape.per_tok, shape.experts, rows),
                    std::string(name(dtype)), fp32_tolerance, [&](Difference& difference) {
                        const Weights w(checks.device, checks.key(), dtype, shape.experts, d);
                        const Weights norm = norm_weights(checks, d);
                        const Weights bias(checks.device, {checks.key(), 0.1f, 0.0f}, Dtype::f32, 1,
                                           shape.experts);
                        const Rows<float> h = random_rows(checks.device, checks.key(), rows, d);
                        Rows<float> x(checks.device, rows, d);
                        Rows<float> scores(checks.device, rows, shape.experts);
                        Rows<std::int32_t> expert(checks.device, rows, shape.per_tok);
                        Rows<float> weight(checks.device, rows, shape.per_tok);
                        kernels::RoutingRule rule{.experts = shape.experts,
                                                  .experts_per_tok = shape.per_tok,
                                                  .n_group = shape.groups,
                                                  .topk_group = shape.topk_group,
                                                  .method = method,
                                                  .scoring = method == TopkMethod::noaux_tc
                                                                 ? ScoringFunction::sigmoid
                                                                 : ScoringFunction::softmax,
                                                  .norm_topk_prob = method == TopkMethod::noaux_tc,
                                                  .routed_scaling_factor = 2.5f};
                        if (method == TopkMethod::noaux_tc)
                            rule.correction_bias = bias.on_device;
                        norm_route(checks.device, x.view, {expert.view, weight.view}, h.view,
                                   {norm.on_device, eps}, w.on_device, rule, scores.view);
                        x.download();
                        expert.download();
                        weight.download();
                        std::vector<float> bias_row(static_cast<std::size_t>(shape.experts));
                        kernels::dequantise_row(Dtype::f32, bias.host.data, bias_row.data(), shape.experts);
                        const std::span<const float> used_bias = rule.correction_bias
                                                                     ? std::span<const float>(bias_row)
                                                                     : std::span<const float>();
                        for (std::int64_t t = 0; t < rows; ++t) {
                            const Numbers x_row = normed(norm.host, eps, numbers_of(h, t));
                            difference.add(x.row(t), x_row);
                            const Numbers exact = product(w.host, x_row);
                            std::vector<float> logits(exact.begin(), exact.end());
                            std::vector<std::int32_t> wanted(static_cast<std::size_t>(shape.per_tok));
                            std::vector<float> weights(static_cast<std::size_t>(shape.per_tok));
                            kernels::cpu::choose_experts(logits, used_bias, rule, wanted.data(),
                                                         weights.data());
                            difference.add(weight.row(t), Numbers(weights.begin(), weights.end()));
                        }
                    });
            }
}

void check_experts(Checks& checks, const ModelShape& shape)
{
    using kernels::HeadMatrix;
    const std::int64_t d = shape.hidden;
    const std::int64_t width = shape.width;
    const auto split = [&](const Matrix& all) {
        const std::int64_t rows = all.rows / shape.held;
        return HeadMatrix{all.data, all.dtype, shape.held, rows, all.columns, rows * all.row_bytes()};
    };
    for (const Dtype dtype : all_dtypes)
        for (const std::int64_t rows : {1, 3, 8}) {
            const Weights gate(checks.device, checks.key(), dtype, shape.held * width, d);
            const Weights up(checks.device, checks.key(), dtype, shape.held * width, d);
            const Weights down(checks.device, checks.key(), dtype, shape.held * d, width);
            const bool has_shared = shape.shared > 0;
            const auto shared_weights = [&](std::int64_t out, std::int64_t in) {
                return has_shared ? Weights(checks.device, checks.key(), dtype, out, in) : Weights();
            };
            const Weights shared_gate = shared_weights(shape.shared, d);
            const Weights shared_up = shared_weights(shape.shared, d);
            const Weights shared_down = shared_weights(d, shape.shared);
            const kernels::cuda::DeviceExperts experts{
                split(gate.on_device),
                split(up.on_device),
                split(down.on_device),
                {shared_gate.on_device, shared_up.on_device, shared_down.on_device}};

            // Every row has experts of its own, and some that others have too.
            Rows<std::int32_t> expert(checks.device, rows, shape.per_tok);
            for (std::int64_t t = 0; t < rows; ++t)
                for (std::int64_t k = 0; k < shape.per_tok; ++k)
                    expert.row(t)[k] = static_cast<std::int32_t>((3 * t + 5 * k) % shape.held);
            expert.upload();
            const Rows<float> weight = random_rows(checks.device, checks.key(), rows, shape.per_tok);
            const kernels::Routing routing{expert.view, weight.view};
            const Rows<float> x = random_rows(checks.device, checks.key(), rows, d);
            Rows<float> hidden(checks.device, rows, shape.per_tok * width + shape.shared);
            Rows<float> h = random_rows(checks.device, checks.key(), rows, d);
            const std::vector<float> before = h.host;
            const std::string text =
                fmt::format("{} rows, {} of {} experts", rows, shape.per_tok, shape.held);
            const auto part = [&](const Matrix& all, std::int64_t e) {
                const std::int64_t count = all.rows / shape.held;
                return all.slice(e * count, count);
            };

            checks.check("experts, gate and up", text, std::string(name(dtype)), fp32_tolerance,
                         [&](Difference& difference) {
                             experts_gate_up(checks.device, hidden.view, x.view, routing, experts);
                             hidden.download();
                             for (std::int64_t t = 0; t < rows; ++t) {
                                 const Numbers in = numbers_of(x, t);
                                 for (std::int64_t k = 0; k < shape.per_tok; ++k) {
                                     const std::int64_t e = expert.row(t)[k];
                                     difference.add(hidden.row(t) + k * width,
                                                    gated(part(gate.host, e), part(up.host, e), in));
                                 }
                                 difference.add(hidden.row(t) + shape.per_tok * width,
                                                gated(shared_gate.host, shared_up.host, in));
                             }
                         });
            checks.check("experts, down and sum", text, std::string(name(dtype)), fp32_tolerance,
                         [&](Difference& difference) {
                             hidden = random_rows(checks.device, checks.key(), rows, hidden.view.columns);
                             experts_down_add(checks.device, h.view, hidden.view, routing, experts);
                             h.download();
                             for (std::int64_t t = 0; t < rows; ++t) {
                                 Numbers sum(before.begin() + t * d, before.begin() + (t + 1) * d);
                                 const auto add = [&](const Matrix& w, std::int64_t first, double factor) {
                                     const float* from = hidden.row(t) + first;
                                     const Numbers y = product(w, {from, from + w.columns});
                                     for (std::size_t i = 0; i < y.size(); ++i)
                                         sum[i] += factor * y[i];
                                 };
                                 for (std::int64_t k = 0; k < shape.per_tok; ++k)
                                     add(part(down.host, expert.row(t)[k]), k * width,
                                         static_cast<double>(weight.row(t)[k]));
                                 if (has_shared)
                                     add(shared_down.host, shape.per_tok * width, 1.0);
                                 difference.add(h.row(t), sum);
                             }
                         });
        }
}

} // namespace gpu
