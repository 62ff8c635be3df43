// SPDX-License-Identifier: MIT
// Products of a few rows against references in double, at random and misaligned shapes and at the models'
// own.
#include "tests/cuda/device_case.h"

#include "kernels/cuda/products.h"

#include <QtTest>

#include <algorithm>

using namespace kernels;
using namespace kernels::test;

namespace {

// Sums in fp32 of up to some thousand terms.
constexpr double tolerance = 1e-5;

const std::vector<Dtype> dtypes{Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0};

struct Machine
{
    cuda::Device device{0};
};

// What a product does, in double.
Table product_of(View<const float> x, std::span<const std::int32_t> gather, const Norm* norm,
                 std::initializer_list<Table> stacked)
{
    Table y;
    const Table all = table(x);
    for (const std::int32_t row : gather) {
        Numbers in = all[static_cast<std::size_t>(row)];
        if (norm)
            in = rms_norm(table(norm->weight).front(), in, static_cast<double>(norm->eps));
        y.emplace_back();
        for (const Table& w : stacked) {
            const Numbers part = multiply(w, in);
            y.back().insert(y.back().end(), part.begin(), part.end());
        }
    }
    return y;
}

struct Shape
{
    std::int64_t tokens = 1;
    std::int64_t columns = 0;
    std::int64_t rows0 = 0;
    std::int64_t rows1 = 0; // 0: one matrix
    Dtype dtype0 = Dtype::bf16;
    Dtype dtype1 = Dtype::bf16;
    bool is_normed = false;
    bool adds = false;
    bool gathers = false;
    Placement placement = Placement::aligned;
};

QString check(Random& random, const Machine& machine, const Shape& shape)
{
    const Weights w0(random, shape.dtype0, shape.rows0, shape.columns);
    const Weights w1(random, shape.dtype1, std::max<std::int64_t>(1, shape.rows1), shape.columns);
    const Weights norm_weight = norm_weights(random, shape.columns);
    const Norm norm{norm_weight.matrix, 1e-6f};
    const Activations x(random, shape.tokens + (shape.gathers ? 3 : 0), shape.columns);
    const std::int64_t rows = shape.rows0 + shape.rows1;
    const Activations before(random, shape.tokens, rows);
    std::vector<std::int32_t> gather;
    for (std::int64_t t = 0; t < shape.tokens; ++t)
        gather.push_back(static_cast<std::int32_t>(shape.gathers ? random.integer(0, x.view.rows - 1) : t));

    Table expected =
        product_of(x.view, gather, shape.is_normed ? &norm : nullptr,
                   shape.rows1 > 0 ? std::initializer_list<Table>{table(w0.matrix), table(w1.matrix)}
                                   : std::initializer_list<Table>{table(w0.matrix)});
    if (shape.adds) {
        const Table old = table(View<const float>(before.view));
        for (std::size_t t = 0; t < expected.size(); ++t)
            for (std::size_t r = 0; r < expected[t].size(); ++r)
                expected[t][r] += old[t][r];
    }

    const DeviceMatrices device_w0(machine.device, w0.matrix);
    const DeviceMatrices device_w1(machine.device, w1.matrix);
    const DeviceNorm device_norm(machine.device, norm);
    const DeviceValues<std::int32_t> device_gather(machine.device, gather);
    const DeviceRows device_x(machine.device, x.view, shape.placement);
    DeviceRows y(machine.device, before.view, shape.placement);
    cuda::multiply(machine.device, {.y = y.view,
                                    .x = device_x.view,
                                    .norm = shape.is_normed ? device_norm.norm() : Norm{},
                                    .w0 = device_w0.matrix(),
                                    .w1 = shape.rows1 > 0 ? device_w1.matrix() : Matrix{},
                                    .store = shape.adds ? cuda::Store::add : cuda::Store::assign,
                                    .gather = shape.gathers ? device_gather.data() : nullptr});
    return difference("multiply", y.download(), expected, tolerance);
}

// Every card that is served.
std::vector<cuda::DeviceLimits> all_limits()
{
    return {{80, 108, 163 * 1024},
            {86, 28, 99 * 1024},
            {89, 128, 99 * 1024},
            {90, 132, 227 * 1024},
            {120, 170, 99 * 1024}};
}

const std::byte some_data[1] = {};

Matrix shape_of(Dtype dtype, std::int64_t rows, std::int64_t columns)
{
    return {some_data, dtype, rows, columns};
}

void verify(const cuda::LaunchPlan& plan, const cuda::DeviceLimits& limits)
{
    QVERIFY(plan.grid[0] > 0 && plan.grid[1] > 0 && plan.grid[2] == 1);
    QVERIFY(plan.grid[1] <= 65535);
    QVERIFY(plan.threads <= 1024 && plan.threads % 32 == 0);
    QVERIFY(plan.shared_bytes + 1024 <= limits.shared_bytes);
}

} // namespace

class TestProducts : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    void multiply_data()
    {
        QTest::addColumn<int>("order");
        for (int order = 0; order < thread_orders; ++order)
            QTest::addRow("order %d", order) << order;
    }
    void multiply()
    {
        QFETCH(int, order);
        emulation_set_order(order);
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 40; ++trial) {
            Shape shape;
            shape.tokens = random.integer(1, cuda::max_vector_rows);
            shape.dtype0 = random.dtype();
            shape.dtype1 = random.integer(0, 2) == 0 ? random.dtype() : shape.dtype0;
            const bool has_blocks = shape.dtype0 == Dtype::q8_0 || shape.dtype1 == Dtype::q8_0;
            shape.columns = random.columns(has_blocks ? Dtype::q8_0 : Dtype::f32, 1, 600);
            if (trial % 2 == 0) // rows that can be read in vectors
                shape.columns = cuda::round_up<std::int64_t>(shape.columns, 32);
            shape.rows0 = random.integer(1, 70);
            shape.rows1 = random.integer(0, 1) * random.integer(1, 30);
            shape.is_normed = random.integer(0, 1) == 1;
            shape.adds = random.integer(0, 1) == 1;
            shape.gathers = random.integer(0, 3) == 0;
            shape.placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
            const QString wrong = check(random, machine, shape);
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    // The columns of the models and a few rows of their matrices.
    void multiply_at_the_models_widths_data()
    {
        QTest::addColumn<int>("columns");
        QTest::addColumn<int>("tokens");
        QTest::newRow("V2-Lite, one token") << 2048 << 1;
        QTest::newRow("V2-Lite, eight tokens") << 2048 << 8;
        QTest::newRow("V2, three tokens") << 5120 << 3;
        QTest::newRow("V2, output of attention, in chunks") << 16384 << 2;
        QTest::newRow("V2-Lite, dense, in chunks") << 10944 << 5;
    }
    void multiply_at_the_models_widths()
    {
        QFETCH(int, columns);
        QFETCH(int, tokens);
        Random random;
        const Machine machine;
        for (const Dtype dtype : dtypes) {
            const Shape shape{.tokens = tokens,
                              .columns = columns,
                              .rows0 = 9,
                              .rows1 = 4,
                              .dtype0 = dtype,
                              .dtype1 = dtype,
                              .is_normed = true};
            const QString wrong = check(random, machine, shape);
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    // V2-Lite's dense layer in Q8_0: rows of 11628 bytes, which begin at multiples of four.
    void rows_of_words()
    {
        Random random;
        const Machine machine;
        for (const std::int64_t tokens : {1, 3}) {
            const Shape shape{
                .tokens = tokens, .columns = 10944, .rows0 = 7, .dtype0 = Dtype::q8_0, .adds = true};
            const QString wrong = check(random, machine, shape);
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    void multiply_gated()
    {
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 40; ++trial) {
            emulation_set_order(trial % thread_orders);
            const Dtype dtype = random.dtype();
            const Dtype other = trial % 4 == 0 ? random.dtype() : dtype;
            const bool has_blocks = dtype == Dtype::q8_0 || other == Dtype::q8_0;
            std::int64_t columns = random.columns(has_blocks ? Dtype::q8_0 : Dtype::f32, 1, 300);
            if (trial % 2 == 0)
                columns = cuda::round_up<std::int64_t>(columns, 32);
            const std::int64_t tokens = random.integer(1, cuda::max_vector_rows);
            const std::int64_t width = random.integer(1, 60);
            const Weights gate(random, dtype, width, columns);
            const Weights up(random, other, width, columns);
            const Weights norm_weight = norm_weights(random, columns);
            const Norm norm{norm_weight.matrix, 1e-3f};
            const Activations x(random, tokens, columns);
            std::vector<std::int32_t> rows;
            for (std::int64_t t = 0; t < tokens; ++t)
                rows.push_back(static_cast<std::int32_t>(t));
            Table expected = product_of(x.view, rows, &norm, {table(gate.matrix)});
            const Table ups = product_of(x.view, rows, &norm, {table(up.matrix)});
            for (std::size_t t = 0; t < expected.size(); ++t)
                for (std::size_t r = 0; r < expected[t].size(); ++r)
                    expected[t][r] *= ups[t][r] / (1.0 + std::exp(-expected[t][r]));

            const Placement placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
            const DeviceMatrices device_gate(machine.device, gate.matrix);
            const DeviceMatrices device_up(machine.device, up.matrix);
            const DeviceNorm device_norm(machine.device, norm);
            const DeviceRows device_x(machine.device, x.view, placement);
            DeviceRows y(machine.device, tokens, width, placement);
            cuda::multiply_gated(machine.device, {.y = y.view,
                                                  .x = device_x.view,
                                                  .norm = device_norm.norm(),
                                                  .gate = device_gate.matrix(),
                                                  .up = device_up.matrix()});
            COMPARE_NUMBERS("multiply_gated", y.download(), expected, tolerance);
        }
    }

    // However many rows there are, and in whatever chunks the input has to come.
    void a_row_gives_the_same_numbers_beside_any_others()
    {
        Random random;
        const Machine machine;
        for (const Dtype dtype : dtypes) {
            const Weights w(random, dtype, 11, 4096);
            const Activations x(random, cuda::max_vector_rows, 4096);
            const DeviceMatrices device_w(machine.device, w.matrix);
            const DeviceRows device_x(machine.device, x.view, Placement::aligned);
            DeviceRows together(machine.device, cuda::max_vector_rows, 11, Placement::aligned);
            cuda::multiply(
                machine.device,
                {.y = together.view, .x = device_x.view, .norm = {}, .w0 = device_w.matrix(), .w1 = {}});
            const View<const float> expected = together.download();
            for (const std::int64_t rows : {1, 2, 3, 6}) {
                DeviceRows y(machine.device, rows, 11, Placement::aligned);
                cuda::multiply(machine.device, {.y = y.view,
                                                .x = device_x.view.slice_rows(1, rows),
                                                .norm = {},
                                                .w0 = device_w.matrix(),
                                                .w1 = {}});
                QVERIFY(
                    identical(y.download(), View<const float>{expected.row(1), rows, 11, expected.stride}));
            }
        }
    }

    void no_rows_are_no_launch()
    {
        Random random;
        const Machine machine;
        const Weights w(random, Dtype::bf16, 5, 32);
        const DeviceMatrices device_w(machine.device, w.matrix);
        const DeviceRows x(machine.device, 1, 32, Placement::aligned);
        const DeviceRows y(machine.device, 1, 5, Placement::aligned);
        cuda::multiply(machine.device, {.y = y.view.first_rows(0),
                                        .x = x.view.first_rows(0),
                                        .norm = {},
                                        .w0 = device_w.matrix(),
                                        .w1 = {}});
        machine.device.synchronise();
        QCOMPARE(emulation_launches(), 0);
    }

    void embed()
    {
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 30; ++trial) {
            emulation_set_order(trial % thread_orders);
            const Dtype dtype = random.dtype();
            const Weights weights(random, dtype, random.integer(1, 50), random.columns(dtype, 1, 600));
            std::vector<std::int32_t> tokens;
            Table expected;
            for (std::int64_t t = random.integer(1, 20); t > 0; --t) {
                tokens.push_back(static_cast<std::int32_t>(random.integer(0, weights.matrix.rows - 1)));
                expected.push_back(table(weights.matrix)[static_cast<std::size_t>(tokens.back())]);
            }
            const DeviceMatrices device_table(machine.device, weights.matrix);
            const DeviceValues<std::int32_t> device_tokens(machine.device, tokens);
            cuda::DeviceBatch batch;
            batch.rows = static_cast<std::int64_t>(tokens.size());
            batch.token = device_tokens.data();
            DeviceRows h(machine.device, batch.rows, weights.matrix.columns, Placement::misaligned);
            cuda::embed(machine.device, h.view, device_table.matrix(), batch);
            COMPARE_NUMBERS("embed", h.download(), expected, 0.0);
        }
    }

    // V2-Lite and V2, from one to eight tokens, on every card.
    void plans_fit_every_card()
    {
        for (const cuda::DeviceLimits& limits : all_limits()) {
            for (const Dtype dtype : dtypes) {
                for (std::int64_t tokens = 1; tokens <= cuda::max_vector_rows; ++tokens) {
                    struct Product
                    {
                        std::int64_t columns;
                        std::int64_t rows0;
                        std::int64_t rows1;
                    };
                    for (const auto& [columns, rows0, rows1] : {Product{2048, 3072, 576},
                                                                {2048, 2048, 0},
                                                                {10944, 2048, 0},
                                                                {2048, 102400, 0},
                                                                {5120, 1536, 576},
                                                                {1536, 24576, 0},
                                                                {16384, 5120, 0},
                                                                {12288, 5120, 0}}) {
                        const View<const float> x{nullptr, tokens, columns, columns};
                        const View<float> y{nullptr, tokens, rows0 + rows1, rows0 + rows1};
                        const Matrix second = rows1 > 0 ? shape_of(dtype, rows1, columns) : Matrix{};
                        verify(cuda::plan_product({.y = y,
                                                   .x = x,
                                                   .norm = {},
                                                   .w0 = shape_of(dtype, rows0, columns),
                                                   .w1 = second},
                                                  limits),
                               limits);
                        verify(cuda::plan_gated_product({.y = y,
                                                         .x = x,
                                                         .norm = {},
                                                         .gate = shape_of(dtype, rows0, columns),
                                                         .up = shape_of(dtype, rows0, columns)},
                                                        limits),
                               limits);
                    }
                }
            }
        }
        // One wave of blocks, and no block that has to wait for its input twice where once would do.
        const cuda::DeviceLimits h100{90, 132, 227 * 1024};
        const View<const float> x{nullptr, 8, 5120, 5120};
        const View<float> y{nullptr, 8, 2112, 2112};
        const cuda::LaunchPlan plan = cuda::plan_product(
            {.y = y, .x = x, .norm = {}, .w0 = shape_of(Dtype::bf16, 2112, 5120), .w1 = {}}, h100);
        QCOMPARE(plan.grid[0], 132u);
        QCOMPARE(plan.shared_bytes, 8 * 5120 * 4);
    }
};

QTEST_APPLESS_MAIN(TestProducts)
#include "test_products.moc"
