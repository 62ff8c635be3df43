// SPDX-License-Identifier: MIT
#include "ui/markdown/highlighter.h"

#include <QTest>

#include <random>

using namespace Qt::StringLiterals;

class TestHighlighter : public QObject
{
    Q_OBJECT

private slots:
    void colours_data();
    void colours();
    void unknownLanguageIsPlain();
    void spansAreInOrder();
};

// One letter for each hue, one for each letter of the code: the picture of a coloured line.
static QString picture(const QString& language, const QString& code)
{
    const QString letters = u".cksntf"_s;
    QStringList lines;
    int state = 0;
    for (const QString& line : code.split(u'\n')) {
        std::vector<ui::CodeSpan> spans;
        state = ui::highlightLine(language, line, state, spans);
        QString hues(line.size(), u'.');
        for (const ui::CodeSpan& span : spans) {
            for (qsizetype i = 0; i < span.length; ++i)
                hues[span.begin + i] = letters[static_cast<int>(span.hue)];
        }
        lines += hues;
    }
    return lines.join(u'\n');
}

void TestHighlighter::colours_data()
{
    QTest::addColumn<QString>("language");
    QTest::addColumn<QString>("code");
    QTest::addColumn<QString>("hues");
    QTest::newRow("python") << u"python"_s << u"def f(x): return 'a' # b"_s << u"kkk f     kkkkkk sss ccc"_s;
    QTest::newRow("triple quotes") << u"py"_s << u"a = \"\"\"x\ny\"\"\" + 1"_s << u"....ssss\nssss...n"_s;
    QTest::newRow("c++ comment") << u"cpp"_s << u"int a; /* b\nc */ f(2);"_s << u"ttt    cccc\ncccc f n  "_s;
    QTest::newRow("directive") << u"c"_s << u"#include \"a.h\""_s << u"kkkkkkkk.sssss"_s;
    QTest::newRow("json") << u"json"_s << u"{\"a\": [1, true]}"_s << u".ttt...n..kkkk.."_s;
    QTest::newRow("javascript") << u"ts"_s << u"const a = `x\ny`;"_s << u"kkkkk.....ss\nss."_s;
    QTest::newRow("bash") << u"bash"_s << u"if echo $HOME; # x"_s << u"kk.tttt.ttttt. ccc"_s;
    QTest::newRow("lifetime") << u"rust"_s << u"fn f<'a>(c: char) { 'x' }"_s
                              << u"kk          tttt    sss  "_s;
    QTest::newRow("html") << u"html"_s << u"<a href=\"x\">b</a>"_s << u"kk.tttt.sssk.kkkk"_s;
    QTest::newRow("sql") << u"sql"_s << u"SELECT a FROM b -- c"_s << u"kkkkkk   kkkk   cccc"_s;
    QTest::newRow("diff") << u"diff"_s << u"+a\n-b\n c"_s << u"ss\nnn\n.."_s;
    QTest::newRow("open string") << u"c"_s << u"\"abc\\"_s << u"sssss"_s;
}

void TestHighlighter::colours()
{
    QFETCH(QString, language);
    QFETCH(QString, code);
    QFETCH(QString, hues);
    // Blanks in the expectation stand for plain letters, so that it can be read.
    QCOMPARE(picture(language, code), hues.replace(u' ', u'.'));
}

void TestHighlighter::unknownLanguageIsPlain()
{
    QCOMPARE(picture(u"klingon"_s, u"if \"a\" # b"_s), u".........."_s);
    QCOMPARE(picture(u""_s, u"if"_s), u".."_s);
}

void TestHighlighter::spansAreInOrder()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const QString alphabet = u"ab1 _\"'`/*#-<>!\\$@{}():;.\u4e2d"_s;
    const QStringList languages{u"python"_s, u"cpp"_s, u"js"_s,   u"json"_s, u"bash"_s, u"rust"_s,
                                u"html"_s,   u"css"_s, u"sql"_s,  u"diff"_s, u"yaml"_s, u"toml"_s,
                                u"lua"_s,    u"go"_s,  u"java"_s, u"php"_s};
    for (int round = 0; round < 4000; ++round) {
        const QString& language = languages[round % languages.size()];
        int state = 0;
        for (int line = 0; line < 3; ++line) {
            QString code;
            const int length = static_cast<int>(random() % 40);
            for (int i = 0; i < length; ++i)
                code += alphabet[static_cast<qsizetype>(random() % static_cast<unsigned>(alphabet.size()))];
            std::vector<ui::CodeSpan> spans;
            state = ui::highlightLine(language, code, state, spans);
            qsizetype at = 0;
            for (const ui::CodeSpan& span : spans) {
                QVERIFY2(span.begin >= at && span.length > 0, qPrintable(language + u": "_s + code));
                at = span.begin + span.length;
            }
            QVERIFY2(at <= code.size(), qPrintable(language + u": "_s + code));
        }
    }
}

QTEST_APPLESS_MAIN(TestHighlighter)
#include "test_highlighter.moc"
