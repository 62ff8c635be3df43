// SPDX-License-Identifier: MIT
#include "ui/sidebar_lines.h"

#include "ui/title.h"

#include <QHash>
#include <QSet>

#include <algorithm>

namespace ui {

namespace {

constexpr qsizetype longest_folder = 200; // letters

bool byName(const QString& a, const QString& b)
{
    const QStringList left = a.split(u'/');
    const QStringList right = b.split(u'/');
    for (qsizetype i = 0; i < std::min(left.size(), right.size()); ++i) {
        if (left[i] != right[i]) {
            const int order = left[i].localeAwareCompare(right[i]);
            return order != 0 ? order < 0 : left[i] < right[i];
        }
    }
    return left.size() < right.size();
}

SidebarLine line(const ConversationRow& row, SidebarLine::Group group)
{
    SidebarLine line;
    line.id = row.id;
    line.group = group;
    return line;
}

} // namespace

QString cleanFolder(const QString& path)
{
    QStringList parts;
    for (const QString& part : path.left(longest_folder).split(u'/')) {
        if (const QString name = oneLine(part); !name.isEmpty())
            parts.append(name);
    }
    return parts.join(u'/');
}

QString parentFolder(const QString& path)
{
    return path.left(std::max<qsizetype>(0, path.lastIndexOf(u'/')));
}

bool liesIn(const QString& folder, const QString& outer)
{
    return folder == outer || (folder.size() > outer.size() && folder.startsWith(outer) &&
                               folder.at(outer.size()) == u'/' && !outer.isEmpty());
}

QStringList folderTree(const QStringList& paths)
{
    QSet<QString> all;
    for (const QString& path : paths) {
        for (QString one = path; !one.isEmpty() && !all.contains(one); one = parentFolder(one))
            all.insert(one);
    }
    QStringList sorted(all.begin(), all.end());
    std::sort(sorted.begin(), sorted.end(), byName);
    return sorted;
}

std::vector<SidebarLine> sidebarLines(const std::vector<const ConversationRow*>& rows,
                                      const QStringList& folders, const QStringList& openFolders)
{
    using Group = SidebarLine::Group;
    std::vector<SidebarLine> lines;
    lines.reserve(rows.size() + 16);
    QHash<QString, std::vector<const ConversationRow*>> inside;
    std::vector<const ConversationRow*> loose;
    for (const ConversationRow* row : rows) {
        if (row->temporary)
            lines.push_back(line(*row, Group::temporary));
        else if (row->pinned)
            lines.push_back(line(*row, Group::pinned));
        else if (row->folder.isEmpty())
            loose.push_back(row);
        else
            inside[row->folder].push_back(row);
    }

    const QStringList tree = folderTree(folders + inside.keys());
    const QSet<QString> open(openFolders.begin(), openFolders.end());
    struct Total
    {
        int count = 0;
        bool unread = false;
    };
    QHash<QString, Total> totals;
    for (auto [path, held] : inside.asKeyValueRange()) {
        const bool unread =
            std::any_of(held.begin(), held.end(), [](const auto* row) { return row->unread; });
        for (QString outer = path; !outer.isEmpty(); outer = parentFolder(outer)) {
            totals[outer].count += static_cast<int>(held.size());
            totals[outer].unread |= unread;
        }
    }
    // What a folder holds itself stands below the folders inside it, so it waits until they have been shown.
    QStringList waiting;
    const auto leave = [&](const QString& next) {
        while (!waiting.isEmpty() && !liesIn(next, waiting.constLast())) {
            const QString path = waiting.takeLast();
            for (const ConversationRow* row : inside.value(path)) {
                SidebarLine one = line(*row, Group::folders);
                one.folder = path;
                one.depth = static_cast<int>(path.count(u'/')) + 1;
                lines.push_back(one);
            }
        }
    };
    for (const QString& path : tree) {
        leave(path);
        if (const QString outer = parentFolder(path); !outer.isEmpty() && !waiting.contains(outer))
            continue; // in a closed one
        SidebarLine head;
        head.folder = path;
        head.group = Group::folders;
        head.depth = static_cast<int>(path.count(u'/'));
        head.count = totals.value(path).count;
        head.unread = totals.value(path).unread;
        head.open = open.contains(path);
        lines.push_back(head);
        if (head.open)
            waiting.append(path);
    }
    leave({});
    for (const ConversationRow* row : loose)
        lines.push_back(line(*row, Group::byTime));
    return lines;
}

std::vector<SidebarLine> flatLines(const std::vector<const ConversationRow*>& rows)
{
    std::vector<SidebarLine> lines;
    lines.reserve(rows.size());
    for (const ConversationRow* row : rows)
        lines.push_back(line(*row, row->pinned && !row->inTrash ? SidebarLine::Group::pinned
                                                                : SidebarLine::Group::byTime));
    return lines;
}

} // namespace ui
