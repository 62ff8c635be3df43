// SPDX-License-Identifier: MIT
#include "ui/folder_names.h"

#include "ui/sidebar_lines.h"
#include "ui/text.h"

#include <vector>

namespace ui {

FolderNames::FolderNames(StoreBridge& store, Settings& settings, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_settings(settings)
    , m_folders(folderTree(settings.folders()))
{
    connect(&m_settings, &Settings::foldersChanged, this, &FolderNames::refresh);
}

void FolderNames::refresh()
{
    struct Names
    {
        std::vector<storage::NameCount> folders;
        std::vector<storage::NameCount> tags;
    };
    m_store.run(
        this,
        [](storage::ChatStore& store) {
            return Names{store.folders(), store.tags()};
        },
        [this](const Names& names) {
            QStringList folders = m_settings.folders();
            QStringList tags;
            for (const storage::NameCount& folder : names.folders)
                folders.append(toQt(folder.name));
            for (const storage::NameCount& tag : names.tags)
                tags.append(toQt(tag.name));
            folders = folderTree(folders);
            if (folders == m_folders && tags == m_tags)
                return;
            m_folders = folders;
            m_tags = tags;
            emit changed();
        });
}

void FolderNames::toggle(const QString& folder)
{
    QStringList open = m_settings.openFolders();
    if (!open.removeOne(folder))
        open.append(folder);
    m_settings.setOpenFolders(open);
}

void FolderNames::add(const QString& folder)
{
    const QString path = cleanFolder(folder);
    if (path.isEmpty())
        return;
    QStringList open = m_settings.openFolders();
    for (QString outer = parentFolder(path); !outer.isEmpty(); outer = parentFolder(outer)) {
        if (!open.contains(outer))
            open.append(outer);
    }
    m_settings.setOpenFolders(open);
    if (!m_settings.folders().contains(path))
        m_settings.setFolders(m_settings.folders() + QStringList{path});
}

void FolderNames::addOpen(const QString& folder)
{
    const QString path = cleanFolder(folder);
    if (!path.isEmpty() && !m_folders.contains(path) && !m_settings.openFolders().contains(path))
        m_settings.setOpenFolders(m_settings.openFolders() + QStringList{path});
    add(path);
}

void FolderNames::rename(const QString& folder, const QString& path)
{
    const auto moved = [&](const QStringList& list) {
        QStringList fresh;
        for (const QString& one : list) {
            const QString rest = liesIn(one, folder) ? one.mid(folder.size()) : QString();
            fresh.append(!liesIn(one, folder) ? one : cleanFolder(path + rest));
        }
        return fresh;
    };
    m_settings.setOpenFolders(moved(m_settings.openFolders()));
    m_settings.setFolders(moved(m_settings.folders()));
}

} // namespace ui
