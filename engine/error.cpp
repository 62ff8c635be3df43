// SPDX-License-Identifier: MIT
#include "engine/error.h"

#include "engine/text/utf8.h"

#include <fmt/format.h>

namespace engine {

namespace {

std::string join(std::string_view where, std::string_view what)
{
    return where.empty() ? std::string(what) : fmt::format("{}: {}", where, what);
}

} // namespace

Error::Error(std::string_view where, std::string_view what)
    : std::runtime_error(join(where, what))
    , m_where(where)
{
}

Error::Error(std::string_view file, std::string_view place, std::string_view what)
    : Error(join(file, place), what)
{
}

std::string printable(std::string_view name, std::size_t longest)
{
    std::string out;
    while (!name.empty()) {
        const text::CodePoint c = text::first_code_point(name);
        const bool control = c.value < 0x20 || (c.value >= 0x7F && c.value < 0xA0);
        const bool whole = c.state == text::CodePoint::State::whole;
        if (out.size() + (whole && !control ? c.length : 4 * c.length) > longest)
            return out + "…";
        for (std::uint32_t i = 0; i < c.length; ++i) {
            if (whole && !control)
                out += name[i];
            else
                out += fmt::format("\\x{:02X}", static_cast<unsigned char>(name[i]));
        }
        name.remove_prefix(c.length);
    }
    return out;
}

} // namespace engine
