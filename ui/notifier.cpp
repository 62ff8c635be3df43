// SPDX-License-Identifier: MIT
#include "ui/notifier.h"

#include "ui/platform.h"
#include "ui/text.h"
#include "ui/title.h"

#include <QDBusConnection>
#include <QDBusMessage>
#include <QDBusPendingCallWatcher>
#include <QDBusPendingReply>

namespace ui {

namespace {

const QString service = QStringLiteral("org.freedesktop.Notifications");
const QString path = QStringLiteral("/org/freedesktop/Notifications");
constexpr int taken_within_ms = 1000;

QDBusMessage notification(const QString& title, const QString& text, const QStringList& actions)
{
    QDBusMessage call = QDBusMessage::createMethodCall(service, path, service, QStringLiteral("Notify"));
    // Plain text: the body may be markup, the title never is.
    call << QStringLiteral("Fathom") << uint(0) << QStringLiteral("fathom") << title << text.toHtmlEscaped()
         << actions << QVariantMap{{QStringLiteral("desktop-entry"), QStringLiteral("fathom")}} << int(-1);
    return call;
}

} // namespace

Notifier::Notifier(Answers& answers, ConversationModel& conversations, Settings& settings,
                   std::function<bool()> inFront, QObject* parent)
    : QObject(parent)
    , m_conversations(conversations)
    , m_settings(settings)
    , m_in_front(std::move(inFront))
{
    connect(&answers, &Answers::saved, this, &Notifier::saved);
}

void Notifier::saved(const Answers::Turn& turn)
{
    const bool seen = m_in_front() && turn.conversation.id == m_conversations.currentId();
    if (!m_settings.notify() || seen || turn.branch.empty())
        return;
    const storage::Status status = turn.branch.back().status;
    if (status != storage::Status::complete && status != storage::Status::failed)
        return; // the person stopped it
    Note note;
    note.conversation = turn.conversation.id;
    note.title = StoreBridge::isTemporary(turn.conversation.id) || turn.conversation.title.empty()
                     ? tr("Fathom")
                     : oneLine(toQt(turn.conversation.title));
    note.text = status == storage::Status::complete ? tr("The answer is finished.")
                                                    : tr("The answer could not be finished.");
    send(note);
    emit noted(note);
}

void Notifier::send(const Note& note)
{
    if (!hasSessionBus())
        return;
    QDBusConnection bus = QDBusConnection::sessionBus();
    if (!bus.isConnected())
        return;
    if (!m_listening) {
        m_listening = true;
        bus.connect(service, path, service, QStringLiteral("ActionInvoked"), this,
                    SLOT(actionInvoked(uint, QString)));
        bus.connect(service, path, service, QStringLiteral("NotificationClosed"), this,
                    SLOT(notificationClosed(uint, uint)));
    }
    const QDBusMessage call = notification(note.title, note.text, {QStringLiteral("default"), tr("Show")});
    auto* watcher = new QDBusPendingCallWatcher(bus.asyncCall(call), this);
    connect(watcher, &QDBusPendingCallWatcher::finished, this,
            [this, watcher, conversation = note.conversation] {
                watcher->deleteLater();
                const QDBusPendingReply<uint> reply = *watcher;
                if (reply.isValid())
                    m_sent.insert(reply.value(), conversation);
            });
}

void Notifier::noStart(const QString& why)
{
    if (hasSessionBus())
        QDBusConnection::sessionBus().call(notification(tr("Fathom could not start"), why, {}), QDBus::Block,
                                           taken_within_ms);
}

void Notifier::actionInvoked(uint id, const QString&)
{
    if (const auto conversation = m_sent.constFind(id); conversation != m_sent.constEnd())
        emit chosen(*conversation);
}

void Notifier::notificationClosed(uint id, uint)
{
    m_sent.remove(id);
}

} // namespace ui
