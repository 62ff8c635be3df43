// SPDX-License-Identifier: MIT
#include "engine/text/tokenizer.h"

#include "engine/error.h"
#include "engine/format/json.h"
#include "engine/text/utf8.h"
#include "gguf_writer.h"
#include "golden.h"

#include <QElapsedTimer>
#include <QTemporaryDir>
#include <QTest>

#include <pthread.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <random>
#include <sstream>

using namespace engine;
using namespace engine::text;
namespace fs = std::filesystem;

namespace {

using Ids = std::vector<TokenId>;

constexpr const char* kinds[] = {"deepseek-llm", "deepseek-coder", "deepseek-v3"};

fs::path vocabulary(const std::string& kind)
{
    return golden::data_folder() / "tokenizer" / (kind + ".json");
}

Tokenizer load(const std::string& kind)
{
    return Tokenizer::from_json(vocabulary(kind), {});
}

std::string read_text(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

fs::path real_data()
{
    return shared_folder() / "data" / "tokenizer";
}

std::string show(const Ids& ids)
{
    std::string text;
    for (const TokenId id : ids)
        text += std::to_string(id) + ' ';
    return text;
}

std::string repeated(const std::string& text, std::size_t size)
{
    std::string all;
    while (all.size() < size)
        all += text;
    return all;
}

// Random text of all planes, with whole runs of a kind and pieces of special tokens.
std::string random_text(std::mt19937& random)
{
    static const std::string pieces[] = {
        " ",  "  ",         "\n",  "\r\n", "\t",      "the", "Hello", " world",  "12",    "3.5",  "你好",
        "，", "。",         "é",   "ü",    "ø",       "ſ",   "עברית", "한국",    "かな",  "👍🏽", "‍",
        "　", "<｜User｜>", "<｜", "｜>",  "<|EOT|>", "<",   "▁",     "a\u0301", "\u2028"};
    std::string text;
    for (std::size_t i = random() % 12; i > 0; --i) {
        if (random() % 4 != 0) {
            text += pieces[random() % std::size(pieces)];
            continue;
        }
        char32_t c = random() % 0x110000;
        if (c < 0xD800 || c > 0xDFFF)
            append_utf8(text, c);
    }
    return text;
}

} // namespace

class TestTokenizer : public QObject
{
    Q_OBJECT

private slots:
    void agreesWithTheTokenizersLibrary_data();
    void agreesWithTheTokenizersLibrary();
    void agreesWithPublishedVectors_data();
    void agreesWithPublishedVectors();
    void agreesWithOwnVectorsOfTheRealVocabulary();
    void readsBothFormatsAlike_data();
    void readsBothFormatsAlike();
    void returnsEveryText_data();
    void returnsEveryText();
    void readsIllFormedTextAsReplacements();
    void neverParsesWhatPeopleWrite();
    void keepsScaffoldWhateverIsSpliced();
    void leavesNoSeamsBetweenSegments();
    void knowsSpecialTokens();
    void marksTokensWithoutAMeaning();
    void readsGgufKinds();
    void takesAnyLengthOfOneKind_data();
    void takesAnyLengthOfOneKind();
    void refusesBrokenVocabularies_data();
    void refusesBrokenVocabularies();
    void refusesBrokenGguf_data();
    void refusesBrokenGguf();
    void measuresSpeed();
};

void TestTokenizer::agreesWithTheTokenizersLibrary_data()
{
    QTest::addColumn<QString>("kind");
    for (const char* kind : kinds)
        QTest::newRow(kind) << QString::fromLatin1(kind);
}

void TestTokenizer::agreesWithTheTokenizersLibrary()
{
    QFETCH(QString, kind);
    const Tokenizer tokenizer = load(kind.toStdString());
    const format::Json document = format::read_json(golden::data_folder() / "tokenizer" / "vectors.json");
    const format::Json& vectors = document.at(kind.toStdString());
    const auto texts = document.at("texts").get<std::vector<std::string>>();
    QVERIFY(texts.size() > 100);
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const Ids plain = vectors.at("as_text").at(i).get<Ids>();
        const format::Json& parsed = vectors.at("parse");
        const auto different = parsed.find(std::to_string(i));
        const Ids special = different == parsed.end() ? plain : different->get<Ids>();
        QCOMPARE(show(tokenizer.encode(texts[i], SpecialTokens::as_text)), show(plain));
        QCOMPARE(show(tokenizer.encode(texts[i], SpecialTokens::parse)), show(special));
        QCOMPARE(tokenizer.decode(plain), texts[i]);
    }
}

void TestTokenizer::agreesWithPublishedVectors_data()
{
    QTest::addColumn<QString>("kind");
    for (const char* kind : {"deepseek-llm", "deepseek-coder"})
        if (fs::exists(real_data() / ("ggml-vocab-" + std::string(kind) + ".gguf")))
            QTest::newRow(kind) << QString::fromLatin1(kind);
    QTest::newRow("none") << QString(); // the committed data are compared above in any case
}

void TestTokenizer::agreesWithPublishedVectors()
{
    QFETCH(QString, kind);
    if (kind.isEmpty())
        return qInfo("published vocabularies at hand: %s", fs::exists(real_data()) ? "yes" : "no");
    const fs::path file = real_data() / ("ggml-vocab-" + kind.toStdString() + ".gguf");
    const Tokenizer tokenizer{format::ModelFiles(file)};
    const std::string texts = read_text(file.string() + ".inp");
    std::ifstream ids_file(file.string() + ".out");
    const std::string separator = "\n__ggml_vocab_test__\n";
    std::size_t begin = 0;
    int count = 0;
    while (begin <= texts.size()) {
        const std::size_t end = std::min(texts.find(separator, begin), texts.size());
        const std::string text = texts.substr(begin, end - begin);
        begin = end + separator.size();
        std::string line;
        std::getline(ids_file, line); // the last text is empty and may have no line
        Ids expected;
        std::istringstream numbers(line);
        for (TokenId id = 0; numbers >> id;)
            expected.push_back(id);
        QCOMPARE(show(tokenizer.encode(text, SpecialTokens::as_text)), show(expected));
        ++count;
    }
    qInfo("%d published texts agree", count);
    QCOMPARE(count, 47);
}

void TestTokenizer::agreesWithOwnVectorsOfTheRealVocabulary()
{
    const fs::path file = real_data() / "ggml-vocab-deepseek-llm.gguf";
    if (!fs::exists(file))
        return qInfo("no published vocabulary at hand: only the committed data were compared");
    const Tokenizer tokenizer{format::ModelFiles(file)};
    std::ifstream vectors(real_data() / "vectors-deepseek-llm.jsonl");
    std::string line;
    int count = 0;
    while (std::getline(vectors, line)) {
        const format::Json vector = format::parse_json(line, "vector");
        const std::string text = vector.at("text");
        QCOMPARE(show(tokenizer.encode(text, SpecialTokens::as_text)), show(vector.at("ids").get<Ids>()));
        ++count;
    }
    QCOMPARE(count, 99);
    QCOMPARE(tokenizer.encode("User: Hello\n\nAssistant:", SpecialTokens::as_text),
             (Ids{5726, 25, 37727, 185, 185, 77398, 25}));
    QCOMPARE(tokenizer.size(), 102400);
    QCOMPARE(tokenizer.kind(100015), TokenKind::unused);
}

void TestTokenizer::readsBothFormatsAlike_data()
{
    agreesWithPublishedVectors_data();
}

void TestTokenizer::readsBothFormatsAlike()
{
    QFETCH(QString, kind);
    const std::string name = kind.toStdString();
    QTemporaryDir folder;
    const fs::path path = folder.path().toStdString();
    // The committed vocabularies are rewritten as GGUF; published ones exist in both forms.
    std::vector<std::pair<Tokenizer, Tokenizer>> pairs;
    if (kind.isEmpty()) {
        for (const char* own : kinds) {
            const fs::path gguf = path / (std::string(own) + ".gguf");
            GgufWriter::of_tokenizer(format::read_json(vocabulary(own)), own).write(gguf);
            pairs.emplace_back(load(own), Tokenizer(format::ModelFiles(gguf)));
        }
    } else {
        pairs.emplace_back(
            Tokenizer::from_json(real_data() / ("reconstructed-" + name + ".tokenizer.json"), {}),
            Tokenizer(format::ModelFiles(real_data() / ("ggml-vocab-" + name + ".gguf"))));
    }
    std::mt19937 random(5);
    for (const auto& [json, gguf] : pairs) {
        QVERIFY(json.size() <= gguf.size());
        for (TokenId id = 0; id < gguf.size(); ++id) {
            QCOMPARE(json.bytes(id), gguf.bytes(id));
            QCOMPARE(json.kind(id), gguf.kind(id));
        }
        QCOMPARE(json.bos().value(), gguf.bos().value());
        QCOMPARE(json.eos().value(), gguf.eos().value());
        for (int i = 0; i < 500; ++i) {
            const std::string text = random_text(random);
            QCOMPARE(json.encode(text, SpecialTokens::parse), gguf.encode(text, SpecialTokens::parse));
        }
    }
}

void TestTokenizer::returnsEveryText_data()
{
    agreesWithTheTokenizersLibrary_data();
}

void TestTokenizer::returnsEveryText()
{
    QFETCH(QString, kind);
    const Tokenizer tokenizer = load(kind.toStdString());
    const unsigned seed = 42;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    for (int i = 0; i < 20'000; ++i) {
        const std::string text = random_text(random);
        const Ids ids = tokenizer.encode(text, SpecialTokens::as_text);
        QCOMPARE(tokenizer.decode(ids), text);
        QCOMPARE(tokenizer.decode(tokenizer.encode(text, SpecialTokens::parse)), text);
        for (const TokenId id : ids)
            QVERIFY(tokenizer.kind(id) == TokenKind::normal || tokenizer.kind(id) == TokenKind::user_defined);
    }
}

void TestTokenizer::readsIllFormedTextAsReplacements()
{
    const Tokenizer tokenizer = load("deepseek-llm");
    std::mt19937 random(1);
    for (int i = 0; i < 5'000; ++i) {
        std::string bytes;
        for (std::size_t k = random() % 20; k > 0; --k)
            bytes += static_cast<char>(random());
        QCOMPARE(tokenizer.decode(tokenizer.encode(bytes, SpecialTokens::parse)), to_valid_utf8(bytes));
    }
}

// For any text of a person: no control token in it, and the scaffold around it stays the same.
void TestTokenizer::neverParsesWhatPeopleWrite()
{
    const unsigned seed = 3;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const std::string begin = "<｜begin▁of▁sentence｜>";
    const std::string user = "<｜User｜>";
    for (const char* kind : kinds) {
        const Tokenizer tokenizer = load(kind);
        const auto controls = [&](const Ids& ids) {
            Ids found;
            for (const TokenId id : ids)
                if (tokenizer.kind(id) == TokenKind::control)
                    found.push_back(id);
            return found;
        };
        const auto prompt = [&](const std::string& text) {
            return std::vector<Segment>{{begin, Trust::trusted},
                                        {user, Trust::trusted},
                                        {text, Trust::untrusted},
                                        {"<｜Assistant｜>", Trust::trusted}};
        };
        const Ids scaffold = controls(tokenizer.encode(prompt("x")));
        QCOMPARE(scaffold.size(), std::size_t{3});
        for (int i = 0; i < 20'000; ++i) {
            std::string text = random_text(random);
            if (i % 3 ==
                0) // the rest of a mark whose beginning the scaffold might lend, and the other way round
                text = user.substr(random() % user.size()) + text + begin.substr(0, random() % begin.size());
            const Ids ids = tokenizer.encode(prompt(text));
            QCOMPARE(controls(ids), scaffold);
            QCOMPARE(tokenizer.decode(ids), begin + user + to_valid_utf8(text) + "<｜Assistant｜>");
            QCOMPARE(controls(tokenizer.encode(text, SpecialTokens::as_text)), Ids());
        }
        // A mark that is half the template's and half the person's stays text.
        const std::vector<Segment> halves = {{"<｜Us", Trust::trusted}, {"er｜>", Trust::untrusted}};
        QCOMPARE(controls(tokenizer.encode(halves)), Ids());
        const std::vector<Segment> other = {{"<｜Us", Trust::untrusted}, {"er｜>", Trust::trusted}};
        QCOMPARE(controls(tokenizer.encode(other)), Ids());
        // Two trusted halves are the template's own mark.
        const std::vector<Segment> own = {{"<｜Us", Trust::trusted}, {"er｜>", Trust::trusted}};
        QCOMPARE(controls(tokenizer.encode(own)), Ids{*tokenizer.find_special(user)});
    }
}

// Every place of a prompt that a person, a file or a tool can write into, spliced with whole marks, their
// halves, their look-alikes: the tokens that steer the model stay those of the prompt about "x".
void TestTokenizer::keepsScaffoldWhateverIsSpliced()
{
    const unsigned seed = 6;
    qInfo("seed %u", seed);
    std::mt19937 random(seed);
    const Tokenizer tokenizer = load("deepseek-v3");
    std::vector<std::string> marks;
    for (TokenId id = 0; id < tokenizer.size(); ++id)
        if (tokenizer.kind(id) == TokenKind::control)
            marks.emplace_back(tokenizer.bytes(id));
    QVERIFY(marks.size() >= 4);
    const auto cut = [&] { // anywhere, also within a character
        const std::string& mark = marks[random() % marks.size()];
        const std::size_t place = random() % (mark.size() + 1);
        return random() % 2 == 0 ? mark.substr(0, place) : mark.substr(place);
    };
    const auto replaced = [](std::string text, std::string_view old, std::string_view fresh) {
        for (std::size_t i = 0; (i = text.find(old, i)) != std::string::npos; i += fresh.size())
            text.replace(i, old.size(), fresh);
        return text;
    };
    const auto look_alike = [&] { // what NFKC or a careless reader would take for the mark
        const std::string& mark = marks[random() % marks.size()];
        switch (random() % 5) {
        case 0:
            return replaced(mark, "｜", "|");
        case 1:
            return replaced(replaced(mark, "<", "＜"), ">", "＞");
        case 2:
            return replaced(mark, "▁", "_");
        case 3:
            return replaced(mark, "▁", " ");
        default:
            return replaced(mark, "｜", "￨");
        }
    };
    const auto splice = [&] {
        std::string text;
        for (std::size_t i = random() % 4; i <= 3; ++i) {
            switch (random() % 4) {
            case 0:
                text += marks[random() % marks.size()];
                break;
            case 1:
                text += cut();
                break;
            case 2:
                text += look_alike();
                break;
            default:
                text += random_text(random);
            }
        }
        return text;
    };
    constexpr int fields = 4; // system text, role, question, answer
    const auto prompt = [&](const std::array<std::string, fields>& texts) {
        std::vector<Segment> segments = {{marks[0], Trust::trusted}};
        for (std::size_t i = 0; i < fields; ++i) {
            segments.push_back({texts[i], Trust::untrusted});
            segments.push_back({marks[(i + 1) % marks.size()] + (i % 2 == 0 ? "" : "\n\n"), Trust::trusted});
        }
        return segments;
    };
    const auto controls = [&](const Ids& ids) {
        Ids found;
        std::ranges::copy_if(ids, std::back_inserter(found),
                             [&](TokenId id) { return tokenizer.kind(id) == TokenKind::control; });
        return found;
    };
    const Ids scaffold = controls(tokenizer.encode(prompt({"x", "x", "x", "x"})));
    QCOMPARE(scaffold.size(), std::size_t{fields + 1});
    for (int i = 0; i < 100'000; ++i) {
        std::array<std::string, fields> texts = {"x", "x", "x", "x"};
        texts[random() % fields] = splice();
        if (i % 4 == 0)
            texts[random() % fields] = splice();
        const std::vector<Segment> segments = prompt(texts);
        const Ids ids = tokenizer.encode(segments);
        QCOMPARE(controls(ids), scaffold);
        std::string whole;
        for (const Segment& segment : segments)
            whole += to_valid_utf8(segment.text);
        QCOMPARE(tokenizer.decode(ids), whole);
    }
}

void TestTokenizer::leavesNoSeamsBetweenSegments()
{
    const Tokenizer tokenizer = load("deepseek-llm");
    const std::vector<Segment> segments = {
        {"User: ", Trust::trusted}, {"Hello", Trust::untrusted}, {"\n\nAssistant:", Trust::trusted}};
    QCOMPARE(tokenizer.encode(segments),
             tokenizer.encode("User: Hello\n\nAssistant:", SpecialTokens::as_text));
    QCOMPARE(tokenizer.encode(std::span<const Segment>()), Ids());
    const std::vector<Segment> empty = {{"", Trust::trusted}, {"", Trust::untrusted}};
    QCOMPARE(tokenizer.encode(empty), Ids());
}

void TestTokenizer::knowsSpecialTokens()
{
    const fs::path lite = golden::data_folder() / "golden" / "lite";
    const Tokenizer tokenizer{format::ModelFiles(lite)};
    QCOMPARE(tokenizer.find_special("<｜begin▁of▁sentence｜>"), tokenizer.bos());
    QCOMPARE(tokenizer.find_special("<｜end▁of▁sentence｜>"), tokenizer.eos());
    QVERIFY(tokenizer.bos() && tokenizer.eos());
    QVERIFY(!tokenizer.find_special("<｜no▁such▁token｜>"));
    QVERIFY(!tokenizer.find_special("<｜User"));
    QVERIFY(!tokenizer.find_special(""));
    QVERIFY(tokenizer.is_end(*tokenizer.eos()));
    QVERIFY(tokenizer.is_end(*tokenizer.bos())); // a next text is an end too
    QVERIFY(tokenizer.is_end(*tokenizer.find_special("<｜User｜>")));
    QVERIFY(!tokenizer.is_end(*tokenizer.find_special("<｜Assistant｜>")));
    QVERIFY(!tokenizer.is_end(0));
    QVERIFY(tokenizer.add_bos());
    // Whatever the file says of it, a mark steers the model and is never matched in a person's text.
    QCOMPARE(tokenizer.kind(*tokenizer.find_special("<｜User｜>")), TokenKind::control);
    QVERIFY(!tokenizer.chat_template().empty());
}

void TestTokenizer::marksTokensWithoutAMeaning()
{
    const Tokenizer tokenizer = load("deepseek-llm");
    const auto size = static_cast<std::size_t>(tokenizer.size());
    const std::vector<bool> mask = tokenizer.defined_mask(size + 10);
    QCOMPARE(mask.size(), size + 10);
    for (std::size_t i = 0; i < mask.size(); ++i)
        QCOMPARE(mask[i], i < size);
    for (const TokenId id :
         {-1, tokenizer.size(), std::numeric_limits<TokenId>::max(), std::numeric_limits<TokenId>::min()}) {
        QVERIFY(!tokenizer.is_defined(id));
        QCOMPARE(tokenizer.bytes(id), std::string_view());
        QVERIFY(!tokenizer.is_end(id));
    }
}

// Types of GGUF: control, user-defined text, user-defined marks, padding of both ages.
void TestTokenizer::readsGgufKinds()
{
    QTemporaryDir folder;
    const fs::path path = fs::path(folder.path().toStdString()) / "kinds.gguf";
    GgufWriter writer =
        GgufWriter::of_tokenizer(format::read_json(vocabulary("deepseek-llm")), "deepseek-llm");
    const auto first = static_cast<TokenId>(writer.tokens.size());
    writer.add_token("<｜tool▁sep｜>", 4);
    writer.add_token("þ", 4);
    writer.add_token("[PAD" + std::to_string(first + 2) + "]", 4);
    writer.add_token("[PAD" + std::to_string(first + 3) + "]", 5);
    writer.add_token("[PAD7]", 4); // the name of another id: text
    writer.write(path);
    const Tokenizer tokenizer{format::ModelFiles(path)};
    QCOMPARE(tokenizer.kind(first), TokenKind::control);
    QCOMPARE(tokenizer.kind(first + 1), TokenKind::user_defined);
    QCOMPARE(tokenizer.kind(first + 2), TokenKind::unused);
    QCOMPARE(tokenizer.kind(first + 3), TokenKind::unused);
    QCOMPARE(tokenizer.kind(first + 4), TokenKind::user_defined);
    QCOMPARE(tokenizer.encode("þ", SpecialTokens::as_text), Ids{first + 1});
    QVERIFY(tokenizer.encode("<｜tool▁sep｜>", SpecialTokens::as_text) != Ids{first});
    QCOMPARE(tokenizer.encode("<｜tool▁sep｜>", SpecialTokens::parse), Ids{first});
    const std::string padding = "[PAD" + std::to_string(first + 2) + "]";
    QVERIFY(tokenizer.encode(padding, SpecialTokens::parse) != Ids{first + 2});
    QCOMPARE(tokenizer.decode(tokenizer.encode(padding, SpecialTokens::parse)), padding);
}

void TestTokenizer::takesAnyLengthOfOneKind_data()
{
    QTest::addColumn<QByteArray>("unit");
    QTest::addColumn<bool>("isLong"); // takes four million too, which a word of that length makes slow
    QTest::newRow("letters") << QByteArray("a") << false;
    QTest::newRow("blanks") << QByteArray(" ") << false;
    QTest::newRow("wide blanks") << QByteArray("　") << false;
    QTest::newRow("newlines") << QByteArray("\n") << true;
    QTest::newRow("digits") << QByteArray("7") << true;
    QTest::newRow("signs") << QByteArray("-") << false;
    QTest::newRow("Han") << QByteArray("你") << false;
    QTest::newRow("Hebrew") << QByteArray("ש") << false;
    QTest::newRow("combining") << QByteArray("\u0301") << false;
    QTest::newRow("emoji") << QByteArray("👍") << false;
    QTest::newRow("ill-formed") << QByteArray("\xFF") << false;
    QTest::newRow("cut") << QByteArray("\xE4\xBD") << false;
    QTest::newRow("base64") << QByteArray("iVBORw0KGgoAAAANSUhEUgAA+/") << false;
    QTest::newRow("marks") << QByteArray("<｜begin▁of▁") << false;
    QTest::newRow("brackets") << QByteArray("<") << false;
    QTest::newRow("blank and letter") << QByteArray(" a") << false;
    QTest::newRow("NUL") << QByteArray("\0", 1) << false;
}

// Lengths at which recursive tokenizers were seen to fail, on a stack of 256 KiB.
void TestTokenizer::takesAnyLengthOfOneKind()
{
    QFETCH(QByteArray, unit);
    QFETCH(bool, isLong);
    std::vector<std::pair<const char*, std::size_t>> rounds;
    for (const char* kind : kinds)
        for (const std::size_t size : {1, 1'000, 51'294, 51'295, 131'072})
            rounds.emplace_back(kind, size);
    if (isLong)
        for (const char* kind : kinds)
            rounds.emplace_back(kind, 4'000'000);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 << 10);
    struct Work
    {
        const Tokenizer* tokenizer;
        std::string text;
        bool is_equal = false;
    };
    for (const auto& [kind, size] : rounds) {
        const Tokenizer tokenizer = load(kind);
        Work work{&tokenizer, repeated(unit.toStdString(), size)};
        pthread_t thread;
        const auto run = [](void* data) -> void* {
            Work& w = *static_cast<Work*>(data);
            w.is_equal = w.tokenizer->decode(w.tokenizer->encode(w.text, SpecialTokens::as_text)) ==
                         to_valid_utf8(w.text);
            return nullptr;
        };
        QCOMPARE(pthread_create(&thread, &attributes, run, &work), 0);
        pthread_join(thread, nullptr);
        QVERIFY(work.is_equal);
    }
    pthread_attr_destroy(&attributes);
}

void TestTokenizer::refusesBrokenVocabularies_data()
{
    QTest::addColumn<QByteArray>("patch"); // JSON merge patch on the committed vocabulary
    QTest::addColumn<QByteArray>("part");  // of the message
    const auto row = [](const char* name, const char* patch, const char* part) {
        QTest::newRow(name) << QByteArray(patch) << QByteArray(part);
    };
    row("no model", R"({"model": null})", "key model: expected an object");
    row("other model", R"({"model": {"type": "Unigram"}})", "key model.type: expected BPE, found Unigram");
    row("byte fallback", R"({"model": {"byte_fallback": true}})", "byte_fallback");
    row("whole words first", R"({"model": {"ignore_merges": true}})", "ignore_merges");
    row("prefix", R"({"model": {"continuing_subword_prefix": "##"}})", "continuing_subword_prefix");
    row("vocabulary is a list", R"({"model": {"vocab": []}})", "key model.vocab: expected an object");
    row("negative id", R"({"model": {"vocab": {"a": -1}}})", "key model.vocab.a: expected an id");
    row("huge id", R"({"model": {"vocab": {"a": 4000000000}}})", "key model.vocab.a: expected an id");
    row("fractional id", R"({"model": {"vocab": {"a": 1.5}}})", "key model.vocab.a: expected an id");
    row("id twice", R"({"model": {"vocab": {"a": 3}}})", "found 3 a second time");
    row("byte missing", R"({"model": {"vocab": {"z": null}, "merges": []}})", "none for 0x7A");
    row("merge of unknown", R"({"model": {"merges": ["a qqqq"]}})",
        "merge 0: expected tokens of the vocabulary");
    row("merge without result", R"({"model": {"merges": ["ÿ ÿ"]}})",
        "merge 0: expected tokens of the vocabulary");
    row("merge without blank", R"({"model": {"merges": ["ab"]}})", "two tokens with a blank");
    row("merge of three", R"({"model": {"merges": [["a", "b", "c"]]}})", "expected pairs of tokens");
    row("merge of numbers", R"({"model": {"merges": [1]}})", "expected pairs of tokens");
    row("no merges", R"({"model": {"merges": null}})", "key model.merges");
    row("added tokens wrong", R"({"added_tokens": {}})", "key added_tokens");
    row("added without id", R"({"added_tokens": [{"content": "<x>"}]})", "key added_tokens.id");
    row("added with sign", R"({"added_tokens": [{"id": -5, "content": "<x>"}]})", "key added_tokens.id");
    row("added without text", R"({"added_tokens": [{"id": 500}]})", "key added_tokens.content");
    row("added empty", R"({"added_tokens": [{"id": 500, "content": ""}]})", "expected UTF-8 text");
    row("added twice", R"({"added_tokens": [{"id": 500, "content": "<x>"}, {"id": 501, "content": "<x>"}]})",
        "a second time");
    row("added in another's place", R"({"added_tokens": [{"id": 5, "content": "<x>"}]})",
        "key added_tokens.id: expected an id of its own, found 5");
    row("two added at one id",
        R"({"added_tokens": [{"id": 500, "content": "<x>"}, {"id": 500, "content": "<y>"}]})",
        "found 500, which is \"<x>\"");
    row("merge of an added token", R"({"model": {"merges": ["<｜User｜> a"]}})",
        "merge 0: expected tokens of the vocabulary");
    row("added that eats blanks", R"({"added_tokens": [{"id": 500, "content": "<x>", "lstrip": true}]})",
        "lstrip");
    row("normalizer", R"({"normalizer": {"type": "NFC"}})", "key normalizer");
    row("no pre-tokenizer", R"({"pre_tokenizer": null})", "key pre_tokenizer");
    row("unknown pre-tokenizer",
        R"({"pre_tokenizer": {"pretokenizers": [{"type": "Split", "pattern": {"Regex": "x"}}]}})",
        "expected the patterns of");
    row("prefix blank",
        R"({"pre_tokenizer": {"pretokenizers": [{"type": "ByteLevel", "add_prefix_space": true}]}})",
        "add_prefix_space");
}

void TestTokenizer::refusesBrokenVocabularies()
{
    QFETCH(QByteArray, patch);
    QFETCH(QByteArray, part);
    QTemporaryDir folder;
    const fs::path path = fs::path(folder.path().toStdString()) / "tokenizer.json";
    format::Json json = format::read_json(vocabulary("deepseek-llm"));
    json.merge_patch(format::Json::parse(patch.toStdString()));
    std::ofstream(path) << json.dump();
    try {
        const Tokenizer tokenizer = Tokenizer::from_json(path, {});
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        QVERIFY2(std::string_view(error.what()).starts_with(path.string() + ": "), error.what());
        QVERIFY2(QByteArray(error.what()).contains(part), error.what());
    }
}

void TestTokenizer::refusesBrokenGguf_data()
{
    QTest::addColumn<QString>("key");
    QTest::addColumn<QString>("part");
    const auto row = [](const char* key, const char* part) {
        QTest::newRow(key) << QString::fromLatin1(key) << QString::fromLatin1(part);
    };
    row("model", "expected gpt2");
    row("pre", "expected deepseek-llm, deepseek-coder or deepseek-v3, found other");
    row("no pre", "found no such key");
    row("types short", "token_type");
    row("type 6", "expected 1 to 5, found 6");
    row("bos", "expected an id below");
    row("no tokens", "expected the vocabulary");
}

void TestTokenizer::refusesBrokenGguf()
{
    QFETCH(QString, key);
    QFETCH(QString, part);
    QTemporaryDir folder;
    const fs::path path = fs::path(folder.path().toStdString()) / "broken.gguf";
    GgufWriter writer =
        GgufWriter::of_tokenizer(format::read_json(vocabulary("deepseek-llm")), "deepseek-llm");
    if (key == QStringLiteral("model"))
        writer.model = "llama";
    else if (key == QStringLiteral("pre"))
        writer.pre = "other";
    else if (key == QStringLiteral("no pre"))
        writer.pre.clear();
    else if (key == QStringLiteral("types short"))
        writer.types.pop_back();
    else if (key == QStringLiteral("type 6"))
        writer.types[3] = 6;
    else if (key == QStringLiteral("bos"))
        writer.u32("tokenizer.ggml.bos_token_id", 100'000);
    else
        writer.tokens.clear();
    writer.write(path);
    try {
        const Tokenizer tokenizer{format::ModelFiles(path)};
        QFAIL("expected a refusal");
    } catch (const Error& error) {
        QVERIFY2(QString::fromUtf8(error.what()).contains(part), error.what());
    }
}

// Speed is told, never judged: machines differ.
void TestTokenizer::measuresSpeed()
{
    const Tokenizer tokenizer = load("deepseek-llm");
    const std::string prose =
        repeated(read_text(golden::data_folder() / "tokenizer" / "vectors.json"), 1'000'000);
    for (const auto& [name, text] :
         {std::pair<const char*, std::string>{"text", prose}, {"one word", repeated("a", 1'000'000)}}) {
        const auto seconds = [&](std::size_t size) {
            QElapsedTimer timer;
            timer.start();
            const Ids ids = tokenizer.encode(std::string_view(text).substr(0, size), SpecialTokens::as_text);
            return ids.empty() ? 0.0 : static_cast<double>(timer.nsecsElapsed()) * 1e-9;
        };
        const double half = seconds(text.size() / 2);
        const double whole = seconds(text.size());
        qInfo("%s: %.1f MB/s, twice the text takes %.2f times as long", name,
              static_cast<double>(text.size()) * 1e-6 / whole, whole / half);
        QVERIFY(half > 0 && whole > 0);
    }
}

QTEST_APPLESS_MAIN(TestTokenizer)
#include "test_tokenizer.moc"
