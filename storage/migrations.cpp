// SPDX-License-Identifier: MIT
#include "storage/migrations.h"

#include "storage/backup.h"

#include <fmt/format.h>
#include <string>

namespace storage {
namespace {

constexpr int application_id = 0x4674686D; // "Fthm", what `file` and others tell our databases by

constexpr Migration list[] = {
    {1, "conversations and messages", R"sql(
        CREATE TABLE conversations (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            title TEXT NOT NULL,
            title_is_automatic INTEGER NOT NULL CHECK (title_is_automatic IN (0, 1)),
            pinned INTEGER NOT NULL DEFAULT 0 CHECK (pinned IN (0, 1)),
            archived INTEGER NOT NULL DEFAULT 0 CHECK (archived IN (0, 1)),
            unread INTEGER NOT NULL DEFAULT 0 CHECK (unread IN (0, 1)),
            folder TEXT NOT NULL DEFAULT '',
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            deleted_at INTEGER,
            -- Which list it stands in: 0 active, 1 archived, 2 trash.
            scope INTEGER NOT NULL AS (CASE WHEN deleted_at IS NULL THEN archived ELSE 2 END),
            -- The chosen branch: its last message. The way to it are the parents.
            leaf INTEGER,
            preview TEXT NOT NULL DEFAULT '', -- of the leaf's text: 10,000 leaves lie all over the file
            draft TEXT NOT NULL DEFAULT '',
            settings TEXT NOT NULL, -- a JSON object
            FOREIGN KEY (id, leaf) REFERENCES messages (conversation, id) DEFERRABLE INITIALLY DEFERRED
        ) STRICT;

        CREATE INDEX listed_conversations
            ON conversations (scope, deleted_at DESC, pinned DESC, updated_at DESC, id DESC);

        CREATE TABLE conversation_tags (
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            tag TEXT NOT NULL CHECK (tag <> ''),
            PRIMARY KEY (conversation, tag)
        ) STRICT, WITHOUT ROWID;

        -- A tree for each conversation. A parent is in the same conversation. No cascade along it: a
        -- conversation of many thousand turns would be as many levels deep.
        CREATE TABLE messages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            conversation INTEGER NOT NULL REFERENCES conversations (id),
            parent INTEGER CHECK (parent < id), -- which no circle can satisfy
            ordinal INTEGER NOT NULL CHECK (ordinal >= 0),
            -- The one of its siblings that the chosen branch went through last.
            chosen INTEGER NOT NULL CHECK (chosen IN (0, 1)),
            role TEXT NOT NULL CHECK (role IN ('system', 'user', 'assistant', 'tool')),
            status TEXT NOT NULL
                CHECK (status IN ('complete', 'streaming', 'interrupted', 'stopped', 'failed')),
            finish_reason TEXT NOT NULL DEFAULT 'none'
                CHECK (finish_reason IN ('none', 'stop', 'length', 'context_full', 'cancelled', 'error')),
            created_at INTEGER NOT NULL,
            model_name TEXT, -- this and the next four: answers only
            model_hash TEXT,
            engine_version TEXT,
            sampling TEXT, -- a JSON object
            seed INTEGER,
            prompt_tokens INTEGER NOT NULL DEFAULT 0,
            generated_tokens INTEGER NOT NULL DEFAULT 0,
            first_token_seconds REAL NOT NULL DEFAULT 0,
            prompt_tokens_per_second REAL NOT NULL DEFAULT 0,
            generate_tokens_per_second REAL NOT NULL DEFAULT 0,
            error TEXT NOT NULL DEFAULT '',
            content TEXT NOT NULL,
            token_ids BLOB NOT NULL DEFAULT x'', -- 32-bit little-endian
            UNIQUE (conversation, id),
            UNIQUE (conversation, parent, ordinal),
            FOREIGN KEY (conversation, parent) REFERENCES messages (conversation, id)
        ) STRICT;
        CREATE UNIQUE INDEX first_messages ON messages (conversation, ordinal) WHERE parent IS NULL;
        CREATE INDEX streaming_messages ON messages (id) WHERE status = 'streaming';
    )sql"},
    {2, "full-text search", R"sql(
        -- An answer is indexed once it is finished: indexing it at each commit would cost the square of its
        -- length.
        CREATE VIEW searchable_messages AS SELECT id, content FROM messages WHERE status <> 'streaming';

        -- Trigrams answer queries from three characters on, bigrams shorter ones. They hold which texts have
        -- a group of characters, not where: a third of the size. The store keeps them in step: to SQLite 3.40
        -- a search table is unsafe in a trigger of a schema that is not trusted.
        CREATE VIRTUAL TABLE message_trigrams USING fts5 (
            content, content = 'searchable_messages', content_rowid = 'id', tokenize = 'trigram',
            detail = none, columnsize = 0);
        CREATE VIRTUAL TABLE message_bigrams USING fts5 (
            content, content = 'searchable_messages', content_rowid = 'id', tokenize = 'bigram',
            detail = none, columnsize = 0);
        CREATE VIRTUAL TABLE title_trigrams USING fts5 (
            title, content = 'conversations', content_rowid = 'id', tokenize = 'trigram',
            detail = none, columnsize = 0);
        CREATE VIRTUAL TABLE title_bigrams USING fts5 (
            title, content = 'conversations', content_rowid = 'id', tokenize = 'bigram',
            detail = none, columnsize = 0);

        INSERT INTO message_trigrams (message_trigrams) VALUES ('rebuild');
        INSERT INTO message_bigrams (message_bigrams) VALUES ('rebuild');
        INSERT INTO title_trigrams (title_trigrams) VALUES ('rebuild');
        INSERT INTO title_bigrams (title_bigrams) VALUES ('rebuild');

        -- Work for quiet moments that outlives the process.
        CREATE TABLE chores (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
    )sql"},
    {3, "heads of messages, presets, identities", R"sql(
        -- All that a long conversation's list needs before it shows a text, one page for eighty messages.
        CREATE INDEX message_heads
            ON messages (conversation, id, parent, ordinal, role, status, length(content));

        -- The same in every profile that the conversation was exported to.
        ALTER TABLE conversations ADD COLUMN uuid TEXT NOT NULL DEFAULT '';
        UPDATE conversations SET uuid = lower(hex(randomblob(16)));
        CREATE UNIQUE INDEX conversation_uuids ON conversations (uuid) WHERE uuid <> '';

        ALTER TABLE conversations ADD COLUMN draft_cursor INTEGER NOT NULL DEFAULT 0;

        CREATE TABLE presets (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            name TEXT NOT NULL UNIQUE,
            settings TEXT NOT NULL, -- a JSON object
            place INTEGER NOT NULL
        ) STRICT;
    )sql"},
    {4, "what narrows a search down", R"sql(
        -- Of each 1024 ids the span of time. Ids follow the time but for what was imported or forked, so a
        -- search before a date skips most of a million messages unread.
        CREATE TABLE message_times (
            block INTEGER PRIMARY KEY,
            earliest INTEGER NOT NULL,
            latest INTEGER NOT NULL
        ) STRICT;
        INSERT INTO message_times SELECT id / 1024, min(created_at), max(created_at) FROM messages GROUP BY 1;
        CREATE TRIGGER time_of_new_message AFTER INSERT ON messages BEGIN
            INSERT INTO message_times VALUES (new.id / 1024, new.created_at, new.created_at)
            ON CONFLICT (block) DO UPDATE SET earliest = min(earliest, excluded.earliest),
                                              latest = max(latest, excluded.latest);
        END;

        CREATE TABLE conversation_models (
            conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
            model_name TEXT NOT NULL,
            PRIMARY KEY (conversation, model_name)
        ) STRICT, WITHOUT ROWID;
        INSERT OR IGNORE INTO conversation_models
            SELECT conversation, model_name FROM messages WHERE model_name IS NOT NULL;
        CREATE TRIGGER model_of_new_message AFTER INSERT ON messages WHEN new.model_name IS NOT NULL BEGIN
            INSERT OR IGNORE INTO conversation_models VALUES (new.conversation, new.model_name);
        END;
        CREATE TRIGGER model_of_message AFTER UPDATE OF model_name ON messages
            WHEN new.model_name IS NOT NULL BEGIN
            INSERT OR IGNORE INTO conversation_models VALUES (new.conversation, new.model_name);
        END;
    )sql"},
};

} // namespace

std::span<const Migration> migrations()
{
    return list;
}

int supported_version()
{
    return list[std::size(list) - 1].version;
}

int version_of(Connection& database)
{
    return static_cast<int>(database.query("PRAGMA user_version").first_integer());
}

void refuse_foreign(Connection& database, int supported)
{
    const std::string file = database.file().string();
    const bool empty = database.query("SELECT count(*) FROM sqlite_schema").first_integer() == 0;
    if (!empty && database.query("PRAGMA application_id").first_integer() != application_id)
        throw Error(fmt::format("{} is a database of another program, not a history of Fathom", file), file,
                    Error::Kind::corrupt);
    const int found = version_of(database);
    if (found > supported)
        throw Error(
            fmt::format("The history {} was written by a newer Fathom: it has version {}, this program "
                        "reads up to version {}. It was left as it is.",
                        file, found, supported),
            file, Error::Kind::too_new);
}

void migrate(Connection& database, std::span<const Migration> steps, const std::filesystem::path& backups,
             const Upgrade& upgrade)
{
    const int found = version_of(database);
    if (steps.empty() || found >= steps.back().version)
        return;
    const bool is_new = found == 0; // done at once, and never in vain
    const Connection::Stoppable stoppable(database, is_new ? std::stop_token() : upgrade.stop);
    int number = 0;
    const auto begin = [&] {
        if (is_new)
            return;
        if (upgrade.begins)
            upgrade.begins(++number, steps.back().version - found + 1);
        if (upgrade.stop.stop_requested())
            throw Error("It was cancelled", database.file().string(), Error::Kind::cancelled);
    };
    begin();
    if (!is_new)
        back_up(database, backups);
    Transaction transaction(database);
    for (const Migration& step : steps) {
        if (step.version <= found)
            continue;
        begin();
        try {
            database.execute(step.sql);
        } catch (const Error& error) {
            throw Error(
                fmt::format("The history could not be brought to version {} ({}) and was left as it was: {}",
                            step.version, step.what, error.what()),
                error.where(), error.kind());
        }
    }
    // Pragmas take no parameters.
    database.execute(fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id,
                                 steps.back().version));
    transaction.commit();
}

} // namespace storage
