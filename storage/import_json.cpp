// SPDX-License-Identifier: MIT
#include "storage/exchange.h"
#include "storage/exchange_meter.h"
#include "storage/json.h"
#include "storage/preview.h"
#include "storage/search.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <span>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace storage {
namespace {

// A file as the source of a JsonReader.
class Input
{
public:
    explicit Input(const std::filesystem::path& file)
        : m_file(file.string())
        , m_descriptor(open(file.c_str(), O_RDONLY | O_CLOEXEC))
    {
        if (m_descriptor < 0)
            fail(errno);
    }
    ~Input() { close(m_descriptor); }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;

    std::size_t read(std::span<char> span)
    {
        for (;;) {
            const ssize_t count = ::read(m_descriptor, span.data(), span.size());
            if (count >= 0)
                return static_cast<std::size_t>(count);
            if (errno != EINTR)
                fail(errno);
        }
    }

private:
    [[noreturn]] void fail(int code) const
    {
        throw Error(fmt::format("The file {} could not be read ({})", m_file, std::strerror(code)), m_file,
                    Error::Kind::io);
    }

    std::string m_file;
    int m_descriptor;
};

std::string read_text(JsonReader& json)
{
    if (!json.next_is_object())
        return json.text();
    std::string bytes;
    json.object([&](std::string_view name) {
        if (name != "hex")
            return json.skip();
        const std::string digits = json.text();
        const auto value = [&](char c) {
            const std::string_view all = "0123456789abcdef";
            const std::size_t digit = all.find(c);
            if (digit == std::string_view::npos || digits.size() % 2 != 0)
                json.refuse("pairs of hexadecimal digits", fmt::format("\"{}\"", digits.substr(0, 20)));
            return static_cast<unsigned>(digit);
        };
        for (std::size_t i = 0; i < digits.size(); i += 2)
            bytes +=
                static_cast<char>(value(digits[i]) << 4 | (i + 1 < digits.size() ? value(digits[i + 1]) : 0));
    });
    return bytes;
}

// One of the words that the database keeps.
template <typename Enum>
Enum read_word(JsonReader& json, Enum (*of)(std::string_view), std::string_view expected)
{
    const std::string name = json.text();
    try {
        return of(name);
    } catch (const Error&) {
        json.refuse(expected, fmt::format("\"{}\"", name.substr(0, 40)));
    }
}

std::int64_t read_count(JsonReader& json)
{
    const std::int64_t count = json.integer();
    if (count < 0)
        json.refuse("a number of at least 0", std::to_string(count));
    return count;
}

class Importer
{
public:
    Importer(Connection& database, const std::filesystem::path& file, IfPresent if_present,
             const Progress& progress)
        : m_database(database)
        , m_input(file)
        , m_json([this](std::span<char> span) { return m_input.read(span); })
        , m_if_present(if_present)
        , m_meter(progress, file.string())
    {
    }

    Imported run()
    {
        bool is_ours = false;
        bool has_version = false;
        m_json.object([&](std::string_view name) {
            if (name == "format") {
                const std::string format = m_json.text();
                if (format != exchange_format)
                    m_json.refuse(quote(exchange_format), quote(format));
                is_ours = true;
            } else if (name == "version") {
                const std::int64_t version = m_json.integer();
                if (version < 1 || version > exchange_version)
                    m_json.refuse(fmt::format("a version up to {}", exchange_version),
                                  fmt::format("{}, which a newer Fathom wrote", version));
                has_version = true;
            } else if (name == "conversations") {
                m_json.array([&](std::size_t) { read_conversation(); });
            } else {
                m_json.skip();
            }
        });
        m_json.end();
        if (!is_ours || !has_version)
            m_json.refuse(fmt::format("the members \"format\": \"{}\" and \"version\"", exchange_format),
                          "a file without them");
        return std::move(m_imported);
    }

private:
    struct Link
    {
        Id id;
        std::int64_t parent; // place in the list; -1: none
        bool chosen;
    };

    static std::string quote(std::string_view text) { return fmt::format("\"{}\"", text.substr(0, 40)); }

    void read_conversation()
    {
        // Everything may stand in any order, so the row is there before its messages and is filled in last.
        m_database.run("SAVEPOINT conversation");
        const char* insert = R"sql(
            INSERT INTO conversations (title, title_is_automatic, settings, created_at, updated_at)
            VALUES ('', 1, '{}', 0, 0)
        )sql";
        m_database.run(insert);
        Conversation conversation;
        conversation.id = m_database.last_insert_id();
        conversation.created_at = conversation.updated_at = now();
        std::optional<std::int64_t> leaf;
        m_links.clear();
        m_siblings.clear();
        bool is_new = true;
        m_json.object([&](std::string_view name) {
            if (!is_new || !read_member(conversation, leaf, name))
                m_json.skip();
            else if (name == "uuid")
                is_new = m_if_present == IfPresent::copy || !is_present(conversation.uuid);
        });
        if (!is_new) {
            m_database.run("ROLLBACK TO conversation");
            m_database.run("RELEASE conversation");
            ++m_imported.skipped;
            return;
        }
        if (leaf && (*leaf < 0 || *leaf >= static_cast<std::int64_t>(m_links.size())))
            m_json.refuse("a leaf that is the place of a message", std::to_string(*leaf));
        if (conversation.uuid.empty() || is_present(conversation.uuid))
            conversation.uuid = new_uuid();
        choose(leaf);
        finish(conversation, leaf);
        m_database.run("RELEASE conversation");
        m_imported.conversations.push_back(conversation.id);
        m_imported.messages += static_cast<std::int64_t>(m_links.size());
    }

    bool is_present(const std::string& uuid)
    {
        const char* sql = "SELECT EXISTS (SELECT 1 FROM conversations WHERE uuid = ?1 AND uuid <> '')";
        return m_database.query(sql, uuid).first_integer() != 0;
    }

    std::string new_uuid()
    {
        Statement row = m_database.prepare("SELECT lower(hex(randomblob(16)))");
        row.step();
        return std::string(row.text(0));
    }

    // False: not one of ours, and not taken.
    bool read_member(Conversation& c, std::optional<std::int64_t>& leaf, std::string_view name)
    {
        if (name == "uuid")
            c.uuid = read_text(m_json);
        else if (name == "title")
            c.title = read_text(m_json);
        else if (name == "title_is_automatic")
            c.title_is_automatic = m_json.boolean();
        else if (name == "pinned")
            c.pinned = m_json.boolean();
        else if (name == "archived")
            c.archived = m_json.boolean();
        else if (name == "unread")
            c.unread = m_json.boolean();
        else if (name == "folder")
            c.folder = read_text(m_json);
        else if (name == "tags")
            m_json.array([&](std::size_t) { c.tags.push_back(read_text(m_json)); });
        else if (name == "created_at")
            c.created_at = m_json.integer();
        else if (name == "updated_at")
            c.updated_at = m_json.integer();
        else if (name == "deleted_at")
            c.deleted_at = m_json.null() ? std::nullopt : std::optional(m_json.integer());
        else if (name == "settings")
            c.settings = m_json.object_as_written();
        else if (name == "draft")
            c.draft = read_text(m_json);
        else if (name == "draft_cursor")
            c.draft_cursor = m_json.integer();
        else if (name == "leaf")
            leaf = m_json.null() ? std::nullopt : std::optional(m_json.integer());
        else if (name == "messages")
            m_json.array([&](std::size_t) { read_message(c.id); });
        else
            return false;
        return true;
    }

    void read_message(Id conversation)
    {
        Message m;
        Link link{0, -1, false};
        std::vector<std::int32_t> tokens;
        std::optional<Role> role;
        bool has_content = false;
        m.created_at = now();
        m_json.object([&](std::string_view name) {
            if (name == "parent") {
                link.parent = m_json.null() ? -1 : read_count(m_json);
                if (link.parent >= static_cast<std::int64_t>(m_links.size()))
                    m_json.refuse(fmt::format("a message before this one (it is number {})", m_links.size()),
                                  std::to_string(link.parent));
            } else if (name == "chosen") {
                link.chosen = m_json.boolean();
            } else if (name == "role") {
                role = read_word(m_json, role_of, "\"system\", \"user\", \"assistant\" or \"tool\"");
            } else if (name == "status") {
                const char* expected = R"("complete", "interrupted", "stopped" or "failed")";
                m.status = read_word(m_json, status_of, expected);
                if (m.status == Status::streaming)
                    m_json.refuse(expected, "\"streaming\"");
            } else if (name == "finish_reason") {
                m.finish_reason =
                    read_word(m_json, finish_reason_of,
                              R"("none", "stop", "length", "context_full", "cancelled" or "error")");
            } else if (name == "created_at") {
                m.created_at = m_json.integer();
            } else if (name == "content") {
                m.content = read_text(m_json);
                has_content = true;
            } else if (name == "error") {
                m.error = read_text(m_json);
            } else if (name == "origin") {
                read_origin(m.origin.emplace());
            } else if (name == "token_ids") {
                m_json.array([&](std::size_t) {
                    const std::int64_t token = m_json.integer();
                    if (token != static_cast<std::int32_t>(token))
                        m_json.refuse("a whole number of 32 bits", std::to_string(token));
                    tokens.push_back(static_cast<std::int32_t>(token));
                });
            } else if (!read_measurement(m, name)) {
                m_json.skip();
            }
        });
        if (!role || !has_content)
            m_json.refuse("a message with \"role\" and \"content\"", "one without");
        m.role = *role;
        insert(conversation, m, link, tokens);
        m_meter.add_message();
    }

    bool read_measurement(Message& m, std::string_view name)
    {
        if (name == "prompt_tokens")
            m.prompt_tokens = static_cast<int>(std::min<std::int64_t>(read_count(m_json), 1 << 30));
        else if (name == "generated_tokens")
            m.generated_tokens = static_cast<int>(std::min<std::int64_t>(read_count(m_json), 1 << 30));
        else if (name == "first_token_seconds")
            m.first_token_seconds = m_json.number();
        else if (name == "prompt_tokens_per_second")
            m.prompt_tokens_per_second = m_json.number();
        else if (name == "generate_tokens_per_second")
            m.generate_tokens_per_second = m_json.number();
        else
            return false;
        return true;
    }

    void read_origin(AnswerOrigin& origin)
    {
        m_json.object([&](std::string_view name) {
            if (name == "model_name")
                origin.model_name = read_text(m_json);
            else if (name == "model_hash")
                origin.model_hash = read_text(m_json);
            else if (name == "engine_version")
                origin.engine_version = read_text(m_json);
            else if (name == "sampling")
                origin.sampling = m_json.object_as_written();
            else if (name == "seed")
                origin.seed = m_json.integer();
            else
                m_json.skip();
        });
    }

    void insert(Id conversation, const Message& m, Link& link, const std::vector<std::int32_t>& tokens)
    {
        const char* sql = R"sql(
            INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, finish_reason, created_at,
                                  model_name, model_hash, engine_version, sampling, seed, prompt_tokens,
                                  generated_tokens, first_token_seconds, prompt_tokens_per_second,
                                  generate_tokens_per_second, error, content, token_ids)
            VALUES (?1, nullif(?2, 0), ?3, 0, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
        )sql";
        const Id parent = link.parent < 0 ? 0 : m_links[static_cast<std::size_t>(link.parent)].id;
        const std::optional<AnswerOrigin>& o = m.origin;
        const auto origin = [&](std::string AnswerOrigin::*part) {
            return o ? std::optional<std::string_view>((*o).*part) : std::nullopt;
        };
        m_database.run(sql, conversation, parent, m_siblings[link.parent]++, name_of(m.role),
                       name_of(m.status), name_of(m.finish_reason), m.created_at,
                       origin(&AnswerOrigin::model_name), origin(&AnswerOrigin::model_hash),
                       origin(&AnswerOrigin::engine_version), origin(&AnswerOrigin::sampling),
                       o ? std::optional(o->seed) : std::nullopt, m.prompt_tokens, m.generated_tokens,
                       m.first_token_seconds, m.prompt_tokens_per_second, m.generate_tokens_per_second,
                       m.error, m.content, std::as_bytes(std::span(tokens)));
        link.id = m_database.last_insert_id();
        index_message(m_database, link.id);
        m_links.push_back(link);
    }

    // One of each group of siblings: the one on the way to the leaf, else the last that the file calls
    // chosen, else the last.
    void choose(std::optional<std::int64_t>& leaf)
    {
        if (!leaf && !m_links.empty())
            leaf = static_cast<std::int64_t>(m_links.size()) - 1;
        std::unordered_map<std::int64_t, std::size_t> chosen; // of each parent
        for (std::size_t i = 0; i < m_links.size(); ++i) {
            const auto [known, is_first] = chosen.try_emplace(m_links[i].parent, i);
            if (!is_first && (m_links[i].chosen || !m_links[known->second].chosen))
                known->second = i;
        }
        for (std::int64_t at = leaf.value_or(-1); at >= 0; at = m_links[static_cast<std::size_t>(at)].parent)
            chosen[m_links[static_cast<std::size_t>(at)].parent] = static_cast<std::size_t>(at);
        for (const auto& [parent, place] : chosen)
            m_database.run("UPDATE messages SET chosen = 1 WHERE id = ?1", m_links[place].id);
    }

    void finish(const Conversation& c, std::optional<std::int64_t> leaf)
    {
        const char* sql = R"sql(
            UPDATE conversations
            SET uuid = ?2, title = ?3, title_is_automatic = ?4, pinned = ?5, archived = ?6, unread = ?7,
                folder = ?8, created_at = ?9, updated_at = ?10, deleted_at = ?11, settings = ?12, draft = ?13,
                draft_cursor = ?14, leaf = ?15
            WHERE id = ?1
        )sql";
        m_database.run(sql, c.id, c.uuid, c.title, c.title_is_automatic, c.pinned, c.archived, c.unread,
                       c.folder, c.created_at, c.updated_at, c.deleted_at, c.settings, c.draft,
                       c.draft_cursor,
                       leaf ? std::optional(m_links[static_cast<std::size_t>(*leaf)].id) : std::nullopt);
        for (const std::string& tag : c.tags)
            m_database.run("INSERT OR IGNORE INTO conversation_tags (conversation, tag) VALUES (?1, ?2)",
                           c.id, tag);
        update_preview(m_database, c.id);
        index_title(m_database, c.id);
    }

    Connection& m_database;
    Input m_input;
    JsonReader m_json;
    IfPresent m_if_present;
    Meter m_meter;
    Imported m_imported;
    std::vector<Link> m_links;                                 // messages of the present conversation
    std::unordered_map<std::int64_t, std::int64_t> m_siblings; // how many each parent has so far
};

} // namespace

Imported import_json(Connection& database, const std::filesystem::path& file, IfPresent if_present,
                     const Progress& progress)
{
    try {
        return Importer(database, file, if_present, progress).run();
    } catch (const JsonError& error) {
        throw Error(fmt::format("The file {} cannot be imported: {}", file.string(), error.what()),
                    file.string());
    }
}

} // namespace storage
