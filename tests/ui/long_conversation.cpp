// SPDX-License-Identifier: MIT
#include "tests/ui/long_conversation.h"

#include "storage/database.h"
#include "storage/search.h"

#include <fmt/format.h>

namespace sample {

std::string longText(int number)
{
    if (number % 2 == 0)
        return fmt::format("Question {}: what comes after it?", number);
    std::string text =
        fmt::format("Answer {}.\n\nAfter **{}** comes {}, and so on.", number, number, number + 1);
    for (int i = 0; i < number % 5; ++i)
        text +=
            fmt::format("\n\n- Point {} of {}, with a few more words so that it takes a line.", i, number);
    return text;
}

storage::Id fillLong(const storage::ProfileLock& lock, int messages)
{
    const storage::Id conversation =
        storage::ChatStore(lock).create_conversation(fmt::format("{} messages", messages));
    storage::Connection database(storage::database_file(lock.profile()),
                                 storage::Connection::Mode::read_write);
    storage::Transaction transaction(database);
    std::optional<storage::Id> parent;
    for (int i = 0; i < messages; ++i) {
        const char* sql = R"sql(
            INSERT INTO messages (conversation, parent, ordinal, chosen, role, status, created_at, content,
                                  model_name)
            VALUES (?1, ?2, 0, 1, ?3, 'complete', ?4, ?5, iif(?3 = 'assistant', 'Fathom Starter', NULL))
        )sql";
        database.run(sql, conversation, parent,
                     storage::name_of(i % 2 == 0 ? storage::Role::user : storage::Role::assistant),
                     storage::now(), longText(i));
        parent = database.last_insert_id();
        storage::index_message(database, *parent);
    }
    database.run("UPDATE conversations SET leaf = ?2 WHERE id = ?1", conversation, parent);
    transaction.commit();
    return conversation;
}

} // namespace sample
