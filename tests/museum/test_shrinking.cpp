// SPDX-License-Identifier: MIT
// A model's file that changes while it is in use (fault table, row 14): the answer in the making ends with a
// sentence that names the file, the process lives, and other models load.
#include "engine/error.h"
#include "engine/format/mapped_file.h"
#include "tests/engine/memory_folder.h"
#include "tests/museum/answering.h"
#include "tests/museum/toy_model.h"

#include <QCoreApplication>
#include <QProcess>
#include <QTest>

#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <thread>

namespace fs = std::filesystem;

namespace {

// Maps a page of a file that is then cut to nothing, without telling anyone.
const volatile char* lost_page(const fs::path& path)
{
    std::ofstream(path) << 'x';
    FILE* file = std::fopen(path.c_str(), "r");
    void* page = mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fileno(file), 0);
    std::fclose(file);
    fs::resize_file(path, 0);
    return static_cast<const volatile char*>(page);
}

void leave_with_42(int)
{
    _exit(42);
}

// What this program does as its own child: a fault that is none of ours, once one of our files is mapped.
int fault_elsewhere(const fs::path& folder, std::string_view handler)
{
    const rlimit no_core{0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (handler == "handled")
        std::signal(SIGBUS, leave_with_42);
    std::ofstream(folder / "ours") << 'x';
    const engine::format::MappedFile ours(folder / "ours");
    (void)*lost_page(folder / "theirs");
    return 0;
}

} // namespace

class TestShrinking : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_temporary;
    fs::path m_folder;
    fs::path m_model; // a GGUF file of the toy model, new for each test

private slots:
    void init()
    {
        m_temporary = memory_folder();
        m_folder = m_temporary->path().toStdString();
        museum::write_toy(m_folder / "toy");
        m_model = m_folder / "toy.gguf";
        museum::toy_gguf(m_folder / "toy").write(m_model);
    }

    void a_file_cut_while_it_answers_data()
    {
        QTest::addColumn<qint64>("size");
        QTest::newRow("to nothing") << qint64{0};
        QTest::newRow("to its first page") << qint64{4096};
        QTest::newRow("by its last page") << qint64{-4096};
    }

    void a_file_cut_while_it_answers()
    {
        QFETCH(qint64, size);
        engine::LoadOptions options = museum::small_options();
        options.threads = 2; // the fault may come to any thread
        const auto model = museum::load(m_model, options);
        const engine::SequenceId sequence = model->open_sequence();
        int tokens = 0;
        const museum::Answer end =
            museum::answer(*model, sequence, museum::short_request({1, 2, 3}, 50), [&] {
                if (++tokens == 3)
                    fs::resize_file(m_model, size < 0
                                                 ? fs::file_size(m_model) - static_cast<std::size_t>(-size)
                                                 : static_cast<std::size_t>(size));
            });
        QVERIFY(!end.result);
        QVERIFY2(end.failure.starts_with(m_model.string() + ": a part of the file could no longer be read"),
                 end.failure.c_str());
        QVERIFY(tokens < 10);

        // The model is of no use any more and says so; it can be let go, and another one answers.
        try {
            museum::answer(*model, sequence, museum::short_request());
            QFAIL("expected a refusal");
        } catch (const engine::Error& error) {
            QVERIFY2(std::string(error.what()).starts_with(m_model.string()), error.what());
        }
        const auto other = museum::load(m_folder / "toy");
        QVERIFY(museum::answer(*other).result);
        museum::toy_gguf(m_folder / "toy").write(m_model);
        QVERIFY(museum::answer(*museum::load(m_model)).result);
    }

    // What is mapped stays whole: the answer ends as it would have, and the next one is refused.
    void a_file_replaced_or_removed_while_it_answers_data()
    {
        QTest::addColumn<bool>("replaced");
        QTest::addColumn<QByteArray>("sentence");
        QTest::newRow("replaced") << true
                                  << QByteArray("the file was changed or replaced while it was in use");
        QTest::newRow("removed") << false << QByteArray("the file is no longer there");
    }

    void a_file_replaced_or_removed_while_it_answers()
    {
        QFETCH(bool, replaced);
        QFETCH(QByteArray, sentence);
        const auto request = museum::short_request({1, 2, 3}, 20);
        const auto expected = museum::answer(*museum::load(m_model), request);
        QVERIFY(expected.result);

        const auto model = museum::load(m_model);
        const engine::SequenceId sequence = model->open_sequence();
        int tokens = 0;
        const museum::Answer end = museum::answer(*model, sequence, request, [&] {
            if (++tokens != 3)
                return;
            fs::remove(m_model);
            if (replaced)
                museum::toy_gguf(m_folder / "toy").write(m_model);
        });
        QVERIFY2(end.result, end.failure.c_str());
        QCOMPARE(end.result->ids, expected.result->ids);
        try {
            museum::answer(*model, sequence, request);
            QFAIL("expected a refusal");
        } catch (const engine::Error& error) {
            QCOMPARE(QByteArray(error.what()).left(static_cast<qsizetype>(m_model.string().size())),
                     QByteArray::fromStdString(m_model.string()));
            QVERIFY2(QByteArray(error.what()).contains(sentence), error.what());
        }
    }

    // Cut between opening and reading the weights: whatever it ends with, it is a sentence.
    void a_file_cut_while_it_loads()
    {
        for (const char* stage : {"Opening", "Vocabulary", "Weights"}) {
            museum::toy_gguf(m_folder / "toy").write(m_model);
            std::string end;
            try {
                const auto model =
                    engine::load(m_model, museum::small_options(),
                                 [&](const engine::LoadProgress& progress) {
                                     if (progress.stage == stage && fs::file_size(m_model) > 4096)
                                         fs::resize_file(m_model, 4096);
                                 },
                                 {});
                end = museum::answer(*model).failure;
            } catch (const engine::Error& error) {
                end = error.what();
            }
            QVERIFY2(end.starts_with(m_model.string()), (stage + (": " + end)).c_str());
        }
    }

    // All threads of a file's readers fault at once, while other files come and go.
    void many_threads_fault_at_once()
    {
        const fs::path path = m_folder / "large";
        std::ofstream(path) << std::string(std::size_t{4} << 20, 'x');
        const engine::format::MappedFile file(path);
        fs::resize_file(path, 4096);
        std::atomic<std::size_t> zeros = 0;
        std::vector<std::jthread> threads;
        for (std::size_t t = 0; t < 4; ++t)
            threads.emplace_back([&, t] {
                const auto part = file.bytes().subspan(t << 20, std::size_t{1} << 20);
                zeros += static_cast<std::size_t>(std::ranges::count(part, std::byte{0}));
            });
        for (int i = 0; i < 200; ++i) {
            const engine::format::MappedFile other(m_model);
            QVERIFY(!other.is_damaged());
        }
        threads.clear();
        QCOMPARE(zeros.load(), (std::size_t{4} << 20) - 4096);
        QVERIFY(file.is_damaged());
    }

    // Faults of others are others': their handler is called, and without one the process ends as ever.
    void other_faults_are_left_alone()
    {
        const auto child = [&](const char* handler) {
            auto process = std::make_unique<QProcess>();
            process->start(
                QCoreApplication::applicationFilePath(),
                {QStringLiteral("--fault-elsewhere"), m_temporary->path(), QLatin1String(handler)});
            process->waitForFinished(-1);
            return process;
        };
        const auto handled = child("handled");
        QCOMPARE(handled->exitStatus(), QProcess::NormalExit);
        QCOMPARE(handled->exitCode(), 42);
        const auto ended = child("default");
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
        QVERIFY(ended->exitCode() != 0); // the sanitizer's own handler reports it
#else
        QCOMPARE(ended->exitStatus(), QProcess::CrashExit);
#endif
    }
};

int main(int argc, char** argv)
{
    const QCoreApplication application(argc, argv);
    if (argc == 4 && argv[1] == std::string_view("--fault-elsewhere"))
        return fault_elsewhere(argv[2], argv[3]);
    TestShrinking test;
    return QTest::qExec(&test, argc, argv);
}

#include "test_shrinking.moc"
