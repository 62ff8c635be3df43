// SPDX-License-Identifier: MIT
#include "ui/answers.h"

#include "ui/text.h"

#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>

namespace ui {

namespace {

constexpr qsizetype save_after_characters = 2048;
constexpr qint64 save_after_ms = 1000;
constexpr int save_check_ms = 250;
constexpr qsizetype title_characters = 50;

// The first line of the first message, cut at a word where one ends near enough.
QString titleFrom(const QString& text)
{
    QString line = text.trimmed().section(u'\n', 0, 0).simplified();
    if (line.size() <= title_characters)
        return line;
    qsizetype cut = title_characters;
    if (line.at(cut - 1).isHighSurrogate())
        --cut;
    const qsizetype space = line.lastIndexOf(u' ', cut);
    if (space > title_characters / 2)
        cut = space;
    return line.left(cut).trimmed() + QChar(u'…');
}

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

std::string samplingJson(const engine::Sampling& sampling, int maxTokens)
{
    const QJsonObject object{
        {QStringLiteral("temperature"), sampling.temperature},
        {QStringLiteral("top_k"), sampling.top_k},
        {QStringLiteral("top_p"), sampling.top_p},
        {QStringLiteral("min_p"), sampling.min_p},
        {QStringLiteral("repeat_penalty"), sampling.repeat_penalty},
        {QStringLiteral("repeat_window"), sampling.repeat_window},
        {QStringLiteral("max_tokens"), maxTokens},
    };
    return QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString();
}

const QString system_prompt_key = QStringLiteral("systemPrompt");

QJsonObject settingsObject(const std::string& settings)
{
    return QJsonDocument::fromJson(QByteArray::fromStdString(settings)).object();
}

} // namespace

Answers::Answers(StoreBridge& store, EngineBridge& engine, Settings& settings, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_engine(engine)
    , m_settings(settings)
{
    connect(&m_engine, &EngineBridge::promptRead, this, &Answers::onPromptRead);
    connect(&m_engine, &EngineBridge::textArrived, this, &Answers::onText);
    connect(&m_engine, &EngineBridge::finished, this, &Answers::onFinished);
    connect(&m_engine, &EngineBridge::failed, this, &Answers::onFailed);
    m_save_timer.setInterval(save_check_ms);
    connect(&m_save_timer, &QTimer::timeout, this, [this] {
        for (auto& [id, answer] : m_answers) {
            if (answer.state != Answer::State::ended && answer.sinceSaved.elapsed() >= save_after_ms)
                save(answer);
        }
    });
}

Answers::~Answers()
{
    for (auto& [id, answer] : m_answers) {
        answer.saving = false;
        if (answer.state != Answer::State::ended)
            save(answer);
    }
}

void Answers::send(qint64 conversation, const QString& text, const QString& systemPrompt, Then then)
{
    const engine::Sampling sampling = m_settings.sampling();
    begin(
        sampling,
        [conversation, text = toUtf8(text), title = toUtf8(titleFrom(text)),
         settings = withSystemPrompt("{}", systemPrompt),
         origin = origin(sampling)](storage::ChatStore& store) {
            storage::Id where = conversation;
            if (where == 0)
                where = store.create_conversation({}, settings);
            if (!store.conversation(where).value().leaf)
                store.suggest_title(where, title);
            const storage::Id question = store.append_message(where, storage::Role::user, text);
            return store.begin_answer(question, origin);
        },
        false, std::move(then));
}

void Answers::edit(qint64 message, const QString& text, Then then)
{
    const engine::Sampling sampling = m_settings.sampling();
    begin(
        sampling,
        [message, text = toUtf8(text), origin = origin(sampling)](storage::ChatStore& store) {
            return store.begin_answer(store.add_sibling(message, text), origin);
        },
        false, std::move(then));
}

void Answers::regenerate(qint64 message, Then then)
{
    const engine::Sampling sampling = m_settings.sampling();
    begin(
        sampling,
        [message, origin = origin(sampling)](storage::ChatStore& store) {
            const storage::Message one = store.message(message).value();
            return store.begin_answer(one.role == storage::Role::user ? one.id : one.parent.value(), origin);
        },
        false, std::move(then));
}

void Answers::continueAnswer(qint64 answer, Then then)
{
    begin(
        m_settings.sampling(),
        [answer](storage::ChatStore& store) {
            store.choose_branch(answer);
            store.continue_answer(answer);
            return answer;
        },
        true, std::move(then));
}

storage::AnswerOrigin Answers::origin(const engine::Sampling& sampling) const
{
    storage::AnswerOrigin origin;
    if (const auto info = m_engine.info()) {
        origin.model_name = info->name;
        origin.model_hash = info->identity;
    }
    origin.engine_version = FATHOM_VERSION;
    origin.sampling = samplingJson(sampling, m_settings.maxTokens());
    origin.seed = static_cast<std::int64_t>(sampling.seed);
    return origin;
}

void Answers::begin(const engine::Sampling& sampling, Write write, bool continues, Then then)
{
    m_store.run(
        this,
        [write = std::move(write), continues](storage::ChatStore& store) {
            Ask ask;
            ask.answer = write(store);
            const storage::Id conversation = store.message(ask.answer).value().conversation;
            ask.turn.conversation = store.conversation(conversation).value();
            ask.turn.branch = store.branch(conversation);
            if (continues)
                ask.ids = store.token_ids(ask.answer);
            return ask;
        },
        [this, sampling, continues, then](const Ask& ask) { this->ask(ask, sampling, continues, then); },
        then.failed);
}

// The question's commit has been acknowledged: only now does the engine hear of it.
void Answers::ask(const Ask& ask, const engine::Sampling& sampling, bool continues, const Then& then)
{
    Answer& answer = m_answers[ask.answer];
    answer = {};
    answer.id = ask.answer;
    answer.conversation = ask.turn.conversation.id;
    answer.earlierIds = ask.ids;
    if (continues && !ask.turn.branch.empty())
        answer.text = toQt(ask.turn.branch.back().content);
    answer.saved = answer.text.size();
    answer.since.start();
    answer.sinceSaved.start();
    m_save_timer.start();

    engine::Request request;
    request.messages = prompt(ask.turn.branch, systemPrompt(ask.turn.conversation));
    request.sampling = sampling;
    request.max_tokens = m_settings.maxTokens();
    request.continue_last = continues && !answer.text.isEmpty();
    m_engine.generate(answer.id, answer.conversation, std::move(request));

    if (then.done)
        then.done(ask.turn);
    emit turned(ask.turn);
}

std::vector<engine::Message> Answers::prompt(const std::vector<storage::Message>& branch,
                                             const QString& systemPrompt)
{
    std::vector<engine::Message> messages;
    messages.reserve(branch.size() + 1);
    if (!systemPrompt.trimmed().isEmpty())
        messages.push_back({"system", toUtf8(systemPrompt)});
    for (const storage::Message& message : branch) {
        switch (message.role) {
        case storage::Role::system:
            messages.push_back({"system", message.content});
            break;
        case storage::Role::user:
            messages.push_back({"user", message.content});
            break;
        case storage::Role::assistant:
            if (!message.content.empty()) // else it failed, or is the one to be written
                messages.push_back({"assistant", message.content});
            break;
        case storage::Role::tool:
            break;
        }
    }
    return messages;
}

QString Answers::ownSystemPrompt(const storage::Conversation& conversation)
{
    return settingsObject(conversation.settings).value(system_prompt_key).toString();
}

QString Answers::systemPrompt(const storage::Conversation& conversation) const
{
    const QString own = ownSystemPrompt(conversation);
    return own.isEmpty() ? m_settings.systemPrompt() : own;
}

std::string Answers::withSystemPrompt(const std::string& settings, const QString& prompt)
{
    QJsonObject object = settingsObject(settings);
    if (prompt.isEmpty())
        object.remove(system_prompt_key);
    else
        object.insert(system_prompt_key, prompt);
    return QJsonDocument(object).toJson(QJsonDocument::Compact).toStdString();
}

void Answers::stop(qint64 conversation)
{
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
    const auto acknowledged = [this, id = answer.id] {
        const auto found = m_answers.find(id);
        if (found != m_answers.end())
            found->second.saving = false;
    };
    m_store.run(
        this,
        [id = answer.id, text = toUtf8(answer.text), ids = answer.earlierIds](storage::ChatStore& store) {
            store.update_answer(id, text, ids);
        },
        acknowledged,
        [this, acknowledged, id = answer.id](const QString& why) {
            acknowledged();
            if (m_answers.contains(id))
                m_store.report(why);
        });
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
    const qint64 id = answer.id;
    const qint64 conversation = answer.conversation;
    storage::AnswerResult full = answer.result;
    full.text = toUtf8(answer.text);
    m_store.run(
        this,
        [id, conversation, full = std::move(full)](storage::ChatStore& store) {
            store.finish_answer(id, full);
            return Turn{store.conversation(conversation).value(), {store.message(id).value()}};
        },
        [this, id](const Turn& turn) {
            m_answers.erase(id);
            if (m_answers.empty())
                m_save_timer.stop();
            emit saved(turn);
        },
        [this, id](const QString& why) {
            if (m_answers.erase(id) > 0)
                m_store.report(why);
        });
    emit progressed(conversation, id);
    emit ended(conversation, id);
}

} // namespace ui
