// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"
#include "ui/context_fit.h"
#include "ui/mailbox.h"

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QString>
#include <QTimer>

#include <chrono>
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
        asleep, // chosen, but not in memory; the next answer loads it
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
    // The same, but it is read when an answer is first asked for.
    void prepare(const std::filesystem::path& model, const engine::LoadOptions& options);
    void cancelLoad(); // of a model that was asleep: asleep again
    void unload();
    // A model that was not used for so long goes to sleep; 0: never.
    void setKeepAlive(std::chrono::milliseconds time);

    State state() const { return m_state; }
    const std::filesystem::path& path() const { return m_path; }     // of the model of this state
    const engine::LoadOptions& options() const { return m_options; } // it was to be loaded with
    const std::string& device() const { return m_device; } // that it is on; the wanted one unless ready
    // Also while it sleeps or loads, as soon as its headers have been read; then infoKnown() is emitted.
    std::shared_ptr<const engine::ModelInfo> info() const { return m_info; }
    const Progress& progress() const { return m_progress; }
    const QString& error() const { return m_error; }   // empty after a cancelled load
    const QString& notice() const { return m_notice; } // what the latest load did otherwise than asked
    // The GPU is why the load, or an answer since, failed: the CPU would serve.
    bool deviceFailed() const { return m_device_failed; }
    qint64 contextTokens() const; // that one conversation may hold; 0 without info()
    // The model is there, or will be once it has loaded; answers wait for it.
    bool canGenerate() const;

    // `answer` names the generation from here on. It ends with exactly one of the signals finished and
    // failed. The sequence of a conversation is opened with its first request. Where the messages do not fit
    // into the context, the policy decides; what is left out is said by fitted().
    void generate(qint64 answer, qint64 conversation, engine::Request request, Fitting fitting = {});
    // Also while the model loads, which is cancelled where only this answer waited for it.
    void stop(qint64 answer);
    // The conversation is gone: its answers are stopped, its sequence is closed.
    void forget(qint64 conversation);
    // Tokens of what the next answer would read of this conversation.
    void count(qint64 conversation, std::vector<engine::Message> messages, Fitting fitting = {});

    // Engine::measure() of the loaded model, ends with measured() or measureFailed(), which is silent where
    // it was cancelled. An answer that is asked for cancels it.
    void measure();
    void cancelMeasure() { m_measure_stop.request_stop(); }
    bool measuring() const { return m_measuring; }
    double measureProgress() const { return m_measure_progress; } // 0 to 1

    int running() const { return static_cast<int>(m_stops.size()); }
    quint64 flushes() const { return m_flushes; } // events that carried something, since the start

signals:
    void stateChanged();
    void progressChanged();
    void infoKnown();
    void deviceFailedChanged();
    void fitted(qint64 answer, qint64 at, qint64 leftOut); // so many rows, from that one on
    void promptRead(qint64 answer, qint64 done, qint64 total);
    void textArrived(qint64 answer, const QString& text, int tokens);
    void finished(qint64 answer, const engine::Result& result);
    void failed(qint64 answer, const QString& message);
    void counted(qint64 conversation, qint64 tokens);
    void measureChanged();
    void measured(const engine::Speed& speed);
    void measureFailed(const QString& message);

private:
    class Worker;
    class Generation;
    using Command = std::function<void(Worker&)>;

    struct Said // by one generation since the last flush
    {
        std::int64_t promptDone = -1;
        std::int64_t promptTotal = 0;
        std::optional<std::pair<qint64, qint64>> leftOut; // row and number
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
    struct Measured
    {
        std::optional<engine::Speed> speed;
        std::string error; // empty where it was cancelled
    };
    struct Outbox
    {
        std::map<qint64, Said> answers;
        std::map<qint64, qint64> counts;
        std::optional<std::pair<quint64, Progress>> progress;
        std::optional<std::pair<quint64, std::shared_ptr<const engine::ModelInfo>>> known;
        std::optional<Outcome> outcome;
        std::optional<double> measureProgress;
        std::optional<Measured> measured;
    };

    void work(); // the worker thread
    void command(Command command);
    void stopAll();
    template <typename Change> void say(Change change); // any thread
    void scheduleFlush();
    void flush();
    void startLoad();
    void setState(State state);
    void keepAlive();
    void sleep();
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
    bool m_waking = false; // it loads because an answer was asked for
    std::chrono::milliseconds m_keep_alive{0};
    QTimer m_keep_alive_timer; // while the model is there and nothing runs
    bool m_measuring = false;
    double m_measure_progress = 0.0;
    std::stop_source m_measure_stop;
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
    Mailbox m_mailbox;

    std::thread m_thread;
};

} // namespace ui
