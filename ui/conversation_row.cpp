// SPDX-License-Identifier: MIT
#include "ui/conversation_row.h"

#include "ui/store_bridge.h"
#include "ui/text.h"
#include "ui/title.h"

namespace ui {

ConversationRow rowOf(const storage::Conversation& conversation)
{
    ConversationRow row;
    row.id = conversation.id;
    row.title = oneLine(toQt(conversation.title));
    row.preview = toQt(conversation.preview);
    row.titleIsAutomatic = conversation.title_is_automatic;
    row.pinned = conversation.pinned;
    row.archived = conversation.archived;
    row.unread = conversation.unread;
    row.inTrash = conversation.deleted_at.has_value();
    row.temporary = StoreBridge::isTemporary(conversation.id);
    row.empty = !conversation.leaf;
    row.folder = toQt(conversation.folder);
    for (const std::string& tag : conversation.tags)
        row.tags.append(toQt(tag));
    row.updatedAt = conversation.updated_at;
    row.sortTime = conversation.deleted_at.value_or(conversation.updated_at);
    return row;
}

void takeHit(ConversationRow& row, const storage::SearchHit& hit)
{
    row.id = hit.conversation;
    row.title = oneLine(toQt(hit.title));
    row.updatedAt = hit.time;
    row.snippet = toQt(hit.snippet);
    if (!hit.matches.empty()) { // bytes to UTF-16
        const std::string_view snippet = hit.snippet;
        const storage::SearchHit::Range first = hit.matches.front();
        row.matchStart = static_cast<int>(toQt(snippet.substr(0, first.begin)).size());
        row.matchLength = static_cast<int>(toQt(snippet.substr(first.begin, first.length)).size());
    }
}

bool before(const ConversationRow& a, const ConversationRow& b)
{
    if (a.temporary != b.temporary)
        return a.temporary;
    if (a.pinned != b.pinned && !a.inTrash)
        return a.pinned;
    return a.sortTime != b.sortTime ? a.sortTime > b.sortTime : a.id > b.id;
}

} // namespace ui
