// SPDX-License-Identifier: MIT
// The table that a run leaves behind, rewritten after each row, so that an interrupted run keeps what it has.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace gpu {

class Report
{
public:
    // Nothing is written where `file` is empty; rows go to standard output either way.
    Report(std::filesystem::path file, const std::string& title);

    // A line of the head: what was measured, on what.
    void fact(const std::string& name, const std::string& value);
    void section(const std::string& title, const std::vector<std::string>& columns);
    // One cell for each column of the section.
    void row(const std::vector<std::string>& cells);
    // A row of a check; `ok` is counted and becomes the last cell.
    void verdict(std::vector<std::string> cells, bool ok);
    // A sentence below the section's table.
    void remark(const std::string& sentence);
    // The run came to its end; without it the file says that it did not.
    void finish();

    int failures() const { return m_failures; }
    int checks() const { return m_checks; }

private:
    struct Section
    {
        std::string title;
        std::vector<std::string> columns;
        std::vector<std::vector<std::string>> rows;
        std::vector<std::string> remarks;
    };

    std::string text() const;
    void write() const;

    std::filesystem::path m_file;
    std::string m_title;
    std::vector<std::pair<std::string, std::string>> m_facts;
    std::vector<Section> m_sections;
    int m_failures = 0;
    int m_checks = 0;
    bool m_is_finished = false;
};

} // namespace gpu
