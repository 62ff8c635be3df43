// SPDX-License-Identifier: MIT
// Further golden data and vectors, where they are at hand. No test needs them.
#pragma once

#include <QByteArray>

#include <filesystem>
#include <string>

inline std::filesystem::path shared_folder()
{
    const QByteArray variable = qgetenv("FATHOM_SHARED");
    return variable.isEmpty() ? std::filesystem::path(FATHOM_SOURCE_DIR) / ".." / "shared"
                              : std::filesystem::path(variable.toStdString());
}
