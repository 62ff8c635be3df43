// SPDX-License-Identifier: MIT
// A desktop of its own to walk through the real program: an X server without a screen (Xvfb), a window
// manager (openbox), a message bus with the services of a desktop, and hands (xdotool). What stands in the
// window is found as a screen reader finds it, by the names and places that the program tells over AT-SPI.
#pragma once

#include <QDBusConnection>
#include <QDBusVirtualObject>
#include <QImage>
#include <QProcess>
#include <QRect>

#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace desktop {

// One thing in the window, as it is told to screen readers.
struct Element
{
    QString name;
    uint role = 0;
    QRect area; // in pixels of the screen
    bool enabled = false;
    bool focused = false;
    bool checked = false;
};

// What the tests tell things of one name apart by; numbers of AT-SPI's enumeration of roles.
enum Role : uint
{
    any_role = 0,
    dialog = 16,
    list_item = 32,
    menu_item = 35,
    button = 43,
    text_field = 61,
    heading = 83,
    tree_item = 91,
};

struct Notification
{
    uint id = 0;
    QString title;
    QString text;
};

// The services that the program meets on the bus: where screen readers listen, and notifications.
class Services : public QDBusVirtualObject
{
public:
    explicit Services(QString address)
        : m_address(std::move(address))
    {
    }
    QString introspect(const QString&) const override { return {}; }
    bool handleMessage(const QDBusMessage& message, const QDBusConnection& connection) override;

    QString program; // its name on the bus, once its window can be read
    std::vector<Notification> notifications;

private:
    QString m_address;
};

// Looks again and again, ten times a second at most, whether it is so; false after `within_ms`.
bool comes(const std::function<bool()>& so, int within_ms = 60'000);

class Desktop
{
public:
    // `folder` holds all that its programs write: HOME, the XDG folders, sockets.
    explicit Desktop(QString folder);
    ~Desktop();

    QString start(); // empty, or why there is no desktop
    QProcessEnvironment environment() const { return m_environment; }
    QString home() const { return m_folder + QStringLiteral("/home"); }

    // Starts a program here; what it says goes to a file of its name in the folder.
    std::unique_ptr<QProcess> run(const QString& program, const QStringList& arguments);

    // What the window shows, from the top of its tree down. Empty while there is no window.
    std::vector<Element> elements();
    // The first that is called so; a "*" at the end of the name stands for anything.
    std::optional<Element> find(const QString& name, Role role = any_role);

    // Wait for what is called so; false, with what stands there instead, if it does not come.
    bool shows(const QString& name, Role role = any_role);
    bool lacks(const QString& name, Role role = any_role);
    // Clicks on it, once it can be used and stands still.
    bool press(const QString& name, Role role = any_role, int button = 1);

    void key(const QString& keys); // "ctrl+n", several apart by spaces
    void type(const QString& text);
    void move(QPoint to);
    void click(QPoint at, int button = 1);
    void drag(QPoint from, QPoint to, const std::function<void()>& before_the_drop);
    void minimise();
    QString title() const; // of the window that has the focus

    QImage screen() const;

    std::vector<Notification>& notifications() { return m_services->notifications; }
    void choose(const Notification& notification); // as a click on it does

private:
    QByteArray hands(const QStringList& arguments) const;
    void tell(const QString& name); // that it was looked for in vain

    QString m_folder;
    QProcessEnvironment m_environment;
    QProcess m_server;
    QProcess m_manager;
    QProcess m_bus;
    QDBusConnection m_connection = QDBusConnection(QString());
    std::unique_ptr<Services> m_services;
};

} // namespace desktop
