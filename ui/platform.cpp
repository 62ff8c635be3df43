// SPDX-License-Identifier: MIT
#include "ui/platform.h"

#include <QClipboard>
#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>
#include <QDesktopServices>
#include <QFile>
#include <QFontDatabase>
#include <QGuiApplication>
#include <QInputDevice>
#include <QLocale>
#include <QPalette>
#include <QThread>
#include <QUrl>

#include <array>
#include <cmath>

namespace ui {

namespace {

const QString portal_service = QStringLiteral("org.freedesktop.portal.Desktop");
const QString portal_path = QStringLiteral("/org/freedesktop/portal/desktop");
const QString portal_settings = QStringLiteral("org.freedesktop.portal.Settings");

const QString appearance = QStringLiteral("org.freedesktop.appearance");
const QString color_scheme = QStringLiteral("color-scheme");     // 0 none, 1 dark, 2 light
const QString reduced_motion = QStringLiteral("reduced-motion"); // 0 none, 1 reduced
const QString gnome_interface = QStringLiteral("org.gnome.desktop.interface");
const QString enable_animations = QStringLiteral("enable-animations");

bool paletteIsDark()
{
    const QPalette palette = QGuiApplication::palette();
    return palette.color(QPalette::WindowText).lightness() > palette.color(QPalette::Window).lightness();
}

bool mayOpen(const QUrl& link)
{
    const QString scheme = link.scheme();
    if (!link.isValid())
        return false;
    return scheme == QLatin1String("mailto") ? !link.path().isEmpty()
                                             : !link.host().isEmpty() && (scheme == QLatin1String("http") ||
                                                                          scheme == QLatin1String("https"));
}

QString firstFamily(std::initializer_list<const char*> names, QFontDatabase::SystemFont otherwise)
{
    for (const char* name : names) {
        if (QFontDatabase::hasFamily(QLatin1String(name)))
            return QLatin1String(name);
    }
    return QFontDatabase::systemFont(otherwise).family();
}

} // namespace

bool hasSessionBus()
{
    const QByteArray runtime = qgetenv("XDG_RUNTIME_DIR");
    return !qEnvironmentVariableIsEmpty("DBUS_SESSION_BUS_ADDRESS") ||
           (!runtime.isEmpty() && QFile::exists(QFile::decodeName(runtime + "/bus")));
}

QString humanBytes(qint64 bytes)
{
    constexpr std::array<const char*, 5> units = {"B", "kB", "MB", "GB", "TB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= 999.5 && unit + 1 < units.size()) {
        value /= 1000.0;
        ++unit;
    }
    const int decimals = unit >= 2 && value < 99.95 ? 1 : 0;
    return QLocale().toString(value, 'f', decimals) + u' ' + QLatin1String(units[unit]);
}

Platform::Platform(Settings& settings, QString profilePath, QObject* parent)
    : QObject(parent)
    , m_settings(settings)
    , m_profile_path(std::move(profilePath))
    , m_ui_font(firstFamily({"Inter", "Inter Variable"}, QFontDatabase::GeneralFont))
    , m_code_font(firstFamily({"JetBrains Mono"}, QFontDatabase::FixedFont))
    , m_system_dark(paletteIsDark())
{
    connect(&m_settings, &Settings::themeChanged, this, &Platform::darkChanged);
    connect(&m_settings, &Settings::reduceMotionChanged, this, &Platform::reduceMotionChanged);
    connect(&m_settings, &Settings::fontFamilyChanged, this, &Platform::uiFontChanged);

    if (!hasSessionBus())
        return;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    bus.connect(portal_service, portal_path, portal_settings, QStringLiteral("SettingChanged"), this,
                SLOT(portalSettingChanged(QString, QString, QDBusVariant)));
    ask(appearance, color_scheme);
    ask(appearance, reduced_motion);
    ask(gnome_interface, enable_animations);
}

void Platform::ask(const QString& space, const QString& key)
{
    QDBusMessage call =
        QDBusMessage::createMethodCall(portal_service, portal_path, portal_settings, QStringLiteral("Read"));
    call << space << key;
    auto* watcher = new QDBusPendingCallWatcher(QDBusConnection::sessionBus().asyncCall(call), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this, [this, space, key, watcher] {
        watcher->deleteLater();
        const QDBusPendingReply<QDBusVariant> reply = *watcher;
        if (reply.isValid())
            apply(space, key, reply.value().variant());
    });
}

void Platform::portalSettingChanged(const QString& space, const QString& key, const QDBusVariant& value)
{
    apply(space, key, value.variant());
}

void Platform::apply(const QString& space, const QString& key, const QVariant& value)
{
    // Read answers with a variant inside the variant, SettingChanged with one.
    const QVariant inner = value.canConvert<QDBusVariant>() ? value.value<QDBusVariant>().variant() : value;
    if (space == appearance && key == color_scheme) {
        const uint scheme = inner.toUInt();
        setSystemDark(scheme == 1 || (scheme != 2 && paletteIsDark()));
        return;
    }
    const bool still = m_system_still;
    if (space == appearance && key == reduced_motion)
        m_system_still = inner.toUInt() == 1;
    else if (space == gnome_interface && key == enable_animations)
        m_system_still = !inner.toBool();
    if (still != m_system_still)
        emit reduceMotionChanged();
}

void Platform::setSystemDark(bool dark)
{
    if (m_system_dark == dark)
        return;
    m_system_dark = dark;
    emit systemDarkChanged();
    emit darkChanged();
}

bool Platform::dark() const
{
    const QString theme = m_settings.theme();
    return theme == QLatin1String("dark") || (theme == QLatin1String("system") && m_system_dark);
}

QString Platform::version() const
{
    return QStringLiteral(FATHOM_VERSION);
}

int Platform::threadsAvailable() const
{
    return QThread::idealThreadCount();
}

QString Platform::uiFont() const
{
    const QString chosen = m_settings.fontFamily();
    return chosen.isEmpty() || !QFontDatabase::hasFamily(chosen) ? m_ui_font : chosen;
}

void Platform::setSafeMode(const QString& why)
{
    m_safe_mode = why;
    emit safeModeChanged();
}

bool Platform::hasTouch() const
{
    const QList<const QInputDevice*> devices = QInputDevice::devices();
    return std::any_of(devices.begin(), devices.end(), [](const QInputDevice* device) {
        return device->type() == QInputDevice::DeviceType::TouchScreen;
    });
}

void Platform::copy(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

bool Platform::openLink(const QString& url)
{
    if (!mayOpen(QUrl(url, QUrl::StrictMode)))
        return false;
    // As it is sent, in ASCII: letters that look like others show.
    emit linkAsked(QString::fromLatin1(QUrl(url, QUrl::StrictMode).toEncoded()));
    return true;
}

bool Platform::openAsked(const QString& url)
{
    const QUrl link(url, QUrl::StrictMode);
    return mayOpen(link) && QDesktopServices::openUrl(link);
}

QString Platform::humanBytes(double bytes) const
{
    return ui::humanBytes(std::llround(bytes));
}

QString Platform::humanTime(double milliseconds) const
{
    const double seconds = milliseconds / 1000.0;
    if (seconds < 0.1)
        return tr("%1 ms").arg(std::lround(milliseconds));
    if (seconds < 10.0)
        return tr("%1 s").arg(QLocale().toString(seconds, 'f', 1));
    if (seconds < 60.0)
        return tr("%1 s").arg(std::lround(seconds));
    const auto whole = std::lround(seconds);
    if (whole < 3600)
        return tr("%1 min %2 s").arg(whole / 60).arg(whole % 60);
    return tr("%1 h %2 min").arg(whole / 3600).arg(whole / 60 % 60);
}

} // namespace ui
