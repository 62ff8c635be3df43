// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/format/model_files.h"
#include "engine/format/safetensors.h"
#include "golden.h"
#include "memory_folder.h"

#include <QTemporaryDir>
#include <QTest>

#include <sys/stat.h>

#include <fstream>
#include <random>

using namespace engine;
using namespace engine::format;
namespace fs = std::filesystem;

namespace {

std::string file_bytes(const std::string& header, std::size_t data_size)
{
    const std::uint64_t size = header.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + header +
           std::string(data_size, '\1');
}

void write(const fs::path& path, const std::string& bytes)
{
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string one_tensor(const std::string& name, const std::string& type = "F32",
                       const std::string& shape = "[2,3]", std::size_t size = 24)
{
    return R"({")" + name + R"(":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":[0,)" +
           std::to_string(size) + "]}}";
}

} // namespace

class TestSafetensors : public QObject
{
    Q_OBJECT

private slots:
    void init();
    void readsOneFile();
    void readsEveryType();
    void acceptsUnusualHeaders_data();
    void acceptsUnusualHeaders();
    void refusesBrokenHeaders_data();
    void refusesBrokenHeaders();
    void readsShards();
    void followsLinks();
    void refusesBrokenIndexes_data();
    void refusesBrokenIndexes();
    void refusesOtherThanFiles();
    void readsGoldenFolders();
    void survivesTruncationAtEveryByte();
    void survivesDamage();

private:
    std::unique_ptr<QTemporaryDir> m_temporary;
    fs::path m_folder;
    fs::path m_path;
};

void TestSafetensors::init()
{
    m_temporary = memory_folder();
    m_folder = m_temporary->path().toStdString();
    m_path = m_folder / "model.safetensors";
}

void TestSafetensors::readsOneFile()
{
    write(m_path,
          file_bytes(
              R"({"__metadata__":{"format":"pt"},"b":{"dtype":"F32","shape":[2,3],"data_offsets":[4,28]},)"
              R"("a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}})",
              28));
    for (const fs::path& path : {m_path, m_folder}) {
        const Safetensors model(path);
        QCOMPARE(model.metadata().at("format"), std::string("pt"));
        QCOMPARE(model.tensors().all().size(), std::size_t{2});
        const TensorInfo& b = model.tensors().require("b", {2, 3});
        QCOMPARE(b.dtype.value(), kernels::Dtype::f32);
        QCOMPARE(b.bytes.data(), model.files()[0].bytes().data() + model.files()[0].size() - 24);
        QCOMPARE(model.tensors().require("a", {2}).dtype.value(), kernels::Dtype::bf16);
    }
}

void TestSafetensors::readsEveryType()
{
    const std::pair<const char*, std::size_t> types[] = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E4M3", 1}, {"F8_E5M2", 1},
        {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
        {"U32", 4},  {"F32", 4}, {"I64", 8}, {"U64", 8},     {"F64", 8}};
    int usable = 0;
    for (const auto& [type, size] : types) {
        write(m_path, file_bytes(one_tensor("t", type, "[3]", 3 * size), 3 * size));
        const Safetensors model(m_path);
        QCOMPARE(model.tensors().find("t")->type_name, std::string(type));
        if (model.tensors().find("t")->dtype)
            ++usable;
        else
            QVERIFY_EXCEPTION_THROWN(model.tensors().require("t", {3}), Error);
    }
    QCOMPARE(usable, 4); // F32, F16, BF16 and FP8 in e4m3
}

void TestSafetensors::acceptsUnusualHeaders_data()
{
    QTest::addColumn<QByteArray>("bytes");
    const auto row = [](const char* name, const std::string& header, std::size_t size) {
        QTest::newRow(name) << QByteArray::fromStdString(file_bytes(header, size));
    };
    row("nothing", "{}", 0);
    row("blanks behind", one_tensor("t") + "     ", 24);
    row("one number", one_tensor("t", "F32", "[]", 4), 4);
    row("no numbers", one_tensor("t", "F32", "[0]", 0), 0);
    row("no numbers in large axes", one_tensor("t", "F32", "[0,9007199254740991]", 0), 0);
    row("further keys", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"more":[]}})", 1);
}

void TestSafetensors::acceptsUnusualHeaders()
{
    QFETCH(QByteArray, bytes);
    write(m_path, bytes.toStdString());
    QVERIFY(Safetensors(m_path).tensors().all().size() <= 1);
}

void TestSafetensors::refusesBrokenHeaders_data()
{
    QTest::addColumn<QByteArray>("bytes");
    QTest::addColumn<QByteArray>("part");
    const auto raw = [](const char* name, const std::string& bytes, const char* part) {
        QTest::newRow(name) << QByteArray::fromStdString(bytes) << QByteArray(part);
    };
    const auto row = [&](const char* name, const std::string& header, std::size_t size, const char* part) {
        raw(name, file_bytes(header, size), part);
    };
    raw("seven bytes", std::string(7, '\0'), "beginning: expected 8 bytes, found 7");
    raw("length 0", std::string(8, '\0') + "{}", "expected a header of 2 to");
    raw("length beyond the end", std::string("\x64\0\0\0\0\0\0\0{}", 10),
        "expected a header of 2 to 2 bytes, found a length of 100");
    raw("length 2^64 - 1", std::string(8, '\xFF') + "{}", "found a length of 18446744073709551615");
    row("no JSON", "{nonsense}", 0, "expected valid JSON");
    row("an array", "[1, 2, 3]", 0, "header: expected \"{\"");
    row("blank before", " {}", 0, "header: expected \"{\"");
    row("more behind", "{}{}", 0, "expected valid JSON");
    row("deep", R"({"a":)" + std::string(100'000, '['), 0, "nested levels");
    row("name twice",
        R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"t":{"dtype":"U8","shape":[1],"data_offsets":[1,2]}})",
        2, "occurs twice");
    row("empty name", one_tensor(""), 24, "found an empty or broken one");
    row("NUL in a name", one_tensor("a\\u0000b"), 24, "found an empty or broken one");
    row("metadata number", R"({"__metadata__":{"a":1}})", 0, "key __metadata__.a: expected a string");
    row("metadata list", R"({"__metadata__":[]})", 0, "key __metadata__: expected an object");
    row("tensor is a number", R"({"t":1})", 0, "key t: expected an object");
    row("no dtype", R"({"t":{"shape":[1],"data_offsets":[0,1]}})", 1, "tensor t: expected dtype, shape");
    row("no shape", R"({"t":{"dtype":"U8","data_offsets":[0,1]}})", 1, "tensor t: expected dtype, shape");
    row("three offsets", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[0,1,2]}})", 1,
        "tensor t: expected dtype, shape");
    row("unknown dtype", one_tensor("t", "F4", "[48]", 24), 24, "tensor t: expected a known dtype, found F4");
    row("negative length", one_tensor("t", "F32", "[-2,-3]", 24), 24, "expected integers from 0");
    row("fraction", one_tensor("t", "F32", "[2.0,3]", 24), 24, "expected integers from 0");
    row("length as text", one_tensor("t", "F32", R"(["6"])", 24), 24, "expected integers from 0");
    row("length 2^53", one_tensor("t", "F32", "[9007199254740992]", 24), 24, "expected integers from 0");
    row("product overflows", one_tensor("t", "F32", "[9007199254740991,9007199254740991]", 24), 24,
        "too large");
    row("zero hides an overflow", one_tensor("t", "F32", "[0,9007199254740991,9007199254740991]", 0), 0,
        "too large");
    row("nine axes", one_tensor("t", "F32", "[1,1,1,1,1,1,1,1,6]", 24), 24, "at most 8 dimensions");
    row("size too small", one_tensor("t", "F32", "[2,3]", 20), 20,
        "tensor t: expected 24 bytes for F32 [2, 3], found 20");
    row("offsets backwards", R"({"t":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})", 1,
        "found bytes 1 to 0");
    row("beyond the end", one_tensor("t"), 20, "tensor t: expected data within 20 bytes");
    row("bytes left over", one_tensor("t"), 25, "end: expected 24 bytes of data by the header, found 25");
    row("a gap",
        R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"U8","shape":[1],"data_offsets":[2,3]}})",
        3, "tensor b: expected its data at byte 1, found it at 2");
    row("an overlap",
        R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}})",
        3, "tensor b: expected its data at byte 2, found it at 1");
    row("the same place",
        R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"b":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}})",
        2, "tensor b: expected its data at byte 2, found it at 0");
}

void TestSafetensors::refusesBrokenHeaders()
{
    QFETCH(QByteArray, bytes);
    QFETCH(QByteArray, part);
    write(m_path, bytes.toStdString());
    try {
        const Safetensors model(m_path);
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        const QByteArray message = error.what();
        QVERIFY2(message.startsWith(QByteArray::fromStdString(m_path.string()) + ": "), error.what());
        QVERIFY2(message.contains(part), error.what());
    }
}

void TestSafetensors::readsShards()
{
    // DeepSeek pads the count to six digits: names come from the index alone.
    write(m_folder / "model-00001-of-000002.safetensors", file_bytes(one_tensor("a"), 24));
    write(m_folder / "model-00002-of-000002.safetensors", file_bytes(one_tensor("b"), 24));
    write(
        m_folder / "model.safetensors.index.json",
        R"({"metadata":{"total_size":48},"weight_map":{"a":"model-00001-of-000002.safetensors","b":"model-00002-of-000002.safetensors"}})");
    const Safetensors model(m_folder);
    QCOMPARE(model.files().size(), std::size_t{2});
    QCOMPARE(model.tensors().require("b", {2, 3}).file, std::size_t{1});
    QVERIFY(Safetensors::exists_in(m_folder));
}

// Hugging Face's cache: a folder of links to files that are named by their hash.
void TestSafetensors::followsLinks()
{
    fs::create_directories(m_folder / "blobs");
    fs::create_directories(m_folder / "snapshots" / "main");
    write(m_folder / "blobs" / "abc", file_bytes(one_tensor("a"), 24));
    write(m_folder / "blobs" / "def", R"({"weight_map":{"a":"model-1.safetensors"}})");
    write(m_folder / "blobs" / "ghi", "{}");
    const fs::path snapshot = m_folder / "snapshots" / "main";
    fs::create_symlink("../../blobs/abc", snapshot / "model-1.safetensors");
    fs::create_symlink("../../blobs/def", snapshot / "model.safetensors.index.json");
    fs::create_symlink("../../blobs/ghi", snapshot / "config.json");
    const ModelFiles model(snapshot);
    QCOMPARE(model.tensors().require("a", {2, 3}).name, std::string("a"));
    QCOMPARE(model.name(), std::string("main"));
    QCOMPARE(ModelFiles(snapshot / "").name(), std::string("main"));
}

void TestSafetensors::refusesBrokenIndexes_data()
{
    QTest::addColumn<QByteArray>("index");
    QTest::addColumn<QByteArray>("part");
    const auto row = [](const char* name, const std::string& index, const char* part) {
        QTest::newRow(name) << QByteArray::fromStdString(index) << QByteArray(part);
    };
    const auto file = [&](const char* name, const std::string& shard) {
        row(name, R"({"weight_map":{"a":")" + shard + R"("}})", "key weight_map.a: expected the plain name");
    };
    file("above", "../x.safetensors");
    file("deep above", "../../../../etc/x.safetensors");
    file("absolute", "/etc/x.safetensors");
    file("in a folder", "a/b.safetensors");
    file("current folder", "./b.safetensors");
    file("backslash", R"(..\\x.safetensors)");
    file("NUL", R"(x\u0000.safetensors)");
    file("empty", "");
    file("only the ending", ".safetensors");
    file("parent", "..");
    file("other ending", "passwd");
    file("long", std::string(4096, 'x') + ".safetensors");
    file("device", "/dev/zero");
    row("no map", R"({"metadata":{}})", "key weight_map: expected an object, found nothing");
    row("map is a list", R"({"weight_map":[]})", "key weight_map: expected an object");
    row("number", R"({"weight_map":{"a":5}})", "key weight_map.a: expected a file name");
    row("no such file", R"({"weight_map":{"a":"missing.safetensors"}})",
        "missing.safetensors: cannot be opened");
    row("percent signs stay", R"({"weight_map":{"a":"%2e%2e%2fx.safetensors"}})",
        "%2e%2e%2fx.safetensors: cannot be opened");
    row("tensor not there", R"({"weight_map":{"b":"here.safetensors"}})",
        "tensor b: expected here by the index");
    row("tensor elsewhere", R"({"weight_map":{"a":"other.safetensors","c":"here.safetensors"}})",
        "expected here by the index");
    row("the same tensor twice", R"({"weight_map":{"a":"here.safetensors","b":"twin.safetensors"}})",
        "tensor a: expected once");
    row("a folder", R"({"weight_map":{"a":"folder.safetensors"}})", "expected a file, found a folder");
    row("a pipe", R"({"weight_map":{"a":"pipe.safetensors"}})", "expected a regular file");
    row("a link to a device", R"({"weight_map":{"a":"link.safetensors"}})", "expected a regular file");
}

void TestSafetensors::refusesBrokenIndexes()
{
    QFETCH(QByteArray, index);
    QFETCH(QByteArray, part);
    write(m_folder / "here.safetensors", file_bytes(one_tensor("a"), 24));
    write(m_folder / "twin.safetensors", file_bytes(one_tensor("a"), 24));
    write(m_folder / "other.safetensors", file_bytes(one_tensor("c"), 24));
    fs::create_directory(m_folder / "folder.safetensors");
    QCOMPARE(mkfifo((m_folder / "pipe.safetensors").c_str(), 0600), 0);
    fs::create_symlink("/dev/zero", m_folder / "link.safetensors");
    write(m_folder / "model.safetensors.index.json", index.toStdString());
    try {
        const Safetensors model(m_folder);
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        QVERIFY2(QByteArray(error.what()).contains(part), error.what());
    }
}

void TestSafetensors::refusesOtherThanFiles()
{
    QVERIFY_EXCEPTION_THROWN(Safetensors{m_folder}, Error); // no weights in it
    QVERIFY_EXCEPTION_THROWN(Safetensors{m_folder / "none.safetensors"}, Error);
    QVERIFY(!Safetensors::exists_in(m_folder));
    write(m_path, "");
    QVERIFY_EXCEPTION_THROWN(Safetensors{m_path}, Error);
    QVERIFY_EXCEPTION_THROWN(ModelFiles{m_folder / "nothing"}, Error);
    QVERIFY_EXCEPTION_THROWN(ModelFiles{m_folder}, Error);
    QVERIFY_EXCEPTION_THROWN(ModelFiles{"/dev/null"}, Error);
    // A vocabulary without weights serves.
    fs::remove(m_path);
    write(m_folder / "tokenizer.json", "{}");
    QVERIFY(ModelFiles(m_folder).tensors().empty());
}

void TestSafetensors::readsGoldenFolders()
{
    const Safetensors lite(golden::data_folder() / "golden" / "lite");
    QVERIFY(lite.tensors().find("model.embed_tokens.weight"));
    const Safetensors sharded(golden::data_folder() / "golden" / "sharded");
    QVERIFY(sharded.files().size() > 1);
}

void TestSafetensors::survivesTruncationAtEveryByte()
{
    const std::string whole = file_bytes(one_tensor("a.weight"), 24);
    for (std::size_t size = 1; size < whole.size(); ++size) {
        write(m_path, whole.substr(0, size));
        QVERIFY_EXCEPTION_THROWN(Safetensors{m_path}, Error);
    }
}

void TestSafetensors::survivesDamage()
{
    const unsigned seed = 8;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string whole = file_bytes(
        R"({"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},)"
        R"("b.w":{"dtype":"F32","shape":[4],"data_offsets":[12,28]}})",
        28);
    int loaded = 0;
    int refused = 0;
    const auto attempt = [&](const std::string& bytes) {
        write(m_path, bytes);
        try {
            const Safetensors model(m_path);
            std::uint64_t sum = 0;
            for (const TensorInfo& tensor : model.tensors().all())
                for (const std::byte byte : tensor.bytes)
                    sum += static_cast<std::uint64_t>(byte);
            ++loaded;
            return sum;
        } catch (const Error&) {
            ++refused;
            return std::uint64_t{0};
        }
    };
    for (std::size_t i = 0; i + 28 < whole.size(); ++i)
        for (const unsigned value :
             {0x00u, 0xFFu, 0x7Fu, 0x80u, unsigned{'9'}, unsigned{'}'}, unsigned{'"'}, unsigned{'-'}}) {
            std::string bytes = whole;
            bytes[i] = static_cast<char>(value);
            attempt(bytes);
        }
    for (int round = 0; round < 4'000; ++round) {
        std::string bytes = whole;
        static const std::string pieces[] = {
            "0",       "9", "99999999999999999999", "-1", "[", "]", "{", "}", ",", ":", "\"", "null", "1e9",
            "\\u0000", " "};
        for (std::size_t i = 1 + random() % 3; i > 0; --i)
            bytes.replace(8 + random() % (bytes.size() - 36), random() % 3,
                          pieces[random() % std::size(pieces)]);
        const std::uint64_t size = bytes.size() - 36;
        if (random() % 2 == 0)
            bytes.replace(0, 8, reinterpret_cast<const char*>(&size), 8);
        attempt(bytes);
    }
    qInfo("%d variants loaded, %d were refused", loaded, refused);
    QVERIFY(loaded > 0 && refused > 0);
}

QTEST_APPLESS_MAIN(TestSafetensors)
#include "test_safetensors.moc"
