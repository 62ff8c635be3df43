// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/format/gguf.h"
#include "engine/format/model_files.h"
#include "gguf_writer.h"
#include "golden.h"
#include "memory_folder.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <functional>
#include <limits>
#include <random>

using namespace engine;
using namespace engine::format;
namespace fs = std::filesystem;

namespace {

constexpr std::uint32_t f32 = 0;
constexpr std::uint32_t f16 = 1;
constexpr std::uint32_t q8_0 = 8;

std::string zeros(std::size_t count)
{
    return std::string(count, '\0');
}

// A small file with an entry of each type and two tensors.
GgufWriter sample()
{
    GgufWriter writer;
    writer.string("general.architecture", "deepseek2");
    writer.u32("u32", 7);
    writer.i32("i32", -7);
    writer.f32("f32", 2.5f);
    writer.boolean("bool", true);
    writer.entry("bool2", 7, GgufWriter::raw<std::uint8_t>(2));
    writer.entry("u8", 0, GgufWriter::raw<std::uint8_t>(200));
    writer.entry("i8", 1, GgufWriter::raw<std::int8_t>(-3));
    writer.entry("u16", 2, GgufWriter::raw<std::uint16_t>(60'000));
    writer.entry("i16", 3, GgufWriter::raw<std::int16_t>(-300));
    writer.entry("u64", 10, GgufWriter::raw<std::uint64_t>(1ull << 40));
    writer.entry("u64max", 10, GgufWriter::raw(std::numeric_limits<std::uint64_t>::max()));
    writer.entry("i64", 11, GgufWriter::raw<std::int64_t>(-(1ll << 40)));
    writer.entry("f64", 12, GgufWriter::raw(0.1));
    writer.entry("nan", 6, GgufWriter::raw(std::numeric_limits<float>::quiet_NaN()));
    writer.entry("numbers", 9,
                 GgufWriter::raw<std::uint32_t>(5) + GgufWriter::raw<std::uint64_t>(2) +
                     GgufWriter::raw<std::int32_t>(4) + GgufWriter::raw<std::int32_t>(-5));
    writer.entry("texts", 9,
                 GgufWriter::raw<std::uint32_t>(8) + GgufWriter::raw<std::uint64_t>(2) +
                     GgufWriter::text("a") + GgufWriter::text("bc"));
    writer.tensor("first", {4, 3}, f32, zeros(48));
    writer.tensor("second", {32, 2, 5}, q8_0, zeros(340));
    return writer;
}

} // namespace

class TestGguf : public QObject
{
    Q_OBJECT

private slots:
    void init();
    void readsEveryValueType();
    void readsTensors();
    void listsTypesItCannotComputeWith();
    void readsGoldenFiles();
    void refusesBrokenFiles_data();
    void refusesBrokenFiles();
    void acceptsUnusualFiles_data();
    void acceptsUnusualFiles();
    void refusesShapesByAWiderCount();
    void readsSplitFiles();
    void refusesBrokenSplits_data();
    void refusesBrokenSplits();
    void survivesTruncationAtEveryByte();
    void survivesDamage();
    void readsManyNamesInLinearTime();

private:
    fs::path write(const GgufWriter& writer) const
    {
        writer.write(m_path);
        return m_path;
    }
    fs::path write(const std::string& bytes) const
    {
        std::ofstream(m_path, std::ios::binary)
            .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        return m_path;
    }

    std::unique_ptr<QTemporaryDir> m_folder;
    fs::path m_path;
};

void TestGguf::init()
{
    m_folder = memory_folder();
    m_path = fs::path(m_folder->path().toStdString()) / "model.gguf";
}

void TestGguf::readsEveryValueType()
{
    const Gguf gguf(write(sample()));
    QCOMPARE(gguf.version(), 3u);
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    const auto integer = [&](const char* key) { return gguf.integer(key, -most, most); };
    QCOMPARE(integer("u8"), std::int64_t{200});
    QCOMPARE(integer("i8"), std::int64_t{-3});
    QCOMPARE(integer("u16"), std::int64_t{60'000});
    QCOMPARE(integer("i16"), std::int64_t{-300});
    QCOMPARE(integer("u32"), std::int64_t{7});
    QCOMPARE(integer("i32"), std::int64_t{-7});
    QCOMPARE(integer("u64"), std::int64_t{1} << 40);
    QCOMPARE(integer("i64"), -(std::int64_t{1} << 40));
    QCOMPARE(gguf.number("f32"), 2.5);
    QCOMPARE(gguf.number("f64"), 0.1);
    QCOMPARE(gguf.number("i8"), -3.0);
    QCOMPARE(gguf.find_bool("bool").value(), true);
    QCOMPARE(gguf.find_bool("bool2").value(), true); // any byte but 0
    QCOMPARE(gguf.string("general.architecture"), std::string_view("deepseek2"));
    QCOMPARE(gguf.find_integers("numbers").value(), (std::vector<std::int32_t>{4, -5}));
    QCOMPARE(gguf.find_strings("texts").value(), (std::vector<std::string_view>{"a", "bc"}));
    QVERIFY(!gguf.find_integer("absent", 0, 1) && !gguf.find_number("absent") && !gguf.find_bool("absent"));
    QVERIFY(!gguf.find_string("absent") && !gguf.find_strings("absent") && !gguf.find_integers("absent"));
    QVERIFY(gguf.has("u8") && !gguf.has("absent"));

    // Another type or range is an error that names the key.
    const std::function<void()> wrong[] = {
        [&] { gguf.integer("f32", 0, 10); },
        [&] { gguf.integer("bool", 0, 10); },
        [&] { gguf.integer("numbers", 0, 10); },
        [&] { gguf.integer("u32", 0, 6); },
        [&] { gguf.integer("u32", 8, 9); },
        [&] { gguf.integer("u64max", 0, most - 1); },
        [&] { gguf.integer("absent", 0, 1); },
        [&] { gguf.number("texts"); },
        [&] { gguf.number("bool"); },
        [&] { gguf.number("nan"); },
        [&] { gguf.number("absent"); },
        [&] { gguf.string("u8"); },
        [&] { gguf.string("texts"); },
        [&] { gguf.string("absent"); },
        [&] { gguf.find_bool("u8"); },
        [&] { gguf.find_strings("numbers"); },
        [&] { gguf.find_strings("u8"); },
        [&] { gguf.find_integers("texts"); },
        [&] { gguf.find_integers("f32"); },
    };
    for (const auto& call : wrong)
        QVERIFY_EXCEPTION_THROWN(call(), Error);
}

void TestGguf::readsTensors()
{
    GgufWriter writer;
    const std::string data = GgufWriter::raw(1.0f) + GgufWriter::raw(2.0f) + zeros(16);
    writer.tensor("a", {2, 3}, f32, data);
    writer.tensor("b", {8}, f16, zeros(16));
    const Gguf gguf(write(writer));
    const TensorInfo& a = gguf.tensors().require("a", {3, 2});
    QCOMPARE(a.dtype.value(), kernels::Dtype::f32);
    QCOMPARE(a.type_name, std::string("F32"));
    QCOMPARE(a.elements(), std::int64_t{6});
    QCOMPARE(std::string(reinterpret_cast<const char*>(a.bytes.data()), a.bytes.size()), data);
    QCOMPARE(gguf.tensors().all().size(), std::size_t{2});
    QVERIFY(!gguf.tensors().find("c"));

    const auto message = [](const auto& call) {
        try {
            call();
        } catch (const Error& error) {
            return std::string(error.what());
        }
        return std::string();
    };
    const std::string path = m_path.string();
    QCOMPARE(message([&] {
                 gguf.tensors().require("a", {2, 3});
             }),
             path + ": tensor a: expected shape [2, 3], found [3, 2]");
    QCOMPARE(message([&] { gguf.tensors().require("c\x1b", {1}); }),
             path + ": tensor c\\x1B: expected shape [1], found no tensor of this name");
    const std::int64_t eight = 8;
    QCOMPARE(message([&] {
                 gguf.tensors().require("b", {&eight, 1}, {kernels::Dtype::f32, kernels::Dtype::bf16});
             }),
             path + ": tensor b: expected type F32 or BF16, found F16");
    QCOMPARE(gguf.tensors().require("b", {&eight, 1}, {kernels::Dtype::f16}).name, std::string("b"));
}

// Types that the kernels lack are told by name; only asking for such a tensor is an error.
void TestGguf::listsTypesItCannotComputeWith()
{
    GgufWriter writer;
    writer.tensor("a", {256}, 35, zeros(66));
    writer.tensor("b", {32}, 39, zeros(17));
    writer.tensor("d", {32}, 99, zeros(17));
    writer.tensor("c", {8}, f32, zeros(32));
    const Gguf gguf(write(writer));
    QCOMPARE(gguf.tensors().find("a")->type_name, std::string("TQ2_0"));
    QCOMPARE(gguf.tensors().find("a")->bytes.size(), std::size_t{66});
    QCOMPARE(gguf.tensors().find("b")->type_name, std::string("MXFP4"));
    QCOMPARE(gguf.tensors().find("d")->type_name, std::string("type 99"));
    QVERIFY(!gguf.tensors().find("a")->dtype && !gguf.tensors().find("b")->dtype);
    QVERIFY_EXCEPTION_THROWN(gguf.tensors().require("a", {256}), Error);
    QVERIFY_EXCEPTION_THROWN(gguf.tensors().require("b", {32}), Error);
    QCOMPARE(gguf.tensors().require("c", {8}).name, std::string("c"));
}

void TestGguf::readsGoldenFiles()
{
    const fs::path folder = shared_folder() / "spec" / "golden";
    if (!fs::exists(folder))
        return qInfo("no golden files of the specification at hand: only written files were read");
    const Gguf q8(folder / "lite" / "lite-mla-q8_0.gguf");
    QCOMPARE(q8.tensors().all().size(), std::size_t{44});
    QCOMPARE(q8.tensors().find("blk.0.attn_q.weight")->type_name, std::string("Q8_0"));
    const Gguf bf16(folder / "v2" / "v2-legacy-bf16.gguf");
    QCOMPARE(bf16.tensors().require("token_embd.weight", {260, 64}).type_name, std::string("BF16"));
}

void TestGguf::refusesBrokenFiles_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("part"); // of the message
    const auto row = [](const char* name, const std::string& bytes, const char* part) {
        QTest::newRow(name) << QByteArray::fromStdString(bytes) << QByteArray(part);
    };
    const auto raw_u32 = [](std::uint32_t v) { return GgufWriter::raw(v); };
    const auto raw_u64 = [](std::uint64_t v) { return GgufWriter::raw(v); };
    const std::string head = "GGUF" + raw_u32(3);
    const auto with = [](const std::function<void(GgufWriter&)>& change) {
        GgufWriter writer = sample();
        change(writer);
        return writer.bytes();
    };

    row("other magic", "GGML" + std::string(100, '\0'), "expected the letters GGUF, found \"GGML\"");
    row("too short", "GGU", "expected 4 more bytes");
    row("version 0", "GGUF" + raw_u32(0) + zeros(16), "version: expected 2 or 3, found 0");
    row("version 1", "GGUF" + raw_u32(1) + zeros(16), "version: expected 2 or 3, found 1");
    row("version 4", "GGUF" + raw_u32(4) + zeros(16), "version: expected 2 or 3, found 4");
    row("byte-swapped", "GGUF" + raw_u32(3u << 24) + zeros(16), "found one for a big-endian machine");
    row("-1 tensors", head + raw_u64(~0ull) + raw_u64(0), "number of tensors: expected 0 to 65536, found -1");
    row("-1 entries", head + raw_u64(0) + raw_u64(~0ull),
        "number of metadata entries: expected 0 to 4096, found -1");
    row("2^62 tensors", head + raw_u64(1ull << 62) + raw_u64(0), "number of tensors");
    row("many entries", head + raw_u64(0) + raw_u64(4097), "number of metadata entries");
    row("entries missing", head + raw_u64(0) + raw_u64(1), "more bytes");
    row("tensors missing", head + raw_u64(1) + raw_u64(0), "more bytes");

    const std::string one_entry = head + raw_u64(0) + raw_u64(1);
    row("key of 2^63 bytes", one_entry + raw_u64(1ull << 63), "at most 1048576 bytes");
    row("key beyond the end", one_entry + raw_u64(1000) + "abc", "expected 1000 more bytes");
    row("empty key", one_entry + GgufWriter::text("") + raw_u32(4) + raw_u32(1), "empty or broken");
    row("NUL in a key", one_entry + GgufWriter::text(std::string("a\0b", 3)) + raw_u32(4) + raw_u32(1),
        "empty or broken");
    row("unknown value type", one_entry + GgufWriter::text("k") + raw_u32(13) + raw_u32(1),
        "key k: expected a value type");
    row("value type -1", one_entry + GgufWriter::text("k") + raw_u32(~0u) + raw_u32(1),
        "key k: expected a value type");
    row("array of arrays", one_entry + GgufWriter::text("k") + raw_u32(9) + raw_u32(9) + raw_u64(1),
        "array of arrays");
    row("array of 2^63", one_entry + GgufWriter::text("k") + raw_u32(9) + raw_u32(10) + raw_u64(1ull << 63),
        "expected 0 to 2000000");
    row("array of -1", one_entry + GgufWriter::text("k") + raw_u32(9) + raw_u32(0) + raw_u64(~0ull),
        "found -1");
    row("array beyond the end",
        one_entry + GgufWriter::text("k") + raw_u32(9) + raw_u32(4) + raw_u64(1'000'000), "more bytes");
    row("strings beyond the end",
        one_entry + GgufWriter::text("k") + raw_u32(9) + raw_u32(8) + raw_u64(1'000'000), "more bytes");
    row("string of 2^64 - 1", one_entry + GgufWriter::text("k") + raw_u32(8) + raw_u64(~0ull),
        "at most 1048576 bytes");
    row("key twice", with([](GgufWriter& w) { w.second_entry("u8", 0, zeros(1)); }), "key u8: expected once");
    row("control characters", one_entry + GgufWriter::text("\x1b[2J") + raw_u32(77),
        "key \\x1B[2J: expected a value type");

    const auto alignment = [&](std::uint32_t value) {
        return with([=](GgufWriter& w) { w.u32("general.alignment", value); });
    };
    row("alignment 0", alignment(0), "key general.alignment: expected a power of two");
    row("alignment 13", alignment(13), "key general.alignment: expected a power of two");
    row("alignment 2^31", alignment(1u << 31),
        "key general.alignment: expected a power of two up to 1048576");
    row("alignment -1", alignment(~0u), "key general.alignment: expected a power of two");
    row("alignment as text", with([](GgufWriter& w) { w.string("general.alignment", "32"); }),
        "expected a 32-bit integer, found a string");
    row("alignment as u64",
        with([](GgufWriter& w) { w.entry("general.alignment", 10, GgufWriter::raw<std::uint64_t>(32)); }),
        "expected a 32-bit integer");

    const auto tensor = [&](const std::string& name, const std::vector<std::int64_t>& ne, std::uint32_t type,
                            std::uint64_t offset) {
        return with([&](GgufWriter& w) { w.described_tensor(name, ne, type, offset); });
    };
    row("name of 64", tensor(std::string(64, 'n'), {1}, f32, 0), "at most 63 bytes, found 64");
    row("empty name", tensor("", {1}, f32, 0), "empty or broken");
    row("NUL in a name", tensor(std::string("a\0b", 3), {1}, f32, 0), "empty or broken");
    row("name twice", tensor("first", {1}, f32, 0), "tensor first: expected once");
    row("no dimensions", tensor("t", {}, f32, 0), "tensor t: expected 1 to 4 dimensions, found 0");
    row("five dimensions", tensor("t", {1, 1, 1, 1, 1}, f32, 0),
        "tensor t: expected 1 to 4 dimensions, found 5");
    row("dimension 0", tensor("t", {4, 0}, f32, 0),
        "tensor t: expected dimension 1 to be 1 or more, found 0");
    row("dimension -1", tensor("t", {-1}, f32, 0),
        "tensor t: expected dimension 0 to be 1 or more, found -1");
    constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
    row("product overflows", tensor("t", {most, 2}, f32, 0), "too large");
    row("zero hides an overflow", tensor("t", {most, most, 0}, f32, 0), "tensor t");
    row("size overflows", tensor("t", {most}, f32, 0), "too large");
    row("2^32 squared", tensor("t", {1ll << 32, 1ll << 32}, f32, 0), "too large");
    row("row not of blocks", tensor("t", {33}, q8_0, 0),
        "tensor t: expected rows of a multiple of 32 for Q8_0, found 33");
    row("offset not aligned", tensor("t", {1}, f32, 16),
        "tensor t: expected an offset that 32 divides, found 16");
    row("offset beyond the end", tensor("t", {1}, f32, 1ull << 40), "tensor t: expected 4 bytes");
    row("offset wraps", tensor("t", {8}, f32, ~0ull - 31), "tensor t: expected 32 bytes");
    row("size beyond the end", tensor("t", {100'000}, f32, 0), "tensor t: expected 400000 bytes");
    row("overlap", tensor("t", {4}, f32, 32), "overlap");
    row("same place", tensor("t", {4}, f32, 0), "overlap");
}

void TestGguf::refusesBrokenFiles()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, part);
    write(bytes.toStdString());
    try {
        const Gguf gguf(m_path);
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        const QByteArray message = error.what();
        QVERIFY2(message.startsWith(QByteArray::fromStdString(m_path.string()) + ": "), error.what());
        QVERIFY2(message.contains(part), error.what());
    }
}

void TestGguf::acceptsUnusualFiles_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<int>("tensors");
    const auto row = [](const char* name, const std::string& bytes, int tensors) {
        QTest::newRow(name) << QByteArray::fromStdString(bytes) << tensors;
    };
    GgufWriter version2 = sample();
    version2.version = 2;
    row("version 2", version2.bytes(), 2);
    row("nothing in it", GgufWriter().bytes(), 0);
    row("padding behind the last tensor", sample().bytes() + zeros(12), 2);
    for (const std::int64_t alignment : {1, 8, 4096}) {
        GgufWriter other;
        other.alignment = alignment;
        other.u32("general.alignment", static_cast<std::uint32_t>(alignment));
        other.tensor("a", {3}, f32, zeros(12));
        other.tensor("b", {5}, f32, zeros(20));
        row(("alignment " + std::to_string(alignment)).c_str(), other.bytes(), 2);
    }
    GgufWriter gap;
    gap.tensor("a", {3}, f32, zeros(12));
    gap.described_tensor("b", {5}, f32, 128);
    row("a gap", gap.bytes() + zeros(256), 2);
    GgufWriter longest;
    longest.tensor(std::string(63, 'n'), {1}, f32, zeros(4));
    row("name of 63", longest.bytes(), 1);
}

void TestGguf::acceptsUnusualFiles()
{
    QFETCH(QByteArray, bytes);
    QFETCH(int, tensors);
    write(bytes.toStdString());
    const Gguf gguf(m_path);
    QCOMPARE(static_cast<int>(gguf.tensors().all().size()), tensors);
}

// Shapes of extreme lengths, compared with a count in 128 bits.
void TestGguf::refusesShapesByAWiderCount()
{
    constexpr std::int64_t lengths[] = {
        0, -1, 1, 2, 31, 32, 1ll << 31, 1ll << 32, 1ll << 62, std::numeric_limits<std::int64_t>::max()};
    __extension__ using Wide = __int128;
    int accepted = 0;
    for (const std::int64_t a : lengths)
        for (const std::int64_t b : lengths)
            for (const std::int64_t c : lengths)
                for (const std::int64_t d : {std::int64_t{1}, std::int64_t{1} << 62, std::int64_t{0}}) {
                    GgufWriter writer;
                    writer.described_tensor("t", {a, b, c, d}, f32, 0);
                    write(writer.bytes() + zeros(20'000));
                    constexpr Wide limit = 20'000 / 4;
                    const bool positive = a > 0 && b > 0 && c > 0 && d > 0;
                    Wide product = 1;
                    for (const std::int64_t length : {a, b, c, d})
                        product = positive ? std::min(product * length, Wide{1} << 60) : 0;
                    bool loads = true;
                    try {
                        const Gguf gguf(m_path);
                        ++accepted;
                    } catch (const Error&) {
                        loads = false;
                    }
                    QCOMPARE(loads, positive && product <= limit);
                }
    QVERIFY(accepted > 0);
}

void TestGguf::readsSplitFiles()
{
    const fs::path folder = m_folder->path().toStdString();
    const auto part = [&](std::uint16_t number, const char* tensor) {
        GgufWriter writer;
        writer.entry("split.no", 2, GgufWriter::raw(number));
        writer.entry("split.count", 2, GgufWriter::raw<std::uint16_t>(3));
        writer.i32("split.tensors.count", 3);
        writer.tensor(tensor, {4}, f32, GgufWriter::raw<float>(number) + zeros(12));
        writer.write(folder / ("m-0000" + std::to_string(number + 1) + "-of-00003.gguf"));
    };
    part(0, "a");
    part(1, "b");
    part(2, "c");
    const ModelFiles model(folder / "m-00001-of-00003.gguf");
    QCOMPARE(model.tensors().all().size(), std::size_t{3});
    QCOMPARE(model.files().size(), std::size_t{3});
    float value = 0;
    std::memcpy(&value, model.tensors().require("c", {4}).bytes.data(), sizeof(value));
    QCOMPARE(value, 2.0f);
    QCOMPARE(model.tensors().files()[model.tensors().find("b")->file],
             (folder / "m-00002-of-00003.gguf").string());
    QVERIFY(model.file_bytes() > 3 * 16);
    model.check();
}

void TestGguf::refusesBrokenSplits_data()
{
    QTest::addColumn<QString>("fault");
    QTest::addColumn<QString>("part");
    const auto row = [](const char* fault, const char* part) {
        QTest::newRow(fault) << QString::fromLatin1(fault) << QString::fromLatin1(part);
    };
    row("part missing", "m-00002-of-00002.gguf: expected part 2 of the 2 of this model, found no such file");
    row("part of another cut", "m-00002-of-00002.gguf: key split.count: expected 2, found 3");
    row("part of another model", "m-00002-of-00002.gguf: key split.tensors.count: expected 2, found 9");
    row("no number of parts", "m-00002-of-00002.gguf: key split.count: expected 2, found no such number");
    row("same tensor", "expected once, found a second time");
    row("wrong number", "key split.no: expected 1");
    row("tensors missing", "key split.tensors.count: expected 5");
    row("second part opened",
        "key split.no: expected the first part of the model, m-00001-of-00002.gguf, found part 2");
    row("other name", "expected a name ending in -00001-of-00002.gguf");
    row("million parts", "key split.count");
}

void TestGguf::refusesBrokenSplits()
{
    QFETCH(QString, fault);
    QFETCH(QString, part);
    const fs::path folder = m_folder->path().toStdString();
    const bool renamed = fault == QStringLiteral("other name");
    const fs::path first = folder / (renamed ? "model.gguf" : "m-00001-of-00002.gguf");
    const fs::path second = folder / "m-00002-of-00002.gguf";
    for (std::uint32_t number = 0; number < 2; ++number) {
        GgufWriter writer;
        writer.u32("split.no", fault == QStringLiteral("wrong number") ? 0 : number);
        writer.u32("split.count", fault == QStringLiteral("million parts") ? 1'000'000 : 2);
        writer.i32("split.tensors.count", fault == QStringLiteral("tensors missing") ? 5 : 2);
        if (number == 1 && fault == QStringLiteral("part of another cut"))
            writer.u32("split.count", 3);
        if (number == 1 && fault == QStringLiteral("part of another model"))
            writer.i32("split.tensors.count", 9);
        if (number == 1 && fault == QStringLiteral("no number of parts"))
            writer.remove("split.count");
        writer.tensor(number == 0 || fault == QStringLiteral("same tensor") ? "a" : "b", {4}, f32, zeros(16));
        if (number == 0 || fault != QStringLiteral("part missing"))
            writer.write(number == 0 ? first : second);
    }
    try {
        const Gguf gguf(fault == QStringLiteral("second part opened") ? second : first);
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        QVERIFY2(QString::fromUtf8(error.what()).contains(part), error.what());
    }
}

void TestGguf::survivesTruncationAtEveryByte()
{
    const std::string whole = sample().bytes();
    int loaded = 0;
    for (std::size_t size = 1; size < whole.size(); ++size) {
        write(whole.substr(0, size));
        try {
            const Gguf gguf(m_path);
            ++loaded;
        } catch (const Error&) {
        }
    }
    QCOMPARE(loaded, 0); // the last tensor ends with the file
    write(whole);
    QCOMPARE(Gguf(m_path).tensors().all().size(), std::size_t{2});
}

// Each byte of the header set to extreme values and each of its bits flipped, then random damage: it loads or
// it is refused, and what loads can be read to the last byte.
void TestGguf::survivesDamage()
{
    const unsigned seed = 20261124;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = sample().bytes();
    const std::size_t header = whole.size() - 404; // 48 bytes, padding, 340 bytes of data
    int loaded = 0;
    int refused = 0;
    const auto attempt = [&](const std::string& bytes) {
        write(bytes);
        try {
            const Gguf gguf(m_path);
            std::uint64_t sum = 0;
            for (const TensorInfo& tensor : gguf.tensors().all())
                for (const std::byte byte : tensor.bytes)
                    sum += static_cast<std::uint64_t>(byte);
            for (const auto& [key, entry] : gguf.metadata())
                for (const std::byte byte : entry.bytes)
                    sum += static_cast<std::uint64_t>(byte);
            ++loaded;
            return sum;
        } catch (const Error&) {
            ++refused;
            return std::uint64_t{0};
        }
    };
    for (std::size_t i = 0; i < header; ++i) {
        for (const unsigned value : {0x00u, 0xFFu, 0x7Fu, 0x80u}) {
            std::string bytes = whole;
            bytes[i] = static_cast<char>(value);
            attempt(bytes);
        }
        for (int bit = 0; bit < 8; ++bit) {
            std::string bytes = whole;
            bytes[i] = static_cast<char>(bytes[i] ^ (1 << bit));
            attempt(bytes);
        }
    }
    for (int round = 0; round < 5'000; ++round) {
        std::string bytes = whole.substr(0, random() % 3 == 0 ? 1 + random() % whole.size() : whole.size());
        for (std::size_t i = 1 + random() % 3; i > 0; --i) {
            // Whole numbers of absurd size do more than single bytes.
            constexpr std::uint64_t absurd[] = {0,          1,          ~0ull,      1ull << 31,
                                                1ull << 32, 1ull << 62, 1ull << 63, (1ull << 63) - 1};
            const std::string number = GgufWriter::raw(absurd[random() % std::size(absurd)]);
            bytes.replace(random() % bytes.size(), random() % 2 == 0 ? 8 : 4, number, 0,
                          random() % 2 == 0 ? 8 : 4);
        }
        attempt(bytes);
    }
    qInfo("%d variants loaded, %d were refused", loaded, refused);
    QVERIFY(loaded > 0 && refused > 0);
}

void TestGguf::readsManyNamesInLinearTime()
{
    const auto seconds = [&](int count) {
        GgufWriter writer;
        for (int i = 0; i < count; ++i)
            writer.described_tensor("blk." + std::to_string(i) + ".weight", {1}, f32,
                                    static_cast<std::uint64_t>(i) * 32);
        write(writer.bytes() + zeros(32 * static_cast<std::size_t>(count) + 64));
        QElapsedTimer timer;
        timer.start();
        const Gguf gguf(m_path);
        const double elapsed = static_cast<double>(timer.nsecsElapsed()) * 1e-9;
        return gguf.tensors().all().size() == static_cast<std::size_t>(count) ? elapsed : 0.0;
    };
    const double half = seconds(32'000);
    const double whole = seconds(64'000);
    qInfo("64000 tensors: %.3f s; twice as many take %.2f times as long", whole, whole / half);
    QVERIFY(half > 0 && whole > 0);
}

QTEST_APPLESS_MAIN(TestGguf)
#include "test_gguf.moc"
