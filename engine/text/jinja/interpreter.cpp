// SPDX-License-Identifier: MIT
#include "engine/text/jinja/interpreter.h"

#include "engine/text/jinja/builtins.h"

#include <fmt/format.h>

#include <algorithm>

namespace engine::text::jinja {

namespace {

class Interpreter
{
public:
    Interpreter(Map variables, Work& work)
        : m_work(work)
    {
        m_scopes.push_back(std::move(variables));
    }

    Text take_output() { return std::move(m_output); }

    void run(const Block& block)
    {
        for (const Statement& statement : block) {
            m_work.stand_at(statement.line);
            m_work.spend();
            switch (statement.kind) {
            case Statement::Kind::text:
                write(Text(statement.text, Trust::trusted));
                break;
            case Statement::Kind::output:
                write(m_work.written(evaluate(*statement.expression)));
                break;
            case Statement::Kind::assignment:
                assign(statement);
                break;
            case Statement::Kind::loop:
                loop(statement);
                break;
            case Statement::Kind::condition:
                choose(statement);
                break;
            case Statement::Kind::group:
                run(statement.body);
                break;
            }
        }
    }

private:
    void write(const Text& text)
    {
        m_work.spend(text.chars().size());
        m_work.check_size(m_output.chars().size() + text.chars().size());
        m_output.append(text);
    }

    void choose(const Statement& statement)
    {
        for (const Branch& branch : statement.branches) {
            if (branch.condition && !is_true(evaluate(*branch.condition)))
                continue;
            return run(branch.body);
        }
    }

    void assign(const Statement& statement)
    {
        Value value = evaluate(*statement.expression);
        const std::string& name = statement.names.front();
        if (statement.attribute.empty())
            return store(m_scopes.back(), name, std::move(value));
        const Value target = lookup(name);
        Namespace* space = as_namespace(target);
        if (!space)
            m_work.fail(fmt::format("expected a namespace, found {}", type_name(target)));
        if (as_namespace(value))
            m_work.fail("expected a plain value for a namespace, found another namespace");
        store(space->members, statement.attribute, std::move(value));
    }

    void store(Map& map, const std::string& name, Value value)
    {
        m_work.spend(map.size());
        const auto member = std::ranges::find(map, name, &Map::value_type::first);
        if (member == map.end())
            map.emplace_back(name, std::move(value));
        else
            member->second = std::move(value);
    }

    // The names that one round of a loop binds.
    Map bound(const Statement& statement, const Value& item)
    {
        const std::vector<std::string>& names = statement.names;
        if (names.size() == 1)
            return {{names.front(), item}};
        const List* parts = as_list(item);
        if (!parts || parts->size() != names.size())
            m_work.fail(fmt::format("expected lists of {} values to go through, found {}", names.size(),
                                    type_name(item)));
        Map map;
        for (std::size_t i = 0; i < names.size(); ++i)
            map.emplace_back(names[i], (*parts)[i]);
        return map;
    }

    // What a loop goes through, less what its condition leaves out.
    List items_of(const Statement& statement)
    {
        const Value sequence = evaluate(*statement.expression);
        List all;
        if (const List* list = as_list(sequence)) {
            m_work.spend(list->size());
            all = *list;
        } else if (const Map* map = as_map(sequence); map && !as_namespace(sequence)) {
            for (const auto& [name, value] : *map)
                all.push_back(Value::string(Text(name, Trust::untrusted)));
        } else if (!is_undefined(sequence)) {
            m_work.fail(fmt::format("expected a list to go through, found {}", type_name(sequence)));
        }
        if (!statement.condition)
            return all;
        List chosen;
        for (const Value& item : all) {
            m_scopes.push_back(bound(statement, item));
            if (is_true(evaluate(*statement.condition)))
                chosen.push_back(item);
            m_scopes.pop_back();
        }
        return chosen;
    }

    // What a loop sets does not leave it, and each round starts anew.
    void loop(const Statement& statement)
    {
        const List items = items_of(statement);
        if (items.empty())
            return run(statement.otherwise);
        const auto size = static_cast<std::int64_t>(items.size());
        for (std::int64_t i = 0; i < size; ++i) {
            m_work.spend();
            const auto at = [&](std::int64_t index) {
                return index >= 0 && index < size ? items[static_cast<std::size_t>(index)] : Value{};
            };
            Map scope = bound(statement, at(i));
            scope.emplace_back("loop", Value::map({{"index0", {i}},
                                                   {"index", {i + 1}},
                                                   {"revindex0", {size - i - 1}},
                                                   {"revindex", {size - i}},
                                                   {"first", {i == 0}},
                                                   {"last", {i + 1 == size}},
                                                   {"length", {size}},
                                                   {"previtem", at(i - 1)},
                                                   {"nextitem", at(i + 1)}}));
            m_scopes.push_back(std::move(scope));
            run(statement.body);
            m_scopes.pop_back();
        }
    }

    Value lookup(const std::string& name)
    {
        for (auto scope = m_scopes.rbegin(); scope != m_scopes.rend(); ++scope) {
            m_work.spend(scope->size());
            if (const Value* value = find_member(*scope, name))
                return *value;
        }
        return {};
    }

    Value evaluate(const Expression& expression)
    {
        m_work.stand_at(expression.line);
        m_work.spend();
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
            return m_work.list(std::move(items));
        }
        case Expression::Kind::postfix:
            return evaluate_postfix(expression);
        case Expression::Kind::negation:
            return {!is_true(evaluate(*operands[0]))};
        case Expression::Kind::minus: {
            const Value value = evaluate(*operands[0]);
            const std::optional<std::int64_t> number = as_integer(value);
            if (!number)
                m_work.fail(fmt::format("expected a number, found {}", type_name(value)));
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
            m_work.fail("expected a 32-bit integer as a result, found a larger one");
        return number;
    }

    Value repeated(const Text& text, std::int64_t count)
    {
        const auto times = static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
        const std::uint64_t size = text.chars().size() * times; // both are below 2^32
        m_work.spend(size);
        m_work.check_size(size);
        Text result;
        for (std::uint64_t i = 0; i < times && size > 0; ++i)
            result.append(text);
        return Value::string(std::move(result));
    }

    Value combine(const Value& left, const std::string& sign, const Value& right)
    {
        if (sign == "~")
            return m_work.joined(m_work.written(left), m_work.written(right));
        if (as_text(left) && as_text(right) && sign == "+")
            return m_work.joined(*as_text(left), *as_text(right));
        if (as_list(left) && as_list(right) && sign == "+") {
            List items = *as_list(left);
            m_work.spend(64 * (items.size() + as_list(right)->size())); // an item is larger than a byte
            items.insert(items.end(), as_list(right)->begin(), as_list(right)->end());
            return m_work.list(std::move(items));
        }
        const std::optional<std::int64_t> a = as_integer(left);
        const std::optional<std::int64_t> b = as_integer(right);
        if (sign == "*" && as_text(left) && b)
            return repeated(*as_text(left), *b);
        if (sign == "*" && a && as_text(right))
            return repeated(*as_text(right), *a);
        if (!a || !b)
            m_work.fail(fmt::format("expected two texts or two numbers for \"{}\", found {} and {}", sign,
                                    type_name(left), type_name(right)));
        if (sign == "+")
            return {checked(*a + *b)};
        if (sign == "-")
            return {checked(*a - *b)};
        if (sign == "*")
            return {checked(*a * *b)};
        if (*b == 0)
            m_work.fail("expected a divisor other than 0");
        // Python rounds down, and the remainder has the sign of the divisor.
        const std::int64_t remainder = (*a % *b + *b) % *b;
        return {sign == "%" ? remainder : (*a - remainder) / *b};
    }

    bool equal(const Value& left, const Value& right)
    {
        if (as_text(left) && as_text(right)) {
            m_work.spend(as_text(left)->chars().size());
            return as_text(left)->chars() == as_text(right)->chars();
        }
        const std::optional<std::int64_t> a = as_integer(left);
        const std::optional<std::int64_t> b = as_integer(right);
        if (a && b)
            return *a == *b;
        if (as_list(left) || as_map(left))
            m_work.fail(fmt::format("expected plain values to compare, found {}", type_name(left)));
        return left.data.index() == right.data.index() && !a && !as_text(left);
    }

    bool contains(const Value& part, const Value& whole)
    {
        if (const Text* text = as_text(whole)) {
            if (!as_text(part))
                m_work.fail(fmt::format("expected a text before \"in\", found {}", type_name(part)));
            m_work.spend_search(text->chars(), as_text(part)->chars());
            return text->chars().find(as_text(part)->chars()) != std::string::npos;
        }
        if (const Map* map = as_map(whole))
            return as_text(part) && find_member(*map, as_text(part)->chars());
        if (const List* list = as_list(whole)) {
            return std::ranges::any_of(*list, [&](const Value& item) {
                m_work.spend();
                return equal(item, part);
            });
        }
        if (is_undefined(whole))
            return false;
        m_work.fail(fmt::format("expected a text, list or mapping after \"in\", found {}", type_name(whole)));
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
            m_work.fail(fmt::format("expected two numbers for \"{}\", found {} and {}", sign, type_name(left),
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
            value = call_function(m_work, base.name, arguments_of(steps[0]));
            i = 1;
        } else {
            value = evaluate(base);
        }
        for (; i < steps.size(); ++i) {
            m_work.spend();
            const bool is_method = steps[i].kind == Postfix::Kind::attribute && i + 1 < steps.size() &&
                                   steps[i + 1].kind == Postfix::Kind::call;
            if (is_method) {
                value = call_method(m_work, value, steps[i].name, arguments_of(steps[i + 1]));
                ++i;
            } else {
                value = apply(value, steps[i]);
            }
        }
        return value;
    }

    Arguments arguments_of(const Postfix& call)
    {
        Arguments arguments;
        for (const ExpressionPtr& argument : call.arguments)
            arguments.values.push_back(evaluate(*argument));
        for (const auto& [name, argument] : call.named)
            store(arguments.named, name, evaluate(*argument));
        return arguments;
    }

    Value apply(const Value& value, const Postfix& step)
    {
        const auto bound_at = [&](std::size_t i) {
            return step.arguments[i] ? evaluate(*step.arguments[i]) : Value{};
        };
        switch (step.kind) {
        case Postfix::Kind::attribute:
            return member(m_work, value, Value::string(Text(step.name, Trust::trusted)));
        case Postfix::Kind::subscript:
            return member(m_work, value, evaluate(*step.arguments[0]));
        case Postfix::Kind::slice:
            return slice(m_work, value, bound_at(0), bound_at(1));
        case Postfix::Kind::filter:
            return apply_filter(m_work, value, step.name, arguments_of(step));
        case Postfix::Kind::test:
            return {test(m_work, value, step.name)};
        case Postfix::Kind::negated_test:
            return {!test(m_work, value, step.name)};
        case Postfix::Kind::call:
            break;
        }
        m_work.fail("expected a function that templates have, found a call of something else");
    }

    Work& m_work;
    std::vector<Map> m_scopes; // the innermost last
    Text m_output;
};

} // namespace

Text interpret(const Block& block, Map variables, Work& work)
{
    Interpreter interpreter(std::move(variables), work);
    interpreter.run(block);
    return interpreter.take_output();
}

} // namespace engine::text::jinja
