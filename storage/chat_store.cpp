// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"

#include "storage/backup.h"
#include "storage/checks.h"
#include "storage/message_tree.h"
#include "storage/presets.h"
#include "storage/preview.h"
#include "storage/rescue.h"

#include <algorithm>
#include <bit>
#include <fmt/format.h>
#include <utility>

namespace storage {
namespace {

static_assert(std::endian::native == std::endian::little, "token ids are stored as they lie in memory");

std::span<const std::byte> bytes_of(const std::vector<std::int32_t>& token_ids)
{
    return std::as_bytes(std::span(token_ids));
}

std::unique_ptr<Connection> open_for_writing(const std::filesystem::path& profile,
                                             const Upgrade& upgrade = {})
{
    finish_exchange(profile);
    auto database = std::make_unique<Connection>(database_file(profile), Connection::Mode::read_write);
    refuse_foreign(*database, supported_version());
    database->use_write_ahead_log();
    migrate(*database, migrations(), profile / "backups", upgrade);
    return database;
}

std::unique_ptr<Connection> open_in_memory(Id first)
{
    auto database = std::make_unique<Connection>("memory", Connection::Mode::in_memory);
    migrate(*database, migrations(), {});
    database->run("INSERT INTO sqlite_sequence (name, seq) VALUES ('conversations', ?1), ('messages', ?1)",
                  first - 1);
    return database;
}

} // namespace

// ChatStore

ChatStore::ChatStore(InMemory first)
    : ChatReader(open_in_memory(first.first))
{
}

ChatStore::ChatStore(const ProfileLock& lock, const Upgrade& upgrade)
    : ChatReader(lock.held() ? open_for_writing(lock.profile(), upgrade)
                             : throw Error(fmt::format("The profile {} is in use by process {}",
                                                       lock.profile().string(), lock.holder()),
                                           lock.profile().string(), Error::Kind::busy))
    , m_profile(lock.profile())
{
    mark_interrupted();
}

ChatStore::~ChatStore()
{
    if (is_broken())
        return;
    try {
        m_database->execute("PRAGMA optimize");
        m_database->checkpoint();
    } catch (const Error&) {
        // Nothing is lost: the next start reads the log.
    }
}

void ChatStore::reopen()
{
    m_database =
        open_for_writing(m_profile); // closes the old connection, which gives up what it could not write
    // What the failed sync left in doubt is written once more before anything new is promised.
    m_database->checkpoint();
}

void ChatStore::mark_interrupted()
{
    Transaction transaction(*m_database);
    std::vector<Id> ids;
    {
        Statement row = m_database->prepare("SELECT id FROM messages WHERE status = 'streaming'");
        while (row.step())
            ids.push_back(row.integer(0));
    }
    for (const Id id : ids) {
        m_database->run("UPDATE messages SET status = 'interrupted' WHERE id = ?1", id);
        index_message(*m_database, id);
        update_preview(*m_database, place_of(*m_database, id).conversation);
    }
    transaction.commit();
}

Id ChatStore::insert_conversation(std::string_view title, std::string_view settings)
{
    const char* sql = R"sql(
        INSERT INTO conversations (title, title_is_automatic, settings, created_at, updated_at, uuid)
        VALUES (?1, ?1 = '', ?2, ?3, ?3, lower(hex(randomblob(16))))
    )sql";
    m_database->run(sql, title, settings, now());
    const Id id = m_database->last_insert_id();
    index_title(*m_database, id);
    return id;
}

Id ChatStore::create_conversation(std::string_view title, std::string_view settings)
{
    require_json_object(*m_database, settings);
    Transaction transaction(*m_database);
    const Id id = insert_conversation(title, settings);
    transaction.commit();
    return id;
}

Id ChatStore::fork(Id message, std::string_view title)
{
    Transaction transaction(*m_database);
    const Id source = place_of(*m_database, message).conversation;
    const Id id = insert_conversation(title, "{}");
    const char* take_over = R"sql(
        UPDATE conversations SET settings = source.settings, folder = source.folder
        FROM conversations source WHERE conversations.id = ?1 AND source.id = ?2
    )sql";
    m_database->run(take_over, id, source);
    m_database->run(R"sql(
        INSERT INTO conversation_tags (conversation, tag)
        SELECT ?1, tag FROM conversation_tags WHERE conversation = ?2
    )sql",
                    id, source);
    copy_way(*m_database, message, id);
    transaction.commit();
    return id;
}

void ChatStore::rename(Id conversation, std::string_view title)
{
    Transaction transaction(*m_database);
    unindex_title(*m_database, conversation);
    m_database->run("UPDATE conversations SET title = ?2, title_is_automatic = 0 WHERE id = ?1", conversation,
                    title);
    require_change(*m_database, "conversation", conversation);
    index_title(*m_database, conversation);
    transaction.commit();
}

void ChatStore::suggest_title(Id conversation, std::string_view title)
{
    Transaction transaction(*m_database);
    unindex_title(*m_database, conversation);
    m_database->run("UPDATE conversations SET title = ?2 WHERE id = ?1 AND title_is_automatic", conversation,
                    title);
    index_title(*m_database, conversation);
    transaction.commit();
}

// What one conversation can be told, many can.

template <typename... Values>
void ChatStore::change(const std::vector<Id>& conversations, const char* sql, const Values&... values)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations) {
        m_database->run(sql, conversation, values...);
        require_change(*m_database, "conversation", conversation);
    }
    transaction.commit();
}

void ChatStore::set_pinned(Id conversation, bool pinned)
{
    set_pinned(std::vector{conversation}, pinned);
}

void ChatStore::set_pinned(const std::vector<Id>& conversations, bool pinned)
{
    change(conversations, "UPDATE conversations SET pinned = ?2 WHERE id = ?1", pinned);
}

void ChatStore::set_archived(Id conversation, bool archived)
{
    set_archived(std::vector{conversation}, archived);
}

void ChatStore::set_archived(const std::vector<Id>& conversations, bool archived)
{
    change(conversations, "UPDATE conversations SET archived = ?2 WHERE id = ?1", archived);
}

void ChatStore::set_unread(Id conversation, bool unread)
{
    set_unread(std::vector{conversation}, unread);
}

void ChatStore::set_unread(const std::vector<Id>& conversations, bool unread)
{
    change(conversations, "UPDATE conversations SET unread = ?2 WHERE id = ?1", unread);
}

void ChatStore::set_folder(Id conversation, std::string_view folder)
{
    set_folder(std::vector{conversation}, folder);
}

void ChatStore::set_folder(const std::vector<Id>& conversations, std::string_view folder)
{
    change(conversations, "UPDATE conversations SET folder = ?2 WHERE id = ?1", folder);
}

std::int64_t ChatStore::rename_folder(std::string_view from, std::string_view to)
{
    if (from.empty())
        throw Error("A folder without a name cannot be renamed", m_database->file().string(),
                    Error::Kind::constraint);
    const char* sql = R"sql(
        UPDATE conversations
        SET folder = iif(?2 = '', ltrim(substr(folder, length(?1) + 1), '/'),
                         ?2 || substr(folder, length(?1) + 1))
        WHERE folder = ?1 OR substr(folder, 1, length(?1) + 1) = ?1 || '/'
    )sql";
    m_database->run(sql, from, to);
    return m_database->changes();
}

void ChatStore::set_tags(Id conversation, const std::vector<std::string>& tags)
{
    set_tags(std::vector{conversation}, tags);
}

void ChatStore::set_tags(const std::vector<Id>& conversations, const std::vector<std::string>& tags)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations)
        replace_tags(conversation, tags);
    transaction.commit();
}

void ChatStore::replace_tags(Id conversation, const std::vector<std::string>& tags)
{
    leaf_of(*m_database, conversation); // which must exist
    m_database->run("DELETE FROM conversation_tags WHERE conversation = ?1", conversation);
    for (const std::string& tag : tags)
        m_database->run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                        conversation, tag);
}

void ChatStore::add_tag(const std::vector<Id>& conversations, std::string_view tag)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations) {
        leaf_of(*m_database, conversation);
        m_database->run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                        conversation, tag);
    }
    transaction.commit();
}

void ChatStore::remove_tag(const std::vector<Id>& conversations, std::string_view tag)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations) {
        leaf_of(*m_database, conversation);
        m_database->run("DELETE FROM conversation_tags WHERE conversation = ?1 AND tag = ?2", conversation,
                        tag);
    }
    transaction.commit();
}

void ChatStore::set_draft(Id conversation, std::string_view draft, std::int64_t cursor)
{
    m_database->run("UPDATE conversations SET draft = ?2, draft_cursor = ?3 WHERE id = ?1", conversation,
                    draft, cursor);
    require_change(*m_database, "conversation", conversation);
}

void ChatStore::set_settings(Id conversation, std::string_view settings)
{
    require_json_object(*m_database, settings);
    m_database->run("UPDATE conversations SET settings = ?2 WHERE id = ?1", conversation, settings);
    require_change(*m_database, "conversation", conversation);
}

void ChatStore::move_to_trash(Id conversation)
{
    move_to_trash(std::vector{conversation});
}

void ChatStore::move_to_trash(const std::vector<Id>& conversations)
{
    change(conversations, "UPDATE conversations SET deleted_at = ifnull(deleted_at, ?2) WHERE id = ?1",
           now());
}

void ChatStore::restore(Id conversation)
{
    restore(std::vector{conversation});
}

void ChatStore::restore(const std::vector<Id>& conversations)
{
    change(conversations, "UPDATE conversations SET deleted_at = NULL WHERE id = ?1");
}

void ChatStore::delete_for_ever(Id conversation)
{
    delete_for_ever(std::vector{conversation});
}

void ChatStore::delete_for_ever(const std::vector<Id>& conversations)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations)
        erase(conversation);
    transaction.commit();
}

void ChatStore::erase(Id conversation)
{
    m_database->run("UPDATE conversations SET leaf = NULL WHERE id = ?1", conversation);
    require_change(*m_database, "conversation", conversation);
    std::vector<Id> messages;
    {
        const char* sql = "SELECT id FROM messages WHERE conversation = ?1 AND status <> 'streaming'";
        Statement row = m_database->query(sql, conversation);
        while (row.step())
            messages.push_back(row.integer(0));
    }
    for (const Id message : messages)
        unindex_message(*m_database, message);
    unindex_title(*m_database, conversation);
    m_database->run("DELETE FROM messages WHERE conversation = ?1", conversation);
    m_database->run("DELETE FROM conversations WHERE id = ?1", conversation);
    m_database->run("INSERT OR IGNORE INTO chores VALUES ('clean search')");
}

std::int64_t ChatStore::empty_trash(Time deleted_before)
{
    std::vector<Id> ids;
    {
        Statement row =
            m_database->query("SELECT id FROM conversations WHERE deleted_at < ?1", deleted_before);
        while (row.step())
            ids.push_back(row.integer(0));
    }
    for (const Id id : ids)
        delete_for_ever(id);
    return static_cast<std::int64_t>(ids.size());
}

// Messages

Id ChatStore::append_message(Id conversation, Role role, std::string_view content)
{
    Transaction transaction(*m_database);
    const Id id = insert_message(*m_database, {conversation, leaf_of(*m_database, conversation), role},
                                 Status::complete, content);
    transaction.commit();
    return id;
}

Id ChatStore::add_sibling(Id message, std::string_view content)
{
    Transaction transaction(*m_database);
    const Id id = insert_message(*m_database, place_of(*m_database, message), Status::complete, content);
    transaction.commit();
    return id;
}

Id ChatStore::begin_answer(Id question, const AnswerOrigin& origin)
{
    require_json_object(*m_database, origin.sampling);
    Transaction transaction(*m_database);
    const Id id =
        insert_message(*m_database, {place_of(*m_database, question).conversation, question, Role::assistant},
                       Status::streaming, {});
    const char* sql = R"sql(
        UPDATE messages SET model_name = ?2, model_hash = ?3, engine_version = ?4, sampling = ?5, seed = ?6
        WHERE id = ?1
    )sql";
    m_database->run(sql, id, origin.model_name, origin.model_hash, origin.engine_version, origin.sampling,
                    origin.seed);
    transaction.commit();
    return id;
}

void ChatStore::update_answer(Id answer, std::string_view text, const std::vector<std::int32_t>& token_ids)
{
    m_database->run("UPDATE messages SET content = ?2, token_ids = ?3 WHERE id = ?1 AND status = 'streaming'",
                    answer, text, bytes_of(token_ids));
    require_change(*m_database, "answer being written with the number", answer);
}

void ChatStore::finish_answer(Id answer, const AnswerResult& result)
{
    require_json_object(*m_database, result.facts);
    Transaction transaction(*m_database);
    const char* sql = R"sql(
        UPDATE messages SET status = ?2, finish_reason = ?3, error = ?4, content = ?5, token_ids = ?6,
                            prompt_tokens = ?7, generated_tokens = ?8, first_token_seconds = ?9,
                            prompt_tokens_per_second = ?10, generate_tokens_per_second = ?11,
                            sampling = json_patch(sampling, ?12)
        WHERE id = ?1 AND status = 'streaming'
    )sql";
    m_database->run(sql, answer, name_of(result.status), name_of(result.finish_reason), result.error,
                    result.text, bytes_of(result.token_ids), result.prompt_tokens, result.generated_tokens,
                    result.first_token_seconds, result.prompt_tokens_per_second,
                    result.generate_tokens_per_second, result.facts);
    require_change(*m_database, "answer being written with the number", answer);
    index_message(*m_database, answer);
    const Id conversation = place_of(*m_database, answer).conversation;
    m_database->run("UPDATE conversations SET updated_at = ?2 WHERE id = ?1", conversation, now());
    update_preview(*m_database, conversation);
    transaction.commit();
}

void ChatStore::continue_answer(Id answer)
{
    const char* sql = R"sql(
        UPDATE messages SET status = 'streaming', finish_reason = 'none', error = ''
        WHERE id = ?1 AND role = 'assistant' AND status <> 'streaming'
          AND NOT EXISTS (SELECT 1 FROM messages below
                          WHERE below.conversation = messages.conversation AND below.parent = messages.id)
    )sql";
    Transaction transaction(*m_database);
    m_database->run(sql, answer);
    require_change(*m_database, "last answer with the number", answer);
    unindex_message(*m_database, answer);
    transaction.commit();
}

Id ChatStore::choose_branch(Id message)
{
    Transaction transaction(*m_database);
    const Id leaf = leaf_below(*m_database, message);
    choose_leaf(*m_database, leaf, place_of(*m_database, leaf));
    transaction.commit();
    return leaf;
}

Imported ChatStore::import_json(const std::filesystem::path& file, IfPresent if_present,
                                const Progress& progress)
{
    Transaction transaction(*m_database);
    Imported imported = storage::import_json(*m_database, file, if_present, progress);
    transaction.commit();
    return imported;
}
// Presets

Id ChatStore::add_preset(std::string_view name, std::string_view settings)
{
    return storage::add_preset(*m_database, name, settings);
}

void ChatStore::change_preset(Id preset, std::string_view name, std::string_view settings)
{
    storage::change_preset(*m_database, preset, name, settings);
}

void ChatStore::delete_preset(Id preset)
{
    storage::delete_preset(*m_database, preset);
}

void ChatStore::order_presets(const std::vector<Id>& presets)
{
    storage::order_presets(*m_database, presets);
}

// Upkeep

std::filesystem::path ChatStore::backup_now()
{
    return back_up(*m_database, m_profile / "backups");
}

bool ChatStore::idle()
{
    bool cleaning = false;
    {
        Statement row = m_database->query("SELECT 1 FROM chores WHERE name = 'clean search'");
        cleaning = row.step();
    }
    if (!cleaning) {
        m_database->execute("PRAGMA optimize");
        m_database->checkpoint();
        return false;
    }
    Transaction transaction(*m_database);
    const bool more = merge_search_indexes(*m_database);
    if (!more)
        m_database->run("DELETE FROM chores WHERE name = 'clean search'");
    transaction.commit();
    return true;
}

} // namespace storage
