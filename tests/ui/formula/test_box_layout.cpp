// SPDX-License-Identifier: MIT
#include "ui/formula/katex.h"

#include <QTest>

#include <cmath>

using namespace Qt::StringLiterals;
using ui::Formula;
using ui::FormulaFace;
using ui::FormulaGlyph;
using ui::FormulaLayout;
using ui::FormulaRule;

// KaTeX is among the packages that app/setup.sh installs, so it is there where the tests run.
class TestBoxLayout : public QObject
{
    Q_OBJECT

private slots:
    void initTestCase();
    void laysOut_data();
    void laysOut();
    void lettersStandOnTheBaseline();
    void widthsAreThoseOfTheFonts();
    void fraction();
    void nestedFraction();
    void scripts();
    void sumWithLimits();
    void integralBesideLimits();
    void root();
    void rootWithIndex();
    void matrix();
    void linesInTables();
    void alignedAtEquals();
    void cases();
    void fences();
    void accents();
    void braces();
    void arrowIsAsLongAsItsWords();
    void frames();
    void cancelled();
    void overlapsTakeNoWidth();
    void sizes();
    void colors();
    void chineseInText();
    void faces();
    void tag();
    void linesOfADisplay();
    void inlineBreaksBehindRelations();
    void refuses_data();
    void refuses();

private:
    Formula display(const QString& tex)
    {
        const std::optional<FormulaLayout> layout = m_katex.layOut(tex, true);
        return layout && layout->parts.size() == 1 ? layout->parts[0] : Formula();
    }

    ui::Katex m_katex{ui::Katex::find()};
};

static QRectF inkOf(const FormulaGlyph& glyph)
{
    const QRectF bounds = glyph.outline.boundingRect();
    return {glyph.at + bounds.topLeft() * glyph.size, bounds.size() * glyph.size};
}

// The nth glyph with this letter.
static FormulaGlyph letter(const Formula& formula, char32_t wanted, int n = 0)
{
    for (const FormulaGlyph& glyph : formula.glyphs) {
        if (glyph.letter == wanted && n-- == 0)
            return glyph;
    }
    return {};
}

static bool near(double a, double b, double tolerance = 0.002)
{
    return std::abs(a - b) <= tolerance;
}

#define NEAR(a, b) QVERIFY2(near((a), (b)), qPrintable(u"%1 is not %2"_s.arg((a)).arg((b))))

void TestBoxLayout::initTestCase()
{
    QVERIFY2(ui::Katex::find().exist(), "the packages libjs-katex and fonts-katex are needed");
}

void TestBoxLayout::laysOut_data()
{
    QTest::addColumn<QString>("tex");
    for (const char* tex :
         {R"(E = mc^2)",
          R"(\frac{a}{b})",
          R"(\dfrac{1}{1+\frac{1}{x}})",
          R"(\sqrt{x^2+y^2})",
          R"(\sqrt[3]{\frac{a}{b}})",
          R"(x = \frac{-b \pm \sqrt{b^2-4ac}}{2a})",
          R"(\sum_{i=1}^{n} i = \frac{n(n+1)}{2})",
          R"(\prod_{k=1}^\infty \left(1+\frac{1}{k^2}\right))",
          R"(\int_0^\infty e^{-x^2}\,dx = \frac{\sqrt{\pi}}{2})",
          R"(\iint_D \oint_C f\,dA)",
          R"(\lim_{x\to 0} \frac{\sin x}{x} = 1)",
          R"(\begin{pmatrix} a & b \\ c & d \end{pmatrix})",
          R"(\begin{bmatrix} 1 & 2 & 3 \\ 4 & 5 & 6 \\ 7 & 8 & 9 \\ 1 & 0 & 1 \end{bmatrix})",
          R"(\begin{vmatrix} a & b \\ c & d \end{vmatrix})",
          R"(\begin{Bmatrix} a \\ b \\ c \\ d \\ e \\ f \\ g \end{Bmatrix})",
          R"(f(x) = \begin{cases} x & \text{if } x > 0 \\ -x & \text{otherwise} \end{cases})",
          R"(\begin{aligned} a &= b + c \\ &= d \end{aligned})",
          R"(\begin{align} a &= b \\ c &= d \end{align})",
          R"(\begin{align*} a &= b \\ c &= d \end{align*})",
          R"(\begin{gathered} a \\ b+c \end{gathered})",
          R"(\begin{array}{|c:c|} \hline a & b \\ \hdashline c & d \\ \hline \end{array})",
          R"(\begin{equation} a = b \end{equation})",
          R"(\begin{smallmatrix} a & b \\ c & d \end{smallmatrix})",
          R"(\substack{a \\ b})",
          R"(\binom{n}{k} = \frac{n!}{k!(n-k)!})",
          R"(\hat{x} \bar{y} \dot{z} \ddot{a} \tilde{n} \vec{v} \acute{e} \breve{u})",
          R"(\widehat{xyz} \widetilde{abc} \overline{AB} \underline{cd})",
          R"(\overrightarrow{AB} \overleftarrow{CD} \overleftrightarrow{EF})",
          R"(\overbrace{a+b+c}^{n} + \underbrace{x+y}_{\text{two}})",
          R"(\alpha \beta \gamma \delta \varepsilon \Gamma \Delta \Omega)",
          R"(\mathbb{R} \mathcal{L} \mathfrak{g} \mathscr{F} \mathbf{x} \mathsf{T} \mathtt{code} \mathrm{d})",
          R"(\boldsymbol{\alpha} \bm{x} \pmb{y})",
          R"(\text{中文与 English } x \text{，更多})",
          R"(\textbf{bold} \textit{italic} \texttt{type} \textsf{sans} \text{é ü ñ})",
          R"(\left\{ \frac{a}{b} \middle| c \right\})",
          R"(\left\langle \psi \middle\vert \frac{\phi}{2} \right\rangle)",
          R"(\big( \Big[ \bigg\{ \Bigg| x \Bigg| \bigg\} \Big] \big))",
          R"(\left\lfloor \begin{matrix} a\\b\\c\\d \end{matrix} \right\rceil)",
          R"(A \xrightarrow{f} B \xleftarrow[g]{h} C \xRightarrow{} D)",
          R"(\textcolor{red}{a} + \color{blue} b + \colorbox{yellow}{c})",
          R"(\boxed{E = mc^2} \fbox{text})",
          R"(\cancel{x} \bcancel{y} \xcancel{z} \sout{w})",
          R"(\nabla \cdot \mathbf{E} = \frac{\rho}{\varepsilon_0})",
          R"(i\hbar\frac{\partial}{\partial t}\Psi = \hat{H}\Psi)",
          R"(\operatorname{softmax}(z)_i = \frac{e^{z_i}}{\sum_j e^{z_j}})",
          R"(\mathrm{Attention}(Q,K,V) = \operatorname{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right)V)",
          R"(a \equiv b \pmod{n}, \quad a \not= b, \quad x \notin A)",
          R"(\overset{!}{=} \underset{x}{\arg\max} \stackrel{\text{def}}{=})",
          R"(x_{i_{j_k}}^{2^{3^4}} {}_a^b X_c^d)",
          R"(f' f'' f^{(n)} \dots \cdots \vdots \ddots)",
          R"(\rule{2em}{1em} \hspace{1em} \phantom{x} \smash{y} \raisebox{1em}{z})",
          R"(\tiny a \Huge b \normalsize c)",
          R"(a \tag{1})",
          R"(a \\ b + c)",
          R"(\dbinom{n}{k} \genfrac{[}{]}{0pt}{}{a}{b})",
          R"(\left( \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right))",
          R"(\left| \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right\|)",
          R"(\left[ \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right\rceil)",
          R"(\left\{ \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right\rangle)",
          R"(\left\uparrow \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right\Downarrow)",
          R"(\left\lgroup \begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix} \right\rmoustache)",
          R"(\sqrt{\begin{matrix} a\\b\\c\\d\\e\\f\\g \end{matrix}})",
          R"(\oiint \bigcup_{i} A_i \bigoplus \coprod)",
          R"(\mathllap{x}\mathrlap{y}\mathclap{z}w)",
          R"(\angl{n} \utilde{abc} \underrightarrow{ab} \overgroup{AB})"})
        QTest::newRow(tex) << QString::fromUtf8(tex);
}

// Whatever the formula: finite, within its own bounds, and every part of it is ink.
void TestBoxLayout::laysOut()
{
    QFETCH(QString, tex);
    for (const bool display : {true, false}) {
        const std::optional<FormulaLayout> layout = m_katex.layOut(tex, display);
        if (!display && (tex.contains(u"\\tag") || tex.contains(u"{align}") || tex.contains(u"{align*}") ||
                         tex.contains(u"{equation}"))) {
            QVERIFY(!layout); // KaTeX has them on a line of their own alone
            continue;
        }
        QVERIFY(layout);
        QVERIFY(!layout->parts.empty());
        for (const Formula& part : layout->parts) {
            QVERIFY(part.width >= 0 && part.width < 60);
            QVERIFY(part.ascent + part.descent < 20);
            QVERIFY(part.left < 2 && part.right < 2);
            const QRectF bounds(-part.left, -part.ascent, part.left + part.width + part.right,
                                part.ascent + part.descent);
            const QRectF room = bounds.adjusted(-0.001, -0.001, 0.001, 0.001);
            for (const FormulaGlyph& glyph : part.glyphs) {
                QVERIFY(!glyph.outline.isEmpty());
                QVERIFY(glyph.size > 0.2 && glyph.size < 6);
                QVERIFY2(room.contains(inkOf(glyph)), qPrintable(QString::fromUcs4(&glyph.letter, 1)));
            }
            for (const FormulaRule& rule : part.rules) {
                QVERIFY(rule.rect.width() > 0 && rule.rect.height() > 0);
                QVERIFY(room.contains(rule.rect));
            }
            for (const ui::FormulaShape& shape : part.shapes) {
                QVERIFY(shape.clip.width() > 0 && shape.clip.height() > 0);
                QVERIFY(!(shape.path.boundingRect() & shape.clip).isEmpty());
            }
        }
    }
}

void TestBoxLayout::lettersStandOnTheBaseline()
{
    const Formula formula = display(u"a+b=x"_s);
    QCOMPARE(formula.glyphs.size(), size_t(5));
    double before = -1;
    for (const FormulaGlyph& glyph : formula.glyphs) {
        NEAR(glyph.at.y(), 0.0);
        QCOMPARE(glyph.size, 1.0);
        QVERIFY(glyph.at.x() > before);
        before = glyph.at.x();
    }
    NEAR(inkOf(letter(formula, U'x')).bottom(), 0.011); // TeX lets round feet reach below
}

// Advances and spaces of TeX: a is 0.52859 em wide, b 0.42917, + 0.77778; around a binary operator stand 4
// mu, of which 18 make an em.
void TestBoxLayout::widthsAreThoseOfTheFonts()
{
    const Formula formula = display(u"a+b"_s);
    NEAR(letter(formula, U'+').at.x(), 0.52859 + 4.0 / 18);
    NEAR(letter(formula, U'b').at.x(), 0.52859 + 0.77778 + 8.0 / 18);
    NEAR(formula.width, 0.52859 + 0.77778 + 0.42917 + 8.0 / 18);
    NEAR(display(u"a\\quad b"_s).width, 0.52859 + 1 + 0.42917);
}

void TestBoxLayout::fraction()
{
    const Formula formula = display(u"\\frac{a}{bcd}"_s);
    QCOMPARE(formula.rules.size(), size_t(1));
    const QRectF rule = formula.rules[0].rect;
    const QRectF above = inkOf(letter(formula, U'a'));
    const QRectF below = inkOf(letter(formula, U'b')) | inkOf(letter(formula, U'd'));
    QVERIFY(above.bottom() < rule.top());
    QVERIFY(below.top() > rule.bottom());
    NEAR(rule.height(), 0.04);
    NEAR(rule.center().y(), -0.25); // the axis
    // As wide as the wider of the two, both of them in the middle; null delimiters of 0.12 em beside it.
    NEAR(rule.left(), 0.12);
    NEAR(rule.width(), 0.42917 + 0.43276 + 0.52049);
    NEAR(letter(formula, U'a').at.x() + 0.52859 / 2, rule.center().x());
    NEAR(letter(formula, U'b').at.x(), rule.left());
    NEAR(formula.width, rule.width() + 0.24);
    // Display style: numerator raised by 0.677 em, denominator lowered by 0.686 em (TeX's num1 and denom1).
    NEAR(letter(formula, U'a').at.y(), -0.677);
    NEAR(letter(formula, U'b').at.y(), 0.686);
}

void TestBoxLayout::nestedFraction()
{
    const Formula formula = display(u"\\frac{1}{2+\\frac{3}{4}}"_s);
    QCOMPARE(formula.rules.size(), size_t(2));
    const QRectF outer =
        formula.rules[formula.rules[0].rect.width() > formula.rules[1].rect.width() ? 0 : 1].rect;
    const QRectF inner =
        formula.rules[formula.rules[0].rect.width() > formula.rules[1].rect.width() ? 1 : 0].rect;
    QVERIFY(inner.top() > outer.bottom());
    QVERIFY(outer.left() < inner.left() && outer.right() > inner.right());
    QVERIFY(inkOf(letter(formula, U'3')).bottom() < inner.top());
    QVERIFY(inkOf(letter(formula, U'3')).top() > outer.bottom());
    QVERIFY(inkOf(letter(formula, U'4')).top() > inner.bottom());
    NEAR(letter(formula, U'2').size, 1.0);
    NEAR(letter(formula, U'3').size, 0.7);
}

void TestBoxLayout::scripts()
{
    const Formula formula = display(u"x^2_i"_s);
    const FormulaGlyph base = letter(formula, U'x');
    const FormulaGlyph up = letter(formula, U'2');
    const FormulaGlyph down = letter(formula, U'i');
    NEAR(up.size, 0.7);
    NEAR(down.size, 0.7);
    NEAR(up.at.y(), -0.413);  // TeX's sup1
    NEAR(down.at.y(), 0.247); // and sub2
    NEAR(up.at.x(), base.at.x() + 0.57153);
    NEAR(down.at.x(), up.at.x());
    QVERIFY(inkOf(up).bottom() < inkOf(down).top());
    NEAR(display(u"x^2"_s).glyphs[1].at.y(), -0.413);
    const Formula tower = display(u"a^{b^c}"_s);
    NEAR(letter(tower, U'b').size, 0.7);
    NEAR(letter(tower, U'c').size, 0.5);
    QVERIFY(letter(tower, U'c').at.y() < letter(tower, U'b').at.y());
}

void TestBoxLayout::sumWithLimits()
{
    const Formula formula = display(u"\\sum_{i}^{n}"_s);
    const FormulaGlyph sum = letter(formula, U'∑');
    QCOMPARE(sum.face, FormulaFace::Size2);
    const QRectF sign = inkOf(sum);
    NEAR(sign.center().y(), -0.25); // on the axis
    QVERIFY(inkOf(letter(formula, U'n')).bottom() < sign.top());
    QVERIFY(inkOf(letter(formula, U'i')).top() > sign.bottom());
    // In the middle of the sign, which is 1.444 em wide.
    NEAR(letter(formula, U'n').at.x() + 0.7 * 0.60023 / 2, sum.at.x() + 1.444 / 2);
    NEAR(letter(formula, U'i').at.x() + 0.7 * 0.34502 / 2, sum.at.x() + 1.444 / 2);

    const std::optional<FormulaLayout> text = m_katex.layOut(u"\\sum_{i}^{n}"_s, false);
    QVERIFY(text);
    QCOMPARE(letter(text->parts[0], U'∑').face, FormulaFace::Size1);
    QVERIFY(letter(text->parts[0], U'n').at.x() > 1); // beside the sign
}

void TestBoxLayout::integralBesideLimits()
{
    const Formula formula = display(u"\\int_0^1 x"_s);
    const FormulaGlyph sign = letter(formula, U'∫');
    NEAR(inkOf(sign).center().y(), -0.25);
    const FormulaGlyph upper = letter(formula, U'1');
    const FormulaGlyph lower = letter(formula, U'0');
    QVERIFY(upper.at.x() > lower.at.x()); // the sign is slanted
    QVERIFY(inkOf(upper).bottom() < inkOf(lower).top());
    QVERIFY(letter(formula, U'x').at.x() > inkOf(upper).right());
}

void TestBoxLayout::root()
{
    for (const QString& tex :
         {u"\\sqrt{x}"_s, u"\\sqrt{\\frac{a}{b}}"_s, u"\\sqrt{\\frac{x}{\\frac{a}{\\frac{b}{c}}}}"_s}) {
        const Formula formula = display(tex);
        QCOMPARE(formula.shapes.size(), size_t(1));
        const ui::FormulaShape& sign = formula.shapes[0];
        const QRectF ink = sign.path.boundingRect() & sign.clip;
        // It begins at the left edge, covers all that is under it, and ends where that ends.
        QVERIFY(ink.left() < 0.15);
        NEAR(ink.right(), formula.width);
        for (const FormulaGlyph& glyph : formula.glyphs) {
            QVERIFY(ink.contains(inkOf(glyph).center()));
            QVERIFY(inkOf(glyph).top() > ink.top() + 0.03);
            QVERIFY(inkOf(glyph).left() > 0.7);
        }
        // The line above is ink from behind the hook to the right edge.
        const QPointF line(formula.width - 0.05, ink.top() + 0.02);
        QVERIFY(sign.path.contains(line));
        QVERIFY(!sign.path.contains(line + QPointF(0, 0.1)));
    }
}

void TestBoxLayout::rootWithIndex()
{
    const Formula formula = display(u"\\sqrt[3]{x}"_s);
    const FormulaGlyph index = letter(formula, U'3');
    NEAR(index.size, 0.5);
    NEAR(index.at.x(), 0.27777778);
    const QRectF hook = formula.shapes[0].path.boundingRect() & formula.shapes[0].clip;
    QVERIFY(inkOf(index).bottom() < hook.bottom());
    QVERIFY(inkOf(index).right() < letter(formula, U'x').at.x());
    QVERIFY(hook.left() < inkOf(index).right()); // the index stands in the hook
}

void TestBoxLayout::matrix()
{
    const Formula formula = display(u"\\begin{pmatrix} a & b \\\\ c & d \\end{pmatrix}"_s);
    const auto middle = [&](char32_t c, double advance) { return letter(formula, c).at.x() + advance / 2; };
    NEAR(middle(U'a', 0.52859), middle(U'c', 0.43276));
    NEAR(middle(U'b', 0.42917), middle(U'd', 0.52049));
    NEAR(letter(formula, U'a').at.y(), letter(formula, U'b').at.y());
    NEAR(letter(formula, U'c').at.y() - letter(formula, U'a').at.y(), 1.2); // a line of the table
    NEAR(letter(formula, U'b').at.x() - letter(formula, U'a').at.x(), 0.52859 + 1 + (0.52049 - 0.42917) / 2);
    const QRectF open = inkOf(letter(formula, U'('));
    const QRectF close = inkOf(letter(formula, U')'));
    for (const QRectF& fence : {open, close}) {
        NEAR(fence.center().y(), -0.25);
        QVERIFY(fence.top() < inkOf(letter(formula, U'b')).top());
        QVERIFY(fence.bottom() > inkOf(letter(formula, U'c')).bottom());
    }
    QVERIFY(open.right() < inkOf(letter(formula, U'a')).left());
    QVERIFY(close.left() > inkOf(letter(formula, U'd')).right());
}

void TestBoxLayout::linesInTables()
{
    const Formula formula = display(u"\\begin{array}{c|c} a & b \\\\ \\hline c & d \\end{array}"_s);
    QCOMPARE(formula.rules.size(), size_t(2));
    const bool first = formula.rules[0].rect.width() > formula.rules[0].rect.height();
    const QRectF flat = formula.rules[first ? 0 : 1].rect;
    const QRectF upright = formula.rules[first ? 1 : 0].rect;
    NEAR(flat.height(), 0.04);
    NEAR(flat.width(), formula.width);
    QVERIFY(inkOf(letter(formula, U'b')).bottom() < flat.top());
    QVERIFY(inkOf(letter(formula, U'd')).top() > flat.bottom());
    NEAR(upright.width(), 0.04);
    NEAR(upright.height(), 2.4);
    QVERIFY(upright.left() > inkOf(letter(formula, U'a')).right());
    QVERIFY(upright.right() < inkOf(letter(formula, U'b')).left());
    NEAR(upright.center().x(), formula.width / 2 + (0.52859 - 0.52049) / 2);
    const Formula dashed = display(u"\\begin{array}{c:c} a & b \\\\ \\hdashline c & d \\end{array}"_s);
    QCOMPARE(dashed.rules.size(), size_t(2));
    QVERIFY(dashed.rules[0].dashed && dashed.rules[1].dashed);
}

void TestBoxLayout::alignedAtEquals()
{
    const Formula formula = display(u"\\begin{aligned} a+b &= c \\\\ d &= e + f \\end{aligned}"_s);
    NEAR(letter(formula, U'=', 0).at.x(), letter(formula, U'=', 1).at.x());
    NEAR(letter(formula, U'b').at.x() + 0.42917, letter(formula, U'd').at.x() + 0.52049); // right-aligned
    NEAR(letter(formula, U'c').at.x(), letter(formula, U'e').at.x());                     // left-aligned
    QVERIFY(letter(formula, U'd').at.y() - letter(formula, U'a').at.y() > 1.2);
}

void TestBoxLayout::cases()
{
    const Formula formula =
        display(u"f = \\begin{cases} x & \\text{if } x > 0 \\\\ -x & \\text{else} \\end{cases}"_s);
    NEAR(letter(formula, U'x', 0).at.x(), letter(formula, U'\u2212').at.x());
    NEAR(letter(formula, U'i').at.x(), letter(formula, U'e').at.x());
    QVERIFY(inkOf(letter(formula, U'{')).height() > 2.5);
    NEAR(letter(formula, U'f').at.y(), 0.0);
}

void TestBoxLayout::fences()
{
    const Formula small = display(u"\\left( x \\right)"_s);
    const Formula large = display(u"\\left( \\frac{a}{b} \\right)"_s);
    QCOMPARE(letter(small, U'(').face, FormulaFace::Main);
    QVERIFY(inkOf(letter(large, U'(')).height() > 1.5 * inkOf(letter(small, U'(')).height());
    // A brace around many lines is put together of pieces that leave no gap.
    const Formula tall =
        display(u"\\left\\{ \\begin{matrix} a\\\\b\\\\c\\\\d\\\\e\\\\f \\end{matrix} \\right."_s);
    std::vector<QRectF> pieces;
    for (const FormulaGlyph& glyph : tall.glyphs) {
        if (glyph.face == FormulaFace::Size4)
            pieces.push_back(inkOf(glyph));
    }
    QCOMPARE(pieces.size(), size_t(3));
    for (const ui::FormulaShape& shape : tall.shapes)
        pieces.push_back(shape.path.boundingRect());
    std::sort(pieces.begin(), pieces.end(),
              [](const QRectF& a, const QRectF& b) { return a.top() < b.top(); });
    for (size_t i = 1; i < pieces.size(); ++i)
        QVERIFY(pieces[i].top() <= pieces[i - 1].bottom() + 0.01);
    QVERIFY(pieces.back().bottom() - pieces.front().top() > 6.5);
}

void TestBoxLayout::accents()
{
    const Formula hat = display(u"\\hat{x}"_s);
    const QRectF x = inkOf(letter(hat, U'x'));
    const QRectF mark = inkOf(letter(hat, U'^'));
    QVERIFY(mark.bottom() < x.top());
    QVERIFY(std::abs(mark.center().x() - x.center().x()) < 0.12);
    NEAR(hat.width, 0.57153); // the mark takes no width
    const Formula vec = display(u"\\vec{v}"_s);
    QCOMPARE(vec.shapes.size(), size_t(1));
    const QRectF arrow = vec.shapes[0].path.boundingRect();
    QVERIFY(arrow.bottom() < inkOf(letter(vec, U'v')).top());
    QVERIFY(std::abs(arrow.center().x() - inkOf(letter(vec, U'v')).center().x()) < 0.15);
    const Formula wide = display(u"\\widehat{abc}"_s);
    NEAR(wide.shapes[0].path.boundingRect().width(), wide.width);
    const Formula over = display(u"\\overline{AB}"_s);
    NEAR(over.rules[0].rect.width(), over.width);
    QVERIFY(over.rules[0].rect.bottom() < inkOf(letter(over, U'B')).top());
    const Formula under = display(u"\\underline{g}"_s);
    QVERIFY(under.rules[0].rect.top() > inkOf(letter(under, U'g')).bottom());
}

void TestBoxLayout::braces()
{
    const Formula formula = display(u"\\underbrace{a+b+c}_{n}"_s);
    QCOMPARE(formula.shapes.size(), size_t(3));
    QRectF all;
    for (const ui::FormulaShape& shape : formula.shapes)
        all |= shape.path.boundingRect() & shape.clip;
    NEAR(all.left(), 0.0);
    NEAR(all.width(), formula.width);
    QVERIFY(all.top() > inkOf(letter(formula, U'b')).bottom());
    QVERIFY(all.bottom() < inkOf(letter(formula, U'n')).top());
    NEAR(letter(formula, U'n').at.x() + 0.7 * 0.60023 / 2, formula.width / 2);
}

void TestBoxLayout::arrowIsAsLongAsItsWords()
{
    const Formula formula = display(u"\\xrightarrow{abcabcabc}"_s);
    QCOMPARE(formula.shapes.size(), size_t(1));
    const QRectF arrow = formula.shapes[0].path.boundingRect() & formula.shapes[0].clip;
    NEAR(arrow.width(), formula.width);
    NEAR(formula.width, 0.7 * 3 * (0.52859 + 0.42917 + 0.43276) + 2 * 0.5 * 0.7);
    QVERIFY(inkOf(letter(formula, U'b')).bottom() < arrow.top() + 0.2);
}

void TestBoxLayout::frames()
{
    const Formula formula = display(u"\\boxed{x}"_s);
    QCOMPARE(formula.rules.size(), size_t(4));
    QRectF frame;
    for (const FormulaRule& rule : formula.rules)
        frame |= rule.rect;
    NEAR(frame.width(), 0.57153 + 2 * 0.3);
    NEAR(frame.width(), formula.width);
    QVERIFY(frame.contains(inkOf(letter(formula, U'x'))));
    const Formula filled = display(u"\\colorbox{yellow}{x}"_s);
    QCOMPARE(filled.fills.size(), size_t(1));
    QCOMPARE(filled.fills[0].color, QColor(Qt::yellow));
    QVERIFY(filled.fills[0].rect.contains(inkOf(letter(filled, U'x'))));
}

void TestBoxLayout::cancelled()
{
    const Formula formula = display(u"\\cancel{x}"_s);
    QCOMPARE(formula.shapes.size(), size_t(1));
    const QRectF line = formula.shapes[0].path.boundingRect() & formula.shapes[0].clip;
    QVERIFY(line.intersects(inkOf(letter(formula, U'x'))));
    QVERIFY(formula.shapes[0].path.contains(line.center()));
    QVERIFY(!formula.shapes[0].path.contains(line.topLeft() + QPointF(0.05, 0.05))); // it rises to the right
    QCOMPARE(display(u"\\xcancel{x}"_s).shapes.size(), size_t(2));
}

void TestBoxLayout::overlapsTakeNoWidth()
{
    NEAR(display(u"\\mathrlap{a}b"_s).width, 0.42917);
    NEAR(display(u"b\\mathllap{a}"_s).width, 0.42917);
    const Formula formula = display(u"b\\mathllap{a}"_s);
    NEAR(letter(formula, U'a').at.x(), 0.42917 - 0.52859);
    NEAR(formula.left, std::max(0.0, -inkOf(letter(formula, U'a')).left()));
    NEAR(display(u"a\\phantom{b}c"_s).width, display(u"abc"_s).width);
    QCOMPARE(display(u"a\\phantom{b}c"_s).glyphs.size(), size_t(2));
}

void TestBoxLayout::sizes()
{
    const Formula formula = display(u"x \\large y \\tiny z"_s);
    NEAR(letter(formula, U'x').size, 1.0);
    NEAR(letter(formula, U'y').size, 1.2);
    NEAR(letter(formula, U'z').size, 0.5);
    for (const char32_t c : {U'x', U'y', U'z'})
        NEAR(letter(formula, c).at.y(), 0.0);
}

void TestBoxLayout::colors()
{
    const Formula formula = display(u"a \\textcolor{red}{b \\sqrt{c}} \\textcolor{#0a0b0c}{\\frac{d}{e}}"_s);
    QVERIFY(!letter(formula, U'a').color.isValid());
    QCOMPARE(letter(formula, U'b').color, QColor(Qt::red));
    QCOMPARE(letter(formula, U'c').color, QColor(Qt::red));
    QCOMPARE(formula.shapes[0].color, QColor(Qt::red));
    QCOMPARE(letter(formula, U'd').color, QColor(10, 11, 12));
    QCOMPARE(formula.rules[0].color, QColor(10, 11, 12));
}

void TestBoxLayout::chineseInText()
{
    const Formula formula = display(u"x = \\text{速度} \\cdot t"_s);
    std::vector<FormulaGlyph> others;
    for (const FormulaGlyph& glyph : formula.glyphs) {
        if (glyph.face == FormulaFace::Other)
            others.push_back(glyph);
    }
    QCOMPARE(others.size(), size_t(2));
    NEAR(others[0].at.y(), 0.0);
    QVERIFY(near(others[1].at.x() - others[0].at.x(), 1.0, 0.05));
    QVERIFY(others[0].at.x() > letter(formula, U'=').at.x());
    QVERIFY(letter(formula, U't').at.x() > others[1].at.x() + 1);
}

void TestBoxLayout::faces()
{
    const Formula formula = display(
        u"x \\mathrm{a} \\mathbf{b} \\mathit{c} \\mathbb{R} \\mathcal{L} \\mathfrak{g} "
        "\\mathscr{F} \\mathsf{s} \\mathtt{t} \\boldsymbol{y} \\textbf{\\textit{z}} ∈ \\alpha \\Gamma"_s);
    const auto faceOf = [&formula](char32_t c) { return letter(formula, c).face; };
    QCOMPARE(faceOf(U'x'), FormulaFace::Math);
    QCOMPARE(faceOf(U'a'), FormulaFace::Main);
    QCOMPARE(faceOf(U'b'), FormulaFace::MainBold);
    QCOMPARE(faceOf(U'c'), FormulaFace::MainItalic);
    QCOMPARE(faceOf(U'R'), FormulaFace::Ams);
    QCOMPARE(faceOf(U'L'), FormulaFace::Caligraphic);
    QCOMPARE(faceOf(U'g'), FormulaFace::Fraktur);
    QCOMPARE(faceOf(U'F'), FormulaFace::Script);
    QCOMPARE(faceOf(U's'), FormulaFace::SansSerif);
    QCOMPARE(faceOf(U't'), FormulaFace::Typewriter);
    QCOMPARE(faceOf(U'y'), FormulaFace::MathBold);
    QCOMPARE(faceOf(U'z'), FormulaFace::MainBoldItalic);
    QCOMPARE(faceOf(U'∈'), FormulaFace::Main);
    QCOMPARE(faceOf(U'α'), FormulaFace::Math);
    QCOMPARE(faceOf(U'Γ'), FormulaFace::Main);
}

void TestBoxLayout::tag()
{
    const std::optional<FormulaLayout> layout = m_katex.layOut(u"a = b \\tag{7}"_s, true);
    QVERIFY(layout);
    QVERIFY(layout->tag);
    QCOMPARE(layout->tag->glyphs.size(), size_t(3));
    QCOMPARE(layout->tag->glyphs[1].letter, U'7');
    NEAR(layout->tag->glyphs[1].at.y(), 0.0);
    QCOMPARE(layout->parts[0].glyphs.size(), size_t(3));
}

void TestBoxLayout::linesOfADisplay()
{
    const Formula formula = display(u"a + b + c \\\\ d"_s);
    QVERIFY(inkOf(letter(formula, U'd')).top() > inkOf(letter(formula, U'b')).bottom() + 0.2);
    NEAR(letter(formula, U'd').at.x() + 0.52049 / 2, formula.width / 2);
    NEAR(letter(formula, U'a').at.y(), 0.0);
    NEAR(formula.descent, inkOf(letter(formula, U'd')).bottom());
}

void TestBoxLayout::inlineBreaksBehindRelations()
{
    const std::optional<FormulaLayout> layout = m_katex.layOut(u"a = b + c"_s, false);
    QVERIFY(layout);
    QCOMPARE(layout->parts.size(), size_t(3));
    double width = 0;
    for (const Formula& part : layout->parts)
        width += part.width;
    NEAR(width, display(u"a = b + c"_s).width);
    NEAR(layout->parts[1].glyphs[0].at.x(), 0.0);
}

void TestBoxLayout::refuses_data()
{
    QTest::addColumn<QString>("tex");
    for (const char* tex :
         {R"(\frac{a)", R"(\undefined)", R"(a^b^c)", R"(\left( x)", R"(})", R"(\begin{foo} \end{foo})",
          R"(\href{https://a.org}{b})", R"(\url{https://a.org})", R"(\includegraphics{a.png})",
          R"(\htmlClass{a}{b})", R"(\begin{CD} A @>a>> B \end{CD})", R"(\kern-9999em x)", "", " \n "})
        QTest::newRow(tex) << QString::fromUtf8(tex);
}

void TestBoxLayout::refuses()
{
    QFETCH(QString, tex);
    if (tex.contains(u"\\kern"))
        tex = tex.repeated(40); // each is capped, together they are not
    QVERIFY(!m_katex.layOut(tex, true));
    QVERIFY(!m_katex.layOut(tex, false));
    QVERIFY(m_katex.layOut(u"x"_s, true)); // and the next one is none the worse for it
}

QTEST_MAIN(TestBoxLayout)
#include "test_box_layout.moc"
