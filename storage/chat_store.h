// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"
#include "storage/exchange.h"
#include "storage/migrations.h"
#include "storage/profile_lock.h"
#include "storage/search.h"

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace storage {

inline constexpr std::int64_t no_limit = -1;
inline constexpr Time trash_keeps =
    30LL * 24 * 60 * 60 * 1000; // milliseconds until empty_trash() may take it

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

struct InMemory
{
    Id first;
};

// The one writer of a profile. Every function commits before it returns: what it has acknowledged survives a
// kill and a power cut. Functions that name a conversation or message that does not exist throw
// Error{constraint}.
class ChatStore : public ChatReader
{
public:
    // Opens or creates `<profile>/fathom.sqlite`, brings it up to date (with a backup first) and turns what a
    // crash left streaming into interrupted. Throws Error; a database that is refused is left as it was.
    explicit ChatStore(const ProfileLock& lock, const Upgrade& upgrade = {});
    // A history in memory alone, which ends with this object. Its ids begin at `first`, so that those of two
    // stores differ. It has no file to reopen or to back up.
    explicit ChatStore(InMemory first);
    ~ChatStore() override;

    // True after a failed sync, when every call throws Error{io} until reopen() made a new connection.
    bool is_broken() const { return m_database->is_broken(); }
    void reopen();

    // Conversations.
    Id create_conversation(std::string_view title = {}, std::string_view settings = "{}");
    void rename(Id conversation, std::string_view title); // by the person; no longer automatic
    void suggest_title(Id conversation,
                       std::string_view title); // does nothing where the person chose a title
    void set_pinned(Id conversation, bool pinned);
    void set_archived(Id conversation, bool archived);
    void set_unread(Id conversation, bool unread);
    void set_folder(Id conversation, std::string_view folder);
    void set_tags(Id conversation, const std::vector<std::string>& tags);
    void set_draft(Id conversation, std::string_view draft, std::int64_t cursor = 0);
    void set_settings(Id conversation, std::string_view settings); // a JSON object
    void move_to_trash(Id conversation);
    void restore(Id conversation);
    void delete_for_ever(Id conversation);
    // The same for many: all of them or, where one does not exist, none.
    void set_pinned(const std::vector<Id>& conversations, bool pinned);
    void set_archived(const std::vector<Id>& conversations, bool archived);
    void set_unread(const std::vector<Id>& conversations, bool unread);
    void set_folder(const std::vector<Id>& conversations, std::string_view folder);
    void set_tags(const std::vector<Id>& conversations, const std::vector<std::string>& tags);
    void add_tag(const std::vector<Id>& conversations, std::string_view tag);
    void remove_tag(const std::vector<Id>& conversations, std::string_view tag);
    void move_to_trash(const std::vector<Id>& conversations);
    void restore(const std::vector<Id>& conversations);
    void delete_for_ever(const std::vector<Id>& conversations);
    // Moves what lies in a folder and in those inside it, in every scope, to the new path; with an empty one
    // the folders inside become outermost. Returns how many conversations that were.
    std::int64_t rename_folder(std::string_view from, std::string_view to);
    // A new conversation with copies of the way to this message, this one included, and with the folder, the
    // tags and the settings of its conversation, which stays as it is. An answer that is being written is
    // copied as an interrupted one. An empty title is an automatic one.
    Id fork(Id message, std::string_view title);
    // Deletes for ever what was moved to the trash before this time; returns how many conversations. The
    // program calls it at start with now() - trash_keeps; with now() + 1 it empties the trash.
    std::int64_t empty_trash(Time deleted_before);

    // Messages. Each becomes the leaf of the chosen branch and makes its conversation the latest.
    Id append_message(Id conversation, Role role, std::string_view content); // below the leaf
    // The edit of a message of either side: the new text as its youngest sibling, of the same role. Nothing
    // is overwritten. An edited answer is the person's: it has no origin, no tokens and no measurements.
    Id add_sibling(Id message, std::string_view content);
    // An empty answer below a message; where there are answers already, one more sibling (regenerate).
    Id begin_answer(Id question, const AnswerOrigin& origin);
    void update_answer(Id answer, std::string_view text, const std::vector<std::int32_t>& token_ids);
    void finish_answer(Id answer, const AnswerResult& result);
    void continue_answer(Id answer); // streaming again, with the text it has
    // Makes the branch through this message the chosen one, down to the leaf that was chosen below it last.
    // Returns that leaf.
    Id choose_branch(Id message);

    // Takes in what export_json() wrote. All or nothing: for a file that is wrong it throws Error{other},
    // which names the line, the place, what was expected and what was found.
    Imported import_json(const std::filesystem::path& file, IfPresent if_present = IfPresent::skip,
                         const Progress& progress = {});

    // Presets. Their names differ: Error{constraint} for one that is taken.
    Id add_preset(std::string_view name, std::string_view settings); // behind the others
    void change_preset(Id preset, std::string_view name, std::string_view settings);
    void delete_preset(Id preset);
    void order_presets(const std::vector<Id>& presets); // those left out stand behind them

    // A copy in `<profile>/backups`, of which the newest three are kept. Returns its file. The scheduled one
    // is storage/backup.h's backup_if_due(), which keeps no writer waiting.
    std::filesystem::path backup_now();
    // For quiet moments, a step of bounded length: brings the log into the database, cleans the search index
    // of deleted text, keeps the query planner informed. Returns true while there is more to do.
    bool idle();

private:
    // Where a message hangs and what it is.
    struct Place
    {
        Id conversation;
        std::optional<Id> parent;
        Role role;
    };

    // Runs the statement (?1: the conversation) for each in one transaction.
    template <typename... Values>
    void change(const std::vector<Id>& conversations, const char* sql, const Values&... values);
    void replace_tags(Id conversation, const std::vector<std::string>& tags);
    void erase(Id conversation);
    Id insert_conversation(std::string_view title, std::string_view settings);
    void require_free_preset_name(std::string_view name, Id except);
    void mark_interrupted();
    [[noreturn]] void refuse_missing(const char* what, Id id) const;
    void require_json_object(std::string_view text);
    void require_change(const char* what, Id id) const;
    std::optional<Id> conversation_leaf(Id conversation);
    Place place_of(Id message);
    Id insert_message(const Place& place, Status status, std::string_view content);
    void choose(Id leaf, const Place& place);

    std::filesystem::path m_profile;
};

} // namespace storage
