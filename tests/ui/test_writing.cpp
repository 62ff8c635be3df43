// SPDX-License-Identifier: MIT
// What is pasted where one writes: it neither holds up the window nor gets lost in silence.
#include "tests/ui/shown_window.h"
#include "ui/qml/writing_guard.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QQuickStyle>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

class TestWriting : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<ShownWindow> shown;

    QString text(const char* field) const { return shown->item(field)->property("text").toString(); }
    // 1: at words, 3: anywhere; of Qt's TextEdit.WrapMode.
    int wrap(const char* field) const { return shown->item(field)->property("wrapMode").toInt(); }

    void paste(const QString& copied) const
    {
        QGuiApplication::clipboard()->setText(copied);
        shown->key(Qt::Key_V, Qt::ControlModifier);
    }

private slots:
    void initTestCase() { QQuickStyle::setStyle(QStringLiteral("Basic")); }
    void init()
    {
        shown = std::make_unique<ShownWindow>();
        shown->showReady();
        shown->item("composer")->forceActiveFocus();
    }
    void cleanup()
    {
        shown.reset();
        QCOMPARE(ShownWindow::warnings(), QStringList());
    }

    void aLongWordWrapsAnywhere()
    {
        const int atWords = wrap("composer");
        const QString words = QStringLiteral("two words ").repeated(2000);
        paste(words);
        QCOMPARE(text("composer"), words);
        QCOMPARE(wrap("composer"), atWords);

        const QString word(300'000, u'x'); // half a minute where it is wrapped at words
        shown->key(Qt::Key_A, Qt::ControlModifier);
        paste(word);
        QCOMPARE(text("composer"), word);
        QVERIFY(wrap("composer") != atWords);
        shown->type(QStringLiteral("y"));
        QCOMPARE(text("composer"), word + u'y');

        shown->key(Qt::Key_A, Qt::ControlModifier);
        shown->key(Qt::Key_Backspace);
        QCOMPARE(wrap("composer"), atWords);
    }

    void aDraftOfOneLongWordComesBack()
    {
        const QString word(300'000, u'x');
        const int atWords = wrap("composer");
        shown->stage.session->chat.setDraft(word);
        QCOMPARE(text("composer"), word);
        QVERIFY(wrap("composer") != atWords);
    }

    void tooMuchIsRefusedAndSaysSo()
    {
        const QQuickItem* notice = shown->item("refusalNotice");
        shown->type(QStringLiteral("before"));
        const QString much(ui::WritingGuard::longest, u'x');
        paste(much); // with what stands there it is too much
        QCOMPARE(text("composer"), QStringLiteral("before"));
        QVERIFY(notice->isVisible());
        QVERIFY2(notice->property("text").toString().contains(QStringLiteral("too much")),
                 qPrintable(notice->property("text").toString()));

        paste(QString(ui::WritingGuard::most_lines + 1, u'\n'));
        QCOMPARE(text("composer"), QStringLiteral("before"));
        QVERIFY(notice->property("text").toString().contains(QStringLiteral("lines")));

        shown->type(QStringLiteral("!"));
        QCOMPARE(text("composer"), QStringLiteral("before!"));
        QVERIFY(!notice->isVisible());

        shown->key(Qt::Key_A, Qt::ControlModifier);
        paste(much); // in the place of all that stands there
        QCOMPARE(text("composer").size(), ui::WritingGuard::longest);
        QVERIFY(!notice->isVisible());
    }
};

QTEST_MAIN(TestWriting)
#include "test_writing.moc"
