// SPDX-License-Identifier: MIT
#include "tests/app/desktop.h"

#include <QDBusArgument>
#include <QDBusMessage>
#include <QDBusMetaType>
#include <QDBusPendingCall>
#include <QDir>
#include <QElapsedTimer>
#include <QFile>
#include <QStandardPaths>
#include <QTest>
#include <QtEndian>

#include <array>
#include <utility>

namespace desktop {

namespace {

const QString root = QStringLiteral("/org/a11y/atspi/accessible/root");
const QString accessible = QStringLiteral("org.a11y.atspi.Accessible");
const QString component = QStringLiteral("org.a11y.atspi.Component");
const QString properties = QStringLiteral("org.freedesktop.DBus.Properties");
const QString notifications_service = QStringLiteral("org.freedesktop.Notifications");
const QString notifications_path = QStringLiteral("/org/freedesktop/Notifications");

// Bits of AT-SPI's set of states.
constexpr int state_checked = 4;
constexpr int state_enabled = 8;
constexpr int state_focused = 12;
constexpr int state_showing = 25;
constexpr int state_visible = 30;

struct Reference // to an object of some program on the bus
{
    QString service;
    QDBusObjectPath path;
};

QDBusArgument& operator<<(QDBusArgument& argument, const Reference& reference)
{
    argument.beginStructure();
    argument << reference.service << reference.path;
    argument.endStructure();
    return argument;
}

const QDBusArgument& operator>>(const QDBusArgument& argument, Reference& reference)
{
    argument.beginStructure();
    argument >> reference.service >> reference.path;
    argument.endStructure();
    return argument;
}

} // namespace

} // namespace desktop

Q_DECLARE_METATYPE(desktop::Reference)

namespace desktop {

bool Services::handleMessage(const QDBusMessage& message, const QDBusConnection& connection)
{
    const QString member = message.member();
    if (member == QLatin1String("GetAddress")) // org.a11y.Bus: screen readers listen on this very bus
        return connection.send(message.createReply(m_address));
    if (member == QLatin1String("Get")) // org.a11y.Status: is there anyone who reads?
        return connection.send(message.createReply(QVariant::fromValue(QDBusVariant(true))));
    if (member == QLatin1String("Embed")) {
        program = message.service();
        return connection.send(message.createReply(
            QVariant::fromValue(Reference{connection.baseService(), QDBusObjectPath(root)})));
    }
    if (member == QLatin1String("Notify") && message.arguments().size() >= 5) {
        const uint id = static_cast<uint>(notifications.size()) + 1;
        notifications.push_back(
            {id, message.arguments().at(3).toString(), message.arguments().at(4).toString()});
        return connection.send(message.createReply(id));
    }
    return false;
}

bool comes(const std::function<bool()>& so, int within_ms)
{
    QElapsedTimer clock;
    clock.start();
    while (!so()) {
        if (clock.elapsed() > within_ms)
            return false;
        QTest::qWait(100);
    }
    return true;
}

Desktop::Desktop(QString folder)
    : m_folder(std::move(folder))
{
    qDBusRegisterMetaType<Reference>();
    QProcessEnvironment system = QProcessEnvironment::systemEnvironment();
    for (const QString& name : system.keys())
        if (name.startsWith(QLatin1String("QT_")) || name.startsWith(QLatin1String("XDG_")) ||
            name == QLatin1String("WAYLAND_DISPLAY"))
            system.remove(name);
    system.insert(QStringLiteral("HOME"), home());
    const std::array folders = {
        std::pair("XDG_RUNTIME_DIR", "run"), std::pair("XDG_CONFIG_HOME", "home/.config"),
        std::pair("XDG_DATA_HOME", "home/.local/share"), std::pair("XDG_STATE_HOME", "home/.local/state"),
        std::pair("XDG_CACHE_HOME", "home/.cache")};
    for (const auto& [name, below] : folders) {
        const QString path = m_folder + u'/' + QLatin1String(below);
        QDir().mkpath(path);
        QFile::setPermissions(path, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
        system.insert(QLatin1String(name), path);
    }
    system.insert(QStringLiteral("QT_LINUX_ACCESSIBILITY_ALWAYS_ON"), QStringLiteral("1"));
    system.insert(QStringLiteral("LC_ALL"), QStringLiteral("C.UTF-8"));
    m_environment = system;
}

Desktop::~Desktop()
{
    QDBusConnection::disconnectFromBus(QStringLiteral("desktop"));
    for (QProcess* process : {&m_manager, &m_bus, &m_server}) {
        process->terminate();
        if (process->state() != QProcess::NotRunning && !process->waitForFinished(5000))
            process->kill();
        process->waitForFinished();
    }
}

QString Desktop::start()
{
    for (const char* program : {"Xvfb", "openbox", "xdotool", "dbus-daemon"})
        if (QStandardPaths::findExecutable(QLatin1String(program)).isEmpty())
            return QStringLiteral("%1 is missing; .ci/run installs it").arg(QLatin1String(program));

    m_server.setProcessEnvironment(m_environment);
    m_server.setStandardErrorFile(m_folder + QStringLiteral("/Xvfb.log"));
    m_server.start(QStringLiteral("Xvfb"),
                   {QStringLiteral("-displayfd"), QStringLiteral("1"), QStringLiteral("-screen"),
                    QStringLiteral("0"), QStringLiteral("1280x900x24"), QStringLiteral("-nolisten"),
                    QStringLiteral("tcp"), QStringLiteral("-fbdir"), m_folder});
    if (!comes([this] { return m_server.canReadLine(); }))
        return QStringLiteral("Xvfb does not start");
    m_environment.insert(QStringLiteral("DISPLAY"),
                         u':' + QString::fromLatin1(m_server.readLine().trimmed()));

    m_bus.setProcessEnvironment(m_environment);
    m_bus.start(QStringLiteral("dbus-daemon"),
                {QStringLiteral("--session"), QStringLiteral("--nofork"), QStringLiteral("--nopidfile"),
                 QStringLiteral("--print-address"),
                 QStringLiteral("--address=unix:path=%1/bus").arg(m_folder)});
    if (!comes([this] { return m_bus.canReadLine(); }))
        return QStringLiteral("dbus-daemon does not start");
    const QString address = QString::fromLatin1(m_bus.readLine().trimmed());
    m_environment.insert(QStringLiteral("DBUS_SESSION_BUS_ADDRESS"), address);
    m_connection = QDBusConnection::connectToBus(address, QStringLiteral("desktop"));
    if (!m_connection.isConnected())
        return QStringLiteral("the bus: %1").arg(m_connection.lastError().message());
    m_services = std::make_unique<Services>(address);
    m_connection.registerVirtualObject(QStringLiteral("/"), m_services.get(), QDBusConnection::SubPath);
    for (const char* name : {"org.a11y.Bus", "org.a11y.atspi.Registry", "org.freedesktop.Notifications"})
        if (!m_connection.registerService(QLatin1String(name)))
            return QStringLiteral("the bus does not give %1").arg(QLatin1String(name));

    m_manager.setProcessEnvironment(m_environment);
    m_manager.setStandardErrorFile(m_folder + QStringLiteral("/openbox.log"));
    m_manager.start(QStringLiteral("openbox"), {QStringLiteral("--sm-disable")});
    if (!comes([this] { return !hands({QStringLiteral("get_num_desktops")}).trimmed().isEmpty(); }))
        return QStringLiteral("openbox does not start");
    return {};
}

std::unique_ptr<QProcess> Desktop::run(const QString& program, const QStringList& arguments)
{
    auto process = std::make_unique<QProcess>();
    process->setProcessEnvironment(m_environment);
    process->setProcessChannelMode(QProcess::MergedChannels);
    process->setStandardOutputFile(m_folder + u'/' + QFileInfo(program).fileName() + QStringLiteral(".log"),
                                   QIODevice::Append);
    process->start(program, arguments, QIODevice::ReadOnly);
    return process;
}

std::vector<Element> Desktop::elements()
{
    std::vector<Element> found;
    const QString service = m_services->program;
    const auto ask = [&](const QString& path, const QString& interface, const char* member,
                         const QVariantList& arguments = {}) {
        QDBusMessage call = QDBusMessage::createMethodCall(service, path, interface, QLatin1String(member));
        call.setArguments(arguments);
        return m_connection.asyncCall(call, 10'000);
    };
    const auto answer = [](QDBusPendingCall& call) {
        call.waitForFinished();
        const QDBusMessage reply = call.reply();
        return reply.type() == QDBusMessage::ReplyMessage ? reply.arguments().value(0) : QVariant();
    };
    struct Asked
    {
        QDBusPendingCall state, name, role, area, children;
    };
    QStringList level = {root}; // a level of the tree at a time: its questions all travel at once
    while (!level.isEmpty() && !service.isEmpty()) {
        std::vector<Asked> all;
        for (const QString& path : std::as_const(level))
            all.push_back({ask(path, accessible, "GetState"),
                           ask(path, properties, "Get", {accessible, QStringLiteral("Name")}),
                           ask(path, accessible, "GetRole"), ask(path, component, "GetExtents", {0u}),
                           ask(path, accessible, "GetChildren")});
        const bool top = level.size() == 1 && level.constFirst() == root;
        level.clear();
        for (Asked& one : all) {
            const auto states = qdbus_cast<QList<uint>>(answer(one.state));
            const auto is = [&states](int bit) {
                return states.value(bit / 32) >> static_cast<unsigned>(bit % 32) & 1U;
            };
            Element element;
            element.name = qdbus_cast<QDBusVariant>(answer(one.name)).variant().toString();
            element.role = answer(one.role).toUInt();
            element.area = qdbus_cast<QRect>(answer(one.area));
            element.enabled = is(state_enabled);
            element.focused = is(state_focused);
            element.checked = is(state_checked);
            const auto children = qdbus_cast<QList<Reference>>(answer(one.children));
            if (!top && !is(state_visible))
                continue;
            if (is(state_showing) && !element.name.isEmpty())
                found.push_back(element);
            for (const Reference& child : children)
                if (child.path.path() != QLatin1String("/org/a11y/atspi/null"))
                    level.append(child.path.path());
        }
    }
    return found;
}

std::optional<Element> Desktop::find(const QString& name, Role role)
{
    const bool begins = name.endsWith(u'*');
    const QString wanted = begins ? name.chopped(1) : name;
    for (const Element& element : elements())
        if ((begins ? element.name.startsWith(wanted) : element.name == wanted) &&
            (role == any_role || element.role == role))
            return element;
    return std::nullopt;
}

void Desktop::tell(const QString& name)
{
    qWarning("“%s” is not as it should be. The window “%s” shows:", qPrintable(name), qPrintable(title()));
    for (const Element& element : elements())
        qWarning("  role %3u %s%s%s", element.role, qPrintable(element.name.left(100)),
                 element.enabled ? "" : " (disabled)", element.focused ? " (focused)" : "");
}

bool Desktop::shows(const QString& name, Role role)
{
    if (comes([&] { return find(name, role).has_value(); }))
        return true;
    tell(name);
    return false;
}

bool Desktop::lacks(const QString& name, Role role)
{
    if (comes([&] { return !find(name, role).has_value(); }))
        return true;
    tell(name);
    return false;
}

bool Desktop::press(const QString& name, Role role, int button)
{
    std::optional<Element> before;
    const bool ready = comes([&] {
        const std::optional<Element> now = find(name, role);
        const bool stands = now && now->enabled && before && before->area == now->area;
        before = now;
        return stands;
    });
    if (ready)
        click(before->area.center(), button);
    else
        tell(name);
    return ready;
}

QByteArray Desktop::hands(const QStringList& arguments) const
{
    QProcess process;
    process.setProcessEnvironment(m_environment);
    process.start(QStringLiteral("xdotool"), arguments, QIODevice::ReadOnly);
    process.waitForFinished(60'000);
    return process.readAllStandardOutput();
}

void Desktop::key(const QString& keys)
{
    hands(QStringList{QStringLiteral("key"), QStringLiteral("--delay"), QStringLiteral("30")} +
          keys.split(u' '));
}

void Desktop::type(const QString& text)
{
    hands({QStringLiteral("type"), QStringLiteral("--delay"), QStringLiteral("15"), QStringLiteral("--"),
           text});
}

void Desktop::move(QPoint to)
{
    hands({QStringLiteral("mousemove"), QString::number(to.x()), QString::number(to.y())});
}

void Desktop::click(QPoint at, int button)
{
    hands({QStringLiteral("mousemove"), QString::number(at.x()), QString::number(at.y()),
           QStringLiteral("sleep"), QStringLiteral("0.1"), QStringLiteral("click"), QString::number(button)});
}

void Desktop::drag(QPoint from, QPoint to, const std::function<void()>& before_the_drop)
{
    move(from);
    hands({QStringLiteral("mousedown"), QStringLiteral("1")});
    constexpr int steps = 12;
    for (int i = 1; i <= steps; ++i) {
        move(from + (to - from) * i / steps);
        QTest::qWait(20); // a hand takes its time, and each step is an event of its own
    }
    before_the_drop();
    hands({QStringLiteral("mouseup"), QStringLiteral("1")});
}

void Desktop::minimise()
{
    hands({QStringLiteral("getactivewindow"), QStringLiteral("windowminimize")});
}

QString Desktop::title() const
{
    return QString::fromUtf8(hands({QStringLiteral("getactivewindow"), QStringLiteral("getwindowname")}))
        .trimmed();
}

// The server keeps what it shows in a file of the XWD format: a header of 32-bit numbers, its own length
// first, most significant byte first; then colours of 12 bytes; then the rows.
QImage Desktop::screen() const
{
    QFile file(m_folder + QStringLiteral("/Xvfb_screen0"));
    if (!file.open(QIODevice::ReadOnly))
        return {};
    const QByteArray bytes = file.readAll();
    const auto number = [&bytes](int place) {
        return static_cast<qsizetype>(qFromBigEndian<quint32>(bytes.constData() + 4 * place));
    };
    constexpr int header_numbers = 25;
    if (bytes.size() < 4 * header_numbers || number(11) != 32)
        return {};
    const qsizetype start = number(0) + 12 * number(19);
    const qsizetype width = number(4);
    const qsizetype height = number(5);
    const qsizetype stride = number(12);
    if (bytes.size() < start + stride * height)
        return {};
    return QImage(reinterpret_cast<const uchar*>(bytes.constData()) + start, static_cast<int>(width),
                  static_cast<int>(height), stride, QImage::Format_RGB32)
        .copy();
}

void Desktop::choose(const Notification& notification)
{
    QDBusMessage signal = QDBusMessage::createSignal(notifications_path, notifications_service,
                                                     QStringLiteral("ActionInvoked"));
    signal << notification.id << QStringLiteral("default");
    m_connection.send(signal);
}

} // namespace desktop
