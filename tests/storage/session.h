// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"
#include "tests/storage/profile.h"

#include <map>
#include <set>
#include <string>
#include <vector>

// What was acknowledged.
struct Acknowledged
{
    std::map<storage::Id, std::string> titles;
    std::map<storage::Id, std::string> folders;
    std::map<storage::Id, std::string> texts;
    std::set<storage::Id> deleted;

    void verify(storage::ChatReader& reader) const
    {
        for (const auto& [id, title] : titles) {
            const std::optional<storage::Conversation> conversation = reader.conversation(id);
            QVERIFY(conversation);
            QVERIFY(conversation->title == title);
        }
        for (const auto& [id, folder] : folders)
            QVERIFY(reader.conversation(id)->folder == folder);
        for (const auto& [id, text] : texts) {
            const std::optional<storage::Message> message = reader.message(id);
            QVERIFY(message);
            QVERIFY(message->content == text);
        }
        for (const storage::Id id : deleted)
            QVERIFY(!reader.conversation(id));
    }
};

// Does everything once, and notes what was done and what failed how.
inline std::vector<storage::Error> use_everything(storage::ChatStore& store, Acknowledged& done, int round)
{
    std::vector<storage::Error> errors;
    const auto attempt = [&](const std::function<void()>& action) {
        if (const auto error = error_of(action))
            errors.push_back(*error);
    };
    using namespace storage;
    const std::string big(20000, static_cast<char>('a' + round % 26)); // several pages
    Id conversation = 0;
    Id question = 0;
    Id answer = 0;
    attempt([&] {
        conversation = store.create_conversation("first");
        done.titles[conversation] = "first";
    });
    attempt([&] {
        question = store.append_message(conversation, Role::user, big);
        done.texts[question] = big;
    });
    attempt([&] {
        answer = store.begin_answer(question, {});
        done.texts[answer] = "";
    });
    attempt([&] {
        store.update_answer(answer, big, {1, 2, 3});
        done.texts[answer] = big;
    });
    attempt([&] {
        AnswerResult result;
        result.text = big + " end";
        store.finish_answer(answer, result);
        done.texts[answer] = result.text;
    });
    attempt([&] {
        store.rename(conversation, "renamed");
        done.titles[conversation] = "renamed";
    });
    attempt([&] {
        const Id gone = store.create_conversation("to be deleted");
        store.append_message(gone, Role::user, big);
        store.delete_for_ever(gone);
        done.deleted.insert(gone);
    });
    attempt([&] {
        const Id fork = store.fork(answer, "fork");
        done.titles[fork] = "fork";
        done.texts[*store.conversation(fork)->leaf] = store.message(answer)->content;
    });
    attempt([&] {
        store.set_folder({conversation}, "Folder");
        store.set_tags(conversation, {"tag"});
        done.folders[conversation] = "Folder";
    });
    attempt([&] {
        while (store.idle()) {
        }
    });
    return errors;
}
