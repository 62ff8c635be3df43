// SPDX-License-Identifier: MIT
#pragma once

#include "storage/error.h"

#include <QTemporaryDir>
#include <QTest>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <string>

// A profile folder that goes away with the test.
class Profile
{
public:
    std::filesystem::path path() const
    {
        return m_directory.filePath(QStringLiteral("profile")).toStdString();
    }
    std::filesystem::path database() const { return path() / "fathom.sqlite"; }
    std::filesystem::path backups() const { return path() / "backups"; }

private:
    QTemporaryDir m_directory;
};

inline std::string bytes_of(const std::filesystem::path& file)
{
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

// The error that this throws; none if it throws nothing.
inline std::optional<storage::Error> error_of(const std::function<void()>& action)
{
    try {
        action();
    } catch (const storage::Error& error) {
        return error;
    }
    return std::nullopt;
}
