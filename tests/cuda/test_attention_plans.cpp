// SPDX-License-Identifier: MIT
// Grids, shared memory and workspace of attention for the published models on every kind of GPU.
#include "kernels/cuda/attention_plan.h"

#include <QTest>

#include <memory>
#include <vector>

using namespace kernels;
using namespace kernels::cuda;

namespace {

constexpr std::int64_t kibibyte = 1024;

struct Gpu
{
    DeviceLimits limits;
    const char* name = "";
};
const std::vector<Gpu> gpus{{{80, 108, 163 * kibibyte}, "A100"},   {{86, 82, 99 * kibibyte}, "RTX 3090"},
                            {{86, 28, 99 * kibibyte}, "RTX 3060"}, {{89, 128, 99 * kibibyte}, "RTX 4090"},
                            {{90, 132, 227 * kibibyte}, "H100"},   {{120, 170, 99 * kibibyte}, "RTX 5090"}};

AttentionShape published_shape(std::int64_t heads)
{
    return {.heads = heads,
            .qk_nope_head_dim = 128,
            .qk_rope_head_dim = 64,
            .v_head_dim = 128,
            .kv_lora_rank = 512};
}
const std::vector<std::int64_t> published_heads{16, 128}; // V2-Lite, V2

// kv_b_proj as it lies in one matrix, or the two matrices of GGUF's MLA form.
KeyValueUp matrices(std::int64_t heads, Dtype dtype, KeyLayout layout)
{
    // Room that nothing reads or writes.
    static const auto memory = std::make_unique_for_overwrite<std::byte[]>(128 * 256 * 512 * 4);
    const std::byte* weights = memory.get();
    const std::int64_t key_rows = layout == KeyLayout::nope_by_latent ? 128 : 512;
    const std::int64_t key_columns = 640 - key_rows;
    const std::int64_t key_bytes = key_rows * row_bytes(dtype, key_columns);
    const std::int64_t value_bytes = 128 * row_bytes(dtype, 512);
    KeyValueUp kv_b{{weights, dtype, heads, key_rows, key_columns, key_bytes},
                    layout,
                    {weights + heads * key_bytes, dtype, heads, 128, 512, value_bytes}};
    if (layout == KeyLayout::nope_by_latent) {
        kv_b.key.head_bytes = key_bytes + value_bytes;
        kv_b.value.data = weights + key_bytes;
        kv_b.value.head_bytes = key_bytes + value_bytes;
    }
    return kv_b;
}

bool is_launchable(const LaunchPlan& plan, const DeviceLimits& limits)
{
    return plan.grid[0] >= 1 && plan.grid[0] <= 0x7fffffffu && plan.grid[1] >= 1 && plan.grid[1] <= 65535 &&
           plan.grid[2] >= 1 && plan.grid[2] <= 65535 && plan.threads >= 32 && plan.threads <= 1024 &&
           plan.threads % 32 == 0 && plan.shared_bytes >= 0 && plan.shared_bytes <= limits.shared_bytes;
}

} // namespace

class TestAttentionPlans : public QObject
{
    Q_OBJECT

private slots:
    void everyGpu_data()
    {
        QTest::addColumn<int>("gpu");
        for (std::size_t i = 0; i < gpus.size(); ++i)
            QTest::newRow(gpus[i].name) << static_cast<int>(i);
    }

    void everyGpu()
    {
        QFETCH(int, gpu);
        const DeviceLimits limits = gpus[static_cast<std::size_t>(gpu)].limits;
        for (const std::int64_t heads : published_heads) {
            const AttentionShape shape = published_shape(heads);
            for (const std::int64_t rows : {1, 8, 170}) {
                for (const Dtype cache : {Dtype::bf16, Dtype::f32}) {
                    std::int64_t workspace_bytes = 0;
                    for (const std::int64_t longest : {1, 64, 65, 1000, 4096, 32768, 163840}) {
                        const AttendPlan plan = plan_attend(shape, cache, rows, longest, limits);
                        QVERIFY(is_launchable(plan.launch, limits));
                        QCOMPARE(plan.uses_tensor_cores, cache == Dtype::bf16);
                        QCOMPARE(plan.splits > 1, plan.merge.grid[0] > 0);
                        QCOMPARE(plan.splits > 1, plan.workspace_bytes > 0);
                        QVERIFY(plan.splits == 1 || is_launchable(plan.merge, limits));
                        QVERIFY(plan.workspace_bytes <= 64 * kibibyte * kibibyte);
                        QVERIFY(plan.workspace_bytes >=
                                plan.rows_at_once * (plan.splits > 1 ? plan.splits * heads * 514 * 4 : 0));
                        // What serves a long context serves shorter ones.
                        QVERIFY(plan.workspace_bytes >= workspace_bytes);
                        workspace_bytes = plan.workspace_bytes;
                        QVERIFY(plan.rows_at_once >= 1 && plan.rows_at_once <= rows);
                    }
                }
                for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0}) {
                    for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}) {
                        const KeyValueUp kv_b = matrices(heads, dtype, layout);
                        const HeadForm form =
                            layout == KeyLayout::nope_by_latent ? HeadForm::mix : HeadForm::dot;
                        QVERIFY(is_launchable(plan_head_product(form, kv_b.key, rows).launch, limits));
                        QVERIFY(
                            is_launchable(plan_head_product(HeadForm::dot, kv_b.value, rows).launch, limits));
                    }
                }
            }
            QVERIFY(is_launchable(plan_expanded(shape, true, 16, 4096), limits));
            QVERIFY(is_launchable(plan_expanded(shape, false, 16, 4096), limits));
        }
    }

    // No context up to the longest is cut into more parts than the plan has room for, each part but the last
    // is whole tiles, and together they cover the context.
    void partsFitThePlan()
    {
        for (const Gpu& gpu : gpus) {
            for (const std::int64_t heads : published_heads) {
                for (const std::int64_t longest : {63, 64, 65, 500, 8448, 8449, 20000}) {
                    const AttendPlan plan =
                        plan_attend(published_shape(heads), Dtype::bf16, 1, longest, gpu.limits);
                    for (std::int64_t context = 1; context <= longest; ++context) {
                        const std::int64_t tokens = attend_split_tokens(context, plan.most_parts);
                        QCOMPARE(tokens % attend_tile, 0);
                        QVERIFY(divide_up(context, tokens) <= plan.splits);
                    }
                }
            }
        }
    }

    // One row alone keeps every multiprocessor busy from a moderate context on.
    void oneRowFillsTheGpu()
    {
        for (const Gpu& gpu : gpus) {
            for (const std::int64_t heads : published_heads) {
                const AttendPlan plan =
                    plan_attend(published_shape(heads), Dtype::bf16, 1, 65536, gpu.limits);
                const std::int64_t parts = divide_up<std::int64_t>(65536, plan.split_tokens);
                QVERIFY(parts * plan.launch.grid[1] * 10 >= gpu.limits.multiprocessors * 8);
            }
        }
    }

    // The parts of a row do not depend on how many rows there are, nor on the longest.
    void partsAreTheRowsOwn()
    {
        for (const Gpu& gpu : gpus) {
            const AttentionShape shape = published_shape(16);
            const std::int64_t alone = plan_attend(shape, Dtype::bf16, 1, 700, gpu.limits).most_parts;
            QCOMPARE(plan_attend(shape, Dtype::bf16, 170, 90000, gpu.limits).most_parts, alone);
        }
    }

    void expansionIsBounded()
    {
        const DeviceLimits limits = gpus.front().limits;
        for (const std::int64_t heads : published_heads) {
            for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0}) {
                for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}) {
                    const KeyValueUp kv_b = matrices(heads, dtype, layout);
                    const AttentionShape shape = published_shape(heads);
                    const DecompressPlan plan =
                        plan_decompress(shape, Dtype::bf16, kv_b, 4096, 163840, limits);
                    QCOMPARE(plan.uses_tensor_cores, dtype != Dtype::f32);
                    QCOMPARE(plan.tokens % cache_block_tokens, 0);
                    QVERIFY(plan.tokens >= cache_block_tokens);
                    QVERIFY(plan.heads >= 1 && plan.heads <= heads);
                    QVERIFY(plan.workspace_bytes <= 96 * kibibyte * kibibyte);
                    // A short context needs less.
                    QVERIFY(plan_decompress(shape, Dtype::bf16, kv_b, 128, 128, limits).workspace_bytes <
                            plan.workspace_bytes);

                    const DecompressLayout layout_of = decompress_layout(plan, shape, kv_b, 4096);
                    const std::int64_t number = factor_bytes(layout_of.factor);
                    QCOMPARE(layout_of.bytes, plan.workspace_bytes);
                    QVERIFY(layout_of.keys - layout_of.latents >= plan.tokens * 576 * number);
                    QVERIFY(layout_of.values - layout_of.keys >= plan.heads * plan.tokens * 128 * number);
                    QVERIFY(layout_of.softmax - layout_of.values >= plan.heads * plan.tokens * 128 * number);
                    QVERIFY(layout_of.key_weights - layout_of.softmax >= 4096 * plan.heads * 8);
                    const bool is_converted = dtype == Dtype::f16 || dtype == Dtype::q8_0;
                    QCOMPARE(layout_of.bytes - layout_of.key_weights,
                             is_converted ? plan.heads * 256 * 512 * number : 0);
                }
            }
        }
    }

    void matricesAreRecognised()
    {
        const KeyValueUp one = matrices(16, Dtype::q8_0, KeyLayout::nope_by_latent);
        QVERIFY(is_one_matrix(one));
        QCOMPARE(rows_between_heads(one.key), 256);
        const KeyValueUp two = matrices(16, Dtype::q8_0, KeyLayout::latent_by_nope);
        QVERIFY(!is_one_matrix(two));
        QCOMPARE(rows_between_heads(two.key), 512);
        KeyValueUp padded = one;
        padded.key.head_bytes += 16;
        QVERIFY(!is_one_matrix(padded));
        QCOMPARE(rows_between_heads(padded.key), 0);
    }

    void refusesWhatDoesNotFit()
    {
        const DeviceLimits limits = gpus[1].limits;
        const AttentionShape shape{
            .heads = 1, .qk_nope_head_dim = 8, .qk_rope_head_dim = 8, .v_head_dim = 8, .kv_lora_rank = 20000};
        const AttendPlan plan = plan_attend(shape, Dtype::f32, 1, 100, limits);
        QVERIFY_THROWS_EXCEPTION(Failure, require_shared(plan.launch, limits));
        require_shared(plan_attend(published_shape(16), Dtype::bf16, 1, 100, limits).launch, limits);
    }
};

QTEST_APPLESS_MAIN(TestAttentionPlans)
#include "test_attention_plans.moc"
