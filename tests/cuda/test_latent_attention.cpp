// SPDX-License-Identifier: MIT
// Latent attention on the emulated GPU, in both forms and every step of them, against the definitions of
// kernels/cpu/scalar.h: random and misaligned shapes, the published models' head sizes, several sequences in
// shuffled cache blocks, and the three orders of threads.
#include "kernels/cuda/attention.h"
#include "kernels/cuda/attention_plan.h"
#include "tests/cuda/device_case.h"
#include "tests/kernels/attention_case.h"

#include <QTest>

#include <cmath>
#include <memory>
#include <optional>

using namespace kernels;
using namespace kernels::test;

namespace {

// Sums in fp32 against sums in double.
constexpr double fp32_tolerance = 1e-5;
// A stored bf16 number, of which the two sides may find different neighbours.
constexpr double stored_tolerance = 4e-3;
// Tensor-core paths round queries and weights (and keys and values where they are expanded) to bf16, eight
// bits: each score of size s errs by about s / 256 at random, and each weight by 1 / 512.
constexpr double bf16_tolerance = 1.5e-2;
// The same where queries are rounded before: what is left is the weights.
constexpr double weight_tolerance = 3e-3;

// Where the matrices of the heads lie on the device.
enum class HeadOrder
{
    apart,       // all keys, then all values
    interleaved, // each head's values behind its keys, as kv_b_proj
    padded,      // at a distance that is no multiple of a row
};

EmulatedDevice device_of(int multiprocessors)
{
    EmulatedDevice device;
    device.multiprocessors = multiprocessors;
    return device;
}

struct Machine
{
    cuda::Device device{0};
    std::unique_ptr<cuda::Blas> blas = cuda::make_blas(device);
};

std::vector<std::int32_t> all_blocks(const AttentionCase& test)
{
    std::vector<std::int32_t> result;
    for (const auto& blocks : test.blocks)
        result.insert(result.end(), blocks.begin(), blocks.end());
    return result;
}

std::vector<std::int32_t> first_blocks(const AttentionCase& test)
{
    std::vector<std::int32_t> result;
    std::int32_t first = 0;
    for (std::size_t i = 0; i < test.segments.size(); ++i) {
        result.insert(result.end(), static_cast<std::size_t>(test.segments[i].count), first);
        first += static_cast<std::int32_t>(test.blocks[i].size());
    }
    return result;
}

std::vector<float> rotations(const AttentionCase& test)
{
    std::vector<float> result;
    for (const std::int32_t position : test.positions) {
        for (const double frequency : test.frequency) {
            const double angle = position * frequency;
            result.push_back(static_cast<float>(std::cos(angle) * static_cast<double>(test.rope.magnitude)));
            result.push_back(static_cast<float>(std::sin(angle) * static_cast<double>(test.rope.magnitude)));
        }
    }
    return result;
}

// The same case in device memory.
class DeviceAttention
{
public:
    DeviceAttention(const Machine& machine, const AttentionCase& test, Placement placement, HeadOrder order)
        : m_device(machine.device)
        , m_test(test)
        , m_placement(placement)
        , m_positions(m_device, test.positions)
        , m_first_blocks(m_device, first_blocks(test))
        , m_blocks(m_device, all_blocks(test))
        , m_rotation(m_device, rotations(test))
        , m_pool(m_device, test.pool)
        , m_norm(m_device, test.norm)
        , m_q(m_device, test.q.view, placement)
        , m_kv(m_device, test.kv.view, placement)
    {
        place_heads(order);
        take_rows(0, test.batch.rows());
        cache = test.cache;
        cache.data = m_pool.data();
    }

    // The next steps work on these rows alone.
    void take_rows(std::int64_t first, std::int64_t count)
    {
        batch.rows = count;
        batch.position = m_positions.data() + first;
        batch.first_block = m_first_blocks.data() + first;
        batch.blocks = m_blocks.data();
        batch.rotation = m_rotation.data() + first * m_test.shape.qk_rope_head_dim;
        batch.longest = 0;
        m_segments.clear();
        for (const Segment& segment : m_test.segments) {
            const std::int64_t begin = std::max(first, segment.first_row);
            const std::int64_t end = std::min(first + count, segment.first_row + segment.count);
            if (begin >= end)
                continue;
            const std::int64_t position = segment.position + begin - segment.first_row;
            m_segments.push_back({begin - first, end - begin, position, segment.blocks});
            batch.longest = std::max(batch.longest, position + end - begin);
        }
        batch.segments = m_segments;
        m_first = first;
    }

    Activations prepare_absorbed()
    {
        DeviceRows q_latent(m_device, batch.rows, m_test.shape.heads * m_test.latent_width(), m_placement);
        cuda::mla_prepare_absorbed(m_device, q_latent.view, m_q.view.slice_rows(m_first, batch.rows),
                                   m_kv.view.slice_rows(m_first, batch.rows), m_norm.norm(), kv_b,
                                   m_test.shape, batch, cache);
        return rows(q_latent);
    }
    Activations prepare_decompressed()
    {
        cuda::mla_prepare_decompressed(m_device, m_q.view, m_kv.view, m_norm.norm(), m_test.shape, batch,
                                       cache);
        return rows(m_q);
    }
    Activations attend(View<const float> q_latent)
    {
        DeviceRows q(m_device, q_latent, m_placement);
        DeviceRows mixed(m_device, batch.rows, m_test.shape.heads * m_test.shape.kv_lora_rank, m_placement);
        const cuda::AttendPlan plan =
            cuda::plan_attend(m_test.shape, cache.dtype, batch.rows, batch.longest, m_device.limits());
        const cuda::DeviceBuffer workspace(m_device, plan.workspace_bytes);
        cuda::mla_attend(m_device, mixed.view, q.view, m_test.shape, batch, cache, workspace.data());
        return rows(mixed);
    }
    Activations value(View<const float> mixed)
    {
        DeviceRows mix(m_device, mixed, m_placement);
        DeviceRows values(m_device, batch.rows, m_test.shape.heads * m_test.shape.v_head_dim, m_placement);
        cuda::mla_value(m_device, values.view, mix.view, kv_b, m_test.shape);
        return rows(values);
    }
    // `tokens` and `heads` at a time instead of what the plan has chosen.
    Activations attend_decompressed(cuda::Blas& blas, View<const float> rotated,
                                    std::optional<std::int64_t> tokens = {},
                                    std::optional<std::int64_t> heads = {})
    {
        cuda::DecompressPlan plan = cuda::plan_decompress(m_test.shape, cache.dtype, kv_b, batch.rows,
                                                          batch.longest, m_device.limits());
        plan.tokens = tokens.value_or(plan.tokens);
        plan.heads = heads.value_or(plan.heads);
        plan.workspace_bytes = cuda::decompress_layout(plan, m_test.shape, kv_b, batch.rows).bytes;
        uses_tensor_cores = plan.uses_tensor_cores;
        const cuda::DeviceBuffer workspace(m_device, plan.workspace_bytes);
        DeviceRows q(m_device, rotated, m_placement);
        DeviceRows values(m_device, batch.rows, m_test.shape.heads * m_test.shape.v_head_dim, m_placement);
        cuda::mla_attend_decompressed(m_device, blas, values.view, q.view, kv_b, m_test.shape, batch, cache,
                                      workspace.data(), plan);
        return rows(values);
    }

    void set_pool(const std::vector<std::byte>& bytes)
    {
        cuda::copy_to_device(m_device, m_pool.data(), bytes.data(), static_cast<std::int64_t>(bytes.size()));
        m_device.synchronise();
    }
    std::vector<std::byte> pool() const
    {
        std::vector<std::byte> bytes(m_test.pool.size());
        cuda::copy_to_host(m_device, bytes.data(), m_pool.data(), static_cast<std::int64_t>(bytes.size()));
        m_device.synchronise();
        return bytes;
    }

    cuda::DeviceBatch batch;
    LayerCache cache;
    KeyValueUp kv_b;
    bool uses_tensor_cores = false; // in the last call of attend_decompressed

private:
    static Activations rows(DeviceRows& x)
    {
        const View<const float> from = x.download();
        Activations to(from.rows, from.columns);
        for (std::int64_t t = 0; t < from.rows; ++t)
            std::copy_n(from.row(t), from.columns, to.view.row(t));
        return to;
    }

    void place_heads(HeadOrder order)
    {
        const HeadMatrix& key = m_test.kv_b.key;
        const HeadMatrix& value = m_test.kv_b.value;
        const std::int64_t key_bytes = key.head(0).bytes();
        const std::int64_t value_bytes = value.head(0).bytes();
        const std::int64_t padding = order == HeadOrder::padded ? 48 : 0;
        const bool is_apart = order != HeadOrder::interleaved;
        const std::int64_t key_distance = is_apart ? key_bytes + padding : key_bytes + value_bytes;
        const std::int64_t value_distance = is_apart ? value_bytes + padding : key_distance;
        const std::int64_t first_value = is_apart ? (key.heads * key_distance + 255) / 256 * 256 : key_bytes;
        std::vector<std::byte> bytes(
            static_cast<std::size_t>(key.heads * (key_distance + value_distance) + 256));
        const auto place = [&](const HeadMatrix& from, std::int64_t first, std::int64_t distance) {
            for (std::int64_t h = 0; h < from.heads; ++h)
                for (std::int64_t r = 0; r < from.rows; ++r)
                    cuda::to_device_row(from.dtype, from.head(h).row(r),
                                        bytes.data() + first + h * distance + r * from.head(0).row_bytes(),
                                        from.columns);
        };
        place(key, 0, key_distance);
        place(value, first_value, value_distance);
        m_heads = cuda::DeviceBuffer(m_device, static_cast<std::int64_t>(bytes.size()));
        cuda::copy_to_device(m_device, m_heads.data(), bytes.data(), m_heads.bytes());
        m_device.synchronise();
        kv_b = m_test.kv_b;
        kv_b.key.data = m_heads.data();
        kv_b.key.head_bytes = key_distance;
        kv_b.value.data = m_heads.data() + first_value;
        kv_b.value.head_bytes = value_distance;
    }

    const cuda::Device& m_device;
    const AttentionCase& m_test;
    Placement m_placement;
    DeviceValues<std::int32_t> m_positions;
    DeviceValues<std::int32_t> m_first_blocks;
    DeviceValues<std::int32_t> m_blocks;
    DeviceValues<float> m_rotation;
    DeviceValues<std::byte> m_pool;
    DeviceNorm m_norm;
    DeviceRows m_q;
    DeviceRows m_kv;
    std::vector<Segment> m_segments;
    std::int64_t m_first = 0;
    cuda::DeviceBuffer m_heads;
};

// The heads that the published models have, but for their number and, where it only costs time, the rank.
AttentionShape published_shape(std::int64_t heads, std::int64_t rank)
{
    return {.heads = heads,
            .qk_nope_head_dim = 128,
            .qk_rope_head_dim = 64,
            .v_head_dim = 128,
            .kv_lora_rank = rank};
}

AttentionShape random_shape(Random& random, Dtype dtype)
{
    return {.heads = random.integer(1, 5),
            .qk_nope_head_dim = random.columns(dtype, 1, 40),
            .qk_rope_head_dim = 2 * random.integer(1, 9),
            .v_head_dim = random.integer(1, 20),
            .kv_lora_rank = random.columns(dtype, 1, 170)};
}

KeyLayout random_layout(Random& random)
{
    return random.one_of<KeyLayout>({KeyLayout::nope_by_latent, KeyLayout::latent_by_nope});
}

HeadOrder random_order(Random& random, KeyLayout layout)
{
    if (layout == KeyLayout::latent_by_nope)
        return random.one_of<HeadOrder>({HeadOrder::apart, HeadOrder::padded});
    return random.one_of<HeadOrder>({HeadOrder::apart, HeadOrder::interleaved, HeadOrder::padded});
}

std::vector<Sequence> random_sequences(Random& random)
{
    std::vector<Sequence> sequences;
    for (std::int64_t i = random.integer(1, 3); i > 0; --i)
        sequences.push_back({random.one_of<std::int64_t>({0, 1, 31, 63, 64, 65, 127, 128, 150, 200}),
                             random.one_of<std::int64_t>({1, 1, 2, 5, 9})});
    return sequences;
}

// The rows that the pass has written, as floats.
Activations stored_rows(const AttentionCase& test, const std::vector<std::byte>& pool)
{
    LayerCache cache = test.cache;
    std::vector<std::byte> bytes = pool;
    cache.data = bytes.data();
    Activations rows(test.batch.rows(), cache.columns);
    for (const Segment& segment : test.segments)
        for (std::int64_t i = 0; i < segment.count; ++i)
            dequantise_row(cache.dtype, cache_row(cache, segment, segment.position + i),
                           rows.view.row(segment.first_row + i), cache.columns);
    return rows;
}

// The pool without the rows that the pass has written.
std::vector<std::byte> untouched(const AttentionCase& test, std::vector<std::byte> pool)
{
    LayerCache cache = test.cache;
    cache.data = pool.data();
    for (const Segment& segment : test.segments)
        for (std::int64_t i = 0; i < segment.count; ++i)
            std::memset(cache_row(cache, segment, segment.position + i), 0,
                        static_cast<std::size_t>(cache.row_bytes()));
    return pool;
}

struct Expected
{
    Activations q_latent;
    Activations mixed;
    Activations values;
    Activations rotated;
    std::vector<std::byte> pool;
};

enum class Queries
{
    exact,
    rounded, // to bf16, before they meet the cache
};

// All steps by the definitions. The case's pool is as before afterwards.
Expected expected(AttentionCase& test, Queries queries = Queries::exact)
{
    cpu::ThreadPool pool(1);
    cpu::Ops ops(pool, cpu::Isa::scalar);
    const std::vector<std::byte> before = test.pool;
    const std::int64_t rows = test.batch.rows();
    Expected e{Activations(rows, test.shape.heads * test.latent_width()),
               Activations(rows, test.shape.heads * test.shape.kv_lora_rank),
               Activations(rows, test.shape.heads * test.shape.v_head_dim),
               Activations(test.q),
               {}};
    ops.mla_prepare_absorbed(e.q_latent.view, test.q.view, test.kv.view, test.norm, test.kv_b, test.shape,
                             test.rope, test.batch, test.cache);
    if (queries == Queries::rounded)
        round_to_bf16(e.q_latent.view);
    ops.mla_attend(e.mixed.view, e.q_latent.view, test.shape, test.batch, test.cache);
    ops.mla_value(e.values.view, e.mixed.view, test.kv_b, test.shape);
    ops.mla_prepare_decompressed(e.rotated.view, test.kv.view, test.norm, test.shape, test.rope, test.batch,
                                 test.cache);
    e.pool = test.pool;
    test.pool.assign(before.begin(), before.end());
    return e;
}

} // namespace

class TestLatentAttention : public QObject
{
    Q_OBJECT

private:
    // Every step on the device, each from what the definitions give it.
    static void check(const Machine& machine, AttentionCase& test, Placement placement, HeadOrder order,
                      double attend_tolerance, double expanded_tolerance)
    {
        const Expected e = expected(test);
        const bool is_exact = test.cache.dtype == Dtype::f32;
        const double cache_tolerance = is_exact ? fp32_tolerance : stored_tolerance;
        DeviceAttention device(machine, test, placement, order);

        const Activations q_latent = device.prepare_absorbed();
        COMPARE_NUMBERS("q_latent", q_latent.view, e.q_latent.view, fp32_tolerance);
        COMPARE_NUMBERS("cache", stored_rows(test, device.pool()).view, stored_rows(test, e.pool).view,
                        cache_tolerance);
        QVERIFY(untouched(test, device.pool()) == untouched(test, e.pool));

        // From here on both sides have the same cache.
        device.set_pool(e.pool);
        COMPARE_NUMBERS("attend", device.attend(e.q_latent.view).view, e.mixed.view, attend_tolerance);
        COMPARE_NUMBERS("value", device.value(e.mixed.view).view, e.values.view, fp32_tolerance);
        const std::int64_t tokens = placement == Placement::aligned ? 64 : 128;
        COMPARE_NUMBERS("decompressed", device.attend_decompressed(*machine.blas, e.rotated.view).view,
                        e.values.view, expanded_tolerance);
        COMPARE_NUMBERS("decompressed in stretches",
                        device.attend_decompressed(*machine.blas, e.rotated.view, tokens, 2).view,
                        e.values.view, expanded_tolerance);

        device.set_pool(test.pool);
        COMPARE_NUMBERS("rotated", device.prepare_decompressed().view, e.rotated.view, fp32_tolerance);
        COMPARE_NUMBERS("cache, decompressed", stored_rows(test, device.pool()).view,
                        stored_rows(test, e.pool).view, cache_tolerance);
        QVERIFY(untouched(test, device.pool()) == untouched(test, e.pool));
    }

private slots:
    void init() { emulation_reset(); }

    void randomShapes()
    {
        Random random;
        for (int trial = 0; trial < 12; ++trial) {
            const EmulatedDevice gpu = device_of(static_cast<int>(random.integer(1, 12)));
            emulation_set_devices(&gpu, 1);
            const Machine machine;
            emulation_set_order(trial % thread_orders);
            const Dtype dtype = random.dtype();
            const KeyLayout layout = random_layout(random);
            AttentionCase test(random, random_shape(random, dtype), dtype, layout,
                               random.one_of<Dtype>({Dtype::f32, Dtype::bf16}), random_sequences(random));
            check(machine, test, trial % 2 == 0 ? Placement::aligned : Placement::misaligned,
                  random_order(random, layout), fp32_tolerance, fp32_tolerance);
            if (QTest::currentTestFailed())
                return;
        }
    }

    // C 512 and R 64 in BF16, on the tensor cores: whole groups of heads and ragged ones.
    void publishedLatents()
    {
        Random random;
        const EmulatedDevice gpu = device_of(132);
        emulation_set_devices(&gpu, 1);
        const Machine machine;
        int trial = 0;
        for (const std::int64_t heads : {16, 21}) {
            emulation_set_order(trial % thread_orders);
            AttentionShape shape = published_shape(heads, 512);
            shape.qk_nope_head_dim = 32;
            shape.v_head_dim = 16;
            AttentionCase test(random, shape, Dtype::bf16, random_layout(random), Dtype::bf16,
                               {{random.integer(130, 200), 1}, {0, 2}, {random.integer(60, 66), 1}});
            QVERIFY(cuda::plan_attend(shape, Dtype::bf16, 4, 200, machine.device.limits()).uses_tensor_cores);
            check(machine, test, trial % 2 == 0 ? Placement::aligned : Placement::misaligned,
                  HeadOrder::apart, bf16_tolerance, fp32_tolerance);
            if (QTest::currentTestFailed())
                return;
            ++trial;
        }
    }

    // P 128, R 64, V 128: per-head products of every format and number of rows.
    void publishedHeads()
    {
        Random random;
        const Machine machine;
        int trial = 0;
        for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0, Dtype::f16, Dtype::f32}) {
            for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}) {
                emulation_set_order(trial % thread_orders);
                const std::int64_t rows = std::vector<std::int64_t>{1, 2, 3, 11}[trial % 4];
                AttentionCase test(random, published_shape(2, 512), dtype, layout, Dtype::bf16,
                                   {{random.integer(0, 70), rows}});
                const Expected e = expected(test);
                DeviceAttention device(machine, test, Placement::aligned,
                                       layout == KeyLayout::nope_by_latent ? HeadOrder::interleaved
                                                                           : HeadOrder::apart);
                QVERIFY(cuda::plan_head_product(cuda::HeadForm::dot, device.kv_b.value, rows).is_aligned);
                COMPARE_NUMBERS("q_latent", device.prepare_absorbed().view, e.q_latent.view, fp32_tolerance);
                COMPARE_NUMBERS("value", device.value(e.mixed.view).view, e.values.view, fp32_tolerance);
                ++trial;
            }
        }
    }

    // The whole context expanded on the tensor cores, in one stretch and in several; a row's last key lies in
    // any of them.
    void publishedExpansion()
    {
        Random random;
        const Machine machine;
        int trial = 0;
        for (const Dtype dtype : {Dtype::bf16, Dtype::q8_0, Dtype::f16}) {
            for (const KeyLayout layout : {KeyLayout::nope_by_latent, KeyLayout::latent_by_nope}) {
                emulation_set_order(trial % thread_orders);
                AttentionCase test(random, published_shape(3, 64), dtype, layout, Dtype::bf16,
                                   {{random.integer(0, 100), random.integer(65, 100)}, {0, 3}});
                const Expected e = expected(test);
                test.pool.assign(e.pool.begin(), e.pool.end());
                DeviceAttention device(machine, test,
                                       trial % 2 == 0 ? Placement::aligned : Placement::misaligned,
                                       random_order(random, layout));
                COMPARE_NUMBERS("at once", device.attend_decompressed(*machine.blas, e.rotated.view).view,
                                e.values.view, bf16_tolerance);
                QVERIFY(device.uses_tensor_cores);
                COMPARE_NUMBERS("in stretches",
                                device.attend_decompressed(*machine.blas, e.rotated.view, 64, 2).view,
                                e.values.view, bf16_tolerance);
                ++trial;
            }
        }
    }

    // A row gives the same bits alone, beside others, and beside longer contexts.
    void rowsAreIndependent_data()
    {
        QTest::addColumn<bool>("is_published");
        QTest::newRow("tensor cores") << true;
        QTest::newRow("any shape") << false;
    }
    void rowsAreIndependent()
    {
        QFETCH(bool, is_published);
        Random random;
        const EmulatedDevice gpu = device_of(6);
        emulation_set_devices(&gpu, 1);
        const Machine machine;
        const AttentionShape shape = is_published ? published_shape(2, 512)
                                                  : AttentionShape{.heads = 3,
                                                                   .qk_nope_head_dim = 11,
                                                                   .qk_rope_head_dim = 6,
                                                                   .v_head_dim = 7,
                                                                   .kv_lora_rank = 33};
        AttentionCase test(random, shape, is_published ? Dtype::bf16 : Dtype::f32, KeyLayout::nope_by_latent,
                           Dtype::bf16, {{260, 2}, {62, 4}, {0, 40}, {150, 1}});
        const Expected e = expected(test);
        DeviceAttention device(machine, test, Placement::aligned, HeadOrder::apart);
        const std::int64_t rows = device.batch.rows;
        const Activations q_latent = device.prepare_absorbed();
        const std::vector<std::byte> pool = device.pool();
        const Activations mixed = device.attend(q_latent.view);
        const Activations values = device.value(mixed.view);
        const Activations expanded = device.attend_decompressed(*machine.blas, e.rotated.view);
        for (const std::int64_t size : {1, 3, 30}) {
            for (std::int64_t first = 0; first < rows; first += size * 8) {
                const std::int64_t count = std::min(size, rows - first);
                device.take_rows(first, count);
                QVERIFY(identical(device.prepare_absorbed().view, q_latent.view.slice_rows(first, count)));
                QVERIFY(device.pool() == pool);
                QVERIFY(identical(device.attend(q_latent.view.slice_rows(first, count)).view,
                                  mixed.view.slice_rows(first, count)));
                QVERIFY(identical(device.value(mixed.view.slice_rows(first, count)).view,
                                  values.view.slice_rows(first, count)));
                QVERIFY(identical(
                    device.attend_decompressed(*machine.blas, e.rotated.view.slice_rows(first, count), 64)
                        .view,
                    expanded.view.slice_rows(first, count)));
            }
        }
    }

    // More rows than the workspace of partial results holds at once.
    void manyRows()
    {
        Random random;
        const EmulatedDevice gpu = device_of(132);
        emulation_set_devices(&gpu, 1);
        const Machine machine;
        AttentionCase test(random,
                           {.heads = 128,
                            .qk_nope_head_dim = 2,
                            .qk_rope_head_dim = 64,
                            .v_head_dim = 1,
                            .kv_lora_rank = 512},
                           Dtype::f32, KeyLayout::nope_by_latent, Dtype::bf16, {{256, 13}});
        const cuda::AttendPlan plan =
            cuda::plan_attend(test.shape, Dtype::bf16, 13, 269, machine.device.limits());
        QVERIFY(plan.rows_at_once < 13);
        test.shape.softmax_scale =
            0.125f / 1.44269504f; // the kernel's own scale is 1/8, which rounds nothing
        const Expected e = expected(test, Queries::rounded);
        test.pool.assign(e.pool.begin(), e.pool.end());
        DeviceAttention device(machine, test, Placement::aligned, HeadOrder::apart);
        COMPARE_NUMBERS("attend", device.attend(e.q_latent.view).view, e.mixed.view, weight_tolerance);
    }

    // Scores far from 0 must neither overflow nor vanish.
    void largeScores()
    {
        Random random;
        const Machine machine;
        for (const std::int64_t heads : {2, 3}) {
            AttentionCase test(random, published_shape(heads, 512), Dtype::bf16, KeyLayout::nope_by_latent,
                               Dtype::bf16, {{100, 3}});
            for (std::int64_t t = 0; t < test.q.view.rows; ++t)
                for (std::int64_t c = 0; c < test.q.view.columns; ++c)
                    test.q.view.row(t)[c] *= t == 0 ? 0.0f : 1000.0f;
            DeviceAttention device(machine, test, Placement::aligned, HeadOrder::apart);
            const Activations mixed = device.attend(device.prepare_absorbed().view);
            const Activations expanded = device.attend_decompressed(*machine.blas, test.q.view);
            for (std::int64_t t = 0; t < mixed.view.rows; ++t) {
                for (std::int64_t c = 0; c < mixed.view.columns; ++c)
                    QVERIFY(std::isfinite(mixed.view.row(t)[c]));
                for (std::int64_t c = 0; c < expanded.view.columns; ++c)
                    QVERIFY(std::isfinite(expanded.view.row(t)[c]));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestLatentAttention)
#include "test_latent_attention.moc"
