// SPDX-License-Identifier: MIT
#include "ui/chat_model.h"

#include "ui/markdown/markdown_blocks.h"
#include "ui/text.h"

#include <QClipboard>
#include <QDateTime>
#include <QGuiApplication>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace ui {

namespace {

constexpr int draft_after_ms = 700;
constexpr int clock_ms = 500;
constexpr int page = 32; // messages whose texts are read at a time

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

// What a reader sees of a message, as text.
QString plainText(storage::Role role, const QString& source)
{
    if (role != storage::Role::assistant)
        return source;
    MarkdownBlocks blocks;
    blocks.setText(source);
    QStringList parts;
    for (int row = 0; row < blocks.count(); ++row)
        parts += blocks.plainAt(row).trimmed();
    parts.removeAll(QString());
    return parts.join(QStringLiteral("\n\n"));
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
    if (message.origin)
        message.origin->sampling = AnswerFacts::merged(message.origin->sampling, result.facts);
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
    , m_finder(store)
    , m_draft(settings.newDraft())
{
    connect(&m_conversations, &ConversationModel::currentIdChanged, this,
            [this] { open(m_conversations.currentId()); });
    connect(&m_answers, &Answers::turned, this, [this](const Answers::Turn& turn) {
        if (turn.conversation.id == m_conversation) {
            showEnd(turn.branch);
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
    connect(this, &ChatModel::conversationIdChanged, this,
            [this] { m_finder.setConversation(m_conversation); });
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
    connect(&m_answers, &Answers::canAskChanged, this, &ChatModel::announceState);
    connect(&m_answers, &Answers::ownChanged, this, [this](qint64 conversation) {
        if (conversation == m_conversation)
            askForCount();
    });
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
        {Loaded, "loaded"},
        {Edited, "edited"},
        {Facts, "facts"},
    };
}

QVariant ChatModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row& row = m_rows[static_cast<std::size_t>(index.row())];
    switch (role) {
    case MessageId:
        return qint64(row.head.id);
    case MessageRole:
        return name(row.head.role);
    case Status:
        return name(row.head.status);
    case SiblingIndex:
        return row.head.ordinal + 1;
    case SiblingCount:
        return row.head.sibling_count;
    case IsLast:
        return index.row() + 1 == count();
    case Loaded:
        return row.content != nullptr;
    default:
        break;
    }
    static const Content nothing;
    const Content& content = row.content ? *row.content : nothing;
    const storage::Message& message = content.message;
    switch (role) {
    case Qt::DisplayRole:
    case Text:
        return content.text;
    case Blocks:
        return QVariant::fromValue<QObject*>(blocks(row));
    case Notice:
        return row.content ? notice(message) : QString();
    case ModelName:
        return message.origin ? toQt(message.origin->model_name) : QString();
    case CreatedAt:
        return QDateTime::fromMSecsSinceEpoch(message.created_at);
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
    case Facts:
        return facts(message);
    case Edited:
        return row.content && message.role == storage::Role::assistant && !message.origin;
    default:
        return {};
    }
}

MarkdownBlocks* ChatModel::blocks(const Row& row) const
{
    if (row.head.role != storage::Role::assistant || !row.content)
        return nullptr;
    Content& content = *row.content;
    if (!content.blocks) {
        content.blocks = new MarkdownBlocks(const_cast<ChatModel*>(this));
        if (row.head.status == storage::Status::streaming)
            content.blocks->append(content.text);
        else
            content.blocks->setText(content.text);
    }
    return content.blocks;
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

QVariantMap ChatModel::facts(const storage::Message& message) const
{
    if (!message.origin)
        return {};
    const AnswerFacts facts = AnswerFacts::from(message.origin->sampling, message.origin->seed);
    const engine::Sampling& sampling = facts.wish.sampling;
    return {
        {QStringLiteral("seed"), QString::number(sampling.seed)},
        {QStringLiteral("temperature"), double{sampling.temperature}},
        {QStringLiteral("topP"), double{sampling.top_p}},
        {QStringLiteral("topK"), sampling.top_k},
        {QStringLiteral("minP"), double{sampling.min_p}},
        {QStringLiteral("repeatPenalty"), double{sampling.repeat_penalty}},
        {QStringLiteral("maxTokens"), facts.wish.maxTokens},
        {QStringLiteral("device"), facts.device},
        {QStringLiteral("contextTokens"), facts.contextTokens},
        {QStringLiteral("reusedTokens"), facts.reusedTokens},
        {QStringLiteral("leftOut"), facts.leftOut},
        {QStringLiteral("continued"), facts.continued},
        {QStringLiteral("modelIdentity"), toQt(message.origin->model_hash)},
    };
}

std::pair<qint64, qint64> ChatModel::leftOut() const
{
    for (auto row = m_rows.rbegin(); row != m_rows.rend() && m_whole; ++row) {
        if (row->head.role != storage::Role::assistant)
            continue;
        AnswerFacts facts;
        if (const Answer* running = m_answers.find(row->head.id))
            facts = running->facts;
        else if (row->content && row->content->message.origin)
            facts = AnswerFacts::from(row->content->message.origin->sampling, 0);
        else if (m_left_out.first == row->head.id)
            return m_left_out.second;
        m_left_out = {row->head.id, {0, 0}};
        if (facts.leftOut > 0)
            m_left_out.second = {facts.leftOutAt, facts.leftOutAt + facts.leftOut};
        return m_left_out.second;
    }
    return {0, 0};
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
    m_asked.clear();
    m_whole = true;
    m_reveal = 0;
    removeFrom(0);
    const auto draft = conversation == 0 ? m_settings.newDraft() : QString();
    m_draft = draft;
    setLoading(conversation != 0);
    emit conversationIdChanged();
    emit draftChanged();
    emit progressChanged();
    emit contextChanged();
    announceState();
    if (conversation == 0)
        return;

    // On the store's thread, behind the writes: what is read is what the models have been told so far.
    struct Opened
    {
        storage::Conversation conversation;
        std::vector<storage::Message> end;
    };
    m_store.run(
        conversation, this,
        [conversation](storage::ChatStore& store) {
            return Opened{store.conversation(conversation).value(), store.branch(conversation, page)};
        },
        [this, visit = m_visit](const Opened& opened) {
            if (visit != m_visit)
                return;
            show(opened.conversation);
            showEnd(opened.end);
            setLoading(false);
            emit contextChanged();
            tryToReveal();
        },
        [this, visit = m_visit](const QString& why) {
            m_store.report(why);
            if (visit == m_visit)
                setLoading(false);
        });
}

void ChatModel::askForHeads()
{
    m_store.run(
        m_conversation, this,
        [conversation = m_conversation](storage::ChatStore& store) {
            return store.branch_heads(conversation);
        },
        [this, visit = m_visit](const std::vector<storage::MessageHead>& heads) {
            if (visit != m_visit)
                return;
            insertAbove(heads);
            tryToReveal();
        });
}

// The rows above the page that the conversation was opened with.
void ChatModel::insertAbove(const std::vector<storage::MessageHead>& heads)
{
    if (m_whole || m_rows.empty())
        return;
    const auto first = std::find_if(heads.rbegin(), heads.rend(), [this](const storage::MessageHead& head) {
        return head.id == m_rows.front().head.id;
    });
    if (first == heads.rend()) // another branch was chosen since; its heads are on their way
        return;
    m_whole = true;
    const auto above = heads.rend() - first - 1;
    if (above == 0)
        return;
    beginInsertRows({}, 0, static_cast<int>(above) - 1);
    std::vector<Row> rows(static_cast<std::size_t>(above));
    for (std::size_t i = 0; i < rows.size(); ++i)
        rows[i].head = heads[i];
    m_rows.insert(m_rows.begin(), std::make_move_iterator(rows.begin()), std::make_move_iterator(rows.end()));
    endInsertRows();
    emit countChanged();
    emit contextChanged(); // what was left out is counted from the first row
}

void ChatModel::show(const storage::Conversation& conversation)
{
    if (!m_draft_dirty) {
        m_draft = toQt(conversation.draft);
        emit draftChanged();
    }
}

void ChatModel::setContent(Row& row, const storage::Message& message)
{
    MarkdownBlocks* blocks = row.content ? row.content->blocks : nullptr;
    // An answer that goes on needs blocks that go on; its text is the same.
    if (blocks && message.status == storage::Status::streaming) {
        blocks->deleteLater();
        blocks = nullptr;
    }
    row.content = std::make_unique<Content>(Content{message, toQt(message.content), blocks});
    row.content->message.content = {};
    row.head.status = message.status;
    if (const Answer* answer = m_answers.find(message.id)) { // is ahead of the disk
        row.content->text = answer->text;
        if (answer->state == Answer::State::ended) {
            take(row.content->message, answer->result);
            row.head.status = answer->result.status;
        }
    }
}

void ChatModel::release(Row& row)
{
    if (row.content && row.content->blocks)
        row.content->blocks->deleteLater();
    row.content.reset();
}

void ChatModel::load(int first, int last)
{
    std::vector<storage::Id> missing;
    std::size_t begin = 0; // where the first of them stands
    for (int i = std::max(0, first); i <= std::min(last, count() - 1); ++i) {
        const Row& row = m_rows[static_cast<std::size_t>(i)];
        if (row.content || !m_asked.insert(row.head.id).second)
            continue;
        if (missing.empty())
            begin = static_cast<std::size_t>(i);
        missing.push_back(row.head.id);
        if (missing.size() == page)
            askForTexts(begin, std::exchange(missing, {}));
    }
    if (!missing.empty())
        askForTexts(begin, std::move(missing));
}

void ChatModel::keep(int first, int last)
{
    int begin = -1; // of a run of rows that lose their texts
    for (int i = 0; i <= count(); ++i) {
        const bool drops = i < count() && (i < first || i > last) &&
                           m_rows[static_cast<std::size_t>(i)].content &&
                           !isWritten(m_rows[static_cast<std::size_t>(i)]);
        if (drops) {
            release(m_rows[static_cast<std::size_t>(i)]);
            begin = begin < 0 ? i : begin;
        } else if (begin >= 0) {
            emit dataChanged(index(begin), index(i - 1));
            begin = -1;
        }
    }
}

// `row` is where the first of them stands, and the others behind it, unless rows come or go meanwhile.
void ChatModel::askForTexts(std::size_t row, std::vector<storage::Id> ids)
{
    const auto arrived = [this, visit = m_visit, ids] {
        if (visit != m_visit)
            return false;
        for (const storage::Id id : ids)
            m_asked.erase(id);
        return true;
    };
    m_store.run(
        m_conversation, this, [ids](storage::ChatStore& store) { return store.messages(ids); },
        [this, arrived, row](const std::vector<storage::Message>& messages) {
            if (!arrived())
                return;
            std::size_t at = row;
            for (const storage::Message& message : messages) {
                if (at >= m_rows.size() || m_rows[at].head.id != message.id)
                    at = find(message.id);
                if (at < m_rows.size() && !m_rows[at].content) {
                    setContent(m_rows[at], message);
                    const QModelIndex changed = index(static_cast<int>(at));
                    emit dataChanged(changed, changed);
                }
                ++at;
            }
        },
        [this, arrived](const QString& why) {
            if (arrived())
                m_store.report(why);
        });
}

// The heads are those of the branch from the row `first` on, above which nothing has changed. Keeps the rows
// that stay, so that views keep their delegates and their place.
void ChatModel::showBranch(std::size_t first, const std::vector<storage::MessageHead>& heads,
                           const std::vector<storage::Message>& messages)
{
    std::unordered_map<storage::Id, const storage::Message*> texts;
    for (const storage::Message& message : messages)
        texts.emplace(message.id, &message);
    const auto read = [&](Row& row) {
        const auto found = texts.find(row.head.id);
        if (found != texts.end())
            setContent(row, *found->second);
        else if (row.content)
            row.content->message.status = row.head.status;
    };
    const std::size_t end = first + heads.size();
    std::size_t same = first;
    while (same < m_rows.size() && same < end && m_rows[same].head.id == heads[same - first].id)
        ++same;
    removeFrom(same);
    for (std::size_t i = first; i < same; ++i) {
        Row& row = m_rows[i];
        const storage::MessageHead& head = heads[i - first];
        if (row.head.status == head.status && row.head.sibling_count == head.sibling_count)
            continue;
        row.head = head;
        read(row);
        emit dataChanged(index(static_cast<int>(i)), index(static_cast<int>(i)));
    }
    if (end > same) {
        beginInsertRows({}, static_cast<int>(same), static_cast<int>(end) - 1);
        for (std::size_t i = same; i < end; ++i) {
            m_rows.push_back({heads[i - first], nullptr});
            read(m_rows.back());
        }
        endInsertRows();
    }
    if (same > 0)
        emit dataChanged(index(static_cast<int>(same) - 1), index(static_cast<int>(same) - 1), {IsLast});
    m_finder.repeat();
    emit countChanged();
    emit appended();
    m_counted = -1;
    askForCount();
    announceState();
}

// The end of the branch. Where it hangs below none of the rows, those above it are still to be read.
void ChatModel::showEnd(const std::vector<storage::Message>& end)
{
    std::vector<storage::MessageHead> heads;
    heads.reserve(end.size());
    for (const storage::Message& message : end)
        heads.push_back({message.id, message.ordinal, message.sibling_count, message.role, message.status,
                         static_cast<std::int64_t>(message.content.size())});
    std::size_t first = 0;
    if (end.empty() || !end.front().parent) {
        m_whole = true;
    } else if (const std::size_t at = find(end.front().id); at < m_rows.size()) {
        first = at;
    } else if (const std::size_t parent = find(*end.front().parent); parent < m_rows.size()) {
        first = parent + 1;
    } else {
        m_whole = false;
    }
    showBranch(first, heads, end);
    if (!m_whole)
        askForHeads();
}

void ChatModel::removeFrom(std::size_t first)
{
    if (first >= m_rows.size())
        return;
    beginRemoveRows({}, static_cast<int>(first), count() - 1);
    for (std::size_t i = first; i < m_rows.size(); ++i)
        release(m_rows[i]);
    m_rows.erase(m_rows.begin() + static_cast<std::ptrdiff_t>(first), m_rows.end());
    endRemoveRows();
    emit countChanged();
}

int ChatModel::rowOf(qint64 messageId) const
{
    const std::size_t at = find(messageId);
    return at < m_rows.size() ? static_cast<int>(at) : -1;
}

std::size_t ChatModel::find(qint64 message) const
{
    // Almost always one of the last.
    for (std::size_t i = m_rows.size(); i-- > 0;) {
        if (m_rows[i].head.id == message)
            return i;
    }
    return m_rows.size();
}

void ChatModel::onText(qint64 conversation, qint64 answer, const QString& text)
{
    if (conversation != m_conversation)
        return;
    const std::size_t at = find(answer);
    if (at == m_rows.size() || !m_rows[at].content)
        return;
    Content& content = *m_rows[at].content;
    content.text += text;
    if (content.blocks)
        content.blocks->append(text);
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
    row.head.status = end->result.status;
    if (row.content) {
        take(row.content->message, end->result);
        if (row.content->blocks)
            row.content->blocks->finish();
    }
    const QModelIndex changed = index(static_cast<int>(at));
    emit dataChanged(changed, changed);
    askForCount();
}

void ChatModel::askForCount()
{
    if (m_conversation == 0 || m_rows.empty() || m_engine.state() != EngineBridge::State::ready ||
        m_answers.isWriting(m_conversation))
        return;
    // A longer one is not read again for this; its last answer knows.
    if (!m_whole || std::any_of(m_rows.begin(), m_rows.end(), [](const Row& row) { return !row.content; }))
        return;
    std::vector<engine::Message> messages;
    messages.reserve(m_rows.size() + 1);
    Fitting fitting{.policy = contextPolicy(m_settings.contextPolicy())};
    const auto add = [&](const char* role, const QString& text, qint64 row) {
        messages.push_back({role, toUtf8(text)});
        fitting.rows.push_back(row);
    };
    const QString system = m_answers.systemPrompt(m_conversation);
    if (!system.trimmed().isEmpty())
        add("system", system, -1);
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const Row& row = m_rows[i];
        if (row.head.role != storage::Role::tool && !row.content->text.isEmpty())
            add(storage::name_of(row.head.role).data(), row.content->text, static_cast<qint64>(i));
    }
    m_engine.count(m_conversation, std::move(messages), std::move(fitting));
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
    return m_pending || m_answers.isBeginning(m_conversation) ? QStringLiteral("waiting")
                                                              : QStringLiteral("idle");
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
    return m_answers.canAsk() && !m_pending && !m_loading && answer() == nullptr &&
           !m_answers.isBeginning(m_conversation);
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
        if (row->content && row->content->message.prompt_tokens > 0)
            return row->content->message.prompt_tokens + row->content->message.generated_tokens;
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
        m_conversation, this,
        [id = m_conversation, draft = toUtf8(m_draft)](storage::ChatStore& store) {
            if (store.conversation(id)) // it may have been deleted meanwhile
                store.set_draft(id, draft);
        },
        [] {});
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
    m_answers.send(m_conversation, message, std::move(then));
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

void ChatModel::repeat(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (canSend() && at < m_rows.size() && m_rows[at].content && m_rows[at].content->message.origin)
        m_answers.repeat(messageId, then());
}

void ChatModel::edit(qint64 messageId, const QString& text)
{
    const std::size_t at = find(messageId);
    const QString message = text.trimmed();
    if (message.isEmpty() || at == m_rows.size())
        return;
    if (m_rows[at].head.role == storage::Role::assistant) {
        switchBranch(messageId, [messageId, message = toUtf8(message)](storage::ChatStore& store) {
            return store.add_sibling(messageId, message);
        });
    } else if (canSend() && m_rows[at].head.role == storage::Role::user) {
        m_answers.edit(messageId, message, then());
    }
}

void ChatModel::continueAnswer(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (!canSend() || at == m_rows.size() || m_rows[at].head.role != storage::Role::assistant)
        return;
    m_answers.continueAnswer(messageId, then());
}

void ChatModel::chooseSibling(qint64 messageId, int delta)
{
    switchBranch(messageId, [messageId, delta](storage::ChatStore& store) -> storage::Id {
        const std::vector<storage::Id> siblings = store.siblings(messageId);
        const auto at = std::find(siblings.begin(), siblings.end(), messageId);
        const auto to = (at - siblings.begin()) + delta;
        if (at == siblings.end() || to < 0 || to >= static_cast<std::ptrdiff_t>(siblings.size()))
            return messageId;
        const storage::Id sibling = siblings[static_cast<std::size_t>(to)];
        store.choose_branch(sibling);
        return sibling;
    });
}

// `choose` makes a branch the chosen one and returns the message from which on it is another.
void ChatModel::switchBranch(qint64 message, std::function<storage::Id(storage::ChatStore&)> choose)
{
    if (answer() || m_pending || m_loading)
        return;
    m_store.run(
        message, this,
        [choose = std::move(choose)](storage::ChatStore& store) { return branchAt(store, choose(store)); },
        [this, visit = m_visit](const Branch& branch) {
            m_conversations.apply(branch.conversation);
            if (visit != m_visit || branch.conversation.id != m_conversation)
                return;
            insertAbove(branch.heads);
            m_whole = true;
            showBranch(0, branch.heads, branch.messages);
            if (m_reveal == branch.changed)
                tryToReveal();
        });
}

ChatModel::Branch ChatModel::branchAt(storage::ChatStore& store, storage::Id message)
{
    const storage::Id conversation = store.message(message).value().conversation;
    Branch branch{store.conversation(conversation).value(), store.branch_heads(conversation), {}, message};
    std::vector<storage::Id> ids;
    auto head = std::find_if(branch.heads.begin(), branch.heads.end(),
                             [message](const storage::MessageHead& one) { return one.id == message; });
    for (; head != branch.heads.end() && ids.size() < page; ++head)
        ids.push_back(head->id);
    branch.messages = store.messages(ids);
    return branch;
}

void ChatModel::fork(qint64 messageId)
{
    const QString title = tr("%1 (fork)").arg(m_conversations.currentTitle());
    m_store.run(
        messageId, this,
        [messageId, title = toUtf8(title)](storage::ChatStore& store) {
            return store.conversation(store.fork(messageId, title)).value();
        },
        [this](const storage::Conversation& fork) {
            m_conversations.apply(fork);
            m_conversations.open(fork.id);
        });
}

void ChatModel::reveal(qint64 messageId)
{
    m_reveal = messageId;
    tryToReveal();
}

void ChatModel::tryToReveal()
{
    if (m_reveal == 0 || m_loading)
        return;
    const std::size_t at = find(m_reveal);
    if (at < m_rows.size()) {
        m_reveal = 0;
        emit revealed(static_cast<int>(at));
    } else if (m_whole) { // it is on another branch
        switchBranch(m_reveal, [message = m_reveal](storage::ChatStore& store) {
            store.choose_branch(message);
            return message;
        });
    }
}

void ChatModel::copyMessage(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (at < m_rows.size() && m_rows[at].content)
        copyText(m_rows[at].content->text);
}

void ChatModel::copyMessageText(qint64 messageId)
{
    const std::size_t at = find(messageId);
    if (at < m_rows.size() && m_rows[at].content)
        copyText(plainText(m_rows[at].head.role, m_rows[at].content->text));
}

void ChatModel::copyRange(int first, int last, const QVariant& firstPart, const QVariant& lastPart,
                          bool markdown)
{
    struct Piece
    {
        storage::Id id = 0; // whose text is still to be read; 0: it is here
        storage::Role role = storage::Role::user;
        QString text;
    };
    std::vector<Piece> pieces;
    std::vector<storage::Id> missing;
    for (int i = std::max(0, first); i <= std::min(last, count() - 1); ++i) {
        const Row& row = m_rows[static_cast<std::size_t>(i)];
        const QVariant part = i == first ? firstPart : i == last ? lastPart : QVariant();
        Piece& piece = pieces.emplace_back(Piece{0, row.head.role, part.toString()});
        if (part.isValid() && !part.isNull())
            continue;
        if (!row.content) {
            piece.id = row.head.id;
            missing.push_back(row.head.id);
        } else {
            piece.text = markdown ? row.content->text : plainText(row.head.role, row.content->text);
        }
    }
    // Where the texts have to be read, that and what follows happens on the store's thread.
    const auto join = [pieces = std::move(pieces), markdown](const std::vector<storage::Message>& read) {
        std::unordered_map<storage::Id, const storage::Message*> texts;
        for (const storage::Message& message : read)
            texts.emplace(message.id, &message);
        QStringList all;
        for (const Piece& piece : pieces) {
            QString text = piece.text;
            if (const auto found = texts.find(piece.id); found != texts.end()) {
                const QString source = toQt(found->second->content);
                text = markdown ? source : plainText(piece.role, source);
            }
            if (text.isEmpty())
                continue;
            if (markdown && pieces.size() > 1)
                text.prepend(piece.role == storage::Role::user ? tr("**You:**") + QStringLiteral("\n\n")
                                                               : tr("**Answer:**") + QStringLiteral("\n\n"));
            all += text;
        }
        return all.join(QStringLiteral("\n\n"));
    };
    if (missing.empty()) {
        copyText(join({}));
        return;
    }
    m_store.run(
        m_conversation, this,
        [missing, join](storage::ChatStore& store) { return join(store.messages(missing)); },
        [this](const QString& text) { copyText(text); });
}

void ChatModel::copyText(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

} // namespace ui
