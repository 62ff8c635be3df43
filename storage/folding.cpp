// SPDX-License-Identifier: MIT
#include "storage/folding.h"

#include "storage/error.h"

#include <sqlite3.h>
#include <string>

namespace storage {
namespace {

fts5_api* fts5_of(sqlite3* database)
{
    fts5_api* api = nullptr;
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, "SELECT fts5(?1)", -1, &statement, nullptr) == SQLITE_OK) {
        sqlite3_bind_pointer(statement, 1, &api, "fts5_api_ptr", nullptr);
        sqlite3_step(statement);
    }
    sqlite3_finalize(statement);
    if (!api)
        throw Error("This system's SQLite has no full-text search (FTS5)", "SQLite");
    return api;
}

// An exception must not travel through SQLite.
template <typename Function> int guarded(Function function) noexcept
{
    try {
        return function();
    } catch (const std::exception&) {
        return SQLITE_NOMEM;
    }
}

} // namespace

class Trigrams
{
public:
    explicit Trigrams(fts5_api* api)
    {
        void* context = nullptr;
        if (api->xFindTokenizer(api, "trigram", &context, &m_functions) != SQLITE_OK ||
            m_functions.xCreate(context, nullptr, 0, &m_tokenizer) != SQLITE_OK)
            throw Error("This system's SQLite has no trigram search; it must be 3.34 or newer", "SQLite");
    }
    ~Trigrams() { m_functions.xDelete(m_tokenizer); }
    Trigrams(const Trigrams&) = delete;
    Trigrams& operator=(const Trigrams&) = delete;

    // visit(std::string_view trigram, std::size_t begin) -> SQLite result code, for each character. A trigram
    // begins at every character that has two successors; two blanks behind the text give its last two
    // characters theirs.
    template <typename Visit> int for_each(std::string_view text, int flags, Visit visit) const
    {
        const std::string padded = std::string(text) + "  ";
        return m_functions.xTokenize(m_tokenizer, &visit, flags, padded.data(),
                                     static_cast<int>(padded.size()),
                                     [](void* context, int, const char* token, int size, int begin, int) {
                                         return guarded([&] {
                                             return (*static_cast<Visit*>(context))(
                                                 std::string_view(token, static_cast<std::size_t>(size)),
                                                 static_cast<std::size_t>(begin));
                                         });
                                     });
    }

private:
    fts5_tokenizer m_functions{};
    Fts5Tokenizer* m_tokenizer = nullptr;
};

Folder::Folder(sqlite3* database)
    : m_trigrams(std::make_unique<Trigrams>(fts5_of(database)))
{
}

Folder::~Folder() = default;

std::vector<FoldedCharacter> Folder::fold(std::string_view text) const
{
    std::vector<FoldedCharacter> characters;
    const int result =
        m_trigrams->for_each(text, FTS5_TOKENIZE_AUX, [&](std::string_view trigram, std::size_t begin) {
            const std::size_t end = begin + decode(text.substr(begin)).length;
            characters.push_back({decode(trigram).character, static_cast<std::uint32_t>(begin),
                                  static_cast<std::uint32_t>(end)});
            return SQLITE_OK;
        });
    if (result != SQLITE_OK)
        throw Error("The text is too long to be searched", "SQLite");
    return characters;
}

void Folder::fold_into(std::u32string& folded, std::string_view text) const
{
    // What the tokenizer makes of each character, asked once: a table is ten times as fast.
    static const std::vector<char32_t> table = [this] {
        std::vector<char32_t> all(0x20000); // no letter case above
        std::string characters;
        const auto ask = [&](char32_t begin, char32_t end) {
            characters.clear();
            for (char32_t character = begin; character < end; ++character)
                append_utf8(characters, character);
            const std::vector<FoldedCharacter> answers = fold(characters);
            for (std::size_t i = 0; i < answers.size(); ++i)
                all[begin + i] = answers[i].folded;
        };
        ask(1, 0xD800);
        ask(0xE000, static_cast<char32_t>(all.size()));
        return all;
    }();
    folded.clear();
    while (!text.empty()) {
        const Decoded next = decode(text);
        if (next.character == 0)
            return;
        if (next.character == 0xFFFD &&
            next.length == 1) { // the tokenizer has its own view of what is no UTF-8
            for (const FoldedCharacter& character : fold(text))
                folded += character.folded;
            return;
        }
        folded += next.character < table.size() ? table[next.character] : next.character;
        text.remove_prefix(next.length);
    }
}

void add_bigram_tokenizer(sqlite3* database)
{
    fts5_tokenizer functions{};
    functions.xCreate = [](void* api, const char**, int, Fts5Tokenizer** tokenizer) {
        return guarded([&] {
            auto made = std::make_unique<Trigrams>(static_cast<fts5_api*>(api));
            *tokenizer = reinterpret_cast<Fts5Tokenizer*>(made.release());
            return SQLITE_OK;
        });
    };
    functions.xDelete = [](Fts5Tokenizer* tokenizer) { delete reinterpret_cast<Trigrams*>(tokenizer); };
    functions.xTokenize = [](Fts5Tokenizer* tokenizer, void* context, int flags, const char* text, int size,
                             int (*emit)(void*, int, const char*, int, int, int)) {
        const std::string_view whole(text, static_cast<std::size_t>(size));
        auto visit = [&](std::string_view trigram, std::size_t begin) -> int {
            const Decoded first = decode(trigram);
            if (is_blank(first.character))
                return SQLITE_OK;
            const Decoded second = decode(trigram.substr(first.length));
            const bool alone = is_blank(second.character);
            // A query is a single term: its second character alone would make it a phrase.
            if ((flags & FTS5_TOKENIZE_QUERY) && begin > 0)
                return SQLITE_OK;
            std::size_t end = begin + decode(whole.substr(begin)).length;
            if (!alone)
                end += decode(whole.substr(end)).length;
            return emit(context, 0, trigram.data(),
                        static_cast<int>(first.length + (alone ? 0 : second.length)), static_cast<int>(begin),
                        static_cast<int>(end));
        };
        return guarded([&] { return reinterpret_cast<Trigrams*>(tokenizer)->for_each(whole, flags, visit); });
    };
    fts5_api* api = fts5_of(database);
    if (api->xCreateTokenizer(api, "bigram", api, &functions, nullptr) != SQLITE_OK)
        throw Error("SQLite refused the tokenizer of the search", "SQLite");
}

bool is_blank(char32_t character)
{
    return character <= 0x20 || character == 0x7F || character == 0xA0 || character == 0x3000;
}

void append_utf8(std::string& text, char32_t character)
{
    const auto add = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (character < 0x80) {
        add(character);
        return;
    }
    if (character < 0x800) {
        add(0xC0 | character >> 6);
    } else {
        if (character < 0x10000) {
            add(0xE0 | character >> 12);
        } else {
            add(0xF0 | character >> 18);
            add(0x80 | (character >> 12 & 0x3F));
        }
        add(0x80 | (character >> 6 & 0x3F));
    }
    add(0x80 | (character & 0x3F));
}

Decoded decode(std::string_view text)
{
    constexpr char32_t replacement = 0xFFFD;
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.empty())
        return {0, 0};
    if (byte(0) < 0x80)
        return {byte(0), 1};
    const std::size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : 2;
    if (byte(0) < 0xC2 || byte(0) > 0xF4 || text.size() < length)
        return {replacement, 1};
    char32_t character = byte(0) & (0xFFu >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0) != 0x80)
            return {replacement, 1};
        character = character << 6 | (byte(i) & 0x3F);
    }
    constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (character < smallest[length] || character > 0x10FFFF || (character >= 0xD800 && character < 0xE000))
        return {replacement, 1};
    return {character, length};
}

} // namespace storage
