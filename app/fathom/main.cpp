// SPDX-License-Identifier: MIT
#include "app/fathom/application.h"
#include "ui/notifier.h"

#include <QGuiApplication>
#include <QSocketNotifier>

#include <array>
#include <csignal>
#include <cstdio>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

std::array<int, 2> signal_sockets = {-1, -1}; // write end, read end

void onSignal(int)
{
    const char byte = 1;
    [[maybe_unused]] const ssize_t written = ::write(signal_sockets[0], &byte, 1);
}

// Ctrl-C and the end of the session close the window as its button does.
void quitOnSignals(QCoreApplication& application)
{
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, signal_sockets.data()) != 0)
        return;
    auto* notifier = new QSocketNotifier(signal_sockets[1], QSocketNotifier::Read, &application);
    QObject::connect(notifier, &QSocketNotifier::activated, &application, &QCoreApplication::quit);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        std::signal(number, onSignal);
}

void print(std::FILE* stream, const QString& text)
{
    std::fputs(text.toUtf8().constData(), stream);
}

bool hasDisplay(const QStringList& arguments)
{
    return !qEnvironmentVariableIsEmpty("DISPLAY") || !qEnvironmentVariableIsEmpty("WAYLAND_DISPLAY") ||
           !qEnvironmentVariableIsEmpty("QT_QPA_PLATFORM") || arguments.contains(QStringLiteral("-platform"));
}

} // namespace

int main(int argc, char** argv)
{
    QStringList given;
    for (int i = 0; i < argc; ++i)
        given.append(QString::fromLocal8Bit(argv[i]));
    if (const app::Options early = app::parse(given); early.version || early.help) {
        print(stdout, early.help ? app::usage() : QStringLiteral("fathom " FATHOM_VERSION "\n"));
        return 0;
    }
    if (!hasDisplay(given)) {
        print(stderr,
              QStringLiteral("error: there is no display for the window; fathom-cli works without one.\n"));
        return 1;
    }

    QCoreApplication::setApplicationName(QStringLiteral("fathom"));
    QCoreApplication::setApplicationVersion(QStringLiteral(FATHOM_VERSION));
    QGuiApplication::setApplicationDisplayName(QStringLiteral("Fathom"));
    QGuiApplication::setDesktopFileName(QStringLiteral("fathom"));
    QGuiApplication application(argc, argv);

    app::Options options = app::parse(QCoreApplication::arguments()); // without Qt's own
    if (!options.mistake.isEmpty()) {
        print(stderr, QStringLiteral("error: %1\n%2").arg(options.mistake, app::usage()));
        return 2;
    }
    ::umask(S_IRWXG | S_IRWXO); // what the program writes is its person's alone
    quitOnSignals(application);
    app::Application::chooseStyle();
    app::Application fathom(std::move(options));
    switch (fathom.start()) {
    case app::Application::Start::window:
        return QCoreApplication::exec();
    case app::Application::Start::raised:
        return 0;
    case app::Application::Start::failed:
        break;
    }
    print(stderr, QStringLiteral("error: %1\n").arg(fathom.message()));
    ui::Notifier::noStart(fathom.message());
    return 1;
}
