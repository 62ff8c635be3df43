// SPDX-License-Identifier: MIT
// The sidebar and the window's manners: the real QML on a scripted engine and a real database.
#include "tests/ui/stage.h"

#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QSignalSpy>
#include <QTest>
#include <QtPlugin>

#include <fstream>

Q_IMPORT_PLUGIN(FathomPlugin)

using ui::ConversationModel;

namespace {

QStringList warnings;

void collect(QtMsgType type, const QMessageLogContext& context, const QString& message)
{
    if (type == QtWarningMsg || type == QtCriticalMsg)
        warnings.append(
            QStringLiteral("%1 (%2:%3)").arg(message, QLatin1String(context.file)).arg(context.line));
}

} // namespace

class TestSidebar : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QQmlApplicationEngine> qml;
    QQuickWindow* window = nullptr;
    QtMessageHandler before = nullptr;

    ConversationModel& model() { return stage->session->conversations; }

    QQuickItem* item(const char* name)
    {
        auto* found = window->findChild<QQuickItem*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }

    QObject* popup(const char* name)
    {
        auto* found = window->findChild<QObject*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }

    // The visible item of that class below `in` whose text this is, or null.
    static QQuickItem* texted(const QQuickItem* in, const char* type, const QString& text)
    {
        for (QQuickItem* one : in->childItems()) {
            if (!one->isVisible())
                continue;
            if (one->inherits(type) && one->property("text").toString() == text)
                return one;
            if (QQuickItem* found = texted(one, type, text))
                return found;
        }
        return nullptr;
    }
    QQuickItem* button(const char* text)
    {
        return texted(window->contentItem(), "QQuickAbstractButton", QString::fromUtf8(text));
    }
    QQuickItem* row(const char* title)
    {
        return texted(item("conversationList"), "QQuickAbstractButton", QString::fromUtf8(title));
    }

    QByteArray titles()
    {
        QStringList all;
        for (int row = 0; row < model().count(); ++row)
            all.append(model().index(row).data(ConversationModel::Title).toString());
        return all.join(u' ').toUtf8();
    }

    void makeThree()
    {
        storage::ChatStore store(stage->lock);
        for (const char* title : {"A", "B", "C"}) {
            const storage::Id one = store.create_conversation();
            store.rename(one, title);
            store.append_message(one, storage::Role::user, std::string("The question of ") + title);
            QTest::qSleep(2); // another millisecond
        }
    }

    void show()
    {
        stage->session->settings.setFirstStartDone(true);
        qml = std::make_unique<QQmlApplicationEngine>();
        qml->addImportPath(QStringLiteral("qrc:/"));
        ui::registerObjects(*qml, stage->session->objects);
        qml->load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
        QVERIFY(!qml->rootObjects().isEmpty());
        window = qobject_cast<QQuickWindow*>(qml->rootObjects().constFirst());
        QVERIFY(window);
        window->resize(1200, 800);
        window->show();
        window->requestActivate();
        QVERIFY(waitForActive(window));
    }

    void start()
    {
        makeThree();
        stage->startReady();
        show();
        QTRY_VERIFY(row("A"));
    }

    void drawn()
    {
        QSignalSpy done(window, &QQuickWindow::afterRendering);
        window->update();
        QTRY_VERIFY(!done.isEmpty());
    }

    static QPoint middle(const QQuickItem* target)
    {
        return target->mapToScene(QPointF(target->width() / 2, target->height() / 2)).toPoint();
    }

    void click(QQuickItem* target, Qt::KeyboardModifiers modifiers = Qt::NoModifier,
               Qt::MouseButton mouse = Qt::LeftButton)
    {
        QVERIFY(target);
        drawn();
        QTest::mouseClick(window, mouse, modifiers, middle(target));
    }

    void type(const QString& text)
    {
        for (const QChar letter : text)
            QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, letter, Qt::NoModifier);
    }

private slots:
    void initTestCase()
    {
        QQuickStyle::setStyle(QStringLiteral("Basic"));
        before = qInstallMessageHandler(collect);
    }

    void init()
    {
        warnings.clear();
        stage = std::make_unique<Stage>();
    }

    void cleanup()
    {
        window = nullptr;
        qml.reset();
        stage.reset();
        QVERIFY2(warnings.isEmpty(), qPrintable(warnings.join(u'\n')));
    }

    void cleanupTestCase() { qInstallMessageHandler(before); }

    void clicksOpenAndChoose()
    {
        start();
        click(row("C"));
        QTRY_COMPARE(model().currentTitle(), QStringLiteral("C"));
        click(row("A"), Qt::ControlModifier);
        QCOMPARE(model().selectedCount(), 2);
        QTRY_VERIFY(item("selectionBar")->isVisible());
        click(row("A"), Qt::ControlModifier);
        QCOMPARE(model().selectedCount(), 1);
        QTRY_VERIFY(!item("selectionBar")->isVisible());
        click(row("C"));
        click(row("A"), Qt::ShiftModifier);
        QCOMPARE(model().selectedCount(), 3);
        QCOMPARE(model().currentTitle(), QStringLiteral("C"));

        QTest::keyClick(window, Qt::Key_Delete, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_COMPARE(model().total(), 0);
        QTRY_VERIFY(button("Undo"));
        click(button("Undo"));
        QTRY_COMPARE(titles(), QByteArray("C B A"));
    }

    void theKeyboardDoesTheSame()
    {
        start();
        QTest::keyClick(window, Qt::Key_G, Qt::ControlModifier);
        QTRY_VERIFY(item("conversationList")->hasActiveFocus());
        QCOMPARE(item("conversationList")->property("currentIndex").toInt(), 0);
        QTest::keyClick(window, Qt::Key_Down, Qt::ShiftModifier);
        QCOMPARE(model().selectedCount(), 2);
        QTest::keyClick(window, Qt::Key_Escape);
        QCOMPARE(model().selectedCount(), 0);
        QTest::keyClick(window, Qt::Key_A, Qt::ControlModifier);
        QCOMPARE(model().selectedCount(), 3);
        QTest::keyClick(window, Qt::Key_Escape);
        QTest::keyClick(window, Qt::Key_Down);
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(model().currentTitle(), QStringLiteral("A"));
        QTest::keyClick(window, Qt::Key_P, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_COMPARE(titles(), QByteArray("A C B"));

        QTest::keyClick(window, Qt::Key_M, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(item("folderField")->hasActiveFocus());
        type(QStringLiteral("Work"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(stage->reader().conversation(1)->folder, std::string("Work"));
        QTRY_VERIFY(!item("folderField")->isVisible()); // a dialog keeps the window's keys to itself
        QTest::keyClick(window, Qt::Key_T, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(item("tagField")->hasActiveFocus());
        type(QStringLiteral("bees"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(stage->reader().conversation(1)->tags, std::vector<std::string>{"bees"});
        QTest::keyClick(window, Qt::Key_Return); // an empty field: done
        QTRY_VERIFY(!item("tagField")->isVisible());
        QTest::keyClick(window, Qt::Key_Z, Qt::ControlModifier | Qt::AltModifier);
        QTRY_VERIFY(stage->reader().conversation(1)->tags.empty());
    }

    void draggingMovesIntoAFolderAndOut()
    {
        makeThree();
        {
            storage::ChatStore store(stage->lock);
            store.set_folder(2, "Work");
        }
        stage->startReady();
        show();
        QTRY_VERIFY(row("Work"));
        drawn();
        const auto drag = [&](QQuickItem* from, QPoint to) {
            const QPoint begin = middle(from);
            QTest::mousePress(window, Qt::LeftButton, {}, begin);
            QTest::mouseMove(window, begin + QPoint(0, 12));
            QTest::mouseMove(window, (begin + to) / 2);
            QTest::mouseMove(window, to);
            QTest::mouseRelease(window, Qt::LeftButton, {}, to);
        };
        drag(row("C"), middle(row("Work")));
        QTRY_COMPARE(titles(), QByteArray("Work A"));
        QCOMPARE(stage->reader().conversation(3)->folder, std::string("Work"));
        QCOMPARE(model().currentId(), 0); // a drag opens nothing

        click(row("Work"));
        QTRY_COMPARE(titles(), QByteArray("Work C B A"));
        QTRY_VERIFY(row("C"));
        drawn();
        drag(row("C"), middle(row("A")));
        QTRY_COMPARE(stage->reader().conversation(3)->folder, std::string());
        drawn();
        drag(row("A"), QPoint(800, 300)); // outside: nothing
        stage->settle();
        QCOMPARE(stage->reader().conversation(1)->folder, std::string());
    }

    void deletingForEverAsksOnce()
    {
        start();
        model().trash({1});
        model().setScope(QStringLiteral("trash"));
        QTRY_COMPARE(titles(), QByteArray("A"));
        QTest::keyClick(window, Qt::Key_G, Qt::ControlModifier);
        QTest::keyClick(window, Qt::Key_Delete);
        QTRY_VERIFY(popup("eraseDialog")->property("opened").toBool());
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!popup("eraseDialog")->property("visible").toBool());
        QVERIFY(stage->reader().conversation(1));
        QTest::keyClick(window, Qt::Key_Delete);
        QTRY_VERIFY(popup("eraseDialog")->property("opened").toBool());
        QTest::keyClick(window, Qt::Key_Return); // it begins on what keeps all
        QTRY_VERIFY(!popup("eraseDialog")->property("visible").toBool());
        QVERIFY(stage->reader().conversation(1));
        QTest::keyClick(window, Qt::Key_Delete);
        QTRY_VERIFY(popup("eraseDialog")->property("opened").toBool());
        QTest::keyClick(window, Qt::Key_Tab);
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_VERIFY(!stage->reader().conversation(1));
    }

    void theMenuOfARow()
    {
        start();
        click(row("B"), Qt::NoModifier, Qt::RightButton);
        QTRY_VERIFY(button("Move to folder…"));
        click(texted(button("Move to folder…")->parentItem(), "QQuickMenuItem", QStringLiteral("Archive")));
        QTRY_COMPARE(titles(), QByteArray("C A"));
    }

    void quickSwitching()
    {
        start();
        QTest::keyClick(window, Qt::Key_K, Qt::ControlModifier);
        QTRY_VERIFY(item("quickField")->hasActiveFocus());
        QTRY_COMPARE(stage->session->switcher.count(), 3);
        type(QStringLiteral("b"));
        QTRY_COMPARE(stage->session->switcher.count(), 1);
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(model().currentTitle(), QStringLiteral("B"));
        QTRY_VERIFY(item("composer")->hasActiveFocus());
    }

    void filtersAreOffered()
    {
        start();
        model().setTag({qint64(1)}, QStringLiteral("honey bees"), true);
        QTRY_COMPARE(model().tags().size(), 1);
        QTest::keyClick(window, Qt::Key_F, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(item("searchField")->hasActiveFocus());
        QTRY_VERIFY(button("before:"));
        type(QStringLiteral("ta"));
        QTRY_VERIFY(button("tag:"));
        QTest::keyClick(window, Qt::Key_Tab);
        QTRY_COMPARE(model().query(), QStringLiteral("tag:"));
        QTRY_VERIFY(button("tag:\"honey bees\""));
        QTest::keyClick(window, Qt::Key_Tab);
        QTRY_COMPARE(model().query(), QStringLiteral("tag:\"honey bees\" "));
        QTRY_COMPARE(titles(), QByteArray("A"));
    }

    // A name with blanks is offered while it is typed, and found whole, quotation marks and all.
    void aFilterTakesAnyName_data()
    {
        QTest::addColumn<QString>("name");
        QTest::addColumn<QString>("typed");
        QTest::addColumn<QString>("query");
        QTest::newRow("blanks") << QStringLiteral("DeepSeek V2 Lite") << QStringLiteral("model:v2")
                                << QStringLiteral("model:\"DeepSeek V2 Lite\" ");
        QTest::newRow("in quotes") << QStringLiteral("DeepSeek V2 Lite") << QStringLiteral("model:\"seek v")
                                   << QStringLiteral("model:\"DeepSeek V2 Lite\" ");
        QTest::newRow("quotes") << QStringLiteral("My \"good\" model") << QStringLiteral("model:good")
                                << QStringLiteral("model:\"My \\\"good\\\" model\" ");
    }

    void aFilterTakesAnyName()
    {
        QFETCH(QString, name);
        QFETCH(QString, typed);
        QFETCH(QString, query);
        makeThree();
        {
            storage::ChatStore store(stage->lock);
            storage::AnswerOrigin origin;
            origin.model_name = ui::toUtf8(name);
            storage::AnswerResult result;
            result.text = "An answer.";
            store.finish_answer(store.begin_answer(*store.conversation(2)->leaf, origin), result);
        }
        stage->world->inspected = [name](engine::ModelInfo& info) { info.name = ui::toUtf8(name); };
        QFile file(ui::pathToQt(stage->profile() / "starter.gguf"));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.close();
        stage->startReady();
        show();
        QTRY_VERIFY(stage->session->models.names().contains(name));
        QTest::keyClick(window, Qt::Key_F, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(item("searchField")->hasActiveFocus());
        type(typed);
        QTRY_VERIFY(button(qPrintable(query.trimmed())));
        QTest::keyClick(window, Qt::Key_Tab);
        QTRY_COMPARE(model().query(), query);
        QTRY_COMPARE(titles(), QByteArray("B"));
    }

    void aTemporaryConversationIsMarked()
    {
        start();
        QTest::keyClick(window, Qt::Key_N, Qt::ControlModifier | Qt::ShiftModifier);
        QTRY_VERIFY(model().currentTemporary());
        QTRY_VERIFY(button("Close and forget"));
        QTRY_VERIFY(stage->session->chat.canSend());
        stage->talk(QStringLiteral("Nothing of this stays"));
        QTRY_VERIFY(row("Nothing of this stays"));
        click(button("Close and forget"));
        QTRY_VERIFY(!model().currentTemporary());
        QTRY_COMPARE(titles(), QByteArray("C B A"));
    }

    // Each key of the table that has a function really makes it, and the table is what the list shows.
    void theListOfKeysIsTheTable()
    {
        start();
        QTest::keyClick(window, Qt::Key_Slash, Qt::ControlModifier);
        QObject* list = popup("keysList");
        QTRY_VERIFY(list->property("opened").toBool());
        const QVariantList commands = list->property("commands").toList();
        QVERIFY(commands.size() > 30);
        QSet<QString> taken;
        for (const QVariant& one : commands) {
            const auto* command = one.value<QObject*>();
            QVERIFY(command);
            QVERIFY(!command->property("text").toString().isEmpty());
            QVERIFY(texted(window->contentItem(), "QQuickText", command->property("text").toString()));
            for (const QVariant& key : command->property("keys").toList()) {
                const QKeySequence sequence(key.toString(), QKeySequence::PortableText);
                QVERIFY2(sequence.count() == 1 && sequence.toString() != QString(),
                         qPrintable(key.toString()));
                QVERIFY2(!taken.contains(sequence.toString()), qPrintable(key.toString()));
                taken.insert(sequence.toString());
            }
        }
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!list->property("visible").toBool());

        QTest::keyClick(window, Qt::Key_Comma, Qt::ControlModifier);
        QTRY_COMPARE(window->property("page").toString(), QStringLiteral("settings"));
        QTest::keyClick(window, Qt::Key_L, Qt::ControlModifier);
        QTRY_COMPARE(window->property("page").toString(), QStringLiteral("chat"));
        QTest::keyClick(window, Qt::Key_B, Qt::ControlModifier);
        QTRY_VERIFY(!stage->session->settings.sidebarOpen());
    }

    void zoomByKeysAndWheel()
    {
        start();
        ui::Settings& settings = stage->session->settings;
        QTest::keyClick(window, Qt::Key_Plus, Qt::ControlModifier);
        QCOMPARE(settings.zoom(), 1.1);
        QTest::keyClick(window, Qt::Key_0, Qt::ControlModifier);
        QCOMPARE(settings.zoom(), 1.0);
        const auto turn = [&](int delta, Qt::KeyboardModifiers modifiers) {
            QWheelEvent event(QPointF(150, 300), window->mapToGlobal(QPointF(150, 300)), {}, QPoint(0, delta),
                              Qt::NoButton, modifiers, Qt::NoScrollPhase, false);
            QCoreApplication::sendEvent(window, &event);
        };
        turn(120, Qt::ControlModifier);
        QCOMPARE(settings.zoom(), 1.1);
        turn(120, Qt::NoModifier);
        QCOMPARE(settings.zoom(), 1.1);
        for (int i = 0; i < 40; ++i)
            turn(120, Qt::ControlModifier);
        QCOMPARE(settings.zoom(), 3.0);
        drawn();
        for (int i = 0; i < 40; ++i)
            turn(-120, Qt::ControlModifier);
        QCOMPARE(settings.zoom(), 0.5);
        drawn();
    }

    void safeModeIsSaid()
    {
        makeThree();
        stage->startReady().platform.setSafeMode(QStringLiteral("Safe mode: be careful."));
        show();
        QTRY_VERIFY(texted(window->contentItem(), "QQuickText", QStringLiteral("Safe mode: be careful.")));
    }

    void aDamagedHistoryOffersTheWayOut()
    {
        std::ofstream(storage::database_file(stage->lock.profile())) << std::string(50'000, 'x');
        stage->start();
        show();
        QTRY_VERIFY(button("Repair"));
        click(button("Repair"));
        QTRY_VERIFY(!stage->session->history.result().isEmpty());
        QVERIFY(stage->session->history.failed()); // nothing to read there, and it says so
        QTRY_VERIFY(texted(window->contentItem(), "QQuickText", stage->session->history.result()));
    }
};

QTEST_MAIN(TestSidebar)
#include "test_sidebar.moc"
