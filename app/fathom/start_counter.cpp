// SPDX-License-Identifier: MIT
#include "app/fathom/start_counter.h"

#include "ui/text.h"

#include <QFile>

#include <algorithm>

namespace app {

namespace {

constexpr int most = 1000; // whatever the file says

}

StartCounter::StartCounter(const std::filesystem::path& profile)
    : m_file(profile / "starting")
{
    QFile file(ui::pathToQt(m_file));
    if (file.open(QIODevice::ReadOnly))
        m_failed = std::clamp(file.read(8).trimmed().toInt(), 0, most);
    file.close();
    if (file.open(QIODevice::WriteOnly)) {
        file.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
        file.write(QByteArray::number(m_failed + 1));
    }
}

StartCounter::~StartCounter()
{
    stood();
}

void StartCounter::stood()
{
    std::error_code error;
    std::filesystem::remove(m_file, error);
}

} // namespace app
