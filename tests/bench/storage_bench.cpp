// SPDX-License-Identifier: MIT
// storage_bench DIRECTORY [MESSAGES [TURNS]] [--migrations]: fills a profile with conversations of TURNS
// messages each (and one of a tenth of all), and prints how long the window's questions to it take, as a
// table in Markdown. Text is drawn by Zipf's law from a fixed seed, a fifth of it Chinese. A profile that is
// there already is used. With --migrations, instead, the database is taken back to each earlier version, the
// latest first, and brought up to date again: how long that takes step by step, and what it needs beside it
// on the disk.
#include "storage/chat_store.h"
#include "storage/migrations.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <random>
#include <string>
#include <unistd.h>
#include <vector>

using namespace storage;

namespace {

std::string utf8(char32_t character)
{
    return {static_cast<char>(0xE0 | character >> 12), static_cast<char>(0x80 | (character >> 6 & 0x3F)),
            static_cast<char>(0x80 | (character & 0x3F))};
}

class Writer
{
public:
    Writer()
    {
        const std::string letters = "etaoinshrdlucmfwypvbgkjqxz";
        for (int i = 0; i < 20000; ++i) {
            std::string& word = m_words.emplace_back();
            const int length = 2 + static_cast<int>(std::log2(i + 1) / 2) + static_cast<int>(m_random() % 4);
            for (int c = 0; c < length; ++c)
                word += letters[std::min(m_random() % 26, m_random() % 26)];
        }
        for (int i = 0; i < 8000; ++i) {
            std::string& word = m_chinese.emplace_back();
            for (int c = 0; c < 2; ++c)
                word += utf8(0x4E00 + std::min(m_random() % 6000, m_random() % 6000));
        }
    }

    const std::string& word() { return m_words[zipf(m_words.size())]; }
    const std::string& chinese() { return m_chinese[zipf(m_chinese.size())]; }
    std::string text()
    {
        std::string text;
        const bool is_chinese = m_random() % 5 == 0;
        const std::size_t words = 10 + m_random() % 140;
        for (std::size_t i = 0; i < words; ++i) {
            text += is_chinese ? chinese() : word();
            if (!is_chinese)
                text += ' ';
            else if (i % 8 == 7)
                text += "，";
        }
        return text;
    }

    std::int64_t below(std::int64_t bound) { return static_cast<std::int64_t>(m_random()) % bound; }

private:
    std::size_t zipf(std::size_t size) // rank r with a probability of about 1 / r
    {
        const double u = std::uniform_real_distribution<>()(m_random);
        return static_cast<std::size_t>(std::exp(u * std::log(static_cast<double>(size)))) - 1;
    }

    std::mt19937 m_random{20261124};
    std::vector<std::string> m_words;
    std::vector<std::string> m_chinese;
};

struct Taken
{
    double wall; // milliseconds
    double cpu;  // of this thread: what it takes where no other program wants the processor
};

Taken milliseconds(const std::function<void()>& action)
{
    const auto cpu = [] {
        timespec time{};
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
        return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
    };
    const auto start = std::chrono::steady_clock::now();
    const double cpu_start = cpu();
    action();
    return {std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count(),
            cpu() - cpu_start};
}

void report(const std::string& what, const std::vector<Taken>& times, const std::string& note = {})
{
    const auto sorted = [&](double Taken::*part) {
        std::vector<double> all;
        for (const Taken& time : times)
            all.push_back(time.*part);
        std::sort(all.begin(), all.end());
        return all;
    };
    const auto at = [](const std::vector<double>& all, double part) {
        return all[static_cast<std::size_t>(part * static_cast<double>(all.size() - 1) + 0.5)];
    };
    const std::vector<double> wall = sorted(&Taken::wall);
    const std::vector<double> cpu = sorted(&Taken::cpu);
    fmt::print("| {} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {:.2f} | {} |\n", what, at(wall, 0.5),
               at(wall, 0.95), at(wall, 0.99), at(cpu, 0.5), at(cpu, 0.95), at(cpu, 0.99), note);
    std::fflush(stdout);
}

constexpr Time minutes = 60000; // milliseconds

// A message a minute, the last one now: a million are two years.
Time time_of(std::int64_t id)
{
    static const Time start = 1732406400000; // 2024-11-24
    return start + id * minutes;
}

// What the system keeps of the file goes, so that it is read from the disk. Nobody has it open.
void forget(const std::filesystem::path& file)
{
    const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED);
    close(descriptor);
}

void fill(const std::filesystem::path& profile, std::int64_t count, std::int64_t turns, Writer& writer)
{
    Connection database(database_file(profile), Connection::Mode::read_write);
    const char* add_conversation = R"sql(
        INSERT INTO conversations (id, title, title_is_automatic, settings, created_at, updated_at, folder, uuid)
        VALUES (?1, ?2, 1, '{}', ?3, ?3, ?4, lower(hex(randomblob(16))))
    )sql";
    const char* add_message = R"sql(
        INSERT INTO messages (id, conversation, parent, ordinal, chosen, role, status, created_at, content,
                              model_name)
        VALUES (?1, ?2, ?3, 0, 1, ?4, 'complete', ?5, ?6, iif(?4 = 'assistant', ?7, NULL))
    )sql";
    database.execute("BEGIN; PRAGMA defer_foreign_keys = ON");
    Id conversation = 0;
    std::int64_t left = 0;
    for (std::int64_t id = 1; id <= count; ++id) {
        std::optional<Id> parent;
        if (left-- > 0) {
            parent = id - 1;
        } else {
            if (conversation > 0)
                database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", conversation, id - 1);
            left = ++conversation == 1 ? count / 10 : turns - 1;
            // A fifth of them in folders, a tenth under tags, a fiftieth with the second model.
            const std::string folder = conversation % 5 ? "" : fmt::format("Folder {}", conversation % 20);
            database.run(add_conversation, conversation,
                         writer.word() + " " + writer.chinese() + " " + writer.word(), time_of(id), folder);
            if (conversation % 10 == 0)
                database.run("INSERT INTO conversation_tags VALUES (?1, ?2)", conversation,
                             fmt::format("tag{}", conversation % 50));
        }
        database.run(add_message, id, conversation, parent, left % 2 ? "user" : "assistant", time_of(id),
                     writer.text(), conversation % 50 ? "DeepSeek-V2-Lite-Chat" : "Starter");
    }
    database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", conversation, count);
    database.execute("UPDATE conversations SET preview = (SELECT substr(content, 1, 160) FROM messages m "
                     "WHERE m.id = leaf)");
    database.execute("COMMIT");
    for (const char* table : {"message_trigrams", "message_bigrams", "title_trigrams", "title_bigrams"}) {
        const Taken time = milliseconds(
            [&] { database.execute(fmt::format("INSERT INTO {0} ({0}) VALUES ('rebuild')", table)); });
        fmt::print("rebuild {}: {:.1f} s\n", table, time.wall / 1000);
    }
    database.execute("PRAGMA optimize");
    database.checkpoint();
}

// Takes back the step to this version, which is how a program before it left its database.
void take_back(Connection& database, int version)
{
    switch (version) {
    case 4:
        database.execute(R"sql(
            DROP TRIGGER time_of_new_message;
            DROP TRIGGER model_of_new_message;
            DROP TRIGGER model_of_message;
            DROP TABLE message_times;
            DROP TABLE conversation_models;
        )sql");
        break;
    case 3:
        database.execute(R"sql(
            DROP INDEX message_heads;
            DROP INDEX conversation_uuids;
            ALTER TABLE conversations DROP COLUMN uuid;
            ALTER TABLE conversations DROP COLUMN draft_cursor;
            DROP TABLE presets;
        )sql");
        break;
    case 2:
        database.execute(R"sql(
            DROP TABLE message_trigrams;
            DROP TABLE message_bigrams;
            DROP TABLE title_trigrams;
            DROP TABLE title_bigrams;
            DROP VIEW searchable_messages;
            DROP TABLE chores;
        )sql");
        break;
    default:
        throw Error(fmt::format("storage_bench does not know how to take back version {}", version),
                    database.file().string());
    }
}

std::uintmax_t bytes_below(const std::filesystem::path& folder)
{
    std::uintmax_t bytes = 0;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            bytes += entry.file_size();
    return bytes;
}

void measure_migrations(const ProfileLock& lock)
{
    const std::filesystem::path file = database_file(lock.profile());
    fmt::print(
        "\n| from | copy, s | steps, s | then, s | all, s | CPU, s | MB before | copy, MB | most beside "
        "it, MB |\n|--:|--:|---|--:|--:|--:|--:|--:|--:|\n");
    for (int version = supported_version() - 1; version >= 1; --version) {
        {
            Connection database(file, Connection::Mode::read_write);
            database.use_write_ahead_log();
            Transaction transaction(database);
            for (int taken = supported_version(); taken > version; --taken)
                take_back(database, taken);
            database.execute(fmt::format("PRAGMA user_version = {}", version));
            transaction.commit();
            database.execute("VACUUM");
            database.checkpoint();
        }
        std::filesystem::remove_all(lock.profile() / "backups");
        const std::uintmax_t before = std::filesystem::file_size(file);
        std::uintmax_t most = 0;
        std::vector<double> begun; // seconds
        const auto start = std::chrono::steady_clock::now();
        const auto passed = [&] {
            return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
        };
        std::uintmax_t copy = 0;
        const Taken all = milliseconds([&] {
            std::optional<ChatStore> store(std::in_place, lock, Upgrade{.begins = [&](int, int) {
                                               begun.push_back(passed());
                                               most = std::max(most, bytes_below(lock.profile()) - before);
                                           }});
            begun.push_back(passed());
            most = std::max(most, bytes_below(lock.profile()) - before);
            store.reset(); // brings the log into the database
        });
        copy = bytes_below(lock.profile() / "backups");
        std::string steps;
        for (std::size_t i = 1; i + 1 < begun.size(); ++i)
            steps += fmt::format("{}{:.1f}", i > 1 ? ", " : "", begun[i + 1] - begun[i]);
        fmt::print("| {} | {:.1f} | {} | {:.1f} | {:.1f} | {:.1f} | {:.0f} | {:.0f} | {:.0f} |\n", version,
                   begun.at(1) - begun[0], steps, all.wall / 1e3 - begun.back(), all.wall / 1e3,
                   all.cpu / 1e3, static_cast<double>(before) / 1e6, static_cast<double>(copy) / 1e6,
                   static_cast<double>(most) / 1e6);
        std::fflush(stdout);
    }
}

} // namespace

int main(int argc, char** argv)
{
    std::vector<std::string> words(argv + 1, argv + argc);
    const bool migrates = std::erase(words, "--migrations") > 0;
    if (words.empty() || words.size() > 3) {
        fmt::print("usage: storage_bench DIRECTORY [MESSAGES [TURNS]] [--migrations]\n");
        return 2;
    }
    const std::filesystem::path profile = words[0];
    const std::int64_t count = words.size() > 1 ? std::atoll(words[1].c_str()) : 100000;
    const std::int64_t turns = words.size() > 2 ? std::atoll(words[2].c_str()) : 100;
    try {
        Writer writer;
        const ProfileLock lock(profile);
        const bool is_new = !std::filesystem::exists(database_file(profile));
        std::optional<ChatStore> store(std::in_place, lock);
        if (is_new) {
            store.reset(); // one writer at a time
            const Taken time = milliseconds([&] { fill(profile, count, turns, writer); });
            store.emplace(lock);
            fmt::print("filled in {:.1f} s\n", time.wall / 1000);
        }
        fmt::print("{:.0f} MB\n",
                   static_cast<double>(std::filesystem::file_size(database_file(profile))) / 1e6);

        if (migrates) {
            store.reset();
            measure_migrations(lock);
            return 0;
        }

        fmt::print("\n| milliseconds | median | p95 | p99 | CPU median | p95 | p99 | |\n"
                   "|---|--:|--:|--:|--:|--:|--:|---|\n");

        std::vector<Taken> times;
        const auto measure = [&](const std::string& what, int runs, const std::function<void()>& action) {
            times.clear();
            for (int i = 0; i < runs; ++i)
                times.push_back(milliseconds(action));
            report(what, times);
        };
        const auto start = [&] { // what stands between the program's start and the filled sidebar
            store.emplace(lock);
            store->list_conversations(Scope::active);
            store->count_conversations();
            store->folders();
        };
        times.clear();
        for (int i = 0; i < 3; ++i) {
            store.reset();
            forget(database_file(profile));
            times.push_back(milliseconds(start));
        }
        report("open and list, nothing of the file in memory", times);
        measure("open and list", 5, [&] {
            store.reset();
            start();
        });
        const auto longest = [&](ChatReader& reader) { // as the window opens it
            reader.conversation(1);
            reader.branch(1, 50);
            reader.branch_heads(1);
        };
        times.clear();
        for (int i = 0; i < 3; ++i) {
            store.reset();
            forget(database_file(profile));
            ChatReader reader(profile);
            times.push_back(milliseconds([&] { longest(reader); }));
        }
        report(fmt::format("open {} messages at their end, nothing in memory", count / 10), times);
        store.emplace(lock);
        ChatReader reader(profile);
        const std::size_t conversations = reader.list_conversations(Scope::active).size();
        measure(fmt::format("list {} conversations", conversations), 20,
                [&] { reader.list_conversations(Scope::active); });
        Id id = 1;
        measure(fmt::format("a branch of {} messages", turns), 100, [&] { reader.branch(++id); });
        measure(fmt::format("open {} messages at their end", count / 10), 20, [&] { longest(reader); });
        measure("of that the last 50 messages", 50, [&] { reader.branch(1, 50); });
        measure("of that the heads of all", 20, [&] { reader.branch_heads(1); });
        measure("a page of 50 in its middle", 50, [&] { reader.path(count / 20, 50); });
        measure("find a word in it", 20, [&] { reader.find_in_branch(1, writer.word()); });
        measure("find what stands in every text", 5, [&] { reader.find_in_branch(1, "a"); });

        const auto search = [&](const char* what, const std::function<std::string()>& query) {
            times.clear();
            std::size_t hits = 0;
            for (int i = 0; i < 200; ++i) {
                const std::string text = query();
                times.push_back(milliseconds([&] { hits += reader.search(text, 50).size(); }));
            }
            report(fmt::format("search: {}", what), times,
                   fmt::format("{:.1f} hits each", static_cast<double>(hits) / 200));
        };
        const auto number = [&](std::int64_t below) { return std::to_string(writer.below(below)); };
        search("a word", [&] { return writer.word(); });
        search("two words", [&] { return writer.word() + " " + writer.word(); });
        search("two Chinese characters", [&] { return writer.chinese(); });
        search("one Chinese character", [&] { return writer.chinese().substr(0, 3); });
        search("four Chinese characters", [&] { return writer.chinese() + writer.chinese(); });
        search("two letters", [&] { return writer.word().substr(0, 2); });
        search("a word and two letters", [&] { return writer.word() + " " + writer.word().substr(0, 2); });
        search("what nowhere stands", [&] { return writer.word() + "zzqx"; });
        search("a word, tag:", [&] { return writer.word() + " tag:tag" + number(5) + "0"; });
        search("a word, folder:", [&] {
            return writer.word() + " folder:\"Folder " + std::to_string(5 * writer.below(4)) + "\"";
        });
        search("a word, model: of one conversation in 50", [&] { return writer.word() + " model:starter"; });
        search("a word, model: of none", [&] { return writer.word() + " model:nobody"; });
        search("a word, before: among the oldest tenth",
               [&] { return writer.word() + " before:2025-01-" + std::to_string(10 + writer.below(20)); });
        search("a word, before: and after: of a month",
               [&] { return writer.word() + " after:2025-06 before:2025-07"; });
        search("two Chinese characters, before:", [&] { return writer.chinese() + " before:2025-01"; });
        search("one Chinese character, tag:",
               [&] { return writer.chinese().substr(0, 3) + " tag:tag" + number(5) + "0"; });
        search("tag: alone", [&] { return "tag:tag" + number(5) + "0"; });

        const Id conversation = store->create_conversation("bench");
        measure("commit a message", 200,
                [&] { store->append_message(conversation, Role::user, writer.text()); });
        const Id question = store->append_message(conversation, Role::user, "?");
        const Id answer = store->begin_answer(question, {});
        std::string long_text(180000, 'x');
        const std::vector<std::int32_t> ids(40000, 7);
        measure("commit 180 KB of a streaming answer", 20, [&] {
            for (char& c : long_text)
                c = c == 'z' ? 'a' : static_cast<char>(c + 1); // equal pages would not be written
            store->update_answer(answer, long_text, ids);
        });
        measure("idle", 5, [&] { store->idle(); });
        store->delete_for_ever(conversation);
    } catch (const std::exception& error) {
        fmt::print("{}\n", error.what());
        return 1;
    }
    return 0;
}
