// SPDX-License-Identifier: MIT
#include "storage/branch_export.h"

#include <ctime>
#include <fmt/format.h>
#include <optional>
#include <utility>

namespace storage {

std::string minute(Time time)
{
    const std::time_t seconds = time / 1000;
    std::tm parts{};
    localtime_r(&seconds, &parts);
    char text[32];
    std::strftime(text, sizeof text, "%Y-%m-%d %H:%M", &parts);
    return text;
}

const std::string& author(const Message& message, const ExportWords& words)
{
    switch (message.role) {
    case Role::user:
        return words.person;
    case Role::system:
        return words.system;
    case Role::tool:
        return words.tool;
    case Role::assistant:
        break;
    }
    return message.origin && !message.origin->model_name.empty() ? message.origin->model_name : words.model;
}

std::string notice(const Message& message, const ExportWords& words)
{
    switch (message.status) {
    case Status::stopped:
        return words.stopped;
    case Status::failed:
        return message.error.empty() ? words.failed : words.failed + ": " + message.error;
    case Status::streaming:
    case Status::interrupted:
        return words.interrupted;
    case Status::complete:
        break;
    }
    return {};
}

Conversation existing(ChatReader& reader, Id id)
{
    std::optional<Conversation> conversation = reader.conversation(id);
    if (!conversation)
        throw Error(fmt::format("There is no conversation {} in the history", id), {},
                    Error::Kind::constraint);
    return std::move(*conversation);
}

} // namespace storage
