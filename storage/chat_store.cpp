// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"

#include "storage/backup.h"
#include "storage/folding.h"
#include "storage/preview.h"
#include "storage/rescue.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <unordered_map>
#include <utility>

namespace storage {
namespace {

static_assert(std::endian::native == std::endian::little, "token ids are stored as they lie in memory");

std::span<const std::byte> bytes_of(const std::vector<std::int32_t>& token_ids)
{
    return std::as_bytes(std::span(token_ids));
}

std::optional<std::int64_t> optional_integer(const Statement& row, int column)
{
    return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

// Columns 0 to 11, which both queries for conversations begin with.
Conversation conversation_of(const Statement& row)
{
    Conversation conversation;
    conversation.id = row.integer(0);
    conversation.title = row.text(1);
    conversation.title_is_automatic = row.integer(2) != 0;
    conversation.pinned = row.integer(3) != 0;
    conversation.archived = row.integer(4) != 0;
    conversation.unread = row.integer(5) != 0;
    conversation.folder = row.text(6);
    conversation.created_at = row.integer(7);
    conversation.updated_at = row.integer(8);
    conversation.deleted_at = optional_integer(row, 9);
    conversation.leaf = optional_integer(row, 10);
    conversation.preview = row.text(11);
    return conversation;
}

// What both ways through a branch give of a message m: columns 0 to 20 of message_of().
constexpr const char* message_columns = R"sql(
        SELECT m.id, m.conversation, m.parent, m.ordinal, m.role, m.status, m.finish_reason, m.content,
               m.error, m.created_at, m.model_name, m.model_hash, m.engine_version, m.sampling, m.seed,
               m.prompt_tokens, m.generated_tokens, m.first_token_seconds, m.prompt_tokens_per_second,
               m.generate_tokens_per_second,
               CASE WHEN m.parent IS NULL
                    THEN (SELECT count(*) FROM messages s
                          WHERE s.conversation = m.conversation AND s.parent IS NULL)
                    ELSE (SELECT count(*) FROM messages s
                          WHERE s.conversation = m.conversation AND s.parent = m.parent) END
        FROM way CROSS JOIN messages m ON m.id = way.id
)sql";

Message message_of(const Statement& row)
{
    Message m;
    m.id = row.integer(0);
    m.conversation = row.integer(1);
    m.parent = optional_integer(row, 2);
    m.ordinal = static_cast<int>(row.integer(3));
    m.role = role_of(row.text(4));
    m.status = status_of(row.text(5));
    m.finish_reason = finish_reason_of(row.text(6));
    m.content = row.text(7);
    m.error = row.text(8);
    m.created_at = row.integer(9);
    if (!row.is_null(10))
        m.origin = AnswerOrigin{std::string(row.text(10)), std::string(row.text(11)),
                                std::string(row.text(12)), std::string(row.text(13)), row.integer(14)};
    m.prompt_tokens = static_cast<int>(row.integer(15));
    m.generated_tokens = static_cast<int>(row.integer(16));
    m.first_token_seconds = row.real(17);
    m.prompt_tokens_per_second = row.real(18);
    m.generate_tokens_per_second = row.real(19);
    m.sibling_count = static_cast<int>(row.integer(20));
    return m;
}

// The rows come one by one: what is not read is not walked either.
std::vector<Message> read_until(Statement row, const ChatReader::Enough& enough)
{
    std::vector<Message> messages;
    while (row.step()) {
        messages.push_back(message_of(row));
        if (enough(messages.back()))
            break;
    }
    return messages;
}

std::unique_ptr<Connection> open_for_reading(const std::filesystem::path& profile)
{
    auto database = std::make_unique<Connection>(database_file(profile), Connection::Mode::read_only);
    refuse_foreign(*database, supported_version());
    return database;
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

std::filesystem::path database_file(const std::filesystem::path& profile)
{
    return profile / "fathom.sqlite";
}

// ChatReader

ChatReader::ChatReader(const std::filesystem::path& profile)
    : ChatReader(open_for_reading(profile))
{
}

ChatReader::ChatReader(std::unique_ptr<Connection> database)
    : m_database(std::move(database))
{
}

std::vector<Conversation> ChatReader::list_conversations(Scope scope, std::int64_t limit, std::int64_t offset)
{
    std::vector<Conversation> conversations;
    std::unordered_map<Id, std::size_t> places;
    const char* sql = R"sql(
        SELECT c.id, c.title, c.title_is_automatic, c.pinned, c.archived, c.unread, c.folder,
               c.created_at, c.updated_at, c.deleted_at, c.leaf, c.preview
        FROM conversations c
        WHERE c.scope = ?1
        ORDER BY c.deleted_at DESC, c.pinned DESC, c.updated_at DESC, c.id DESC
        LIMIT ?2 OFFSET ?3
    )sql";
    Statement row = m_database->query(sql, static_cast<int>(scope), limit, offset);
    while (row.step()) {
        conversations.push_back(conversation_of(row));
        places.emplace(conversations.back().id, conversations.size() - 1);
    }
    Statement tag =
        m_database->query("SELECT conversation, tag FROM conversation_tags ORDER BY conversation, tag");
    while (tag.step()) {
        if (const auto place = places.find(tag.integer(0)); place != places.end())
            conversations[place->second].tags.emplace_back(tag.text(1));
    }
    return conversations;
}

Counts ChatReader::count_conversations()
{
    Statement row = m_database->query(R"sql(
        SELECT count(*) FILTER (WHERE scope = 0), count(*) FILTER (WHERE scope = 1),
               count(*) FILTER (WHERE scope = 2)
        FROM conversations
    )sql");
    row.step();
    return {row.integer(0), row.integer(1), row.integer(2)};
}

std::optional<Conversation> ChatReader::conversation(Id id)
{
    const char* sql = R"sql(
        SELECT c.id, c.title, c.title_is_automatic, c.pinned, c.archived, c.unread, c.folder,
               c.created_at, c.updated_at, c.deleted_at, c.leaf, c.preview, c.draft, c.settings,
               c.draft_cursor, c.uuid
        FROM conversations c
        WHERE c.id = ?1
    )sql";
    Statement row = m_database->query(sql, id);
    if (!row.step())
        return std::nullopt;
    Conversation conversation = conversation_of(row);
    conversation.draft = row.text(12);
    conversation.settings = row.text(13);
    conversation.draft_cursor = row.integer(14);
    conversation.uuid = row.text(15);
    Statement tag =
        m_database->query("SELECT tag FROM conversation_tags WHERE conversation = ?1 ORDER BY tag", id);
    while (tag.step())
        conversation.tags.emplace_back(tag.text(0));
    return conversation;
}

std::vector<Message> ChatReader::branch(Id conversation, std::int64_t limit)
{
    std::optional<Id> leaf;
    {
        Statement row = m_database->query("SELECT leaf FROM conversations WHERE id = ?1", conversation);
        if (row.step())
            leaf = optional_integer(row, 0);
    }
    return leaf ? path(*leaf, limit) : std::vector<Message>();
}

std::vector<Message> ChatReader::path(Id message, std::int64_t limit)
{
    if (limit == 0)
        return {};
    return path(message, [limit, read = std::int64_t(0)](const Message&) mutable { return ++read == limit; });
}

std::vector<Message> ChatReader::path(Id message, const Enough& enough)
{
    static const std::string sql = std::string(R"sql(
        WITH RECURSIVE way (id, parent) AS (
            SELECT id, parent FROM messages WHERE id = ?1
            UNION ALL
            SELECT above.id, above.parent
            FROM way JOIN messages above ON above.id = way.parent AND above.id < way.id)
    )sql") + message_columns;
    std::vector<Message> messages = read_until(m_database->query(sql.c_str(), message), enough);
    std::reverse(messages.begin(), messages.end());
    return messages;
}

std::vector<Message> ChatReader::beginning(Id conversation, const Enough& enough)
{
    static const std::string sql = std::string(R"sql(
        WITH RECURSIVE way (id) AS (
            SELECT id FROM messages WHERE conversation = ?1 AND parent IS NULL AND chosen
            UNION ALL
            SELECT below.id
            FROM way JOIN messages below ON below.conversation = ?1 AND below.parent = way.id
                AND below.id > way.id AND below.chosen)
    )sql") + message_columns;
    return read_until(m_database->query(sql.c_str(), conversation), enough);
}

std::int64_t ChatReader::depth(Id message)
{
    std::optional<Id> next;
    Id conversation = 0;
    {
        Statement row = m_database->query("SELECT conversation, parent FROM messages WHERE id = ?1", message);
        if (row.step()) {
            conversation = row.integer(0);
            next = optional_integer(row, 1);
        }
    }
    // One pass through an index, as in branch_heads().
    const char* sql = R"sql(
        SELECT id, parent FROM messages INDEXED BY message_heads
        WHERE conversation = ?1 AND id < ?2 ORDER BY id DESC
    )sql";
    std::int64_t above = 0;
    Statement row = m_database->query(sql, conversation, message);
    while (next && row.step()) {
        if (row.integer(0) != *next)
            continue;
        next = optional_integer(row, 1);
        ++above;
    }
    return above;
}

std::optional<Message> ChatReader::message(Id id)
{
    std::vector<Message> messages = path(id, 1);
    return messages.empty() ? std::nullopt : std::optional(std::move(messages.front()));
}

std::vector<Message> ChatReader::messages(const std::vector<Id>& ids)
{
    std::vector<Message> found;
    found.reserve(ids.size());
    for (const Id id : ids)
        if (std::optional<Message> one = message(id))
            found.push_back(std::move(*one));
    return found;
}

std::vector<MessageHead> ChatReader::branch_heads(Id conversation)
{
    struct Row
    {
        MessageHead head;
        std::optional<Id> parent;
    };
    std::optional<Id> leaf;
    {
        Statement row = m_database->query("SELECT leaf FROM conversations WHERE id = ?1", conversation);
        if (row.step())
            leaf = optional_integer(row, 0);
    }
    // The whole tree in one pass through one index: a walk from row to row would take a jump for each.
    std::vector<Row> tree;
    std::unordered_map<Id, int> siblings; // of the first child of each parent (0: none), where it has any
    const char* sql = R"sql(
        SELECT id, parent, ordinal, role, status, length(content)
        FROM messages INDEXED BY message_heads WHERE conversation = ?1 ORDER BY id
    )sql";
    Statement row = m_database->query(sql, conversation);
    while (row.step()) {
        Row& one = tree.emplace_back();
        one.head.id = row.integer(0);
        one.parent = optional_integer(row, 1);
        one.head.ordinal = static_cast<int>(row.integer(2));
        one.head.role = role_of(row.text(3));
        one.head.status = status_of(row.text(4));
        one.head.length = row.integer(5);
        if (one.head.ordinal > 0)
            ++siblings[one.parent.value_or(0)];
    }
    std::vector<MessageHead> heads;
    std::optional<Id> next = leaf;
    for (auto one = tree.rbegin(); one != tree.rend() && next; ++one) {
        if (one->head.id != *next)
            continue;
        next = one->parent; // which has a smaller id
        if (const auto more = siblings.find(next.value_or(0)); more != siblings.end())
            one->head.sibling_count += more->second;
        heads.push_back(one->head);
    }
    std::reverse(heads.begin(), heads.end());
    return heads;
}

std::vector<Id> ChatReader::siblings(Id message)
{
    std::vector<Id> ids;
    const char* sql = R"sql(
        SELECT s.id
        FROM messages m JOIN messages s ON s.conversation = m.conversation AND s.parent IS m.parent
        WHERE m.id = ?1 ORDER BY s.ordinal
    )sql";
    Statement row = m_database->query(sql, message);
    while (row.step())
        ids.push_back(row.integer(0));
    return ids;
}

std::vector<std::int32_t> ChatReader::token_ids(Id message)
{
    std::vector<std::int32_t> ids;
    Statement row = m_database->query("SELECT token_ids FROM messages WHERE id = ?1", message);
    if (row.step()) {
        const std::span<const std::byte> bytes = row.blob(0);
        ids.resize(bytes.size() / sizeof(std::int32_t));
        if (!ids.empty())
            std::memcpy(ids.data(), bytes.data(), ids.size() * sizeof(std::int32_t));
    }
    return ids;
}

std::vector<NameCount> ChatReader::name_counts(const char* sql, Scope scope)
{
    std::vector<NameCount> names;
    Statement row = m_database->query(sql, static_cast<int>(scope));
    while (row.step())
        names.push_back({std::string(row.text(0)), row.integer(1)});
    return names;
}

std::vector<NameCount> ChatReader::folders(Scope scope)
{
    return name_counts(R"sql(
        SELECT folder, count(*) FROM conversations WHERE scope = ?1 AND folder <> ''
        GROUP BY folder ORDER BY folder
    )sql",
                       scope);
}

std::vector<NameCount> ChatReader::tags(Scope scope)
{
    return name_counts(R"sql(
        SELECT t.tag, count(*) FROM conversation_tags t JOIN conversations c ON c.id = t.conversation
        WHERE c.scope = ?1 GROUP BY t.tag ORDER BY t.tag
    )sql",
                       scope);
}

std::vector<Preset> ChatReader::presets()
{
    std::vector<Preset> presets;
    Statement row = m_database->prepare("SELECT id, name, settings FROM presets ORDER BY place, id");
    while (row.step())
        presets.push_back({row.integer(0), std::string(row.text(1)), std::string(row.text(2))});
    return presets;
}

template <typename Search> auto ChatReader::interruptible(Search run)
{
    const std::uint64_t before = std::exchange(m_interrupts_before, m_interrupts.load());
    try {
        return run();
    } catch (const Error& error) {
        // An interrupt that meets FTS5 while it opens its tables comes back as a failure of them.
        if (error.kind() == Error::Kind::other && m_interrupts != before)
            throw Error("The search was cancelled", error.where(), Error::Kind::cancelled);
        throw;
    }
}

std::vector<SearchHit> ChatReader::search(std::string_view text, std::int64_t limit, SearchIn where)
{
    const std::size_t most =
        limit < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limit);
    return interruptible([&] { return storage::search(*m_database, text, most, where); });
}

std::vector<MessageMatch> ChatReader::find_in_branch(Id conversation, std::string_view text)
{
    return find_among(conversation, branch_heads(conversation), text);
}

std::vector<MessageMatch> ChatReader::find_among(Id conversation, std::span<const MessageHead> heads,
                                                 std::string_view text)
{
    return interruptible([&] { return find_in(*m_database, conversation, heads, text); });
}

void ChatReader::export_json(const std::vector<Id>& conversations, const std::filesystem::path& file,
                             const Progress& progress)
{
    storage::export_json(*m_database, conversations, file, progress);
}

void ChatReader::interrupt() noexcept
{
    ++m_interrupts;
    m_database->interrupt();
}

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
        update_preview(*m_database, place_of(id).conversation);
    }
    transaction.commit();
}

void ChatStore::refuse_missing(const char* what, Id id) const
{
    throw Error(fmt::format("There is no {} {} in the history", what, id), m_database->file().string(),
                Error::Kind::constraint);
}

void ChatStore::require_change(const char* what, Id id) const
{
    if (m_database->changes() == 0)
        refuse_missing(what, id);
}

void ChatStore::require_json_object(std::string_view text)
{
    // Not a CHECK of the table: to SQLite 3.40 the JSON functions are unsafe in a schema that is not trusted.
    const char* sql = "SELECT iif(json_valid(?1), json_type(?1) = 'object', 0)";
    Statement row = m_database->query(sql, text);
    if (!row.step() || row.integer(0) == 0)
        throw Error("What should be a JSON object is none", m_database->file().string(),
                    Error::Kind::constraint);
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
    require_json_object(settings);
    Transaction transaction(*m_database);
    const Id id = insert_conversation(title, settings);
    transaction.commit();
    return id;
}

Id ChatStore::fork(Id message, std::string_view title)
{
    Transaction transaction(*m_database);
    const Id source = place_of(message).conversation;
    std::vector<Id> way;
    {
        const char* sql = R"sql(
            WITH RECURSIVE way (id, parent) AS (
                SELECT id, parent FROM messages WHERE id = ?1
                UNION ALL
                SELECT above.id, above.parent
                FROM way JOIN messages above ON above.id = way.parent AND above.id < way.id)
            SELECT id FROM way
        )sql";
        Statement row = m_database->query(sql, message);
        while (row.step())
            way.push_back(row.integer(0));
    }
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
    const char* copy = R"sql(
        INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, finish_reason, created_at,
                              model_name, model_hash, engine_version, sampling, seed, prompt_tokens,
                              generated_tokens, first_token_seconds, prompt_tokens_per_second,
                              generate_tokens_per_second, error, content, token_ids)
        SELECT ?1, ?2, 0, 1, role, iif(status = 'streaming', 'interrupted', status), finish_reason,
               created_at, model_name, model_hash, engine_version, sampling, seed, prompt_tokens,
               generated_tokens, first_token_seconds, prompt_tokens_per_second, generate_tokens_per_second,
               error, content, token_ids
        FROM messages WHERE id = ?3
    )sql";
    std::optional<Id> parent;
    for (auto original = way.rbegin(); original != way.rend(); ++original) {
        m_database->run(copy, id, parent, *original);
        parent = m_database->last_insert_id();
    }
    index_messages(*m_database, id);
    m_database->run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", id, parent);
    update_preview(*m_database, id);
    transaction.commit();
    return id;
}

void ChatStore::rename(Id conversation, std::string_view title)
{
    Transaction transaction(*m_database);
    unindex_title(*m_database, conversation);
    m_database->run("UPDATE conversations SET title = ?2, title_is_automatic = 0 WHERE id = ?1", conversation,
                    title);
    require_change("conversation", conversation);
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
        require_change("conversation", conversation);
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
    conversation_leaf(conversation); // which must exist
    m_database->run("DELETE FROM conversation_tags WHERE conversation = ?1", conversation);
    for (const std::string& tag : tags)
        m_database->run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                        conversation, tag);
}

void ChatStore::add_tag(const std::vector<Id>& conversations, std::string_view tag)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations) {
        conversation_leaf(conversation);
        m_database->run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                        conversation, tag);
    }
    transaction.commit();
}

void ChatStore::remove_tag(const std::vector<Id>& conversations, std::string_view tag)
{
    Transaction transaction(*m_database);
    for (const Id conversation : conversations) {
        conversation_leaf(conversation);
        m_database->run("DELETE FROM conversation_tags WHERE conversation = ?1 AND tag = ?2", conversation,
                        tag);
    }
    transaction.commit();
}

void ChatStore::set_draft(Id conversation, std::string_view draft, std::int64_t cursor)
{
    m_database->run("UPDATE conversations SET draft = ?2, draft_cursor = ?3 WHERE id = ?1", conversation,
                    draft, cursor);
    require_change("conversation", conversation);
}

void ChatStore::set_settings(Id conversation, std::string_view settings)
{
    require_json_object(settings);
    m_database->run("UPDATE conversations SET settings = ?2 WHERE id = ?1", conversation, settings);
    require_change("conversation", conversation);
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
    require_change("conversation", conversation);
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

std::optional<Id> ChatStore::conversation_leaf(Id conversation)
{
    Statement row = m_database->query("SELECT leaf FROM conversations WHERE id = ?1", conversation);
    if (!row.step())
        refuse_missing("conversation", conversation);
    return optional_integer(row, 0);
}

ChatStore::Place ChatStore::place_of(Id message)
{
    Statement row =
        m_database->query("SELECT conversation, parent, role FROM messages WHERE id = ?1", message);
    if (!row.step())
        refuse_missing("message", message);
    return {row.integer(0), optional_integer(row, 1), role_of(row.text(2))};
}

Id ChatStore::insert_message(const Place& place, Status status, std::string_view content)
{
    const Time time = now();
    const char* sql = R"sql(
        INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, created_at, content)
        VALUES (?1, ?2, (SELECT count(*) FROM messages WHERE conversation = ?1 AND parent IS ?2), 0,
                ?3, ?4, ?5, ?6)
    )sql";
    m_database->run(sql, place.conversation, place.parent, name_of(place.role), name_of(status), time,
                    content);
    const Id id = m_database->last_insert_id();
    if (status != Status::streaming)
        index_message(*m_database, id);
    choose(id, place);
    m_database->run("UPDATE conversations SET updated_at = ?2 WHERE id = ?1", place.conversation, time);
    return id;
}

void ChatStore::choose(Id leaf, const Place& place)
{
    // Below the present leaf the way down to it is marked already; walking it each time would make a long
    // conversation slow.
    const bool extends = place.parent == conversation_leaf(place.conversation);
    const char* sql = R"sql(
        WITH RECURSIVE way (id, conversation, parent) AS (
            SELECT id, conversation, parent FROM messages WHERE id = ?1
            UNION ALL
            SELECT above.id, above.conversation, above.parent
            FROM way JOIN messages above ON above.id = way.parent AND above.id < way.id
            LIMIT ?2)
        UPDATE messages SET chosen = (messages.id = way.id)
        FROM way
        WHERE messages.conversation = way.conversation AND messages.parent IS way.parent
          AND messages.chosen <> (messages.id = way.id)
    )sql";
    m_database->run(sql, leaf, extends ? 1 : no_limit);
    m_database->run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", place.conversation, leaf);
    update_preview(*m_database, place.conversation);
}

Id ChatStore::append_message(Id conversation, Role role, std::string_view content)
{
    Transaction transaction(*m_database);
    const Id id =
        insert_message({conversation, conversation_leaf(conversation), role}, Status::complete, content);
    transaction.commit();
    return id;
}

Id ChatStore::add_sibling(Id message, std::string_view content)
{
    Transaction transaction(*m_database);
    const Id id = insert_message(place_of(message), Status::complete, content);
    transaction.commit();
    return id;
}

Id ChatStore::begin_answer(Id question, const AnswerOrigin& origin)
{
    require_json_object(origin.sampling);
    Transaction transaction(*m_database);
    const Id id =
        insert_message({place_of(question).conversation, question, Role::assistant}, Status::streaming, {});
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
    require_change("answer being written with the number", answer);
}

void ChatStore::finish_answer(Id answer, const AnswerResult& result)
{
    require_json_object(result.facts);
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
    require_change("answer being written with the number", answer);
    index_message(*m_database, answer);
    const Id conversation = place_of(answer).conversation;
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
    require_change("last answer with the number", answer);
    unindex_message(*m_database, answer);
    transaction.commit();
}

Id ChatStore::choose_branch(Id message)
{
    Transaction transaction(*m_database);
    const Place place = place_of(message);
    Id leaf = message;
    {
        const char* sql = R"sql(
            WITH RECURSIVE way (id, steps) AS (
                SELECT ?1, 0
                UNION ALL
                SELECT below.id, steps + 1
                FROM way JOIN messages below ON below.conversation = ?2 AND below.parent = way.id
                    AND below.id > way.id AND below.chosen)
            SELECT id FROM way ORDER BY steps DESC LIMIT 1
        )sql";
        Statement row = m_database->query(sql, message, place.conversation);
        if (row.step())
            leaf = row.integer(0);
    }
    choose(leaf, place_of(leaf));
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

void ChatStore::require_free_preset_name(std::string_view name, Id except)
{
    const char* sql = "SELECT EXISTS (SELECT 1 FROM presets WHERE name = ?1 AND id <> ?2)";
    if (m_database->query(sql, name, except).first_integer() != 0)
        throw Error(fmt::format("There is already a preset \"{}\"", name), m_database->file().string(),
                    Error::Kind::constraint);
}

Id ChatStore::add_preset(std::string_view name, std::string_view settings)
{
    require_json_object(settings);
    require_free_preset_name(name, 0);
    const char* sql = R"sql(
        INSERT INTO presets (name, settings, place)
        VALUES (?1, ?2, (SELECT ifnull(max(place) + 1, 0) FROM presets))
    )sql";
    m_database->run(sql, name, settings);
    return m_database->last_insert_id();
}

void ChatStore::change_preset(Id preset, std::string_view name, std::string_view settings)
{
    require_json_object(settings);
    require_free_preset_name(name, preset);
    m_database->run("UPDATE presets SET name = ?2, settings = ?3 WHERE id = ?1", preset, name, settings);
    require_change("preset", preset);
}

void ChatStore::delete_preset(Id preset)
{
    m_database->run("DELETE FROM presets WHERE id = ?1", preset);
    require_change("preset", preset);
}

void ChatStore::order_presets(const std::vector<Id>& presets)
{
    Transaction transaction(*m_database);
    m_database->run("UPDATE presets SET place = place + ?1", static_cast<std::int64_t>(presets.size()));
    for (std::size_t i = 0; i < presets.size(); ++i) {
        m_database->run("UPDATE presets SET place = ?2 WHERE id = ?1", presets[i],
                        static_cast<std::int64_t>(i));
        require_change("preset", presets[i]);
    }
    // Those left out keep their order, without numbers that grow each time.
    const char* renumber = R"sql(
        UPDATE presets SET place = numbered.place
        FROM (SELECT id, row_number() OVER (ORDER BY place, id) - 1 AS place FROM presets) numbered
        WHERE presets.id = numbered.id
    )sql";
    m_database->run(renumber);
    transaction.commit();
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
