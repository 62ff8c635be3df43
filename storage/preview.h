// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

namespace storage {

// Brings Conversation::preview in step with the text of the leaf. A leaf without text leaves the one before.
void update_preview(Connection& database, Id conversation);

} // namespace storage
