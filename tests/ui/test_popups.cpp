// SPDX-License-Identifier: MIT
// Popups as the person meets them: they close by their button, by Esc and by a click outside, the focus is
// then where it was, and no key that follows at once is lost.
#include "tests/ui/shown_window.h"

#include <QQuickStyle>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace std::chrono_literals;

class TestPopups : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<ShownWindow> shown;

    struct Case
    {
        const char* name;
        std::function<void()> open;
        std::function<bool()> isOpen;
        const char* closeButton; // its text, or null where there is none
    };

    void press(Qt::Key key, Qt::KeyboardModifiers modifiers) { shown->key(key, modifiers); }

    bool isVisible(const char* popup) { return shown->object(popup)->property("visible").toBool(); }

    std::vector<Case> cases()
    {
        const auto control = Qt::ControlModifier;
        const auto both = Qt::ControlModifier | Qt::ShiftModifier;
        const auto keyed = [this](Qt::Key key, Qt::KeyboardModifiers modifiers) {
            return [=, this] { shown->key(key, modifiers); };
        };
        const auto visible = [this](const char* popup) { return [=, this] { return isVisible(popup); }; };
        const auto holds = [this](const char* text) {
            return [=, this] { return shown->button(text) != nullptr; };
        };
        return {
            {"switcher", keyed(Qt::Key_K, control), visible("quickSwitch"), nullptr},
            {"keys", keyed(Qt::Key_Slash, control), visible("keysList"), "Close"},
            {"folders", keyed(Qt::Key_M, both), holds("In no folder"), "Cancel"},
            {"tags", keyed(Qt::Key_T, both), [this] { return shown->item("tagField")->isVisible(); }, "Done"},
            {"export", keyed(Qt::Key_E, both), holds("Choose a file…"), "Cancel"},
            {"link", [this] { QMetaObject::invokeMethod(shown->object("linkDialog"), "open"); },
             visible("linkDialog"), "Cancel"},
            {"models", keyed(Qt::Key_M, control), holds("All models and folders…"), nullptr},
            {"context", [this] { QMetaObject::invokeMethod(shown->object("contextPopup"), "open"); },
             visible("contextPopup"), nullptr},
            {"own settings",
             [this] { QMetaObject::invokeMethod(shown->object("conversationSettingsPopup"), "open"); },
             visible("conversationSettingsPopup"), nullptr},
        };
    }

    // In a conversation of two messages, the composer being written in.
    void start()
    {
        shown->showReady();
        shown->stage.talk(QStringLiteral("Hello?"));
        QTRY_VERIFY(shown->stage.session->chat.contextUsed() > 0);
        composer()->forceActiveFocus();
        QVERIFY(composer()->hasActiveFocus());
    }

    QQuickItem* composer() { return shown->item("composer"); }

    // The focus is back and the very next keys arrive.
    void comesBackAtOnce(const char* name)
    {
        QVERIFY2(composer()->hasActiveFocus(), name);
        shown->type(QStringLiteral("x"));
        QVERIFY2(composer()->property("text").toString() == QLatin1String("x"), name);
        shown->key(Qt::Key_Backspace);
        QVERIFY2(composer()->property("text").toString().isEmpty(), name);
        const double zoom = shown->stage.session->settings.zoom();
        shown->key(Qt::Key_Plus, Qt::ControlModifier);
        QVERIFY2(shown->stage.session->settings.zoom() > zoom, name);
        shown->key(Qt::Key_Minus, Qt::ControlModifier);
        QCOMPARE(shown->stage.session->settings.zoom(), zoom);
    }

private slots:
    void initTestCase() { QQuickStyle::setStyle(QStringLiteral("Basic")); }
    void init() { shown = std::make_unique<ShownWindow>(); }
    void cleanup()
    {
        shown.reset();
        QVERIFY2(ShownWindow::warnings().isEmpty(), qPrintable(ShownWindow::warnings().join(u'\n')));
    }

    void escClosesAndNothingIsLost()
    {
        start();
        for (const Case& one : cases()) {
            one.open();
            QVERIFY2(QTest::qWaitFor(one.isOpen, patience_ms), one.name);
            QVERIFY2(!composer()->hasActiveFocus(), one.name);
            shown->key(Qt::Key_Escape);
            comesBackAtOnce(one.name);
            QVERIFY2(!one.isOpen(), one.name);
        }
    }

    void theirButtonClosesThem()
    {
        start();
        int closed = 0;
        for (const Case& one : cases()) {
            if (!one.closeButton)
                continue;
            one.open();
            QVERIFY2(QTest::qWaitFor(one.isOpen, patience_ms), one.name);
            shown->click(shown->button(one.closeButton));
            comesBackAtOnce(one.name);
            QVERIFY2(!one.isOpen(), one.name);
            ++closed;
        }
        QCOMPARE(closed, 5);
    }

    // A click outside closes, and does no more than that where the popup asked a question.
    void aClickOutsideClosesThem()
    {
        start();
        QQuickItem* outside = shown->item("settingsButton");
        const QPoint there =
            outside->mapToScene(QPointF(outside->width() / 2, outside->height() / 2)).toPoint();
        for (const Case& one : cases()) {
            one.open();
            QVERIFY2(QTest::qWaitFor(one.isOpen, patience_ms), one.name);
            shown->drawn();
            const bool modal = one.name != std::string_view("models") &&
                               one.name != std::string_view("context") &&
                               one.name != std::string_view("own settings");
            QTest::mouseClick(shown->window, Qt::LeftButton, {}, there);
            QVERIFY2(!one.isOpen(), one.name);
            QCOMPARE(shown->window->property("page").toString(),
                     modal ? QStringLiteral("chat") : QStringLiteral("settings"));
            if (modal)
                comesBackAtOnce(one.name);
            else
                shown->key(Qt::Key_L, Qt::ControlModifier);
            QTRY_VERIFY(composer()->hasActiveFocus());
        }
    }

    // One dialog after the other, as fast as the keys come.
    void aDialogFollowsADialog()
    {
        start();
        const auto both = Qt::ControlModifier | Qt::ShiftModifier;
        press(Qt::Key_M, both);
        shown->type(QStringLiteral("Work"));
        shown->key(Qt::Key_Return);
        press(Qt::Key_T, both);
        shown->type(QStringLiteral("bees"));
        shown->key(Qt::Key_Return);
        shown->key(Qt::Key_Return); // an empty field: done
        press(Qt::Key_K, Qt::ControlModifier);
        shown->key(Qt::Key_Escape);
        shown->type(QStringLiteral("And now?"));
        QCOMPARE(composer()->property("text").toString(), QStringLiteral("And now?"));
        shown->stage.settle();
        const auto conversation =
            shown->stage.reader().conversation(shown->stage.session->conversations.currentId());
        QCOMPARE(conversation->folder, std::string("Work"));
        QCOMPARE(conversation->tags, std::vector<std::string>{"bees"});
    }

    // Where the list had the focus, it has it again: after the menu, its dialogs and an answer of no.
    void theListKeepsTheFocus()
    {
        start();
        QQuickItem* list = shown->item("conversationList");
        shown->key(Qt::Key_G, Qt::ControlModifier);
        QTRY_VERIFY(list->hasActiveFocus());
        const QQuickItem* focused = shown->window->activeFocusItem();
        shown->key(Qt::Key_Menu);
        QTRY_VERIFY(shown->button("Tags…"));
        QVERIFY(!list->hasActiveFocus());
        shown->key(Qt::Key_Escape);
        QVERIFY(list->hasActiveFocus());
        shown->key(Qt::Key_Menu);
        QTRY_VERIFY(shown->button("Tags…"));
        for (int i = 0; i < 4; ++i) // Rename, Pin, Move, Tags
            shown->key(Qt::Key_Down);
        shown->key(Qt::Key_Return);
        QTRY_VERIFY(shown->item("tagField")->hasActiveFocus());
        shown->key(Qt::Key_Escape);
        QVERIFY(list->hasActiveFocus());
        shown->key(Qt::Key_F2);
        QVERIFY(shown->window->activeFocusItem()->inherits("QQuickTextField")); // the title, in its row
        shown->key(Qt::Key_Escape);
        QCOMPARE(shown->window->activeFocusItem(), focused);
        QCOMPARE(shown->stage.session->conversations.currentTitle(), QStringLiteral("Hello?"));
    }
};

QTEST_MAIN(TestPopups)
#include "test_popups.moc"
