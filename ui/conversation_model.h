// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_changes.h"
#include "ui/conversation_row.h"
#include "ui/folder_names.h"
#include "ui/sidebar_lines.h"
#include "ui/sidebar_selection.h"
#include "ui/store_bridge.h"
#include "ui/undo_offer.h"

#include <QAbstractListModel>
#include <QDateTime>
#include <QSet>
#include <QTimer>
#include <QVariantList>

#include <unordered_map>
#include <vector>

namespace ui {

// The sidebar: the conversations of a scope with their folders, or what a search found. Lines are changed one
// by one as the store acknowledges; it is read as a whole only at the start and when the scope changes.
// Functions that take a list of ids do the same to all of them, with one undo.
class ConversationModel : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(qint64 currentId READ currentId NOTIFY currentIdChanged)
    Q_PROPERTY(QString currentTitle READ currentTitle NOTIFY currentTitleChanged)
    Q_PROPERTY(bool currentTitleAutomatic READ currentTitleAutomatic NOTIFY currentTitleChanged)
    Q_PROPERTY(QString query READ query WRITE setQuery NOTIFY queryChanged)
    Q_PROPERTY(bool searching READ searching NOTIFY searchingChanged)
    Q_PROPERTY(bool searchRunning READ searchRunning NOTIFY searchRunningChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(QString scope READ scope WRITE setScope NOTIFY scopeChanged)
    Q_PROPERTY(int total READ total NOTIFY totalChanged)
    Q_PROPERTY(QString undoText READ undoText NOTIFY undoTextChanged)
    Q_PROPERTY(QString error READ error NOTIFY errorChanged)
    Q_PROPERTY(QString fatal READ fatal NOTIFY fatalChanged)
    Q_PROPERTY(bool damaged READ damaged NOTIFY damagedChanged)
    Q_PROPERTY(QString upgrade READ upgrade NOTIFY upgradeChanged)
    Q_PROPERTY(bool ready READ ready NOTIFY readyChanged)
    Q_PROPERTY(bool currentTemporary READ currentTemporary NOTIFY currentIdChanged)
    Q_PROPERTY(int selectedCount READ selectedCount NOTIFY selectionChanged)
    Q_PROPERTY(QStringList folders READ folders NOTIFY namesChanged)
    Q_PROPERTY(QStringList tags READ tags NOTIFY namesChanged)

public:
    enum Role
    {
        ConversationId = Qt::UserRole + 1,
        Title,
        Preview,
        Section,
        Pinned,
        Archived,
        Writing,
        Unread,
        UpdatedAt,
        Current,
        Snippet,
        MatchStart,
        MatchLength,
        InTrash,
        Temporary,
        Selected,
        Folder, // of a head its own path
        Tags,
        IsFolder,
        Depth,
        FolderCount,
        FolderOpen,
    };

    // All of them outlive this object.
    ConversationModel(StoreBridge& store, Answers& answers, Settings& settings, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    qint64 currentId() const { return m_current.id; } // 0: a new conversation, still empty
    QString currentTitle() const;
    bool currentTitleAutomatic() const { return m_current.titleIsAutomatic; }
    QString query() const { return m_query; }
    bool searching() const { return !m_query.trimmed().isEmpty(); } // the rows are what was found
    bool searchRunning() const { return m_search_running; }
    int count() const { return static_cast<int>(searching() ? m_hits.size() : m_lines.size()); }
    QString scope() const { return m_scope_name; }
    int total() const { return static_cast<int>(m_rows.size()); } // conversations of the scope
    QString undoText() const { return m_undo.text(); }
    QString error() const { return m_error; }
    QString fatal() const
    {
        return m_fatal;
    } // why there is no history; nothing works then but looking around
    bool damaged() const { return m_damaged; }    // a part of what is open cannot be read
    QString upgrade() const { return m_upgrade; } // why there is no history yet, where that takes a while
    bool ready() const { return m_ready; }        // the list has been read
    bool currentTemporary() const { return StoreBridge::isTemporary(m_current.id); }
    int selectedCount() const { return m_selection.count(); }
    QStringList folders() const { return m_names.folders(); }
    QStringList tags() const { return m_names.tags(); }

    void setQuery(const QString& query);
    void setScope(const QString& scope);

    Q_INVOKABLE void newConversation();
    Q_INVOKABLE void newTemporary();
    Q_INVOKABLE void open(qint64 id);
    Q_INVOKABLE void rename(qint64 id, const QString& title) { m_changes.rename(id, title); }
    Q_INVOKABLE void undo();
    Q_INVOKABLE void emptyTrash() { m_changes.emptyTrash(); }
    Q_INVOKABLE void pin(const QVariantList& ids, bool pinned) { m_changes.pin(ids, pinned); }
    Q_INVOKABLE void archive(const QVariantList& ids, bool archived) { m_changes.archive(ids, archived); }
    Q_INVOKABLE void trash(const QVariantList& ids);
    Q_INVOKABLE void putBack(const QVariantList& ids) { m_changes.putBack(ids); }
    // For ever.
    Q_INVOKABLE void erase(const QVariantList& ids) { m_changes.erase(ids); }
    Q_INVOKABLE void moveToFolder(const QVariantList& ids, const QString& folder)
    {
        m_changes.moveToFolder(ids, folder);
    }
    Q_INVOKABLE void setTag(const QVariantList& ids, const QString& tag, bool on)
    {
        m_changes.setTag(ids, tag, on);
    }
    Q_INVOKABLE int countWithTag(const QVariantList& ids, const QString& tag) const;
    Q_INVOKABLE QString folderOf(qint64 id) const;
    Q_INVOKABLE bool isPinned(qint64 id) const;
    Q_INVOKABLE QString titleOf(qint64 id) const;

    Q_INVOKABLE void toggleFolder(const QString& folder) { m_names.toggle(folder); }
    Q_INVOKABLE void addFolder(const QString& folder) { m_names.add(folder); }
    Q_INVOKABLE void renameFolder(const QString& folder, const QString& path)
    {
        m_changes.renameFolder(folder, path);
    }
    // What it holds moves to the one around it.
    Q_INVOKABLE void removeFolder(const QString& folder)
    {
        m_changes.renameFolder(folder, parentFolder(folder));
    }

    // The selection. Rows that are folders are passed over.
    Q_INVOKABLE void toggleSelected(int row);
    Q_INVOKABLE void selectTo(int row); // from where the selection began, or from the current conversation
    Q_INVOKABLE void selectAll();
    Q_INVOKABLE void clearSelection();
    // What an action on this conversation is meant for: the selection if it belongs to it, else it alone.
    Q_INVOKABLE QVariantList targets(qint64 id) const;
    Q_INVOKABLE QVariantList selected() const; // as they stand in the list
    Q_INVOKABLE void openNext();
    Q_INVOKABLE void openPrevious();
    Q_INVOKABLE void dismissError();

    // Reads the list again, after conversations came in from elsewhere.
    void reload() { read(); }
    // The conversation as the store has it now.
    void apply(const storage::Conversation& conversation);
    // The new conversation that is on the screen has become this one.
    void adopt(const storage::Conversation& conversation);

signals:
    void currentIdChanged();
    void currentTitleChanged();
    void queryChanged();
    void searchingChanged();
    void searchRunningChanged();
    void countChanged();
    void scopeChanged();
    void totalChanged();
    void undoTextChanged();
    void errorChanged();
    void fatalChanged();
    void damagedChanged();
    void upgradeChanged();
    void readyChanged();
    void selectionChanged();
    void namesChanged();

private:
    using Row = ConversationRow;
    using Ids = std::vector<storage::Id>;

    const Row* rowAt(int row) const; // null for a folder's head
    const Row* find(qint64 id) const;
    bool belongs(const storage::Conversation& conversation) const;
    void read();
    void sweepTrash();
    void report(const QString& sentence);
    void setUpgrade(const QString& sentence);
    void setDamaged(bool damaged);
    void startSearch();
    void showHits(const std::vector<storage::SearchHit>& hits);
    std::vector<SidebarLine> linesNow(const QSet<qint64>& without) const;
    void relayout(const QSet<qint64>& leaving = {});
    void follow(const std::vector<SidebarLine>& fresh);
    std::vector<qint64> shown() const;
    void announceSelection(const QSet<qint64>& changed);
    void applyAll(const std::vector<storage::Conversation>& conversations);
    void gone(const Ids& ids);
    void setCurrent(Row current);
    void openNeighbour(int step);
    void touch(qint64 id, const QList<int>& roles);
    QString section(const SidebarLine& line, const Row* row) const;
    void scheduleMidnight();

    StoreBridge& m_store;
    Answers& m_answers;
    Settings& m_settings;
    FolderNames m_names;
    UndoOffer m_undo;
    ConversationChanges m_changes;
    std::unordered_map<qint64, Row> m_rows; // of the scope
    std::vector<SidebarLine> m_lines;
    std::vector<Row> m_hits;
    SidebarSelection m_selection;
    Row m_current;
    QString m_query;
    bool m_search_running = false;
    storage::Scope m_scope = storage::Scope::active;
    QString m_scope_name = QStringLiteral("active");
    QString m_error;
    QString m_fatal;
    bool m_damaged = false;
    QString m_upgrade;
    bool m_ready = false;
    QTimer m_search_timer;
    QTimer m_midnight;
};

} // namespace ui
