// SPDX-License-Identifier: MIT
// storage_bench DIRECTORY [MESSAGES [TURNS]]: fills a profile with conversations of TURNS messages each (and
// one of a tenth of all), and prints how long the window's questions to it take. Text is drawn by Zipf's law
// from a fixed seed, a fifth of it Chinese.
#include "storage/chat_store.h"
#include "storage/migrations.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>
#include <functional>
#include <random>
#include <string>
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

double milliseconds(const std::function<void()>& action)
{
    const auto start = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void report(const char* what, std::vector<double> times, const std::string& note = {})
{
    std::sort(times.begin(), times.end());
    const auto at = [&](double part) {
        return times[static_cast<std::size_t>(part * (times.size() - 1) + 0.5)];
    };
    fmt::print("{:<44} median {:8.2f} ms   p95 {:8.2f} ms   max {:8.2f} ms   {}\n", what, at(0.5), at(0.95),
               at(1), note);
}

void fill(const std::filesystem::path& profile, std::int64_t count, std::int64_t turns, Writer& writer)
{
    Connection database(database_file(profile), Connection::Mode::read_write);
    const char* add_conversation = R"sql(
        INSERT INTO conversations (id, title, title_is_automatic, settings, created_at, updated_at)
        VALUES (?1, ?2, 1, '{}', ?3, ?3)
    )sql";
    const char* add_message = R"sql(
        INSERT INTO messages (id, conversation, parent, ordinal, chosen, role, status, created_at, content)
        VALUES (?1, ?2, ?3, 0, 1, ?4, 'complete', ?5, ?6)
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
            database.run(add_conversation, conversation,
                         writer.word() + " " + writer.chinese() + " " + writer.word(), id);
        }
        database.run(add_message, id, conversation, parent, left % 2 ? "user" : "assistant", id,
                     writer.text());
    }
    database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", conversation, count);
    database.execute("UPDATE conversations SET preview = (SELECT substr(content, 1, 160) FROM messages m "
                     "WHERE m.id = leaf)");
    database.execute("COMMIT");
    for (const char* table : {"message_trigrams", "message_bigrams", "title_trigrams", "title_bigrams"}) {
        const double time = milliseconds(
            [&] { database.execute(fmt::format("INSERT INTO {0} ({0}) VALUES ('rebuild')", table)); });
        fmt::print("rebuild {}: {:.1f} s\n", table, time / 1000);
    }
    database.execute("PRAGMA optimize");
    database.checkpoint();
}

} // namespace

int main(int argc, char** argv)
{
    if (argc < 2 || argc > 4) {
        fmt::print("usage: storage_bench DIRECTORY [MESSAGES [TURNS]]\n");
        return 2;
    }
    const std::filesystem::path profile = argv[1];
    const std::int64_t count = argc > 2 ? std::atoll(argv[2]) : 100000;
    const std::int64_t turns = argc > 3 ? std::atoll(argv[3]) : 100;
    try {
        Writer writer;
        const ProfileLock lock(profile);
        const bool is_new = !std::filesystem::exists(database_file(profile));
        std::optional<ChatStore> store(std::in_place, lock);
        if (is_new) {
            const double time = milliseconds([&] { fill(profile, count, turns, writer); });
            fmt::print("filled in {:.1f} s\n", time / 1000);
        }
        fmt::print("{:.0f} MB\n",
                   static_cast<double>(std::filesystem::file_size(database_file(profile))) / 1e6);

        std::vector<double> times;
        const auto measure = [&](const char* what, int runs, const std::function<void()>& action) {
            times.clear();
            for (int i = 0; i < runs; ++i)
                times.push_back(milliseconds(action));
            report(what, times);
        };
        measure("open", 5, [&] {
            store.reset();
            store.emplace(lock);
        });
        ChatReader reader(profile);
        const std::size_t conversations = reader.list_conversations(Scope::active).size();
        measure(fmt::format("list {} conversations", conversations).c_str(), 20,
                [&] { reader.list_conversations(Scope::active); });
        Id id = 1;
        measure(fmt::format("branch of {} messages", turns).c_str(), 100, [&] { reader.branch(++id); });
        measure(fmt::format("branch of {} messages", count / 10).c_str(), 3, [&] { reader.branch(1); });
        measure("its last 50", 50, [&] { reader.branch(1, 50); });

        std::size_t hits = 0;
        const auto search = [&](const char* what, const std::function<std::string()>& query) {
            times.clear();
            hits = 0;
            for (int i = 0; i < 200; ++i) {
                const std::string text = query();
                times.push_back(milliseconds([&] { hits += reader.search(text, 50).size(); }));
            }
            report(what, times, fmt::format("{:.1f} hits each", static_cast<double>(hits) / 200));
        };
        search("search: a word", [&] { return writer.word(); });
        search("search: two words", [&] { return writer.word() + " " + writer.word(); });
        search("search: two Chinese characters", [&] { return writer.chinese(); });
        search("search: one Chinese character", [&] { return writer.chinese().substr(0, 3); });
        search("search: four Chinese characters", [&] { return writer.chinese() + writer.chinese(); });
        search("search: two letters", [&] { return writer.word().substr(0, 2); });
        search("search: a word and two letters",
               [&] { return writer.word() + " " + writer.word().substr(0, 2); });
        search("search: what nowhere stands", [&] { return writer.word() + "zzqx"; });

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
