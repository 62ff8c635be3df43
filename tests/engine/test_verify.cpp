// SPDX-License-Identifier: MIT
// What verify() finds in a whole model and in broken ones.
#include "engine/error.h"
#include "engine/format/sha256.h"
#include "engine/verify.h"
#include "tests/engine/golden.h"
#include "tests/engine/memory_folder.h"

#include <QTest>

#include <fstream>
#include <iterator>
#include <map>

using engine::Finding;
using engine::Outcome;
namespace fs = std::filesystem;

namespace {

using Findings = std::map<std::string, Finding>;

Findings verify(const fs::path& model)
{
    Findings findings;
    engine::LoadOptions options;
    options.threads = 1;
    const bool is_complete =
        engine::verify(model, options,
                       {.finding = [&](const Finding& finding) { findings[finding.subject] = finding; },
                        .progress = [](std::string_view, std::int64_t, std::int64_t) {}},
                       {});
    if (!is_complete)
        findings.clear();
    return findings;
}

std::string bytes_of(const fs::path& path)
{
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

void write(const fs::path& path, const std::string& content)
{
    std::ofstream(path, std::ios::binary) << content;
}

std::string hash(const std::string& content)
{
    engine::format::Sha256 sha;
    sha.add(std::as_bytes(std::span(content.data(), content.size())));
    return sha.finish();
}

std::string text_of(const Finding& finding)
{
    std::string text = finding.summary;
    for (const std::string& line : finding.lines)
        text += "\n" + line;
    return text;
}

const fs::path starter = fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf";
const fs::path lite = golden::data_folder() / "golden" / "lite";

} // namespace

class TestVerify : public QObject
{
    Q_OBJECT

    std::unique_ptr<QTemporaryDir> m_folder = memory_folder();

    // A copy of a small model that may be changed. Its weights are random, so its perplexity always fails.
    fs::path copy() const
    {
        const fs::path to = fs::path(m_folder->path().toStdString()) / "model";
        fs::remove_all(to);
        fs::copy(lite, to);
        return to;
    }

    // Bytes of a tensor in the copy's file, replaced.
    static void overwrite(const fs::path& folder, const char* tensor, std::size_t at,
                          const std::string& content)
    {
        const engine::format::Safetensors file(folder);
        const auto* base = file.files().front().bytes().data();
        const auto begin = static_cast<std::size_t>(file.tensors().find(tensor)->bytes.data() - base);
        std::string all = bytes_of(folder / "model.safetensors");
        all.replace(begin + at, content.size(), content);
        write(folder / "model.safetensors", all);
    }

private slots:
    // The model that ships passes everything, and is known by its hash.
    void whole()
    {
        const Findings findings = verify(starter);
        QCOMPARE(findings.size(), std::size_t{9});
        for (const auto& [subject, finding] : findings)
            QVERIFY2(finding.outcome == Outcome::passed, (subject + ": " + text_of(finding)).c_str());
        QVERIFY(engine::known_release(hash(bytes_of(starter))));
        QVERIFY(!engine::known_release(hash("something else")));
        QCOMPARE(findings.at("ten prompts").lines.size(), std::size_t{10});
    }

    // Random weights: whole in every respect, but they know nothing.
    void knows_nothing()
    {
        for (const auto& [subject, finding] : verify(lite))
            QVERIFY2((finding.outcome == Outcome::failed) == (subject == "perplexity"),
                     (subject + ": " + text_of(finding)).c_str());
    }

    void not_finite()
    {
        const fs::path folder = copy();
        overwrite(folder, "model.layers.1.self_attn.o_proj.weight", 10, {'\xc0', '\x7f'}); // a NaN in BF16
        const Findings findings = verify(folder);
        QVERIFY(findings.at("weights").outcome == Outcome::failed);
        QVERIFY(text_of(findings.at("weights"))
                    .find("model.layers.1.self_attn.o_proj.weight: 1 of 4096 numbers") != std::string::npos);
        for (const char* subject : {"perplexity", "token by token", "ten prompts"}) {
            QVERIFY(findings.at(subject).outcome == Outcome::failed);
            QVERIFY(findings.at(subject).summary.find("finite") != std::string::npos);
        }
    }

    void all_zero()
    {
        const fs::path folder = copy();
        overwrite(folder, "model.layers.2.mlp.experts.3.up_proj.weight", 0,
                  std::string(std::size_t{32} * 64 * 2, '\0'));
        const Finding finding = verify(folder).at("weights");
        QVERIFY(finding.outcome == Outcome::failed);
        QVERIFY(text_of(finding).find("experts.3.up_proj.weight: all zero") != std::string::npos);
    }

    // What cannot be done for want of something else is said so.
    void left_out()
    {
        const fs::path folder = copy();
        fs::remove(folder / "tokenizer.json");
        const Findings findings = verify(folder);
        QVERIFY(findings.at("vocabulary").outcome == Outcome::failed);
        QVERIFY(findings.at("vocabulary").summary.find("tokenizer.json") != std::string::npos);
        QVERIFY(findings.at("weights").outcome == Outcome::passed);
        for (const char* subject : {"chat format", "memory", "perplexity", "token by token", "ten prompts"})
            QVERIFY(findings.at(subject).outcome == Outcome::left_out);
    }

    void wrong_template()
    {
        const fs::path folder = copy();
        engine::format::Json config = engine::format::read_json(folder / "tokenizer_config.json");
        config["chat_template"] = "{% for m in messages %}{{ m['content'] | frobnicate }}{% endfor %}";
        write(folder / "tokenizer_config.json", config.dump());
        QVERIFY(verify(folder).at("chat format").outcome == Outcome::failed);
        config["chat_template"] =
            "{{ bos_token }}{{ bos_token }}{% for m in messages %}{{ m['content'] }}{% endfor %}";
        write(folder / "tokenizer_config.json", config.dump());
        const Finding twice = verify(folder).at("chat format");
        QVERIFY(twice.outcome == Outcome::failed);
        QVERIFY(text_of(twice).find("begin of text") != std::string::npos);
        config.erase("chat_template");
        write(folder / "tokenizer_config.json", config.dump());
        QVERIFY(verify(folder).at("chat format").outcome == Outcome::passed);
    }

    // The hash that a download noted, in both forms: a record beside the file, and a blob named by its hash.
    void recorded()
    {
        const fs::path folder = copy();
        const std::string right = hash(bytes_of(folder / "model.safetensors"));
        const std::string wrong(64, 'a');
        const fs::path records = folder / ".cache" / "huggingface" / "download";
        fs::create_directories(records);
        for (const std::string& noted : {right, wrong}) {
            write(records / "model.safetensors.metadata", "0123456789abcdef\n" + noted + "\n1730000000.0\n");
            const Finding finding = verify(folder).at("files");
            QCOMPARE(finding.outcome == Outcome::failed, noted == wrong);
            QVERIFY(text_of(finding).find(noted == wrong ? "NOT as its download says: " + wrong
                                                         : "as its download says") != std::string::npos);
        }
        fs::remove_all(folder / ".cache");
        fs::create_directories(folder / "blobs");
        for (const std::string& noted : {right, wrong}) {
            fs::rename(fs::exists(folder / "blobs" / right) ? folder / "blobs" / right
                                                            : folder / "model.safetensors",
                       folder / "blobs" / noted);
            fs::remove(folder / "model.safetensors");
            fs::create_symlink(fs::path("blobs") / noted, folder / "model.safetensors");
            QCOMPARE(verify(folder).at("files").outcome == Outcome::failed, noted == wrong);
        }
    }

    void missing_tensor()
    {
        const fs::path folder = copy();
        std::string all = bytes_of(folder / "model.safetensors");
        const std::string name = "model.layers.1.self_attn.o_proj.weight";
        all.replace(all.find(name), name.size(), "model.layers.1.self_attn.x_proj.weight");
        write(folder / "model.safetensors", all);
        const Findings findings = verify(folder);
        QVERIFY(findings.at("tensors").outcome == Outcome::failed);
        QVERIFY(findings.at("tensors").summary.find(name) != std::string::npos);
        QVERIFY(findings.at("perplexity").outcome == Outcome::left_out);
    }

    void stops()
    {
        std::stop_source source;
        int findings = 0;
        QVERIFY(!engine::verify(starter, {},
                                {.finding =
                                     [&](const Finding&) {
                                         ++findings;
                                         source.request_stop();
                                     },
                                 .progress = [](std::string_view, std::int64_t, std::int64_t) {}},
                                source.get_token()));
        QCOMPARE(findings, 1);
        QVERIFY_THROWS_EXCEPTION(engine::Error, verify("/nowhere/model.gguf"));
    }
};

QTEST_APPLESS_MAIN(TestVerify)
#include "test_verify.moc"
