// SPDX-License-Identifier: MIT
#include "engine/error.h"
#include "engine/sampler.h"
#include "kernels/sampling.h"

#include <QTest>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

using engine::Sampling;

namespace {

Sampling plain(float temperature)
{
    Sampling s;
    s.temperature = temperature;
    s.top_k = 0;
    s.top_p = 1;
    s.min_p = 0;
    s.repeat_penalty = 1;
    s.seed = 42;
    return s;
}

using Mask = std::vector<std::uint8_t>;

// A generation that takes what is chosen.
class Sampler
{
public:
    Sampler(const Sampling& sampling, const Mask& defined)
        : m_sampler(sampling)
        , m_defined(defined)
    {
    }
    std::int32_t sample(std::span<const float> logits, std::span<const std::int32_t> tokens)
    {
        const kernels::TokenChoice choice = m_sampler.next(tokens);
        const std::int32_t id = kernels::choose(logits, choice.draw, choice.recent, m_defined, m_scratch);
        m_sampler.accept();
        return id;
    }

private:
    engine::Sampler m_sampler;
    const Mask& m_defined;
    kernels::SamplingScratch m_scratch;
};

// How often each id comes out of `rounds` draws.
std::vector<double> frequencies(const Sampling& sampling, const std::vector<float>& logits,
                                const Mask& defined, int rounds, const std::vector<std::int32_t>& before = {})
{
    Sampler sampler(sampling, defined);
    std::vector<double> counts(logits.size(), 0.0);
    for (int i = 0; i < rounds; ++i)
        counts[static_cast<std::size_t>(sampler.sample(logits, before))] += 1.0 / rounds;
    return counts;
}

std::vector<double> softmax(const std::vector<float>& logits, double temperature)
{
    std::vector<double> p;
    for (const float l : logits)
        p.push_back(std::exp(static_cast<double>(l) / temperature));
    const double sum = std::accumulate(p.begin(), p.end(), 0.0);
    for (double& x : p)
        x /= sum;
    return p;
}

void compare(const std::vector<double>& found, std::vector<double> expected)
{
    const double sum = std::accumulate(expected.begin(), expected.end(), 0.0);
    for (std::size_t i = 0; i < found.size(); ++i) {
        expected[i] /= sum;
        QVERIFY2(std::abs(found[i] - expected[i]) < 0.02,
                 qPrintable(QString("id %1: %2, expected %3").arg(i).arg(found[i]).arg(expected[i])));
        QVERIFY2(expected[i] > 0 || found[i] == 0, qPrintable(QString("id %1 is excluded").arg(i)));
    }
}

constexpr int rounds = 20'000;
const std::vector<float> logits = {1.0f, 3.0f, 2.5f, -1.0f, 3.2f, 0.0f};
const Mask all(6, 1);

} // namespace

class TestSampler : public QObject
{
    Q_OBJECT

private slots:
    void greedy_takes_the_best()
    {
        Sampler sampler(plain(0), all);
        QCOMPARE(sampler.sample(logits, {}), 4);
        // Of equals the first.
        const std::vector<float> flat(6, 1.5f);
        QCOMPARE(sampler.sample(flat, {}), 0);
    }

    void undefined_ids_never_come()
    {
        Mask defined = all;
        defined[4] = defined[1] = 0;
        Sampler greedy(plain(0), defined);
        QCOMPARE(greedy.sample(logits, {}), 2);
        const auto found = frequencies(plain(5), logits, defined, rounds);
        QCOMPARE(found[4] + found[1], 0.0);
        auto expected = softmax(logits, 5);
        expected[4] = expected[1] = 0;
        compare(found, expected);
    }

    void temperature_shapes_the_distribution()
    {
        for (const float temperature : {0.5f, 1.0f, 3.0f})
            compare(frequencies(plain(temperature), logits, all, rounds),
                    softmax(logits, static_cast<double>(temperature)));
    }

    void top_k()
    {
        Sampling s = plain(1);
        s.top_k = 2;
        auto expected = softmax(logits, 1);
        for (const std::size_t i : {0, 2, 3, 5})
            expected[i] = 0;
        compare(frequencies(s, logits, all, rounds), expected);
        s.top_k = 100;
        compare(frequencies(s, logits, all, rounds), softmax(logits, 1));
    }

    void top_p()
    {
        Sampling s = plain(1);
        const auto p = softmax(logits, 1);
        // Just more than the two best, so that the third is needed.
        s.top_p = static_cast<float>(p[4] + p[1] + 0.01);
        auto expected = p;
        for (const std::size_t i : {0, 3, 5})
            expected[i] = 0;
        compare(frequencies(s, logits, all, rounds), expected);
        s.top_p = 1e-6f; // the best alone
        QCOMPARE(frequencies(s, logits, all, 100)[4], 1.0);
    }

    void min_p()
    {
        Sampling s = plain(1);
        s.min_p = 0.4f;
        auto expected = softmax(logits, 1);
        for (double& x : expected)
            if (x < 0.4 * softmax(logits, 1)[4])
                x = 0;
        QVERIFY(expected[2] > 0 && expected[0] == 0);
        compare(frequencies(s, logits, all, rounds), expected);
        s.top_p = 0.99f; // with the other one as well
        compare(frequencies(s, logits, all, rounds), expected);
        s.min_p = 1;
        QCOMPARE(frequencies(s, logits, all, 100)[4], 1.0);
    }

    void repetition()
    {
        Sampling s = plain(0);
        s.repeat_penalty = 1.2f;
        s.repeat_window = 2;
        Sampler sampler(s, all);
        const std::vector<std::int32_t> once = {4};
        QCOMPARE(sampler.sample(logits, once), 1);
        const std::vector<std::int32_t> twice = {4, 4}; // counts once: 3.2 / 1.2 is still above 2.5
        QCOMPARE(sampler.sample(std::vector<float>{0, 0, 2.5f, 0, 3.2f, 0}, twice), 4);
        const std::vector<std::int32_t> long_ago = {4, 0, 0};
        QCOMPARE(sampler.sample(logits, long_ago), 4);
        // Below zero it makes things less likely too.
        QCOMPARE(
            sampler.sample(std::vector<float>{-1.0f, -1.1f, -5, -5, -5, -5}, std::vector<std::int32_t>{0}),
            1);
    }

    void seeds()
    {
        const auto draw = [](std::uint64_t seed) {
            Sampling s = plain(2);
            s.seed = seed;
            Sampler sampler(s, all);
            std::vector<std::int32_t> ids;
            for (int i = 0; i < 30; ++i)
                ids.push_back(sampler.sample(logits, ids));
            return ids;
        };
        QCOMPARE(draw(7), draw(7));
        QVERIFY(draw(7) != draw(8));
        // The same on every platform: the generator is the standard's, the rest is arithmetic.
        Sampling s = plain(1);
        s.seed = 5489;
        Sampler sampler(s, all);
        std::mt19937_64 random(5489);
        const std::vector<float> flat(6, 0.0f);
        for (int i = 0; i < 20; ++i) {
            const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;
            QCOMPARE(sampler.sample(flat, {}), static_cast<std::int32_t>(uniform * 6));
        }
    }

    // A pass that was interrupted asks again, and gets the same.
    void choices_wait_to_be_accepted()
    {
        Sampling s = plain(1);
        s.repeat_penalty = 1.5f;
        s.repeat_window = 2;
        engine::Sampler sampler(s);
        const std::vector<std::int32_t> tokens = {7, 8, 9};
        const kernels::TokenChoice first = sampler.next(tokens);
        QCOMPARE(sampler.next(tokens).draw.uniform, first.draw.uniform);
        QCOMPARE(first.recent.size(), std::size_t{2});
        QCOMPARE(first.recent[0], 8);
        sampler.accept();
        QVERIFY(sampler.next(tokens).draw.uniform != first.draw.uniform);
    }

    void not_finite()
    {
        Sampler sampler(plain(1), all);
        for (const float bad :
             {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
              -std::numeric_limits<float>::infinity()}) {
            std::vector<float> broken = logits;
            broken[3] = bad;
            QCOMPARE(sampler.sample(broken, {}), -1);
        }
        QVERIFY(sampler.sample(logits, {}) >= 0);
    }

    // A real vocabulary, random settings: whatever comes out was allowed to.
    void random_settings()
    {
        const auto seed = std::random_device()();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        std::normal_distribution<float> normal(0, 4);
        std::vector<float> many(5000);
        Mask defined(many.size(), 1);
        for (int round = 0; round < 50; ++round) {
            for (float& x : many)
                x = normal(random);
            for (std::size_t i = 4000; i < defined.size(); ++i)
                defined[i] = random() % 2 == 0;
            Sampling s;
            s.temperature = static_cast<float>(random() % 30) / 10;
            s.top_k = static_cast<int>(random() % 100);
            s.top_p = static_cast<float>(random() % 100 + 1) / 100;
            s.min_p = static_cast<float>(random() % 100) / 100;
            s.repeat_penalty = 1;
            s.seed = random();
            Sampler sampler(s, defined);
            std::vector<std::size_t> order;
            for (std::size_t i = 0; i < many.size(); ++i)
                if (defined[i])
                    order.push_back(i);
            std::sort(order.begin(), order.end(), [&](auto a, auto b) { return many[a] > many[b]; });
            const double best = static_cast<double>(many[order[0]]);
            double mass = 0;
            for (const std::size_t i : order)
                if (s.top_k == 0 || many[i] >= many[order[static_cast<std::size_t>(s.top_k) - 1]])
                    mass += std::exp((static_cast<double>(many[i]) - best) /
                                     std::max(0.01, double(s.temperature)));
            for (int i = 0; i < 20; ++i) {
                const auto id = static_cast<std::size_t>(sampler.sample(many, {}));
                QVERIFY(defined[id]);
                const auto rank =
                    static_cast<std::size_t>(std::find(order.begin(), order.end(), id) - order.begin());
                if (s.temperature == 0) {
                    QCOMPARE(rank, std::size_t{0});
                    continue;
                }
                QVERIFY(s.top_k == 0 || rank < static_cast<std::size_t>(s.top_k));
                const double scale = 1.0 / static_cast<double>(s.temperature);
                const double weight = std::exp((static_cast<double>(many[id]) - best) * scale);
                QVERIFY(weight >= static_cast<double>(s.min_p));
                double before = 0;
                for (std::size_t r = 0; r < rank; ++r)
                    before += std::exp((static_cast<double>(many[order[r]]) - best) * scale);
                QVERIFY(before < static_cast<double>(s.top_p) * mass * (1 + 1e-9));
            }
        }
    }

    void ranges()
    {
        const auto refused = [](auto change) {
            Sampling s;
            change(s);
            try {
                engine::check_sampling(s);
            } catch (const engine::Error&) {
                return true;
            }
            return false;
        };
        QVERIFY(!refused([](Sampling&) {}));
        QVERIFY(refused([](Sampling& s) { s.temperature = -0.1f; }));
        QVERIFY(refused([](Sampling& s) { s.temperature = std::numeric_limits<float>::quiet_NaN(); }));
        QVERIFY(refused([](Sampling& s) { s.top_k = -1; }));
        QVERIFY(refused([](Sampling& s) { s.top_p = 0; }));
        QVERIFY(refused([](Sampling& s) { s.top_p = 1.1f; }));
        QVERIFY(refused([](Sampling& s) { s.min_p = -0.1f; }));
        QVERIFY(refused([](Sampling& s) { s.repeat_penalty = 0; }));
        QVERIFY(refused([](Sampling& s) { s.repeat_window = -1; }));
    }
};

QTEST_APPLESS_MAIN(TestSampler)
#include "test_sampler.moc"
