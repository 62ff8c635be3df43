// SPDX-License-Identifier: MIT
#include "storage/database.h"
#include "tests/storage/profile.h"

using namespace storage;
namespace fs = std::filesystem;

class TestDatabase : public QObject
{
    Q_OBJECT

private slots:
    void init() { fs::create_directories(m_profile.path()); }
    void cleanup() { fs::remove_all(m_profile.path()); }

    void values_come_back_as_they_were_bound()
    {
        Connection database(m_profile.database(), Connection::Mode::read_write);
        const std::string text("a\0b", 3);
        const std::vector<std::byte> bytes{std::byte(0), std::byte(255)};
        Statement row = database.query("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", std::int64_t(-1) << 40, true,
                                       0.1, text, std::span<const std::byte>(bytes), nullptr,
                                       std::string_view(), std::optional<int>());
        QVERIFY(row.step());
        QCOMPARE(row.integer(0), std::int64_t(-1) << 40);
        QCOMPARE(row.integer(1), 1);
        QCOMPARE(row.real(2), 0.1);
        QVERIFY(row.text(3) == text);
        QVERIFY(std::equal(bytes.begin(), bytes.end(), row.blob(4).begin(), row.blob(4).end()));
        QVERIFY(row.is_null(5) && row.text(5).empty() && row.blob(5).empty());
        QVERIFY(!row.is_null(6) && row.text(6).empty());
        QVERIFY(row.is_null(7));
        QVERIFY(!row.step());
    }

    void a_transaction_is_all_or_nothing()
    {
        Connection database(m_profile.database(), Connection::Mode::read_write);
        database.use_write_ahead_log();
        database.execute("CREATE TABLE t (x INTEGER NOT NULL) STRICT");
        {
            Transaction transaction(database);
            database.run("INSERT INTO t VALUES (?1)", 1);
            QVERIFY(database.in_transaction());
        }
        QVERIFY(!database.in_transaction());
        QCOMPARE(database.query("SELECT count(*) FROM t").first_integer(), 0);
        const auto error = error_of([&] {
            Transaction transaction(database);
            database.run("INSERT INTO t VALUES (?1)", 1);
            database.run("INSERT INTO t VALUES (?1)", nullptr);
            transaction.commit();
        });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::constraint);
        QCOMPARE(database.query("SELECT count(*) FROM t").first_integer(), 0);
        {
            Transaction transaction(database);
            database.run("INSERT INTO t VALUES (?1)", 7);
            QCOMPARE(database.changes(), 1);
            QCOMPARE(database.last_insert_id(), 1);
            transaction.commit();
        }
        Connection reader(m_profile.database(), Connection::Mode::read_only);
        QCOMPARE(reader.query("SELECT x FROM t").first_integer(), 7);
    }

    void a_full_database_rolls_back_and_goes_on()
    {
        Connection database(m_profile.database(), Connection::Mode::read_write);
        database.use_write_ahead_log();
        database.execute("CREATE TABLE t (x BLOB) STRICT; PRAGMA max_page_count = 20");
        const auto error = error_of([&] {
            Transaction transaction(database);
            database.run("INSERT INTO t VALUES (zeroblob(?1))", 1000000);
            transaction.commit();
        });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::full);
        QVERIFY(std::string(error->what()).find("disk is full") != std::string::npos);
        QVERIFY(!database.in_transaction());
        database.execute("PRAGMA max_page_count = 10000");
        database.run("INSERT INTO t VALUES (zeroblob(?1))", 1000000);
        QCOMPARE(database.query("SELECT count(*) FROM t").first_integer(), 1);
    }

    void a_second_writer_is_told_that_it_is_busy()
    {
        Connection first(m_profile.database(), Connection::Mode::read_write);
        first.use_write_ahead_log();
        Connection second(m_profile.database(), Connection::Mode::read_write);
        const Transaction transaction(first);
        const auto error = error_of([&] { Transaction other(second); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::busy);
    }

    void a_schema_has_no_power()
    {
        Connection database(m_profile.database(), Connection::Mode::read_write);
        for (const char* sql :
             {"SELECT load_extension('libm.so.6')", "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema",
              "CREATE TABLE t (x); CREATE VIEW v AS SELECT fts3_tokenizer('simple') AS x; SELECT * FROM v"})
            QVERIFY2(error_of([&] { database.execute(sql); }), sql);
        const auto error = error_of([&] { database.run("SELECT \"no such column\""); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::other);
    }

private:
    Profile m_profile;
};

QTEST_APPLESS_MAIN(TestDatabase)
#include "test_database.moc"
