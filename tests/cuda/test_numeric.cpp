// SPDX-License-Identifier: MIT
// Numbers of weight rows on the device, and sums in a fixed order.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/numeric.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"
#include "tests/cuda/emulation/control.h"
#include "tests/kernels/support.h"

#include <QtTest>

#include <algorithm>
#include <vector>

using namespace kernels;
using namespace kernels::cuda;

Q_DECLARE_METATYPE(kernels::Dtype)

namespace {

enum class Read : std::uint8_t
{
    one,
    eight,
    eight_any,
};

// Every number of the row, eight to a thread, the last reads of eight_any beyond the row's end.
template <Dtype D> __global__ void read_row(const std::byte* row, int columns, float* out, Read read)
{
    const int first = 8 * static_cast<int>(threadIdx.x);
    float eight[8];
    if (read == Read::one) {
        for (int i = 0; i < 8; ++i)
            eight[i] = first + i < columns ? load1<D>(row, columns, first + i) : 0.0f;
    } else if (read == Read::eight_any) {
        load8_any<D>(row, columns, first, eight);
    } else if (first < columns) {
        load8<D>(row, columns, first, eight);
    }
    for (int i = 0; i < 8; ++i) {
        if (read == Read::eight_any || first + i < columns)
            out[first + i] = eight[i];
    }
}

// out: of each thread its warp's sum and largest, then the block's, twice in a row.
__global__ void reduce(const float* in, float* out)
{
    __shared__ float shared[32];
    const float x = in[threadIdx.x];
    float* mine = out + 6 * threadIdx.x;
    mine[0] = warp_sum(x);
    mine[1] = warp_max(x);
    mine[2] = block_sum(x, shared);
    mine[3] = block_max(x, shared);
    mine[4] = block_sum(2.0f * x, shared);
    mine[5] = block_max(-x, shared);
}

// As the lanes do it: pairs at a distance of 16, then 8, … 1.
float sum_of_lanes(std::vector<float> values)
{
    values.resize(32);
    for (std::size_t distance = 16; distance > 0; distance /= 2) {
        const std::vector<float> old = values;
        for (std::size_t i = 0; i < 32; ++i)
            values[i] = old[i] + old[i ^ distance];
    }
    return values[0];
}

} // namespace

class TestNumeric : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }
    void cleanup() { emulation_reset(); }

    void rows_are_read_data()
    {
        QTest::addColumn<Dtype>("dtype");
        QTest::addColumn<int>("columns");
        QTest::addColumn<int>("offset"); // of the row from an aligned address
        for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0}) {
            const QByteArray text = name(dtype).data();
            QTest::newRow(text + " 512") << dtype << 512 << 0;
            QTest::newRow(text + " 1408, second row") << dtype << 1408 << 16;
            QTest::newRow(text + " 64 at 3") << dtype << 64 << 3;
            QTest::newRow(text + " 96 at 1") << dtype << 96 << 1;
            if (dtype != Dtype::q8_0) {
                QTest::newRow(text + " 13") << dtype << 13 << 0;
                QTest::newRow(text + " 21 at 5") << dtype << 21 << 5;
            }
        }
    }
    void rows_are_read()
    {
        QFETCH(Dtype, dtype);
        QFETCH(int, columns);
        QFETCH(int, offset);
        test::Random random;
        std::vector<float> values(static_cast<std::size_t>(columns));
        std::generate(values.begin(), values.end(), [&] { return random.normal(); });
        const auto bytes = static_cast<std::size_t>(row_bytes(dtype, columns));
        std::vector<std::byte> file(bytes);
        quantise_row(dtype, values.data(), file.data(), columns);
        std::vector<std::byte> row(bytes);
        to_device_row(dtype, file.data(), row.data(), columns);
        std::vector<float> expected(values.size());
        dequantise_row(dtype, file.data(), expected.data(), columns);

        const Device device(0);
        const DeviceBuffer memory(device, static_cast<std::int64_t>(bytes) + offset);
        copy_to_device(device, memory.data() + offset, row.data(), static_cast<std::int64_t>(bytes));
        const int threads = round_up(divide_up(columns, 8) + 1, 32);
        const DeviceBuffer out(device, threads * 8 * 4);
        std::vector<Read> reads{Read::one, Read::eight_any};
        if (is_aligned(Matrix{memory.data() + offset, dtype, 1, columns}))
            reads.push_back(Read::eight);
        QCOMPARE(reads.size() == 3, columns % 8 == 0 && offset % 16 == 0);
        for (const Read read : reads) {
            LaunchPlan plan;
            plan.threads = static_cast<std::uint32_t>(threads);
            with_dtype(dtype, [&]<Dtype D>() {
                launch(device, plan, read_row<D>, memory.data() + offset, columns,
                       reinterpret_cast<float*>(out.data()), read);
            });
            std::vector<float> found(static_cast<std::size_t>(threads) * 8);
            copy_to_host(device, found.data(), out.data(), out.bytes());
            for (std::size_t i = 0; i < values.size(); ++i)
                QCOMPARE(found[i], expected[i]);
            if (read == Read::eight_any)
                QCOMPARE(found.back(), 0.0f);
        }
    }

    void sums_have_one_order_data()
    {
        QTest::addColumn<int>("threads");
        QTest::addColumn<int>("order");
        for (const int threads : {32, 96, 256, 1024}) {
            for (int order = 0; order < 3; ++order)
                QTest::addRow("%d threads, order %d", threads, order) << threads << order;
        }
    }
    void sums_have_one_order()
    {
        QFETCH(int, threads);
        QFETCH(int, order);
        emulation_set_order(order);
        test::Random random;
        std::vector<float> values(static_cast<std::size_t>(threads));
        std::generate(values.begin(), values.end(), [&] { return random.normal(); });
        std::vector<float> warp_sums;
        for (auto warp = values.begin(); warp != values.end(); warp += 32)
            warp_sums.push_back(sum_of_lanes(std::vector<float>(warp, warp + 32)));
        const float sum = sum_of_lanes(warp_sums);

        const Device device(0);
        const DeviceBuffer in(device, threads * 4);
        const DeviceBuffer out(device, threads * 6 * 4);
        copy_to_device(device, in.data(), values.data(), in.bytes());
        LaunchPlan plan;
        plan.threads = static_cast<std::uint32_t>(threads);
        launch(device, plan, reduce, reinterpret_cast<const float*>(in.data()),
               reinterpret_cast<float*>(out.data()));
        std::vector<float> found(static_cast<std::size_t>(threads) * 6);
        copy_to_host(device, found.data(), out.data(), out.bytes());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const auto warp = values.begin() + static_cast<std::ptrdiff_t>(i / 32 * 32);
            const float* mine = found.data() + 6 * i;
            QCOMPARE(mine[0], warp_sums[i / 32]);
            QCOMPARE(mine[1], *std::max_element(warp, warp + 32));
            QCOMPARE(mine[2], sum);
            QCOMPARE(mine[3], *std::max_element(values.begin(), values.end()));
            QCOMPARE(mine[4], 2.0f * sum);
            QCOMPARE(mine[5], -*std::min_element(values.begin(), values.end()));
        }
    }
};

QTEST_APPLESS_MAIN(TestNumeric)
#include "test_numeric.moc"
