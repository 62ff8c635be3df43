// SPDX-License-Identifier: MIT
// After the first pass of its size, a pass of the vector forms allocates nothing.
#include "tests/kernels/attention_case.h"

#include "kernels/cpu/ops.h"

#include <QTest>

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::int64_t> allocations{0};

void* counted(void* memory)
{
    if (memory == nullptr)
        throw std::bad_alloc();
    ++allocations;
    return memory;
}

} // namespace

[[gnu::noinline]] void* operator new(std::size_t size)
{
    return counted(std::malloc(size == 0 ? 1 : size));
}

[[gnu::noinline]] void* operator new(std::size_t size, std::align_val_t alignment)
{
    const auto a = static_cast<std::size_t>(alignment);
    return counted(std::aligned_alloc(a, (size + a - 1) / a * a));
}

[[gnu::noinline]] void operator delete(void* memory) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::align_val_t) noexcept
{
    std::free(memory);
}

[[gnu::noinline]] void operator delete(void* memory, std::size_t, std::align_val_t) noexcept
{
    std::free(memory);
}

using namespace kernels;
using namespace kernels::test;

class TestAllocations : public QObject
{
    Q_OBJECT

private slots:
    void steady_state()
    {
        if (!cpu::supported(cpu::Isa::avx2))
            return;
        Random random;
        const std::int64_t hidden = 96;
        const std::int64_t width = 64;
        const std::int64_t experts_count = 6;
        const std::int64_t chosen = 2;
        AttentionCase test(
            random,
            {.heads = 4, .qk_nope_head_dim = 32, .qk_rope_head_dim = 8, .v_head_dim = 16, .kv_lora_rank = 64},
            Dtype::q8_0, KeyLayout::nope_by_latent, Dtype::bf16, {{100, 20}, {70, 1}});
        const std::int64_t rows = test.batch.rows();
        const Weights table(random, Dtype::bf16, 10, hidden);
        const Weights weight = norm_weights(random, hidden);
        const Norm norm{weight.matrix, 1e-6f};
        const Weights router(random, Dtype::f32, experts_count, hidden);
        std::vector<Weights> owned;
        std::vector<Mlp> mlps;
        for (std::int64_t e = 0; e <= experts_count; ++e) {
            owned.emplace_back(random, Dtype::q8_0, width, hidden);
            owned.emplace_back(random, Dtype::q8_0, width, hidden);
            owned.emplace_back(random, Dtype::q8_0, hidden, width);
        }
        for (std::size_t i = 0; i < owned.size(); i += 3)
            mlps.push_back({owned[i].matrix, owned[i + 1].matrix, owned[i + 2].matrix});
        const Experts experts{std::span(mlps).first(static_cast<std::size_t>(experts_count)), mlps.back()};
        const RoutingRule rule{.experts = experts_count, .experts_per_tok = chosen};

        Activations h(rows, hidden);
        Activations x(rows, hidden);
        Activations dense(rows, width);
        Activations hidden_rows(rows, (chosen + 1) * width);
        Activations q_latent(rows, test.shape.heads * test.latent_width());
        Activations mixed(rows, test.shape.heads * test.shape.kv_lora_rank);
        Activations values(rows, test.shape.heads * test.shape.v_head_dim);
        Activations rotated(test.q);
        Activations logits(rows, 10);
        std::vector<std::int32_t> expert(static_cast<std::size_t>(rows * chosen));
        Activations weights(rows, chosen);
        const Routing routing{{expert.data(), rows, chosen, chosen}, weights.view};
        const std::vector<std::int32_t> wanted{0, static_cast<std::int32_t>(rows - 1)};
        test.batch.output_rows = wanted;

        cpu::ThreadPool pool(1); // with more, which thread first meets its largest task is chance
        cpu::Ops ops(pool, cpu::Isa::avx2);
        const auto pass = [&] {
            ops.embed(h.view, table.matrix, test.batch);
            ops.norm_matmul(logits.view, h.view, norm, table.matrix);
            ops.mla_prepare_absorbed(q_latent.view, test.q.view, test.kv.view, test.norm, test.kv_b,
                                     test.shape, test.rope, test.batch, test.cache);
            ops.mla_attend(mixed.view, q_latent.view, test.shape, test.batch, test.cache);
            ops.mla_value(values.view, mixed.view, test.kv_b, test.shape);
            ops.mla_prepare_decompressed(rotated.view, test.kv.view, test.norm, test.shape, test.rope,
                                         test.batch, test.cache);
            ops.mla_attend_decompressed(values.view, rotated.view, test.kv_b, test.shape, test.batch,
                                        test.cache);
            ops.matmul_add(logits.view, h.view, table.matrix);
            ops.norm_gate_up(dense.view, h.view, norm, experts.shared);
            ops.norm_route(x.view, routing, h.view, norm, router.matrix, rule);
            ops.experts_gate_up(hidden_rows.view, x.view, routing, experts);
            ops.experts_down_add(h.view, hidden_rows.view, routing, experts);
            ops.norm_head(logits.view.first_rows(2), h.view, norm, table.matrix, test.batch);
        };
        pass();
        QVERIFY(ops.scratch_bytes() > 0);
        const std::int64_t before = allocations;
        pass();
        QCOMPARE(allocations - before, std::int64_t{0});
    }
};

QTEST_APPLESS_MAIN(TestAllocations)
#include "test_allocations.moc"
