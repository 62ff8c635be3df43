// SPDX-License-Identifier: MIT
// Every instruction set against plain references in double, at small random shapes. Attention has a file of
// its own.
#include "tests/kernels/support.h"

#include "kernels/cpu/ops.h"

#include <QTest>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr double tolerance = 2e-5;

double silu(double x)
{
    return x / (1.0 + std::exp(-x));
}

Numbers mlp_hidden(const Mlp& mlp, const Numbers& x)
{
    Numbers gate = multiply(table(mlp.gate), x);
    const Numbers up = multiply(table(mlp.up), x);
    for (std::size_t i = 0; i < gate.size(); ++i)
        gate[i] = silu(gate[i]) * up[i];
    return gate;
}

Table normed(View<const float> x, const Norm& norm)
{
    Table rows;
    for (const Numbers& row : table(x))
        rows.push_back(rms_norm(table(norm.weight)[0], row, static_cast<double>(norm.eps)));
    return rows;
}

struct RandomMlp
{
    Weights gate;
    Weights up;
    Weights down;

    RandomMlp(Random& random, Dtype dtype, std::int64_t hidden, std::int64_t width)
        : gate(random, dtype, width, hidden)
        , up(random, random.one_of<Dtype>({dtype, dtype, dtype == Dtype::q8_0 ? dtype : Dtype::bf16}), width,
             hidden)
        , down(random, dtype, hidden, width)
    {
    }
    Mlp view() const { return {gate.matrix, up.matrix, down.matrix}; }
};

} // namespace

class TestOps : public QObject
{
    Q_OBJECT

private:
    static void add_isas()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : supported_isas())
            QTest::newRow(cpu::name(isa).data()) << isa;
    }

private slots:
    void embed_data() { add_isas(); }
    void embed()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 20; ++trial) {
            const Dtype dtype = random.any_dtype();
            const Weights weights(random, dtype, random.integer(1, 50), random.columns(dtype, 1, 100));
            std::vector<std::int32_t> tokens;
            Table expected;
            for (std::int64_t t = random.integer(0, 20); t > 0; --t) {
                tokens.push_back(static_cast<std::int32_t>(random.integer(0, weights.matrix.rows - 1)));
                expected.push_back(table(weights.matrix)[static_cast<std::size_t>(tokens.back())]);
            }
            Batch batch;
            batch.tokens = tokens;
            Activations h(batch.rows(), weights.matrix.columns);
            ops.embed(h.view, weights.matrix, batch);
            COMPARE_NUMBERS("embed", h.view, expected, 0.0);
            QVERIFY(h.gaps_are_untouched());
        }
    }

    void norm_matmul_data() { add_isas(); }
    void norm_matmul()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(3);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 60; ++trial) {
            const Dtype dtype = random.any_dtype();
            const std::int64_t columns = random.columns(dtype, 1, 200);
            const Weights first(random, dtype, random.integer(1, 40), columns);
            const Weights second(random, dtype, random.integer(1, 40), columns);
            const bool both = random.integer(0, 1) == 1;
            const Activations in(random, random.integer(0, 20), columns);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-3f};
            Activations x(in.view.rows, first.matrix.rows + (both ? second.matrix.rows : 0));
            if (both)
                ops.norm_matmul(x.view, in.view, norm, first.matrix, second.matrix);
            else
                ops.norm_matmul(x.view, in.view, norm, first.matrix);
            Table expected;
            for (const Numbers& row : normed(in.view, norm)) {
                expected.push_back(multiply(table(first.matrix), row));
                if (both) {
                    const Numbers rest = multiply(table(second.matrix), row);
                    expected.back().insert(expected.back().end(), rest.begin(), rest.end());
                }
            }
            COMPARE_NUMBERS("norm_matmul", x.view, expected, tolerance);
            QVERIFY(x.gaps_are_untouched());
        }
    }

    void matmul_add_data() { add_isas(); }
    void matmul_add()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 60; ++trial) {
            const Dtype dtype = random.any_dtype();
            // from one column to more than one chunk
            const std::int64_t columns = random.columns(dtype, 1, trial % 6 == 0 ? 2500 : 100);
            const Weights weights(random, dtype, random.integer(1, 50), columns);
            const Activations in(random, random.integer(0, 20), columns);
            Activations h(random, in.view.rows, weights.matrix.rows);
            Table expected = table(h.view);
            for (std::size_t t = 0; t < expected.size(); ++t) {
                const Numbers y = multiply(table(weights.matrix), table(in.view)[t]);
                for (std::size_t r = 0; r < y.size(); ++r)
                    expected[t][r] += y[r];
            }
            ops.matmul_add(h.view, in.view, weights.matrix);
            COMPARE_NUMBERS("matmul_add", h.view, expected, tolerance);
            QVERIFY(h.gaps_are_untouched());
        }
    }

    void norm_gate_up_data() { add_isas(); }
    void norm_gate_up()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 30; ++trial) {
            const Dtype dtype = random.any_dtype();
            const std::int64_t hidden = random.columns(dtype, 1, 100);
            const RandomMlp mlp(random, dtype, hidden, random.columns(dtype, 1, 100));
            const Weights weight = norm_weights(random, hidden);
            const Norm norm{weight.matrix, 1e-6f};
            Activations in(random, random.integer(0, 80), hidden);
            for (std::int64_t t = 0; t < in.view.rows; ++t)
                for (std::int64_t c = 0; c < hidden; ++c)
                    in.view.row(t)[c] *= 10.0f;
            Activations x(in.view.rows, mlp.gate.matrix.rows);
            ops.norm_gate_up(x.view, in.view, norm, mlp.view());
            Table expected;
            for (const Numbers& row : normed(in.view, norm))
                expected.push_back(mlp_hidden(mlp.view(), row));
            COMPARE_NUMBERS("norm_gate_up", x.view, expected, tolerance);
            QVERIFY(x.gaps_are_untouched());
        }
    }

    void norm_route_data() { add_isas(); }
    void norm_route()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 30; ++trial) {
            const std::int64_t hidden = random.integer(1, 100);
            RoutingRule rule;
            rule.n_group = random.integer(1, 4);
            rule.topk_group = random.integer(1, rule.n_group);
            rule.experts = rule.n_group * random.integer(4, 10);
            rule.experts_per_tok = random.integer(1, 4);
            rule.method = random.one_of<TopkMethod>(
                {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc});
            rule.routed_scaling_factor = 3.0f;
            const Weights bias(random, Dtype::f32, 1, rule.experts);
            if (rule.method == TopkMethod::noaux_tc)
                rule.correction_bias = bias.matrix;
            const Weights router(random, Dtype::f32, rule.experts, hidden);
            const Weights weight = norm_weights(random, hidden);
            const Norm norm{weight.matrix, 1e-6f};
            const Activations in(random, random.integer(0, 20), hidden);
            Activations x(in.view.rows, hidden);
            std::vector<std::int32_t> expert(static_cast<std::size_t>(in.view.rows * rule.experts_per_tok));
            Activations weights(in.view.rows, rule.experts_per_tok);
            ops.norm_route(
                x.view,
                {{expert.data(), in.view.rows, rule.experts_per_tok, rule.experts_per_tok}, weights.view},
                in.view, norm, router.matrix, rule);
            const Table expected = normed(in.view, norm);
            COMPARE_NUMBERS("normed", x.view, expected, tolerance);
            // Which expert the rule chooses is the matter of test_routing; here: that the weight of the
            // chosen one is its score.
            Table scores;
            for (std::size_t t = 0; t < expected.size(); ++t) {
                Numbers logits = multiply(table(router.matrix), expected[t]);
                double sum = 0.0;
                for (double& logit : logits)
                    sum += logit = std::exp(logit);
                scores.emplace_back();
                for (std::int64_t k = 0; k < rule.experts_per_tok; ++k) {
                    const std::int32_t e = expert[t * static_cast<std::size_t>(rule.experts_per_tok) +
                                                  static_cast<std::size_t>(k)];
                    QVERIFY(e >= 0 && e < rule.experts);
                    scores.back().push_back(3.0 * logits[static_cast<std::size_t>(e)] / sum);
                }
            }
            COMPARE_NUMBERS("weights", weights.view, scores, tolerance);
        }
    }

    void experts_data() { add_isas(); }
    void experts()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(3);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 30; ++trial) {
            const Dtype dtype = random.any_dtype();
            const std::int64_t hidden = random.columns(dtype, 1, 80);
            const std::int64_t width = random.columns(dtype, 1, 70);
            const bool with_shared = random.integer(0, 2) != 0;
            const std::int64_t shared_width = with_shared ? width * random.integer(1, 2) : 0;
            const std::int64_t count = random.integer(1, 9);
            const std::int64_t chosen = random.integer(1, count);
            std::vector<RandomMlp> owned;
            std::vector<Mlp> routed;
            for (std::int64_t e = 0; e < count; ++e)
                owned.emplace_back(random, dtype, hidden, width);
            for (const RandomMlp& mlp : owned)
                routed.push_back(mlp.view());
            const RandomMlp shared(random, dtype, hidden, std::max<std::int64_t>(shared_width, width));
            const Experts experts{routed, with_shared ? shared.view() : Mlp{}};

            const Activations in(random, random.integer(0, 40), hidden);
            const std::int64_t rows = in.view.rows;
            std::vector<std::int32_t> expert;
            for (std::int64_t t = 0; t < rows; ++t) {
                std::vector<std::int32_t> all;
                for (std::int64_t e = 0; e < count; ++e)
                    all.push_back(static_cast<std::int32_t>(e));
                random.shuffle(all);
                expert.insert(expert.end(), all.begin(), all.begin() + chosen);
            }
            const Activations weight(random, rows, chosen);
            const Routing routing{{expert.data(), rows, chosen, chosen}, weight.view};

            Activations hidden_rows(rows, chosen * width + shared_width);
            ops.experts_gate_up(hidden_rows.view, in.view, routing, experts);
            Table expected_hidden;
            for (std::int64_t t = 0; t < rows; ++t) {
                const Numbers x = table(in.view)[static_cast<std::size_t>(t)];
                Numbers row;
                for (std::int64_t k = 0; k < chosen; ++k) {
                    const Numbers own =
                        mlp_hidden(routed[static_cast<std::size_t>(routing.expert.row(t)[k])], x);
                    row.insert(row.end(), own.begin(), own.end());
                }
                if (with_shared) {
                    const Numbers own = mlp_hidden(shared.view(), x);
                    row.insert(row.end(), own.begin(), own.end());
                }
                expected_hidden.push_back(row);
            }
            COMPARE_NUMBERS("experts_gate_up", hidden_rows.view, expected_hidden, tolerance);
            QVERIFY(hidden_rows.gaps_are_untouched());

            Activations h(random, rows, hidden);
            Table expected = table(h.view);
            for (std::int64_t t = 0; t < rows; ++t) {
                const Numbers& row = expected_hidden[static_cast<std::size_t>(t)];
                Numbers& sum = expected[static_cast<std::size_t>(t)];
                for (std::int64_t k = 0; k < chosen + (with_shared ? 1 : 0); ++k) {
                    const bool own_is_shared = k == chosen;
                    const Mlp& mlp = own_is_shared
                                         ? experts.shared
                                         : routed[static_cast<std::size_t>(routing.expert.row(t)[k])];
                    const auto begin = row.begin() + k * width;
                    const Numbers y = multiply(table(mlp.down), Numbers(begin, begin + mlp.down.columns));
                    for (std::size_t r = 0; r < y.size(); ++r)
                        sum[r] +=
                            y[r] * (own_is_shared ? 1.0 : static_cast<double>(routing.weight.row(t)[k]));
                }
            }
            ops.experts_down_add(h.view, hidden_rows.view, routing, experts);
            COMPARE_NUMBERS("experts_down_add", h.view, expected, tolerance);
            QVERIFY(h.gaps_are_untouched());
        }
    }

    void norm_head_data() { add_isas(); }
    void norm_head()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        cpu::ThreadPool pool(2);
        cpu::Ops ops(pool, isa);
        for (int trial = 0; trial < 30; ++trial) {
            const Dtype dtype = random.any_dtype();
            const std::int64_t hidden = random.columns(dtype, 1, 100);
            const Weights head(random, dtype, random.integer(1, 300), hidden);
            const Weights weight = norm_weights(random, hidden);
            const Norm norm{weight.matrix, 1e-6f};
            const Activations h(random, random.integer(1, 20), hidden);
            std::vector<std::int32_t> wanted;
            Table expected;
            const Table all = normed(h.view, norm);
            for (std::int64_t t = 0; t < h.view.rows; ++t) {
                if (random.integer(0, 1) == 0)
                    continue;
                wanted.push_back(static_cast<std::int32_t>(t));
                expected.push_back(multiply(table(head.matrix), all[static_cast<std::size_t>(t)]));
            }
            Batch batch;
            batch.output_rows = wanted;
            Activations logits(static_cast<std::int64_t>(wanted.size()), head.matrix.rows);
            ops.norm_head(logits.view, h.view, norm, head.matrix, batch);
            COMPARE_NUMBERS("norm_head", logits.view, expected, tolerance);
            QVERIFY(logits.gaps_are_untouched());
        }
    }

    void unsupported_instruction_sets_are_refused()
    {
        QVERIFY(!cpu::parse_isa("AVX2 "));
        QVERIFY(cpu::supported(cpu::best_isa()));
        for (const cpu::Isa isa : cpu::all_isas) {
            QCOMPARE(cpu::parse_isa(cpu::name(isa)), std::optional(isa));
            cpu::ThreadPool pool(1);
            if (cpu::supported(isa)) {
                QVERIFY(isa <= cpu::best_isa());
                QCOMPARE(cpu::Ops(pool, isa).isa(), isa);
            } else {
                QVERIFY_EXCEPTION_THROWN(cpu::Ops(pool, isa), std::invalid_argument);
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestOps)
#include "test_ops.moc"
