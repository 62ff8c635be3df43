// SPDX-License-Identifier: MIT
#pragma once

#include "engine/text/jinja.h"
#include "engine/text/jinja/value.h"

#include <cstdint>
#include <string>

namespace engine::text::jinja {

// What one rendering has cost so far, and where it stands. Everything that a template can make grow is
// counted here before it is done.
class Work
{
public:
    Work(const std::string& file, const Limits& limits)
        : m_file(file)
        , m_limits(limits)
    {
    }

    void stand_at(int line) { m_line = line; } // of the template
    const std::string& file() const { return m_file; }
    [[noreturn]] void fail(const std::string& what) const;

    // One step, and one more for each 64 bytes, list items or comparisons that it takes.
    void spend(std::uint64_t work = 0);
    // Looking for one text in another compares each place with all of it in the worst case.
    void spend_search(const std::string& text, const std::string& part);
    // Throws if a text of this many bytes is too long.
    void check_size(std::uint64_t bytes) const;

    Value joined(Text left, const Text& right);
    // Lists in lists are bounded, since freeing them takes call stack; namespaces stay outside of all values.
    Value list(List items);
    // As it is written into the output. Lists and maps are refused.
    Text written(const Value& value) const;

private:
    const std::string& m_file;
    const Limits& m_limits;
    std::uint64_t m_steps = 0;
    int m_line = 0;
};

} // namespace engine::text::jinja
