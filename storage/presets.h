// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <string_view>
#include <vector>

// ChatReader and ChatStore say what these do.
namespace storage {

std::vector<Preset> list_presets(Connection& database);
Id add_preset(Connection& database, std::string_view name, std::string_view settings);
void change_preset(Connection& database, Id preset, std::string_view name, std::string_view settings);
void delete_preset(Connection& database, Id preset);
void order_presets(Connection& database, const std::vector<Id>& presets);

} // namespace storage
