// SPDX-License-Identifier: MIT
#pragma once

#include "ui/conversation_row.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace ui {

// A line of the sidebar: a conversation, or the head of a folder.
struct SidebarLine
{
    enum class Group
    {
        temporary,
        pinned,
        folders,
        byTime,
    };
    qint64 id = 0;  // of the conversation; 0: a folder's head
    QString folder; // whose head it is, or which the conversation stands in; empty: in none
    Group group = Group::byTime;
    int depth = 0; // of folders around it

    // Of a folder's head, with what lies deeper.
    int count = 0;
    bool open = false;
    bool unread = false;

    bool sameAs(const SidebarLine& other) const
    {
        return id == other.id && (id != 0 || folder == other.folder);
    }
};

// The lines for conversations in the order of before(). `folders` are shown even if nothing lies in them; a
// closed folder hides what it holds. A pinned conversation stands among the pinned ones alone.
std::vector<SidebarLine> sidebarLines(const std::vector<const ConversationRow*>& rows,
                                      const QStringList& folders, const QStringList& openFolders);
// The same without folders and pinned ones: the archive, the trash.
std::vector<SidebarLine> flatLines(const std::vector<const ConversationRow*>& rows);

// "Work / Letters " as "Work/Letters": no empty part, no blanks around one, at most 200 letters.
QString cleanFolder(const QString& path);
QString parentFolder(const QString& path);                // empty for an outermost one
bool liesIn(const QString& folder, const QString& outer); // the same one counts
// These and all around them, by name, each folder directly before what it holds.
QStringList folderTree(const QStringList& paths);

} // namespace ui
