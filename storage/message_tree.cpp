// SPDX-License-Identifier: MIT
#include "storage/message_tree.h"

#include "storage/chat_reader.h"
#include "storage/checks.h"
#include "storage/preview.h"
#include "storage/search.h"

#include <vector>

namespace storage {

Place place_of(Connection& database, Id message)
{
    Statement row = database.query("SELECT conversation, parent, role FROM messages WHERE id = ?1", message);
    if (!row.step())
        refuse_missing(database, "message", message);
    return {row.integer(0), row.optional_integer(1), role_of(row.text(2))};
}

std::optional<Id> leaf_of(Connection& database, Id conversation)
{
    Statement row = database.query("SELECT leaf FROM conversations WHERE id = ?1", conversation);
    if (!row.step())
        refuse_missing(database, "conversation", conversation);
    return row.optional_integer(0);
}

Id leaf_below(Connection& database, Id message)
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
    Statement row = database.query(sql, message, place_of(database, message).conversation);
    return row.step() ? row.integer(0) : message;
}

Id insert_message(Connection& database, const Place& place, Status status, std::string_view content)
{
    const Time time = now();
    const char* sql = R"sql(
        INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, created_at, content)
        VALUES (?1, ?2, (SELECT count(*) FROM messages WHERE conversation = ?1 AND parent IS ?2), 0,
                ?3, ?4, ?5, ?6)
    )sql";
    database.run(sql, place.conversation, place.parent, name_of(place.role), name_of(status), time, content);
    const Id id = database.last_insert_id();
    if (status != Status::streaming)
        index_message(database, id);
    choose_leaf(database, id, place);
    database.run("UPDATE conversations SET updated_at = ?2 WHERE id = ?1", place.conversation, time);
    return id;
}

void choose_leaf(Connection& database, Id leaf, const Place& place)
{
    // Below the present leaf the way down to it is marked already; walking it each time would make a long
    // conversation slow.
    const bool extends = place.parent == leaf_of(database, place.conversation);
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
    database.run(sql, leaf, extends ? 1 : no_limit);
    database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", place.conversation, leaf);
    update_preview(database, place.conversation);
}

void copy_way(Connection& database, Id message, Id conversation)
{
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
        Statement row = database.query(sql, message);
        while (row.step())
            way.push_back(row.integer(0));
    }
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
        database.run(copy, conversation, parent, *original);
        parent = database.last_insert_id();
    }
    index_messages(database, conversation);
    database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", conversation, parent);
    update_preview(database, conversation);
}

} // namespace storage
