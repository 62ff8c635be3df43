// SPDX-License-Identifier: MIT
#include "ui/formula/formulas.h"

namespace ui {

namespace {

// The cost of a layout is the number of its boxes; a formula has some dozens.
constexpr qsizetype kRoom = 200000;
// More than anybody looks at; a view asks again for what it still shows.
constexpr size_t kWaiting = 2000;
// After so many new formulas those that nobody holds any longer are forgotten.
constexpr uint64_t kSweep = 256;

qsizetype cost(const Formulas::LayoutPtr& layout)
{
    qsizetype boxes = 20;
    if (layout) {
        for (const Formula& part : layout->parts) {
            boxes += static_cast<qsizetype>(part.glyphs.size() + part.rules.size() + 4 * part.shapes.size());
        }
    }
    return boxes;
}

} // namespace

Formulas::Formulas(QObject* parent)
    : Formulas(Katex::find(), parent)
{
}

Formulas::Formulas(const Katex::Files& files, QObject* parent)
    : QObject(parent)
    , m_files(files)
    , m_known(kRoom)
{
}

Formulas::~Formulas()
{
    {
        const std::lock_guard lock(m_mutex);
        m_quit = true;
        if (m_katex) {
            m_katex->interrupt();
        }
    }
    m_wake.notify_all();
    if (m_thread) {
        m_thread->wait();
    }
}

Formulas::LayoutPtr Formulas::find(const QString& tex, bool display)
{
    const Key key{tex, display};
    if (const LayoutPtr* known = m_known.object(key)) {
        return *known;
    }
    if (!available() || m_asked.contains(key)) {
        return nullptr;
    }
    if (!isReasonableTex(tex)) {
        m_known.insert(key, new LayoutPtr, cost(nullptr));
        return nullptr;
    }
    m_asked.insert(key);
    {
        const std::lock_guard lock(m_mutex);
        m_queue.push_back(key);
        if (m_queue.size() > kWaiting) {
            m_asked.remove(m_queue.front());
            m_queue.pop_front();
        }
    }
    m_wake.notify_all();
    if (!m_thread) {
        m_thread.reset(QThread::create([this] { run(); })); // fonts need a thread of Qt's
        m_thread->start();
    }
    return nullptr;
}

bool Formulas::failed(const QString& tex, bool display) const
{
    const LayoutPtr* known = m_known.object({tex, display});
    return !available() || (known && !*known);
}

void Formulas::take(const Key& key, const std::shared_ptr<FormulaLayout>& layout)
{
    m_asked.remove(key);
    if (layout) {
        layout->id = ++m_lastId;
        if (m_lastId % kSweep == 0) {
            m_kept.removeIf([](const auto& kept) { return kept.value().expired(); });
        }
        m_kept.insert(layout->id, layout);
    }
    m_known.insert(key, new LayoutPtr(layout), cost(layout));
    emit changed();
}

void Formulas::run()
{
    Katex katex(m_files);
    std::unique_lock lock(m_mutex);
    m_katex = &katex;
    while (!m_quit) {
        if (m_queue.empty()) {
            m_wake.wait(lock);
            continue;
        }
        const Key key = m_queue.front();
        m_queue.pop_front();
        lock.unlock();
        std::optional<FormulaLayout> layout = katex.layOut(key.tex, key.display);
        const auto made = layout ? std::make_shared<FormulaLayout>(std::move(*layout)) : nullptr;
        QMetaObject::invokeMethod(
            this, [this, key, made] { take(key, made); }, Qt::QueuedConnection);
        lock.lock();
    }
    m_katex = nullptr;
}

} // namespace ui
