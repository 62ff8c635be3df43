// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/search.h"

#include <QString>
#include <QStringList>

namespace ui {

// A conversation as a list shows it.
struct ConversationRow
{
    qint64 id = 0;
    QString title;
    QString preview;
    bool titleIsAutomatic = true;
    bool pinned = false;
    bool archived = false;
    bool unread = false;
    bool inTrash = false;
    bool temporary = false; // in memory alone
    bool empty = true;      // no message yet
    QString folder;         // a path such as "Work/Letters"; empty: in none
    QStringList tags;
    qint64 sortTime = 0; // latest message, in the trash the deletion; milliseconds since 1970 UTC
    qint64 updatedAt = 0;
    QString snippet; // of a search
    int matchStart = 0;
    int matchLength = 0;
};

ConversationRow rowOf(const storage::Conversation& conversation);

// Title, time, snippet and the first match are the hit's; of the rest it says nothing.
void takeHit(ConversationRow& row, const storage::SearchHit& hit);

// Temporary ones, then pinned ones, then the latest message first.
bool before(const ConversationRow& a, const ConversationRow& b);

} // namespace ui
