// SPDX-License-Identifier: MIT
#pragma once

#include "ui/settings.h"
#include "ui/store_bridge.h"

#include <QObject>
#include <QStringList>

namespace ui {

// The folders and tags that there are. A folder is there because a conversation lies in it or one deeper, or
// because the settings name it; those also say which are open.
class FolderNames : public QObject
{
    Q_OBJECT

public:
    // Both outlive this object.
    FolderNames(StoreBridge& store, Settings& settings, QObject* parent = nullptr);

    QStringList folders() const { return m_folders; } // each before what it holds
    QStringList tags() const { return m_tags; }       // in use
    void refresh();

    void toggle(const QString& folder); // open or closed
    void add(const QString& folder);    // and opens those around it, so that it can be seen
    // What is about to be moved there does not seem to vanish: a new folder is open.
    void addOpen(const QString& folder);
    // In the settings; what conversations lie in is the store's. An empty path: its place is the outermost.
    void rename(const QString& folder, const QString& path);

signals:
    void changed();

private:
    StoreBridge& m_store;
    Settings& m_settings;
    QStringList m_folders;
    QStringList m_tags;
};

} // namespace ui
