// SPDX-License-Identifier: MIT
#include "storage/rescue.h"

#include "storage/backup.h"
#include "storage/chat_store.h"
#include "storage/migrations.h"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace storage {
namespace {

namespace fs = std::filesystem;

// A history that is complete and on the disk, about to take the place of the other one.
fs::path replacement(const fs::path& profile)
{
    return profile / "replacement.sqlite";
}

fs::path beside(fs::path file, const char* suffix)
{
    file += suffix;
    return file;
}

[[noreturn]] void fail(const std::string& what, const fs::path& where, const std::error_code& error)
{
    const int code = error.value();
    throw Error(fmt::format("{} ({})", what, error.message()), where.string(),
                code == ENOSPC || code == EDQUOT  ? Error::Kind::full
                : code == EACCES || code == EROFS ? Error::Kind::read_only
                                                  : Error::Kind::io);
}

void sync_to_disk(const fs::path& path)
{
    const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
    const bool done = descriptor >= 0 && fsync(descriptor) == 0;
    const int code = errno;
    if (descriptor >= 0)
        close(descriptor);
    if (!done)
        fail(fmt::format("{} could not be written to the disk", path.string()), path,
             std::error_code(code, std::generic_category()));
}

void make_private_folder(const fs::path& folder)
{
    if (mkdir(folder.c_str(), S_IRWXU) != 0 && errno != EEXIST)
        fail(fmt::format("The folder {} could not be created", folder.string()), folder,
             std::error_code(errno, std::generic_category()));
}

void copy_to_disk(const fs::path& from, const fs::path& to)
{
    std::error_code error;
    fs::copy_file(from, to, fs::copy_options::overwrite_existing, error);
    if (!error)
        fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write, error);
    if (error)
        fail(fmt::format("{} could not be copied to {}", from.string(), to.string()), to, error);
    sync_to_disk(to);
}

// The history with its log, in a folder of its own. Returns the folder.
fs::path keep_copy(const fs::path& profile)
{
    const fs::path file = database_file(profile);
    const fs::path all = profile / "damaged";
    make_private_folder(all);
    const std::string time = utc_time();
    fs::path folder = all / time;
    for (int i = 2; fs::exists(folder); ++i)
        folder = all / fmt::format("{}-{}", time, i);
    make_private_folder(folder);
    copy_to_disk(file, folder / file.filename());
    if (fs::exists(beside(file, "-wal")))
        copy_to_disk(beside(file, "-wal"), beside(folder / file.filename(), "-wal"));
    sync_to_disk(folder);
    sync_to_disk(all);
    return folder;
}

// One table as both sides know it. `id` is its first column.
struct Table
{
    const char* in_range; // all columns of the rows ?1 <= id <= ?2, ascending
    const char* last;     // the largest id
    const char* insert;   // into the table of the same shape that has no constraints
};

constexpr Table conversations{
    R"sql(SELECT id, title, title_is_automatic, pinned, archived, unread, folder, created_at, updated_at, deleted_at,
                 leaf, preview, draft, settings, uuid, draft_cursor
          FROM conversations WHERE id BETWEEN ?1 AND ?2 ORDER BY id)sql",
    "SELECT max(id) FROM conversations",
    R"sql(INSERT OR REPLACE INTO temp.found_conversations
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))sql"};

// As versions 1 and 2 had it.
constexpr Table early_conversations{
    R"sql(SELECT id, title, title_is_automatic, pinned, archived, unread, folder, created_at, updated_at, deleted_at,
                 leaf, preview, draft, settings, NULL, 0
          FROM conversations WHERE id BETWEEN ?1 AND ?2 ORDER BY id)sql",
    conversations.last, conversations.insert};

constexpr Table messages{
    R"sql(SELECT id, conversation, parent, ordinal, chosen, role, status, finish_reason, created_at, model_name,
                 model_hash, engine_version, sampling, seed, prompt_tokens, generated_tokens, first_token_seconds,
                 prompt_tokens_per_second, generate_tokens_per_second, error, content, token_ids
          FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id)sql",
    "SELECT max(id) FROM messages",
    R"sql(INSERT OR REPLACE INTO temp.found_messages
          VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?))sql"};

bool is_damage(const Error& error)
{
    return error.kind() == Error::Kind::corrupt;
}

// Reads rows of the damaged file, and where it cannot, halves the range until single rows are left out.
class Salvage
{
public:
    Salvage(Connection& from, Connection& to)
        : m_from(from)
        , m_to(to)
    {
    }

    void copy(const Table& table)
    {
        // Rows that could not be counted are looked for up to as many as the file could hold.
        std::int64_t last = 0;
        try {
            last = m_from.query(table.last).first_integer();
        } catch (const Error& error) {
            if (!is_damage(error))
                throw;
            constexpr std::int64_t smallest_row = 16; // bytes
            std::error_code ignored;
            last = static_cast<std::int64_t>(fs::file_size(m_from.file(), ignored)) / smallest_row;
        }
        copy_range(table, 1, last);
    }
    std::int64_t unreadable() const { return m_unreadable; }

private:
    void copy_range(const Table& table, std::int64_t first, std::int64_t last)
    {
        while (first <= last) {
            std::int64_t reached = first - 1;
            try {
                Statement row = m_from.query(table.in_range, first, last);
                while (row.step()) {
                    Statement insert = m_to.prepare(table.insert);
                    insert.bind_row(row);
                    insert.step();
                    reached = row.integer(0);
                }
                return;
            } catch (const Error& error) {
                if (!is_damage(error) || error.where() != m_from.file().string())
                    throw;
            }
            if (reached >= first) {
                first = reached + 1;
                continue;
            }
            if (first == last) {
                ++m_unreadable;
                return;
            }
            const std::int64_t middle = first + (last - first) / 2;
            copy_range(table, first, middle); // the depth is the logarithm of the range
            first = middle + 1;
        }
    }

    Connection& m_from;
    Connection& m_to;
    std::int64_t m_unreadable = 0;
};

// Rows as they were found, in the order of the columns above, whatever their values are.
constexpr const char* found_tables = R"sql(
    CREATE TEMP TABLE found_conversations (
        id INTEGER PRIMARY KEY, title, title_is_automatic, pinned, archived, unread, folder, created_at, updated_at,
        deleted_at, leaf, preview, draft, settings, uuid, draft_cursor);
    CREATE TEMP TABLE found_messages (
        id INTEGER PRIMARY KEY, conversation, parent, ordinal, chosen, role, status, finish_reason, created_at,
        model_name, model_hash, engine_version, sampling, seed, prompt_tokens, generated_tokens, first_token_seconds,
        prompt_tokens_per_second, generate_tokens_per_second, error, content, token_ids);
)sql";

// From what was found to what the schema demands. Numbers and texts are cast, so that a damaged value costs
// no row; what makes a row a row (its conversation, its text) must be of the right kind.
constexpr const char* mend = R"sql(
    DELETE FROM temp.found_messages
    WHERE typeof(conversation) <> 'integer' OR conversation < 1 OR typeof(content) <> 'text';

    INSERT INTO conversations (id, title, title_is_automatic, pinned, archived, unread, folder, created_at, updated_at,
                               deleted_at, preview, draft, settings, draft_cursor, uuid)
    SELECT id, coalesce(CAST(title AS TEXT), ''), coalesce(title_is_automatic IN (1), 1), coalesce(pinned IN (1), 0),
           coalesce(archived IN (1), 0), coalesce(unread IN (1), 0), coalesce(CAST(folder AS TEXT), ''),
           coalesce(CAST(created_at AS INTEGER), 0), coalesce(CAST(updated_at AS INTEGER), 0),
           CAST(deleted_at AS INTEGER), coalesce(CAST(preview AS TEXT), ''), coalesce(CAST(draft AS TEXT), ''),
           iif(json_valid(CAST(settings AS TEXT)), CAST(settings AS TEXT), '{}'),
           coalesce(CAST(draft_cursor AS INTEGER), 0),
           iif(typeof(uuid) = 'text' AND uuid <> '' AND row_number() OVER (PARTITION BY uuid ORDER BY id) = 1, uuid,
               lower(hex(randomblob(16))))
    FROM temp.found_conversations;

    INSERT INTO conversations (id, title, title_is_automatic, created_at, updated_at, settings, uuid)
    SELECT conversation, 'Recovered conversation', 1, coalesce(min(CAST(created_at AS INTEGER)), 0),
           coalesce(max(CAST(created_at AS INTEGER)), 0), '{}', lower(hex(randomblob(16)))
    FROM temp.found_messages
    WHERE conversation NOT IN (SELECT id FROM conversations) GROUP BY conversation;

    -- A lost predecessor is replaced by the latest message before it.
    CREATE INDEX temp.found_by_conversation ON found_messages (conversation, id);
    UPDATE temp.found_messages AS m
    SET parent = (SELECT max(p.id) FROM temp.found_messages p WHERE p.conversation = m.conversation AND p.id < m.id)
    WHERE parent IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM temp.found_messages p
                      WHERE p.id = m.parent AND p.conversation = m.conversation AND p.id < m.id);

    INSERT INTO messages
    SELECT id, conversation, parent,
           row_number() OVER (PARTITION BY conversation, parent ORDER BY id) - 1, -- as they were made
           coalesce(chosen IN (1), 0),
           iif(role IN ('system', 'user', 'assistant', 'tool'), role, 'user'),
           iif(status IN ('complete', 'streaming', 'interrupted', 'stopped', 'failed'), status, 'interrupted'),
           iif(finish_reason IN ('none', 'stop', 'length', 'context_full', 'cancelled', 'error'), finish_reason, 'none'),
           coalesce(CAST(created_at AS INTEGER), 0), CAST(model_name AS TEXT), CAST(model_hash AS TEXT),
           CAST(engine_version AS TEXT), CAST(sampling AS TEXT), CAST(seed AS INTEGER),
           coalesce(CAST(prompt_tokens AS INTEGER), 0), coalesce(CAST(generated_tokens AS INTEGER), 0),
           coalesce(CAST(first_token_seconds AS REAL), 0), coalesce(CAST(prompt_tokens_per_second AS REAL), 0),
           coalesce(CAST(generate_tokens_per_second AS REAL), 0), coalesce(CAST(error AS TEXT), ''), content,
           coalesce(CAST(token_ids AS BLOB), x'')
    FROM temp.found_messages ORDER BY id;

    UPDATE conversations SET leaf = coalesce(
        (SELECT f.leaf FROM temp.found_conversations f JOIN messages m ON m.id = f.leaf
         WHERE f.id = conversations.id AND m.conversation = conversations.id),
        (SELECT max(m.id) FROM messages m WHERE m.conversation = conversations.id));

    INSERT INTO message_trigrams (message_trigrams) VALUES ('rebuild');
    INSERT INTO message_bigrams (message_bigrams) VALUES ('rebuild');
    INSERT INTO title_trigrams (title_trigrams) VALUES ('rebuild');
    INSERT INTO title_bigrams (title_bigrams) VALUES ('rebuild');
)sql";

// Worth a try each; what cannot be read is not missed as much as a word would be.
void copy_row_by_row(Connection& from, const char* select, Connection& to, const char* insert)
{
    try {
        Statement row = from.prepare(select);
        while (row.step()) {
            Statement statement = to.prepare(insert);
            statement.bind_row(row);
            statement.step();
        }
    } catch (const Error& error) {
        if (!is_damage(error) || error.where() != from.file().string())
            throw;
    }
}

void copy_tags(Connection& from, Connection& to)
{
    copy_row_by_row(from, "SELECT conversation, CAST(tag AS TEXT) FROM conversation_tags", to, R"sql(
        INSERT OR IGNORE INTO conversation_tags (conversation, tag)
        SELECT ?1, ?2 WHERE ?2 <> '' AND EXISTS (SELECT 1 FROM conversations WHERE id = ?1)
    )sql");
}

void copy_presets(Connection& from, Connection& to)
{
    copy_row_by_row(from, "SELECT CAST(name AS TEXT), CAST(settings AS TEXT) FROM presets ORDER BY place, id",
                    to, R"sql(
        INSERT OR IGNORE INTO presets (name, settings, place)
        SELECT ?1, ?2, (SELECT count(*) FROM presets) WHERE json_valid(?2) AND ?1 IS NOT NULL
    )sql");
}

void remove_with_log(const fs::path& file)
{
    std::error_code ignored;
    for (const char* suffix : {"", "-wal", "-shm", "-journal"})
        fs::remove(beside(file, suffix), ignored);
}

// From here on a crash leaves a profile that finish_exchange() completes.
void exchange(const fs::path& profile, const fs::path& complete)
{
    sync_to_disk(complete);
    std::error_code error;
    fs::rename(complete, replacement(profile), error);
    if (error)
        fail(fmt::format("{} could not be renamed", complete.string()), complete, error);
    sync_to_disk(profile);
    finish_exchange(profile);
}

std::vector<std::string> findings_of(Connection& database, const char* sql)
{
    std::vector<std::string> findings;
    Statement row = database.prepare(sql);
    try {
        while (row.step())
            if (row.text(0) != "ok")
                findings.emplace_back(row.text(0));
    } catch (const Error& error) {
        if (!is_damage(error))
            throw;
        findings.emplace_back(error.what());
    }
    return findings;
}

} // namespace

std::vector<std::string> check(Connection& database)
{
    return findings_of(database, "PRAGMA integrity_check(20)");
}

std::vector<std::string> quick_check(Connection& database)
{
    return findings_of(database, "PRAGMA quick_check(20)");
}

Rescued rescue(const ProfileLock& lock)
{
    const fs::path& profile = lock.profile();
    finish_exchange(profile);
    Rescued result;
    result.kept = keep_copy(profile);
    const fs::path partial = profile / "rescue.partial";
    remove_with_log(partial);
    try {
        Connection from(result.kept / database_file(profile).filename(), Connection::Mode::read_only);
        refuse_foreign(from, supported_version());
        const bool is_early = version_of(from) < 3;
        Connection to(partial, Connection::Mode::read_write);
        migrate(to, migrations(), profile / "backups");
        to.execute(found_tables);
        Transaction transaction(to);
        Salvage salvage(from, to);
        salvage.copy(is_early ? early_conversations : conversations);
        salvage.copy(messages);
        to.execute(mend);
        copy_tags(from, to);
        if (!is_early)
            copy_presets(from, to);
        transaction.commit();
        result.conversations = to.query("SELECT count(*) FROM conversations").first_integer();
        result.messages = to.query("SELECT count(*) FROM messages").first_integer();
        result.unreadable = salvage.unreadable();
    } catch (const Error&) {
        remove_with_log(partial);
        throw;
    }
    exchange(profile, partial);
    return result;
}

fs::path restore_backup(const ProfileLock& lock, const fs::path& backup)
{
    const fs::path& profile = lock.profile();
    finish_exchange(profile);
    const fs::path partial = profile / "rescue.partial";
    remove_with_log(partial);
    copy_to_disk(backup, partial);
    try {
        Connection copy(partial, Connection::Mode::copy_only);
        refuse_foreign(copy, supported_version());
        const std::vector<std::string> findings = check(copy);
        if (!findings.empty())
            throw Error(fmt::format("The backup {} is damaged ({})", backup.string(), findings.front()),
                        backup.string(), Error::Kind::corrupt);
    } catch (const Error&) {
        remove_with_log(partial);
        throw;
    }
    fs::path kept;
    if (fs::exists(database_file(profile)))
        kept = keep_copy(profile);
    exchange(profile, partial);
    return kept;
}

void finish_exchange(const fs::path& profile)
{
    const fs::path complete = replacement(profile);
    if (!fs::exists(complete))
        return;
    const fs::path file = database_file(profile);
    // The log first: a log of the old history must never meet the new one.
    std::error_code error;
    for (const char* suffix : {"-wal", "-shm"})
        if (!fs::remove(beside(file, suffix), error) && error)
            fail(fmt::format("{} could not be removed", beside(file, suffix).string()), file, error);
    sync_to_disk(profile);
    fs::rename(complete, file, error);
    if (error)
        fail(fmt::format("{} could not be renamed", complete.string()), complete, error);
    sync_to_disk(profile);
}

} // namespace storage
