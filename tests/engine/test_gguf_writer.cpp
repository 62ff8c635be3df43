// SPDX-License-Identifier: MIT
// The writer of GGUF files against the reader, and the stream of tensors behind its header.
#include "engine/convert/tensor_stream.h"
#include "engine/error.h"
#include "engine/format/gguf.h"
#include "engine/format/gguf_writer.h"

#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <cstring>
#include <fstream>

using engine::format::Gguf;
using engine::format::GgufTensor;
using engine::format::GgufWriter;
using kernels::Dtype;

namespace {

// A file in memory.
class Memory : public engine::format::ByteSink
{
public:
    void reserve(std::uint64_t bytes) override { reserved = bytes; }
    void write(std::span<const std::byte> bytes) override
    {
        content.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        if (content.size() > most)
            throw engine::Error("memory", "is full");
    }

    std::uint64_t reserved = 0;
    std::string content;
    std::size_t most = std::size_t{1} << 30;
};

// What stands in row r of tensor t.
std::byte expected_byte(std::size_t tensor, std::int64_t row)
{
    return static_cast<std::byte>(1 + tensor * 31 + static_cast<std::size_t>(row) * 7 % 200);
}

GgufWriter some_file()
{
    GgufWriter writer;
    writer.add("general.architecture", "deepseek2");
    writer.add("number", std::uint32_t{4'000'000'000});
    writer.add("real", 0.25f);
    writer.add("yes", true);
    writer.add("no", false);
    const std::string words[] = {"", "one", "｜two｜"};
    writer.add("words", std::span<const std::string>(words));
    const std::int32_t numbers[] = {-1, 0, 1};
    writer.add("numbers", std::span<const std::int32_t>(numbers));
    writer.add_tensor("vector", Dtype::f32, {3}); // 12 bytes, then 20 of padding
    writer.add_tensor("matrix", Dtype::q8_0, {5, 64});
    writer.add_tensor("cube", Dtype::bf16, {7, 1000, 300}); // several pieces
    writer.add_tensor("last", Dtype::f16, {1, 1});
    return writer;
}

} // namespace

class TestGgufWriter : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;

    std::filesystem::path save(const std::string& content) const
    {
        const std::filesystem::path path = m_folder.filePath("x.gguf").toStdString();
        std::ofstream(path, std::ios::binary).write(content.data(), std::ssize(content));
        return path;
    }

    static bool stream(const GgufWriter& writer, Memory& memory, int threads,
                       const std::stop_token& stop = {})
    {
        return engine::write_gguf(
            writer,
            [&](std::size_t t, std::int64_t first, std::int64_t count, std::byte* out) {
                const GgufTensor& tensor = writer.tensors()[t];
                const auto bytes =
                    static_cast<std::size_t>(tensor.bytes()) / static_cast<std::size_t>(tensor.rows());
                for (std::int64_t r = first; r < first + count; ++r, out += bytes)
                    std::memset(out, static_cast<int>(expected_byte(t, r)), bytes);
            },
            threads, memory, [](std::int64_t, std::int64_t) {}, stop);
    }

private slots:
    void reads_back()
    {
        const GgufWriter writer = some_file();
        Memory memory;
        QVERIFY(stream(writer, memory, 3));
        QCOMPARE(memory.reserved, memory.content.size());
        const Gguf gguf(save(memory.content));
        QCOMPARE(gguf.version(), 3u);
        QCOMPARE(gguf.integer("number", 0, std::int64_t{1} << 33), std::int64_t{4'000'000'000});
        QCOMPARE(gguf.number("real"), 0.25);
        QVERIFY(*gguf.find_bool("yes") && !*gguf.find_bool("no"));
        const std::vector<std::string_view> words = {"", "one", "｜two｜"};
        QVERIFY(*gguf.find_strings("words") == words);
        const std::vector<std::int32_t> numbers = {-1, 0, 1};
        QVERIFY(*gguf.find_integers("numbers") == numbers);

        QCOMPARE(gguf.tensors().all().size(), writer.tensors().size());
        for (std::size_t t = 0; t < writer.tensors().size(); ++t) {
            const GgufTensor& expected = writer.tensors()[t];
            const engine::format::TensorInfo& found = gguf.tensors().all()[t];
            QCOMPARE(found.name, expected.name);
            QVERIFY(found.shape == expected.shape && found.dtype == expected.dtype);
            QCOMPARE(found.bytes.size(), expected.bytes());
            const std::size_t row_bytes = expected.bytes() / static_cast<std::size_t>(expected.rows());
            for (std::size_t i = 0; i < found.bytes.size(); ++i)
                if (found.bytes[i] != expected_byte(t, static_cast<std::int64_t>(i / row_bytes)))
                    QFAIL(qPrintable(QString("tensor %1, byte %2").arg(t).arg(i)));
        }
    }

    // Metadata of another file, whatever its types, as it was.
    void copies_entries()
    {
        Memory first;
        QVERIFY(stream(some_file(), first, 1));
        const Gguf source(save(first.content));
        GgufWriter writer;
        for (const auto& [key, entry] : source.metadata())
            writer.add(key, entry);
        Memory second;
        QVERIFY(stream(writer, second, 1));
        const std::filesystem::path copy_path = m_folder.filePath("copy.gguf").toStdString();
        std::ofstream(copy_path, std::ios::binary).write(second.content.data(), std::ssize(second.content));
        const Gguf copy(copy_path);
        QCOMPARE(copy.metadata().size(), source.metadata().size());
        for (const auto& [key, entry] : source.metadata()) {
            const auto& found = copy.metadata().at(key);
            QVERIFY(found.type == entry.type && found.is_array == entry.is_array &&
                    found.count == entry.count);
            QVERIFY(std::ranges::equal(found.bytes, entry.bytes));
        }
    }

    void same_on_any_number_of_threads()
    {
        Memory one;
        Memory many;
        QVERIFY(stream(some_file(), one, 1));
        QVERIFY(stream(some_file(), many, 5));
        QVERIFY(one.content == many.content);
    }

    void stops()
    {
        std::stop_source source;
        source.request_stop();
        Memory memory;
        QVERIFY(!stream(some_file(), memory, 2, source.get_token()));
        QVERIFY(memory.content.size() < memory.reserved);
    }

    void passes_errors_on()
    {
        Memory memory;
        memory.most = 2'000'000;
        QVERIFY_THROWS_EXCEPTION(engine::Error, stream(some_file(), memory, 2));

        const GgufWriter writer = some_file();
        Memory other;
        QVERIFY_THROWS_EXCEPTION(engine::Error,
                                 engine::write_gguf(
                                     writer,
                                     [](std::size_t t, std::int64_t, std::int64_t, std::byte*) {
                                         if (t == 2)
                                             throw engine::Error("cube", "cannot be made");
                                     },
                                     2, other, [](std::int64_t, std::int64_t) {}, {}));
    }
};

QTEST_APPLESS_MAIN(TestGgufWriter)
#include "test_gguf_writer.moc"
