// SPDX-License-Identifier: MIT
#include "ui/conversation_model.h"

#include "ui/sidebar_steps.h"

#include <algorithm>

namespace ui {

namespace {

constexpr int search_after_ms = 120;
constexpr std::int64_t most_hits = 300;
constexpr qint64 day_ms = 86'400'000;

} // namespace

ConversationModel::ConversationModel(StoreBridge& store, Answers& answers, Settings& settings,
                                     QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
    , m_answers(answers)
    , m_settings(settings)
    , m_names(store, settings)
    , m_changes(
          store, answers, settings, m_names, m_undo,
          {.titleOf = [this](qint64 id) { return titleOf(id); }, .current = [this] { return currentId(); }})
{
    connect(&m_store, &StoreBridge::upgrading, this, [this](int step, int steps) {
        setUpgrade(
            tr("Updating your history… Step %1 of %2. This happens once; a long history takes minutes. "
               "A copy of it as it was is kept.")
                .arg(step)
                .arg(steps));
    });
    connect(&m_store, &StoreBridge::opened, this, [this] {
        setUpgrade({});
        if (!m_fatal.isEmpty()) {
            m_fatal.clear();
            emit fatalChanged();
        }
        if (m_damaged) { // it is another file now
            setDamaged(false);
            dismissError();
        }
        sweepTrash();
        read();
        startSearch();
    });
    connect(&m_settings, &Settings::openFoldersChanged, this, [this] { relayout(); });
    connect(&m_settings, &Settings::foldersChanged, this, [this] { relayout(); });
    connect(&m_names, &FolderNames::changed, this, &ConversationModel::namesChanged);
    connect(&m_undo, &UndoOffer::textChanged, this, &ConversationModel::undoTextChanged);
    connect(&m_changes, &ConversationChanges::changed, this, &ConversationModel::applyAll);
    connect(&m_changes, &ConversationChanges::gone, this, &ConversationModel::gone);
    connect(&m_changes, &ConversationChanges::folderRenamed, this, &ConversationModel::read);
    connect(&m_store, &StoreBridge::refused, this, [this](const QString& sentence) {
        setUpgrade({});
        m_fatal = sentence;
        emit fatalChanged();
    });
    connect(&m_store, &StoreBridge::failed, this, &ConversationModel::report);
    connect(&m_store, &StoreBridge::damaged, this, [this] { setDamaged(true); });
    connect(&m_answers, &Answers::turned, this, [this](const Answers::Turn& turn) {
        apply(turn.conversation);
        touch(turn.conversation.id, {Writing});
        if (!m_damaged) // what could not be written before can be now
            dismissError();
    });
    connect(&m_answers, &Answers::ended, this, [this](qint64 conversation) {
        touch(conversation, {Writing});
        if (conversation != currentId())
            m_changes.change(conversation,
                             [conversation](storage::ChatStore& s) { s.set_unread(conversation, true); });
    });
    connect(&m_answers, &Answers::saved, this,
            [this](const Answers::Turn& turn) { apply(turn.conversation); });

    m_search_timer.setSingleShot(true);
    m_search_timer.setInterval(search_after_ms);
    connect(&m_search_timer, &QTimer::timeout, this, &ConversationModel::startSearch);
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
        return row && m_selection.contains(row->id);
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
                fresh.emplace(conversation.id, rowOf(conversation));
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
    m_names.refresh();
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

// Brings the lines to what they should be. The conversations that leave stay known until their lines are
// gone.
void ConversationModel::relayout(const QSet<qint64>& leaving)
{
    std::vector<SidebarLine> fresh = linesNow(leaving);
    if (!searching())
        follow(fresh);
    m_lines = std::move(fresh);
    for (const qint64 id : leaving)
        m_rows.erase(id);
    if (!leaving.isEmpty())
        announceSelection(m_selection.remove(leaving));
    if (!searching())
        emit countChanged();
}

// Brings the lines of the view to these.
void ConversationModel::follow(const std::vector<SidebarLine>& fresh)
{
    for (const SidebarStep& step : sidebarSteps(m_lines, fresh)) {
        switch (step.kind) {
        case SidebarStep::Kind::remove:
            beginRemoveRows({}, step.first, step.last);
            carryOut(step, m_lines);
            endRemoveRows();
            break;
        case SidebarStep::Kind::insert:
            beginInsertRows({}, step.first, step.last);
            carryOut(step, m_lines);
            endInsertRows();
            break;
        case SidebarStep::Kind::move:
            beginMoveRows({}, step.first, step.last, {}, step.to);
            carryOut(step, m_lines);
            endMoveRows();
            break;
        }
    }
    for (std::size_t row = 0; row < fresh.size(); ++row) {
        const SidebarLine& old = m_lines[row];
        const SidebarLine& line = fresh[row];
        if (old.depth == line.depth && old.group == line.group && old.count == line.count &&
            old.open == line.open && old.unread == line.unread)
            continue;
        m_lines[row] = line;
        emit dataChanged(index(static_cast<int>(row)), index(static_cast<int>(row)));
    }
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
        Row fresh = rowOf(conversation);
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
    setCurrent(rowOf(conversation));
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
    m_changes.change(id, [id](storage::ChatStore& store) {
        if (store.conversation(id)->unread)
            store.set_unread(id, false);
    });
}

void ConversationModel::openNeighbour(int step)
{
    std::vector<qint64> shown = this->shown();
    std::erase(shown, 0); // heads of folders
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

void ConversationModel::trash(const QVariantList& ids)
{
    m_changes.trash(ids);
    const std::vector<storage::Id> all = ConversationChanges::kept(ids);
    if (std::find(all.begin(), all.end(), currentId()) != all.end())
        newConversation();
}

void ConversationModel::undo()
{
    if (const qint64 reopen = m_changes.undo(); reopen != 0)
        open(reopen);
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

// The ids of the rows, 0 for the head of a folder.
std::vector<qint64> ConversationModel::shown() const
{
    std::vector<qint64> ids;
    ids.reserve(static_cast<std::size_t>(count()));
    for (int row = 0; row < count(); ++row) {
        const Row* one = rowAt(row);
        ids.push_back(one ? one->id : 0);
    }
    return ids;
}

void ConversationModel::announceSelection(const QSet<qint64>& changed)
{
    if (changed.isEmpty())
        return;
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
    if (one)
        announceSelection(m_selection.toggle(one->id, find(currentId()) ? currentId() : 0));
}

void ConversationModel::selectTo(int row)
{
    if (row >= 0 && row < count())
        announceSelection(m_selection.extendTo(row, shown(), currentId()));
}

void ConversationModel::selectAll()
{
    announceSelection(m_selection.selectAll(shown()));
}

void ConversationModel::clearSelection()
{
    announceSelection(m_selection.clear());
}

QVariantList ConversationModel::selected() const
{
    QVariantList ids;
    for (const qint64 id : m_selection.inOrder(shown()))
        ids.append(id);
    return ids;
}

QVariantList ConversationModel::targets(qint64 id) const
{
    return m_selection.contains(id) ? selected() : QVariantList{id};
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
        takeHit(row, hit);
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

void ConversationModel::setUpgrade(const QString& sentence)
{
    if (m_upgrade == sentence)
        return;
    m_upgrade = sentence;
    emit upgradeChanged();
}

void ConversationModel::setDamaged(bool damaged)
{
    if (m_damaged == damaged)
        return;
    m_damaged = damaged;
    emit damagedChanged();
}

void ConversationModel::dismissError()
{
    report({});
}

} // namespace ui
