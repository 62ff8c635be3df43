// SPDX-License-Identifier: MIT
// What the forms for reading, Markdown and HTML, have in common.
#pragma once

#include "storage/chat_store.h"
#include "storage/exchange.h"
#include "storage/exchange_meter.h"

#include <string>

namespace storage {

std::string minute(Time time); // "2026-11-24 12:30" in this machine's time

const std::string& author(const Message& message, const ExportWords& words);

// Why a message ends before its end; empty where it does not.
std::string notice(const Message& message, const ExportWords& words);

// Throws Error{constraint} where there is none.
Conversation existing(ChatReader& reader, Id id);

// write(const Message&) for each message of the chosen branch, one in memory at a time.
template <typename Write>
void for_each_of_branch(ChatReader& reader, Id conversation, Meter& meter, Write write)
{
    for (const MessageHead& head : reader.branch_heads(conversation)) {
        if (const std::optional<Message> message = reader.message(head.id))
            write(*message);
        meter.add_message();
    }
}

} // namespace storage
