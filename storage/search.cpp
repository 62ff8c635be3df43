// SPDX-License-Identifier: MIT
#include "storage/search.h"

#include "storage/folding.h"

#include <algorithm>
#include <charconv>
#include <ctime>
#include <functional>
#include <limits>
#include <optional>
#include <unordered_set>
#include <utility>

namespace storage {
namespace {

// What a person searches for. The indexes know which texts hold certain groups of characters, not where;
// whether the words are there is then seen in the text itself.
struct SearchQuery
{
    // What narrows the search down, written among the words as `tag:NAME`.
    std::vector<std::string> tags; // each of them
    std::string folder;            // it or one inside it
    std::string model;             // a part of the name of a model that answered in the conversation
    std::optional<Time> before;
    std::optional<Time> after;

    std::vector<std::u32string> words;   // folded; a text must hold each of them
    std::optional<std::string> trigrams; // FTS5 expressions: all groups of three of words of at least three
    std::optional<std::string> bigrams;  // characters, all shorter words
    bool in_trash = false;

    bool has_filters() const { return !tags.empty() || !folder.empty() || !model.empty() || before || after; }
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

// The beginning of a year, month or day in this machine's time: "2026", "2026-11", "2026-11-24".
std::optional<Time> parse_date(std::string_view text)
{
    int parts[3] = {0, 1, 1};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (int i = 0; i < 3; ++i) {
        const auto [next, error] = std::from_chars(at, end, parts[i]);
        if (error != std::errc() || next - at != (i == 0 ? 4 : 2))
            return std::nullopt;
        at = next;
        if (at == end)
            break;
        if (*at++ != '-' || i == 2)
            return std::nullopt;
    }
    if (at != end || parts[1] < 1 || parts[1] > 12 || parts[2] < 1 || parts[2] > 31)
        return std::nullopt;
    std::tm date{};
    date.tm_year = parts[0] - 1900;
    date.tm_mon = parts[1] - 1;
    date.tm_mday = parts[2];
    date.tm_isdst = -1;
    return static_cast<Time>(std::mktime(&date)) * 1000;
}

constexpr std::string_view filter_names[] = {"tag:", "folder:", "model:", "before:", "after:"};

// The name that a word begins with, in any letter case; empty for an ordinary word.
std::string_view filter_name(std::string_view word)
{
    for (const std::string_view name : filter_names) {
        const auto same = [](char lower, char c) { return (c >= 'A' && c <= 'Z' ? c + 32 : c) == lower; };
        if (word.size() > name.size() && std::equal(name.begin(), name.end(), word.begin(), same))
            return name;
    }
    return {};
}

// Whether a value that began with a quotation mark has ended. Within, \" stands for " and \\ for \.
bool is_closed(std::string_view quoted)
{
    if (quoted.size() < 2 || !quoted.ends_with('"'))
        return false;
    const std::size_t before = quoted.find_last_not_of('\\', quoted.size() - 2);
    return (quoted.size() - 2 - before) % 2 == 0;
}

std::string without_quotes(std::string_view quoted)
{
    std::string value;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        const bool escapes = quoted[i] == '\\' && (quoted[i + 1] == '"' || quoted[i + 1] == '\\');
        if (escapes && i + 2 < quoted.size())
            ++i;
        value += quoted[i];
    }
    return value;
}

// False where the word is no filter, or its value none that could be meant: then it is searched for.
bool add_filter(SearchQuery& query, std::string_view word)
{
    const std::string_view name = filter_name(word);
    if (name.empty())
        return false;
    std::string value(word.substr(name.size()));
    if (value.starts_with('"')) {
        if (value.size() < 3 || !is_closed(value))
            return false;
        value = without_quotes(value);
    }
    if (name == "tag:") {
        query.tags.push_back(std::move(value));
    } else if (name == "folder:") {
        query.folder = value;
    } else if (name == "model:") {
        query.model = value;
    } else {
        const std::optional<Time> date = parse_date(value);
        if (!date)
            return false;
        (name == "before:" ? query.before : query.after) = date;
    }
    return true;
}

SearchQuery parse_query(std::string_view text, SearchIn where, const Folder& folder)
{
    SearchQuery query;
    query.in_trash = where == SearchIn::everything;
    std::string word;
    std::size_t characters = 0;
    const auto end_word = [&] {
        if (!add_filter(query, word))
            add_word(query, word, folder);
        word.clear();
        characters = 0;
    };
    for (Decoded next; !text.empty(); text.remove_prefix(next.length)) {
        next = decode(text);
        // A name with blanks stands in quotation marks behind its filter.
        const std::string_view filter = filter_name(word);
        const std::string_view value = std::string_view(word).substr(filter.size());
        const bool in_quotes = !filter.empty() && value.starts_with('"') && !is_closed(value);
        if ((is_blank(next.character) && !in_quotes) || next.character == 0xFFFD) {
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
    std::u32string folded;
    folder.fold_into(folded, text);
    std::size_t first = folded.size();
    for (const std::u32string& word : query.words) {
        const std::size_t at = folded.find(word);
        if (at == std::u32string::npos)
            return false;
        first = std::min(first, at);
    }
    const std::vector<FoldedCharacter> characters = folder.fold(text); // the same with their places
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

// From the first id to the last one.
struct IdRange
{
    Id first;
    Id last;
};

// Which conversations and times the filters let through.
class Filter
{
public:
    Filter(Connection& database, const SearchQuery& query)
        : m_database(database)
        , m_query(query)
    {
        if (query.tags.empty() && query.folder.empty() && query.model.empty())
            return;
        const char* sql = R"sql(
            SELECT id FROM conversations c
            WHERE (?1 = '' OR folder = ?1 COLLATE NOCASE
                   OR substr(folder, 1, length(?1) + 1) = ?1 || '/' COLLATE NOCASE)
              AND NOT EXISTS (SELECT 1 FROM json_each(?2) wanted
                              WHERE NOT EXISTS (SELECT 1 FROM conversation_tags t
                                                WHERE t.conversation = c.id AND t.tag = wanted.value COLLATE NOCASE))
              AND (?3 = '' OR EXISTS (SELECT 1 FROM conversation_models m
                                      WHERE m.conversation = c.id AND instr(lower(m.model_name), lower(?3)) > 0))
        )sql";
        m_lists = true;
        Statement row = database.query(sql, query.folder, json_array(query.tags), query.model);
        while (row.step())
            m_listed.insert(row.integer(0));
    }

    bool admits(Id conversation, Time time) const
    {
        return (!m_query.before || time < *m_query.before) && (!m_query.after || time >= *m_query.after) &&
               (!m_lists || m_listed.contains(conversation));
    }

    // Where the ids of messages of those times lie, the newest first.
    std::vector<IdRange> ranges()
    {
        if (!m_query.before && !m_query.after)
            return {{0, std::numeric_limits<Id>::max()}};
        std::vector<IdRange> ranges;
        Statement row = m_database.query(R"sql(
            SELECT block FROM message_times WHERE earliest < ?1 AND latest >= ?2 ORDER BY block DESC
        )sql",
                                         m_query.before.value_or(std::numeric_limits<Time>::max()),
                                         m_query.after.value_or(std::numeric_limits<Time>::min()));
        while (row.step()) {
            const Id first = row.integer(0) * 1024;
            if (!ranges.empty() && ranges.back().first == first + 1024)
                ranges.back().first = first;
            else
                ranges.push_back({first, first + 1023});
        }
        return ranges;
    }

    // All messages that the listed conversations hold, newest first; nothing where they are more than `most`.
    std::optional<std::vector<Id>> listed_messages(std::int64_t most)
    {
        if (!m_lists)
            return std::nullopt;
        std::vector<Id> ids;
        for (const Id conversation : m_listed) {
            Statement row = m_database.query("SELECT id FROM messages WHERE conversation = ?1", conversation);
            while (row.step())
                ids.push_back(row.integer(0));
            if (static_cast<std::int64_t>(ids.size()) > most)
                return std::nullopt;
        }
        std::sort(ids.begin(), ids.end(), std::greater<>());
        return ids;
    }

private:
    static std::string json_array(const std::vector<std::string>& texts)
    {
        std::string json = "[";
        for (const std::string& text : texts) {
            json += json.size() > 1 ? ",\"" : "\"";
            for (const char c : text) {
                if (c == '"' || c == '\\')
                    json += '\\';
                json += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
            }
            json += '"';
        }
        return json + "]";
    }

    Connection& m_database;
    const SearchQuery& m_query;
    bool m_lists = false; // only what is listed passes
    std::unordered_set<Id> m_listed;
};

// Without words: the conversations that the filters let through, the latest first.
void list_filtered(Connection& database, const SearchQuery& query, Filter& filter, std::size_t limit,
                   std::vector<SearchHit>& hits)
{
    Statement row = database.query(R"sql(
        SELECT id, title, updated_at FROM conversations WHERE ?1 OR deleted_at IS NULL
        ORDER BY updated_at DESC, id DESC
    )sql",
                                   query.in_trash);
    while (hits.size() < limit && row.step())
        if (filter.admits(row.integer(0), row.integer(2)))
            hits.push_back({.conversation = row.integer(0),
                            .message = {},
                            .title = std::string(row.text(1)),
                            .time = row.integer(2),
                            .snippet = std::string(row.text(1)),
                            .matches = {}});
}

// Short words that stand in no more texts than this lead a search that has long words too. Reading so many
// texts takes about a tenth of a second; where there are more, the first hits are met soon.
constexpr std::int64_t few_texts = 5000;
// So many ids of listed conversations are gathered from an index in about a hundredth of a second. What the
// words find is then held against them before any message is read.
constexpr std::int64_t many_ids = 60'000;

// Both searches walk one index from its newest entry, and end with the limit.

void search_titles(Connection& database, const SearchQuery& query, Filter& filter, std::size_t limit,
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
        if (filter.admits(hit.conversation, hit.time) &&
            fill_snippet(hit, hit.title, query, database.folder()))
            hits.push_back(std::move(hit));
    }
}

void search_messages(Connection& database, const SearchQuery& query, Filter& filter, std::size_t limit,
                     std::vector<SearchHit>& hits)
{
    const char* by_trigrams = R"sql(
        SELECT m.id, m.conversation, m.role, c.title, m.created_at, m.content
        FROM message_trigrams CROSS JOIN messages m ON m.id = message_trigrams.rowid
        CROSS JOIN conversations c ON c.id = m.conversation
        WHERE message_trigrams MATCH ?1 AND message_trigrams.rowid BETWEEN ?3 AND ?4
          AND (?2 OR c.deleted_at IS NULL)
        ORDER BY message_trigrams.rowid DESC
    )sql";
    const char* by_bigrams = R"sql(
        SELECT m.id, m.conversation, m.role, c.title, m.created_at, m.content
        FROM message_bigrams CROSS JOIN messages m ON m.id = message_bigrams.rowid
        CROSS JOIN conversations c ON c.id = m.conversation
        WHERE message_bigrams MATCH ?1 AND message_bigrams.rowid BETWEEN ?3 AND ?4
          AND (?2 OR c.deleted_at IS NULL)
        ORDER BY message_bigrams.rowid DESC
    )sql";
    const char* count_short = R"sql(
        SELECT count(*) FROM (SELECT 1 FROM message_bigrams WHERE message_bigrams MATCH ?1 LIMIT ?2)
    )sql";
    const auto add = [&](const Statement& row) {
        SearchHit hit;
        hit.message = row.integer(0);
        hit.conversation = row.integer(1);
        hit.role = role_of(row.text(2));
        hit.title = row.text(3);
        hit.time = row.integer(4);
        if (filter.admits(hit.conversation, hit.time) &&
            fill_snippet(hit, row.text(5), query, database.folder()))
            hits.push_back(std::move(hit));
    };
    const auto add_by_id = [&](Id id) {
        Statement row = database.query(R"sql(
            SELECT m.id, m.conversation, m.role, c.title, m.created_at, m.content
            FROM searchable_messages s JOIN messages m USING (id) JOIN conversations c ON c.id = m.conversation
            WHERE s.id = ?1 AND (?2 OR c.deleted_at IS NULL)
        )sql",
                                       id, query.in_trash);
        if (row.step())
            add(row);
    };
    const std::optional<std::vector<Id>> listed = filter.listed_messages(many_ids);
    // Where the filters leave few messages these are read; the words may stand in a million others.
    if (listed && static_cast<std::int64_t>(listed->size()) <= few_texts) {
        for (auto id = listed->begin(); id != listed->end() && hits.size() < limit; ++id)
            add_by_id(*id);
        return;
    }
    const bool trigrams_lead =
        query.trigrams &&
        !(query.bigrams &&
          database.query(count_short, query.bigrams, few_texts + 1).first_integer() <= few_texts);
    const char* ids_by_trigrams = R"sql(
        SELECT rowid FROM message_trigrams WHERE message_trigrams MATCH ?1 AND rowid BETWEEN ?2 AND ?3
        ORDER BY rowid DESC
    )sql";
    const char* ids_by_bigrams = R"sql(
        SELECT rowid FROM message_bigrams WHERE message_bigrams MATCH ?1 AND rowid BETWEEN ?2 AND ?3
        ORDER BY rowid DESC
    )sql";
    for (const auto& [first, last] : filter.ranges()) {
        if (listed) {
            Statement row = trigrams_lead ? database.query(ids_by_trigrams, query.trigrams, first, last)
                                          : database.query(ids_by_bigrams, query.bigrams, first, last);
            while (hits.size() < limit && row.step())
                if (std::binary_search(listed->begin(), listed->end(), row.integer(0), std::greater<>()))
                    add_by_id(row.integer(0));
            continue;
        }
        Statement row = trigrams_lead
                            ? database.query(by_trigrams, query.trigrams, query.in_trash, first, last)
                            : database.query(by_bigrams, query.bigrams, query.in_trash, first, last);
        while (hits.size() < limit && row.step())
            add(row);
    }
}

} // namespace

std::vector<SearchHit> search(Connection& database, std::string_view text, std::size_t limit, SearchIn where)
{
    const SearchQuery query = parse_query(text, where, database.folder());
    std::vector<SearchHit> hits;
    if (query.words.empty() && !query.has_filters())
        return hits;
    Filter filter(database, query);
    if (query.words.empty()) {
        list_filtered(database, query, filter, limit, hits);
    } else {
        search_titles(database, query, filter, limit, hits);
        search_messages(database, query, filter, limit, hits);
    }
    return hits;
}

namespace {

// The texts that may hold this one, as an expression for one of the indexes.
struct Candidates
{
    std::optional<std::string> trigrams;
    std::optional<std::string> bigrams;
};

Candidates candidates_for(std::string_view text, const std::vector<FoldedCharacter>& characters)
{
    Candidates candidates;
    const auto part = [&](std::size_t first, std::size_t count) {
        return text.substr(characters[first].begin,
                           characters[first + count - 1].end - characters[first].begin);
    };
    for (std::size_t i = 0; i + 3 <= characters.size() && i < most_trigrams; ++i)
        require(candidates.trigrams, part(i, 3));
    if (candidates.trigrams)
        return candidates;
    // Blanks are in no pair.
    const auto is_letter = [](const FoldedCharacter& character) { return !is_blank(character.folded); };
    if (characters.size() == 2 && is_letter(characters[0]) && is_letter(characters[1]))
        require(candidates.bigrams, part(0, 2));
    else
        for (std::size_t i = 0; i < characters.size(); ++i)
            if (is_letter(characters[i]))
                require(candidates.bigrams, part(i, 1), " *");
    return candidates;
}

int count_of(std::u32string_view word, std::u32string_view text)
{
    int count = 0;
    for (std::size_t at = text.find(word); at != std::u32string_view::npos;
         at = text.find(word, at + word.size()))
        ++count;
    return count;
}

} // namespace

std::vector<MessageMatch> find_in(Connection& database, Id conversation, std::span<const MessageHead> heads,
                                  std::string_view text)
{
    std::vector<MessageMatch> matches;
    const std::vector<FoldedCharacter> characters = database.folder().fold(text);
    if (characters.empty() || heads.empty())
        return matches;
    std::u32string word;
    database.folder().fold_into(word, text);

    std::u32string folded;
    const auto examine = [&](Id id, std::string_view content) {
        database.folder().fold_into(folded, content);
        if (const int count = count_of(word, folded))
            matches.push_back({id, count});
    };
    // Both in the order of their ids, as a branch is.
    const auto examine_found = [&](Statement row) {
        auto head = heads.begin();
        const auto read_until = [&](Id id) { // what is in no index yet
            for (; head != heads.end() && head->id < id; ++head) {
                if (head->status != Status::streaming)
                    continue;
                Statement one = database.query("SELECT content FROM messages WHERE id = ?1", head->id);
                if (one.step())
                    examine(head->id, one.text(0));
            }
        };
        while (row.step()) {
            const Id id = row.integer(0);
            read_until(id);
            if (head != heads.end() && head->id == id) {
                examine(id, row.text(1));
                ++head;
            }
        }
        read_until(std::numeric_limits<Id>::max());
    };
    const Candidates candidates = candidates_for(text, characters);
    const Id first = heads.front().id;
    const Id last = heads.back().id;
    if (candidates.trigrams)
        examine_found(database.query(R"sql(
            SELECT m.id, m.content
            FROM message_trigrams CROSS JOIN messages m ON m.id = message_trigrams.rowid
            WHERE message_trigrams MATCH ?1 AND message_trigrams.rowid BETWEEN ?2 AND ?3
              AND m.conversation = ?4
            ORDER BY message_trigrams.rowid
        )sql",
                                     candidates.trigrams, first, last, conversation));
    else if (candidates.bigrams)
        examine_found(database.query(R"sql(
            SELECT m.id, m.content
            FROM message_bigrams CROSS JOIN messages m ON m.id = message_bigrams.rowid
            WHERE message_bigrams MATCH ?1 AND message_bigrams.rowid BETWEEN ?2 AND ?3
              AND m.conversation = ?4
            ORDER BY message_bigrams.rowid
        )sql",
                                     candidates.bigrams, first, last, conversation));
    else
        examine_found(database.query(
            "SELECT id, content FROM messages WHERE conversation = ?1 AND id BETWEEN ?2 AND ?3 ORDER BY id",
            conversation, first, last));
    return matches;
}

void index_message(Connection& database, Id message)
{
    for (const char* sql :
         {"INSERT INTO message_trigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1",
          "INSERT INTO message_bigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1"})
        database.run(sql, message);
}

void index_messages(Connection& database, Id conversation)
{
    for (const char* sql : {"INSERT INTO message_trigrams (rowid, content) "
                            "SELECT id, content FROM messages WHERE conversation = ?1 ORDER BY id",
                            "INSERT INTO message_bigrams (rowid, content) "
                            "SELECT id, content FROM messages WHERE conversation = ?1 ORDER BY id"})
        database.run(sql, conversation);
}

void unindex_message(Connection& database, Id message)
{
    const char* trigrams = R"sql(
        INSERT INTO message_trigrams (message_trigrams, rowid, content)
        SELECT 'delete', id, content FROM messages WHERE id = ?1
    )sql";
    const char* bigrams = R"sql(
        INSERT INTO message_bigrams (message_bigrams, rowid, content)
        SELECT 'delete', id, content FROM messages WHERE id = ?1
    )sql";
    database.run(trigrams, message);
    database.run(bigrams, message);
}

void index_title(Connection& database, Id conversation)
{
    for (const char* sql :
         {"INSERT INTO title_trigrams (rowid, title) SELECT id, title FROM conversations WHERE id = ?1",
          "INSERT INTO title_bigrams (rowid, title) SELECT id, title FROM conversations WHERE id = ?1"})
        database.run(sql, conversation);
}

void unindex_title(Connection& database, Id conversation)
{
    const char* trigrams = R"sql(
        INSERT INTO title_trigrams (title_trigrams, rowid, title)
        SELECT 'delete', id, title FROM conversations WHERE id = ?1
    )sql";
    const char* bigrams = R"sql(
        INSERT INTO title_bigrams (title_bigrams, rowid, title)
        SELECT 'delete', id, title FROM conversations WHERE id = ?1
    )sql";
    database.run(trigrams, conversation);
    database.run(bigrams, conversation);
}

bool merge_search_indexes(Connection& database)
{
    bool more = false;
    for (const char* sql : {"INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO message_bigrams (message_bigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO title_trigrams (title_trigrams, rank) VALUES ('merge', -256)",
                            "INSERT INTO title_bigrams (title_bigrams, rank) VALUES ('merge', -256)"}) {
        // An index that is done changes nothing but the statement's own row.
        const std::int64_t before = database.total_changes();
        database.run(sql);
        more = more || database.total_changes() - before >= 2;
    }
    return more;
}

} // namespace storage
