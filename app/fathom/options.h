// SPDX-License-Identifier: MIT
#pragma once

#include <QString>
#include <QStringList>

#include <filesystem>

namespace app {

// Where a run of the program keeps its things.
struct Folders
{
    std::filesystem::path data;     // database, lock, backups
    std::filesystem::path settings; // the file
    std::filesystem::path logs;
    std::filesystem::path models; // looked through unless the settings name others

    // All in one folder, but for the models; or, where it is empty, in the XDG base directories.
    static Folders of(const std::filesystem::path& profile);
};

struct Options
{
    QString profile;
    QString model; // a path or "starter"; empty: the last one
    bool safeMode = false;
    bool version = false;
    bool help = false;
    QString mistake; // what is wrong with the arguments; empty: nothing
};

Options parse(const QStringList& arguments); // the program's name first
QString usage();

} // namespace app
