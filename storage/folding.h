// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;

namespace storage {

// One character of a text: what it becomes when letter case does not matter, and the bytes it was made from.
struct FoldedCharacter
{
    char32_t folded;
    std::uint32_t begin;
    std::uint32_t end;
};

// FTS5's trigram tokenizer, borrowed from a connection.
class Trigrams;

// Folds letter case exactly as the trigram index does, by asking its tokenizer, so that a match which the
// index reports can be found again in the text. Lives no longer than its connection.
class Folder
{
public:
    explicit Folder(sqlite3* database);
    ~Folder();
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;

    // Up to the first NUL, where the tokenizer ends too.
    std::vector<FoldedCharacter> fold(std::string_view text) const;
    // The folded characters alone, into a buffer that is used again.
    void fold_into(std::u32string& folded, std::string_view text) const;

private:
    std::unique_ptr<Trigrams> m_trigrams;
};

// Teaches a connection the tokenizer "bigram", for queries of one or two characters, which trigrams cannot
// answer. Of a text it indexes each pair of characters that stand together, and the last character of each
// run alone: a pair is found as itself, a single character as a prefix. Blanks are not indexed.
void add_bigram_tokenizer(sqlite3* database);

// Spaces, line breaks and control characters, the no-break and the ideographic space.
bool is_blank(char32_t character);

// The character that starts at text[0], and its length in bytes. What is no UTF-8 is one U+FFFD per byte.
struct Decoded
{
    char32_t character;
    std::size_t length;
};
Decoded decode(std::string_view text);

void append_utf8(std::string& text, char32_t character);

} // namespace storage
