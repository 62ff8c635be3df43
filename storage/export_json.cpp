// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"
#include "storage/exchange.h"
#include "storage/exchange_meter.h"
#include "storage/folding.h"
#include "storage/json.h"
#include "storage/new_file.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fmt/format.h>
#include <span>

namespace storage {
namespace {

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
                              exchange_format, exchange_version, FATHOM_VERSION, now()));
        for (std::size_t i = 0; i < conversations.size(); ++i) {
            out.write(i > 0 ? ",\n" : "\n");
            write_conversation(database, conversations[i], out, meter);
        }
        out.write("\n]}\n");
    }
    out.finish();
}

} // namespace storage
