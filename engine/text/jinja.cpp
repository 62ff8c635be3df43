// SPDX-License-Identifier: MIT
#include "engine/text/jinja.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace engine::text::jinja {

namespace {

constexpr std::size_t longest_source = std::size_t{256} << 10;
constexpr int deepest_nesting = 100;
constexpr std::int64_t longest_range = 10'000;
constexpr std::string_view white_space = " \t\n\r\v\f";

} // namespace

// --- Text
// ------------------------------------------------------------------------------------------------------

void Text::append(std::string_view chars, Trust trust)
{
    if (chars.empty())
        return;
    m_chars += chars;
    if (!m_runs.empty() && m_runs.back().trust == trust)
        m_runs.back().end = m_chars.size();
    else
        m_runs.push_back({m_chars.size(), trust});
}

void Text::append(const Text& other)
{
    std::size_t begin = 0;
    for (const Run& run : other.m_runs) {
        append(std::string_view(other.m_chars).substr(begin, run.end - begin), run.trust);
        begin = run.end;
    }
}

Text Text::slice(std::size_t begin, std::size_t size) const
{
    Text part;
    const std::size_t end = begin + size;
    auto run = std::ranges::upper_bound(m_runs, begin, {}, &Run::end);
    for (std::size_t from = begin; from < end; ++run) {
        const std::size_t to = std::min(end, run->end);
        part.append(std::string_view(m_chars).substr(from, to - from), run->trust);
        from = to;
    }
    return part;
}

std::vector<Segment> Text::segments() const
{
    std::vector<Segment> segments;
    std::size_t begin = 0;
    for (const Run& run : m_runs) {
        segments.push_back({m_chars.substr(begin, run.end - begin), run.trust});
        begin = run.end;
    }
    return segments;
}

// --- Syntax
// ----------------------------------------------------------------------------------------------------

namespace {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

// A step behind a value: ".name", "[index]", "[from:to]", "(arguments)", "| filter", "is test".
struct Postfix
{
    enum class Kind
    {
        attribute,
        subscript,
        slice,
        call,
        filter,
        test,
        negated_test,
    } kind;
    std::string name;
    std::vector<ExpressionPtr> arguments; // of a slice: two, either of them may be null
    std::vector<std::pair<std::string, ExpressionPtr>> named;
};

// Chains such as a + b + c are one node, so that only brackets make the tree deeper.
struct Expression
{
    enum class Kind
    {
        literal,
        name,
        list,
        postfix,     // operands[0], then steps
        negation,    // not operands[0]
        minus,       // -operands[0]
        conjunction, // operands joined by "and"
        disjunction, // by "or"
        arithmetic,  // by operators[i] between operands[i] and operands[i + 1]
        comparison,  // the same
        choice,      // operands[0] if operands[1] else operands[2]
    } kind;
    int line = 0;
    Value literal;
    std::string name;
    std::vector<ExpressionPtr> operands;
    std::vector<std::string> operators;
    std::vector<Postfix> steps;
};

struct Statement;
using Block = std::vector<Statement>;

struct Branch
{
    ExpressionPtr condition; // null: else
    Block body;
};

struct Statement
{
    enum class Kind
    {
        text,
        output,
        assignment, // name[.attribute] = expression
        loop,       // for name in expression
        condition,  // branches
    } kind;
    int line = 0;
    std::string text; // or the name
    std::string attribute;
    ExpressionPtr expression;
    Block body;
    std::vector<Branch> branches;
};

// --- Lexer
// -----------------------------------------------------------------------------------------------------

struct Token
{
    enum class Kind
    {
        text,        // between tags
        tag_begin,   // {%
        tag_end,     // %}
        print_begin, // {{
        print_end,   // }}
        name,
        string,
        integer,
        sign, // operators and brackets
        end,
    } kind;
    std::string text;
    int line = 0;
};

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

// --- Parser
// ----------------------------------------------------------------------------------------------------

class Parser
{
public:
    Parser(std::vector<Token> tokens, std::string_view file)
        : m_tokens(std::move(tokens))
        , m_file(file)
    {
    }

    Block parse()
    {
        Block block = parse_block({});
        if (peek().kind != Token::Kind::end)
            fail("expected the end of the template, found a tag that closes nothing");
        return block;
    }

private:
    // Counts what is open, since each level costs call stack here and in rendering.
    class Level
    {
    public:
        explicit Level(Parser& parser)
            : m_parser(parser)
        {
            if (++m_parser.m_depth > deepest_nesting)
                m_parser.fail(
                    fmt::format("expected at most {} levels of nesting, found more", deepest_nesting));
        }
        ~Level() { --m_parser.m_depth; }
        Level(const Level&) = delete;
        Level& operator=(const Level&) = delete;

    private:
        Parser& m_parser;
    };

    [[noreturn]] void fail(const std::string& what) const
    {
        throw Error(m_file, fmt::format("chat template, line {}", peek().line), what);
    }

    const Token& peek(std::size_t ahead = 0) const
    {
        return m_tokens[std::min(m_at + ahead, m_tokens.size() - 1)];
    }
    const Token& take() { return m_tokens[m_at + 1 < m_tokens.size() ? m_at++ : m_at]; }
    bool is(Token::Kind kind, std::string_view text) const
    {
        return peek().kind == kind && peek().text == text;
    }
    bool is_name(std::string_view text) const { return is(Token::Kind::name, text); }
    bool is_sign(std::string_view text) const { return is(Token::Kind::sign, text); }

    bool take_if(bool holds)
    {
        if (holds)
            take();
        return holds;
    }

    std::string describe() const
    {
        return peek().text.empty() ? "the end of the tag" : '"' + printable(peek().text) + '"';
    }

    void expect_sign(std::string_view text)
    {
        if (!take_if(is_sign(text)))
            fail(fmt::format("expected \"{}\", found {}", text, describe()));
    }

    void expect_tag_end()
    {
        if (!take_if(peek().kind == Token::Kind::tag_end))
            fail("expected the end of the tag, found " + describe());
    }

    std::string expect_name()
    {
        if (peek().kind != Token::Kind::name)
            fail("expected a name, found " + describe());
        return take().text;
    }

    // Statements up to a tag with one of these words, which is left for the caller.
    Block parse_block(std::initializer_list<std::string_view> closing)
    {
        const Level level(*this);
        Block block;
        while (true) {
            const Token& token = peek();
            if (token.kind == Token::Kind::end)
                return block;
            Statement statement{};
            statement.line = token.line;
            if (token.kind == Token::Kind::text) {
                statement.kind = Statement::Kind::text;
                statement.text = take().text;
            } else if (token.kind == Token::Kind::print_begin) {
                take();
                statement.kind = Statement::Kind::output;
                statement.expression = parse_expression();
                if (!take_if(peek().kind == Token::Kind::print_end))
                    fail("expected }}, found " + describe());
            } else {
                if (std::ranges::find(closing, std::string_view(peek(1).text)) != closing.end())
                    return block;
                take();
                parse_tag(statement);
            }
            block.push_back(std::move(statement));
        }
    }

    void parse_tag(Statement& statement)
    {
        const std::string word = expect_name();
        if (word == "set")
            parse_set(statement);
        else if (word == "if")
            parse_if(statement);
        else if (word == "for")
            parse_for(statement);
        else
            fail(fmt::format("expected set, if or for, found \"{}\"", printable(word)));
    }

    void parse_set(Statement& statement)
    {
        statement.kind = Statement::Kind::assignment;
        statement.text = expect_name();
        if (take_if(is_sign(".")))
            statement.attribute = expect_name();
        expect_sign("=");
        statement.expression = parse_expression();
        expect_tag_end();
    }

    void parse_if(Statement& statement)
    {
        statement.kind = Statement::Kind::condition;
        std::string word = "if";
        while (word != "endif") {
            Branch branch;
            if (word != "else")
                branch.condition = parse_expression();
            expect_tag_end();
            branch.body = word == "else" ? parse_block({"endif"}) : parse_block({"elif", "else", "endif"});
            statement.branches.push_back(std::move(branch));
            word = close_block("endif");
        }
        expect_tag_end();
    }

    void parse_for(Statement& statement)
    {
        statement.kind = Statement::Kind::loop;
        statement.text = expect_name();
        if (!take_if(is_name("in")))
            fail("expected in, found " + describe());
        statement.expression = parse_expression();
        expect_tag_end();
        statement.body = parse_block({"endfor"});
        close_block("endfor");
        expect_tag_end();
    }

    // The word of the tag that ended a block.
    std::string close_block(std::string_view expected)
    {
        if (!take_if(peek().kind == Token::Kind::tag_begin))
            fail(fmt::format("expected {}, found the end of the template", expected));
        return expect_name();
    }

    ExpressionPtr parse_expression()
    {
        const Level level(*this);
        ExpressionPtr value = parse_or();
        if (!take_if(is_name("if")))
            return value;
        std::unique_ptr<Expression> choice = make(Expression::Kind::choice);
        choice->operands.push_back(std::move(value));
        choice->operands.push_back(parse_or());
        if (take_if(is_name("else"))) {
            choice->operands.push_back(parse_expression());
        } else {
            choice->operands.push_back(make(Expression::Kind::literal)); // undefined
        }
        return choice;
    }

    std::unique_ptr<Expression> make(Expression::Kind kind) const
    {
        auto expression = std::make_unique<Expression>();
        expression->kind = kind;
        expression->line = peek().line;
        return expression;
    }

    // operand (word operand)*
    template <class Operand>
    ExpressionPtr parse_words(Expression::Kind kind, std::string_view word, Operand operand)
    {
        ExpressionPtr first = operand();
        if (!is_name(word))
            return first;
        std::unique_ptr<Expression> chain = make(kind);
        chain->operands.push_back(std::move(first));
        while (take_if(is_name(word)))
            chain->operands.push_back(operand());
        return chain;
    }

    ExpressionPtr parse_or()
    {
        return parse_words(Expression::Kind::disjunction, "or", [this] { return parse_and(); });
    }

    ExpressionPtr parse_and()
    {
        return parse_words(Expression::Kind::conjunction, "and", [this] { return parse_not(); });
    }

    ExpressionPtr parse_not()
    {
        if (!is_name("not"))
            return parse_comparison();
        const Level level(*this);
        std::unique_ptr<Expression> negation = make(Expression::Kind::negation);
        take();
        negation->operands.push_back(parse_not());
        return negation;
    }

    // operand (operator operand)*; the operator's text, or empty.
    template <class Operand, class Operator>
    ExpressionPtr parse_chain(Expression::Kind kind, Operand operand, Operator take_operator)
    {
        ExpressionPtr first = operand();
        std::string sign = take_operator();
        if (sign.empty())
            return first;
        std::unique_ptr<Expression> chain = make(kind);
        chain->operands.push_back(std::move(first));
        for (; !sign.empty(); sign = take_operator()) {
            chain->operators.push_back(sign);
            chain->operands.push_back(operand());
        }
        return chain;
    }

    std::string take_sign(std::initializer_list<std::string_view> signs)
    {
        for (const std::string_view sign : signs)
            if (take_if(is_sign(sign)))
                return std::string(sign);
        return {};
    }

    ExpressionPtr parse_comparison()
    {
        return parse_chain(
            Expression::Kind::comparison, [this] { return parse_sum(); },
            [this]() -> std::string {
                if (take_if(is_name("in")))
                    return "in";
                if (is_name("not") && peek(1).kind == Token::Kind::name && peek(1).text == "in") {
                    take();
                    take();
                    return "not in";
                }
                return take_sign({"==", "!=", "<=", ">=", "<", ">"});
            });
    }

    ExpressionPtr parse_sum()
    {
        return parse_chain(
            Expression::Kind::arithmetic, [this] { return parse_concatenation(); },
            [this] {
                return take_sign({"+", "-"});
            });
    }

    ExpressionPtr parse_concatenation()
    {
        return parse_chain(
            Expression::Kind::arithmetic, [this] { return parse_product(); },
            [this] { return take_sign({"~"}); });
    }

    ExpressionPtr parse_product()
    {
        return parse_chain(
            Expression::Kind::arithmetic, [this] { return parse_unary(); },
            [this] {
                return take_sign({"*", "//", "%"});
            });
    }

    ExpressionPtr parse_unary()
    {
        if (!is_sign("-"))
            return parse_postfix();
        const Level level(*this);
        std::unique_ptr<Expression> minus = make(Expression::Kind::minus);
        take();
        minus->operands.push_back(parse_unary());
        return minus;
    }

    ExpressionPtr parse_postfix()
    {
        ExpressionPtr value = parse_primary();
        std::vector<Postfix> steps;
        while (std::optional<Postfix> step = parse_step())
            steps.push_back(std::move(*step));
        if (steps.empty())
            return value;
        std::unique_ptr<Expression> postfix = make(Expression::Kind::postfix);
        postfix->operands.push_back(std::move(value));
        postfix->steps = std::move(steps);
        return postfix;
    }

    std::optional<Postfix> parse_step()
    {
        Postfix step{};
        if (take_if(is_sign("."))) {
            step.kind = Postfix::Kind::attribute;
            step.name = expect_name();
        } else if (take_if(is_sign("["))) {
            parse_subscript(step);
        } else if (take_if(is_sign("("))) {
            step.kind = Postfix::Kind::call;
            parse_arguments(step);
        } else if (take_if(is_sign("|"))) {
            step.kind = Postfix::Kind::filter;
            step.name = expect_name();
            if (take_if(is_sign("(")))
                parse_arguments(step);
        } else if (take_if(is_name("is"))) {
            step.kind = take_if(is_name("not")) ? Postfix::Kind::negated_test : Postfix::Kind::test;
            step.name = expect_name();
        } else {
            return std::nullopt;
        }
        return step;
    }

    void parse_subscript(Postfix& step)
    {
        step.kind = Postfix::Kind::subscript;
        step.arguments.push_back(is_sign(":") ? nullptr : parse_expression());
        if (take_if(is_sign(":"))) {
            step.kind = Postfix::Kind::slice;
            step.arguments.push_back(is_sign("]") ? nullptr : parse_expression());
        }
        expect_sign("]");
    }

    void parse_arguments(Postfix& step)
    {
        while (!take_if(is_sign(")"))) {
            if (peek().kind == Token::Kind::name && peek(1).kind == Token::Kind::sign &&
                peek(1).text == "=") {
                std::string name = take().text;
                take();
                step.named.emplace_back(std::move(name), parse_expression());
            } else {
                step.arguments.push_back(parse_expression());
            }
            if (!is_sign(")"))
                expect_sign(",");
        }
    }

    ExpressionPtr parse_primary()
    {
        const Token& token = peek();
        std::unique_ptr<Expression> expression = make(Expression::Kind::literal);
        if (token.kind == Token::Kind::string) {
            Text text;
            while (peek().kind == Token::Kind::string) // neighbouring literals are one, as in Python
                text.append(take().text, Trust::trusted);
            expression->literal = Value::string(std::move(text));
        } else if (token.kind == Token::Kind::integer) {
            expression->literal.data = parse_integer(token.text);
            take();
        } else if (token.kind == Token::Kind::name) {
            parse_word(*expression);
        } else if (take_if(is_sign("("))) {
            ExpressionPtr inner = parse_expression();
            expect_sign(")");
            return inner;
        } else if (take_if(is_sign("["))) {
            expression->kind = Expression::Kind::list;
            while (!take_if(is_sign("]"))) {
                expression->operands.push_back(parse_expression());
                if (!is_sign("]"))
                    expect_sign(",");
            }
        } else {
            fail("expected a value, found " + describe());
        }
        return expression;
    }

    std::int64_t parse_integer(const std::string& digits) const
    {
        std::int64_t value = 0;
        const char* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, value);
        if (error != std::errc() || stop != end || value > (std::int64_t{1} << 31))
            fail(fmt::format("expected a 32-bit integer, found {}", printable(digits)));
        return value;
    }

    void parse_word(Expression& expression)
    {
        const std::string word = take().text;
        if (word == "true" || word == "True")
            expression.literal.data = true;
        else if (word == "false" || word == "False")
            expression.literal.data = false;
        else if (word == "none" || word == "None")
            expression.literal.data = None{};
        else {
            expression.kind = Expression::Kind::name;
            expression.name = word;
        }
    }

    std::vector<Token> m_tokens;
    std::string m_file;
    std::size_t m_at = 0;
    int m_depth = 0;
};

} // namespace

struct Template::Program
{
    std::string file;
    Block block;
};

// --- Evaluation
// ------------------------------------------------------------------------------------------------

namespace {

const Text* as_text(const Value& value)
{
    const auto* text = std::get_if<std::shared_ptr<const Text>>(&value.data);
    return text ? text->get() : nullptr;
}

const List* as_list(const Value& value)
{
    const auto* list = std::get_if<std::shared_ptr<const List>>(&value.data);
    return list ? list->get() : nullptr;
}

Map* as_map(const Value& value)
{
    const auto* map = std::get_if<std::shared_ptr<Map>>(&value.data);
    return map ? map->get() : nullptr;
}

bool is_undefined(const Value& value)
{
    return std::holds_alternative<Undefined>(value.data);
}

// true and false count as 1 and 0.
std::optional<std::int64_t> as_integer(const Value& value)
{
    if (const auto* number = std::get_if<std::int64_t>(&value.data))
        return *number;
    if (const auto* flag = std::get_if<bool>(&value.data))
        return *flag;
    return std::nullopt;
}

const Value* find_member(const Map& map, std::string_view name)
{
    const auto member = std::ranges::find(map, name, &Map::value_type::first);
    return member == map.end() ? nullptr : &member->second;
}

std::string_view type_name(const Value& value)
{
    constexpr std::string_view names[] = {
        "something undefined", "none", "true or false", "a number", "a text", "a list", "a mapping"};
    return names[value.data.index()];
}

// The bytes of text that a range of characters covers. Positions count code points.
std::size_t byte_position(const std::string& text, std::size_t characters)
{
    std::size_t i = 0;
    for (; i < text.size() && characters > 0; --characters)
        do
            ++i;
        while (i < text.size() && (static_cast<unsigned char>(text[i]) & 0xC0) == 0x80);
    return i;
}

std::size_t character_count(const std::string& text)
{
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

class Renderer
{
public:
    Renderer(const std::string& file, Map variables, const Limits& limits)
        : m_file(file)
        , m_limits(limits)
    {
        m_scopes.push_back(std::move(variables));
    }

    Text render(const Block& block)
    {
        run(block);
        return std::move(m_output);
    }

private:
    [[noreturn]] void fail(const std::string& what) const
    {
        throw Error(m_file, fmt::format("chat template, line {}", m_line), what);
    }

    // One step, and one more for each 64 bytes, list items or comparisons that it takes.
    void spend(std::uint64_t work = 0)
    {
        m_steps += 1 + work / 64;
        if (m_steps > m_limits.steps)
            fail(fmt::format("expected at most {} steps, found more", m_limits.steps));
    }

    // Looking for one text in another compares each place with all of it in the worst case.
    void spend_search(const std::string& text, const std::string& part)
    {
        spend(text.size() * std::max<std::size_t>(part.size(), 1));
    }

    void write(const Text& text)
    {
        spend(text.chars().size());
        m_output.append(text);
        if (m_output.chars().size() > m_limits.output)
            fail(fmt::format("expected at most {} bytes of output, found more", m_limits.output));
    }

    // Statements
    // -----------------------------------------------------------------------------------------------

    void run(const Block& block)
    {
        for (const Statement& statement : block) {
            m_line = statement.line;
            spend();
            switch (statement.kind) {
            case Statement::Kind::text:
                write(Text(statement.text, Trust::trusted));
                break;
            case Statement::Kind::output:
                write(to_text(evaluate(*statement.expression)));
                break;
            case Statement::Kind::assignment:
                assign(statement);
                break;
            case Statement::Kind::loop:
                loop(statement);
                break;
            case Statement::Kind::condition:
                for (const Branch& branch : statement.branches) {
                    if (branch.condition && !is_true(evaluate(*branch.condition)))
                        continue;
                    run(branch.body);
                    break;
                }
                break;
            }
        }
    }

    void assign(const Statement& statement)
    {
        Value value = evaluate(*statement.expression);
        if (statement.attribute.empty()) {
            store(m_scopes.back(), statement.text, std::move(value));
            return;
        }
        const Value target = lookup(statement.text);
        spend(m_namespaces.size());
        Map* map = as_map(target);
        if (!map || std::ranges::find(m_namespaces, map) == m_namespaces.end())
            fail(fmt::format("expected a namespace, found {}", type_name(target)));
        if (as_map(value))
            fail("expected a plain value for a namespace, found a mapping");
        store(*map, statement.attribute, std::move(value));
    }

    void store(Map& map, const std::string& name, Value value)
    {
        spend(map.size());
        const auto member = std::ranges::find(map, name, &Map::value_type::first);
        if (member == map.end())
            map.emplace_back(name, std::move(value));
        else
            member->second = std::move(value);
    }

    // What a loop sets does not leave it, and each round starts anew.
    void loop(const Statement& statement)
    {
        const Value sequence = evaluate(*statement.expression);
        if (is_undefined(sequence))
            return;
        const List* items = as_list(sequence);
        if (!items)
            fail(fmt::format("expected a list to go through, found {}", type_name(sequence)));
        for (std::size_t i = 0; i < items->size(); ++i) {
            spend();
            const auto index = static_cast<std::int64_t>(i);
            const auto size = static_cast<std::int64_t>(items->size());
            Map state = {{"index0", {index}},
                         {"index", {index + 1}},
                         {"first", {i == 0}},
                         {"last", {index + 1 == size}},
                         {"length", {size}}};
            m_scopes.push_back({{statement.text, (*items)[i]}, {"loop", Value::map(std::move(state))}});
            run(statement.body);
            m_scopes.pop_back();
        }
    }

    Value lookup(const std::string& name)
    {
        for (auto scope = m_scopes.rbegin(); scope != m_scopes.rend(); ++scope) {
            spend(scope->size());
            if (const Value* value = find_member(*scope, name))
                return *value;
        }
        return {};
    }

    // Expressions
    // ----------------------------------------------------------------------------------------------

    Value evaluate(const Expression& expression)
    {
        m_line = expression.line;
        spend();
        const auto& operands = expression.operands;
        switch (expression.kind) {
        case Expression::Kind::literal:
            return expression.literal;
        case Expression::Kind::name:
            return lookup(expression.name);
        case Expression::Kind::list: {
            List items;
            for (const ExpressionPtr& operand : operands)
                items.push_back(evaluate(*operand));
            return Value::list(std::move(items));
        }
        case Expression::Kind::postfix:
            return evaluate_postfix(expression);
        case Expression::Kind::negation:
            return {!is_true(evaluate(*operands[0]))};
        case Expression::Kind::minus: {
            const Value value = evaluate(*operands[0]);
            const std::optional<std::int64_t> number = as_integer(value);
            if (!number)
                fail(fmt::format("expected a number, found {}", type_name(value)));
            return {checked(-*number)};
        }
        case Expression::Kind::conjunction:
        case Expression::Kind::disjunction: {
            // As in Python, the result is the operand that decided.
            const bool stops_at = expression.kind == Expression::Kind::disjunction;
            Value value;
            for (const ExpressionPtr& operand : operands) {
                value = evaluate(*operand);
                if (is_true(value) == stops_at)
                    break;
            }
            return value;
        }
        case Expression::Kind::arithmetic: {
            Value value = evaluate(*operands[0]);
            for (std::size_t i = 0; i < expression.operators.size(); ++i)
                value = combine(value, expression.operators[i], evaluate(*operands[i + 1]));
            return value;
        }
        case Expression::Kind::comparison: {
            Value left = evaluate(*operands[0]);
            for (std::size_t i = 0; i < expression.operators.size(); ++i) {
                Value right = evaluate(*operands[i + 1]);
                if (!compare(left, expression.operators[i], right))
                    return {false};
                left = std::move(right);
            }
            return {true};
        }
        case Expression::Kind::choice:
            return evaluate(*operands[is_true(evaluate(*operands[1])) ? 0 : 2]);
        }
        return {};
    }

    // Keeps numbers small, so that no sum or product of two overflows.
    std::int64_t checked(std::int64_t number) const
    {
        constexpr std::int64_t most = std::int64_t{1} << 31;
        if (number < -most || number > most)
            fail("expected a 32-bit integer as a result, found a larger one");
        return number;
    }

    static bool is_true(const Value& value)
    {
        if (const Text* text = as_text(value))
            return !text->chars().empty();
        if (const List* list = as_list(value))
            return !list->empty();
        if (const Map* map = as_map(value))
            return !map->empty();
        return as_integer(value).value_or(0) != 0;
    }

    Text to_text(const Value& value) const
    {
        if (const Text* text = as_text(value))
            return *text;
        if (is_undefined(value))
            return {};
        if (std::holds_alternative<None>(value.data))
            return Text("None", Trust::trusted);
        if (const auto* flag = std::get_if<bool>(&value.data))
            return Text(*flag ? "True" : "False", Trust::trusted);
        if (const std::optional<std::int64_t> number = as_integer(value))
            return Text(fmt::to_string(*number), Trust::trusted);
        fail(fmt::format("expected a text to write, found {}", type_name(value)));
    }

    Value combine(const Value& left, const std::string& sign, const Value& right)
    {
        if (sign == "~")
            return join(to_text(left), to_text(right));
        if (as_text(left) && as_text(right) && sign == "+")
            return join(*as_text(left), *as_text(right));
        if (as_list(left) && as_list(right) && sign == "+") {
            List items = *as_list(left);
            spend(64 * (items.size() + as_list(right)->size())); // an item is larger than a byte
            items.insert(items.end(), as_list(right)->begin(), as_list(right)->end());
            return Value::list(std::move(items));
        }
        const std::optional<std::int64_t> a = as_integer(left);
        const std::optional<std::int64_t> b = as_integer(right);
        if (!a || !b)
            fail(fmt::format("expected two texts or two numbers for \"{}\", found {} and {}", sign,
                             type_name(left), type_name(right)));
        if (sign == "+")
            return {checked(*a + *b)};
        if (sign == "-")
            return {checked(*a - *b)};
        if (sign == "*")
            return {checked(*a * *b)};
        if (*b == 0)
            fail("expected a divisor other than 0");
        // Python rounds down, and the remainder has the sign of the divisor.
        const std::int64_t remainder = (*a % *b + *b) % *b;
        return {sign == "%" ? remainder : (*a - remainder) / *b};
    }

    Value join(Text left, const Text& right)
    {
        const std::size_t size = left.chars().size() + right.chars().size();
        spend(size);
        if (size > m_limits.output)
            fail(fmt::format("expected texts of at most {} bytes, found a longer one", m_limits.output));
        left.append(right);
        return Value::string(std::move(left));
    }

    bool equal(const Value& left, const Value& right)
    {
        if (as_text(left) && as_text(right)) {
            spend(as_text(left)->chars().size());
            return as_text(left)->chars() == as_text(right)->chars();
        }
        const std::optional<std::int64_t> a = as_integer(left);
        const std::optional<std::int64_t> b = as_integer(right);
        if (a && b)
            return *a == *b;
        if (as_list(left) || as_map(left))
            fail(fmt::format("expected plain values to compare, found {}", type_name(left)));
        return left.data.index() == right.data.index() && !a && !as_text(left);
    }

    bool contains(const Value& part, const Value& whole)
    {
        if (const Text* text = as_text(whole)) {
            if (!as_text(part))
                fail(fmt::format("expected a text before \"in\", found {}", type_name(part)));
            spend_search(text->chars(), as_text(part)->chars());
            return text->chars().find(as_text(part)->chars()) != std::string::npos;
        }
        if (const Map* map = as_map(whole))
            return as_text(part) && find_member(*map, as_text(part)->chars());
        if (const List* list = as_list(whole)) {
            return std::ranges::any_of(*list, [&](const Value& item) {
                spend();
                return equal(item, part);
            });
        }
        if (is_undefined(whole))
            return false;
        fail(fmt::format("expected a text, list or mapping after \"in\", found {}", type_name(whole)));
    }

    bool compare(const Value& left, const std::string& sign, const Value& right)
    {
        if (sign == "==")
            return equal(left, right);
        if (sign == "!=")
            return !equal(left, right);
        if (sign == "in")
            return contains(left, right);
        if (sign == "not in")
            return !contains(left, right);
        const std::optional<std::int64_t> a = as_integer(left);
        const std::optional<std::int64_t> b = as_integer(right);
        if (!a || !b)
            fail(fmt::format("expected two numbers for \"{}\", found {} and {}", sign, type_name(left),
                             type_name(right)));
        return sign == "<" ? *a < *b : sign == ">" ? *a > *b : sign == "<=" ? *a <= *b : *a >= *b;
    }

    Value evaluate_postfix(const Expression& expression)
    {
        const auto& steps = expression.steps;
        const Expression& base = *expression.operands[0];
        std::size_t i = 0;
        Value value;
        if (base.kind == Expression::Kind::name && steps[0].kind == Postfix::Kind::call) {
            value = call_function(base.name, steps[0]);
            i = 1;
        } else {
            value = evaluate(base);
        }
        for (; i < steps.size(); ++i) {
            spend();
            const bool is_method = steps[i].kind == Postfix::Kind::attribute && i + 1 < steps.size() &&
                                   steps[i + 1].kind == Postfix::Kind::call;
            if (is_method) {
                value = call_method(value, steps[i].name, steps[i + 1]);
                ++i;
            } else {
                value = apply(value, steps[i]);
            }
        }
        return value;
    }

    Value apply(const Value& value, const Postfix& step)
    {
        switch (step.kind) {
        case Postfix::Kind::attribute:
            return member(value, Value::string(Text(step.name, Trust::trusted)));
        case Postfix::Kind::subscript:
            return member(value, evaluate(*step.arguments[0]));
        case Postfix::Kind::slice:
            return slice(value, step);
        case Postfix::Kind::filter:
            return filter(value, step);
        case Postfix::Kind::test:
            return {test(value, step.name)};
        case Postfix::Kind::negated_test:
            return {!test(value, step.name)};
        case Postfix::Kind::call:
            break;
        }
        fail("expected a function that templates have, found a call of something else");
    }

    Value member(const Value& value, const Value& key)
    {
        if (const Map* map = as_map(value)) {
            spend(map->size());
            const Value* found = as_text(key) ? find_member(*map, as_text(key)->chars()) : nullptr;
            return found ? *found : Value{};
        }
        const std::optional<std::int64_t> index = as_integer(key);
        if (const List* list = as_list(value); list && index) {
            const auto size = static_cast<std::int64_t>(list->size());
            const std::int64_t i = *index < 0 ? *index + size : *index;
            return i >= 0 && i < size ? (*list)[static_cast<std::size_t>(i)] : Value{};
        }
        if (as_text(value) && index)
            return character(*as_text(value), *index);
        if (is_undefined(value) || std::holds_alternative<None>(value.data))
            fail(fmt::format("expected a mapping or list, found {}", type_name(value)));
        return {};
    }

    Value character(const Text& text, std::int64_t index)
    {
        spend(text.chars().size());
        const auto size = static_cast<std::int64_t>(character_count(text.chars()));
        const std::int64_t i = index < 0 ? index + size : index;
        if (i < 0 || i >= size)
            return {};
        const std::size_t begin = byte_position(text.chars(), static_cast<std::size_t>(i));
        const std::size_t end = byte_position(text.chars(), static_cast<std::size_t>(i) + 1);
        return Value::string(text.slice(begin, end - begin));
    }

    Value slice(const Value& value, const Postfix& step)
    {
        const Text* text = as_text(value);
        const List* list = as_list(value);
        if (!text && !list)
            fail(fmt::format("expected a text or list to cut, found {}", type_name(value)));
        spend(text ? text->chars().size() : 64 * list->size());
        const auto size = static_cast<std::int64_t>(text ? character_count(text->chars()) : list->size());
        const auto bound = [&](const ExpressionPtr& argument, std::int64_t otherwise) {
            if (!argument)
                return otherwise;
            const Value number = evaluate(*argument);
            const std::optional<std::int64_t> i = as_integer(number);
            if (!i)
                fail(fmt::format("expected a number to cut at, found {}", type_name(number)));
            return std::clamp<std::int64_t>(*i < 0 ? *i + size : *i, 0, size);
        };
        const auto begin = static_cast<std::size_t>(bound(step.arguments[0], 0));
        const auto end = std::max(begin, static_cast<std::size_t>(bound(step.arguments[1], size)));
        if (list)
            return Value::list(List(list->begin() + static_cast<std::ptrdiff_t>(begin),
                                    list->begin() + static_cast<std::ptrdiff_t>(end)));
        const std::size_t first = byte_position(text->chars(), begin);
        return Value::string(text->slice(first, byte_position(text->chars(), end) - first));
    }

    bool test(const Value& value, const std::string& name)
    {
        if (name == "defined")
            return !is_undefined(value);
        if (name == "undefined")
            return is_undefined(value);
        if (name == "none")
            return std::holds_alternative<None>(value.data);
        if (name == "string")
            return as_text(value) != nullptr;
        if (name == "mapping")
            return as_map(value) != nullptr;
        if (name == "iterable" || name == "sequence")
            return as_text(value) || as_list(value) || as_map(value);
        if (name == "true" || name == "false") {
            const auto* flag = std::get_if<bool>(&value.data);
            return flag && *flag == (name == "true");
        }
        fail(fmt::format("expected a known test, found \"{}\"", printable(name)));
    }

    const Text& text_of(const Value& value, std::string_view use) const
    {
        const Text* text = as_text(value);
        if (!text)
            fail(fmt::format("expected a text for {}, found {}", use, type_name(value)));
        return *text;
    }

    Value strip(const Text& text, bool left, bool right)
    {
        const std::string& chars = text.chars();
        spend(chars.size());
        const std::size_t first = left ? chars.find_first_not_of(white_space) : 0;
        if (first == std::string::npos)
            return Value::string({});
        const std::size_t end = right ? chars.find_last_not_of(white_space) + 1 : chars.size();
        return Value::string(text.slice(first, std::max(first, end) - first));
    }

    Value filter(const Value& value, const Postfix& step)
    {
        const std::string& name = step.name;
        if (name == "trim")
            return strip(text_of(value, "trim"), true, true);
        if (name == "string")
            return as_text(value) ? value : Value::string(to_text(value));
        if (name == "length" || name == "count")
            return length(value);
        if (name == "first")
            return member(value, {std::int64_t{0}});
        if (name == "last")
            return member(value, {std::int64_t{-1}});
        if (name == "default" || name == "d")
            return is_undefined(value) && !step.arguments.empty() ? evaluate(*step.arguments[0]) : value;
        fail(fmt::format("expected a known filter, found \"{}\"", printable(name)));
    }

    Value length(const Value& value)
    {
        if (const Text* text = as_text(value)) {
            spend(text->chars().size());
            return {static_cast<std::int64_t>(character_count(text->chars()))};
        }
        if (const List* list = as_list(value))
            return {static_cast<std::int64_t>(list->size())};
        if (const Map* map = as_map(value))
            return {static_cast<std::int64_t>(map->size())};
        fail(fmt::format("expected a text or list to count, found {}", type_name(value)));
    }

    Value call_method(const Value& value, const std::string& name, const Postfix& call)
    {
        const Text& text = text_of(value, "." + name + "()");
        std::vector<Value> arguments;
        for (const ExpressionPtr& argument : call.arguments)
            arguments.push_back(evaluate(*argument));
        if (arguments.empty() && (name == "strip" || name == "lstrip" || name == "rstrip"))
            return strip(text, name != "rstrip", name != "lstrip");
        if (arguments.size() == 1 && as_text(arguments[0])) {
            const std::string& argument = as_text(arguments[0])->chars();
            spend(argument.size());
            if (name == "startswith")
                return {text.chars().starts_with(argument)};
            if (name == "endswith")
                return {text.chars().ends_with(argument)};
            if (name == "split" && !argument.empty())
                return split(text, argument);
        }
        fail(fmt::format("expected a known method of texts, found \"{}\" with {} arguments", printable(name),
                         arguments.size()));
    }

    Value split(const Text& text, const std::string& separator)
    {
        spend_search(text.chars(), separator);
        List parts;
        std::size_t begin = 0;
        while (true) {
            const std::size_t end = text.chars().find(separator, begin);
            const bool is_last = end == std::string::npos;
            spend(64);
            parts.push_back(Value::string(text.slice(begin, (is_last ? text.chars().size() : end) - begin)));
            if (is_last)
                return Value::list(std::move(parts));
            begin = end + separator.size();
        }
    }

    Value call_function(const std::string& name, const Postfix& call)
    {
        if (name == "namespace") {
            Map members;
            for (const auto& [member_name, expression] : call.named) {
                Value value = evaluate(*expression);
                if (as_map(value))
                    fail("expected plain values for a namespace, found a mapping");
                store(members, member_name, std::move(value));
            }
            Value value = Value::map(std::move(members));
            m_namespaces.push_back(as_map(value));
            m_keep.push_back(value);
            return value;
        }
        std::vector<Value> arguments;
        for (const ExpressionPtr& argument : call.arguments)
            arguments.push_back(evaluate(*argument));
        if (name == "raise_exception")
            throw Refusal(m_file, "chat template",
                          "the template refuses these messages: " +
                              printable(arguments.empty() ? "" : to_text(arguments[0]).chars()));
        if (name == "range" && (arguments.size() == 1 || arguments.size() == 2))
            return range(arguments);
        fail(fmt::format("expected a function that templates have, found \"{}\"", printable(name)));
    }

    Value range(const std::vector<Value>& arguments)
    {
        const std::optional<std::int64_t> begin =
            arguments.size() == 2 ? as_integer(arguments[0]) : std::optional<std::int64_t>(0);
        const std::optional<std::int64_t> end = as_integer(arguments.back());
        if (!begin || !end || *end - *begin > longest_range)
            fail(fmt::format("expected a range of at most {} numbers, found another", longest_range));
        List numbers;
        for (std::int64_t i = *begin; i < *end; ++i) {
            spend();
            numbers.push_back({i});
        }
        return Value::list(std::move(numbers));
    }

    const std::string& m_file;
    const Limits& m_limits;
    std::vector<Map> m_scopes;
    std::vector<Value> m_keep;            // every namespace, until the end
    std::vector<const Map*> m_namespaces; // the only maps that may be changed
    Text m_output;
    std::uint64_t m_steps = 0;
    int m_line = 0;
};

} // namespace

Template::Template(std::string_view source, std::string_view file)
{
    Program program;
    program.file = file;
    program.block = Parser(Lexer(source, file).tokens(), file).parse();
    m_program = std::make_unique<const Program>(std::move(program));
}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

Text Template::render(Map variables, const Limits& limits) const
{
    return Renderer(m_program->file, std::move(variables), limits).render(m_program->block);
}

} // namespace engine::text::jinja
