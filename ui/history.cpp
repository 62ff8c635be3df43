// SPDX-License-Identifier: MIT
#include "ui/history.h"

#include "storage/backup.h"
#include "storage/rescue.h"
#include "ui/markdown/html_export.h"
#include "ui/text.h"

#include <QDateTime>
#include <QFileInfo>

namespace ui {

namespace {

constexpr int progress_ms = 200;
constexpr int first_backup_ms = 60'000; // when the start is over
constexpr int backup_check_ms = 3'600'000;
constexpr qint64 day_ms = 86'400'000;

QString ending(const QString& format)
{
    return format == QLatin1String("json")       ? QStringLiteral(".json")
           : format == QLatin1String("markdown") ? QStringLiteral(".md")
                                                 : QStringLiteral(".html");
}

std::filesystem::path localPath(const QUrl& url)
{
    return pathFromQt(url.toLocalFile());
}

storage::ExportWords exportWords()
{
    storage::ExportWords words;
    words.person = toUtf8(History::tr("You"));
    words.model = toUtf8(History::tr("Assistant"));
    words.system = toUtf8(History::tr("System"));
    words.tool = toUtf8(History::tr("Tool"));
    words.stopped = toUtf8(History::tr("Stopped"));
    words.interrupted = toUtf8(History::tr("Interrupted"));
    words.failed = toUtf8(History::tr("Failed"));
    return words;
}

} // namespace

History::History(const storage::ProfileLock& lock, StoreBridge& store, ConversationModel& conversations,
                 Settings& settings, QObject* parent)
    : QObject(parent)
    , m_lock(lock)
    , m_store(store)
    , m_conversations(conversations)
    , m_settings(settings)
{
    m_progress_timer.setInterval(progress_ms);
    connect(&m_progress_timer, &QTimer::timeout, this, [this] {
        if (m_messages == m_counted)
            return;
        m_messages = m_counted;
        emit progressChanged();
    });
    m_backup_timer.setTimerType(Qt::VeryCoarseTimer);
    m_backup_timer.setInterval(first_backup_ms);
    connect(&m_backup_timer, &QTimer::timeout, this, [this] {
        m_backup_timer.setInterval(backup_check_ms);
        backUpIfDue();
    });
    connect(&m_store, &StoreBridge::opened, &m_backup_timer, qOverload<>(&QTimer::start));
    connect(&m_settings, &Settings::backupsChanged, this, &History::backUpIfDue);
    m_thread.emplace();
}

History::~History()
{
    m_cancelled = true;
    m_thread.reset();
}

bool History::begin(const QString& doing)
{
    if (!m_doing.isEmpty())
        return false;
    dismiss();
    m_cancelled = false;
    m_counted = 0;
    m_messages = 0;
    m_doing = doing;
    m_progress_timer.start();
    emit progressChanged();
    emit doingChanged();
    return true;
}

void History::end(const Outcome& outcome)
{
    m_progress_timer.stop();
    m_doing.clear();
    m_result = outcome.sentence;
    m_failed = outcome.failed;
    m_findings = outcome.findings;
    emit doingChanged();
    emit resultChanged();
    readBackups();
}

// On this object's thread, which has connections of its own: nothing waits for it.
void History::work(const QString& doing, std::function<Outcome()> work)
{
    if (!begin(doing))
        return;
    m_thread->post([this, work = std::move(work)] {
        Outcome outcome;
        try {
            outcome = work();
        } catch (const storage::Error& error) {
            if (error.kind() == storage::Error::Kind::cancelled)
                outcome = {tr("Cancelled; nothing was changed.")};
            else
                outcome = {sentence(error), true};
        } catch (const std::exception& error) {
            outcome = {toQt(error.what()), true};
        }
        m_mailbox.post([this, outcome] { end(outcome); });
    });
}

bool History::count(qint64 messages)
{
    m_counted = messages;
    return !m_cancelled;
}

void History::exportTo(const QVariantList& ids, const QString& format, const QUrl& where)
{
    std::vector<storage::Id> chosen;
    for (const QVariant& id : ids)
        chosen.push_back(id.toLongLong());
    work(tr("Exporting"), [this, chosen, format, where = localPath(where)]() mutable {
        storage::ChatReader reader(m_lock.profile());
        if (chosen.empty()) {
            for (const auto scope : {storage::Scope::active, storage::Scope::archived}) {
                for (const storage::Conversation& one : reader.list_conversations(scope))
                    chosen.push_back(one.id);
            }
        }
        if (format == QLatin1String("json")) {
            reader.export_json(chosen, where, [this](std::int64_t messages) { return count(messages); });
        } else {
            std::int64_t before = 0;
            std::int64_t now = 0;
            const storage::Progress progress = [&](std::int64_t messages) {
                now = messages;
                return count(before + messages);
            };
            const storage::ExportWords words = exportWords();
            for (const storage::Id id : chosen) {
                std::filesystem::path file = where;
                if (chosen.size() > 1 || std::filesystem::is_directory(where)) {
                    const std::optional<storage::Conversation> one = reader.conversation(id);
                    if (!one)
                        continue; // deleted meanwhile
                    file = storage::export_file(
                        where, one->title.empty() ? toUtf8(tr("New conversation")) : one->title,
                        toUtf8(ending(format)));
                }
                if (format == QLatin1String("markdown"))
                    storage::export_markdown(reader, id, file, words, progress);
                else
                    storage::export_html(
                        reader, id, file,
                        [](std::string_view text) { return markdownToHtml(text, toUtf8(tr("Reasoning"))); },
                        words, progress);
                before += now;
                now = 0;
            }
        }
        return Outcome{chosen.size() == 1
                           ? tr("Exported to %1.").arg(pathToQt(where))
                           : tr("Exported %L1 conversations to %2.").arg(chosen.size()).arg(pathToQt(where))};
    });
}

void History::importFrom(const QUrl& file)
{
    if (!begin(tr("Importing")))
        return;
    m_store.run(
        this,
        [this, path = localPath(file)](storage::ChatStore& store) {
            return store.import_json(path, storage::IfPresent::skip,
                                     [this](std::int64_t messages) { return count(messages); });
        },
        [this](const storage::Imported& imported) {
            QString text = tr("Imported. Conversations: %1, messages: %2.")
                               .arg(imported.conversations.size())
                               .arg(imported.messages);
            if (imported.skipped > 0)
                text += u' ' + tr("%1 were here already.").arg(imported.skipped);
            end({text});
            m_conversations.reload();
        },
        [this](const QString& why) {
            end({m_cancelled ? tr("Cancelled; nothing was changed.") : why, !m_cancelled});
        });
}

QString History::fileName(const QVariantList& ids, const QString& format) const
{
    QString name = QStringLiteral("fathom-") + QDate::currentDate().toString(Qt::ISODate);
    if (ids.size() == 1) {
        const QString title = m_conversations.titleOf(ids.front().toLongLong());
        const std::filesystem::path safe = storage::export_file({}, toUtf8(title), {});
        if (!safe.empty())
            name = pathToQt(safe);
    }
    return name + ending(format);
}

void History::backUpNow()
{
    work(tr("Making a backup"), [this, keep = m_settings.backupsKept()] {
        storage::Connection database(storage::database_file(m_lock.profile()),
                                     storage::Connection::Mode::copy_only);
        const std::filesystem::path file = storage::back_up(database, m_lock.profile() / "backups", keep);
        return Outcome{tr("Backed up to %1.").arg(pathToQt(file))};
    });
}

// In silence, but for a failure.
void History::backUpIfDue()
{
    const QString every = m_settings.backups();
    if (every == QLatin1String("off") || !m_store.isOpen())
        return;
    const qint64 interval = (every == QLatin1String("daily") ? 1 : 7) * day_ms;
    m_thread->post([this, interval, keep = m_settings.backupsKept()] {
        QString why;
        try {
            storage::backup_if_due(m_lock.profile(), interval, keep);
        } catch (const storage::Error& error) {
            why = tr("The scheduled backup failed: %1").arg(sentence(error));
        } catch (const std::exception& error) {
            why = tr("The scheduled backup failed: %1").arg(toQt(error.what()));
        }
        m_mailbox.post([this, why] {
            if (!why.isEmpty())
                m_store.report(why);
            readBackups();
        });
    });
}

void History::check()
{
    work(tr("Checking the history"), [this] {
        storage::Connection reader(storage::database_file(m_lock.profile()),
                                   storage::Connection::Mode::read_only);
        const std::vector<std::string> found = storage::check(reader);
        if (found.empty())
            return Outcome{tr("The history is sound.")};
        Outcome outcome{
            tr("The history is damaged. Repair makes a new one of all that can be read, and keeps "
               "the old one."),
            true};
        for (const std::string& one : found)
            outcome.findings.append(toQt(one));
        return outcome;
    });
}

void History::repair()
{
    if (!begin(tr("Repairing the history")))
        return;
    m_conversations.newConversation();
    m_store.exchange(
        this, [](const storage::ProfileLock& lock) { return storage::rescue(lock); },
        [this](const storage::Rescued& rescued) {
            QString text = tr("%L1 conversations with %L2 messages were saved into a new history.")
                               .arg(rescued.conversations)
                               .arg(rescued.messages);
            if (rescued.unreadable > 0)
                text += u' ' + tr("%1 rows could not be read.").arg(rescued.unreadable);
            end({text + u' ' + tr("The old one is kept in %1.").arg(pathToQt(rescued.kept))});
        },
        [this](const QString& why) {
            end({why, true});
        });
}

void History::restore(const QString& backup)
{
    if (!begin(tr("Restoring the backup")))
        return;
    m_conversations.newConversation();
    m_store.exchange(
        this,
        [file = pathFromQt(backup)](const storage::ProfileLock& lock) {
            return storage::restore_backup(lock, file);
        },
        [this](const std::filesystem::path& kept) {
            end({tr("The backup is the history now.") + u' ' +
                 (kept.empty() ? QString() : tr("The one before is kept in %1.").arg(pathToQt(kept)))});
        },
        [this](const QString& why) {
            end({why, true});
        });
}

void History::readBackups()
{
    m_thread->post([this] {
        QVariantList all;
        for (const std::filesystem::path& file : storage::backups_in(m_lock.profile() / "backups")) {
            const QString path = pathToQt(file);
            const qint64 time =
                storage::time_of_backup(file).value_or(QFileInfo(path).lastModified().toMSecsSinceEpoch());
            all.append(QVariantMap{{QStringLiteral("file"), path},
                                   {QStringLiteral("time"), QDateTime::fromMSecsSinceEpoch(time)},
                                   {QStringLiteral("size"), QFileInfo(path).size()}});
        }
        m_mailbox.post([this, all] {
            if (m_backups == all)
                return;
            m_backups = all;
            emit backupsChanged();
        });
    });
}

void History::cancel()
{
    m_cancelled = true;
}

void History::dismiss()
{
    if (m_result.isEmpty())
        return;
    m_result.clear();
    m_findings.clear();
    emit resultChanged();
}

} // namespace ui
