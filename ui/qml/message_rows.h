// SPDX-License-Identifier: MIT
// The messages of a conversation, each with its blocks, as one flat list of rows: a virtualised view then
// costs the same for a three-word answer and for one of 30,000 words. A message of the person is one row; an
// answer is one row for each block and a last one, the footer. Every row has the roles of its message and of
// its block, and its own:
//   kind   "user", "text", "code", "formula", "table", "rule", "think", "footer": which delegate shows it;
//   never
//          changes
//   block  the block's number in its message, -1 where it has none
//   first  the first row of its message
//
// Of a long conversation only the messages around what the view looks at are rows: a window of the source,
// which follows look() step by step and moves elsewhere with go(). The source has the role "loaded" where not
// every message is at hand; wanted() asks it for some, unneeded() tells which to keep.
#pragma once

#include <QAbstractListModel>
#include <QPoint>
#include <QPointer>
#include <QTimer>
#include <QtQml/qqmlregistration.h>

#include <algorithm>
#include <compare>
#include <vector>

namespace ui {

class MarkdownBlocks;

class MessageRows : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QAbstractItemModel* source READ source WRITE setSource NOTIFY sourceChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(int messageCount READ messageCount NOTIFY windowChanged)
    Q_PROPERTY(bool reachesStart READ reachesStart NOTIFY windowChanged)
    Q_PROPERTY(bool reachesEnd READ reachesEnd NOTIFY windowChanged)
    Q_PROPERTY(bool hasSelection READ hasSelection NOTIFY selectionChanged)

public:
    explicit MessageRows(QObject* parent = nullptr);

    QAbstractItemModel* source() const { return m_source; }
    void setSource(QAbstractItemModel* source);
    int count() const { return static_cast<int>(m_rowCount); }
    int messageCount() const { return m_source ? m_source->rowCount() : 0; } // of the source
    // The window holds the source's first message, its last one.
    bool reachesStart() const { return m_first == 0; }
    bool reachesEnd() const { return end() == messageCount(); }
    // The view shows these rows and those between them.
    Q_INVOKABLE void look(int firstRow, int lastRow);
    // Brings this message of the source, by its row there, into the window; then arrived() is emitted.
    Q_INVOKABLE void go(int message);
    // The source's row that a row belongs to; -1 where there is none.
    Q_INVOKABLE int messageOf(int row) const;
    // The same with the part of the message's rows that lie above this one.
    Q_INVOKABLE double progressAt(int row) const;
    // The row where a message begins; -1 if it is not in the window.
    Q_INVOKABLE int rowOfMessage(qint64 messageId) const;
    // The value of a role in a row, for code that has no delegate at hand.
    Q_INVOKABLE QVariant value(int row, const QString& role) const;
    // Where in a message a text stands for the n-th time, as it is read: row (-1: not in the window), index
    // (which of those in the row), count (how many the message shows).
    Q_INVOKABLE QVariantMap locate(qint64 messageId, const QString& text, int occurrence) const;

    // The selection, over any number of messages, in or out of the window. Positions are letters of a row.
    bool hasSelection() const { return m_anchor.message >= 0 && m_anchor != m_head; }
    Q_INVOKABLE void select(int anchorRow, int anchorPosition, int headRow, int headPosition);
    Q_INVOKABLE void extendTo(int headRow, int headPosition); // the anchor stays
    Q_INVOKABLE void selectAll();
    Q_INVOKABLE void clearSelection();
    // The letters of a row that are selected, from x to y; both -1 where there are none.
    Q_INVOKABLE QPoint selectionIn(int row, int length) const;
    Q_INVOKABLE int anchorRow() const { return rowOf(m_anchor); } // -1: not in the window
    Q_INVOKABLE int headRow() const { return rowOf(m_head); }
    Q_INVOKABLE int headPosition() const { return m_head.position; }
    Q_INVOKABLE int firstSelectedMessage() const
    {
        return std::min(m_anchor, m_head).message;
    } // of the source
    Q_INVOKABLE int lastSelectedMessage() const { return std::max(m_anchor, m_head).message; }
    // What is selected of a message: null where that is all of it or unknown. `texts`: by row, what a view
    // knows better than the source.
    Q_INVOKABLE QVariant selectedPart(int message, bool markdown, const QVariantMap& texts) const;

    // The plain text of a row as it is copied.
    Q_INVOKABLE QString plainText(int row) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

signals:
    void sourceChanged();
    void countChanged();
    void windowChanged();
    void selectionChanged();
    void arrived(int row);
    void wanted(int first, int last);   // rows of the source whose texts will be needed
    void unneeded(int first, int last); // outside of these no text is needed

private:
    enum OwnRole
    {
        Kind = Qt::UserRole + 1,
        BlockNumber,
        First,
        Html,
        FirstMessageRole = Qt::UserRole + 100,
        FirstBlockRole = Qt::UserRole + 300
    };
    struct Message
    {
        QPointer<MarkdownBlocks> blocks;
        size_t begin = 0; // its first row
        size_t blockRows = 0;
        bool answer = false;
        size_t rows() const { return answer ? blockRows + 1 : 1; }
    };
    // A place in the conversation. The footer of an answer is behind all of its blocks.
    struct Spot
    {
        int message = -1; // of the source
        int block = -1;
        int position = 0;
        auto operator<=>(const Spot&) const = default;
    };
    struct Place
    {
        size_t message = 0;
        int block = -1;
    };

    Place place(size_t row) const;
    int end() const { return m_first + static_cast<int>(m_messages.size()); }
    bool isLoaded(int message) const;
    int loadedFrom(int message, int limit) const;
    Message read(int message);
    Spot spot(int row, int position) const;
    int rowOf(const Spot& spot) const;
    void setSelection(const Spot& anchor, const Spot& head);
    void begin();
    void arrive();
    void adjust();
    void trim();
    void ask();
    void grow();
    void append(int messages);
    void prepend(int messages);
    void dropFront(int messages);
    void dropBack(int messages);
    void follow(MarkdownBlocks* blocks);
    size_t find(const MarkdownBlocks* blocks) const;
    void renumber(size_t from);
    void reload();
    void insertMessages(int first, int last);
    void removeMessages(int first, int last);
    void changeMessages(int first, int last);
    void replace(size_t message);
    void erase(size_t first, size_t last);
    void insertBlocks(MarkdownBlocks* blocks, int first, int last);
    void removeBlocks(MarkdownBlocks* blocks, int first, int last);
    void changeBlocks(MarkdownBlocks* blocks, int first, int last);
    void resetBlocks(MarkdownBlocks* blocks);
    QVariant messageValue(size_t message, const QByteArray& role) const;

    QPointer<QAbstractItemModel> m_source;
    QHash<QByteArray, int> m_sourceRoles;
    std::vector<Message> m_messages; // the window
    int m_first = 0;                 // the source's row of its first message
    size_t m_rowCount = 0;
    int m_seenFirst = 0; // messages that the view shows, rows of the source
    int m_seenLast = 0;
    int m_wantedFirst = 0; // what the source was asked for last
    int m_wantedLast = -1;
    int m_target = -1; // where go() leads; -1: it has arrived
    QTimer m_adjust;
    Spot m_anchor;
    Spot m_head;
};

} // namespace ui
