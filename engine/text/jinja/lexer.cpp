// SPDX-License-Identifier: MIT
#include "engine/text/jinja/lexer.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine::text::jinja {

namespace {

constexpr std::size_t longest_source = std::size_t{256} << 10; // bytes

class Lexer
{
public:
    Lexer(std::string_view source, std::string_view file)
        : m_source(source)
        , m_file(file)
    {
        if (m_source.size() > longest_source)
            throw Error(m_file, "chat template",
                        fmt::format("expected at most {} bytes, found {}", longest_source, m_source.size()));
        // One final newline is not part of a template.
        if (m_source.ends_with('\n'))
            m_source.remove_suffix(1);
    }

    std::vector<Token> tokens()
    {
        while (m_at < m_source.size())
            read_text();
        add(Token::Kind::end, "");
        return std::move(m_tokens);
    }

private:
    [[noreturn]] void fail(const std::string& what) const
    {
        throw Error(m_file, fmt::format("chat template, line {}", m_line), what);
    }

    void add(Token::Kind kind, std::string_view text)
    {
        m_tokens.push_back({kind, std::string(text), m_line});
    }

    void skip_to(std::size_t position)
    {
        m_line +=
            static_cast<int>(std::count(m_source.begin() + static_cast<std::ptrdiff_t>(m_at),
                                        m_source.begin() + static_cast<std::ptrdiff_t>(position), '\n'));
        m_at = position;
    }

    // Text up to the next tag, and that tag.
    void read_text()
    {
        std::size_t begin = m_at;
        do {
            begin = m_source.find('{', begin);
        } while (begin != std::string_view::npos && !is_tag(begin) && ++begin);
        std::string_view text = m_source.substr(m_at, begin - m_at);
        if (begin == std::string_view::npos) {
            if (!text.empty())
                add(Token::Kind::text, text);
            skip_to(m_source.size());
            return;
        }

        const char tag = m_source[begin + 1];
        const char control = begin + 2 < m_source.size() ? m_source[begin + 2] : '\0';
        if (control == '-')
            text = text.substr(0, text.find_last_not_of(white_space) + 1); // npos + 1 is 0
        else if (tag != '{' && control != '+')
            text = without_indentation(text);
        if (!text.empty())
            add(Token::Kind::text, text);
        skip_to(begin + (control == '-' || control == '+' ? 3 : 2));

        if (tag == '#')
            skip_comment();
        else
            read_tag(tag == '%');
    }

    bool is_tag(std::size_t i) const
    {
        return i + 1 < m_source.size() &&
               (m_source[i + 1] == '{' || m_source[i + 1] == '%' || m_source[i + 1] == '#');
    }

    // lstrip_blocks: blanks between the start of a line and a tag fall away.
    std::string_view without_indentation(std::string_view text) const
    {
        const std::size_t newline = text.rfind('\n');
        const std::size_t line = newline == std::string_view::npos ? 0 : newline + 1;
        const bool at_line_start = line > 0 || m_at_line_start;
        const bool is_blank = text.find_first_not_of(" \t\v\f\r", line) == std::string_view::npos;
        return at_line_start && is_blank ? text.substr(0, line) : text;
    }

    void skip_comment()
    {
        const std::size_t end = m_source.find("#}", m_at);
        if (end == std::string_view::npos)
            fail("expected the end of a comment, found the end of the template");
        const bool strips = m_source[end - 1] == '-' && end > m_at;
        skip_to(end + 2);
        finish_tag(strips, true);
    }

    // White space behind a tag: all of it after "-%}", one newline after "%}" (trim_blocks), none after "}}".
    void finish_tag(bool strips, bool trims_newline)
    {
        const std::size_t begin = m_at;
        if (strips)
            skip_to(std::min(m_source.find_first_not_of(white_space, m_at), m_source.size()));
        else if (trims_newline && m_at < m_source.size() && m_source[m_at] == '\n')
            skip_to(m_at + 1);
        m_at_line_start = m_at > begin && m_source[m_at - 1] == '\n';
    }

    void read_tag(bool is_statement)
    {
        add(is_statement ? Token::Kind::tag_begin : Token::Kind::print_begin, "");
        const std::string_view closing = is_statement ? "%}" : "}}";
        int braces = 0;
        while (true) {
            skip_to(std::min(m_source.find_first_not_of(white_space, m_at), m_source.size()));
            const std::string_view rest = m_source.substr(m_at);
            if (rest.empty())
                fail(fmt::format("expected {}, found the end of the template", closing));
            const bool has_control = rest[0] == '-' || (rest[0] == '+' && is_statement);
            if (braces == 0 && rest.substr(has_control ? 1 : 0).starts_with(closing)) {
                add(is_statement ? Token::Kind::tag_end : Token::Kind::print_end, "");
                skip_to(m_at + closing.size() + (has_control ? 1 : 0));
                finish_tag(rest[0] == '-', is_statement && !has_control);
                return;
            }
            read_token(rest, braces);
        }
    }

    static bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
    static bool is_digit(char c) { return c >= '0' && c <= '9'; }

    void read_token(std::string_view rest, int& braces)
    {
        const char c = rest[0];
        if (is_name_start(c) || is_digit(c)) {
            std::size_t size = 1;
            while (size < rest.size() && (is_name_start(rest[size]) || is_digit(rest[size])))
                ++size;
            add(is_digit(c) ? Token::Kind::integer : Token::Kind::name, rest.substr(0, size));
            m_at += size;
            return;
        }
        if (c == '\'' || c == '"')
            return read_string(c);
        for (const std::string_view sign : {"==", "!=", "<=", ">=", "//"})
            if (rest.starts_with(sign))
                return add_sign(sign);
        if (std::string_view("+-*%~()[]{}.,:|=<>").find(c) == std::string_view::npos)
            fail(fmt::format("expected an expression, found \"{}\"", printable(rest.substr(0, 1))));
        braces += c == '{' ? 1 : c == '}' ? -1 : 0;
        add_sign(rest.substr(0, 1));
    }

    void add_sign(std::string_view sign)
    {
        add(Token::Kind::sign, sign);
        m_at += sign.size();
    }

    void read_string(char quote)
    {
        std::string text;
        std::size_t i = m_at + 1;
        for (; i < m_source.size() && m_source[i] != quote; ++i) {
            if (m_source[i] != '\\' || i + 1 == m_source.size()) {
                text += m_source[i];
                continue;
            }
            switch (m_source[++i]) {
            case 'n':
                text += '\n';
                break;
            case 't':
                text += '\t';
                break;
            case 'r':
                text += '\r';
                break;
            case '\\':
            case '\'':
            case '"':
                text += m_source[i];
                break;
            default:
                fail("expected \\n, \\t, \\r, \\\\ or a quotation mark, found another escape");
            }
        }
        if (i >= m_source.size())
            fail("expected the end of a string, found the end of the template");
        add(Token::Kind::string, text);
        skip_to(i + 1);
    }

    std::string_view m_source;
    std::string m_file;
    std::size_t m_at = 0;
    int m_line = 1;
    bool m_at_line_start = true;
    std::vector<Token> m_tokens;
};

} // namespace

std::vector<Token> read_tokens(std::string_view source, std::string_view file)
{
    return Lexer(source, file).tokens();
}

} // namespace engine::text::jinja
