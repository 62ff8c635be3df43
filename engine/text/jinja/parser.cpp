// SPDX-License-Identifier: MIT
#include "engine/text/jinja/parser.h"

#include "engine/error.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace engine::text::jinja {

namespace {

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
        else if (word == "generation")
            parse_generation(statement);
        else
            fail(fmt::format("expected set, if, for or generation, found \"{}\"", printable(word)));
    }

    void parse_set(Statement& statement)
    {
        statement.kind = Statement::Kind::assignment;
        statement.names.push_back(expect_name());
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
        do
            statement.names.push_back(expect_name());
        while (take_if(is_sign(",")));
        if (!take_if(is_name("in")))
            fail("expected in, found " + describe());
        statement.expression = parse_or(); // an "if" behind it belongs to the loop
        if (take_if(is_name("if")))
            statement.condition = parse_expression();
        expect_tag_end();
        statement.body = parse_block({"else", "endfor"});
        if (close_block("endfor") == "else") {
            expect_tag_end();
            statement.otherwise = parse_block({"endfor"});
            close_block("endfor");
        }
        expect_tag_end();
    }

    // Marks answers for those who train on them; it prints what it encloses.
    void parse_generation(Statement& statement)
    {
        statement.kind = Statement::Kind::group;
        expect_tag_end();
        statement.body = parse_block({"endgeneration"});
        close_block("endgeneration");
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

Block parse(std::vector<Token> tokens, std::string_view file)
{
    return Parser(std::move(tokens), file).parse();
}

} // namespace engine::text::jinja
