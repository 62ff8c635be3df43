// SPDX-License-Identifier: MIT
// The conversation as a person moves, finds, selects and edits in it: the real window on a long conversation.
#include "tests/ui/long_conversation.h"
#include "tests/ui/stage.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QRandomGenerator>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

class TestChatView : public QObject
{
    Q_OBJECT

private:
    static constexpr int messages = 2000;

    std::unique_ptr<Stage> stage;
    std::unique_ptr<QQmlApplicationEngine> qml;
    QQuickWindow* window = nullptr;
    QQuickItem* list = nullptr;
    QObject* rows = nullptr;

    ui::ChatModel& chat() { return stage->session->chat; }

    void show()
    {
        stage->startReady();
        stage->session->settings.setFirstStartDone(true);
        qml = std::make_unique<QQmlApplicationEngine>();
        qml->addImportPath(u"qrc:/"_s);
        ui::registerObjects(*qml, stage->session->objects);
        qml->load(QUrl(u"qrc:/Fathom/Main.qml"_s));
        QVERIFY(!qml->rootObjects().isEmpty());
        window = qobject_cast<QQuickWindow*>(qml->rootObjects().constFirst());
        window->resize(1200, 800);
        window->requestActivate();
        QVERIFY(waitForActive(window));
        list = window->findChild<QQuickItem*>(u"messageList"_s);
        QVERIFY(list);
        rows = list->property("model").value<QObject*>();
        QVERIFY(rows);
    }

    void showLong()
    {
        const qint64 conversation = sample::fillLong(stage->lock, messages);
        show();
        stage->session->conversations.open(conversation);
        QTRY_COMPARE(chat().count(), messages);
        QTRY_VERIFY(list->property("atEnd").toBool());
    }

    // The row that is drawn at this height of the list; -1: none.
    int rowAt(qreal y)
    {
        int row = -1;
        QMetaObject::invokeMethod(list, "forceLayout"); // rows that came in just now
        QMetaObject::invokeMethod(list, "indexAt", Q_RETURN_ARG(int, row), Q_ARG(qreal, list->width() / 2),
                                  Q_ARG(qreal, list->property("contentY").toReal() + y));
        return row;
    }
    int messageAt(qreal y)
    {
        int message = -1;
        QMetaObject::invokeMethod(rows, "messageOf", Q_RETURN_ARG(int, message), Q_ARG(int, rowAt(y)));
        return message;
    }
    QQuickItem* itemOf(int row)
    {
        QQuickItem* item = nullptr;
        QMetaObject::invokeMethod(list, "itemAtIndex", Q_RETURN_ARG(QQuickItem*, item), Q_ARG(int, row));
        return item;
    }
    void go(int message)
    {
        QMetaObject::invokeMethod(list, "showMessage", Q_ARG(QVariant, message), Q_ARG(QVariant, 0));
    }
    // All letters that can be seen, from the top down.
    QString seen()
    {
        QString all;
        for (qreal y = 1; y < list->height(); y += 4) {
            QQuickItem* item = itemOf(rowAt(y));
            auto* text = item ? item->property("textItem").value<QQuickItem*>() : nullptr;
            QString letters;
            if (text)
                QMetaObject::invokeMethod(text, "getText", Q_RETURN_ARG(QString, letters), Q_ARG(int, 0),
                                          Q_ARG(int, 100'000));
            if (!letters.isEmpty() && !all.endsWith(letters + u'\n'))
                all += letters + u'\n';
        }
        return all;
    }
    // Where that row's item stands on the screen.
    qreal placeOf(QQuickItem* item) { return item->mapToItem(list, QPointF()).y(); }

private slots:
    void initTestCase() { QQuickStyle::setStyle(u"Basic"_s); }
    void init() { stage = std::make_unique<Stage>(); }
    void cleanup()
    {
        window = nullptr;
        qml.reset();
        stage.reset();
    }

    void opensAtItsEndAndHoldsLittle()
    {
        showLong();
        QVERIFY(seen().contains(u"After %1 comes %2"_s.arg(messages - 1).arg(messages)));
        QTest::qWait(200);
        QVERIFY(rows->property("count").toInt() < 600); // of some 5,000
        QVERIFY(list->property("contentItem").value<QQuickItem*>()->childItems().size() < 100);
    }

    void anyJumpShowsItsMessage()
    {
        const quint32 seed = QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        showLong();
        for (int round = 0; round < 25; ++round) {
            const int message = random.bounded(messages - 20);
            go(message);
            QTRY_COMPARE(messageAt(2), message);
            const QString begin = message % 2 == 0 ? u"Question %1:"_s : u"Answer %1."_s;
            QTRY_VERIFY2(seen().startsWith(begin.arg(message)), qPrintable(seen()));
            if (random.bounded(2) == 0)
                QTest::qWait(random.bounded(60)); // what is around comes in, and nothing moves
            QCOMPARE(messageAt(2), message);
            QVERIFY(seen().startsWith(begin.arg(message)));
        }
        list->forceActiveFocus();
        QTest::keyClick(window, Qt::Key_End, Qt::ControlModifier);
        QTRY_VERIFY(list->property("atEnd").toBool());
        QCOMPARE(messageAt(list->height() - 60), messages - 1);
        QTest::keyClick(window, Qt::Key_Home);
        QTRY_COMPARE(messageAt(20), 0);
    }

    // Scrolling moves what is read by what was scrolled, whatever comes in above and below meanwhile.
    void scrollingNeverJumps()
    {
        showLong();
        go(1000);
        QTRY_COMPARE(messageAt(2), 1000);
        list->forceActiveFocus();
        for (int step = 0; step < 60; ++step) {
            const bool up = step < 40;
            const int row = rowAt(up ? 100 : list->height() - 100);
            QQuickItem* item = itemOf(row);
            QVERIFY(item);
            const qreal before = placeOf(item);
            QTest::keyClick(window, up ? Qt::Key_Up : Qt::Key_Down);
            QTest::qWait(5);
            const qreal moved = placeOf(item) - before;
            QVERIFY2(qAbs(qAbs(moved) - 60) < 1.5, qPrintable(u"step %1 moved %2"_s.arg(step).arg(moved)));
        }
        for (int page = 0; page < 40; ++page) { // through several windows
            const int before = messageAt(2);
            QTest::keyClick(window, Qt::Key_PageUp);
            QTest::qWait(15);
            const int now = messageAt(2);
            QVERIFY2(now < before && before - now < 12, qPrintable(u"from %1 to %2"_s.arg(before).arg(now)));
        }
        QVERIFY(!list->property("following").toBool());
    }

    void theButtonLeadsBackToTheEnd()
    {
        showLong();
        go(5);
        QTRY_COMPARE(messageAt(2), 5);
        QQuickItem* button = window->findChild<QQuickItem*>(u"endButton"_s);
        QVERIFY(button);
        QTRY_COMPARE(button->opacity(), 1.0);
        QTest::mouseClick(window, Qt::LeftButton, {},
                          button->mapToScene(QPointF(button->width() / 2, button->height() / 2)).toPoint());
        QTRY_VERIFY(list->property("atEnd").toBool());
        QTRY_COMPARE(button->isVisible(), false);
    }

    void findsInTheWholeConversation()
    {
        showLong();
        QTest::keyClick(window, Qt::Key_F, Qt::ControlModifier);
        auto* field = window->findChild<QQuickItem*>(u"findField"_s);
        auto* count = window->findChild<QQuickItem*>(u"findCount"_s);
        QVERIFY(field && count);
        QTRY_VERIFY(field->hasActiveFocus());
        for (const QChar letter : u"Question 14"_s)
            QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, letter, Qt::NoModifier);
        // 14, 140…148 and 1400…1498 of the even ones.
        QTRY_COMPARE(count->property("text").toString(), u"56 of 56"_s);
        QTRY_VERIFY(seen().contains(u"Question 1498:"_s));
        QTest::keyClick(window, Qt::Key_Return); // round
        QTRY_COMPARE(count->property("text").toString(), u"1 of 56"_s);
        QTRY_VERIFY(seen().contains(u"Question 14:"_s));
        QTest::keyClick(window, Qt::Key_F3);
        QTRY_VERIFY(seen().contains(u"Question 140:"_s));
        QTest::keyClick(window, Qt::Key_Return, Qt::ShiftModifier);
        QTRY_COMPARE(count->property("text").toString(), u"1 of 56"_s);
        QTRY_VERIFY(seen().contains(u"Question 14:"_s));
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!field->isVisible());
        QCOMPARE(chat().finder()->query(), QString());
    }

    void selectsAndCopiesOverMessages()
    {
        showLong();
        go(100);
        QTRY_COMPARE(messageAt(2), 100);
        QTest::qWait(200); // what is around has come in: rows keep their numbers
        const auto point = [this](int row, bool end) {
            auto* text = itemOf(row)->property("textItem").value<QQuickItem*>();
            const qreal width = qMin(text->width(), text->property("contentWidth").toReal());
            return text->mapToScene(QPointF(end ? width - 1 : 1, end ? text->height() - 6 : 6)).toPoint();
        };
        const int first = rowAt(6);
        const QPoint from = point(first, false);
        const QPoint to = point(first + 2, true); // the answer's second paragraph
        QTest::mousePress(window, Qt::LeftButton, {}, from);
        QTest::mouseMove(window, (from + to) / 2);
        QTest::qWait(20);
        QTest::mouseMove(window, to);
        QTest::qWait(20);
        QTest::mouseRelease(window, Qt::LeftButton, {}, to);
        QTRY_VERIFY(rows->property("hasSelection").toBool());
        QTest::keySequence(window, QKeySequence::Copy);
        QClipboard* clipboard = QGuiApplication::clipboard();
        QTRY_COMPARE(clipboard->text(),
                     u"Question 100: what comes after it?\n\nAnswer 101.\n\nAfter 101 comes "
                     "102, and so on."_s);
        QTest::keyClick(window, Qt::Key_C, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_COMPARE(clipboard->text(), u"**You:**\n\nQuestion 100: what comes after it?\n\n**Answer:**\n\n"
                                        "Answer 101.\n\nAfter **101** comes 102, and so on."_s);
        QTest::keyClick(window, Qt::Key_Right, Qt::ShiftModifier);
        QTest::keyClick(window, Qt::Key_Down, Qt::ShiftModifier);
        QTest::keySequence(window, QKeySequence::Copy);
        QTRY_VERIFY(clipboard->text().startsWith(u"Question 100: what comes after it?\n\nAnswer 101."_s) &&
                    clipboard->text().contains(u"Point 0"_s));
        QTest::keySequence(window, QKeySequence::SelectAll);
        QTest::keySequence(window, QKeySequence::Copy);
        QTRY_VERIFY(clipboard->text().startsWith(u"Question 0:"_s) &&
                    clipboard->text().contains(u"After 1999 comes 2000"_s));
        QTest::keyClick(window, Qt::Key_Escape);
        QVERIFY(!rows->property("hasSelection").toBool());
    }

    void anAnswerIsEditedInItsPlace()
    {
        show();
        stage->talk(u"Question"_s);
        QMetaObject::invokeMethod(list, "edit", Q_ARG(QVariant, stage->last(ui::ChatModel::MessageId)));
        QTRY_COMPARE(window->activeFocusItem()->property("text").toString(), u"An answer."_s);
        for (const QChar letter : u" Mine."_s)
            QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, letter, Qt::NoModifier);
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(stage->last(ui::ChatModel::Text).toString(), u"An answer. Mine."_s);
        QCOMPARE(chat().count(), 2);
        QCOMPARE(stage->last(ui::ChatModel::SiblingCount).toInt(), 2);
        QVERIFY(stage->last(ui::ChatModel::Edited).toBool());
        QTRY_VERIFY(seen().contains(u"Mine."_s));
    }
};

QTEST_MAIN(TestChatView)
#include "test_chat_view.moc"
