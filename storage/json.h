// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace storage {

// What is wrong with a JSON text, in words that fit behind the name of a file: "line 3, character 17
// (conversations[0].title): expected a text, found 12".
class JsonError : public std::runtime_error
{
public:
    using std::runtime_error::runtime_error;
};

// Reads a JSON text (RFC 8259) value by value, in the order in which it stands, holding one value at a time.
// Each function takes the next value and throws JsonError where it is another one. Nothing recurses along the
// text.
class JsonReader
{
public:
    // Fills the span from its beginning; returns how many bytes it gave, 0 at the end.
    using Source = std::function<std::size_t(std::span<char>)>;

    explicit JsonReader(Source source);

    // member(std::string_view name) takes the value of each member, if only by skip().
    template <typename Member> void object(Member member)
    {
        begin('{', "an object");
        for (bool first = true; !ended('}', first); first = false) {
            const std::string name = member_name();
            const std::size_t outside = enter(name);
            member(std::string_view(name));
            leave(outside);
        }
    }
    // element(std::size_t index) takes the value of each element.
    template <typename Element> void array(Element element)
    {
        begin('[', "a list");
        std::size_t index = 0;
        for (bool first = true; !ended(']', first); first = false) {
            const std::size_t outside = enter(index);
            element(index++);
            leave(outside);
        }
    }
    bool null(); // true: the next value was null and is taken; false: it is another one, which stays
    bool next_is_object();
    std::string text();
    bool boolean();
    std::int64_t integer();
    double number();
    std::string object_as_written(); // an object, without the blanks around it
    void skip();
    void end(); // nothing but blanks may follow

    // At the beginning of the value that was read last.
    [[noreturn]] void refuse(std::string_view expected, std::string_view found) const;

private:
    static constexpr int end_of_text = -1;

    int peek(); // the next byte
    int take();
    void skip_blanks();
    void start_value(); // skips blanks and remembers the place
    void begin(char bracket, const char* what);
    bool ended(char bracket, bool first);
    std::string member_name();
    std::size_t enter(std::string_view name);
    std::size_t enter(std::size_t index);
    void leave(std::size_t outside) { m_place.resize(outside); }
    [[noreturn]] void refuse_next(std::string_view expected);

    std::string quoted(std::string_view expected);
    char32_t escaped_unit();
    std::string number_token();
    void word(std::string_view letters);

    Source m_source;
    char m_buffer[64 * 1024];
    std::size_t m_at = 0;
    std::size_t m_end = 0;
    std::int64_t m_line = 1;
    std::int64_t m_character = 1;
    std::int64_t m_value_line = 1;
    std::int64_t m_value_character = 1;
    std::string m_place;
    std::string* m_copy = nullptr; // gets all that is taken
};

// A text as JSON writes it, with its quotation marks. It must be UTF-8.
std::string json_text(std::string_view text);

bool is_utf8(std::string_view text);

} // namespace storage
