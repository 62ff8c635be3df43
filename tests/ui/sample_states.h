// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"

namespace sample {

// One conversation for each state of the window that depends on what was written: scripts, long and wide
// things, formulas, reasoning, a context that is almost full or full. Their titles name the states.
void fillStates(storage::ChatStore& store);

} // namespace sample
