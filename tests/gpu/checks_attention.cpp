// SPDX-License-Identifier: MIT
#include "tests/gpu/checks.h"
#include "tests/gpu/passes.h"

#include "kernels/cuda/attention.h"

#include <algorithm>

namespace gpu {

using kernels::AttentionShape;
using kernels::Dtype;
using kernels::HeadMatrix;
using kernels::KeyLayout;
using kernels::KeyValueUp;
using kernels::Matrix;

namespace {

constexpr float eps = 1e-6f;

// W_UK and W_UV on both sides.
struct Up
{
    Weights key;
    Weights value;
    KeyValueUp host;
    KeyValueUp on_device;

    Up(Checks& checks, const ModelShape& shape, Dtype dtype, KeyLayout layout)
    {
        const bool is_transposed = layout == KeyLayout::latent_by_nope;
        const std::int64_t key_rows = is_transposed ? shape.latent : shape.nope;
        const std::int64_t key_columns = is_transposed ? shape.nope : shape.latent;
        key = Weights(checks.device, weight_filling(checks.key(), shape.nope), dtype, shape.heads * key_rows,
                      key_columns);
        value = Weights(checks.device, checks.key(), dtype, shape.heads * shape.value, shape.latent);
        const auto split = [&](const Matrix& all) {
            const std::int64_t rows = all.rows / shape.heads;
            return HeadMatrix{all.data, all.dtype, shape.heads, rows, all.columns, rows * all.row_bytes()};
        };
        host = {split(key.host), layout, split(value.host)};
        on_device = {split(key.on_device), layout, split(value.on_device)};
    }

    // W_UK^T q_nope
    Numbers latent_query(std::int64_t head, const Numbers& nope) const
    {
        const Matrix w = host.key.head(head);
        return host.layout == KeyLayout::latent_by_nope ? product(w, nope) : transposed_product(w, nope);
    }
};

AttentionShape attention_shape(const ModelShape& shape, double deviation_of_scores, double width)
{
    // Uniform numbers have a variance of 1/3, so that a product of `width` of them deviates by sqrt(width)
    // / 3.
    const double scale = deviation_of_scores * 3.0 / std::sqrt(width);
    return {shape.heads, shape.nope, shape.rope, shape.value, shape.latent, static_cast<float>(scale)};
}

// About eight of 0 … count - 1, first and last among them.
std::vector<std::int64_t> some_of(std::int64_t count)
{
    std::vector<std::int64_t> all;
    for (std::int64_t i = 0; i < std::min<std::int64_t>(count, 8); ++i)
        all.push_back(i * (count - 1) / std::max<std::int64_t>(1, std::min<std::int64_t>(count, 8) - 1));
    return all;
}

// softmax(scale * query . cache rows) mixed over the rows' first `latent` numbers.
Numbers mixed(const Pass& pass, const Matrix& cache, std::int64_t row, const Numbers& query, double scale,
              std::int64_t latent)
{
    const std::int64_t context = pass.position(row) + 1;
    std::vector<double> scores(static_cast<std::size_t>(context));
    parallel(context, [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t p = first; p < last; ++p)
            scores[static_cast<std::size_t>(p)] = scale * dot(row_of(cache, pass.cache_index(row, p)), query);
    });
    const double best = *std::max_element(scores.begin(), scores.end());
    Numbers mix(static_cast<std::size_t>(latent));
    double sum = 0.0;
    for (std::int64_t p = 0; p < context; ++p) {
        const double weight = std::exp(scores[static_cast<std::size_t>(p)] - best);
        sum += weight;
        const Numbers values = row_of(cache, pass.cache_index(row, p));
        for (std::size_t c = 0; c < mix.size(); ++c)
            mix[c] += weight * values[c];
    }
    for (double& number : mix)
        number /= sum;
    return mix;
}

// What the pass should have written to the cache, and that it wrote nothing else.
void compare_cache(Checks& checks, Difference& difference, const Pass& pass, const Rows<float>& kv,
                   const Weights& norm, const ModelShape& shape)
{
    std::vector<std::byte> memory;
    const Matrix now = pass.download(checks.device, memory);
    std::vector<bool> is_new(static_cast<std::size_t>(now.rows));
    for (std::int64_t t = 0; t < pass.rows(); ++t) {
        const float* from = kv.row(t);
        Numbers row = normed(norm.host, eps, Numbers(from, from + shape.latent));
        row.insert(row.end(), from + shape.latent, from + shape.latent + shape.rope);
        pass.rotate(t, row.data() + shape.latent, shape.rope);
        const std::int64_t at = pass.cache_index(t, pass.position(t));
        is_new[static_cast<std::size_t>(at)] = true;
        const Numbers got = row_of(now, at);
        for (std::size_t i = 0; i < row.size(); ++i)
            difference.add(got[i], row[i]);
    }
    for (std::int64_t t = 0; t < pass.rows(); ++t)
        for (std::int64_t p = 0; p < pass.position(t); ++p) {
            const std::int64_t at = pass.cache_index(t, p);
            if (!is_new[static_cast<std::size_t>(at)] && p + 3 >= pass.position(t)) {
                const Numbers got = row_of(now, at);
                const Numbers before = pass.cached(t, p);
                for (std::size_t i = 0; i < got.size(); ++i)
                    difference.add(got[i], before[i]);
            }
        }
}

double tolerance_of(Dtype cache)
{
    return cache == Dtype::bf16 ? bf16_attention_tolerance : fp32_tolerance;
}

std::string text_of(const ModelShape& shape, const std::vector<Sequence>& sequences)
{
    std::string text = fmt::format("{} heads,", shape.heads);
    for (const Sequence& s : sequences)
        text += fmt::format(" {} at {}", s.count, s.position);
    return text;
}

void check_prepare(Checks& checks, const ModelShape& shape, Dtype dtype, KeyLayout layout, Dtype cache,
                   const std::vector<Sequence>& sequences)
{
    const std::int64_t width = shape.nope + shape.rope;
    const std::int64_t latent_width = shape.latent + shape.rope;
    const std::string format = fmt::format("{}, {} cache", name(dtype), name(cache));
    // A bf16 cache rounds once; the arithmetic is fp32.
    const double allowed = cache == Dtype::bf16 ? 0x1p-8 : fp32_tolerance;
    checks.check(
        layout == KeyLayout::latent_by_nope ? "prepare, absorbed, keys transposed" : "prepare, absorbed",
        text_of(shape, sequences), format, allowed, [&](Difference& difference) {
            const Pass pass(checks.device, sequences, shape.rope, latent_width, cache, checks.key());
            const Up up(checks, shape, dtype, layout);
            const Weights norm(checks.device, Filling{checks.key(), 0.25f, 1.0f}, Dtype::f32, 1,
                               shape.latent);
            const Rows<float> q = random_rows(checks.device, checks.key(), pass.rows(), shape.heads * width);
            const Rows<float> kv = random_rows(checks.device, checks.key(), pass.rows(), latent_width);
            Rows<float> out(checks.device, pass.rows(), shape.heads * latent_width);
            mla_prepare_absorbed(checks.device, out.view, q.view, kv.view, {norm.on_device, eps},
                                 up.on_device, attention_shape(shape, 1.0, 1.0), pass.batch, pass.cache);
            out.download();
            for (const std::int64_t t : some_of(pass.rows()))
                for (const std::int64_t head : some_of(shape.heads)) {
                    const float* from = q.row(t) + head * width;
                    Numbers expected = up.latent_query(head, Numbers(from, from + shape.nope));
                    expected.insert(expected.end(), from + shape.nope, from + width);
                    pass.rotate(t, expected.data() + shape.latent, shape.rope);
                    difference.add(out.row(t) + head * latent_width, expected);
                }
            compare_cache(checks, difference, pass, kv, norm, shape);
        });
}

void check_attend(Checks& checks, const ModelShape& shape, Dtype cache,
                  const std::vector<Sequence>& sequences)
{
    const std::int64_t width = shape.latent + shape.rope;
    checks.check(
        "attend, absorbed", text_of(shape, sequences), fmt::format("{} cache", name(cache)),
        tolerance_of(cache), [&](Difference& difference) {
            const Pass pass(checks.device, sequences, shape.rope, width, cache, checks.key());
            const Rows<float> q = random_rows(checks.device, checks.key(), pass.rows(), shape.heads * width);
            const AttentionShape attention = attention_shape(shape, 2.0, static_cast<double>(width));
            const kernels::cuda::AttendPlan plan = kernels::cuda::plan_attend(
                attention, cache, pass.rows(), pass.longest, checks.device.limits());
            const kernels::cuda::DeviceBuffer workspace(checks.device,
                                                        std::max<std::int64_t>(1, plan.workspace_bytes));
            Rows<float> out(checks.device, pass.rows(), shape.heads * shape.latent);
            mla_attend(checks.device, out.view, q.view, attention, pass.batch, pass.cache, workspace.data());
            out.download();
            std::vector<std::byte> memory;
            const Matrix now = pass.download(checks.device, memory);
            for (const std::int64_t t : some_of(pass.rows()))
                for (const std::int64_t head : some_of(shape.heads)) {
                    const float* from = q.row(t) + head * width;
                    difference.add(out.row(t) + head * shape.latent,
                                   mixed(pass, now, t, Numbers(from, from + width),
                                         static_cast<double>(attention.softmax_scale), shape.latent));
                }
        });
}

void check_value(Checks& checks, const ModelShape& shape, Dtype dtype, std::int64_t rows)
{
    checks.check(
        "values of the mix", fmt::format("{} heads, {} rows", shape.heads, rows), std::string(name(dtype)),
        fp32_tolerance, [&](Difference& difference) {
            const Up up(checks, shape, dtype, KeyLayout::nope_by_latent);
            const Rows<float> mix =
                random_rows(checks.device, checks.key(), rows, shape.heads * shape.latent);
            Rows<float> out(checks.device, rows, shape.heads * shape.value);
            mla_value(checks.device, out.view, mix.view, up.on_device, attention_shape(shape, 1.0, 1.0));
            out.download();
            for (const std::int64_t t : some_of(rows))
                for (const std::int64_t head : some_of(shape.heads)) {
                    const float* from = mix.row(t) + head * shape.latent;
                    difference.add(out.row(t) + head * shape.value,
                                   product(up.host.value.head(head), Numbers(from, from + shape.latent)));
                }
        });
}

void check_decompressed(Checks& checks, const ModelShape& shape, Dtype dtype, KeyLayout layout, Dtype cache,
                        const std::vector<Sequence>& sequences, kernels::cuda::Blas& blas)
{
    const std::int64_t width = shape.nope + shape.rope;
    const std::int64_t latent_width = shape.latent + shape.rope;
    const bool is_exact = dtype == Dtype::f32 && cache == Dtype::f32;
    checks.check(
        "prepare and attend, de-compressed", text_of(shape, sequences),
        fmt::format("{}, {} cache", name(dtype), name(cache)),
        is_exact ? fp32_tolerance : bf16_attention_tolerance, [&](Difference& difference) {
            const Pass pass(checks.device, sequences, shape.rope, latent_width, cache, checks.key());
            const Up up(checks, shape, dtype, layout);
            const Weights norm(checks.device, Filling{checks.key(), 0.25f, 1.0f}, Dtype::f32, 1,
                               shape.latent);
            const Rows<float> q = random_rows(checks.device, checks.key(), pass.rows(), shape.heads * width);
            Rows<float> rotated(checks.device, pass.rows(), shape.heads * width, q.host);
            const Rows<float> kv = random_rows(checks.device, checks.key(), pass.rows(), latent_width);
            const AttentionShape attention = attention_shape(shape, 2.0, static_cast<double>(width));
            mla_prepare_decompressed(checks.device, rotated.view, kv.view, {norm.on_device, eps}, attention,
                                     pass.batch, pass.cache);
            const kernels::cuda::DecompressPlan plan = kernels::cuda::plan_decompress(
                attention, cache, up.on_device, pass.rows(), pass.longest, checks.device.limits());
            const kernels::cuda::DeviceBuffer workspace(checks.device, plan.workspace_bytes);
            Rows<float> out(checks.device, pass.rows(), shape.heads * shape.value);
            mla_attend_decompressed(checks.device, blas, out.view, rotated.view, up.on_device, attention,
                                    pass.batch, pass.cache, workspace.data(), plan);
            out.download();
            std::vector<std::byte> memory;
            const Matrix now = pass.download(checks.device, memory);
            for (const std::int64_t t : some_of(pass.rows()))
                for (const std::int64_t head : some_of(shape.heads)) {
                    const float* from = q.row(t) + head * width;
                    Numbers query = up.latent_query(head, Numbers(from, from + shape.nope));
                    query.insert(query.end(), from + shape.nope, from + width);
                    pass.rotate(t, query.data() + shape.latent, shape.rope);
                    const Numbers mix = mixed(pass, now, t, query,
                                              static_cast<double>(attention.softmax_scale), shape.latent);
                    difference.add(out.row(t) + head * shape.value, product(up.host.value.head(head), mix));
                }
        });
}

} // namespace

void check_attention(Checks& checks, const ModelShape& shape)
{
    const std::vector<Sequence> one{{77, 1}};
    const std::vector<Sequence> three{{0, 2}, {130, 1}, {62, 4}};
    for (const Dtype dtype : all_dtypes) {
        if (dtype == Dtype::q8_0 && shape.nope % 32 != 0)
            continue; // such a matrix cannot be Q8_0
        for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}) {
            check_prepare(checks, shape, dtype, layout, Dtype::bf16, one);
            check_prepare(checks, shape, dtype, layout, Dtype::bf16, three);
        }
        check_prepare(checks, shape, dtype, KeyLayout::nope_by_latent, Dtype::f32, three);
        for (const std::int64_t rows : {1, 8, 33})
            check_value(checks, shape, dtype, rows);
    }
    std::vector<std::vector<Sequence>> passes{{{0, 1}}, {{63, 1}}, {{64, 1}}, three, {{100, 40}}};
    if (checks.has_true_shapes)
        passes.insert(passes.end(), {{{4095, 1}}, {{32767, 1}}, {{5000, 3}, {1, 1}, {20000, 2}}});
    for (const std::vector<Sequence>& sequences : passes)
        for (const Dtype cache : {Dtype::bf16, Dtype::f32})
            check_attend(checks, shape, cache, sequences);
}

void check_attention_decompressed(Checks& checks, const ModelShape& shape, kernels::cuda::Blas& blas)
{
    std::vector<std::vector<Sequence>> passes{{{0, 70}}, {{90, 10}, {0, 9}}};
    if (checks.has_true_shapes)
        passes.insert(passes.end(), {{{0, 1000}}, {{9000, 500}}});
    for (const Dtype dtype : all_dtypes) {
        if (dtype == Dtype::q8_0 && shape.nope % 32 != 0)
            continue;
        for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope})
            for (const std::vector<Sequence>& sequences : passes)
                check_decompressed(checks, shape, dtype, layout, Dtype::bf16, sequences, blas);
        check_decompressed(checks, shape, dtype, KeyLayout::nope_by_latent, Dtype::f32, passes[1], blas);
    }
}

} // namespace gpu
