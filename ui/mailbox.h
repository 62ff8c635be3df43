// SPDX-License-Identifier: MIT
#pragma once

#include <QObject>

#include <functional>
#include <mutex>
#include <vector>

namespace ui {

// What other threads leave for the thread that made this object. Letters lie under our own mutex; the posted
// event says no more than that there are some. So whatever a letter holds is handed over by that mutex alone,
// whose order tools can see, and not by what Qt does inside.
class Mailbox : public QObject
{
public:
    using Letter = std::function<void()>;

    // From any thread, while this object lives. Letters are opened in the order in which they came, each on
    // the object's own thread, from its event loop; those still closed at the object's end are dropped.
    void post(Letter letter);

protected:
    void customEvent(QEvent* event) override;

private:
    std::mutex m_mutex;
    std::vector<Letter> m_letters;
};

} // namespace ui
