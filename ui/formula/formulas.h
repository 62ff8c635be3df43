// SPDX-License-Identifier: MIT
// The formulas of the window: laid out once by a thread of their own, kept while there is room, drawn by
// whoever shows them. Belongs to the GUI thread.
#pragma once

#include "ui/formula/formula.h"
#include "ui/formula/katex.h"

#include <QCache>
#include <QHash>
#include <QObject>
#include <QSet>
#include <QThread>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>

namespace ui {

class Formulas : public QObject
{
    Q_OBJECT

public:
    using LayoutPtr = std::shared_ptr<const FormulaLayout>;

    explicit Formulas(QObject* parent = nullptr);
    explicit Formulas(const Katex::Files& files, QObject* parent = nullptr);
    // Interrupts a formula that is being laid out.
    ~Formulas() override;

    // Whether KaTeX is installed; without it every formula stays its source.
    bool available() const { return m_files.exist(); }
    // The layout, or null: it is not known yet (changed() will follow), or it cannot be drawn.
    LayoutPtr find(const QString& tex, bool display);
    // Whether it was tried and cannot be drawn.
    bool failed(const QString& tex, bool display) const;
    // A layout that somebody still holds; else null.
    LayoutPtr byId(uint64_t id) const { return m_kept.value(id).lock(); }

signals:
    // Some formulas became known.
    void changed();

private:
    struct Key
    {
        QString tex;
        bool display = false;
        friend bool operator==(const Key& a, const Key& b)
        {
            return a.display == b.display && a.tex == b.tex;
        }
        friend size_t qHash(const Key& key, size_t seed) { return qHashMulti(seed, key.tex, key.display); }
    };
    void run();
    void take(const Key& key, const std::shared_ptr<FormulaLayout>& layout);

    Katex::Files m_files;
    QCache<Key, LayoutPtr> m_known; // null: cannot be drawn
    QSet<Key> m_asked;
    QHash<uint64_t, std::weak_ptr<const FormulaLayout>> m_kept;
    uint64_t m_lastId = 0;

    // Shared with the thread.
    std::mutex m_mutex;
    std::condition_variable m_wake;
    std::deque<Key> m_queue;
    Katex* m_katex = nullptr; // lives on the thread
    bool m_quit = false;
    std::unique_ptr<QThread> m_thread; // begins with the first formula
};

} // namespace ui
