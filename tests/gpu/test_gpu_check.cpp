// SPDX-License-Identifier: MIT
// The program that tests/gpu/run carries to a machine with a GPU, here on the emulated one with small shapes:
// what nobody runs until a GPU is at hand would not work when it is.
#include "kernels/quant/dequantise.h"
#include "tests/gpu/generator.h"
#include "tests/gpu/options.h"
#include "tests/gpu/report.h"

#include <QFile>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

struct Outcome
{
    int code = -1;
    QString output; // and errors
};

Outcome run(const QStringList& arguments)
{
    QProcess process;
    process.setProcessChannelMode(QProcess::MergedChannels);
    process.start(QStringLiteral(GPU_CHECK), arguments);
    if (!process.waitForFinished(240'000) || process.exitStatus() != QProcess::NormalExit)
        return {-1, QString::fromUtf8(process.readAll())};
    return {process.exitCode(), QString::fromUtf8(process.readAll())};
}

QString read(const QString& path)
{
    QFile file(path);
    return file.open(QFile::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

// A program that stands in for compute-sanitizer: it notes how it was called and ends as told.
QString fake_sanitizer(const QTemporaryDir& folder, int code)
{
    const QString path = folder.filePath("compute-sanitizer");
    QFile file(path);
    if (!file.open(QFile::WriteOnly))
        return {};
    file.write(QStringLiteral("#!/bin/sh\necho \"$@\" >> '%1'\nexit %2\n")
                   .arg(folder.filePath("calls"))
                   .arg(code)
                   .toUtf8());
    file.setPermissions(QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
    return path;
}

} // namespace

class TestGpuCheck : public QObject
{
    Q_OBJECT

private slots:
    // The known answers of the generator's authors.
    void philox_gives_the_published_numbers()
    {
        struct Case
        {
            gpu::Words counter;
            std::uint32_t key[2];
            gpu::Words expected;
        };
        const Case cases[] = {{{{0, 0, 0, 0}}, {0, 0}, {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}}},
                              {{{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}},
                               {0xffffffff, 0xffffffff},
                               {{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}}},
                              {{{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}},
                               {0xa4093822, 0x299f31d0},
                               {{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}}}};
        for (const Case& c : cases) {
            const gpu::Words got = gpu::philox(c.counter, c.key[0], c.key[1]);
            for (int i = 0; i < 4; ++i)
                QCOMPARE(got.w[i], c.expected.w[i]);
        }
    }

    void weights_have_the_deviation_that_products_need()
    {
        for (const kernels::Dtype dtype :
             {kernels::Dtype::f32, kernels::Dtype::f16, kernels::Dtype::bf16, kernels::Dtype::q8_0}) {
            const std::int64_t rows = 100;
            const std::int64_t columns = 512;
            std::vector<std::byte> memory(
                static_cast<std::size_t>(rows * kernels::row_bytes(dtype, columns)));
            gpu::fill_host(gpu::weight_filling(5, columns), dtype, memory.data(), rows, columns);
            double sum = 0.0;
            double squares = 0.0;
            std::vector<float> row(static_cast<std::size_t>(columns));
            for (std::int64_t r = 0; r < rows; ++r) {
                kernels::dequantise_row(dtype, memory.data() + r * kernels::row_bytes(dtype, columns),
                                        row.data(), columns);
                for (const float value : row) {
                    sum += static_cast<double>(value);
                    squares += static_cast<double>(value) * static_cast<double>(value);
                }
            }
            const auto count = static_cast<double>(rows * columns);
            QVERIFY(std::abs(sum / count) < 1e-3);
            // The scales of Q8_0 lie between one half and one.
            const double deviation = std::sqrt(squares / count * static_cast<double>(columns));
            QVERIFY2(deviation > (dtype == kernels::Dtype::q8_0 ? 0.7 : 0.97) && deviation < 1.03,
                     qPrintable(QString::number(deviation)));
        }
    }

    void options_are_read()
    {
        const gpu::Options all = gpu::parse_options({});
        QCOMPARE(all.parts.size(), std::size_t{5});
        QVERIFY(all.has_true_shapes);
        const gpu::Options some = gpu::parse_options(
            {"--only", "kernels,speed", "--shapes", "tiny", "--device", "1", "--minutes", "0.5"});
        QVERIFY((some.parts == std::set{gpu::Part::kernels, gpu::Part::speed}));
        QVERIFY(!some.has_true_shapes);
        QCOMPARE(some.device, 1);
        QCOMPARE(some.minutes, 0.5);
        for (const std::vector<std::string>& wrong : {std::vector<std::string>{"--only", "speed,"},
                                                      {"--shapes", "huge"},
                                                      {"--device", "1.5"},
                                                      {"--device", "-1"},
                                                      {"--minutes", "soon"},
                                                      {"--minutes", ""},
                                                      {"--golden"},
                                                      {"--unheard", "1"}})
            QVERIFY_EXCEPTION_THROWN(gpu::parse_options(wrong), gpu::UsageError);
    }

    void table_survives_an_interruption()
    {
        const QTemporaryDir folder;
        const QString path = folder.filePath("table.md");
        gpu::Report report(path.toStdString(), "Title");
        report.fact("device", "one");
        report.section("Part", {"what", "result"});
        report.verdict({"good | bad\nthing"}, true);
        report.verdict({"other"}, false);
        const QString partial = read(path);
        QVERIFY(partial.contains("interrupted"));
        QVERIFY(partial.contains("- device: one\n"));
        QVERIFY(partial.contains(
            "| what | result |\n|---|---|\n| good \\| bad thing | ok |\n| other | FAILED |\n"));
        QVERIFY(partial.contains("1 of 2 passed"));
        report.remark("Said below.");
        report.finish();
        QVERIFY(!read(path).contains("interrupted"));
        QVERIFY(read(path).endsWith("\nSaid below.\n"));
        QCOMPARE(report.failures(), 1);
        QVERIFY(!QFile::exists(path + ".part"));
    }

    void kernels_pass_on_the_emulated_gpu()
    {
        const Outcome outcome = run({"--only", "kernels", "--shapes", "tiny"});
        QVERIFY2(outcome.code == 0, qPrintable(outcome.output));
        for (const char* kernel :
             {"weights made alike", "norm, query and latent", "embedding", "gated product",
              "head of gathered", "router, biased", "experts, down", "prepare, absorbed", "attend, absorbed",
              "values of the mix", "sampling, all", "grouped experts, down", "dense product, gated",
              "de-compressed"})
            QVERIFY2(outcome.output.contains(QLatin1String(kernel)), kernel);
    }

    // Everything else a run does, to the table.
    void golden_models_and_speed_are_reported()
    {
        const QTemporaryDir folder;
        // One golden model here; tests/cuda runs all of them.
        QVERIFY(QFile::link(FATHOM_SOURCE_DIR "/tests/data/golden/sharded", folder.filePath("sharded")));
        const Outcome outcome =
            run({"--only", "golden,ceilings,speed,sanitizer", "--shapes", "tiny", "--results", folder.path(),
                 "--golden", folder.path(), "--sanitizer", fake_sanitizer(folder, 0), "--date", "2026-11-24",
                 "--revision", "abc1234", "--driver", "580.1"});
        QVERIFY2(outcome.code == 0, qPrintable(outcome.output));
        const QString table = read(folder.filePath("nvidia-emulated-gpu-2026-11-24-abc1234.md"));
        for (const char* expected :
             {"- device: NVIDIA Emulated GPU", "- driver: 580.1", "- revision: abc1234",
              "read bandwidth over", "an empty launch", "| sharded | token by token | F32 |",
              "Tiny model BF16, generation", "Tiny model Q8_0, prompts", "| 12 at 70 |", "| memcheck | ok |",
              "| racecheck | ok |"})
            QVERIFY2(table.contains(QLatin1String(expected)), qPrintable(expected + ("\n" + table)));
        QVERIFY(!table.contains("FAILED"));
        QVERIFY(!table.contains("interrupted"));
        const QString calls = read(folder.filePath("calls"));
        QVERIFY2(calls.contains("--tool racecheck") && calls.contains("--only kernels --shapes tiny"),
                 qPrintable(calls));
    }

    void what_fails_shows()
    {
        const QTemporaryDir folder;
        const Outcome sanitizer =
            run({"--only", "sanitizer", "--shapes", "tiny", "--sanitizer", fake_sanitizer(folder, 9)});
        QCOMPARE(sanitizer.code, 1);
        QVERIFY(sanitizer.output.contains("| memcheck | FAILED |"));
        const Outcome golden = run({"--only", "golden", "--golden", folder.path()});
        QCOMPARE(golden.code, 1);
        QVERIFY(golden.output.contains("no golden model was found"));
        const Outcome late = run({"--only", "kernels", "--shapes", "tiny", "--minutes", "0"});
        QVERIFY(late.output.contains("not run: the time is up"));
        const Outcome device = run({"--device", "7"});
        QCOMPARE(device.code, 1);
        QVERIFY2(device.output.contains("There is no GPU 7."), qPrintable(device.output));
        QCOMPARE(run({"--shapes", "huge"}).code, 2);
        QVERIFY(run({"--help"}).output.startsWith("usage: gpu_check"));
    }
};

QTEST_GUILESS_MAIN(TestGpuCheck)
#include "test_gpu_check.moc"
