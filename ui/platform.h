// SPDX-License-Identifier: MIT
#pragma once

#include "ui/settings.h"

#include <QDBusVariant>
#include <QObject>
#include <QString>

namespace ui {

// What the desktop says: dark or light, motion, fonts; and the few things that leave the window. The
// desktop's settings are asked for over D-Bus without waiting; until the answer comes, and where there is
// none, the palette decides.
class Platform : public QObject
{
    Q_OBJECT
    Q_PROPERTY(bool dark READ dark NOTIFY darkChanged)
    Q_PROPERTY(bool systemDark READ systemDark NOTIFY systemDarkChanged)
    Q_PROPERTY(bool reduceMotion READ reduceMotion NOTIFY reduceMotionChanged)
    Q_PROPERTY(QString version READ version CONSTANT)
    Q_PROPERTY(QString profilePath READ profilePath CONSTANT)
    Q_PROPERTY(int threadsAvailable READ threadsAvailable CONSTANT)
    Q_PROPERTY(QString uiFont READ uiFont NOTIFY uiFontChanged)
    Q_PROPERTY(QString codeFont READ codeFont CONSTANT)
    Q_PROPERTY(bool hasTouch READ hasTouch CONSTANT)
    Q_PROPERTY(QString safeMode READ safeMode NOTIFY safeModeChanged)

public:
    // `settings` outlives this object.
    Platform(Settings& settings, QString profilePath, QObject* parent = nullptr);

    bool dark() const; // the theme setting and the system together
    bool systemDark() const { return m_system_dark; }
    bool reduceMotion() const { return m_system_still || m_settings.reduceMotion(); }
    QString version() const;
    QString profilePath() const { return m_profile_path; }
    int threadsAvailable() const;
    QString uiFont() const;
    QString codeFont() const { return m_code_font; }
    bool hasTouch() const;
    QString safeMode() const { return m_safe_mode; } // why this run is a careful one; empty: it is not
    void setSafeMode(const QString& why);

    Q_INVOKABLE void copy(const QString& text);
    // For a link that the person clicked: asks with linkAsked(), so that the address is seen first. Only
    // http, https and mailto; returns false for everything else.
    Q_INVOKABLE bool openLink(const QString& url);
    // The person has seen the address and wants it.
    Q_INVOKABLE bool openAsked(const QString& url);
    Q_INVOKABLE QString humanBytes(double bytes) const;
    Q_INVOKABLE QString humanTime(double milliseconds) const;

signals:
    void darkChanged();
    void systemDarkChanged();
    void reduceMotionChanged();
    void uiFontChanged();
    void safeModeChanged();
    void raiseRequested();
    void linkAsked(const QString& address);

private slots:
    void portalSettingChanged(const QString& space, const QString& key, const QDBusVariant& value);

private:
    void ask(const QString& space, const QString& key);
    void apply(const QString& space, const QString& key, const QVariant& value);
    void setSystemDark(bool dark);

    Settings& m_settings;
    QString m_profile_path;
    QString m_ui_font;
    QString m_code_font;
    bool m_system_dark = false;
    bool m_system_still = false;
    QString m_safe_mode;
};

// Whether to talk to the desktop at all: without a bus that runs, Qt would start one.
bool hasSessionBus();

// "12.4 MB", "10 GB": powers of ten, as file managers show them.
QString humanBytes(qint64 bytes);

} // namespace ui
