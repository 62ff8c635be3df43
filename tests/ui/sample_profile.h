// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"

namespace sample {

// A few conversations with Markdown, branches and the ends that answers come to.
void fill(storage::ChatStore& store);

// A long answer that has one of everything that Markdown offers.
const char* markdown();

} // namespace sample
