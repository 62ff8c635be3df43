// SPDX-License-Identifier: MIT
// A row gives the same bits alone, in a small batch and in a large one, on one thread and on several: the
// answer to one conversation does not depend on what else runs.
#include "tests/kernels/attention_case.h"

#include "kernels/cpu/ops.h"

#include <QTest>

#include <functional>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr std::int64_t all_rows = 26; // more than meet a weight in its stored form

// Runs `op` on rows first … first + count, writing rows of `out`.
using RowRange = std::function<void(cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t count)>;

} // namespace

class TestBatchInvariance : public QObject
{
    Q_OBJECT

private:
    // `start` holds what the output contains before the operation.
    static void check(cpu::Isa isa, const Activations& start, const RowRange& op)
    {
        cpu::ThreadPool one_thread(1);
        cpu::ThreadPool three_threads(3);
        cpu::Ops single(one_thread, isa);
        cpu::Ops several(three_threads, isa);
        Activations together(start);
        op(single, together.view, 0, all_rows);
        Activations on_threads(start);
        op(several, on_threads.view, 0, all_rows);
        QVERIFY(identical(on_threads.view, together.view));
        for (const std::int64_t size : {1, 2, 3, 4, 5, 6, 9}) {
            Activations apart(start);
            for (std::int64_t first = 0; first < all_rows; first += size)
                op(several, apart.view.slice_rows(first, std::min(size, all_rows - first)), first,
                   std::min(size, all_rows - first));
            QVERIFY2(identical(apart.view, together.view),
                     qPrintable(QStringLiteral("batches of %1").arg(size)));
        }
    }

private slots:
    void rows_data()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : supported_isas())
            QTest::newRow(cpu::name(isa).data()) << isa;
    }

    void rows()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        for (const DtypeInfo& type : dtype_infos) {
            const Dtype dtype = type.dtype;
            const std::int64_t columns = random.columns(dtype, 1030, 1300); // more than one chunk
            const std::int64_t width = type.values > 32 ? 9 : 37;
            const Weights w(random, dtype, width, columns);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-6f};
            const Activations in(random, all_rows, columns);
            check(isa, Activations(all_rows, width),
                  [&](cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t count) {
                      ops.norm_matmul(out, in.view.slice_rows(first, count), norm, w.matrix);
                  });
            check(isa, Activations(random, all_rows, width),
                  [&](cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t count) {
                      ops.matmul_add(out, in.view.slice_rows(first, count), w.matrix);
                  });
            if (QTest::currentTestFailed())
                return;
        }
    }

    void experts_data() { rows_data(); }
    void experts()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        for (const Dtype dtype : {Dtype::bf16, Dtype::f8_e4m3, Dtype::q5_1, Dtype::q8_0, Dtype::q4_k}) {
            const std::int64_t hidden = random.columns(dtype, 96, 96);
            const std::int64_t width = random.columns(dtype, 32, 70);
            const std::int64_t count = 7;
            const std::int64_t chosen = 3;
            std::vector<Weights> owned;
            std::vector<Mlp> mlps;
            for (std::int64_t e = 0; e <= count; ++e) {
                owned.emplace_back(random, dtype, width, hidden);
                owned.emplace_back(random, dtype, width, hidden);
                owned.emplace_back(random, dtype, hidden, width);
            }
            for (std::size_t i = 0; i < owned.size(); i += 3)
                mlps.push_back({owned[i].matrix, owned[i + 1].matrix, owned[i + 2].matrix});
            const Experts experts{std::span(mlps).first(static_cast<std::size_t>(count)), mlps.back()};
            const Weights router(random, Dtype::f32, count, hidden);
            const Weights weight = norm_weights(random, hidden);
            const Norm norm{weight.matrix, 1e-6f};
            const RoutingRule rule{.experts = count, .experts_per_tok = chosen};
            const Activations in(random, all_rows, hidden);
            std::vector<std::int32_t> expert(static_cast<std::size_t>(all_rows * chosen));
            Activations weights(all_rows, chosen);
            const Routing routing{{expert.data(), all_rows, chosen, chosen}, weights.view};
            const auto slice = [&](std::int64_t first, std::int64_t rows) {
                return Routing{routing.expert.slice_rows(first, rows),
                               routing.weight.slice_rows(first, rows)};
            };
            check(isa, Activations(all_rows, hidden),
                  [&](cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t rows) {
                      ops.norm_route(out, slice(first, rows), in.view.slice_rows(first, rows), norm,
                                     router.matrix, rule);
                  });
            Activations hidden_rows(all_rows, (chosen + 1) * width);
            check(isa, hidden_rows,
                  [&](cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t rows) {
                      ops.experts_gate_up(out, in.view.slice_rows(first, rows), slice(first, rows), experts);
                  });
            const Activations full(random, all_rows, (chosen + 1) * width);
            check(isa, Activations(random, all_rows, hidden),
                  [&](cpu::Ops& ops, View<float> out, std::int64_t first, std::int64_t rows) {
                      ops.experts_down_add(out, full.view.slice_rows(first, rows), slice(first, rows),
                                           experts);
                  });
            if (QTest::currentTestFailed())
                return;
        }
    }

    // One sequence token by token, in chunks, and beside others.
    void attention_data() { rows_data(); }
    void attention()
    {
        QFETCH(cpu::Isa, isa);
        Random random;
        for (const Dtype cache_dtype : {Dtype::f32, Dtype::bf16}) {
            const AttentionShape shape{.heads = 3,
                                       .qk_nope_head_dim = 32,
                                       .qk_rope_head_dim = 6,
                                       .v_head_dim = 12,
                                       .kv_lora_rank = 32};
            AttentionCase test(random, shape, Dtype::q8_0, KeyLayout::nope_by_latent, cache_dtype,
                               {{1000, 30}, {10, 3}, {0, 1}});
            cpu::ThreadPool one_thread(1);
            cpu::ThreadPool three_threads(3);
            cpu::Ops single(one_thread, isa);
            cpu::Ops several(three_threads, isa);
            const std::vector<std::byte> before = test.pool;
            const Batch all = test.batch;
            const Activations q = test.q;
            const Activations kv = test.kv;
            for (const AttentionForm form : {AttentionForm::absorbed, AttentionForm::decompressed}) {
                const auto attend = [&](cpu::Ops& ops) {
                    return form == AttentionForm::absorbed ? test.absorbed(ops) : test.decompressed(ops);
                };
                std::copy(before.begin(), before.end(), test.pool.begin());
                const Activations together = attend(single);
                std::copy(before.begin(), before.end(), test.pool.begin());
                QVERIFY(identical(attend(several).view, together.view));
                // The first sequence alone, in chunks.
                for (const std::int64_t size : {1, 7, 17}) {
                    std::copy(before.begin(), before.end(), test.pool.begin());
                    for (std::int64_t first = 0; first < 30; first += size) {
                        const std::int64_t count = std::min(size, 30 - first);
                        const Segment segment{0, count, 1000 + first, test.blocks[0]};
                        test.batch.tokens = all.tokens.subspan(0, static_cast<std::size_t>(count));
                        test.batch.positions = all.positions.subspan(static_cast<std::size_t>(first),
                                                                     static_cast<std::size_t>(count));
                        test.batch.segments = {&segment, 1};
                        test.q.view = q.view.slice_rows(first, count);
                        test.kv.view = kv.view.slice_rows(first, count);
                        const Activations part = attend(several);
                        QVERIFY2(
                            identical(part.view, together.view.slice_rows(first, count)),
                            qPrintable(QStringLiteral("chunks of %1, form %2").arg(size).arg(int(form))));
                    }
                }
                test.batch = all;
                test.q.view = q.view;
                test.kv.view = kv.view;
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestBatchInvariance)
#include "test_batch_invariance.moc"
