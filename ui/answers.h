// SPDX-License-Identifier: MIT
#pragma once

#include "ui/conversation_settings.h"
#include "ui/engine_bridge.h"
#include "ui/settings.h"
#include "ui/store_bridge.h"
#include "ui/thought_clock.h"
#include "ui/wish.h"

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
#include <QSet>
#include <QString>
#include <QTimer>

namespace ui {

// An answer from the moment at which its question is on the disk until its last word is.
struct Answer
{
    enum class State
    {
        waiting, // asked, nothing heard yet
        reading, // the prompt
        writing,
        ended, // the engine is done; the result is on its way to the disk, again and again where it must be
    };
    qint64 id = 0; // its message
    qint64 conversation = 0;
    State state = State::waiting;
    QString text; // all so far
    qint64 promptDone = 0;
    qint64 promptTotal = 0;
    qint64 tokens = 0; // generated so far, as far as they have arrived
    QElapsedTimer since;
    storage::AnswerResult result; // once ended, but for the text
    AnswerFacts facts;            // what is left out is known from State::reading on
    ThoughtClock thoughts;

    std::vector<std::int32_t> earlierIds; // of the part that is being continued
    qsizetype saved = 0;                  // characters of the text that the store has been given
    bool saving = false;                  // and has not acknowledged yet
    bool failing = false;                 // the latest try was in vain, and this was said
    QElapsedTimer sinceSaved;
};

// Every conversation's writing: puts questions into the history, asks the engine from the acknowledgement of
// their commit, and commits the answers while they stream, at least every second or 2 KiB. Answers belong to
// their conversations; nothing here knows which one is on the screen. What a conversation sets for itself and
// the messages that wait in it for the end of an answer are kept here too.
class Answers : public QObject
{
    Q_OBJECT

public:
    // What a step in a conversation left there: its row and the end of the chosen branch, in which it
    // changed.
    struct Turn
    {
        storage::Conversation conversation;
        std::vector<storage::Message> branch;
    };

    // All three outlive this object.
    Answers(StoreBridge& store, EngineBridge& engine, Settings& settings, QObject* parent = nullptr);
    // Gives the store what has arrived; such answers open as interrupted at the next start.
    ~Answers() override;

    // Each writes, asks the engine when that is on the disk, then calls `done` and emits turned(). `failed`
    // gets one sentence where nothing could be written. conversation 0: a new one, with what own(0) has.
    struct Then
    {
        std::function<void(const Turn&)> done;
        StoreBridge::Failed failed;
    };
    void send(qint64 conversation, const QString& text, Then then);
    void edit(qint64 message, const QString& text, Then then); // a person's message, as a new branch
    void regenerate(qint64 message, Then then);    // one more answer to a question, or instead of an answer
    void repeat(qint64 answer, Then then);         // one more, made exactly as this one was
    void continueAnswer(qint64 answer, Then then); // goes on writing at its end

    // The answer, not what waits behind it.
    void stop(qint64 conversation);

    // Messages that wait. When an answer has ended by itself, the first of them is sent; one that comes too
    // late to wait is sent at once. After a stop, a failure or a start of the program they wait for
    // sendQueued(). An empty text removes one.
    void enqueue(qint64 conversation, const QString& text, StoreBridge::Failed failed);
    void changeQueued(qint64 conversation, qint64 queued, const QString& text);
    void sendQueued(qint64 conversation);
    QList<Queued> queue(qint64 conversation) const { return own(conversation).queue(); }

    void report(const QString& sentence) { m_store.report(sentence); }

    // What a conversation sets for itself, as far as it has been read or written since the start. That of 0
    // is for the next new conversation, in memory alone.
    ConversationSettings own(qint64 conversation) const { return m_own.value(conversation); }
    void readOwn(qint64 conversation); // ownChanged() when it is there
    void changeOwn(qint64 conversation, std::function<void(ConversationSettings&)> change,
                   std::function<void()> done = {}, StoreBridge::Failed failed = {});
    // The conversation goes to the trash or for ever. What is being written there is stopped; `keep`: and
    // what has arrived is saved.
    enum class Rest
    {
        keep,
        drop,
    };
    void leave(qint64 conversation, Rest rest);

    bool canAsk() const { return m_engine.canGenerate() && m_store.isOpen(); }
    // A waiting message is on its way to become a question.
    bool isBeginning(qint64 conversation) const { return m_beginning.contains(conversation); }
    const Answer* inConversation(qint64 conversation) const; // being written or saved there
    const Answer* find(qint64 answer) const;
    bool isWriting(qint64 conversation) const; // not ended
    int writing() const;                       // answers that have not ended

    // The system prompt that applies: the conversation's own, else that of the settings.
    QString systemPrompt(qint64 conversation) const;

signals:
    void canAskChanged();
    void ownChanged(qint64 conversation);
    void turned(const ui::Answers::Turn& turn);
    void progressed(qint64 conversation, qint64 answer); // its state, prompt or token counts
    void textAdded(qint64 conversation, qint64 answer, const QString& text);
    void ended(qint64 conversation, qint64 answer);
    void saved(const ui::Answers::Turn& turn); // the end is on the disk; the branch holds only that answer

private:
    struct Ask;
    // What the store's task needs to begin an answer.
    struct Begin
    {
        Wish wish; // of the settings
        storage::AnswerOrigin origin;
        ConversationSettings::Model model;
        AnswerFacts facts;

        // Below a message, with what its conversation sets; `exactly`: as that answer was.
        Ask below(storage::ChatStore& store, storage::Id question,
                  const AnswerFacts* exactly = nullptr) const;
    };
    struct Ask // what it found and made
    {
        Turn turn;
        qint64 answer = 0;
        AnswerFacts facts;
        std::vector<engine::Message> messages;
        Fitting fitting;
        bool continues = false;
        std::vector<std::int32_t> ids; // of the part that is continued
    };
    using Write = std::function<Ask(storage::ChatStore&, const Begin&)>;

    Begin begin() const;
    static void lookUp(storage::ChatStore& store, Ask& ask);
    void run(qint64 about, Write write, Then then);
    void ask(Ask ask, const Then& then);
    void learn(qint64 conversation, const ConversationSettings& own);
    void save(Answer& answer);
    void saveFailed(qint64 id, const QString& why);
    void finish(Answer& answer, storage::AnswerResult result);
    void saveEnd(Answer& answer);
    void drop(qint64 id);

    void onFitted(qint64 id, qint64 at, qint64 leftOut);
    void onPromptRead(qint64 id, qint64 done, qint64 total);
    void onText(qint64 id, const QString& text, int tokens);
    void onFinished(qint64 id, const engine::Result& result);
    void onFailed(qint64 id, const QString& message);

    StoreBridge& m_store;
    EngineBridge& m_engine;
    Settings& m_settings;
    std::map<qint64, Answer> m_answers; // by message; addresses stay
    QHash<qint64, ConversationSettings> m_own;
    QSet<qint64> m_beginning;
    QSet<qint64> m_stop_beginning; // of them those that were stopped
    QTimer m_save_timer;
};

} // namespace ui
