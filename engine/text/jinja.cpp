// SPDX-License-Identifier: MIT
#include "engine/text/jinja.h"

#include "engine/text/jinja/interpreter.h"
#include "engine/text/jinja/lexer.h"
#include "engine/text/jinja/parser.h"
#include "engine/text/jinja/work.h"

namespace engine::text::jinja {

struct Template::Program
{
    std::string file;
    Block block;
};

Template::Template(std::string_view source, std::string_view file)
    : m_program(
          std::make_unique<const Program>(Program{std::string(file), parse(read_tokens(source, file), file)}))
{
}

Template::~Template() = default;
Template::Template(Template&&) noexcept = default;
Template& Template::operator=(Template&&) noexcept = default;

Text Template::render(Map variables, const Limits& limits) const
{
    Work work(m_program->file, limits);
    return interpret(m_program->block, std::move(variables), work);
}

} // namespace engine::text::jinja
