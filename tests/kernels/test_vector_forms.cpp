// SPDX-License-Identifier: MIT
// The vector forms against the scalar definition at larger random shapes, odd and misaligned.
#include "tests/kernels/attention_case.h"

#include "kernels/cpu/ops.h"

#include <QTest>

#include <cmath>
#include <limits>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr double tolerance = 1e-5;

} // namespace

class TestVectorForms : public QObject
{
    Q_OBJECT

private slots:
    void products_data()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : supported_isas())
            if (isa != cpu::Isa::scalar || cpu::best_isa() == cpu::Isa::scalar)
                QTest::newRow(cpu::name(isa).data()) << isa;
    }

    void products()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops scalar(pool, cpu::Isa::scalar);
        cpu::Ops fast(pool, isa);
        for (const DtypeInfo& type : dtype_infos) {
            const Dtype dtype = type.dtype;
            const std::int64_t columns = random.columns(dtype, 1, 2200);
            const Weights w0(random, dtype, random.integer(1, 150), columns);
            const Weights w1(random, dtype, random.integer(0, 50), columns);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-6f};
            const Activations in(random, random.one_of<std::int64_t>({1, 2, 3, 4, 5, 7, 8, 9, 16, 33}),
                                 columns);
            Activations expected(in.view.rows, w0.matrix.rows + w1.matrix.rows);
            Activations got(in.view.rows, w0.matrix.rows + w1.matrix.rows);
            scalar.norm_matmul(expected.view, in.view, norm, w0.matrix, w1.matrix);
            fast.norm_matmul(got.view, in.view, norm, w0.matrix, w1.matrix);
            COMPARE_NUMBERS("norm_matmul", got.view, expected.view, tolerance);
            QVERIFY(got.gaps_are_untouched());
        }
    }

    void mixture_data() { products_data(); }
    void mixture()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops scalar(pool, cpu::Isa::scalar);
        cpu::Ops fast(pool, isa);
        for (int trial = 0; trial < 5; ++trial) {
            const Dtype dtype = random.any_dtype();
            const std::int64_t hidden = random.columns(dtype, 100, 400);
            const std::int64_t width = random.columns(dtype, 60, 250);
            const std::int64_t count = random.integer(4, 12);
            const std::int64_t chosen = 3;
            std::vector<Weights> owned;
            for (std::int64_t i = 0; i < 3 * (count + 1); ++i) {
                const std::int64_t own = i < 3 * count ? width : 2 * width;
                owned.emplace_back(random, dtype, i % 3 == 2 ? hidden : own, i % 3 == 2 ? own : hidden);
            }
            std::vector<Mlp> mlps;
            for (std::size_t i = 0; i < owned.size(); i += 3)
                mlps.push_back({owned[i].matrix, owned[i + 1].matrix, owned[i + 2].matrix});
            const Experts experts{std::span(mlps).first(static_cast<std::size_t>(count)), mlps.back()};
            const Activations in(random, random.one_of<std::int64_t>({1, 6, 20, 70}), hidden);
            const std::int64_t rows = in.view.rows;

            RoutingRule rule{.experts = count, .experts_per_tok = chosen, .routed_scaling_factor = 2.0f};
            const Weights router(random, Dtype::f32, count, hidden);
            const Weights weight = norm_weights(random, hidden);
            const Norm norm{weight.matrix, 1e-6f};
            std::vector<std::int32_t> expert(static_cast<std::size_t>(rows * chosen));
            Activations weights(rows, chosen);
            const Routing routing{{expert.data(), rows, chosen, chosen}, weights.view};
            Activations x(rows, hidden);
            scalar.norm_route(x.view, routing, in.view, norm, router.matrix, rule);

            // The same routing for both; a near tie may go either way.
            std::vector<std::int32_t> fast_expert(expert.size());
            Activations fast_weights(rows, chosen);
            Activations fast_x(rows, hidden);
            fast.norm_route(fast_x.view, {{fast_expert.data(), rows, chosen, chosen}, fast_weights.view},
                            in.view, norm, router.matrix, rule);
            COMPARE_NUMBERS("normed", fast_x.view, x.view, tolerance);
            COMPARE_NUMBERS("routing weights", fast_weights.view, weights.view, tolerance);

            Activations expected(rows, (chosen + 2) * width);
            Activations got(rows, (chosen + 2) * width);
            scalar.experts_gate_up(expected.view, x.view, routing, experts);
            fast.experts_gate_up(got.view, x.view, routing, experts);
            COMPARE_NUMBERS("experts_gate_up", got.view, expected.view, tolerance);
            Activations h(random, rows, hidden);
            Activations fast_h(h);
            scalar.experts_down_add(h.view, expected.view, routing, experts);
            fast.experts_down_add(fast_h.view, expected.view, routing, experts);
            COMPARE_NUMBERS("experts_down_add", fast_h.view, h.view, tolerance);

            Activations dense(rows, 2 * width);
            Activations fast_dense(rows, 2 * width);
            scalar.norm_gate_up(dense.view, in.view, norm, experts.shared);
            fast.norm_gate_up(fast_dense.view, in.view, norm, experts.shared);
            COMPARE_NUMBERS("norm_gate_up", fast_dense.view, dense.view, tolerance);
        }
    }

    void attention_data() { products_data(); }
    void attention()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops scalar(pool, cpu::Isa::scalar);
        cpu::Ops fast(pool, isa);
        for (int trial = 0; trial < 6; ++trial) {
            const Dtype dtype = random.any_dtype();
            const AttentionShape shape{.heads = random.integer(1, values_per_block(dtype) > 32 ? 3 : 20),
                                       .qk_nope_head_dim = random.columns(dtype, 32, 70),
                                       .qk_rope_head_dim = 2 * random.integer(1, 16),
                                       .v_head_dim = random.integer(1, 70),
                                       .kv_lora_rank = random.columns(dtype, 32, 140)};
            AttentionCase test(
                random, shape, dtype,
                random.one_of<KeyLayout>({KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}),
                random.one_of<Dtype>({Dtype::f32, Dtype::bf16}),
                {{random.integer(0, 300), random.integer(1, 80)}, {random.integer(0, 90), 1}});
            // Each form of attention on the same cache: bf16 rows may round apart by one step.
            const Activations prepared = test.absorbed(fast);
            Activations q_latent(random, test.batch.rows(), shape.heads * test.latent_width());
            Activations expected(test.batch.rows(), shape.heads * shape.kv_lora_rank);
            Activations got(test.batch.rows(), shape.heads * shape.kv_lora_rank);
            scalar.mla_attend(expected.view, q_latent.view, test.shape, test.batch, test.cache);
            fast.mla_attend(got.view, q_latent.view, test.shape, test.batch, test.cache);
            COMPARE_NUMBERS("mla_attend", got.view, expected.view, tolerance);

            Activations values(test.batch.rows(), shape.heads * shape.v_head_dim);
            Activations fast_values(test.batch.rows(), shape.heads * shape.v_head_dim);
            scalar.mla_value(values.view, expected.view, test.kv_b, test.shape);
            fast.mla_value(fast_values.view, expected.view, test.kv_b, test.shape);
            COMPARE_NUMBERS("mla_value", fast_values.view, values.view, tolerance);

            scalar.mla_attend_decompressed(values.view, test.q.view, test.kv_b, test.shape, test.batch,
                                           test.cache);
            fast.mla_attend_decompressed(fast_values.view, test.q.view, test.kv_b, test.shape, test.batch,
                                         test.cache);
            COMPARE_NUMBERS("mla_attend_decompressed", fast_values.view, values.view, tolerance);

            Activations moved(test.batch.rows(), shape.heads * test.latent_width());
            Activations fast_moved(test.batch.rows(), shape.heads * test.latent_width());
            scalar.mla_prepare_absorbed(moved.view, test.q.view, test.kv.view, test.norm, test.kv_b,
                                        test.shape, test.rope, test.batch, test.cache);
            fast.mla_prepare_absorbed(fast_moved.view, test.q.view, test.kv.view, test.norm, test.kv_b,
                                      test.shape, test.rope, test.batch, test.cache);
            COMPARE_NUMBERS("mla_prepare_absorbed", fast_moved.view, moved.view, tolerance);
        }
    }

    // In one weight or one activation it reaches the sums that hold it, and no others.
    void nan_stays_where_it_is_data()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : supported_isas())
            QTest::newRow(cpu::name(isa).data()) << isa;
    }
    void nan_stays_where_it_is()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(1);
        cpu::Ops ops(pool, isa);
        constexpr float nan = std::numeric_limits<float>::quiet_NaN();
        for (const DtypeInfo& type : dtype_infos) {
            for (const std::int64_t rows : {1, 4, 9}) {
                const std::int64_t columns = random.columns(type.dtype, 600, 1300);
                Weights w(random, type.dtype, 11, columns);
                Activations in(random, rows, columns);
                const std::int64_t row = random.integer(0, rows - 1);
                in.view.row(row)[random.integer(0, columns - 1)] = nan;
                Activations out(random, rows, 11);
                ops.matmul_add(out.view, in.view, w.matrix);
                for (std::int64_t t = 0; t < rows; ++t)
                    for (std::int64_t r = 0; r < 11; ++r)
                        QVERIFY2(std::isnan(out.view.row(t)[r]) == (t == row), type.name.data());

                if (type.values == 1 || type.dtype == Dtype::iq1_m) // whose scale lies in four pieces
                    continue;
                const std::int64_t broken = random.integer(0, 10);
                const std::int64_t block = random.integer(0, columns / type.values - 1);
                w.set_scales_of(broken, block, nan);
                const Activations whole(random, rows, columns);
                Activations sums(rows, 11);
                const Weights weight(random, Dtype::f32, 1, columns);
                ops.norm_matmul(sums.view, whole.view, {weight.matrix, 1e-6f}, w.matrix);
                for (std::int64_t t = 0; t < rows; ++t)
                    for (std::int64_t r = 0; r < 11; ++r)
                        QVERIFY2(std::isnan(sums.view.row(t)[r]) == (r == broken), type.name.data());
            }
        }
    }

    // Through silu: gate x with the weight 1 and up x = 1.
    void silu_over_its_whole_range_data() { products_data(); }
    void silu_over_its_whole_range()
    {
        QFETCH(cpu::Isa, isa);
        cpu::ThreadPool pool(1);
        cpu::Ops fast(pool, isa);
        const float one[1] = {1.0f};
        const Matrix unit{reinterpret_cast<const std::byte*>(one), Dtype::f32, 1, 1};
        for (float x = -120.0f; x < 120.0f; x += 0.0137f) {
            // y = silu(x) * x
            std::vector<Mlp> mlps{{unit, unit, unit}};
            std::int32_t expert = 0;
            float weight = 1.0f;
            float y = 0.0f;
            fast.experts_gate_up({&y, 1, 1, 1}, {&x, 1, 1, 1}, {{&expert, 1, 1, 1}, {&weight, 1, 1, 1}},
                                 {mlps, {}});
            const double exact =
                static_cast<double>(x) / (1.0 + std::exp(-static_cast<double>(x))) * static_cast<double>(x);
            QVERIFY2(std::abs(static_cast<double>(y) - exact) <= 3e-7 * std::abs(exact) + 1e-30,
                     qPrintable(QString::number(static_cast<double>(x))));
        }
    }
};

QTEST_APPLESS_MAIN(TestVectorForms)
#include "test_vector_forms.moc"
