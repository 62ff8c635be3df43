// SPDX-License-Identifier: MIT
#include "ui/context_fit.h"

#include <QRandomGenerator>
#include <QTest>

using ui::ContextFit;
using ui::ContextPolicy;
using Messages = std::vector<engine::Message>;

namespace {

// A token for each byte, two marks for each message, one for the whole.
qint64 tokens(const Messages& messages)
{
    qint64 count = 1;
    for (const engine::Message& message : messages)
        count += static_cast<qint64>(message.content.size()) + 2;
    return count;
}

// A system prompt and turns of a question and an answer of 20 letters each.
Messages conversation(int turns)
{
    Messages messages{{"system", "Be kind."}};
    for (int i = 0; i < turns; ++i) {
        messages.push_back({"user", std::string(17, 'q') + std::to_string(100 + i)});
        messages.push_back({"assistant", std::string(17, 'a') + std::to_string(100 + i)});
    }
    messages.push_back({"user", "And now?"});
    return messages;
}

} // namespace

class TestContextFit : public QObject
{
    Q_OBJECT

private slots:
    void namesOfPolicies()
    {
        for (const auto policy : {ContextPolicy::stop, ContextPolicy::oldest, ContextPolicy::middle})
            QCOMPARE(ui::contextPolicy(ui::name(policy)), policy);
        QCOMPARE(ui::contextPolicy(QStringLiteral("rubbish")), ContextPolicy::stop);
    }

    void whatFitsStaysWhole()
    {
        const ContextFit fit(1000, tokens);
        for (const auto policy : {ContextPolicy::stop, ContextPolicy::oldest, ContextPolicy::middle}) {
            const auto fitted = fit.fit(conversation(10), policy, 0, 0);
            QVERIFY(fitted);
            QCOMPARE(fitted->leftOut, 0);
            QCOMPARE(fitted->messages.size(), conversation(10).size());
        }
        QVERIFY(!ContextFit(300, tokens).fit(conversation(10), ContextPolicy::stop, 0, 0));
    }

    // To the token: with this policy nothing is refused that the engine would take.
    void theLastTokenOfTheContext()
    {
        const Messages messages = conversation(10);
        const qint64 size = tokens(messages);
        QVERIFY(ContextFit(size + 1, tokens).fit(messages, ContextPolicy::stop, 0, 0));
        QVERIFY(!ContextFit(size, tokens).fit(messages, ContextPolicy::stop, 0, 0));
    }

    void theOldestTurnsGo()
    {
        const auto fitted = ContextFit(400, tokens).fit(conversation(40), ContextPolicy::oldest, 0, 0);
        QVERIFY(fitted);
        QCOMPARE(fitted->messages.front().role, std::string("system"));
        QCOMPARE(fitted->messages[1].role, std::string("user"));
        QCOMPARE(fitted->messages.back().content, std::string("And now?"));
        QCOMPARE(fitted->at, 1);
        QCOMPARE(fitted->leftOut % 2, 0);
        QCOMPARE(fitted->messages.size() + static_cast<std::size_t>(fitted->leftOut),
                 conversation(40).size());
        QVERIFY(tokens(fitted->messages) <= 200);
        QVERIFY(tokens(fitted->messages) > 100); // and no more than needed
    }

    void theMiddleGoes()
    {
        const Messages all = conversation(40);
        const auto fitted = ContextFit(400, tokens).fit(all, ContextPolicy::middle, 0, 0);
        QVERIFY(fitted);
        QCOMPARE(fitted->at, 3); // behind the system prompt and the first turn
        QCOMPARE(fitted->messages[1].content, all[1].content);
        QCOMPARE(fitted->messages[2].content, all[2].content);
        QCOMPARE(fitted->messages[3].role, std::string("user"));
        QCOMPARE(fitted->messages.back().content, std::string("And now?"));
        QVERIFY(tokens(fitted->messages) <= 200);
    }

    // The beginning of the prompt stays the same from turn to turn, so that its cache serves.
    void theBoundaryMovesSeldom()
    {
        const ContextFit fit(400, tokens);
        qint64 leftOut = 0;
        int moves = 0;
        for (int turns = 1; turns < 60; ++turns) {
            const auto fitted = fit.fit(conversation(turns), ContextPolicy::oldest, 0, leftOut);
            QVERIFY(fitted);
            QVERIFY(tokens(fitted->messages) <= 300);
            QVERIFY(fitted->leftOut >= leftOut);
            moves += fitted->leftOut != leftOut;
            leftOut = fitted->leftOut;
        }
        QVERIFY(moves > 5);
        QVERIFY2(moves < 25, qPrintable(QString::number(moves)));
    }

    void theWantedNumberIsLeftOutAgain()
    {
        const ContextFit fit(400, tokens);
        const auto freely = fit.fit(conversation(40), ContextPolicy::oldest, 0, 0);
        const auto again = fit.fit(conversation(40), ContextPolicy::oldest, 0, freely->leftOut - 2);
        QCOMPARE(again->leftOut, freely->leftOut - 2);
        // Not where it would cut a turn, or would not be enough.
        QCOMPARE(fit.fit(conversation(40), ContextPolicy::oldest, 0, freely->leftOut - 1)->leftOut,
                 freely->leftOut);
        QCOMPARE(fit.fit(conversation(40), ContextPolicy::oldest, 0, 2)->leftOut, freely->leftOut);
    }

    void aMessageThatIsTooLongAlone()
    {
        Messages messages = conversation(3);
        messages.back().content = std::string(5000, 'x');
        for (const auto policy : {ContextPolicy::stop, ContextPolicy::oldest, ContextPolicy::middle})
            QVERIFY(!ContextFit(400, tokens).fit(messages, policy, 0, 0));
        // The first turn must stay, and is too long.
        messages = conversation(30);
        messages[1].content = std::string(500, 'x');
        QVERIFY(!ContextFit(400, tokens).fit(messages, ContextPolicy::middle, 0, 0));
        QVERIFY(ContextFit(400, tokens).fit(messages, ContextPolicy::oldest, 0, 0));
    }

    void countsNoMoreThanItNeeds()
    {
        qint64 counted = 0;
        const ContextFit fit(1000, [&counted](const Messages& messages) {
            const qint64 count = tokens(messages);
            counted += count;
            return count;
        });
        QVERIFY(fit.fit(conversation(20'000), ContextPolicy::oldest, 0, 0));
        QVERIFY2(counted < 20'000, qPrintable(QString::number(counted)));
    }

    void anything()
    {
        const quint32 seed = QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        for (int round = 0; round < 2000; ++round) {
            Messages messages;
            const int count = random.bounded(12);
            for (int i = 0; i < count; ++i) {
                static const char* const roles[] = {"user", "assistant", "system"};
                messages.push_back({roles[random.bounded(3)], std::string(random.bounded(120u), 'x')});
            }
            const qint64 context = 8 + random.bounded(300);
            const auto policy = static_cast<ContextPolicy>(random.bounded(3));
            const auto fitted =
                ContextFit(context, tokens).fit(messages, policy, random.bounded(2) * 30, random.bounded(6));
            if (!fitted)
                continue;
            QVERIFY(tokens(fitted->messages) < context);
            QCOMPARE(fitted->messages.size() + static_cast<std::size_t>(fitted->leftOut), messages.size());
            QVERIFY(policy != ContextPolicy::stop || fitted->leftOut == 0);
            if (fitted->leftOut > 0) {
                const auto begin = static_cast<std::size_t>(fitted->at + fitted->leftOut);
                QCOMPARE(messages[begin].role, std::string("user"));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestContextFit)
#include "test_context_fit.moc"
