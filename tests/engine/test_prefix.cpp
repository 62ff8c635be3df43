// SPDX-License-Identifier: MIT
#include "engine/format/json.h"
#include "engine/prefix.h"
#include "tests/engine/gguf_writer.h"
#include "tests/engine/golden.h"

#include <QTemporaryDir>
#include <QTest>

#include <random>

using engine::common_prefix;
using Ids = std::vector<engine::text::TokenId>;

class TestPrefix : public QObject
{
    Q_OBJECT

    QTemporaryDir m_folder;
    std::optional<engine::text::Tokenizer> m_tokenizer;
    // 260 "ab", 261 "abc", 262 "bc"; single bytes are 0 … 255, marks 256 … 259
    static constexpr std::int32_t ab = 260;
    static constexpr std::int32_t abc = 261;
    static constexpr std::int32_t bc = 262;
    static constexpr std::int32_t bos = 256;
    static constexpr std::int32_t user = 258;
    std::int32_t a = 0;
    std::int32_t b = 0;
    std::int32_t c = 0;

    std::pair<int, int> prefix(const Ids& cached, const Ids& fresh) const
    {
        const engine::CommonPrefix p = common_prefix(*m_tokenizer, cached, fresh);
        return {static_cast<int>(p.cached), static_cast<int>(p.fresh)};
    }

private slots:
    void initTestCase()
    {
        auto json = engine::format::read_json(golden::data_folder() / "golden" / "lite" / "tokenizer.json");
        auto& vocabulary = json["model"]["vocab"];
        vocabulary["ab"] = ab;
        vocabulary["abc"] = abc;
        vocabulary["bc"] = bc;
        json["model"]["merges"] = {"a b", "ab c", "b c"};
        const golden::fs::path file = golden::fs::path(m_folder.path().toStdString()) / "vocabulary.gguf";
        GgufWriter writer = GgufWriter::of_tokenizer(json, "deepseek-llm");
        writer.string("general.architecture", "deepseek2");
        writer.write(file);
        m_tokenizer = engine::text::Tokenizer::from_gguf(engine::format::Gguf(file));
        a = vocabulary["a"];
        b = vocabulary["b"];
        c = vocabulary["c"];
        QCOMPARE(m_tokenizer->decode(Ids{ab, abc, bc, a}), "ababcbca");
    }

    void equal_tokens()
    {
        QCOMPARE(prefix({bos, a, b, c}, {bos, a, b, c, ab}), std::pair(4, 4));
        QCOMPARE(prefix({bos, a, b, c}, {bos, a, c}), std::pair(2, 2));
        QCOMPARE(prefix({}, {bos, a}), std::pair(0, 0));
    }

    // The last token is read again even if it is there.
    void last_token()
    {
        QCOMPARE(prefix({bos, a, b}, {bos, a, b}), std::pair(2, 2));
        QCOMPARE(prefix({bos, a, b}, {bos, a}), std::pair(1, 1));
        QCOMPARE(prefix({bos}, {bos}), std::pair(0, 0));
    }

    // Other tokens for the same text.
    void other_tokens()
    {
        QCOMPARE(prefix({bos, a, b, c, user}, {bos, abc, user, a}), std::pair(5, 3));
        QCOMPARE(prefix({bos, abc, user}, {bos, a, b, c, user, a}), std::pair(3, 5));
        QCOMPARE(prefix({bos, a, bc, a}, {bos, ab, c, a, b}), std::pair(4, 4));
        // Boundaries only before and behind: within, the two never meet.
        QCOMPARE(prefix({bos, a, bc}, {bos, ab, c, a}), std::pair(3, 3));
        QCOMPARE(prefix({bos, a, bc}, {bos, ab, a, c}), std::pair(1, 1));
        // The cache ends inside a token of the prompt, or the other way round.
        QCOMPARE(prefix({bos, c, a, b}, {bos, c, abc, a}), std::pair(2, 2));
        QCOMPARE(prefix({bos, c, abc}, {bos, c, a, b}), std::pair(2, 2));
    }

    // A mark is not the text that looks like it.
    void marks()
    {
        const Ids text = m_tokenizer->encode("<｜User｜>", engine::text::SpecialTokens::as_text);
        QVERIFY(text.size() > 1);
        Ids spelt = {bos};
        spelt.insert(spelt.end(), text.begin(), text.end());
        spelt.push_back(a);
        QCOMPARE(prefix({bos, user, a}, spelt), std::pair(1, 1));
        QCOMPARE(prefix(spelt, {bos, user, a}), std::pair(1, 1));
        QCOMPARE(prefix({a, user}, {a, 257, b}), std::pair(1, 1));
    }

    // Whatever the tokens: what is said to be common spells the same, and both sides can be cut there.
    void random_tokens()
    {
        const auto seed = std::random_device()();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        const std::int32_t alphabet[] = {a, b, c, ab, abc, bc, user};
        int found = 0;
        for (int round = 0; round < 5000; ++round) {
            Ids one;
            Ids two;
            for (std::size_t i = random() % 12; i > 0; --i)
                one.push_back(alphabet[random() % 7]);
            for (std::size_t i = random() % 12 + 1; i > 0; --i)
                two.push_back(alphabet[random() % 7]);
            const engine::CommonPrefix p = common_prefix(*m_tokenizer, one, two);
            QVERIFY(p.cached <= one.size() && p.fresh < two.size());
            const auto spelling = [&](const Ids& ids, std::size_t count) {
                std::string text;
                for (const std::int32_t id : std::span(ids).first(count))
                    text += id == user ? std::string("|") : std::string(m_tokenizer->bytes(id));
                return text;
            };
            QCOMPARE(spelling(one, p.cached), spelling(two, p.fresh));
            // No later place would do.
            for (std::size_t i = p.cached; i <= one.size(); ++i)
                for (std::size_t k = p.fresh; k < two.size(); ++k)
                    if (i > p.cached && k > p.fresh)
                        QVERIFY(spelling(one, i) != spelling(two, k));
            found += p.cached != p.fresh;
        }
        QVERIFY(found > 0);
    }
};

QTEST_APPLESS_MAIN(TestPrefix)
#include "test_prefix.moc"
