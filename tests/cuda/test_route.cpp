// SPDX-License-Identifier: MIT
// The router: scores against references in double, choices against kernels/cpu/routing.h on the same scores.
#include "tests/cuda/device_case.h"

#include "kernels/cpu/routing.h"
#include "kernels/cuda/products.h"

#include <QtTest>

#include <algorithm>

using namespace kernels;
using namespace kernels::test;

namespace {

constexpr double tolerance = 1e-5; // sums in fp32

struct Machine
{
    cuda::Device device{0};
};

// Room for choices on the device, with a gap between the rows.
struct DeviceRouting
{
    DeviceRouting(const cuda::Device& device, std::int64_t rows, std::int64_t chosen)
        : m_device(device)
        , m_expert(static_cast<std::size_t>(rows * (chosen + 1)), -7)
        , m_weight(static_cast<std::size_t>(rows * (chosen + 1)), -7.0f)
        , m_device_expert(device, m_expert)
        , m_device_weight(device, m_weight)
        , routing{{m_device_expert.data(), rows, chosen, chosen + 1},
                  {m_device_weight.data(), rows, chosen, chosen + 1}}
    {
    }
    Routing download()
    {
        cuda::copy_to_host(m_device, m_expert.data(), m_device_expert.data(),
                           static_cast<std::int64_t>(m_expert.size() * 4));
        cuda::copy_to_host(m_device, m_weight.data(), m_device_weight.data(),
                           static_cast<std::int64_t>(m_weight.size() * 4));
        m_device.synchronise();
        Routing host = routing;
        host.expert.data = m_expert.data();
        host.weight.data = m_weight.data();
        return host;
    }

private:
    const cuda::Device& m_device;
    std::vector<std::int32_t> m_expert;
    std::vector<float> m_weight;
    DeviceValues<std::int32_t> m_device_expert;
    DeviceValues<float> m_device_weight;

public:
    Routing routing;
};

struct Case
{
    std::int64_t rows = 1;
    std::int64_t hidden = 0;
    Dtype dtype = Dtype::f32;
    RoutingRule rule;
    bool has_ties = false; // experts in pairs of equal weights
};

RoutingRule random_rule(Random& random)
{
    RoutingRule rule;
    rule.n_group = random.integer(1, 8);
    rule.topk_group = random.integer(1, rule.n_group);
    rule.experts = rule.n_group * random.integer(1, 40);
    rule.experts_per_tok =
        random.integer(1, std::min<std::int64_t>(8, rule.topk_group * rule.experts / rule.n_group));
    rule.method = random.one_of<TopkMethod>(
        {TopkMethod::greedy, TopkMethod::group_limited_greedy, TopkMethod::noaux_tc});
    rule.scoring = random.one_of<ScoringFunction>({ScoringFunction::softmax, ScoringFunction::sigmoid});
    rule.norm_topk_prob = random.integer(0, 1) == 1;
    rule.routed_scaling_factor = random.one_of<float>({1.0f, 2.5f, 16.0f});
    return rule;
}

void check(Random& random, const Machine& machine, Case c)
{
    const std::int64_t experts = c.rule.experts;
    const Weights w(random, c.dtype, experts, c.hidden);
    if (c.has_ties)
        for (std::int64_t e = 1; e < experts; e += 2)
            std::copy_n(w.matrix.row(e - 1), w.matrix.row_bytes(), const_cast<std::byte*>(w.matrix.row(e)));
    const Weights norm_weight = norm_weights(random, c.hidden);
    const Norm norm{norm_weight.matrix, 1e-6f};
    const Activations h(random, c.rows, c.hidden);
    const Weights bias(random, Dtype::f32, 1, experts);
    std::vector<float> biases(static_cast<std::size_t>(experts));
    dequantise_row(Dtype::f32, bias.matrix.data, biases.data(), experts);
    if (c.has_ties)
        std::fill(biases.begin(), biases.end(), 0.25f);

    const DeviceMatrices device_w(machine.device, w.matrix);
    const DeviceNorm device_norm(machine.device, norm);
    const DeviceValues<float> device_bias(machine.device, biases);
    const Placement placement = random.one_of<Placement>({Placement::aligned, Placement::misaligned});
    const DeviceRows device_h(machine.device, h.view, placement);
    DeviceRows x(machine.device, c.rows, c.hidden, placement);
    DeviceRows scores(machine.device, c.rows, experts, placement);
    DeviceRouting routing(machine.device, c.rows, c.rule.experts_per_tok);
    if (c.rule.method == TopkMethod::noaux_tc)
        c.rule.correction_bias = {reinterpret_cast<const std::byte*>(device_bias.data()), Dtype::f32, 1,
                                  experts};
    cuda::norm_route(machine.device, x.view, routing.routing, device_h.view, device_norm.norm(),
                     device_w.matrix(), c.rule, scores.view);

    Table normed;
    Table expected_scores;
    for (const Numbers& row : table(View<const float>(h.view))) {
        normed.push_back(rms_norm(table(norm.weight).front(), row, static_cast<double>(norm.eps)));
        expected_scores.push_back(multiply(table(w.matrix), normed.back()));
    }
    COMPARE_NUMBERS("x", x.download(), normed, tolerance);
    const View<const float> logits = scores.download();
    COMPARE_NUMBERS("scores", logits, expected_scores, tolerance);

    const Routing got = routing.download();
    for (std::int64_t t = 0; t < c.rows; ++t) {
        std::vector<float> own(logits.row(t), logits.row(t) + experts);
        std::vector<std::int32_t> expert(static_cast<std::size_t>(c.rule.experts_per_tok));
        std::vector<float> weight(expert.size());
        const bool is_biased = c.rule.method == TopkMethod::noaux_tc;
        cpu::choose_experts(own, is_biased ? std::span<const float>(biases) : std::span<const float>(),
                            c.rule, expert.data(), weight.data());
        for (std::size_t k = 0; k < expert.size(); ++k) {
            QCOMPARE(got.expert.row(t)[k], expert[k]);
            const float error = std::abs(got.weight.row(t)[k] - weight[k]);
            QVERIFY2(error <= 1e-5f * std::abs(weight[k]),
                     qPrintable(QStringLiteral("%1 instead of %2").arg(got.weight.row(t)[k]).arg(weight[k])));
        }
        QCOMPARE(got.expert.row(t)[c.rule.experts_per_tok], -7); // nobody writes into the gap
    }
}

} // namespace

class TestRoute : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    void random_rules()
    {
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 60 && !QTest::currentTestFailed(); ++trial) {
            emulation_set_order(trial % thread_orders);
            Case c;
            c.rule = random_rule(random);
            c.dtype = random.one_of<Dtype>({Dtype::f32, Dtype::bf16});
            c.hidden = random.integer(1, 100);
            c.rows = random.integer(1, 20); // also more than the vector products take
            c.has_ties = trial % 5 == 0;
            check(random, machine, c);
        }
    }

    void the_models_rules_data()
    {
        QTest::addColumn<int>("hidden");
        QTest::addColumn<int>("experts");
        QTest::addColumn<int>("groups");
        QTest::newRow("V2-Lite") << 2048 << 64 << 1;
        QTest::newRow("V2") << 5120 << 160 << 8;
    }
    void the_models_rules()
    {
        QFETCH(int, hidden);
        QFETCH(int, experts);
        QFETCH(int, groups);
        Random random;
        const Machine machine;
        for (const std::int64_t rows : {1, 17}) {
            Case c;
            c.rows = rows;
            c.hidden = hidden;
            c.rule.experts = experts;
            c.rule.experts_per_tok = 6;
            c.rule.n_group = groups;
            c.rule.topk_group = groups > 1 ? 3 : 1;
            c.rule.method = groups > 1 ? TopkMethod::group_limited_greedy : TopkMethod::greedy;
            c.rule.routed_scaling_factor = groups > 1 ? 16.0f : 1.0f;
            check(random, machine, c);
        }
    }

    // One token's numbers are the same in a prompt of many and alone.
    void a_row_gives_the_same_numbers_beside_any_others()
    {
        Random random;
        const Machine machine;
        constexpr std::int64_t hidden = 2048;
        constexpr std::int64_t experts = 64;
        RoutingRule rule;
        rule.experts = experts;
        rule.experts_per_tok = 6;
        const Weights w(random, Dtype::f32, experts, hidden);
        const Weights norm_weight(random, Dtype::f32, 1, hidden);
        const Activations h(random, 21, hidden);
        const DeviceMatrices device_w(machine.device, w.matrix);
        const DeviceNorm device_norm(machine.device, {norm_weight.matrix, 1e-6f});
        const DeviceRows device_h(machine.device, h.view, Placement::aligned);
        const auto scores_of = [&](std::int64_t first, std::int64_t count, DeviceRows& scores) {
            DeviceRows x(machine.device, count, hidden, Placement::aligned);
            DeviceRouting routing(machine.device, count, rule.experts_per_tok);
            cuda::norm_route(machine.device, x.view, routing.routing, device_h.view.slice_rows(first, count),
                             device_norm.norm(), device_w.matrix(), rule, scores.view);
            return scores.download();
        };
        DeviceRows all(machine.device, 21, experts, Placement::aligned);
        const View<const float> together = scores_of(0, 21, all);
        for (const std::int64_t row : {0, 9, 20}) {
            DeviceRows own(machine.device, 1, experts, Placement::aligned);
            QVERIFY(identical(scores_of(row, 1, own),
                              View<const float>{together.row(row), 1, experts, together.stride}));
        }
    }

    // A broken model must not lead the next kernel out of its memory.
    void scores_that_are_no_numbers_choose_some_experts()
    {
        Random random;
        const Machine machine;
        RoutingRule rule;
        rule.experts = 40;
        rule.experts_per_tok = 6;
        const Weights w(random, Dtype::f32, 40, 16);
        const Weights norm_weight(random, Dtype::f32, 1, 16);
        Activations h(1, 16);
        std::fill_n(h.view.row(0), 16, std::numeric_limits<float>::quiet_NaN());
        const DeviceMatrices device_w(machine.device, w.matrix);
        const DeviceNorm device_norm(machine.device, {norm_weight.matrix, 1e-6f});
        const DeviceRows device_h(machine.device, h.view, Placement::aligned);
        DeviceRows x(machine.device, 1, 16, Placement::aligned);
        DeviceRows scores(machine.device, 1, 40, Placement::aligned);
        DeviceRouting routing(machine.device, 1, 6);
        cuda::norm_route(machine.device, x.view, routing.routing, device_h.view, device_norm.norm(),
                         device_w.matrix(), rule, scores.view);
        const Routing got = routing.download();
        for (std::int32_t k = 0; k < 6; ++k)
            QCOMPARE(got.expert.row(0)[k], k);
    }

    void plans_fit_every_card()
    {
        for (const std::int64_t experts : {64, 160, 256, 512}) {
            RoutingRule rule;
            rule.experts = experts;
            for (const std::int64_t rows : {1, 8, 8192}) {
                const cuda::LaunchPlan plan = cuda::plan_route(rows, rule);
                QCOMPARE(static_cast<std::int64_t>(plan.grid[0]), (rows + 3) / 4);
                QVERIFY(plan.shared_bytes <= 48 * 1024);
            }
        }
        // Many rows go eight by eight, and few blocks share the experts of each eight.
        const cuda::DeviceLimits h100{90, 132, 227 * 1024};
        const View<const float> h{nullptr, 8192, 5120, 5120};
        const View<float> scores{nullptr, 8192, 160, 160};
        const std::byte data[1] = {};
        const cuda::LaunchPlan plan = cuda::plan_product(
            {.y = scores, .x = h, .norm = {}, .w0 = {data, Dtype::f32, 160, 5120}, .w1 = {}}, h100);
        QCOMPARE(plan.grid[0], 1u);
        QCOMPARE(plan.grid[1], 1024u);
    }
};

QTEST_APPLESS_MAIN(TestRoute)
#include "test_route.moc"
