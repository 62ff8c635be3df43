// SPDX-License-Identifier: MIT
#include "ui/sidebar_steps.h"

#include <QSet>

#include <algorithm>
#include <iterator>

namespace ui {

namespace {

// Which lines there are, in whatever order.
class Keys
{
public:
    explicit Keys(const std::vector<SidebarLine>& lines)
    {
        for (const SidebarLine& line : lines) {
            if (line.id != 0)
                m_conversations.insert(line.id);
            else
                m_folders.insert(line.folder);
        }
    }
    bool contains(const SidebarLine& line) const
    {
        return line.id != 0 ? m_conversations.contains(line.id) : m_folders.contains(line.folder);
    }

private:
    QSet<qint64> m_conversations;
    QSet<QString> m_folders;
};

bool same(const SidebarLine& a, const SidebarLine& b)
{
    return a.sameAs(b);
}

// Makes the steps and the lines that they lead to.
class Way
{
public:
    explicit Way(std::vector<SidebarLine> lines)
        : m_lines(std::move(lines))
    {
    }

    const std::vector<SidebarLine>& lines() const { return m_lines; }
    std::vector<SidebarStep> take() { return std::move(m_steps); }

    // [first, end)
    void remove(std::size_t first, std::size_t end) { add(SidebarStep::Kind::remove, first, end - 1, 0, {}); }
    void insert(std::size_t first, std::vector<SidebarLine> lines)
    {
        const std::size_t last = first + lines.size() - 1;
        add(SidebarStep::Kind::insert, first, last, 0, std::move(lines));
    }
    void move(std::size_t line, std::size_t to) { add(SidebarStep::Kind::move, line, line, to, {}); }

private:
    void add(SidebarStep::Kind kind, std::size_t first, std::size_t last, std::size_t to,
             std::vector<SidebarLine> lines)
    {
        m_steps.push_back(
            {kind, static_cast<int>(first), static_cast<int>(last), static_cast<int>(to), std::move(lines)});
        carryOut(m_steps.back(), m_lines);
    }

    std::vector<SidebarLine> m_lines;
    std::vector<SidebarStep> m_steps;
};

std::vector<SidebarLine> part(const std::vector<SidebarLine>& lines, std::size_t first, std::size_t end)
{
    return {lines.begin() + static_cast<std::ptrdiff_t>(first),
            lines.begin() + static_cast<std::ptrdiff_t>(end)};
}

void removeUnwanted(Way& way, const std::vector<SidebarLine>& wanted)
{
    const Keys keys(wanted);
    for (std::size_t end = way.lines().size(); end > 0;) {
        if (keys.contains(way.lines()[end - 1])) {
            --end;
            continue;
        }
        std::size_t first = end - 1;
        while (first > 0 && !keys.contains(way.lines()[first - 1]))
            --first;
        way.remove(first, end);
        end = first;
    }
}

// `staying` are the lines that there are, in the order that is wanted.
void order(Way& way, const std::vector<SidebarLine>& staying)
{
    const std::vector<SidebarLine>& lines = way.lines();
    std::size_t first = 0;
    while (first < staying.size() && same(lines[first], staying[first]))
        ++first;
    std::size_t end = staying.size(); // behind the last that differs
    while (end > first && same(lines[end - 1], staying[end - 1]))
        --end;
    if (first == end)
        return;
    const auto old = lines.begin() + static_cast<std::ptrdiff_t>(first);
    const auto oldEnd = lines.begin() + static_cast<std::ptrdiff_t>(end);
    const auto now = staying.begin() + static_cast<std::ptrdiff_t>(first);
    if (std::equal(old + 1, oldEnd, now, same)) { // the first has become the last
        way.move(first, end);
    } else if (std::equal(old, oldEnd - 1, now + 1, same)) { // the last the first
        way.move(end - 1, first);
    } else {
        way.remove(first, end);
        way.insert(first, part(staying, first, end));
    }
}

void insertMissing(Way& way, const std::vector<SidebarLine>& wanted)
{
    const std::vector<SidebarLine>& lines = way.lines();
    for (std::size_t row = 0; row < wanted.size();) {
        if (row < lines.size() && same(lines[row], wanted[row])) {
            ++row;
            continue;
        }
        std::size_t end = row + 1;
        while (end < wanted.size() && (row >= lines.size() || !same(lines[row], wanted[end])))
            ++end;
        way.insert(row, part(wanted, row, end));
        row = end;
    }
}

} // namespace

std::vector<SidebarStep> sidebarSteps(std::vector<SidebarLine> lines, const std::vector<SidebarLine>& wanted)
{
    Way way(std::move(lines));
    removeUnwanted(way, wanted);
    const Keys present(way.lines());
    std::vector<SidebarLine> staying;
    std::copy_if(wanted.begin(), wanted.end(), std::back_inserter(staying),
                 [&](const SidebarLine& line) { return present.contains(line); });
    order(way, staying);
    insertMissing(way, wanted);
    return way.take();
}

void carryOut(const SidebarStep& step, std::vector<SidebarLine>& lines)
{
    const auto first = lines.begin() + step.first;
    switch (step.kind) {
    case SidebarStep::Kind::remove:
        lines.erase(first, lines.begin() + step.last + 1);
        break;
    case SidebarStep::Kind::insert:
        lines.insert(first, step.lines.begin(), step.lines.end());
        break;
    case SidebarStep::Kind::move:
        if (step.to > step.first)
            std::rotate(first, first + 1, lines.begin() + step.to);
        else
            std::rotate(lines.begin() + step.to, first, first + 1);
        break;
    }
}

} // namespace ui
