// SPDX-License-Identifier: MIT
#include "storage/chat.h"

#include "storage/error.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <fmt/format.h>

namespace storage {
namespace {

// In the order of the enums.
constexpr std::array<std::string_view, 4> roles{"system", "user", "assistant", "tool"};
constexpr std::array<std::string_view, 5> statuses{"complete", "streaming", "interrupted", "stopped",
                                                   "failed"};
constexpr std::array<std::string_view, 6> finish_reasons{"none",         "stop",      "length",
                                                         "context_full", "cancelled", "error"};

template <typename Enum, std::size_t Size>
Enum enum_of(const std::array<std::string_view, Size>& names, std::string_view name)
{
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end())
        throw Error(fmt::format("The history is damaged: it holds the unknown word \"{}\"", name), "history",
                    Error::Kind::corrupt);
    return static_cast<Enum>(found - names.begin());
}

} // namespace

Time now()
{
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::string_view name_of(Role role)
{
    return roles[static_cast<std::size_t>(role)];
}

std::string_view name_of(Status status)
{
    return statuses[static_cast<std::size_t>(status)];
}

std::string_view name_of(FinishReason reason)
{
    return finish_reasons[static_cast<std::size_t>(reason)];
}

Role role_of(std::string_view name)
{
    return enum_of<Role>(roles, name);
}

Status status_of(std::string_view name)
{
    return enum_of<Status>(statuses, name);
}

FinishReason finish_reason_of(std::string_view name)
{
    return enum_of<FinishReason>(finish_reasons, name);
}

} // namespace storage
