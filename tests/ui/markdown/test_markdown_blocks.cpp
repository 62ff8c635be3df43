// SPDX-License-Identifier: MIT
#include "ui/markdown/markdown_blocks.h"

#include <QAbstractItemModelTester>
#include <QTest>

#include <random>

using namespace Qt::StringLiterals;
using ui::Block;
using ui::BlockKind;
using ui::MarkdownBlocks;

class TestMarkdownBlocks : public QObject
{
    Q_OBJECT

private slots:
    void blocks_data();
    void blocks();
    void streamingEqualsAtOnce_data();
    void streamingEqualsAtOnce();
    void randomTextStreamsEqually();
    void finishedBlocksAreLeftAlone();
    void openFormulaIsSource();
    void sectionsFold();
    void sectionsAreTimed();
    void thoughtsCostNoMore();
    void codeAppends();
    void longCodeComesInPieces();
    void tables();
    void workIsLinear_data();
    void workIsLinear();
    void nothingFlashesUp();
    void oneBlockIsTheLast();
    void quotesKnowTheirLists();
    void sectionsKnowTheirTimes();
    void columnsAreAsWideAsTheirWords();
};

// One line for each block: what it is, where it stands, what it holds. Sections are unfolded for it.
static QString describe(MarkdownBlocks& model)
{
    QStringList lines;
    qsizetype number = -1;
    for (int row = 0; row < model.count(); ++row) {
        model.setFolded(row, false);
        do // an empty section is no row
            ++number;
        while (model.block(number).kind == BlockKind::Think &&
               model.data(model.index(row), MarkdownBlocks::Kind) != u"think"_s);
        const Block& block = model.block(number);
        QString line = model.data(model.index(row), MarkdownBlocks::Type).toString();
        if (block.level > 0)
            line += QString::number(block.level);
        if (block.indent > 0)
            line += u" in%1"_s.arg(block.indent);
        if (block.quote > 0)
            line += u" q%1"_s.arg(block.quote);
        if (!block.marker.isEmpty())
            line += u' ' + block.marker;
        if (!block.language.isEmpty())
            line += u" ("_s + block.language + u')';
        if (block.continuation)
            line += u" +"_s;
        if (block.section >= 0)
            line += u" thought"_s;
        const QString tex = model.data(model.index(row), MarkdownBlocks::Tex).toString();
        if (!tex.isEmpty())
            line += u" {"_s + QString(tex).replace(u'\n', u'|') + u'}';
        QString content = block.kind == BlockKind::Paragraph || block.kind == BlockKind::Heading
                              ? model.data(model.index(row), MarkdownBlocks::Html).toString()
                              : block.source;
        lines += line + u": "_s + content.replace(u'\n', u'|');
    }
    return lines.join(u'\n');
}

static QString describeAtOnce(const QString& text)
{
    MarkdownBlocks model;
    model.setText(text);
    return describe(model);
}

void TestMarkdownBlocks::blocks_data()
{
    QTest::addColumn<QString>("text");
    QTest::addColumn<QString>("expected");
    QTest::newRow("empty") << u""_s << u""_s;
    QTest::newRow("paragraphs") << u"a\nb\n\nc"_s << u"paragraph: a b\nparagraph: c"_s;
    QTest::newRow("windows line ends") << u"a\r\n\r\nb\r\n"_s << u"paragraph: a\nparagraph: b"_s;
    QTest::newRow("headings") << u"# a\n### b ##\n####### c\n#d"_s
                              << u"heading1: a\nheading3: b\nparagraph: ####### c #d"_s;
    QTest::newRow("heading with a number") << u"## 1. Setup"_s << u"heading2: 1. Setup"_s;
    QTest::newRow("setext") << u"a\n===\nb\n---\n"_s << u"heading1: a\nheading2: b"_s;
    QTest::newRow("rules") << u"***\n\n---\n_ _ _"_s << u"rule: \nrule: \nrule: "_s;
    QTest::newRow("fence") << u"```Python title\nx = 1\n\n  y\n```\nz"_s
                           << u"code (python): x = 1||  y|\nparagraph: z"_s;
    QTest::newRow("tilde fence") << u"~~~\n```\n~~~~"_s << u"code: ```|"_s;
    QTest::newRow("open fence") << u"```c\nint a;"_s << u"code (c): int a;|"_s;
    QTest::newRow("fence in a paragraph")
        << u"a\n```\nb\n```\nc"_s << u"paragraph: a\ncode: b|\nparagraph: c"_s;
    QTest::newRow("no fence") << u"``` a ` b"_s << u"paragraph: ``` a ` b"_s;
    QTest::newRow("bullets")
        << u"- a\n- b\n  c\n\n- d\ne\n\nf"_s
        << u"paragraph in1 •: a\nparagraph in1 •: b c\nparagraph in1 •: d e\nparagraph: f"_s;
    QTest::newRow("nested")
        << u"- a\n  - b\n    - c\n- d"_s
        << u"paragraph in1 •: a\nparagraph in2 •: b\nparagraph in3 •: c\nparagraph in1 •: d"_s;
    QTest::newRow("ordered")
        << u"1. a\n1. b\n7. c\n\n3) d"_s
        << u"paragraph in1 1.: a\nparagraph in1 2.: b\nparagraph in1 3.: c\nparagraph in1 3): d"_s;
    QTest::newRow("starts at") << u"5. a\n6. b"_s << u"paragraph in1 5.: a\nparagraph in1 6.: b"_s;
    QTest::newRow("year is no list") << u"It was\n1984. Then"_s << u"paragraph: It was 1984. Then"_s;
    QTest::newRow("list after text") << u"a\n- b\n1. c"_s
                                     << u"paragraph: a\nparagraph in1 •: b\nparagraph in1 1.: c"_s;
    QTest::newRow("tasks") << u"- [ ] a\n- [x] b\n- [y] c"_s
                           << u"paragraph in1 ☐: a\nparagraph in1 ☑: b\nparagraph in1 •: [y] c"_s;
    QTest::newRow("item with code") << u"1. a\n   ```sh\n   ls\n     x\n   ```\n2. b"_s
                                    << u"paragraph in1 1.: a\ncode in1 (sh): ls|  x|\nparagraph in1 2.: b"_s;
    QTest::newRow("item of two paragraphs")
        << u"- a\n\n  b\n\nc"_s << u"paragraph in1 •: a\nparagraph in1: b\nparagraph: c"_s;
    QTest::newRow("empty item") << u"-\n- a"_s << u"paragraph in1 •: \nparagraph in1 •: a"_s;
    QTest::newRow("quote") << u"> a\nb\n> > c\n\nd"_s
                           << u"paragraph q1: a b\nparagraph q2: c\nparagraph: d"_s;
    QTest::newRow("quote with list") << u"> - a\n> - b"_s
                                     << u"paragraph in1 q1 •: a\nparagraph in1 q1 •: b"_s;
    QTest::newRow("table") << u"| a | b |\n|---|:-:|\n| 1 | 2\\|3 |\n\nc"_s
                           << u"table: | a | b ||| 1 | 2\\|3 ||\nparagraph: c"_s;
    QTest::newRow("table after text") << u"x\na|b\n-|-\n1|2"_s << u"paragraph: x\ntable: a|b|1|2|"_s;
    QTest::newRow("no table") << u"a | b\n--- | --- | ---"_s << u"paragraph: a | b --- | --- | ---"_s;
    QTest::newRow("formula") << u"so\n$$\na_1 * b_2\n$$\nand"_s
                             << u"paragraph: so\nmath {a_1 * b_2}: $$|a_1 * b_2|$$|\nparagraph: and"_s;
    QTest::newRow("formula on a line") << u"\\[ a*b*c \\]"_s << u"math {a*b*c}: \\[ a*b*c \\]|"_s;
    QTest::newRow("formula at the end of a sentence")
        << u"\\[ a \\]."_s << u"math {a|\\text{.}}: \\[ a \\].|"_s;
    QTest::newRow("words behind a formula")
        << u"\\[\na\n\\] where a"_s << u"math {a}: \\[|a|\\]|\nparagraph: where a"_s;
    QTest::newRow("formula in a sentence") << u"\\[ a \\] is"_s << u"paragraph: <math>\\[ a \\]</math> is"_s;
    QTest::newRow("formula with line breaks")
        << u"\\[ a \\\\[2pt]\nb \\\\]\nc \\]"_s
        << u"math {a \\\\[2pt]|b \\\\]|c}: \\[ a \\\\[2pt]|b \\\\]|c \\]|"_s;
    QTest::newRow("formula in a list")
        << u"1. so\n   \\[\n   a\n   \\]\n2. b"_s
        << u"paragraph in1 1.: so\nmath in1 {a}: \\[|a|\\]|\nparagraph in1 2.: b"_s;
    QTest::newRow("formula in code") << u"```\n\\[ a \\]\n```"_s << u"code: \\[ a \\]|"_s;
    QTest::newRow("empty formula") << u"$$\n$$\na"_s << u"math: $$|$$|\nparagraph: a"_s;
    QTest::newRow("section") << u"<think>\na\n\nb\n</think>\n\nc"_s
                             << u"think: \nparagraph thought: a\nparagraph thought: b\nparagraph: c"_s;
    QTest::newRow("section on a line")
        << u"<think>a</think>b"_s << u"think: \nparagraph thought: a\nparagraph: b"_s;
    QTest::newRow("section with open code") << u"<think>\n```\na </think>\n</think>\nb"_s
                                            << u"think: \ncode thought: a </think>|\nparagraph: b"_s;
    QTest::newRow("section with list and formula")
        << u"<think>\n- a\n  \\[ b \\]</think>\nc"_s
        << u"think: \nparagraph in1 • thought: a\nmath in1 thought {b}: \\[ b \\]|\nparagraph: c"_s;
    QTest::newRow("open section") << u"<think>\na"_s << u"think: \nparagraph thought: a"_s;
    QTest::newRow("empty section") << u"<think>\n\n</think>\n\na"_s << u"paragraph: a"_s;
    QTest::newRow("two sections")
        << u"<think>a</think>b\n<think>\nc</think>d"_s
        << u"think: \nparagraph thought: a\nparagraph: b\nthink: \nparagraph thought: c\nparagraph: d"_s;
    QTest::newRow("tag in a sentence")
        << u"a\n<think> is a tag, and `</think>`"_s
        << u"paragraph: a &lt;think&gt; is a tag, and <code>&lt;/think&gt;</code>"_s;
    QTest::newRow("tag in code") << u"```\n<think>\n```"_s << u"code: <think>|"_s;
    QTest::newRow("tag quoted in a section")
        << u"<think>\nsay `</think>` twice\n</think>a"_s
        << u"think: \nparagraph thought: say <code>&lt;/think&gt;</code> twice\nparagraph: a"_s;
    QTest::newRow("end without beginning") << u"a </think> b"_s << u"paragraph: a &lt;/think&gt; b"_s;
    QTest::newRow("unclosed formula") << u"$$ a\nb\n\nc"_s << u"math: $$ a|b|\nparagraph: c"_s;
    QTest::newRow("html is text") << u"<div>\n<img src=x>\n</div>"_s
                                  << u"paragraph: &lt;div&gt; &lt;img src=x&gt; &lt;/div&gt;"_s;
    QTest::newRow("indented text is text") << u"    a"_s << u"paragraph: a"_s;
    QTest::newRow("Chinese") << u"# 成都\n\n1. **宽窄巷子**：好"_s
                             << u"heading1: 成都\nparagraph in1 1.: <b>宽窄巷子</b>：好"_s;
}

void TestMarkdownBlocks::blocks()
{
    QFETCH(QString, text);
    QFETCH(QString, expected);
    QCOMPARE(describeAtOnce(text), expected);
}

void TestMarkdownBlocks::streamingEqualsAtOnce_data()
{
    blocks_data();
    QTest::newRow("long paragraph") << u"word and *more* "_s.repeated(900) << QString();
    QTest::newRow("long word") << u"x"_s.repeated(9000) << QString();
    QTest::newRow("long code line") << u"```\n"_s + u"y"_s.repeated(50000) + u"\n```\nend"_s << QString();
    QTest::newRow("many lines of code")
        << u"```c\n"_s + u"int a = 1;\n"_s.repeated(1000) + u"```\nend"_s << QString();
    QTest::newRow("long thought line") << u"<think>"_s + u"x"_s.repeated(1990) + u"</think>b"_s << QString();
    QTest::newRow("long formula line") << u"\\[ "_s + u"a + "_s.repeated(900) + u"b \\] and"_s << QString();
    QTest::newRow("emoji") << u"\U0001F600"_s.repeated(3000) << QString();
}

// The model and the tester see every intermediate state.
void TestMarkdownBlocks::streamingEqualsAtOnce()
{
    QFETCH(QString, text);
    const int step = text.size() > 2000 ? 37 : 1;
    MarkdownBlocks model;
    const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
    for (qsizetype i = 0; i < text.size(); i += step)
        model.append(QStringView(text).sliced(i, qMin<qsizetype>(step, text.size() - i)));
    model.finish();
    QCOMPARE(describe(model), describeAtOnce(text));
    QCOMPARE(model.source(), text);
}

void TestMarkdownBlocks::randomTextStreamsEqually()
{
    const unsigned seed = std::random_device{}();
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const auto below = [&random](size_t bound) { return static_cast<qsizetype>(random() % bound); };
    const QStringList pieces{u"- "_s,   u"1. "_s,   u"  "_s,      u"> "_s,     u"```"_s,     u"\n"_s,
                             u"\n"_s,   u"\n\n"_s,  u"# "_s,      u"a"_s,      u"b c"_s,     u"**"_s,
                             u"|"_s,    u"|---|"_s, u"---\n"_s,   u"$$"_s,     u"\\["_s,     u"\\]"_s,
                             u"    "_s, u"[x] "_s,  u"===\n"_s,   u"中文"_s,   u"\t"_s,      u"~~~\n"_s,
                             u"`"_s,    u"\r\n"_s,  u"* * *\n"_s, u"\u202E"_s, u"<think>"_s, u"</think>"_s,
                             u"\\("_s,  u"\\)"_s,   u"\\"_s,      u"$"_s};
    for (int round = 0; round < 600; ++round) {
        QString text;
        const qsizetype count = below(60);
        for (qsizetype i = 0; i < count; ++i)
            text += pieces[below(static_cast<size_t>(pieces.size()))];
        MarkdownBlocks model;
        for (qsizetype i = 0; i < text.size();) {
            const qsizetype length = qMin(text.size() - i, 1 + below(5));
            model.append(QStringView(text).sliced(i, length));
            i += length;
        }
        model.finish();
        QVERIFY2(describe(model) == describeAtOnce(text),
                 qPrintable(text + u"\n--- streamed\n"_s + describe(model) + u"\n--- at once\n"_s +
                            describeAtOnce(text)));
    }
}

// Rows above the last one are neither removed nor announced as changed while text streams in below.
void TestMarkdownBlocks::finishedBlocksAreLeftAlone()
{
    MarkdownBlocks model;
    model.append(u"# Title\n\nFirst paragraph.\n\nSecond paragraph.\n\n");
    const int finished = model.count();
    int touched = 0;
    connect(&model, &QAbstractItemModel::dataChanged, this, [&](const QModelIndex& first) {
        // The row above a new one may change once: it is no longer the last.
        touched += first.row() < finished - 1 ? 1 : 0;
    });
    connect(&model, &QAbstractItemModel::rowsRemoved, this,
            [&](const QModelIndex&, int first) { touched += first < finished ? 1 : 0; });
    const QString more = u"A third one, `with code`.\n\n- a list\n- of two\n\n```c\nint a;\n```\n"_s;
    for (const QChar c : more)
        model.append(QStringView(&c, 1));
    model.finish();
    QCOMPARE(touched, 0);
    QVERIFY(model.count() > finished);
}

// Until its end has come, a formula is its source.
void TestMarkdownBlocks::openFormulaIsSource()
{
    MarkdownBlocks model;
    const auto tex = [&model] { return model.data(model.index(0), MarkdownBlocks::Tex).toString(); };
    for (const QChar c : u"\\[\n\\frac{a}{b} \\]"_s) {
        model.append(QStringView(&c, 1));
        QVERIFY(tex().isEmpty());
        if (model.count() > 0)
            QCOMPARE(model.data(model.index(0), MarkdownBlocks::Kind).toString(), u"formula"_s);
    }
    auto* source =
        qobject_cast<ui::CodeText*>(model.data(model.index(0), MarkdownBlocks::Code).value<QObject*>());
    QVERIFY(source);
    QCOMPARE(source->text(), u"\\[\n\\frac{a}{b} \\]"_s);
    model.append(u"\n");
    QCOMPARE(tex(), u"\\frac{a}{b}"_s);
    QCOMPARE(model.codeAt(0), u"\\[\n\\frac{a}{b} \\]"_s);
}

// Shown while it is written, folded at its end; what the person chose stays.
void TestMarkdownBlocks::sectionsFold()
{
    const QString text = u"<think>\na\n\n- b\n</think>\n\nanswer"_s;
    for (const bool chosen : {false, true}) {
        MarkdownBlocks model;
        const QAbstractItemModelTester tester(&model, QAbstractItemModelTester::FailureReportingMode::QtTest);
        const auto value = [&model](int row, int role) { return model.data(model.index(row), role); };
        for (const QChar c : text) {
            model.append(QStringView(&c, 1));
            if (value(0, MarkdownBlocks::Thinking).toBool() && model.count() == 2 && chosen)
                model.setFolded(0, false);
            if (value(0, MarkdownBlocks::Thinking).toBool())
                QVERIFY(!value(0, MarkdownBlocks::Folded).toBool());
        }
        model.finish();
        QCOMPARE(model.count(), chosen ? 4 : 2);
        QCOMPARE(value(0, MarkdownBlocks::Folded).toBool(), !chosen);
        QCOMPARE(value(0, MarkdownBlocks::Seconds).toInt(), 0);
        QCOMPARE(model.plainAt(model.count() - 1), u"answer"_s);
        model.setFolded(0, chosen);
        model.setFolded(0, chosen); // once more changes nothing
        QCOMPARE(model.count(), chosen ? 2 : 4);
        model.setFolded(0, !chosen);
        QCOMPARE(model.count(), chosen ? 4 : 2);
        QCOMPARE(model.source(), text);
    }

    MarkdownBlocks closedWhileOpen; // what streams into a section that was folded by hand stays hidden
    closedWhileOpen.append(u"<think>\na\n\n");
    closedWhileOpen.setFolded(0, true);
    closedWhileOpen.append(u"b\n\nc");
    QCOMPARE(closedWhileOpen.count(), 1);
    closedWhileOpen.append(u"\n</think>\nd");
    QCOMPARE(closedWhileOpen.count(), 2);
    closedWhileOpen.setFolded(1, true); // no section
    QCOMPARE(closedWhileOpen.count(), 2);
}

void TestMarkdownBlocks::sectionsAreTimed()
{
    const auto seconds = [](const MarkdownBlocks& model) {
        return model.data(model.index(0), MarkdownBlocks::Seconds).toInt();
    };
    MarkdownBlocks model;
    model.append(u"<think>\na");
    QTest::qWait(520);
    QCOMPARE(seconds(model), -1);
    model.append(u"</think>b");
    QVERIFY(seconds(model) >= 1);

    model.setText(u"<think>a</think>b"_s); // a stored one
    QCOMPARE(seconds(model), -1);
    QCOMPARE(model.count(), 2);
    QVERIFY(model.data(model.index(0), MarkdownBlocks::Folded).toBool());

    MarkdownBlocks late; // seen from its middle on
    late.append(u"<think>\n"_s + u"word "_s.repeated(100));
    late.append(u"</think>b");
    QCOMPARE(seconds(late), -1);
}

// Each step of a section announces its own row alone, and its end the header and what folds.
void TestMarkdownBlocks::thoughtsCostNoMore()
{
    MarkdownBlocks model;
    model.append(u"<think>\n"_s + u"A paragraph.\n\n"_s.repeated(200));
    int announced = 0;
    connect(&model, &QAbstractItemModel::dataChanged, this,
            [&](const QModelIndex& first, const QModelIndex& last) {
                announced += last.row() - first.row() + 1;
            });
    for (const QChar c : u"Some more words.\n\nAnd "_s)
        model.append(QStringView(&c, 1));
    QVERIFY2(announced < 60, qPrintable(QString::number(announced)));
    announced = 0;
    for (const QChar c : u"more.</think>The answer goes on in this line."_s)
        model.append(QStringView(&c, 1));
    QVERIFY2(announced < 60, qPrintable(QString::number(announced)));
    QCOMPARE(model.count(), 2);
}

void TestMarkdownBlocks::codeAppends()
{
    MarkdownBlocks model;
    model.append(u"```python\n");
    auto* code = model.data(model.index(0), MarkdownBlocks::Code).value<QObject*>();
    auto* text = qobject_cast<ui::CodeText*>(code);
    QVERIFY(text);
    QCOMPARE(text->language(), u"python"_s);
    qsizetype lowest = -1;
    connect(text, &ui::CodeText::changed, this, [&lowest](qsizetype from) { lowest = from; });
    model.append(u"a = 1\n");
    model.append(u"b = 2");
    QCOMPARE(text->text(), u"a = 1\nb = 2"_s);
    QCOMPARE(lowest, 6); // the first line was not touched again
    model.append(u"2\n``");
    QCOMPARE(text->text(), u"a = 1\nb = 22"_s); // what may be the closing fence is not shown
    model.append(u"`\nafter");
    model.finish();
    QCOMPARE(model.data(model.index(0), MarkdownBlocks::Code).value<QObject*>(), code);
    QCOMPARE(model.codeAt(0), u"a = 1\nb = 22"_s);
    QCOMPARE(model.count(), 2);
}

void TestMarkdownBlocks::longCodeComesInPieces()
{
    QString body;
    for (int i = 0; i < 1000; ++i)
        body += u"line %1\n"_s.arg(i);
    MarkdownBlocks model;
    model.setText(u"```\n"_s + body + u"```\n"_s);
    QVERIFY(model.count() > 1);
    for (int row = 0; row < model.count(); ++row) {
        QCOMPARE(model.codeAt(row), body.chopped(1));
        QCOMPARE(model.data(model.index(row), MarkdownBlocks::Continuation).toBool(), row > 0);
        QCOMPARE(model.data(model.index(row), MarkdownBlocks::Continued).toBool(), row + 1 < model.count());
    }
    // One piece is wrapped as all of them are.
    int announced = 0;
    connect(
        &model, &QAbstractItemModel::dataChanged, this,
        [&](const QModelIndex& first, const QModelIndex& last) { announced = last.row() - first.row() + 1; });
    model.setWrapped(model.count() - 1, true);
    QCOMPARE(announced, model.count());
    for (int row = 0; row < model.count(); ++row)
        QVERIFY(model.data(model.index(row), MarkdownBlocks::Wrapped).toBool());
    model.setText(u"a"_s);
    model.setWrapped(0, true); // no code
    QVERIFY(!model.data(model.index(0), MarkdownBlocks::Wrapped).toBool());
}

void TestMarkdownBlocks::tables()
{
    MarkdownBlocks model;
    model.append(u"| Name | Size |\n|:--|--:|\n| a | 1 |\n");
    auto* rows =
        qobject_cast<ui::TableRows*>(model.data(model.index(0), MarkdownBlocks::Table).value<QObject*>());
    QVERIFY(rows);
    const QAbstractItemModelTester tester(rows, QAbstractItemModelTester::FailureReportingMode::QtTest);
    QCOMPARE(rows->columns(), 2);
    QCOMPARE(rows->alignments(), (QStringList{u"left"_s, u"right"_s}));
    QCOMPARE(rows->rowCount(), 2);
    int removed = 0;
    connect(rows, &QAbstractItemModel::rowsRemoved, this, [&removed] { ++removed; });
    model.append(u"| **a longer name** | 2");
    QCOMPARE(rows->rowCount(), 3);
    QCOMPARE(rows->data(rows->index(2), ui::TableRows::Cells).toStringList(),
             (QStringList{u"<b>a longer name</b>"_s, u"2"_s}));
    QCOMPARE(rows->widths().constFirst(), 13);
    model.append(u"34 | extra |\n| b |\n");
    model.finish();
    QCOMPARE(rows->data(rows->index(2), ui::TableRows::Cells).toStringList().constLast(), u"234"_s);
    QCOMPARE(rows->data(rows->index(3), ui::TableRows::Cells).toStringList(), (QStringList{u"b"_s, u""_s}));

    QString wide = u"|"_s + u"a|"_s.repeated(100000) + u"\n|"_s + u"-|"_s.repeated(100000) + u"\n|"_s +
                   u"1|"_s.repeated(100000);
    model.setText(wide);
    for (int row = 0; row < model.count(); ++row)
        QVERIFY(model.block(row).kind != BlockKind::Table); // too wide to be one: it stays text
    QString all;
    for (int row = 0; row < model.count(); ++row)
        all += model.block(row).source;
    QCOMPARE(all.count(u'|'), wide.count(u'|'));

    QString tall = u"|a|b|\n|-|-|\n"_s + u"|1|2|\n"_s.repeated(500);
    model.setText(tall);
    QVERIFY(model.count() > 1);
    auto* first =
        qobject_cast<ui::TableRows*>(model.data(model.index(0), MarkdownBlocks::Table).value<QObject*>());
    auto* last = qobject_cast<ui::TableRows*>(
        model.data(model.index(model.count() - 1), MarkdownBlocks::Table).value<QObject*>());
    QVERIFY(first->data(first->index(0), ui::TableRows::Header).toBool());
    QVERIFY(!last->data(last->index(0), ui::TableRows::Header).toBool());
}

void TestMarkdownBlocks::workIsLinear_data()
{
    QTest::addColumn<QString>("unit");
    QTest::newRow("prose") << u"Some words of a sentence, and a few more of them. "_s;
    QTest::newRow("paragraphs") << u"Some words of a sentence.\n\n"_s;
    QTest::newRow("one word") << u"a"_s;
    QTest::newRow("deep quotes") << u"> "_s;
    QTest::newRow("quote lines") << u"> > > > a\n"_s;
    QTest::newRow("nested lists") << u"- "_s;
    QTest::newRow("list") << u"1. item with *text*\n"_s;
    QTest::newRow("indented lists") << u"  - a\n"_s;
    QTest::newRow("open code") << u"```\nabc\n"_s;
    QTest::newRow("code line") << u"x = 1; "_s;
    QTest::newRow("brackets") << u"["_s;
    QTest::newRow("stars") << u"*a **b "_s;
    QTest::newRow("backticks") << u"`a "_s;
    QTest::newRow("table rows") << u"| a | b |\n|---|---|\n"_s;
    QTest::newRow("dollars") << u"$a$$\n"_s;
    QTest::newRow("setext") << u"a\n=\n"_s;
    QTest::newRow("formulas") << u"\\[ a \\] b\n"_s;
    QTest::newRow("open formula") << u"\\[ a + b\n"_s;
    QTest::newRow("sections") << u"<think>\na</think>b\n"_s;
    QTest::newRow("tags") << u"<think>"_s;
    QTest::newRow("zalgo") << u"a\u0300\u0301\u0302\u0303\u0304\u0305"_s;
}

// Letters looked at, with every block rendered after every step as a view would: twice the text, at most two
// and a half times the work.
void TestMarkdownBlocks::workIsLinear()
{
    QFETCH(QString, unit);
    const auto work = [&unit](qsizetype letters) {
        const QString text = unit.repeated(letters / unit.size());
        MarkdownBlocks model;
        for (qsizetype i = 0; i < text.size(); i += 151) {
            model.append(QStringView(text).sliced(i, qMin<qsizetype>(151, text.size() - i)));
            if (model.count() > 0)
                model.data(model.index(model.count() - 1), MarkdownBlocks::Html);
        }
        model.finish();
        return model.work();
    };
    const qint64 once = work(32000);
    const qint64 twice = work(64000);
    QVERIFY(once > 0);
    QVERIFY2(static_cast<double>(twice) <= 2.5 * static_cast<double>(once),
             qPrintable(u"%1 letters, then %2"_s.arg(once).arg(twice)));
}

// While a line may still become something else, it is not shown as what it is not.
void TestMarkdownBlocks::nothingFlashesUp()
{
    MarkdownBlocks model;
    model.append(u"A paragraph\n");
    model.append(u"-");
    QCOMPARE(describe(model), u"paragraph: A paragraph"_s);
    model.append(u"-");
    QCOMPARE(describe(model), u"paragraph: A paragraph"_s);
    model.append(u"\n");
    QCOMPARE(describe(model), u"heading2: A paragraph"_s);
    model.append(u"\n``");
    QCOMPARE(model.count(), 1);
    model.append(u"`c\nint");
    QCOMPARE(model.count(), 2);
    MarkdownBlocks bold;
    bold.append(u"some **bol");
    QCOMPARE(describe(bold), u"paragraph: some <b>bol</b>"_s);
    bold.finish();
    QCOMPARE(describe(bold), u"paragraph: some **bol"_s);
}

// However the text streams, a view that reads a row when it hears of a change knows which row is the last,
// and marks that the last one may leave open are open in the others.
void TestMarkdownBlocks::oneBlockIsTheLast()
{
    const QString text =
        u"A **word.\n\n1. one\n2. two\n3. three\n\n```c\nx\n```\n\n| a | b |\n|---|---|\n| c | d |\n"
        u"\n> said\n\n# Head\nend"_s;
    MarkdownBlocks model;
    std::vector<bool> last;
    std::vector<QString> html;
    const auto read = [&](int first, int end) {
        for (int row = first; row <= end; ++row) {
            last[static_cast<size_t>(row)] = model.data(model.index(row), MarkdownBlocks::Last).toBool();
            html[static_cast<size_t>(row)] = model.data(model.index(row), MarkdownBlocks::Html).toString();
        }
    };
    connect(&model, &QAbstractItemModel::rowsInserted, this, [&](const QModelIndex&, int first, int end) {
        last.insert(last.begin() + first, static_cast<size_t>(end - first + 1), false);
        html.insert(html.begin() + first, static_cast<size_t>(end - first + 1), QString());
        read(first, end);
    });
    connect(&model, &QAbstractItemModel::rowsRemoved, this, [&](const QModelIndex&, int first, int end) {
        last.erase(last.begin() + first, last.begin() + end + 1);
        html.erase(html.begin() + first, html.begin() + end + 1);
    });
    connect(&model, &QAbstractItemModel::dataChanged, this,
            [&](const QModelIndex& first, const QModelIndex& end) { read(first.row(), end.row()); });
    for (const QChar letter : text) {
        model.append(QStringView(&letter, 1));
        for (int row = 0; row < model.count(); ++row) {
            QCOMPARE(bool(last[static_cast<size_t>(row)]), row + 1 == model.count());
            QCOMPARE(html[static_cast<size_t>(row)],
                     model.data(model.index(row), MarkdownBlocks::Html).toString());
        }
    }
    QVERIFY(model.count() > 6);
    QCOMPARE(html[0], u"A **word."_s);
}

void TestMarkdownBlocks::quotesKnowTheirLists()
{
    MarkdownBlocks model;
    model.setText(u"1. item\n   > in the item\n   > - below\n\n> - list in a quote\n>   > deep\n"_s);
    const auto indents = [&model](int row) {
        return model.data(model.index(row), MarkdownBlocks::QuoteIndents).toList();
    };
    QCOMPARE(indents(0), QVariantList());
    QCOMPARE(indents(1), QVariantList{1});
    QCOMPARE(indents(2), QVariantList{1});
    QCOMPARE(indents(3), QVariantList{0});
    QCOMPARE(indents(4), (QVariantList{0, 1}));
}

void TestMarkdownBlocks::sectionsKnowTheirTimes()
{
    MarkdownBlocks model;
    model.setText(u"<think>\na\n</think>\nb\n<think>\nc\n</think>\nd\n<think>\ne\n</think>\nf"_s, {7, 61});
    QList<int> seconds;
    for (int row = 0; row < model.count(); ++row) {
        if (model.data(model.index(row), MarkdownBlocks::Kind) == u"think"_s) {
            QVERIFY(model.data(model.index(row), MarkdownBlocks::Folded).toBool());
            seconds += model.data(model.index(row), MarkdownBlocks::Seconds).toInt();
        }
    }
    QCOMPARE(seconds, (QList<int>{7, 61, -1}));
}

// Chinese letters are wide, the marks of a formula are not there to be seen.
void TestMarkdownBlocks::columnsAreAsWideAsTheirWords()
{
    MarkdownBlocks model;
    model.setText(u"| a | b | c |\n|---|---|---|\n| four | 量子计算 | $\\frac{x}{y}\\,\\alpha_{12}$ |\n"_s);
    auto* table =
        qobject_cast<ui::TableRows*>(model.data(model.index(0), MarkdownBlocks::Table).value<QObject*>());
    QVERIFY(table);
    QCOMPARE(table->widths(), (QList<int>{4, 8, 7}));
    QVERIFY(!table->rightToLeft());
    MarkdownBlocks arabic;
    arabic.setText(u"| اللغة | b |\n|---|---|\n| x | y |\n"_s);
    table =
        qobject_cast<ui::TableRows*>(arabic.data(arabic.index(0), MarkdownBlocks::Table).value<QObject*>());
    QVERIFY(table && table->rightToLeft());
}

QTEST_GUILESS_MAIN(TestMarkdownBlocks)
#include "test_markdown_blocks.moc"
