// SPDX-License-Identifier: MIT
#pragma once

#include <QLocalServer>
#include <QObject>
#include <QString>

#include <filesystem>

namespace app {

// The socket over which a second start of the same profile raises the window of the first. Only the owner of
// the profile can connect.
class Instance : public QObject
{
    Q_OBJECT

public:
    // For the one that holds the profile's lock.
    explicit Instance(const std::filesystem::path& profile, QObject* parent = nullptr);

    // For the other one: asks the first to come forward, with this model where it is not empty. False where
    // nobody answers in time.
    static bool raiseOther(const std::filesystem::path& profile, const QString& model);

signals:
    void raiseRequested(const QString& model);

private:
    void accept();

    QLocalServer m_server;
};

} // namespace app
