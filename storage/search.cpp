// SPDX-License-Identifier: MIT
#include "storage/search.h"

#include "storage/folding.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace storage {
namespace {

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
        hit.role = role_of(row.text(2));
        hit.title = row.text(3);
        hit.time = row.integer(4);
        if (fill_snippet(hit, row.text(5), query, database.folder()))
            hits.push_back(std::move(hit));
    }
}

} // namespace

std::vector<SearchHit> search(Connection& database, std::string_view text, std::size_t limit, SearchIn where)
{
    const SearchQuery query = parse_query(text, where, database.folder());
    std::vector<SearchHit> hits;
    if (query.words.empty())
        return hits;
    search_titles(database, query, limit, hits);
    search_messages(database, query, limit, hits);
    return hits;
}

void index_message(Connection& database, Id message)
{
    for (const char* sql :
         {"INSERT INTO message_trigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1",
          "INSERT INTO message_bigrams (rowid, content) SELECT id, content FROM messages WHERE id = ?1"})
        database.run(sql, message);
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
