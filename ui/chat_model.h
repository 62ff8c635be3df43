// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/conversation_model.h"

#include <QAbstractListModel>
#include <QTimer>

#include <vector>

namespace ui {

class MarkdownBlocks;

// The messages of the conversation on the screen, along its chosen branch. Follows the ConversationModel's
// current one. While an answer streams, only its blocks change: no row is announced again until it ends.
class ChatModel : public QAbstractListModel
{
    Q_OBJECT
    Q_PROPERTY(qint64 conversationId READ conversationId NOTIFY conversationIdChanged)
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    Q_PROPERTY(bool loading READ loading NOTIFY loadingChanged)
    Q_PROPERTY(int count READ count NOTIFY countChanged)
    Q_PROPERTY(qint64 promptDone READ promptDone NOTIFY progressChanged)
    Q_PROPERTY(qint64 promptTotal READ promptTotal NOTIFY progressChanged)
    Q_PROPERTY(double promptSeconds READ promptSeconds NOTIFY progressChanged)
    Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY contextChanged)
    Q_PROPERTY(qint64 contextLimit READ contextLimit NOTIFY contextChanged)
    Q_PROPERTY(double cacheBytes READ cacheBytes NOTIFY contextChanged)
    Q_PROPERTY(QString draft READ draft WRITE setDraft NOTIFY draftChanged)
    Q_PROPERTY(bool canSend READ canSend NOTIFY canSendChanged)
    Q_PROPERTY(bool modelBusyElsewhere READ modelBusyElsewhere NOTIFY stateChanged)
    Q_PROPERTY(QString systemPrompt READ systemPrompt WRITE setSystemPrompt NOTIFY systemPromptChanged)

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
    qint64 promptDone() const;
    qint64 promptTotal() const;
    double promptSeconds() const; // since the answer was asked for
    qint64 contextUsed() const;   // tokens
    qint64 contextLimit() const { return m_engine.contextTokens(); }
    double cacheBytes() const; // that the used tokens take
    QString draft() const { return m_draft; }
    bool canSend() const;
    bool modelBusyElsewhere() const;
    QString systemPrompt() const { return m_system_prompt; } // this conversation's own; empty: the settings'

    void setDraft(const QString& draft);
    void setSystemPrompt(const QString& prompt);

    // False where nothing was sent: empty, or canSend is false.
    Q_INVOKABLE bool send(const QString& text);
    Q_INVOKABLE void stop();
    Q_INVOKABLE void regenerate(qint64 messageId);
    Q_INVOKABLE void edit(qint64 messageId, const QString& text);
    Q_INVOKABLE void chooseSibling(qint64 messageId, int delta);
    Q_INVOKABLE void continueAnswer(qint64 messageId);
    Q_INVOKABLE void retry(qint64 messageId) { regenerate(messageId); }
    Q_INVOKABLE void copyMessage(qint64 messageId);
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
    void systemPromptChanged();
    void appended(); // a row, or text at the end

private:
    struct Row
    {
        storage::Message message; // its content stands in `text`
        QString text;
        MarkdownBlocks* blocks = nullptr; // made when a view asks for it; a child of the model
    };

    void open(qint64 conversation);
    void show(const storage::Conversation& conversation);
    void showBranch(const std::vector<storage::Message>& branch);
    void removeFrom(std::size_t first);
    Row row(const storage::Message& message) const;
    static bool sameShape(const Row& row, const storage::Message& message);
    std::size_t find(qint64 message) const; // m_rows.size() where it is not shown
    MarkdownBlocks* blocks(const Row& row) const;
    QString notice(const storage::Message& message) const;
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

    mutable std::vector<Row> m_rows; // mutable for the blocks that are made on demand
    qint64 m_conversation = 0;
    quint64 m_visit = 0; // number of the latest switch; what was asked before it is not shown
    bool m_loading = false;
    bool m_pending = false; // something was sent from here and is on its way to the disk
    bool m_stop_when_asked = false;
    QString m_draft;
    bool m_draft_dirty = false;
    QString m_system_prompt;
    qint64 m_counted = -1; // tokens of this conversation; -1: not counted
    QString m_announced_state = QStringLiteral("idle");
    bool m_announced_can_send = false;
    bool m_announced_elsewhere = false;
    QTimer m_draft_timer;
    QTimer m_clock; // while a prompt is being read
};

} // namespace ui
