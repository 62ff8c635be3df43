// SPDX-License-Identifier: MIT
// The real QML on a scripted engine and a real database.
#include "tests/ui/sample_profile.h"
#include "tests/ui/stage.h"

#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QSignalSpy>
#include <QTest>
#include <QtPlugin>

Q_IMPORT_PLUGIN(FathomPlugin)

using namespace std::chrono_literals;

namespace {

QStringList warnings;

void collect(QtMsgType type, const QMessageLogContext& context, const QString& message)
{
    if (type == QtWarningMsg || type == QtCriticalMsg)
        warnings.append(
            QStringLiteral("%1 (%2:%3)").arg(message, QLatin1String(context.file)).arg(context.line));
}

} // namespace

class TestWindow : public QObject
{
    Q_OBJECT

private:
    std::unique_ptr<Stage> stage;
    std::unique_ptr<QQmlApplicationEngine> qml;
    QQuickWindow* window = nullptr;
    QtMessageHandler before = nullptr;

    QQuickItem* item(const char* name)
    {
        auto* found = window->findChild<QQuickItem*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }

    // Of a list or a repeater, which are no one's children.
    static QQuickItem* named(QQuickItem* in, const QString& name)
    {
        if (in->objectName() == name)
            return in;
        for (QQuickItem* child : in->childItems()) {
            if (QQuickItem* found = named(child, name))
                return found;
        }
        return nullptr;
    }

    // The visible button with that text, or null.
    QQuickItem* button(const char* text) { return button(QString::fromUtf8(text)); }
    QQuickItem* button(const QString& text) { return button(window->contentItem(), text); }
    static QQuickItem* button(const QQuickItem* in, const QString& text)
    {
        for (QQuickItem* item : in->childItems()) {
            if (!item->isVisible())
                continue;
            if (item->inherits("QQuickAbstractButton") && item->property("text").toString() == text)
                return item;
            if (QQuickItem* found = button(item, text))
                return found;
        }
        return nullptr;
    }

    // The waiting message at that place; the list's children stand in the order in which they were made.
    QQuickItem* queued(int index)
    {
        QQuickItem* found = nullptr;
        QMetaObject::invokeMethod(item("queue"), "itemAtIndex", Q_RETURN_ARG(QQuickItem*, found),
                                  Q_ARG(int, index));
        return found;
    }

    void show()
    {
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

    void start(bool filled)
    {
        if (filled) {
            storage::ChatStore store(stage->lock);
            sample::fill(store);
        }
        stage->startReady();
        stage->session->settings.setFirstStartDone(true);
        show();
    }

    void type(const QString& text)
    {
        for (const QChar letter : text) {
            if (letter == u'\n')
                QTest::keyClick(window, Qt::Key_Return, Qt::ShiftModifier);
            else
                QTest::sendKeyEvent(QTest::Click, window, Qt::Key_unknown, letter, Qt::NoModifier);
        }
    }

    void click(QQuickItem* target)
    {
        QSignalSpy drawn(window,
                         &QQuickWindow::afterRendering); // and laid out, where something just appeared
        window->update();
        QTRY_VERIFY(!drawn.isEmpty());
        QTest::mouseClick(window, Qt::LeftButton, Qt::NoModifier,
                          target->mapToScene(QPointF(target->width() / 2, target->height() / 2)).toPoint());
    }

    ui::ChatModel& chat() { return stage->session->chat; }

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

    void typesAMessageAndSeesTheAnswer()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "It is **here**, in [this answer](https://example.org).",
                                .token_takes = 5ms};
        };
        start(false);
        QQuickItem* composer = item("composer");
        composer->forceActiveFocus();
        type(QStringLiteral("Where is it?\nIn two lines."));
        QCOMPARE(composer->property("text").toString(), QStringLiteral("Where is it?\nIn two lines."));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(chat().count(), 2);
        QCOMPARE(composer->property("text").toString(), QString());
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->at(0, ui::ChatModel::Text).toString(), QStringLiteral("Where is it?\nIn two lines."));
        QCOMPARE(stage->last(ui::ChatModel::Text).toString(),
                 QStringLiteral("It is **here**, in [this answer](https://example.org)."));
        // The question, the answer's paragraph and its footer are on the screen.
        QTRY_VERIFY(item("messageList")->property("count").toInt() >= 3);
        QVERIFY(item("messageList")->property("contentHeight").toReal() > 60);
        QTRY_COMPARE(item("conversationList")->property("count").toInt(), 1);
    }

    void theButtonSendsAndStops()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "la ", .token_takes = 2ms, .endless = true};
        };
        start(false);
        item("composer")->forceActiveFocus();
        type(QStringLiteral("Sing"));
        click(item("sendButton"));
        QTRY_COMPARE(chat().state(), QStringLiteral("writing"));
        QTRY_VERIFY(stage->last(ui::ChatModel::Text).toString().size() > 30);
        click(item("sendButton"));
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(stage->last(ui::ChatModel::Status).toString(), QStringLiteral("stopped"));
    }

    void messagesWaitWhileTheModelAnswers()
    {
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "la ", .token_takes = 2ms, .endless = true};
        };
        start(false);
        ui::MessageQueue& queue = stage->session->queue;
        item("composer")->forceActiveFocus();
        type(QStringLiteral("Sing"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(chat().state(), QStringLiteral("writing"));
        type(QStringLiteral("And again"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(queue.count(), 1);
        QCOMPARE(item("composer")->property("text").toString(), QString());
        type(QStringLiteral("Enough"));
        click(item("queueButton"));
        QTRY_COMPARE(queue.count(), 2);
        QTRY_VERIFY(item("queue")->isVisible() && item("queue")->height() > 40);
        QTRY_VERIFY(queued(0) && queued(1));
        for (const int row : {0, 1})
            QVERIFY(queue.index(row).data(ui::MessageQueue::QueuedId).toLongLong() < ui::exact_in_qml);
        click(button(queued(0), QStringLiteral("Edit the waiting message")));
        QTRY_VERIFY(queued(0)->property("editing").toBool());
        QTest::keyClick(window, Qt::Key_End);
        type(QStringLiteral(", louder"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(queue.index(0).data(ui::MessageQueue::Text).toString(),
                     QStringLiteral("And again, louder"));
        QTest::keyClick(window, Qt::Key_Escape); // the answer, not what waits
        QTRY_VERIFY(chat().canSend());
        QCOMPARE(queue.count(), 2);
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "La."}; };
        QTRY_VERIFY(button(queued(0), QStringLiteral("Send now")));
        click(button(queued(0), QStringLiteral("Send now")));
        QTRY_VERIFY(chat().count() == 6 && chat().canSend());
        QCOMPARE(queue.count(), 0);
    }

    void detailsSettingsAndTheContextOpen()
    {
        start(false);
        stage->talk(QStringLiteral("Hello?"));
        QTRY_VERIFY(button("Details"));
        click(button("Details"));
        QTRY_VERIFY(button("Generate again exactly so"));
        click(button("Generate again exactly so"));
        QTRY_COMPARE(stage->last(ui::ChatModel::SiblingCount).toInt(), 2);
        QTRY_VERIFY(chat().canSend());

        click(item("conversationSettings"));
        QTRY_VERIFY(button("Save as preset"));
        QTest::qWait(200);
        QVERIFY(!window->grabWindow().isNull());
        click(named(window->contentItem(), QStringLiteral("own-temperature")));
        type(QStringLiteral("1.5"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_COMPARE(stage->session->chatSettings.numbers()[QStringLiteral("temperature")].toDouble(), 1.5);
        click(item("presetName"));
        type(QStringLiteral("Wild"));
        click(item("savePreset"));
        QTRY_COMPARE(stage->session->chatSettings.currentPreset(), QStringLiteral("Wild"));
        QTRY_VERIFY(button("Wild"));
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_VERIFY(!button("Wild"));

        QTRY_VERIFY(chat().contextUsed() > 0);
        click(item("contextMeter"));
        QTRY_VERIFY(button(QStringLiteral("Change…")));
        click(button(QStringLiteral("Change…")));
        QTRY_COMPARE(window->property("page").toString(), QStringLiteral("settings"));
    }

    void theSpeedIsMeasuredAndShown()
    {
        QFile model(ui::pathToQt(stage->profile() / "starter.gguf"));
        QVERIFY(model.open(QIODevice::WriteOnly));
        model.close();
        start(false);
        window->setProperty("page", QStringLiteral("models"));
        QTRY_VERIFY(button("Measure this machine"));
        stage->world->measure_takes = 60s;
        click(button("Measure this machine"));
        QTRY_VERIFY(button("Stop measuring"));
        click(button("Stop measuring"));
        QTRY_VERIFY(button("Measure this machine"));
        stage->world->measure_takes = 0ms;
        click(button("Measure this machine"));
        QTRY_VERIFY(stage->session->settings.speeds().contains(QStringLiteral("generateLimit")));
        QTest::qWait(100);
        QVERIFY(!window->grabWindow().isNull());
    }

    void aLongQuestionAndALongAnswer()
    {
        QString question;
        for (int i = 0; i < 2000; ++i)
            question += QStringLiteral("word ");
        stage->world->script = [](const engine::Request&) {
            std::string text;
            for (int i = 0; i < 10; ++i)
                text += sample::markdown();
            return fake::Script{.text = text + std::string(4000, 'x'), .letters_per_token = 40};
        };
        start(false);
        QVERIFY(chat().send(question));
        QTRY_VERIFY(chat().count() == 2 && chat().canSend());
        QTest::qWait(100);
        QVERIFY(!window->grabWindow().isNull());
        stage->session->conversations.newConversation();
        QTest::qWait(50);
        QVERIFY(chat().send(QStringLiteral("一二三")));
        QTRY_VERIFY(chat().count() == 2 && chat().canSend());
        QTest::qWait(50);
    }

    // An input method that composes gets its Return itself.
    void returnDoesNotSendInTheMiddleOfAComposition()
    {
        start(false);
        QQuickItem* composer = item("composer");
        composer->forceActiveFocus();
        QInputMethodEvent composing(QStringLiteral("ni"), {});
        QCoreApplication::sendEvent(composer, &composing);
        QTest::keyClick(window, Qt::Key_Return);
        QTest::qWait(50);
        QCOMPARE(chat().count(), 0);
        QInputMethodEvent chosen;
        chosen.setCommitString(QStringLiteral("你好"));
        QCoreApplication::sendEvent(composer, &chosen);
        QCOMPARE(composer->property("text").toString(), QStringLiteral("你好"));
        QTest::keyClick(window, Qt::Key_Return);
        QTRY_VERIFY(chat().count() == 2 && chat().canSend());
        QCOMPARE(stage->at(0, ui::ChatModel::Text).toString(), QStringLiteral("你好"));
    }

    void showsASampleOfEverything()
    {
        start(true);
        ui::ConversationModel& conversations = stage->session->conversations;
        QTRY_COMPARE(item("conversationList")->property("count").toInt(), conversations.count());
        QCOMPARE(conversations.count(), 5);
        for (int row = 0; row < conversations.count(); ++row) {
            conversations.open(
                conversations.index(row).data(ui::ConversationModel::ConversationId).toLongLong());
            QTRY_VERIFY(!chat().loading());
            QTRY_VERIFY(item("messageList")->property("count").toInt() >= chat().count());
            QTest::qWait(30);
            QVERIFY(!window->grabWindow().isNull());
        }
        for (const char* theme : {"dark", "light"}) {
            stage->session->settings.setTheme(QLatin1String(theme));
            QTest::qWait(30);
            QVERIFY(!window->grabWindow().isNull());
        }
        conversations.setQuery(QStringLiteral("lisbon"));
        QTRY_COMPARE(conversations.count(), 1);
        window->resize(640, 700); // the sidebar becomes an overlay
        QTest::qWait(50);
        click(item("composer"));
    }

    void everyStateOfTheModelIsShown()
    {
        stage->world->load_error = "tensor blk.3.attn_kv_b.weight: expected 4096 × 512, found 4096 × 256";
        stage->start();
        stage->session->settings.setFirstStartDone(true);
        show();
        ui::ModelList& models = stage->session->models;
        QTest::qWait(30); // none
        models.load(QStringLiteral("starter"));
        QTRY_COMPARE(models.state(), QStringLiteral("failed"));
        QTest::qWait(30);
        stage->world->load_error.clear();
        stage->world->load_takes = 300ms;
        models.retry();
        QTest::qWait(100); // loading
        models.cancelLoad();
        QTRY_COMPARE(models.state(), QStringLiteral("none"));
        models.load(QStringLiteral("starter"));
        QTRY_COMPARE(models.state(), QStringLiteral("ready"));
        click(item("settingsButton"));
        QTest::qWait(100);
        QVERIFY(!window->grabWindow().isNull());
    }

    void aLostGpuOffersTheCpu()
    {
        stage->start().settings.setDevice(QStringLiteral("cuda:0"));
        stage->world->script = [](const engine::Request&) {
            return fake::Script{.text = "Half an ans", .device_error = "The GPU was lost."};
        };
        start(false);
        stage->talk(QStringLiteral("Hello?"));
        QTRY_VERIFY(button("Use the CPU"));
        QVERIFY(!button("Retry"));
        click(button("Settings"));
        QTRY_COMPARE(window->property("page").toString(), QStringLiteral("settings"));
        QTest::keyClick(window, Qt::Key_Escape);
        QTRY_COMPARE(window->property("page").toString(), QStringLiteral("chat"));

        click(button("Use the CPU"));
        QTRY_COMPARE(stage->session->models.state(), QStringLiteral("ready"));
        QCOMPARE(stage->session->settings.device(), QStringLiteral("cpu"));
        stage->world->script = [](const engine::Request&) { return fake::Script{.text = "An answer."}; };
        QTRY_VERIFY(button("Retry"));
        QVERIFY(!button("Use the CPU"));
        click(button("Retry"));
        QTRY_COMPARE(stage->last(ui::ChatModel::Status).toString(), QStringLiteral("complete"));
    }

    void aDeviceIsChosenInTheSettings()
    {
        stage->world->devices = {.devices = {{.id = "cuda:0",
                                              .name = "A GPU",
                                              .memory_bytes = 80'000'000'000,
                                              .free_bytes = 79'000'000'000,
                                              .detail = "compute capability 9.0",
                                              .why_not = {}},
                                             {.id = "cuda:1",
                                              .name = "An old GPU",
                                              .memory_bytes = 0,
                                              .free_bytes = 0,
                                              .detail = {},
                                              .why_not = "Too old."}},
                                 .why_no_gpu = {}};
        start(false);
        QTest::keyClick(window, Qt::Key_Comma, Qt::ControlModifier);
        QTRY_VERIFY(button("A GPU"));
        type(QStringLiteral("device"));
        QTRY_VERIFY(button("A GPU"));
        QVERIFY(!button("An old GPU")->isEnabled());
        click(button("An old GPU"));
        QCOMPARE(stage->session->settings.device(), QStringLiteral("cpu"));
        click(button("A GPU"));
        QTRY_COMPARE(stage->session->settings.device(), QStringLiteral("cuda:0"));
        QVERIFY(stage->session->models.reloadNeeded());
    }

    void aDamagedHistoryIsSaidInTheWindow()
    {
        QFile file(ui::pathToQt(storage::database_file(stage->lock.profile())));
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(QByteArray(50'000, 'x'));
        file.close();
        stage->start();
        stage->session->settings.setFirstStartDone(true);
        show();
        QTRY_VERIFY(!stage->session->conversations.fatal().isEmpty());
        QTest::qWait(50);
        QVERIFY(!window->grabWindow().isNull());
        QCOMPARE(QFile(file.fileName()).size(), 50'000);
    }

    void theFirstStart()
    {
        stage->startReady();
        show();
        QTest::qWait(50);
        click(item("startTalking"));
        QTRY_VERIFY(stage->session->settings.firstStartDone());
    }

    // The GUI thread answers while a model loads, a prompt is read and an answer streams. Only a stall that
    // no noise explains fails here; heartbeat_bench measures.
    void theWindowNeverStands()
    {
        stage->world->load_takes = 300ms;
        stage->world->script = [](const engine::Request&) {
            std::string text;
            for (int i = 0; i < 12; ++i)
                text += sample::markdown();
            return fake::Script{.text = text,
                                .prompt_tokens = 2000,
                                .prompt_tokens_step = 64,
                                .prompt_step_takes = 5ms,
                                .token_takes = 200us};
        };
        stage->start();
        stage->session->settings.setFirstStartDone(true);
        show();
        QTest::qWait(200);
        qint64 longest = 0;
        QElapsedTimer clock;
        QTimer heartbeat;
        heartbeat.setTimerType(Qt::PreciseTimer);
        connect(&heartbeat, &QTimer::timeout, this,
                [&] { longest = std::max(longest, clock.restart() - 5); });
        clock.start();
        heartbeat.start(5);
        stage->session->models.loadFirst({});
        QTRY_VERIFY(chat().canSend());
        QVERIFY(chat().send(QStringLiteral("Everything, please")));
        QTRY_VERIFY(chat().canSend() && chat().count() == 2);
        heartbeat.stop();
        qInfo("longest stall: %lld ms", longest);
        QVERIFY2(longest < 500, qPrintable(QString::number(longest)));
    }
};

QTEST_MAIN(TestWindow)
#include "test_window.moc"
