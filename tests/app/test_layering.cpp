// SPDX-License-Identifier: MIT
// The rules of ARCHITECTURE.md that a compiler does not check: who includes whom, what no layer may use, what
// every file begins with. Each rule is also shown a planted fault, so that it cannot quietly stop looking.
#include <QDirIterator>
#include <QFile>
#include <QHash>
#include <QRegularExpression>
#include <QtTest>

#include <algorithm>

namespace {

const QString sourceDir = QStringLiteral(FATHOM_SOURCE_DIR);
const QStringList layers{"kernels", "engine", "storage", "ui", "app", "tests"};

// Folder -> folders whose headers it may include.
const QHash<QString, QStringList> mayInclude{
    {"kernels", {"kernels"}},
    {"engine", {"kernels", "engine"}},
    {"storage", {"storage"}},
    {"ui", {"engine", "storage", "ui"}},
    {"app", {"kernels", "engine", "storage", "ui", "app"}},
    {"tests", {"kernels", "engine", "storage", "ui", "app", "tests"}},
};

// The text with comments and the insides of string literals blanked, line by line as before.
QString code_of(const QString& text)
{
    static const QRegularExpression token(QStringLiteral("R\"(\\w*)\\([\\s\\S]*?\\)\\1\"" // raw string
                                                         "|\"(?:\\\\.|[^\"\\\\\\n])*\""   // string
                                                         "|'(?:\\\\.|[^'\\\\\\n])+'"      // character
                                                         "|//[^\\n]*|/\\*[\\s\\S]*?\\*/"));
    QString code;
    qsizetype from = 0;
    for (auto it = token.globalMatch(text); it.hasNext();) {
        const QRegularExpressionMatch match = it.next();
        code += text.mid(from, match.capturedStart() - from);
        const QString found = match.captured();
        if (!found.startsWith(u'/'))
            code += QStringLiteral("\"\"");
        code += QString(found.count(u'\n'), u'\n');
        from = match.capturedEnd();
    }
    return code + text.mid(from);
}

int line_of(const QString& text, qsizetype position)
{
    return int(QStringView(text).left(position).count(u'\n')) + 1;
}

// Every fault of one file, as "path:line: what".
class Checker
{
public:
    Checker(QString path, QString text)
        : m_path(std::move(path))
        , m_text(std::move(text))
        , m_folder(m_path.section(u'/', 0, 0))
        , m_suffix(m_path.section(u'.', -1))
    {
        if (!m_path.contains(u'/') || !layers.contains(m_folder))
            m_folder.clear();
        opening();
        if (QStringList{"cpp", "h", "cu", "cuh"}.contains(m_suffix)) {
            includes();
            words();
        }
        if (m_suffix == u"qml")
            qml();
    }

    const QStringList& faults() const { return m_faults; }

private:
    void fault(int line, const QString& what)
    {
        m_faults << QStringLiteral("%1:%2: %3").arg(m_path).arg(line).arg(what);
    }

    void opening()
    {
        const QStringList lines = m_text.split(u'\n');
        const int at = lines.value(0).startsWith(u"#!") ? 1 : 0;
        if (!lines.value(at).contains(u"SPDX-License-Identifier: MIT"))
            fault(at + 1, "no SPDX line");
        if (m_suffix == u"h" && !m_text.contains(u"#pragma once\n"))
            fault(1, "no #pragma once");
    }

    void includes()
    {
        static const QRegularExpression pattern(
            QStringLiteral(R"(^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"])"),
            QRegularExpression::MultilineOption);
        const bool knowsQt = m_folder == u"ui" || m_folder == u"app" || m_folder == u"tests";
        for (auto it = pattern.globalMatch(m_text); it.hasNext();) {
            const QRegularExpressionMatch match = it.next();
            const int line = line_of(m_text, match.capturedStart(1));
            const QString header = match.captured(2);
            const QString folder = header.section(u'/', 0, 0);
            if (header.contains(u'/') && layers.contains(folder) && !mayInclude[m_folder].contains(folder))
                fault(line, QStringLiteral("%1 may not include %2").arg(m_folder, header));
            if (match.captured(1) == u"\"" && !layers.contains(folder) && m_suffix == u"h")
                fault(line, QStringLiteral("%1 is not relative to the root").arg(header));
            static const QRegularExpression qt(QStringLiteral("^Q[A-Z]|^Qt|^private/q"));
            if (!knowsQt && qt.match(header).hasMatch())
                fault(line, QStringLiteral("%1 knows no Qt: %2").arg(m_folder, header));
            const bool knowsSqlite = m_folder == u"storage" || m_path.startsWith(u"tests/storage/");
            if (header == u"sqlite3.h" && !(knowsSqlite && m_suffix == u"cpp"))
                fault(line, "sqlite3.h belongs into storage/*.cpp");
            static const QRegularExpression cuda(
                QStringLiteral("^(cuda|cublas|nvml|cooperative_groups|mma\\.h)"));
            static const QStringList cudaHeaders{"kernels/cuda/launch.h", "kernels/cuda/mma.h",
                                                 "kernels/cuda/numeric.h"}; // for .cu files alone
            if (cuda.match(header).hasMatch() && !cudaHeaders.contains(m_path) &&
                !(m_path.startsWith(u"kernels/cuda/") && m_suffix == u"cu"))
                fault(line, QStringLiteral("%1 belongs into kernels/cuda/*.cu").arg(header));
        }
    }

    void words()
    {
        struct Word
        {
            QString paths; // where it is forbidden: beginnings of paths
            QRegularExpression pattern;
        };
        static const QList<Word> forbidden = [] {
            QList<Word> list;
            const auto add = [&list](const char* paths, const char* pattern) {
                list << Word{QString::fromLatin1(paths), QRegularExpression(QString::fromLatin1(pattern))};
            };
            add("kernels engine storage ui app", R"(std::(basic_)?regex|<regex>)");
            add("kernels engine storage ui",
                R"((?<![\w.>:])(std::)?(abort|_?exit|quick_exit|terminate)\s*\()");
            // An assertion is gone in a release and the end of the window elsewhere: none where input is
            // read.
            add("engine/format/ engine/text/jinja engine/text/tokenizer engine/text/chat_template "
                "engine/text/pre_tokenizer engine/text/utf8 engine/text/vocabulary engine/text/byte_alphabet "
                "engine/text/special_tree engine/config engine/weights engine/engine.cpp "
                "storage/chat storage/exchange storage/export storage/import storage/branch_export "
                "storage/json "
                "storage/message_tree storage/rescue storage/search ui app",
                R"((?<![\w.>:])(assert|Q_ASSERT(_X)?|qFatal)\s*\()");
            // They take blanks and signs, and what stands behind a number: from_chars does not.
            add("kernels engine storage ui app",
                R"((?<![\w.>])(std::)?(sto(i|l|ll|ul|ull|f|d|ld)|strto(l|ll|ul|ull|f|d|ld)|ato(i|l|f)|sscanf)\s*\()");
            add("ui app tests", R"(BlockingQueuedConnection|QtConcurrent)");
            add("ui app", R"(QEventLoop|processEvents)");
            add("ui app tests", R"(connect\(\s*[\w.>()*&-]+\s*,\s*&[\w:]+\s*,\s*\[)"); // no context object
            add("tests", R"(QSKIP)");
            add("kernels engine storage ui app", R"(\busing namespace std\s*;)");
            return list;
        }();
        const QString code = code_of(m_text);
        for (const Word& word : forbidden) {
            const auto is_here = [&](const QString& path) { return m_path.startsWith(path); };
            if (m_folder.isEmpty() || std::ranges::none_of(word.paths.split(u' '), is_here))
                continue;
            for (auto it = word.pattern.globalMatch(code); it.hasNext();) {
                const QRegularExpressionMatch match = it.next();
                fault(line_of(code, match.capturedStart()), match.captured());
            }
        }
        static const QRegularExpression unfinished(QStringLiteral(R"(\b(TO)DO\b|\b(FIX)ME\b|\bX{3}\b)"));
        if (const auto match = unfinished.match(m_text); match.hasMatch())
            fault(line_of(m_text, match.capturedStart()), match.captured());
    }

    // Text and Label guess the format from the text unless told: a message could smuggle in markup and
    // images.
    void qml()
    {
        const QString code = code_of(m_text);
        static const QRegularExpression element(QStringLiteral(R"((?<![\w.])(?:\w+\.)?(Text|Label)\s*\{)"));
        for (auto it = element.globalMatch(code); it.hasNext();) {
            const QRegularExpressionMatch match = it.next();
            if (code.contains("component " + match.captured(1) + ":")) // the file's own, checked by its base
                continue;
            QString own; // the element's own properties, without those of its children
            int depth = 1;
            for (qsizetype i = match.capturedEnd(); i < code.size() && depth > 0; ++i) {
                depth += code[i] == u'{' ? 1 : code[i] == u'}' ? -1 : 0;
                if (depth == 1)
                    own += code[i];
            }
            if (!own.contains(u"textFormat:"))
                fault(line_of(code, match.capturedStart()), match.captured(1) + " sets no textFormat");
        }
    }

    QString m_path;
    QString m_text;
    QString m_folder;
    QString m_suffix;
    QStringList m_faults;
};

QString read(const QString& path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? QString::fromUtf8(file.readAll()) : QString();
}

// Relative paths of our own text files.
QStringList sources()
{
    QStringList found{"CMakeLists.txt", "app/run", "app/setup.sh", "tests/run", "tests/fuzz/run", ".ci/run"};
    const QStringList names{"*.cpp", "*.h",  "*.cu",    "*.cuh",         "*.qml",
                            "*.js",  "*.py", "*.cmake", "CMakeLists.txt"};
    for (const QString& folder : layers + QStringList{"resources", "installer"}) {
        QDirIterator it(sourceDir + u'/' + folder, names, QDir::Files, QDirIterator::Subdirectories);
        while (it.hasNext()) {
            const QString path = it.next();
            if (!path.contains(u"/__pycache__/"))
                found << path.mid(sourceDir.size() + 1);
        }
    }
    return found;
}

} // namespace

class TestLayering : public QObject
{
    Q_OBJECT

private slots:
    void every_file_keeps_the_rules()
    {
        const QStringList paths = sources();
        QVERIFY(paths.size() > 100);
        QStringList faults;
        for (const QString& path : paths) {
            const QString text = read(sourceDir + u'/' + path);
            QVERIFY2(!text.isEmpty(), qPrintable(path));
            faults << Checker(path, text).faults();
        }
        QVERIFY2(faults.isEmpty(), qPrintable(u'\n' + faults.join(u'\n')));
    }

    void planted_faults_are_found_data()
    {
        QTest::addColumn<QString>("path");
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("fault");
        const auto row = [](const char* name, const char* path, const QString& text, const char* fault) {
            QTest::newRow(name) << QString::fromLatin1(path) << text << QString::fromLatin1(fault);
        };
        row("upwards", "kernels/a.cpp", "#include \"engine/engine.h\"", "kernels may not include");
        row("sideways", "engine/a.cpp", "#include \"storage/database.h\"", "engine may not include");
        row("past a layer", "ui/a.cpp", "#include \"kernels/ops.h\"", "ui may not include");
        row("from the top", "storage/a.cpp", "#include \"app/common/paths.h\"", "storage may not include");
        row("Qt below", "engine/a.cpp", "#include <QString>", "engine knows no Qt");
        row("Qt module below", "storage/a.cpp", "#include <QtCore/qglobal.h>", "storage knows no Qt");
        row("sqlite in a header", "storage/a.h", "#pragma once\n#include <sqlite3.h>\n", "sqlite3.h belongs");
        row("sqlite elsewhere", "ui/a.cpp", "#include <sqlite3.h>", "sqlite3.h belongs");
        row("CUDA in C++", "engine/a.cpp", "#include <cuda_runtime.h>", "belongs into kernels/cuda");
        row("CUDA in a header", "kernels/cuda/a.h", "#pragma once\n#include <cublas_v2.h>\n", "belongs into");
        row("regex", "engine/a.cpp", "std::regex pattern;", "std::regex");
        row("abort", "storage/a.cpp", "void f() { std::abort(); }", "abort(");
        row("exit", "ui/a.cpp", "void f() { exit(1); }", "exit(");
        row("assertion on input", "engine/format/a.cpp", "void f(int n) { assert(n > 0); }", "assert(");
        row("assertion in Qt", "ui/a.cpp", "void f(int n) { Q_ASSERT(n > 0); }", "Q_ASSERT(");
        row("lenient number", "engine/a.cpp", "int n = std::stoi(text);", "std::stoi(");
        row("blocking", "ui/a.cpp", "auto c = Qt::BlockingQueuedConnection;", "BlockingQueuedConnection");
        row("nested loop", "ui/a.cpp", "QEventLoop loop;", "QEventLoop");
        row("no context", "ui/a.cpp", "connect(button, &Button::clicked, [this] { f(); });", "connect(");
        row("skipped", "tests/ui/a.cpp", "void f() { QSKIP(\"later\"); }", "QSKIP");
        row("unfinished", "ui/a.cpp", QStringLiteral("// %1DO: later").arg("TO"), "DO");
        row("text", "ui/qml/A.qml", "Item { Text { text: x } }", "Text sets no textFormat");
        row("child's format", "ui/qml/A.qml", "Label { text: x; Item { textFormat: 1 } }", "Label sets no");
        row("no guard", "ui/a.h", "int x;\n", "#pragma once");
    }

    void planted_faults_are_found()
    {
        QFETCH(QString, path);
        QFETCH(QString, text);
        QFETCH(QString, fault);
        const QStringList faults = Checker(path, "// SPDX-License-Identifier: MIT\n" + text + "\n").faults();
        QCOMPARE(faults.size(), 1);
        QVERIFY2(faults[0].contains(fault), qPrintable(faults[0]));
        QCOMPARE(Checker(path, text).faults().size(), 2); // and without its first line
    }

    void ordinary_code_is_left_alone()
    {
        const QString head = "// SPDX-License-Identifier: MIT\n";
        QCOMPARE(Checker("engine/a.cpp", head + "// exit(1) in a comment\nauto s = \"abort()\";\n").faults(),
                 QStringList());
        QCOMPARE(Checker("engine/a.cpp", head + "static_assert(sizeof(int) == 4);\nassert(mine);\n").faults(),
                 QStringList());
        QCOMPARE(Checker("ui/a.cpp", head + "connect(a, &A::b, this, [this] { application.exit(0); });\n")
                     .faults(),
                 QStringList());
        QCOMPARE(Checker("ui/qml/A.qml", head + "Text { textFormat: Text.PlainText; text: x }\n").faults(),
                 QStringList());
    }

    void every_test_is_built()
    {
        const QStringList built = read(QStringLiteral(FATHOM_BINARY_DIR "/tests/sources.txt")).split(u'\n');
        QDirIterator it(sourceDir + "/tests", {"test_*.cpp"}, QDir::Files, QDirIterator::Subdirectories);
        int tests = 0;
        for (; it.hasNext(); ++tests) {
            const QString path = it.next().mid((sourceDir + "/tests/").size());
            QVERIFY2(built.contains(path), qPrintable(path));
        }
        QVERIFY(tests > 10);
    }

    // features.md names tests as `folder/test_file` function, function; …
    void every_feature_names_tests_that_exist()
    {
        static const QRegularExpression file(QStringLiteral("`([\\w/]+)` ([\\w, ]+)"));
        int named = 0;
        for (auto it = file.globalMatch(read(sourceDir + "/tests/features.md")); it.hasNext();) {
            const QRegularExpressionMatch match = it.next();
            if (!match.captured(1).contains("/test_"))
                continue;
            const QString path = match.captured(1) + ".cpp";
            const QString text = read(sourceDir + "/tests/" + path);
            for (const QString& function : match.captured(2).split(QStringLiteral(", "))) {
                const QString wanted = QStringLiteral("void %1()").arg(function.trimmed());
                QVERIFY2(text.contains(wanted), qPrintable(path + ": " + function));
                ++named;
            }
        }
        QVERIFY(named > 80);
    }
};

QTEST_APPLESS_MAIN(TestLayering)
#include "test_layering.moc"
