// SPDX-License-Identifier: MIT
#include "ui/context_fit.h"

#include <QRandomGenerator>
#include <QTest>

#include <algorithm>

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
            const auto fitted = fit.fit(conversation(10), {.policy = policy}, 0);
            QVERIFY(fitted);
            QCOMPARE(fitted->leftOut, 0);
            QCOMPARE(fitted->messages.size(), conversation(10).size());
        }
        QVERIFY(!ContextFit(300, tokens).fit(conversation(10), {.policy = ContextPolicy::stop}, 0));
    }

    // To the token: with this policy nothing is refused that the engine would take.
    void theLastTokenOfTheContext()
    {
        const Messages messages = conversation(10);
        const qint64 size = tokens(messages);
        QVERIFY(ContextFit(size + 1, tokens).fit(messages, {.policy = ContextPolicy::stop}, 0));
        QVERIFY(!ContextFit(size, tokens).fit(messages, {.policy = ContextPolicy::stop}, 0));
    }

    void theOldestTurnsGo()
    {
        const auto fitted =
            ContextFit(400, tokens).fit(conversation(40), {.policy = ContextPolicy::oldest}, 0);
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
        const auto fitted = ContextFit(400, tokens).fit(all, {.policy = ContextPolicy::middle}, 0);
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
        qint64 keepFrom = 0;
        int moves = 0;
        for (int turns = 1; turns < 60; ++turns) {
            const auto fitted =
                fit.fit(conversation(turns), {.policy = ContextPolicy::oldest, .keepFrom = keepFrom}, 0);
            QVERIFY(fitted);
            QVERIFY(tokens(fitted->messages) <= 300);
            QVERIFY(fitted->leftOut >= leftOut);
            moves += fitted->leftOut != leftOut;
            leftOut = fitted->leftOut;
            keepFrom = leftOut > 0 ? fitted->at + leftOut : 0;
        }
        QVERIFY(moves > 5);
        QVERIFY2(moves < 25, qPrintable(QString::number(moves)));
    }

    void theWantedNumberIsLeftOutAgain()
    {
        const ContextFit fit(400, tokens);
        const auto freely = fit.fit(conversation(40), {.policy = ContextPolicy::oldest}, 0);
        const auto keepingFrom = [&fit](qint64 row) {
            return *fit.fit(conversation(40), {.policy = ContextPolicy::oldest, .keepFrom = row}, 0);
        };
        const qint64 begin = freely->at + freely->leftOut;
        const auto again = keepingFrom(begin - 2);
        QCOMPARE(again.leftOut, freely->leftOut - 2);
        // Not where it would cut a turn, or would not be enough.
        QCOMPARE(keepingFrom(begin - 1).leftOut, freely->leftOut);
        QCOMPARE(keepingFrom(3).leftOut, freely->leftOut);
    }

    void aMessageThatIsTooLongAlone()
    {
        Messages messages = conversation(3);
        messages.back().content = std::string(5000, 'x');
        for (const auto policy : {ContextPolicy::stop, ContextPolicy::oldest, ContextPolicy::middle})
            QVERIFY(!ContextFit(400, tokens).fit(messages, {.policy = policy}, 0));
        // The first turn must stay, and is too long.
        messages = conversation(30);
        messages[1].content = std::string(500, 'x');
        QVERIFY(!ContextFit(400, tokens).fit(messages, {.policy = ContextPolicy::middle}, 0));
        QVERIFY(ContextFit(400, tokens).fit(messages, {.policy = ContextPolicy::oldest}, 0));
    }

    void countsNoMoreThanItNeeds()
    {
        qint64 counted = 0;
        const ContextFit fit(1000, [&counted](const Messages& messages) {
            const qint64 count = tokens(messages);
            counted += count;
            return count;
        });
        QVERIFY(fit.fit(conversation(20'000), {.policy = ContextPolicy::oldest}, 0));
        QVERIFY2(counted < 20'000, qPrintable(QString::number(counted)));
    }

    // What no context could hold need not be read: the beginning and the end give the same.
    void thePartsServeAsTheWhole()
    {
        const quint32 seed = QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        int parted = 0;
        for (int round = 0; round < 2000; ++round) {
            Messages messages;
            if (random.bounded(2) == 0)
                messages.push_back({"system", std::string(random.bounded(20u), 's')});
            const int count = 1 + random.bounded(60);
            for (int i = 0; i < count; ++i)
                messages.push_back({i % 2 == 0 || random.bounded(9) == 0 ? "user" : "assistant",
                                    std::string(random.bounded(60u), 'x')});
            const qint64 context = 60 + random.bounded(400);
            ui::Fitting fitting{.policy = static_cast<ContextPolicy>(random.bounded(3)),
                                .keepFrom = random.bounded(count)};
            for (std::size_t i = 0; i < messages.size(); ++i)
                fitting.rows.push_back(static_cast<qint64>(i) + (messages[0].role == "system" ? -1 : 0));
            const auto whole = ContextFit(context, tokens).fit(messages, fitting, 0);

            std::size_t end = messages.size();
            for (qint64 size = 0; size <= context && end > 0;)
                size += tokens({messages[--end]}) - 1;
            const auto isUser = [](const engine::Message& message) { return message.role == "user"; };
            const auto first = std::find_if(messages.begin(), messages.end(), isUser);
            const auto second = std::find_if(first + 1, messages.end(), isUser);
            const auto front = static_cast<std::size_t>(second - messages.begin());
            if (front >= end)
                continue;
            ++parted;
            const auto drop = [front, end](auto& from) {
                from.erase(from.begin() + static_cast<std::ptrdiff_t>(front),
                           from.begin() + static_cast<std::ptrdiff_t>(end));
            };
            drop(messages);
            drop(fitting.rows);
            fitting.unread = front;
            const auto part = ContextFit(context, tokens).fit(messages, fitting, 0);
            QCOMPARE(part.has_value(), whole.has_value());
            if (!whole)
                continue;
            QCOMPARE(part->at, whole->at);
            QCOMPARE(part->leftOut, whole->leftOut);
            QCOMPARE(part->messages.size(), whole->messages.size());
            for (std::size_t i = 0; i < part->messages.size(); ++i)
                QVERIFY(part->messages[i].content == whole->messages[i].content);
        }
        QVERIFY(parted > 300);
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
                ContextFit(context, tokens)
                    .fit(messages, {.policy = policy, .keepFrom = random.bounded(8)}, random.bounded(2) * 30);
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
