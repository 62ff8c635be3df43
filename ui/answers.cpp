// SPDX-License-Identifier: MIT
#include "ui/answers.h"

#include "ui/text.h"
#include "ui/title.h"

#include <QRandomGenerator>

#include <algorithm>

namespace ui {

namespace {

constexpr qsizetype save_after_characters = 2048;
constexpr qint64 save_after_ms = 1000;
constexpr int save_check_ms = 250;
constexpr qint64 save_again_ms = 2000;       // where the end of an answer could not be written
constexpr std::ptrdiff_t shown_at_most = 32; // messages of a turn

storage::FinishReason reason(engine::Finish finish)
{
    switch (finish) {
    case engine::Finish::stop:
        return storage::FinishReason::stop;
    case engine::Finish::length:
        return storage::FinishReason::length;
    case engine::Finish::context:
        return storage::FinishReason::context_full;
    case engine::Finish::cancelled:
        return storage::FinishReason::cancelled;
    }
    return storage::FinishReason::none;
}

// Of the prompt. An answer without text failed, or is the one to be written; no chat format has tools.
bool isPart(const storage::Message& message)
{
    return message.role != storage::Role::tool &&
           (message.role != storage::Role::assistant || !message.content.empty());
}

// The messages as the model gets them, with their rows, of which the first is `row`.
void add(std::vector<engine::Message>& messages, std::vector<qint64>& rows,
         const std::vector<storage::Message>& branch, qint64 row)
{
    for (const storage::Message& message : branch) {
        if (isPart(message)) {
            messages.push_back({std::string(storage::name_of(message.role)), message.content});
            rows.push_back(row);
        }
        ++row;
    }
}

} // namespace

Answers::Answers(StoreBridge& store, EngineBridge& engine, Settings& settings, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_engine(engine)
    , m_settings(settings)
{
    connect(&m_engine, &EngineBridge::stateChanged, this, &Answers::canAskChanged);
    connect(&m_engine, &EngineBridge::infoKnown, this, &Answers::canAskChanged);
    connect(&m_store, &StoreBridge::opened, this, &Answers::canAskChanged);
    connect(&m_engine, &EngineBridge::fitted, this, &Answers::onFitted);
    connect(&m_engine, &EngineBridge::promptRead, this, &Answers::onPromptRead);
    connect(&m_engine, &EngineBridge::textArrived, this, &Answers::onText);
    connect(&m_engine, &EngineBridge::finished, this, &Answers::onFinished);
    connect(&m_engine, &EngineBridge::failed, this, &Answers::onFailed);
    m_save_timer.setInterval(save_check_ms);
    connect(&m_save_timer, &QTimer::timeout, this, [this] {
        for (auto& [id, answer] : m_answers) {
            if (answer.state != Answer::State::ended && answer.sinceSaved.elapsed() >= save_after_ms)
                save(answer);
            else if (answer.state == Answer::State::ended && !answer.saving &&
                     answer.sinceSaved.elapsed() >= save_again_ms)
                saveEnd(answer);
        }
    });
}

Answers::~Answers()
{
    for (auto& [id, answer] : m_answers) {
        answer.saving = false;
        if (answer.state != Answer::State::ended)
            save(answer);
        else if (answer.failing)
            saveEnd(answer);
    }
}

// Begins an answer. The conversation remembers the model that wrote last.
Answers::Ask Answers::Begin::below(storage::ChatStore& store, storage::Id question,
                                   const AnswerFacts* exactly) const
{
    const storage::Id conversation = store.message(question).value().conversation;
    ConversationSettings own(store.conversation(conversation).value().settings);
    Ask ask;
    ask.facts = facts;
    ask.facts.wish = wish;
    ask.facts.wish.take(own);
    if (exactly) {
        ask.facts.wish = exactly->wish;
        if (exactly->contextTokens > 0)
            ask.facts.contextTokens = std::min(ask.facts.contextTokens, exactly->contextTokens);
    }
    if (own.model() != model) {
        own.setModel(model);
        store.set_settings(conversation, own.json());
    }
    storage::AnswerOrigin full = origin;
    full.sampling = ask.facts.begun();
    full.seed = static_cast<std::int64_t>(ask.facts.wish.sampling.seed);
    ask.answer = store.begin_answer(question, full);
    lookUp(store, ask);
    return ask;
}

// The answer's conversation, and the prompt for it: of a branch that no context could hold, its first turn
// and as much of its end as none could hold either.
void Answers::lookUp(storage::ChatStore& store, Ask& ask)
{
    const Wish& wish = ask.facts.wish;
    const qint64 most = ask.facts.contextTokens * longest_token_bytes;
    std::vector<storage::Message> end =
        store.path(ask.answer, [most, bytes = qint64(0), read = 0](const storage::Message& message) mutable {
            if (isPart(message))
                bytes += std::max(longest_token_bytes, static_cast<qint64>(message.content.size()));
            return ++read >= shown_at_most && bytes > most;
        });
    const storage::Message& first = end.front();
    const qint64 above = first.parent ? store.depth(first.id) : 0;

    ask.turn.conversation = store.conversation(first.conversation).value();
    ask.fitting.policy = wish.policy;
    ask.fitting.keepFrom = wish.keepFrom;
    ask.fitting.contextTokens = ask.facts.contextTokens;
    if (!wish.systemPrompt.trimmed().isEmpty()) {
        ask.messages.push_back({"system", toUtf8(wish.systemPrompt)});
        ask.fitting.rows.push_back(-1);
    }
    if (above > 0) {
        int questions = 0;
        std::vector<storage::Message> beginning =
            store.beginning(first.conversation, [&](const storage::Message& message) {
                questions += message.role == storage::Role::user ? 1 : 0;
                return questions > 1 || message.id == first.id;
            });
        if (!beginning.empty())
            beginning.pop_back(); // the second question, or what has been read already
        add(ask.messages, ask.fitting.rows, beginning, 0);
        if (static_cast<qint64>(beginning.size()) < above)
            ask.fitting.unread = ask.messages.size();
    }
    add(ask.messages, ask.fitting.rows, end, above);
    ask.turn.branch.assign(std::make_move_iterator(std::max(end.begin(), end.end() - shown_at_most)),
                           std::make_move_iterator(end.end()));
}

Answers::Begin Answers::begin() const
{
    Begin begin;
    begin.wish = Wish::of(m_settings);
    if (const auto info = m_engine.info()) {
        begin.origin.model_name = info->name;
        begin.origin.model_hash = info->identity;
        begin.model = {toQt(info->name), pathToQt(m_engine.path()), toQt(info->identity)};
    }
    begin.origin.engine_version = FATHOM_VERSION;
    begin.facts.device = toQt(m_engine.device());
    begin.facts.contextTokens = m_engine.contextTokens();
    return begin;
}

void Answers::send(qint64 conversation, const QString& text, Then then)
{
    if (conversation == 0)
        then.done = [this, done = std::move(then.done)](const Turn& turn) {
            learn(0, {});
            if (done)
                done(turn);
        };
    run(
        conversation,
        [conversation, text = toUtf8(text), title = toUtf8(titleFrom(text)),
         settings = own(0).json()](storage::ChatStore& store, const Begin& begin) {
            storage::Id where = conversation;
            if (where == 0)
                where = store.create_conversation({}, settings);
            if (!store.conversation(where).value().leaf)
                store.suggest_title(where, title);
            return begin.below(store, store.append_message(where, storage::Role::user, text));
        },
        std::move(then));
}

void Answers::edit(qint64 message, const QString& text, Then then)
{
    run(
        message,
        [message, text = toUtf8(text)](storage::ChatStore& store, const Begin& begin) {
            return begin.below(store, store.add_sibling(message, text));
        },
        std::move(then));
}

void Answers::regenerate(qint64 message, Then then)
{
    run(
        message,
        [message](storage::ChatStore& store, const Begin& begin) {
            const storage::Message one = store.message(message).value();
            return begin.below(store, one.role == storage::Role::user ? one.id : one.parent.value());
        },
        std::move(then));
}

void Answers::repeat(qint64 answer, Then then)
{
    run(
        answer,
        [answer](storage::ChatStore& store, const Begin& begin) {
            const storage::Message one = store.message(answer).value();
            const storage::AnswerOrigin origin = one.origin.value();
            const AnswerFacts facts = AnswerFacts::from(origin.sampling, origin.seed);
            return begin.below(store, one.parent.value(), &facts);
        },
        std::move(then));
}

void Answers::continueAnswer(qint64 answer, Then then)
{
    run(
        answer,
        [answer](storage::ChatStore& store, const Begin& begin) {
            Ask ask;
            ask.answer = answer;
            ask.continues = true;
            store.choose_branch(answer);
            store.continue_answer(answer);
            ask.ids = store.token_ids(answer);
            const storage::Message one = store.message(answer).value();
            const ConversationSettings own(store.conversation(one.conversation).value().settings);
            ask.facts = begin.facts;
            ask.facts.continued = true;
            if (one.origin)
                ask.facts.thoughtSeconds = AnswerFacts::from(one.origin->sampling, 0).thoughtSeconds;
            ask.facts.wish = begin.wish;
            ask.facts.wish.take(own);
            lookUp(store, ask);
            return ask;
        },
        std::move(then));
}

void Answers::run(qint64 about, Write write, Then then)
{
    m_store.run(
        about, this,
        [write = std::move(write), begin = begin()](storage::ChatStore& store) {
            return write(store, begin);
        },
        [this, then](Ask ask) {
            if (ask.answer != 0)
                this->ask(std::move(ask), then);
            else
                then.failed({});
        },
        then.failed);
}

// The question's commit has been acknowledged: only now does the engine hear of it.
void Answers::ask(Ask ask, const Then& then)
{
    Answer& answer = m_answers[ask.answer];
    answer = {};
    answer.id = ask.answer;
    answer.conversation = ask.turn.conversation.id;
    answer.facts = ask.facts;
    answer.earlierIds = ask.ids;
    if (ask.continues && !ask.turn.branch.empty())
        answer.text = toQt(ask.turn.branch.back().content);
    answer.thoughts = ThoughtClock(answer.text, ask.facts.thoughtSeconds);
    answer.saved = answer.text.size();
    answer.since.start();
    answer.sinceSaved.start();
    m_save_timer.start();

    const Wish& wish = ask.facts.wish;
    engine::Request request;
    request.messages = std::move(ask.messages);
    request.sampling = wish.sampling;
    request.max_tokens = wish.maxTokens;
    request.continue_last = ask.continues && !answer.text.isEmpty();
    request.reuse_at_most = wish.reuseAtMost;
    m_engine.generate(answer.id, answer.conversation, std::move(request), std::move(ask.fitting));
    learn(answer.conversation, ConversationSettings(ask.turn.conversation.settings));

    if (then.done)
        then.done(ask.turn);
    emit turned(ask.turn);
    if (ask.turn.conversation.deleted_at) // it went into the trash while this was on its way
        stop(ask.turn.conversation.id);
}

QString Answers::systemPrompt(qint64 conversation) const
{
    const QString prompt = own(conversation).systemPrompt();
    return prompt.isEmpty() ? m_settings.systemPrompt() : prompt;
}

void Answers::learn(qint64 conversation, const ConversationSettings& own)
{
    m_own.insert(conversation, own);
    emit ownChanged(conversation);
}

void Answers::readOwn(qint64 conversation)
{
    if (conversation == 0) {
        emit ownChanged(0);
        return;
    }
    m_store.run(
        conversation, this,
        [conversation](storage::ChatStore& store) {
            const auto found = store.conversation(conversation);
            return found ? std::optional(ConversationSettings(found->settings)) : std::nullopt;
        },
        [this, conversation](const std::optional<ConversationSettings>& own) {
            if (own)
                learn(conversation, *own);
        });
}

void Answers::changeOwn(qint64 conversation, std::function<void(ConversationSettings&)> change,
                        std::function<void()> done, StoreBridge::Failed failed)
{
    if (conversation == 0) {
        ConversationSettings own = this->own(0);
        change(own);
        learn(0, own);
        if (done)
            done();
        return;
    }
    m_store.run(
        conversation, this,
        [conversation, change = std::move(change)](storage::ChatStore& store) {
            ConversationSettings own(store.conversation(conversation).value().settings);
            change(own);
            store.set_settings(conversation, own.json());
            return own;
        },
        [this, conversation, done = std::move(done)](const ConversationSettings& own) {
            learn(conversation, own);
            if (done)
                done();
        },
        std::move(failed));
}

void Answers::enqueue(qint64 conversation, const QString& text, StoreBridge::Failed failed)
{
    const auto id = static_cast<qint64>(QRandomGenerator::global()->generate64() % exact_in_qml);
    changeOwn(
        conversation,
        [queued = Queued{id, text}](ConversationSettings& own) { own.setQueue(own.queue() << queued); },
        [this, conversation] {
            if (!inConversation(conversation)) // the answer has ended meanwhile
                sendQueued(conversation);
        },
        std::move(failed));
}

void Answers::changeQueued(qint64 conversation, qint64 queued, const QString& text)
{
    changeOwn(conversation, [queued, text](ConversationSettings& own) {
        QList<Queued> queue = own.queue();
        for (Queued& one : queue) {
            if (one.id == queued)
                one.text = text;
        }
        queue.removeIf([](const Queued& one) { return one.text.isEmpty(); });
        own.setQueue(queue);
    });
}

void Answers::sendQueued(qint64 conversation)
{
    if (queue(conversation).isEmpty() || !canAsk() || inConversation(conversation) ||
        isBeginning(conversation))
        return;
    m_beginning.insert(conversation);
    const auto begun = [this, conversation] { return m_beginning.remove(conversation); };
    run(conversation,
        [conversation](storage::ChatStore& store, const Begin& begin) {
            const storage::Conversation about = store.conversation(conversation).value();
            ConversationSettings own(about.settings);
            QList<Queued> queue = own.queue();
            if (queue.isEmpty() || about.deleted_at) // removed at the last moment, or in the trash meanwhile
                return Ask{};
            // First written, then taken from the queue: a kill between them shows it twice, loses it never.
            const storage::Id question =
                store.append_message(conversation, storage::Role::user, toUtf8(queue.takeFirst().text));
            own.setQueue(queue);
            store.set_settings(conversation, own.json());
            return begin.below(store, question);
        },
        {[this, begun, conversation](const Turn&) {
             begun();
             if (m_stop_beginning.remove(conversation))
                 stop(conversation);
         },
         [this, begun, conversation](const QString& why) {
             begun();
             m_stop_beginning.remove(conversation);
             if (!why.isEmpty())
                 m_store.report(why);
             emit progressed(conversation, 0);
         }});
    emit progressed(conversation, 0);
}

void Answers::stop(qint64 conversation)
{
    if (isBeginning(conversation))
        m_stop_beginning.insert(conversation);
    for (const auto& [id, answer] : m_answers) {
        if (answer.conversation == conversation)
            m_engine.stop(id);
    }
}

void Answers::leave(qint64 conversation, Rest rest)
{
    if (rest == Rest::keep) {
        stop(conversation);
        return;
    }
    m_engine.forget(conversation);
    m_own.remove(conversation);
    std::erase_if(m_answers,
                  [conversation](const auto& entry) { return entry.second.conversation == conversation; });
}

const Answer* Answers::inConversation(qint64 conversation) const
{
    const auto found = std::find_if(m_answers.begin(), m_answers.end(), [conversation](const auto& entry) {
        return entry.second.conversation == conversation;
    });
    return found == m_answers.end() ? nullptr : &found->second;
}

const Answer* Answers::find(qint64 answer) const
{
    const auto found = m_answers.find(answer);
    return found == m_answers.end() ? nullptr : &found->second;
}

bool Answers::isWriting(qint64 conversation) const
{
    return std::any_of(m_answers.begin(), m_answers.end(), [conversation](const auto& entry) {
        return entry.second.conversation == conversation && entry.second.state != Answer::State::ended;
    });
}

int Answers::writing() const
{
    return static_cast<int>(std::count_if(m_answers.begin(), m_answers.end(), [](const auto& entry) {
        return entry.second.state != Answer::State::ended;
    }));
}

void Answers::onFitted(qint64 id, qint64 at, qint64 leftOut)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    Answer& answer = found->second;
    answer.facts.leftOutAt = at;
    answer.facts.leftOut = leftOut;
    emit progressed(answer.conversation, id);
}

void Answers::onPromptRead(qint64 id, qint64 done, qint64 total)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    Answer& answer = found->second;
    answer.promptDone = done;
    answer.promptTotal = total;
    if (answer.state == Answer::State::waiting)
        answer.state = Answer::State::reading;
    emit progressed(answer.conversation, id);
}

void Answers::onText(qint64 id, const QString& text, int tokens)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    Answer& answer = found->second;
    answer.state = Answer::State::writing;
    answer.tokens += tokens;
    answer.text += text;
    answer.thoughts.read(answer.text);
    emit textAdded(answer.conversation, id, text);
    emit progressed(answer.conversation, id);
    if (answer.text.size() - answer.saved >= save_after_characters ||
        answer.sinceSaved.elapsed() >= save_after_ms)
        save(answer);
}

void Answers::save(Answer& answer)
{
    if (answer.saving || answer.saved == answer.text.size())
        return;
    answer.saving = true;
    answer.saved = answer.text.size();
    answer.sinceSaved.restart();
    // What was saved so far is not lost where this fails; the next try comes with the next words.
    m_store.run(
        answer.conversation, this,
        [id = answer.id, text = toUtf8(answer.text), ids = answer.earlierIds](storage::ChatStore& store) {
            store.update_answer(id, text, ids);
        },
        [this, id = answer.id] {
            const auto found = m_answers.find(id);
            if (found == m_answers.end())
                return;
            found->second.saving = false;
            found->second.failing = false;
        },
        [this, id = answer.id](const QString& why) { saveFailed(id, why); });
}

// Said once, however often it is tried.
void Answers::saveFailed(qint64 id, const QString& why)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    found->second.saving = false;
    if (!std::exchange(found->second.failing, true))
        m_store.report(why);
}

void Answers::onFinished(qint64 id, const engine::Result& result)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    Answer& answer = found->second;
    storage::AnswerResult end;
    end.finish_reason = reason(result.finish);
    end.status =
        result.finish == engine::Finish::cancelled ? storage::Status::stopped : storage::Status::complete;
    end.token_ids = answer.earlierIds;
    end.token_ids.insert(end.token_ids.end(), result.ids.begin(), result.ids.end());
    end.prompt_tokens = static_cast<int>(result.prompt_tokens);
    end.generated_tokens = static_cast<int>(end.token_ids.size());
    end.first_token_seconds = result.first_token_seconds;
    end.prompt_tokens_per_second = result.prompt_tps;
    end.generate_tokens_per_second = result.generate_tps;
    answer.facts.reusedTokens = result.reused_tokens;
    finish(answer, std::move(end));
}

void Answers::onFailed(qint64 id, const QString& message)
{
    const auto found = m_answers.find(id);
    if (found == m_answers.end())
        return;
    Answer& answer = found->second;
    storage::AnswerResult end;
    end.status = storage::Status::failed;
    end.finish_reason = storage::FinishReason::error;
    end.error = toUtf8(message);
    end.token_ids = answer.earlierIds;
    finish(answer, std::move(end));
}

void Answers::finish(Answer& answer, storage::AnswerResult result)
{
    answer.state = Answer::State::ended;
    answer.result = std::move(result);
    answer.facts.thoughtSeconds = answer.thoughts.seconds();
    answer.result.facts = answer.facts.ended();
    const qint64 id = answer.id;
    const qint64 conversation = answer.conversation;
    saveEnd(answer);
    emit progressed(conversation, id);
    emit ended(conversation, id);
}

// Where the disk does not take it, the answer stays here, on the screen too, and is offered again and again.
void Answers::saveEnd(Answer& answer)
{
    answer.saving = true;
    answer.sinceSaved.restart();
    storage::AnswerResult full = answer.result;
    full.text = toUtf8(answer.text);
    m_store.run(
        answer.conversation, this,
        [id = answer.id, full = std::move(full)](storage::ChatStore& store) -> std::optional<Turn> {
            const std::optional<storage::Message> now = store.message(id);
            if (!now || now->status != storage::Status::streaming)
                return std::nullopt; // an earlier copy of the history has taken this one's place
            store.finish_answer(id, full);
            return Turn{store.conversation(now->conversation).value(), {store.message(id).value()}};
        },
        [this, id = answer.id, conversation = answer.conversation](const std::optional<Turn>& turn) {
            drop(id);
            if (!turn) {
                emit progressed(conversation, id);
                return;
            }
            const storage::FinishReason reason = turn->branch.front().finish_reason;
            if (reason == storage::FinishReason::stop || reason == storage::FinishReason::length)
                sendQueued(conversation);
            emit saved(*turn);
        },
        [this, id = answer.id](const QString& why) { saveFailed(id, why); });
}

void Answers::drop(qint64 id)
{
    m_answers.erase(id);
    if (m_answers.empty())
        m_save_timer.stop();
}

} // namespace ui
