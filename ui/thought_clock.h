// SPDX-License-Identifier: MIT
#pragma once

#include <QElapsedTimer>
#include <QString>

#include <vector>

namespace ui {

// How long each section of reasoning of an answer took, between the arrival of its <think> and its </think>.
class ThoughtClock
{
public:
    ThoughtClock() = default;
    // Goes on behind a text whose sections took this long.
    ThoughtClock(const QString& text, std::vector<int> seconds);

    // All of the text so far; only what is new is looked at.
    void read(const QString& text);
    const std::vector<int>& seconds() const { return m_seconds; } // of those that have ended

private:
    qsizetype m_at = 0; // where the next tag is looked for
    bool m_open = false;
    QElapsedTimer m_clock;
    std::vector<int> m_seconds;
};

} // namespace ui
