// SPDX-License-Identifier: MIT
#include "storage/json.h"

#include "storage/folding.h"

#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <vector>

namespace storage {
namespace {

constexpr std::size_t deepest = 1000; // brackets inside each other, as SQLite's own JSON functions take them

bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

} // namespace

JsonReader::JsonReader(Source source)
    : m_source(std::move(source))
{
    if (peek() == 0xEF) // a byte order mark
        for (const int byte : {0xEF, 0xBB, 0xBF})
            if (take() != byte)
                refuse("UTF-8", "other bytes");
    m_character = 1;
}

int JsonReader::peek()
{
    if (m_at == m_end) {
        m_at = 0;
        m_end = m_source(std::span(m_buffer));
        if (m_end == 0)
            return end_of_text;
    }
    return static_cast<unsigned char>(m_buffer[m_at]);
}

int JsonReader::take()
{
    const int byte = peek();
    if (byte == end_of_text)
        return byte;
    ++m_at;
    if (byte == '\n') {
        ++m_line;
        m_character = 1;
    } else if ((byte & 0xC0) != 0x80) {
        ++m_character;
    }
    if (m_copy)
        *m_copy += static_cast<char>(byte);
    return byte;
}

void JsonReader::skip_blanks()
{
    for (int next = peek(); next == ' ' || next == '\n' || next == '\r' || next == '\t'; next = peek())
        take();
}

void JsonReader::start_value()
{
    skip_blanks();
    m_value_line = m_line;
    m_value_character = m_character;
}

void JsonReader::refuse(std::string_view expected, std::string_view found) const
{
    throw JsonError(fmt::format("line {}, character {}{}: expected {}, found {}", m_value_line,
                                m_value_character, m_place.empty() ? "" : fmt::format(" ({})", m_place),
                                expected, found));
}

void JsonReader::refuse_next(std::string_view expected)
{
    m_value_line = m_line;
    m_value_character = m_character;
    const int next = peek();
    refuse(expected, next == end_of_text          ? "the end of the file"
                     : next == '"'                ? "a text"
                     : next == '{'                ? "an object"
                     : next == '['                ? "a list"
                     : next > 0x20 && next < 0x7F ? fmt::format("\"{}\"", static_cast<char>(next))
                                                  : fmt::format("the byte 0x{:02X}", next));
}

void JsonReader::begin(char bracket, const char* what)
{
    start_value();
    if (peek() != bracket)
        refuse_next(what);
    take();
}

bool JsonReader::ended(char bracket, bool first)
{
    skip_blanks();
    if (peek() == bracket) {
        take();
        return true;
    }
    if (first)
        return false;
    if (peek() != ',')
        refuse_next(fmt::format("\",\" or \"{}\"", bracket));
    take();
    return false;
}

std::string JsonReader::member_name()
{
    start_value();
    std::string name = quoted("a name in quotation marks");
    skip_blanks();
    if (peek() != ':')
        refuse_next("\":\"");
    take();
    return name;
}

std::size_t JsonReader::enter(std::string_view name)
{
    const std::size_t outside = m_place.size();
    if (outside > 0)
        m_place += '.';
    m_place += name.substr(0, 40);
    return outside;
}

std::size_t JsonReader::enter(std::size_t index)
{
    const std::size_t outside = m_place.size();
    m_place += fmt::format("[{}]", index);
    return outside;
}

bool JsonReader::null()
{
    start_value();
    if (peek() != 'n')
        return false;
    word("null");
    return true;
}

bool JsonReader::next_is_object()
{
    skip_blanks();
    return peek() == '{';
}

bool JsonReader::boolean()
{
    start_value();
    const bool value = peek() == 't';
    if (!value && peek() != 'f')
        refuse_next("true or false");
    word(value ? "true" : "false");
    return value;
}

void JsonReader::word(std::string_view letters)
{
    for (const char letter : letters) {
        if (peek() != letter)
            refuse_next(fmt::format("\"{}\"", letters));
        take();
    }
}

std::string JsonReader::text()
{
    start_value();
    return quoted("a text");
}

std::string JsonReader::quoted(std::string_view expected)
{
    if (peek() != '"')
        refuse_next(expected);
    take();
    std::string text;
    for (;;) {
        const int next = peek();
        if (next == '"') {
            take();
            break;
        }
        if (next == end_of_text || next < 0x20)
            refuse_next("the end of the text");
        take();
        if (next != '\\') {
            text += static_cast<char>(next);
            continue;
        }
        constexpr std::string_view names = "\"\\/bfnrt";
        constexpr std::string_view characters = "\"\\/\b\f\n\r\t";
        if (const std::size_t simple = names.find(static_cast<char>(peek()));
            peek() != end_of_text && simple != std::string_view::npos) {
            take();
            text += characters[simple];
            continue;
        }
        char32_t character = escaped_unit();
        if (character >= 0xD800 && character < 0xE000) {
            if (character >= 0xDC00 || peek() != '\\')
                refuse_next("the two halves of a character");
            take();
            const char32_t low = escaped_unit();
            if (low < 0xDC00 || low >= 0xE000)
                refuse_next("the two halves of a character");
            character = 0x10000 + ((character - 0xD800) << 10) + (low - 0xDC00);
        }
        append_utf8(text, character);
    }
    if (!is_utf8(text))
        refuse("UTF-8", "other bytes");
    return text;
}

char32_t JsonReader::escaped_unit()
{
    if (peek() != 'u')
        refuse_next("one of \"\\/bfnrtu behind a backslash");
    take();
    char32_t unit = 0;
    for (int i = 0; i < 4; ++i) {
        const int next = peek();
        const int digit = is_digit(next)               ? next - '0'
                          : next >= 'a' && next <= 'f' ? next - 'a' + 10
                          : next >= 'A' && next <= 'F' ? next - 'A' + 10
                                                       : -1;
        if (digit < 0)
            refuse_next("four hexadecimal digits");
        take();
        unit = unit * 16 + static_cast<char32_t>(digit);
    }
    return unit;
}

std::string JsonReader::number_token()
{
    start_value();
    std::string token;
    const auto digits = [&] {
        if (!is_digit(peek()))
            refuse_next(token.empty() ? "a number" : "a digit");
        while (is_digit(peek()))
            token += static_cast<char>(take());
    };
    if (peek() == '-')
        token += static_cast<char>(take());
    if (peek() == '0')
        token += static_cast<char>(take());
    else
        digits();
    if (peek() == '.') {
        token += static_cast<char>(take());
        digits();
    }
    if (peek() == 'e' || peek() == 'E') {
        token += static_cast<char>(take());
        if (peek() == '-' || peek() == '+')
            token += static_cast<char>(take());
        digits();
    }
    return token;
}

std::int64_t JsonReader::integer()
{
    const std::string token = number_token();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), value);
    if (error != std::errc() || end != token.data() + token.size())
        refuse("a whole number of 64 bits", token);
    return value;
}

double JsonReader::number()
{
    const std::string token = number_token();
    double value = 0;
    if (std::from_chars(token.data(), token.data() + token.size(), value).ec == std::errc())
        return value;
    // Out of range: too near to zero, or beyond all numbers.
    if (token.find("e-") != std::string::npos || token.find("E-") != std::string::npos)
        return 0;
    return token[0] == '-' ? -std::numeric_limits<double>::infinity()
                           : std::numeric_limits<double>::infinity();
}

std::string JsonReader::object_as_written()
{
    start_value();
    if (peek() != '{')
        refuse_next("an object");
    std::string copy;
    m_copy = &copy;
    skip();
    m_copy = nullptr;
    return copy;
}

void JsonReader::skip()
{
    std::vector<char> open; // the brackets that end what has begun
    bool first = false;     // nothing stands yet behind the innermost of them
    do {
        if (!open.empty()) {
            if (ended(open.back(), first)) {
                open.pop_back();
                first = false;
                continue;
            }
            if (open.back() == '}')
                member_name();
        }
        start_value();
        const int next = peek();
        first = next == '{' || next == '[';
        if (first) {
            if (open.size() == deepest)
                refuse_next(fmt::format("at most {} brackets inside each other", deepest));
            take();
            open.push_back(next == '{' ? '}' : ']');
        } else if (next == '"') {
            quoted("a text");
        } else if (next == 't' || next == 'f') {
            boolean();
        } else if (!null()) {
            number_token();
        }
    } while (!open.empty());
}

void JsonReader::end()
{
    skip_blanks();
    if (peek() != end_of_text)
        refuse_next("the end of the file");
}

std::string json_text(std::string_view text)
{
    std::string json = "\"";
    for (const char c : text) {
        switch (c) {
        case '"':
            json += "\\\"";
            break;
        case '\\':
            json += "\\\\";
            break;
        case '\n':
            json += "\\n";
            break;
        case '\t':
            json += "\\t";
            break;
        default:
            if (static_cast<unsigned char>(c) < 0x20)
                json += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
            else
                json += c;
        }
    }
    return json + '"';
}

bool is_utf8(std::string_view text)
{
    while (!text.empty()) {
        const Decoded next = decode(text);
        if (next.character == 0xFFFD && next.length == 1)
            return false;
        text.remove_prefix(next.length);
    }
    return true;
}

} // namespace storage
