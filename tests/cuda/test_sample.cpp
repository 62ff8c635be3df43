// SPDX-License-Identifier: MIT
// The choice of a token on the device: the same id as kernels/sampling.h chooses, always.
#include "tests/cuda/device_case.h"

#include "kernels/cuda/sample.h"
#include "kernels/sampling.h"

#include <QtTest>

using namespace kernels;
using namespace kernels::test;

namespace {

struct Machine
{
    cuda::Device device{0};
};

struct Row
{
    std::vector<float> logits;
    TokenDraw draw;
    std::vector<std::int32_t> recent;
};

// Logits from a grid where `steps` says so, so that many are equal.
Row random_row(Random& random, std::int64_t vocabulary)
{
    Row row;
    const float spread = random.one_of<float>({0.1f, 1.0f, 3.0f, 10.0f});
    const float steps = random.one_of<float>({0.0f, 1.0f, 4.0f});
    for (std::int64_t id = 0; id < vocabulary; ++id) {
        const float logit = random.normal(spread);
        row.logits.push_back(steps > 0.0f ? std::round(logit * steps) / steps : logit);
    }
    for (std::int64_t i = random.integer(0, 20); i > 0; --i)
        row.recent.push_back(static_cast<std::int32_t>(random.integer(0, vocabulary - 1)));
    row.draw.temperature = random.one_of<float>({0.0f, 0.01f, 0.7f, 1.0f, 1.0f, 5.0f});
    row.draw.top_k =
        static_cast<std::int32_t>(random.one_of<std::int64_t>({0, 0, 1, 2, 20, 60, vocabulary + 1}));
    row.draw.top_p = random.one_of<float>({1.0f, 1.0f, 0.999f, 0.9f, 0.5f, 1e-30f});
    row.draw.min_p = random.one_of<float>({0.0f, 0.0f, 0.001f, 0.05f, 1.0f});
    row.draw.repeat_penalty = random.one_of<float>({1.0f, 1.05f, 0.5f, 1e30f, 1e-30f});
    row.draw.uniform = static_cast<double>(random.integer(0, (std::int64_t{1} << 53) - 1)) * 0x1p-53;
    return row;
}

std::vector<std::uint8_t> random_defined(Random& random, std::int64_t vocabulary)
{
    std::vector<std::uint8_t> defined;
    for (std::int64_t id = 0; id < vocabulary; ++id)
        defined.push_back(random.integer(0, 9) > 0 ? 1 : 0);
    defined[static_cast<std::size_t>(random.integer(0, vocabulary - 1))] = 1;
    return defined;
}

// One launch for all rows.
std::vector<std::int32_t> chosen_by_device(const Machine& machine, const std::vector<Row>& rows,
                                           const std::vector<std::uint8_t>& defined)
{
    const auto count = static_cast<std::int64_t>(rows.size());
    const auto vocabulary = static_cast<std::int64_t>(defined.size());
    Activations logits(count, vocabulary);
    std::vector<cuda::Draw> draws;
    std::vector<std::int32_t> recent{-1}; // never read
    for (std::int64_t t = 0; t < count; ++t) {
        const Row& row = rows[static_cast<std::size_t>(t)];
        std::copy(row.logits.begin(), row.logits.end(), logits.view.row(t));
        draws.push_back({.temperature = row.draw.temperature,
                         .top_k = row.draw.top_k,
                         .top_p = row.draw.top_p,
                         .min_p = row.draw.min_p,
                         .repeat_penalty = row.draw.repeat_penalty,
                         .recent_first = static_cast<std::int32_t>(recent.size()),
                         .recent_count = static_cast<std::int32_t>(row.recent.size()),
                         .uniform = row.draw.uniform});
        recent.insert(recent.end(), row.recent.begin(), row.recent.end());
    }
    std::vector<std::int32_t> ids(rows.size(), -2);
    const DeviceRows device_logits(machine.device, logits.view, Placement::misaligned);
    const DeviceValues<cuda::Draw> device_draws(machine.device, draws);
    const DeviceValues<std::int32_t> device_recent(machine.device, recent);
    const DeviceValues<std::uint8_t> device_defined(machine.device, defined);
    const DeviceValues<std::int32_t> device_ids(machine.device, ids);
    const cuda::DeviceBuffer workspace(machine.device, cuda::sample_workspace_bytes(count, vocabulary));
    cuda::sample(machine.device, device_ids.data(), device_logits.view, device_draws.data(),
                 device_recent.data(), device_defined.data(), workspace.data());
    cuda::copy_to_host(machine.device, ids.data(), device_ids.data(), 4 * count);
    machine.device.synchronise();
    return ids;
}

QString first_difference(const Machine& machine, const std::vector<Row>& rows,
                         const std::vector<std::uint8_t>& defined)
{
    const std::vector<std::int32_t> ids = chosen_by_device(machine, rows, defined);
    SamplingScratch scratch;
    for (std::size_t t = 0; t < rows.size(); ++t) {
        const TokenDraw& draw = rows[t].draw;
        const std::int32_t expected = choose(rows[t].logits, draw, rows[t].recent, defined, scratch);
        if (ids[t] != expected)
            return QStringLiteral(
                       "row %1 of %2: %3 instead of %4; temperature %5, top-k %6, top-p %7, min-p %8, "
                       "penalty %9")
                .arg(t)
                .arg(rows[t].logits.size())
                .arg(ids[t])
                .arg(expected)
                .arg(draw.temperature)
                .arg(draw.top_k)
                .arg(draw.top_p)
                .arg(draw.min_p)
                .arg(draw.repeat_penalty);
    }
    return {};
}

} // namespace

class TestSample : public QObject
{
    Q_OBJECT

private slots:
    void init() { emulation_reset(); }

    // Blocks of one and of several warps, in every order of threads.
    void choices_are_those_of_the_processor()
    {
        Random random;
        const Machine machine;
        for (int trial = 0; trial < 60; ++trial) {
            emulation_set_order(trial % thread_orders);
            const std::int64_t vocabulary = random.integer(1, trial % 6 == 0 ? 1500 : 250);
            const std::vector<std::uint8_t> defined = random_defined(random, vocabulary);
            std::vector<Row> rows;
            for (int t = trial % 6 == 0 ? 4 : 60; t > 0; --t)
                rows.push_back(random_row(random, vocabulary));
            const QString wrong = first_difference(machine, rows, defined);
            QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        }
    }

    // The model's vocabulary in a block of 32 warps, with the settings of a conversation and the widest ones.
    void the_models_vocabulary()
    {
        Random random;
        const Machine machine;
        const std::vector<std::uint8_t> defined = random_defined(random, 102400);
        std::vector<Row> rows;
        for (const TokenDraw& draw :
             {TokenDraw{.temperature = 0.7f,
             .top_p = 0.9f,
             .min_p = 0.05f,
             .repeat_penalty = 1.05f,
             .uniform = 0.4},
              TokenDraw{.temperature = 1.0f, .top_k = 40, .top_p = 0.95f, .uniform = 0.8},
              TokenDraw{.temperature = 2.0f, .top_p = 0.99f, .uniform = 0.6}}) {
            Row& row = rows.emplace_back(random_row(random, 102400));
            row.draw = draw;
        }
        const QString wrong = first_difference(machine, rows, defined);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void ties_go_to_the_lower_id()
    {
        const Machine machine;
        const std::vector<std::uint8_t> defined{1, 0, 1, 1, 1};
        const std::vector<float> logits{0.0f, 5.0f, -0.0f, 5.0f, 5.0f};
        const std::vector<Row> rows{{logits, {}, {}},
                                    {logits, {.temperature = 1.0f, .top_k = 1, .uniform = 0.999}, {}},
                                    {logits, {.temperature = 1.0f, .top_p = 0.4f, .uniform = 0.999}, {}},
                                    {logits, {.temperature = 1.0f, .top_k = 3, .uniform = 0.999}, {}},
                                    {{-0.0f, 1.0f, 0.0f, -1.0f, -1.0f}, {}, {}}};
        QCOMPARE(chosen_by_device(machine, rows, defined), (std::vector<std::int32_t>{3, 3, 3, 4, 0}));
    }

    void infinite_logits_are_refused()
    {
        Random random;
        const Machine machine;
        const std::vector<std::uint8_t> defined = random_defined(random, 100);
        std::vector<Row> rows;
        for (const float wrong :
             {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
              std::numeric_limits<float>::quiet_NaN()})
            for (const std::size_t place : {std::size_t{0}, std::size_t{50}, std::size_t{99}})
                rows.emplace_back(random_row(random, 100)).logits[place] = wrong;
        QCOMPARE(chosen_by_device(machine, rows, defined), std::vector<std::int32_t>(rows.size(), -1));
    }

    void plans()
    {
        QCOMPARE(cuda::plan_sample(3, 102400).grid[0], 3u);
        QCOMPARE(cuda::plan_sample(3, 102400).threads, 1024u);
        QCOMPARE(cuda::plan_sample(1, 1).threads, 32u);
        QCOMPARE(cuda::plan_sample(0, 100).grid[0], 0u);
        // Room for two words for each id of each row.
        QVERIFY(cuda::sample_workspace_bytes(8, 102400) >= 8 * 102400 * 8);
        QCOMPARE(cuda::sample_workspace_bytes(0, 102400), 0);
    }
};

QTEST_APPLESS_MAIN(TestSample)
#include "test_sample.moc"
