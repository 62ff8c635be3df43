// SPDX-License-Identifier: MIT
// The part of the Jinja template language that language models' chat templates use, with the environment that
// they are written for (trim_blocks, lstrip_blocks, no final newline, no escaping). A template cannot reach
// anything but the values it is given.
#pragma once

#include "engine/error.h"
#include "engine/text/jinja/value.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace engine::text::jinja {

// The template called raise_exception: it works, but does not accept these messages.
class Refusal : public Error
{
public:
    using Error::Error;
};

struct Limits
{
    std::uint64_t steps = 1'000'000; // evaluated nodes; work on long texts counts by 64 bytes
    std::size_t output = 1 << 20;    // bytes, of the result and of any string on the way
};

class Template
{
public:
    // Throws Error with the file, the line and what is not understood.
    Template(std::string_view source, std::string_view file);
    ~Template();
    Template(Template&&) noexcept;
    Template& operator=(Template&&) noexcept;

    // Throws Refusal, or Error for a fault of the template or an exceeded limit.
    Text render(Map variables, const Limits& limits) const;

private:
    struct Program;
    std::unique_ptr<const Program> m_program;
};

} // namespace engine::text::jinja
