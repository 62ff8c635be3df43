// SPDX-License-Identifier: MIT
#include "ui/mailbox.h"

#include <QCoreApplication>
#include <QEvent>

#include <utility>

namespace ui {

void Mailbox::post(Letter letter)
{
    {
        const std::lock_guard lock(m_mutex);
        m_letters.push_back(std::move(letter));
        if (m_letters.size() > 1) // an event for the first of them is on its way
            return;
    }
    QCoreApplication::postEvent(this, new QEvent(QEvent::User));
}

void Mailbox::customEvent(QEvent*)
{
    std::vector<Letter> letters;
    {
        const std::lock_guard lock(m_mutex);
        letters.swap(m_letters);
    }
    for (const Letter& letter : letters)
        letter();
}

} // namespace ui
