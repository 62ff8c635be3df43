// SPDX-License-Identifier: MIT
// The window without a mouse.
#include "tests/ui/long_conversation.h"
#include "tests/ui/shown_window.h"

#include <QQuickStyle>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace std::chrono_literals;

class TestKeyboard : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<ShownWindow> shown;

    ui::Session& session() { return *shown->stage.session; }
    QQuickItem* composer() { return shown->item("composer"); }
    QString written() { return composer()->property("text").toString(); }

private slots:
    void initTestCase() { QQuickStyle::setStyle(QStringLiteral("Basic")); }
    void init() { shown = std::make_unique<ShownWindow>(); }
    void cleanup()
    {
        shown.reset();
        QVERIFY2(ShownWindow::warnings().isEmpty(), qPrintable(ShownWindow::warnings().join(u'\n')));
    }

    // In the field Ctrl+End is the text's first, and the conversation's where the text is at its end.
    void theEndOfTheConversation()
    {
        const storage::Id conversation = sample::fillLong(shown->stage.lock, 400);
        shown->showReady();
        session().conversations.open(conversation);
        QQuickItem* list = shown->item("messageList");
        const auto atEnd = [&] {
            return list->property("atYEnd").toBool() && list->property("atEnd").toBool();
        };
        QTRY_VERIFY(!session().chat.loading() && atEnd());
        QTRY_VERIFY(composer()->hasActiveFocus());
        const auto scrollUp = [&](QQuickItem* then) {
            QTRY_VERIFY(list->property("contentHeight").toDouble() > 2 * list->height()); // there is an above
            list->forceActiveFocus();
            shown->key(Qt::Key_PageUp);
            QVERIFY(!list->property("following").toBool());
            QTest::qWait(100); // what comes in above moves nothing back
            QVERIFY(!list->property("following").toBool());
            QVERIFY(!atEnd());
            then->forceActiveFocus();
        };
        scrollUp(composer());
        shown->key(Qt::Key_End, Qt::ControlModifier);
        QTRY_VERIFY(atEnd());

        shown->type(QStringLiteral("Some words"));
        scrollUp(composer());
        shown->key(Qt::Key_Home);
        shown->key(Qt::Key_End, Qt::ControlModifier);
        QCOMPARE(composer()->property("cursorPosition").toInt(), 10);
        QVERIFY(!atEnd());
        shown->key(Qt::Key_End, Qt::ControlModifier);
        QTRY_VERIFY(atEnd());

        scrollUp(shown->item("conversationList")); // from anywhere else at once
        shown->key(Qt::Key_End, Qt::ControlModifier);
        QTRY_VERIFY(atEnd());
    }

    // What shows that it is on goes off with the next press, be it a click or a key.
    void aSecondPressTakesItBack_data()
    {
        QTest::addColumn<bool>("byKey");
        QTest::newRow("click") << false;
        QTest::newRow("key") << true;
    }

    void aSecondPressTakesItBack()
    {
        QFETCH(bool, byKey);
        shown->stage.world->script = [](const engine::Request&) {
            return fake::Script{.text = "<think>Let me see.</think>Yes."};
        };
        shown->showReady();
        shown->stage.talk(QStringLiteral("Really?"));
        const auto press = [&](QQuickItem* button) {
            if (byKey) {
                button->forceActiveFocus(Qt::TabFocusReason);
                shown->key(Qt::Key_Return);
            } else {
                shown->click(button);
            }
        };
        const auto page = [&] { return shown->window->property("page").toString(); };
        for (const char* now : {"models", "chat", "models", "chat"}) {
            press(shown->button("Models"));
            QCOMPARE(page(), QLatin1String(now));
        }
        const auto scope = [&] { return session().conversations.scope(); };
        for (const char* now : {"trash", "active", "trash", "active"}) {
            press(shown->button("Trash"));
            QCOMPARE(scope(), QLatin1String(now));
        }
        const auto thoughts = [&] {
            QQuickItem* found = nullptr;
            ShownWindow::walk(shown->window->contentItem(), [&](QQuickItem* one) {
                if (one->inherits("QQuickAbstractButton") && one->parentItem() &&
                    QLatin1String(one->parentItem()->metaObject()->className()).startsWith(u"ThinkBlock"))
                    found = one;
            });
            return found;
        };
        QTRY_VERIFY(thoughts());
        QQuickItem* list = shown->item("messageList");
        const auto rows = [&] { return list->property("count").toInt(); };
        const int before = rows();
        for (int round = 0; round < 2; ++round) {
            press(thoughts());
            QTRY_VERIFY(rows() != before);
            press(thoughts());
            QTRY_COMPARE(rows(), before);
        }
    }

    // Of the last message on the screen, or of the one in which something is selected.
    void theMenuOfAMessage_data()
    {
        QTest::addColumn<Qt::Key>("key");
        QTest::addColumn<Qt::KeyboardModifiers>("modifiers");
        QTest::newRow("Menu") << Qt::Key_Menu << Qt::KeyboardModifiers(Qt::NoModifier);
        QTest::newRow("Shift+F10") << Qt::Key_F10 << Qt::KeyboardModifiers(Qt::ShiftModifier);
    }

    void theMenuOfAMessage()
    {
        QFETCH(Qt::Key, key);
        QFETCH(Qt::KeyboardModifiers, modifiers);
        shown->showReady();
        shown->stage.talk(QStringLiteral("One"));
        shown->stage.talk(QStringLiteral("Two"));
        QQuickItem* list = shown->item("messageList");
        QTRY_VERIFY(list->property("count").toInt() > 4);
        QObject* menu = shown->window->findChild<QObject*>(QStringLiteral("messageMenu"));
        QVERIFY(menu);
        list->forceActiveFocus();
        shown->key(key, modifiers);
        QTRY_VERIFY(menu->property("opened").toBool());
        const qint64 last = shown->stage.last(ui::ChatModel::MessageId).toLongLong();
        QCOMPARE(menu->property("messageId").toLongLong(), last);
        shown->key(Qt::Key_Escape);
        QTRY_VERIFY(!menu->property("visible").toBool());
        QVERIFY(list->hasActiveFocus());

        QVERIFY(QMetaObject::invokeMethod(list->property("model").value<QObject*>(), "select", Q_ARG(int, 0),
                                          Q_ARG(int, 0), Q_ARG(int, 0), Q_ARG(int, 2)));
        shown->key(key, modifiers);
        QTRY_VERIFY(menu->property("opened").toBool());
        QCOMPARE(menu->property("messageId").toLongLong(),
                 shown->stage.at(0, ui::ChatModel::MessageId).toLongLong());
        QVERIFY(menu->property("selection").toBool());
    }

    // Esc ends one thing after the other: the answer that waits for the model, then the loading.
    void escWhileAModelLoads()
    {
        shown->stage.start().settings.setFirstStartDone(true);
        shown->show();
        shown->stage.world->load_takes = 60s;
        session().models.load(QStringLiteral("starter"));
        QTRY_COMPARE(session().models.state(), QStringLiteral("loading"));
        QTRY_VERIFY(session().chat.canSend());
        composer()->forceActiveFocus();
        shown->type(QStringLiteral("Are you there?"));
        shown->key(Qt::Key_Return);
        QTRY_COMPARE(session().chat.count(), 2);
        QCOMPARE(session().chat.state(), QStringLiteral("waiting"));
        shown->key(Qt::Key_Escape);
        QTRY_COMPARE(session().chat.state(), QStringLiteral("idle"));
        QCOMPARE(shown->stage.last(ui::ChatModel::Status).toString(), QStringLiteral("stopped"));
        QCOMPARE(session().models.state(), QStringLiteral("loading"));
        shown->key(Qt::Key_Escape);
        QTRY_COMPARE(session().models.state(), QStringLiteral("none"));
        QVERIFY(composer()->hasActiveFocus());
    }
};

QTEST_MAIN(TestKeyboard)
#include "test_keyboard.moc"
