// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat_store.h"
#include "tests/storage/profile.h"

#include <optional>
#include <string>
#include <vector>

using Words = std::vector<std::string>;

// A profile with its store open.
struct Opened : Profile
{
    std::optional<storage::ProfileLock> lock;
    std::optional<storage::ChatStore> store;

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

inline Words contents(const std::vector<storage::Message>& messages)
{
    Words all;
    for (const storage::Message& message : messages)
        all.push_back(message.content);
    return all;
}

inline Words titles(const std::vector<storage::Conversation>& conversations)
{
    Words all;
    for (const storage::Conversation& conversation : conversations)
        all.push_back(conversation.title);
    return all;
}

inline storage::AnswerResult answer(const std::string& text)
{
    storage::AnswerResult result;
    result.text = text;
    return result;
}

inline storage::Id add_answer(storage::ChatStore& store, storage::Id question, const std::string& text)
{
    const storage::Id id = store.begin_answer(question, {});
    store.finish_answer(id, answer(text));
    return id;
}
