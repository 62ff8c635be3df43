// SPDX-License-Identifier: MIT
#pragma once

#include "storage/database.h"
#include "storage/profile_lock.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace storage {

// Ids are rowids, never 0 and never used twice. Times are milliseconds since 1970-01-01 UTC. Text is UTF-8.
using Id = std::int64_t;
using Time = std::int64_t;

Time now();

enum class Role
{
    system,
    user,
    assistant,
    tool
};

enum class Status
{
    complete,
    streaming,   // being generated now
    interrupted, // the program ended while it was being generated; holds the text up to the last commit
    stopped,     // the person stopped it
    failed,      // the engine gave up; Message::error says why
};

enum class FinishReason
{
    none,         // still streaming, interrupted, or not a generated message
    stop,         // the model ended its answer, or a stop string was met
    length,       // the limit of new tokens was reached
    context_full, // the context holds no further token
    cancelled,    // the person stopped it
    error,
};

struct Conversation
{
    Id id = 0;
    std::string title;
    bool title_is_automatic = true;
    bool pinned = false;
    bool archived = false;
    bool unread = false;
    std::string folder;            // a path such as "Work/Letters"; empty: in no folder
    std::vector<std::string> tags; // sorted, without duplicates
    Time created_at = 0;
    Time updated_at = 0;            // the latest message
    std::optional<Time> deleted_at; // set: in the trash
    std::optional<Id> leaf;         // last message of the chosen branch; empty: no message yet
    std::string preview;            // start of the leaf's text on one line, at most 160 characters
    std::string draft;              // filled by conversation(), left empty by list_conversations()
    std::string settings =
        "{}"; // JSON object; filled by conversation(), left at "{}" by list_conversations()
};

// How an answer came to be, known before its first token.
struct AnswerOrigin
{
    std::string model_name;
    std::string model_hash;
    std::string engine_version;
    std::string sampling = "{}"; // JSON object of the sampling parameters
    std::int64_t seed = 0;
};

struct AnswerResult
{
    Status status = Status::complete;
    FinishReason finish_reason = FinishReason::stop;
    std::string error; // one sentence, for Status::failed
    std::string text;
    std::vector<std::int32_t> token_ids;
    int prompt_tokens = 0; // whole prompt, with what the cache still held
    int generated_tokens = 0;
    double first_token_seconds = 0;
    double prompt_tokens_per_second = 0;
    double generate_tokens_per_second = 0;
};

struct Message
{
    Id id = 0;
    Id conversation = 0;
    std::optional<Id> parent; // empty: first message of its conversation
    int ordinal = 0;          // among its siblings, from 0
    int sibling_count = 1;    // the message included: the branch switch shows "ordinal + 1 / sibling_count"
    Role role = Role::user;
    Status status = Status::complete;
    FinishReason finish_reason = FinishReason::none;
    std::string content;
    std::string error;
    Time created_at = 0;
    std::optional<AnswerOrigin> origin; // answers only
    int prompt_tokens = 0;
    int generated_tokens = 0;
    double first_token_seconds = 0;
    double prompt_tokens_per_second = 0;
    double generate_tokens_per_second = 0;
};

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

struct Counts
{
    std::int64_t active = 0;
    std::int64_t archived = 0;
    std::int64_t trash = 0;
};

enum class Scope
{
    active,
    archived,
    trash
};
enum class SearchIn
{
    kept,
    everything
}; // kept: active and archived; everything: the trash too

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
    // The last `limit` messages of the way from the first message to this one, this one included.
    std::vector<Message> path(Id message, std::int64_t limit = no_limit);
    std::optional<Message> message(Id id);
    std::vector<Id> siblings(Id message); // in order, the message itself included
    // The exact tokens of an answer; empty for every other message. Kept out of Message because few callers
    // need them.
    std::vector<std::int32_t> token_ids(Id message);

    // Finds what contains every word of the query, in any letter case; a word may be a part of a longer one,
    // or one Chinese character. The query is data: nothing in it is an operator. Titles first, then messages
    // of all branches, newest first. An answer is found once it is finished.
    std::vector<SearchHit> search(std::string_view query, std::int64_t limit,
                                  SearchIn where = SearchIn::kept);

    // Ends a running search with Error{cancelled}. The only function that any thread may call.
    void interrupt() noexcept { m_database->interrupt(); }

protected:
    explicit ChatReader(std::unique_ptr<Connection> database);

    std::unique_ptr<Connection> m_database;
};

// The one writer of a profile. Every function commits before it returns: what it has acknowledged survives a
// kill and a power cut. Functions that name a conversation or message that does not exist throw
// Error{constraint}.
class ChatStore : public ChatReader
{
public:
    // Opens or creates `<profile>/fathom.sqlite`, brings it up to date (with a backup first) and turns what a
    // crash left streaming into interrupted. Throws Error; a database that is refused is left as it was.
    explicit ChatStore(const ProfileLock& lock);
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
    void set_tags(Id conversation, std::vector<std::string> tags);
    void set_draft(Id conversation, std::string_view draft);
    void set_settings(Id conversation, std::string_view settings); // a JSON object
    void move_to_trash(Id conversation);
    void restore(Id conversation);
    void delete_for_ever(Id conversation);
    // Deletes for ever what was moved to the trash before this time; returns how many conversations. The
    // program calls it at start with now() - trash_keeps; with now() + 1 it empties the trash.
    std::int64_t empty_trash(Time deleted_before);

    // Messages. Each becomes the leaf of the chosen branch and makes its conversation the latest.
    Id append_message(Id conversation, Role role, std::string_view content); // below the leaf
    // The edit of a message: the new text as its youngest sibling, of the same role. Nothing is overwritten.
    Id add_sibling(Id message, std::string_view content);
    // An empty answer below a message; where there are answers already, one more sibling (regenerate).
    Id begin_answer(Id question, const AnswerOrigin& origin);
    void update_answer(Id answer, std::string_view text, const std::vector<std::int32_t>& token_ids);
    void finish_answer(Id answer, const AnswerResult& result);
    void continue_answer(Id answer); // streaming again, with the text it has
    // Makes the branch through this message the chosen one, down to the leaf that was chosen below it last.
    // Returns that leaf.
    Id choose_branch(Id message);

    // A copy in `<profile>/backups`, of which the newest three are kept. Returns its file.
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

    void mark_interrupted();
    [[noreturn]] void refuse_missing(const char* what, Id id) const;
    void require_json_object(std::string_view text);
    void index_message(Id id);
    void unindex_message(Id id);
    void index_title(Id conversation);
    void unindex_title(Id conversation);
    void require_change(const char* what, Id id) const;
    std::optional<Id> conversation_leaf(Id conversation);
    Place place_of(Id message);
    Id insert_message(const Place& place, Status status, std::string_view content);
    void choose(Id leaf, const Place& place);
    void update_preview(Id conversation);

    std::filesystem::path m_profile;
};

} // namespace storage
