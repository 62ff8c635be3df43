// SPDX-License-Identifier: MIT
// The choice of a token against a plain reading of its definition, and its weights against the exponential.
#include "tests/kernels/support.h"

#include "kernels/sampling.h"

#include <QTest>

#include <numeric>

using namespace kernels;
using namespace kernels::test;

namespace {

struct Case
{
    std::vector<float> logits;
    std::vector<std::uint8_t> defined;
    std::vector<std::int32_t> recent;
    TokenDraw draw;
};

// Logits from a grid where `steps` says so, so that many are equal.
Case random_case(Random& random, std::int64_t vocabulary)
{
    Case c;
    const float spread = random.one_of<float>({0.1f, 1.0f, 3.0f, 10.0f});
    const float steps = random.one_of<float>({0.0f, 1.0f, 4.0f});
    for (std::int64_t id = 0; id < vocabulary; ++id) {
        const float logit = random.normal(spread);
        c.logits.push_back(steps > 0.0f ? std::round(logit * steps) / steps : logit);
        c.defined.push_back(random.integer(0, 9) > 0 ? 1 : 0);
    }
    c.defined[static_cast<std::size_t>(random.integer(0, vocabulary - 1))] = 1;
    for (std::int64_t i = random.integer(0, 20); i > 0; --i)
        c.recent.push_back(static_cast<std::int32_t>(random.integer(0, vocabulary - 1)));
    c.draw.temperature = random.one_of<float>({0.0f, 0.01f, 0.7f, 1.0f, 1.0f, 5.0f});
    c.draw.top_k =
        static_cast<std::int32_t>(random.one_of<std::int64_t>({0, 0, 1, 2, 40, 300, vocabulary + 1}));
    c.draw.top_p = random.one_of<float>({1.0f, 1.0f, 0.999f, 0.9f, 0.5f, 1e-30f});
    c.draw.min_p = random.one_of<float>({0.0f, 0.0f, 0.001f, 0.05f, 1.0f});
    c.draw.repeat_penalty = random.one_of<float>({1.0f, 1.05f, 0.5f, 1e30f, 1e-30f});
    c.draw.uniform = static_cast<double>(random.integer(0, (std::int64_t{1} << 53) - 1)) * 0x1p-53;
    return c;
}

// Step by step as kernels/sampling.h says, everything sorted.
std::int32_t plain_choice(const Case& c)
{
    std::vector<float> logits = c.logits;
    for (const std::int32_t token : c.recent) {
        const auto id = static_cast<std::size_t>(token);
        logits[id] = penalised(c.logits[id], c.draw.repeat_penalty);
    }
    std::vector<std::size_t> ids;
    for (std::size_t id = 0; id < logits.size(); ++id)
        if (c.defined[id] != 0)
            ids.push_back(id);
    std::stable_sort(ids.begin(), ids.end(),
                     [&](std::size_t a, std::size_t b) { return logits[a] > logits[b]; });
    if (c.draw.temperature == 0.0f)
        return static_cast<std::int32_t>(ids.front());

    const float best = logits[ids.front()];
    const auto weight = [&](std::size_t id) {
        return relative_weight(logits[id], best, halvings_per_logit(c.draw.temperature));
    };
    const auto sum = [&] {
        return std::accumulate(ids.begin(), ids.end(), std::uint64_t{0},
                               [&](std::uint64_t all, std::size_t id) { return all + weight(id); });
    };
    if (c.draw.top_k > 0 && static_cast<std::size_t>(c.draw.top_k) < ids.size())
        ids.resize(static_cast<std::size_t>(c.draw.top_k));
    if (c.draw.top_p < 1.0f) {
        const double needed = static_cast<double>(c.draw.top_p) * static_cast<double>(sum());
        std::uint64_t reached = 0;
        std::size_t count = 0;
        while (count < ids.size() && (count == 0 || static_cast<double>(reached) < needed))
            reached += weight(ids[count++]);
        ids.resize(count);
    }
    std::erase_if(ids, [&](std::size_t id) {
        return static_cast<double>(weight(id)) < static_cast<double>(c.draw.min_p) * 0x1p40;
    });
    std::sort(ids.begin(), ids.end());
    const double target = std::floor(c.draw.uniform * static_cast<double>(sum()));
    std::uint64_t reached = 0;
    for (const std::size_t id : ids) {
        reached += weight(id);
        if (static_cast<double>(reached) > target)
            return static_cast<std::int32_t>(id);
    }
    return static_cast<std::int32_t>(ids.back());
}

std::int32_t choose(const Case& c, SamplingScratch& scratch)
{
    return kernels::choose(c.logits, c.draw, c.recent, c.defined, scratch);
}

} // namespace

class TestSampling : public QObject
{
    Q_OBJECT

private slots:
    // All fractions of a halving, then all halvings.
    void weights_follow_the_exponential()
    {
        std::uint64_t previous = best_weight;
        std::uint32_t rises = 0;
        for (std::uint32_t f = 0; f <= 1u << 24; ++f) {
            const float halvings = static_cast<float>(f) * 0x1p-24f;
            const std::uint64_t weight = relative_weight(-halvings, 0.0f, 1.0f);
            rises += weight > previous ? 1 : 0;
            previous = weight;
            if (f % 64 == 0) {
                const double exact = std::exp2(40.0 - static_cast<double>(halvings));
                QVERIFY2(std::abs(static_cast<double>(weight) - exact) <= 2e-8 * exact,
                         qPrintable(QString::number(f)));
            }
        }
        QCOMPARE(rises, 0u);
        for (const float temperature : {0.2f, 0.7f, 1.0f, 3.0f}) {
            previous = best_weight;
            for (float distance = 0.0f; distance < 100.0f; distance += 0.01f) {
                const std::uint64_t weight =
                    relative_weight(7.0f - distance, 7.0f, halvings_per_logit(temperature));
                const double exact = 0x1p40 * std::exp((static_cast<double>(7.0f - distance) - 7.0) /
                                                       static_cast<double>(temperature));
                QVERIFY(weight <= previous);
                QVERIFY2(std::abs(static_cast<double>(weight) - exact) <= 1e-5 * exact + 1.0,
                         qPrintable(QStringLiteral("%1 at temperature %2").arg(distance).arg(temperature)));
                previous = weight;
            }
            QCOMPARE(previous, std::uint64_t{0});
        }
    }

    void extreme_values_stay_in_range()
    {
        constexpr float huge = std::numeric_limits<float>::max();
        constexpr float tiny = std::numeric_limits<float>::denorm_min();
        QCOMPARE(relative_weight(-huge, huge, halvings_per_logit(huge)), std::uint64_t{0});
        QCOMPARE(relative_weight(huge, huge, halvings_per_logit(tiny)), best_weight);

        QCOMPARE(penalised(huge, 0.5f), huge);
        QCOMPARE(penalised(-huge, 2.0f), -huge);
        QCOMPARE(weight_needed(tiny, best_weight), std::uint64_t{1});
        QCOMPARE(weight_needed(1.0f, best_weight + 1), best_weight + 1);
        QCOMPARE(least_weight(0.0f), std::uint64_t{1});
        QCOMPARE(least_weight(1.0f), best_weight);
        QCOMPARE(draw_target(0x1.fffffffffffffp-1, 3), std::uint64_t{2});
        constexpr std::uint64_t many = (std::uint64_t{1} << 57) - 1;
        QVERIFY(draw_target(0x1.fffffffffffffp-1, many) < many);
    }

    void choices_follow_the_definition()
    {
        Random random;
        SamplingScratch scratch;
        for (int trial = 0; trial < 4000; ++trial) {
            const Case c = random_case(random, random.integer(1, trial % 100 == 0 ? 5000 : 200));
            QCOMPARE(choose(c, scratch), plain_choice(c));
        }
    }

    // Uniform numbers at even distances meet every id as often as its probability says.
    void choices_have_their_probability()
    {
        Random random;
        SamplingScratch scratch;
        constexpr int draws = 20000;
        for (const float temperature : {0.5f, 1.0f, 2.0f}) {
            Case c;
            double sum = 0.0;
            for (int id = 0; id < 30; ++id) {
                c.logits.push_back(random.normal(2.0f));
                c.defined.push_back(1);
                sum += std::exp(static_cast<double>(c.logits.back()) / static_cast<double>(temperature));
            }
            c.draw.temperature = temperature;
            std::vector<int> count(30, 0);
            for (int i = 0; i < draws; ++i) {
                c.draw.uniform = (i + 0.5) / draws;
                ++count[static_cast<std::size_t>(choose(c, scratch))];
            }
            for (std::size_t id = 0; id < 30; ++id) {
                const double expected =
                    draws * std::exp(static_cast<double>(c.logits[id]) / static_cast<double>(temperature)) /
                    sum;
                QVERIFY2(std::abs(count[id] - expected) < 1.5,
                         qPrintable(QStringLiteral("%1 instead of %2").arg(count[id]).arg(expected)));
            }
        }
    }

    void ties_go_to_the_lower_id()
    {
        SamplingScratch scratch;
        Case c{{0.0f, 5.0f, -0.0f, 5.0f, 5.0f}, {1, 0, 1, 1, 1}, {}, {}};
        QCOMPARE(choose(c, scratch), 3);
        c.draw = {.temperature = 1.0f, .top_k = 1, .uniform = 0.999};
        QCOMPARE(choose(c, scratch), 3);
        c.draw = {.temperature = 1.0f, .top_p = 0.4f, .uniform = 0.999};
        QCOMPARE(choose(c, scratch), 3);
        c.draw = {.temperature = 1.0f, .top_k = 3, .uniform = 0.999};
        QCOMPARE(choose(c, scratch), 4);
        c.defined = {1, 0, 1, 0, 0};
        c.draw = {};
        QCOMPARE(choose(c, scratch), 0); // zero and minus zero are equal
    }

    void a_token_is_penalised_once()
    {
        SamplingScratch scratch;
        const Case c{{4.0f, 3.0f}, {1, 1}, {0, 0, 0}, {.repeat_penalty = 1.25f}};
        QCOMPARE(choose(c, scratch), 0); // 3.2, and not 2.05
    }

    void infinite_logits_are_refused()
    {
        SamplingScratch scratch;
        for (const float wrong :
             {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
              std::numeric_limits<float>::quiet_NaN()}) {
            for (std::size_t place = 0; place < 3; ++place) {
                Case c{{0.0f, 1.0f, 2.0f}, {1, 1, 0}, {}, {.temperature = 1.0f}};
                c.logits[place] = wrong;
                QCOMPARE(choose(c, scratch), -1);
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestSampling)
#include "test_sampling.moc"
