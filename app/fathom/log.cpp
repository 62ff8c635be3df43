// SPDX-License-Identifier: MIT
#include "app/fathom/log.h"

#include "ui/text.h"

#include <QDateTime>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QJsonDocument>
#include <QJsonObject>

#include <mutex>

namespace app {

namespace {

constexpr qint64 most_bytes = 1 << 20;
constexpr int files_kept = 5;

struct State
{
    std::mutex mutex;
    QFile file;
    QElapsedTimer clock;
    QtMessageHandler before = nullptr;
};

// A message handler is a plain function, so that what it needs cannot be a member.
State& state()
{
    static State one;
    return one;
}

void rotate(QFile& file)
{
    const QString name = file.fileName();
    file.close();
    QFile::remove(name + u'.' + QString::number(files_kept - 1));
    for (int i = files_kept - 2; i >= 1; --i)
        QFile::rename(name + u'.' + QString::number(i), name + u'.' + QString::number(i + 1));
    QFile::rename(name, name + QStringLiteral(".1"));
}

void open(QFile& file)
{
    if (file.open(QIODevice::WriteOnly | QIODevice::Append))
        file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
}

QString level(QtMsgType type)
{
    switch (type) {
    case QtDebugMsg:
        return QStringLiteral("debug");
    case QtInfoMsg:
        return QStringLiteral("info");
    case QtWarningMsg:
        return QStringLiteral("warning");
    case QtCriticalMsg:
        return QStringLiteral("critical");
    case QtFatalMsg:
        return QStringLiteral("fatal");
    }
    return {};
}

void handle(QtMsgType type, const QMessageLogContext& context, const QString& message)
{
    State& log = state();
    QtMessageHandler before = nullptr;
    {
        const std::lock_guard lock(log.mutex);
        before = log.before;
        if (log.file.isOpen()) {
            QString text = message;
            text.replace(QDir::homePath(), QStringLiteral("~"));
            const QJsonObject line{
                {QStringLiteral("time"), QDateTime::currentDateTimeUtc().toString(Qt::ISODateWithMs)},
                {QStringLiteral("ms"), log.clock.elapsed()},
                {QStringLiteral("level"), level(type)},
                {QStringLiteral("from"), QLatin1String(context.category)},
                {QStringLiteral("text"), text},
            };
            log.file.write(QJsonDocument(line).toJson(QJsonDocument::Compact) + '\n');
            log.file.flush();
            if (log.file.size() >= most_bytes) {
                rotate(log.file);
                open(log.file);
            }
        }
    }
    if (before)
        before(type, context, message);
}

} // namespace

Log::Log(const std::filesystem::path& folder)
{
    State& log = state();
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    {
        const std::lock_guard lock(log.mutex);
        log.file.setFileName(ui::pathToQt(folder / "fathom.log"));
        open(log.file);
        log.clock.start();
    }
    const QtMessageHandler before = qInstallMessageHandler(handle);
    const std::lock_guard lock(log.mutex);
    log.before = before;
}

Log::~Log()
{
    State& log = state();
    qInstallMessageHandler(log.before);
    const std::lock_guard lock(log.mutex);
    log.file.close();
}

} // namespace app
