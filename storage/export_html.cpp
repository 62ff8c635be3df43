// SPDX-License-Identifier: MIT
#include "storage/branch_export.h"
#include "storage/new_file.h"

#include <fmt/format.h>
#include <string_view>

namespace storage {
namespace {

std::string html(std::string_view text)
{
    std::string escaped;
    for (const char c : text) {
        switch (c) {
        case '&':
            escaped += "&amp;";
            break;
        case '<':
            escaped += "&lt;";
            break;
        case '>':
            escaped += "&gt;";
            break;
        case '"':
            escaped += "&quot;";
            break;
        case '\0':
            escaped += "\uFFFD";
            break;
        default:
            escaped += c;
        }
    }
    return escaped;
}

constexpr std::string_view style = R"css(
:root { color-scheme: light dark; --page: #fbfbfa; --text: #24262b; --muted: #6a6e76; --raised: #eef0f2;
    --line: #d9dce0; --accent: #2f6fb2; --danger: #a8322a; }
@media (prefers-color-scheme: dark) {
    :root { --page: #1b1d21; --text: #dfe1e5; --muted: #9a9ea6; --raised: #282b31; --line: #3a3e45;
        --accent: #7fb2e6; --danger: #ec8a80; }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 46rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .25rem; }
.date, header { color: var(--muted); font-size: .8rem; }
article { margin-top: 2rem; overflow-wrap: anywhere; }
article.user { background: var(--raised); border-radius: .6rem; padding: .75rem 1rem; }
.typed { white-space: pre-wrap; }
.notice { color: var(--danger); font-size: .85rem; }
a { color: var(--accent); }
pre { background: var(--raised); border-radius: .6rem; padding: .75rem 1rem; overflow-x: auto; }
code { font: .875em/1.5 ui-monospace, monospace; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
blockquote { margin: 1rem 0; padding-left: 1rem; border-left: 3px solid var(--line); color: var(--muted); }
@media print { article { break-inside: avoid-page; } }
)css";

} // namespace

void export_html(ChatReader& reader, Id id, const std::filesystem::path& file, const RenderMarkdown& render,
                 const ExportWords& words, const Progress& progress)
{
    const Conversation conversation = existing(reader, id);
    NewFile out(file);
    Meter meter(progress, file.string());
    const std::string title = html(conversation.title);
    out.write("<!DOCTYPE html>\n<html>\n<head>\n<meta charset=\"utf-8\">\n"
              "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
              "<meta http-equiv=\"Content-Security-Policy\" "
              "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
              "form-action 'none'\">\n");
    out.write(fmt::format("<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n"
                          "<h1 dir=\"auto\">{}</h1>\n<p class=\"date\">{}</p>\n",
                          title, style, title, minute(conversation.created_at)));
    for_each_of_branch(reader, id, meter, [&](const Message& message) {
        const bool typed = message.role == Role::user;
        out.write(fmt::format("<article class=\"{}\">\n<header>{} · {}</header>\n<div dir=\"auto\"{}>",
                              name_of(message.role), html(author(message, words)), minute(message.created_at),
                              typed ? " class=\"typed\"" : ""));
        out.write(typed ? html(message.content) : render(message.content));
        out.write("</div>\n");
        if (const std::string why = notice(message, words); !why.empty())
            out.write(fmt::format("<p class=\"notice\">{}</p>\n", html(why)));
        out.write("</article>\n");
    });
    out.write("</main>\n</body>\n</html>\n");
    out.finish();
}

} // namespace storage
