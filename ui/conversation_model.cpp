// SPDX-License-Identifier: MIT
#include "ui/conversation_model.h"

#include "ui/text.h"

#include <QHash>

#include <algorithm>
#include <map>

namespace ui {

namespace {

constexpr int search_after_ms = 120;
constexpr int undo_for_ms = 10'000;
constexpr std::int64_t most_hits = 300;
constexpr qint64 day_ms = 86'400'000;
constexpr qsizetype longest_tag = 60; // letters

} // namespace

ConversationModel::ConversationModel(StoreBridge& store, Answers& answers, Settings& settings,
                                     QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
    , m_answers(answers)
    , m_settings(settings)
    , m_folders(folderTree(settings.folders()))
{
    connect(&m_store, &StoreBridge::opened, this, [this] {
        if (!m_fatal.isEmpty()) {
            m_fatal.clear();
            emit fatalChanged();
        }
        sweepTrash();
        read();
        startSearch();
    });
    connect(&m_settings, &Settings::openFoldersChanged, this, [this] { relayout(); });
    connect(&m_settings, &Settings::foldersChanged, this, [this] {
        relayout();
        refreshNames();
    });
    connect(&m_store, &StoreBridge::refused, this, [this](const QString& sentence) {
        m_fatal = sentence;
        emit fatalChanged();
    });
    connect(&m_store, &StoreBridge::failed, this, &ConversationModel::report);
    connect(&m_answers, &Answers::turned, this, [this](const Answers::Turn& turn) {
        apply(turn.conversation);
        touch(turn.conversation.id, {Writing});
    });
    connect(&m_answers, &Answers::ended, this, [this](qint64 conversation) {
        touch(conversation, {Writing});
        if (conversation != currentId())
            change(conversation, [conversation](storage::ChatStore& s) { s.set_unread(conversation, true); });
    });
    connect(&m_answers, &Answers::saved, this,
            [this](const Answers::Turn& turn) { apply(turn.conversation); });

    m_search_timer.setSingleShot(true);
    m_search_timer.setInterval(search_after_ms);
    connect(&m_search_timer, &QTimer::timeout, this, &ConversationModel::startSearch);
    m_undo_timer.setSingleShot(true);
    m_undo_timer.setInterval(undo_for_ms);
    connect(&m_undo_timer, &QTimer::timeout, this, [this] { setUndo({}); });
    m_midnight.setSingleShot(true);
    m_midnight.setTimerType(Qt::VeryCoarseTimer);
    connect(&m_midnight, &QTimer::timeout, this, [this] {
        if (count() > 0)
            emit dataChanged(index(0), index(count() - 1), {Section});
        sweepTrash();
        scheduleMidnight();
    });
    scheduleMidnight();
    if (m_store.isOpen()) {
        sweepTrash();
        read();
    }
}

int ConversationModel::rowCount(const QModelIndex& parent) const
{
    return parent.isValid() ? 0 : count();
}

QHash<int, QByteArray> ConversationModel::roleNames() const
{
    return {
        {ConversationId, "conversationId"},
        {Title, "title"},
        {Preview, "preview"},
        {Section, "section"},
        {Pinned, "pinned"},
        {Archived, "archived"},
        {Writing, "writing"},
        {Unread, "unread"},
        {UpdatedAt, "updatedAt"},
        {Current, "current"},
        {Snippet, "snippet"},
        {MatchStart, "matchStart"},
        {MatchLength, "matchLength"},
        {InTrash, "inTrash"},
        {Temporary, "temporary"},
        {Selected, "selected"},
        {Folder, "folder"},
        {Tags, "tags"},
        {IsFolder, "isFolder"},
        {Depth, "depth"},
        {FolderCount, "folderCount"},
        {FolderOpen, "folderOpen"},
    };
}

const ConversationModel::Row* ConversationModel::rowAt(int row) const
{
    const auto at = static_cast<std::size_t>(row);
    return searching() ? &m_hits[at] : m_lines[at].id == 0 ? nullptr : find(m_lines[at].id);
}

const ConversationModel::Row* ConversationModel::find(qint64 id) const
{
    const auto found = m_rows.find(id);
    return found == m_rows.end() ? nullptr : &found->second;
}

QVariant ConversationModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const SidebarLine line = searching() ? SidebarLine{} : m_lines[static_cast<std::size_t>(index.row())];
    const Row* row = rowAt(index.row());
    switch (role) {
    case Section:
        return section(line, row);
    case IsFolder:
        return !row;
    case Depth:
        return line.depth;
    case FolderCount:
        return line.count;
    case FolderOpen:
        return line.open;
    case Folder:
        return row ? row->folder : line.folder;
    case ConversationId:
        return row ? row->id : 0;
    case Unread:
        return row ? row->unread : line.unread;
    case Qt::DisplayRole:
    case Title:
        if (!row)
            return line.folder.section(u'/', -1);
        return !row->title.isEmpty() ? row->title : row->temporary ? tr("Temporary") : tr("New conversation");
    case Pinned:
        return row && row->pinned;
    case Archived:
        return row && row->archived;
    case Writing:
        return row && m_answers.isWriting(row->id);
    case Current:
        return row && row->id == currentId();
    case InTrash:
        return row && row->inTrash;
    case Temporary:
        return row && row->temporary;
    case Selected:
        return row && m_selected.contains(row->id);
    case Tags:
        return row ? row->tags : QStringList();
    case Preview:
        return row ? row->preview : QString();
    case UpdatedAt:
        return row ? QDateTime::fromMSecsSinceEpoch(row->updatedAt) : QDateTime();
    case Snippet:
        return row ? row->snippet : QString();
    case MatchStart:
        return row ? row->matchStart : 0;
    case MatchLength:
        return row ? row->matchLength : 0;
    default:
        return {};
    }
}

QString ConversationModel::section(const SidebarLine& line, const Row* row) const
{
    if (searching())
        return {};
    switch (line.group) {
    case SidebarLine::Group::temporary:
        return tr("Not kept");
    case SidebarLine::Group::pinned:
        return tr("Pinned");
    case SidebarLine::Group::folders:
        return tr("Folders");
    case SidebarLine::Group::byTime:
        break;
    }
    const QDate today = QDate::currentDate();
    const QDate day = QDateTime::fromMSecsSinceEpoch(row->sortTime).date();
    if (day >= today)
        return tr("Today");
    if (day == today.addDays(-1))
        return tr("Yesterday");
    if (day > today.addDays(-7))
        return tr("This week");
    return tr("Older");
}

void ConversationModel::scheduleMidnight()
{
    const QDateTime now = QDateTime::currentDateTime();
    const QDateTime next = now.date().addDays(1).startOfDay();
    m_midnight.start(static_cast<int>(std::clamp<qint64>(now.msecsTo(next) + 500, 1000, day_ms)));
}

ConversationModel::Row ConversationModel::row(const storage::Conversation& conversation)
{
    Row row;
    row.id = conversation.id;
    row.title = toQt(conversation.title);
    row.preview = toQt(conversation.preview);
    row.titleIsAutomatic = conversation.title_is_automatic;
    row.pinned = conversation.pinned;
    row.archived = conversation.archived;
    row.unread = conversation.unread;
    row.inTrash = conversation.deleted_at.has_value();
    row.temporary = StoreBridge::isTemporary(conversation.id);
    row.empty = !conversation.leaf;
    row.folder = toQt(conversation.folder);
    for (const std::string& tag : conversation.tags)
        row.tags.append(toQt(tag));
    row.updatedAt = conversation.updated_at;
    row.sortTime = conversation.deleted_at.value_or(conversation.updated_at);
    return row;
}

bool ConversationModel::belongs(const storage::Conversation& conversation) const
{
    switch (m_scope) {
    case storage::Scope::active:
        return !conversation.deleted_at && !conversation.archived;
    case storage::Scope::archived:
        return !conversation.deleted_at && conversation.archived;
    case storage::Scope::trash:
        return conversation.deleted_at.has_value();
    }
    return false;
}

void ConversationModel::read()
{
    m_store.run(
        this, [scope = m_scope](storage::ChatStore& store) { return store.list_conversations(scope); },
        [this, scope = m_scope](const std::vector<storage::Conversation>& conversations) {
            if (scope != m_scope)
                return;
            std::unordered_map<qint64, Row> fresh;
            fresh.reserve(conversations.size());
            for (const storage::Conversation& conversation : conversations)
                fresh.emplace(conversation.id, row(conversation));
            for (const auto& [id, one] : m_rows) {
                if (one.temporary && scope == storage::Scope::active)
                    fresh.emplace(id, one);
            }
            if (!searching())
                beginResetModel();
            m_rows = std::move(fresh);
            m_lines = linesNow({});
            if (!searching()) {
                endResetModel();
                emit countChanged();
            }
            emit totalChanged();
            if (!m_ready) {
                m_ready = true;
                emit readyChanged();
            }
        });
    refreshNames();
}

// Empties the trash of what has lain there for longer than the settings say.
void ConversationModel::sweepTrash()
{
    const qint64 days = m_settings.trashDays();
    if (days == 0)
        return;
    m_store.run(
        this, [days](storage::ChatStore& store) { return store.empty_trash(storage::now() - days * day_ms); },
        [this](std::int64_t deleted) {
            if (deleted > 0 && m_scope == storage::Scope::trash)
                read();
        });
}

void ConversationModel::refreshNames()
{
    struct Names
    {
        std::vector<storage::NameCount> folders;
        std::vector<storage::NameCount> tags;
    };
    m_store.run(
        this,
        [](storage::ChatStore& store) {
            return Names{store.folders(), store.tags()};
        },
        [this](const Names& names) {
            QStringList folders = m_settings.folders();
            QStringList tags;
            for (const storage::NameCount& folder : names.folders)
                folders.append(toQt(folder.name));
            for (const storage::NameCount& tag : names.tags)
                tags.append(toQt(tag.name));
            folders = folderTree(folders);
            if (folders == m_folders && tags == m_tags)
                return;
            m_folders = folders;
            m_tags = tags;
            emit namesChanged();
        });
}

std::vector<SidebarLine> ConversationModel::linesNow(const QSet<qint64>& without) const
{
    std::vector<const Row*> rows;
    rows.reserve(m_rows.size());
    for (const auto& [id, one] : m_rows) {
        if (!without.contains(id))
            rows.push_back(&one);
    }
    std::sort(rows.begin(), rows.end(), [](const Row* a, const Row* b) { return before(*a, *b); });
    return m_scope == storage::Scope::active
               ? sidebarLines(rows, m_settings.folders(), m_settings.openFolders())
               : flatLines(rows);
}

// Brings the lines to what they should be, in the steps that views follow best: runs of lines that go, a line
// that moves, runs of lines that come. The conversations that leave stay known until their lines are gone.
void ConversationModel::relayout(const QSet<qint64>& leaving)
{
    const auto forget = [&] {
        for (const qint64 id : leaving)
            m_rows.erase(id);
        if (!leaving.isEmpty())
            select(m_selected - leaving);
    };
    std::vector<SidebarLine> fresh = linesNow(leaving);
    if (searching()) {
        m_lines = std::move(fresh);
        forget();
        return;
    }
    struct Keys
    {
        QSet<qint64> conversations;
        QSet<QString> folders;
        explicit Keys(const std::vector<SidebarLine>& lines)
        {
            for (const SidebarLine& line : lines) {
                if (line.id != 0)
                    conversations.insert(line.id);
                else
                    folders.insert(line.folder);
            }
        }
        bool contains(const SidebarLine& line) const
        {
            return line.id != 0 ? conversations.contains(line.id) : folders.contains(line.folder);
        }
    };
    const auto at = [](std::size_t row) { return static_cast<int>(row); };
    const auto same = [](const SidebarLine& a, const SidebarLine& b) { return a.sameAs(b); };

    const Keys wanted(fresh);
    for (std::size_t end = m_lines.size(); end > 0;) {
        if (wanted.contains(m_lines[end - 1])) {
            --end;
            continue;
        }
        std::size_t first = end - 1;
        while (first > 0 && !wanted.contains(m_lines[first - 1]))
            --first;
        beginRemoveRows({}, at(first), at(end - 1));
        m_lines.erase(m_lines.begin() + at(first), m_lines.begin() + at(end));
        endRemoveRows();
        end = first;
    }

    const Keys present(m_lines);
    std::vector<SidebarLine> staying;
    std::copy_if(fresh.begin(), fresh.end(), std::back_inserter(staying),
                 [&](const SidebarLine& line) { return present.contains(line); });
    const std::size_t size = staying.size();
    std::size_t first = 0;
    while (first < size && same(m_lines[first], staying[first]))
        ++first;
    std::size_t last = size; // behind the last that differs
    while (last > first && same(m_lines[last - 1], staying[last - 1]))
        --last;
    if (first < last) {
        const auto old = m_lines.begin() + at(first);
        const auto oldEnd = m_lines.begin() + at(last);
        const auto now = staying.begin() + at(first);
        if (std::equal(old + 1, oldEnd, now, same)) { // the first has become the last
            beginMoveRows({}, at(first), at(first), {}, at(last));
            std::rotate(old, old + 1, oldEnd);
            endMoveRows();
        } else if (std::equal(old, oldEnd - 1, now + 1, same)) { // the last the first
            beginMoveRows({}, at(last - 1), at(last - 1), {}, at(first));
            std::rotate(old, oldEnd - 1, oldEnd);
            endMoveRows();
        } else {
            beginRemoveRows({}, at(first), at(last - 1));
            m_lines.erase(old, oldEnd);
            endRemoveRows();
            beginInsertRows({}, at(first), at(last - 1));
            m_lines.insert(m_lines.begin() + at(first), now, staying.begin() + at(last));
            endInsertRows();
        }
    }

    for (std::size_t row = 0; row < fresh.size();) {
        if (row < m_lines.size() && same(m_lines[row], fresh[row])) {
            ++row;
            continue;
        }
        std::size_t end = row + 1;
        while (end < fresh.size() && (row >= m_lines.size() || !same(m_lines[row], fresh[end])))
            ++end;
        beginInsertRows({}, at(row), at(end - 1));
        m_lines.insert(m_lines.begin() + at(row), fresh.begin() + at(row), fresh.begin() + at(end));
        endInsertRows();
        row = end;
    }

    for (std::size_t row = 0; row < fresh.size(); ++row) {
        const SidebarLine& old = m_lines[row];
        const SidebarLine& line = fresh[row];
        if (old.depth == line.depth && old.group == line.group && old.count == line.count &&
            old.open == line.open && old.unread == line.unread)
            continue;
        m_lines[row] = line;
        emit dataChanged(index(at(row)), index(at(row)));
    }
    forget();
    emit countChanged();
}

void ConversationModel::apply(const storage::Conversation& conversation)
{
    applyAll({conversation});
}

void ConversationModel::applyAll(const std::vector<storage::Conversation>& conversations)
{
    QSet<qint64> leaving;
    QSet<qint64> changed;
    for (const storage::Conversation& conversation : conversations) {
        Row fresh = row(conversation);
        changed.insert(fresh.id);
        if (fresh.id == currentId() && fresh.id != 0) {
            m_current = fresh;
            emit currentTitleChanged();
        }
        const auto hit =
            std::find_if(m_hits.begin(), m_hits.end(), [&](const Row& one) { return one.id == fresh.id; });
        if (hit != m_hits.end()) {
            fresh.snippet = hit->snippet;
            fresh.matchStart = hit->matchStart;
            fresh.matchLength = hit->matchLength;
            *hit = fresh;
        }
        if (belongs(conversation))
            m_rows[fresh.id] = std::move(fresh);
        else if (m_rows.contains(fresh.id))
            leaving.insert(fresh.id);
    }
    relayout(leaving);
    for (const qint64 id : changed)
        touch(id, {});
    emit totalChanged();
}

void ConversationModel::gone(const Ids& ids)
{
    QSet<qint64> all;
    for (const storage::Id id : ids)
        all.insert(id);
    const auto isGone = [&](qint64 id) { return id != 0 && all.contains(id); };
    if (searching()) {
        for (std::size_t i = m_hits.size(); i > 0; --i) {
            if (!isGone(m_hits[i - 1].id))
                continue;
            beginRemoveRows({}, static_cast<int>(i - 1), static_cast<int>(i - 1));
            m_hits.erase(m_hits.begin() + static_cast<std::ptrdiff_t>(i - 1));
            endRemoveRows();
        }
        emit countChanged();
    }
    relayout(all);
    emit totalChanged();
    if (isGone(currentId()))
        newConversation();
}

void ConversationModel::touch(qint64 id, const QList<int>& roles)
{
    for (int row = 0; id != 0 && row < count(); ++row) {
        const auto at = static_cast<std::size_t>(row);
        if ((searching() ? m_hits[at].id : m_lines[at].id) == id) {
            emit dataChanged(index(row), index(row), roles);
            return;
        }
    }
}

void ConversationModel::change(qint64 id, Change change, std::function<void()> then)
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
                apply(*conversation);
            else
                gone({id});
            if (then)
                then();
        });
}

// The change happens to those that still exist, and can be taken back under the name `done`.
void ConversationModel::changeAll(const Ids& ids, const QString& done, ChangeAll change,
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
    const auto hold = std::find(ids.begin(), ids.end(), currentId()) != ids.end() ? currentId() : 0;
    m_store.run(
        this,
        [ids, change = std::move(change)](storage::ChatStore& store) {
            Changed changed;
            Ids existing;
            for (const storage::Id id : ids) {
                if (std::optional<storage::Conversation> one = store.conversation(id)) {
                    existing.push_back(id);
                    changed.before.push_back(std::move(*one));
                } else {
                    changed.missing.push_back(id);
                }
            }
            change(store, existing);
            for (const storage::Id id : existing)
                changed.after.push_back(store.conversation(id).value());
            return changed;
        },
        [this, done, hold, then = std::move(then)](const Changed& changed) {
            applyAll(changed.after);
            if (!changed.missing.empty())
                gone(changed.missing);
            if (!done.isEmpty())
                setUndo({done, changed.before, hold, m_settings.folders()});
            refreshNames();
            if (then)
                then();
        });
}

QString ConversationModel::currentTitle() const
{
    return !m_current.title.isEmpty() ? m_current.title
           : currentTemporary()       ? tr("Temporary conversation")
                                      : tr("New conversation");
}

void ConversationModel::setCurrent(Row current)
{
    if (current.id == m_current.id)
        return;
    const Row left = m_current;
    m_current = std::move(current);
    touch(left.id, {Current});
    touch(m_current.id, {Current});
    emit currentTitleChanged();
    emit currentIdChanged();
    if (!left.temporary || !left.empty)
        return;
    // Nothing was said in it.
    m_store.run(
        left.id, this,
        [id = left.id](storage::ChatStore& store) {
            const auto conversation = store.conversation(id);
            const bool unused = conversation && !conversation->leaf;
            if (unused)
                store.delete_for_ever(id);
            return unused;
        },
        [this, id = left.id](bool deleted) {
            if (deleted)
                gone({id});
        });
}

void ConversationModel::newConversation()
{
    setCurrent({});
}

void ConversationModel::newTemporary()
{
    m_store.run(
        StoreBridge::first_temporary, this,
        [](storage::ChatStore& store) { return store.conversation(store.create_conversation()).value(); },
        [this](const storage::Conversation& conversation) {
            apply(conversation);
            adopt(conversation);
        });
}

void ConversationModel::adopt(const storage::Conversation& conversation)
{
    setCurrent(row(conversation));
}

void ConversationModel::open(qint64 id)
{
    if (id == 0) {
        newConversation();
        return;
    }
    if (id == currentId())
        return;
    Row row;
    row.id = id;
    const auto hit =
        std::find_if(m_hits.begin(), m_hits.end(), [id](const Row& one) { return one.id == id; });
    if (const Row* known = find(id))
        row = *known;
    else if (hit != m_hits.end())
        row = *hit;
    setCurrent(std::move(row));
    change(id, [id](storage::ChatStore& store) {
        if (store.conversation(id)->unread)
            store.set_unread(id, false);
    });
}

void ConversationModel::openNeighbour(int step)
{
    std::vector<qint64> shown; // without heads of folders
    for (int row = 0; row < count(); ++row) {
        if (const Row* one = rowAt(row))
            shown.push_back(one->id);
    }
    if (shown.empty())
        return;
    const auto at = std::find(shown.begin(), shown.end(), currentId());
    if (at == shown.end()) {
        open(step > 0 ? shown.front() : shown.back());
        return;
    }
    const auto to = (at - shown.begin()) + step;
    if (to >= 0 && to < static_cast<std::ptrdiff_t>(shown.size()))
        open(shown[static_cast<std::size_t>(to)]);
}

void ConversationModel::openNext()
{
    openNeighbour(1);
}
void ConversationModel::openPrevious()
{
    openNeighbour(-1);
}

void ConversationModel::rename(qint64 id, const QString& title)
{
    const QString line = title.simplified().left(200);
    if (id == 0 || line.isEmpty())
        return;
    change(id, [id, line = toUtf8(line)](storage::ChatStore& store) { store.rename(id, line); });
}

// Those that stand in the history; temporary ones have no place there.
ConversationModel::Ids ConversationModel::kept(const QVariantList& ids) const
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
QString ConversationModel::named(const Ids& ids) const
{
    if (ids.size() != 1)
        return tr("%1 conversations").arg(ids.size());
    const QString title = titleOf(ids.front());
    return tr("“%1”").arg(title.isEmpty() ? tr("New conversation") : title);
}

void ConversationModel::setPinned(qint64 id, bool pinned)
{
    pin({id}, pinned);
}

void ConversationModel::setArchived(qint64 id, bool archived)
{
    archive({id}, archived);
}

void ConversationModel::moveToTrash(qint64 id)
{
    trash({id});
}

void ConversationModel::restore(qint64 id)
{
    putBack({id});
}

void ConversationModel::deleteForEver(qint64 id)
{
    erase({id});
}

void ConversationModel::pin(const QVariantList& ids, bool pinned)
{
    changeAll(kept(ids), {},
              [pinned](storage::ChatStore& store, const Ids& all) { store.set_pinned(all, pinned); });
}

void ConversationModel::archive(const QVariantList& ids, bool archived)
{
    const Ids all = kept(ids);
    changeAll(
        all, archived ? tr("Archived %1").arg(named(all)) : tr("%1 is back from the archive").arg(named(all)),
        [archived](storage::ChatStore& store, const Ids& some) { store.set_archived(some, archived); });
}

void ConversationModel::trash(const QVariantList& ids)
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
    if (std::find(all.begin(), all.end(), currentId()) != all.end())
        newConversation();
}

void ConversationModel::putBack(const QVariantList& ids)
{
    const Ids all = kept(ids);
    forgetUndo(all);
    changeAll(all, {}, [](storage::ChatStore& store, const Ids& some) { store.restore(some); });
}

void ConversationModel::erase(const QVariantList& ids)
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
        forgetUndo(all);
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
                gone(all);
                refreshNames();
            });
    }
}

void ConversationModel::emptyTrash()
{
    setUndo({});
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
            gone(all);
        });
}

void ConversationModel::moveToFolder(const QVariantList& ids, const QString& folder)
{
    const Ids all = kept(ids);
    const QString path = cleanFolder(folder);
    // A new one is open, so that what was moved does not seem to vanish.
    if (!path.isEmpty() && !m_folders.contains(path) && !m_settings.openFolders().contains(path))
        m_settings.setOpenFolders(m_settings.openFolders() + QStringList{path});
    addFolder(path);
    changeAll(
        all,
        path.isEmpty() ? tr("Took %1 out of its folder").arg(named(all))
                       : tr("Moved %1 to “%2”").arg(named(all), path),
        [name = toUtf8(path)](storage::ChatStore& store, const Ids& some) { store.set_folder(some, name); });
}

void ConversationModel::setTag(const QVariantList& ids, const QString& tag, bool on)
{
    const Ids all = kept(ids);
    const QString name = tag.simplified().left(longest_tag);
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

int ConversationModel::countWithTag(const QVariantList& ids, const QString& tag) const
{
    return static_cast<int>(std::count_if(ids.begin(), ids.end(), [&](const QVariant& id) {
        const Row* one = find(id.toLongLong());
        return one && one->tags.contains(tag);
    }));
}

QString ConversationModel::folderOf(qint64 id) const
{
    const Row* one = find(id);
    return one ? one->folder : QString();
}

QString ConversationModel::titleOf(qint64 id) const
{
    const Row* one = find(id);
    return one ? one->title : id == currentId() ? m_current.title : QString();
}

bool ConversationModel::isPinned(qint64 id) const
{
    const Row* one = find(id);
    return one && one->pinned;
}

void ConversationModel::toggleFolder(const QString& folder)
{
    QStringList open = m_settings.openFolders();
    if (!open.removeOne(folder))
        open.append(folder);
    m_settings.setOpenFolders(open);
}

void ConversationModel::addFolder(const QString& folder)
{
    const QString path = cleanFolder(folder);
    if (path.isEmpty())
        return;
    // Those around it are opened, so that it can be seen.
    QStringList open = m_settings.openFolders();
    for (QString outer = parentFolder(path); !outer.isEmpty(); outer = parentFolder(outer)) {
        if (!open.contains(outer))
            open.append(outer);
    }
    m_settings.setOpenFolders(open);
    if (!m_settings.folders().contains(path))
        m_settings.setFolders(m_settings.folders() + QStringList{path});
}

void ConversationModel::renameFolder(const QString& folder, const QString& path)
{
    const QString to = cleanFolder(path);
    if (folder.isEmpty() || to == folder || (!to.isEmpty() && liesIn(to, folder)))
        return; // into itself
    const QStringList foldersBefore = m_settings.folders();
    const auto moved = [&](const QStringList& list) {
        QStringList fresh;
        for (const QString& one : list) {
            const QString rest = liesIn(one, folder) ? one.mid(folder.size()) : QString();
            fresh.append(!liesIn(one, folder) ? one : cleanFolder(to + rest));
        }
        return fresh;
    };
    m_settings.setOpenFolders(moved(m_settings.openFolders()));
    m_settings.setFolders(moved(foldersBefore));
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
            read();
            setUndo({to.isEmpty() || liesIn(folder, to) ? tr("Removed the folder “%1”").arg(folder)
                                                        : tr("Renamed “%1” to “%2”").arg(folder, to),
                     before, 0, foldersBefore});
        });
}

void ConversationModel::removeFolder(const QString& folder)
{
    renameFolder(folder, parentFolder(folder));
}

void ConversationModel::setUndo(Undo undo)
{
    m_undo = std::move(undo);
    if (m_undo.text.isEmpty())
        m_undo_timer.stop();
    else
        m_undo_timer.start();
    emit undoTextChanged();
}

// What was decided anew by hand is not for the undo any more; without anything left it goes.
void ConversationModel::forgetUndo(const Ids& ids)
{
    const auto forgotten = std::erase_if(m_undo.before, [&](const storage::Conversation& one) {
        return std::find(ids.begin(), ids.end(), one.id) != ids.end();
    });
    if (forgotten > 0 && m_undo.before.empty())
        setUndo({});
}

void ConversationModel::undo()
{
    if (m_undo.text.isEmpty())
        return;
    const Undo undo = std::move(m_undo);
    setUndo({});
    m_settings.setFolders(undo.folders);
    Ids ids;
    for (const storage::Conversation& one : undo.before)
        ids.push_back(one.id);
    changeAll(ids, {},
              [before = undo.before](storage::ChatStore& store, const Ids&) { putBefore(store, before); });
    if (undo.reopen != 0)
        open(undo.reopen);
}

// Folder, tags, archive and trash as they were; what has been deleted meanwhile stays so.
void ConversationModel::putBefore(storage::ChatStore& store, const std::vector<storage::Conversation>& before)
{
    std::map<std::string, Ids> folders;
    std::map<std::vector<std::string>, Ids> tags;
    std::map<bool, Ids> archived;
    std::map<bool, Ids> trashed;
    for (const storage::Conversation& one : before) {
        const std::optional<storage::Conversation> now = store.conversation(one.id);
        if (!now)
            continue;
        if (now->folder != one.folder)
            folders[one.folder].push_back(one.id);
        if (now->tags != one.tags)
            tags[one.tags].push_back(one.id);
        if (now->archived != one.archived)
            archived[one.archived].push_back(one.id);
        if (now->deleted_at.has_value() != one.deleted_at.has_value())
            trashed[one.deleted_at.has_value()].push_back(one.id);
    }
    for (const auto& [folder, ids] : folders)
        store.set_folder(ids, folder);
    for (const auto& [list, ids] : tags)
        store.set_tags(ids, list);
    for (const auto& [is, ids] : archived)
        store.set_archived(ids, is);
    for (const auto& [is, ids] : trashed) {
        if (is)
            store.move_to_trash(ids);
        else
            store.restore(ids);
    }
}

void ConversationModel::select(const QSet<qint64>& selected)
{
    if (selected == m_selected)
        return;
    const QSet<qint64> changed = (m_selected - selected) + (selected - m_selected);
    m_selected = selected;
    if (m_selected.isEmpty())
        m_anchor = 0;
    for (int row = 0; row < count(); ++row) {
        const Row* one = rowAt(row);
        if (one && changed.contains(one->id))
            emit dataChanged(index(row), index(row), {Selected});
    }
    emit selectionChanged();
}

void ConversationModel::toggleSelected(int row)
{
    const Row* one = row >= 0 && row < count() ? rowAt(row) : nullptr;
    if (!one)
        return;
    QSet<qint64> selected = m_selected;
    // The one that is open counts as chosen already.
    const Row* current = find(currentId());
    if (selected.isEmpty() && current && one != current)
        selected.insert(current->id);
    if (!selected.remove(one->id))
        selected.insert(one->id);
    m_anchor = one->id;
    select(selected);
}

void ConversationModel::selectTo(int row)
{
    if (row < 0 || row >= count())
        return;
    const qint64 from = m_anchor != 0 ? m_anchor : currentId();
    int first = row;
    for (int i = 0; i < count(); ++i) {
        const Row* one = rowAt(i);
        if (one && one->id == from)
            first = i;
    }
    QSet<qint64> selected;
    for (int i = std::min(first, row); i <= std::max(first, row); ++i) {
        if (const Row* one = rowAt(i))
            selected.insert(one->id);
    }
    if (m_anchor == 0) {
        const Row* one = rowAt(first);
        m_anchor = one ? one->id : 0;
    }
    const qint64 anchor = m_anchor;
    select(selected);
    m_anchor = anchor;
}

void ConversationModel::selectAll()
{
    QSet<qint64> selected;
    for (int row = 0; row < count(); ++row) {
        if (const Row* one = rowAt(row))
            selected.insert(one->id);
    }
    select(selected);
}

void ConversationModel::clearSelection()
{
    select({});
}

QVariantList ConversationModel::selected() const
{
    QVariantList ids;
    for (int row = 0; row < count(); ++row) {
        const Row* one = rowAt(row);
        if (one && m_selected.contains(one->id))
            ids.append(one->id);
    }
    return ids;
}

QVariantList ConversationModel::targets(qint64 id) const
{
    return m_selected.contains(id) ? selected() : QVariantList{id};
}

void ConversationModel::setScope(const QString& scope)
{
    if (scope == m_scope_name)
        return;
    if (scope == QLatin1String("active"))
        m_scope = storage::Scope::active;
    else if (scope == QLatin1String("archived"))
        m_scope = storage::Scope::archived;
    else if (scope == QLatin1String("trash"))
        m_scope = storage::Scope::trash;
    else
        return;
    m_scope_name = scope;
    clearSelection();
    emit scopeChanged();
    read();
    if (searching())
        startSearch();
}

void ConversationModel::setQuery(const QString& query)
{
    if (query == m_query)
        return;
    const bool was = searching();
    const bool will = !query.trimmed().isEmpty();
    clearSelection();
    if (was != will)
        beginResetModel();
    m_query = query;
    if (was != will) {
        m_hits.clear();
        endResetModel();
        emit countChanged();
        emit searchingChanged();
    }
    emit queryChanged();
    if (will)
        m_search_timer.start();
    if (m_search_running != will) {
        m_search_running = will;
        emit searchRunningChanged();
    }
}

void ConversationModel::startSearch()
{
    if (!searching())
        return;
    m_store.search(this, m_query, most_hits,
                   m_scope == storage::Scope::trash ? storage::SearchIn::everything : storage::SearchIn::kept,
                   [this, query = m_query](const std::vector<storage::SearchHit>& hits) {
                       if (query == m_query)
                           showHits(hits);
                   });
}

void ConversationModel::showHits(const std::vector<storage::SearchHit>& hits)
{
    std::vector<Row> found;
    QSet<qint64> seen;
    for (const storage::SearchHit& hit : hits) {
        if (seen.contains(hit.conversation))
            continue; // its best hit comes first
        seen.insert(hit.conversation);
        Row row;
        if (const Row* known = find(hit.conversation))
            row = *known;
        else if (m_scope == storage::Scope::trash)
            continue; // not in the trash
        row.id = hit.conversation;
        row.title = toQt(hit.title);
        row.updatedAt = hit.time;
        row.snippet = toQt(hit.snippet);
        if (!hit.matches.empty()) { // bytes to UTF-16
            const std::string_view snippet = hit.snippet;
            const storage::SearchHit::Range first = hit.matches.front();
            row.matchStart = static_cast<int>(toQt(snippet.substr(0, first.begin)).size());
            row.matchLength = static_cast<int>(toQt(snippet.substr(first.begin, first.length)).size());
        }
        found.push_back(std::move(row));
    }
    beginResetModel();
    m_hits = std::move(found);
    endResetModel();
    emit countChanged();
    m_search_running = false;
    emit searchRunningChanged();
}

void ConversationModel::report(const QString& sentence)
{
    if (m_error == sentence)
        return;
    m_error = sentence;
    emit errorChanged();
}

void ConversationModel::dismissError()
{
    report({});
}

} // namespace ui
