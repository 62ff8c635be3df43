// SPDX-License-Identifier: MIT
#include "storage/branch_export.h"
#include "storage/new_file.h"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

namespace storage {
namespace {

std::string_view next_line(std::string_view& text)
{
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

// The fence that would close the code block that a text leaves open; empty where it leaves none.
std::string open_fence(std::string_view text)
{
    std::string fence;
    while (!text.empty()) {
        std::string_view line = next_line(text);
        const std::size_t indent = std::min(line.find_first_not_of(' '), line.size());
        line.remove_prefix(indent);
        if (indent > 3 || line.empty() || (line[0] != '`' && line[0] != '~'))
            continue;
        const std::size_t length = std::min(line.find_first_not_of(line[0]), line.size());
        const std::string_view behind = line.substr(length);
        if (fence.empty()) {
            if (length >= 3 && (line[0] == '~' || behind.find('`') == std::string_view::npos))
                fence = std::string(length, line[0]);
        } else if (line[0] == fence[0] && length >= fence.size() &&
                   behind.find_first_not_of(" \t\r") == std::string_view::npos) {
            fence.clear();
        }
    }
    return fence;
}

// A text of any characters on one line of Markdown, meaning itself.
std::string plain_markdown(std::string_view text)
{
    std::string markdown;
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            markdown += ' ';
            continue;
        }
        if (std::string_view("\\`*_[]<>#&~|$").find(c) != std::string_view::npos)
            markdown += '\\';
        markdown += c;
    }
    return markdown;
}

} // namespace

void export_markdown(ChatReader& reader, Id id, const std::filesystem::path& file, const ExportWords& words,
                     const Progress& progress)
{
    const Conversation conversation = existing(reader, id);
    NewFile out(file);
    Meter meter(progress, file.string());
    out.write(fmt::format("# {}\n", plain_markdown(conversation.title)));
    for_each_of_branch(reader, id, meter, [&](const Message& message) {
        out.write(fmt::format("\n---\n\n**{}** · {}\n\n", plain_markdown(author(message, words)),
                              minute(message.created_at)));
        out.write(message.content);
        if (!message.content.ends_with('\n'))
            out.write("\n");
        if (const std::string fence = open_fence(message.content); !fence.empty())
            out.write(fence + "\n");
        if (const std::string why = notice(message, words); !why.empty())
            out.write(fmt::format("\n*{}*\n", plain_markdown(why)));
    });
    out.finish();
}

} // namespace storage
