// SPDX-License-Identifier: MIT
#include "tests/kernels/support.h"

#include "kernels/cpu/routing.h"

#include <QTest>

#include <numeric>

using namespace kernels;
using kernels::test::Random;

namespace {

struct Choice
{
    std::vector<std::int32_t> expert;
    std::vector<float> weight;
};

Choice choose(std::vector<float> logits, const std::vector<float>& bias, const RoutingRule& rule)
{
    Choice choice;
    choice.expert.resize(static_cast<std::size_t>(rule.experts_per_tok), -1);
    choice.weight.resize(static_cast<std::size_t>(rule.experts_per_tok), -1.0f);
    cpu::choose_experts(logits, bias, rule, choice.expert.data(), choice.weight.data());
    return choice;
}

// Logits whose softmax is in proportion to the scores.
std::vector<float> logits_of(const std::vector<float>& scores)
{
    std::vector<float> logits;
    for (const float score : scores)
        logits.push_back(std::log(score));
    return logits;
}

// Sorting instead of insertion, double instead of float.
Choice by_sorting(const std::vector<float>& logits, const std::vector<float>& bias, const RoutingRule& rule)
{
    std::vector<double> scores;
    double sum = 0.0;
    for (const float logit : logits) {
        const double e = std::exp(static_cast<double>(logit));
        scores.push_back(rule.scoring == ScoringFunction::softmax ? e : e / (1.0 + e));
        sum += e;
    }
    if (rule.scoring == ScoringFunction::softmax)
        for (double& score : scores)
            score /= sum;
    std::vector<double> candidates = scores;
    if (rule.method == TopkMethod::noaux_tc)
        for (std::size_t e = 0; e < candidates.size(); ++e)
            candidates[e] += static_cast<double>(bias[e]);
    const auto best_first = [](const std::vector<double>& values) {
        std::vector<std::size_t> order(values.size());
        std::iota(order.begin(), order.end(), std::size_t{0});
        std::stable_sort(order.begin(), order.end(),
                         [&](std::size_t a, std::size_t b) { return values[a] > values[b]; });
        return order;
    };
    if (rule.method != TopkMethod::greedy) {
        const std::size_t width = candidates.size() / static_cast<std::size_t>(rule.n_group);
        std::vector<double> group_scores;
        for (std::size_t g = 0; g < static_cast<std::size_t>(rule.n_group); ++g) {
            std::vector<double> own(candidates.begin() + static_cast<std::ptrdiff_t>(g * width),
                                    candidates.begin() + static_cast<std::ptrdiff_t>((g + 1) * width));
            std::sort(own.rbegin(), own.rend());
            group_scores.push_back(rule.method == TopkMethod::noaux_tc && width > 1 ? own[0] + own[1]
                                                                                    : own[0]);
        }
        const std::vector<std::size_t> order = best_first(group_scores);
        for (std::size_t g = static_cast<std::size_t>(rule.topk_group); g < order.size(); ++g)
            std::fill_n(candidates.begin() + static_cast<std::ptrdiff_t>(order[g] * width), width, -INFINITY);
    }
    Choice choice;
    double chosen_sum = 0.0;
    const std::vector<std::size_t> order = best_first(candidates);
    for (std::size_t k = 0; k < static_cast<std::size_t>(rule.experts_per_tok); ++k)
        chosen_sum += scores[order[k]];
    const bool version_3 = rule.method == TopkMethod::noaux_tc;
    const bool normalised = rule.norm_topk_prob && (version_3 || rule.experts_per_tok > 1);
    for (std::size_t k = 0; k < static_cast<std::size_t>(rule.experts_per_tok); ++k) {
        double weight = scores[order[k]];
        if (normalised)
            weight /= chosen_sum;
        if (!normalised || version_3)
            weight *= static_cast<double>(rule.routed_scaling_factor);
        choice.expert.push_back(static_cast<std::int32_t>(order[k]));
        choice.weight.push_back(static_cast<float>(weight));
    }
    return choice;
}

} // namespace

class TestRouting : public QObject
{
    Q_OBJECT

private slots:
    void greedy_takes_the_best()
    {
        const RoutingRule rule{.experts = 5, .experts_per_tok = 2, .routed_scaling_factor = 16.0f};
        const Choice choice = choose(logits_of({0.1f, 0.3f, 0.05f, 0.35f, 0.2f}), {}, rule);
        QCOMPARE(choice.expert, (std::vector<std::int32_t>{3, 1}));
        QVERIFY(std::abs(choice.weight[0] - 16.0f * 0.35f) < 1e-5f);
        QVERIFY(std::abs(choice.weight[1] - 16.0f * 0.3f) < 1e-5f);
    }

    // The second best expert of all sits in a group whose best is beaten by two other groups.
    void groups_limit_the_choice()
    {
        const RoutingRule rule{.experts = 6,
                               .experts_per_tok = 3,
                               .n_group = 3,
                               .topk_group = 2,
                               .method = TopkMethod::group_limited_greedy};
        const Choice choice = choose(logits_of({0.30f, 0.02f, 0.22f, 0.21f, 0.24f, 0.01f}), {}, rule);
        QCOMPARE(choice.expert, (std::vector<std::int32_t>{0, 4, 1}));
    }

    // The bias moves the choice, not the weight; a group counts by its two best.
    void bias_chooses_but_does_not_weigh()
    {
        const RoutingRule rule{.experts = 4,
                               .experts_per_tok = 2,
                               .n_group = 2,
                               .topk_group = 1,
                               .method = TopkMethod::noaux_tc,
                               .scoring = ScoringFunction::sigmoid,
                               .norm_topk_prob = true,
                               .routed_scaling_factor = 2.5f};
        // sigmoid scores 0.9, 0.1 | 0.6, 0.2; with the bias 0.9, 0.1 | 0.6, 0.7: the second group has 1.3
        const auto logit = [](float p) { return std::log(p / (1.0f - p)); };
        const Choice choice =
            choose({logit(0.9f), logit(0.1f), logit(0.6f), logit(0.2f)}, {0.0f, 0.0f, 0.0f, 0.5f}, rule);
        QCOMPARE(choice.expert, (std::vector<std::int32_t>{3, 2}));
        QVERIFY(std::abs(choice.weight[0] - 2.5f * 0.25f) < 1e-5f);
        QVERIFY(std::abs(choice.weight[1] - 2.5f * 0.75f) < 1e-5f);
    }

    void ties_go_to_the_lower_index()
    {
        const std::vector<float> equal(8, 0.5f);
        RoutingRule rule{.experts = 8, .experts_per_tok = 3, .n_group = 4, .topk_group = 2};
        for (const TopkMethod method :
             {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc}) {
            rule.method = method;
            const Choice choice = choose(equal, std::vector<float>(8, 0.0f), rule);
            QCOMPARE(choice.expert, (std::vector<std::int32_t>{0, 1, 2}));
        }
    }

    // A broken model must not lead to an index outside the experts.
    void not_a_number_still_chooses_experts()
    {
        const std::vector<float> broken(8, std::numeric_limits<float>::quiet_NaN());
        RoutingRule rule{.experts = 8, .experts_per_tok = 3, .n_group = 4, .topk_group = 2};
        for (const TopkMethod method :
             {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc}) {
            rule.method = method;
            const Choice choice = choose(broken, broken, rule);
            QCOMPARE(choice.expert, (std::vector<std::int32_t>{0, 1, 2}));
        }
    }

    void random_rules_agree_with_sorting()
    {
        Random random;
        for (int trial = 0; trial < 3000; ++trial) {
            RoutingRule rule;
            rule.n_group = random.integer(1, 8);
            rule.topk_group = random.integer(1, rule.n_group);
            const std::int64_t width = random.integer(1, 20);
            rule.experts = rule.n_group * width;
            rule.method = random.one_of<TopkMethod>(
                {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc});
            const std::int64_t most =
                rule.method == TopkMethod::greedy ? rule.experts : rule.topk_group * width;
            rule.experts_per_tok = random.integer(1, std::min<std::int64_t>(most, 8));
            rule.scoring =
                rule.method == TopkMethod::noaux_tc
                    ? random.one_of<ScoringFunction>({ScoringFunction::softmax, ScoringFunction::sigmoid})
                    : ScoringFunction::softmax;
            rule.norm_topk_prob = random.integer(0, 1) == 1;
            rule.routed_scaling_factor = 2.5f;
            std::vector<float> logits;
            std::vector<float> bias;
            for (std::int64_t e = 0; e < rule.experts; ++e) {
                // Steps that float and double tell apart alike, so that no near tie decides.
                logits.push_back(0.01f * static_cast<float>(random.integer(-300, 300)));
                bias.push_back(rule.scoring == ScoringFunction::sigmoid
                                   ? static_cast<float>(random.integer(0, 2))
                                   : 0.0f);
            }
            const Choice got = choose(logits, bias, rule);
            const Choice expected = by_sorting(logits, bias, rule);
            QCOMPARE(got.expert, expected.expert);
            for (std::size_t k = 0; k < got.weight.size(); ++k)
                QVERIFY(std::abs(got.weight[k] - expected.weight[k]) <= 1e-5f * std::abs(expected.weight[k]));
        }
    }
};

QTEST_APPLESS_MAIN(TestRouting)
#include "test_routing.moc"
