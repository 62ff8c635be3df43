// SPDX-License-Identifier: MIT
#include "storage/chat_reader.h"

#include "storage/exchange.h"
#include "storage/migrations.h"
#include "storage/presets.h"

#include <algorithm>
#include <cstring>
#include <fmt/format.h>
#include <limits>
#include <unordered_map>
#include <utility>

namespace storage {
namespace {

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
    conversation.deleted_at = row.optional_integer(9);
    conversation.leaf = row.optional_integer(10);
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
    m.parent = row.optional_integer(2);
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
            leaf = row.optional_integer(0);
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
            next = row.optional_integer(1);
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
        next = row.optional_integer(1);
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
            leaf = row.optional_integer(0);
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
        one.parent = row.optional_integer(1);
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
    return list_presets(*m_database);
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

} // namespace storage
