// SPDX-License-Identifier: MIT
#include "ui/thought_clock.h"

#include <algorithm>
#include <utility>

namespace ui {

ThoughtClock::ThoughtClock(const QString& text, std::vector<int> seconds)
{
    read(text);
    m_seconds = std::move(seconds);
}

void ThoughtClock::read(const QString& text)
{
    for (;;) {
        const QLatin1String tag = m_open ? QLatin1String("</think>") : QLatin1String("<think>");
        const qsizetype found = text.indexOf(tag, m_at);
        if (found < 0) {
            m_at = std::max(m_at, text.size() - tag.size() + 1); // a part of it may stand at the end
            return;
        }
        m_at = found + tag.size();
        if (m_open)
            m_seconds.push_back(static_cast<int>((m_clock.elapsed() + 500) / 1000));
        else
            m_clock.start();
        m_open = !m_open;
    }
}

} // namespace ui
