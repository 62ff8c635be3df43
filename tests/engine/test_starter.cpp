// SPDX-License-Identifier: MIT
// The starter model as it ships: the numbers of its training code, its vocabulary, its conversations.
#include "engine/engine.h"
#include "engine/evaluator.h"
#include "engine/format/json.h"
#include "engine/prefix.h"
#include "engine/text/chat_template.h"
#include "engine/text/tokenizer.h"
#include "kernels/cpu/isa.h"
#include "tests/engine/golden.h"

#include <QCryptographicHash>
#include <QFile>
#include <QTest>

#include <algorithm>
#include <cmath>

using engine::Evaluator;
using engine::LoadOptions;
using engine::format::Json;
using Ids = std::vector<std::int32_t>;

namespace {

const golden::fs::path model = golden::fs::path(FATHOM_SOURCE_DIR) / "resources" / "starter" / "starter.gguf";

Json expected(const char* file)
{
    return engine::format::read_json(golden::data_folder() / "starter" / file);
}

LoadOptions options(const std::string& isa = {})
{
    LoadOptions o;
    o.threads = 2;
    o.isa = isa;
    o.cache_type = engine::CacheType::f32;
    o.context_tokens = 1024;
    return o;
}

engine::Request greedy(std::int64_t max_tokens)
{
    engine::Request request;
    request.sampling.temperature = 0;
    request.sampling.repeat_penalty = 1;
    request.max_tokens = max_tokens;
    return request;
}

engine::Result run(engine::Engine& engine, engine::SequenceId sequence, const engine::Request& request)
{
    return engine::generate(engine, sequence, request, {}, [](std::string_view) {});
}

} // namespace

class TestStarter : public QObject
{
    Q_OBJECT

    const engine::format::ModelFiles m_files{model};
    const engine::text::Tokenizer m_tokenizer{m_files};
    const engine::text::ChatTemplate m_chat{m_tokenizer};

private slots:
    void values_belong_to_the_file()
    {
        QFile file(QString::fromStdString(model.string()));
        QVERIFY(file.open(QIODevice::ReadOnly));
        QCryptographicHash hash(QCryptographicHash::Sha256);
        QVERIFY(hash.addData(&file));
        QCOMPARE(hash.result().toHex().toStdString(),
                 expected("logits.json").at("gguf_sha256").get<std::string>());
        QVERIFY(file.size() < 20'000'000);
    }

    void logits_data()
    {
        QTest::addColumn<QString>("isa");
        for (const kernels::cpu::Isa isa : kernels::cpu::all_isas)
            if (kernels::cpu::supported(isa)) {
                const QString name = QString::fromStdString(std::string(kernels::cpu::name(isa)));
                QTest::newRow(qPrintable(name)) << name;
            }
    }
    void logits()
    {
        QFETCH(QString, isa);
        const Json json = expected("logits.json");
        const Ids ids = json.at("ids");
        const std::vector<std::size_t> columns = json.at("columns");
        Evaluator evaluator(model, options(isa.toStdString()));
        std::size_t seen = 0;
        QVERIFY(evaluator.feed(
            ids, Evaluator::Output::all, [&](std::size_t, std::int64_t position, std::span<const float> row) {
                const auto p = static_cast<std::size_t>(position);
                const std::vector<float> wanted = json.at("logits").at(p);
                std::vector<float> found;
                for (const std::size_t column : columns)
                    found.push_back(row[column]);
                // The file has five decimals.
                QVERIFY2(golden::difference(found, wanted) <= 1e-4, qPrintable(QString::number(position)));
                double sum = 0;
                for (const float x : row)
                    sum += std::exp(static_cast<double>(x));
                QVERIFY(std::abs(std::log(sum) - json.at("logsumexp").at(p).get<double>()) < 1e-3);
                const std::size_t best = json.at("argmax").at(p);
                QVERIFY(row[best] >= *std::max_element(row.begin(), row.end()) - 1e-3f);
                ++seen;
            }));
        QCOMPARE(seen, ids.size());
    }

    void logits_behind_the_original_context()
    {
        const Json json = expected("logits.json");
        const std::vector<std::size_t> columns = json.at("columns");
        const std::int64_t tokens = json.at("far_tokens");
        const auto words = static_cast<std::int64_t>(m_tokenizer.size()) - 4;
        Ids ids{json.at("ids").at(0).get<std::int32_t>()};
        for (std::int64_t i = 1; i < tokens; ++i)
            ids.push_back(static_cast<std::int32_t>((7919 * i * i + 104729 * i) % words));
        LoadOptions wide = options();
        wide.context_tokens = 4096;
        Evaluator evaluator(model, wide);
        std::vector<float> found;
        double sum = 0;
        QVERIFY(evaluator.feed(ids, Evaluator::Output::last,
                               [&](std::size_t, std::int64_t position, std::span<const float> row) {
                                   QCOMPARE(position, tokens - 1);
                                   for (const std::size_t column : columns)
                                       found.push_back(row[column]);
                                   for (const float x : row)
                                       sum += std::exp(static_cast<double>(x));
                               }));
        const std::vector<float> wanted = json.at("far_logits");
        QVERIFY2(golden::difference(found, wanted) <= 3e-4,
                 qPrintable(QString::number(golden::difference(found, wanted))));
        QVERIFY(std::abs(std::log(sum) - json.at("far_logsumexp").get<double>()) < 2e-3);
    }

    void greedy_tokens()
    {
        const Json json = expected("logits.json");
        const Ids wanted = json.at("greedy");
        const std::vector<double> margins = json.at("greedy_margins");
        // Where the two best are closer than rounding, any of them may come, and what follows differs.
        const auto doubtful = std::find_if(margins.begin(), margins.end(), [](double m) { return m < 1e-3; });
        const auto certain = static_cast<std::size_t>(doubtful - margins.begin());
        QVERIFY(certain >= 8);

        const auto engine = engine::load(model, options(), [](const engine::LoadProgress&) {}, {});
        engine::Request request = greedy(static_cast<std::int64_t>(wanted.size()));
        request.ids = json.at("ids").get<Ids>();
        const engine::Result r = run(*engine, engine->open_sequence(), request);
        for (std::size_t i = 0; i < certain; ++i) {
            if (m_tokenizer.is_end(wanted[i])) {
                QCOMPARE(r.ids.size(), i);
                break;
            }
            QVERIFY2(i < r.ids.size() && r.ids[i] == wanted[i], qPrintable(QString::number(i)));
        }
    }

    void vocabulary()
    {
        const Json json = expected("tokenizer.json");
        for (const char* kind : {"plain", "special"})
            for (const Json& entry : json.at(kind)) {
                const std::string text = entry.at("text");
                const auto special = kind == std::string("special") ? engine::text::SpecialTokens::parse
                                                                    : engine::text::SpecialTokens::as_text;
                const Ids ids = m_tokenizer.encode(text, special);
                QVERIFY2(ids == entry.at("ids").get<Ids>(), text.c_str());
                QCOMPARE(m_tokenizer.decode(ids), text);
            }
    }

    void chat()
    {
        for (const Json& entry : expected("chat.json")) {
            const auto messages = engine::text::parse_messages(entry.at("messages").dump(), "chat.json");
            const auto segments = m_chat.render(messages, engine::text::GenerationPrompt::add);
            std::string text;
            for (const auto& segment : segments)
                text += segment.text;
            QCOMPARE(text, entry.at("text").get<std::string>());
            // The reference parses the whole text at once, so its cuts differ where a message begins.
            QCOMPARE(m_tokenizer.decode(m_tokenizer.encode(segments)), text);
        }
    }

    // Three turns: each reads only what the one before left unread, although an answer's own tokens need not
    // be those that its text is cut into.
    void turns_reuse_the_cache()
    {
        const auto engine = engine::load(model, options(), [](const engine::LoadProgress&) {}, {});
        const engine::SequenceId sequence = engine->open_sequence();
        std::vector<engine::Message> messages;
        Ids known; // what the sequence holds
        for (const char* question : {"Hello! What is your name?", "Tell me a story about a cat.", "你好"}) {
            messages.push_back({"user", question});
            std::vector<engine::text::ChatMessage> chat_messages;
            for (const engine::Message& m : messages)
                chat_messages.push_back({m.role, m.content, {}});
            const Ids prompt =
                m_tokenizer.encode(m_chat.render(chat_messages, engine::text::GenerationPrompt::add));
            const engine::CommonPrefix common = engine::common_prefix(m_tokenizer, known, prompt);
            // The last token of an answer was never read.
            QVERIFY(common.cached + 1 >= known.size());
            Ids whole(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(common.cached));
            whole.insert(whole.end(), prompt.begin() + static_cast<std::ptrdiff_t>(common.fresh),
                         prompt.end());

            engine::Request request = greedy(40);
            request.messages = messages;
            const engine::Result r = run(*engine, sequence, request);
            QCOMPARE(r.reused_tokens, static_cast<std::int64_t>(common.cached));
            QCOMPARE(r.prompt_tokens, static_cast<std::int64_t>(whole.size()));
            QVERIFY(!r.text.starts_with(' '));

            engine::Request fresh = greedy(40);
            fresh.ids = whole;
            QCOMPARE(run(*engine, engine->open_sequence(), fresh).ids, r.ids);

            known = whole;
            known.insert(known.end(), r.ids.begin(), r.ids.end());
            if (r.finish == engine::Finish::length)
                known.pop_back();
            messages.push_back({"assistant", r.text});
        }
    }
};

QTEST_GUILESS_MAIN(TestStarter)
#include "test_starter.moc"
