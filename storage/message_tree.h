// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <optional>
#include <string_view>

// The messages of a conversation as a tree, of which one branch is the chosen one. Each function is a part of
// a change that its caller commits; each throws Error{constraint} for what does not exist.
namespace storage {

// Where a message hangs and what it is.
struct Place
{
    Id conversation;
    std::optional<Id> parent;
    Role role;
};
Place place_of(Connection& database, Id message);

std::optional<Id> leaf_of(Connection& database, Id conversation); // of its chosen branch
Id leaf_below(Connection& database, Id message);                  // that was chosen there last

// The youngest of its siblings, and the new leaf; makes its conversation the latest.
Id insert_message(Connection& database, const Place& place, Status status, std::string_view content);
void choose_leaf(Connection& database, Id leaf, const Place& place);

// Copies of the way to this message, this one included, into a conversation that is empty; their last one is
// its leaf. An answer that is being written is copied as an interrupted one.
void copy_way(Connection& database, Id message, Id conversation);

} // namespace storage
