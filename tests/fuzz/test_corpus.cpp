// SPDX-License-Identifier: MIT
// Every committed input of the fuzzers once more, with the ordinary compiler: seeds are accepted, and what
// was found once ("found-…") is never found again.
#include "tests/fuzz/targets.h"

#include <QDirIterator>
#include <QFile>
#include <QTest>

namespace {

const QString corpus = QStringLiteral(FATHOM_SOURCE_DIR "/tests/fuzz/corpus/");

} // namespace

class TestCorpus : public QObject
{
    Q_OBJECT

private slots:
    void every_input_ends_well_data()
    {
        QTest::addColumn<QString>("target");
        for (const fuzz::Target& target : fuzz::targets())
            QTest::newRow(target.name) << QString::fromLatin1(target.name);
    }

    void every_input_ends_well()
    {
        QFETCH(QString, target);
        const auto found = std::ranges::find(
            fuzz::targets(), target, [](const fuzz::Target& t) { return QString::fromLatin1(t.name); });
        int seeds = 0;
        QDirIterator it(corpus + target, QDir::Files);
        while (it.hasNext()) {
            QFile file(it.next());
            QVERIFY(file.open(QIODevice::ReadOnly));
            const QByteArray bytes = file.readAll();
            fuzz::Verdict verdict = fuzz::Verdict::refused;
            try {
                verdict = found->run({bytes.constData(), static_cast<std::size_t>(bytes.size())});
            } catch (const std::exception& error) {
                QFAIL(qPrintable(file.fileName() + QStringLiteral(": ") + QString::fromUtf8(error.what())));
            }
            if (!it.fileName().startsWith(QStringLiteral("seed-")))
                continue;
            ++seeds;
            QVERIFY2(verdict == fuzz::Verdict::accepted, qPrintable(file.fileName()));
        }
        QVERIFY(seeds > 0);
    }

    // What no reader may take: the verdicts of every_input_ends_well mean something.
    void rubbish_is_refused()
    {
        for (const fuzz::Target& target : fuzz::targets())
            for (const std::string_view rubbish : {"", "{", "GGUF", "{% if %}"})
                QVERIFY2(rubbish.empty() || target.run(rubbish) == fuzz::Verdict::refused, target.name);
    }
};

QTEST_APPLESS_MAIN(TestCorpus)
#include "test_corpus.moc"
