// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storage {

struct SearchHit
{
    Id conversation = 0;
    std::optional<Id> message; // empty: the title matched
    Role role = Role::user;    // of the message
    std::string title;         // of the conversation
    Time time = 0;             // of the message, or of the conversation's latest one
    std::string snippet;       // one line around the first match
    struct Range
    {
        std::size_t begin;
        std::size_t length;
    };
    std::vector<Range> matches; // in bytes of the snippet, ascending, at character boundaries
};

enum class SearchIn
{
    kept,       // active and archived conversations
    everything, // the trash too
};

// ChatReader::search() says what is found.
std::vector<SearchHit> search(Connection& database, std::string_view text, std::size_t limit, SearchIn where);

// ChatReader::find_in_branch() says what is found. The heads are those of a branch.
std::vector<MessageMatch> find_in(Connection& database, Id conversation, std::span<const MessageHead> heads,
                                  std::string_view text);

// The search tables hold no text of their own. The store adds an entry after its text was written, and takes
// it out before the text is changed or deleted, in the same transaction.
void index_message(Connection& database, Id message);
void index_messages(Connection& database, Id conversation); // all of a new one
void unindex_message(Connection& database, Id message);
void index_title(Connection& database, Id conversation);
void unindex_title(Connection& database, Id conversation);

// What was taken out lies in the files of an index until its segments are merged. Merges about a megabyte of
// each index; true while there is more.
bool merge_search_indexes(Connection& database);

} // namespace storage
