// SPDX-License-Identifier: MIT
#include "ui/conversation_model.h"

#include "ui/text.h"

#include <QSet>

#include <algorithm>

namespace ui {

namespace {

constexpr int search_after_ms = 120;
constexpr int undo_for_ms = 10'000;
constexpr std::int64_t most_hits = 300;

} // namespace

ConversationModel::ConversationModel(StoreBridge& store, Answers& answers, QObject* parent)
    : QAbstractListModel(parent)
    , m_store(store)
    , m_answers(answers)
{
    connect(&m_store, &StoreBridge::opened, this, [this] {
        read();
        startSearch();
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
    connect(&m_undo_timer, &QTimer::timeout, this, [this] { setUndo(0, {}); });
    m_midnight.setSingleShot(true);
    m_midnight.setTimerType(Qt::VeryCoarseTimer);
    connect(&m_midnight, &QTimer::timeout, this, [this] {
        if (count() > 0)
            emit dataChanged(index(0), index(count() - 1), {Section});
        scheduleMidnight();
    });
    scheduleMidnight();
    if (m_store.isOpen())
        read();
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
    };
}

QVariant ConversationModel::data(const QModelIndex& index, int role) const
{
    if (!index.isValid() || index.row() >= count())
        return {};
    const Row& row = rows()[static_cast<std::size_t>(index.row())];
    switch (role) {
    case ConversationId:
        return row.id;
    case Qt::DisplayRole:
    case Title:
        return row.title.isEmpty() ? tr("New conversation") : row.title;
    case Preview:
        return row.preview;
    case Section:
        return section(row);
    case Pinned:
        return row.pinned;
    case Archived:
        return row.archived;
    case Writing:
        return m_answers.isWriting(row.id);
    case Unread:
        return row.unread;
    case UpdatedAt:
        return QDateTime::fromMSecsSinceEpoch(row.updatedAt);
    case Current:
        return row.id == currentId();
    case Snippet:
        return row.snippet;
    case MatchStart:
        return row.matchStart;
    case MatchLength:
        return row.matchLength;
    case InTrash:
        return row.inTrash;
    default:
        return {};
    }
}

QString ConversationModel::section(const Row& row) const
{
    if (searching())
        return {};
    if (row.pinned && !row.inTrash)
        return tr("Pinned");
    const QDate today = QDate::currentDate();
    const QDate day = QDateTime::fromMSecsSinceEpoch(row.sortTime).date();
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
    m_midnight.start(static_cast<int>(std::clamp<qint64>(now.msecsTo(next) + 500, 1000, 86'400'000)));
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
    row.updatedAt = conversation.updated_at;
    row.sortTime = conversation.deleted_at.value_or(conversation.updated_at);
    return row;
}

bool ConversationModel::before(const Row& a, const Row& b)
{
    if (a.pinned != b.pinned && !a.inTrash)
        return a.pinned;
    return a.sortTime != b.sortTime ? a.sortTime > b.sortTime : a.id > b.id;
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
            Rows fresh;
            fresh.reserve(conversations.size());
            for (const storage::Conversation& conversation : conversations)
                fresh.push_back(row(conversation));
            std::stable_sort(fresh.begin(), fresh.end(), before);
            if (searching()) {
                m_rows = std::move(fresh);
            } else {
                beginResetModel();
                m_rows = std::move(fresh);
                endResetModel();
                emit countChanged();
            }
            emit totalChanged();
            if (!m_ready) {
                m_ready = true;
                emit readyChanged();
            }
        });
}

void ConversationModel::apply(const storage::Conversation& conversation)
{
    applyToRows(conversation, !searching());
    const auto hit =
        std::find_if(m_hits.begin(), m_hits.end(), [&](const Row& row) { return row.id == conversation.id; });
    if (hit != m_hits.end()) {
        Row fresh = row(conversation);
        fresh.snippet = hit->snippet;
        fresh.matchStart = hit->matchStart;
        fresh.matchLength = hit->matchLength;
        *hit = std::move(fresh);
        if (searching()) {
            const QModelIndex changed = index(static_cast<int>(hit - m_hits.begin()));
            emit dataChanged(changed, changed);
        }
    }
    if (conversation.id == currentId() && conversation.id != 0) {
        m_current = row(conversation);
        emit currentTitleChanged();
    }
}

void ConversationModel::applyToRows(const storage::Conversation& conversation, bool visible)
{
    const auto at =
        std::find_if(m_rows.begin(), m_rows.end(), [&](const Row& row) { return row.id == conversation.id; });
    const bool present = at != m_rows.end();
    const int from = static_cast<int>(at - m_rows.begin());
    if (!belongs(conversation)) {
        if (!present)
            return;
        if (visible)
            beginRemoveRows({}, from, from);
        m_rows.erase(at);
        if (visible) {
            endRemoveRows();
            emit countChanged();
        }
        emit totalChanged();
        return;
    }

    Row fresh = row(conversation);
    // Where it stands among the others, itself left out.
    const auto others = [&](const Row& other) { return other.id != fresh.id && before(other, fresh); };
    const int to = static_cast<int>(std::count_if(m_rows.begin(), m_rows.end(), others));
    if (!present) {
        if (visible)
            beginInsertRows({}, to, to);
        m_rows.insert(m_rows.begin() + to, std::move(fresh));
        if (visible) {
            endInsertRows();
            emit countChanged();
        }
        emit totalChanged();
        return;
    }
    if (from != to) {
        if (visible)
            beginMoveRows({}, from, from, {}, to > from ? to + 1 : to);
        Row moved = std::move(*at);
        m_rows.erase(at);
        m_rows.insert(m_rows.begin() + to, std::move(moved));
        if (visible)
            endMoveRows();
    }
    m_rows[static_cast<std::size_t>(to)] = std::move(fresh);
    if (visible)
        emit dataChanged(index(to), index(to));
}

void ConversationModel::gone(qint64 id)
{
    const auto remove = [&](Rows& rows, bool visible) {
        const auto at = std::find_if(rows.begin(), rows.end(), [&](const Row& row) { return row.id == id; });
        if (at == rows.end())
            return;
        const int row = static_cast<int>(at - rows.begin());
        if (visible)
            beginRemoveRows({}, row, row);
        rows.erase(at);
        if (visible) {
            endRemoveRows();
            emit countChanged();
        }
    };
    remove(m_rows, !searching());
    remove(m_hits, searching());
    emit totalChanged();
    if (id == currentId())
        newConversation();
}

void ConversationModel::touch(qint64 id, const QList<int>& roles)
{
    const Rows& shown = rows();
    for (std::size_t i = 0; i < shown.size(); ++i) {
        if (shown[i].id == id) {
            const QModelIndex changed = index(static_cast<int>(i));
            emit dataChanged(changed, changed, roles);
            return;
        }
    }
}

void ConversationModel::change(qint64 id, Change change, std::function<void()> then)
{
    m_store.run(
        this,
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
                gone(id);
            if (then)
                then();
        });
}

QString ConversationModel::currentTitle() const
{
    return m_current.title.isEmpty() ? tr("New conversation") : m_current.title;
}

void ConversationModel::setCurrent(Row current)
{
    if (current.id == m_current.id)
        return;
    const qint64 before = m_current.id;
    m_current = std::move(current);
    touch(before, {Current});
    touch(m_current.id, {Current});
    emit currentTitleChanged();
    emit currentIdChanged();
}

void ConversationModel::newConversation()
{
    setCurrent({});
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
    for (const Rows* known : {&m_hits, &m_rows}) {
        for (const Row& one : *known) {
            if (one.id == id)
                row = one;
        }
    }
    setCurrent(std::move(row));
    change(id, [id](storage::ChatStore& store) {
        if (store.conversation(id)->unread)
            store.set_unread(id, false);
    });
}

void ConversationModel::openNeighbour(int step)
{
    const Rows& shown = rows();
    if (shown.empty())
        return;
    const auto at =
        std::find_if(shown.begin(), shown.end(), [this](const Row& row) { return row.id == currentId(); });
    if (at == shown.end()) {
        open(step > 0 ? shown.front().id : shown.back().id);
        return;
    }
    const auto to = (at - shown.begin()) + step;
    if (to >= 0 && to < static_cast<std::ptrdiff_t>(shown.size()))
        open(shown[static_cast<std::size_t>(to)].id);
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

void ConversationModel::setPinned(qint64 id, bool pinned)
{
    change(id, [id, pinned](storage::ChatStore& store) { store.set_pinned(id, pinned); });
}

void ConversationModel::setArchived(qint64 id, bool archived)
{
    change(id, [id, archived](storage::ChatStore& store) { store.set_archived(id, archived); });
}

void ConversationModel::moveToTrash(qint64 id)
{
    if (id == 0)
        return;
    m_answers.leave(id, Answers::Rest::keep);
    m_undo_was_current = id == currentId();
    if (m_undo_was_current)
        newConversation();
    m_store.run(
        this,
        [id](storage::ChatStore& store) {
            store.move_to_trash(id);
            return store.conversation(id).value();
        },
        [this, id](const storage::Conversation& conversation) {
            m_answers.leave(id, Answers::Rest::keep); // what began while the move was on its way
            apply(conversation);
            const QString title = toQt(conversation.title);
            setUndo(id, tr("Deleted “%1”").arg(title.isEmpty() ? tr("New conversation") : title));
        });
}

void ConversationModel::setUndo(qint64 id, const QString& text)
{
    m_undo_id = id;
    m_undo_text = text;
    if (id != 0)
        m_undo_timer.start();
    else
        m_undo_timer.stop();
    emit undoTextChanged();
}

void ConversationModel::undo()
{
    const qint64 id = m_undo_id;
    if (id == 0)
        return;
    setUndo(0, {});
    restore(id);
    if (m_undo_was_current)
        open(id);
}

void ConversationModel::restore(qint64 id)
{
    change(id, [id](storage::ChatStore& store) { store.restore(id); });
}

void ConversationModel::deleteForEver(qint64 id)
{
    if (id == 0)
        return;
    m_answers.leave(id, Answers::Rest::drop);
    if (m_undo_id == id)
        setUndo(0, {});
    m_store.run(
        this, [id](storage::ChatStore& store) { store.delete_for_ever(id); },
        [this, id] {
            m_answers.leave(id, Answers::Rest::drop);
            gone(id);
        });
}

void ConversationModel::emptyTrash()
{
    setUndo(0, {});
    m_store.run(
        this,
        [](storage::ChatStore& store) {
            const std::vector<storage::Conversation> trash = store.list_conversations(storage::Scope::trash);
            for (const storage::Conversation& conversation : trash)
                store.delete_for_ever(conversation.id);
            std::vector<storage::Id> deleted;
            for (const storage::Conversation& conversation : trash)
                deleted.push_back(conversation.id);
            return deleted;
        },
        [this](const std::vector<storage::Id>& deleted) {
            for (const storage::Id id : deleted) {
                m_answers.leave(id, Answers::Rest::drop);
                gone(id);
            }
        });
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
    Rows found;
    QSet<qint64> seen;
    for (const storage::SearchHit& hit : hits) {
        if (seen.contains(hit.conversation))
            continue; // its best hit comes first
        seen.insert(hit.conversation);
        Row row;
        const auto known = std::find_if(m_rows.begin(), m_rows.end(),
                                        [&](const Row& one) { return one.id == hit.conversation; });
        if (known != m_rows.end())
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
