// SPDX-License-Identifier: MIT
#include "ui/engine_bridge.h"

#include "engine/error.h"
#include "ui/text.h"

#include <QMetaObject>

#include <algorithm>
#include <sys/resource.h>

namespace ui {

namespace {

constexpr int flush_interval_ms = 33;
constexpr int engine_niceness = 5;
constexpr std::int64_t default_context_tokens = 8192; // what LoadOptions::context_tokens == 0 means at most

std::string message(const std::exception& error)
{
    if (dynamic_cast<const std::bad_alloc*>(&error))
        return "There is not enough memory for this.";
    return error.what();
}

bool isOfTheDevice(const std::exception& error)
{
    return dynamic_cast<const engine::DeviceError*>(&error) != nullptr;
}

} // namespace

// The sink of one answer; lives on the worker thread.
class EngineBridge::Generation : public engine::Sink
{
public:
    Generation(EngineBridge& bridge, qint64 answer, qint64 conversation)
        : m_bridge(bridge)
        , m_answer(answer)
        , m_conversation(conversation)
    {
    }

    qint64 conversation() const { return m_conversation; }
    bool ended() const { return m_ended; }

    void prompt_progress(std::int64_t done, std::int64_t total) override
    {
        m_bridge.say([&](Outbox& outbox) {
            Said& said = outbox.answers[m_answer];
            said.promptDone = done;
            said.promptTotal = total;
        });
    }

    void text(std::string_view utf8) override
    {
        m_bridge.say([&](Outbox& outbox) {
            Said& said = outbox.answers[m_answer];
            said.text += utf8;
            ++said.tokens;
        });
    }

    void finished(const engine::Result& result) override
    {
        m_ended = true;
        m_bridge.say([&](Outbox& outbox) { outbox.answers[m_answer].result = result; });
    }

    void failed(const std::string& message) override { fail(message, false); }
    void device_failed(const std::string& message) override { fail(message, true); }

private:
    void fail(const std::string& message, bool device)
    {
        m_ended = true;
        m_bridge.say([&](Outbox& outbox) {
            outbox.answers[m_answer].error = message;
            outbox.answers[m_answer].deviceFailed = device;
        });
    }

    EngineBridge& m_bridge;
    qint64 m_answer;
    qint64 m_conversation;
    bool m_ended = false;
};

// What belongs to the worker thread alone.
class EngineBridge::Worker
{
public:
    explicit Worker(EngineBridge& bridge)
        : m_bridge(bridge)
    {
    }

    bool busy() const { return !m_running.empty(); }

    void load(quint64 number, const std::filesystem::path& model, engine::LoadOptions options,
              const std::stop_token& stop)
    {
        unload();
        Outcome outcome;
        outcome.load = number;
        const auto progress = [&](const engine::LoadProgress& now) {
            m_bridge.say([&](Outbox& outbox) {
                outbox.progress.emplace(number, Progress{toQt(now.stage), now.bytes_done, now.bytes_total,
                                                         now.layers_done, now.layers_total});
            });
        };
        try {
            if (options.context_tokens > 0)
                options.context_tokens =
                    std::min(options.context_tokens, m_bridge.m_functions.inspect(model).context_length);
            try {
                m_engine = m_bridge.m_functions.load(model, options, progress, stop);
            } catch (const engine::DeviceError& error) {
                if (error.cause != engine::DeviceError::Cause::unusable)
                    throw;
                outcome.notice = toUtf8(tr("%1 The CPU computes instead.").arg(toQt(error.what())));
                options.device = "cpu";
                m_engine = m_bridge.m_functions.load(model, options, progress, stop);
            }
            outcome.info = std::make_shared<const engine::ModelInfo>(m_engine->info());
        } catch (const std::exception& error) {
            outcome.error = message(error);
            outcome.deviceFailed = isOfTheDevice(error);
            outcome.cancelled = stop.stop_requested();
        }
        outcome.device = options.device;
        if (stop.stop_requested() && m_engine) { // stopped after the last moment at which it could be noticed
            m_engine.reset();
            outcome.info.reset();
            outcome.cancelled = true;
        }
        m_bridge.say([&](Outbox& outbox) { outbox.outcome = outcome; });
    }

    // The stop sources of everything that runs have been triggered by the caller.
    void unload()
    {
        while (busy())
            step();
        m_sequences.clear();
        m_engine.reset();
    }

    void generate(qint64 answer, qint64 conversation, const engine::Request& request, qint64 contextTokens,
                  const std::stop_token& stop)
    {
        auto generation = std::make_unique<Generation>(m_bridge, answer, conversation);
        if (!m_engine) {
            generation->failed("No model is loaded.");
            return;
        }
        try {
            const auto found = m_sequences.find(conversation);
            const engine::SequenceId sequence =
                found != m_sequences.end()
                    ? found->second
                    : m_sequences.emplace(conversation, m_engine->open_sequence()).first->second;
            m_engine->start(sequence, request, stop, *generation);
            if (!generation->ended())
                m_running.emplace(answer, std::move(generation));
        } catch (const std::exception& error) {
            if (isOfTheDevice(error)) {
                generation->device_failed(message(error));
                return;
            }
            const std::string why = tooLong(request, contextTokens);
            generation->failed(why.empty() ? message(error) : why);
        }
    }

    void forget(qint64 conversation)
    {
        while (std::ranges::any_of(
            m_running, [&](const auto& entry) { return entry.second->conversation() == conversation; }))
            step();
        const auto found = m_sequences.find(conversation);
        if (found == m_sequences.end())
            return;
        try {
            m_engine->close_sequence(found->second);
        } catch (const std::exception&) {
            // Its room in the cache stays taken until the model goes; nothing else depends on it.
        }
        m_sequences.erase(found);
    }

    void count(qint64 conversation, const std::vector<engine::Message>& messages)
    {
        if (!m_engine)
            return;
        try {
            const std::int64_t tokens = m_engine->count_tokens(messages);
            m_bridge.say([&](Outbox& outbox) { outbox.counts[conversation] = tokens; });
        } catch (const std::exception&) {
            // A conversation that the template refuses has no count; asking for an answer says why.
        }
    }

    void step()
    {
        try {
            if (!m_engine->step() && busy())
                fail("The engine stopped without an answer.", false);
        } catch (const std::exception& error) {
            fail(message(error), isOfTheDevice(error));
        }
        std::erase_if(m_running, [](const auto& entry) { return entry.second->ended(); });
    }

private:
    // Why a request that was refused cannot fit, with the ways out; empty where its length is not the reason.
    std::string tooLong(const engine::Request& request, qint64 contextTokens)
    {
        try {
            const std::int64_t tokens = m_engine->count_tokens(request.messages);
            if (tokens < contextTokens)
                return {};
            return toUtf8(
                tr("This conversation has %L1 tokens, the context holds %L2. Start a new one, shorten "
                   "this one by editing an earlier message, or raise the context length in the settings.")
                    .arg(tokens)
                    .arg(contextTokens));
        } catch (const std::exception&) {
            return {};
        }
    }

    void fail(const std::string& why, bool device)
    {
        for (auto& [answer, generation] : m_running) {
            if (generation->ended())
                continue;
            if (device)
                generation->device_failed(why);
            else
                generation->failed(why);
        }
    }

    EngineBridge& m_bridge;
    std::map<qint64, std::unique_ptr<Generation>> m_running; // the engine writes to these: it goes first
    std::unique_ptr<engine::Engine> m_engine;
    std::map<qint64, engine::SequenceId> m_sequences; // by conversation
};

EngineBridge::EngineBridge(EngineFunctions functions, QObject* parent)
    : QObject(parent)
    , m_functions(std::move(functions))
{
    m_last_flush.start();
    m_flush_timer.setSingleShot(true);
    m_flush_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_flush_timer, &QTimer::timeout, this, &EngineBridge::flush);
    m_thread = std::thread([this] { work(); });
}

EngineBridge::~EngineBridge()
{
    m_load_stop.request_stop();
    stopAll();
    {
        const std::lock_guard lock(m_mutex);
        m_quit = true;
    }
    m_wake.notify_one();
    m_thread.join();
}

void EngineBridge::work()
{
    // The engine takes every core that it can get; the window and the rest of the desktop go first. On Linux
    // this is the thread's own, and the threads that the engine starts inherit it.
    ::setpriority(PRIO_PROCESS, 0, engine_niceness);

    Worker worker(*this);
    std::deque<Command> commands;
    for (;;) {
        {
            std::unique_lock lock(m_mutex);
            m_wake.wait(lock, [&] { return m_quit || !m_commands.empty() || worker.busy(); });
            if (m_quit)
                return;
            commands.swap(m_commands);
        }
        for (const Command& command : commands)
            command(worker);
        commands.clear();
        if (worker.busy())
            worker.step();
    }
}

void EngineBridge::command(Command command)
{
    {
        const std::lock_guard lock(m_mutex);
        m_commands.push_back(std::move(command));
    }
    m_wake.notify_one();
}

template <typename Change> void EngineBridge::say(Change change)
{
    {
        const std::lock_guard lock(m_mutex);
        change(m_outbox);
        if (m_flush_pending)
            return;
        m_flush_pending = true;
    }
    QMetaObject::invokeMethod(
        this, [this] { scheduleFlush(); }, Qt::QueuedConnection);
}

void EngineBridge::scheduleFlush()
{
    const qint64 wait = flush_interval_ms - m_last_flush.elapsed();
    if (wait <= 0)
        flush();
    else
        m_flush_timer.start(static_cast<int>(wait));
}

void EngineBridge::flush()
{
    Outbox outbox;
    {
        const std::lock_guard lock(m_mutex);
        std::swap(outbox, m_outbox);
        m_flush_pending = false;
    }
    m_last_flush.restart();
    ++m_flushes;

    if (outbox.progress && outbox.progress->first == m_load && m_state == State::loading) {
        m_progress = outbox.progress->second;
        emit progressChanged();
    }
    for (const auto& [answer, said] : outbox.answers) {
        if (said.promptDone >= 0)
            emit promptRead(answer, said.promptDone, said.promptTotal);
        if (!said.text.empty())
            emit textArrived(answer, toQt(said.text), said.tokens);
        if (said.result || said.error)
            m_stops.remove(answer);
        if (said.deviceFailed)
            setDeviceFailed(true); // before the answer is shown with its ways out
        if (said.result)
            emit finished(answer, *said.result);
        else if (said.error)
            emit failed(answer, toQt(*said.error));
    }
    for (const auto& [conversation, tokens] : outbox.counts)
        emit counted(conversation, tokens);
    if (outbox.outcome && outbox.outcome->load == m_load) {
        m_info = outbox.outcome->info;
        m_device = outbox.outcome->device;
        m_error = outbox.outcome->cancelled ? QString() : toQt(outbox.outcome->error);
        m_notice = toQt(outbox.outcome->notice);
        setDeviceFailed(outbox.outcome->deviceFailed && !outbox.outcome->cancelled);
        setState(m_info ? State::ready : outbox.outcome->cancelled ? State::none : State::failed);
    }
}

void EngineBridge::setState(State state)
{
    m_state = state;
    emit stateChanged();
}

void EngineBridge::setDeviceFailed(bool failed)
{
    if (m_device_failed == failed)
        return;
    m_device_failed = failed;
    emit deviceFailedChanged();
}

void EngineBridge::load(const std::filesystem::path& model, const engine::LoadOptions& options)
{
    m_load_stop.request_stop();
    m_load_stop = std::stop_source();
    stopAll();
    m_path = model;
    m_options = options;
    m_device = options.device;
    m_info.reset();
    m_progress = {};
    m_error.clear();
    m_notice.clear();
    setDeviceFailed(false);
    command([this, number = ++m_load, model, options, stop = m_load_stop.get_token()](Worker& worker) {
        worker.load(number, model, options, stop);
    });
    setState(State::loading);
}

void EngineBridge::cancelLoad()
{
    if (m_state == State::loading)
        m_load_stop.request_stop();
}

void EngineBridge::unload()
{
    m_load_stop.request_stop();
    stopAll();
    ++m_load;
    m_info.reset();
    m_error.clear();
    m_notice.clear();
    setDeviceFailed(false);
    command([](Worker& worker) { worker.unload(); });
    setState(State::none);
}

qint64 EngineBridge::contextTokens() const
{
    if (!m_info)
        return 0;
    const qint64 model = m_info->context_length;
    const qint64 wanted = m_options.context_tokens > 0 ? m_options.context_tokens : default_context_tokens;
    return model > 0 ? std::min(model, wanted) : wanted;
}

void EngineBridge::generate(qint64 answer, qint64 conversation, engine::Request request)
{
    const std::stop_source source;
    m_stops.insert(answer, Stop{conversation, source});
    command([answer, conversation, request = std::move(request), context = contextTokens(),
             stop = source.get_token()](Worker& worker) {
        worker.generate(answer, conversation, request, context, stop);
    });
}

void EngineBridge::stop(qint64 answer)
{
    const auto found = m_stops.find(answer);
    if (found != m_stops.end())
        found->source.request_stop();
}

void EngineBridge::stopAll()
{
    for (Stop& stop : m_stops)
        stop.source.request_stop();
}

void EngineBridge::forget(qint64 conversation)
{
    for (Stop& stop : m_stops) {
        if (stop.conversation == conversation)
            stop.source.request_stop();
    }
    command([conversation](Worker& worker) { worker.forget(conversation); });
}

void EngineBridge::count(qint64 conversation, std::vector<engine::Message> messages)
{
    command([conversation, messages = std::move(messages)](Worker& worker) {
        worker.count(conversation, messages);
    });
}

} // namespace ui
