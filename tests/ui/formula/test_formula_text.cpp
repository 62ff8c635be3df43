// SPDX-License-Identifier: MIT
#include "tests/ui/patience.h"
#include "ui/formula/formula_painter.h"
#include "ui/qml/formula_images.h"
#include "ui/qml/formula_item.h"
#include "ui/qml/formula_text.h"

#include <QFontMetrics>
#include <QPainter>
#include <QSignalSpy>
#include <QTest>
#include <QTextBlock>
#include <QTextDocument>
#include <QTextLayout>

using namespace Qt::StringLiterals;
using ui::Formula;
using ui::FormulaImages;
using ui::FormulaItem;
using ui::FormulaPlace;
using ui::Formulas;
using ui::FormulaText;

class TestFormulaText : public QObject
{
    Q_OBJECT

private slots:
    void textWithoutFormulas();
    void sourceUntilItIsKnown();
    void refusedStaysSource();
    void withoutKatex();
    void copiesTheSource();
    void tallOnesNeedMoreRoom();
    void wideOnesShrink();
    void baselinesMeet();
    void imagesFollowColourAndRatio();
    void imagesRefuseNonsense();
    void itemMeasuresAndPaints();
    void itemWithNumber();
    void rulesAreWholePixels();
    void coloursStayReadable();
    void anchorsWhereTextIsElsewhere();
    void nothingArabicIsSlanted();

private:
    // With its formula laid out.
    void ready(FormulaText& text, const QString& html)
    {
        text.setFormulas(&m_formulas);
        text.setHtml(html);
        QTRY_VERIFY(text.rich().contains(u"<img"_s));
    }

    Formulas m_formulas;
};

void TestFormulaText::textWithoutFormulas()
{
    FormulaText text;
    const QSignalSpy changed(&text, &FormulaText::richChanged);
    text.setFormulas(&m_formulas);
    text.setHtml(u"a <b>b</b> &lt;math&gt;"_s);
    QCOMPARE(text.rich(), text.html());
    text.setTextSize(30);
    QCOMPARE(changed.size(), 1);
    text.setHtml(u"<math>"_s); // not ours: it has no end
    QCOMPARE(text.rich(), u"<math>"_s);
}

void TestFormulaText::sourceUntilItIsKnown()
{
    FormulaText text;
    text.setFormulas(&m_formulas);
    text.setHtml(u"so <math>\\(a&lt;b_{1}\\)</math>."_s);
    QCOMPARE(text.rich(), u"so <code>\\(a&lt;b_{1}\\)</code>."_s);
    QTRY_VERIFY(text.rich().startsWith(u"so <img src=\"image://formula/"_s));
    QVERIFY(text.rich().endsWith(u"\">."_s));
    QCOMPARE(text.rich().count(u"<img"_s), 2);               // a line may break behind "<"
    text.setHtml(u"so <math>\\(a&lt;b_{1}\\)</math> and"_s); // known by now
    QVERIFY(text.rich().startsWith(u"so <img"_s));
}

void TestFormulaText::refusedStaysSource()
{
    FormulaText text;
    text.setFormulas(&m_formulas);
    text.setHtml(u"<math>$\\frac{$</math> <math>\\(x\\)</math>"_s);
    QTRY_VERIFY(text.rich().contains(u"<img"_s));
    QVERIFY(text.rich().contains(u"$\\frac{$</code>"_s));
}

void TestFormulaText::withoutKatex()
{
    Formulas none(ui::Katex::Files{});
    FormulaText text;
    text.setFormulas(&none);
    text.setHtml(u"<math>$x$</math>"_s);
    QCOMPARE(text.rich(), u"<code>$x$</code>"_s);
    FormulaItem item;
    item.setFormulas(&none);
    item.setTex(u"x"_s);
    QVERIFY(!item.ready());
}

// As an item would show it: each image is one letter of its text.
void TestFormulaText::copiesTheSource()
{
    FormulaText text;
    ready(text, u"so <math>\\(a=b\\)</math> and <b><math>$x &amp; y$</math></b> or <math>$c$</math>"_s);
    QTRY_VERIFY(text.rich().count(u"<img"_s) >= 3);
    QTextDocument document;
    document.setHtml(text.rich());
    const QString all = document.toRawText();
    QVERIFY(all.contains(QChar::ObjectReplacementCharacter));
    QCOMPARE(text.restored(all, {}), u"so \\(a=b\\) and $x & y$ or $c$"_s);
    const qsizetype at = all.indexOf(u"or"_s);
    QCOMPARE(text.restored(all.sliced(at), all.first(at)), u"or $c$"_s);
    QCOMPARE(text.restored(u"\uFFFC"_s.repeated(20), {}).count(u'\uFFFC'), 0);
}

void TestFormulaText::tallOnesNeedMoreRoom()
{
    FormulaText text;
    text.setTextSize(15);
    text.setLineHeight(23);
    ready(text, u"<math>\\(x_i^2 = \\frac{a}{b}\\)</math>"_s);
    QVERIFY(!text.tall());
    FormulaText matrix;
    matrix.setTextSize(15);
    matrix.setLineHeight(23);
    ready(matrix, u"<math>\\(\\begin{pmatrix} a \\\\ b \\\\ c \\end{pmatrix}\\)</math>"_s);
    QVERIFY(matrix.tall());
    matrix.setLineHeight(200);
    QVERIFY(!matrix.tall());
}

static int widthOf(const QString& rich)
{
    const qsizetype at = rich.indexOf(u"width=\""_s) + 7;
    return QStringView(rich).sliced(at, rich.indexOf(u'"', at) - at).toInt();
}

void TestFormulaText::wideOnesShrink()
{
    FormulaText text;
    ready(text, u"<math>$\\frac{abcdefghijklmnop}{x}$</math>"_s);
    const int natural = widthOf(text.rich());
    text.setMaximumWidth(natural / 2);
    QVERIFY(widthOf(text.rich()) <= natural / 2);
    QVERIFY(widthOf(text.rich()) > natural / 2 - 4);
    text.setMaximumWidth(natural + 1);
    QCOMPARE(widthOf(text.rich()), natural);
}

// The text's layout puts an image's middle a quarter of the x-height above the baseline; the formula's own
// baseline must then lie on the text's.
void TestFormulaText::baselinesMeet()
{
    FormulaText text;
    text.setTextSize(20);
    for (const QString& tex : {u"x"_s, u"x_{j_j}"_s, u"x^{2^2}"_s, u"\\frac{a}{b}"_s}) {
        ready(text, u"word <math>$"_s + tex + u"$</math>"_s);
        QTRY_VERIFY(m_formulas.find(tex, false));
        const Formula part = m_formulas.find(tex, false)->parts[0];
        const FormulaPlace place = FormulaPlace::of(part, 20 * ui::kFormulaScale, 20);
        QVERIFY(place.baseline >= part.ascent * 20 * ui::kFormulaScale);
        QVERIFY(place.height - place.baseline >= part.descent * 20 * ui::kFormulaScale);
        // What the layout of a line says of an image of that height is its baseline.
        QTextDocument document;
        document.setHtml(
            u"<img src=\"x\" width=\"%1\" height=\"%2\" style=\"vertical-align:middle\">"_s.arg(place.width)
                .arg(place.height));
        document.documentLayout();
        QVERIFY(document.size().height() > 0);
        const QTextLine line = document.firstBlock().layout()->lineAt(0);
        QCOMPARE(line.ascent(),
                 std::max(place.baseline, qreal(QFontMetricsF(document.defaultFont()).ascent())));
    }
}

static QRect inkOf(const QImage& image)
{
    QRect ink;
    for (int y = 0; y < image.height(); ++y) {
        for (int x = 0; x < image.width(); ++x) {
            if (qAlpha(image.pixel(x, y)) > 100)
                ink |= QRect(x, y, 1, 1);
        }
    }
    return ink;
}

void TestFormulaText::imagesFollowColourAndRatio()
{
    QTRY_VERIFY(m_formulas.find(u"E"_s, false));
    const Formulas::LayoutPtr layout = m_formulas.find(u"E"_s, false);
    FormulaImages images(&m_formulas);
    const QString prefix = u"image://formula/"_s;
    const auto image = [&](double ratio, const QColor& color) {
        const QString url = ui::formulaImage(layout->id, 0, 24, 20, ratio, color);
        QSize size;
        const QImage made = images.requestImage(url.sliced(prefix.size()), &size, {});
        return made.size() == size ? made : QImage();
    };
    const FormulaPlace place = FormulaPlace::of(layout->parts[0], 24, 20);
    const QImage plain = image(1, Qt::red);
    const QImage fine = image(2, Qt::blue);
    QCOMPARE(plain.size(), QSize(2 * place.width, 2 * place.height)); // finer than the screen
    QCOMPARE(fine.size(), 2 * plain.size());
    const QRect ink = inkOf(plain);
    QVERIFY(!ink.isEmpty());
    QCOMPARE(QColor(plain.pixel(ink.center().x(), ink.bottom() - 1)).lightness() > 0, true);
    QVERIFY(std::abs(ink.bottom() + 1 - 2 * place.baseline) <= 1); // E stands on the baseline
    for (const QImage& each : {plain, fine}) {
        const QColor wanted = each.size() == plain.size() ? Qt::red : Qt::blue;
        for (int y = 0; y < each.height(); ++y) {
            for (int x = 0; x < each.width(); ++x) {
                if (qAlpha(each.pixel(x, y)) == 255)
                    QCOMPARE(each.pixelColor(x, y), wanted);
            }
        }
    }
}

void TestFormulaText::imagesRefuseNonsense()
{
    FormulaImages images(&m_formulas);
    for (const QString& id : {u""_s, u"1"_s, u"99999999/0/20/15/1/ff000000"_s, u"a/b/c/d/e/f"_s,
                              u"1/99/20/15/1/ff000000"_s, u"1/0/1e30/15/1/ff000000"_s,
                              u"1/0/20/15/-1/ff000000"_s, u"1/0/20/15/1e9/ff000000"_s, u"1/0/nan/15/1/x"_s})
        QVERIFY(images.requestImage(id, nullptr, {}).isNull());
}

void TestFormulaText::itemMeasuresAndPaints()
{
    FormulaItem item;
    const QSignalSpy readyChanged(&item, &FormulaItem::readyChanged);
    item.setFormulas(&m_formulas);
    item.setColor(Qt::black);
    item.setTex(u"\\frac{a}{b}"_s);
    QTRY_VERIFY(item.ready());
    QCOMPARE(readyChanged.size(), 1);
    const QSizeF small(item.implicitWidth(), item.implicitHeight());
    item.setTextSize(30);
    QVERIFY(item.implicitWidth() > 1.7 * small.width() && item.implicitHeight() > 1.7 * small.height());
    item.setSize(QSizeF(400, item.implicitHeight()));
    QImage image(400, static_cast<int>(item.height()), QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    item.paint(&painter);
    painter.end();
    const QRect ink = inkOf(image);
    QVERIFY(std::abs(ink.center().x() - 200) <= 2); // in the middle
    QVERIFY(ink.height() > 0.7 * image.height());
    item.setTex(u"\\undefined"_s);
    QTRY_VERIFY(!item.ready());
    QCOMPARE(item.implicitHeight(), 0.0);
    item.setTex(u"\\rule{30em}{1em}"_s.repeated(16)); // wider than a picture may be
    QTRY_VERIFY(m_formulas.find(item.tex(), true));
    QVERIFY(!item.ready());
}

void TestFormulaText::itemWithNumber()
{
    FormulaItem item;
    item.setFormulas(&m_formulas);
    item.setColor(Qt::black);
    item.setTex(u"x\\tag{1}"_s);
    QTRY_VERIFY(item.ready());
    item.setSize(QSizeF(300, item.implicitHeight()));
    QImage image(300, static_cast<int>(item.height()), QImage::Format_ARGB32_Premultiplied);
    image.fill(Qt::transparent);
    QPainter painter(&image);
    item.paint(&painter);
    painter.end();
    const QRect left = inkOf(image.copy(0, 0, 200, image.height()));
    QVERIFY(std::abs(left.center().x() - 150) <= 2);
    QVERIFY(inkOf(image).right() >= 294);
}

// A thin line is one pixel of full strength, wherever it comes to lie.
void TestFormulaText::rulesAreWholePixels()
{
    Formula formula;
    formula.rules.push_back({QRectF(0.1, -0.27, 2, 0.03), QColor(), false});
    for (const double offset : {0.0, 0.3, 0.5, 0.8}) {
        QImage image(60, 30, QImage::Format_ARGB32_Premultiplied);
        image.fill(Qt::transparent);
        QPainter painter(&image);
        ui::paintFormula(painter, formula, QPointF(2 + offset, 15 + offset), 18, Qt::black);
        painter.end();
        int full = 0;
        int rows = 0;
        for (int y = 0; y < image.height(); ++y) {
            rows += qAlpha(image.pixel(20, y)) > 0 ? 1 : 0;
            full += qAlpha(image.pixel(20, y)) == 255 ? 1 : 0;
        }
        QCOMPARE(rows, 1);
        QCOMPARE(full, 1);
    }
}

void TestFormulaText::coloursStayReadable()
{
    QCOMPARE(ui::readableColor(Qt::blue, Qt::black), QColor(Qt::blue)); // as its author chose it
    const QColor onDark = ui::readableColor(Qt::blue, QColor(0xe6, 0xe6, 0xe3));
    QVERIFY(onDark.lightnessF() > 0.6F);
    QCOMPARE(onDark.hslHue(), QColor(Qt::blue).hslHue());
    QCOMPARE(ui::readableColor(Qt::black, Qt::white), QColor(Qt::white));
    QCOMPARE(ui::readableColor(Qt::yellow, Qt::white).hslHue(), QColor(Qt::yellow).hslHue());
}

// In Arabic, and in cells that are not aligned left, the parts of a formula keep their order and place; what
// is copied knows nothing of it.
void TestFormulaText::anchorsWhereTextIsElsewhere()
{
    const QString formula = u"<math>$a = b$</math>"_s;
    FormulaText plain;
    ready(plain, u"so "_s + formula);
    QVERIFY(!plain.rich().contains(u"&lrm;"_s));
    FormulaText cell;
    cell.setAnchored(true);
    FormulaText arabic;
    for (FormulaText* text : {&cell, &arabic}) {
        ready(*text, (text == &cell ? u"so "_s : u"معادلة "_s) + formula);
        QCOMPARE(text->rich().count(u"&lrm;&nbsp;</span><img"_s), text->rich().count(u"<img"_s));
        QTextDocument document;
        document.setHtml(text->rich());
        QCOMPARE(text->restored(document.toRawText(), {}).sliced(text == &cell ? 3 : 7), u"$a = b$"_s);
    }
}

void TestFormulaText::nothingArabicIsSlanted()
{
    FormulaText text;
    text.setHtml(u"<i>word</i>"_s);
    QCOMPARE(text.rich(), u"<i>word</i>"_s);
    text.setHtml(u"<i>כלב</i>"_s);
    QCOMPARE(text.rich(), u"<b>כלב</b>"_s);
}

QTEST_MAIN(TestFormulaText)
#include "test_formula_text.moc"
