// SPDX-License-Identifier: MIT
// What a template is once it is parsed.
#pragma once

#include "engine/text/jinja/value.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace engine::text::jinja {

constexpr int deepest_nesting = 100; // of tags and brackets, and of lists in lists

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
        assignment, // names[0][.attribute] = expression
        loop,       // for names in expression if condition: body, else otherwise
        condition,  // branches
        group,      // body, with nothing of its own
    } kind;
    int line = 0;
    std::string text;
    std::vector<std::string> names;
    std::string attribute;
    ExpressionPtr expression;
    ExpressionPtr condition; // null: all
    Block body;
    Block otherwise;
    std::vector<Branch> branches;
};

} // namespace engine::text::jinja
