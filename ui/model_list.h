// SPDX-License-Identifier: MIT
#pragma once

#include "ui/engine_bridge.h"
#include "ui/model_scanner.h"
#include "ui/settings.h"
#include "ui/task_thread.h"

#include <QAbstractListModel>
#include <QUrl>

#include <atomic>
#include <memory>
#include <vector>

namespace ui {

// The models on this machine, the starter model first, and the one that is loaded. Folders and headers are
// read on the thread `files`.
class ModelList : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(QString currentPath READ currentPath NOTIFY currentChanged)
    Q_PROPERTY(QString currentName READ currentName NOTIFY currentChanged)
    Q_PROPERTY(QString currentDescription READ currentDescription NOTIFY currentChanged)
    Q_PROPERTY(bool currentIsStarter READ currentIsStarter NOTIFY currentChanged)
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    Q_PROPERTY(double progress READ progress NOTIFY progressChanged)
    Q_PROPERTY(QString progressText READ progressText NOTIFY progressChanged)
    Q_PROPERTY(QString error READ error NOTIFY stateChanged)
    Q_PROPERTY(bool scanning READ scanning NOTIFY scanningChanged)
    Q_PROPERTY(QString buildText READ buildText NOTIFY buildTextChanged)
    Q_PROPERTY(bool reloadNeeded READ reloadNeeded NOTIFY reloadNeededChanged)
    Q_PROPERTY(QStringList folders READ folders NOTIFY foldersChanged)

public:
    enum Role
    {
        Path = Qt::UserRole + 1,
        Name,
        Description,
        SizeText,
        Type,
        Family,
        ParametersText,
        ContextLength,
        Fits,
        Reason,
        State,
        Progress,
        ErrorText,
        IsStarter,
        Current,
    };

    struct Places
    {
        std::filesystem::path starter;       // its file; need not exist
        std::filesystem::path defaultFolder; // looked through where the settings name no folder
    };

    // All but `functions` and `places` outlive this object.
    ModelList(EngineBridge& engine, Settings& settings, TaskThread& files, EngineFunctions functions,
              Places places, QObject* parent = nullptr);
    ~ModelList() override;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    int count() const { return static_cast<int>(m_rows.size()); }
    QString currentPath() const;
    QString currentName() const;
    QString currentDescription() const;
    bool currentIsStarter() const;
    QString state() const;   // "none", "loading", "ready", "failed"
    double progress() const; // 0 to 1
    QString progressText() const;
    QString error() const { return m_engine.error(); }
    bool scanning() const { return m_scanning; }
    QString buildText() const { return m_build_text; }
    bool reloadNeeded() const;   // the settings of the engine are others than those of the loaded model
    QStringList folders() const; // that are looked through

    // What the program starts with: `wanted` (a path or "starter"), else the last model, else the starter.
    void loadFirst(const QString& wanted);

    Q_INVOKABLE void load(const QString& path); // "starter" is a path too
    Q_INVOKABLE void cancelLoad() { m_engine.cancelLoad(); }
    Q_INVOKABLE void unload() { m_engine.unload(); }
    Q_INVOKABLE void reload();
    Q_INVOKABLE void retry() { reload(); }
    Q_INVOKABLE void rescan();
    Q_INVOKABLE void addFolder(const QUrl& folder);
    Q_INVOKABLE void removeFolder(const QString& folder);

signals:
    void countChanged();
    void currentChanged();
    void stateChanged();
    void progressChanged();
    void scanningChanged();
    void buildTextChanged();
    void reloadNeededChanged();
    void foldersChanged();

private:
    struct Row
    {
        FoundModel model;
        engine::MemoryPlan plan;
        bool isStarter = false;
    };
    struct Found
    {
        std::vector<Row> rows;
        QString buildText;
    };

    static Found scan(const EngineFunctions& functions, const Places& places,
                      const std::vector<std::filesystem::path>& folders, const engine::LoadOptions& options,
                      const std::filesystem::path& loaded, const std::atomic<bool>& stop);
    void show(Found found);
    const Row* current() const;
    void announceRow(const std::filesystem::path& path);
    bool isCurrent(const Row& row) const;
    QString rowState(const Row& row) const;
    QString reason(const Row& row) const;

    EngineBridge& m_engine;
    Settings& m_settings;
    TaskThread& m_files;
    const EngineFunctions m_functions;
    const Places m_places;
    std::vector<Row> m_rows;
    std::shared_ptr<std::atomic<bool>> m_scan_stop; // of the scan that runs
    bool m_scanning = false;
    QString m_build_text;
};

} // namespace ui
