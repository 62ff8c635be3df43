// SPDX-License-Identifier: MIT
#include "engine/text/utf8.h"

#include <algorithm>
#include <cstring>

namespace engine::text {

namespace {

constexpr char32_t replacement = 0xFFFD;

} // namespace

CodePoint first_code_point(std::string_view text)
{
    if (text.empty())
        return {};
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    if (lead < 0x80)
        return {lead, 1, CodePoint::State::whole};

    // Unicode table 3-7: the lead byte gives the length and the range of the second byte.
    std::uint32_t length = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xBF;
    char32_t value = 0;
    if (lead >= 0xC2 && lead <= 0xDF) {
        length = 2;
        value = lead & 0x1F;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
        length = 3;
        value = lead & 0x0F;
        if (lead == 0xE0)
            low = 0xA0; // no overlong forms
        if (lead == 0xED)
            high = 0x9F; // no surrogates
    } else if (lead >= 0xF0 && lead <= 0xF4) {
        length = 4;
        value = lead & 0x07;
        if (lead == 0xF0)
            low = 0x90;
        if (lead == 0xF4)
            high = 0x8F; // nothing above U+10FFFF
    } else {
        return {replacement, 1, CodePoint::State::ill_formed};
    }
    for (std::uint32_t i = 1; i < length; ++i) {
        if (i == text.size())
            return {replacement, i, CodePoint::State::unfinished};
        if (byte(i) < low || byte(i) > high)
            return {replacement, i, CodePoint::State::ill_formed};
        value = value << 6 | (byte(i) & 0x3F);
        low = 0x80;
        high = 0xBF;
    }
    return {value, length, CodePoint::State::whole};
}

void append_utf8(std::string& text, char32_t c)
{
    const auto put = [&](char32_t byte) { text += static_cast<char>(byte); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xC0 | c >> 6);
        put(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
        put(0xE0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    } else {
        put(0xF0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3F));
        put(0x80 | (c >> 6 & 0x3F));
        put(0x80 | (c & 0x3F));
    }
}

std::size_t valid_utf8_prefix(std::string_view text)
{
    std::size_t i = 0;
    while (i < text.size()) {
        // Eight bytes of ASCII at once: none has its top bit set.
        std::uint64_t bytes = 0;
        if (i + sizeof bytes <= text.size()) {
            std::memcpy(&bytes, text.data() + i, sizeof bytes);
            if ((bytes & 0x8080808080808080u) == 0) {
                i += sizeof bytes;
                continue;
            }
        }
        const CodePoint c = first_code_point(text.substr(i));
        if (c.state != CodePoint::State::whole)
            break;
        i += c.length;
    }
    return i;
}

bool is_valid_utf8(std::string_view text)
{
    return valid_utf8_prefix(text) == text.size();
}

std::string to_valid_utf8(std::string_view text)
{
    std::string out;
    out.reserve(text.size());
    while (true) {
        const std::size_t valid = valid_utf8_prefix(text);
        out += text.substr(0, valid);
        text.remove_prefix(valid);
        if (text.empty())
            return out;
        append_utf8(out, replacement);
        text.remove_prefix(first_code_point(text).length);
    }
}

std::string Utf8Stream::push(std::string_view bytes)
{
    m_tail += bytes;
    std::string out;
    std::string_view rest = m_tail;
    while (!rest.empty()) {
        const CodePoint c = first_code_point(rest);
        if (c.state == CodePoint::State::unfinished)
            break;
        append_utf8(out, c.value);
        rest.remove_prefix(c.length);
    }
    m_tail.erase(0, m_tail.size() - rest.size());
    return out;
}

std::string Utf8Stream::finish()
{
    std::string out;
    if (!m_tail.empty())
        append_utf8(out, replacement); // the tail is one unfinished sequence
    m_tail.clear();
    return out;
}

StopStrings::StopStrings(std::vector<std::string> stops)
    : m_stops(std::move(stops))
{
    std::erase_if(m_stops, [](const std::string& stop) { return stop.empty(); });
}

std::string StopStrings::push(std::string_view text)
{
    if (m_stopped)
        return {};
    m_held += text;
    std::size_t found = std::string::npos;
    for (const std::string& stop : m_stops)
        found = std::min(found, m_held.find(stop));
    if (found != std::string::npos) {
        m_stopped = true;
        std::string out = m_held.substr(0, found);
        m_held.clear();
        return out;
    }

    // The longest end of the text that is a proper beginning of a stop string stays back.
    std::size_t keep = 0;
    for (const std::string& stop : m_stops)
        for (std::size_t length = std::min(stop.size() - 1, m_held.size()); length > keep; --length)
            if (std::string_view(m_held).ends_with(std::string_view(stop).substr(0, length)))
                keep = length;
    std::string out = m_held.substr(0, m_held.size() - keep);
    m_held.erase(0, m_held.size() - keep);
    return out;
}

std::string StopStrings::finish()
{
    std::string out = std::move(m_held);
    m_held.clear();
    return out;
}

} // namespace engine::text
