// SPDX-License-Identifier: MIT
#include "ui/engine_bridge.h"

#include "engine/error.h"
#include "ui/text.h"

#include <QMetaObject>

#include <algorithm>
#include <stdexcept>
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

engine::Result cancelled() // before the engine heard of it
{
    engine::Result result;
    result.finish = engine::Finish::cancelled;
    return result;
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

    void fitted(const Fitted& fitted)
    {
        m_bridge.say(
            [&](Outbox& outbox) { outbox.answers[m_answer].leftOut = std::pair(fitted.at, fitted.leftOut); });
    }

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
        m_why_none.clear();
        try {
            const auto info = inspect(number, model);
            if (options.context_tokens > 0)
                options.context_tokens = std::min(options.context_tokens, info->context_length);
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
            m_why_none = outcome.error;
        }
        outcome.device = options.device;
        if (stop.stop_requested() && m_engine) { // stopped after the last moment at which it could be noticed
            m_engine.reset();
            outcome.info.reset();
            outcome.cancelled = true;
        }
        m_bridge.say([&](Outbox& outbox) { outbox.outcome = outcome; });
    }

    // What is known of a model before it is loaded.
    void prepare(quint64 number, const std::filesystem::path& model)
    {
        unload();
        try {
            inspect(number, model);
        } catch (const std::exception& error) {
            Outcome outcome;
            outcome.load = number;
            outcome.error = message(error);
            m_why_none = outcome.error;
            m_bridge.say([&](Outbox& outbox) { outbox.outcome = outcome; });
        }
    }

    // The stop sources of everything that runs have been triggered by the caller.
    void unload()
    {
        while (busy())
            step();
        m_sequences.clear();
        m_keep_from.clear();
        m_engine.reset();
    }

    struct Asked
    {
        qint64 answer = 0;
        qint64 conversation = 0;
        engine::Request request;
        Fitting fitting;
        qint64 contextTokens = 0; // that it may use
        qint64 modelTokens = 0;   // that there are
    };

    void generate(const Asked& asked, const std::stop_token& stop)
    {
        const qint64 conversation = asked.conversation;
        auto generation = std::make_unique<Generation>(m_bridge, asked.answer, conversation);
        if (stop.stop_requested()) {
            generation->finished(cancelled());
            return;
        }
        if (!m_engine) {
            generation->failed(m_why_none.empty() ? "No model is loaded." : m_why_none);
            return;
        }
        try {
            engine::Request request = asked.request;
            if (!request.messages.empty()) {
                std::optional<Fitted> fitted = fit(conversation, request.messages, asked.fitting,
                                                   asked.contextTokens, request.max_tokens);
                if (!fitted) {
                    generation->failed(tooLong(request.messages, asked.fitting, asked.contextTokens));
                    return;
                }
                request.messages = std::move(fitted->messages);
                if (fitted->leftOut > 0)
                    generation->fitted(*fitted);
                if (asked.contextTokens < asked.modelTokens) { // the engine would go on behind it
                    const qint64 room =
                        std::max<qint64>(1, asked.contextTokens - m_engine->count_tokens(request.messages));
                    request.max_tokens =
                        request.max_tokens > 0 ? std::min<qint64>(request.max_tokens, room) : room;
                }
            }
            const auto found = m_sequences.find(conversation);
            const engine::SequenceId sequence =
                found != m_sequences.end()
                    ? found->second
                    : m_sequences.emplace(conversation, m_engine->open_sequence()).first->second;
            m_engine->start(sequence, request, stop, *generation);
            if (!generation->ended())
                m_running.emplace(asked.answer, std::move(generation));
        } catch (const std::exception& error) {
            if (isOfTheDevice(error))
                generation->device_failed(message(error));
            else
                generation->failed(message(error));
        }
    }

    void forget(qint64 conversation)
    {
        while (std::ranges::any_of(
            m_running, [&](const auto& entry) { return entry.second->conversation() == conversation; }))
            step();
        m_keep_from.erase(conversation);
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

    void count(qint64 conversation, const std::vector<engine::Message>& messages, const Fitting& fitting,
               qint64 contextTokens)
    {
        if (!m_engine)
            return;
        try {
            std::int64_t tokens = 0;
            const std::optional<Fitted> fitted = fit(conversation, messages, fitting, contextTokens, 0);
            if (fitted)
                tokens = m_engine->count_tokens(fitted->messages);
            else // as far as it matters: the meter is full
                tokens = contextFit(contextTokens).estimate(messages, 0, 4 * contextTokens);
            m_bridge.say([&](Outbox& outbox) { outbox.counts[conversation] = tokens; });
        } catch (const std::exception&) {
            // A conversation that the template refuses has no count; asking for an answer says why.
        }
    }

    void measure(const std::stop_token& stop)
    {
        Measured measured;
        try {
            if (!m_engine)
                throw std::runtime_error("No model is loaded.");
            if (busy())
                throw std::runtime_error("An answer is being written; measure when it has ended.");
            measured.speed = m_engine->measure(
                [this](double part) { m_bridge.say([&](Outbox& outbox) { outbox.measureProgress = part; }); },
                stop);
        } catch (const std::exception& error) {
            if (!stop.stop_requested())
                measured.error = message(error);
        }
        m_bridge.say([&](Outbox& outbox) { outbox.measured = measured; });
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
    std::shared_ptr<const engine::ModelInfo> inspect(quint64 number, const std::filesystem::path& model)
    {
        auto info = std::make_shared<const engine::ModelInfo>(m_bridge.m_functions.inspect(model));
        m_bridge.say([&](Outbox& outbox) { outbox.known = std::pair(number, info); });
        return info;
    }

    ContextFit contextFit(qint64 contextTokens)
    {
        return {contextTokens, [this](const std::vector<engine::Message>& messages) {
                    return m_engine->count_tokens(messages);
                }};
    }

    // What an earlier answer of the conversation left out stays out, while it is needed.
    std::optional<Fitted> fit(qint64 conversation, const std::vector<engine::Message>& messages,
                              Fitting fitting, qint64 contextTokens, qint64 maxTokens)
    {
        if (const auto earlier = m_keep_from.find(conversation); earlier != m_keep_from.end())
            fitting.keepFrom = fitting.keepFrom.value_or(earlier->second);
        std::optional<Fitted> fitted = contextFit(contextTokens).fit(messages, fitting, maxTokens);
        if (fitted)
            m_keep_from[conversation] = fitted->at + fitted->leftOut;
        return fitted;
    }

    // Why a request cannot fit, with the ways out.
    std::string tooLong(const std::vector<engine::Message>& messages, const Fitting& fitting,
                        qint64 contextTokens)
    {
        if (fitting.policy != ContextPolicy::stop)
            return toUtf8(tr("What has to stay of this conversation does not fit into the context of %L1 "
                             "tokens. Shorten the message, or raise the context length in the settings.")
                              .arg(contextTokens));
        const qint64 enough = 4 * contextTokens;
        const qint64 about = contextFit(contextTokens).estimate(messages, 0, enough);
        const QString tokens = about > enough || fitting.unread > 0
                                   ? tr("more than %L1 tokens").arg(std::min(about, enough))
                                   : tr("%L1 tokens").arg(m_engine->count_tokens(messages));
        return toUtf8(tr("This conversation has %1, the context holds %L2. Start a new one, shorten this one "
                         "by editing an earlier message, or in the settings raise the context length or let "
                         "old turns be left out.")
                          .arg(tokens)
                          .arg(contextTokens));
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
    std::map<qint64, qint64> m_keep_from;             // row, by conversation: Fitting::keepFrom
    std::string m_why_none;                           // why there is no engine, where a load failed
};

EngineBridge::EngineBridge(EngineFunctions functions, QObject* parent)
    : QObject(parent)
    , m_functions(std::move(functions))
{
    m_last_flush.start();
    m_flush_timer.setSingleShot(true);
    m_flush_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_flush_timer, &QTimer::timeout, this, &EngineBridge::flush);
    m_keep_alive_timer.setSingleShot(true);
    connect(&m_keep_alive_timer, &QTimer::timeout, this, &EngineBridge::sleep);
    m_thread = std::thread([this] { work(); });
}

EngineBridge::~EngineBridge()
{
    m_load_stop.request_stop();
    m_measure_stop.request_stop();
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
    m_mailbox.post([this] { scheduleFlush(); });
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

    if (outbox.known && outbox.known->first == m_load && !m_info) {
        m_info = outbox.known->second;
        emit infoKnown();
    }
    if (outbox.progress && outbox.progress->first == m_load && m_state == State::loading) {
        m_progress = outbox.progress->second;
        emit progressChanged();
    }
    for (const auto& [answer, said] : outbox.answers) {
        // One that was stopped while the model loaded has ended before the worker heard of it.
        if (!m_stops.contains(answer))
            continue;
        if (said.leftOut)
            emit fitted(answer, said.leftOut->first, said.leftOut->second);
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
        const Outcome& outcome = *outbox.outcome;
        const bool sleepsAgain = outcome.cancelled && m_waking;
        m_waking = false;
        if (!sleepsAgain)
            m_info = outcome.info;
        m_device = outcome.device;
        m_error = outcome.cancelled ? QString() : toQt(outcome.error);
        m_notice = toQt(outcome.notice);
        setDeviceFailed(outcome.deviceFailed && !outcome.cancelled);
        setState(outcome.info        ? State::ready
                 : sleepsAgain       ? State::asleep
                 : outcome.cancelled ? State::none
                                     : State::failed);
    }
    if (outbox.measureProgress) {
        m_measure_progress = *outbox.measureProgress;
        emit measureChanged();
    }
    if (outbox.measured) {
        m_measuring = false;
        emit measureChanged();
        if (outbox.measured->speed)
            emit measured(*outbox.measured->speed);
        else if (!outbox.measured->error.empty())
            emit measureFailed(toQt(outbox.measured->error));
    }
    keepAlive();
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
    stopAll();
    m_path = model;
    m_options = options;
    m_info.reset();
    m_waking = false;
    startLoad();
}

void EngineBridge::startLoad()
{
    cancelMeasure();
    m_load_stop.request_stop();
    m_load_stop = std::stop_source();
    m_device = m_options.device;
    m_progress = {};
    m_error.clear();
    m_notice.clear();
    setDeviceFailed(false);
    command([number = ++m_load, model = m_path, options = m_options,
             stop = m_load_stop.get_token()](Worker& worker) { worker.load(number, model, options, stop); });
    setState(State::loading);
}

void EngineBridge::prepare(const std::filesystem::path& model, const engine::LoadOptions& options)
{
    unload();
    m_path = model;
    m_options = options;
    m_device = options.device;
    command([number = m_load, model](Worker& worker) { worker.prepare(number, model); });
    setState(State::asleep);
}

void EngineBridge::cancelLoad()
{
    if (m_state == State::loading)
        m_load_stop.request_stop();
}

void EngineBridge::unload()
{
    cancelMeasure();
    m_load_stop.request_stop();
    stopAll();
    ++m_load;
    m_waking = false;
    m_info.reset();
    m_error.clear();
    m_notice.clear();
    setDeviceFailed(false);
    command([](Worker& worker) { worker.unload(); });
    setState(State::none);
}

void EngineBridge::setKeepAlive(std::chrono::milliseconds time)
{
    m_keep_alive = time;
    m_keep_alive_timer.stop();
    keepAlive();
}

// Whatever happened, the time runs from the last use on.
void EngineBridge::keepAlive()
{
    const bool isIdle = m_state == State::ready && m_stops.isEmpty() && !m_measuring;
    if (!isIdle || m_keep_alive.count() <= 0)
        m_keep_alive_timer.stop();
    else if (!m_keep_alive_timer.isActive())
        m_keep_alive_timer.start(m_keep_alive);
}

void EngineBridge::sleep()
{
    if (m_state != State::ready || !m_stops.isEmpty())
        return;
    ++m_load;
    command([](Worker& worker) { worker.unload(); });
    setState(State::asleep);
}

qint64 EngineBridge::contextTokens() const
{
    if (!m_info)
        return 0;
    const qint64 model = m_info->context_length;
    const qint64 wanted = m_options.context_tokens > 0 ? m_options.context_tokens : default_context_tokens;
    return model > 0 ? std::min(model, wanted) : wanted;
}

bool EngineBridge::canGenerate() const
{
    return m_info && (m_state == State::ready || m_state == State::loading || m_state == State::asleep);
}

void EngineBridge::generate(qint64 answer, qint64 conversation, engine::Request request, Fitting fitting)
{
    cancelMeasure();
    m_keep_alive_timer.stop();
    const std::stop_source source;
    m_stops.insert(answer, Stop{conversation, source});
    if (m_state == State::asleep) {
        m_waking = true;
        startLoad();
    }
    const qint64 all = contextTokens();
    const qint64 used = fitting.contextTokens > 0 ? std::min(all, fitting.contextTokens) : all;
    command([asked = Worker::Asked{answer, conversation, std::move(request), std::move(fitting), used, all},
             stop = source.get_token()](Worker& worker) { worker.generate(asked, stop); });
}

void EngineBridge::stop(qint64 answer)
{
    const auto found = m_stops.find(answer);
    if (found == m_stops.end())
        return;
    found->source.request_stop();
    if (m_state != State::loading)
        return;
    // The worker is busy with loading: the answer need not wait for that.
    say([&](Outbox& outbox) { outbox.answers[answer].result = cancelled(); });
    const bool othersWait = std::any_of(m_stops.begin(), m_stops.end(),
                                        [](const Stop& stop) { return !stop.source.stop_requested(); });
    if (m_waking && !othersWait)
        cancelLoad();
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

void EngineBridge::count(qint64 conversation, std::vector<engine::Message> messages, Fitting fitting)
{
    command([conversation, messages = std::move(messages), fitting = std::move(fitting),
             context = contextTokens()](Worker& worker) {
        worker.count(conversation, messages, fitting, context);
    });
}

void EngineBridge::measure()
{
    if (m_state != State::ready || m_measuring)
        return;
    m_measuring = true;
    m_measure_progress = 0.0;
    m_measure_stop = std::stop_source();
    m_keep_alive_timer.stop();
    command([stop = m_measure_stop.get_token()](Worker& worker) { worker.measure(stop); });
    emit measureChanged();
}

} // namespace ui
