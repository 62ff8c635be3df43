// SPDX-License-Identifier: MIT
#pragma once

#include "app/fathom/instance.h"
#include "app/fathom/log.h"
#include "app/fathom/options.h"
#include "app/fathom/start_counter.h"
#include "ui/session.h"

#include <QQmlApplicationEngine>
#include <QQuickWindow>

#include <memory>
#include <optional>

namespace app {

// One run of the program, for a QGuiApplication that exists: profile, store, bridges, models, window, in that
// order.
class Application
{
public:
    enum class Start
    {
        window, // shown; run the event loop
        raised, // another process has the profile and has come forward
        failed, // message() says why
    };

    explicit Application(Options options);
    ~Application();
    Application(const Application&) = delete;
    Application& operator=(const Application&) = delete;

    Start start();
    const QString& message() const { return m_message; }

    // After start() has answered Start::window.
    ui::Session& session() { return *m_session; }
    QQuickWindow& window() { return *m_window; }

    static void chooseStyle(); // once, before the first

private:
    enum class Renderer
    {
        best,
        software,
    };
    static void chooseRenderer(Renderer renderer);
    void raise(const QString& model);
    void bringForward();

    const Options m_options;
    const Folders m_folders;
    QString m_message;
    std::optional<Log> m_log;
    std::unique_ptr<storage::ProfileLock> m_lock;
    std::optional<StartCounter> m_counter;
    std::unique_ptr<Instance> m_instance;
    std::unique_ptr<ui::Session> m_session;
    std::unique_ptr<QQmlApplicationEngine> m_qml; // below what it shows: it goes first
    QQuickWindow* m_window = nullptr;             // belongs to m_qml
};

} // namespace app
