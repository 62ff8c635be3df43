// SPDX-License-Identifier: MIT
// Products of many rows against the definitions of kernels/cpu/scalar.h, on factors that are rounded as the
// device rounds them, so that only the order of fp32 sums is left to differ.
#include "kernels/cpu/ops.h"
#include "kernels/cuda/dense.h"
#include "tests/cuda/device_case.h"

#include <QtTest>

#include <memory>
#include <numeric>

using namespace kernels;
using namespace kernels::test;
using kernels::cuda::Factor;

namespace {

constexpr double fp32_tolerance = 1e-5;
// A normed number that lies between two BF16 numbers may be rounded the other way here than in the reference:
// one part in 256 of one of at least 32 numbers of a sum.
constexpr double rounding_tolerance = 2e-3;

const std::vector<Dtype> dtypes{Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0};

struct Machine
{
    cuda::Device device{0};
    std::unique_ptr<cuda::Blas> blas = cuda::make_blas(device);
    cpu::ThreadPool pool{1};
    cpu::Ops reference{pool, cpu::Isa::scalar};
};

// The rows that the reference multiplies: normed, gathered and rounded like those of the device.
Activations prepared(Factor factor, View<const float> x, const Norm* norm,
                     std::span<const std::int32_t> gather)
{
    Activations rows(static_cast<std::int64_t>(gather.size()), x.columns);
    for (std::int64_t t = 0; t < rows.view.rows; ++t) {
        const Numbers from(x.row(gather[static_cast<std::size_t>(t)]),
                           x.row(gather[static_cast<std::size_t>(t)]) + x.columns);
        const Numbers to =
            norm ? rms_norm(table(norm->weight).front(), from, static_cast<double>(norm->eps)) : from;
        std::transform(to.begin(), to.end(), rows.view.row(t),
                       [](double value) { return static_cast<float>(value); });
    }
    if (factor == Factor::bf16)
        round_to_bf16(rows.view);
    return rows;
}

} // namespace

class TestDense : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    void rowsBecomeFactors()
    {
        Random random;
        const Machine machine;
        for (int i = 0; i < 12; ++i) {
            emulation_set_order(i % thread_orders);
            const Placement placement = i % 2 == 0 ? Placement::aligned : Placement::misaligned;
            const std::int64_t columns = i % 4 == 0   ? 2048
                                         : i % 4 == 2 ? random.integer(1, 90) * 4
                                                      : random.integer(1, 1100);
            const std::int64_t rows = random.integer(1, 5);
            const Activations x(random, rows, columns);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-6f};
            const DeviceNorm device_norm(machine.device, norm);
            DeviceRows device_x(machine.device, x.view, placement);
            std::vector<std::int32_t> order(static_cast<std::size_t>(rows + 2));
            for (std::int32_t& row : order)
                row = static_cast<std::int32_t>(random.integer(0, rows - 1));
            const DeviceValues<std::int32_t> gather(machine.device, order);
            for (const bool is_normed : {false, true}) {
                for (const Factor factor : {Factor::f32, Factor::bf16}) {
                    const auto count = static_cast<std::int64_t>(order.size());
                    const cuda::DeviceBuffer out(machine.device,
                                                 count * columns * cuda::factor_bytes(factor));
                    cuda::to_factor(machine.device, {factor, out.data(), count, columns}, device_x.view,
                                    is_normed ? device_norm.norm() : Norm{}, gather.data());
                    std::vector<std::byte> bytes(static_cast<std::size_t>(out.bytes()));
                    cuda::copy_to_host(machine.device, bytes.data(), out.data(), out.bytes());
                    machine.device.synchronise();
                    Activations got(count, columns);
                    for (std::int64_t t = 0; t < count; ++t)
                        dequantise_row(factor == Factor::bf16 ? Dtype::bf16 : Dtype::f32,
                                       bytes.data() + t * columns * cuda::factor_bytes(factor),
                                       got.view.row(t), columns);
                    const Activations expected = prepared(factor, x.view, is_normed ? &norm : nullptr, order);
                    // A number may be rounded to the other neighbour after a norm: 2^-8 of it.
                    const double tolerance = !is_normed               ? 0.0
                                             : factor == Factor::bf16 ? 0.004
                                                                      : fp32_tolerance;
                    COMPARE_NUMBERS("rows", got.view, expected.view, tolerance);
                }
            }
        }
    }

    void weightsBecomeFactorsExactly_data()
    {
        QTest::addColumn<Dtype>("dtype");
        for (const Dtype dtype : dtypes)
            QTest::newRow(name(dtype).data()) << dtype;
    }
    void weightsBecomeFactorsExactly()
    {
        QFETCH(Dtype, dtype);
        Random random;
        const Machine machine;
        for (int i = 0; i < 6; ++i) {
            emulation_set_order(i % thread_orders);
            const std::int64_t columns =
                i % 2 == 0 ? random.integer(1, 70) * 32 : random.columns(dtype, 1, 300);
            const Weights w(random, dtype, random.integer(1, 90), columns);
            const DeviceMatrices device_w(machine.device, w.matrix);
            for (const Factor factor : {Factor::f32, Factor::bf16}) {
                const cuda::DeviceBuffer out(machine.device,
                                             w.matrix.rows * columns * cuda::factor_bytes(factor));
                cuda::weights_to_factor(machine.device, factor, out.data(), device_w.matrix());
                std::vector<std::byte> got(static_cast<std::size_t>(out.bytes()));
                cuda::copy_to_host(machine.device, got.data(), out.data(), out.bytes());
                machine.device.synchronise();
                std::vector<float> numbers(static_cast<std::size_t>(columns));
                std::vector<std::byte> expected(
                    static_cast<std::size_t>(columns * cuda::factor_bytes(factor)));
                for (std::int64_t r = 0; r < w.matrix.rows; ++r) {
                    dequantise_row(dtype, w.matrix.row(r), numbers.data(), columns);
                    quantise_row(factor == Factor::bf16 ? Dtype::bf16 : Dtype::f32, numbers.data(),
                                 expected.data(), columns);
                    QVERIFY(std::memcmp(expected.data(),
                                        got.data() + static_cast<std::size_t>(r) * expected.size(),
                                        expected.size()) == 0);
                }
            }
        }
    }

    void product_data() { weightsBecomeFactorsExactly_data(); }
    void product()
    {
        QFETCH(Dtype, dtype);
        Random random;
        Machine machine;
        for (int i = 0; i < 12; ++i) {
            emulation_set_order(i % thread_orders);
            const std::int64_t columns = std::max<std::int64_t>(32, random.columns(dtype, 32, 200));
            const Placement placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
            const Weights w0(random, dtype, random.integer(1, 150), columns);
            // The second matrix may have another format, and need not exist.
            const Dtype other = columns % 32 == 0 ? random.dtype() : dtype;
            const Weights w1(random, other, random.integer(1, 70), columns);
            const bool is_pair = random.integer(0, 1) == 1;
            const bool is_normed = random.integer(0, 1) == 1;
            const bool is_gathered = random.integer(0, 1) == 1;
            const cuda::Store store = random.one_of<cuda::Store>({cuda::Store::assign, cuda::Store::add});

            const std::int64_t given = random.integer(9, 20);
            const Activations x(random, given, columns);
            std::vector<std::int32_t> rows(static_cast<std::size_t>(given));
            std::iota(rows.begin(), rows.end(), 0);
            if (is_gathered) {
                random.shuffle(rows);
                rows.resize(9);
            }
            const auto count = static_cast<std::int64_t>(rows.size());
            const std::int64_t width = w0.matrix.rows + (is_pair ? w1.matrix.rows : 0);
            const Activations before(random, count, width);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-5f};

            const DeviceMatrices device_w0(machine.device, w0.matrix);
            const DeviceMatrices device_w1(machine.device, w1.matrix);
            const DeviceNorm device_norm(machine.device, norm);
            const DeviceRows device_x(machine.device, x.view, placement);
            const DeviceValues<std::int32_t> gather(machine.device, rows);
            DeviceRows y = store == cuda::Store::add ? DeviceRows(machine.device, before.view, placement)
                                                     : DeviceRows(machine.device, count, width, placement);
            cuda::DensePlan plan = cuda::plan_dense(given, columns);
            plan.slice_bytes = 256 * random.integer(2, 40); // many slices, or few
            const cuda::DeviceBuffer workspace(machine.device, plan.workspace_bytes());
            cuda::Product product;
            product.y = y.view;
            product.x = device_x.view;
            product.norm = is_normed ? device_norm.norm() : Norm{};
            product.w0 = device_w0.matrix();
            product.w1 = is_pair ? device_w1.matrix() : Matrix{};
            product.store = store;
            product.gather = is_gathered ? gather.data() : nullptr;
            cuda::multiply_dense(machine.device, *machine.blas, product, workspace.data(), plan);

            Activations expected(count, width);
            for (std::int64_t t = 0; t < count; ++t)
                for (std::int64_t c = 0; c < width; ++c)
                    expected.view.row(t)[c] = store == cuda::Store::add ? before.view.row(t)[c] : 0.0f;
            std::int64_t column = 0;
            for (const Matrix& w : {w0.matrix, is_pair ? w1.matrix : Matrix{}}) {
                if (!w)
                    continue;
                const Factor factor = cuda::factor_of(w.dtype);
                const Activations ready = prepared(factor, x.view, is_normed ? &norm : nullptr, rows);
                const Rounded rounded(w);
                machine.reference.matmul_add(expected.view.slice_columns(column, w.rows), ready.view,
                                             factor == Factor::bf16 ? rounded.matrix : w);
                column += w.rows;
            }
            COMPARE_NUMBERS("product", y.download(), expected.view,
                            is_normed ? rounding_tolerance : fp32_tolerance);
        }
    }

    void gatedProduct_data() { weightsBecomeFactorsExactly_data(); }
    void gatedProduct()
    {
        QFETCH(Dtype, dtype);
        Random random;
        Machine machine;
        for (int i = 0; i < 9; ++i) {
            emulation_set_order(i % thread_orders);
            const std::int64_t columns = std::max<std::int64_t>(32, random.columns(dtype, 32, 160));
            const std::int64_t width = random.integer(1, 300);
            const Placement placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
            const bool is_normed = random.integer(0, 1) == 1;
            const Weights gate(random, dtype, width, columns);
            const Weights up(random, columns % 32 == 0 && i % 3 == 0 ? random.dtype() : dtype, width,
                             columns);
            const Weights weight = norm_weights(random, columns);
            const Norm norm{weight.matrix, 1e-6f};
            const Activations x(random, random.integer(9, 16), columns);
            std::vector<std::int32_t> rows(static_cast<std::size_t>(x.view.rows));
            std::iota(rows.begin(), rows.end(), 0);

            const DeviceMatrices device_gate(machine.device, gate.matrix);
            const DeviceMatrices device_up(machine.device, up.matrix);
            const DeviceNorm device_norm(machine.device, norm);
            const DeviceRows device_x(machine.device, x.view, placement);
            DeviceRows y(machine.device, x.view.rows, width, placement);
            cuda::DensePlan plan = cuda::plan_dense(x.view.rows, columns);
            plan.slice_bytes = 256 * random.integer(2, 100);
            plan.gate_bytes = 256 * random.integer(1, 60);
            const cuda::DeviceBuffer workspace(machine.device, plan.workspace_bytes());
            cuda::GatedProduct product;
            product.y = y.view;
            product.x = device_x.view;
            product.norm = is_normed ? device_norm.norm() : Norm{};
            product.gate = device_gate.matrix();
            product.up = device_up.matrix();
            cuda::multiply_gated_dense(machine.device, *machine.blas, product, workspace.data(), plan);

            const auto half = [&](const Matrix& w) {
                const Factor factor = cuda::factor_of(w.dtype);
                const Activations ready = prepared(factor, x.view, is_normed ? &norm : nullptr, rows);
                const Rounded rounded(w);
                Table result;
                const Table weights = table(factor == Factor::bf16 ? rounded.matrix : w);
                for (const Numbers& row : table(ready.view))
                    result.push_back(multiply(weights, row));
                return result;
            };
            Table expected = half(gate.matrix);
            const Table ups = half(up.matrix);
            for (std::size_t t = 0; t < expected.size(); ++t)
                for (std::size_t c = 0; c < expected[t].size(); ++c)
                    expected[t][c] *= ups[t][c] / (1.0 + std::exp(-expected[t][c]));
            COMPARE_NUMBERS("gated product", y.download(), expected,
                            is_normed ? rounding_tolerance : fp32_tolerance);
        }
    }

    void nothingToDo()
    {
        Machine machine;
        const cuda::DensePlan plan = cuda::plan_dense(0, 32);
        cuda::Product product;
        product.y = {nullptr, 0, 32, 32};
        product.x = {nullptr, 0, 32, 32};
        cuda::multiply_dense(machine.device, *machine.blas, product, nullptr, plan);
        machine.device.synchronise();
        QCOMPARE(emulation_launches(), 0);
    }

    // DeepSeek-V2-Lite and DeepSeek-V2: the widest matrix and a chunk of 4096 rows.
    void plan()
    {
        const cuda::DensePlan lite = cuda::plan_dense(4096, 10944);
        QCOMPARE(lite.slice_bytes, 32 << 20);
        QCOMPARE(lite.rows_bytes, 4096 * 10944 * 4);
        QCOMPARE(lite.gate_bytes, 4096 * 2048 * 4);
        QCOMPARE(lite.workspace_bytes(), lite.slice_bytes + lite.rows_bytes + lite.gate_bytes);
        const cuda::DensePlan large = cuda::plan_dense(2048, 16384);
        QVERIFY(large.workspace_bytes() < std::int64_t{256} << 20);
        // One row of converted weights fits, however wide it is.
        QVERIFY(cuda::plan_dense(1, 64 << 20).slice_bytes >= (128 << 20));
    }

    void slices()
    {
        QCOMPARE(cuda::rows_per_slice(1 << 20, 2048 * 2), 256);
        QCOMPARE(cuda::rows_per_slice(1 << 20, 1000), 1024);
        QCOMPARE(cuda::rows_per_slice(63 * 100, 100), 63);
        QCOMPARE(cuda::rows_per_slice(10, 100), 1);
    }
};

QTEST_APPLESS_MAIN(TestDense)
#include "test_dense.moc"
