// SPDX-License-Identifier: MIT
#include "storage/preview.h"

#include "storage/folding.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace storage {
namespace {

// The beginning of a text on one line: runs of blanks become one space, at most `limit` characters.
std::string one_line(std::string_view text, std::size_t limit)
{
    std::string line;
    bool blank = false;
    for (std::size_t characters = 0; !text.empty() && characters < limit;) {
        const Decoded next = decode(text);
        if (is_blank(next.character)) {
            blank = !line.empty();
        } else {
            if (blank)
                line += ' ';
            blank = false;
            line += next.character == 0xFFFD ? std::string_view("\uFFFD") : text.substr(0, next.length);
            ++characters;
        }
        text.remove_prefix(next.length);
    }
    return line;
}

constexpr std::size_t preview_length = 160; // characters

} // namespace

void update_preview(Connection& database, Id conversation)
{
    std::string preview;
    {
        const char* sql = R"sql(
            SELECT substr(m.content, 1, 1000)
            FROM conversations c JOIN messages m ON m.id = c.leaf
            WHERE c.id = ?1
        )sql";
        Statement row = database.query(sql, conversation);
        if (row.step())
            preview = one_line(row.text(0), preview_length);
    }
    if (!preview.empty()) // an answer that has no text yet leaves the question there
        database.run("UPDATE conversations SET preview = ?2 WHERE id = ?1", conversation, preview);
}

} // namespace storage
