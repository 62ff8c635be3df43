// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"
#include "storage/exchange.h"
#include "storage/search.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace storage {

inline constexpr std::int64_t no_limit = -1;

// The file of a profile that holds all of this.
std::filesystem::path database_file(const std::filesystem::path& profile);

// Everything that only reads, over a connection of its own. One thread at a time. All functions throw Error.
class ChatReader
{
public:
    // The database must exist: make the ChatStore of the profile first.
    explicit ChatReader(const std::filesystem::path& profile);
    virtual ~ChatReader() = default;
    ChatReader(const ChatReader&) = delete;
    ChatReader& operator=(const ChatReader&) = delete;

    // Pinned ones first, then the latest message first; in the trash the latest deleted first.
    std::vector<Conversation> list_conversations(Scope scope, std::int64_t limit = no_limit,
                                                 std::int64_t offset = 0);
    Counts count_conversations();
    std::optional<Conversation> conversation(Id id);

    // The chosen branch from its first message to its leaf; with a limit, its last `limit` messages.
    std::vector<Message> branch(Id conversation, std::int64_t limit = no_limit);
    // The last `limit` messages of the way from the first message to this one, this one included. The page
    // above a page is path(*page.front().parent, limit). Takes a time of the page, not of the conversation.
    std::vector<Message> path(Id message, std::int64_t limit = no_limit);
    // The same read upwards from this one until `enough` says so of a message, which is the last to be read.
    using Enough = std::function<bool(const Message&)>;
    std::vector<Message> path(Id message, const Enough& enough);
    // The chosen branch read likewise from its first message downwards.
    std::vector<Message> beginning(Id conversation, const Enough& enough);
    // How many messages stand on the way above this one: counts 100,000 in some hundredths of a second.
    std::int64_t depth(Id message);
    // All of the chosen branch without its texts: 100,000 in a tenth of a second.
    std::vector<MessageHead> branch_heads(Id conversation);
    std::optional<Message> message(Id id);
    // In the order of the ids; what does not exist is left out.
    std::vector<Message> messages(const std::vector<Id>& ids);
    std::vector<Id> siblings(Id message); // in order, the message itself included
    // The exact tokens of an answer; empty for every other message. Kept out of Message because few callers
    // need them.
    std::vector<std::int32_t> token_ids(Id message);

    // Finds what contains every word of the query, in any letter case; a word may be a part of a longer one,
    // or one Chinese character. Words such as tag:NAME, folder:NAME (and what lies in it), model:NAME (a part
    // of its name), before:2026-11-24 and after:2026 narrow it down (NAME in quotation marks where it has
    // blanks); without other words the conversations themselves are listed. Nothing else in the query is an
    // operator. Titles first, then messages of all branches, newest first. An answer is found once it is
    // finished.
    std::vector<SearchHit> search(std::string_view query, std::int64_t limit,
                                  SearchIn where = SearchIn::kept);

    // The messages of the chosen branch, from its first one, that contain this text in any letter case,
    // blanks included and nothing in it an operator. What they contain is their Markdown. Unlike search() it
    // also finds an answer that is being written.
    std::vector<MessageMatch> find_in_branch(Id conversation, std::string_view text);
    // The same in a part of the branch: these of branch_heads().
    std::vector<MessageMatch> find_among(Id conversation, std::span<const MessageHead> heads,
                                         std::string_view text);

    // All folders that conversations of this scope lie in, and all their tags; by name.
    std::vector<NameCount> folders(Scope scope = Scope::active);
    std::vector<NameCount> tags(Scope scope = Scope::active);

    std::vector<Preset> presets(); // in the order that the person gave them

    // These conversations with all that belongs to them, of every branch, into one JSON file
    // (resources/guide/export-format.md), in the order given and from one state of the history, a message in
    // memory at a time. An answer that is being written is exported as an interrupted one.
    void export_json(const std::vector<Id>& conversations, const std::filesystem::path& file,
                     const Progress& progress = {});

    // Ends a running search or find with Error{cancelled}. The only function that any thread may call.
    void interrupt() noexcept;

protected:
    explicit ChatReader(std::unique_ptr<Connection> database);

    std::unique_ptr<Connection> m_database;

private:
    std::vector<NameCount> name_counts(const char* sql, Scope scope);
    template <typename Search> auto interruptible(Search run);

    std::atomic<std::uint64_t> m_interrupts = 0; // so far
    std::uint64_t m_interrupts_before = 0;       // when the latest search began
};

} // namespace storage
