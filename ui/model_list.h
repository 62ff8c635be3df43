// SPDX-License-Identifier: MIT
#pragma once

#include "ui/engine_bridge.h"
#include "ui/mailbox.h"
#include "ui/model_scanner.h"
#include "ui/settings.h"
#include "ui/task_thread.h"

#include <QAbstractListModel>
#include <QUrl>
#include <QVariantList>

#include <atomic>
#include <memory>
#include <vector>

namespace ui {

// The models on this machine, the starter model first, and the one that is loaded; the devices that can
// compute them, and for each model what it needs on the chosen one. Folders and headers are read, and devices
// asked, on the thread `files`.
class ModelList : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(QStringList names READ names NOTIFY countChanged)
    Q_PROPERTY(QString currentPath READ currentPath NOTIFY currentChanged)
    Q_PROPERTY(QString currentName READ currentName NOTIFY currentChanged)
    Q_PROPERTY(QString currentDescription READ currentDescription NOTIFY currentChanged)
    Q_PROPERTY(QString currentIdentity READ currentIdentity NOTIFY currentChanged)
    Q_PROPERTY(double plainCacheBytesPerToken READ plainCacheBytesPerToken NOTIFY currentChanged)
    Q_PROPERTY(bool measuring READ measuring NOTIFY measureChanged)
    Q_PROPERTY(double measureProgress READ measureProgress NOTIFY measureChanged)
    Q_PROPERTY(QString measureError READ measureError NOTIFY measureChanged)
    Q_PROPERTY(bool currentIsStarter READ currentIsStarter NOTIFY currentChanged)
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    Q_PROPERTY(double progress READ progress NOTIFY progressChanged)
    Q_PROPERTY(QString progressText READ progressText NOTIFY progressChanged)
    Q_PROPERTY(QString error READ error NOTIFY stateChanged)
    Q_PROPERTY(bool deviceFailed READ deviceFailed NOTIFY deviceFailedChanged)
    Q_PROPERTY(QString notice READ notice NOTIFY noticeChanged)
    Q_PROPERTY(QVariantList devices READ devices NOTIFY devicesChanged)
    Q_PROPERTY(QString noGpuText READ noGpuText NOTIFY devicesChanged)
    Q_PROPERTY(QString plannedDevice READ plannedDevice NOTIFY devicesChanged)
    Q_PROPERTY(QString plannedDeviceName READ plannedDeviceName NOTIFY devicesChanged)
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
        About,
        Fits,
        Reason,
        Plan,
        LargestContext,
        State,
        Progress,
        ErrorText,
        IsStarter,
        Current,
        Speed,
    };

    struct Places
    {
        std::filesystem::path starter;       // its file; need not exist
        std::filesystem::path defaultFolder; // looked through where the settings name no folder
    };

    // All but `functions` and `places` outlive this object.
    ModelList(EngineBridge& engine, Settings& settings, TaskThread& files, Mailbox& mailbox,
              EngineFunctions functions, Places places);
    ~ModelList() override;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    int count() const { return static_cast<int>(m_rows.size()); }
    QStringList names() const; // of all models on the list, each once, in its order
    QString currentPath() const;
    QString currentName() const;
    QString currentDescription() const;
    bool currentIsStarter() const;
    QString currentIdentity() const; // empty while it is not known
    // What the keys and values of every head would take, in the type of the cache in use.
    double plainCacheBytesPerToken() const;
    bool measuring() const { return m_engine.measuring(); }
    double measureProgress() const { return m_engine.measureProgress(); }
    QString measureError() const { return m_measure_error; } // one sentence, of the latest one
    // "none", "loading", "ready", "failed", "asleep": loaded by the next answer
    QString state() const;
    double progress() const; // 0 to 1
    QString progressText() const;
    QString error() const { return m_engine.error(); }
    bool deviceFailed() const { return m_engine.deviceFailed(); } // the CPU would serve
    QString notice() const { return m_notice; }                   // one sentence, until it is dismissed
    // Maps with the strings id, name and detail (or why it cannot be used), and the bool usable; the chosen
    // one also where the machine has it no longer. Empty until they have been asked for.
    QVariantList devices() const { return m_devices; }
    QString noGpuText() const { return m_no_gpu_text; } // why there is none, empty where there are some
    // What the plans are for: the chosen device, the CPU where that cannot be used.
    QString plannedDevice() const { return m_planned_device; }
    QString plannedDeviceName() const { return m_planned_device_name; }
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
    // The path of the model with that identity on the list, empty where there is none.
    Q_INVOKABLE QString pathOf(const QString& identity) const;
    Q_INVOKABLE void measure(); // the loaded model's speed on this machine
    Q_INVOKABLE void cancelMeasure() { m_engine.cancelMeasure(); }
    Q_INVOKABLE void useCpu(); // from now on, and for the model that did not load or whose GPU failed
    Q_INVOKABLE void rescan();
    Q_INVOKABLE void replan(); // asks the devices, and plans what is on the list again
    Q_INVOKABLE void dismissNotice();
    Q_INVOKABLE void addFolder(const QUrl& folder);
    Q_INVOKABLE void removeFolder(const QString& folder);

signals:
    void countChanged();
    void currentChanged();
    void stateChanged();
    void progressChanged();
    void measureChanged();
    void deviceFailedChanged();
    void noticeChanged();
    void devicesChanged();
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
        engine::Devices devices;
        std::string planned; // the device of the plans
    };

    static std::vector<Row> scan(const EngineFunctions& functions, const Places& places,
                                 const std::vector<std::filesystem::path>& folders,
                                 const std::filesystem::path& loaded, const std::atomic<bool>& stop);
    static Found plan(const EngineFunctions& functions, std::vector<Row> rows, engine::LoadOptions options,
                      const std::atomic<bool>& stop);
    // Makes rows on the thread of the files, plans them there, and shows them; takes the place of what runs.
    void look(std::function<std::vector<Row>(const std::atomic<bool>&)> rows);
    void show(Found found);
    void showDevices(const Found& found);
    const Row* current() const;
    void keep(const engine::Speed& speed);
    QVariantMap speed(const Row& row) const;
    void announceRow(const std::filesystem::path& path);
    bool isCurrent(const Row& row) const;
    QString rowState(const Row& row) const;
    bool fits(const Row& row) const;
    QVariantList about(const Row& row) const; // what its file says of itself: {label, value}
    QString reason(const Row& row) const;
    QString planText(const Row& row) const;
    void noteHeldBytes();

    EngineBridge& m_engine;
    Settings& m_settings;
    TaskThread& m_files;
    Mailbox& m_mailbox; // of that thread
    const EngineFunctions m_functions;
    const Places m_places;
    std::vector<Row> m_rows;
    std::shared_ptr<std::atomic<bool>> m_scan_stop; // of the scan that runs
    bool m_scanning = false;
    QVariantList m_devices;
    QString m_no_gpu_text;
    QString m_planned_device = QStringLiteral("cpu");
    QString m_planned_device_name;
    QString m_notice;
    std::int64_t m_held_bytes = 0; // by the loaded model, where the plans are for its GPU: loading frees them
    QString m_build_text;
    QString m_measure_error;
};

} // namespace ui
