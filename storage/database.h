// SPDX-License-Identifier: MIT
#pragma once

#include "storage/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_map>

struct sqlite3;
struct sqlite3_stmt;

namespace storage {

class Folder;

class Connection;

// One run of a prepared statement: bound, stepped row by row, and given back to its connection when it goes
// out of scope. Values are read between two steps; a view that text() or blob() returns lives until the next
// step.
class Statement
{
public:
    Statement(Statement&& other) noexcept;
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Parameters in order of appearance.
    template <typename... Values> Statement& bind(const Values&... values)
    {
        int index = 0;
        (bind_one(++index, values), ...);
        return *this;
    }

    // Every column of the other statement's row, as it is stored, to the parameter of the same place.
    Statement& bind_row(const Statement& row);

    bool step();                  // true: a row is there; false: done
    std::int64_t first_integer(); // steps once: the row's first value, or 0 without a row

    bool is_null(int column) const;
    std::int64_t integer(int column) const;
    std::optional<std::int64_t> optional_integer(int column) const;
    double real(int column) const;
    std::string_view text(int column) const;
    std::span<const std::byte> blob(int column) const;

private:
    friend class Connection;
    Statement(Connection& connection, sqlite3_stmt* statement);

    void bind_one(int index, std::nullptr_t);
    void bind_one(int index, std::int64_t value);
    void bind_one(int index, int value) { bind_one(index, static_cast<std::int64_t>(value)); }
    void bind_one(int index, bool value) { bind_one(index, static_cast<std::int64_t>(value)); }
    void bind_one(int index, double value);
    void bind_one(int index, std::string_view value);
    void bind_one(int index, const std::string& value) { bind_one(index, std::string_view(value)); }
    void bind_one(int index, const char* value) { bind_one(index, std::string_view(value)); }
    void bind_one(int index, std::span<const std::byte> value);
    template <typename Value> void bind_one(int index, const std::optional<Value>& value)
    {
        if (value)
            bind_one(index, *value);
        else
            bind_one(index, nullptr);
    }

    Connection* m_connection;
    sqlite3_stmt* m_statement;
};

// One SQLite connection, used by one thread. Durable (WAL, synchronous FULL), foreign keys on, deleted
// content overwritten, and no trust in what the file itself declares.
class Connection
{
public:
    enum class Mode
    {
        read_write, // creates the file (0600) if it is missing; alone in writing and checkpointing
        read_only,
        // Reads, and may copy the database elsewhere. SQLite leaves the CHECK constraints of a file that it
        // opens read-only out, from copies and from what it checks.
        copy_only,
        in_memory, // a database of this connection's own that ends with it; the file is only its name
    };

    // Throws Error{corrupt} for a file that is no database; nothing is written to it before
    // use_write_ahead_log().
    Connection(const std::filesystem::path& file, Mode mode);
    ~Connection();
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    // Switches the journal to WAL. Apart from the constructor, because a database that is refused stays
    // untouched.
    void use_write_ahead_log();
    // Brings the log into the database and empties it, without waiting for a reader: false if one was in the
    // way.
    bool checkpoint();

    // The statement for this text, prepared at its first use and kept. `sql` must be a string literal.
    Statement prepare(const char* sql);
    template <typename... Values> Statement query(const char* sql, const Values&... values)
    {
        Statement statement = prepare(sql);
        statement.bind(values...);
        return statement;
    }
    // Runs a statement that returns no row that matters.
    template <typename... Values> void run(const char* sql, const Values&... values)
    {
        Statement statement = query(sql, values...);
        while (statement.step()) {
        }
    }
    // Several statements separated by semicolons, without parameters: schemas and pragmas.
    void execute(const std::string& script);

    std::int64_t last_insert_id() const;
    std::int64_t changes() const;       // rows changed by the latest statement
    std::int64_t total_changes() const; // since the connection was opened, search indexes included
    bool in_transaction() const;
    // Ends the query that runs now with Error{cancelled}; from any thread.
    void interrupt() noexcept;
    // While it lives, what the connection runs ends with Error{cancelled} once a stop is asked for.
    class Stoppable
    {
    public:
        Stoppable(Connection& connection, std::stop_token stop);
        ~Stoppable();
        Stoppable(const Stoppable&) = delete;
        Stoppable& operator=(const Stoppable&) = delete;

    private:
        Connection& m_connection;
        std::stop_token m_stop;
    };
    // True after the disk has failed a connection that writes: what the disk holds, and what SQLite keeps of
    // it in memory, is unknown, so every further call throws until the file is reopened.
    bool is_broken() const { return m_broken; }
    const std::filesystem::path& file() const { return m_file; }
    // Characters as the search index compares them.
    const Folder& folder() const { return *m_folder; }

private:
    friend class Statement;
    void refuse_if_broken() const;
    [[noreturn]] void fail();

    struct Close
    {
        void operator()(sqlite3* database) const noexcept;
    };
    struct Finalize
    {
        void operator()(sqlite3_stmt* statement) const noexcept;
    };

    std::filesystem::path m_file;
    bool m_writes;
    std::unique_ptr<sqlite3, Close> m_database;
    std::unique_ptr<Folder> m_folder;
    std::unordered_map<const char*, std::unique_ptr<sqlite3_stmt, Finalize>> m_statements;
    bool m_broken = false;
};

// Begins at once as a writer (BEGIN IMMEDIATE) and rolls back unless commit() was reached.
class Transaction
{
public:
    explicit Transaction(Connection& connection);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;

    void commit(); // returns when the data is on the disk

private:
    Connection& m_connection;
    bool m_done = false;
};

} // namespace storage
