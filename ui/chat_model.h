// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_model.h"
#include "ui/finder.h"

#include <QAbstractListModel>
#include <QTimer>

#include <memory>
#include <unordered_set>
#include <vector>

namespace ui {

class MarkdownBlocks;

// The messages of the conversation on the screen, along its chosen branch. Follows the ConversationModel's
// current one. While an answer streams, only its blocks change: no row is announced again until it ends.
//
// A row is a few bytes; its text, its blocks and what else only a reader needs are here for the last messages
// and for those that a view asked for with load(). A conversation opens with its last page alone, and the
// rows above that one come in when their heads have been read.
class ChatModel : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(qint64 conversationId READ conversationId NOTIFY conversationIdChanged)
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    Q_PROPERTY(bool loading READ loading NOTIFY loadingChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(QObject* finder READ finder CONSTANT)
    Q_PROPERTY(qint64 promptDone READ promptDone NOTIFY progressChanged)
    Q_PROPERTY(qint64 promptTotal READ promptTotal NOTIFY progressChanged)
    Q_PROPERTY(double promptSeconds READ promptSeconds NOTIFY progressChanged)
    Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY contextChanged)
    Q_PROPERTY(qint64 contextLimit READ contextLimit NOTIFY contextChanged)
    Q_PROPERTY(double cacheBytes READ cacheBytes NOTIFY contextChanged)
    Q_PROPERTY(QString draft READ draft WRITE setDraft NOTIFY draftChanged)
    Q_PROPERTY(bool canSend READ canSend NOTIFY canSendChanged)
    Q_PROPERTY(bool modelBusyElsewhere READ modelBusyElsewhere NOTIFY stateChanged)
    Q_PROPERTY(int leftOutFrom READ leftOutFrom NOTIFY contextChanged)
    Q_PROPERTY(int leftOutTo READ leftOutTo NOTIFY contextChanged)

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

    // All of them outlive this object.
    ChatModel(StoreBridge& store, EngineBridge& engine, Answers& answers, ConversationModel& conversations,
              Settings& settings, QObject* parent = nullptr);
    // Saves the draft.
    ~ChatModel() override;

    int rowCount(const QModelIndex& parent = {}) const override;
    QVariant data(const QModelIndex& index, int role) const override;
    QHash<int, QByteArray> roleNames() const override;

    qint64 conversationId() const { return m_conversation; }
    QString state() const; // "idle", "waiting", "reading", "writing"
    bool loading() const { return m_loading; }
    int count() const { return static_cast<int>(m_rows.size()); }
    Finder* finder() { return &m_finder; }
    qint64 promptDone() const;
    qint64 promptTotal() const;
    double promptSeconds() const; // since the answer was asked for
    qint64 contextUsed() const;   // tokens
    qint64 contextLimit() const { return m_engine.contextTokens(); }
    double cacheBytes() const; // that the used tokens take
    QString draft() const { return m_draft; }
    bool canSend() const;
    bool modelBusyElsewhere() const;
    // The rows that the model did not see any more when it wrote its latest answer, the second not included;
    // both 0 where it saw all.
    int leftOutFrom() const { return static_cast<int>(leftOut().first); }
    int leftOutTo() const { return static_cast<int>(leftOut().second); }

    void setDraft(const QString& draft);

    // False where nothing was sent: empty, or canSend is false.
    Q_INVOKABLE bool send(const QString& text);
    Q_INVOKABLE void stop();
    Q_INVOKABLE void regenerate(qint64 messageId);
    Q_INVOKABLE void repeat(qint64 messageId); // an answer, exactly so
    Q_INVOKABLE void edit(qint64 messageId, const QString& text);
    Q_INVOKABLE void chooseSibling(qint64 messageId, int delta);
    Q_INVOKABLE void continueAnswer(qint64 messageId);
    Q_INVOKABLE void retry(qint64 messageId) { regenerate(messageId); }
    // A new conversation with copies of all up to this message, and opens it.
    Q_INVOKABLE void fork(qint64 messageId);
    // A view moves: brings the texts of these rows; lets go of the texts of all but these.
    Q_INVOKABLE void load(int first, int last);
    Q_INVOKABLE void keep(int first, int last);
    Q_INVOKABLE int rowOf(qint64 messageId) const; // -1: not on the branch
    // Chooses the branch that this message of the conversation is on, then emits revealed().
    Q_INVOKABLE void reveal(qint64 messageId);
    // To the clipboard: the source of a message; its text without markup; the messages between two rows, of
    // which the outer ones may be parts that the caller knows (a null string: the whole message).
    Q_INVOKABLE void copyMessage(qint64 messageId);
    Q_INVOKABLE void copyMessageText(qint64 messageId);
    Q_INVOKABLE void copyRange(int first, int last, const QVariant& firstPart, const QVariant& lastPart,
                               bool markdown);
    Q_INVOKABLE void copyText(const QString& text);

signals:
    void conversationIdChanged();
    void stateChanged();
    void loadingChanged();
    void countChanged();
    void progressChanged();
    void contextChanged();
    void draftChanged();
    void canSendChanged();
    void appended(); // a row, or text at the end
    void revealed(int row);

private:
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
    // The chosen branch, and the texts around the place where it has changed.
    struct Branch
    {
        storage::Conversation conversation;
        std::vector<storage::MessageHead> heads;
        std::vector<storage::Message> messages;
        storage::Id changed = 0;
    };

    void open(qint64 conversation);
    void show(const storage::Conversation& conversation);
    static Branch branchAt(storage::ChatStore& store, storage::Id message);
    void showBranch(std::size_t first, const std::vector<storage::MessageHead>& heads,
                    const std::vector<storage::Message>& messages);
    void showEnd(const std::vector<storage::Message>& end);
    void insertAbove(const std::vector<storage::MessageHead>& heads);
    void askForHeads();
    void askForTexts(std::size_t row, std::vector<storage::Id> ids);
    void switchBranch(qint64 message, std::function<storage::Id(storage::ChatStore&)> choose);
    void tryToReveal();
    void removeFrom(std::size_t first);
    void setContent(Row& row, const storage::Message& message);
    void release(Row& row);
    std::size_t find(qint64 message) const; // m_rows.size() where it is not shown
    MarkdownBlocks* blocks(const Row& row) const;
    QString notice(const storage::Message& message) const;
    bool isWritten(const Row& row) const { return m_answers.find(row.head.id) != nullptr; }
    QVariantMap facts(const storage::Message& message) const;
    std::pair<qint64, qint64> leftOut() const;
    const Answer* answer() const { return m_answers.inConversation(m_conversation); }
    Answers::Then then();
    void saveDraft();
    void setPending(bool pending);
    void setLoading(bool loading);
    void announceState();
    void onText(qint64 conversation, qint64 answer, const QString& text);
    void onEnded(qint64 conversation, qint64 answer);
    void askForCount();

    StoreBridge& m_store;
    EngineBridge& m_engine;
    Answers& m_answers;
    ConversationModel& m_conversations;
    Settings& m_settings;

    std::vector<Row> m_rows;
    Finder m_finder;
    bool m_whole = true;                // the rows reach up to the first message
    std::unordered_set<qint64> m_asked; // messages whose texts are on their way
    qint64 m_reveal = 0;                // message to be shown when it can be found
    qint64 m_conversation = 0;
    quint64 m_visit = 0; // number of the latest switch; what was asked before it is not shown
    bool m_loading = false;
    bool m_pending = false; // something was sent from here and is on its way to the disk
    bool m_stop_when_asked = false;
    QString m_draft;
    bool m_draft_dirty = false;
    // leftOut() of the answer with that id, whose content may have been let go since.
    mutable std::pair<qint64, std::pair<qint64, qint64>> m_left_out;
    qint64 m_counted = -1; // tokens of this conversation; -1: not counted
    QString m_announced_state = QStringLiteral("idle");
    bool m_announced_can_send = false;
    bool m_announced_elsewhere = false;
    QTimer m_draft_timer;
    QTimer m_clock; // while a prompt is being read
};

} // namespace ui
