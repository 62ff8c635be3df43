// SPDX-License-Identifier: MIT
#include "ui/sidebar_selection.h"

#include <algorithm>
#include <iterator>

namespace ui {

std::vector<qint64> SidebarSelection::inOrder(const Shown& shown) const
{
    std::vector<qint64> ids;
    std::copy_if(shown.begin(), shown.end(), std::back_inserter(ids),
                 [this](qint64 id) { return contains(id); });
    return ids;
}

QSet<qint64> SidebarSelection::change(const QSet<qint64>& ids)
{
    const QSet<qint64> changed = (m_ids - ids) + (ids - m_ids);
    m_ids = ids;
    if (m_ids.isEmpty())
        m_anchor = 0;
    return changed;
}

QSet<qint64> SidebarSelection::toggle(qint64 id, qint64 open)
{
    QSet<qint64> ids = m_ids;
    if (ids.isEmpty() && open != 0 && id != open)
        ids.insert(open);
    if (!ids.remove(id))
        ids.insert(id);
    m_anchor = id;
    return change(ids);
}

QSet<qint64> SidebarSelection::extendTo(int row, const Shown& shown, qint64 open)
{
    const auto at = static_cast<std::size_t>(row);
    const qint64 from = m_anchor != 0 ? m_anchor : open;
    const auto found = from == 0 ? shown.end() : std::find(shown.begin(), shown.end(), from);
    const auto first = found == shown.end() ? at : static_cast<std::size_t>(found - shown.begin());
    QSet<qint64> ids;
    for (std::size_t i = std::min(first, at); i <= std::max(first, at); ++i) {
        if (shown[i] != 0)
            ids.insert(shown[i]);
    }
    const qint64 anchor = m_anchor != 0 ? m_anchor : shown[first];
    QSet<qint64> changed = change(ids);
    m_anchor = anchor;
    return changed;
}

QSet<qint64> SidebarSelection::selectAll(const Shown& shown)
{
    QSet<qint64> ids(shown.begin(), shown.end());
    ids.remove(0);
    return change(ids);
}

} // namespace ui
