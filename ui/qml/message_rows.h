// SPDX-License-Identifier: MIT
// The messages of a conversation, each with its blocks, as one flat list of rows: a virtualised view then
// costs the same for a three-word answer and for one of 30,000 words. A message of the person is one row; an
// answer is one row for each block and a last one, the footer. Every row has the roles of its message and of
// its block, and its own:
//   kind   "user", "text", "code", "table", "rule", "footer": which delegate shows it; never changes
//   block  the block's number in its message, -1 where it has none
//   first  the first row of its message
#pragma once

#include <QAbstractListModel>
#include <QPointer>
#include <QtQml/qqmlregistration.h>

#include <vector>

namespace ui {

class MarkdownBlocks;

class MessageRows : public QAbstractListModel
{
    Q_OBJECT
    QML_ELEMENT
    Q_PROPERTY(QAbstractItemModel* source READ source WRITE setSource NOTIFY sourceChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    using QAbstractListModel::QAbstractListModel;

    QAbstractItemModel* source() const { return m_source; }
    void setSource(QAbstractItemModel* source);
    int count() const { return static_cast<int>(m_rowCount); }
    // The row where a message begins; -1 if it is not shown.
    Q_INVOKABLE int rowOfMessage(qint64 messageId) const;
    // The value of a role in a row, for code that has no delegate at hand.
    Q_INVOKABLE QVariant value(int row, const QString& role) const;
    // The plain text of a row as it is copied.
    Q_INVOKABLE QString plainText(int row) const;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

signals:
    void sourceChanged();
    void countChanged();

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
    struct Place
    {
        size_t message = 0;
        int block = -1;
    };

    Place place(size_t row) const;
    Message read(int sourceRow);
    void follow(MarkdownBlocks* blocks);
    size_t find(const MarkdownBlocks* blocks) const;
    void renumber(size_t from);
    void reload();
    void insertMessages(int first, int last);
    void removeMessages(int first, int last);
    void changeMessages(int first, int last);
    void insertBlocks(MarkdownBlocks* blocks, int first, int last);
    void removeBlocks(MarkdownBlocks* blocks, int first, int last);
    void changeBlocks(MarkdownBlocks* blocks, int first, int last);
    void resetBlocks(MarkdownBlocks* blocks);
    QVariant messageValue(size_t message, const QByteArray& role) const;

    QPointer<QAbstractItemModel> m_source;
    QHash<QByteArray, int> m_sourceRoles;
    std::vector<Message> m_messages;
    size_t m_rowCount = 0;
};

} // namespace ui
