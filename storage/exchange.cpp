// SPDX-License-Identifier: MIT
#include "storage/exchange.h"

#include "storage/folding.h"

#include <fmt/format.h>

namespace storage {

std::filesystem::path export_file(const std::filesystem::path& folder, std::string_view title,
                                  std::string_view ending)
{
    constexpr std::size_t longest = 120; // bytes; a name may have 255
    std::string name;
    for (Decoded next; !title.empty(); title.remove_prefix(next.length)) {
        next = decode(title);
        const bool forbidden =
            next.character < 0x80 &&
            std::string_view("/\\:*?\"<>|").find(static_cast<char>(next.character)) != std::string_view::npos;
        if (forbidden || is_blank(next.character) || (next.character == 0xFFFD && next.length == 1)) {
            if (!name.empty() && name.back() != ' ')
                name += ' ';
        } else if (name.size() + next.length > longest) {
            break;
        } else if (!name.empty() || next.character != '.') { // no hidden file
            name += title.substr(0, next.length);
        }
    }
    while (name.ends_with(' ') || name.ends_with('.'))
        name.pop_back();
    if (name.empty())
        name = "Conversation";
    std::filesystem::path file = folder / (name + std::string(ending));
    for (int i = 2; std::filesystem::exists(file); ++i)
        file = folder / fmt::format("{} ({}){}", name, i, ending);
    return file;
}

} // namespace storage
