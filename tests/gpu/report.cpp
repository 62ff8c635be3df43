// SPDX-License-Identifier: MIT
#include "tests/gpu/report.h"

#include <fmt/format.h>

#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace gpu {

namespace {

// A cell may hold what would end it: messages come from drivers and files.
std::string cell(const std::string& text)
{
    std::string safe;
    for (const char c : text) {
        if (c == '|')
            safe += '\\';
        safe += c == '\n' ? ' ' : c;
    }
    return safe;
}

std::string line(const std::vector<std::string>& cells)
{
    std::string all = "|";
    for (const std::string& each : cells)
        all += fmt::format(" {} |", cell(each));
    return all + "\n";
}

} // namespace

Report::Report(std::filesystem::path file, const std::string& title)
    : m_file(std::move(file))
    , m_title(title)
{
    write();
}

void Report::fact(const std::string& name, const std::string& value)
{
    fmt::print("{}: {}\n", name, value);
    m_facts.emplace_back(name, value);
    write();
}

void Report::section(const std::string& title, const std::vector<std::string>& columns)
{
    fmt::print("\n== {}\n", title);
    std::fflush(stdout);
    m_sections.push_back({title, columns, {}, {}});
    write();
}

void Report::row(const std::vector<std::string>& cells)
{
    fmt::print("{}", line(cells));
    std::fflush(stdout);
    m_sections.back().rows.push_back(cells);
    write();
}

void Report::verdict(std::vector<std::string> cells, bool ok)
{
    ++m_checks;
    if (!ok)
        ++m_failures;
    cells.emplace_back(ok ? "ok" : "FAILED");
    row(cells);
}

void Report::remark(const std::string& sentence)
{
    fmt::print("{}\n", sentence);
    m_sections.back().remarks.push_back(sentence);
    write();
}

void Report::finish()
{
    m_is_finished = true;
    write();
    fmt::print("\n{} of {} checks passed\n", m_checks - m_failures, m_checks);
}

std::string Report::text() const
{
    std::string all = fmt::format("# {}\n\nWritten by `tests/gpu/run`, never edited by hand.\n\n", m_title);
    for (const auto& [name, value] : m_facts)
        all += fmt::format("- {}: {}\n", name, value);
    all += fmt::format("- checks: {} of {} passed\n", m_checks - m_failures, m_checks);
    if (!m_is_finished)
        all += "- **This run was interrupted; what is missing below was not measured.**\n";
    for (const Section& section : m_sections) {
        all += fmt::format("\n## {}\n\n", section.title);
        if (!section.rows.empty()) {
            all += line(section.columns) + "|";
            for (std::size_t i = 0; i < section.columns.size(); ++i)
                all += "---|";
            all += "\n";
        }
        for (const std::vector<std::string>& cells : section.rows)
            all += line(cells);
        for (const std::string& sentence : section.remarks)
            all += fmt::format("\n{}\n", sentence);
    }
    return all;
}

void Report::write() const
{
    if (m_file.empty())
        return;
    std::filesystem::path fresh = m_file;
    fresh += ".part";
    {
        std::ofstream out(fresh, std::ios::binary);
        out << text();
        if (!out.flush())
            throw std::runtime_error(fmt::format("{} cannot be written.", fresh.string()));
    }
    std::filesystem::rename(fresh, m_file);
}

} // namespace gpu
