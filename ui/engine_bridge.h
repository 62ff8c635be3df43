// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QString>
#include <QTimer>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace ui {

// What the window needs of the engine's free functions; the tests put a scripted engine in their place.
struct EngineFunctions
{
    std::function<decltype(engine::load)> load = engine::load;
    std::function<decltype(engine::inspect)> inspect = engine::inspect;
    std::function<decltype(engine::plan)> plan = engine::plan;
    std::function<decltype(engine::list_devices)> listDevices = engine::list_devices;
};

// The way from the window to the engine, which lives on a worker thread that this object owns. Calls return
// at once. What the engine says is gathered under a mutex; while something is gathered, one event is on its
// way to the GUI thread, which hands it out as the signals below, at most thirty times a second. So the
// number of events does not depend on the number of tokens. Every exception of the engine ends here, as a
// message.
class EngineBridge : public QObject
{
    Q_OBJECT

public:
    enum class State
    {
        none,
        loading,
        ready,
        failed,
    };
    struct Progress
    {
        QString stage;
        qint64 bytesDone = 0;
        qint64 bytesTotal = 0;
        qint64 layersDone = 0;
        qint64 layersTotal = 0;
    };

    explicit EngineBridge(EngineFunctions functions, QObject* parent = nullptr);
    // Stops whatever runs and joins.
    ~EngineBridge() override;

    // Replaces the model: answers being written are stopped, the old model goes, then the new one is read. A
    // context that is longer than the model's own becomes the model's own. Where the chosen GPU is not there
    // or cannot be used, the CPU takes its place, and notice() says so.
    void load(const std::filesystem::path& model, const engine::LoadOptions& options);
    void cancelLoad();
    void unload();

    State state() const { return m_state; }
    const std::filesystem::path& path() const { return m_path; }     // of the model of this state
    const engine::LoadOptions& options() const { return m_options; } // it was to be loaded with
    const std::string& device() const { return m_device; } // that it is on; the wanted one unless ready
    std::shared_ptr<const engine::ModelInfo> info() const { return m_info; } // null unless ready
    const Progress& progress() const { return m_progress; }
    const QString& error() const { return m_error; }   // empty after a cancelled load
    const QString& notice() const { return m_notice; } // what the latest load did otherwise than asked
    // The GPU is why the load, or an answer since, failed: the CPU would serve.
    bool deviceFailed() const { return m_device_failed; }
    qint64 contextTokens() const; // that one conversation may hold; 0 unless ready

    // `answer` names the generation from here on. It ends with exactly one of the signals finished and
    // failed. The sequence of a conversation is opened with its first request.
    void generate(qint64 answer, qint64 conversation, engine::Request request);
    void stop(qint64 answer);
    // The conversation is gone: its answers are stopped, its sequence is closed.
    void forget(qint64 conversation);
    void count(qint64 conversation, std::vector<engine::Message> messages);

    int running() const { return static_cast<int>(m_stops.size()); }
    quint64 flushes() const { return m_flushes; } // events that carried something, since the start

signals:
    void stateChanged();
    void progressChanged();
    void deviceFailedChanged();
    void promptRead(qint64 answer, qint64 done, qint64 total);
    void textArrived(qint64 answer, const QString& text, int tokens);
    void finished(qint64 answer, const engine::Result& result);
    void failed(qint64 answer, const QString& message);
    void counted(qint64 conversation, qint64 tokens);

private:
    class Worker;
    class Generation;
    using Command = std::function<void(Worker&)>;

    struct Said // by one generation since the last flush
    {
        std::int64_t promptDone = -1;
        std::int64_t promptTotal = 0;
        std::string text;
        int tokens = 0;
        std::optional<engine::Result> result;
        std::optional<std::string> error;
        bool deviceFailed = false;
    };
    struct Outcome // of the load of that number
    {
        quint64 load = 0;
        std::shared_ptr<const engine::ModelInfo> info;
        std::string device;
        std::string notice;
        std::string error;
        bool deviceFailed = false;
        bool cancelled = false;
    };
    struct Outbox
    {
        std::map<qint64, Said> answers;
        std::map<qint64, qint64> counts;
        std::optional<std::pair<quint64, Progress>> progress;
        std::optional<Outcome> outcome;
    };

    void work(); // the worker thread
    void command(Command command);
    void stopAll();
    template <typename Change> void say(Change change); // any thread
    void scheduleFlush();
    void flush();
    void setState(State state);
    void setDeviceFailed(bool failed);

    const EngineFunctions m_functions;

    // GUI thread.
    State m_state = State::none;
    std::filesystem::path m_path;
    engine::LoadOptions m_options;
    std::string m_device = "cpu";
    std::shared_ptr<const engine::ModelInfo> m_info;
    Progress m_progress;
    QString m_error;
    QString m_notice;
    bool m_device_failed = false;
    quint64 m_load = 0; // number of the latest load; what an earlier one still says is dropped
    std::stop_source m_load_stop;
    struct Stop
    {
        qint64 conversation = 0;
        std::stop_source source;
    };
    QHash<qint64, Stop> m_stops; // of the answers that have not ended
    QTimer m_flush_timer;
    QElapsedTimer m_last_flush;
    quint64 m_flushes = 0;

    // Shared.
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Command> m_commands;
    Outbox m_outbox;
    bool m_flush_pending = false;
    bool m_quit = false;

    std::thread m_thread;
};

} // namespace ui
