// SPDX-License-Identifier: MIT
#include "storage/exchange.h"

#include "storage/chat_store.h"
#include "storage/folding.h"
#include "storage/json.h"
#include "storage/new_file.h"
#include "storage/preview.h"
#include "storage/search.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <fmt/format.h>
#include <optional>
#include <unistd.h>
#include <unordered_map>
#include <utility>

namespace storage {
namespace {

constexpr std::string_view format_name = "fathom-conversations";
constexpr std::int64_t format_version = 1;
constexpr std::int64_t progress_step = 256; // messages

// Counts messages and asks at times whether to go on.
class Meter
{
public:
    Meter(const Progress& progress, std::string file)
        : m_progress(progress)
        , m_file(std::move(file))
    {
    }
    void add_message()
    {
        if (++m_messages % progress_step == 0 && m_progress && !m_progress(m_messages))
            throw Error("It was cancelled", m_file, Error::Kind::cancelled);
    }
    std::int64_t messages() const { return m_messages; }

private:
    const Progress& m_progress;
    std::string m_file;
    std::int64_t m_messages = 0;
};

// Reads from one state of the database, whatever is written meanwhile.
class Snapshot
{
public:
    explicit Snapshot(Connection& database)
        : m_database(database)
    {
        m_database.run("BEGIN");
    }
    ~Snapshot()
    {
        try {
            m_database.run("COMMIT");
        } catch (const Error&) {
            // It only read; the connection ends it when it is closed.
        }
    }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

private:
    Connection& m_database;
};

// JSON, out

// A text; what is no UTF-8 as its bytes.
std::string text_json(std::string_view text)
{
    if (is_utf8(text))
        return json_text(text);
    std::string json = "{\"hex\":\"";
    for (const char c : text)
        json += fmt::format("{:02x}", static_cast<unsigned char>(c));
    return json + "\"}";
}

std::string number_json(double number)
{
    if (std::isinf(number))
        return number > 0 ? "1e999" : "-1e999"; // which is read as infinite
    return fmt::format("{}", number);
}

// Settings and sampling are JSON objects already. What the database's looser rules let through becomes an
// empty one rather than a file that cannot be read.
std::string object_json(std::string_view text)
{
    try {
        JsonReader reader([&](std::span<char> span) {
            const std::size_t count = std::min(span.size(), text.size());
            std::copy_n(text.data(), count, span.data());
            text.remove_prefix(count);
            return count;
        });
        std::string object = reader.object_as_written();
        reader.end();
        return object;
    } catch (const JsonError&) {
        return "{}";
    }
}

const char* flag(bool value)
{
    return value ? "true" : "false";
}

std::string message_json(const Statement& row, const std::vector<Id>& ids)
{
    std::string json = "{\"parent\":";
    if (row.is_null(1))
        json += "null";
    else
        json += fmt::format("{}", std::lower_bound(ids.begin(), ids.end(), row.integer(1)) - ids.begin());
    const std::string_view status = row.text(4);
    json += fmt::format(R"(,"chosen":{},"role":"{}","status":"{}","finish_reason":"{}","created_at":{})",
                        flag(row.integer(2) != 0), row.text(3),
                        status == name_of(Status::streaming) ? name_of(Status::interrupted) : status,
                        row.text(5), row.integer(6));
    json += ",\"content\":" + text_json(row.text(7));
    if (!row.text(8).empty())
        json += ",\"error\":" + text_json(row.text(8));
    if (!row.is_null(9))
        json += fmt::format(
            R"(,"origin":{{"model_name":{},"model_hash":{},"engine_version":{},"sampling":{},"seed":{}}})",
            text_json(row.text(9)), text_json(row.text(10)), text_json(row.text(11)),
            object_json(row.text(12)), row.integer(13));
    json += fmt::format(R"(,"prompt_tokens":{},"generated_tokens":{})", row.integer(14), row.integer(15));
    const char* const speeds[] = {"first_token_seconds", "prompt_tokens_per_second",
                                  "generate_tokens_per_second"};
    for (int i = 0; i < 3; ++i)
        json += fmt::format(",\"{}\":{}", speeds[i], number_json(row.real(16 + i)));
    const std::span<const std::byte> tokens = row.blob(19);
    if (!tokens.empty()) {
        json += ",\"token_ids\":[";
        for (std::size_t at = 0; at + sizeof(std::int32_t) <= tokens.size(); at += sizeof(std::int32_t)) {
            std::int32_t token;
            std::memcpy(&token, tokens.data() + at, sizeof token);
            json += fmt::format("{}{}", at > 0 ? "," : "", token);
        }
        json += ']';
    }
    return json + '}';
}

void write_conversation(Connection& database, Id conversation, NewFile& out, Meter& meter)
{
    std::vector<Id> ids; // of its messages, ascending: their place in the list
    {
        const char* sql = "SELECT id FROM messages WHERE conversation = ?1 ORDER BY id";
        Statement row = database.query(sql, conversation);
        while (row.step())
            ids.push_back(row.integer(0));
    }
    std::string tags;
    {
        const char* sql = "SELECT tag FROM conversation_tags WHERE conversation = ?1 ORDER BY tag";
        Statement row = database.query(sql, conversation);
        while (row.step()) {
            if (!tags.empty())
                tags += ',';
            tags += text_json(row.text(0));
        }
    }
    {
        const char* sql = R"sql(
            SELECT uuid, title, title_is_automatic, pinned, archived, unread, folder, created_at, updated_at,
                   deleted_at, settings, draft, draft_cursor, leaf
            FROM conversations WHERE id = ?1
        )sql";
        Statement row = database.query(sql, conversation);
        if (!row.step())
            throw Error(fmt::format("There is no conversation {} in the history", conversation),
                        database.file().string(), Error::Kind::constraint);
        out.write(fmt::format(
            R"({{"uuid":{},"title":{},"title_is_automatic":{},"pinned":{},"archived":{},"unread":{},"folder":{},)",
            text_json(row.text(0)), text_json(row.text(1)), flag(row.integer(2) != 0),
            flag(row.integer(3) != 0), flag(row.integer(4) != 0), flag(row.integer(5) != 0),
            text_json(row.text(6))));
        out.write(fmt::format(R"("tags":[{}],"created_at":{},"updated_at":{},"deleted_at":{},)", tags,
                              row.integer(7), row.integer(8),
                              row.is_null(9) ? "null" : std::to_string(row.integer(9))));
        out.write(fmt::format(R"("settings":{},"draft":{},"draft_cursor":{},)", object_json(row.text(10)),
                              text_json(row.text(11)), row.integer(12)));
        const auto leaf = std::lower_bound(ids.begin(), ids.end(), row.integer(13)) - ids.begin();
        out.write(
            fmt::format("\"leaf\":{},\n\"messages\":[", row.is_null(13) ? "null" : std::to_string(leaf)));
    }
    const char* sql = R"sql(
        SELECT id, parent, chosen, role, status, finish_reason, created_at, content, error, model_name,
               model_hash, engine_version, sampling, seed, prompt_tokens, generated_tokens,
               first_token_seconds, prompt_tokens_per_second, generate_tokens_per_second, token_ids
        FROM messages WHERE conversation = ?1 ORDER BY id
    )sql";
    Statement row = database.query(sql, conversation);
    for (bool first = true; row.step(); first = false) {
        out.write(first ? "\n" : ",\n");
        out.write(message_json(row, ids));
        meter.add_message();
    }
    out.write("]}");
}

// JSON, in

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
                json.refuse("pairs of hexadecimal digits", "\"" + digits.substr(0, 20) + "\"");
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
        json.refuse(expected, "\"" + name.substr(0, 40) + "\"");
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
                if (format != format_name)
                    m_json.refuse(quote(format_name), quote(format));
                is_ours = true;
            } else if (name == "version") {
                const std::int64_t version = m_json.integer();
                if (version < 1 || version > format_version)
                    m_json.refuse(fmt::format("a version up to {}", format_version),
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
            m_json.refuse(fmt::format("the members \"format\": \"{}\" and \"version\"", format_name),
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

// Reading forms

// "2026-11-24 12:30" in this machine's time.
std::string minute(Time time)
{
    const std::time_t seconds = time / 1000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    return text;
}

const std::string& author(const Message& message, const ExportWords& words)
{
    switch (message.role) {
    case Role::user:
        return words.person;
    case Role::system:
        return words.system;
    case Role::tool:
        return words.tool;
    case Role::assistant:
        break;
    }
    return message.origin && !message.origin->model_name.empty() ? message.origin->model_name : words.model;
}

// Why a message ends before its end; empty where it does not.
std::string notice(const Message& message, const ExportWords& words)
{
    switch (message.status) {
    case Status::stopped:
        return words.stopped;
    case Status::failed:
        return message.error.empty() ? words.failed : words.failed + ": " + message.error;
    case Status::streaming:
    case Status::interrupted:
        return words.interrupted;
    case Status::complete:
        break;
    }
    return {};
}

Conversation existing(ChatReader& reader, Id id)
{
    std::optional<Conversation> conversation = reader.conversation(id);
    if (!conversation)
        throw Error(fmt::format("There is no conversation {} in the history", id), {},
                    Error::Kind::constraint);
    return std::move(*conversation);
}

// write(const Message&) for each message of the chosen branch, one in memory at a time.
template <typename Write>
void for_each_of_branch(ChatReader& reader, Id conversation, Meter& meter, Write write)
{
    for (const MessageHead& head : reader.branch_heads(conversation)) {
        if (const std::optional<Message> message = reader.message(head.id))
            write(*message);
        meter.add_message();
    }
}

std::string_view next_line(std::string_view& text)
{
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

// The fence that would close the code block that a text leaves open; empty where it leaves none.
std::string open_fence(std::string_view text)
{
    std::string fence;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
        line.remove_prefix(indent);
        if (indent > 3 || line.empty() || (line[0] != '`' && line[0] != '~'))
            continue;
        const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
        const std::string_view behind = line.substr(length);
        if (fence.empty()) {
            if (length >= 3 && (line[0] == '~' || behind.find('`') == std::string_view::npos))
                fence = std::string(length, line[0]);
        } else if (line[0] == fence[0] && length >= fence.size() &&
                   behind.find_first_not_of(" \t\r") == std::string_view::npos) {
            fence.clear();
        }
    }
    return fence;
}

// A text of any characters on one line of Markdown, meaning itself.
std::string plain_markdown(std::string_view text)
{
    std::string markdown;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            markdown += ' ';
            continue;
        }
        if (std::string_view("\\`*_[]<>#&~|$").find(c) != std::string_view::npos)
            markdown += '\\';
        markdown += c;
    }
    return markdown;
}

std::string html(std::string_view text)
{
    std::string escaped;
    for (const char c : text) {
        switch (c) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        case '"':
            escaped += "&quot;";
            break;
        case '\0':
            escaped += "\uFFFD";
            break;
        default:
            escaped += c;
        }
    }
    return escaped;
}

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #fbfbfa; --text: #24262b; --muted: #6a6e76; --raised: #eef0f2;
    --line: #d9dce0; --accent: #2f6fb2; --danger: #a8322a; }
@media (prefers-color-scheme: dark) {
    :root { --page: #1b1d21; --text: #dfe1e5; --muted: #9a9ea6; --raised: #282b31; --line: #3a3e45;
        --accent: #7fb2e6; --danger: #ec8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .25rem; }
.date, header { color: var(--muted); font-size: .8rem; }
article { margin-top: 2rem; overflow-wrap: anywhere; }
article.user { background: var(--raised); border-radius: .6rem; padding: .75rem 1rem; }
.typed { white-space: pre-wrap; }
.notice { color: var(--danger); font-size: .85rem; }
a { color: var(--accent); }
pre { background: var(--raised); border-radius: .6rem; padding: .75rem 1rem; overflow-x: auto; }
code { font: .875em/1.5 ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--muted); }
@media print { article { break-inside: avoid-page; } }
)css";

} // namespace

void export_json(Connection& database, const std::vector<Id>& conversations,
                 const std::filesystem::path& file, const Progress& progress)
{
    NewFile out(file);
    Meter meter(progress, file.string());
    {
        const Snapshot snapshot(database);
        out.write(fmt::format("{{\"format\":\"{}\",\"version\":{},\"program\":\"Fathom "
                              "{}\",\"exported_at\":{},\n\"conversations\":[",
                              format_name, format_version, FATHOM_VERSION, now()));
        for (std::size_t i = 0; i < conversations.size(); ++i) {
            out.write(i > 0 ? ",\n" : "\n");
            write_conversation(database, conversations[i], out, meter);
        }
        out.write("\n]}\n");
    }
    out.finish();
}

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

void export_markdown(ChatReader& reader, Id id, const std::filesystem::path& file, const ExportWords& words,
                     const Progress& progress)
{
    const Conversation conversation = existing(reader, id);
    NewFile out(file);
    Meter meter(progress, file.string());
    out.write(fmt::format("# {}\n", plain_markdown(conversation.title)));
    for_each_of_branch(reader, id, meter, [&](const Message& message) {
        out.write(fmt::format("\n---\n\n**{}** · {}\n\n", plain_markdown(author(message, words)),
                              minute(message.created_at)));
        out.write(message.content);
        if (!message.content.ends_with('\n'))
            out.write("\n");
        if (const std::string fence = open_fence(message.content); !fence.empty())
            out.write(fence + "\n");
        if (const std::string why = notice(message, words); !why.empty())
            out.write(fmt::format("\n*{}*\n", plain_markdown(why)));
    });
    out.finish();
}

void export_html(ChatReader& reader, Id id, const std::filesystem::path& file, const RenderMarkdown& render,
                 const ExportWords& words, const Progress& progress)
{
    const Conversation conversation = existing(reader, id);
    NewFile out(file);
    Meter meter(progress, file.string());
    const std::string title = html(conversation.title);
    out.write("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" "
              "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
              "form-action 'none'\">\n");
    out.write(fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
                          "<h1 dir=\"auto\">{}</h1>\n<p class=\"date\">{}</p>\n",
                          title, style, title, minute(conversation.created_at)));
    for_each_of_branch(reader, id, meter, [&](const Message& message) {
        const bool typed = message.role == Role::user;
        out.write(fmt::format("<article class=\"{}\">\n<header>{} · {}</header>\n<div dir=\"auto\"{}>",
                              name_of(message.role), html(author(message, words)), minute(message.created_at),
                              typed ? " class=\"typed\"" : ""));
        out.write(typed ? html(message.content) : render(message.content));
        out.write("</div>\n");
        if (const std::string why = notice(message, words); !why.empty())
            out.write(fmt::format("<p class=\"notice\">{}</p>\n", html(why)));
        out.write("</article>\n");
    });
    out.write("</main>\n</body>\n</html>\n");
    out.finish();
}

std::filesystem::path export_file(const std::filesystem::path& folder, std::string_view title,
                                  std::string_view ending)
{
    constexpr std::size_t longest = 120; // bytes; a name may have 255
    std::string name;
    for (Decoded next; !title.empty(); title.remove_prefix(next.length)) {
        next = decode(title);
        const bool forbidden =
            next.character < 0x80 &&
            std::string_view("/\\:*?\"<>|").find(static_cast<char>(next.character)) != std::string_view::npos;
        if (forbidden || is_blank(next.character) || (next.character == 0xFFFD && next.length == 1)) {
            if (!name.empty() && name.back() != ' ')
                name += ' ';
        } else if (name.size() + next.length > longest) {
            break;
        } else if (!name.empty() || next.character != '.') { // no hidden file
            name += title.substr(0, next.length);
        }
    }
    while (name.ends_with(' ') || name.ends_with('.'))
        name.pop_back();
    if (name.empty())
        name = "Conversation";
    std::filesystem::path file = folder / (name + std::string(ending));
    for (int i = 2; std::filesystem::exists(file); ++i)
        file = folder / fmt::format("{} ({}){}", name, i, ending);
    return file;
}

} // namespace storage
