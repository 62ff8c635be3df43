// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <string_view>

// What the store refuses, each with Error{constraint}.
namespace storage {

[[noreturn]] void refuse_missing(const Connection& database, const char* what, Id id);
// Where the latest statement found nothing to change.
void require_change(const Connection& database, const char* what, Id id);
void require_json_object(Connection& database, std::string_view text);

} // namespace storage
