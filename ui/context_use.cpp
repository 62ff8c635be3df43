// SPDX-License-Identifier: MIT
#include "ui/context_use.h"

#include "ui/text.h"

#include <algorithm>

namespace ui {

ContextUse::ContextUse(EngineBridge& engine, const Answers& answers, const Settings& settings,
                       const BranchModel& branch, QObject* parent)
    : QObject(parent)
    , m_engine(engine)
    , m_answers(answers)
    , m_settings(settings)
    , m_branch(branch)
{
    connect(&m_engine, &EngineBridge::counted, this, [this](qint64 conversation, qint64 tokens) {
        if (conversation == m_conversation) {
            m_counted = tokens;
            emit changed();
        }
    });
}

void ContextUse::forget(qint64 conversation)
{
    m_conversation = conversation;
    m_counted = -1;
}

void ContextUse::count()
{
    const std::vector<BranchModel::Row>& rows = m_branch.rows();
    if (m_conversation == 0 || rows.empty() || m_engine.state() != EngineBridge::State::ready ||
        m_answers.isWriting(m_conversation))
        return;
    // A longer one is not read again for this; its last answer knows.
    if (!m_branch.isWhole() ||
        std::any_of(rows.begin(), rows.end(), [](const BranchModel::Row& row) { return !row.content; }))
        return;
    std::vector<engine::Message> messages;
    messages.reserve(rows.size() + 1);
    Fitting fitting{.policy = contextPolicy(m_settings.contextPolicy())};
    const auto add = [&](const char* role, const QString& text, qint64 row) {
        messages.push_back({role, toUtf8(text)});
        fitting.rows.push_back(row);
    };
    const QString system = m_answers.systemPrompt(m_conversation);
    if (!system.trimmed().isEmpty())
        add("system", system, -1);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const BranchModel::Row& row = rows[i];
        if (row.head.role != storage::Role::tool && !row.content->text.isEmpty())
            add(storage::name_of(row.head.role).data(), row.content->text, static_cast<qint64>(i));
    }
    m_engine.count(m_conversation, std::move(messages), std::move(fitting));
}

qint64 ContextUse::used() const
{
    if (const Answer* running = m_answers.inConversation(m_conversation); running && running->promptTotal > 0)
        return running->promptTotal + running->tokens;
    if (m_counted >= 0)
        return m_counted;
    for (auto row = m_branch.rows().rbegin(); row != m_branch.rows().rend(); ++row) {
        if (row->content && row->content->message.prompt_tokens > 0)
            return row->content->message.prompt_tokens + row->content->message.generated_tokens;
    }
    return 0;
}

double ContextUse::bytes() const
{
    const auto info = m_engine.info();
    if (!info)
        return 0.0;
    const char* type = m_engine.options().cache_type == engine::CacheType::f32 ? "f32" : "bf16";
    const auto bytes = info->kv_bytes_per_token.find(type);
    return bytes == info->kv_bytes_per_token.end()
               ? 0.0
               : static_cast<double>(bytes->second) * static_cast<double>(used());
}

std::pair<qint64, qint64> ContextUse::leftOut() const
{
    const std::vector<BranchModel::Row>& rows = m_branch.rows();
    for (auto row = rows.rbegin(); row != rows.rend() && m_branch.isWhole(); ++row) {
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

} // namespace ui
