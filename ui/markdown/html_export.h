// SPDX-License-Identifier: MIT
// Markdown as HTML for a file that stands on its own: headings, lists, quotes, tables, code as what they are.
// Everything of the source is escaped and nothing is fetched; formulas stand as TeX in code style.
#pragma once

#include <string>
#include <string_view>

namespace ui {

// `reasoning` is the title over a <think> section, which is folded.
std::string markdownToHtml(std::string_view markdown, std::string_view reasoning = "Reasoning");

} // namespace ui
