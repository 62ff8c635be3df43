// SPDX-License-Identifier: MIT
// The real fathom-cli, from outside: what it prints, what it writes, what it ends with.
#include "engine/format/json.h"
#include "tests/engine/golden.h"

#include <QDir>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>

#include <sys/types.h>

using engine::format::Json;
namespace fs = std::filesystem;

namespace {

struct Output
{
    int status = -1;
    bool crashed = false;
    std::string out;
    std::string err;
};

Output finish(QProcess& process)
{
    Output o;
    if (!process.waitForFinished(60'000))
        process.kill();
    o.crashed = process.exitStatus() != QProcess::NormalExit;
    o.status = process.exitCode();
    o.out = process.readAllStandardOutput().toStdString();
    o.err = process.readAllStandardError().toStdString();
    return o;
}

Output cli(const QStringList& arguments, const QByteArray& input = {})
{
    QProcess process;
    process.start(FATHOM_CLI, arguments);
    process.write(input);
    process.closeWriteChannel();
    return finish(process);
}

Json json_of(const Output& o)
{
    return engine::format::parse_json(o.out, "standard output");
}

// A .npy file of float32 as this program writes it.
golden::Table read_npy(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    const std::string all{std::istreambuf_iterator<char>(file), {}};
    golden::Table table;
    if (all.size() < 10 || all.substr(0, 8) != std::string("\x93NUMPY\x01\x00", 8))
        return table;
    const std::size_t length = static_cast<unsigned char>(all[8]) + 256u * static_cast<unsigned char>(all[9]);
    const std::string head = all.substr(10, length);
    unsigned long rows = 0;
    unsigned long columns = 0;
    if ((10 + length) % 64 != 0 || head.back() != '\n' ||
        std::sscanf(head.c_str(), "{'descr': '<f4', 'fortran_order': False, 'shape': (%lu, %lu), }", &rows,
                    &columns) != 2)
        return table;
    table = {rows, columns, std::vector<float>(rows * columns)};
    if (all.size() != 10 + length + 4 * rows * columns)
        return {};
    std::memcpy(table.values.data(), all.data() + 10 + length, 4 * rows * columns);
    return table;
}

QString joined(const std::vector<std::int32_t>& ids)
{
    QStringList words;
    for (const std::int32_t id : ids)
        words << QString::number(id);
    return words.join(',');
}

} // namespace

class TestCli : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    const golden::Case m_case = golden::cases()[0];
    const QString m_model = QString::fromStdString(m_case.model.string());

    QString file(const char* name) const { return m_folder.filePath(name); }
    QString write(const char* name, const std::string& content) const
    {
        std::ofstream(file(name).toStdString(), std::ios::binary) << content;
        return file(name);
    }

private slots:
    void help()
    {
        const Output o = cli({"--help"});
        QCOMPARE(o.status, 0);
        for (const char* command :
             {"inspect", "tokenize", "detokenize", "render", "logits", "generate", "perplexity", "bench"}) {
            QVERIFY(o.out.find(command) != std::string::npos);
            const Output one = cli({command, "--help"});
            QCOMPARE(one.status, 0);
            QVERIFY(one.out.starts_with(std::string("usage: fathom-cli ") + command + " MODEL"));
        }
        QCOMPARE(cli({"--version"}).status, 0);
    }

    void wrong_usage_data()
    {
        QTest::addColumn<QStringList>("arguments");
        const auto row = [](const QStringList& arguments) {
            QTest::newRow(qPrintable(arguments.join(' '))) << arguments;
        };
        row({});
        row({"dance"});
        row({"inspect"});
        row({"inspect", "a", "b"});
        row({"inspect", "a", "--what"});
        row({"inspect", "a", "--ctx"});
        row({"inspect", "a", "--ctx", "0"});
        row({"inspect", "a", "--ctx", "many"});
        row({"inspect", "a", "--json=yes"});
        row({"tokenize", "a", "--text", "x", "--file", "y"});
        row({"detokenize", "a"});
        row({"detokenize", "a", "--ids", "1,,2"});
        row({"detokenize", "a", "--ids", "1,-2"});
        row({"render", "a"});
        row({"logits", "a", "--ids", "1"});
        row({"logits", "a", "--out", "x"});
        row({"logits", "a", "--ids", "1", "--out", "x", "--kv", "q4"});
        row({"generate", "a"});
        row({"generate", "a", "--prompt", "x", "--chat", "y"});
        row({"generate", "a", "--prompt", "x", "--temperature", "-1"});
        row({"generate", "a", "--prompt", "x", "--top-p", "0"});
        row({"generate", "a", "--prompt", "x", "--temperature", "nan"});
        row({"perplexity", "a"});
        row({"bench", "a", "-r", "0"});
        row({"verify"});
        row({"synth", "x.gguf", "--type", "f32"});
        row({"synth", "x.gguf", "--shape", "tiny"});
        row({"synth", "x.gguf", "--shape", "round", "--type", "f32"});
        row({"synth", "x.gguf", "--shape", "tiny", "--type", "q3"});
        row({"synth", "x.gguf", "--shape", "tiny", "--type", "f32", "--layers", "0"});
        row({"synth", "x.gguf", "--shape", "tiny", "--type", "f32", "--router", "even"});
        row({"quantize", "a", "--type", "f32"});
        row({"quantize", "a", "b"});
        row({"quantize", "a", "b", "--type", "q4_9"});
    }
    void wrong_usage()
    {
        QFETCH(QStringList, arguments);
        const Output o = cli(arguments);
        QVERIFY(!o.crashed);
        QCOMPARE(o.status, 2);
        QVERIFY(o.out.empty());
        QVERIFY2(o.err.find("usage: fathom-cli") != std::string::npos, o.err.c_str());
    }

    void failures()
    {
        std::ifstream source(m_case.model / "model.safetensors", std::ios::binary);
        const std::string weights{std::istreambuf_iterator<char>(source), {}};
        QVERIFY(QDir(m_folder.path()).mkdir("cut"));
        fs::copy(m_case.model / "config.json", file("cut/config.json").toStdString());
        write("cut/model.safetensors", weights.substr(0, weights.size() / 2));
        QVERIFY(QDir(m_folder.path()).mkdir("bare"));
        const QString junk = write("junk.gguf", "GGUF\x03");
        const QString chat = write("chat.json", "[{\"role\": \"user\"");

        const QList<QPair<QStringList, const char*>> all = {
            {{"inspect", file("absent")}, "absent"},
            {{"inspect", file("bare")}, "bare"},
            {{"inspect", junk}, "junk.gguf"},
            {{"generate", junk, "--prompt", "x"}, "junk.gguf"},
            {{"inspect", "/dev/zero"}, "/dev/zero"},
            {{"logits", file("cut"), "--ids", "1", "--out", file("x.npy")}, "model.safetensors"},
            {{"logits", m_model, "--ids", "1,260", "--out", file("x.npy")}, "260"},
            {{"logits", m_model, "--ids", "1", "--out", file("no/x.npy")}, "no/x.npy"},
            {{"logits", m_model, "--ids", "1", "--out", m_folder.path()}, "folder"},
            {{"logits", m_model, "--ids", "1", "--out", file("x.npy"), "--isa", "abacus"}, "abacus"},
            {{"logits", m_model, "--ids", "1", "--out", file("x.npy"), "--device", "cuda:77"}, "cuda:77"},
            {{"detokenize", m_model, "--ids", "260"}, "260"},
            {{"render", m_model, "--chat", chat}, "chat.json"},
            {{"render", m_model, "--chat", file("none.json")}, "none.json"},
            {{"perplexity", m_model, "--file", file("none.txt")}, "none.txt"},
            {{"generate", m_model, "--prompt", "too long for it", "--ctx", "8"}, "8"},
            {{"verify", file("absent")}, "absent"},
            {{"quantize", file("absent"), file("x.gguf"), "--type", "f16"}, "absent"},
            {{"quantize", file("cut"), file("x.gguf"), "--type", "f16"}, "tokenizer.json"},
            {{"quantize", m_model, file("no/x.gguf"), "--type", "f16"}, "no/x.gguf"},
            {{"synth", m_folder.path(), "--shape", "tiny", "--type", "f16"}, "folder"},
            // 15 TB: said before anything is written.
            {{"synth", file("x.gguf"), "--shape", "v2", "--layers", "1024", "--type", "f32"}, "bytes free"},
            {{"generate", m_model, "--fim-prefix", "a", "--fim-suffix", "b"}, "fim"},
        };
        for (const auto& [arguments, word] : all) {
            const Output o = cli(arguments);
            const QString what = arguments.join(' ') + ": " + QString::fromStdString(o.err);
            QVERIFY2(!o.crashed && o.status == 1, qPrintable(what));
            QVERIFY2(o.out.empty(), qPrintable(what));
            QVERIFY2(o.err.starts_with("error: ") && std::count(o.err.begin(), o.err.end(), '\n') == 1,
                     qPrintable(what));
            QVERIFY2(o.err.find(word) != std::string::npos, qPrintable(what));
        }
        QVERIFY(QDir(m_folder.path()).entryList({"x.npy*"}).isEmpty());
    }

    void inspect()
    {
        const Output text = cli({"inspect", m_model});
        QCOMPARE(text.status, 0);
        QVERIFY(text.err.empty());
        QVERIFY(text.out.find("kv_lora_rank") != std::string::npos);

        const Json json = json_of(cli({"inspect", "--json", m_model, "--ctx", "64"}));
        QVERIFY(json.at("name") == "lite");
        QVERIFY(json.at("architecture") == "deepseek_v2");
        QVERIFY(json.at("types") == (Json{{"BF16", 83}}));
        QVERIFY(json.at("kv_bytes_per_token").at("f32") == 3 * 48 * 4);
        QVERIFY(json.at("plan").at("cache") == 64 * 3 * 48 * 2);
        QVERIFY(json.at("plan").at("fits"));
        QVERIFY(json.at("parameters") > json.at("active_parameters"));
        QVERIFY(json.at("file_bytes") > 300'000);
    }

    // Works without weights.
    void text()
    {
        QVERIFY(QDir(m_folder.path()).mkdir("words"));
        for (const char* name : {"config.json", "tokenizer.json", "tokenizer_config.json"})
            fs::copy(m_case.model / name, fs::path(file("words").toStdString()) / name);
        const QString model = file("words");

        const std::string content = "Grüße, 世界 🙂\n<｜User｜>";
        const Output plain = cli({"tokenize", model, "--text", QString::fromStdString(content)});
        QCOMPARE(plain.status, 0);
        QVERIFY(plain.out.starts_with("[") && plain.out.ends_with("]\n"));
        const auto ids = json_of(plain).get<std::vector<std::int32_t>>();
        QCOMPARE(ids.size(), content.size()); // one token for each byte
        QCOMPARE(cli({"tokenize", model}, QByteArray::fromStdString(content)).out, plain.out);
        QCOMPARE(cli({"tokenize", "--file", write("text.txt", content), model}).out, plain.out);
        QCOMPARE(cli({"detokenize", model, "--ids", joined(ids)}).out, content);

        auto special = json_of(cli({"tokenize", "--special", "--bos", model, "--text", "a<｜User｜>"}))
                           .get<std::vector<std::int32_t>>();
        QCOMPARE(special.size(), std::size_t{3});
        QCOMPARE(special.front(), 256);
        QCOMPARE(special.back(), 258);

        const QString chat = write("talk.json", R"([{"role": "user", "content": "Hi <｜User｜>"}])");
        QCOMPARE(cli({"render", model, "--chat", chat}).out,
                 "<｜begin▁of▁sentence｜>User: Hi <｜User｜>\n\nAssistant:");
        const auto rendered = json_of(cli({"render", model, "--ids", "--chat", chat}));
        QVERIFY(rendered.front() == 256);
        QVERIFY(std::find(rendered.begin(), rendered.end(), 258) == rendered.end()); // typed, not meant
        QCOMPARE(cli({"inspect", model, "--json"}).status, 0);
    }

    // The marks around what a person wrote are tokens; what looks like one in it stays text.
    void fillsInTheMiddle()
    {
        const fs::path model = file("fim").toStdString();
        fs::create_directory(model);
        for (const auto& part : fs::directory_iterator(m_case.model)) {
            std::ifstream in(part.path(), std::ios::binary);
            std::string content{std::istreambuf_iterator<char>(in), {}};
            const auto replace = [&content](std::string_view from, std::string_view to) {
                for (std::size_t at = 0; (at = content.find(from, at)) != std::string::npos; at += to.size())
                    content.replace(at, from.size(), to);
            };
            if (part.path().filename() == "tokenizer.json") {
                replace("<｜User｜>", "<｜fim▁begin｜>");
                replace("<｜Assistant｜>", "<｜fim▁hole｜>");
                replace("<｜end▁of▁sentence｜>", "<｜fim▁end｜>");
            } else if (part.path().extension() == ".json") {
                replace("<｜end▁of▁sentence｜>", "<｜begin▁of▁sentence｜>");
                replace("\"eos_token_id\": 257", "\"eos_token_id\": 256");
            }
            std::ofstream(model / part.path().filename(), std::ios::binary) << content;
        }
        const QString path = QString::fromStdString(model.string());
        const Json json = json_of(cli({"generate", path, "--json", "--temperature", "0", "--max-tokens", "4",
                                       "--fim-prefix", "a<｜fim▁end｜>", "--fim-suffix", "bc"}));

        const auto text = [&path](const char* of) {
            return json_of(cli({"tokenize", path, "--text", of})).get<std::vector<std::int32_t>>();
        };
        const std::vector<std::int32_t> prefix = text("a<｜fim▁end｜>");
        QVERIFY(prefix.size() > 2);              // not one id for the mark
        std::vector<std::int32_t> ids{256, 258}; // beginning of the sentence and of what surrounds the gap
        ids.insert(ids.end(), prefix.begin(), prefix.end());
        ids.push_back(259);
        for (const std::int32_t id : text("bc"))
            ids.push_back(id);
        ids.push_back(257);
        QCOMPARE(json.at("prompt_tokens").get<std::size_t>(), ids.size());

        const std::size_t prompt = ids.size();
        const auto written = json.at("ids").get<std::vector<std::int32_t>>();
        QVERIFY(!written.empty());
        ids.insert(ids.end(), written.begin(), written.end());
        QCOMPARE(cli({"logits", path, "--ids", joined(ids), "--out", file("fim.npy")}).status, 0);
        const golden::Table table = read_npy(file("fim.npy").toStdString());
        for (std::size_t i = 0; i < written.size(); ++i) {
            const std::span<const float> row = table.row(prompt + i - 1);
            QCOMPARE(written[i], static_cast<std::int32_t>(std::ranges::max_element(row) - row.begin()));
        }
    }

    void logits()
    {
        const auto prompt = golden::prompt_of(m_case);
        const golden::Table expected = golden::read_logits(m_case.expected);
        for (const QStringList& more :
             {QStringList(), QStringList{"--chunk", "1"}, QStringList{"--isa", "scalar", "-t", "1"}}) {
            const QString out = file("logits.npy");
            QFile::remove(out);
            const Output o = cli(QStringList{"logits", "--ids", joined(prompt)} + more +
                                 QStringList{m_model, "--out", out});
            QVERIFY2(o.status == 0, o.err.c_str());
            QVERIFY(o.out.empty() && o.err.empty());
            const golden::Table table = read_npy(out.toStdString());
            QCOMPARE(table.rows, expected.rows);
            QCOMPARE(table.columns, expected.columns);
            for (std::size_t r = 0; r < table.rows; ++r)
                QVERIFY(golden::difference(table.row(r), expected.row(r)) <= 1e-4);
        }
        // An existing file is replaced, and nothing else is left behind.
        QCOMPARE(QDir(m_folder.path()).entryList({"logits.npy*"}), QStringList{"logits.npy"});
    }

    void generate()
    {
        const QString chat = write("ask.json", R"([{"role": "user", "content": "What is a latent?"}])");
        for (const QStringList& source :
             {QStringList{"--prompt", "Once upon"}, QStringList{"--chat", chat}}) {
            const QStringList all =
                QStringList{"generate", m_model, "--max-tokens", "12", "--temperature", "0"} + source;
            const Output o = cli(all + QStringList{"--json"});
            QVERIFY2(o.status == 0, o.err.c_str());
            const Json json = json_of(o);
            for (const char* key : {"text", "ids", "finish", "prompt_tokens", "generated_tokens",
                                    "first_token_s", "prompt_tps", "generate_tps", "peak_rss_bytes"})
                QVERIFY2(json.contains(key), key);
            const std::size_t count = json.at("ids").size();
            QVERIFY(count > 0 && json.at("generated_tokens") == count);
            QVERIFY(json.at("finish") == (count == 12 ? "length" : "stop"));
            QVERIFY(json.at("peak_rss_bytes") > 1'000'000);
            const Output streamed = cli(all);
            QCOMPARE(streamed.status, 0);
            QCOMPARE(streamed.out, json.at("text").get<std::string>() + "\n");
        }
        const QStringList warm = {"generate", m_model,         "--prompt", "x",     "--max-tokens",
                                  "30",       "--temperature", "3",        "--json"};
        const auto ids = [&](const char* seed) {
            return json_of(cli(warm + QStringList{"--seed", seed})).at("ids");
        };
        QVERIFY(ids("5") == ids("5"));
        QVERIFY(ids("5") != ids("6"));
        QVERIFY(json_of(cli({"generate", m_model, "--prompt", "abc", "--ctx", "10", "--temperature", "0",
                             "--json"}))
                    .at("finish") == "context");
    }

    // The model that ships, by its word: it writes what its training code wrote.
    void starter()
    {
        QCOMPARE(cli({"inspect", "starter"}).status, 0);
        const auto json = engine::format::read_json(golden::data_folder() / "starter" / "logits.json");
        write("mouse.json", R"([{"role": "user", "content": "Tell me a story about a brave mouse."}])");
        const Output o = cli({"generate", "starter", "--chat", file("mouse.json"), "--max-tokens", "24",
                              "--temperature", "0", "--repeat-penalty", "1"});
        QVERIFY2(o.status == 0, o.err.c_str());
        QCOMPARE(QString::fromStdString(o.out).trimmed(),
                 QString::fromStdString(json.at("greedy_text").get<std::string>()).trimmed());
    }

    // The mean of -log softmax, as NumPy would compute it from the logits.
    void perplexity()
    {
        const std::string content = "a few words of text, in two windows";
        std::vector<std::int32_t> ids =
            json_of(cli({"tokenize", m_model, "--text", QString::fromStdString(content)}));
        double sum = 0;
        for (const std::size_t begin : {std::size_t{0}, std::size_t{19}}) {
            std::vector<std::int32_t> part = {256};
            part.insert(part.end(), ids.begin() + static_cast<std::ptrdiff_t>(begin),
                        ids.begin() + static_cast<std::ptrdiff_t>(std::min(ids.size(), begin + 19)));
            cli({"logits", m_model, "--ids", joined(part), "--out", file("p.npy")});
            const golden::Table table = read_npy(file("p.npy").toStdString());
            QCOMPARE(table.rows, part.size());
            for (std::size_t r = 0; r + 1 < part.size(); ++r) {
                double all = 0;
                for (const float x : table.row(r))
                    all += std::exp(static_cast<double>(x));
                sum +=
                    std::log(all) - static_cast<double>(table.row(r)[static_cast<std::size_t>(part[r + 1])]);
            }
        }
        const double mean = sum / static_cast<double>(ids.size());
        const Json json =
            json_of(cli({"perplexity", m_model, "--file", write("p.txt", content), "--ctx", "20", "--json"}));
        QCOMPARE(json.at("tokens").get<std::size_t>(), ids.size());
        QVERIFY(std::abs(json.at("nll").get<double>() - mean) < 1e-4);
        QVERIFY(std::abs(json.at("perplexity").get<double>() - std::exp(mean)) < 1e-2);
        QVERIFY(cli({"perplexity", m_model, "--file", file("p.txt")}).out.starts_with("perplexity "));
    }

    void bench()
    {
        const Output o = cli({"bench", m_model, "-p", "8", "-n", "4", "-d", "0,16", "-r", "2", "--streams",
                              "1,3", "-t", "1", "--replay", write("replay.txt", "some words"), "--json"});
        QVERIFY2(o.status == 0, o.err.c_str());
        const Json json = json_of(o);
        QVERIFY(json.at("limits").at("read_gb_s") > 0);
        QVERIFY(json.at("limits").at("fp32_gflops") > 0);
        QVERIFY(json.at("load_s") > 0);
        QVERIFY(json.at("rows").size() == std::size_t{8});
        for (const Json& row : json.at("rows")) {
            QVERIFY(row.at("kind") == "prompt" || row.at("kind") == "generate");
            QVERIFY(row.at("tokens") == (row.at("kind") == "prompt" ? 8 : 4));
            QVERIFY(row.at("depth") == 0 || row.at("depth") == 16);
            QVERIFY(row.at("min") > 0 && row.at("min") <= row.at("median") &&
                    row.at("median") <= row.at("max"));
            QVERIFY(row.at("fraction") > 0);
        }
        const Output text = cli({"bench", m_model, "-p", "4", "-n", "0", "-r", "1", "-t", "1"});
        QCOMPARE(text.status, 0);
        QVERIFY(text.out.find("GB/s") != std::string::npos);
    }

    // A synthetic model and its quantised form are models like any other.
    void synth_and_quantize()
    {
        QCOMPARE(cli({"synth", file("s.gguf"), "--shape", "tiny", "--type", "bf16", "--layers", "2", "--seed",
                      "9", "--outliers", "--router", "zipf"})
                     .status,
                 0);
        const Output o = cli({"quantize", file("s.gguf"), file("q.gguf"), "--type", "q4_k_m", "-t", "1"});
        QVERIFY2(o.status == 0 && o.out.empty() && o.err.empty(), o.err.c_str());
        const Json json = json_of(cli({"inspect", file("q.gguf"), "--json"}));
        QVERIFY(json.at("types").contains("Q4_K") && json.at("types").contains("Q6_K"));
        QVERIFY(json.at("hyperparameters").at("num_hidden_layers") == 2);
        QCOMPARE(cli({"generate", file("q.gguf"), "--prompt", "hello", "--max-tokens", "4"}).status, 0);
        QVERIFY(QDir(m_folder.path()).entryList({"*.part"}).isEmpty());
    }

    void verify()
    {
        const Output o = cli({"verify", "starter"});
        QVERIFY2(o.status == 0 && o.err.empty(), o.err.c_str());
        QVERIFY(o.out.find("9 checks passed, 0 failed, 0 left out") != std::string::npos);
        // Random weights know nothing; the report is whole all the same.
        const Output random = cli({"verify", m_model});
        QCOMPARE(random.status, 1);
        QVERIFY(random.out.find("FAILED   perplexity") != std::string::npos);
        QVERIFY(random.out.find("8 checks passed, 1 failed, 0 left out") != std::string::npos);
        QVERIFY(random.err.starts_with("error: "));
    }

    // Ctrl-C in the middle of writing: the program ends, and no piece of a file stays.
    void interrupt_while_writing()
    {
        QProcess process;
        std::vector<std::int32_t> ids(15'000, 7);
        process.start(FATHOM_CLI, {"logits", m_model, "--ids", joined(ids), "--chunk", "1", "--isa", "scalar",
                                   "-t", "1", "--out", file("long.npy")});
        QVERIFY(process.waitForStarted());
        QTRY_VERIFY_WITH_TIMEOUT(QDir(m_folder.path()).entryList({"long.npy*"}).size() == 1, 30'000);
        QVERIFY(!QFile::exists(file("long.npy")));
        ::kill(static_cast<pid_t>(process.processId()), SIGINT);
        const Output o = finish(process);
        QVERIFY(!o.crashed);
        QCOMPARE(o.status, 130);
        QVERIFY(QDir(m_folder.path()).entryList({"long.npy*"}).isEmpty());
    }

    // And in the middle of a model.
    void interrupt_while_synthesising()
    {
        QProcess process;
        process.start(FATHOM_CLI, {"synth", file("large.gguf"), "--shape", "v2-lite", "--layers", "2",
                                   "--type", "q4_0", "-t", "1"});
        QVERIFY(process.waitForStarted());
        QTRY_VERIFY_WITH_TIMEOUT(QDir(m_folder.path()).entryList({"large.gguf*"}).size() == 1, 30'000);
        ::kill(static_cast<pid_t>(process.processId()), SIGINT);
        const Output o = finish(process);
        QVERIFY(!o.crashed);
        QCOMPARE(o.status, 130);
        QVERIFY(QDir(m_folder.path()).entryList({"large.gguf*"}).isEmpty());
    }

    // And while it waits for standard input.
    void interrupt_while_waiting()
    {
        QProcess process;
        process.start(FATHOM_CLI, {"tokenize", m_model});
        QVERIFY(process.waitForStarted());
        QVERIFY(!process.waitForFinished(500));
        ::kill(static_cast<pid_t>(process.processId()), SIGINT);
        const Output o = finish(process);
        QVERIFY(!o.crashed);
        QCOMPARE(o.status, 130);
        QVERIFY(o.out.empty());
    }
};

QTEST_GUILESS_MAIN(TestCli)
#include "test_cli.moc"
