// SPDX-License-Identifier: MIT
#include "ui/context_fit.h"

#include <algorithm>

namespace ui {

namespace {

bool isUser(const engine::Message& message)
{
    return message.role == "user";
}

std::vector<engine::Message> without(const std::vector<engine::Message>& messages, std::size_t at,
                                     std::size_t end)
{
    std::vector<engine::Message> rest(messages.begin(), messages.begin() + static_cast<std::ptrdiff_t>(at));
    rest.insert(rest.end(), messages.begin() + static_cast<std::ptrdiff_t>(end), messages.end());
    return rest;
}

} // namespace

ContextPolicy contextPolicy(const QString& name)
{
    return name == QLatin1String("oldest")   ? ContextPolicy::oldest
           : name == QLatin1String("middle") ? ContextPolicy::middle
                                             : ContextPolicy::stop;
}

QString name(ContextPolicy policy)
{
    switch (policy) {
    case ContextPolicy::stop:
        return QStringLiteral("stop");
    case ContextPolicy::oldest:
        return QStringLiteral("oldest");
    case ContextPolicy::middle:
        return QStringLiteral("middle");
    }
    return {};
}

ContextFit::ContextFit(qint64 context, Count count)
    : m_context(context)
    , m_count(std::move(count))
{
}

// As a person's message, which every chat format takes alone; its marks make this a little too much.
qint64 ContextFit::estimate(const engine::Message& message) const
{
    return m_count({{"user", message.content}});
}

qint64 ContextFit::estimate(const std::vector<engine::Message>& messages, std::size_t from,
                            qint64 enough) const
{
    qint64 tokens = 0;
    for (std::size_t i = messages.size(); i-- > from && tokens <= enough;)
        tokens += estimate(messages[i]);
    return tokens;
}

std::optional<Fitted> ContextFit::fit(std::vector<engine::Message> messages, const Fitting& fitting,
                                      qint64 maxTokens) const
{
    const ContextPolicy policy = fitting.policy;
    const auto row = [&fitting](std::size_t index) {
        return fitting.rows.empty() ? static_cast<qint64>(index) : fitting.rows[index];
    };
    const qint64 answer = maxTokens > 0 ? std::min(maxTokens, m_context / 4) : m_context / 4;
    const qint64 room = policy == ContextPolicy::stop ? m_context - 1 : m_context - answer;
    // What the chat format adds to one message and to the whole; each estimate is too large by less.
    const qint64 marks = estimate({"user", {}});
    qint64 bytes = 0; // no token is shorter
    for (const engine::Message& message : messages)
        bytes += static_cast<qint64>(message.content.size()) + 2 * marks;
    bool fits = bytes <= room && fitting.unread == 0;
    if (!fits && fitting.unread == 0) {
        qint64 most = 0;
        qint64 least = 0;
        for (auto message = messages.rbegin(); message != messages.rend() && least <= room; ++message) {
            const qint64 tokens = estimate(*message);
            most += tokens;
            least += tokens - marks;
        }
        fits = least <= room && (most <= room || m_count(messages) <= room);
    }
    if (fits)
        return Fitted{std::move(messages), 0, 0};
    if (policy == ContextPolicy::stop)
        return std::nullopt;

    // What stays in front, and where a turn begins behind it.
    const std::size_t front = fitting.unread > 0 ? fitting.unread : messages.size();
    std::size_t at = 0;
    while (at < front && messages[at].role == "system")
        ++at;
    if (policy == ContextPolicy::middle) {
        while (at < front && !isUser(messages[at]))
            ++at;
        if (at < front)
            ++at;
        while (at < front && !isUser(messages[at]))
            ++at;
    }
    std::vector<std::size_t> begins;
    for (std::size_t i = fitting.unread > 0 ? fitting.unread : at + 1; i < messages.size(); ++i)
        if (isUser(messages[i]))
            begins.push_back(i);

    const qint64 leftOutAt = at < front ? row(at) : at > 0 ? row(at - 1) + 1 : 0;
    const auto leaving = [&](std::size_t begin) {
        return Fitted{without(messages, at, begin), leftOutAt, row(begin) - leftOutAt};
    };
    if (fitting.keepFrom.value_or(0) > 0) {
        const auto begin = std::find_if(begins.begin(), begins.end(),
                                        [&](std::size_t index) { return row(index) == *fitting.keepFrom; });
        if (begin != begins.end() && estimate(messages, *begin, room) <= room) {
            Fitted kept = leaving(*begin);
            if (m_count(kept.messages) <= room)
                return kept;
        }
    }
    // The earliest turn from which on everything fills at most half of the context; at least the last turn.
    qint64 tokens = 0;
    for (std::size_t i = 0; i < at && tokens <= room; ++i)
        tokens += estimate(messages[i]);
    std::optional<std::size_t> first;
    qint64 kept = 0; // tokens, from `first` on and in front
    std::size_t counted = messages.size();
    for (auto begin = begins.rbegin(); begin != begins.rend(); ++begin) {
        while (counted > *begin && tokens <= room)
            tokens += estimate(messages[--counted]);
        if (first && tokens > m_context / 2)
            break;
        first = *begin;
        kept = tokens;
    }
    if (!first || kept > m_context + marks * static_cast<qint64>(messages.size() - *first + at))
        return std::nullopt;
    Fitted rest = leaving(*first);
    if (m_count(rest.messages) >= m_context - 1)
        return std::nullopt;
    return rest;
}

} // namespace ui
