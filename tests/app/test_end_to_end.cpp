// SPDX-License-Identifier: MIT
// The real program with the real starter model: what a person does first.
#include "app/common/paths.h"
#include "app/fathom/application.h"

#include <QProcess>
#include <QQuickItem>
#include <QScopeGuard>
#include <QTemporaryDir>
#include <QTest>

using app::Application;

class TestEndToEnd : public QObject
{
    Q_OBJECT

private:
    QTemporaryDir folder;

    QString profile() const { return folder.filePath(QStringLiteral("profile")); }

    std::unique_ptr<Application> start()
    {
        app::Options options;
        options.profile = profile();
        auto program = std::make_unique<Application>(options);
        if (program->start() != Application::Start::window)
            qFatal("%s", qPrintable(program->message()));
        program->window().requestActivate();
        return program;
    }

    static QQuickItem* item(Application& program, const char* name)
    {
        auto* found = program.window().findChild<QQuickItem*>(QLatin1String(name));
        if (!found)
            qFatal("There is no %s.", name);
        return found;
    }

    static void click(Application& program, QQuickItem* target)
    {
        QTest::mouseClick(&program.window(), Qt::LeftButton, Qt::NoModifier,
                          target->mapToScene(QPointF(target->width() / 2, target->height() / 2)).toPoint());
    }

    static void type(Application& program, const QString& text)
    {
        for (const QChar letter : text)
            QTest::sendKeyEvent(QTest::Click, &program.window(), Qt::Key_unknown, letter, Qt::NoModifier);
    }

    static QProcessEnvironment environment()
    {
        QProcessEnvironment environment = QProcessEnvironment::systemEnvironment();
        environment.insert(QStringLiteral("QT_QPA_PLATFORM"), QStringLiteral("offscreen"));
        return environment;
    }

private slots:
    void initTestCase()
    {
        QVERIFY2(std::filesystem::exists(app::starterModel()), app::starterModel().c_str());
        Application::chooseStyle();
    }

    void talksAndRemembers()
    {
        const QString question = QStringLiteral("Tell me a story about a boat.");
        QString answer;
        qint64 conversation = 0;
        {
            const auto program = start();
            ui::Session& session = program->session();
            // The starter model loads by itself; the first start asks one thing.
            click(*program, item(*program, "startTalking"));
            QTRY_VERIFY_WITH_TIMEOUT(session.chat.canSend(), 60'000);
            QVERIFY(session.models.currentIsStarter());
            QTRY_VERIFY(item(*program, "composer")->isVisible());
            item(*program, "composer")->forceActiveFocus();
            session.settings.setMaxTokens(48);
            type(*program, question);
            QTest::keyClick(&program->window(), Qt::Key_Return);

            QTRY_COMPARE(session.chat.count(), 2);
            int sizes = 0; // streamed, not thrown in at once
            QString seen;
            QElapsedTimer clock;
            clock.start();
            while (!session.chat.canSend() && clock.elapsed() < 120'000) {
                const QString text = session.chat.index(1).data(ui::ChatModel::Text).toString();
                if (text.size() > seen.size()) {
                    QVERIFY(text.startsWith(seen));
                    seen = text;
                    ++sizes;
                }
                QTest::qWait(5);
            }
            const QModelIndex last = session.chat.index(1);
            answer = last.data(ui::ChatModel::Text).toString();
            QCOMPARE(last.data(ui::ChatModel::Status).toString(), QStringLiteral("complete"));
            QVERIFY2(answer.size() > 10, qPrintable(answer));
            QVERIFY(sizes >= 1);
            QVERIFY(last.data(ui::ChatModel::GeneratedTokens).toInt() > 0);
            QVERIFY(last.data(ui::ChatModel::TokensPerSecond).toDouble() > 0);
            QVERIFY(last.data(ui::ChatModel::FirstTokenSeconds).toDouble() > 0);
            conversation = session.chat.conversationId();
            QVERIFY(item(*program, "messageList")->property("count").toInt() >= 3);
        }

        const auto program = start();
        ui::Session& session = program->session();
        QTRY_COMPARE(session.conversations.count(), 1);
        QVERIFY(session.settings.firstStartDone());
        const QModelIndex row = session.conversations.index(0);
        QCOMPARE(row.data(ui::ConversationModel::Title).toString(),
                 QStringLiteral("Tell me a story about a boat"));
        QCOMPARE(row.data(ui::ConversationModel::ConversationId).toLongLong(), conversation);
        session.conversations.open(conversation);
        QTRY_COMPARE(session.chat.count(), 2);
        QCOMPARE(session.chat.index(0).data(ui::ChatModel::Text).toString(), question);
        QCOMPARE(session.chat.index(1).data(ui::ChatModel::Text).toString(), answer);
        session.conversations.setQuery(QStringLiteral("a boat"));
        QTRY_VERIFY(!session.conversations.searchRunning());
        QCOMPARE(session.conversations.count(), 1);
        session.conversations.setQuery({});
        // And the talk goes on, re-reading only what is new.
        QTRY_VERIFY_WITH_TIMEOUT(session.chat.canSend(), 60'000);
        session.settings.setMaxTokens(8);
        QVERIFY(session.chat.send(QStringLiteral("And then?")));
        QTRY_VERIFY_WITH_TIMEOUT(session.chat.canSend() && session.chat.count() == 4, 120'000);
        QCOMPARE(session.chat.index(3).data(ui::ChatModel::Status).toString(), QStringLiteral("complete"));
    }

    void saysItsVersionAndItsUsage()
    {
        QProcess program;
        program.setProgram(QStringLiteral(FATHOM_PROGRAM));
        QProcessEnvironment bare = environment();
        for (const char* name : {"QT_QPA_PLATFORM", "DISPLAY", "WAYLAND_DISPLAY"})
            bare.remove(QLatin1String(name));
        program.setProcessEnvironment(bare); // neither needs a display
        program.start(QIODevice::ReadOnly);
        QVERIFY(program.waitForFinished());
        QCOMPARE(program.exitCode(), 1);
        QVERIFY(program.readAllStandardError().startsWith("error: there is no display"));

        program.setArguments({QStringLiteral("--version")});
        program.start(QIODevice::ReadOnly);
        QVERIFY(program.waitForFinished());
        QCOMPARE(program.readAllStandardOutput(), QByteArray("fathom " FATHOM_VERSION "\n"));
        QCOMPARE(program.exitCode(), 0);

        program.setArguments({QStringLiteral("--help")});
        program.start(QIODevice::ReadOnly);
        QVERIFY(program.waitForFinished());
        QVERIFY(program.readAllStandardOutput().startsWith("usage: fathom "));

        program.setProcessEnvironment(environment());
        program.setArguments({QStringLiteral("--frobnicate")});
        program.start(QIODevice::ReadOnly);
        QVERIFY(program.waitForFinished());
        QCOMPARE(program.exitCode(), 2);
    }

    void aSecondStartRaisesTheFirst()
    {
        const auto program = start();
        int raised = 0;
        connect(&program->session().platform, &ui::Platform::raiseRequested, this, [&raised] { ++raised; });
        QProcess second;
        second.setProcessEnvironment(environment());
        second.start(QStringLiteral(FATHOM_PROGRAM), {QStringLiteral("--profile"), profile()},
                     QIODevice::ReadOnly);
        QTRY_VERIFY_WITH_TIMEOUT(second.state() == QProcess::NotRunning && raised > 0, 30'000);
        QCOMPARE(second.exitCode(), 0);
        QCOMPARE(raised, 1);
    }

    void safeModeLoadsNoModelAndUsesNoGpu()
    {
        app::Options options;
        options.profile = profile();
        options.safeMode = true;
        Application program(options);
        QCOMPARE(program.start(), Application::Start::window);
        QTRY_COMPARE(program.session().conversations.count(), 1);
        ui::ModelList& models = program.session().models;
        QCOMPARE(models.state(), QStringLiteral("none"));

        const auto put_back =
            qScopeGuard([&] { program.session().settings.setDevice(QStringLiteral("cpu")); });
        program.session().settings.setDevice(QStringLiteral("cuda:0"));
        models.load(QStringLiteral("starter"));
        QTRY_COMPARE_WITH_TIMEOUT(models.state(), QStringLiteral("ready"), 60'000);
        QCOMPARE(program.session().engine.device(), std::string("cpu"));
        QCOMPARE(models.notice(), QStringLiteral("cuda:0: Safe mode uses no GPU. The CPU computes instead."));
        QTRY_COMPARE(models.noGpuText(), QStringLiteral("Safe mode uses no GPU."));
    }

    void afterTwoFailedStartsTheThirdIsCareful()
    {
        const QString other = folder.filePath(QStringLiteral("careful"));
        QVERIFY(QDir().mkpath(other));
        QFile settings(other + QStringLiteral("/settings.ini"));
        QVERIFY(settings.open(QIODevice::WriteOnly));
        settings.write("[look]\nzoom=2\n");
        settings.close();
        for (int failed = 1; failed <= 2; ++failed) {
            QProcess program;
            program.setProcessEnvironment(environment());
            program.start(QStringLiteral(FATHOM_PROGRAM), {QStringLiteral("--profile"), other},
                          QIODevice::ReadOnly);
            const auto counted = [&other] {
                QFile counter(other + QStringLiteral("/starting"));
                return counter.open(QIODevice::ReadOnly) ? counter.readAll() : QByteArray();
            };
            QTRY_COMPARE_WITH_TIMEOUT(counted(), QByteArray::number(failed), 30'000);
            program.kill(); // before it stood
            QVERIFY(program.waitForFinished());
        }
        app::Options options;
        options.profile = other;
        {
            Application careful(options);
            QCOMPARE(careful.start(), Application::Start::window);
            QVERIFY(!careful.session().platform.safeMode().isEmpty());
            QCOMPARE(careful.session().models.state(), QStringLiteral("none"));
            QCOMPARE(careful.session().settings.zoom(), 1.0);
            careful.session().settings.setShowPreview(true);
        }
        Application usual(options);
        QCOMPARE(usual.start(), Application::Start::window);
        QVERIFY(usual.session().platform.safeMode().isEmpty());
        QCOMPARE(usual.session().settings.zoom(), 2.0); // was put aside, not lost
        QVERIFY(usual.session().settings.showPreview());
    }

    void whatIsKilledIsFoundAgain()
    {
        QProcess program;
        program.setProcessEnvironment(environment());
        const QString other = folder.filePath(QStringLiteral("killed"));
        program.start(QStringLiteral(FATHOM_PROGRAM), {QStringLiteral("--profile"), other},
                      QIODevice::ReadOnly);
        QTRY_VERIFY_WITH_TIMEOUT(QFile::exists(other + QStringLiteral("/fathom.sqlite")), 30'000);
        program.kill();
        QVERIFY(program.waitForFinished());
        app::Options options;
        options.profile = other;
        Application again(options);
        QCOMPARE(again.start(), Application::Start::window); // the lock went with the process
        QTRY_VERIFY(again.session().conversations.ready());
        QVERIFY(again.session().conversations.fatal().isEmpty());
        QVERIFY(QFile::exists(other + QStringLiteral("/logs/fathom.log")));
    }
};

QTEST_MAIN(TestEndToEnd)
#include "test_end_to_end.moc"
