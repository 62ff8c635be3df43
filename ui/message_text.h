// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"

#include <QString>

#include <vector>

namespace ui {

// What a reader sees of a message, as text.
QString plainText(storage::Role role, const QString& source);

enum class CopyAs
{
    text,
    markdown
};

// A message, or a part of one, among those that are copied together.
struct CopiedPiece
{
    storage::Id unread = 0; // whose text is still to be read; 0: it is here
    storage::Role role = storage::Role::user;
    QString text; // as it is to stand in the copy
};

// One text of all; in Markdown with who said it, where there are several. `read` are the messages that were
// unread. May be called on any thread.
QString joined(const std::vector<CopiedPiece>& pieces, const std::vector<storage::Message>& read, CopyAs as);

} // namespace ui
