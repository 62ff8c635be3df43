// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"

#include <string>

namespace sample {

// A few conversations with Markdown, branches and the ends that answers come to.
void fill(storage::ChatStore& store);

// Many more of two messages each, over the last two months, some in folders, some with tags.
void fillMany(storage::ChatStore& store, const storage::ProfileLock& lock, int count);

// The conversations behind this one become up to that many days older.
void spread(const storage::ProfileLock& lock, storage::Id after, int days);

// A text as an answer that ended by itself, with its figures.
storage::AnswerResult result(std::string text);

// A long answer that has one of everything that Markdown offers.
const char* markdown();

} // namespace sample
