// SPDX-License-Identifier: MIT
#include "app/fathom/instance.h"

#include "ui/text.h"

#include <QCryptographicHash>
#include <QDir>
#include <QElapsedTimer>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocalSocket>

namespace app {

namespace {

constexpr int longest_socket_path = 100; // bytes; a Unix socket address holds 107
constexpr int answer_within_ms = 10'000; // the first may still be drawing its window
constexpr qint64 longest_request = 16 * 1024;
const QString model_key = QStringLiteral("model");

// In the profile, or, where that path is too long for a socket, under a name made of it.
QString socketName(const std::filesystem::path& profile)
{
    std::error_code error;
    const std::filesystem::path real = std::filesystem::canonical(profile, error);
    const std::filesystem::path socket = (error ? profile : real) / "socket";
    if (socket.native().size() <= longest_socket_path)
        return ui::pathToQt(socket);
    const QByteArray hash =
        QCryptographicHash::hash(QByteArray::fromStdString(socket.native()), QCryptographicHash::Sha256);
    return QDir::tempPath() + QStringLiteral("/fathom-") + QString::fromLatin1(hash.toHex().left(24));
}

} // namespace

Instance::Instance(const std::filesystem::path& profile, QObject* parent)
    : QObject(parent)
{
    const QString name = socketName(profile);
    QLocalServer::removeServer(name); // left by a run that was killed; the lock says that it is gone
    m_server.setSocketOptions(QLocalServer::UserAccessOption);
    connect(&m_server, &QLocalServer::newConnection, this, &Instance::accept);
    if (!m_server.listen(name))
        qWarning("A second start will not raise this window: %s", qPrintable(m_server.errorString()));
}

void Instance::accept()
{
    while (QLocalSocket* socket = m_server.nextPendingConnection()) {
        connect(socket, &QLocalSocket::disconnected, socket, &QObject::deleteLater);
        connect(socket, &QLocalSocket::readyRead, this, [this, socket] {
            if (!socket->canReadLine()) {
                if (socket->bytesAvailable() > longest_request)
                    socket->abort();
                return;
            }
            const QJsonObject request = QJsonDocument::fromJson(socket->readLine(longest_request)).object();
            socket->write("ok\n");
            socket->disconnectFromServer();
            emit raiseRequested(request.value(model_key).toString());
        });
    }
}

bool Instance::raiseOther(const std::filesystem::path& profile, const QString& model)
{
    QElapsedTimer clock;
    clock.start();
    const auto left = [&] { return std::max(0, answer_within_ms - static_cast<int>(clock.elapsed())); };
    QLocalSocket socket;
    // The first start may hold the lock and not listen yet.
    do {
        socket.connectToServer(socketName(profile));
    } while (!socket.waitForConnected(100) && left() > 0);
    if (socket.state() != QLocalSocket::ConnectedState)
        return false;
    socket.write(QJsonDocument(QJsonObject{{model_key, model}}).toJson(QJsonDocument::Compact) + '\n');
    QByteArray answer;
    while (!answer.contains('\n') && (socket.bytesAvailable() > 0 || socket.waitForReadyRead(left())))
        answer += socket.readAll();
    return answer.startsWith("ok");
}

} // namespace app
