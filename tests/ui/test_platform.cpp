// SPDX-License-Identifier: MIT
#include "ui/platform.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QSignalSpy>
#include <QTemporaryDir>
#include <QTest>

class TestPlatform : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir folder;
    ui::TaskThread files;
    std::unique_ptr<ui::Settings> settings;
    std::unique_ptr<ui::Platform> platform;

private slots:
    void init()
    {
        settings = std::make_unique<ui::Settings>(folder.filePath(QStringLiteral("s.ini")), files);
        platform = std::make_unique<ui::Platform>(*settings, folder.path());
    }
    void cleanup()
    {
        platform.reset();
        settings.reset();
    }

    void theThemeSettingGoesFirst()
    {
        QSignalSpy changed(platform.get(), &ui::Platform::darkChanged);
        settings->setTheme(QStringLiteral("dark"));
        QVERIFY(platform->dark());
        settings->setTheme(QStringLiteral("light"));
        QVERIFY(!platform->dark());
        settings->setTheme(QStringLiteral("system"));
        QCOMPARE(platform->dark(), platform->systemDark());
        QCOMPARE(changed.size(), 3);
    }

    void motionFollowsTheSetting()
    {
        QSignalSpy changed(platform.get(), &ui::Platform::reduceMotionChanged);
        settings->setReduceMotion(true);
        QVERIFY(platform->reduceMotion());
        QCOMPARE(changed.size(), 1);
    }

    void fontsExist()
    {
        QVERIFY(!platform->uiFont().isEmpty());
        QVERIFY(!platform->codeFont().isEmpty());
        settings->setFontFamily(QStringLiteral("No Such Font 17"));
        QVERIFY(platform->uiFont() != settings->fontFamily());
    }

    void onlyWebLinksAreOpened_data()
    {
        QTest::addColumn<QString>("link");
        for (const char* link :
             {"file:///etc/passwd", "javascript:alert(1)", "ftp://example.org", "data:text/html,x",
              "http:", "https://", "/etc/passwd", "", "smb://host/share", "vscode://x"})
            QTest::newRow(link) << QString::fromLatin1(link);
    }

    void onlyWebLinksAreOpened()
    {
        QFETCH(QString, link);
        const QSignalSpy asked(platform.get(), &ui::Platform::linkAsked);
        QVERIFY(!platform->openLink(link));
        QVERIFY(!platform->openAsked(link));
        QVERIFY(asked.isEmpty());
    }

    void aLinkIsShownBeforeItIsOpened()
    {
        const QSignalSpy asked(platform.get(), &ui::Platform::linkAsked);
        QVERIFY(platform->openLink(QStringLiteral("https://example.org/a?b=c")));
        QVERIFY(platform->openLink(QStringLiteral("mailto:someone@example.org")));
        QVERIFY(platform->openLink(QStringLiteral("https://pаypal.com/"))); // with a Cyrillic a
        QCOMPARE(asked.at(0).first().toString(), QStringLiteral("https://example.org/a?b=c"));
        QCOMPARE(asked.at(1).first().toString(), QStringLiteral("mailto:someone@example.org"));
        QVERIFY(asked.at(2).first().toString().startsWith(QStringLiteral("https://xn--")));
    }

    void copies()
    {
        platform->copy(QStringLiteral("a\nb 北京"));
        QCOMPARE(QGuiApplication::clipboard()->text(), QStringLiteral("a\nb 北京"));
    }

    void numbersForPeople()
    {
        QLocale::setDefault(QLocale::c());
        QCOMPARE(platform->humanBytes(0), QStringLiteral("0 B"));
        QCOMPARE(platform->humanBytes(999), QStringLiteral("999 B"));
        QCOMPARE(platform->humanBytes(12'400'000), QStringLiteral("12.4 MB"));
        QCOMPARE(platform->humanBytes(999'999), QStringLiteral("1.0 MB"));
        QCOMPARE(platform->humanBytes(472e9), QStringLiteral("472 GB"));
        QCOMPARE(platform->humanTime(24.4), QStringLiteral("24 ms"));
        QCOMPARE(platform->humanTime(380), QStringLiteral("0.4 s"));
        QCOMPARE(platform->humanTime(61'000), QStringLiteral("1 min 1 s"));
        QCOMPARE(platform->humanTime(3'720'000), QStringLiteral("1 h 2 min"));
    }
};

QTEST_MAIN(TestPlatform)
#include "test_platform.moc"
