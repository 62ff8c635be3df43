// SPDX-License-Identifier: MIT
#include "tests/ui/stage.h"

#include <QAbstractItemModelTester>
#include <QTest>

#include <ctime>

using ui::QuickSwitcher;

class TestQuickSwitcher : public QObject
{
    Q_OBJECT

private:
    static QStringList titles(const QuickSwitcher& switcher)
    {
        QStringList all;
        for (int row = 0; row < switcher.count(); ++row)
            all.append(switcher.index(row).data(QuickSwitcher::Title).toString());
        return all;
    }

    static std::vector<QuickSwitcher::Entry> entries(const QStringList& titles)
    {
        std::vector<QuickSwitcher::Entry> all;
        for (const QString& title : titles)
            all.push_back({qint64(all.size()) + 1, title, QuickSwitcher::fold(title), {}});
        return all;
    }

private slots:
    void theBestFitComesFirst()
    {
        Stage stage;
        QuickSwitcher& switcher = stage.start().switcher;
        const QAbstractItemModelTester tester(&switcher,
                                              QAbstractItemModelTester::FailureReportingMode::QtTest);
        switcher.setEntries(entries({QStringLiteral("Cooking with rain water"),
                                     QStringLiteral("Trains in Spain"), QStringLiteral("Rain in Lisbon"),
                                     QStringLiteral("Café Central"), QStringLiteral("量子计算入门")}));
        QCOMPARE(switcher.count(), 5);
        QCOMPARE(switcher.at(0), 1); // the latest
        switcher.setQuery(QStringLiteral("rain"));
        QCOMPARE(titles(switcher),
                 (QStringList{QStringLiteral("Rain in Lisbon"), QStringLiteral("Cooking with rain water"),
                              QStringLiteral("Trains in Spain")}));
        switcher.setQuery(QStringLiteral("lis rain"));
        QCOMPARE(titles(switcher), QStringList{QStringLiteral("Rain in Lisbon")});
        switcher.setQuery(QStringLiteral("cafe"));
        QCOMPARE(titles(switcher), QStringList{QStringLiteral("Café Central")});
        switcher.setQuery(QStringLiteral("rlb")); // letters in their order
        QCOMPARE(titles(switcher), QStringList{QStringLiteral("Rain in Lisbon")});
        switcher.setQuery(QStringLiteral("计算"));
        QCOMPARE(titles(switcher), QStringList{QStringLiteral("量子计算入门")});
        switcher.setQuery(QStringLiteral("zzz"));
        QCOMPARE(switcher.count(), 0);
        QCOMPARE(switcher.at(0), 0);
    }

    void listsTheHistory()
    {
        Stage stage;
        {
            storage::ChatStore store(stage.lock);
            const storage::Id one = store.create_conversation("Kept");
            store.set_folder(one, "Work");
            store.set_archived(store.create_conversation("Away"), true);
            store.move_to_trash(store.create_conversation("Gone"));
        }
        QuickSwitcher& switcher = stage.startReady().switcher;
        switcher.open();
        QTRY_COMPARE(titles(switcher), (QStringList{QStringLiteral("Kept"), QStringLiteral("Away")}));
        QCOMPARE(switcher.index(0).data(QuickSwitcher::Detail).toString(), QStringLiteral("Work"));
        switcher.close();
        QCOMPARE(switcher.count(), 0);
    }

    void tenThousandTitles()
    {
        Stage stage;
        QuickSwitcher& switcher = stage.start().switcher;
        QStringList titles;
        for (int i = 0; i < 10'000; ++i)
            titles.append(
                QStringLiteral("A conversation about subject %1 and the weather").arg(i * 7919 % 10'007));
        switcher.setEntries(entries(titles));
        double longest = 0; // of the processor's time: others may be at work
        for (const char* query : {"w", "we", "wea", "weather 1", "acsw", "a a a a"}) {
            const std::clock_t begun = std::clock();
            switcher.setQuery(QLatin1String(query));
            longest = std::max(longest, 1000.0 * static_cast<double>(std::clock() - begun) / CLOCKS_PER_SEC);
            QVERIFY(switcher.count() > 0);
        }
        qInfo("longest key: %.1f ms", longest);
    }
};

QTEST_MAIN(TestQuickSwitcher)
#include "test_quick_switcher.moc"
