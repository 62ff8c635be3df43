// SPDX-License-Identifier: MIT
#pragma once

#include "storage/chat.h"
#include "storage/database.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

// Conversations on their way out and in. The JSON form holds everything and comes back without loss;
// resources/guide/export-format.md describes it. Markdown and HTML hold the chosen branch, for reading. A
// file appears at its place when it is complete, or not at all.
namespace storage {

class ChatReader;

// Hears of the messages done so far; returns false to end it with Error{cancelled} and nothing changed.
using Progress = std::function<bool(std::int64_t messages)>;

// What an import does with a conversation that is here already, known by its uuid.
enum class IfPresent
{
    skip,
    copy, // takes it in as another one, with a new uuid
};

struct Imported
{
    std::vector<Id> conversations; // new ones, in the order of the file
    std::int64_t messages = 0;     // in them
    std::int64_t skipped = 0;      // conversations that were here already
};

// ChatReader::export_json() and ChatStore::import_json() say what these do.
void export_json(Connection& database, const std::vector<Id>& conversations,
                 const std::filesystem::path& file, const Progress& progress);
Imported import_json(Connection& database, const std::filesystem::path& file, IfPresent if_present,
                     const Progress& progress); // inside a transaction

// The words around the messages, in the person's language.
struct ExportWords
{
    std::string person = "You";
    std::string model = "Assistant"; // where the name of the model is not known
    std::string system = "System";
    std::string tool = "Tool";
    std::string stopped = "Stopped";
    std::string interrupted = "Interrupted";
    std::string failed = "Failed";
};

// One conversation as a Markdown file: a title, then each message under the name of who wrote it. Code that a
// message leaves open is closed, so that it does not swallow the next one. Throws Error{constraint} where
// there is no such conversation.
void export_markdown(ChatReader& reader, Id conversation, const std::filesystem::path& file,
                     const ExportWords& words = {}, const Progress& progress = {});

// One conversation as an HTML file that needs nothing else and loads nothing: its style is inside, light and
// dark as the reader's system is, and a content security policy forbids the rest. `render` makes HTML of an
// answer's Markdown, and is trusted to write no script; what a person wrote is shown as it was typed.
using RenderMarkdown = std::function<std::string(std::string_view markdown)>;
void export_html(ChatReader& reader, Id conversation, const std::filesystem::path& file,
                 const RenderMarkdown& render, const ExportWords& words = {}, const Progress& progress = {});

// A name for a file of this conversation that no file in the folder has, without what file systems do not
// take: export_file("out", "1/2: Äpfel?", ".md") is "out/1 2 Äpfel.md", or "out/1 2 Äpfel (2).md".
std::filesystem::path export_file(const std::filesystem::path& folder, std::string_view title,
                                  std::string_view ending);

} // namespace storage
