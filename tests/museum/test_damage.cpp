// SPDX-License-Identifier: MIT
// A toy model, cut at the bytes of its header and with the bits of it turned, in both formats: always one
// clear sentence or a model that answers, in little memory and time. Built twice: the fast one takes a part
// of the damage, another with FATHOM_EVERY_BIT all of it.
#include "tests/engine/memory_folder.h"
#include "tests/museum/toy_model.h"

#include <QProcess>
#include <QTest>

#include <random>

namespace fs = std::filesystem;

enum class Format
{
    gguf,
    older_gguf, // keys and values in one matrix, which is parted when it is loaded
    safetensors,
    fp8_safetensors
};

class TestDamage : public QObject
{
    Q_OBJECT

private slots:
    void a_damaged_header_is_refused_or_answers_data()
    {
        QTest::addColumn<Format>("format");
        QTest::addColumn<bool>("cuts");
        const std::pair<const char*, Format> formats[] = {{"GGUF", Format::gguf},
                                                          {"GGUF of the older form", Format::older_gguf},
                                                          {"safetensors", Format::safetensors},
                                                          {"safetensors in FP8", Format::fp8_safetensors}};
        for (const auto& [name, format] : formats)
            for (const bool cuts : {true, false})
                QTest::addRow("%s, %s", name, cuts ? "cut" : "bits turned") << format << cuts;
    }

    void a_damaged_header_is_refused_or_answers()
    {
        QFETCH(Format, format);
        QFETCH(bool, cuts);
        const auto temporary = memory_folder();
        const fs::path folder = fs::path(temporary->path().toStdString()) / "toy";
        museum::write_toy(folder);
        fs::path model = folder;
        fs::path file = folder / "model.safetensors";
        const bool is_gguf = format == Format::gguf || format == Format::older_gguf;
        if (format == Format::fp8_safetensors)
            museum::store_as_fp8(folder);
        if (is_gguf) {
            using golden::KeyValueForm;
            model = file = temporary->filePath(QStringLiteral("toy.gguf")).toStdString();
            museum::toy_gguf(folder, format == Format::gguf ? KeyValueForm::mla : KeyValueForm::legacy)
                .write(file);
        }
        QVERIFY(fs::file_size(file) <= 64 << 10);

#ifdef FATHOM_EVERY_BIT
        const unsigned first = 0;
        const unsigned step = 1;
#else
        // Odd, so that every bit of a byte has its turn; another part of the damage each time.
        const unsigned seed = std::random_device()();
        qInfo("seed %u", seed);
        const unsigned step = cuts ? 9 : 61;
        const unsigned first = seed % step;
#endif
        QProcess child;
        child.setProcessChannelMode(QProcess::MergedChannels);
        child.start(QStringLiteral(FATHOM_DAMAGE_CHILD),
                    {QString::fromStdString(model.string()), QString::fromStdString(file.string()),
                     cuts ? QStringLiteral("cut") : QStringLiteral("flip"), QString::number(first),
                     QString::number(step)});
        QVERIFY(child.waitForFinished(-1));
        const QByteArray output = child.readAll();
        qInfo("%s", output.trimmed().constData());
        QCOMPARE(child.exitStatus(), QProcess::NormalExit);
        QCOMPARE(child.exitCode(), 0);
        // In a GGUF file much of the header is names and numbers of which others serve too; in the other
        // format each bit counts.
        if (is_gguf && !cuts)
            QVERIFY(!output.startsWith("0 loaded"));
    }
};

QTEST_GUILESS_MAIN(TestDamage)
#include "test_damage.moc"
