// SPDX-License-Identifier: MIT
#include "ui/formula/box_layout.h"

#include "ui/formula/formula_fonts.h"
#include "ui/formula/svg_path.h"

#include <QJsonArray>
#include <QSet>
#include <QStringList>
#include <QTransform>

#include <algorithm>
#include <array>
#include <cmath>

namespace ui {

namespace {

constexpr int kDepth = 160;
constexpr size_t kInk = 20000;    // glyphs, rules and shapes of one formula
constexpr double kLargest = 500;  // em, in any direction
constexpr double kLineGap = 0.35; // between the lines of a formula that is broken by double backslashes
constexpr double kCancelLine = 0.046;

// Ends the layout of a formula; never leaves this file.
struct NotKnown
{
};

enum class Family
{
    Main,
    Math,
    Ams,
    Caligraphic,
    Fraktur,
    SansSerif,
    Script,
    Typewriter,
    Size1,
    Size2,
    Size3,
    Size4
};

enum class Align
{
    Left,
    Center,
    Right
};

// What a box inherits.
struct Style
{
    double size = 1; // of its font
    Family family = Family::Main;
    bool bold = false;
    bool italic = false;
    Align align = Align::Left;
    QColor color;
    bool accent = false; // it is the child of an accent
    int depth = 0;
};

struct Box
{
    double width = 0;
    double ascent = 0;
    double descent = 0;
    bool stretches = false; // would be as wide as what it stands in, which was not known
    Formula ink;

    void move(double x, double y)
    {
        const QPointF by(x, y);
        for (FormulaGlyph& glyph : ink.glyphs) {
            glyph.at += by;
        }
        for (std::vector<FormulaRule>* rules : {&ink.rules, &ink.fills}) {
            for (FormulaRule& rule : *rules) {
                rule.rect.translate(by);
            }
        }
        for (FormulaShape& shape : ink.shapes) {
            shape.path.translate(by);
            shape.clip.translate(by);
        }
    }

    // Takes the ink of another box at a place; sizes are for the caller.
    void take(Box&& other, double x, double y)
    {
        other.move(x, y);
        const auto append = [](auto& to, auto& from) {
            to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
        };
        append(ink.glyphs, other.ink.glyphs);
        append(ink.rules, other.ink.rules);
        append(ink.fills, other.ink.fills);
        append(ink.shapes, other.ink.shapes);
        if (ink.glyphs.size() + ink.rules.size() + ink.shapes.size() > kInk) {
            throw NotKnown();
        }
    }

    // Puts another box behind what is there, raised by y.
    void join(Box&& other, double y = 0)
    {
        ascent = std::max(ascent, other.ascent - y);
        descent = std::max(descent, other.descent + y);
        stretches = stretches || other.stretches;
        const double at = width;
        width += other.width;
        take(std::move(other), at, y);
    }
};

using Classes = QStringList;
using Available = std::optional<double>; // width of what a box stands in

QSet<QString> words(const char* text)
{
    const QStringList list = QString::fromLatin1(text).split(u' ');
    return {list.begin(), list.end()};
}

// Classes that katex.css gives no rule that matters here, or whose rule is in the code by their structure.
const QSet<QString>& plainClasses()
{
    static const QSet<QString> names = words(
        "accent accent-body accent-full accentunder allowbreak angl anglpad arraycolsep base boxpad "
        "brace-center "
        "brace-left brace-right cancel-lap cancel-pad clap colorbox delimcenter delimsizing delimsizinginner "
        "enclosing fbox fcolorbox fix fontsize-ensurer frac-line halfarrow-left halfarrow-right hdashline "
        "hide-tail hline inner katex katex-display katex-html leftmost llap mbin mclose minner mop mopen "
        "mord "
        "mpunct mrel mspace mtable mtight mult negativethinspace newline nobreak nulldelimiter op-symbol "
        "overlay "
        "overline overline-line pstrut rightmost rlap root rule sizing sout sqrt stretchy strut tag text "
        "thinbox "
        "underline underline-line vbox vertical-separator vlist vlist-r vlist-s vlist-t vlist-t2 "
        "x-arrow-pad "
        "armenian_fallback brahmic_fallback cjk_fallback cyrillic_fallback georgian_fallback hangul_fallback "
        "latin_fallback");
    return names;
}

constexpr std::array<double, 11> kSizes = {0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.44, 1.728, 2.074, 2.488};

// 0 for a name that is not `prefix` and a number up to 11.
int sizeNumber(const QString& name, QLatin1String prefix)
{
    if (!name.startsWith(prefix)) {
        return 0;
    }
    bool ok = false;
    const int number = QStringView(name).sliced(prefix.size()).toInt(&ok);
    return ok && number >= 1 && number <= static_cast<int>(kSizes.size()) ? number : 0;
}

void applySize(const Classes& classes, Style& style)
{
    int from = 0;
    int to = 0;
    for (const QString& name : classes) {
        from = std::max(from, sizeNumber(name, QLatin1String("reset-size")));
        to = std::max(to, sizeNumber(name, QLatin1String("size")));
    }
    const bool resizes =
        classes.contains(QLatin1String("sizing")) || classes.contains(QLatin1String("fontsize-ensurer"));
    if (resizes && from > 0 && to > 0) {
        style.size *= kSizes[static_cast<size_t>(to - 1)] / kSizes[static_cast<size_t>(from - 1)];
    } else if (classes.contains(QLatin1String("delimsizing")) && to >= 1 && to <= 4) {
        style.family = static_cast<Family>(static_cast<int>(Family::Size1) + to - 1);
    } else if (to > 0 && !resizes) {
        throw NotKnown();
    }
}

// False for a class that is not known.
bool applyClass(const QString& name, Style& style)
{
    struct Font
    {
        const char* name;
        Family family;
        bool bold;
        bool italic;
    };
    static constexpr std::array<Font, 21> fonts = {{
        {"textrm", Family::Main, false, false},         {"textsf", Family::SansSerif, false, false},
        {"texttt", Family::Typewriter, false, false},   {"mathnormal", Family::Math, false, true},
        {"mathit", Family::Main, false, true},          {"mathbf", Family::Main, true, false},
        {"boldsymbol", Family::Math, true, true},       {"amsrm", Family::Ams, false, false},
        {"mathbb", Family::Ams, false, false},          {"textbb", Family::Ams, false, false},
        {"mathcal", Family::Caligraphic, false, false}, {"mathfrak", Family::Fraktur, false, false},
        {"textfrak", Family::Fraktur, false, false},    {"mathtt", Family::Typewriter, false, false},
        {"mathscr", Family::Script, false, false},      {"textscr", Family::Script, false, false},
        {"mathsf", Family::SansSerif, false, false},    {"mathboldsf", Family::SansSerif, true, false},
        {"textboldsf", Family::SansSerif, true, false}, {"mathitsf", Family::SansSerif, false, true},
        {"textitsf", Family::SansSerif, false, true},
    }};
    for (const Font& font : fonts) {
        if (name == QLatin1String(font.name)) {
            style.family = font.family;
            style.bold = style.bold || font.bold;
            style.italic = style.italic || font.italic;
            return true;
        }
    }
    const auto is = [&name](const char* other) { return name == QLatin1String(other); };
    if (is("textbf")) {
        style.bold = true;
    } else if (is("textit")) {
        style.italic = true;
    } else if (is("mathrm") || is("mainrm")) {
        style.italic = false;
        style.family = is("mainrm") ? Family::Main : style.family;
    } else if (is("small-op") || is("delim-size1")) {
        style.family = Family::Size1;
    } else if (is("large-op")) {
        style.family = Family::Size2;
    } else if (is("delim-size4")) {
        style.family = Family::Size4;
    } else if (is("mfrac") || is("op-limits") || is("x-arrow") || is("mover") || is("munder") ||
               is("col-align-c")) {
        style.align = Align::Center;
    } else if (is("msupsub") || is("svg-align") || is("col-align-l")) {
        style.align = Align::Left;
    } else if (is("col-align-r")) {
        style.align = Align::Right;
    } else {
        return plainClasses().contains(name) || sizeNumber(name, QLatin1String("reset-size")) > 0 ||
               sizeNumber(name, QLatin1String("size")) > 0;
    }
    return true;
}

FormulaFace face(const Style& style)
{
    const bool bold = style.bold;
    switch (style.family) {
    case Family::Main:
        return bold ? (style.italic ? FormulaFace::MainBoldItalic : FormulaFace::MainBold)
                    : (style.italic ? FormulaFace::MainItalic : FormulaFace::Main);
    case Family::Math:
        return bold ? FormulaFace::MathBold : FormulaFace::Math;
    case Family::Ams:
        return FormulaFace::Ams;
    case Family::Caligraphic:
        return bold ? FormulaFace::CaligraphicBold : FormulaFace::Caligraphic;
    case Family::Fraktur:
        return bold ? FormulaFace::FrakturBold : FormulaFace::Fraktur;
    case Family::SansSerif:
        return bold ? FormulaFace::SansSerifBold
                    : (style.italic ? FormulaFace::SansSerifItalic : FormulaFace::SansSerif);
    case Family::Script:
        return FormulaFace::Script;
    case Family::Typewriter:
        return FormulaFace::Typewriter;
    case Family::Size1:
        return FormulaFace::Size1;
    case Family::Size2:
        return FormulaFace::Size2;
    case Family::Size3:
        return FormulaFace::Size3;
    case Family::Size4:
        return FormulaFace::Size4;
    }
    return FormulaFace::Main;
}

double checked(double length)
{
    if (!(std::abs(length) <= kLargest)) {
        throw NotKnown();
    }
    return length;
}

// "1.2em" in em of the box's own font; "0" needs no unit.
double em(QStringView text)
{
    text = text.trimmed();
    if (text.endsWith(u"em")) {
        text.chop(2);
    } else if (text != u"0") {
        throw NotKnown();
    }
    bool ok = false;
    const double length = text.toDouble(&ok);
    return ok ? checked(length) : throw NotKnown();
}

Classes classesOf(const QJsonObject& node)
{
    return node[QLatin1String("c")].toString().split(u' ', Qt::SkipEmptyParts);
}

QJsonArray childrenOf(const QJsonObject& node)
{
    return node[QLatin1String("k")].toArray();
}

// The inline style of a box.
class Css
{
public:
    explicit Css(const QJsonObject& node)
        : m_values(node[QLatin1String("s")].toObject())
    {
        static const QSet<QString> known = words(
            "backgroundColor borderBottomWidth borderColor borderRightStyle borderRightWidth borderStyle "
            "borderTopWidth borderWidth bottom color height left margin marginLeft marginRight marginTop "
            "minWidth "
            "paddingLeft position textShadow top verticalAlign width");
        for (auto value = m_values.begin(); value != m_values.end(); ++value) {
            if (!known.contains(value.key())) {
                throw NotKnown();
            }
        }
    }

    bool has(const char* name) const { return m_values.contains(QLatin1String(name)); }
    QString text(const char* name) const { return m_values[QLatin1String(name)].toString(); }
    double length(const char* name) const { return has(name) ? em(text(name)) : 0; }

    // Invalid if there is none, or none that is a colour.
    QColor color(const char* name) const
    {
        if (!has(name)) {
            return {};
        }
        const QString value = text(name);
        if (value == QLatin1String(kFormulaErrorColor)) {
            throw NotKnown();
        }
        return QColor::isValidColorName(value) ? QColor(value) : QColor();
    }

private:
    QJsonObject m_values;
};

class Layout
{
public:
    explicit Layout(FormulaFonts& fonts)
        : m_fonts(fonts)
    {
    }

    FormulaLayout run(const QJsonObject& tree, bool display);

private:
    Box line(const QJsonArray& children, const Style& style, Available available);
    Box node(const QJsonObject& node, Style style, Available available);
    Box content(const QJsonObject& node, const Classes& classes, const Css& css, const Style& style,
                Available available);
    Box text(const QString& text, const Style& style);
    Box list(const QJsonObject& table, const Style& style);
    Box overlap(const QJsonObject& node, const Classes& classes, const Style& style);
    Box stretchy(const QJsonObject& node, const Classes& classes, const Css& css, const Style& style,
                 Available available);
    void images(const QJsonArray& children, const QRectF& frame, const Style& style, Box& box);
    void image(const QJsonObject& node, const QRectF& frame, const Style& style, Box& box);

    FormulaFonts& m_fonts;
};

QJsonObject child(const QJsonArray& children, QLatin1String name)
{
    for (const QJsonValue& value : children) {
        if (classesOf(value.toObject()).contains(name)) {
            return value.toObject();
        }
    }
    return {};
}

Box Layout::line(const QJsonArray& children, const Style& style, Available available)
{
    Box box;
    for (const QJsonValue& value : children) {
        box.join(node(value.toObject(), style, available));
    }
    checked(box.width);
    return box;
}

Box Layout::node(const QJsonObject& node, Style style, Available available)
{
    if (++style.depth > kDepth) {
        throw NotKnown();
    }
    const Classes classes = classesOf(node);
    const auto has = [&classes](const char* name) { return classes.contains(QLatin1String(name)); };
    const Css css(node);
    const bool inAccent = style.accent;
    style.accent = has("accent");
    for (const QString& name : classes) {
        if (!applyClass(name, style)) {
            throw NotKnown();
        }
    }
    applySize(classes, style);
    if (inAccent && has("vlist-t")) {
        style.align = Align::Center;
    }
    if (const QColor color = css.color("color"); color.isValid()) {
        style.color = color;
    }

    Box box = content(node, classes, css, style, available);

    // Around the box, in em of its own font.
    double before = css.length("marginLeft") + css.length("paddingLeft");
    double behind = css.length("marginRight") + node[QLatin1String("i")].toDouble();
    const auto both = [&](const char* name, double length) {
        if (has(name)) {
            before += length;
            behind += length;
        }
    };
    both("boxpad", 0.3);
    both("x-arrow-pad", 0.5);
    both("cancel-pad", 0.2);
    both("anglpad", 0.03889);
    both("cancel-lap", -0.2);
    if (has("angl")) {
        behind += 0.03889;
    }
    if (has("root")) {
        before += 0.27777778;
        behind -= 0.55555556;
    }
    before *= style.size;
    behind *= style.size;
    // Moved from its place without moving others.
    const bool raised = !has("rule") && css.has("bottom");
    const double x = css.length("left") * style.size;
    const double y = (css.length("top") - (raised ? css.length("bottom") : 0)) * style.size;
    if (before != 0 || x != 0 || y != 0) {
        box.move(before + x, y);
        box.ascent -= y;
        box.descent += y;
    }
    box.width += before + behind;
    if (has("accent-body") && !has("accent-full")) {
        box.width = 0;
    }
    if (has("thinbox")) {
        box.width = 0;
    }
    if (css.has("textShadow")) { // a poor man's bold: \pmb
        Box again;
        again.ink = box.ink;
        box.take(std::move(again), 0.02 * style.size, 0.01 * style.size);
    }
    return box;
}

// The box itself, its baseline at 0.
Box Layout::content(const QJsonObject& node, const Classes& classes, const Css& css, const Style& style,
                    Available available)
{
    const auto has = [&classes](const char* name) { return classes.contains(QLatin1String(name)); };
    const QJsonArray children = childrenOf(node);
    const double size = style.size;
    if (has("vlist-t")) {
        return list(node, style);
    }
    if (has("llap") || has("rlap") || has("clap")) {
        return overlap(node, classes, style);
    }
    if (has("stretchy") || has("hide-tail") ||
        (!children.isEmpty() && children[0].toObject().contains(QLatin1String("g")))) {
        return stretchy(node, classes, css, style, available);
    }
    if (has("strut")) {
        const double raise = css.length("verticalAlign") * size;
        Box box;
        box.ascent = css.length("height") * size + raise;
        box.descent = -raise;
        return box;
    }
    if (has("frac-line") || has("overline-line") || has("underline-line") || has("hline") ||
        has("hdashline")) {
        Box box;
        box.ascent = css.length("borderBottomWidth") * size;
        box.stretches = !available;
        box.width = available.value_or(0);
        box.ink.rules.push_back(
            {QRectF(0, -box.ascent, box.width, box.ascent), style.color, has("hdashline")});
        return box;
    }
    if (has("rule")) {
        const double bottom = css.length("bottom") * size;
        const double height = css.length("borderTopWidth") * size;
        Box box;
        box.width = css.length("borderRightWidth") * size;
        box.ascent = height + bottom;
        box.descent = -bottom;
        box.ink.rules.push_back({QRectF(0, -box.ascent, box.width, height), style.color, false});
        return box;
    }
    if (has("vertical-separator")) {
        const double raise = css.length("verticalAlign") * size;
        const double height = css.length("height") * size;
        const double width = css.length("borderRightWidth") * size;
        Box box; // its margins take back its width
        box.ascent = height + raise;
        box.descent = -raise;
        box.ink.rules.push_back({QRectF(-width / 2, -box.ascent, width, height), style.color,
                                 css.text("borderRightStyle") == QLatin1String("dashed")});
        return box;
    }
    if (css.has("verticalAlign") ||
        (css.has("position") && css.text("position") != QLatin1String("relative"))) {
        throw NotKnown();
    }
    if (has("nulldelimiter")) {
        Box box;
        box.width = 0.12 * size;
        return box;
    }
    if (has("arraycolsep")) {
        Box box;
        box.width = css.length("width") * size;
        return box;
    }
    if (node.contains(QLatin1String("t"))) {
        return text(node[QLatin1String("t")].toString(), style);
    }
    if (css.has("width") || css.has("minWidth") || css.has("margin")) {
        throw NotKnown();
    }
    return line(children, style, available);
}

Box Layout::text(const QString& text, const Style& style)
{
    Box box;
    QString missing; // letters in a row that KaTeX's fonts lack
    const auto flush = [&] {
        if (missing.isEmpty()) {
            return;
        }
        Box run;
        if (!m_fonts.write(missing, style.bold, style.italic, run.ink.glyphs, run.width)) {
            throw NotKnown();
        }
        run.width *= style.size;
        for (FormulaGlyph& glyph : run.ink.glyphs) {
            glyph.at *= style.size;
            glyph.size = style.size;
            glyph.color = style.color;
            const QRectF ink = glyph.outline.boundingRect();
            run.ascent = std::max(run.ascent, -ink.top() * style.size);
            run.descent = std::max(run.descent, ink.bottom() * style.size);
        }
        box.join(std::move(run));
        missing.clear();
    };
    for (const char32_t letter : text.toUcs4()) {
        if (letter == 0x200B) {
            continue;
        }
        FormulaFace used = face(style);
        const FormulaFonts::Outline* outline = &m_fonts.outline(used, letter);
        for (const FormulaFace other : {FormulaFace::Main, FormulaFace::Ams}) {
            if (!outline->exists) {
                used = other;
                outline = &m_fonts.outline(used, letter);
            }
        }
        if (!outline->exists) {
            missing += QString::fromUcs4(&letter, 1);
            continue;
        }
        flush();
        Box glyph;
        glyph.width = outline->advance * style.size;
        const QRectF ink = outline->path.boundingRect();
        glyph.ascent = -ink.top() * style.size;
        glyph.descent = ink.bottom() * style.size;
        if (!outline->path.isEmpty()) {
            glyph.ink.glyphs.push_back({used, letter, QPointF(), style.size, style.color, outline->path});
        }
        box.join(std::move(glyph));
    }
    flush();
    return box;
}

// A column of boxes, each raised or lowered by its own amount. In the browser it is a table of one cell,
// whose rows have no height; each holds a strut that brings the baseline to a known place.
Box Layout::list(const QJsonObject& table, const Style& style)
{
    const QJsonArray rows = childrenOf(table);
    const auto cell = [&rows](qsizetype row) { return childrenOf(rows[row].toObject())[0].toObject(); };
    if (rows.isEmpty() || childrenOf(rows[0].toObject()).isEmpty()) {
        throw NotKnown();
    }
    struct Entry
    {
        Box box;
        QJsonArray children;
        Style style;
        double before = 0;
        double behind = 0;
        double y = 0;
    };
    Box box;
    box.ascent = Css(cell(0)).length("height") * style.size;
    if (rows.size() > 1 && !childrenOf(rows[1].toObject()).isEmpty()) {
        box.descent = Css(cell(1)).length("height") * style.size;
    }
    std::vector<Entry> entries;
    for (const QJsonValue& value : childrenOf(cell(0))) {
        const QJsonObject wrapper = value.toObject();
        const Css css(wrapper);
        Entry entry;
        entry.children = childrenOf(wrapper);
        entry.style = style;
        entry.style.depth += 3;
        for (const QString& name : classesOf(wrapper)) {
            if (!applyClass(name, entry.style)) {
                throw NotKnown();
            }
        }
        if (entry.children.isEmpty() ||
            !classesOf(entry.children[0].toObject()).contains(QLatin1String("pstrut"))) {
            throw NotKnown();
        }
        const double strut = Css(entry.children[0].toObject()).length("height");
        entry.children.removeFirst();
        entry.before = css.length("marginLeft") * style.size;
        entry.behind = css.length("marginRight") * style.size;
        entry.y = (css.length("top") + strut) * style.size;
        entry.box = line(entry.children, entry.style, std::nullopt);
        box.width = std::max(box.width, entry.box.width + entry.before + entry.behind);
        entries.push_back(std::move(entry));
    }
    for (Entry& entry : entries) {
        const double room = box.width - entry.before - entry.behind;
        if (entry.box.stretches) {
            entry.box = line(entry.children, entry.style, room);
        }
        const double left = std::max(0.0, room - entry.box.width);
        const double x = entry.style.align == Align::Center  ? left / 2
                         : entry.style.align == Align::Right ? left
                                                             : 0;
        box.take(std::move(entry.box), entry.before + x, entry.y);
    }
    return box;
}

// What reaches over its neighbours: \llap, \rlap and \clap take no width.
Box Layout::overlap(const QJsonObject& node, const Classes& classes, const Style& style)
{
    const QJsonArray children = childrenOf(node);
    Box inner = line(childrenOf(child(children, QLatin1String("inner"))), style, std::nullopt);
    Box box;
    box.ascent = inner.ascent;
    box.descent = inner.descent;
    const double x = classes.contains(QLatin1String("llap"))   ? -inner.width
                     : classes.contains(QLatin1String("clap")) ? -inner.width / 2
                                                               : 0;
    box.take(std::move(inner), x, 0);
    return box;
}

// A box of a known height that is as wide as what it stands in and shows images, a frame or a background.
Box Layout::stretchy(const QJsonObject& node, const Classes& classes, const Css& css, const Style& style,
                     Available available)
{
    const auto has = [&classes](const char* name) { return classes.contains(QLatin1String(name)); };
    const double size = style.size;
    Box box;
    const double height = css.length("height") * size;
    box.ascent = height;
    if (css.has("width")) {
        box.width = css.length("width") * size;
    } else {
        box.stretches = !available;
        box.width = std::max(available.value_or(0), css.length("minWidth") * size);
    }
    const QRectF frame(0, -height, box.width, height);
    if (const QColor color = css.color("backgroundColor"); color.isValid()) {
        box.ink.fills.push_back({frame, color, false});
    }
    QColor line = css.color("borderColor");
    line = line.isValid() ? line : style.color;
    const auto rule = [&](double x, double y, double width, double thickness) {
        box.ink.rules.push_back({QRectF(x, y, width, thickness), line, false});
    };
    const double bottom = frame.bottom();
    if (has("fbox") || has("fcolorbox")) {
        const double thick = (css.has("borderWidth") ? css.length("borderWidth") : 0.04) * size;
        rule(0, frame.top(), box.width, thick);
        rule(0, bottom - thick, box.width, thick);
        rule(0, frame.top(), thick, height);
        rule(box.width - thick, frame.top(), thick, height);
    } else if (has("sout")) {
        box.ascent = 0.08 * size;
        rule(0, -box.ascent, box.width, box.ascent);
    } else if (has("angl")) {
        const double thick = (css.has("borderTopWidth") ? css.length("borderTopWidth") : 0.049) * size;
        rule(0, frame.top(), box.width, thick);
        rule(box.width - thick, frame.top(), thick, height);
    }
    images(childrenOf(node), frame, style, box);
    return box;
}

void Layout::images(const QJsonArray& children, const QRectF& frame, const Style& style, Box& box)
{
    struct Share
    {
        const char* name;
        double left; // of the width of the frame
        double width;
    };
    static constexpr std::array<Share, 5> shares = {{{"halfarrow-left", 0, 0.502},
                                                     {"halfarrow-right", 0.498, 0.502},
                                                     {"brace-left", 0, 0.251},
                                                     {"brace-center", 0.25, 0.5},
                                                     {"brace-right", 0.749, 0.251}}};
    for (const QJsonValue& value : children) {
        const QJsonObject node = value.toObject();
        if (node.contains(QLatin1String("g"))) {
            image(node, frame, style, box);
            continue;
        }
        const Classes classes = classesOf(node);
        const auto share = std::find_if(shares.begin(), shares.end(), [&classes](const Share& each) {
            return classes.contains(QLatin1String(each.name));
        });
        if (share == shares.end()) {
            throw NotKnown();
        }
        images(childrenOf(node),
               QRectF(frame.left() + share->left * frame.width(), frame.top(), share->width * frame.width(),
                      Css(node).length("height") * style.size),
               style, box);
    }
}

// An SVG image in its frame, by its viewBox and preserveAspectRatio.
void Layout::image(const QJsonObject& node, const QRectF& frame, const Style& style, Box& box)
{
    const QJsonObject attributes = node[QLatin1String("g")].toObject();
    const QStringList view = attributes[QLatin1String("viewBox")].toString().split(u' ', Qt::SkipEmptyParts);
    const QString ratio = attributes[QLatin1String("preserveAspectRatio")].toString();
    QTransform transform;
    if (view.size() == 4) {
        const double width = view[2].toDouble();
        const double height = view[3].toDouble();
        if (!(width > 0) || !(height > 0)) {
            throw NotKnown();
        }
        double x = frame.width() / width;
        double y = frame.height() / height;
        if (ratio != QLatin1String("none")) {
            x = y = ratio.contains(QLatin1String("slice")) ? std::max(x, y) : std::min(x, y);
        }
        const double spare = frame.width() - x * width;
        const double shift = ratio.startsWith(QLatin1String("xMid"))   ? spare / 2
                             : ratio.startsWith(QLatin1String("xMax")) ? spare
                                                                       : 0;
        transform.translate(frame.left() + shift, frame.top());
        transform.scale(x, y);
    }
    for (const QJsonValue& value : childrenOf(node)) {
        const QJsonObject part = value.toObject();
        if (part.contains(QLatin1String("d")) && view.size() == 4) {
            std::optional<QPainterPath> path = svgPath(part[QLatin1String("d")].toString());
            if (!path) {
                throw NotKnown();
            }
            *path = transform.map(*path);
            path->setFillRule(Qt::WindingFill);
            // Lines that go on for 400 em are cut where nobody sees it.
            for (int i = 0; i < path->elementCount(); ++i) {
                const QPainterPath::Element element = path->elementAt(i);
                path->setElementPositionAt(i, std::clamp(element.x, frame.left() - 1, frame.right() + 1),
                                           element.y);
            }
            box.ink.shapes.push_back({*path, frame, style.color});
        } else if (part.contains(QLatin1String("l"))) {
            const QJsonObject line = part[QLatin1String("l")].toObject();
            const auto place = [&](const char* name, double length) {
                const QString text = line[QLatin1String(name)].toString();
                return text == QLatin1String("100%") ? length
                       : text == QLatin1String("0")  ? 0
                                                     : throw NotKnown();
            };
            const QPointF from =
                frame.topLeft() + QPointF(place("x1", frame.width()), place("y1", frame.height()));
            const QPointF to =
                frame.topLeft() + QPointF(place("x2", frame.width()), place("y2", frame.height()));
            const QPointF along = to - from;
            const double length = std::hypot(along.x(), along.y());
            if (length > 0) {
                const QPointF across =
                    QPointF(-along.y(), along.x()) / length * (kCancelLine * style.size / 2);
                QPainterPath path;
                path.addPolygon({from + across, to + across, to - across, from - across, from + across});
                box.ink.shapes.push_back({path, frame, style.color});
            }
        } else {
            throw NotKnown();
        }
    }
}

Formula finished(Box&& box)
{
    Formula formula = std::move(box.ink);
    const auto unseen = [](const QColor& color) { return color.isValid() && color.alpha() == 0; };
    std::erase_if(formula.glyphs, [&](const FormulaGlyph& glyph) { return unseen(glyph.color); }); // \phantom
    std::erase_if(formula.rules,
                  [&](const FormulaRule& rule) { return unseen(rule.color) || rule.rect.isEmpty(); });
    std::erase_if(formula.shapes, [&](const FormulaShape& shape) { return unseen(shape.color); });
    formula.width = std::max(0.0, box.width);
    formula.ascent = std::max(0.0, checked(box.ascent));
    formula.descent = std::max(0.0, checked(box.descent));
    QRectF ink(0, 0, formula.width, 0);
    for (const FormulaGlyph& glyph : formula.glyphs) {
        const QRectF bounds = glyph.outline.boundingRect();
        ink |= QRectF(glyph.at + bounds.topLeft() * glyph.size, bounds.size() * glyph.size);
    }
    for (const FormulaRule& rule : formula.rules) {
        ink |= rule.rect;
    }
    for (const FormulaShape& shape : formula.shapes) {
        ink |= shape.path.boundingRect() & shape.clip;
    }
    formula.left = checked(std::max(0.0, -ink.left()));
    formula.right = checked(std::max(0.0, ink.right() - formula.width));
    // A strut says nothing of what \smash lets reach over it: no ink is ever cut off.
    formula.ascent = std::max(formula.ascent, checked(-ink.top()));
    formula.descent = std::max(formula.descent, checked(ink.bottom()));
    return formula;
}

FormulaLayout Layout::run(const QJsonObject& tree, bool display)
{
    QJsonObject html = tree;
    while (!classesOf(html).contains(QLatin1String("katex-html"))) {
        const QJsonArray children = childrenOf(html);
        if (children.isEmpty()) {
            throw NotKnown();
        }
        html = children[0].toObject();
    }
    Style style;
    style.align = display ? Align::Center : Align::Left;
    FormulaLayout made;
    std::vector<Box> lines(1);
    std::vector<double> gaps(1, 0); // above each line
    for (const QJsonValue& value : childrenOf(html)) {
        const QJsonObject each = value.toObject();
        const Classes classes = classesOf(each);
        if (classes.contains(QLatin1String("tag"))) {
            if (!child(childrenOf(each), QLatin1String("strut"))
                     .isEmpty()) { // else a number that counts itself
                made.tag = finished(line(childrenOf(each), style, std::nullopt));
            }
        } else if (classes.contains(QLatin1String("newline"))) {
            lines.emplace_back();
            gaps.push_back(kLineGap + Css(each).length("marginTop"));
        } else if (classes.contains(QLatin1String("base"))) {
            Box base = line(childrenOf(each), style, std::nullopt);
            // Its height is that of its strut, whatever ink reaches beyond.
            const Box strut = node(child(childrenOf(each), QLatin1String("strut")), style, std::nullopt);
            base.ascent = strut.ascent;
            base.descent = strut.descent;
            if (display) {
                lines.back().join(std::move(base));
            } else {
                made.parts.push_back(finished(std::move(base)));
            }
        } else {
            throw NotKnown();
        }
    }
    if (display) {
        Box all;
        for (const Box& each : lines) {
            all.width = std::max(all.width, each.width);
        }
        all.ascent = lines[0].ascent;
        double y = 0;
        for (size_t i = 0; i < lines.size(); ++i) {
            y = i > 0 ? all.descent + gaps[i] + lines[i].ascent : 0;
            all.descent = y + lines[i].descent;
            const double x = (all.width - lines[i].width) / 2;
            all.take(std::move(lines[i]), x, y);
        }
        made.parts.push_back(finished(std::move(all)));
    }
    if (made.parts.empty()) {
        throw NotKnown();
    }
    return made;
}

} // namespace

std::optional<FormulaLayout> layOutFormula(const QJsonObject& tree, bool display, FormulaFonts& fonts)
{
    try {
        return Layout(fonts).run(tree, display);
    } catch (const NotKnown&) {
        return std::nullopt;
    }
}

} // namespace ui
