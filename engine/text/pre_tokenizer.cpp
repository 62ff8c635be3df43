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

bool contains(std::span<const Range> ranges, char32_t c)
{
    const auto range = std::ranges::lower_bound(ranges, c, {}, &Range::last);
    return range != ranges.end() && c >= range->first;
}

bool is_blank(char32_t c)
{
    return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
           c == 0x3000;
}

std::uint16_t classify(char32_t c)
{
    std::uint16_t classes = 0;
    const auto set = [&](bool holds, Class which) {
        if (holds)
            classes = static_cast<std::uint16_t>(classes | which);
    };
    set(c == '\r' || c == '\n', line_break);
    set(is_blank(c), blank);
    set(c == ' ', ascii_space);
    set(contains(cased_letters, c), cased_letter);
    set(contains(listed_puncts, c), listed_punct);
    set((c >= 0x0800 && c <= 0x9FA5) || (c >= 0xAC00 && c <= 0xD7FF), wide);
    set((c >= 0x4E00 && c <= 0x9FA5) || (c >= 0x3040 && c <= 0x30FF), kana_or_han);
    const Category kind = category(c);
    set(kind == Category::number, number);
    set(kind == Category::letter, letter);
    set(kind == Category::mark, mark);
    set(kind == Category::punctuation, punctuation);
    set(kind == Category::symbol, symbol);
    if (c < 0x80) {
        set(kind == Category::letter, ascii_letter);
        set(kind == Category::punctuation || kind == Category::symbol, ascii_punct);
    }
    return classes;
}

// A piece, as the patterns see it: classes of its code points.
using Piece = std::span<const std::uint16_t>;

bool is(Piece piece, std::size_t i, int classes)
{
    return i < piece.size() && (piece[i] & classes) != 0;
}

// End of the run of these classes that begins at i.
std::size_t run(Piece piece, std::size_t i, int classes)
{
    while (is(piece, i, classes))
        ++i;
    return i;
}

// Each pattern returns the end of its match at i, or i if it does not match there.

std::size_t single(Piece piece, std::size_t i, int classes)
{
    return is(piece, i, classes) ? i + 1 : i;
}

// \s?[class]+
std::size_t blank_and_run(Piece piece, std::size_t i, int classes)
{
    if (is(piece, i, blank) && is(piece, i + 1, classes))
        return run(piece, i + 1, classes);
    return run(piece, i, classes);
}

// \p{N}{1,3}
std::size_t up_to_three_numbers(Piece piece, std::size_t i)
{
    return std::min(run(piece, i, number), i + 3);
}

// deepseek-v3's third pattern; the alternatives in their order, the first that matches wins.
std::size_t v3_word(Piece piece, std::size_t i)
{
    // [!-~ signs][A-Za-z]+
    if (is(piece, i, ascii_punct) && is(piece, i + 1, ascii_letter))
        return run(piece, i + 1, ascii_letter);
    // [^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+
    constexpr int word = letter | mark;
    if (!is(piece, i, line_break | letter | punctuation | symbol) && is(piece, i + 1, word))
        return run(piece, i + 1, word);
    if (is(piece, i, word))
        return run(piece, i, word);
    //  ?[\p{P}\p{S}]+[\r\n]*
    constexpr int sign = punctuation | symbol;
    const std::size_t signs = is(piece, i, ascii_space) ? i + 1 : i;
    if (is(piece, signs, sign))
        return run(piece, run(piece, signs, sign), line_break);
    // \s*[\r\n]+|\s+(?!\S)|\s+
    const std::size_t end = run(piece, i, blank);
    for (std::size_t last = end; last > i; --last)
        if (is(piece, last - 1, line_break))
            return last;
    return end == piece.size() || end - i < 2 ? end : end - 1;
}

std::uint16_t cached_class(char32_t c)
{
    static const auto table = [] {
        std::array<std::uint16_t, 0x800> classes;
        for (char32_t i = 0; i < classes.size(); ++i)
            classes[i] = classify(i);
        return classes;
    }();
    if (c < table.size())
        return table[c];
    if (c >= 0x4E00 && c <= 0x9FA5)
        return wide | kana_or_han | letter;
    return classify(c);
}

// Splits every piece into the matches of a pattern and the gaps between them. pieces: ends, ascending.
template <class Pattern>
void isolate(std::span<const std::uint16_t> classes, std::vector<std::uint32_t>& pieces,
             std::vector<std::uint32_t>& scratch, Pattern match)
{
    scratch.clear();
    std::size_t begin = 0;
    for (const std::uint32_t end : pieces) {
        const Piece piece = classes.subspan(begin, end - begin);
        std::size_t gap = 0;
        for (std::size_t i = 0; i < piece.size();) {
            const std::size_t match_end = match(piece, i);
            if (match_end == i) {
                ++i;
                continue;
            }
            if (gap < i)
                scratch.push_back(static_cast<std::uint32_t>(begin + i));
            scratch.push_back(static_cast<std::uint32_t>(begin + match_end));
            i = gap = match_end;
        }
        if (gap < piece.size())
            scratch.push_back(end);
        begin = end;
    }
    pieces.swap(scratch);
}

// \s+$, for all pieces: what trails is looked for from the end, lest a long run of blanks within a piece be
// tried from each of its places.
void isolate_trailing_blanks(std::span<const std::uint16_t> classes, std::vector<std::uint32_t>& pieces,
                             std::vector<std::uint32_t>& scratch)
{
    scratch.clear();
    std::size_t begin = 0;
    for (const std::uint32_t end : pieces) {
        std::size_t text_end = end;
        while (text_end > begin && (classes[text_end - 1] & blank) != 0)
            --text_end;
        if (text_end > begin && text_end < end)
            scratch.push_back(static_cast<std::uint32_t>(text_end));
        scratch.push_back(end);
        begin = end;
    }
    pieces.swap(scratch);
}

} // namespace

const std::vector<std::uint32_t>& Splitter::split(std::string_view text)
{
    m_classes.clear();
    m_offsets.clear();
    m_pieces.clear();
    for (std::size_t i = 0; i < text.size();) {
        const CodePoint c = first_code_point(text.substr(i));
        m_classes.push_back(cached_class(c.value));
        m_offsets.push_back(static_cast<std::uint32_t>(i));
        i += c.length;
    }
    m_offsets.push_back(static_cast<std::uint32_t>(text.size()));
    if (!m_classes.empty())
        m_pieces.push_back(static_cast<std::uint32_t>(m_classes.size()));

    const auto apply = [&](auto pattern) { isolate(m_classes, m_pieces, m_scratch, pattern); };
    const auto apply_single = [&](int classes) {
        apply([classes](Piece piece, std::size_t i) { return single(piece, i, classes); });
    };
    const auto apply_run = [&](int classes) {
        apply([classes](Piece piece, std::size_t i) { return run(piece, i, classes); });
    };
    const auto apply_blank_and_run = [&](int classes) {
        apply([classes](Piece piece, std::size_t i) { return blank_and_run(piece, i, classes); });
    };
    switch (m_kind) {
    case PreTokenizer::deepseek_llm:
        apply_single(line_break);
        apply_blank_and_run(cased_letter);
        apply_blank_and_run(listed_punct);
        isolate_trailing_blanks(m_classes, m_pieces, m_scratch);
        apply_run(wide);
        apply_single(number);
        break;
    case PreTokenizer::deepseek_coder:
        apply_single(line_break);
        apply_blank_and_run(letter);
        apply_blank_and_run(punctuation);
        apply_run(wide);
        apply_single(number);
        break;
    case PreTokenizer::deepseek_v3:
        apply(up_to_three_numbers);
        apply_run(kana_or_han);
        apply(v3_word);
        break;
    }

    m_result.clear();
    for (const std::uint32_t end : m_pieces)
        m_result.push_back(m_offsets[end]);
    return m_result;
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
