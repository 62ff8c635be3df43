// SPDX-License-Identifier: MIT
#pragma once

#include <QTemporaryDir>

#include <memory>

// A temporary folder, in memory where the system has such a place: tests that write thousands of small files
// would otherwise wait for the disk.
inline std::unique_ptr<QTemporaryDir> memory_folder()
{
    auto folder = std::make_unique<QTemporaryDir>(QStringLiteral("/dev/shm/fathom-test-XXXXXX"));
    return folder->isValid() ? std::move(folder) : std::make_unique<QTemporaryDir>();
}
