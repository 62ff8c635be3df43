// SPDX-License-Identifier: MIT
// What goes out comes back; what is wrong changes nothing and says where it is wrong.
#include "storage/chat_store.h"
#include "storage/exchange.h"
#include "storage/json.h"
#include "storage/rescue.h"
#include "tests/storage/profile.h"

#include <QRegularExpression>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <limits>
#include <map>
#include <random>
#include <sys/syscall.h>
#include <unistd.h>
#include <vector>

using namespace storage;
namespace fs = std::filesystem;

namespace {

int writes_until_full = 0; // 0: the disk has room

} // namespace

extern "C" ssize_t write(int file, const void* bytes, size_t size)
{
    if (writes_until_full > 0 && --writes_until_full == 0) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, file, bytes, size);
}

namespace {

struct Opened : Profile
{
    ProfileLock lock{path()};
    ChatStore store{lock};
    fs::path file = path() / "export.json";
};

// Everything that an export must hold, as one text.
std::string dump(const Profile& profile)
{
    Connection database(profile.database(), Connection::Mode::read_only);
    std::string all;
    {
        Statement row = database.prepare(R"sql(
            SELECT group_concat(quote(uuid) || ' ' || ifnull(hex(title), 'none') || title_is_automatic || pinned || archived || unread
                || ' ' || ifnull(hex(folder), 'none') || created_at || ' ' || updated_at || ' ' || ifnull(deleted_at, 'kept')
                || quote(settings) || ' ' || ifnull(hex(draft), 'none') || draft_cursor || ' '
                || (SELECT count(*) FROM messages m WHERE m.conversation = c.id AND m.id <= c.leaf)
                || ifnull((SELECT group_concat(ifnull(hex(tag), 'none')) FROM conversation_tags t WHERE t.conversation = c.id), ''),
                char(10))
            FROM (SELECT * FROM conversations ORDER BY id) c
        )sql");
        row.step();
        all += row.text(0);
    }
    // A parent by its place among the messages of its conversation.
    Statement row = database.prepare(R"sql(
        SELECT group_concat(
            ifnull((SELECT count(*) FROM messages p WHERE p.conversation = m.conversation AND p.id < m.parent), 'first')
            || ' ' || ordinal || chosen || role || status || finish_reason || created_at || ' ' || ifnull(hex(model_name), 'none')
            || ' ' || ifnull(hex(model_hash), 'none') || ' ' || ifnull(hex(engine_version), 'none') || quote(sampling) || quote(seed) || ' ' || prompt_tokens
            || ' ' || generated_tokens || ' ' || quote(first_token_seconds) || quote(prompt_tokens_per_second)
            || quote(generate_tokens_per_second) || ' ' || ifnull(hex(error), 'none') || hex(content) || ' ' || hex(token_ids), char(10))
        FROM (SELECT * FROM messages ORDER BY conversation, id) m
    )sql");
    row.step();
    return all + '\n' + std::string(row.text(0));
}

std::vector<Id> all_of(ChatStore& store)
{
    std::vector<Id> ids;
    for (const Scope scope : {Scope::active, Scope::archived, Scope::trash})
        for (const Conversation& conversation : store.list_conversations(scope))
            ids.push_back(conversation.id);
    std::sort(ids.begin(), ids.end());
    return ids;
}

class Tree
{
public:
    explicit Tree(unsigned seed)
        : m_random(seed)
    {
    }

    std::size_t below(std::size_t bound) { return m_random() % bound; }

    std::string text()
    {
        static const std::vector<std::string> pieces{"a",
                                                     "Weather ",
                                                     "\"",
                                                     "\\",
                                                     "\n",
                                                     "\t",
                                                     "北京",
                                                     "😀",
                                                     "\xFF",
                                                     "\xC3",
                                                     std::string(1, '\0'),
                                                     "\x01",
                                                     "é",
                                                     "</script>",
                                                     "\u2028",
                                                     "{\"hex\":\"00\"}"};
        std::string all;
        for (std::size_t i = below(8); i > 0; --i)
            all += pieces[below(below(3) ? 8 : pieces.size())];
        return all;
    }

    void grow(ChatStore& store)
    {
        static const std::string settings = R"({ "system" : "Be \u00e9 brief.\n", "x": [1, {"y": null}] })";
        const Id conversation = store.create_conversation(text(), below(2) ? "{}" : settings);
        store.set_pinned(conversation, below(2));
        store.set_archived(conversation, below(2));
        store.set_unread(conversation, below(2));
        store.set_folder(conversation, below(2) ? "" : "Work/" + text());
        store.set_tags(conversation, {text(), text(), "tag"});
        store.set_draft(conversation, text(), static_cast<std::int64_t>(below(100)));
        std::vector<Id> messages;
        for (std::size_t i = below(12); i > 0; --i) {
            if (messages.empty() || below(4) == 0)
                messages.push_back(store.append_message(conversation, static_cast<Role>(below(4)), text()));
            else if (below(3) == 0)
                messages.push_back(store.add_sibling(messages[below(messages.size())], text()));
            else
                messages.push_back(answer(store, messages[below(messages.size())]));
        }
        if (!messages.empty())
            store.choose_branch(messages[below(messages.size())]);
        if (below(4) == 0)
            store.move_to_trash(conversation);
    }

    Id answer(ChatStore& store, Id question)
    {
        const AnswerOrigin origin{text(), text(), text(), R"({"temperature":0.7})",
                                  static_cast<std::int64_t>(m_random()) * (below(2) ? 1 : -2000000000)};
        const Id id = store.begin_answer(question, origin);
        AnswerResult result;
        result.status = below(3) ? Status::complete : below(2) ? Status::stopped : Status::failed;
        result.finish_reason = static_cast<FinishReason>(below(6));
        result.error = text();
        result.text = text();
        for (std::size_t i = below(5); i > 0; --i)
            result.token_ids.push_back(static_cast<std::int32_t>(m_random()));
        result.prompt_tokens = static_cast<int>(below(5000));
        result.generated_tokens = static_cast<int>(below(5000));
        result.first_token_seconds = below(4) ? static_cast<double>(m_random()) / 7e9 : 1e-310;
        result.prompt_tokens_per_second =
            below(4) ? static_cast<double>(m_random()) / 3e7 : std::numeric_limits<double>::infinity();
        result.generate_tokens_per_second = 0.1;
        store.finish_answer(id, result);
        return id;
    }

private:
    std::mt19937 m_random;
};

std::string wrapped(const std::string& conversation)
{
    return R"({"format":"fathom-conversations","version":1,"conversations":[)" + conversation + "]}";
}

std::string with_message(const std::string& members)
{
    return wrapped(R"({"messages":[{"role":"user","content":"first"},{)" + members + "}]}");
}

} // namespace

class TestExchange : public QObject
{
    Q_OBJECT

private slots:
    void what_goes_out_comes_back()
    {
        const char* given = std::getenv("FATHOM_SEED");
        const unsigned seed =
            given ? static_cast<unsigned>(std::strtoul(given, nullptr, 10)) : std::random_device()();
        qInfo("FATHOM_SEED=%u", seed);
        Tree tree(seed);
        for (int round = 0; round < 4; ++round) {
            Opened from;
            for (int i = 0; i < 5; ++i)
                tree.grow(from.store);
            from.store.export_json(all_of(from.store), from.file);

            Opened to;
            to.store.create_conversation("was here before");
            to.store.delete_for_ever(to.store.list_conversations(Scope::active).front().id);
            const Imported first = to.store.import_json(from.file);
            QCOMPARE(first.conversations.size(), std::size_t(5));
            QCOMPARE(first.skipped, 0);
            const std::string expected = dump(from);
            const std::string found = dump(to);
            const std::size_t differs = static_cast<std::size_t>(
                std::mismatch(expected.begin(), expected.end(), found.begin(), found.end()).first -
                expected.begin());
            const std::size_t from_here = differs > 200 ? differs - 200 : 0;
            QVERIFY2(found == expected, (expected.substr(from_here, 300) + "\n-----\n" +
                                         found.substr(std::min(from_here, found.size()), 300))
                                            .c_str());

            // The same file twice changes nothing; as copies it doubles everything.
            QCOMPARE(to.store.import_json(from.file).skipped, 5);
            QVERIFY(dump(to) == expected);
            const Imported copies = to.store.import_json(from.file, IfPresent::copy);
            QCOMPARE(copies.conversations.size(), std::size_t(5));
            QCOMPARE(copies.messages, first.messages);
            QVERIFY(to.store.conversation(copies.conversations[0])->uuid !=
                    to.store.conversation(first.conversations[0])->uuid);

            Connection database(to.database(), Connection::Mode::copy_only);
            QVERIFY(check(database).empty());
            QVERIFY(!database.prepare("PRAGMA foreign_key_check").step());
        }
    }

    void what_came_in_is_found_and_goes_on()
    {
        Opened from;
        const Id conversation = from.store.create_conversation("Letters from 北京");
        const Id question = from.store.append_message(conversation, Role::user, "How is the weather?");
        from.store.begin_answer(question, {"Starter", {}, {}, "{}", 1});
        from.store.update_answer(*from.store.conversation(conversation)->leaf, "Sunny", {1, 2});
        from.store.export_json({conversation}, from.file);

        Opened to;
        const Id id = to.store.import_json(from.file).conversations.at(0);
        QCOMPARE(to.store.search("北京", 10).size(), std::size_t(1));
        QCOMPARE(to.store.search("weather", 10).size(), std::size_t(1));
        QCOMPARE(to.store.search("sunny", 10).size(), std::size_t(1));
        QCOMPARE(to.store.branch(id).back().status, Status::interrupted); // it was being written
        QCOMPARE(to.store.conversation(id)->preview, std::string("Sunny"));
        to.store.append_message(id, Role::user, "And tomorrow?");
        QCOMPARE(to.store.branch(id).size(), std::size_t(3));
    }

    void filters_know_what_came_in()
    {
        Opened opened;
        opened.store.append_message(opened.store.create_conversation(), Role::user, "a word of today");
        std::ofstream(opened.file) << wrapped(R"({"messages":[
            {"role":"user","content":"a word of 2020","created_at":1600000000000},
            {"role":"assistant","content":"a word back","created_at":1600000001000,"parent":0,
             "origin":{"model_name":"Old-Model"}}]})");
        opened.store.import_json(opened.file);
        const auto hits = [&](const char* query) { return opened.store.search(query, 10).size(); };
        QCOMPARE(hits("word"), std::size_t(3));
        QCOMPARE(hits("word before:2021"), std::size_t(2));
        QCOMPARE(hits("word after:2021"), std::size_t(1));
        QCOMPARE(hits("word after:2020 before:2021"), std::size_t(2));
        QCOMPARE(hits("word after:2019 before:2020"), std::size_t(0));
        QCOMPARE(hits("word model:old"), std::size_t(2)); // all of the conversation
        QCOMPARE(hits("word model:new"), std::size_t(0));
    }

    // More messages under a tag than are simply read one by one: the words' places are held against theirs.
    void filters_leave_many_messages()
    {
        Opened opened;
        std::string list;
        for (int i = 0; i < 6000; ++i) {
            if (i > 0)
                list += ',';
            list += i % 1000 == 500 ? R"({"role":"user","content":"a heron, 苍鹭"})"
                                    : R"({"role":"user","content":"nothing to see"})";
        }
        for (const std::string tags : {R"(["wide"])", R"(["other"])"}) {
            std::ofstream(opened.file) << wrapped(R"({"tags":)" + tags + R"(,"messages":[)" + list + "]}");
            opened.store.import_json(opened.file);
        }
        const auto hits = [&](const char* query, std::int64_t limit = 100) {
            const std::vector<SearchHit> found = opened.store.search(query, limit);
            for (std::size_t i = 1; i < found.size(); ++i)
                if (found[i - 1].message <= found[i].message)
                    return -1;
            return static_cast<int>(found.size());
        };
        QCOMPARE(hits("heron"), 12);
        QCOMPARE(hits("heron tag:wide"), 6);
        QCOMPARE(hits("heron tag:wide", 4), 4);
        QCOMPARE(hits("苍鹭 tag:other"), 6);
        QCOMPARE(hits("鹭 heron tag:other"), 6);
        QCOMPARE(hits("heron tag:wide after:2020"), 6);
        QCOMPARE(hits("heron tag:wide before:2020"), 0);
        QCOMPARE(hits("gull tag:wide"), 0);
    }

    void members_may_stand_in_any_order_and_be_left_out()
    {
        Opened opened;
        std::ofstream(opened.file) << "\xEF\xBB\xBF"
                                   << R"( {
            "conversations": [
                {"future": {"a": [[]]}, "messages": [
                    {"content": "q", "role": "user"},
                    {"content": "first", "role": "assistant", "parent": 0},
                    {"content": "second", "role": "assistant", "parent": 0, "chosen": true, "new": 1e5},
                    {"content": "third", "role": "assistant", "parent": 0}
                ], "title": "\u5317\u4eac \ud83d\ude00", "leaf": 1}
            ],
            "version": 1, "format": "fathom-conversations"
        } )";
        const Imported imported = opened.store.import_json(opened.file);
        const Id id = imported.conversations.at(0);
        QCOMPARE(opened.store.conversation(id)->title, std::string("北京 😀"));
        QCOMPARE(opened.store.conversation(id)->uuid.size(), std::size_t(32));
        const std::vector<Message> branch = opened.store.branch(id);
        QCOMPARE(branch.size(), std::size_t(2));
        QCOMPARE(branch[1].content, std::string("first"));
        QCOMPARE(branch[1].sibling_count, 3);
        Connection database(opened.database(), Connection::Mode::read_only);
        QCOMPARE(database.query("SELECT count(*) FROM messages WHERE chosen").first_integer(), 2);
    }

    void a_wrong_file_says_where_and_changes_nothing_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("message"); // a part of it
        const auto row = [](const char* name, const std::string& content, const char* message) {
            QTest::newRow(name) << QByteArray::fromStdString(content) << QString::fromUtf8(message);
        };
        row("empty", "", "line 1, character 1: expected an object, found the end of the file");
        row("no JSON", "Dear diary", "expected an object, found \"D\"");
        row("another JSON", R"({"chats":[]})", "expected the members \"format\"");
        row("another format", R"({"format":"chatgpt"})", "(format): expected \"fathom-conversations\"");
        row("newer", R"({"format":"fathom-conversations","version":2})",
            "found 2, which a newer Fathom wrote");
        row("behind it", wrapped("") + "\n\n x", "line 3, character 2: expected the end of the file");
        row("cut in a text", "{\"format\":\"fath", "expected the end of the text, found the end of the file");
        row("number for text", wrapped(R"({"title":12})"),
            "(conversations[0].title): expected a text, found \"1\"");
        row("text for flag", wrapped("{\n\"pinned\": \"no\"}"),
            "line 2, character 11 (conversations[0].pinned): expected true or false, found a text");
        row("role", with_message(R"("role":"boss","content":"")"),
            "(conversations[0].messages[1].role): expected \"system\", \"user\", \"assistant\" or \"tool\", "
            "found \"boss\"");
        row("no role", with_message(R"("content":"")"), "expected a message with \"role\"");
        row("no content", with_message(R"("role":"user")"),
            "expected a message with \"role\" and \"content\"");
        row("status", with_message(R"("status":"streaming","role":"user","content":"")"),
            "found \"streaming\"");
        row("parent ahead", with_message(R"("role":"user","content":"","parent":1)"),
            "expected a message before this one (it is number 1), found 1");
        row("parent below", with_message(R"("role":"user","content":"","parent":-2)"), "found -2");
        row("leaf", wrapped(R"({"leaf":0,"messages":[]})"), "expected a leaf that is the place of a message");
        row("token", with_message(R"("token_ids":[1,3000000000])"),
            "(conversations[0].messages[1].token_ids[1]): expected a whole number of 32 bits");
        row("big number", wrapped(R"({"created_at":123456789012345678901234567890})"), "64 bits");
        row("fraction", wrapped(R"({"created_at":1.5})"), "expected a whole number");
        row("settings", wrapped(R"({"settings":[]})"), "expected an object, found a list");
        row("comma", wrapped(R"({"title":"a",})"), "expected a name in quotation marks");
        row("no comma", wrapped(R"({"title":"a" "folder":"b"})"), "expected \",\" or \"}\", found a text");
        row("half a character", wrapped(R"({"title":"\ud83d"})"), "halves of a character");
        row("backslash", wrapped(R"({"title":"\x"})"), "behind a backslash");
        row("line break", wrapped("{\"title\":\"a\nb\"}"), "found the byte 0x0A");
        row("no UTF-8", wrapped("{\"title\":\"\xFF\"}"), "expected UTF-8");
        row("overlong", wrapped("{\"title\":\"\xC0\xAF\"}"), "expected UTF-8");
        row("hex", wrapped(R"({"title":{"hex":"0g"}})"), "pairs of hexadecimal digits");
        row("deep", wrapped("{\"x\":" + std::string(100000, '[')), "1000 brackets");
        row("deep settings", wrapped("{\"settings\":{\"x\":" + std::string(100000, '[')), "1000 brackets");
        row("word", wrapped(R"({"pinned":tru})"), "expected \"true\"");
        row("minus", wrapped(R"({"created_at":-})"), "expected a digit");
        row("leading zero", wrapped(R"({"created_at":012})"), "expected \",\" or \"}\", found \"1\"");
    }

    void a_wrong_file_says_where_and_changes_nothing()
    {
        QFETCH(QByteArray, content);
        QFETCH(QString, message);
        Opened opened;
        opened.store.create_conversation("here");
        const std::string before = dump(opened);
        std::ofstream(opened.file, std::ios::binary).write(content.data(), content.size());
        const auto error = error_of([&] { opened.store.import_json(opened.file); });
        QVERIFY(error);
        const QString what = QString::fromUtf8(error->what());
        QVERIFY2(what.contains(message), qPrintable(what));
        QVERIFY2(what.contains(QStringLiteral("line ")), qPrintable(what));
        QVERIFY2(what.startsWith(QStringLiteral("The file ") + QString::fromStdString(opened.file.string())),
                 qPrintable(what));
        QCOMPARE(error->where(), opened.file.string());
        QVERIFY(dump(opened) == before);
        QVERIFY(opened.store.create_conversation("works on") > 0);
    }

    void a_file_cut_or_changed_anywhere_is_an_error_or_whole()
    {
        Opened from;
        Tree tree(7);
        while (from.store.count_conversations().active == 0)
            tree.grow(from.store);
        from.store.export_json(all_of(from.store), from.file);
        std::string whole = bytes_of(from.file);
        whole.pop_back(); // the line break behind it
        Opened to;
        const std::string before = dump(to);
        for (std::size_t size = 0; size < whole.size(); size += 1 + whole.size() / 300) {
            std::ofstream(to.file, std::ios::binary) << whole.substr(0, size);
            QVERIFY(error_of([&] { to.store.import_json(to.file); }));
        }
        QVERIFY(dump(to) == before);
        std::mt19937 random(11);
        int accepted = 0;
        for (int i = 0; i < 300; ++i) {
            std::string changed = whole;
            changed[random() % changed.size()] = static_cast<char>(random());
            std::ofstream(to.file, std::ios::binary) << changed;
            accepted += !error_of([&] { to.store.import_json(to.file, IfPresent::copy); });
        }
        QVERIFY(accepted < 300);
        Connection database(to.database(), Connection::Mode::copy_only);
        QVERIFY(check(database).empty());
        QVERIFY(!database.prepare("PRAGMA foreign_key_check").step());
    }

    void an_export_that_fails_leaves_what_was_there()
    {
        Opened opened;
        const Id conversation = opened.store.create_conversation("long");
        for (int i = 0; i < 30; ++i)
            opened.store.append_message(conversation, Role::user, std::string(20000, 'x'));
        std::ofstream(opened.file) << "the export of yesterday";
        for (int n = 1; n <= 8; ++n) {
            writes_until_full = n;
            const auto error = error_of([&] { opened.store.export_json({conversation}, opened.file); });
            writes_until_full = 0;
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::full);
            QCOMPARE(error->where(), opened.file.string());
            QCOMPARE(bytes_of(opened.file), std::string("the export of yesterday"));
        }
        QVERIFY(error_of([&] { opened.store.export_json({conversation, 99}, opened.file); }));
        QVERIFY(error_of([&] { opened.store.export_json({}, opened.path() / "no folder" / "x.json"); }));
        QCOMPARE(bytes_of(opened.file), std::string("the export of yesterday"));
        for (const fs::directory_entry& entry : fs::directory_iterator(opened.path()))
            QVERIFY2(!entry.path().filename().string().starts_with("export.json."), entry.path().c_str());

        opened.store.export_json({conversation}, opened.file);
        QVERIFY(bytes_of(opened.file).size() > 600000);
        QCOMPARE(fs::status(opened.file).permissions(), fs::perms::owner_read | fs::perms::owner_write);
    }

    void both_ways_can_be_cancelled()
    {
        Opened opened;
        const Id conversation = opened.store.create_conversation("long");
        for (int i = 0; i < 600; ++i)
            opened.store.append_message(conversation, Role::user, "x");
        std::int64_t heard = 0;
        const auto stop = [&](std::int64_t messages) {
            heard = messages;
            return messages < 500;
        };
        const auto out = error_of([&] { opened.store.export_json({conversation}, opened.file, stop); });
        QVERIFY(out);
        QCOMPARE(out->kind(), Error::Kind::cancelled);
        QCOMPARE(heard, 512);
        QVERIFY(!fs::exists(opened.file));
        opened.store.export_json({conversation}, opened.file);
        const auto in = error_of([&] { opened.store.import_json(opened.file, IfPresent::copy, stop); });
        QVERIFY(in);
        QCOMPARE(in->kind(), Error::Kind::cancelled);
        QCOMPARE(opened.store.count_conversations().active, 1);
    }

    void markdown_holds_the_chosen_branch()
    {
        Opened opened;
        const Id conversation = opened.store.create_conversation("*Notes* & <more>");
        const Id question = opened.store.append_message(conversation, Role::user, "Show me code");
        const Id first = opened.store.begin_answer(question, {"Starter", {}, {}, "{}", 1});
        AnswerResult result;
        result.text = "not this one";
        opened.store.finish_answer(first, result);
        const Id second = opened.store.begin_answer(question, {"Starter_2", {}, {}, "{}", 1});
        result.text = "Here:\n````cpp\nint x;\n```\nstill code";
        result.status = Status::failed;
        result.error = "No memory";
        opened.store.finish_answer(second, result);
        opened.store.append_message(conversation, Role::user, "Thanks");
        const fs::path file = opened.path() / "out.md";
        ExportWords words;
        words.person = "Ich";
        export_markdown(opened.store, conversation, file, words);
        QString text = QString::fromStdString(bytes_of(file));
        text.replace(QRegularExpression(QStringLiteral("\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d")),
                     QStringLiteral("TIME"));
        QCOMPARE(text,
                 QStringLiteral(
                     "# \\*Notes\\* \\& \\<more\\>\n"
                     "\n---\n\n**Ich** · TIME\n\nShow me code\n"
                     "\n---\n\n**Starter\\_2** · TIME\n\nHere:\n````cpp\nint x;\n```\nstill code\n````\n"
                     "\n*Failed: No memory*\n"
                     "\n---\n\n**Ich** · TIME\n\nThanks\n"));
        QVERIFY(error_of([&] { export_markdown(opened.store, 99, file); }));
    }

    void html_stands_alone_and_shows_text_as_text()
    {
        Opened opened;
        const std::string evil = "<script src=\"http://example.org/x.js\"></script><img src=x onerror=y>";
        const Id conversation = opened.store.create_conversation(evil);
        const Id question = opened.store.append_message(conversation, Role::user, evil + "\n second line");
        const Id answer = opened.store.begin_answer(question, {evil, {}, {}, "{}", 1});
        AnswerResult result;
        result.text = "*yes*";
        result.status = Status::failed;
        result.error = evil;
        opened.store.finish_answer(answer, result);
        const fs::path file = opened.path() / "out.html";
        export_html(opened.store, conversation, file,
                    [](std::string_view markdown) { return "<p>[" + std::string(markdown) + "]</p>"; });
        const QString text = QString::fromStdString(bytes_of(file));
        QVERIFY(text.startsWith(QStringLiteral("<!DOCTYPE html>")));
        QVERIFY(text.contains(QStringLiteral("<p>[*yes*]</p>")));
        QVERIFY(text.contains(QStringLiteral("&lt;img src=x onerror=y&gt;\n second line")));
        QVERIFY(text.contains(QStringLiteral("prefers-color-scheme: dark")));
        QVERIFY(text.contains(QStringLiteral("default-src 'none'")));
        for (const char* loads : {"<script", "<img", "<link", "url(", "@import", "href", "src=\""})
            QVERIFY2(!text.contains(QLatin1String(loads)), loads);
        QCOMPARE(text.count(QStringLiteral("<article")), 2);
        QCOMPARE(text.count(QStringLiteral("</article>")), 2);
    }

    void files_get_names_that_every_disk_takes()
    {
        Opened opened;
        const fs::path folder = opened.path();
        const auto name = [&](std::string_view title) {
            return export_file(folder, title, ".md").filename().string();
        };
        QCOMPARE(name("1/2: Äpfel?"), std::string("1 2 Äpfel.md"));
        QCOMPARE(name("../../etc/passwd"), std::string("etc passwd.md"));
        QCOMPARE(name(" ... "), std::string("Conversation.md"));
        QCOMPARE(name("\xFF\n\t"), std::string("Conversation.md"));
        const std::string chinese = name(std::string("北").append(std::string(400, 'x')) + "京");
        QVERIFY(chinese.size() <= 130 && chinese.starts_with("北xxx"));
        std::ofstream(folder / "a.md") << "taken";
        QCOMPARE(name("a"), std::string("a (2).md"));
    }
};

QTEST_APPLESS_MAIN(TestExchange)
#include "test_exchange.moc"
