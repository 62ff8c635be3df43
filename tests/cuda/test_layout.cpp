// SPDX-License-Identifier: MIT
// Rows of a file against the same rows as they lie on the device.
#include "tests/kernels/support.h"

#include "kernels/cuda/layout.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/quantise.h"

#include <QtTest>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace kernels;

Q_DECLARE_METATYPE(kernels::Dtype)

class TestLayout : public QObject
{
    Q_OBJECT

private slots:
    void rows_keep_their_numbers_data()
    {
        QTest::addColumn<Dtype>("dtype");
        for (const Dtype dtype : {Dtype::f32, Dtype::f16, Dtype::bf16, Dtype::q8_0})
            QTest::newRow(name(dtype).data()) << dtype;
    }
    void rows_keep_their_numbers()
    {
        QFETCH(Dtype, dtype);
        test::Random random;
        for (const std::int64_t columns : {32, 64, 96, 512, 1408}) {
            const auto count = static_cast<std::size_t>(columns);
            std::vector<float> values(count);
            std::generate(values.begin(), values.end(), [&] { return random.normal(); });
            const auto bytes = static_cast<std::size_t>(row_bytes(dtype, columns));
            std::vector<std::byte> file(bytes + 1); // at an odd address, as files have it
            std::vector<std::byte> device(bytes);
            quantise_row(dtype, values.data(), file.data() + 1, columns);
            cuda::to_device_row(dtype, file.data() + 1, device.data(), columns);
            std::vector<float> expected(count);
            std::vector<float> found(count);
            dequantise_row(dtype, file.data() + 1, expected.data(), columns);
            cuda::dequantise_device_row(dtype, device.data(), found.data(), columns);
            QCOMPARE(found, expected);
        }
    }

    void quants_come_before_scales()
    {
        std::vector<std::byte> file(68);
        for (std::size_t i = 0; i < file.size(); ++i)
            file[i] = static_cast<std::byte>(i);
        std::vector<std::byte> device(68);
        cuda::to_device_row(Dtype::q8_0, file.data(), device.data(), 64);
        for (std::size_t i = 0; i < 64; ++i)
            QCOMPARE(device[i], static_cast<std::byte>(i < 32 ? i + 2 : i + 4));
        QCOMPARE(device[64], std::byte{0});
        QCOMPARE(device[65], std::byte{1});
        QCOMPARE(device[66], std::byte{34});
        QCOMPARE(device[67], std::byte{35});
    }

    void alignment_is_seen_data()
    {
        QTest::addColumn<Dtype>("dtype");
        QTest::addColumn<int>("columns");
        QTest::addColumn<int>("offset"); // of the matrix from an aligned address
        QTest::addColumn<bool>("is_aligned");
        QTest::newRow("BF16 2048") << Dtype::bf16 << 2048 << 0 << true;
        QTest::newRow("BF16 24") << Dtype::bf16 << 24 << 16 << true;
        QTest::newRow("BF16 20") << Dtype::bf16 << 20 << 0 << false;
        QTest::newRow("BF16 2048 at 8") << Dtype::bf16 << 2048 << 8 << false;
        QTest::newRow("F16 8") << Dtype::f16 << 8 << 0 << true;
        QTest::newRow("F32 8") << Dtype::f32 << 8 << 0 << true;
        QTest::newRow("F32 4") << Dtype::f32 << 4 << 0 << false; // no whole vector of eight numbers
        QTest::newRow("Q8_0 2048") << Dtype::q8_0 << 2048 << 0 << true;
        QTest::newRow("Q8_0 1408") << Dtype::q8_0 << 1408 << 8 << true; // rows of 1496 = 8 * 187 bytes
        QTest::newRow("Q8_0 32") << Dtype::q8_0 << 32 << 0 << false;    // rows of 34 bytes
        QTest::newRow("Q8_0 128 at 4") << Dtype::q8_0 << 128 << 4 << false;
    }
    void alignment_is_seen()
    {
        QFETCH(Dtype, dtype);
        QFETCH(int, columns);
        QFETCH(int, offset);
        QFETCH(bool, is_aligned);
        alignas(256) static std::byte memory[512];
        QCOMPARE(cuda::is_aligned(Matrix{memory + offset, dtype, 2, columns}), is_aligned);
    }
};

QTEST_APPLESS_MAIN(TestLayout)
#include "test_layout.moc"
