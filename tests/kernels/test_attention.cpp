// SPDX-License-Identifier: MIT
// Both forms of latent attention, on every instruction set, against the formulas of the DeepSeek-V2 paper
// (section 2.1, equations 37 to 47) in double: several sequences, shuffled cache blocks, positions above 0.
#include "tests/kernels/attention_case.h"

#include <QTest>

using namespace kernels;
using namespace kernels::test;

namespace {

Numbers rotated(Numbers x, const Rope& rope, std::int64_t position)
{
    for (std::size_t i = 0; i < rope.frequency.size(); ++i) {
        const double angle = static_cast<double>(position) * rope.frequency[i];
        const double m = static_cast<double>(rope.magnitude);
        const double a = x[2 * i];
        const double b = x[2 * i + 1];
        x[2 * i] = m * (a * std::cos(angle) - b * std::sin(angle));
        x[2 * i + 1] = m * (a * std::sin(angle) + b * std::cos(angle));
    }
    return x;
}

Numbers columns_of(const float* row, std::int64_t first, std::int64_t count)
{
    return Numbers(row + first, row + first + count);
}

Table transposed(const Table& w)
{
    Table result(w.front().size(), Numbers(w.size()));
    for (std::size_t r = 0; r < w.size(); ++r)
        for (std::size_t c = 0; c < w[r].size(); ++c)
            result[c][r] = w[r][c];
    return result;
}

// What must stand in the cache for row t: the normed latent, then the rotated key part.
Numbers expected_cache_row(const AttentionCase& test, std::int64_t t)
{
    const std::int64_t latent = test.shape.kv_lora_rank;
    Numbers row = rms_norm(table(test.norm.weight)[0], columns_of(test.kv.view.row(t), 0, latent),
                           static_cast<double>(test.norm.eps));
    const Numbers key = rotated(columns_of(test.kv.view.row(t), latent, test.shape.qk_rope_head_dim),
                                test.rope, test.positions[static_cast<std::size_t>(t)]);
    row.insert(row.end(), key.begin(), key.end());
    return row;
}

// The naive form, from the rows as they stand in the cache after the pass.
Table expected_values(const AttentionCase& test)
{
    const AttentionShape& s = test.shape;
    Table result(static_cast<std::size_t>(test.batch.rows()));
    for (std::int64_t head = 0; head < s.heads; ++head) {
        Table w_uk = table(test.kv_b.key.head(head));
        if (test.layout == KeyLayout::latent_by_nope)
            w_uk = transposed(w_uk);
        const Table w_uv = table(test.kv_b.value.head(head));
        for (std::size_t i = 0; i < test.segments.size(); ++i) {
            const Segment& segment = test.segments[i];
            Table keys;
            Table values;
            for (std::int64_t p = 0; p < segment.position + segment.count; ++p) {
                const std::vector<float> row = test.cached(i, p);
                const Numbers c = columns_of(row.data(), 0, s.kv_lora_rank);
                keys.push_back(multiply(w_uk, c));
                const Numbers k_pe = columns_of(row.data(), s.kv_lora_rank, s.qk_rope_head_dim);
                keys.back().insert(keys.back().end(), k_pe.begin(), k_pe.end());
                values.push_back(multiply(w_uv, c));
            }
            for (std::int64_t k = 0; k < segment.count; ++k) {
                const std::int64_t t = segment.first_row + k;
                const float* q_row = test.q.view.row(t) + head * test.q_width();
                Numbers q = columns_of(q_row, 0, s.qk_nope_head_dim);
                const Numbers q_pe = rotated(columns_of(q_row, s.qk_nope_head_dim, s.qk_rope_head_dim),
                                             test.rope, segment.position + k);
                q.insert(q.end(), q_pe.begin(), q_pe.end());
                Numbers mix(static_cast<std::size_t>(s.v_head_dim), 0.0);
                double sum = 0.0;
                for (std::int64_t j = 0; j <= segment.position + k; ++j) {
                    const double weight = std::exp(static_cast<double>(s.softmax_scale) *
                                                   multiply({q}, keys[static_cast<std::size_t>(j)])[0]);
                    sum += weight;
                    for (std::size_t v = 0; v < mix.size(); ++v)
                        mix[v] += weight * values[static_cast<std::size_t>(j)][v];
                }
                for (const double value : mix)
                    result[static_cast<std::size_t>(t)].push_back(value / sum);
            }
        }
    }
    return result;
}

std::vector<Sequence> random_sequences(Random& random)
{
    std::vector<Sequence> sequences;
    for (std::int64_t i = random.integer(1, 3); i > 0; --i)
        sequences.push_back({random.one_of<std::int64_t>({0, 1, 63, 64, 65, 127, 128, 150, 200}),
                             random.one_of<std::int64_t>({1, 1, 2, 5, 63, 64, 65, 70, 130})});
    return sequences;
}

} // namespace

class TestAttention : public QObject
{
    Q_OBJECT

private:
    static void check(AttentionCase& test, cpu::Isa isa, int threads)
    {
        cpu::ThreadPool pool(threads);
        cpu::Ops ops(pool, isa);
        const bool exact = test.cache.dtype == Dtype::f32;
        Table expected_cache;
        for (std::int64_t t = 0; t < test.batch.rows(); ++t)
            expected_cache.push_back(expected_cache_row(test, t));

        const std::vector<std::byte> before = test.pool;
        const Activations absorbed = test.absorbed(ops);
        Activations stored(test.batch.rows(), test.latent_width());
        for (std::size_t i = 0; i < test.segments.size(); ++i) {
            const Segment& segment = test.segments[i];
            for (std::int64_t k = 0; k < segment.count; ++k) {
                const std::vector<float> row = test.cached(i, segment.position + k);
                std::copy(row.begin(), row.end(), stored.view.row(segment.first_row + k));
            }
        }
        COMPARE_NUMBERS("cache", stored.view, expected_cache, exact ? 1e-6 : 4e-3);
        const Table expected = expected_values(test);
        COMPARE_NUMBERS("absorbed", absorbed.view, expected, 2e-5);
        QVERIFY(absorbed.gaps_are_untouched());

        const std::vector<std::byte> after = test.pool;
        test.pool.assign(before.begin(), before.end());
        const Activations decompressed = test.decompressed(ops);
        QVERIFY(test.pool == after); // both forms store the same rows and nothing else
        COMPARE_NUMBERS("decompressed", decompressed.view, expected, 2e-5);
        COMPARE_NUMBERS("one form and the other", decompressed.view, absorbed.view, 2e-5);
        QVERIFY(decompressed.gaps_are_untouched());
    }

private slots:
    void random_shapes_data()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : supported_isas())
            QTest::newRow(cpu::name(isa).data()) << isa;
    }

    void random_shapes()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        for (int trial = 0; trial < 14; ++trial) {
            const Dtype dtype = random.any_dtype();
            const auto layout =
                random.one_of<KeyLayout>({KeyLayout::nope_by_latent, KeyLayout::latent_by_nope});
            const AttentionShape shape{.heads = random.integer(1, 6),
                                       .qk_nope_head_dim = random.columns(dtype, 1, 40),
                                       .qk_rope_head_dim = 2 * random.integer(1, 9),
                                       .v_head_dim = random.integer(1, 20),
                                       .kv_lora_rank = random.columns(dtype, 1, 70)};
            AttentionCase test(random, shape, dtype, layout, random.one_of<Dtype>({Dtype::f32, Dtype::bf16}),
                               random_sequences(random));
            check(test, isa, static_cast<int>(random.integer(1, 3)));
            if (QTest::currentTestFailed())
                return;
        }
    }

    // More keys than one part of the context, so that parts are merged; more heads than are taken at once.
    void long_context()
    {
        Random random;
        for (const cpu::Isa isa : supported_isas()) {
            const AttentionShape shape{.heads = 18,
                                       .qk_nope_head_dim = 8,
                                       .qk_rope_head_dim = 4,
                                       .v_head_dim = 4,
                                       .kv_lora_rank = 16};
            AttentionCase test(random, shape, Dtype::f32, KeyLayout::nope_by_latent, Dtype::bf16,
                               {{2300, 1}, {1022, 3}, {0, 2}});
            check(test, isa, 2);
            if (QTest::currentTestFailed())
                return;
        }
    }

    // Scores far from 0 must neither overflow nor vanish.
    void large_scores()
    {
        Random random;
        for (const cpu::Isa isa : supported_isas()) {
            const AttentionShape shape{.heads = 2,
                                       .qk_nope_head_dim = 16,
                                       .qk_rope_head_dim = 4,
                                       .v_head_dim = 8,
                                       .kv_lora_rank = 24};
            AttentionCase test(random, shape, Dtype::f32, KeyLayout::nope_by_latent, Dtype::f32, {{100, 40}});
            for (std::int64_t t = 0; t < test.q.view.rows; ++t)
                for (std::int64_t c = 0; c < test.q.view.columns; ++c)
                    test.q.view.row(t)[c] = t == 0 ? 0.0f : test.q.view.row(t)[c] * 60.0f;
            cpu::ThreadPool pool(2);
            cpu::Ops ops(pool, isa);
            const Activations absorbed = test.absorbed(ops);
            const Activations decompressed = test.decompressed(ops);
            for (std::int64_t t = 0; t < absorbed.view.rows; ++t)
                for (std::int64_t c = 0; c < absorbed.view.columns; ++c)
                    QVERIFY(std::isfinite(absorbed.view.row(t)[c]));
            // Where one key takes all the weight, an error of the score is an error of a factor.
            COMPARE_NUMBERS("one form and the other", decompressed.view, absorbed.view, 2e-3);
        }
    }
};

QTEST_APPLESS_MAIN(TestAttention)
#include "test_attention.moc"
