// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/store_bridge.h"

#include <QAbstractListModel>
#include <QDateTime>
#include <QTimer>

#include <vector>

namespace ui {

// The sidebar: the conversations of a scope, or what a search found. Rows are kept sorted as the store sorts
// them and are changed one by one as the store acknowledges; it is read as a whole only at the start and when
// the scope changes.
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
    Q_PROPERTY(bool ready READ ready NOTIFY readyChanged)

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
    };

    // Both outlive this object.
    ConversationModel(StoreBridge& store, Answers& answers, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    qint64 currentId() const { return m_current.id; } // 0: a new conversation, still empty
    QString currentTitle() const;
    bool currentTitleAutomatic() const { return m_current.titleIsAutomatic; }
    QString query() const { return m_query; }
    bool searching() const { return !m_query.trimmed().isEmpty(); } // the rows are what was found
    bool searchRunning() const { return m_search_running; }
    int count() const { return static_cast<int>(rows().size()); }
    QString scope() const { return m_scope_name; }
    int total() const { return static_cast<int>(m_rows.size()); } // of the scope, without search
    QString undoText() const { return m_undo_text; }
    QString error() const { return m_error; }
    QString fatal() const
    {
        return m_fatal;
    }                                      // why there is no history; nothing works then but looking around
    bool ready() const { return m_ready; } // the list has been read

    void setQuery(const QString& query);
    void setScope(const QString& scope);

    Q_INVOKABLE void newConversation();
    Q_INVOKABLE void open(qint64 id);
    Q_INVOKABLE void rename(qint64 id, const QString& title);
    Q_INVOKABLE void setPinned(qint64 id, bool pinned);
    Q_INVOKABLE void setArchived(qint64 id, bool archived);
    Q_INVOKABLE void moveToTrash(qint64 id);
    Q_INVOKABLE void undo();
    Q_INVOKABLE void restore(qint64 id);
    Q_INVOKABLE void deleteForEver(qint64 id);
    Q_INVOKABLE void emptyTrash();
    Q_INVOKABLE void openNext();
    Q_INVOKABLE void openPrevious();
    Q_INVOKABLE void dismissError();

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
    void readyChanged();

private:
    struct Row
    {
        qint64 id = 0;
        QString title;
        QString preview;
        bool titleIsAutomatic = true;
        bool pinned = false;
        bool archived = false;
        bool unread = false;
        bool inTrash = false;
        qint64 sortTime = 0; // latest message, in the trash the deletion; milliseconds since 1970 UTC
        qint64 updatedAt = 0;
        QString snippet;
        int matchStart = 0;
        int matchLength = 0;
    };
    using Rows = std::vector<Row>;
    using Change = std::function<void(storage::ChatStore&)>;

    static Row row(const storage::Conversation& conversation);
    static bool before(const Row& a, const Row& b);
    const Rows& rows() const { return searching() ? m_hits : m_rows; }
    bool belongs(const storage::Conversation& conversation) const;
    void read();
    void report(const QString& sentence);
    void startSearch();
    void showHits(const std::vector<storage::SearchHit>& hits);
    void applyToRows(const storage::Conversation& conversation, bool visible);
    void change(qint64 id, Change change, std::function<void()> then = {});
    void gone(qint64 id);
    void setCurrent(Row current);
    void openNeighbour(int step);
    void touch(qint64 id, const QList<int>& roles);
    void setUndo(qint64 id, const QString& text);
    QString section(const Row& row) const;
    void scheduleMidnight();

    StoreBridge& m_store;
    Answers& m_answers;
    Rows m_rows;
    Rows m_hits;
    Row m_current;
    QString m_query;
    bool m_search_running = false;
    storage::Scope m_scope = storage::Scope::active;
    QString m_scope_name = QStringLiteral("active");
    qint64 m_undo_id = 0;
    bool m_undo_was_current = false;
    QString m_undo_text;
    QString m_error;
    QString m_fatal;
    bool m_ready = false;
    QTimer m_search_timer;
    QTimer m_undo_timer;
    QTimer m_midnight;
};

} // namespace ui
