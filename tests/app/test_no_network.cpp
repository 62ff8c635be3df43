// SPDX-License-Identifier: MIT
// A start, a talk and an exit reach for no network. This program's own connect(), sendto() and getaddrinfo()
// stand before those of the C library for every library in the process; they count and pass on.
#include "app/common/paths.h"
#include "app/fathom/application.h"

#include <QTcpSocket>
#include <QTemporaryDir>
#include <QTest>

#include <atomic>
#include <dlfcn.h>
#include <netdb.h>
#include <sys/socket.h>

namespace {

std::atomic<int> reached = 0;

void look(const sockaddr* address)
{
    if (address && (address->sa_family == AF_INET || address->sa_family == AF_INET6))
        ++reached;
}

template <typename Function> Function next(const char* name)
{
    return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

} // namespace

extern "C" int connect(int socket, const sockaddr* address, socklen_t length)
{
    look(address);
    return next<decltype(&connect)>("connect")(socket, address, length);
}

extern "C" ssize_t sendto(int socket, const void* bytes, size_t count, int flags, const sockaddr* address,
                          socklen_t length)
{
    look(address);
    return next<decltype(&sendto)>("sendto")(socket, bytes, count, flags, address, length);
}

extern "C" int getaddrinfo(const char* node, const char* service, const addrinfo* hints, addrinfo** found)
{
    ++reached;
    return next<decltype(&getaddrinfo)>("getaddrinfo")(node, service, hints, found);
}

class TestNoNetwork : public QObject
{
    Q_OBJECT

private slots:
    void aTalkReachesForNothing()
    {
        const QTemporaryDir folder;
        app::Application::chooseStyle();
        {
            app::Options options;
            options.profile = folder.filePath(QStringLiteral("profile"));
            app::Application program(options);
            QCOMPARE(program.start(), app::Application::Start::window);
            ui::Session& session = program.session();
            session.settings.setFirstStartDone(true);
            session.settings.setMaxTokens(8);
            QTRY_VERIFY_WITH_TIMEOUT(session.chat.canSend(), 60'000);
            QVERIFY(session.chat.send(
                QStringLiteral("Look at ![this](https://example.org/x.png) and https://example.org")));
            QTRY_VERIFY_WITH_TIMEOUT(session.chat.canSend() && session.chat.count() == 2, 120'000);
            QTest::qWait(200);
        }
        QCOMPARE(reached.load(), 0);
    }

    void thisTestWouldSee()
    {
        const int before = reached;
        QTcpSocket socket;
        socket.connectToHost(QStringLiteral("127.0.0.1"), 9);
        socket.waitForConnected(2000);
        QVERIFY(reached > before);
    }
};

QTEST_MAIN(TestNoNetwork)
#include "test_no_network.moc"
