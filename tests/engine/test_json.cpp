// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/format/json.h"

#include <QTemporaryDir>
#include <QTest>

#include <fstream>
#include <random>

using namespace engine;
using namespace engine::format;

class TestJson : public QObject
{
    Q_OBJECT

private slots:
    void parsesDocuments();
    void namesFileAndPlace_data();
    void namesFileAndPlace();
    void keepsItsLimits();
    void survivesDamage();
    void readsMembers();
    void refusesWrongMembers_data();
    void refusesWrongMembers();
    void readsFiles();
    void escapesNames();
};

void TestJson::parsesDocuments()
{
    const Json json = parse_json(R"( {"a": [1, -2, 3.5, true, null, "x\u00e9\n"], "b": {"c": {}}} )", "file");
    QCOMPARE(json.dump(), std::string(R"({"a":[1,-2,3.5,true,null,"xé\n"],"b":{"c":{}}})"));
    QCOMPARE(parse_json("[]", "file").dump(), std::string("[]"));
    QCOMPARE(parse_json("\"text\"", "file").dump(), std::string("\"text\""));
}

void TestJson::namesFileAndPlace_data()
{
    QTest::addColumn<QByteArray>("text");
    QTest::addColumn<QByteArray>("message");
    const auto row = [](const QByteArray& text, const char* message) {
        QTest::newRow(message) << text << QByteArray(message);
    };
    row("", "file: line 1, byte 1: expected valid JSON, found the end of the text");
    row("{\n \"a\": 1,\n x}", "file: line 3, byte 13: expected valid JSON, found \"\"a\": 1,\n x\"");
    row("[1, 2", "file: line 1, byte 6");
    row("[1] [2]", "file: line 1, byte 5");
    row("\xEF\xBB\xBF[]", "file: line 1, byte 1: expected JSON, found a byte order mark");
    row(R"({"a": 1, "b": {"a": 2, "c": 3, "a": 4}})", "file: the key \"a\" occurs twice in one object");
    row("[1e999]", "file: line 1, byte 7");
    row("[\"\xFF\"]", "file: line 1, byte 3");
    row("[\"\xED\xA0\x80\"]", "file: line 1, byte 4");
    row("[NaN]", "file: line 1, byte 3");
    row("[1,]", "file: line 1, byte 4");
    row("{'a': 1}", "file: line 1, byte 2");
    row("[\"\t\"]", "file: line 1, byte 3");
    row("[01]", "file: line 1, byte 3");
    row("// comment\n[]", "file: line 1, byte 1");
}

void TestJson::namesFileAndPlace()
{
    QFETCH(QByteArray, text);
    QFETCH(QByteArray, message);
    try {
        parse_json(text.toStdString(), "file");
        QFAIL("expected an error");
    } catch (const Error& error) {
        // The second row tells only that the token that was read last is shown, so compare up to the
        // quotation.
        const QByteArray start = message.left(message.indexOf(", found \""));
        QVERIFY2(QByteArray(error.what()).startsWith(start), error.what());
    }
}

void TestJson::keepsItsLimits()
{
    const auto nested = [](std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
    QVERIFY(parse_json(nested(64), "file").is_array());
    QVERIFY_EXCEPTION_THROWN(parse_json(nested(65), "file"), Error);
    QVERIFY_EXCEPTION_THROWN(parse_json(nested(5'000'000), "file"), Error);
    QVERIFY_EXCEPTION_THROWN(parse_json(std::string(5'000'000, '['), "file"), Error);
    std::string objects;
    for (int i = 0; i < 100'000; ++i)
        objects += "{\"a\":";
    QVERIFY_EXCEPTION_THROWN(parse_json(objects, "file"), Error);

    const JsonLimits small = {.bytes = 20, .depth = 64, .values = 4};
    QVERIFY(parse_json("[1, 2, 3]", "file", small).is_array());
    QVERIFY_EXCEPTION_THROWN(parse_json("[1, 2, 3, 4]", "file", small), Error);
    QVERIFY_EXCEPTION_THROWN(parse_json("[                   ]", "file", small), Error);
}

// Every damaged document either parses or ends in our own error.
void TestJson::survivesDamage()
{
    const unsigned seed = 11;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole =
        R"({"name": "x", "list": [1, 2.5e3, -7, true, false, null, "é\u0041\\\""], "o": {"p": {"q": []}}})";
    int parsed = 0;
    for (int round = 0; round < 20'000; ++round) {
        std::string text = whole.substr(0, random() % 4 == 0 ? random() % whole.size() : whole.size());
        for (std::size_t i = random() % 4; i > 0 && !text.empty(); --i)
            text[random() % text.size()] =
                random() % 2 == 0 ? static_cast<char>(random()) : "{}[]\":,0-e\\"[random() % 11];
        try {
            parse_json(text, "file");
            ++parsed;
        } catch (const Error& error) {
            QVERIFY(QByteArray(error.what()).startsWith("file: "));
        }
    }
    qInfo("%d of 20000 damaged documents are still JSON", parsed);
    QVERIFY(parsed > 0);
}

void TestJson::readsMembers()
{
    const Json json =
        parse_json(R"({"i": 5, "f": 2.5, "b": true, "s": "x", "o": {"i": 6}, "n": null})", "file");
    const JsonObject object(json, "file");
    QCOMPARE(object.integer("i", 0, 10), std::int64_t{5});
    QCOMPARE(object.find_number("i").value(), 5.0);
    QCOMPARE(object.find_number("f").value(), 2.5);
    QCOMPARE(object.find_bool("b").value(), true);
    QCOMPARE(object.find_string("s").value(), std::string("x"));
    QCOMPARE(object.find_object("o")->integer("i", 6, 6), std::int64_t{6});
    for (const char* key : {"n", "absent"}) {
        QVERIFY(!object.find(key));
        QVERIFY(!object.find_integer(key, 0, 1) && !object.find_number(key) && !object.find_bool(key));
        QVERIFY(!object.find_string(key) && !object.find_object(key));
    }
}

void TestJson::refusesWrongMembers_data()
{
    QTest::addColumn<QByteArray>("value");
    QTest::addColumn<QByteArray>("message");
    const auto row = [](const char* value, const char* message) {
        QTest::newRow(value) << QByteArray(value) << QByteArray(message);
    };
    row("\"5\"", "file: key o.x: expected an integer, found string");
    row("5.5", "file: key o.x: expected an integer, found number");
    row("11", "file: key o.x: expected 0 to 10, found 11");
    row("-1", "file: key o.x: expected 0 to 10, found -1");
    row("9223372036854775807", "file: key o.x: expected 0 to 10, found 9223372036854775807");
    row("18446744073709551615", "file: key o.x: expected 0 to 10, found 18446744073709551615");
    row("99999999999999999999999", "file: key o.x: expected an integer, found number");
    row("null", "file: key o.x: expected 0 to 10, found nothing");
    row("[5]", "file: key o.x: expected an integer, found array");
}

void TestJson::refusesWrongMembers()
{
    QFETCH(QByteArray, value);
    QFETCH(QByteArray, message);
    const Json json = parse_json("{\"o\": {\"x\": " + value.toStdString() + "}}", "file");
    const JsonObject object = *JsonObject(json, "file").find_object("o");
    try {
        object.integer("x", 0, 10);
        QFAIL("expected an error");
    } catch (const Error& error) {
        QCOMPARE(QByteArray(error.what()), message);
    }
    QVERIFY_EXCEPTION_THROWN(object.find_bool("x").value(), std::exception);
    QVERIFY_EXCEPTION_THROWN(object.find_object("x").value(), std::exception);
}

void TestJson::readsFiles()
{
    QTemporaryDir folder;
    const std::filesystem::path path = std::filesystem::path(folder.path().toStdString()) / "a.json";
    QVERIFY_EXCEPTION_THROWN(read_json(path), Error);
    std::ofstream(path) << "[1]";
    QCOMPARE(read_json(path).dump(), std::string("[1]"));
    std::ofstream(path) << "";
    QVERIFY_EXCEPTION_THROWN(read_json(path), Error);
    QVERIFY_EXCEPTION_THROWN(read_json(folder.path().toStdString()), Error);
}

void TestJson::escapesNames()
{
    QCOMPARE(printable("blk.0.ffn"), std::string("blk.0.ffn"));
    QCOMPARE(printable("<｜User｜>"), std::string("<｜User｜>"));
    QCOMPARE(printable("\x1b[31m\n\x7f"), std::string("\\x1B[31m\\x0A\\x7F"));
    QCOMPARE(printable("\xC2\x9B"), std::string("\\xC2\\x9B")); // a control character of eight bits
    QCOMPARE(printable("\xFF\xC0x"), std::string("\\xFF\\xC0x"));
    QVERIFY(printable(std::string(1000, 'x')).size() < 130);
}

QTEST_APPLESS_MAIN(TestJson)
#include "test_json.moc"
