// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"

#include <string>

namespace sample {

// A conversation of that many messages, questions and answers by turns, in one stroke. Message number i, from
// 0, has the text longText(i).
storage::Id fillLong(const storage::ProfileLock& lock, int messages);

std::string longText(int number);

} // namespace sample
