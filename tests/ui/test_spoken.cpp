// SPDX-License-Identifier: MIT
// What a screen reader is told: the whole window is walked, each page and each popup, as with one that runs.
#include "tests/ui/sample_profile.h"
#include "tests/ui/shown_window.h"

#include <QAccessible>
#include <QQuickStyle>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace std::chrono_literals;
using ui::ConversationModel;

class TestSpoken : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<ShownWindow> shown;

    ConversationModel& model() { return shown->stage.session->conversations; }

    static QString describe(const QQuickItem* item)
    {
        const QAccessibleInterface* spoken =
            QAccessible::queryAccessibleInterface(const_cast<QQuickItem*>(item));
        return QStringLiteral("%1 %2 “%3” role %4 in %5")
            .arg(QLatin1String(item->metaObject()->className()), item->objectName(),
                 spoken ? spoken->text(QAccessible::Name) : QStringLiteral("-"))
            .arg(spoken ? spoken->role() : -1)
            .arg(item->parentItem() ? QLatin1String(item->parentItem()->metaObject()->className())
                                    : QLatin1String());
    }

    // The text of a message, which the paragraph around it speaks as a whole.
    static bool spokenByItsParagraph(const QQuickItem* text)
    {
        for (QQuickItem* around = text->parentItem(); around; around = around->parentItem()) {
            const QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(around);
            if (spoken &&
                (spoken->role() == QAccessible::Paragraph || spoken->role() == QAccessible::Heading))
                return !spoken->text(QAccessible::Name).isEmpty();
        }
        return false;
    }

    // What is visible and reacts to keys or clicks has a name, and the role of what it is.
    void everythingSpeaks(const char* where)
    {
        shown->drawn();
        QStringList mute;
        int controls = 0;
        ShownWindow::walk(shown->window->contentItem(), [&](QQuickItem* one) {
            const bool button = one->inherits("QQuickAbstractButton");
            const bool field = one->inherits("QQuickTextField") || one->inherits("QQuickTextArea") ||
                               one->inherits("QQuickTextEdit") || one->inherits("QQuickTextInput");
            if (!button && !field && !one->activeFocusOnTab())
                return;
            if (one->property("readOnly").toBool() && spokenByItsParagraph(one))
                return;
            ++controls;
            QAccessibleInterface* spoken = QAccessible::queryAccessibleInterface(one);
            const QAccessible::Role role = spoken ? spoken->role() : QAccessible::NoRole;
            bool right = role != QAccessible::NoRole && role != QAccessible::Client;
            if (button) {
                const QSet<QAccessible::Role> possible{QAccessible::Button,   QAccessible::ListItem,
                                                       QAccessible::CheckBox, QAccessible::RadioButton,
                                                       QAccessible::MenuItem, QAccessible::PageTab};
                right = possible.contains(role);
            }
            if (!right || spoken->text(QAccessible::Name).trimmed().isEmpty())
                mute.append(describe(one));
        });
        QVERIFY2(controls > 5, where);
        QVERIFY2(mute.isEmpty(), qPrintable(QLatin1String(where) + QStringLiteral(":\n") + mute.join(u'\n')));
    }

    QAccessible::Role role(const QQuickItem* item)
    {
        return QAccessible::queryAccessibleInterface(const_cast<QQuickItem*>(item))->role();
    }
    QAccessible::State state(const QQuickItem* item)
    {
        return QAccessible::queryAccessibleInterface(const_cast<QQuickItem*>(item))->state();
    }
    QString name(const QQuickItem* item)
    {
        return QAccessible::queryAccessibleInterface(const_cast<QQuickItem*>(item))->text(QAccessible::Name);
    }

private slots:
    void initTestCase()
    {
        QQuickStyle::setStyle(QStringLiteral("Basic"));
        QAccessible::setActive(true);
    }

    void init() { shown = std::make_unique<ShownWindow>(); }

    void cleanup()
    {
        shown.reset();
        QVERIFY2(ShownWindow::warnings().isEmpty(), qPrintable(ShownWindow::warnings().join(u'\n')));
    }

    void rowsAreItemsOfAList()
    {
        {
            storage::ChatStore store(shown->stage.lock);
            for (const char* title : {"A", "B", "C"}) {
                const storage::Id one = store.create_conversation();
                store.rename(one, title);
                QTest::qSleep(2); // another millisecond
            }
            store.set_folder(1, "Work");
            store.set_tags({2}, {"bees"});
        }
        shown->showReady();
        const auto row = [&](const char* text) { return shown->button(text); };
        QTRY_VERIFY(row("B") && row("C") && row("Work"));
        QCOMPARE(role(shown->item("conversationList")), QAccessible::List);
        QCOMPARE(role(row("B")), QAccessible::ListItem);
        QCOMPARE(name(row("B")), QStringLiteral("B, tagged bees"));
        QVERIFY(state(row("B")).selectable && !state(row("B")).selected);
        shown->click(row("B"));
        QTRY_VERIFY(state(row("B")).selected);
        QVERIFY(!state(row("C")).selected);
        QTest::mouseClick(shown->window, Qt::LeftButton, Qt::ControlModifier,
                          row("C")->mapToScene(QPointF(40, 10)).toPoint());
        QTRY_VERIFY(state(row("C")).selected);
        QCOMPARE(role(row("Work")), QAccessible::ListItem);
        QCOMPARE(name(row("Work")), QStringLiteral("Folder Work, one conversation, folded"));
        shown->click(row("Work"));
        QTRY_COMPARE(name(row("Work")), QStringLiteral("Folder Work, one conversation, unfolded"));
    }

    // What is chosen or on is said with it, and a second click on a choice leaves it chosen.
    void choicesSayWhetherTheyAreChosen()
    {
        shown->showReady();
        shown->key(Qt::Key_Comma, Qt::ControlModifier);
        QTRY_VERIFY(shown->button("Dark"));
        QQuickItem* dark = shown->button("Dark");
        QCOMPARE(role(dark), QAccessible::RadioButton);
        QVERIFY(!state(dark).checked);
        for (int i = 0; i < 2; ++i) {
            shown->click(dark);
            QCOMPARE(shown->stage.session->settings.theme(), QStringLiteral("dark"));
            QVERIFY(state(dark).checked && !state(shown->button("Light")).checked);
        }
        shown->key(Qt::Key_D, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(state(shown->button("Light")).checked && !state(dark).checked);

        QQuickItem* teal = shown->button("Teal");
        QCOMPARE(role(teal), QAccessible::RadioButton);
        shown->click(teal);
        QTRY_VERIFY(state(teal).checked);

        QQuickItem* motion = shown->button("Less motion");
        QCOMPARE(role(motion), QAccessible::CheckBox);
        const bool before = shown->stage.session->settings.reduceMotion();
        QCOMPARE(bool(state(motion).checked), before);
        shown->click(motion);
        QCOMPARE(shown->stage.session->settings.reduceMotion(), !before);
        QCOMPARE(bool(state(motion).checked), !before);

        QQuickItem* section = shown->button("Answers");
        QCOMPARE(role(section), QAccessible::PageTab);
        shown->click(section);
        QTRY_VERIFY(state(section).selected);
    }

    void theFirstStart()
    {
        shown->stage.startReady();
        shown->show();
        QTRY_VERIFY(shown->item("startTalking")->isVisible());
        QStringList mute;
        ShownWindow::walk(shown->window->contentItem(), [&](QQuickItem* one) {
            if (one->inherits("QQuickAbstractButton") &&
                (name(one).isEmpty() || role(one) != QAccessible::Button))
                mute.append(describe(one));
        });
        QVERIFY2(mute.isEmpty(), qPrintable(mute.join(u'\n')));
    }

    void everyPage()
    {
        {
            storage::ChatStore store(shown->stage.lock);
            sample::fill(store);
        }
        shown->showReady();
        everythingSpeaks("an empty conversation");
        for (int row = 0; row < model().count(); ++row) {
            model().open(model().index(row).data(ConversationModel::ConversationId).toLongLong());
            QTRY_VERIFY(!shown->stage.session->chat.loading());
            everythingSpeaks("a conversation");
        }
        model().newTemporary();
        QTRY_VERIFY(model().currentTemporary());
        everythingSpeaks("a temporary conversation");
        shown->key(Qt::Key_G, Qt::ControlModifier);
        shown->key(Qt::Key_A, Qt::ControlModifier);
        QTRY_VERIFY(shown->item("selectionBar")->isVisible());
        everythingSpeaks("several chosen");
        for (const char* scope : {"archived", "trash"}) {
            model().setScope(QLatin1String(scope));
            everythingSpeaks(scope);
        }
        model().setScope(QStringLiteral("active"));
        model().setQuery(QStringLiteral("lisbon"));
        QTRY_COMPARE(model().count(), 1);
        everythingSpeaks("a search");
        for (const char* page : {"settings", "models"}) {
            shown->window->setProperty("page", QLatin1String(page));
            everythingSpeaks(page);
        }
    }

    void everyPopup()
    {
        {
            storage::ChatStore store(shown->stage.lock);
            sample::fill(store);
        }
        shown->showReady();
        shown->stage.talk(QStringLiteral("Hello?"));
        const auto opens = [&](const char* what, const std::function<void()>& open,
                               const std::function<bool()>& isOpen) {
            open();
            QVERIFY2(QTest::qWaitFor(isOpen, patience_ms), what);
            everythingSpeaks(what);
            shown->key(Qt::Key_Escape);
            QVERIFY2(QTest::qWaitFor([&] { return !isOpen(); }, patience_ms), what);
        };
        const auto keyed = [&](const char* what, Qt::Key key, Qt::KeyboardModifiers modifiers,
                               const char* inside) {
            opens(
                what, [&] { shown->key(key, modifiers); }, [&] { return shown->item(inside)->isVisible(); });
        };
        keyed("the switcher", Qt::Key_K, Qt::ControlModifier, "quickField");
        keyed("folders", Qt::Key_M, Qt::ControlModifier | Qt::ShiftModifier, "folderField");
        keyed("tags", Qt::Key_T, Qt::ControlModifier | Qt::ShiftModifier, "tagField");
        opens(
            "keys", [&] { shown->key(Qt::Key_F1); },
            [&] { return shown->object("keysList")->property("visible").toBool(); });
        opens(
            "models", [&] { shown->key(Qt::Key_M, Qt::ControlModifier); },
            [&] { return shown->button("All models and folders…") != nullptr; });
        opens(
            "export", [&] { shown->key(Qt::Key_E, Qt::ControlModifier | Qt::ShiftModifier); },
            [&] { return shown->button("Choose a file…") != nullptr; });
        opens(
            "the context", [&] { shown->click(shown->item("contextMeter")); },
            [&] { return shown->object("contextPopup")->property("visible").toBool(); });
        opens(
            "own settings", [&] { shown->click(shown->item("conversationSettings")); },
            [&] { return shown->button("Save as preset") != nullptr; });
        opens(
            "details", [&] { shown->click(shown->button("Details")); },
            [&] { return shown->button("Generate again exactly so") != nullptr; });
        opens(
            "a link",
            [&] {
                shown->object("linkDialog")->setProperty("address", QStringLiteral("https://example.org"));
                QMetaObject::invokeMethod(shown->object("linkDialog"), "open");
            },
            [&] { return shown->object("linkDialog")->property("visible").toBool(); });
        opens(
            "a menu",
            [&] {
                shown->key(Qt::Key_G, Qt::ControlModifier);
                shown->key(Qt::Key_Menu);
            },
            [&] { return shown->button("Move to folder…") != nullptr; });
        for (const char* dialog : {"eraseDialog", "emptyDialog", "restoreDialog"}) {
            opens(
                dialog, [&] { QMetaObject::invokeMethod(shown->object(dialog), "open"); },
                [&] { return shown->object(dialog)->property("visible").toBool(); });
        }
    }
};

QTEST_MAIN(TestSpoken)
#include "test_spoken.moc"
