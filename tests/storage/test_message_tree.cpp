// SPDX-License-Identifier: MIT
#include "tests/storage/opened.h"

#include <vector>

using namespace storage;

class TestMessageTree : public QObject
{
    Q_OBJECT

private slots:
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
};

QTEST_APPLESS_MAIN(TestMessageTree)
#include "test_message_tree.moc"
