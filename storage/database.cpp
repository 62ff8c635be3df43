// SPDX-License-Identifier: MIT
#include "storage/database.h"

#include "storage/folding.h"

#include <cassert>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

namespace storage {
namespace {

// Milliseconds that a statement waits for another connection. Within one profile only a reader can be in the
// way.
constexpr int busy_timeout = 2000;

// `code` is the errno of the latest system call, for results that come from one.
Error::Kind kind_of(int result, int code)
{
    const bool from_system = (result & 0xFF) == SQLITE_IOERR || (result & 0xFF) == SQLITE_CANTOPEN;
    if (from_system && (code == ENOSPC || code == EDQUOT))
        return Error::Kind::full; // SQLite says SQLITE_FULL only where it writes a page
    switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
        return Error::Kind::busy;
    case SQLITE_FULL:
        return Error::Kind::full;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
    case SQLITE_NOLFS:
        return Error::Kind::io;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return Error::Kind::corrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return Error::Kind::read_only;
    case SQLITE_CONSTRAINT:
        return Error::Kind::constraint;
    case SQLITE_INTERRUPT:
        return Error::Kind::cancelled;
    default:
        return Error::Kind::other;
    }
}

std::string sentence(Error::Kind kind, const std::string& file, const char* detail)
{
    switch (kind) {
    case Error::Kind::busy:
        return fmt::format("Another program is using the history {}", file);
    case Error::Kind::full:
        return fmt::format("The disk is full; the history {} could not be written", file);
    case Error::Kind::io:
        return fmt::format("The disk could not be read or written at the history {} ({})", file, detail);
    case Error::Kind::corrupt:
        return fmt::format("The history {} is damaged ({})", file, detail);
    case Error::Kind::read_only:
        return fmt::format("The history {} must not be written", file);
    case Error::Kind::cancelled:
        return "It was cancelled";
    default:
        return fmt::format("The history {} refused a change ({})", file, detail);
    }
}

// SQLite would create the file with the permissions of the umask, and gives its own ones to the log beside
// it. Only a file that does not exist is opened here: closing one that SQLite has open would drop SQLite's
// locks.
void create_private(const std::filesystem::path& file)
{
    const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (descriptor >= 0)
        close(descriptor);
    else if (errno == EEXIST)
        chmod(file.c_str(), S_IRUSR | S_IWUSR); // one that is not ours says so when it is opened
    else
        throw Error(
            fmt::format("The history {} could not be created ({})", file.string(), std::strerror(errno)),
            file.string(),
            errno == EACCES || errno == EROFS    ? Error::Kind::read_only
            : errno == ENOSPC || errno == EDQUOT ? Error::Kind::full
                                                 : Error::Kind::io);
}

} // namespace

// Statement

Statement::Statement(Connection& connection, sqlite3_stmt* statement)
    : m_connection(&connection)
    , m_statement(statement)
{
}

Statement::Statement(Statement&& other) noexcept
    : m_connection(other.m_connection)
    , m_statement(std::exchange(other.m_statement, nullptr))
{
}

Statement::~Statement()
{
    if (m_statement) {
        sqlite3_reset(m_statement);
        sqlite3_clear_bindings(m_statement);
    }
}

bool Statement::step()
{
    m_connection->refuse_if_broken();
    const int result = sqlite3_step(m_statement);
    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        m_connection->fail();
    return false;
}

std::int64_t Statement::first_integer()
{
    return step() ? integer(0) : 0;
}

bool Statement::is_null(int column) const
{
    return sqlite3_column_type(m_statement, column) == SQLITE_NULL;
}

std::int64_t Statement::integer(int column) const
{
    return sqlite3_column_int64(m_statement, column);
}

std::optional<std::int64_t> Statement::optional_integer(int column) const
{
    return is_null(column) ? std::nullopt : std::optional(integer(column));
}

double Statement::real(int column) const
{
    return sqlite3_column_double(m_statement, column);
}

std::string_view Statement::text(int column) const
{
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(m_statement, column));
    return text ? std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column)))
                : std::string_view();
}

std::span<const std::byte> Statement::blob(int column) const
{
    const auto* bytes = static_cast<const std::byte*>(sqlite3_column_blob(m_statement, column));
    return bytes ? std::span(bytes, static_cast<std::size_t>(sqlite3_column_bytes(m_statement, column)))
                 : std::span<const std::byte>();
}

Statement& Statement::bind_row(const Statement& row)
{
    for (int column = 0; column < sqlite3_column_count(row.m_statement); ++column)
        if (sqlite3_bind_value(m_statement, column + 1, sqlite3_column_value(row.m_statement, column)) !=
            SQLITE_OK)
            m_connection->fail();
    return *this;
}

void Statement::bind_one(int index, std::nullptr_t)
{
    if (sqlite3_bind_null(m_statement, index) != SQLITE_OK)
        m_connection->fail();
}

void Statement::bind_one(int index, std::int64_t value)
{
    if (sqlite3_bind_int64(m_statement, index, value) != SQLITE_OK)
        m_connection->fail();
}

void Statement::bind_one(int index, double value)
{
    if (sqlite3_bind_double(m_statement, index, value) != SQLITE_OK)
        m_connection->fail();
}

void Statement::bind_one(int index, std::string_view value)
{
    // A null pointer would bind NULL, not the empty text.
    const char* text = value.data() ? value.data() : "";
    if (sqlite3_bind_text64(m_statement, index, text, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8) !=
        SQLITE_OK)
        m_connection->fail();
}

void Statement::bind_one(int index, std::span<const std::byte> value)
{
    const void* bytes = value.empty() ? "" : static_cast<const void*>(value.data());
    if (sqlite3_bind_blob64(m_statement, index, bytes, value.size(), SQLITE_TRANSIENT) != SQLITE_OK)
        m_connection->fail();
}

// Connection

void Connection::Close::operator()(sqlite3* database) const noexcept
{
    sqlite3_close_v2(database);
}

void Connection::Finalize::operator()(sqlite3_stmt* statement) const noexcept
{
    sqlite3_finalize(statement);
}

Connection::Connection(const std::filesystem::path& file, Mode mode)
    : m_file(file)
    , m_writes(mode == Mode::read_write || mode == Mode::in_memory)
{
    const bool on_disk = mode != Mode::in_memory;
    if (m_writes && on_disk)
        create_private(file);
    std::filesystem::path log = file;
    log += "-wal";
    std::error_code missing;
    const auto log_size = std::filesystem::file_size(log, missing);
    const bool has_log = on_disk && !missing && log_size > 0;

    sqlite3* database = nullptr;
    const bool opens_writable = m_writes || mode == Mode::copy_only;
    const int flags = (opens_writable ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY) | SQLITE_OPEN_NOMUTEX;
    const int result = sqlite3_open_v2(on_disk ? file.c_str() : ":memory:", &database, flags, nullptr);
    m_database.reset(database);
    if (!database)
        throw Error("No memory is left to open the history", file.string());
    if (result != SQLITE_OK)
        fail();
    sqlite3_extended_result_codes(database, 1);
    sqlite3_busy_timeout(database, busy_timeout);

    // The file may be made by anyone: nothing that it declares may do more than hold rows.
    for (const auto& [option, on] : {std::pair{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                     {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                     {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0},
                                     {SQLITE_DBCONFIG_DQS_DML, 0},
                                     {SQLITE_DBCONFIG_DQS_DDL, 0},
                                     {SQLITE_DBCONFIG_ENABLE_FKEY, 1}})
        sqlite3_db_config(database, option, on, nullptr);
    // Closing would bring a log that lies there into the database, also into one that is about to be refused.
    sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, has_log || !m_writes ? 1 : 0, nullptr);

    add_bigram_tokenizer(database);
    m_folder = std::make_unique<Folder>(database);
    execute(R"sql(
        PRAGMA synchronous = FULL;
        PRAGMA secure_delete = ON;
        PRAGMA cell_size_check = ON;
        PRAGMA mmap_size = 0;
        PRAGMA temp_store = MEMORY;
        PRAGMA cache_size = -16000;
        PRAGMA analysis_limit = 400;
    )sql");
    run("SELECT count(*) FROM sqlite_schema"); // reads the header, so that a file that is no database ends
                                               // here
    // SQLite takes a cut last page for a whole one. With a log it may be about to be written again.
    const auto page_size = query("PRAGMA page_size").first_integer();
    if (on_disk && !has_log &&
        static_cast<std::int64_t>(std::filesystem::file_size(file, missing)) % page_size != 0)
        throw Error(sentence(Error::Kind::corrupt, file.string(), "its end is missing"), file.string(),
                    Error::Kind::corrupt);
    if (m_writes && sqlite3_db_readonly(database, "main") == 1)
        throw Error(sentence(Error::Kind::read_only, file.string(), ""), file.string(),
                    Error::Kind::read_only);
    if (!m_writes)
        execute("PRAGMA wal_autocheckpoint = 0");
    if (mode == Mode::read_only)
        execute("PRAGMA query_only = ON");
}

Connection::~Connection() = default;

void Connection::use_write_ahead_log()
{
    sqlite3_db_config(m_database.get(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr);
    Statement statement = prepare("PRAGMA journal_mode = WAL");
    if (!statement.step() || statement.text(0) != "wal")
        throw Error(fmt::format("The folder of the history {} cannot hold its log; a local disk can",
                                m_file.string()),
                    m_file.string(), Error::Kind::io);
}

bool Connection::checkpoint()
{
    refuse_if_broken();
    sqlite3_busy_timeout(m_database.get(), 0);
    const int result =
        sqlite3_wal_checkpoint_v2(m_database.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    sqlite3_busy_timeout(m_database.get(), busy_timeout);
    if (result == SQLITE_BUSY)
        return false;
    if (result != SQLITE_OK)
        fail();
    return true;
}

Statement Connection::prepare(const char* sql)
{
    auto& statement = m_statements[sql];
    if (!statement) {
        sqlite3_stmt* prepared = nullptr;
        if (sqlite3_prepare_v3(m_database.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &prepared, nullptr) !=
            SQLITE_OK)
            fail();
        statement.reset(prepared);
    }
    assert(!sqlite3_stmt_busy(statement.get()));
    return {*this, statement.get()};
}

void Connection::execute(const std::string& script)
{
    refuse_if_broken();
    if (sqlite3_exec(m_database.get(), script.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK)
        fail();
}

std::int64_t Connection::last_insert_id() const
{
    return sqlite3_last_insert_rowid(m_database.get());
}

std::int64_t Connection::changes() const
{
    return sqlite3_changes64(m_database.get());
}

std::int64_t Connection::total_changes() const
{
    return sqlite3_total_changes64(m_database.get());
}

bool Connection::in_transaction() const
{
    return sqlite3_get_autocommit(m_database.get()) == 0;
}

void Connection::interrupt() noexcept
{
    sqlite3_interrupt(m_database.get());
}

Connection::Stoppable::Stoppable(Connection& connection, std::stop_token stop)
    : m_connection(connection)
    , m_stop(std::move(stop))
{
    constexpr int every = 10'000; // instructions of SQLite's machine: well below a millisecond
    const auto is_asked = [](void* token) {
        return static_cast<std::stop_token*>(token)->stop_requested() ? 1 : 0;
    };
    if (m_stop.stop_possible())
        sqlite3_progress_handler(m_connection.m_database.get(), every, is_asked, &m_stop);
}

Connection::Stoppable::~Stoppable()
{
    sqlite3_progress_handler(m_connection.m_database.get(), 0, nullptr, nullptr);
}

void Connection::refuse_if_broken() const
{
    if (m_broken)
        throw Error(fmt::format("The history {} must be opened again after the disk failed", m_file.string()),
                    m_file.string(), Error::Kind::io);
}

void Connection::fail()
{
    const int result = sqlite3_extended_errcode(m_database.get());
    const Error::Kind kind = kind_of(result, sqlite3_system_errno(m_database.get()));
    // After a failed sync the kernel may have dropped what it could not write and report success the next
    // time. After a failed read FTS5 takes totals that it could not read for zero, and would write them.
    if (m_writes && (result & 0xFF) == SQLITE_IOERR)
        m_broken = true;
    throw Error(sentence(kind, m_file.string(), sqlite3_errmsg(m_database.get())), m_file.string(), kind);
}

// Transaction

Transaction::Transaction(Connection& connection)
    : m_connection(connection)
{
    m_connection.run("BEGIN IMMEDIATE");
}

Transaction::~Transaction()
{
    if (m_done || !m_connection.in_transaction())
        return; // a full disk rolls back by itself
    try {
        m_connection.run("ROLLBACK");
    } catch (const Error&) {
        // The error that brought us here is on its way; a connection that cannot even roll back does so when
        // it is closed.
    }
}

void Transaction::commit()
{
    m_connection.run("COMMIT");
    m_done = true;
}

} // namespace storage
