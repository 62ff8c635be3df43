// SPDX-License-Identifier: MIT
#include "tests/ui/patience.h"
#include "ui/formula/formulas.h"

#include <QFile>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

#include <random>

using namespace Qt::StringLiterals;
using ui::Formulas;
using ui::Katex;

class TestKatex : public QObject
{
    Q_OBJECT

private slots:
    void nothingWithoutPackages();
    void notAScript();
    void endlessScript();
    void hostile_data();
    void hostile();
    void randomSources();
    void cacheAnswersAtOnce();
    void sourceInBothStyles();
    void failureIsKnown();
    void endsWhileBusy();
};

void TestKatex::nothingWithoutPackages()
{
    Katex katex({});
    QVERIFY(!katex.layOut(u"x"_s, true));
    Formulas formulas(Katex::Files{});
    QVERIFY(!formulas.available());
    QVERIFY(!formulas.find(u"x"_s, true));
    QVERIFY(formulas.failed(u"x"_s, true));
}

static Katex::Files withScript(const QTemporaryDir& folder, const QByteArray& script)
{
    QFile file(folder.filePath(u"katex.js"_s));
    if (!file.open(QIODevice::WriteOnly) || file.write(script) != script.size())
        qFatal("cannot write %s", qPrintable(file.fileName()));
    return {file.fileName(), Katex::find().fonts};
}

void TestKatex::notAScript()
{
    const QTemporaryDir folder;
    for (const QByteArray& script :
         {QByteArray("this is no script ("), QByteArray("var katex = 7"), QByteArray(""),
          QByteArray("\xff\xfe\x00\x01", 4), QByteArray("var katex = {__domTree: {}}"),
          QByteArray("var katex = {__domTree: {SvgNode: Map, PathNode: Map, LineNode: Map, SymbolNode: Map, "
                     "Anchor: Map},"
                     " __renderToHTMLTree: function() { const a = {children: []}; a.children.push(a); return "
                     "a }}")}) {
        Katex katex(withScript(folder, script));
        QVERIFY(!katex.layOut(u"x"_s, true));
        QVERIFY(!katex.layOut(u"x"_s, true));
    }
}

// What does not end is ended, and the next call begins afresh.
void TestKatex::endlessScript()
{
    const QTemporaryDir folder;
    Katex katex(
        withScript(folder, "var katex = {__domTree: {}, __renderToHTMLTree: function() { for (;;); }}"));
    QVERIFY(!katex.layOut(u"x"_s, true));
    Katex stuck(withScript(folder, "for (;;);"));
    QVERIFY(!stuck.layOut(u"x"_s, true));
    QVERIFY(!stuck.layOut(u"x"_s, true));
}

void TestKatex::hostile_data()
{
    QTest::addColumn<QString>("tex");
    QTest::newRow("deep braces") << u"{"_s.repeated(4000) + u"}"_s.repeated(4000);
    QTest::newRow("open braces") << u"{"_s.repeated(7000);
    QTest::newRow("deep fractions") << u"\\frac{1}{"_s.repeated(800) + u"x"_s + u"}"_s.repeated(800);
    QTest::newRow("fractions in a row without braces") << u"\\frac"_s.repeated(1500);
    QTest::newRow("roots without braces") << u"\\sqrt"_s.repeated(1500) + u" x"_s;
    QTest::newRow("accents without braces") << u"\\hat"_s.repeated(1500) + u" x"_s;
    QTest::newRow("towers") << u"x^{"_s.repeated(59) + u"x"_s + u"}"_s.repeated(59);
    QTest::newRow("fences") << u"\\left("_s.repeated(1000);
    QTest::newRow("closed fences") << u"\\left("_s.repeated(59) + u"\\right)"_s.repeated(59);
    QTest::newRow("endless macro") << u"\\def\\a{\\a\\a}\\a"_s;
    QTest::newRow("doubling macros")
        << u"\\def\\a{xxxxxxxxxx}\\def\\b{\\a\\a\\a\\a\\a\\a\\a\\a}\\def\\c{\\b\\b\\b\\b\\b\\b\\b\\b}"
           "\\def\\d{\\c\\c\\c\\c\\c\\c\\c\\c}\\def\\e{\\d\\d\\d\\d\\d\\d\\d\\d}\\e"_s;
    QTest::newRow("huge rule") << u"\\rule{99999999em}{99999999em}"_s;
    QTest::newRow("many huge rules") << u"\\rule{99999em}{1em}"_s.repeated(300);
    QTest::newRow("long") << u"x+"_s.repeated(4000);
    QTest::newRow("too long") << u"x+"_s.repeated(400000);
    QTest::newRow("wide matrix") << u"\\begin{matrix}"_s + u"a&"_s.repeated(3000) + u"\\end{matrix}"_s;
    QTest::newRow("tall matrix") << u"\\begin{matrix}"_s + u"a\\\\"_s.repeated(2000) + u"\\end{matrix}"_s;
    QTest::newRow("nulls") << QString(100, QChar(u'\0'));
    QTest::newRow("surrogates") << QString(100, QChar(0xD800));
    QTest::newRow("bidi") << u"\\text{\u202Eabc\u202D}"_s;
    QTest::newRow("zalgo") << u"\\text{a"_s + u"\u0300\u0301"_s.repeated(500) + u"}"_s;
    QTest::newRow("ordinal of a letter that is none") << u"\\char\"110000 \\char\"D800"_s;
    QTest::newRow("negative space") << u"\\hspace{-9999em}"_s.repeated(60) + u"x"_s;
}

// Nothing hangs, nothing ends the program, and the engine serves the next one.
void TestKatex::hostile()
{
    QFETCH(QString, tex);
    static Katex katex{Katex::find()};
    if (const std::optional<ui::FormulaLayout> layout = katex.layOut(tex, true)) {
        for (const ui::Formula& part : layout->parts)
            QVERIFY(part.width <= 500 && part.ascent <= 500 && part.descent <= 500);
    }
    QVERIFY(katex.layOut(u"\\frac{a}{b}"_s, true));
}

void TestKatex::randomSources()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const QStringList pieces{u"\\frac"_s,
                             u"{"_s,
                             u"}"_s,
                             u"^"_s,
                             u"_"_s,
                             u"x"_s,
                             u"\\sqrt"_s,
                             u"[2]"_s,
                             u"\\left("_s,
                             u"\\right)"_s,
                             u"&"_s,
                             u"\\\\"_s,
                             u"\\begin{matrix}"_s,
                             u"\\end{matrix}"_s,
                             u"\\hat"_s,
                             u"\\sum"_s,
                             u"\\limits"_s,
                             u"\\text"_s,
                             u"中"_s,
                             u" "_s,
                             u"\\def\\a"_s,
                             u"\\a"_s,
                             u"#1"_s,
                             u"%"_s,
                             u"$"_s,
                             u"\\color{red}"_s,
                             u"\\over"_s,
                             u"'"_s};
    Katex katex{Katex::find()};
    int laidOut = 0;
    for (int round = 0; round < 400; ++round) {
        QString tex;
        for (unsigned i = random() % 14 + 1; i > 0; --i)
            tex += pieces[static_cast<qsizetype>(random() % static_cast<unsigned>(pieces.size()))];
        laidOut += katex.layOut(tex, round % 2 == 0) ? 1 : 0;
    }
    QVERIFY(laidOut > 0);
    QVERIFY(laidOut < 400);
}

void TestKatex::cacheAnswersAtOnce()
{
    Formulas formulas;
    const QSignalSpy changed(&formulas, &Formulas::changed);
    QVERIFY(!formulas.find(u"a+b"_s, true));
    QVERIFY(!formulas.find(u"a+b"_s, true)); // asked once
    QVERIFY(!formulas.failed(u"a+b"_s, true));
    QTRY_COMPARE(changed.size(), 1);
    const Formulas::LayoutPtr layout = formulas.find(u"a+b"_s, true);
    QVERIFY(layout);
    QCOMPARE(formulas.find(u"a+b"_s, true), layout);
    QCOMPARE(changed.size(), 1);
}

void TestKatex::sourceInBothStyles()
{
    Formulas formulas;
    QTRY_VERIFY(formulas.find(u"\\sum_i^n"_s, true));
    QTRY_VERIFY(formulas.find(u"\\sum_i^n"_s, false));
    QVERIFY(formulas.find(u"\\sum_i^n"_s, true)->parts[0].ascent >
            formulas.find(u"\\sum_i^n"_s, false)->parts[0].ascent);
}

void TestKatex::failureIsKnown()
{
    Formulas formulas;
    QVERIFY(!formulas.find(u"\\undefined"_s, true));
    QTRY_VERIFY(formulas.failed(u"\\undefined"_s, true));
    QVERIFY(!formulas.find(u"\\undefined"_s, true));
    QVERIFY(!formulas.find(QString(100000, u'x'), true)); // not even tried
    QVERIFY(formulas.failed(QString(100000, u'x'), true));
}

void TestKatex::endsWhileBusy()
{
    for (int round = 0; round < 3; ++round) {
        Formulas formulas;
        for (int i = 0; i < 300; ++i)
            formulas.find(u"\\frac{%1}{x}"_s.arg(i), true);
        QTest::qWait(round * 40);
    }
    const QTemporaryDir folder;
    Formulas stuck(withScript(folder, "for (;;);"));
    stuck.find(u"x"_s, true);
    QTest::qWait(20);
    QVERIFY(!stuck.failed(u"x"_s, true));
}

QTEST_MAIN(TestKatex)
#include "test_katex.moc"
