// SPDX-License-Identifier: MIT
#include "storage/chat_store.h"
#include "tests/storage/profile.h"

#include <atomic>
#include <functional>
#include <thread>
#include <vector>

using namespace storage;
namespace fs = std::filesystem;

namespace {

// A profile with its store open.
struct Opened : Profile
{
    std::optional<ProfileLock> lock;
    std::optional<ChatStore> store;

    Opened() { open(); }
    void open()
    {
        lock.emplace(path());
        store.emplace(*lock);
    }
    void close()
    {
        store.reset();
        lock.reset();
    }
    void restart()
    {
        close();
        open();
    }
};

std::vector<std::string> contents(const std::vector<Message>& messages)
{
    std::vector<std::string> all;
    for (const Message& message : messages)
        all.push_back(message.content);
    return all;
}

std::vector<std::string> titles(const std::vector<Conversation>& conversations)
{
    std::vector<std::string> all;
    for (const Conversation& conversation : conversations)
        all.push_back(conversation.title);
    return all;
}

using Words = std::vector<std::string>;

AnswerResult answer(const std::string& text)
{
    AnswerResult result;
    result.text = text;
    return result;
}

Id add_answer(ChatStore& store, Id question, const std::string& text)
{
    const Id id = store.begin_answer(question, {});
    store.finish_answer(id, answer(text));
    return id;
}

// The bytes of the snippet that are marked.
Words marked(const SearchHit& hit)
{
    Words all;
    for (const SearchHit::Range& range : hit.matches)
        all.push_back(hit.snippet.substr(range.begin, range.length));
    return all;
}

} // namespace

class TestChatStore : public QObject
{
    Q_OBJECT

    std::optional<Opened> m_library; // what the searches search

private slots:
    void initTestCase()
    {
        ChatStore& store = *m_library.emplace().store;
        const Id conversation = store.create_conversation("Untitled");
        store.append_message(conversation, Role::user,
                             "The weather, is it nice? C++ 😀 ärger погода\n北京的天气");
        store.append_message(conversation, Role::user, "Yes or no");
    }

    void cleanupTestCase() { m_library.reset(); }

    void a_conversation_keeps_what_is_set()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Time before = now();
        const Id id = store.create_conversation({}, R"({"system":"Be brief."})");
        store.set_pinned(id, true);
        store.set_archived(id, true);
        store.set_unread(id, true);
        store.set_folder(id, "Work/Letters");
        store.set_tags(id, {"wine", "a", "wine", "", "ärger"});
        store.set_draft(id, "half a thought\nand its second line", 7);
        opened.restart();

        const std::optional<Conversation> kept = opened.store->conversation(id);
        QVERIFY(kept);
        QCOMPARE(kept->id, id);
        QCOMPARE(kept->title, std::string());
        QVERIFY(kept->title_is_automatic && kept->pinned && kept->archived && kept->unread);
        QCOMPARE(kept->folder, std::string("Work/Letters"));
        QVERIFY((kept->tags == Words{"a", "wine", "ärger"}));
        QCOMPARE(kept->draft, std::string("half a thought\nand its second line"));
        QCOMPARE(kept->draft_cursor, 7);
        QCOMPARE(kept->uuid.size(), std::size_t(32));
        QCOMPARE(kept->settings, std::string(R"({"system":"Be brief."})"));
        QVERIFY(kept->created_at >= before && kept->created_at <= now());
        QCOMPARE(kept->updated_at, kept->created_at);
        QVERIFY(!kept->deleted_at && !kept->leaf);
        QVERIFY(!opened.store->conversation(id + 1));

        const std::vector<Conversation> listed = opened.store->list_conversations(Scope::archived);
        QCOMPARE(listed.size(), std::size_t(1));
        QVERIFY(listed[0].tags == kept->tags);
        QCOMPARE(listed[0].folder, kept->folder);
        QVERIFY(listed[0].pinned && listed[0].archived && listed[0].unread);
        QCOMPARE(listed[0].draft, std::string());
        opened.store->set_tags(id, {});
        QVERIFY(opened.store->conversation(id)->tags.empty());
    }

    void a_chosen_title_is_not_overwritten()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id id = store.create_conversation();
        store.suggest_title(id, "About wine");
        QCOMPARE(store.conversation(id)->title, std::string("About wine"));
        store.suggest_title(id, "About red wine");
        QCOMPARE(store.conversation(id)->title, std::string("About red wine"));
        store.rename(id, "My own title");
        store.suggest_title(id, "About water");
        QCOMPARE(store.conversation(id)->title, std::string("My own title"));
        QVERIFY(!store.conversation(id)->title_is_automatic);
        QVERIFY(!store.conversation(store.create_conversation("given"))->title_is_automatic);
    }

    void the_list_is_in_the_order_of_the_sidebar()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        std::vector<Id> ids;
        for (const char* title : {"a", "b", "c", "d"}) {
            ids.push_back(store.create_conversation(title));
            QTest::qSleep(2);
        }
        store.append_message(ids[1], Role::user, "  first\n\n\tline \xFF " + std::string(500, 'x'));
        store.set_pinned(ids[0], true);
        QVERIFY((titles(store.list_conversations(Scope::active)) == Words{"a", "b", "d", "c"}));
        QVERIFY((titles(store.list_conversations(Scope::active, 2, 1)) == Words{"b", "d"}));
        const std::string preview = store.list_conversations(Scope::active)[1].preview;
        QVERIFY2(preview.starts_with("first line \uFFFD xxx"), preview.c_str());
        QVERIFY(preview.size() < 200);

        store.set_archived(ids[2], true);
        store.move_to_trash(ids[0]);
        QTest::qSleep(2);
        store.move_to_trash(ids[3]);
        QVERIFY((titles(store.list_conversations(Scope::active)) == Words{"b"}));
        QVERIFY((titles(store.list_conversations(Scope::archived)) == Words{"c"}));
        QVERIFY((titles(store.list_conversations(Scope::trash)) == Words{"d", "a"}));
        const Counts counts = store.count_conversations();
        QCOMPARE(counts.active, 1);
        QCOMPARE(counts.archived, 1);
        QCOMPARE(counts.trash, 2);
    }

    void an_answer_keeps_how_it_came_to_be()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        const Id question = store.append_message(conversation, Role::user, "Why?");
        const Id id =
            store.begin_answer(question, {"Starter", "sha256:ab", "0.1.0", R"({"temperature":0.7})", -5});
        QCOMPARE(store.message(id)->status, Status::streaming);
        store.update_answer(id, "Beca", {1, 2});
        QCOMPARE(store.message(id)->content, std::string("Beca"));
        QVERIFY((store.token_ids(id) == std::vector<std::int32_t>{1, 2}));
        AnswerResult result;
        result.status = Status::failed;
        result.finish_reason = FinishReason::error;
        result.error = "The model produced invalid numbers";
        result.text = "Because.";
        result.token_ids = {1, 2, 102399, -1};
        result.prompt_tokens = 17;
        result.generated_tokens = 4;
        result.first_token_seconds = 0.25;
        result.prompt_tokens_per_second = 68.5;
        result.generate_tokens_per_second = 12.125;
        QTest::qSleep(2);
        store.finish_answer(id, result);
        opened.restart();

        const std::optional<Message> kept = opened.store->message(id);
        QVERIFY(kept && kept->origin);
        QCOMPARE(kept->conversation, conversation);
        QVERIFY(kept->parent == question);
        QCOMPARE(kept->role, Role::assistant);
        QCOMPARE(kept->status, Status::failed);
        QCOMPARE(kept->finish_reason, FinishReason::error);
        QCOMPARE(kept->error, result.error);
        QCOMPARE(kept->content, result.text);
        QCOMPARE(kept->origin->model_name, std::string("Starter"));
        QCOMPARE(kept->origin->model_hash, std::string("sha256:ab"));
        QCOMPARE(kept->origin->engine_version, std::string("0.1.0"));
        QCOMPARE(kept->origin->sampling, std::string(R"({"temperature":0.7})"));
        QCOMPARE(kept->origin->seed, -5);
        QCOMPARE(kept->prompt_tokens, 17);
        QCOMPARE(kept->generated_tokens, 4);
        QCOMPARE(kept->first_token_seconds, 0.25);
        QCOMPARE(kept->prompt_tokens_per_second, 68.5);
        QCOMPARE(kept->generate_tokens_per_second, 12.125);
        QVERIFY(opened.store->token_ids(id) == result.token_ids);
        QVERIFY(opened.store->token_ids(question).empty());
        QVERIFY(!opened.store->message(question)->origin);
        QVERIFY(opened.store->conversation(conversation)->updated_at > kept->created_at);
        QVERIFY(opened.store->conversation(conversation)->leaf == id);
        QCOMPARE(opened.store->conversation(conversation)->preview, std::string("Because."));
    }

    void a_finished_answer_is_not_written_again()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id question = store.append_message(store.create_conversation(), Role::user, "?");
        const Id id = add_answer(store, question, "done");
        for (const auto& late : {error_of([&] { store.update_answer(id, "late", {}); }),
                                 error_of([&] { store.finish_answer(id, answer("late")); })}) {
            QVERIFY(late);
            QCOMPARE(late->kind(), Error::Kind::constraint);
        }
        QCOMPARE(store.message(id)->content, std::string("done"));

        store.continue_answer(id);
        QCOMPARE(store.message(id)->status, Status::streaming);
        QCOMPARE(store.message(id)->content, std::string("done"));
        store.finish_answer(id, answer("done and more"));
        QCOMPARE(store.message(id)->content, std::string("done and more"));
        store.append_message(store.message(id)->conversation, Role::user, "next");
        QVERIFY(error_of([&] { store.continue_answer(id); }));       // no longer the last one
        QVERIFY(error_of([&] { store.continue_answer(question); })); // no answer
    }

    void text_comes_back_byte_for_byte()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        const std::vector<std::string> texts{"",
                                             "'; DROP TABLE messages; --",
                                             std::string("nul \0 inside", 12),
                                             "北京😀é\u202E\uFEFF",
                                             "not UTF-8: \xFF\xC3",
                                             std::string(1 << 20, 'x')};
        for (const std::string& text : texts)
            store.append_message(conversation, Role::user, text);
        opened.restart();
        QVERIFY(contents(opened.store->branch(conversation)) == texts);
    }

    void edits_and_regenerated_answers_are_branches()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        const Id q1 = store.append_message(conversation, Role::user, "q1");
        const Id a1 = add_answer(store, q1, "a1");
        const Id q2 = store.append_message(conversation, Role::user, "q2");
        const Id a2 = add_answer(store, q2, "a2");
        const Id a2_again = add_answer(store, q2, "a2 again");
        QVERIFY((contents(store.branch(conversation)) == Words{"q1", "a1", "q2", "a2 again"}));
        QCOMPARE(store.branch(conversation)[3].ordinal, 1);
        QCOMPARE(store.branch(conversation)[3].sibling_count, 2);
        QCOMPARE(store.branch(conversation)[2].sibling_count, 1);

        const Id q2_edited = store.add_sibling(q2, "q2 edited");
        QCOMPARE(store.message(q2_edited)->role, Role::user);
        QVERIFY((contents(store.branch(conversation)) == Words{"q1", "a1", "q2 edited"}));
        const Id a3 = add_answer(store, q2_edited, "a3");
        QVERIFY((store.siblings(q2) == std::vector<Id>{q2, q2_edited}));
        QVERIFY((store.siblings(a2_again) == std::vector<Id>{a2, a2_again}));

        // Back to the first question: the answer chosen there last is remembered.
        QCOMPARE(store.choose_branch(q2), a2_again);
        QVERIFY((contents(store.branch(conversation)) == Words{"q1", "a1", "q2", "a2 again"}));
        QCOMPARE(store.choose_branch(a2), a2);
        QVERIFY((contents(store.branch(conversation)) == Words{"q1", "a1", "q2", "a2"}));
        QCOMPARE(store.choose_branch(q2_edited), a3);
        QCOMPARE(store.choose_branch(q2), a2);
        opened.restart();
        QVERIFY((contents(opened.store->branch(conversation)) == Words{"q1", "a1", "q2", "a2"}));

        // The first message has siblings too, and a branch deep inside another one is chosen as a whole.
        const Id q1_edited = opened.store->add_sibling(q1, "q1 edited");
        QVERIFY((contents(opened.store->branch(conversation)) == Words{"q1 edited"}));
        QCOMPARE(opened.store->branch(conversation)[0].sibling_count, 2);
        QCOMPARE(opened.store->choose_branch(a3), a3);
        QVERIFY((contents(opened.store->branch(conversation)) == Words{"q1", "a1", "q2 edited", "a3"}));
        QCOMPARE(opened.store->choose_branch(q1_edited), q1_edited);
        QCOMPARE(opened.store->choose_branch(a1), a3);

        QVERIFY((contents(opened.store->branch(conversation, 2)) == Words{"q2 edited", "a3"}));
        QVERIFY((contents(opened.store->path(a2_again)) == Words{"q1", "a1", "q2", "a2 again"}));
        QVERIFY((contents(opened.store->path(a2, 3)) == Words{"a1", "q2", "a2"}));
        QVERIFY(opened.store->path(a3 + 100).empty());

        const auto is = [](const char* text) {
            return [text](const storage::Message& message) { return message.content == text; };
        };
        QVERIFY((contents(opened.store->path(a2, is("q2"))) == Words{"q2", "a2"}));
        QVERIFY((contents(opened.store->path(a2, is("a3"))) == Words{"q1", "a1", "q2", "a2"}));
        QVERIFY((contents(opened.store->beginning(conversation, is("a1"))) == Words{"q1", "a1"}));
        QVERIFY((contents(opened.store->beginning(conversation, is("q2"))) ==
                 Words{"q1", "a1", "q2 edited", "a3"}));
        QVERIFY(opened.store->beginning(conversation + 1, is("q1")).empty());
        QCOMPARE(opened.store->depth(q1), 0);
        QCOMPARE(opened.store->depth(q1_edited), 0);
        QCOMPARE(opened.store->depth(a2_again), 3);
        QCOMPARE(opened.store->depth(a3 + 100), 0);
        QVERIFY(opened.store->branch(conversation + 1).empty());
    }

    void a_long_conversation_is_no_deep_recursion()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        { // one transaction, because 3,000 syncs take their time
            Connection database(opened.database(), Connection::Mode::read_write);
            database.execute(R"sql(
                BEGIN;
                WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
                INSERT INTO messages
                    (id, conversation, parent, ordinal, chosen, role, status, created_at, content)
                SELECT i, 1, nullif(i - 1, 0), 0, 1, 'user', 'complete', i, 'turn ' || i FROM n;
                UPDATE conversations SET leaf = 3000;
                INSERT INTO message_trigrams (message_trigrams) VALUES ('rebuild');
                INSERT INTO message_bigrams (message_bigrams) VALUES ('rebuild');
                COMMIT;
            )sql");
        }
        QCOMPARE(conversation, 1);
        QCOMPARE(store.branch(conversation).size(), std::size_t(3000));
        QVERIFY((contents(store.branch(conversation, 2)) == Words{"turn 2999", "turn 3000"}));
        const Id other = store.add_sibling(1, "another beginning");
        QCOMPARE(store.choose_branch(2), 3000);
        QCOMPARE(store.choose_branch(other), other);
        store.delete_for_ever(conversation);
        QVERIFY(store.search("turn", 10).empty());
    }

    void a_long_branch_is_known_by_its_heads()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        QVERIFY(store.branch_heads(1).empty());
        const Id conversation = store.create_conversation();
        QVERIFY(store.branch_heads(conversation).empty());
        const Id other = store.create_conversation();
        store.append_message(conversation, Role::system, "Be brief");
        const Id q1 = store.append_message(conversation, Role::user, "北京的天气"); // five characters
        const Id a1 = add_answer(store, q1, "");
        add_answer(store, q1, "other");
        store.add_sibling(q1, "not chosen");
        store.append_message(other, Role::user, "of another conversation");
        store.choose_branch(a1);
        const Id q2 = store.append_message(conversation, Role::user, "next");
        const Id a2 = store.begin_answer(q2, {});
        store.update_answer(a2, "half", {});

        const std::vector<MessageHead> heads = store.branch_heads(conversation);
        const std::vector<Message> branch = store.branch(conversation);
        QCOMPARE(heads.size(), branch.size());
        std::vector<Id> ids;
        for (std::size_t i = 0; i < heads.size(); ++i) {
            QCOMPARE(heads[i].id, branch[i].id);
            QCOMPARE(heads[i].ordinal, branch[i].ordinal);
            QCOMPARE(heads[i].sibling_count, branch[i].sibling_count);
            QCOMPARE(heads[i].role, branch[i].role);
            QCOMPARE(heads[i].status, branch[i].status);
            ids.push_back(heads[i].id);
        }
        QCOMPARE(heads[1].length, 5);
        QCOMPARE(heads[1].sibling_count, 2);
        QCOMPARE(heads[2].sibling_count, 2);
        QCOMPARE(heads[4].length, 4);
        QCOMPARE(heads[4].status, Status::streaming);

        // Pages from the end upwards, and any messages by their ids.
        QVERIFY((contents(store.branch(conversation, 2)) == Words{"next", "half"}));
        QVERIFY((contents(store.path(*store.branch(conversation, 2).front().parent, 2)) ==
                 Words{"北京的天气", ""}));
        QVERIFY(contents(store.messages(ids)) == contents(branch));
        QVERIFY((contents(store.messages({a2, a2 + 100, q1})) == Words{"half", "北京的天气"}));
    }

    void find_in_branch_finds_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QList<int>>("counts"); // in each message of the branch
        const auto row = [](const char* text, QList<int> counts) {
            QTest::newRow(text) << QString::fromUtf8(text) << counts;
        };
        row("weather", {2, 0, 0, 1});
        row("WEATHER", {2, 0, 0, 1});
        row("e weat", {2, 0, 0, 0}); // blanks are part of it
        row("天", {0, 2, 0, 0});
        row("天气", {0, 1, 0, 0});
        row("北京的天", {0, 1, 0, 0});
        row("ÄRGER", {0, 0, 1, 0});
        row("aa", {0, 0, 2, 0}); // without overlaps
        row("\"", {0, 0, 1, 0});
        row("* OR", {0, 0, 1, 0});
        row("a ", {0, 0, 1, 0});
        row(" ", {4, 0, 5, 1});
        row("  ", {0, 0, 1, 0});
        row("stream", {0, 0, 0, 1});
        row("nowhere", {0, 0, 0, 0});
        row("chosen", {0, 0, 0, 0}); // of another branch
        row("", {0, 0, 0, 0});
    }

    void find_in_branch_finds()
    {
        QFETCH(QString, text);
        QFETCH(QList<int>, counts);
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation("the weather");
        const Id first = store.append_message(conversation, Role::user, "The weather is the WEATHER");
        store.append_message(conversation, Role::user, "北京的天气和天");
        store.append_message(store.create_conversation(), Role::user, "weather elsewhere");
        const Id third = store.append_message(conversation, Role::user, "\" ärger* OR  aaaaa b");
        const Id answer = store.begin_answer(third, {});
        store.update_answer(answer, "streaming weather", {});
        store.add_sibling(first, "a weather that is not chosen");
        store.choose_branch(first);
        const std::vector<MessageHead> heads = store.branch_heads(conversation);
        QCOMPARE(heads.size(), std::size_t(4));
        QList<int> found;
        const std::vector<MessageMatch> matches = store.find_in_branch(conversation, text.toStdString());
        auto match = matches.begin();
        for (const MessageHead& head : heads)
            found.append(match != matches.end() && match->message == head.id ? (match++)->count : 0);
        QVERIFY(match == matches.end());
        QCOMPARE(found, counts);
    }

    void an_edited_answer_is_no_model_s()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id question = store.append_message(store.create_conversation(), Role::user, "?");
        const Id given = store.begin_answer(question, {"Starter", {}, {}, "{}", 1});
        AnswerResult result = answer("generated");
        result.token_ids = {1, 2, 3};
        result.generated_tokens = 3;
        store.finish_answer(given, result);
        const Id edited = store.add_sibling(given, "better");
        const std::optional<Message> message = store.message(edited);
        QCOMPARE(message->role, Role::assistant);
        QCOMPARE(message->status, Status::complete);
        QCOMPARE(message->ordinal, 1);
        QVERIFY(!message->origin);
        QCOMPARE(message->generated_tokens, 0);
        QVERIFY(store.token_ids(edited).empty());
        QCOMPARE(store.message(given)->content, std::string("generated"));
        QVERIFY(store.message(given)->origin);
        QVERIFY(store.conversation(message->conversation)->leaf == edited);
    }

    void a_fork_is_a_conversation_of_its_own()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id source = store.create_conversation("Wine", R"({"system":"Be brief."})");
        store.set_folder(source, "Cellar");
        store.set_tags(source, {"red", "white"});
        store.set_draft(source, "half a thought");
        const Id q1 = store.append_message(source, Role::user, "q1");
        add_answer(store, q1, "not on the way");
        const Id a1 = store.begin_answer(q1, {"Starter", "hash", "0.1", R"({"temperature":1})", 42});
        AnswerResult result = answer("a1");
        result.token_ids = {7, 8};
        result.prompt_tokens = 5;
        store.finish_answer(a1, result);
        const Id q2 = store.append_message(source, Role::user, "q2");
        const Id a2 = store.begin_answer(q2, {});
        store.update_answer(a2, "being written", {});
        store.append_message(source, Role::user, "after it");
        const std::vector<Message> before = store.branch(source);

        const Id id = store.fork(a2, "Wine (fork)");
        const Conversation forked = *store.conversation(id);
        QCOMPARE(forked.title, std::string("Wine (fork)"));
        QCOMPARE(forked.settings, std::string(R"({"system":"Be brief."})"));
        QCOMPARE(forked.folder, std::string("Cellar"));
        QVERIFY((forked.tags == Words{"red", "white"}));
        QCOMPARE(forked.draft, std::string());
        QCOMPARE(forked.preview, std::string("being written"));
        QVERIFY(forked.uuid != store.conversation(source)->uuid);
        const std::vector<Message> copies = store.branch(id);
        QVERIFY((contents(copies) == Words{"q1", "a1", "q2", "being written"}));
        QCOMPARE(copies[1].sibling_count, 1);
        QCOMPARE(copies[1].ordinal, 0);
        QCOMPARE(copies[1].created_at, before[1].created_at);
        QCOMPARE(copies[1].origin->seed, 42);
        QCOMPARE(copies[1].prompt_tokens, 5);
        QVERIFY((store.token_ids(copies[1].id) == std::vector<std::int32_t>{7, 8}));
        QCOMPARE(copies[3].status, Status::interrupted);
        QCOMPARE(store.message(a2)->status, Status::streaming); // the original goes on
        store.finish_answer(a2, answer("written"));
        QCOMPARE(store.branch(source).size(), before.size());
        QCOMPARE(store.search("q2", 10).size(), std::size_t(2));
        store.delete_for_ever(source);
        QVERIFY((contents(store.branch(id)) == Words{"q1", "a1", "q2", "being written"}));
        QCOMPARE(error_of([&] { store.fork(q1, "gone"); })->kind(), Error::Kind::constraint);
    }

    void many_change_together_or_not_at_all()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id a = store.create_conversation("a");
        const Id b = store.create_conversation("b");
        const Id c = store.create_conversation("c");
        store.set_folder({a, b}, "Work/Letters");
        store.set_folder(c, "Workshop");
        store.set_tags({a, b}, {"x", "y"});
        store.add_tag({b, c}, "z");
        store.add_tag({b, c}, "z"); // once is enough
        store.remove_tag({a, c}, "x");
        store.set_pinned({a, b}, true);
        store.set_unread({a}, true);
        QVERIFY((store.conversation(a)->tags == Words{"y"}));
        QVERIFY((store.conversation(b)->tags == Words{"x", "y", "z"}));
        QVERIFY((store.conversation(c)->tags == Words{"z"}));
        QVERIFY(store.conversation(b)->pinned && store.conversation(a)->unread);

        const auto named = [](const std::vector<NameCount>& names) {
            Words all;
            for (const NameCount& name : names)
                all.push_back(name.name + " " + std::to_string(name.count));
            return all;
        };
        QVERIFY((named(store.folders()) == Words{"Work/Letters 2", "Workshop 1"}));
        QVERIFY((named(store.tags()) == Words{"x 1", "y 2", "z 2"}));
        store.set_archived({a, b}, true);
        QVERIFY((named(store.folders()) == Words{"Workshop 1"}));
        QVERIFY((named(store.folders(Scope::archived)) == Words{"Work/Letters 2"}));

        store.set_folder(a, "Work");
        QCOMPARE(store.rename_folder("Work", "Büro/Alt"), 2); // but not Workshop
        QVERIFY((named(store.folders(Scope::archived)) == Words{"Büro/Alt 1", "Büro/Alt/Letters 1"}));
        QCOMPARE(store.rename_folder("Büro/Alt", ""), 2);
        QCOMPARE(store.conversation(a)->folder, std::string());
        QCOMPARE(store.conversation(b)->folder, std::string("Letters"));
        QCOMPARE(store.rename_folder("Nowhere", "x"), 0);
        QVERIFY(error_of([&] { store.rename_folder("", "x"); }));

        store.move_to_trash({a, b});
        QCOMPARE(store.count_conversations().trash, 2);
        store.restore({a, b});
        QCOMPARE(store.count_conversations().trash, 0);
        using Ids = std::vector<Id>;
        for (const std::function<void(const Ids&)>& change : std::vector<std::function<void(const Ids&)>>{
                 [&](const Ids& ids) { store.set_folder(ids, "lost"); },
                 [&](const Ids& ids) { store.set_tags(ids, {"lost"}); },
                 [&](const Ids& ids) { store.add_tag(ids, "lost"); },
                 [&](const Ids& ids) { store.remove_tag(ids, "z"); },
                 [&](const Ids& ids) { store.set_pinned(ids, true); },
                 [&](const Ids& ids) { store.set_archived(ids, true); },
                 [&](const Ids& ids) { store.move_to_trash(ids); },
                 [&](const Ids& ids) { store.delete_for_ever(ids); }}) {
            const auto error = error_of([&] { change({c, c + 100}); });
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::constraint);
            const Conversation same = *store.conversation(c);
            QCOMPARE(same.folder, std::string("Workshop"));
            QVERIFY((same.tags == Words{"z"}));
            QVERIFY(!same.pinned && !same.archived && !same.deleted_at);
        }
        store.delete_for_ever({a, c});
        QVERIFY(!store.conversation(a) && store.conversation(b) && !store.conversation(c));
    }

    void presets_keep_their_order()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        QVERIFY(store.presets().empty());
        const Id first = store.add_preset("Translator", R"({"system":"Translate."})");
        const Id second = store.add_preset("Poet", "{}");
        const Id third = store.add_preset("", "{}");
        const auto names = [&] {
            Words all;
            for (const Preset& preset : opened.store->presets())
                all.push_back(preset.name);
            return all;
        };
        QVERIFY((names() == Words{"Translator", "Poet", ""}));
        QCOMPARE(store.presets()[0].settings, std::string(R"({"system":"Translate."})"));
        store.order_presets({third, first});
        QVERIFY((names() == Words{"", "Translator", "Poet"}));
        store.change_preset(second, "Bard", R"({"temperature":1.2})");
        store.change_preset(second, "Bard", R"({"temperature":1.3})"); // its own name is free
        opened.restart();
        QVERIFY((names() == Words{"", "Translator", "Bard"}));
        ChatStore& again = *opened.store;
        QCOMPARE(again.presets()[2].settings, std::string(R"({"temperature":1.3})"));
        for (const auto& error : {error_of([&] { again.add_preset("Bard", "{}"); }),
                                  error_of([&] { again.change_preset(first, "Bard", "{}"); }),
                                  error_of([&] { again.add_preset("x", "[]"); }),
                                  error_of([&] { again.change_preset(first, "x", "no"); }),
                                  error_of([&] { again.change_preset(99, "x", "{}"); }), error_of([&] {
                                      again.order_presets({first, 99});
                                  }),
                                  error_of([&] { again.delete_preset(99); })}) {
            QVERIFY(error);
            QCOMPARE(error->kind(), Error::Kind::constraint);
        }
        again.delete_preset(first);
        QVERIFY((names() == Words{"", "Bard"}));
    }

    void the_trash_gives_back_until_it_is_emptied()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id kept = store.create_conversation("kept");
        const Id gone = store.create_conversation("gone");
        store.set_tags(gone, {"tag"});
        const Id question = store.append_message(gone, Role::user, "a vanishing question");
        add_answer(store, question, "a vanishing answer");
        store.add_sibling(question, "another vanishing question");

        store.move_to_trash(gone);
        QVERIFY(store.search("vanishing", 10).empty());
        QCOMPARE(store.search("vanishing", 10, SearchIn::everything).size(), std::size_t(3));
        QVERIFY(store.search("gone", 10).empty());
        QCOMPARE(store.search("gone", 10, SearchIn::everything).size(), std::size_t(1));
        const Time deleted_at = store.conversation(gone)->deleted_at.value_or(0);
        QVERIFY(deleted_at > 0);
        QTest::qSleep(2);
        store.move_to_trash(gone); // a second time does not prolong it
        QVERIFY(store.conversation(gone)->deleted_at == deleted_at);

        store.restore(gone);
        QCOMPARE(store.search("vanishing", 10).size(), std::size_t(3));
        QCOMPARE(store.list_conversations(Scope::active).size(), std::size_t(2));
        QCOMPARE(store.empty_trash(now() + 1), 0);

        store.move_to_trash(gone);
        QCOMPARE(store.empty_trash(now() - trash_keeps), 0);
        QVERIFY(store.conversation(gone));
        QCOMPARE(store.empty_trash(now() + 1), 1);
        QVERIFY(!store.conversation(gone));
        QVERIFY(!store.message(question));
        QVERIFY(store.search("vanishing", 10, SearchIn::everything).empty());
        QVERIFY(store.conversation(kept));
        QVERIFY(store.create_conversation() > gone); // an id is never used twice
    }

    void what_is_deleted_for_ever_leaves_the_files()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const std::string secret = "Zyxwvutsecretword";
        const Id gone = store.create_conversation(secret);
        store.append_message(gone, Role::user, "My password is " + secret);
        const Id kept = store.create_conversation("other");
        store.append_message(kept, Role::user, "harmless text, but enough of it to fill an index");
        store.delete_for_ever(gone);
        for (int rounds = 0; store.idle(); ++rounds)
            QVERIFY(rounds < 100);
        for (const fs::directory_entry& entry : fs::directory_iterator(opened.path())) {
            const std::string bytes = bytes_of(entry.path());
            QVERIFY2(bytes.find(secret) == std::string::npos, entry.path().c_str());
            QVERIFY2(bytes.find("zyx") == std::string::npos, entry.path().c_str()); // a trigram of it
        }
        QCOMPARE(store.search("harmless", 10).size(), std::size_t(1));
    }

    void a_crash_leaves_interrupted_answers()
    {
        Opened opened;
        const Id conversation = opened.store->create_conversation();
        const Id question = opened.store->append_message(conversation, Role::user, "Tell me a story");
        const Id story = opened.store->begin_answer(question, {});
        opened.store->update_answer(story, "Once upon a time", {5, 6});
        QVERIFY(opened.store->search("upon", 10).empty());
        const Id silent = opened.store->begin_answer(question, {});
        opened.restart(); // a kill leaves the same rows; test_kill kills

        QCOMPARE(opened.store->message(story)->status, Status::interrupted);
        QCOMPARE(opened.store->message(story)->content, std::string("Once upon a time"));
        QVERIFY((opened.store->token_ids(story) == std::vector<std::int32_t>{5, 6}));
        QCOMPARE(opened.store->message(silent)->status, Status::interrupted);
        QCOMPARE(opened.store->message(question)->status, Status::complete);
        QCOMPARE(opened.store->search("upon", 10).size(), std::size_t(1));
    }

    void what_does_not_exist_is_an_error()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const std::vector<std::function<void()>> calls{
            [&] { store.rename(9, "x"); },
            [&] { store.set_pinned(9, true); },
            [&] { store.set_archived(9, true); },
            [&] { store.set_unread(9, true); },
            [&] { store.set_folder(9, "x"); },
            [&] { store.set_tags(9, {}); },
            [&] { store.set_draft(9, "x"); },
            [&] { store.set_settings(9, "{}"); },
            [&] { store.move_to_trash(9); },
            [&] { store.restore(9); },
            [&] { store.delete_for_ever(9); },
            [&] { store.append_message(9, Role::user, "x"); },
            [&] { store.add_sibling(9, "x"); },
            [&] { store.begin_answer(9, {}); },
            [&] { store.update_answer(9, "x", {}); },
            [&] { store.finish_answer(9, {}); },
            [&] { store.continue_answer(9); },
            [&] { store.choose_branch(9); },
        };
        for (std::size_t i = 0; i < calls.size(); ++i) {
            const auto error = error_of(calls[i]);
            QVERIFY2(error && error->kind() == Error::Kind::constraint, std::to_string(i).c_str());
        }
        const Id id = store.create_conversation();
        for (const char* settings : {"", "no JSON", "[]", "{} {}", "null"})
            QVERIFY2(error_of([&] { store.set_settings(id, settings); }), settings);
        QCOMPARE(store.conversation(id)->settings, std::string("{}"));
    }

    void search_finds_data()
    {
        QTest::addColumn<QString>("query");
        QTest::addColumn<QString>("found"); // the marked words of the only hit; empty: no hit
        QTest::newRow("word") << "weather"
                              << "weather";
        QTest::newRow("part of a word") << "eathe"
                                        << "eathe";
        QTest::newRow("other letter case") << "WEATHER"
                                           << "weather";
        QTest::newRow("two words in any order") << "nice weather"
                                                << "weather|nice";
        QTest::newRow("two words, one missing") << "weather awful"
                                                << "";
        QTest::newRow("long and short") << "weather is"
                                        << "weather|is";
        QTest::newRow("long and short, short missing") << "weather zq"
                                                       << "";
        QTest::newRow("two Chinese characters") << "北京"
                                                << "北京";
        QTest::newRow("at the end of the text") << "天气"
                                                << "天气";
        QTest::newRow("one Chinese character") << "京"
                                               << "京";
        QTest::newRow("the last character") << "气"
                                            << "气";
        QTest::newRow("two short words") << "北京 天气"
                                         << "北京|天气";
        QTest::newRow("three Chinese characters") << "京的天"
                                                  << "京的天";
        QTest::newRow("characters that stand elsewhere") << "京北"
                                                         << "";
        QTest::newRow("emoji") << "😀"
                               << "😀";
        QTest::newRow("two Latin letters") << "c+"
                                           << "C+";
        QTest::newRow("three with signs") << "c++"
                                          << "C++";
        QTest::newRow("umlaut in other case") << "ÄRGER"
                                              << "ärger";
        QTest::newRow("Cyrillic") << "ПОГОДА"
                                  << "погода";
        QTest::newRow("two Cyrillic letters") << "ПО"
                                              << "по";
        QTest::newRow("nothing") << ""
                                 << "";
        QTest::newRow("blanks") << " \t\n\u3000"
                                << "";
        QTest::newRow("absent") << "snow"
                                << "";
        QTest::newRow("absent short") << "雪"
                                      << "";
    }

    void search_finds()
    {
        QFETCH(QString, query);
        QFETCH(QString, found);
        const std::vector<SearchHit> hits = m_library->store->search(query.toStdString(), 10);
        QCOMPARE(hits.size(), std::size_t(found.isEmpty() ? 0 : 1));
        if (found.isEmpty())
            return;
        QVERIFY(hits[0].message.has_value());
        QCOMPARE(hits[0].conversation, m_library->store->message(*hits[0].message)->conversation);
        QCOMPARE(hits[0].title, std::string("Untitled"));
        QStringList words;
        for (const std::string& word : marked(hits[0]))
            words << QString::fromStdString(word);
        for (const QString& word : found.split('|'))
            QVERIFY2(words.contains(word), qPrintable(words.join('|')));
    }

    void search_treats_operators_as_text_data()
    {
        QTest::addColumn<QByteArray>("query");
        int row = 0;
        for (const QByteArray& query : {QByteArray("\""),
                                        QByteArray("\"\""),
                                        QByteArray("'"),
                                        QByteArray("*"),
                                        QByteArray("a*"),
                                        QByteArray("wea*"),
                                        QByteArray("-weather"),
                                        QByteArray("weather OR snow"),
                                        QByteArray("weather AND NOT nice"),
                                        QByteArray("NEAR(weather nice, 2)"),
                                        QByteArray("content:weather"),
                                        QByteArray("{content}: weather"),
                                        QByteArray("^weather"),
                                        QByteArray("(weather"),
                                        QByteArray("weather)"),
                                        QByteArray("weather + nice"),
                                        QByteArray("'; DROP TABLE messages; --"),
                                        QByteArray("%"),
                                        QByteArray("_____"),
                                        QByteArray("?1"),
                                        QByteArray(":x"),
                                        QByteArray("a\0b", 3),
                                        QByteArray("weather\0\" OR", 12),
                                        QByteArray("\xFF\xFE"),
                                        QByteArray("\xC3"),
                                        QByteArray("wea\xFFther"),
                                        QByteArray("\"weather\" \"nice"),
                                        QByteArray("\\"),
                                        QByteArray("[a-z]"),
                                        QByteArray(100000, 'x'),
                                        QByteArray("word ").repeated(10000),
                                        QByteArray("\" ").repeated(1000)})
            QTest::addRow("%d", row++) << query;
    }

    void search_treats_operators_as_text()
    {
        QFETCH(QByteArray, query);
        ChatStore& store = *m_library->store;
        store.search(query.toStdString(), no_limit); // throws nothing

        // Short enough, the same text is found as it stands in a message that holds it.
        const std::string text = query.left(60).toStdString();
        if (text.find('\0') != std::string::npos ||
            QString::fromUtf8(query).contains(QChar::ReplacementCharacter))
            return;
        const Id conversation = store.create_conversation();
        const Id id = store.append_message(conversation, Role::user, "before " + text + " after");
        const std::vector<SearchHit> hits = store.search(text, 10);
        QVERIFY(
            std::any_of(hits.begin(), hits.end(), [&](const SearchHit& hit) { return hit.message == id; }));
        store.delete_for_ever(conversation);
    }

    void search_is_narrowed_by_filters_data()
    {
        QTest::addColumn<QString>("query");
        QTest::addColumn<QString>("found"); // letters of the conversations, in order
        QTest::newRow("no filter") << "lamp"
                                   << "CBA";
        QTest::newRow("tag") << "lamp tag:home"
                             << "BA";
        QTest::newRow("tag, other case") << "TAG:Home lamp"
                                         << "BA";
        QTest::newRow("two tags") << "tag:home tag:\"to do\" lamp"
                                  << "A";
        QTest::newRow("unknown tag") << "lamp tag:nothing"
                                     << "";
        QTest::newRow("folder") << "folder:Work lamp"
                                << "CA";
        QTest::newRow("folder in a folder") << "lamp folder:work/letters"
                                            << "C";
        QTest::newRow("part of a folder's name") << "lamp folder:wor"
                                                 << "";
        QTest::newRow("model") << "lamp model:lite"
                               << "B";
        QTest::newRow("before") << "lamp before:2001"
                                << "";
        QTest::newRow("after") << "lamp after:2001-02-03"
                               << "CBA";
        QTest::newRow("filters alone") << "tag:home"
                                       << "BA";
        QTest::newRow("filters alone, two") << "tag:home folder:work"
                                            << "A";
        QTest::newRow("no date") << "before:breakfast"
                                 << "D";
        QTest::newRow("no name") << "tag:"
                                 << "D";
        QTest::newRow("quotes in quotes") << "lamp tag:\"the \\\"big\\\" one \\\\ two\""
                                          << "A";
        QTest::newRow("quotes that do not end") << "lamp tag:\"home"
                                                << "";
        QTest::newRow("hostile") << "lamp tag:\"x','y\"]\""
                                 << "";
    }

    void search_is_narrowed_by_filters()
    {
        QFETCH(QString, query);
        QFETCH(QString, found);
        Opened opened;
        ChatStore& store = *opened.store;
        std::map<Id, char> letters;
        const auto add = [&](char letter, std::string_view folder, std::vector<std::string> tags,
                             std::string_view text) {
            const Id id = store.create_conversation();
            store.set_folder(id, folder);
            store.set_tags(id, std::move(tags));
            store.append_message(id, Role::user, text);
            letters[id] = letter;
            return id;
        };
        add('D', "Other", {}, "before:breakfast and tag: are words");
        add('A', "Work", {"home", "to do", "the \"big\" one \\ two"}, "the lamp");
        const Id b = add('B', "", {"home"}, "a lamp");
        AnswerOrigin origin;
        origin.model_name = "DeepSeek-V2-Lite";
        AnswerResult result;
        result.text = "what of it?";
        store.finish_answer(store.begin_answer(*store.conversation(b)->leaf, origin), result);
        add('C', "Work/Letters", {}, "lamp!");
        QString letter;
        for (const SearchHit& hit : store.search(query.toStdString(), 10))
            letter += QLatin1Char(letters.at(hit.conversation));
        QCOMPARE(letter, found);
    }

    void search_lists_titles_then_the_newest_messages()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id first = store.create_conversation("A walk in 北京");
        const Id second = store.create_conversation("Other");
        const Id old_message = store.append_message(second, Role::user, "we walk");
        const Id new_message = store.append_message(first, Role::user, "they walk");
        const std::vector<SearchHit> hits = store.search("walk", 10);
        QCOMPARE(hits.size(), std::size_t(3));
        QVERIFY(!hits[0].message && hits[0].conversation == first);
        QCOMPARE(hits[0].snippet, std::string("A walk in 北京"));
        QVERIFY((marked(hits[0]) == Words{"walk"}));
        QVERIFY(hits[1].message == new_message);
        QVERIFY(hits[2].message == old_message);
        QCOMPARE(store.search("walk", 2).size(), std::size_t(2));
        QCOMPARE(store.search("walk", 0).size(), std::size_t(0));
        QCOMPARE(store.search("walk", no_limit).size(), std::size_t(3));
        QCOMPARE(store.search("北京", 10).size(), std::size_t(1));
        QCOMPARE(store.search("walk 京", 10).size(), std::size_t(1));
        store.rename(first, "Nothing");
        QVERIFY(store.search("北京", 10).empty());
        QCOMPARE(store.search("nothing", 10).size(), std::size_t(1));
        QCOMPARE(store.search("th", 10).size(), std::size_t(3)); // noTHing, oTHer, THey
    }

    void a_snippet_is_one_line_around_the_match()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        std::string text;
        for (int i = 0; i < 2000; ++i)
            text += i == 1000 ? "\n\nthe 针 needle\tis here\n" : "é hay ";
        store.append_message(conversation, Role::user, text);
        const std::vector<SearchHit> hits = store.search("Needle", 10);
        QCOMPARE(hits.size(), std::size_t(1));
        QVERIFY((marked(hits[0]) == Words{"needle"}));
        const QString snippet = QString::fromStdString(hits[0].snippet);
        QVERIFY2(snippet.contains(QStringLiteral("the 针 needle is here é")), qPrintable(snippet));
        QVERIFY(snippet.startsWith(QChar(u'…')) && snippet.endsWith(QChar(u'…')));
        QVERIFY(snippet.size() <= 162);
        QVERIFY(!snippet.contains(QChar::ReplacementCharacter));
    }

    void an_answer_is_found_in_its_latest_form()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id question = store.append_message(store.create_conversation(), Role::user, "?");
        const Id id = add_answer(store, question, "first version");
        QCOMPARE(store.search("version", 10).size(), std::size_t(1));
        store.continue_answer(id);
        QVERIFY(store.search("version", 10).empty());
        store.finish_answer(id, answer("second form"));
        QVERIFY(store.search("version", 10).empty());
        QCOMPARE(store.search("form", 10).size(), std::size_t(1));
        Connection database(opened.database(), Connection::Mode::read_write);
        for (const char* sql :
             {"INSERT INTO message_trigrams (message_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO message_bigrams (message_bigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_trigrams (title_trigrams, rank) VALUES ('integrity-check', 1)",
              "INSERT INTO title_bigrams (title_bigrams, rank) VALUES ('integrity-check', 1)"})
            QVERIFY(!error_of([&] { database.run(sql); }));
    }

    void a_reader_sees_what_is_committed_and_writes_nothing()
    {
        Opened opened;
        ChatReader reader(opened.path());
        const Id id = opened.store->create_conversation("seen at once");
        QCOMPARE(titles(reader.list_conversations(Scope::active)).size(), std::size_t(1));
        QCOMPARE(reader.search("once", 10).size(), std::size_t(1));
        opened.store->delete_for_ever(id);
        QVERIFY(!reader.conversation(id));

        Connection database(opened.database(), Connection::Mode::read_only);
        const auto error = error_of([&] { database.run("DELETE FROM conversations"); });
        QVERIFY(error);
        QCOMPARE(error->kind(), Error::Kind::read_only);
        Profile missing;
        QVERIFY(error_of([&] { ChatReader none(missing.path()); }));
        QVERIFY(!fs::exists(missing.path()));
    }

    void a_search_runs_beside_the_writer_and_can_be_ended()
    {
        Opened opened;
        ChatStore& store = *opened.store;
        const Id conversation = store.create_conversation();
        for (int i = 0; i < 50; ++i)
            store.append_message(conversation, Role::user, "common text number " + std::to_string(i));
        ChatReader reader(opened.path());
        std::atomic<bool> stop = false;
        std::atomic<int> searches = 0;
        std::string wrong;
        std::thread thread([&] {
            while (!stop) {
                try {
                    reader.search("common", no_limit);
                } catch (const Error& error) {
                    if (error.kind() != Error::Kind::cancelled) {
                        wrong = error.what();
                        stop = true;
                    }
                }
                ++searches;
            }
        });
        for (int i = 0; (i < 50 || searches < 5) && !stop; ++i) {
            store.append_message(conversation, Role::user, "more common text");
            reader.interrupt();
        }
        stop = true;
        thread.join();
        QVERIFY2(wrong.empty(), wrong.c_str());
        QVERIFY(searches > 0);
        QVERIFY(store.branch(conversation).size() >= 100);
    }

    void closing_leaves_one_file()
    {
        Opened opened;
        opened.store->create_conversation("x");
        QVERIFY(fs::exists(opened.database().string() + "-wal"));
        QVERIFY(!opened.store->idle());
        QCOMPARE(fs::file_size(opened.database().string() + "-wal"), std::uintmax_t(0));
        opened.close();
        QVERIFY(!fs::exists(opened.database().string() + "-wal"));
        opened.open();
        opened.store->reopen();
        QCOMPARE(opened.store->list_conversations(Scope::active).size(), std::size_t(1));
    }
};

QTEST_APPLESS_MAIN(TestChatStore)
#include "test_chat_store.moc"
