// SPDX-License-Identifier: MIT
// A cat on the keyboard: no message goes, whatever keys are pressed, but where a dialog that begins on its
// other button was told so; from there the cat is sent away. FATHOM_KEYS says how many keys; FATHOM_SEED
// repeats them.
#include "tests/ui/sample_profile.h"
#include "tests/ui/stage.h"

#include <QPointer>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QRandomGenerator>
#include <QtPlugin>

#include <map>

Q_IMPORT_PLUGIN(FathomPlugin)

class TestKeys : public QObject
{
    Q_OBJECT

private:
    static std::map<storage::Id, std::string> messages(storage::ChatReader& reader)
    {
        std::map<storage::Id, std::string> all;
        for (const auto scope : {storage::Scope::active, storage::Scope::archived, storage::Scope::trash}) {
            for (const storage::Conversation& one : reader.list_conversations(scope))
                for (const storage::MessageHead& head : reader.branch_heads(one.id))
                    all[head.id] = reader.message(head.id)->content;
        }
        return all;
    }

private slots:
    void initTestCase() { QQuickStyle::setStyle(QStringLiteral("Basic")); }

    void noMessageGoes()
    {
        const quint32 seed = qEnvironmentVariableIsSet("FATHOM_SEED")
                                 ? qEnvironmentVariable("FATHOM_SEED").toUInt()
                                 : QRandomGenerator::global()->generate();
        qInfo("seed %u", seed);
        QRandomGenerator random(seed);
        Stage stage;
        {
            storage::ChatStore store(stage.lock);
            sample::fill(store);
        }
        stage.startReady();
        stage.session->settings.setFirstStartDone(true);
        auto qml = std::make_unique<QQmlApplicationEngine>();
        qml->addImportPath(QStringLiteral("qrc:/"));
        ui::registerObjects(*qml, stage.session->objects);
        qml->load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
        auto* window = qobject_cast<QQuickWindow*>(qml->rootObjects().value(0));
        QVERIFY(window);
        window->resize(1200, 800);
        window->requestActivate();
        QVERIFY(waitForActive(window));
        storage::ChatReader reader = stage.reader();
        const auto before = messages(reader);
        QVERIFY(before.size() > 10);

        const QObjectList dialogs{window->findChild<QObject*>(QStringLiteral("emptyDialog")),
                                  window->findChild<QObject*>(QStringLiteral("eraseDialog"))};
        QVERIFY(!dialogs.contains(nullptr));
        const QList<int> often{Qt::Key_Return, Qt::Key_Escape,    Qt::Key_Tab,   Qt::Key_Up,
                               Qt::Key_Down,   Qt::Key_Left,      Qt::Key_Right, Qt::Key_Space,
                               Qt::Key_Delete, Qt::Key_Backspace, Qt::Key_Home,  Qt::Key_End,
                               Qt::Key_PageUp, Qt::Key_PageDown,  Qt::Key_Menu,  Qt::Key_F2,
                               Qt::Key_F10,    Qt::Key_Comma,     Qt::Key_Slash};
        for (int i = 0; i < FATHOM_KEYS; ++i) {
            const int key =
                random.bounded(2) == 0 ? often[random.bounded(often.size())] : Qt::Key_A + random.bounded(26);
            Qt::KeyboardModifiers modifiers;
            if (random.bounded(4) == 0)
                modifiers |= Qt::ControlModifier;
            if (random.bounded(6) == 0)
                modifiers |= Qt::ShiftModifier;
            if (random.bounded(12) == 0)
                modifiers |= Qt::AltModifier;
            for (const QObject* dialog : dialogs) {
                if (!dialog->property("visible").toBool())
                    continue;
                if (random.bounded(2) == 0) // which keeps all
                    QTest::keyClick(window, Qt::Key_Return);
                else
                    QTest::keyClick(window, Qt::Key_Escape);
                QTRY_VERIFY(!dialog->property("visible").toBool());
            }
            QWindow* focused = QGuiApplication::focusWindow();
            QTest::keyClick(focused ? focused : window, static_cast<Qt::Key>(key), modifiers);
            if (i % 64 == 0)
                QTest::qWait(1);
            if (!window->isVisible()) // closed
                window->show();
        }
        stage.settle();
        for (const auto& [id, content] : before) {
            const auto message = reader.message(id);
            QVERIFY2(message, qPrintable(QString::number(id)));
            QVERIFY(message->content == content);
        }
        // Where the platform has no file dialog Qt's own stands in. The textures of its icons are freed with
        // the first picture after it, so there has to be one, or the leak checker sees them at the end.
        QList<QPointer<QObject>> fileDialogs;
        for (QObject* one : window->findChildren<QObject*>()) {
            if (one->inherits("QQuickFileDialogImpl") || one->inherits("QQuickFolderDialogImpl"))
                fileDialogs.append(one);
        }
        for (const QPointer<QObject>& dialog : fileDialogs)
            delete dialog.data();
        window->grabWindow();
        qml.reset();
    }
};

QTEST_MAIN(TestKeys)
#include "test_keys.moc"
