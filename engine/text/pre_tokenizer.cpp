// SPDX-License-Identifier: MIT
#include "engine/text/pre_tokenizer.h"

#include "engine/text/unicode.h"
#include "engine/text/utf8.h"

#include <algorithm>
#include <array>
#include <span>

namespace engine::text {

namespace {

// What a code point is to the patterns. One may be several things: U+3000 is a blank, punctuation and "wide".
enum Class : std::uint16_t
{
    line_break = 1 << 0,    // CR, LF
    blank = 1 << 1,         // \s
    cased_letter = 1 << 2,  // the list of deepseek-llm
    listed_punct = 1 << 3,  // the list of deepseek-llm
    wide = 1 << 4,          // U+0800–9FA5 and Hangul: what deepseek-llm and -coder take for CJK
    kana_or_han = 1 << 5,   // deepseek-v3's CJK
    number = 1 << 6,        // \p{N}
    letter = 1 << 7,        // \p{L}
    mark = 1 << 8,          // \p{M}
    punctuation = 1 << 9,   // \p{P}
    symbol = 1 << 10,       // \p{S}
    ascii_letter = 1 << 11, // A–Z, a–z
    ascii_punct = 1 << 12,  // the list at the head of deepseek-v3's third pattern: all of ASCII's signs
    ascii_space = 1 << 13,  // U+0020
};

struct Range
{
    char32_t first;
    char32_t last;
};

// clang-format off
constexpr Range cased_letters[] = {
    {0x0041, 0x005A}, {0x0061, 0x007A}, {0x00B5, 0x00B5}, {0x00C0, 0x00D6}, {0x00D8, 0x00F6},
    {0x00F8, 0x01BA}, {0x01BC, 0x01BF}, {0x01C4, 0x0293}, {0x0295, 0x02AF}, {0x0370, 0x0373},
    {0x0376, 0x0377}, {0x037B, 0x037D}, {0x037F, 0x037F}, {0x0386, 0x0386}, {0x0388, 0x038A},
    {0x038C, 0x038C}, {0x038E, 0x03A1}, {0x03A3, 0x03F5}, {0x03F7, 0x0481}, {0x048A, 0x052F},
    {0x0531, 0x0556}, {0x10A0, 0x10C5}, {0x13A0, 0x13F5}, {0x13F8, 0x13FD}, {0x1C90, 0x1CBA},
    {0x1CBD, 0x1CBF}, {0x1D00, 0x1D2B}, {0x1D6B, 0x1D77}, {0x1D79, 0x1D9A}, {0x1E00, 0x1F15},
    {0x1F18, 0x1F1D}, {0x1F20, 0x1F45}, {0x1F48, 0x1F4D}, {0x1F50, 0x1F57}, {0x1F59, 0x1F59},
    {0x1F5B, 0x1F5B}, {0x1F5D, 0x1F5D}, {0x1F5F, 0x1F7D}, {0x1F80, 0x1FB4}, {0x1FB6, 0x1FBC},
    {0x1FBE, 0x1FBE}, {0x1FC2, 0x1FC4}, {0x1FC6, 0x1FCC}, {0x1FD0, 0x1FD3}, {0x1FD6, 0x1FDB},
    {0x1FE0, 0x1FEC}, {0x1FF2, 0x1FF4}, {0x1FF6, 0x1FFC}, {0x2102, 0x2102}, {0x2107, 0x2107},
    {0x210A, 0x2113}, {0x2115, 0x2115}, {0x2119, 0x211D}, {0x2124, 0x2124}, {0x2126, 0x2126},
    {0x2128, 0x2128}, {0x212A, 0x212D}, {0x212F, 0x2134}, {0x2139, 0x2139}, {0x213C, 0x213F},
    {0x2145, 0x2149}, {0x214E, 0x214E}, {0x2183, 0x2184}, {0x2C00, 0x2C7B}, {0x2C7E, 0x2CE4},
    {0x2CEB, 0x2CEE}, {0x2CF2, 0x2CF3}, {0xA640, 0xA66D}, {0xA680, 0xA69B}, {0xA722, 0xA76F},
    {0xA771, 0xA787}, {0xA78B, 0xA78E}, {0xAB70, 0xABBF}, {0xFB00, 0xFB06}, {0xFB13, 0xFB17},
    {0xFF21, 0xFF3A}, {0xFF41, 0xFF5A}, {0x10400, 0x1044F}, {0x104B0, 0x104D3}, {0x104D8, 0x104FB},
    {0x10C80, 0x10CB2}, {0x10CC0, 0x10CF2}, {0x118A0, 0x118DF}, {0x1E900, 0x1E943},
};
// clang-format on

constexpr Range listed_puncts[] = {{0x21, 0x2F},     {0x3A, 0x7E},     {0x2018, 0x201F},
                                   {0x3000, 0x3002}, {0xFF01, 0xFF0F}, {0xFF1A, 0xFF5E}};

// \s
constexpr Range blanks[] = {{0x09, 0x0D},     {0x20, 0x20},     {0x85, 0x85},     {0xA0, 0xA0},
                            {0x1680, 0x1680}, {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F},
                            {0x205F, 0x205F}, {0x3000, 0x3000}};

// The classes of all code points.
class ClassTable
{
public:
    ClassTable()
    {
        for (const CategoryRange& range : category_ranges())
            set({range.first, range.last}, class_of(range.category));
        for (const Range& range : cased_letters)
            set(range, cased_letter);
        for (const Range& range : listed_puncts)
            set(range, listed_punct);
        for (const Range& range : blanks)
            set(range, blank);
        for (const Range range : {Range{0x0800, 0x9FA5}, {0xAC00, 0xD7FF}})
            set(range, wide);
        for (const Range range : {Range{0x4E00, 0x9FA5}, {0x3040, 0x30FF}})
            set(range, kana_or_han);
        set({'\r', '\r'}, line_break);
        set({'\n', '\n'}, line_break);
        set({' ', ' '}, ascii_space);
        for (char32_t c = 0; c < 0x80; ++c) {
            if ((m_classes[c] & letter) != 0)
                set({c, c}, ascii_letter);
            if ((m_classes[c] & (punctuation | symbol)) != 0)
                set({c, c}, ascii_punct);
        }
    }

    std::uint16_t operator[](char32_t c) const { return m_classes[c]; }

private:
    static Class class_of(Category category)
    {
        switch (category) {
        case Category::letter:
            return letter;
        case Category::mark:
            return mark;
        case Category::number:
            return number;
        case Category::punctuation:
            return punctuation;
        case Category::symbol:
        case Category::other:
            break;
        }
        return symbol;
    }

    void set(const Range& range, Class which)
    {
        for (char32_t c = range.first; c <= range.last; ++c)
            m_classes[c] = static_cast<std::uint16_t>(m_classes[c] | which);
    }

    // The one table is static, so that it begins as zeros and what no range names costs no memory.
    std::array<std::uint16_t, 0x110000> m_classes;
};

const ClassTable& class_table()
{
    static const ClassTable table;
    return table;
}

// A text, as the patterns see it: classes of its code points.
using Classes = std::span<const std::uint16_t>;

// End of the run of these classes that begins at i.
std::size_t run(Classes text, std::size_t i, std::size_t end, int classes)
{
    while (i < end && (text[i] & classes) != 0)
        ++i;
    return i;
}

// Where the first of these classes stands at or behind i.
std::size_t find(Classes text, std::size_t i, std::size_t end, int classes)
{
    while (i < end && (text[i] & classes) == 0)
        ++i;
    return i;
}

// Each pattern splits the piece from begin to end and calls next(begin, end) for each part, in order.

// [\r\n]
template <class Next> void split_lines(Classes text, Next next)
{
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t line_end = find(text, begin, text.size(), line_break);
        if (line_end > begin)
            next(begin, line_end);
        if (line_end < text.size())
            next(line_end, line_end + 1);
        begin = line_end + 1;
    }
}

// \s?[class]+
template <class Next>
void split_blank_and_runs(Classes text, std::size_t begin, std::size_t end, int classes, Next next)
{
    while (begin < end) {
        const std::size_t first = find(text, begin, end, classes);
        if (first == end)
            return next(begin, end);
        const std::size_t match = first > begin && (text[first - 1] & blank) != 0 ? first - 1 : first;
        if (match > begin)
            next(begin, match);
        begin = run(text, first, end, classes);
        next(match, begin);
    }
}

// \s+$
template <class Next> void split_trailing_blanks(Classes text, std::size_t begin, std::size_t end, Next next)
{
    std::size_t text_end = end;
    while (text_end > begin && (text[text_end - 1] & blank) != 0)
        --text_end;
    if (text_end > begin && text_end < end) {
        next(begin, text_end);
        next(text_end, end);
    } else {
        next(begin, end);
    }
}

// [wide]+, then each number by itself
template <class Next> void split_wide_and_numbers(Classes text, std::size_t begin, std::size_t end, Next next)
{
    for (std::size_t i = begin + 1; i < end; ++i) {
        const int before = text[i - 1];
        const int here = text[i];
        if (((before ^ here) & wide) != 0 || ((before | here) & number) != 0) {
            next(i);
        }
    }
    next(end);
}

// deepseek-v3's third pattern: the end of its match at i, or i if it does not match there. The alternatives
// in their order, the first that matches wins.
std::size_t match_v3_word(Classes text, std::size_t i, std::size_t end)
{
    const auto is = [&](std::size_t at, int classes) { return at < end && (text[at] & classes) != 0; };
    // [!-~ signs][A-Za-z]+
    if (is(i, ascii_punct) && is(i + 1, ascii_letter))
        return run(text, i + 1, end, ascii_letter);
    // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
    constexpr int word = letter | mark;
    if (!is(i, line_break | letter | punctuation | symbol) && is(i + 1, word))
        return run(text, i + 1, end, word);
    if (is(i, word))
        return run(text, i, end, word);
    //  ?[\p{P}\p{S}]+[\r\n]*
    constexpr int sign = punctuation | symbol;
    const std::size_t signs = is(i, ascii_space) ? i + 1 : i;
    if (is(signs, sign))
        return run(text, run(text, signs, end, sign), end, line_break);
    // \s*[\r\n]+|\s+(?!\S)|\s+
    const std::size_t blanks_end = run(text, i, end, blank);
    for (std::size_t last = blanks_end; last > i; --last)
        if (is(last - 1, line_break))
            return last;
    return blanks_end == end || blanks_end - i < 2 ? blanks_end : blanks_end - 1;
}

template <class Next> void split_v3_words(Classes text, std::size_t begin, std::size_t end, Next next)
{
    std::size_t gap = begin;
    for (std::size_t i = begin; i < end;) {
        const std::size_t match = match_v3_word(text, i, end);
        if (match == i) {
            ++i;
            continue;
        }
        if (gap < i)
            next(i);
        next(match);
        i = gap = match;
    }
    if (gap < end)
        next(end);
}

// \p{N}{1,3}, then [Han and kana]+, then words in all pieces; in numbers there are none
template <class Next> void split_v3(Classes text, Next next)
{
    for (std::size_t i = 0; i < text.size();) {
        if ((text[i] & number) != 0) {
            i = run(text, i, std::min(text.size(), i + 3), number);
            next(i);
        } else if ((text[i] & kana_or_han) != 0) {
            const std::size_t end = run(text, i, text.size(), kana_or_han);
            split_v3_words(text, i, end, next); // some marks among the kana are signs
            i = end;
        } else {
            const std::size_t end = find(text, i, text.size(), number | kana_or_han);
            split_v3_words(text, i, end, next);
            i = end;
        }
    }
}

} // namespace

std::size_t Splitter::stretch_size(std::string_view text) const
{
    constexpr std::size_t wanted = 4096;
    for (std::size_t i = text.find('\n', wanted); i != std::string_view::npos; i = text.find('\n', i + 1)) {
        // In deepseek-v3, line breaks belong together with blanks before them; what follows must be neither.
        const char after = i + 1 < text.size() ? text[i + 1] : '\n';
        if (m_kind != PreTokenizer::deepseek_v3 || (after > ' ' && after <= '~'))
            return i + 1;
    }
    return text.size();
}

const std::vector<std::uint32_t>& Splitter::ends(std::string_view text)
{
    const ClassTable& table = class_table();
    if (m_classes.size() < text.size()) {
        m_classes.resize(text.size());
        m_offsets.resize(text.size() + 1);
    }
    std::size_t count = 0;
    for (std::size_t i = 0; i < text.size(); ++count) {
        m_offsets[count] = static_cast<std::uint32_t>(i);
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte < 0x80) {
            m_classes[count] = table[byte];
            ++i;
            continue;
        }
        const CodePoint c = first_code_point(text.substr(i));
        m_classes[count] = table[c.value];
        i += c.length;
    }
    m_offsets[count] = static_cast<std::uint32_t>(text.size());
    m_ends.clear();

    const Classes classes(m_classes.data(), count);
    const auto add_end = [&](std::size_t end) { m_ends.push_back(m_offsets[end]); };
    const auto split_rest = [&](std::size_t begin, std::size_t end) {
        split_wide_and_numbers(classes, begin, end, add_end);
    };
    switch (m_kind) {
    case PreTokenizer::deepseek_llm:
        split_lines(classes, [&](std::size_t line, std::size_t line_end) {
            const auto split_signs = [&](std::size_t begin, std::size_t end) {
                split_blank_and_runs(classes, begin, end, listed_punct,
                                     [&](std::size_t from, std::size_t to) {
                                         split_trailing_blanks(classes, from, to, split_rest);
                                     });
            };
            split_blank_and_runs(classes, line, line_end, cased_letter, split_signs);
        });
        break;
    case PreTokenizer::deepseek_coder:
        split_lines(classes, [&](std::size_t line, std::size_t line_end) {
            split_blank_and_runs(classes, line, line_end, letter, [&](std::size_t begin, std::size_t end) {
                split_blank_and_runs(classes, begin, end, punctuation, split_rest);
            });
        });
        break;
    case PreTokenizer::deepseek_v3:
        split_v3(classes, add_end);
        break;
    }
    return m_ends;
}

std::optional<PreTokenizer> recognise_patterns(std::vector<std::string> patterns)
{
    // Line breaks stand in the files as themselves or as the expressions' own escapes.
    for (std::string& pattern : patterns) {
        for (const auto& [escape, character] : {std::pair("\\r", "\r"), {"\\n", "\n"}})
            for (std::size_t i = 0; (i = pattern.find(escape, i)) != std::string::npos;)
                pattern.replace(i, 2, character);
    }
    constexpr std::string_view line_breaks = "[\r\n]";
    constexpr std::string_view wide_run = "[一-龥ࠀ-一가-퟿]+";
    const auto starts = [](std::string_view start) {
        return [start](const std::string& pattern) { return pattern.starts_with(start); };
    };
    const auto equals = [](std::string_view whole) {
        return [whole](const std::string& pattern) { return pattern == whole; };
    };
    const auto follow = [&](auto... checks) {
        std::size_t i = 0;
        return patterns.size() == sizeof...(checks) && (checks(patterns[i++]) && ...);
    };
    // The long list of letters is told by its beginning.
    if (follow(equals(line_breaks), starts("\\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿ"),
               equals("\\s?[!-/:-~！-／：-～‘-‟　-。]+"), equals("\\s+$"), equals(wide_run)))
        return PreTokenizer::deepseek_llm;
    if (follow(equals(line_breaks), equals("\\s?\\p{L}+"), equals("\\s?\\p{P}+"), equals(wide_run)))
        return PreTokenizer::deepseek_coder;
    if (follow(equals("\\p{N}{1,3}"), equals("[一-龥぀-ゟ゠-ヿ]+"),
               starts("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|")))
        return PreTokenizer::deepseek_v3;
    return std::nullopt;
}

std::optional<PreTokenizer> recognise_name(std::string_view name)
{
    if (name == "deepseek-llm")
        return PreTokenizer::deepseek_llm;
    if (name == "deepseek-coder")
        return PreTokenizer::deepseek_coder;
    if (name == "deepseek-v3")
        return PreTokenizer::deepseek_v3;
    return std::nullopt;
}

} // namespace engine::text
