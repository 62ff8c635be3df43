// SPDX-License-Identifier: MIT
#include "tests/kernels/support.h"
#include "tests/shared_folder.h"

#include "kernels/cpu/primitives.h"
#include "kernels/quant/blocks.h"
#include "kernels/quant/dequantise.h"
#include "kernels/quant/float16.h"
#include "kernels/quant/float8.h"
#include "kernels/quant/quantise.h"

#include <QFile>
#include <QTest>

#include <bit>
#include <cmath>

using namespace kernels;
using kernels::test::Random;

namespace {

// Value of a 16-bit float by its definition.
double by_definition(unsigned bits, int exponent_bits, int fraction_bits)
{
    const int bias = (1 << (exponent_bits - 1)) - 1;
    const unsigned fraction = bits & ((1u << fraction_bits) - 1);
    const int exponent = static_cast<int>(bits >> fraction_bits) & ((1 << exponent_bits) - 1);
    const double sign = (bits & 0x8000u) != 0 ? -1.0 : 1.0;
    if (exponent == (1 << exponent_bits) - 1)
        return fraction != 0 ? std::nan("") : sign * INFINITY;
    if (exponent == 0)
        return sign * std::ldexp(fraction, 1 - bias - fraction_bits);
    return sign * std::ldexp(fraction + (1u << fraction_bits), exponent - bias - fraction_bits);
}

bool same(float got, double expected)
{
    return std::isnan(expected)
               ? std::isnan(got)
               : static_cast<double>(got) == expected && std::signbit(got) == std::signbit(expected);
}

// Whether the blocks become exactly these floats, wherever they lie.
bool gives(Dtype dtype, const QByteArray& blocks, const QByteArray& floats)
{
    std::vector<float> got(static_cast<std::size_t>(floats.size()) / sizeof(float));
    for (const int misaligned : {0, 1, 2, 3, 5}) {
        const QByteArray moved = QByteArray(misaligned, '\0') + blocks;
        dequantise_row(dtype, reinterpret_cast<const std::byte*>(moved.constData()) + misaligned, got.data(),
                       static_cast<std::int64_t>(got.size()));
        if (std::memcmp(got.data(), floats.constData(), static_cast<std::size_t>(floats.size())) != 0)
            return false;
    }
    return true;
}

// TYPE.bin in the folder gives TYPE.f32.
void compare_vectors(const QString& folder, const DtypeInfo& type)
{
    const QString file = folder + QString::fromLatin1(type.name.data(), static_cast<int>(type.name.size()));
    QFile packed(file + QStringLiteral(".bin"));
    QFile numbers(file + QStringLiteral(".f32"));
    QVERIFY2(packed.open(QIODevice::ReadOnly) && numbers.open(QIODevice::ReadOnly), qPrintable(file));
    const QByteArray bytes = packed.readAll();
    const QByteArray expected = numbers.readAll();
    QVERIFY(!bytes.isEmpty());
    QCOMPARE(bytes.size() / type.bytes * type.values * 4, expected.size());
    QVERIFY2(gives(type.dtype, bytes, expected), qPrintable(file));
}

} // namespace

class TestDequantise : public QObject
{
    Q_OBJECT

private slots:
    void every_f16_value()
    {
        for (unsigned bits = 0; bits <= 0xffff; ++bits) {
            const float value = f16_to_f32(static_cast<std::uint16_t>(bits));
            QVERIFY2(same(value, by_definition(bits, 5, 10)), qPrintable(QString::number(bits, 16)));
            const unsigned back = f32_to_f16(value);
            if (std::isnan(value))
                QCOMPARE(back, bits | 0x200u); // quiet, payload kept
            else
                QCOMPARE(back, bits);
        }
    }

    void every_bf16_value()
    {
        for (unsigned bits = 0; bits <= 0xffff; ++bits) {
            const float value = bf16_to_f32(static_cast<std::uint16_t>(bits));
            QVERIFY2(same(value, by_definition(bits, 8, 7)), qPrintable(QString::number(bits, 16)));
            const unsigned back = f32_to_bf16(value);
            if (std::isnan(value))
                QCOMPARE(back, bits | 0x40u);
            else
                QCOMPARE(back, bits);
        }
    }

    // Between two neighbours lies a tie; one step to either side decides.
    void narrowing_rounds_to_nearest_even()
    {
        const auto check = [](auto narrow, auto widen, unsigned infinity) {
            for (unsigned bits = 0; bits + 1 < infinity; ++bits) {
                const float low = widen(static_cast<std::uint16_t>(bits));
                const float high = widen(static_cast<std::uint16_t>(bits + 1));
                const float middle =
                    static_cast<float>((static_cast<double>(low) + static_cast<double>(high)) / 2);
                const unsigned even = (bits & 1u) == 0 ? bits : bits + 1;
                QCOMPARE(static_cast<unsigned>(narrow(middle)), even);
                QCOMPARE(static_cast<unsigned>(narrow(-middle)), even | 0x8000u);
                QCOMPARE(static_cast<unsigned>(narrow(std::nextafter(middle, 0.0f))), bits);
                QCOMPARE(static_cast<unsigned>(narrow(std::nextafter(middle, INFINITY))), bits + 1);
            }
        };
        check(f32_to_f16, f16_to_f32, 0x7c00u);
        check(f32_to_bf16, bf16_to_f32, 0x7f80u);
        QCOMPARE(f32_to_f16(65519.0f), std::uint16_t{0x7bff});
        QCOMPARE(f32_to_f16(65520.0f), std::uint16_t{0x7c00});
        QCOMPARE(f32_to_f16(-1e30f), std::uint16_t{0xfc00});
        QCOMPARE(f32_to_bf16(std::numeric_limits<float>::max()), std::uint16_t{0x7f80});
        QCOMPARE(f32_to_f16(std::bit_cast<float>(0x7f800001u)), std::uint16_t{0x7e00});
        QCOMPARE(f32_to_bf16(std::bit_cast<float>(0xff800001u)), std::uint16_t{0xffc0});
    }

    void every_f8_value()
    {
        for (unsigned bits = 0; bits <= 0xff; ++bits) {
            const unsigned exponent = bits >> 3 & 15;
            const unsigned fraction = bits & 7;
            double expected = exponent == 0 ? std::ldexp(fraction, -9)
                                            : std::ldexp(8 + fraction, static_cast<int>(exponent) - 10);
            if (exponent == 15 && fraction == 7)
                expected = std::nan("");
            if ((bits & 0x80) != 0)
                expected = -expected;
            QVERIFY2(same(f8_e4m3_to_f32(static_cast<std::uint8_t>(bits)), expected),
                     qPrintable(QString::number(bits, 16)));
        }
    }

    // A matrix (300, 200) has 3 x 2 factors, which lie anywhere; its parts keep them.
    void f8_factors_follow_the_rows()
    {
        constexpr std::int64_t rows = 300;
        constexpr std::int64_t columns = 200;
        std::vector<std::byte> codes(rows * columns, std::byte{0x38}); // 1
        const float factors[6] = {1.0f, -2.0f, 3.0f, 0.25f, 5.0f, 1e-3f};
        std::byte memory[sizeof factors + 1];
        std::memcpy(memory + 1, factors, sizeof factors);
        const Matrix w{codes.data(), Dtype::f8_e4m3, rows, columns, {memory + 1, 8, 0}};
        const Matrix part = w.slice(100, 150).slice(20, 130);
        const HeadMatrix heads{w.data, w.dtype, 3, 60, columns, 90 * columns, w.scales.below(30)};
        std::vector<float> row(columns);
        const auto check = [&](const Matrix& m, std::int64_t first) {
            for (std::int64_t r = 0; r < m.rows; ++r) {
                dequantise_row(m, r, row.data());
                for (std::int64_t c = 0; c < columns; ++c)
                    if (row[static_cast<std::size_t>(c)] != factors[(first + r) / 128 * 2 + c / 128])
                        return false;
            }
            return true;
        };
        QVERIFY(check(w, 0));
        QVERIFY(check(part, 120));
        for (std::int64_t h = 0; h < 3; ++h)
            QVERIFY(check(heads.head(h), 30 + 90 * h));
        Matrix bare = w;
        bare.scales = {};
        dequantise_row(bare, 299, row.data());
        QCOMPARE(row.back(), 1.0f);
    }

    // Written out by hand: scale 0.5 is 0x3800, and the values are bytes in two's complement.
    void q8_0_block()
    {
        std::vector<std::byte> bytes(34);
        bytes[1] = std::byte{0x38};
        for (std::size_t i = 0; i < 32; ++i)
            bytes[2 + i] = static_cast<std::byte>(i * 8 + 4);
        float numbers[32];
        dequantise_row(Dtype::q8_0, bytes.data(), numbers, 32);
        for (int i = 0; i < 32; ++i)
            QCOMPARE(numbers[i], 0.5f * static_cast<float>(i < 16 ? i * 8 + 4 : i * 8 + 4 - 256));

        float input[32];
        for (int i = 0; i < 32; ++i)
            input[i] = static_cast<float>(i) - 15.0f;
        input[31] = -31.75f; // scale 0.25, exactly
        Q8_0Block block;
        quantise_row(Dtype::q8_0, input, reinterpret_cast<std::byte*>(&block), 32);
        QCOMPARE(block.scale, std::uint16_t{0x3400});
        QCOMPARE(block.values[31], std::int8_t{-127});
        QCOMPARE(block.values[0], std::int8_t{-60});
        QCOMPARE(block.values[15], std::int8_t{0});
    }

    // tests/data/quant, made by tests/golden/make_quant_vectors.py with the Python package gguf.
    void vectors()
    {
        const QString folder = QStringLiteral(FATHOM_SOURCE_DIR "/tests/data/quant/");
        for (const DtypeInfo& type : dtype_infos)
            if (type.values > 1)
                compare_vectors(folder, type);
    }

    void published_vectors()
    {
        const QString folder =
            QString::fromStdString(shared_folder().string()) + QStringLiteral("/spec/golden/quant/");
        if (!QFile::exists(folder)) {
            qInfo("no further vectors at %s", qPrintable(folder));
            return;
        }
        for (const DtypeInfo& type : dtype_infos)
            if (type.values > 1)
                compare_vectors(folder, type);
    }

    // The vector forms give the same bits, at any alignment and length.
    void vector_forms_are_equal_data()
    {
        QTest::addColumn<cpu::Isa>("isa");
        for (const cpu::Isa isa : test::supported_isas())
            QTest::newRow(cpu::name(isa).data()) << isa;
    }

    void vector_forms_are_equal()
    {
        QFETCH(cpu::Isa, isa);
        const cpu::Primitives* primitives = cpu::primitives_of(isa);
        QCOMPARE(primitives == nullptr, isa == cpu::Isa::scalar);
        if (!primitives)
            return;
        Random random;
        for (const DtypeInfo& type : dtype_infos) {
            for (int trial = 0; trial < 40; ++trial) {
                const std::int64_t columns = random.columns(type.dtype, 1, trial % 4 == 0 ? 1100 : 300);
                const test::Weights weights(random, type.dtype, random.integer(1, 5), columns);
                const Matrix& w = weights.matrix;
                std::vector<float> expected(static_cast<std::size_t>(w.rows * columns));
                std::vector<float> got(expected.size() + 1, 77.0f);
                for (std::int64_t r = 0; r < w.rows; ++r)
                    dequantise_row(w, r, expected.data() + r * columns);
                primitives->dequantise({w.data, w.dtype, w.rows, columns, w.row_bytes(), w.scales},
                                       got.data());
                QVERIFY2(std::memcmp(got.data(), expected.data(), expected.size() * sizeof(float)) == 0,
                         type.name.data());
                QCOMPARE(got.back(), 77.0f);
            }
        }
        for (unsigned bits = 0; bits <= 0xff; ++bits) {
            const auto code = static_cast<std::byte>(bits);
            float expected = 0.0f;
            float got = 0.0f;
            dequantise_row(Dtype::f8_e4m3, &code, &expected, 1);
            primitives->dequantise({&code, Dtype::f8_e4m3, 1, 1, 1}, &got);
            QCOMPARE(std::bit_cast<unsigned>(got), std::bit_cast<unsigned>(expected));
        }
        // Every f16 and bf16 bit pattern but signalling NaNs, which widening may quieten.
        for (const Dtype dtype : {Dtype::f16, Dtype::bf16}) {
            for (unsigned bits = 0; bits <= 0xffff; ++bits) {
                const auto half = static_cast<std::uint16_t>(bits);
                float expected = 0.0f;
                float got = 0.0f;
                const auto* src = reinterpret_cast<const std::byte*>(&half);
                dequantise_row(dtype, src, &expected, 1);
                primitives->dequantise({src, dtype, 1, 1, 2}, &got);
                QVERIFY(std::isnan(expected)
                            ? std::isnan(got)
                            : std::bit_cast<unsigned>(got) == std::bit_cast<unsigned>(expected));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestDequantise)
#include "test_dequantise.moc"
