// SPDX-License-Identifier: MIT
#pragma once

#include <QSet>

#include <vector>

namespace ui {

// Which conversations of the sidebar are selected. What is shown is given as the ids of its rows from the
// top, 0 for a folder's head. Each function that changes the selection returns the ids that joined or left
// it.
class SidebarSelection
{
public:
    using Shown = std::vector<qint64>;

    int count() const { return static_cast<int>(m_ids.size()); }
    bool contains(qint64 id) const { return m_ids.contains(id); }
    std::vector<qint64> inOrder(const Shown& shown) const;

    // `open` is the conversation on the screen, if the list has it; it counts as chosen already. 0: none.
    QSet<qint64> toggle(qint64 id, qint64 open);
    // From where the selection began, or from `open`, to this row.
    QSet<qint64> extendTo(int row, const Shown& shown, qint64 open);
    QSet<qint64> selectAll(const Shown& shown);
    QSet<qint64> remove(const QSet<qint64>& ids) { return change(m_ids - ids); }
    QSet<qint64> clear() { return change({}); }

private:
    QSet<qint64> change(const QSet<qint64>& ids);

    QSet<qint64> m_ids;
    qint64 m_anchor = 0; // where it began
};

} // namespace ui
