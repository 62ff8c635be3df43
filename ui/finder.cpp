// SPDX-License-Identifier: MIT
#include "ui/finder.h"

#include <algorithm>
#include <numeric>

namespace ui {

namespace {

constexpr int search_after_ms = 120; // while letters are typed

int sum(int so_far, const storage::MessageMatch& match)
{
    return so_far + match.count;
}

} // namespace

Finder::Finder(StoreBridge& store, QObject* parent)
    : QObject(parent)
    , m_store(store)
{
    m_timer.setSingleShot(true);
    m_timer.setInterval(search_after_ms);
    connect(&m_timer, &QTimer::timeout, this, &Finder::search);
}

int Finder::total() const
{
    return std::accumulate(m_matches.begin(), m_matches.end(), 0, sum);
}

int Finder::number() const
{
    if (m_at >= m_matches.size())
        return 0;
    const auto current = m_matches.begin() + static_cast<std::ptrdiff_t>(m_at);
    return std::accumulate(m_matches.begin(), current, m_occurrence + 1, sum);
}

void Finder::setConversation(qint64 conversation)
{
    if (conversation == m_conversation)
        return;
    const bool becameReal = m_conversation == 0; // by its first message
    m_conversation = conversation;
    if (!becameReal)
        setQuery({});
}

void Finder::setQuery(const QString& query)
{
    if (query == m_query)
        return;
    m_query = query;
    ++m_search;
    emit queryChanged();
    if (query.isEmpty()) {
        m_timer.stop();
        m_running = false;
        take({});
        return;
    }
    m_running = true;
    m_timer.start();
    emit changed();
}

void Finder::repeat()
{
    if (!m_query.isEmpty())
        m_timer.start();
}

void Finder::search()
{
    const quint64 number = ++m_search;
    if (m_conversation == 0) {
        m_running = false;
        take({});
        return;
    }
    m_running = true;
    m_store.find(
        this, m_conversation, m_query,
        [this, number](std::vector<storage::MessageMatch> matches) {
            if (number != m_search)
                return;
            m_running = false;
            take(std::move(matches));
        },
        [this, number](const QString& why) {
            m_store.report(why);
            if (number != m_search)
                return;
            m_running = false;
            take({});
        });
}

void Finder::take(std::vector<storage::MessageMatch> matches)
{
    const qint64 start = message() != 0 ? message() : m_start;
    m_matches = std::move(matches);
    m_direction = -1;
    const auto below =
        std::find_if(m_matches.begin(), m_matches.end(),
                     [start](const storage::MessageMatch& match) { return match.message > start; });
    m_at = below == m_matches.begin() ? 0 : static_cast<std::size_t>(below - m_matches.begin()) - 1;
    m_occurrence = m_at < m_matches.size() ? m_matches[m_at].count - 1 : 0;
    emit changed();
}

void Finder::step(int by)
{
    if (m_matches.empty())
        return;
    m_direction = by;
    m_occurrence += by;
    if (m_occurrence < 0) {
        m_at = (m_at + m_matches.size() - 1) % m_matches.size();
        m_occurrence = m_matches[m_at].count - 1;
    } else if (m_occurrence >= m_matches[m_at].count) {
        m_at = (m_at + 1) % m_matches.size();
        m_occurrence = 0;
    }
    emit changed();
}

void Finder::setShown(qint64 message, int count)
{
    const auto found =
        std::find_if(m_matches.begin(), m_matches.end(),
                     [message](const storage::MessageMatch& match) { return match.message == message; });
    if (found == m_matches.end() || found->count == count)
        return;
    const auto at = static_cast<std::size_t>(found - m_matches.begin());
    const bool last = m_occurrence == found->count - 1 && m_direction < 0;
    found->count = count;
    if (at == m_at)
        m_occurrence = last ? count - 1 : std::clamp(m_occurrence, 0, std::max(0, count - 1));
    if (count == 0) { // only its markup holds the text
        m_matches.erase(found);
        if (at < m_at)
            --m_at;
        else if (at == m_at && !m_matches.empty()) {
            m_at = (at + (m_direction < 0 ? m_matches.size() - 1 : 0)) % m_matches.size();
            m_occurrence = m_direction < 0 ? m_matches[m_at].count - 1 : 0;
        }
    }
    emit changed();
}

} // namespace ui
