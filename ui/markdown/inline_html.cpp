// SPDX-License-Identifier: MIT
#include "ui/markdown/inline_html.h"

#include <md4c.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace ui {

namespace {

// A Unicode blank that no text uses is set where the parser must see white space that is not shown: before
// each line, so that no line looks like the beginning of a block, and around bold marks between Chinese
// letters and punctuation. It is dropped from the output.
constexpr QChar kHiddenBlank(0x205F);
// Stands first in a code span that is a formula; no text contains this noncharacter.
constexpr QChar kFormula(0xFDD0);
constexpr size_t kDepth = 24;
constexpr int kLongestRun = 16;

bool isIdeograph(QChar c)
{
    const char16_t u = c.unicode();
    return (u >= 0x3040 && u <= 0x30FF) || (u >= 0x3400 && u <= 0x9FFF) || (u >= 0xAC00 && u <= 0xD7AF) ||
           (u >= 0xF900 && u <= 0xFAFF) || c.isSurrogate();
}

bool isAsciiLetter(QChar c)
{
    return (c >= u'a' && c <= u'z') || (c >= u'A' && c <= u'Z');
}

bool isAsciiDigit(QChar c)
{
    return c >= u'0' && c <= u'9';
}

// Whether what stands between two single dollars reads as mathematics rather than as words between two
// prices: no words apart without a sign of mathematics, and no word behind a number.
bool isFormula(QStringView content)
{
    static constexpr QStringView signs = u"\\^_={}<>+-*/|()[]'!";
    const auto isSign = [](QChar c) { return signs.contains(c); };
    const bool apart = content.contains(u' ') || content.contains(u'\n');
    if (apart && std::none_of(content.begin(), content.end(), isSign)) {
        return false;
    }
    if (!isAsciiDigit(content[0])) {
        return true;
    }
    QChar before;       // what the letters stand behind
    qsizetype word = 0; // letters in a row
    for (const QChar c : content) {
        if (!isAsciiLetter(c)) {
            word = 0;
            before = c;
        } else if (before != u'\\' && ++word == (before.isSpace() ? 2 : 3)) {
            return false;
        }
    }
    return true;
}

qsizetype runLength(QStringView text, qsizetype position)
{
    qsizetype end = position;
    while (end < text.size() && text[end] == text[position]) {
        ++end;
    }
    return end - position;
}

// Makes inline source safe for the parser: formulas become code spans, so that their underscores and stars
// stay, and bold marks beside Chinese punctuation work. Linear: each kind of closing mark is searched for
// until one search fails, never again.
class Preparation
{
public:
    explicit Preparation(const QString& source)
        : m_source(source)
    {
    }

    QString run()
    {
        m_result.reserve(m_source.size() + 8);
        m_result += kHiddenBlank;
        qsizetype i = 0;
        while (i < m_source.size()) {
            i = step(i);
        }
        return m_result;
    }

private:
    qsizetype step(qsizetype i)
    {
        const QChar c = m_source[i];
        if (c == u'\\' && i + 1 < m_source.size()) {
            const QChar next = m_source[i + 1];
            if (next == u'(' || next == u'[') {
                const qsizetype end = find(next == u'(' ? u"\\)" : u"\\]", i + 2, next == u'(' ? 0 : 1);
                if (end >= 0) {
                    return formula(i, end + 2);
                }
                m_result += QLatin1String("\\\\"); // a formula without an end stands as it was written
                return copy(i, 2);
            }
            return copy(i, 2);
        }
        if (c == u'`') {
            return codeSpan(i);
        }
        if (c == u'$') {
            return dollar(i);
        }
        if (c == u'*') {
            return stars(i);
        }
        if (c == u'\n') {
            m_result += c;
            m_result += kHiddenBlank;
            return i + 1;
        }
        if (c == kHiddenBlank) {
            m_result += u' ';
            return i + 1;
        }
        return copy(i, 1);
    }

    qsizetype copy(qsizetype i, qsizetype length)
    {
        for (const QChar c : QStringView(m_source).sliced(i, length)) {
            // An object replacement character stands for a formula in the text that a person selects.
            const bool ours = c == kFormula || c == QChar::ObjectReplacementCharacter;
            m_result += ours ? QChar(QChar::ReplacementCharacter) : c;
            if (c == u'\n') {
                m_result += kHiddenBlank;
            }
        }
        return i + length;
    }

    qsizetype find(QStringView mark, qsizetype from, size_t kind)
    {
        if (m_missing[kind]) {
            return -1;
        }
        const qsizetype at = m_source.indexOf(mark, from);
        m_missing[kind] = at < 0;
        return at;
    }

    qsizetype codeSpan(qsizetype i)
    {
        const qsizetype run = runLength(m_source, i);
        if (run < kLongestRun && !m_noRun[static_cast<size_t>(run)]) {
            for (qsizetype at = i + run; at < m_source.size(); ++at) {
                if (m_source[at] == u'`') {
                    const qsizetype close = runLength(m_source, at);
                    if (close == run) {
                        return copy(i, at + run - i);
                    }
                    at += close - 1;
                }
            }
            m_noRun[static_cast<size_t>(run)] = true;
        }
        return copy(i, run);
    }

    // "$x$" and "$$x$$", but not "$5 and $10".
    qsizetype dollar(qsizetype i)
    {
        const qsizetype run = runLength(m_source, i);
        if (run > 2) {
            return copy(i, run);
        }
        if (run == 2) {
            const qsizetype end = find(u"$$", i + 2, 2);
            return end > i + 2 ? formula(i, end + 2) : copy(i, run);
        }
        const bool opens = !isAsciiWord(i - 1) && i + 1 < m_source.size() && !m_source[i + 1].isSpace();
        if (!opens || m_missing[3]) {
            return copy(i, 1);
        }
        for (qsizetype at = i + 1; at < m_source.size(); ++at) {
            if (m_source[at] == u'\\') {
                ++at;
            } else if (m_source[at] == u'$') {
                const bool closes = at > i + 1 && !m_source[at - 1].isSpace() && !isAsciiWord(at + 1) &&
                                    isFormula(QStringView(m_source).sliced(i + 1, at - i - 1));
                return closes ? formula(i, at + 1) : copy(i, 1);
            }
        }
        m_missing[3] = true;
        return copy(i, 1);
    }

    bool isAsciiWord(qsizetype i) const
    {
        return i >= 0 && i < m_source.size() && (isAsciiLetter(m_source[i]) || isAsciiDigit(m_source[i]));
    }

    qsizetype formula(qsizetype begin, qsizetype end)
    {
        qsizetype longest = 0;
        for (qsizetype i = begin; i < end; ++i) {
            if (m_source[i] == u'`') {
                const qsizetype run = runLength(m_source, i);
                longest = qMax(longest, run);
                i += run - 1;
            }
        }
        const QString fence(longest + 1, u'`');
        if (m_result.endsWith(u'`')) {
            m_result += kHiddenBlank;
        }
        m_result += fence;
        m_result += kFormula;
        copy(begin, end - begin);
        m_result += fence;
        if (end < m_source.size() && m_source[end] == u'`') {
            m_result += kHiddenBlank;
        }
        return end;
    }

    qsizetype stars(qsizetype i)
    {
        const qsizetype run = runLength(m_source, i);
        const QChar before = i > 0 ? m_source[i - 1] : QChar(u' ');
        const QChar after = i + run < m_source.size() ? m_source[i + run] : QChar(u' ');
        bool& open = run == 1 ? m_italic : m_bold;
        if (!open && isIdeograph(before) && after.isPunct()) {
            m_result += kHiddenBlank;
        }
        copy(i, run);
        if (open && before.isPunct() && isIdeograph(after)) {
            m_result += kHiddenBlank;
        }
        open = !open;
        return i + run;
    }

    const QString& m_source;
    QString m_result;
    std::array<bool, 4> m_missing{};
    std::array<bool, kLongestRun> m_noRun{};
    bool m_italic = false; // a single star is open
    bool m_bold = false;
};

bool isFormulaStart(QStringView text, qsizetype i)
{
    const QStringView rest = text.sliced(i);
    return rest.startsWith(u"\\(") || rest.startsWith(u"\\[") ||
           (rest.startsWith(u"$$") && runLength(rest, 0) == 2);
}

// A code span around a text.
QString asCode(QStringView text)
{
    qsizetype longest = 0;
    for (qsizetype i = 0; i < text.size(); ++i) {
        if (text[i] == u'`') {
            const qsizetype run = runLength(text, i);
            longest = qMax(longest, run);
            i += run - 1;
        }
    }
    const QString fence(longest + 1, u'`');
    return fence + text.toString() + (text.endsWith(u'`') ? QStringLiteral(" ") : QString()) + fence;
}

// Closes what an unfinished paragraph has open.
QString closeOpenMarks(QString text)
{
    const qsizetype link = text.lastIndexOf(QLatin1String("]("));
    if (link >= 0 && text.indexOf(u')', link) < 0) {
        const qsizetype open = text.lastIndexOf(u'[', link);
        if (open >= 0) {
            text = text.first(open) + text.sliced(open + 1, link - open - 1);
        }
    }
    qsizetype openCode = 0; // length of the open run of backticks
    bool bold = false;
    for (qsizetype i = 0; i < text.size();) {
        const qsizetype run = runLength(text, i);
        if (text[i] == u'`') {
            openCode = openCode == 0 ? run : openCode == run ? 0 : openCode;
            i += run;
        } else if (openCode == 0 && isFormulaStart(text, i)) {
            const QStringView end = text[i] == u'$' ? u"$$" : text[i + 1] == u'(' ? u"\\)" : u"\\]";
            const qsizetype at = text.indexOf(end, i + 2);
            if (at < 0) {
                return text.first(i) + asCode(QStringView(text).sliced(i)) +
                       (bold ? QStringLiteral("**") : QString());
            }
            i = at + 2;
        } else if (openCode == 0 && text[i] == u'\\') {
            i += 2;
        } else if (openCode == 0 && text[i] == u'*') {
            bold = run == 2 ? !bold : bold;
            i += run;
        } else {
            ++i;
        }
    }
    if (openCode > 0) {
        if (text.endsWith(u'`')) {
            text.chop(openCode);
        } else {
            text += QString(openCode, u'`');
        }
    }
    if (bold) {
        while (!text.isEmpty() && text.back().isSpace()) {
            text.chop(1);
        }
        if (text.endsWith(u"**")) {
            text.chop(2);
        } else if (text.endsWith(u'*')) {
            text += u'*';
        } else {
            text += QLatin1String("**");
        }
    }
    return text;
}

void appendEscaped(QString& out, QStringView text)
{
    for (const QChar c : text) {
        switch (c.unicode()) {
        case u'<':
            out += QLatin1String("&lt;");
            break;
        case u'>':
            out += QLatin1String("&gt;");
            break;
        case u'&':
            out += QLatin1String("&amp;");
            break;
        case u'"':
            out += QLatin1String("&quot;");
            break;
        case 0:
            out += QChar::ReplacementCharacter;
            break;
        default:
            out += c;
        }
    }
}

// The letter of a character reference such as "&copy;" or "&#233;"; unknown names stay as written.
QString entity(QStringView text)
{
    struct Named
    {
        QStringView name;
        char16_t letter;
    };
    static constexpr std::array<Named, 22> names = {{
        {u"&amp;", u'&'},        {u"&lt;", u'<'},          {u"&gt;", u'>'},          {u"&quot;", u'"'},
        {u"&apos;", u'\''},      {u"&nbsp;", u'\u00A0'},   {u"&copy;", u'\u00A9'},   {u"&reg;", u'\u00AE'},
        {u"&deg;", u'\u00B0'},   {u"&plusmn;", u'\u00B1'}, {u"&times;", u'\u00D7'},  {u"&divide;", u'\u00F7'},
        {u"&ndash;", u'\u2013'}, {u"&mdash;", u'\u2014'},  {u"&hellip;", u'\u2026'}, {u"&euro;", u'\u20AC'},
        {u"&trade;", u'\u2122'}, {u"&larr;", u'\u2190'},   {u"&rarr;", u'\u2192'},   {u"&le;", u'\u2264'},
        {u"&ge;", u'\u2265'},    {u"&ne;", u'\u2260'},
    }};
    for (const Named& named : names) {
        if (named.name == text) {
            return QString(QChar(named.letter));
        }
    }
    if (text.startsWith(u"&#") && text.endsWith(u';')) {
        const bool hex = text.size() > 3 && (text[2] == u'x' || text[2] == u'X');
        bool ok = false;
        const uint code = text.sliced(hex ? 3 : 2).chopped(1).toUInt(&ok, hex ? 16 : 10);
        if (ok && code >= 32 && code <= 0x10FFFF && (code < 0xD800 || code > 0xDFFF)) {
            const char32_t letter = code;
            return QString::fromUcs4(&letter, 1);
        }
    }
    return text.toString();
}

QString attributeText(const MD_ATTRIBUTE& attribute)
{
    QString text;
    for (int i = 0; attribute.text && attribute.substr_offsets[i] < attribute.size; ++i) {
        const MD_OFFSET begin = attribute.substr_offsets[i];
        const QString part =
            QString::fromUtf8(attribute.text + begin, attribute.substr_offsets[i + 1] - begin);
        text += attribute.substr_types[i] == MD_TEXT_ENTITY ? entity(part) : part;
    }
    return text.remove(kHiddenBlank);
}

bool isSafeAddress(const QString& address)
{
    for (const QLatin1String scheme :
         {QLatin1String("http://"), QLatin1String("https://"), QLatin1String("mailto:")}) {
        if (address.startsWith(scheme, Qt::CaseInsensitive)) {
            return true;
        }
    }
    return false;
}

struct Writer
{
    bool rich = true;
    QString out;
    std::vector<bool> tags; // for each open span, whether its tag was written
    bool lastBlank = false;
    bool codeBegins = false; // a code span was entered, and it is not known yet whether it is a formula
    bool formula = false;

    void tag(QLatin1String name)
    {
        if (rich) {
            out += name;
        }
    }

    void write(QStringView text)
    {
        if (rich) {
            appendEscaped(out, text);
        } else {
            out += text;
        }
    }

    void code(QStringView text)
    {
        const bool marked = text.startsWith(kFormula);
        if (codeBegins && !text.isEmpty()) {
            codeBegins = false;
            formula = marked;
            tag(formula ? QLatin1String("<math>") : QLatin1String("<code>"));
        }
        if (formula || marked) {
            write(marked ? text.sliced(1) : text);
            return;
        }
        // Rich text folds blanks; code keeps them.
        for (const QChar c : text) {
            const bool blank = c == u' ';
            if (rich && blank && lastBlank) {
                out += QChar(QChar::Nbsp);
            } else {
                write(QStringView(&c, 1));
            }
            lastBlank = blank;
        }
    }
};

int enterBlock(MD_BLOCKTYPE, void*, void*)
{
    return 0;
}

int leaveBlock(MD_BLOCKTYPE, void*, void*)
{
    return 0;
}

int enterSpan(MD_SPANTYPE type, void* detail, void* userdata)
{
    Writer& writer = *static_cast<Writer*>(userdata);
    writer.formula = false;
    bool tagged = writer.tags.size() < kDepth;
    if (tagged) {
        switch (type) {
        case MD_SPAN_EM:
            writer.tag(QLatin1String("<i>"));
            break;
        case MD_SPAN_STRONG:
            writer.tag(QLatin1String("<b>"));
            break;
        case MD_SPAN_DEL:
            writer.tag(QLatin1String("<s>"));
            break;
        case MD_SPAN_CODE:
            writer.codeBegins = true;
            writer.lastBlank = false;
            break;
        case MD_SPAN_A: {
            const QString address = attributeText(static_cast<MD_SPAN_A_DETAIL*>(detail)->href);
            tagged = isSafeAddress(address);
            if (tagged && writer.rich) {
                writer.out += QLatin1String("<a href=\"");
                appendEscaped(writer.out, address);
                writer.out += QLatin1String("\">");
            }
            break;
        }
        default:
            break;
        }
    }
    writer.tags.push_back(tagged);
    return 0;
}

int leaveSpan(MD_SPANTYPE type, void* detail, void* userdata)
{
    Writer& writer = *static_cast<Writer*>(userdata);
    const bool tagged = !writer.tags.empty() && writer.tags.back();
    if (!writer.tags.empty()) {
        writer.tags.pop_back();
    }
    if (type == MD_SPAN_IMG) {
        const QString address = attributeText(static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src);
        writer.write(QString(QLatin1String(" (") + address + QLatin1Char(')')));
    }
    if (!tagged) {
        return 0;
    }
    switch (type) {
    case MD_SPAN_EM:
        writer.tag(QLatin1String("</i>"));
        break;
    case MD_SPAN_STRONG:
        writer.tag(QLatin1String("</b>"));
        break;
    case MD_SPAN_DEL:
        writer.tag(QLatin1String("</s>"));
        break;
    case MD_SPAN_CODE:
        writer.tag(writer.formula ? QLatin1String("</math>") : QLatin1String("</code>"));
        writer.codeBegins = false;
        break;
    case MD_SPAN_A:
        writer.tag(QLatin1String("</a>"));
        break;
    default:
        break;
    }
    return 0;
}

int text(MD_TEXTTYPE type, const MD_CHAR* data, MD_SIZE size, void* userdata)
{
    Writer& writer = *static_cast<Writer*>(userdata);
    switch (type) {
    case MD_TEXT_BR:
        if (writer.rich) {
            writer.out += QLatin1String("<br>");
        } else {
            writer.out += u'\n';
        }
        break;
    case MD_TEXT_SOFTBR:
        writer.out += u' ';
        break;
    case MD_TEXT_NULLCHAR:
        writer.out += QChar::ReplacementCharacter;
        break;
    case MD_TEXT_ENTITY:
        writer.write(entity(QString::fromUtf8(data, size)));
        break;
    case MD_TEXT_CODE:
        writer.code(QString::fromUtf8(data, size).remove(kHiddenBlank));
        break;
    default:
        writer.write(QString::fromUtf8(data, size).remove(kHiddenBlank));
        break;
    }
    return 0;
}

QString render(const QString& source, bool rich)
{
    const QByteArray utf8 = Preparation(source).run().toUtf8();
    MD_PARSER parser = {};
    parser.flags = MD_FLAG_NOHTML | MD_FLAG_NOINDENTEDCODEBLOCKS | MD_FLAG_STRIKETHROUGH |
                   MD_FLAG_PERMISSIVEURLAUTOLINKS | MD_FLAG_PERMISSIVEWWWAUTOLINKS;
    parser.enter_block = enterBlock;
    parser.leave_block = leaveBlock;
    parser.enter_span = enterSpan;
    parser.leave_span = leaveSpan;
    parser.text = text;
    Writer writer;
    writer.rich = rich;
    if (md_parse(utf8.constData(), static_cast<MD_SIZE>(utf8.size()), &parser, &writer) != 0) {
        return rich ? escapedHtml(source) : source;
    }
    return writer.out;
}

} // namespace

QString inlineHtml(const QString& source, bool unfinished)
{
    return render(unfinished ? closeOpenMarks(source) : source, true);
}

QString inlinePlain(const QString& source)
{
    return render(source, false);
}

QString withoutBlockMarks(QString line)
{
    qsizetype words = 0;
    while (words < line.size() && QStringView(u"#>-*+` ").contains(line[words])) {
        ++words;
    }
    // Stars and ticks without a blank behind them belong to the words.
    while (words > 0 && (line[words - 1] == u'*' || line[words - 1] == u'`')) {
        --words;
    }
    return line.remove(0, words);
}

int inlineLetters(const QString& source)
{
    const QString html = inlineHtml(source);
    double letters = 0;
    bool formula = false;
    for (qsizetype at = 0; at < html.size(); ++at) {
        const QChar c = html[at];
        if (c == u'<') {
            const qsizetype end = html.indexOf(u'>', at);
            formula = QStringView(html).sliced(at, end - at) == u"<math";
            at = end;
        } else if (c == u'&') {
            at = html.indexOf(u';', at);
            ++letters;
        } else if (formula && c == u'\\') { // a command is a sign or two, whatever its name
            ++at;
            while (at + 1 < html.size() && html[at].isLetter() && html[at + 1].isLetter()) {
                ++at;
            }
            ++letters;
        } else if (!formula || !QStringView(u"${}^_ ").contains(c)) {
            letters += c.unicode() >= 0x2E80 ? 1.8 : 1; // Chinese, Japanese, Korean ones are square
        }
    }
    return static_cast<int>(std::ceil(letters));
}

bool isRightToLeft(QStringView html)
{
    bool formula = false;
    for (qsizetype at = 0; at < html.size(); ++at) {
        const QChar c = html[at];
        if (c == u'<' || c == u'&') {
            const qsizetype end = html.indexOf(c == u'<' ? u'>' : u';', at);
            formula = c == u'<' && html.sliced(at).startsWith(u"<math");
            at = end < 0 ? html.size() : end;
        } else if (!formula) {
            switch (c.direction()) {
            case QChar::DirL:
                return false;
            case QChar::DirR:
            case QChar::DirAL:
                return true;
            default:
                break;
            }
        }
    }
    return false;
}

QString escapedHtml(QStringView text)
{
    QString out;
    out.reserve(text.size() + text.size() / 16);
    appendEscaped(out, text);
    return out.replace(u'\n', QLatin1String("<br>"));
}

} // namespace ui
