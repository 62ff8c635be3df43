// SPDX-License-Identifier: MIT
#include "tests/storage/opened.h"

#include <functional>
#include <vector>

using namespace storage;
namespace fs = std::filesystem;

class TestChatStore : public QObject
{
    Q_OBJECT

private slots:
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
