// SPDX-License-Identifier: MIT
#include "engine/text/utf8.h"

#include <QTest>

#include <random>

using namespace engine::text;

class TestUtf8 : public QObject
{
    Q_OBJECT

private slots:
    void replacesIllFormedParts_data();
    void replacesIllFormedParts();
    void survivesAllCodePoints();
    void streamsInAnyPieces();
    void holdsBackNoMoreThanNeeded();
    void stopsAtStrings_data();
    void stopsAtStrings();
    void stopsAlikeInAnyPieces();
};

void TestUtf8::replacesIllFormedParts_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("expected");
    const QByteArray r = "\xEF\xBF\xBD";
    QTest::newRow("empty") << QByteArray() << QByteArray();
    QTest::newRow("plain") << QByteArray("abc") << QByteArray("abc");
    QTest::newRow("overlong slash") << QByteArray("\xC0\xAF") << r + r;
    QTest::newRow("overlong three") << QByteArray("\xE0\x80\xAF") << r + r + r;
    QTest::newRow("surrogate") << QByteArray("\xED\xA0\x80") << r + r + r;
    QTest::newRow("above the last") << QByteArray("\xF4\x90\x80\x80") << r + r + r + r;
    QTest::newRow("five bytes") << QByteArray("\xF8\x88\x80\x80\x80") << r + r + r + r + r;
    QTest::newRow("lone continuation") << QByteArray("a\x80z") << "a" + r + "z";
    QTest::newRow("cut sequence then letter") << QByteArray("\xE4\xBD!") << r + "!";
    QTest::newRow("cut at the end") << QByteArray("x\xF0\x9F\x98") << "x" + r;
    // The example of the Unicode standard, table 3-11.
    QTest::newRow("maximal subparts")
        << QByteArray("\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42") << r + r + r + r + r + "A" + r + r + "B";
    QTest::newRow("truncated ones") << QByteArray("\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41")
                                    << r + r + r + r + "A";
}

void TestUtf8::replacesIllFormedParts()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, expected);
    const std::string fixed = to_valid_utf8(bytes.toStdString());
    QCOMPARE(QByteArray::fromStdString(fixed), expected);
    QVERIFY(is_valid_utf8(fixed));
    QCOMPARE(is_valid_utf8(bytes.toStdString()), bytes == expected);
}

void TestUtf8::survivesAllCodePoints()
{
    for (char32_t c = 0; c <= 0x10FFFF; ++c) {
        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        std::string text;
        append_utf8(text, c);
        const CodePoint read = first_code_point(text);
        if (read.value != c || read.length != text.size() || read.state != CodePoint::State::whole)
            QFAIL(qPrintable(QStringLiteral("U+%1 is not read back").arg(static_cast<uint>(c), 4, 16)));
    }
}

// Random bytes, many of them of multi-byte sequences.
static std::string random_bytes(std::mt19937& random)
{
    static const std::string pieces[] = {"a",    " ",        "\n",   "é",    "你",       "😀", "\xE4",
                                         "\xBD", "\xF0\x9F", "\xFF", "\xC0", "\xED\xA0", "<",  "stop"};
    std::string text;
    for (std::size_t i = random() % 30; i > 0; --i)
        text += pieces[random() % std::size(pieces)];
    return text;
}

void TestUtf8::streamsInAnyPieces()
{
    const unsigned seed = 20261124;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20'000; ++round) {
        const std::string bytes = random_bytes(random);
        Utf8Stream stream;
        std::string shown;
        for (std::size_t i = 0; i < bytes.size();) {
            const std::size_t size = 1 + random() % 4;
            const std::string part = stream.push(std::string_view(bytes).substr(i, size));
            QVERIFY(is_valid_utf8(part));
            shown += part;
            i += size;
        }
        shown += stream.finish();
        QCOMPARE(shown, to_valid_utf8(bytes));
    }
}

void TestUtf8::holdsBackNoMoreThanNeeded()
{
    Utf8Stream stream;
    QCOMPARE(stream.push("\xF0\x9F\x98"), std::string());
    QCOMPARE(stream.push("\x80"), std::string("😀"));
    QCOMPARE(stream.push("\xE4\xBD"), std::string());
    QCOMPARE(stream.push("x"), std::string("\xEF\xBF\xBDx")); // can no longer become valid: at once
    QCOMPARE(stream.push("\xC0"), std::string("\xEF\xBF\xBD"));
    QCOMPARE(stream.push("\xE4"), std::string());
    QCOMPARE(stream.finish(), std::string("\xEF\xBF\xBD"));
    QCOMPARE(stream.finish(), std::string());
}

void TestUtf8::stopsAtStrings_data()
{
    QTest::addColumn<QStringList>("stops");
    QTest::addColumn<QStringList>("pushed");
    QTest::addColumn<QStringList>("shown");
    QTest::addColumn<bool>("stopped");
    const QStringList user = {QStringLiteral("User:")};
    QTest::newRow("no stops") << QStringList() << QStringList{QStringLiteral("a"), QStringLiteral("b")}
                              << QStringList{QStringLiteral("a"), QStringLiteral("b"), QString()} << false;
    QTest::newRow("split over pieces")
        << user << QStringList{QStringLiteral("hi Us"), QStringLiteral("er"), QStringLiteral(": x")}
        << QStringList{QStringLiteral("hi "), QString(), QString(), QString()} << true;
    QTest::newRow("only a beginning")
        << user << QStringList{QStringLiteral("Us"), QStringLiteral("Use")}
        << QStringList{QString(), QStringLiteral("Us"), QStringLiteral("Use")} << false;
    QTest::newRow("the earliest counts")
        << QStringList{QStringLiteral("bc"), QStringLiteral("abcd")} << QStringList{QStringLiteral("xabcdy")}
        << QStringList{QStringLiteral("x"), QString()} << true;
    QTest::newRow("overlapping itself")
        << QStringList{QStringLiteral("aab")} << QStringList{QStringLiteral("aa"), QStringLiteral("ab")}
        << QStringList{QString(), QStringLiteral("a"), QString()} << true;
    QTest::newRow("empty ones are ignored") << QStringList{QString()} << QStringList{QStringLiteral("a")}
                                            << QStringList{QStringLiteral("a"), QString()} << false;
}

void TestUtf8::stopsAtStrings()
{
    QFETCH(QStringList, stops);
    QFETCH(QStringList, pushed);
    QFETCH(QStringList, shown);
    QFETCH(bool, stopped);
    std::vector<std::string> list;
    for (const QString& stop : stops)
        list.push_back(stop.toStdString());
    StopStrings watcher(list);
    QStringList result;
    for (const QString& text : pushed)
        result << QString::fromStdString(watcher.push(text.toStdString()));
    result << QString::fromStdString(watcher.finish());
    QCOMPARE(result, shown);
    QCOMPARE(watcher.stopped(), stopped);
}

void TestUtf8::stopsAlikeInAnyPieces()
{
    const unsigned seed = 7;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20'000; ++round) {
        std::string text;
        for (std::size_t i = random() % 20; i > 0; --i)
            text += static_cast<char>('a' + random() % 3);
        const std::vector<std::string> stops = {"abc", "cc", "baab"};
        std::size_t end = std::string::npos;
        for (const std::string& stop : stops)
            end = std::min(end, text.find(stop));
        StopStrings watcher(stops);
        std::string shown;
        for (std::size_t i = 0; i < text.size();) {
            const std::size_t size = 1 + random() % 3;
            shown += watcher.push(std::string_view(text).substr(i, size));
            i += size;
        }
        QCOMPARE(watcher.stopped(), end != std::string::npos);
        shown += watcher.finish();
        // Which of two overlapping stop strings is seen first may depend on the pieces; what is shown may
        // not.
        QCOMPARE(shown, text.substr(0, std::min(end, text.size())));
    }
}

QTEST_APPLESS_MAIN(TestUtf8)
#include "test_utf8.moc"
