// SPDX-License-Identifier: MIT
// A second process writes conversations and acknowledges each commit over a pipe; it is killed at a random
// moment, and everything that it acknowledged must be there. FATHOM_KILLS says how often, FATHOM_LIFE how
// many milliseconds it lives at most; FATHOM_SEED repeats a run. What has stood unchanged for ten kills is
// looked at again every hundredth time and in the end.
#include "storage/chat_store.h"
#include "tests/storage/profile.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <map>
#include <poll.h>
#include <random>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace storage;

namespace {

// What the writer says. Shorter than PIPE_BUF, so that it arrives whole or not at all.
struct Report
{
    enum Kind : std::int64_t
    {
        created,  // conversation
        renamed,  // conversation, number of the title
        deleting, // conversation; before the commit
        deleted,  // conversation
        asked,    // message, conversation; its text is text_of(number, number % 300)
        begun,    // answer, conversation; its text grows along text_of(number, ...)
        grown,    // answer, length
        finished, // answer, length
    };
    Kind kind;
    Id id;
    std::int64_t value; // conversation or length
    std::int64_t number;
};

std::string text_of(std::int64_t number, std::int64_t length)
{
    std::string text;
    for (int i = 0; static_cast<std::int64_t>(text.size()) < length; ++i)
        text += "word " + std::to_string(number * 7919 + i) + " 北京 ";
    text.resize(static_cast<std::size_t>(length));
    return text;
}

// The writer

struct Streaming
{
    Id answer;
    Id conversation;
    std::int64_t number;
    std::int64_t length;
};

[[noreturn]] void write_until_killed(const char* profile, unsigned seed)
{
    std::mt19937 random(seed);
    const auto below = [&](std::size_t bound) { return random() % bound; };
    const auto say = [](const Report& report) {
        if (write(STDOUT_FILENO, &report, sizeof report) != sizeof report)
            _exit(1); // nobody listens any more
    };
    const ProfileLock lock(profile);
    ChatStore store(lock);
    std::vector<Id> conversations;
    std::vector<std::pair<Id, Id>> questions; // message, conversation
    std::vector<Streaming> streaming;
    for (const Conversation& old : store.list_conversations(Scope::active, 3))
        conversations.push_back(old.id);

    for (std::int64_t number = static_cast<std::int64_t>(seed) * 100000;; ++number) {
        const std::size_t choice = below(100);
        if (conversations.empty() || choice < 8) {
            const Id id = store.create_conversation("title " + std::to_string(number));
            say({Report::created, id, 0, number});
            conversations.push_back(id);
        } else if (choice < 14) {
            const Id id = conversations[below(conversations.size())];
            store.rename(id, "title " + std::to_string(number));
            say({Report::renamed, id, 0, number});
        } else if (choice < 17) {
            const Id id = conversations[below(conversations.size())];
            say({Report::deleting, id, 0, 0});
            store.delete_for_ever(id);
            say({Report::deleted, id, 0, 0});
            std::erase(conversations, id);
            std::erase_if(questions, [&](const auto& question) { return question.second == id; });
            std::erase_if(streaming, [&](const Streaming& answer) { return answer.conversation == id; });
        } else if (choice < 40 || questions.empty()) {
            const Id conversation = conversations[below(conversations.size())];
            const Id id = store.append_message(conversation, Role::user, text_of(number, number % 300));
            say({Report::asked, id, conversation, number});
            questions.emplace_back(id, conversation);
        } else if (streaming.empty() || (choice < 55 && streaming.size() < 4)) {
            const auto [question, conversation] = questions[below(questions.size())];
            const Id id = store.begin_answer(question, {});
            say({Report::begun, id, conversation, number});
            streaming.push_back({id, conversation, number, 0});
        } else {
            const std::size_t chosen = below(streaming.size());
            Streaming& answer = streaming[chosen];
            answer.length += static_cast<std::int64_t>(below(2000));
            const std::string text = text_of(answer.number, answer.length);
            if (choice < 85) {
                store.update_answer(answer.answer, text, {});
                say({Report::grown, answer.answer, answer.length, 0});
            } else {
                AnswerResult result;
                result.text = text;
                store.finish_answer(answer.answer, result);
                say({Report::finished, answer.answer, answer.length, 0});
                streaming.erase(streaming.begin() + static_cast<std::ptrdiff_t>(chosen));
            }
        }
        if (below(50) == 0)
            store.idle();
    }
}

// What must be there

struct Known
{
    Id conversation;
    std::int64_t number;
    std::int64_t length;
    bool is_answer;
    bool finished;
    int said; // the latest kill before which something was said about it
};

struct Acknowledged
{
    std::map<Id, std::int64_t> titles; // of living conversations
    std::map<Id, bool> deleted;        // true: acknowledged; false: it may or may not have happened
    std::map<Id, Known> messages;

    void add(const Report& report, int kill)
    {
        switch (report.kind) {
        case Report::created:
        case Report::renamed:
            titles[report.id] = report.number;
            break;
        case Report::deleting:
            deleted[report.id] = false;
            break;
        case Report::deleted:
            deleted[report.id] = true;
            break;
        case Report::asked:
            messages[report.id] = {report.value, report.number, report.number % 300, false, true, kill};
            break;
        case Report::begun:
            messages[report.id] = {report.value, report.number, 0, true, false, kill};
            break;
        case Report::grown:
            messages[report.id].length = report.value;
            messages[report.id].said = kill;
            break;
        case Report::finished:
            messages[report.id].length = report.value;
            messages[report.id].said = kill;
            messages[report.id].finished = true;
            break;
        }
    }
};

// Starts a writer, kills it some time after its first word, and returns all it said; nothing if it did not
// live until then.
std::vector<Report> run_and_kill(const Profile& profile, unsigned seed, std::chrono::milliseconds life)
{
    int ends[2];
    if (pipe(ends) != 0)
        return {};
    const std::string path = profile.path();
    const std::string number = std::to_string(seed);
    const pid_t child = fork();
    if (child == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        close(ends[1]);
        execl("/proc/self/exe", "test_kill", "--write", path.c_str(), number.c_str(), nullptr);
        _exit(1);
    }
    close(ends[1]);
    std::vector<Report> reports;
    std::optional<std::chrono::steady_clock::time_point> end;
    bool killed = false;
    for (Report report;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end ? *end - std::chrono::steady_clock::now() : std::chrono::seconds(30));
        if (!killed && left.count() <= 0) {
            kill(child, SIGKILL);
            killed = true;
        }
        pollfd waiting{ends[0], POLLIN, 0};
        if (poll(&waiting, 1, killed ? -1 : static_cast<int>(left.count())) == 0)
            continue; // its time is over
        if (read(ends[0], &report, sizeof report) != sizeof report)
            break; // it is dead and has nothing left to say
        reports.push_back(report);
        if (!end)
            end = std::chrono::steady_clock::now() + life;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? reports : std::vector<Report>();
}

} // namespace

class TestKill : public QObject
{
    Q_OBJECT

private slots:
    void nothing_acknowledged_is_lost()
    {
        const char* given = std::getenv("FATHOM_SEED");
        const unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        qInfo("FATHOM_SEED=%u, %d kills", seed, FATHOM_KILLS);
        std::mt19937 random(seed);
        Profile profile;
        Acknowledged known;
        std::size_t commits = 0;
        std::size_t interrupted = 0;
        for (int i = 1; i <= FATHOM_KILLS; ++i) {
            const std::chrono::milliseconds life(random() % FATHOM_LIFE);
            const std::vector<Report> reports = run_and_kill(profile, static_cast<unsigned>(i), life);
            QVERIFY2(!reports.empty(), "the writer did not live until it was killed");
            commits += reports.size();
            for (const Report& report : reports)
                known.add(report, i);

            const ProfileLock lock(profile.path());
            QVERIFY(lock.held());
            ChatStore store(lock);
            for (auto [id, certain] : known.deleted) {
                const bool gone = !store.conversation(id);
                QVERIFY2(gone || !certain, qPrintable(QString::number(id)));
                if (gone) {
                    known.titles.erase(id);
                    std::erase_if(known.messages, [&, deleted = id](const auto& m) {
                        return m.second.conversation == deleted;
                    });
                }
            }
            known.deleted.clear();
            for (const auto& [id, number] : known.titles) {
                const std::optional<Conversation> conversation = store.conversation(id);
                QVERIFY2(conversation, qPrintable(QString::number(id)));
                QVERIFY(conversation->title.starts_with("title "));
                QVERIFY(std::stoll(conversation->title.substr(6)) >= number);
            }
            const bool all = i % 100 == 0 || i == FATHOM_KILLS;
            for (auto& [id, expected] : known.messages) {
                if (!all && expected.said + 10 < i)
                    continue;
                const std::optional<Message> message = store.message(id);
                QVERIFY2(message, qPrintable(QString::number(id)));
                QCOMPARE(message->conversation, expected.conversation);
                const auto length = static_cast<std::int64_t>(message->content.size());
                QVERIFY(length >= expected.length); // the last commit may not have been acknowledged any more
                QVERIFY(message->content == text_of(expected.number, length));
                if (expected.finished) {
                    QCOMPARE(message->status, Status::complete);
                    QCOMPARE(length, expected.length);
                } else {
                    QVERIFY(message->status == Status::interrupted || message->status == Status::complete);
                    interrupted += message->status == Status::interrupted;
                    expected.finished = message->status == Status::complete;
                    expected.length = length;
                }
            }
            Connection database(profile.database(), Connection::Mode::read_only);
            Statement row = database.prepare("PRAGMA integrity_check");
            QVERIFY(row.step());
            QCOMPARE(std::string(row.text(0)), std::string("ok"));
            QCOMPARE(
                database.query("SELECT count(*) FROM messages WHERE status = 'streaming'").first_integer(),
                0);
            QVERIFY(!database.prepare("PRAGMA foreign_key_check").step());
        }
        Connection database(profile.database(), Connection::Mode::read_write);
        for (const char* sql :
             {"INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO message_bigrams (message_bigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_trigrams (title_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_bigrams (title_bigrams, rank) VALUES ('integrity-check', 1)"})
            QVERIFY(!error_of([&] { database.run(sql); }));
        qInfo("%zu reports, %zu messages checked last, interrupted answers met %zu times", commits,
              known.messages.size(), interrupted);
        QVERIFY(interrupted > 0);
    }
};

int main(int argc, char** argv)
{
    if (argc == 4 && std::string_view(argv[1]) == "--write")
        write_until_killed(argv[2], static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)));
    TestKill test;
    return QTest::qExec(&test, argc, argv);
}
#include "test_kill.moc"
