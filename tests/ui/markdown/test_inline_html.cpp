// SPDX-License-Identifier: MIT
#include "ui/markdown/inline_html.h"

#include <QTest>
#include <QTextDocument>

#include <random>

using namespace Qt::StringLiterals;

class TestInlineHtml : public QObject
{
    Q_OBJECT

private slots:
    void renders_data();
    void renders();
    void closesWhatIsUnfinished_data();
    void closesWhatIsUnfinished();
    void harmless_data();
    void harmless();
    void plainText();
    void escapes();
    void knowsItsDirection();
    void losesBlockMarks();
    void pathological_data();
    void pathological();
    void randomBytes();
};

void TestInlineHtml::renders_data()
{
    QTest::addColumn<QString>("source");
    QTest::addColumn<QString>("html");
    QTest::newRow("plain") << u"Hello world"_s << u"Hello world"_s;
    QTest::newRow("emphasis") << u"*a* _b_ **c** ~~d~~"_s << u"<i>a</i> <i>b</i> <b>c</b> <s>d</s>"_s;
    QTest::newRow("nested") << u"**a *b* c**"_s << u"<b>a <i>b</i> c</b>"_s;
    QTest::newRow("inside a word") << u"snake_case_name"_s << u"snake_case_name"_s;
    QTest::newRow("code") << u"call `f(a < b)` now"_s << u"call <code>f(a &lt; b)</code> now"_s;
    QTest::newRow("code keeps blanks") << u"`a  b`"_s << u"<code>a \u00A0b</code>"_s;
    QTest::newRow("link") << u"[x](https://a.org/?b=1&c=2)"_s
                          << u"<a href=\"https://a.org/?b=1&amp;c=2\">x</a>"_s;
    QTest::newRow("bare link") << u"see https://a.org now"_s
                               << u"see <a href=\"https://a.org\">https://a.org</a> now"_s;
    QTest::newRow("escapes") << u"\\*no\\* 1 < 2 & 3"_s << u"*no* 1 &lt; 2 &amp; 3"_s;
    QTest::newRow("entity") << u"&copy; &lt;b&gt; &unknown; &#233;"_s
                            << u"\u00A9 &lt;b&gt; &amp;unknown; \u00E9"_s;
    QTest::newRow("soft break") << u"a\nb"_s << u"a b"_s;
    QTest::newRow("hard break") << u"a  \nb\\\nc"_s << u"a<br>b<br>c"_s;
    QTest::newRow("no block") << u"1. Setup"_s << u"1. Setup"_s;
    QTest::newRow("no heading") << u"a\n# b\n- c\n> d\n```"_s << u"a # b - c &gt; d ```"_s;
    QTest::newRow("image is text") << u"![cat](https://a.org/c.png)"_s << u"cat (https://a.org/c.png)"_s;
    QTest::newRow("formula") << u"with $x_1 * y_2 * z_3$ and"_s
                             << u"with <math>$x_1 * y_2 * z_3$</math> and"_s;
    QTest::newRow("formula in brackets")
        << u"so \\(a_i * b_i\\) is"_s << u"so <math>\\(a_i * b_i\\)</math> is"_s;
    QTest::newRow("display formula") << u"so $$a_b$$ is"_s << u"so <math>$$a_b$$</math> is"_s;
    QTest::newRow("formula in Chinese") << u"设$x$为"_s << u"设<math>$x$</math>为"_s;
    QTest::newRow("formula of several lines")
        << u"a \\[ b\n+ c \\] d"_s << u"a <math>\\[ b + c \\]</math> d"_s;
    QTest::newRow("formula with marks")
        << u"\\(a<b\\) **\\(c\\)**"_s << u"<math>\\(a&lt;b\\)</math> <b><math>\\(c\\)</math></b>"_s;
    QTest::newRow("formula in code") << u"`\\(a\\)` and `$b$`"_s
                                     << u"<code>\\(a\\)</code> and <code>$b$</code>"_s;
    QTest::newRow("code in a formula") << u"\\(`a`\\)"_s << u"<math>\\(`a`\\)</math>"_s;
    QTest::newRow("formula without end") << u"so \\(a_b and \\[c"_s << u"so \\(a_b and \\[c"_s;
    QTest::newRow("escaped backslash") << u"\\\\(a\\)"_s << u"\\(a)"_s;
    QTest::newRow("number") << u"$5$ and $3x+2$"_s << u"<math>$5$</math> and <math>$3x+2$</math>"_s;
    for (const QString& plain : {u"$5 and $10"_s, u"$5, or US$7"_s, u"it is $5-10 per unit, $ 20 for two"_s,
                                 u"costs 5$ or 10$"_s, u"from $1 to 2$"_s, u"$3 - 4 in US$"_s,
                                 u"echo $HOME/bin:$PATH"_s, u"$ x $"_s, u"a$b$c"_s, u"\\$5$"_s, u"$x$2"_s})
        QTest::newRow(qPrintable(plain)) << plain << QString(plain).remove(u'\\');
    QTest::newRow("Chinese bold") << u"这是**“重点”**的意思。**注意：**请看"_s
                                  << u"这是<b>“重点”</b>的意思。<b>注意：</b>请看"_s;
}

void TestInlineHtml::renders()
{
    QFETCH(QString, source);
    QFETCH(QString, html);
    QCOMPARE(ui::inlineHtml(source), html);
}

void TestInlineHtml::closesWhatIsUnfinished_data()
{
    QTest::addColumn<QString>("source");
    QTest::addColumn<QString>("html");
    QTest::newRow("bold") << u"a **bo"_s << u"a <b>bo</b>"_s;
    QTest::newRow("bold mark only") << u"a **"_s << u"a"_s;
    QTest::newRow("half closed") << u"a **bo*"_s << u"a <b>bo</b>"_s;
    QTest::newRow("code") << u"a `co"_s << u"a <code>co</code>"_s;
    QTest::newRow("link") << u"a [text](https://exa"_s << u"a text"_s;
    QTest::newRow("formula") << u"a \\(x_1 * y"_s << u"a <code>\\(x_1 * y</code>"_s;
    QTest::newRow("formula in bold") << u"**a \\(x_1"_s << u"<b>a <code>\\(x_1</code></b>"_s;
    QTest::newRow("display formula") << u"a $$x `"_s << u"a <code>$$x ` </code>"_s;
    QTest::newRow("closed formula") << u"\\(x*y\\) **b"_s << u"<math>\\(x*y\\)</math> <b>b</b>"_s;
    QTest::newRow("finished") << u"a **b** `c`"_s << u"a <b>b</b> <code>c</code>"_s;
}

void TestInlineHtml::closesWhatIsUnfinished()
{
    QFETCH(QString, source);
    QFETCH(QString, html);
    QCOMPARE(ui::inlineHtml(source, true).trimmed(), html);
}

void TestInlineHtml::harmless_data()
{
    QTest::addColumn<QString>("source");
    QTest::newRow("image tag") << u"<img src=x width=999999999>"_s;
    QTest::newRow("image tag in code") << u"`<img src=x>`"_s;
    QTest::newRow("script") << u"<script>alert(1)</script>"_s;
    QTest::newRow("anchor") << u"<a href=\"javascript:alert(1)\">x</a>"_s;
    QTest::newRow("javascript link") << u"[x](javascript:alert(1))"_s;
    QTest::newRow("file link") << u"[x](file:///etc/passwd)"_s;
    QTest::newRow("data link") << u"<data:text/html,hi>"_s;
    QTest::newRow("quote in address") << u"[x](https://a.org/\"><img src=y>)"_s;
    QTest::newRow("entity in address") << u"[x](java&#115;cript:alert(1))"_s;
    QTest::newRow("comment") << u"<!-- <img src=x> -->"_s;
    QTest::newRow("style") << u"<style>body{}</style> <table background=x>"_s;
    QTest::newRow("image with tag") << u"![<img src=z>](https://a.org/\"<img>)"_s;
}

// Whatever the source, the output has none but our own tags.
static bool onlyOurTags(const QString& html)
{
    qsizetype at = 0;
    while ((at = html.indexOf(u'<', at)) >= 0) {
        const qsizetype end = html.indexOf(u'>', at);
        const QString tag = html.sliced(at + 1, end < 0 ? html.size() - at - 1 : end - at - 1);
        static const QStringList known{u"b"_s,    u"/b"_s,    u"i"_s,  u"/i"_s, u"s"_s,    u"/s"_s,
                                       u"code"_s, u"/code"_s, u"br"_s, u"/a"_s, u"math"_s, u"/math"_s};
        const bool link = tag.startsWith(u"a href=\"http") || tag.startsWith(u"a href=\"mailto:");
        if (!known.contains(tag) && !(link && tag.count(u'"') == 2))
            return false;
        ++at;
    }
    return true;
}

void TestInlineHtml::harmless()
{
    QFETCH(QString, source);
    for (const bool unfinished : {false, true}) {
        const QString html = ui::inlineHtml(source, unfinished);
        QVERIFY2(onlyOurTags(html), qPrintable(html));
        QVERIFY(!html.contains(u"javascript:"_s) || !html.contains(u"<a"_s));
    }
}

void TestInlineHtml::plainText()
{
    QCOMPARE(ui::inlinePlain(u"**a** `b < c` [d](https://e.org)"_s), u"a b < c d"_s);
}

void TestInlineHtml::escapes()
{
    const QString text = u"<img src=x> & \"quoted\"\nnext"_s;
    QCOMPARE(ui::escapedHtml(text), u"&lt;img src=x&gt; &amp; &quot;quoted&quot;<br>next"_s);
    QTextDocument document;
    document.setHtml(ui::escapedHtml(text));
    QCOMPARE(document.toPlainText(), text);
}

void TestInlineHtml::knowsItsDirection()
{
    QVERIFY(ui::isRightToLeft(u"<b>שלום</b> to all"));
    QVERIFY(ui::isRightToLeft(u"12. <math>$x$</math> &lt; مرحبا"));
    QVERIFY(!ui::isRightToLeft(u"<i>to</i> שלום"));
    QVERIFY(!ui::isRightToLeft(u"量子"));
    QVERIFY(!ui::isRightToLeft(u"12 &amp; 13"));
    QVERIFY(!ui::isRightToLeft(u""));
}

void TestInlineHtml::losesBlockMarks()
{
    QCOMPARE(ui::withoutBlockMarks(u"## A head"_s), u"A head"_s);
    QCOMPARE(ui::withoutBlockMarks(u"> - said"_s), u"said"_s);
    QCOMPARE(ui::withoutBlockMarks(u"**bold** word"_s), u"**bold** word"_s);
    QCOMPARE(ui::withoutBlockMarks(u"* `code`"_s), u"`code`"_s);
    QCOMPARE(ui::withoutBlockMarks(u"---"_s), u""_s);
}

void TestInlineHtml::pathological_data()
{
    QTest::addColumn<QString>("unit");
    QTest::addColumn<QString>("end");
    QTest::newRow("open brackets") << u"["_s << u""_s;
    QTest::newRow("nested brackets") << u"[a]("_s << u""_s;
    QTest::newRow("open images") << u"!["_s << u""_s;
    QTest::newRow("stars") << u"*"_s << u""_s;
    QTest::newRow("star words") << u"*a **b "_s << u""_s;
    QTest::newRow("mixed emphasis") << u"*a_ "_s << u""_s;
    QTest::newRow("open emphasis") << u"a**b"_s << u"c* "_s;
    QTest::newRow("backticks") << u"`a ``b ```c "_s << u""_s;
    QTest::newRow("dollars") << u"$a "_s << u""_s;
    QTest::newRow("open formulas") << u"\\("_s << u""_s;
    QTest::newRow("angle brackets") << u"<"_s << u""_s;
    QTest::newRow("at signs") << u"a@"_s << u""_s;
    QTest::newRow("addresses") << u"http://"_s << u""_s;
    QTest::newRow("entities") << u"&"_s << u""_s;
    QTest::newRow("tildes") << u"~~a "_s << u""_s;
    QTest::newRow("backslashes") << u"\\"_s << u""_s;
    QTest::newRow("combining") << u"a\u0300\u0301\u0302\u0303"_s << u""_s;
    QTest::newRow("bidi") << u"\u202Eabc\u202D\u2067"_s << u""_s;
}

// A paragraph has at most 6,000 letters (block_parser.cpp); none may take noticeably long. The bound guards
// against hangs, it measures nothing.
void TestInlineHtml::pathological()
{
    QFETCH(QString, unit);
    QFETCH(QString, end);
    const QString source = unit.repeated(6000 / unit.size()) + end.repeated(100);
    for (const bool unfinished : {false, true}) {
        const QString html = ui::inlineHtml(source, unfinished);
        QVERIFY(onlyOurTags(html));
        QVERIFY(!html.isEmpty());
    }
}

void TestInlineHtml::randomBytes()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const QString alphabet =
        u"ab *_`[]()!<>&;\"'\\$~#\n:/.\u4e2d\u6587\u3002\u202E\u0300\u205F\uFDD0\uFFFC"_s;
    for (int round = 0; round < 2000; ++round) {
        QString source;
        const int length = static_cast<int>(random() % 120);
        for (int i = 0; i < length; ++i)
            source += alphabet[static_cast<qsizetype>(random() % static_cast<unsigned>(alphabet.size()))];
        const QString html = ui::inlineHtml(source, round % 2 == 1);
        QVERIFY2(onlyOurTags(html), qPrintable(source));
    }
}

QTEST_APPLESS_MAIN(TestInlineHtml)
#include "test_inline_html.moc"
