// SPDX-License-Identifier: MIT
#pragma once

#include <QStringView>

namespace ui {

// Whether a run of letters without a place to break the line is so long that Qt's wrapping at words, whose
// time grows with the square of the run, would hold up the window: 100,000 letters take a third of a second,
// a million half a minute. Such a text is wrapped anywhere.
inline bool hasLongWord(QStringView text)
{
    constexpr qsizetype longest = 10'000;
    constexpr char16_t first_broken_anywhere = 0x2E80; // from here on there is Chinese, which breaks anywhere
    qsizetype run = 0;
    for (const QChar letter : text) {
        run = letter.isSpace() || letter.unicode() >= first_broken_anywhere ? 0 : run + 1;
        if (run > longest)
            return true;
    }
    return false;
}

} // namespace ui
