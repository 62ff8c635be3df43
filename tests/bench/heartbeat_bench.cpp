// SPDX-License-Identifier: MIT
// How long the window's thread ever stands still: a timer that is due every 5 ms, while a model loads, a
// prompt of 2,000 tokens is read and an answer streams into the real window, with the real engine and a real
// database.
//   heartbeat_bench [MODEL]      the starter model where none is given
#include "app/common/paths.h"
#include "ui/session.h"
#include "ui/text.h"

#include <QElapsedTimer>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QTemporaryDir>
#include <QtPlugin>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <vector>

Q_IMPORT_PLUGIN(FathomPlugin)

namespace {

constexpr int beat_ms = 5;
constexpr int prompt_tokens = 2000;
constexpr int answer_tokens = 300;

double processorMilliseconds() // of this thread
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

// How late the beats of one phase were, in milliseconds.
class Heartbeat
{
public:
    Heartbeat()
    {
        m_timer.setTimerType(Qt::PreciseTimer);
        QObject::connect(&m_timer, &QTimer::timeout, &m_timer, [this] {
            m_late.push_back(std::max(0.0, static_cast<double>(m_clock.nsecsElapsed()) / 1e6 - beat_ms));
            m_clock.restart();
            const double used = processorMilliseconds();
            m_most_computing = std::max(m_most_computing, used - m_used);
            m_used = used;
        });
    }

    void begin()
    {
        m_late.clear();
        m_most_computing = 0.0;
        m_used = processorMilliseconds();
        m_phase.start();
        m_clock.start();
        m_timer.start(beat_ms);
    }

    void end(const char* name)
    {
        m_timer.stop();
        std::sort(m_late.begin(), m_late.end());
        const auto at = [this](double part) {
            return m_late.empty()
                       ? 0.0
                       : m_late[static_cast<std::size_t>(part * static_cast<double>(m_late.size() - 1))];
        };
        std::printf("%-6s %6.2f s   median %6.2f   p99 %6.2f   longest %6.2f   computing at most %6.2f ms\n",
                    name, static_cast<double>(m_phase.elapsed()) / 1000.0, at(0.5), at(0.99), at(1.0),
                    m_most_computing);
        std::fflush(stdout);
    }

private:
    QTimer m_timer;
    QElapsedTimer m_clock;
    QElapsedTimer m_phase;
    std::vector<double> m_late;
    double m_used = 0.0;
    double m_most_computing = 0.0;
};

} // namespace

int main(int argc, char** argv)
{
    QGuiApplication application(argc, argv);
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    const QStringList arguments = QCoreApplication::arguments();
    const std::filesystem::path model =
        app::modelPath(arguments.size() > 1 ? ui::toUtf8(arguments[1]) : std::string("starter"));

    const QTemporaryDir folder;
    const std::filesystem::path profile = ui::pathFromQt(folder.path());
    const storage::ProfileLock lock(profile);
    ui::Session session(lock, profile / "settings.ini", {}, {model, profile / "models"});
    session.settings.setFirstStartDone(true);
    session.settings.setMaxTokens(1);
    session.settings.setSeed(1);

    QQmlApplicationEngine engine;
    engine.addImportPath(QStringLiteral("qrc:/"));
    ui::registerObjects(engine, session.objects);
    engine.load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
    if (engine.rootObjects().isEmpty())
        return 1;
    qobject_cast<QQuickWindow*>(engine.rootObjects().constFirst())->show();

    // Words until the prompt is long enough, counted by the model itself.
    QString prompt;
    std::printf("GUI thread, a beat each %d ms, window %s\n", beat_ms,
                qPrintable(QGuiApplication::platformName()));
    Heartbeat heart;
    QString phase = QStringLiteral("load");

    const auto grow = [&](qint64 tokens) {
        const qint64 missing = prompt_tokens - tokens;
        for (qint64 i = 0; i < missing; ++i)
            prompt += QStringLiteral(" word");
        session.engine.count(-1, {{"user", ui::toUtf8(prompt)}});
    };
    QObject::connect(&session.engine, &ui::EngineBridge::stateChanged, &application, [&] {
        if (session.engine.state() == ui::EngineBridge::State::failed) {
            std::fprintf(stderr, "error: %s\n", qPrintable(session.engine.error()));
            QCoreApplication::exit(1);
        }
        if (session.engine.state() == ui::EngineBridge::State::ready) {
            heart.end("load");
            grow(0);
        }
    });
    QObject::connect(&session.engine, &ui::EngineBridge::counted, &application,
                     [&](qint64 conversation, qint64 tokens) {
                         if (conversation != -1)
                             return;
                         if (tokens < prompt_tokens)
                             return grow(tokens);
                         heart.begin();
                         phase = QStringLiteral("read");
                         if (!session.chat.send(prompt))
                             QCoreApplication::exit(1);
                     });
    QObject::connect(&session.chat, &ui::ChatModel::canSendChanged, &application, [&] {
        if (!session.chat.canSend() || session.chat.count() < 2)
            return;
        const QModelIndex answer = session.chat.index(session.chat.count() - 1);
        if (phase == QLatin1String("read")) {
            heart.end("read");
            std::printf("       prompt of %d tokens\n", answer.data(ui::ChatModel::PromptTokens).toInt());
            session.conversations.newConversation(); // the first one's context is nearly full
            session.settings.setMaxTokens(answer_tokens);
            phase = QStringLiteral("write");
            heart.begin();
            if (!session.chat.send(QStringLiteral("Tell me a story about a boat.")))
                QCoreApplication::exit(1);
        } else if (phase == QLatin1String("write")) {
            heart.end("write");
            std::printf("       %d tokens, %.1f a second\n",
                        answer.data(ui::ChatModel::GeneratedTokens).toInt(),
                        answer.data(ui::ChatModel::TokensPerSecond).toDouble());
            QCoreApplication::quit();
        }
    });
    QTimer::singleShot(1000, &application, [&] { // the window has been drawn
        heart.begin();
        session.models.load(QStringLiteral("starter"));
    });
    return QCoreApplication::exec();
}
