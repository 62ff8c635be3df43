// SPDX-License-Identifier: MIT
// Steps from one random list of lines to another lead there, and one line that moves is one step. What is
// selected follows clicks as it does in any list.
#include "ui/sidebar_selection.h"
#include "ui/sidebar_steps.h"

#include <QTest>

#include <algorithm>
#include <random>

using ui::SidebarLine;
using ui::SidebarSelection;
using ui::SidebarStep;

namespace {

SidebarLine conversation(qint64 id)
{
    SidebarLine line;
    line.id = id;
    return line;
}

SidebarLine folder(const QString& name)
{
    SidebarLine line;
    line.folder = name;
    return line;
}

bool same(const std::vector<SidebarLine>& a, const std::vector<SidebarLine>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const SidebarLine& x, const SidebarLine& y) { return x.sameAs(y); });
}

} // namespace

class TestSidebarSteps : public QObject
{
    Q_OBJECT

private slots:
    void stepsLeadToWhatIsWanted()
    {
        const unsigned seed = std::random_device()();
        qInfo("seed %u", seed);
        std::mt19937 random(seed);
        std::vector<SidebarLine> all;
        for (int i = 1; i <= 9; ++i)
            all.push_back(conversation(i));
        for (const char16_t name : {u'a', u'b', u'c'})
            all.push_back(folder(QString(QChar(name))));
        const auto some = [&] {
            std::shuffle(all.begin(), all.end(), random);
            return std::vector<SidebarLine>(all.begin(),
                                            all.begin() + static_cast<std::ptrdiff_t>(random() % all.size()));
        };
        for (int round = 0; round < 5000; ++round) {
            std::vector<SidebarLine> lines = some();
            const std::vector<SidebarLine> wanted = some();
            for (const SidebarStep& step : ui::sidebarSteps(lines, wanted)) {
                const auto size = static_cast<int>(lines.size());
                QVERIFY(step.first >= 0 && step.first <= step.last);
                if (step.kind == SidebarStep::Kind::insert)
                    QVERIFY(step.first <= size &&
                            step.lines.size() == static_cast<std::size_t>(step.last - step.first + 1));
                else
                    QVERIFY(step.last < size);
                if (step.kind == SidebarStep::Kind::move) // what a model may announce
                    QVERIFY(step.to >= 0 && step.to <= size &&
                            (step.to < step.first || step.to > step.last + 1));
                ui::carryOut(step, lines);
            }
            QVERIFY(same(lines, wanted));
        }
    }

    void oneLineThatMovesIsOneStep()
    {
        std::vector<SidebarLine> lines;
        for (int i = 1; i <= 6; ++i)
            lines.push_back(conversation(i));
        for (const auto& [from, to] : {std::pair(4, 0), std::pair(1, 5)}) {
            std::vector<SidebarLine> wanted = lines;
            const SidebarLine line = wanted[static_cast<std::size_t>(from)];
            wanted.erase(wanted.begin() + from);
            wanted.insert(wanted.begin() + to, line);
            const std::vector<SidebarStep> steps = ui::sidebarSteps(lines, wanted);
            QCOMPARE(steps.size(), std::size_t(1));
            QCOMPARE(int(steps[0].kind), int(SidebarStep::Kind::move));
            QCOMPARE(steps[0].first, from);
        }
        QVERIFY(ui::sidebarSteps(lines, lines).empty());
    }

    void whatIsSelectedFollowsTheClicks()
    {
        const SidebarSelection::Shown shown = {7, 0, 3, 5, 9}; // 0: a folder's head
        const auto ids = [&](const SidebarSelection& selection) { return selection.inOrder(shown); };
        using Ids = std::vector<qint64>;
        SidebarSelection selection;
        QCOMPARE(selection.toggle(5, 7), (QSet<qint64>{5, 7})); // the open one counts as chosen
        QCOMPARE(ids(selection), (Ids{7, 5}));
        QCOMPARE(selection.extendTo(4, shown, 7), (QSet<qint64>{7, 9})); // from the one clicked last
        QCOMPARE(ids(selection), (Ids{5, 9}));
        QCOMPARE(selection.extendTo(0, shown, 7), (QSet<qint64>{7, 3, 9})); // which stays where it began
        QCOMPARE(ids(selection), (Ids{7, 3, 5}));
        QCOMPARE(selection.remove({3, 100}), QSet<qint64>{3});
        QCOMPARE(selection.selectAll(shown), (QSet<qint64>{3, 9}));
        QCOMPARE(selection.count(), 4);
        QCOMPARE(selection.clear(), (QSet<qint64>{7, 3, 5, 9}));
        QCOMPARE(selection.extendTo(3, shown, 3), (QSet<qint64>{3, 5})); // begins at the open one
        QVERIFY(!selection.contains(0));
    }
};

QTEST_APPLESS_MAIN(TestSidebarSteps)
#include "test_sidebar_steps.moc"
