// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/store_bridge.h"

#include <QAbstractListModel>

#include <memory>
#include <unordered_set>
#include <vector>

namespace ui {

class MarkdownBlocks;

// The messages along the chosen branch of one conversation, as rows.
//
// A row is a few bytes; its text, its blocks and what else only a reader needs are here for the last messages
// and for those that a view asked for with load(). A conversation opens with its last page alone, and the
// rows above that one come in when their heads have been read. While an answer streams, only its blocks
// change: no row is announced again until it ends.
class BranchModel : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(int count READ count NOTIFY countChanged)

public:
    enum Role
    {
        MessageId = Qt::UserRole + 1,
        MessageRole,
        Text,
        Blocks,
        Status,
        Notice,
        ModelName,
        CreatedAt,
        SiblingIndex,
        SiblingCount,
        PromptTokens,
        GeneratedTokens,
        TokensPerSecond,
        FirstTokenSeconds,
        FinishReason,
        IsLast,
        Loaded, // its text is here
        Edited, // an answer that the person wrote
        Facts,  // how an answer was asked for and what came of it, a map for the details
    };

    struct Content
    {
        storage::Message message; // its content stands in `text`
        QString text;
        MarkdownBlocks* blocks = nullptr; // made when a view asks for it; a child of the model
    };
    struct Row
    {
        storage::MessageHead head;
        std::unique_ptr<Content> content; // null: not loaded
    };

    static constexpr int page = 32; // messages whose texts are read at a time

    // The chosen branch, and the texts around the place where it has changed.
    struct Branch
    {
        storage::Conversation conversation;
        std::vector<storage::MessageHead> heads;
        std::vector<storage::Message> messages;
        storage::Id changed = 0;
    };
    static Branch branchAt(storage::ChatStore& store, storage::Id message);

    // Both outlive this object.
    BranchModel(StoreBridge& store, const Answers& answers, QObject* parent = nullptr);

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    int count() const { return static_cast<int>(m_rows.size()); }
    const std::vector<Row>& rows() const { return m_rows; }
    bool isWhole() const { return m_whole; }      // the rows reach up to the first message
    const Row* row(qint64 message) const;         // null: it is not shown
    const Content* content(qint64 message) const; // null: it is not shown or not loaded

    qint64 conversationId() const { return m_conversation; }
    // No row; those of this conversation come with showEnd().
    void open(qint64 conversation);
    void adopt(qint64 conversation) { m_conversation = conversation; } // what was 0 has become this one
    quint64 visit() const { return m_visit; } // number of the latest open(); what was asked before is late
    // The end of the branch. Where it hangs below none of the rows, those above it are read.
    void showEnd(const std::vector<storage::Message>& end);
    void showBranch(const Branch& branch);
    void addText(qint64 answer, const QString& text);
    void end(qint64 answer, const storage::AnswerResult& result);

    // A view moves: brings the texts of these rows; lets go of the texts of all but these.
    Q_INVOKABLE void load(int first, int last);
    Q_INVOKABLE void keep(int first, int last);
    Q_INVOKABLE int rowOf(qint64 messageId) const; // -1: not on the branch

signals:
    void countChanged();
    void appended();  // a row, or text at the end
    void shown();     // after showEnd() and showBranch()
    void completed(); // the rows above have come, if there were any

private:
    void showFrom(std::size_t first, const std::vector<storage::MessageHead>& heads,
                  const std::vector<storage::Message>& messages);
    void insertAbove(const std::vector<storage::MessageHead>& heads);
    void askForHeads();
    void askForTexts(std::size_t row, std::vector<storage::Id> ids);
    void removeFrom(std::size_t first);
    void setContent(Row& row, const storage::Message& message);
    void release(Row& row);
    std::size_t find(qint64 message) const; // m_rows.size() where it is not shown
    MarkdownBlocks* blocks(const Row& row) const;

    StoreBridge& m_store;
    const Answers& m_answers;
    std::vector<Row> m_rows;
    bool m_whole = true;
    std::unordered_set<qint64> m_asked; // messages whose texts are on their way
    qint64 m_conversation = 0;
    quint64 m_visit = 0;
};

} // namespace ui
