// SPDX-License-Identifier: MIT
// The forward pass against golden logits: every naming scheme and form of the weights, every way of feeding,
// both forms of attention, every instruction set.
#include "engine/evaluator.h"
#include "kernels/cpu/isa.h"
#include "tests/engine/golden.h"

#include <QTest>

#include <algorithm>

using engine::CacheType;
using engine::Evaluator;
using engine::LoadOptions;
using kernels::AttentionForm;

namespace {

constexpr double tolerance = 1e-4; // of the largest logit of a position

struct Way // of feeding a prompt
{
    const char* name;
    std::int64_t chunk;
    std::optional<AttentionForm> form;
};
const Way ways[] = {
    {"at once", 256, {}},
    {"at once, absorbed", 256, AttentionForm::absorbed},
    {"at once, de-compressed", 256, AttentionForm::decompressed},
    {"token by token", 1, {}},
    {"token by token, de-compressed", 1, AttentionForm::decompressed},
    {"in sevens", 7, {}},
    {"in sevens, absorbed", 7, AttentionForm::absorbed},
    {"in sevens, de-compressed", 7, AttentionForm::decompressed},
};

LoadOptions options_for(const std::string& isa, std::int64_t chunk)
{
    LoadOptions options;
    options.threads = isa == "scalar" ? 1 : 2;
    options.isa = isa;
    options.cache_type = CacheType::f32;
    options.context_tokens = 128;
    options.chunk_tokens = chunk;
    return options;
}

void add_cases()
{
    QTest::addColumn<int>("index");
    QTest::addColumn<QString>("isa");
    const auto cases = golden::cases();
    for (int i = 0; i < static_cast<int>(cases.size()); ++i)
        for (const kernels::cpu::Isa isa : kernels::cpu::all_isas)
            if (kernels::cpu::supported(isa)) {
                const QString name = QString::fromStdString(std::string(kernels::cpu::name(isa)));
                QTest::newRow(
                    qPrintable(QString::fromStdString(cases[static_cast<std::size_t>(i)].name) + " " + name))
                    << i << name;
            }
}

} // namespace

class TestForward : public QObject
{
    Q_OBJECT

private slots:
    void logits_data() { add_cases(); }
    void logits()
    {
        QFETCH(int, index);
        QFETCH(QString, isa);
        const golden::Case c = golden::cases()[static_cast<std::size_t>(index)];
        const auto prompt = golden::prompt_of(c);
        const golden::Table expected = golden::read_logits(c.expected);
        QCOMPARE(expected.rows, prompt.size());

        for (const Way& way : ways) {
            Evaluator evaluator(c.model, options_for(isa.toStdString(), way.chunk));
            evaluator.set_form(way.form);
            std::size_t seen = 0;
            double worst = 0;
            std::int64_t worst_position = 0;
            QVERIFY(evaluator.feed(prompt, Evaluator::Output::all,
                                   [&](std::size_t, std::int64_t position, std::span<const float> row) {
                                       const double d = golden::difference(
                                           row, expected.row(static_cast<std::size_t>(position)));
                                       if (!(d <= worst)) {
                                           worst = d;
                                           worst_position = position;
                                       }
                                       ++seen;
                                   }));
            QCOMPARE(seen, prompt.size());
            QVERIFY2(
                worst <= tolerance,
                qPrintable(QString("%1: %2 at position %3").arg(way.name).arg(worst).arg(worst_position)));
        }
    }

    void greedy_data() { add_cases(); }
    void greedy()
    {
        QFETCH(int, index);
        QFETCH(QString, isa);
        const golden::Case c = golden::cases()[static_cast<std::size_t>(index)];
        Evaluator evaluator(c.model, options_for(isa.toStdString(), 256));
        std::vector<std::int32_t> next = golden::prompt_of(c);
        std::vector<std::int32_t> chosen;
        const auto wanted = golden::greedy_of(c);
        while (chosen.size() < wanted.size()) {
            QVERIFY(evaluator.feed(
                next, Evaluator::Output::last, [&](std::size_t, std::int64_t, std::span<const float> row) {
                    chosen.push_back(
                        static_cast<std::int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
                }));
            next = {chosen.back()};
        }
        if (c.has_greedy)
            QCOMPARE(chosen, wanted);
        QCOMPARE(evaluator.position(),
                 static_cast<std::int64_t>(golden::prompt_of(c).size() + wanted.size()) - 1);
    }

    // Two sequences in the same passes, one of them behind the other, give what each gives alone.
    void two_streams()
    {
        const golden::Case c = golden::cases()[1];
        const auto prompt = golden::prompt_of(c);
        const golden::Table expected = golden::read_logits(c.expected);
        for (const std::int64_t chunk : {5, 64}) {
            Evaluator evaluator(c.model, options_for("", chunk), 2);
            std::vector<double> worst(2, 0.0);
            std::vector<std::size_t> seen(2, 0);
            const auto check = [&](std::size_t stream, std::int64_t position, std::span<const float> row) {
                worst[stream] = std::max(
                    worst[stream], golden::difference(row, expected.row(static_cast<std::size_t>(position))));
                ++seen[stream];
            };
            const std::span<const std::int32_t> all(prompt);
            const std::span<const std::int32_t> first[] = {all.first(9), all.first(1)};
            const std::span<const std::int32_t> second[] = {all.subspan(9, 1), all.subspan(1)};
            const std::span<const std::int32_t> third[] = {all.subspan(10), {}};
            for (const auto& part : {std::span(first), std::span(second), std::span(third)})
                QVERIFY(evaluator.feed(part, Evaluator::Output::all, check));
            for (const std::size_t s : {0, 1}) {
                QCOMPARE(seen[s], prompt.size());
                QVERIFY2(worst[s] <= tolerance, qPrintable(QString::number(worst[s])));
            }
        }
    }

    // A cache in bf16 loses little.
    void bf16_cache()
    {
        const golden::Case c = golden::cases()[0];
        const golden::Table expected = golden::read_logits(c.expected);
        LoadOptions options = options_for("", 256);
        options.cache_type = CacheType::bf16;
        Evaluator evaluator(c.model, options);
        double worst = 0;
        QVERIFY(evaluator.feed(
            golden::prompt_of(c), Evaluator::Output::all,
            [&](std::size_t, std::int64_t position, std::span<const float> row) {
                worst = std::max(worst,
                                 golden::difference(row, expected.row(static_cast<std::size_t>(position))));
            }));
        QVERIFY2(worst > 1e-7 && worst < 0.1, qPrintable(QString::number(worst)));
    }

    // Going back and reading on gives the same numbers as reading once.
    void rewind()
    {
        const golden::Case c = golden::cases()[0];
        const auto prompt = golden::prompt_of(c);
        const golden::Table expected = golden::read_logits(c.expected);
        Evaluator evaluator(c.model, options_for("", 256));
        std::vector<std::int32_t> other(70, prompt[3]);
        const auto ignore = [](std::size_t, std::int64_t, std::span<const float>) {};
        QVERIFY(evaluator.feed(std::span(prompt).first(10), Evaluator::Output::none, ignore));
        QVERIFY(evaluator.feed(other, Evaluator::Output::none, ignore));
        evaluator.rewind(0, 10);
        QCOMPARE(evaluator.position(), 10);
        double worst = 0;
        QVERIFY(evaluator.feed(
            std::span(prompt).subspan(10), Evaluator::Output::all,
            [&](std::size_t, std::int64_t position, std::span<const float> row) {
                worst = std::max(worst,
                                 golden::difference(row, expected.row(static_cast<std::size_t>(position))));
            }));
        QVERIFY2(worst <= tolerance, qPrintable(QString::number(worst)));
    }

    void form_is_chosen_by_cost()
    {
        const auto form = [](std::int64_t heads, std::int64_t count, std::int64_t position) {
            const kernels::AttentionShape published{heads, 128, 64, 128, 512, 0.1f};
            const kernels::Segment segment{0, count, position, {}};
            return engine::choose_form(published, std::span(&segment, 1));
        };
        for (const std::int64_t heads : {16, 128}) {
            // After a long prefix both cost the same at 170.7 new tokens.
            QCOMPARE(form(heads, 170, 1 << 20), AttentionForm::absorbed);
            QCOMPARE(form(heads, 171, 1 << 20), AttentionForm::decompressed);
            QCOMPARE(form(heads, 2, 0), AttentionForm::decompressed);
            QCOMPARE(form(heads, 1, 0), AttentionForm::absorbed);
            QCOMPARE(form(heads, 1, 100), AttentionForm::absorbed);
        }
    }
};

QTEST_APPLESS_MAIN(TestForward)
#include "test_forward.moc"
