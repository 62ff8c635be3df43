// SPDX-License-Identifier: MIT
#include "ui/title.h"

#include <QList>

#include <algorithm>
#include <functional>
#include <iterator>

namespace ui {

namespace {

constexpr qsizetype longest = 50;      // letters
constexpr qsizetype shortest = 12;     // a first sentence below this ("Hi!") says too little alone
constexpr qsizetype looked_at = 4'000; // of the message

// A line without the marks at its beginning: heading, quotation, list, task.
QStringView withoutMarks(QStringView line)
{
    for (;;) {
        line = line.trimmed();
        qsizetype marks = 0;
        while (marks < line.size() && (line[marks] == u'#' || line[marks] == u'>'))
            ++marks;
        if (marks == 0 && line.size() > 1 && line[1].isSpace() &&
            (line[0] == u'-' || line[0] == u'*' || line[0] == u'+'))
            marks = 2;
        if (marks == 0 && (line.startsWith(u"[ ]") || line.startsWith(u"[x]") || line.startsWith(u"[X]")))
            marks = 3;
        if (marks == 0) {
            qsizetype digits = 0;
            while (digits < line.size() && digits < 3 && line[digits].isDigit())
                ++digits;
            if (digits > 0 && digits + 1 < line.size() && (line[digits] == u'.' || line[digits] == u')') &&
                line[digits + 1].isSpace())
                marks = digits + 2;
        }
        if (marks == 0)
            return line;
        line = line.sliced(marks);
    }
}

bool isFence(QStringView line)
{
    return line.startsWith(u"```") || line.startsWith(u"~~~");
}

// Without marks of emphasis, code, links and images; what they mark stays.
QString withoutMarkdown(QStringView line)
{
    QString plain;
    for (qsizetype i = 0; i < line.size(); ++i) {
        const QChar letter = line[i];
        if (letter == u'`')
            continue;
        if (letter == u'*' || (letter == u'~' && i + 1 < line.size() && line[i + 1] == u'~')) {
            const bool isAlone =
                i > 0 && i + 1 < line.size() && line[i - 1].isSpace() && line[i + 1].isSpace();
            if (isAlone) // a product
                plain += letter;
            else if (letter == u'~')
                ++i;
            continue;
        }
        if (letter == u'_' && (plain.isEmpty() || plain.back().isSpace() || i + 1 == line.size() ||
                               !line[i + 1].isLetterOrNumber()))
            continue;
        if (letter == u'!' && i + 1 < line.size() && line[i + 1] == u'[')
            continue;
        if (letter == u'[') {
            const qsizetype end = line.indexOf(u"](", i);
            const qsizetype close = end < 0 ? -1 : line.indexOf(u')', end);
            if (close > 0) {
                plain += line.sliced(i + 1, end - i - 1);
                i = close;
                continue;
            }
        }
        plain += letter;
    }
    return oneLine(plain);
}

// Where the first sentence ends, or the whole length.
qsizetype sentenceEnd(const QString& line)
{
    for (qsizetype i = 0; i < line.size(); ++i) {
        const QChar letter = line[i];
        if (letter == u'。' || letter == u'！' || letter == u'？')
            return i + 1;
        const bool ends = letter == u'.' || letter == u'!' || letter == u'?';
        if (ends && i + 1 >= shortest && i + 2 < line.size() && line[i + 1].isSpace() &&
            !line[i + 2].isLower())
            return i + 1;
    }
    return line.size();
}

// Joiners stay: Persian words and emoji are made with them.
bool isUnseen(QChar letter)
{
    const char16_t code = letter.unicode();
    return (letter.category() == QChar::Other_Control && !letter.isSpace()) || code == 0x200B ||
           code == 0xFEFF || (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
}

} // namespace

QString oneLine(const QString& text)
{
    QString seen;
    std::copy_if(text.begin(), text.end(), std::back_inserter(seen), std::not_fn(isUnseen));
    return seen.simplified();
}

QString titleFrom(const QString& message)
{
    QString line;
    QString inFence; // for a message that is nothing but code
    bool fenced = false;
    for (const QStringView raw : QStringView(message).left(looked_at).split(u'\n')) {
        const QStringView trimmed = raw.trimmed();
        if (isFence(trimmed)) {
            fenced = !fenced;
            continue;
        }
        if (fenced) {
            if (inFence.isEmpty())
                inFence = oneLine(trimmed.toString());
            continue;
        }
        line = withoutMarkdown(withoutMarks(trimmed));
        if (!line.isEmpty())
            break;
    }
    if (line.isEmpty())
        line = inFence;
    const qsizetype end = sentenceEnd(line);
    line.truncate(end);
    while (line.endsWith(u'.') || line.endsWith(u'。') || line.endsWith(u':') || line.endsWith(u' '))
        line.chop(1);
    if (line.size() <= longest)
        return line;
    qsizetype cut = longest;
    if (line.at(cut - 1).isHighSurrogate())
        --cut;
    const qsizetype space = line.lastIndexOf(u' ', cut);
    if (space > longest / 2)
        cut = space;
    return line.left(cut).trimmed() + u'…';
}

} // namespace ui
