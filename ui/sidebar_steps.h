// SPDX-License-Identifier: MIT
#pragma once

#include "ui/sidebar_lines.h"

#include <vector>

namespace ui {

// One step on the way from some lines to others, as views are told of it. The numbers are of lines; `last` is
// one of them.
struct SidebarStep
{
    enum class Kind
    {
        remove,
        insert,
        move, // before the line `to` of the list as it was
    };
    Kind kind = Kind::remove;
    int first = 0;
    int last = 0;
    int to = 0;
    std::vector<SidebarLine> lines; // that come
};

// From these lines to the wanted ones, in the steps that views follow best: runs of lines that go, a line
// that moves, runs of lines that come. Behind them each line is the same as the wanted one; what it shows,
// such as a folder's count, may still be another.
std::vector<SidebarStep> sidebarSteps(std::vector<SidebarLine> lines, const std::vector<SidebarLine>& wanted);

void carryOut(const SidebarStep& step, std::vector<SidebarLine>& lines);

} // namespace ui
