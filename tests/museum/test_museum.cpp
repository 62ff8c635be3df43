// SPDX-License-Identifier: MIT
// One small file for each defect that ended another program once: CVE-2024-23496, CVE-2026-27940, Bleeding
// Llama, the template of 116 bytes, … Rows are named by their kind. Loading such a file as a model gives one
// sentence with the file, the place, what was expected and what was found; what only computes wrong says so
// at the first token. Nothing ends the process, and nothing hangs.
#include "engine/error.h"
#include "engine/text/chat_template.h"
#include "tests/engine/memory_folder.h"
#include "tests/museum/answering.h"
#include "tests/museum/toy_model.h"

#include <QTest>

#include <sys/stat.h>

#include <fstream>
#include <functional>
#include <limits>

namespace fs = std::filesystem;
using engine::format::Json;

namespace {

constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
constexpr std::uint32_t f32 = 0;

std::string u32(std::uint32_t value)
{
    return GgufWriter::raw(value);
}
std::string u64(std::uint64_t value)
{
    return GgufWriter::raw(value);
}

void write(const fs::path& path, std::string_view bytes)
{
    std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

std::string safetensors(const std::string& header, std::size_t data)
{
    return u64(header.size()) + header + std::string(data, '\0');
}

// Makes the defect in a folder and gives the path that a person would open. The folder `toy` is a good model.
using Make = std::function<fs::path(const fs::path& folder)>;

Make gguf_of(const std::string& bytes)
{
    return [=](const fs::path& folder) {
        write(folder / "model.gguf", bytes);
        return folder / "model.gguf";
    };
}

Make gguf_with(const std::function<void(GgufWriter&)>& change)
{
    GgufWriter writer;
    writer.string("general.architecture", "deepseek2");
    change(writer);
    return gguf_of(writer.bytes());
}

Make one_tensor(const std::vector<std::int64_t>& ne, std::uint64_t offset = 0)
{
    return gguf_with([&](GgufWriter& w) {
        w.tensor("a", {8}, f32, std::string(32, '\0'));
        w.described_tensor("t", ne, f32, offset);
    });
}

// A whole GGUF model with a change.
Make toy_with(const std::function<void(GgufWriter&)>& change)
{
    return [=](const fs::path& folder) {
        GgufWriter writer = museum::toy_gguf(folder / "toy");
        change(writer);
        writer.write(folder / "model.gguf");
        return folder / "model.gguf";
    };
}

// The good folder with another file in it.
Make toy_file(const char* name, const std::string& content)
{
    return [=](const fs::path& folder) {
        write(folder / "toy" / name, content);
        return folder / "toy";
    };
}

Make weights_of(const std::string& header, std::size_t data)
{
    return toy_file("model.safetensors", safetensors(header, data));
}

Make toy_json(const char* name, const std::function<void(Json&)>& change)
{
    return [=](const fs::path& folder) {
        Json json = engine::format::read_json(folder / "toy" / name);
        change(json);
        write(folder / "toy" / name, json.dump());
        return folder / "toy";
    };
}

Make config_with(const char* key, const Json& value)
{
    return toy_json("config.json", [=](Json& json) { json[key] = value; });
}

Make index_of(const std::string& shard)
{
    const Json index = {{"weight_map", {{"a", shard}}}};
    return toy_file("model.safetensors.index.json", index.dump());
}

// bf16 values in the place of every value of a tensor.
void fill(const fs::path& weights, const std::string& name, std::uint16_t pattern)
{
    std::size_t begin = 0;
    std::size_t count = 0;
    {
        const engine::format::Safetensors safetensors(weights);
        const engine::format::TensorInfo& tensor = *safetensors.tensors().find(name);
        begin = static_cast<std::size_t>(tensor.bytes.data() - safetensors.files().front().bytes().data());
        count = tensor.bytes.size() / sizeof pattern;
    }
    std::fstream file(weights, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(begin));
    for (std::size_t i = 0; i < count; ++i)
        file.write(reinterpret_cast<const char*>(&pattern), sizeof pattern);
}

} // namespace

class TestMuseum : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_temporary;
    fs::path m_folder;

private slots:
    void init()
    {
        m_temporary = memory_folder();
        m_folder = m_temporary->path().toStdString();
        museum::write_toy(m_folder / "toy");
    }

    void the_undamaged_models_answer()
    {
        QVERIFY(museum::answer(*museum::load(m_folder / "toy")).result);
        QVERIFY(museum::answer(*museum::load(toy_with([](GgufWriter&) {})(m_folder))).result);
    }

    void a_defect_is_named_data();
    void a_defect_is_named();
    void empty_tensors_are_no_defect();
    void hostile_templates_give_way_data();
    void hostile_templates_give_way();
    void invalid_numbers_are_said_at_the_first_token_data();
    void invalid_numbers_are_said_at_the_first_token();
};

void TestMuseum::a_defect_is_named_data()
{
    QTest::addColumn<Make>("make");
    QTest::addColumn<QByteArray>("place"); // file: place
    QTest::addColumn<QByteArray>("what");
    const auto row = [](const char* name, const Make& make, const char* place, const char* what) {
        QTest::newRow(name) << make << QByteArray(place) << QByteArray(what);
    };
    const std::string head = "GGUF" + u32(3);
    const std::string one_entry = head + u64(0) + u64(1);

    const char* const t = "model.gguf: tensor t";
    row("1 wrapped product", one_tensor({most, 2}), t,
        "expected a shape whose size can be counted, found one");
    row("1 wrapped to zero", one_tensor({1ll << 32, 1ll << 32}), t,
        "can be counted, found one that is too large");
    row("1 overflow behind a zero", one_tensor({0, most, 2}), t,
        "expected dimension 0 to be 1 or more, found 0");
    row("1 overflow before a zero", one_tensor({most, 2, 0}), t, "found one that is too large");
    row("1 size in bytes", one_tensor({most}), t, "can be counted, found one that is too large");
    row("1 negative", one_tensor({4, -1}), t, "expected dimension 1 to be 1 or more, found -1");

    row("2 tensor beyond the end", one_tensor({1'000'000}), t,
        "expected 4000000 bytes at byte 0 of 32 bytes of data, found the file to end");
    row("2 offset beyond the end", one_tensor({8}, 1ull << 40), t, "found the file to end");
    row("2 offset that wraps", one_tensor({8}, ~31ull), t, "found the file to end");
    row("2 overlap", one_tensor({8}), t, "expected data of its own, found it to overlap that of a");
    row("2 cut", gguf_of(head + u64(1) + u64(0)), "model.gguf: tensor 0",
        "expected 8 more bytes at byte 24, found 0");
    const char* const weights = "model.safetensors: ";
    row("2 safetensors beyond the end",
        weights_of(R"({"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}})", 8),
        "model.safetensors: tensor a", "expected data within 8 bytes, found bytes 0 to 16");
    row("2 safetensors hole", weights_of(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8),
        "model.safetensors: tensor a", "expected its data at byte 0, found it at 4");
    row("2 safetensors overflow",
        weights_of(R"({"a":{"dtype":"F32","shape":[0,4294967296,4294967296],"data_offsets":[0,0]}})", 0),
        "model.safetensors: tensor a", "can be counted, found one that is too large");

    row("3 empty dimension", one_tensor({4, 0}), t, "expected dimension 1 to be 1 or more, found 0");
    row("3 empty key", gguf_of(one_entry + GgufWriter::text("") + u32(4) + u32(1)),
        "model.gguf: metadata entry 0", "expected a name, found an empty");
    const char* const alignment = "model.gguf: key general.alignment";
    row("3 alignment of another type", gguf_with([](GgufWriter& w) { w.string("general.alignment", "32"); }),
        alignment, "expected a 32-bit integer, found a string");
    for (const std::uint32_t value : {0u, 13u, 1u << 31})
        row(qPrintable(QStringLiteral("3 alignment %1").arg(value)),
            gguf_with([=](GgufWriter& w) { w.u32("general.alignment", value); }), alignment,
            "expected a power of two up to 1048576, found");
    row("3 version 0", gguf_of("GGUF" + u32(0) + u64(0) + u64(0)), "model.gguf: version",
        "expected 2 or 3, found 0");

    row("4 2^63 elements", gguf_of(one_entry + GgufWriter::text("k") + u32(9) + u32(10) + u64(1ull << 63)),
        "model.gguf: key k", "expected 0 to 2000000, found -9223372036854775808");
    row("4 2 million strings in 50 bytes",
        gguf_of(one_entry + GgufWriter::text("k") + u32(9) + u32(8) + u64(2'000'000)), "model.gguf: key k",
        "expected 8 more bytes at byte 49, found 0");
    row("4 string of 2^62", gguf_of(one_entry + GgufWriter::text("k") + u32(8) + u64(1ull << 62)),
        "model.gguf: key k", "expected a string of at most 1048576 bytes, found 4611686018427387904");
    row("4 -1 tensors", gguf_of(head + u64(~0ull) + u64(0)), "model.gguf: number of tensors",
        "expected 0 to 65536, found -1");
    row("4 arrays in arrays", gguf_of(one_entry + GgufWriter::text("k") + u32(9) + u32(9) + u64(1)),
        "model.gguf: key k", "expected an array of plain values, found an array of arrays");
    row("4 safetensors header of 2^63", toy_file("model.safetensors", u64(1ull << 63) + "{}"),
        "model.safetensors: beginning",
        "expected a header of 2 to 2 bytes, found a length of 9223372036854775808");
    row("4 deep JSON", toy_file("model.safetensors", safetensors("{\"a\":" + std::string(3000, '['), 0)),
        weights, "expected at most 64 nested levels, found more");

    row("5 key twice", gguf_with([](GgufWriter& w) { w.second_entry("general.architecture", 4, u32(1)); }),
        "model.gguf: key general.architecture", "expected once, found a second time");
    row("5 tensor twice", gguf_with([](GgufWriter& w) {
            w.tensor("t", {8}, f32, std::string(32, '\0'));
            w.tensor("t", {8}, f32, std::string(32, '\0'));
        }),
        t, "expected once, found a second time");

    const char* const tokens = "model.gguf: key tokenizer.ggml.tokens";
    row("6 token twice", toy_with([](GgufWriter& w) { w.tokens[9] = w.tokens[8]; }), tokens,
        "expected once, found");
    row("6 no token for a byte", toy_with([](GgufWriter& w) { w.tokens['a'] = "long"; }), tokens,
        "expected a token for each byte, found none for 0x");
    row("6 <0x-1>", toy_with([](GgufWriter& w) { // no byte by number: a text like any other
            w.tokens['a'] = "<0x-1>";
            w.types['a'] = 6;
        }),
        "model.gguf: key tokenizer.ggml.token_type", "expected 1 to 5, found 6");
    row("6 merge of nothing", toy_with([](GgufWriter& w) { w.merges = {"xyzzy a"}; }),
        "model.gguf: key tokenizer.ggml.merges, merge 0",
        "expected tokens of the vocabulary, found \"xyzzy\"");
    row("6 too few kinds", toy_with([](GgufWriter& w) { w.types.pop_back(); }),
        "model.gguf: key tokenizer.ggml.token_type", "expected 260 values, found 259");
    row("6 end of no vocabulary", toy_with([](GgufWriter& w) { w.u32("tokenizer.ggml.eos_token_id", 260); }),
        "model.gguf: key tokenizer.ggml.eos_token_id", "expected an id below 260, found 260");
    row("6 id below zero", toy_json("tokenizer.json", [](Json& json) { json["model"]["vocab"]["a"] = -1; }),
        "tokenizer.json: key model.vocab.a", "expected an id below");
    row("6 id of 2^31",
        toy_json("tokenizer.json", [](Json& json) { json["model"]["vocab"]["a"] = 1u << 31; }),
        "tokenizer.json: key model.vocab.a", "expected an id below");
    row("6 added id below zero",
        toy_json("tokenizer.json", [](Json& json) { json["added_tokens"][0]["id"] = -1; }),
        "tokenizer.json: key added_tokens.id", "expected 0 to");

    const char* const entry = "model.safetensors.index.json: key weight_map.a";
    for (const char* name : {"../x.safetensors", "/etc/passwd", "a/b.safetensors", "..\\x.safetensors", "",
                             "..", ".safetensors", "/dev/zero", "x.safetensors/..", "~/x"})
        row(qPrintable(QStringLiteral("11 shard \"%1\"").arg(QString::fromLatin1(name))), index_of(name),
            entry, "expected the plain name of a .safetensors file, found");
    row("11 shard with a NUL", index_of(std::string("x\0.safetensors", 14)), entry,
        "expected the plain name");
    row("11 shard of 2,000 characters", index_of(std::string(2000, 'x') + ".safetensors"), entry,
        "expected the plain name");
    row(
        "11 shard is a pipe",
        [](const fs::path& folder) {
            const fs::path model = index_of("pipe.safetensors")(folder);
            mkfifo((model / "pipe.safetensors").c_str(), 0600);
            return model;
        },
        "pipe.safetensors", "expected a regular file, found a device or pipe");
    row(
        "11 shard leads to a device",
        [](const fs::path& folder) {
            const fs::path model = index_of("link.safetensors")(folder);
            fs::create_symlink("/dev/zero", model / "link.safetensors");
            return model;
        },
        "link.safetensors", "expected a regular file, found a device or pipe");

    row("12 a key twice", weights_of(R"({"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"a":{}})", 0),
        weights, "the key \"a\" occurs twice in one object");
    row("12 a second file behind",
        weights_of(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})", 100), "model.safetensors: end",
        "expected 1 bytes of data by the header, found 100");
    row("12 a byte order mark", toy_file("config.json", "\xEF\xBB\xBF{}"), "config.json: line 1, byte 1",
        "expected JSON, found a byte order mark");
    row("12 an integer with a fraction",
        weights_of(R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})", 1),
        "model.safetensors: tensor a", "expected integers from 0 in shape and data_offsets, found 1.0");
    row("12 an integer beyond 2^53",
        weights_of(R"({"a":{"dtype":"U8","shape":[9007199254740993],"data_offsets":[0,1]}})", 1),
        "model.safetensors: tensor a", "expected integers from 0");
    row("12 not from the first byte", weights_of(R"( {"a":{}})", 0), "model.safetensors: header",
        "expected \"{\" as its first byte, found something else");

    const char* const config = "config.json: ";
    row("13 no heads", config_with("num_attention_heads", 0), "config.json: key num_attention_heads",
        "expected 1 to 1024, found 0");
    row("13 heads without width", config_with("qk_nope_head_dim", 0), "config.json: key qk_nope_head_dim",
        "expected 1 to 4096, found 0");
    row("13 no rotation", config_with("qk_rope_head_dim", 0), "config.json: key qk_rope_head_dim",
        "expected 1 to 4096, found 0");
    row("13 odd rotation", config_with("qk_rope_head_dim", 7), "config.json: qk_rope_head_dim",
        "expected an even number, found 7");
    row("13 more experts used than there are", config_with("num_experts_per_tok", 5),
        "config.json: num_experts_per_tok", "expected at most the 4 of n_routed_experts, found 5");
    row("13 no layers", config_with("num_hidden_layers", 0), "config.json: key num_hidden_layers",
        "expected 1 to 1024, found 0");
    row("13 2^40 layers", config_with("num_hidden_layers", 1ll << 40), "config.json: key num_hidden_layers",
        "expected 1 to 1024, found 1099511627776");
    row("13 theta of zero", config_with("rope_theta", 0), "config.json: rope_theta", "expected 1.001 to");
    row("13 epsilon of 1e308", config_with("rms_norm_eps", 1e308), "config.json: rms_norm_eps",
        "found 1e+308");
    row("13 a number beyond double",
        toy_file("config.json", R"({"model_type":"deepseek_v2","rope_theta":1e999})"), config,
        "expected valid JSON, found");
    row("13 a larger vocabulary than the matrix", config_with("vocab_size", 300),
        "model.safetensors: tensor model.embed_tokens.weight", "expected shape [300, 16], found [260, 16]");
    row("13 mark beyond the vocabulary", config_with("eos_token_id", 260), "config.json: eos_token_id",
        "expected less than the 260 of vocab_size, found 260");
}

void TestMuseum::a_defect_is_named()
{
    QFETCH(Make, make);
    QFETCH(QByteArray, place);
    QFETCH(QByteArray, what);
    const fs::path model = make(m_folder);
    try {
        const auto engine = museum::load(model);
        QFAIL("expected a refusal");
    } catch (const engine::Error& error) {
        const QByteArray sentence = error.what();
        QVERIFY2(sentence.startsWith(QByteArray::fromStdString(model.string())), error.what());
        QVERIFY2(sentence.contains('/' + place), error.what());
        QVERIFY2(sentence.contains(what), error.what());
    }
}

// Both formats' writers make such files: an empty tensor in safetensors is right.
void TestMuseum::empty_tensors_are_no_defect()
{
    const fs::path file = m_folder / "empty.safetensors";
    write(file, safetensors(R"({"a":{"dtype":"F32","shape":[0,7],"data_offsets":[0,0]}})", 0));
    QCOMPARE(engine::format::Safetensors(file).tensors().find("a")->elements(), std::int64_t{0});
}

void TestMuseum::hostile_templates_give_way_data()
{
    QTest::addColumn<QByteArray>("source");
    const auto row = [](const char* name, const std::string& source) {
        QTest::newRow(name) << QByteArray::fromStdString(source);
    };
    row("8 classes", "{{ ''.__class__.__mro__[1].__subclasses__()[104] }}");
    row("8 globals", "{{ cycler.__init__.__globals__.os.popen('id').read() }}");
    row("8 format", "{{ '{0.__class__}'.format(messages) }}");
    row("8 attribute filter", "{{ messages | attr('__class__') }}");
    row("8 import", "{% import '/etc/passwd' as p %}");
    row("8 include", "{% include '/etc/passwd' %}");
    row("8 extends", "{% extends '/etc/passwd' %}");
    row("9 three ranges",
        "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}"
        "{% endfor %}{% endfor %}");
    row("9 10^9", "{% for a in range(1000000000) %}{% endfor %}");
    row("9 long text", "{{ 'x' * 10000000000 }}");
    row("9 brackets", "{{ " + std::string(3000, '(') + "1" + std::string(3000, ')') + " }}");
    row("9 macro that calls itself", "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}");
}

// What cannot be interpreted within its budget is replaced by the family's format, and the reason names the
// file.
void TestMuseum::hostile_templates_give_way()
{
    QFETCH(QByteArray, source);
    const fs::path model =
        toy_with([&](GgufWriter& w) { w.string("tokenizer.chat_template", source.toStdString()); })(m_folder);
    const engine::text::Tokenizer tokenizer{engine::format::ModelFiles(model)};
    const engine::text::ChatTemplate chat(tokenizer);
    QVERIFY(chat.format() != engine::text::ChatFormat::own);
    QVERIFY2(chat.problem().starts_with(model.string()), chat.problem().c_str());

    engine::Request question;
    question.messages = {{"user", "Hello"}};
    question.max_tokens = 3;
    const auto engine = museum::load(model);
    QVERIFY(museum::answer(*engine, question).result);
}

void TestMuseum::invalid_numbers_are_said_at_the_first_token_data()
{
    QTest::addColumn<QString>("isa");
    QTest::addColumn<int>("pattern"); // of a bf16
    const auto row = [](const char* name, int pattern) {
        for (const char* isa : {"scalar", ""}) // the plain operations, and this processor's best
            QTest::newRow(qPrintable(QStringLiteral("13 %1 %2").arg(QLatin1String(name), QLatin1String(isa))))
                << QString::fromLatin1(isa) << pattern;
    };
    row("NaN", 0x7FC0);
    row("Inf", 0x7F80);
    row("-Inf", 0xFF80);
    row("largest", 0x7F7F);
    row("smallest", 0x0001);
}

void TestMuseum::invalid_numbers_are_said_at_the_first_token()
{
    QFETCH(QString, isa);
    QFETCH(int, pattern);
    const fs::path folder = m_folder / "toy";
    const bool is_nan = pattern == 0x7FC0;
    std::vector<std::string> names;
    {
        const engine::format::Safetensors weights(folder);
        for (const engine::format::TensorInfo& tensor : weights.tensors().all())
            names.push_back(tensor.name);
    }
    QVERIFY(names.size() > 20);
    const fs::path good = m_folder / "good.safetensors";
    fs::copy_file(folder / "model.safetensors", good);
    engine::LoadOptions options = museum::small_options();
    options.isa = isa.toStdString();
    int failures = 0;
    for (const std::string& name : names) {
        fs::copy_file(good, folder / "model.safetensors", fs::copy_options::overwrite_existing);
        fill(folder / "model.safetensors", name, static_cast<std::uint16_t>(pattern));
        const auto engine = museum::load(folder, options);
        // Twice: the model can be asked again, and what it says does not change.
        const museum::Answer first = museum::answer(*engine);
        const museum::Answer second = museum::answer(*engine);
        QCOMPARE(first.failure, second.failure);
        // Not every token asks every expert; all else it goes through.
        const bool may_come_later = name.find(".experts.") != std::string::npos;
        if (first.result) {
            QVERIFY2(!is_nan || may_come_later, name.c_str());
            QCOMPARE(first.result->ids, second.result->ids);
            continue;
        }
        ++failures;
        const QByteArray sentence = QByteArray::fromStdString(first.failure);
        QVERIFY2(sentence.startsWith(QByteArray::fromStdString(folder.string() + ": position ")), sentence);
        QVERIFY2(sentence.contains("the model produced invalid numbers, expected finite logits"), sentence);
        QVERIFY2(!is_nan || may_come_later || sentence.contains("position 2:"), sentence);
    }
    qInfo("%d of %d tensors end the answer", failures, static_cast<int>(names.size()));
    QVERIFY(!is_nan || failures > 10);
}

QTEST_GUILESS_MAIN(TestMuseum)
#include "test_museum.moc"
