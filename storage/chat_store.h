// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/chat_reader.h"
#include "storage/database.h"
#include "storage/exchange.h"
#include "storage/migrations.h"
#include "storage/profile_lock.h"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace storage {

inline constexpr Time trash_keeps =
    30LL * 24 * 60 * 60 * 1000; // milliseconds until empty_trash() may take it

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

    // True after Error{io}, when every call throws that until reopen() made a new connection.
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
    // Runs the statement (?1: the conversation) for each in one transaction.
    template <typename... Values>
    void change(const std::vector<Id>& conversations, const char* sql, const Values&... values);
    void replace_tags(Id conversation, const std::vector<std::string>& tags);
    void erase(Id conversation);
    Id insert_conversation(std::string_view title, std::string_view settings);
    void mark_interrupted();

    std::filesystem::path m_profile;
};

} // namespace storage
