// SPDX-License-Identifier: MIT
#include "ui/conversation_changes.h"

#include "ui/sidebar_lines.h"
#include "ui/text.h"
#include "ui/title.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace ui {

namespace {

constexpr qsizetype longest_title = 200; // letters
constexpr qsizetype longest_tag = 60;

} // namespace

ConversationChanges::ConversationChanges(StoreBridge& store, Answers& answers, Settings& settings,
                                         FolderNames& folders, UndoOffer& undo, Known known, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_answers(answers)
    , m_settings(settings)
    , m_folders(folders)
    , m_undo(undo)
    , m_known(std::move(known))
{
}

ConversationChanges::Ids ConversationChanges::kept(const QVariantList& ids)
{
    Ids kept;
    for (const QVariant& one : ids) {
        const qint64 id = one.toLongLong();
        if (id != 0 && !StoreBridge::isTemporary(id))
            kept.push_back(id);
    }
    return kept;
}

// “Title”, or how many.
QString ConversationChanges::named(const Ids& ids) const
{
    if (ids.size() != 1)
        return tr("%L1 conversations").arg(ids.size());
    const QString title = m_known.titleOf(ids.front());
    return tr("“%1”").arg(title.isEmpty() ? tr("New conversation") : title);
}

void ConversationChanges::change(qint64 id, Change change, std::function<void()> then)
{
    m_store.run(
        id, this,
        [id, change = std::move(change)](storage::ChatStore& store) {
            if (!store.conversation(id)) // deleted meanwhile
                return std::optional<storage::Conversation>();
            change(store);
            return store.conversation(id);
        },
        [this, id, then = std::move(then)](const std::optional<storage::Conversation>& conversation) {
            if (conversation)
                emit changed({*conversation});
            else
                emit gone({id});
            if (then)
                then();
        });
}

// The change happens to those that still exist, and can be taken back under the name `done`.
void ConversationChanges::changeAll(const Ids& ids, const QString& done, ChangeAll change,
                                    std::function<void()> then)
{
    if (ids.empty())
        return;
    struct Changed
    {
        std::vector<storage::Conversation> before;
        std::vector<storage::Conversation> after;
        Ids missing;
    };
    const auto hold =
        std::find(ids.begin(), ids.end(), m_known.current()) != ids.end() ? m_known.current() : 0;
    m_store.run(
        this,
        [ids, change = std::move(change)](storage::ChatStore& store) {
            Changed result;
            Ids existing;
            for (const storage::Id id : ids) {
                if (std::optional<storage::Conversation> one = store.conversation(id)) {
                    existing.push_back(id);
                    result.before.push_back(std::move(*one));
                } else {
                    result.missing.push_back(id);
                }
            }
            change(store, existing);
            for (const storage::Id id : existing)
                result.after.push_back(store.conversation(id).value());
            return result;
        },
        [this, done, hold, then = std::move(then)](const Changed& result) {
            emit changed(result.after);
            if (!result.missing.empty())
                emit gone(result.missing);
            if (!done.isEmpty())
                m_undo.offer({done, result.before, hold, m_settings.folders()});
            m_folders.refresh();
            if (then)
                then();
        });
}

void ConversationChanges::rename(qint64 id, const QString& title)
{
    const QString line = oneLine(title).left(longest_title);
    if (id == 0 || line.isEmpty())
        return;
    change(id, [id, line = toUtf8(line)](storage::ChatStore& store) { store.rename(id, line); });
}

void ConversationChanges::pin(const QVariantList& ids, bool pinned)
{
    changeAll(kept(ids), {},
              [pinned](storage::ChatStore& store, const Ids& all) { store.set_pinned(all, pinned); });
}

void ConversationChanges::archive(const QVariantList& ids, bool archived)
{
    const Ids all = kept(ids);
    changeAll(
        all, archived ? tr("Archived %1").arg(named(all)) : tr("%1 is back from the archive").arg(named(all)),
        [archived](storage::ChatStore& store, const Ids& some) { store.set_archived(some, archived); });
}

void ConversationChanges::trash(const QVariantList& ids)
{
    QVariantList temporary;
    for (const QVariant& one : ids) {
        if (StoreBridge::isTemporary(one.toLongLong()))
            temporary.append(one);
    }
    if (!temporary.isEmpty())
        erase(temporary);
    const Ids all = kept(ids);
    if (all.empty())
        return;
    const auto leave = [this, all] {
        for (const storage::Id id : all)
            m_answers.leave(id, Answers::Rest::keep);
    };
    leave();
    const QString done = tr("Deleted %1").arg(named(all));
    changeAll(
        all, done, [](storage::ChatStore& store, const Ids& some) { store.move_to_trash(some); },
        leave); // what began while the move was on its way
}

void ConversationChanges::putBack(const QVariantList& ids)
{
    const Ids all = kept(ids);
    m_undo.forget(all);
    changeAll(all, {}, [](storage::ChatStore& store, const Ids& some) { store.restore(some); });
}

void ConversationChanges::erase(const QVariantList& ids)
{
    for (const bool temporary : {false, true}) {
        Ids all;
        for (const QVariant& one : ids) {
            const qint64 id = one.toLongLong();
            if (id != 0 && StoreBridge::isTemporary(id) == temporary)
                all.push_back(id);
        }
        if (all.empty())
            continue;
        const auto leave = [this, all] {
            for (const storage::Id id : all)
                m_answers.leave(id, Answers::Rest::drop);
        };
        leave();
        m_undo.forget(all);
        m_store.run(
            all.front(), this,
            [all](storage::ChatStore& store) {
                Ids existing;
                std::copy_if(all.begin(), all.end(), std::back_inserter(existing),
                             [&](storage::Id id) { return store.conversation(id).has_value(); });
                store.delete_for_ever(existing);
            },
            [this, all, leave] {
                leave();
                emit gone(all);
                m_folders.refresh();
            });
    }
}

void ConversationChanges::emptyTrash()
{
    m_undo.offer({});
    m_store.run(
        this,
        [](storage::ChatStore& store) {
            Ids all;
            for (const storage::Conversation& conversation : store.list_conversations(storage::Scope::trash))
                all.push_back(conversation.id);
            store.delete_for_ever(all);
            return all;
        },
        [this](const Ids& all) {
            for (const storage::Id id : all)
                m_answers.leave(id, Answers::Rest::drop);
            emit gone(all);
        });
}

void ConversationChanges::moveToFolder(const QVariantList& ids, const QString& folder)
{
    const Ids all = kept(ids);
    const QString path = cleanFolder(folder);
    m_folders.addOpen(path);
    changeAll(
        all,
        path.isEmpty() ? tr("Took %1 out of its folder").arg(named(all))
                       : tr("Moved %1 to “%2”").arg(named(all), path),
        [name = toUtf8(path)](storage::ChatStore& store, const Ids& some) { store.set_folder(some, name); });
}

void ConversationChanges::setTag(const QVariantList& ids, const QString& tag, bool on)
{
    const Ids all = kept(ids);
    const QString name = oneLine(tag).left(longest_tag);
    if (name.isEmpty())
        return;
    changeAll(all,
              on ? tr("Tagged %1 with “%2”").arg(named(all), name)
                 : tr("Took the tag “%2” off %1").arg(named(all), name),
              [on, text = toUtf8(name)](storage::ChatStore& store, const Ids& some) {
                  if (on)
                      store.add_tag(some, text);
                  else
                      store.remove_tag(some, text);
              });
}

void ConversationChanges::renameFolder(const QString& folder, const QString& path)
{
    const QString to = cleanFolder(path);
    if (folder.isEmpty() || to == folder || (!to.isEmpty() && liesIn(to, folder)))
        return; // into itself
    const QStringList foldersBefore = m_settings.folders();
    m_folders.rename(folder, to);
    m_store.run(
        this,
        [from = toUtf8(folder), to = toUtf8(to), folder](storage::ChatStore& store) {
            std::vector<storage::Conversation> before;
            for (const auto scope :
                 {storage::Scope::active, storage::Scope::archived, storage::Scope::trash}) {
                for (storage::Conversation& one : store.list_conversations(scope)) {
                    if (liesIn(toQt(one.folder), folder))
                        before.push_back(std::move(one));
                }
            }
            store.rename_folder(from, to);
            return before;
        },
        [this, folder, to, foldersBefore](const std::vector<storage::Conversation>& before) {
            emit folderRenamed();
            m_undo.offer({to.isEmpty() || liesIn(folder, to) ? tr("Removed the folder “%1”").arg(folder)
                                                             : tr("Renamed “%1” to “%2”").arg(folder, to),
                          before, 0, foldersBefore});
        });
}

qint64 ConversationChanges::undo()
{
    if (m_undo.text().isEmpty())
        return 0;
    const UndoOffer::Step step = m_undo.take();
    m_settings.setFolders(step.folders);
    Ids ids;
    for (const storage::Conversation& one : step.before)
        ids.push_back(one.id);
    changeAll(ids, {},
              [before = step.before](storage::ChatStore& store, const Ids&) { putBefore(store, before); });
    return step.reopen;
}

} // namespace ui
