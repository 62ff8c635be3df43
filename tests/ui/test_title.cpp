// SPDX-License-Identifier: MIT
#include "ui/title.h"

#include <QTest>

class TestTitle : public QObject
{
    Q_OBJECT

private slots:
    void titles_data()
    {
        QTest::addColumn<QString>("message");
        QTest::addColumn<QString>("title");
        const auto row = [](const char* name, const char16_t* message, const char16_t* title) {
            QTest::newRow(name) << QString::fromUtf16(message) << QString::fromUtf16(title);
        };
        row("short", u"Rain in Lisbon", u"Rain in Lisbon");
        row("first sentence", u"What is a sonnet? I have to write one by Monday.", u"What is a sonnet?");
        row("full stop goes", u"Please explain the tides. Be brief.", u"Please explain the tides");
        row("greeting alone says nothing", u"Hi! Can you help me?", u"Hi! Can you help me?");
        row("abbreviation", u"Use e.g. a list of words", u"Use e.g. a list of words");
        row("version", u"Port this to Qt 6.4 please", u"Port this to Qt 6.4 please");
        row("heading", u"## My *plans*\n\nfor today", u"My plans");
        row("list", u"- [x] **milk**\n- eggs", u"milk");
        row("numbers", u"1. First of all, thanks", u"First of all, thanks");
        row("quotation", u"> > said `he`", u"said he");
        row("link", u"Read [this page](https://example.org/a_b) for me", u"Read this page for me");
        row("snake case stays", u"What does my_variable_name do", u"What does my_variable_name do");
        row("emphasis", u"_Really_ **big** ~~news~~", u"Really big news");
        row("product", u"What is 3 * 4", u"What is 3 * 4");
        row("code after words", u"\n\nWhy does this fail?\n```python\nx = 1\n```", u"Why does this fail?");
        row("code first", u"```c\nint main()\n```\nWhat is that?", u"What is that?");
        row("code alone", u"```c\nint main()\n```", u"int main()");
        row("chinese", u"用简单的语言解释量子计算。谢谢！", u"用简单的语言解释量子计算");
        row("long", u"Tell me everything there is to know about the history of the lighthouse at Alexandria",
            u"Tell me everything there is to know about the…");
        row("unseen",
            u"be\x0007"
            u"fore \x202Eturned\x202C\xFEFF \x001B[0m",
            u"before turned [0m");
        row("joined", u"\x0645\x06CC\x200C\x062E", u"\x0645\x06CC\x200C\x062E");
        row("empty", u" \n ", u"");
        row("marks alone", u"###", u"");
    }

    void titles()
    {
        QFETCH(QString, message);
        QTEST(ui::titleFrom(message), "title");
    }

    void aLineEndsAtNoNul()
    {
        const QString text = QStringLiteral("before%1after\nit").arg(QChar(0));
        QCOMPARE(ui::oneLine(text), QStringLiteral("beforeafter it"));
        QCOMPARE(ui::titleFrom(text), QStringLiteral("beforeafter"));
    }

    void everyTitleIsShortAndPlain()
    {
        const QString letters = QStringLiteral("ab .*_`[]()!#>-~\n\t🙂量子1");
        quint32 state = 7;
        for (int round = 0; round < 3000; ++round) {
            QString message;
            for (int i = 0; i < 90; ++i) {
                state = state * 1664525u + 1013904223u;
                message += letters.at(static_cast<qsizetype>((state >> 16) % quint32(letters.size())));
                message = QString::fromUtf8(message.toUtf8()); // no half characters
            }
            const QString title = ui::titleFrom(message);
            QVERIFY(title.size() <= 51);
            QVERIFY(!title.contains(u'\n'));
            QCOMPARE(title, title.trimmed());
        }
    }
};

QTEST_APPLESS_MAIN(TestTitle)
#include "test_title.moc"
