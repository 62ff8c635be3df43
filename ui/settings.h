// SPDX-License-Identifier: MIT
#pragma once

#include "engine/engine.h"
#include "ui/task_thread.h"

#include <QObject>
#include <QString>
#include <QStringList>
#include <QTimer>
#include <QVariantMap>

#include <optional>

namespace ui {

// Everything that a person can set, in `<profile>/settings.ini`. Values are checked when they are read and
// when they are set: what is out of range is brought into it, what cannot be understood is the default. Kept
// in memory; a change reaches the file within half a second, written by `files`.
class Settings : public QObject
{
    Q_OBJECT
    Q_PROPERTY(QString theme READ theme WRITE setTheme NOTIFY themeChanged)
    Q_PROPERTY(QString accent READ accent WRITE setAccent NOTIFY accentChanged)
    Q_PROPERTY(double zoom READ zoom WRITE setZoom NOTIFY zoomChanged)
    Q_PROPERTY(QString fontFamily READ fontFamily WRITE setFontFamily NOTIFY fontFamilyChanged)
    Q_PROPERTY(int sidebarWidth READ sidebarWidth WRITE setSidebarWidth NOTIFY sidebarWidthChanged)
    Q_PROPERTY(bool sidebarOpen READ sidebarOpen WRITE setSidebarOpen NOTIFY sidebarOpenChanged)
    Q_PROPERTY(bool showPreview READ showPreview WRITE setShowPreview NOTIFY showPreviewChanged)
    Q_PROPERTY(bool reduceMotion READ reduceMotion WRITE setReduceMotion NOTIFY reduceMotionChanged)
    Q_PROPERTY(bool firstStartDone READ firstStartDone WRITE setFirstStartDone NOTIFY firstStartDoneChanged)
    Q_PROPERTY(QString device READ device WRITE setDevice NOTIFY deviceChanged)
    Q_PROPERTY(int threads READ threads WRITE setThreads NOTIFY threadsChanged)
    Q_PROPERTY(int contextLength READ contextLength WRITE setContextLength NOTIFY contextLengthChanged)
    Q_PROPERTY(QString cacheType READ cacheType WRITE setCacheType NOTIFY cacheTypeChanged)
    Q_PROPERTY(double temperature READ temperature WRITE setTemperature NOTIFY temperatureChanged)
    Q_PROPERTY(int topK READ topK WRITE setTopK NOTIFY topKChanged)
    Q_PROPERTY(double topP READ topP WRITE setTopP NOTIFY topPChanged)
    Q_PROPERTY(double minP READ minP WRITE setMinP NOTIFY minPChanged)
    Q_PROPERTY(double repeatPenalty READ repeatPenalty WRITE setRepeatPenalty NOTIFY repeatPenaltyChanged)
    Q_PROPERTY(int maxTokens READ maxTokens WRITE setMaxTokens NOTIFY maxTokensChanged)
    Q_PROPERTY(QString contextPolicy READ contextPolicy WRITE setContextPolicy NOTIFY contextPolicyChanged)
    Q_PROPERTY(int keepAlive READ keepAlive WRITE setKeepAlive NOTIFY keepAliveChanged)
    Q_PROPERTY(bool loadAtStart READ loadAtStart WRITE setLoadAtStart NOTIFY loadAtStartChanged)
    Q_PROPERTY(QString speeds READ speeds WRITE setSpeeds NOTIFY speedsChanged)
    Q_PROPERTY(double seed READ seed WRITE setSeed NOTIFY seedChanged)
    Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY systemPromptChanged)
    Q_PROPERTY(QStringList modelFolders READ modelFolders WRITE setModelFolders NOTIFY modelFoldersChanged)
    Q_PROPERTY(QString lastModel READ lastModel WRITE setLastModel NOTIFY lastModelChanged)
    Q_PROPERTY(
        QString windowGeometry READ windowGeometry WRITE setWindowGeometry NOTIFY windowGeometryChanged)
    Q_PROPERTY(QString newDraft READ newDraft WRITE setNewDraft NOTIFY newDraftChanged)
    Q_PROPERTY(QStringList folders READ folders WRITE setFolders NOTIFY foldersChanged)
    Q_PROPERTY(QStringList openFolders READ openFolders WRITE setOpenFolders NOTIFY openFoldersChanged)
    Q_PROPERTY(int trashDays READ trashDays WRITE setTrashDays NOTIFY trashDaysChanged)
    Q_PROPERTY(bool notify READ notify WRITE setNotify NOTIFY notifyChanged)
    Q_PROPERTY(QString backups READ backups WRITE setBackups NOTIFY backupsChanged)
    Q_PROPERTY(int backupsKept READ backupsKept WRITE setBackupsKept NOTIFY backupsKeptChanged)

public:
    // `files` outlives this object.
    Settings(QString file, TaskThread& files, QObject* parent = nullptr);
    ~Settings() override;

    QString theme() const { return text("theme"); }   // "system", "light", "dark"
    QString accent() const { return text("accent"); } // "#rrggbb"; empty: the theme's own
    double zoom() const { return real("zoom"); }
    QString fontFamily() const { return text("fontFamily"); } // empty: the best that is there
    int sidebarWidth() const { return integer("sidebarWidth"); }
    bool sidebarOpen() const { return yes("sidebarOpen"); }
    bool showPreview() const { return yes("showPreview"); }
    bool reduceMotion() const { return yes("reduceMotion"); }
    bool firstStartDone() const { return yes("firstStartDone"); }
    QString device() const { return text("device"); }  // "cpu", "cuda:0"; need not exist on this machine
    int threads() const { return integer("threads"); } // 0: one for each core
    int contextLength() const { return integer("contextLength"); } // tokens; 0: the model's own, at most 8192
    QString cacheType() const { return text("cacheType"); }        // "bf16", "f32"
    double temperature() const { return real("temperature"); }
    int topK() const { return integer("topK"); }
    double topP() const { return real("topP"); }
    double minP() const { return real("minP"); }
    double repeatPenalty() const { return real("repeatPenalty"); }
    int maxTokens() const { return integer("maxTokens"); } // 0: until the context is full
    // When the context is full: "stop" and say so, leave out the "oldest" turns, or those of the "middle".
    QString contextPolicy() const { return text("contextPolicy"); }
    int keepAlive() const
    {
        return integer("keepAlive");
    } // minutes without use until the model goes; 0: never
    bool loadAtStart() const { return yes("loadAtStart"); } // else when it is first needed
    QString speeds() const { return text("speeds"); }       // what ModelList has measured, a JSON object
    double seed() const { return real("seed"); } // a whole number below 2^53; -1: another each time
    QString systemPrompt() const { return text("systemPrompt"); }
    QStringList modelFolders() const { return value("modelFolders").toStringList(); }
    QString lastModel() const { return text("lastModel"); }
    QString windowGeometry() const { return text("windowGeometry"); }
    QString newDraft() const { return text("newDraft"); } // typed into a conversation that does not exist yet
    QStringList folders() const
    {
        return value("folders").toStringList();
    } // of conversations, with empty ones
    QStringList openFolders() const { return value("openFolders").toStringList(); }
    int trashDays() const { return integer("trashDays"); } // until the trash is emptied by itself; 0: never
    bool notify() const { return yes("notify"); }          // of answers that ended out of view
    QString backups() const { return text("backups"); }    // "off", "daily", "weekly"
    int backupsKept() const { return integer("backupsKept"); }

    void setTheme(const QString& theme) { set("theme", theme); }
    void setAccent(const QString& accent) { set("accent", accent); }
    void setZoom(double zoom) { set("zoom", zoom); }
    void setFontFamily(const QString& family) { set("fontFamily", family); }
    void setSidebarWidth(int width) { set("sidebarWidth", width); }
    void setSidebarOpen(bool open) { set("sidebarOpen", open); }
    void setShowPreview(bool show) { set("showPreview", show); }
    void setReduceMotion(bool reduce) { set("reduceMotion", reduce); }
    void setFirstStartDone(bool done) { set("firstStartDone", done); }
    void setDevice(const QString& device) { set("device", device); }
    void setThreads(int threads) { set("threads", threads); }
    void setContextLength(int tokens) { set("contextLength", tokens); }
    void setCacheType(const QString& type) { set("cacheType", type); }
    void setTemperature(double temperature) { set("temperature", temperature); }
    void setTopK(int k) { set("topK", k); }
    void setTopP(double p) { set("topP", p); }
    void setMinP(double p) { set("minP", p); }
    void setRepeatPenalty(double penalty) { set("repeatPenalty", penalty); }
    void setMaxTokens(int tokens) { set("maxTokens", tokens); }
    void setContextPolicy(const QString& policy) { set("contextPolicy", policy); }
    void setKeepAlive(int minutes) { set("keepAlive", minutes); }
    void setLoadAtStart(bool load) { set("loadAtStart", load); }
    void setSpeeds(const QString& speeds) { set("speeds", speeds); }
    void setSeed(double seed) { set("seed", seed); }
    void setSystemPrompt(const QString& prompt) { set("systemPrompt", prompt); }
    void setModelFolders(const QStringList& folders) { set("modelFolders", folders); }
    void setLastModel(const QString& path) { set("lastModel", path); }
    void setWindowGeometry(const QString& geometry) { set("windowGeometry", geometry); }
    void setNewDraft(const QString& draft) { set("newDraft", draft); }
    void setFolders(const QStringList& folders) { set("folders", folders); }
    void setOpenFolders(const QStringList& folders) { set("openFolders", folders); }
    void setTrashDays(int days) { set("trashDays", days); }
    void setNotify(bool notify) { set("notify", notify); }
    void setBackups(const QString& every) { set("backups", every); }
    void setBackupsKept(int count) { set("backupsKept", count); }

    // Until the program ends these have their defaults, unless they are set again; the file keeps what it
    // has.
    void setAside(const QStringList& names);
    Q_INVOKABLE void reset(const QString& name);
    Q_INVOKABLE bool isDefault(const QString& name) const;

    // Those that a conversation may set for itself, with a value brought into the bounds; none for another
    // name or what is no number.
    static const QStringList& samplingNames();
    static std::optional<double> bounded(const QString& name, double value);

    // What the engine is asked with. The seed is the set one or, at -1, a random one.
    engine::Sampling sampling() const;
    static std::uint64_t randomSeed(); // below 2^53
    engine::LoadOptions loadOptions() const;

signals:
    void themeChanged();
    void accentChanged();
    void zoomChanged();
    void fontFamilyChanged();
    void sidebarWidthChanged();
    void sidebarOpenChanged();
    void showPreviewChanged();
    void reduceMotionChanged();
    void firstStartDoneChanged();
    void deviceChanged();
    void threadsChanged();
    void contextLengthChanged();
    void cacheTypeChanged();
    void temperatureChanged();
    void topKChanged();
    void topPChanged();
    void minPChanged();
    void repeatPenaltyChanged();
    void maxTokensChanged();
    void contextPolicyChanged();
    void keepAliveChanged();
    void loadAtStartChanged();
    void speedsChanged();
    void seedChanged();
    void systemPromptChanged();
    void modelFoldersChanged();
    void lastModelChanged();
    void windowGeometryChanged();
    void newDraftChanged();
    void foldersChanged();
    void openFoldersChanged();
    void trashDaysChanged();
    void notifyChanged();
    void backupsChanged();
    void backupsKeptChanged();
    void changed(const QString& name);

private:
    QVariant value(const char* name) const;
    QString text(const char* name) const { return value(name).toString(); }
    double real(const char* name) const { return value(name).toDouble(); }
    int integer(const char* name) const { return value(name).toInt(); }
    bool yes(const char* name) const { return value(name).toBool(); }
    void set(const char* name, const QVariant& value);
    void save();

    QString m_file;
    TaskThread& m_files;
    QVariantMap m_values; // those that differ from the default
    QVariantMap m_aside;  // what the file says of those that were set aside
    QTimer m_save_timer;
};

} // namespace ui
