// SPDX-License-Identifier: MIT
// long_chat_bench [MESSAGES]: how long a conversation of 100,000 messages takes to stand at its end in the
// real window, how long a jump in it takes, and what memory that costs; how long until the engine is asked
// what was sent in it, until a word that stands everywhere is found, and until it is forked.
#include "tests/ui/long_conversation.h"
#include "tests/ui/stage.h"

#include <QElapsedTimer>
#include <QGuiApplication>
#include <QQmlApplicationEngine>
#include <QQuickItem>
#include <QQuickStyle>
#include <QQuickWindow>
#include <QSignalSpy>
#include <QtPlugin>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <ctime>
#include <random>
#include <unistd.h>
#include <vector>

Q_IMPORT_PLUGIN(FathomPlugin)

namespace {

double residentMegabytes()
{
    long pages = 0;
    long resident = 0;
    if (FILE* file = std::fopen("/proc/self/statm", "r")) {
        if (std::fscanf(file, "%ld %ld", &pages, &resident) != 2)
            resident = 0;
        std::fclose(file);
    }
    return static_cast<double>(resident) * static_cast<double>(sysconf(_SC_PAGESIZE)) / 1e6;
}

// Of this thread, so that what else the machine does does not count.
double computedMilliseconds()
{
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

bool waitFor(const std::function<bool()>& condition)
{
    return QTest::qWaitFor(condition, 60'000);
}

} // namespace

int main(int argc, char** argv)
{
    QGuiApplication application(argc, argv);
    QQuickStyle::setStyle(QStringLiteral("Basic"));
    const int messages = argc > 1 ? std::atoi(argv[1]) : 100'000;

    Stage stage;
    const qint64 small = sample::fillLong(stage.lock, 10);
    const qint64 large = sample::fillLong(stage.lock, messages);
    ui::Session& session = stage.startReady();
    session.settings.setFirstStartDone(true);
    QQmlApplicationEngine engine;
    engine.addImportPath(QStringLiteral("qrc:/"));
    ui::registerObjects(engine, session.objects);
    engine.load(QUrl(QStringLiteral("qrc:/Fathom/Main.qml")));
    auto* window = qobject_cast<QQuickWindow*>(engine.rootObjects().value(0));
    auto* list = window ? window->findChild<QQuickItem*>(QStringLiteral("messageList")) : nullptr;
    if (!list)
        return 1;
    window->resize(1200, 800);

    // Until a frame is drawn in which the last row can be seen.
    const auto open = [&](qint64 conversation) {
        QElapsedTimer clock;
        clock.start();
        session.conversations.open(conversation);
        waitFor([&] {
            return session.chat.conversationId() == conversation && !session.chat.loading() &&
                   list->property("count").toInt() > 0 && list->property("atEnd").toBool();
        });
        QSignalSpy drawn(window, &QQuickWindow::frameSwapped);
        window->update();
        waitFor([&] { return !drawn.isEmpty(); });
        return static_cast<double>(clock.nsecsElapsed()) / 1e6;
    };
    open(small); // what is done once, is done
    const double before = residentMegabytes();
    QElapsedTimer clock;
    clock.start();
    const double computedBefore = computedMilliseconds();
    const double opened = open(large);
    std::printf("opened at its end in %.0f ms, of which the window computed %.0f\n", opened,
                computedMilliseconds() - computedBefore);
    waitFor([&] { return session.chat.count() == messages; });
    std::printf("all %d rows known after %lld ms\n", messages, static_cast<long long>(clock.elapsed()));
    QTest::qWait(500);
    std::printf("resident memory: %.1f MB before, %.1f MB after\n", before, residentMegabytes());

    std::mt19937 random(20261124);
    std::vector<double> jumps;
    std::vector<double> computed;
    const QObject* rows = list->property("model").value<QObject*>();
    for (int i = 0; i < 200; ++i) {
        QSignalSpy arrived(rows, SIGNAL(arrived(int)));
        const double begun = computedMilliseconds();
        clock.restart();
        QMetaObject::invokeMethod(
            list, "showMessage",
            Q_ARG(QVariant, static_cast<int>(random() % static_cast<unsigned>(messages))),
            Q_ARG(QVariant, 0));
        waitFor([&] { return !arrived.isEmpty(); });
        jumps.push_back(static_cast<double>(clock.nsecsElapsed()) / 1e6);
        computed.push_back(computedMilliseconds() - begun);
        QTest::qWait(20);
    }
    std::sort(jumps.begin(), jumps.end());
    std::sort(computed.begin(), computed.end());
    std::printf(
        "200 jumps: %.1f ms in the middle, %.1f ms at the 95th percentile; the window computed %.1f\n",
        jumps[100], jumps[190], computed[100]);
    QTest::qWait(500);
    std::printf("resident memory after them: %.1f MB\n", residentMegabytes());

    std::atomic<bool> asked = false;
    stage.world->script = [&asked](const engine::Request&) {
        asked = true;
        return fake::Script{.text = "An answer."};
    };
    for (const char* policy : {"oldest", "middle"}) {
        session.settings.setContextPolicy(QLatin1String(policy));
        for (int i = 0; i < 3; ++i) {
            asked = false;
            clock.restart();
            session.chat.send(QStringLiteral("And then?"));
            waitFor([&] { return asked.load(); });
            std::printf("sent and asked, %s turns left out: %.1f ms\n", policy,
                        static_cast<double>(clock.nsecsElapsed()) / 1e6);
            waitFor([&] { return session.chat.canSend(); });
        }
    }

    ui::Finder& finder = *qobject_cast<ui::Finder*>(session.chat.finder());
    clock.restart();
    finder.setQuery(QStringLiteral("e"));
    waitFor([&] { return !finder.running(); });
    std::printf("found %d times: %lld ms\n", finder.total(), static_cast<long long>(clock.elapsed()));
    finder.setQuery({});

    const qint64 from = session.chat.index(messages - 1).data(ui::ChatModel::MessageId).toLongLong();
    clock.restart();
    session.chat.fork(from);
    const bool forked = QTest::qWaitFor(
        [&] { return session.chat.conversationId() != large && !session.chat.loading(); }, 600'000);
    std::printf("%s: %lld ms\n", forked ? "forked and opened" : "not forked",
                static_cast<long long>(clock.elapsed()));
    return 0;
}
