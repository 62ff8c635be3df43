// SPDX-License-Identifier: MIT
#include "ui/branch_model.h"

#include "ui/markdown/markdown_blocks.h"
#include "ui/message_facts.h"
#include "ui/text.h"

#include <QDateTime>

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace ui {

BranchModel::BranchModel(StoreBridge& store, const Answers& answers, QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
    , m_answers(answers)
{
}

int BranchModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> BranchModel::roleNames() const
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

QVariant BranchModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row& row = m_rows[static_cast<std::size_t>(index.row())];
    switch (role) {
    case MessageId:
        return qint64(row.head.id);
    case MessageRole:
        return nameOf(row.head.role);
    case Status:
        return nameOf(row.head.status);
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
        return row.content ? noticeOf(message) : QString();
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
        return nameOf(message.finish_reason);
    case Facts:
        return factsOf(message);
    case Edited:
        return row.content && message.role == storage::Role::assistant && !message.origin;
    default:
        return {};
    }
}

MarkdownBlocks* BranchModel::blocks(const Row& row) const
{
    if (row.head.role != storage::Role::assistant || !row.content)
        return nullptr;
    Content& content = *row.content;
    if (!content.blocks) {
        content.blocks = new MarkdownBlocks(const_cast<BranchModel*>(this));
        if (row.head.status == storage::Status::streaming)
            content.blocks->append(content.text);
        else if (content.message.origin)
            content.blocks->setText(content.text,
                                    AnswerFacts::from(content.message.origin->sampling, 0).thoughtSeconds);
        else
            content.blocks->setText(content.text);
    }
    return content.blocks;
}

const BranchModel::Row* BranchModel::row(qint64 message) const
{
    const std::size_t at = find(message);
    return at < m_rows.size() ? &m_rows[at] : nullptr;
}

const BranchModel::Content* BranchModel::content(qint64 message) const
{
    const Row* one = row(message);
    return one ? one->content.get() : nullptr;
}

int BranchModel::rowOf(qint64 messageId) const
{
    const std::size_t at = find(messageId);
    return at < m_rows.size() ? static_cast<int>(at) : -1;
}

std::size_t BranchModel::find(qint64 message) const
{
    // Almost always one of the last.
    for (std::size_t i = m_rows.size(); i-- > 0;) {
        if (m_rows[i].head.id == message)
            return i;
    }
    return m_rows.size();
}

void BranchModel::open(qint64 conversation)
{
    ++m_visit;
    m_conversation = conversation;
    m_asked.clear();
    m_whole = true;
    removeFrom(0);
}

void BranchModel::askForHeads()
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
            emit completed();
        });
}

// The rows above the page that the conversation was opened with.
void BranchModel::insertAbove(const std::vector<storage::MessageHead>& heads)
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
}

void BranchModel::setContent(Row& row, const storage::Message& message)
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
            takeResult(row.content->message, answer->result);
            row.head.status = answer->result.status;
        }
    }
}

void BranchModel::release(Row& row)
{
    if (row.content && row.content->blocks)
        row.content->blocks->deleteLater();
    row.content.reset();
}

void BranchModel::load(int first, int last)
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

void BranchModel::keep(int first, int last)
{
    int begin = -1; // of a run of rows that lose their texts
    for (int i = 0; i <= count(); ++i) {
        const bool drops = i < count() && (i < first || i > last) &&
                           m_rows[static_cast<std::size_t>(i)].content &&
                           !m_answers.find(m_rows[static_cast<std::size_t>(i)].head.id);
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
void BranchModel::askForTexts(std::size_t row, std::vector<storage::Id> ids)
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
void BranchModel::showFrom(std::size_t first, const std::vector<storage::MessageHead>& heads,
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
    emit countChanged();
    emit appended();
    emit shown();
}

void BranchModel::showEnd(const std::vector<storage::Message>& end)
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
    showFrom(first, heads, end);
    if (!m_whole)
        askForHeads();
}

BranchModel::Branch BranchModel::branchAt(storage::ChatStore& store, storage::Id message)
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

void BranchModel::showBranch(const Branch& branch)
{
    insertAbove(branch.heads);
    m_whole = true;
    showFrom(0, branch.heads, branch.messages);
}

void BranchModel::removeFrom(std::size_t first)
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

void BranchModel::addText(qint64 answer, const QString& text)
{
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

void BranchModel::end(qint64 answer, const storage::AnswerResult& result)
{
    const std::size_t at = find(answer);
    if (at == m_rows.size())
        return;
    Row& row = m_rows[at];
    row.head.status = result.status;
    if (row.content) {
        takeResult(row.content->message, result);
        if (row.content->blocks)
            row.content->blocks->finish();
    }
    const QModelIndex changed = index(static_cast<int>(at));
    emit dataChanged(changed, changed);
}

} // namespace ui
