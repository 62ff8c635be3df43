// SPDX-License-Identifier: MIT
#include "ui/chat_model.h"

#include "ui/markdown/markdown_blocks.h"
#include "ui/text.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>

#include <algorithm>

namespace ui {

namespace {

constexpr int draft_after_ms = 700;
constexpr int clock_ms = 500;

QString name(storage::Role role)
{
    switch (role) {
    case storage::Role::system:
        return QStringLiteral("system");
    case storage::Role::user:
        return QStringLiteral("user");
    case storage::Role::assistant:
        return QStringLiteral("assistant");
    case storage::Role::tool:
        return QStringLiteral("tool");
    }
    return {};
}

QString name(storage::Status status)
{
    switch (status) {
    case storage::Status::complete:
        return QStringLiteral("complete");
    case storage::Status::streaming:
        return QStringLiteral("streaming");
    case storage::Status::interrupted:
        return QStringLiteral("interrupted");
    case storage::Status::stopped:
        return QStringLiteral("stopped");
    case storage::Status::failed:
        return QStringLiteral("failed");
    }
    return {};
}

QString name(storage::FinishReason reason)
{
    switch (reason) {
    case storage::FinishReason::none:
        return {};
    case storage::FinishReason::stop:
        return QStringLiteral("stop");
    case storage::FinishReason::length:
        return QStringLiteral("length");
    case storage::FinishReason::context_full:
        return QStringLiteral("context");
    case storage::FinishReason::cancelled:
        return QStringLiteral("cancelled");
    case storage::FinishReason::error:
        return QStringLiteral("error");
    }
    return {};
}

void take(storage::Message& message, const storage::AnswerResult& result)
{
    message.status = result.status;
    message.finish_reason = result.finish_reason;
    message.error = result.error;
    message.prompt_tokens = result.prompt_tokens;
    message.generated_tokens = result.generated_tokens;
    message.first_token_seconds = result.first_token_seconds;
    message.prompt_tokens_per_second = result.prompt_tokens_per_second;
    message.generate_tokens_per_second = result.generate_tokens_per_second;
}

} // namespace

ChatModel::ChatModel(StoreBridge& store, EngineBridge& engine, Answers& answers,
                     ConversationModel& conversations, Settings& settings, QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
    , m_engine(engine)
    , m_answers(answers)
    , m_conversations(conversations)
    , m_settings(settings)
    , m_draft(settings.newDraft())
{
    connect(&m_conversations, &ConversationModel::currentIdChanged, this,
            [this] { open(m_conversations.currentId()); });
    connect(&m_answers, &Answers::turned, this, [this](const Answers::Turn& turn) {
        if (turn.conversation.id == m_conversation) {
            showBranch(turn.branch);
            emit progressChanged();
            emit contextChanged();
        }
        announceState();
    });
    connect(&m_answers, &Answers::progressed, this, [this](qint64 conversation) {
        announceState();
        if (conversation == m_conversation) {
            emit progressChanged();
            emit contextChanged();
        }
    });
    connect(&m_answers, &Answers::textAdded, this, &ChatModel::onText);
    connect(&m_answers, &Answers::ended, this, &ChatModel::onEnded);
    connect(&m_answers, &Answers::saved, this, [this](const Answers::Turn&) { announceState(); });
    connect(&m_engine, &EngineBridge::stateChanged, this, [this] {
        announceState();
        emit contextChanged();
        askForCount();
    });
    connect(&m_engine, &EngineBridge::counted, this, [this](qint64 conversation, qint64 tokens) {
        if (conversation == m_conversation) {
            m_counted = tokens;
            emit contextChanged();
        }
    });
    connect(&m_store, &StoreBridge::opened, this, &ChatModel::announceState);
    m_draft_timer.setSingleShot(true);
    m_draft_timer.setInterval(draft_after_ms);
    connect(&m_draft_timer, &QTimer::timeout, this, &ChatModel::saveDraft);
    m_clock.setInterval(clock_ms);
    connect(&m_clock, &QTimer::timeout, this, &ChatModel::progressChanged);
}

ChatModel::~ChatModel()
{
    saveDraft();
}

int ChatModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> ChatModel::roleNames() const
{
    return {
        {MessageId, "messageId"},
        {MessageRole, "role"},
        {Text, "text"},
        {Blocks, "blocks"},
        {Status, "status"},
        {Notice, "notice"},
        {ModelName, "modelName"},
        {CreatedAt, "createdAt"},
        {SiblingIndex, "siblingIndex"},
        {SiblingCount, "siblingCount"},
        {PromptTokens, "promptTokens"},
        {GeneratedTokens, "generatedTokens"},
        {TokensPerSecond, "tokensPerSecond"},
        {FirstTokenSeconds, "firstTokenSeconds"},
        {FinishReason, "finishReason"},
        {IsLast, "isLast"},
    };
}

QVariant ChatModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row& row = m_rows[static_cast<std::size_t>(index.row())];
    const storage::Message& message = row.message;
    switch (role) {
    case MessageId:
        return qint64(message.id);
    case MessageRole:
        return name(message.role);
    case Qt::DisplayRole:
    case Text:
        return row.text;
    case Blocks:
        return QVariant::fromValue<QObject*>(blocks(row));
    case Status:
        return name(message.status);
    case Notice:
        return notice(message);
    case ModelName:
        return message.origin ? toQt(message.origin->model_name) : QString();
    case CreatedAt:
        return QDateTime::fromMSecsSinceEpoch(message.created_at);
    case SiblingIndex:
        return message.ordinal + 1;
    case SiblingCount:
        return message.sibling_count;
    case PromptTokens:
        return message.prompt_tokens;
    case GeneratedTokens:
        return message.generated_tokens;
    case TokensPerSecond:
        return message.generate_tokens_per_second;
    case FirstTokenSeconds:
        return message.first_token_seconds;
    case FinishReason:
        return name(message.finish_reason);
    case IsLast:
        return index.row() + 1 == count();
    default:
        return {};
    }
}

MarkdownBlocks* ChatModel::blocks(const Row& row) const
{
    if (row.message.role != storage::Role::assistant)
        return nullptr;
    if (!row.blocks) {
        Row& made = m_rows[static_cast<std::size_t>(&row - m_rows.data())];
        made.blocks = new MarkdownBlocks(const_cast<ChatModel*>(this));
        if (row.message.status == storage::Status::streaming)
            made.blocks->append(row.text);
        else
            made.blocks->setText(row.text);
    }
    return row.blocks;
}

QString ChatModel::notice(const storage::Message& message) const
{
    switch (message.status) {
    case storage::Status::interrupted:
        return tr("Interrupted: Fathom ended while this was being written.");
    case storage::Status::stopped:
        return tr("Stopped.");
    case storage::Status::failed:
        return toQt(message.error);
    case storage::Status::streaming:
        return {};
    case storage::Status::complete:
        break;
    }
    if (message.finish_reason == storage::FinishReason::context_full)
        return tr("The context is full. Start a new conversation, shorten this one by editing an earlier "
                  "message, or raise the context length in the settings.");
    if (message.finish_reason == storage::FinishReason::length)
        return tr("The answer reached the limit of new tokens.");
    return {};
}

// A conversation comes onto the screen.
void ChatModel::open(qint64 conversation)
{
    if (conversation == m_conversation)
        return;
    saveDraft();
    ++m_visit;
    m_conversation = conversation;
    m_pending = false;
    m_counted = -1;
    removeFrom(0);
    const auto draft = conversation == 0 ? m_settings.newDraft() : QString();
    m_draft = draft;
    m_system_prompt.clear();
    setLoading(conversation != 0);
    emit conversationIdChanged();
    emit draftChanged();
    emit systemPromptChanged();
    emit progressChanged();
    emit contextChanged();
    announceState();
    if (conversation == 0)
        return;

    // On the store's thread, behind the writes: what is read is what the models have been told so far.
    struct Content
    {
        storage::Conversation conversation;
        std::vector<storage::Message> branch;
    };
    m_store.run(
        this,
        [conversation](storage::ChatStore& store) {
            return Content{store.conversation(conversation).value(), store.branch(conversation)};
        },
        [this, visit = m_visit](const Content& content) {
            if (visit != m_visit)
                return;
            show(content.conversation);
            showBranch(content.branch);
            setLoading(false);
        },
        [this, visit = m_visit](const QString& why) {
            m_store.report(why);
            if (visit == m_visit)
                setLoading(false);
        });
}

void ChatModel::show(const storage::Conversation& conversation)
{
    m_system_prompt = Answers::ownSystemPrompt(conversation);
    emit systemPromptChanged();
    if (!m_draft_dirty) {
        m_draft = toQt(conversation.draft);
        emit draftChanged();
    }
}

ChatModel::Row ChatModel::row(const storage::Message& message) const
{
    Row row{message, toQt(message.content), nullptr};
    row.message.content.clear();
    if (const Answer* answer = m_answers.find(message.id)) { // is ahead of the disk
        row.text = answer->text;
        if (answer->state == Answer::State::ended)
            take(row.message, answer->result);
    }
    return row;
}

bool ChatModel::sameShape(const Row& row, const storage::Message& message)
{
    return row.message.id == message.id && row.message.status == message.status &&
           row.message.sibling_count == message.sibling_count;
}

// Keeps the rows that stay, so that views keep their delegates and their place.
void ChatModel::showBranch(const std::vector<storage::Message>& branch)
{
    std::size_t same = 0;
    while (same < m_rows.size() && same < branch.size() && m_rows[same].message.id == branch[same].id)
        ++same;
    removeFrom(same);
    for (std::size_t i = 0; i < same; ++i) {
        if (sameShape(m_rows[i], branch[i]))
            continue;
        Row fresh = row(branch[i]);
        fresh.blocks = m_rows[i].blocks;
        // An answer that goes on needs blocks that go on; its text is the same.
        if (fresh.blocks && fresh.message.status == storage::Status::streaming) {
            fresh.blocks->deleteLater();
            fresh.blocks = nullptr;
        }
        m_rows[i] = std::move(fresh);
        emit dataChanged(index(static_cast<int>(i)), index(static_cast<int>(i)));
    }
    if (branch.size() > same) {
        beginInsertRows({}, static_cast<int>(same), static_cast<int>(branch.size()) - 1);
        m_rows.reserve(branch.size());
        for (std::size_t i = same; i < branch.size(); ++i)
            m_rows.push_back(row(branch[i]));
        endInsertRows();
    }
    if (same > 0)
        emit dataChanged(index(static_cast<int>(same) - 1), index(static_cast<int>(same) - 1), {IsLast});
    emit countChanged();
    emit appended();
    m_counted = -1;
    askForCount();
    announceState();
}

void ChatModel::removeFrom(std::size_t first)
{
    if (first >= m_rows.size())
        return;
    beginRemoveRows({}, static_cast<int>(first), count() - 1);
    for (std::size_t i = first; i < m_rows.size(); ++i) {
        if (m_rows[i].blocks)
            m_rows[i].blocks->deleteLater();
    }
    m_rows.resize(first);
    endRemoveRows();
    emit countChanged();
}

std::size_t ChatModel::find(qint64 message) const
{
    // Almost always one of the last.
    for (std::size_t i = m_rows.size(); i-- > 0;) {
        if (m_rows[i].message.id == message)
            return i;
    }
    return m_rows.size();
}

void ChatModel::onText(qint64 conversation, qint64 answer, const QString& text)
{
    if (conversation != m_conversation)
        return;
    const std::size_t at = find(answer);
    if (at == m_rows.size())
        return;
    m_rows[at].text += text;
    if (m_rows[at].blocks)
        m_rows[at].blocks->append(text);
    if (at + 1 == m_rows.size())
        emit appended();
}

void ChatModel::onEnded(qint64 conversation, qint64 answer)
{
    announceState();
    if (conversation != m_conversation)
        return;
    const std::size_t at = find(answer);
    const Answer* end = m_answers.find(answer);
    if (at == m_rows.size() || !end)
        return;
    Row& row = m_rows[at];
    take(row.message, end->result);
    if (row.blocks)
        row.blocks->finish();
    const QModelIndex changed = index(static_cast<int>(at));
    emit dataChanged(changed, changed);
    askForCount();
}

void ChatModel::askForCount()
{
    if (m_conversation == 0 || m_rows.empty() || m_engine.state() != EngineBridge::State::ready ||
        m_answers.isWriting(m_conversation))
        return;
    std::vector<engine::Message> messages;
    messages.reserve(m_rows.size() + 1);
    const QString system = m_system_prompt.isEmpty() ? m_settings.systemPrompt() : m_system_prompt;
    if (!system.isEmpty())
        messages.push_back({"system", toUtf8(system)});
    for (const Row& row : m_rows) {
        if (!row.text.isEmpty())
            messages.push_back({toUtf8(name(row.message.role)), toUtf8(row.text)});
    }
    m_engine.count(m_conversation, std::move(messages));
}

QString ChatModel::state() const
{
    const Answer* running = answer();
    if (running && running->state != Answer::State::ended) {
        switch (running->state) {
        case Answer::State::reading:
            return QStringLiteral("reading");
        case Answer::State::writing:
            return QStringLiteral("writing");
        default:
            return QStringLiteral("waiting");
        }
    }
    return m_pending ? QStringLiteral("waiting") : QStringLiteral("idle");
}

void ChatModel::announceState()
{
    const QString now = state();
    const bool elsewhere = modelBusyElsewhere();
    if (now != m_announced_state || elsewhere != m_announced_elsewhere) {
        m_announced_state = now;
        m_announced_elsewhere = elsewhere;
        if (now == QLatin1String("reading") || now == QLatin1String("waiting"))
            m_clock.start();
        else
            m_clock.stop();
        emit stateChanged();
    }
    if (canSend() != m_announced_can_send) {
        m_announced_can_send = canSend();
        emit canSendChanged();
    }
}

bool ChatModel::canSend() const
{
    return m_answers.canAsk() && !m_pending && !m_loading && answer() == nullptr;
}

bool ChatModel::modelBusyElsewhere() const
{
    return m_answers.writing() > (m_answers.isWriting(m_conversation) ? 1 : 0);
}

qint64 ChatModel::promptDone() const
{
    return answer() ? answer()->promptDone : 0;
}

qint64 ChatModel::promptTotal() const
{
    return answer() ? answer()->promptTotal : 0;
}

double ChatModel::promptSeconds() const
{
    return answer() ? static_cast<double>(answer()->since.elapsed()) / 1000.0 : 0.0;
}

qint64 ChatModel::contextUsed() const
{
    if (const Answer* running = answer(); running && running->promptTotal > 0)
        return running->promptTotal + running->tokens;
    if (m_counted >= 0)
        return m_counted;
    for (auto row = m_rows.rbegin(); row != m_rows.rend(); ++row) {
        if (row->message.prompt_tokens > 0)
            return row->message.prompt_tokens + row->message.generated_tokens;
    }
    return 0;
}

double ChatModel::cacheBytes() const
{
    const auto info = m_engine.info();
    if (!info)
        return 0.0;
    const char* type = m_engine.options().cache_type == engine::CacheType::f32 ? "f32" : "bf16";
    const auto bytes = info->kv_bytes_per_token.find(type);
    return bytes == info->kv_bytes_per_token.end()
               ? 0.0
               : static_cast<double>(bytes->second) * static_cast<double>(contextUsed());
}

void ChatModel::setDraft(const QString& draft)
{
    if (draft == m_draft)
        return;
    m_draft = draft;
    m_draft_dirty = true;
    m_draft_timer.start();
    emit draftChanged();
}

void ChatModel::saveDraft()
{
    m_draft_timer.stop();
    if (!m_draft_dirty)
        return;
    m_draft_dirty = false;
    if (m_conversation == 0) {
        m_settings.setNewDraft(m_draft);
        return;
    }
    m_store.run(
        this,
        [id = m_conversation, draft = toUtf8(m_draft)](storage::ChatStore& store) {
            if (store.conversation(id)) // it may have been deleted meanwhile
                store.set_draft(id, draft);
        },
        [] {});
}

void ChatModel::setSystemPrompt(const QString& prompt)
{
    if (prompt == m_system_prompt)
        return;
    m_system_prompt = prompt;
    emit systemPromptChanged();
    if (m_conversation == 0) // kept until the first message makes the conversation
        return;
    m_store.run(
        this,
        [id = m_conversation, prompt](storage::ChatStore& store) {
            store.set_settings(id,
                               Answers::withSystemPrompt(store.conversation(id).value().settings, prompt));
        },
        [this] { askForCount(); });
}

void ChatModel::setPending(bool pending)
{
    m_pending = pending;
    announceState();
}

void ChatModel::setLoading(bool loading)
{
    if (m_loading == loading)
        return;
    m_loading = loading;
    emit loadingChanged();
    announceState();
}

Answers::Then ChatModel::then()
{
    m_stop_when_asked = false;
    setPending(true);
    return {[this, visit = m_visit](const Answers::Turn& turn) {
                if (visit != m_visit)
                    return;
                if (m_stop_when_asked)
                    m_answers.stop(turn.conversation.id);
                setPending(false);
            },
            [this, visit = m_visit](const QString& why) {
                m_store.report(why);
                if (visit == m_visit)
                    setPending(false);
            }};
}

bool ChatModel::send(const QString& text)
{
    const QString message = text.trimmed();
    if (message.isEmpty() || !canSend())
        return false;
    const QString before = m_draft;
    Answers::Then then = this->then();
    const auto done = std::move(then.done);
    const auto failed = std::move(then.failed);
    then.done = [this, done, visit = m_visit](const Answers::Turn& turn) {
        if (visit == m_visit && m_conversation == 0) {
            // The new conversation on the screen has become a real one; it stays where it is.
            m_conversation = turn.conversation.id;
            m_conversations.adopt(turn.conversation);
            emit conversationIdChanged();
        }
        done(turn);
    };
    then.failed = [this, failed, before, visit = m_visit](const QString& why) {
        failed(why);
        if (visit == m_visit && m_draft.isEmpty())
            setDraft(before);
    };
    m_answers.send(m_conversation, message, m_system_prompt, std::move(then));
    setDraft({});
    saveDraft();
    return true;
}

void ChatModel::stop()
{
    m_stop_when_asked = m_pending;
    m_answers.stop(m_conversation);
}

void ChatModel::regenerate(qint64 messageId)
{
    if (canSend() && find(messageId) < m_rows.size())
        m_answers.regenerate(messageId, then());
}

void ChatModel::edit(qint64 messageId, const QString& text)
{
    const std::size_t at = find(messageId);
    const QString message = text.trimmed();
    if (!canSend() || message.isEmpty() || at == m_rows.size() ||
        m_rows[at].message.role != storage::Role::user)
        return;
    m_answers.edit(messageId, message, then());
}

void ChatModel::continueAnswer(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (!canSend() || at == m_rows.size() || m_rows[at].message.role != storage::Role::assistant)
        return;
    m_answers.continueAnswer(messageId, then());
}

void ChatModel::chooseSibling(qint64 messageId, int delta)
{
    m_store.run(
        this,
        [messageId, delta](storage::ChatStore& store) {
            const std::vector<storage::Id> siblings = store.siblings(messageId);
            const auto at = std::find(siblings.begin(), siblings.end(), messageId);
            const auto to = (at - siblings.begin()) + delta;
            if (at != siblings.end() && to >= 0 && to < static_cast<std::ptrdiff_t>(siblings.size()))
                store.choose_branch(siblings[static_cast<std::size_t>(to)]);
            return store.branch(store.message(messageId).value().conversation);
        },
        [this, visit = m_visit](const std::vector<storage::Message>& branch) {
            if (visit == m_visit)
                showBranch(branch);
        });
}

void ChatModel::copyMessage(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (at < m_rows.size())
        copyText(m_rows[at].text);
}

void ChatModel::copyText(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

} // namespace ui
