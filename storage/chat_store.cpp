// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"

#include "storage/folding.h"
#include "storage/migrations.h"

#include <algorithm>
#include <array>
#include <bit>
#include <chrono>
#include <cstring>
#include <fmt/format.h>
#include <iterator>
#include <limits>
#include <unordered_map>
#include <utility>

namespace storage {
namespace {

static_assert(std::endian::native == std::endian::little, "token ids are stored as they lie in memory");

// Names as the database spells them, in the order of the enums: a number could change its meaning with the
// code.
constexpr std::array<std::string_view, 4> role_names{"system", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 5> status_names{"complete", "streaming", "interrupted", "stopped",
                                                       "failed"};
constexpr std::array<std::string_view, 6> finish_reason_names{"none",         "stop",      "length",
                                                              "context_full", "cancelled", "error"};

template <typename Enum, std::size_t Size>
Enum enum_of(const std::array<std::string_view, Size>& names, std::string_view name,
             const Connection& database)
{
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw Error(fmt::format("The history {} is damaged (it holds the unknown word \"{}\")",
                                database.file().string(), name),
                    database.file().string(), Error::Kind::corrupt);
    return static_cast<Enum>(found - names.begin());
}

std::string_view name_of(Role role)
{
    return role_names[static_cast<std::size_t>(role)];
}
std::string_view name_of(Status status)
{
    return status_names[static_cast<std::size_t>(status)];
}
std::string_view name_of(FinishReason reason)
{
    return finish_reason_names[static_cast<std::size_t>(reason)];
}

std::span<const std::byte> bytes_of(const std::vector<std::int32_t>& token_ids)
{
    return std::as_bytes(std::span(token_ids));
}

std::optional<std::int64_t> optional_integer(const Statement& row, int column)
{
    return row.is_null(column) ? std::nullopt : std::optional(row.integer(column));
}

// The beginning of a text on one line: runs of blanks become one space, at most `limit` characters.
std::string one_line(std::string_view text, std::size_t limit)
{
    std::string line;
    bool blank = false;
    for (std::size_t characters = 0; !text.empty() && characters < limit;) {
        const Decoded next = decode(text);
        if (is_blank(next.character)) {
            blank = !line.empty();
        } else {
            if (blank)
                line += ' ';
            blank = false;
            line += next.character == 0xFFFD ? std::string_view("\uFFFD") : text.substr(0, next.length);
            ++characters;
        }
        text.remove_prefix(next.length);
    }
    return line;
}

constexpr std::size_t preview_length = 160; // characters

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

// What a person searches for. The indexes know which texts hold certain groups of characters, not where;
// whether the words are there is then seen in the text itself.
struct SearchQuery
{
    std::vector<std::u32string> words;   // folded; a text must hold each of them
    std::optional<std::string> trigrams; // FTS5 expressions: all groups of three of words of at least three
    std::optional<std::string> bigrams;  // characters, all shorter words
    bool in_trash = false;
};

constexpr std::size_t most_words = 16;
constexpr std::size_t longest_word = 256; // characters
constexpr std::size_t most_trigrams = 16; // of one word: more of them hardly narrow the search

// Adds a string that FTS5 must find. Nothing is an operator inside its quotes.
void require(std::optional<std::string>& expression, std::string_view text, std::string_view behind = {})
{
    std::string& all = expression ? *expression : expression.emplace();
    all += all.empty() ? "\"" : " AND \"";
    for (const char c : text)
        all.append(c == '"' ? 2 : 1, c);
    all += '"';
    all += behind;
}

void add_word(SearchQuery& query, std::string_view word, const Folder& folder)
{
    const std::vector<FoldedCharacter> characters = folder.fold(word);
    if (characters.empty() || query.words.size() == most_words)
        return;
    std::u32string& folded = query.words.emplace_back();
    for (const FoldedCharacter& character : characters)
        folded += character.folded;
    if (characters.size() == 1)
        require(query.bigrams, word, " *"); // any pair that it begins
    else if (characters.size() == 2)
        require(query.bigrams, word);
    for (std::size_t i = 0; i + 3 <= characters.size() && i < most_trigrams; ++i)
        require(query.trigrams,
                word.substr(characters[i].begin, characters[i + 2].end - characters[i].begin));
}

SearchQuery parse_query(std::string_view text, SearchIn where, const Folder& folder)
{
    SearchQuery query;
    query.in_trash = where == SearchIn::everything;
    std::string word;
    std::size_t characters = 0;
    const auto end_word = [&] {
        add_word(query, word, folder);
        word.clear();
        characters = 0;
    };
    for (Decoded next; !text.empty(); text.remove_prefix(next.length)) {
        next = decode(text);
        if (is_blank(next.character) || next.character == 0xFFFD) {
            end_word();
            continue;
        }
        word += text.substr(0, next.length);
        if (++characters == longest_word)
            end_word();
    }
    end_word();
    return query;
}

constexpr std::size_t snippet_before = 40;  // characters in front of the first match
constexpr std::size_t snippet_length = 160; // characters

// Fills in one line of the text around the first word that is found, with all words marked in it; false if a
// word is missing.
bool fill_snippet(SearchHit& hit, std::string_view text, const SearchQuery& query, const Folder& folder)
{
    const std::vector<FoldedCharacter> characters = folder.fold(text);
    std::u32string folded;
    folded.reserve(characters.size());
    for (const FoldedCharacter& character : characters)
        folded += character.folded;

    std::size_t first = folded.size();
    for (const std::u32string& word : query.words) {
        const std::size_t at = folded.find(word);
        if (at == std::u32string::npos)
            return false;
        first = std::min(first, at);
    }
    const std::size_t begin = first > snippet_before ? first - snippet_before : 0;
    const std::size_t end = std::min(folded.size(), begin + snippet_length);

    std::vector<bool> matched(end - begin);
    for (const std::u32string& word : query.words) {
        for (std::size_t at = folded.find(word, begin); at < end; at = folded.find(word, at + 1))
            std::fill(matched.begin() + static_cast<std::ptrdiff_t>(at - begin),
                      matched.begin() + static_cast<std::ptrdiff_t>(std::min(end, at + word.size()) - begin),
                      true);
    }

    if (begin > 0)
        hit.snippet = "…";
    bool blank = false;
    for (std::size_t i = begin; i < end; ++i) {
        if (is_blank(characters[i].folded)) {
            blank = i > begin;
            continue;
        }
        if (blank)
            hit.snippet += ' ';
        const bool is_new_match = matched[i - begin] && (i == begin || blank || !matched[i - begin - 1]);
        blank = false;
        const std::size_t at = hit.snippet.size();
        hit.snippet += text.substr(characters[i].begin, characters[i].end - characters[i].begin);
        if (is_new_match)
            hit.matches.push_back({at, hit.snippet.size() - at});
        else if (matched[i - begin])
            hit.matches.back().length = hit.snippet.size() - hit.matches.back().begin;
    }
    if (end < folded.size())
        hit.snippet += "…";
    return true;
}

// Short words that stand in no more texts than this lead a search that has long words too. Reading so many
// texts takes about a tenth of a second; where there are more, the first hits are met soon.
constexpr std::int64_t few_texts = 5000;

// Both searches walk one index from its newest entry, and end with the limit.

void search_titles(Connection& database, const SearchQuery& query, std::size_t limit,
                   std::vector<SearchHit>& hits)
{
    const char* by_trigrams = R"sql(
        SELECT c.id, c.title, c.updated_at
        FROM title_trigrams CROSS JOIN conversations c ON c.id = title_trigrams.rowid
        WHERE title_trigrams MATCH ?1 AND (?2 OR c.deleted_at IS NULL)
        ORDER BY title_trigrams.rowid DESC
    )sql";
    const char* by_bigrams = R"sql(
        SELECT c.id, c.title, c.updated_at
        FROM title_bigrams CROSS JOIN conversations c ON c.id = title_bigrams.rowid
        WHERE title_bigrams MATCH ?1 AND (?2 OR c.deleted_at IS NULL)
        ORDER BY title_bigrams.rowid DESC
    )sql";
    Statement row = query.trigrams ? database.query(by_trigrams, query.trigrams, query.in_trash)
                                   : database.query(by_bigrams, query.bigrams, query.in_trash);
    while (hits.size() < limit && row.step()) {
        SearchHit hit;
        hit.conversation = row.integer(0);
        hit.title = row.text(1);
        hit.time = row.integer(2);
        if (fill_snippet(hit, hit.title, query, database.folder()))
            hits.push_back(std::move(hit));
    }
}

void search_messages(Connection& database, const SearchQuery& query, std::size_t limit,
                     std::vector<SearchHit>& hits)
{
    const char* by_trigrams = R"sql(
        SELECT m.id, m.conversation, m.role, c.title, m.created_at, m.content
        FROM message_trigrams CROSS JOIN messages m ON m.id = message_trigrams.rowid
        CROSS JOIN conversations c ON c.id = m.conversation
        WHERE message_trigrams MATCH ?1 AND (?2 OR c.deleted_at IS NULL)
        ORDER BY message_trigrams.rowid DESC
    )sql";
    const char* by_bigrams = R"sql(
        SELECT m.id, m.conversation, m.role, c.title, m.created_at, m.content
        FROM message_bigrams CROSS JOIN messages m ON m.id = message_bigrams.rowid
        CROSS JOIN conversations c ON c.id = m.conversation
        WHERE message_bigrams MATCH ?1 AND (?2 OR c.deleted_at IS NULL)
        ORDER BY message_bigrams.rowid DESC
    )sql";
    const char* count_short = R"sql(
        SELECT count(*) FROM (SELECT 1 FROM message_bigrams WHERE message_bigrams MATCH ?1 LIMIT ?2)
    )sql";
    const bool trigrams_lead =
        query.trigrams &&
        !(query.bigrams &&
          database.query(count_short, query.bigrams, few_texts + 1).first_integer() <= few_texts);
    Statement row = trigrams_lead ? database.query(by_trigrams, query.trigrams, query.in_trash)
                                  : database.query(by_bigrams, query.bigrams, query.in_trash);
    while (hits.size() < limit && row.step()) {
        SearchHit hit;
        hit.message = row.integer(0);
        hit.conversation = row.integer(1);
        hit.role = enum_of<Role>(role_names, row.text(2), database);
        hit.title = row.text(3);
        hit.time = row.integer(4);
        if (fill_snippet(hit, row.text(5), query, database.folder()))
            hits.push_back(std::move(hit));
    }
}

std::unique_ptr<Connection> open_for_reading(const std::filesystem::path& profile)
{
    auto database = std::make_unique<Connection>(database_file(profile), Connection::Mode::read_only);
    refuse_foreign(*database, supported_version());
    return database;
}

std::unique_ptr<Connection> open_for_writing(const std::filesystem::path& profile)
{
    auto database = std::make_unique<Connection>(database_file(profile), Connection::Mode::read_write);
    refuse_foreign(*database, supported_version());
    database->use_write_ahead_log();
    migrate(*database, migrations(), profile / "backups");
    return database;
}

} // namespace

Time now()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

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
               c.created_at, c.updated_at, c.deleted_at, c.leaf, c.preview, c.draft, c.settings
        FROM conversations c
        WHERE c.id = ?1
    )sql";
    Statement row = m_database->query(sql, id);
    if (!row.step())
        return std::nullopt;
    Conversation conversation = conversation_of(row);
    conversation.draft = row.text(12);
    conversation.settings = row.text(13);
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
    std::vector<Message> messages;
    const char* sql = R"sql(
        WITH RECURSIVE way (id, parent, steps) AS (
            SELECT id, parent, 1 FROM messages WHERE id = ?1
            UNION ALL
            SELECT above.id, above.parent, steps + 1 FROM way JOIN messages above ON above.id = way.parent AND above.id < way.id
            LIMIT ?2)
        SELECT m.id, m.conversation, m.parent, m.ordinal, m.role, m.status, m.finish_reason, m.content, m.error,
               m.created_at, m.model_name, m.model_hash, m.engine_version, m.sampling, m.seed, m.prompt_tokens,
               m.generated_tokens, m.first_token_seconds, m.prompt_tokens_per_second, m.generate_tokens_per_second,
               CASE WHEN m.parent IS NULL
                    THEN (SELECT count(*) FROM messages s WHERE s.conversation = m.conversation AND s.parent IS NULL)
                    ELSE (SELECT count(*) FROM messages s
                          WHERE s.conversation = m.conversation AND s.parent = m.parent) END
        FROM way CROSS JOIN messages m ON m.id = way.id
    )sql";
    Statement row = m_database->query(sql, message, limit);
    while (row.step()) {
        Message& m = messages.emplace_back();
        m.id = row.integer(0);
        m.conversation = row.integer(1);
        m.parent = optional_integer(row, 2);
        m.ordinal = static_cast<int>(row.integer(3));
        m.role = enum_of<Role>(role_names, row.text(4), *m_database);
        m.status = enum_of<Status>(status_names, row.text(5), *m_database);
        m.finish_reason = enum_of<FinishReason>(finish_reason_names, row.text(6), *m_database);
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
    }
    std::reverse(messages.begin(), messages.end());
    return messages;
}

std::optional<Message> ChatReader::message(Id id)
{
    std::vector<Message> messages = path(id, 1);
    return messages.empty() ? std::nullopt : std::optional(std::move(messages.front()));
}

std::vector<Id> ChatReader::siblings(Id message)
{
    std::vector<Id> ids;
    const char* sql = R"sql(
        SELECT s.id FROM messages m JOIN messages s ON s.conversation = m.conversation AND s.parent IS m.parent
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

std::vector<SearchHit> ChatReader::search(std::string_view text, std::int64_t limit, SearchIn where)
{
    const SearchQuery query = parse_query(text, where, m_database->folder());
    std::vector<SearchHit> hits;
    if (query.words.empty() || limit == 0)
        return hits;
    const std::size_t most =
        limit < 0 ? std::numeric_limits<std::size_t>::max() : static_cast<std::size_t>(limit);
    search_titles(*m_database, query, most, hits);
    search_messages(*m_database, query, most, hits);
    return hits;
}

// ChatStore

ChatStore::ChatStore(const ProfileLock& lock)
    : ChatReader(lock.held() ? open_for_writing(lock.profile())
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
    m_database.reset();
    m_database = open_for_writing(m_profile);
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
        index_message(id);
        update_preview(place_of(id).conversation);
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

// The search tables hold no text of their own: to take an entry out they must be given the text it was made
// from.

void ChatStore::index_message(Id id)
{
    for (const char* sql :
         {"INSERT INTO message_trigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1",
          "INSERT INTO message_bigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1"})
        m_database->run(sql, id);
}

void ChatStore::unindex_message(Id id)
{
    const char* trigrams = R"sql(
        INSERT INTO message_trigrams (message_trigrams, rowid, content)
        SELECT 'delete', id, content FROM messages WHERE id = ?1
    )sql";
    const char* bigrams = R"sql(
        INSERT INTO message_bigrams (message_bigrams, rowid, content)
        SELECT 'delete', id, content FROM messages WHERE id = ?1
    )sql";
    m_database->run(trigrams, id);
    m_database->run(bigrams, id);
}

void ChatStore::index_title(Id conversation)
{
    for (const char* sql :
         {"INSERT INTO title_trigrams (rowid, title) SELECT id, title FROM conversations WHERE id = ?1",
          "INSERT INTO title_bigrams (rowid, title) SELECT id, title FROM conversations WHERE id = ?1"})
        m_database->run(sql, conversation);
}

void ChatStore::unindex_title(Id conversation)
{
    const char* trigrams = R"sql(
        INSERT INTO title_trigrams (title_trigrams, rowid, title)
        SELECT 'delete', id, title FROM conversations WHERE id = ?1
    )sql";
    const char* bigrams = R"sql(
        INSERT INTO title_bigrams (title_bigrams, rowid, title)
        SELECT 'delete', id, title FROM conversations WHERE id = ?1
    )sql";
    m_database->run(trigrams, conversation);
    m_database->run(bigrams, conversation);
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

Id ChatStore::create_conversation(std::string_view title, std::string_view settings)
{
    require_json_object(settings);
    const char* sql = R"sql(
        INSERT INTO conversations (title, title_is_automatic, settings, created_at, updated_at)
        VALUES (?1, ?1 = '', ?2, ?3, ?3)
    )sql";
    Transaction transaction(*m_database);
    m_database->run(sql, title, settings, now());
    const Id id = m_database->last_insert_id();
    index_title(id);
    transaction.commit();
    return id;
}

void ChatStore::rename(Id conversation, std::string_view title)
{
    Transaction transaction(*m_database);
    unindex_title(conversation);
    m_database->run("UPDATE conversations SET title = ?2, title_is_automatic = 0 WHERE id = ?1", conversation,
                    title);
    require_change("conversation", conversation);
    index_title(conversation);
    transaction.commit();
}

void ChatStore::suggest_title(Id conversation, std::string_view title)
{
    Transaction transaction(*m_database);
    unindex_title(conversation);
    m_database->run("UPDATE conversations SET title = ?2 WHERE id = ?1 AND title_is_automatic", conversation,
                    title);
    index_title(conversation);
    transaction.commit();
}

void ChatStore::set_pinned(Id conversation, bool pinned)
{
    m_database->run("UPDATE conversations SET pinned = ?2 WHERE id = ?1", conversation, pinned);
    require_change("conversation", conversation);
}

void ChatStore::set_archived(Id conversation, bool archived)
{
    m_database->run("UPDATE conversations SET archived = ?2 WHERE id = ?1", conversation, archived);
    require_change("conversation", conversation);
}

void ChatStore::set_unread(Id conversation, bool unread)
{
    m_database->run("UPDATE conversations SET unread = ?2 WHERE id = ?1", conversation, unread);
    require_change("conversation", conversation);
}

void ChatStore::set_folder(Id conversation, std::string_view folder)
{
    m_database->run("UPDATE conversations SET folder = ?2 WHERE id = ?1", conversation, folder);
    require_change("conversation", conversation);
}

void ChatStore::set_tags(Id conversation, std::vector<std::string> tags)
{
    Transaction transaction(*m_database);
    conversation_leaf(conversation);
    m_database->run("DELETE FROM conversation_tags WHERE conversation = ?1", conversation);
    for (const std::string& tag : tags)
        m_database->run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                        conversation, tag);
    transaction.commit();
}

void ChatStore::set_draft(Id conversation, std::string_view draft)
{
    m_database->run("UPDATE conversations SET draft = ?2 WHERE id = ?1", conversation, draft);
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
    m_database->run("UPDATE conversations SET deleted_at = ifnull(deleted_at, ?2) WHERE id = ?1",
                    conversation, now());
    require_change("conversation", conversation);
}

void ChatStore::restore(Id conversation)
{
    m_database->run("UPDATE conversations SET deleted_at = NULL WHERE id = ?1", conversation);
    require_change("conversation", conversation);
}

void ChatStore::delete_for_ever(Id conversation)
{
    Transaction transaction(*m_database);
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
        unindex_message(message);
    unindex_title(conversation);
    m_database->run("DELETE FROM messages WHERE conversation = ?1", conversation);
    m_database->run("DELETE FROM conversations WHERE id = ?1", conversation);
    m_database->run("INSERT OR IGNORE INTO chores VALUES ('clean search')");
    transaction.commit();
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
    return {row.integer(0), optional_integer(row, 1), enum_of<Role>(role_names, row.text(2), *m_database)};
}

Id ChatStore::insert_message(const Place& place, Status status, std::string_view content)
{
    const Time time = now();
    const char* sql = R"sql(
        INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, created_at, content)
        VALUES (?1, ?2, (SELECT count(*) FROM messages WHERE conversation = ?1 AND parent IS ?2), 0, ?3, ?4, ?5, ?6)
    )sql";
    m_database->run(sql, place.conversation, place.parent, name_of(place.role), name_of(status), time,
                    content);
    const Id id = m_database->last_insert_id();
    if (status != Status::streaming)
        index_message(id);
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
            SELECT above.id, above.conversation, above.parent FROM way JOIN messages above ON above.id = way.parent AND above.id < way.id
            LIMIT ?2)
        UPDATE messages SET chosen = (messages.id = way.id)
        FROM way
        WHERE messages.conversation = way.conversation AND messages.parent IS way.parent
          AND messages.chosen <> (messages.id = way.id)
    )sql";
    m_database->run(sql, leaf, extends ? 1 : no_limit);
    m_database->run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", place.conversation, leaf);
    update_preview(place.conversation);
}

void ChatStore::update_preview(Id conversation)
{
    std::string preview;
    {
        const char* sql = R"sql(
            SELECT substr(m.content, 1, 1000) FROM conversations c JOIN messages m ON m.id = c.leaf WHERE c.id = ?1
        )sql";
        Statement row = m_database->query(sql, conversation);
        if (row.step())
            preview = one_line(row.text(0), preview_length);
    }
    if (!preview.empty()) // an answer that has no text yet leaves the question there
        m_database->run("UPDATE conversations SET preview = ?2 WHERE id = ?1", conversation, preview);
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
    Transaction transaction(*m_database);
    const char* sql = R"sql(
        UPDATE messages SET status = ?2, finish_reason = ?3, error = ?4, content = ?5, token_ids = ?6,
                            prompt_tokens = ?7, generated_tokens = ?8, first_token_seconds = ?9,
                            prompt_tokens_per_second = ?10, generate_tokens_per_second = ?11
        WHERE id = ?1 AND status = 'streaming'
    )sql";
    m_database->run(sql, answer, name_of(result.status), name_of(result.finish_reason), result.error,
                    result.text, bytes_of(result.token_ids), result.prompt_tokens, result.generated_tokens,
                    result.first_token_seconds, result.prompt_tokens_per_second,
                    result.generate_tokens_per_second);
    require_change("answer being written with the number", answer);
    index_message(answer);
    const Id conversation = place_of(answer).conversation;
    m_database->run("UPDATE conversations SET updated_at = ?2 WHERE id = ?1", conversation, now());
    update_preview(conversation);
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
    unindex_message(answer);
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
    // What was deleted stays in the segments of an index until they are merged into one. Each round merges
    // about a megabyte of each index; an index that is done changes nothing but the statement's own row.
    Transaction transaction(*m_database);
    bool more = false;
    for (const char* sql : {"INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO message_bigrams (message_bigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO title_trigrams (title_trigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO title_bigrams (title_bigrams, rank) VALUES ('merge', -256)"}) {
        const std::int64_t before = m_database->total_changes();
        m_database->run(sql);
        more = more || m_database->total_changes() - before >= 2;
    }
    if (!more)
        m_database->run("DELETE FROM chores WHERE name = 'clean search'");
    transaction.commit();
    return true;
}

} // namespace storage
