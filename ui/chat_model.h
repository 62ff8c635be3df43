// SPDX-License-Identifier: MIT
#pragma once

#include "ui/answers.h"
#include "ui/branch_model.h"
#include "ui/context_use.h"
#include "ui/conversation_model.h"
#include "ui/draft.h"
#include "ui/finder.h"

#include <QTimer>

#include <functional>

namespace ui {

// The messages of the conversation on the screen, and what the person does there. Follows the
// ConversationModel's current one.
class ChatModel : public BranchModel
{
    Q_OBJECT
    Q_PROPERTY(qint64 conversationId READ conversationId NOTIFY conversationIdChanged)
    Q_PROPERTY(QString state READ state NOTIFY stateChanged)
    Q_PROPERTY(bool loading READ loading NOTIFY loadingChanged)
    Q_PROPERTY(QObject* finder READ finder CONSTANT)
    Q_PROPERTY(qint64 promptDone READ promptDone NOTIFY progressChanged)
    Q_PROPERTY(qint64 promptTotal READ promptTotal NOTIFY progressChanged)
    Q_PROPERTY(double promptSeconds READ promptSeconds NOTIFY progressChanged)
    Q_PROPERTY(qint64 contextUsed READ contextUsed NOTIFY contextChanged)
    Q_PROPERTY(qint64 contextLimit READ contextLimit NOTIFY contextChanged)
    Q_PROPERTY(double cacheBytes READ cacheBytes NOTIFY contextChanged)
    Q_PROPERTY(QString draft READ draft WRITE setDraft NOTIFY draftChanged)
    Q_PROPERTY(int draftCursor READ draftCursor WRITE setDraftCursor NOTIFY draftChanged)
    Q_PROPERTY(qint64 editedMessage READ editedMessage NOTIFY editedChanged)
    Q_PROPERTY(QString editedText READ editedText WRITE setEditedText NOTIFY editedChanged)
    Q_PROPERTY(bool canSend READ canSend NOTIFY canSendChanged)
    Q_PROPERTY(bool modelBusyElsewhere READ modelBusyElsewhere NOTIFY stateChanged)
    Q_PROPERTY(int leftOutFrom READ leftOutFrom NOTIFY contextChanged)
    Q_PROPERTY(int leftOutTo READ leftOutTo NOTIFY contextChanged)

public:
    // All of them outlive this object.
    ChatModel(StoreBridge& store, EngineBridge& engine, Answers& answers, ConversationModel& conversations,
              Settings& settings, QObject* parent = nullptr);

    QString state() const; // "idle", "waiting", "reading", "writing"
    bool loading() const { return m_loading; }
    Finder* finder() { return &m_finder; }
    qint64 promptDone() const;
    qint64 promptTotal() const;
    double promptSeconds() const;                           // since the answer was asked for
    qint64 contextUsed() const { return m_context.used(); } // tokens
    qint64 contextLimit() const { return m_engine.contextTokens(); }
    double cacheBytes() const { return m_context.bytes(); } // that the used tokens take
    QString draft() const { return m_draft.text(); }
    int draftCursor() const { return m_draft.cursor(); }
    qint64 editedMessage() const { return m_draft.edited(); } // 0: none
    QString editedText() const { return m_draft.editedText(); }
    bool canSend() const;
    bool modelBusyElsewhere() const;
    // The rows that the model did not see any more when it wrote its latest answer, the second not included;
    // both 0 where it saw all.
    int leftOutFrom() const { return static_cast<int>(m_context.leftOut().first); }
    int leftOutTo() const { return static_cast<int>(m_context.leftOut().second); }

    void setDraft(const QString& draft) { m_draft.setText(draft); }
    void setDraftCursor(int cursor) { m_draft.setCursor(cursor); }
    void setEditedText(const QString& text) { m_draft.setEditedText(text); }

    // False where nothing was sent: empty, or canSend is false.
    Q_INVOKABLE bool send(const QString& text);
    Q_INVOKABLE void stop();
    Q_INVOKABLE void regenerate(qint64 messageId);
    Q_INVOKABLE void repeat(qint64 messageId); // an answer, exactly so
    // A message is edited in its place, with what had been written of it. Then it is sent, or left as it is.
    Q_INVOKABLE void beginEdit(qint64 messageId);
    Q_INVOKABLE void endEdit() { m_draft.endEdit(); }
    Q_INVOKABLE void edit(qint64 messageId, const QString& text);
    Q_INVOKABLE void chooseSibling(qint64 messageId, int delta);
    Q_INVOKABLE void continueAnswer(qint64 messageId);
    Q_INVOKABLE void retry(qint64 messageId) { regenerate(messageId); }
    // A new conversation with copies of all up to this message, and opens it.
    Q_INVOKABLE void fork(qint64 messageId);
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
    void progressChanged();
    void contextChanged();
    void draftChanged();
    void editedChanged();
    void canSendChanged();
    void revealed(int row);

private:
    void open(qint64 conversation);
    void switchBranch(qint64 message, std::function<storage::Id(storage::ChatStore&)> choose,
                      StoreBridge::Failed failed = {});
    bool canSwitchBranch() const { return !answer() && !m_pending && !m_loading; }
    void tryToReveal();
    const Answer* answer() const { return m_answers.inConversation(conversationId()); }
    Answers::Then then();
    void setPending(bool pending);
    void setLoading(bool loading);
    void announceState();
    void onEnded(qint64 conversation, qint64 answer);

    StoreBridge& m_store;
    EngineBridge& m_engine;
    Answers& m_answers;
    ConversationModel& m_conversations;

    Finder m_finder;
    Draft m_draft;
    ContextUse m_context;
    qint64 m_reveal = 0; // message to be shown when it can be found
    bool m_loading = false;
    bool m_pending = false; // something was sent from here and is on its way to the disk
    bool m_stop_when_asked = false;
    QString m_announced_state = QStringLiteral("idle");
    bool m_announced_can_send = false;
    bool m_announced_elsewhere = false;
    QTimer m_clock; // while a prompt is being read
};

} // namespace ui
