// SPDX-License-Identifier: MIT
#pragma once

#include "ui/engine_bridge.h"
#include "ui/settings.h"
#include "ui/store_bridge.h"

#include <QElapsedTimer>
#include <QHash>
#include <QObject>
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
        ended, // the engine is done; the result is on its way to the disk
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

    std::vector<std::int32_t> earlierIds; // of the part that is being continued
    qsizetype saved = 0;                  // characters of the text that the store has been given
    bool saving = false;                  // and has not acknowledged yet
    QElapsedTimer sinceSaved;
};

// Every conversation's writing: puts questions into the history, asks the engine from the acknowledgement of
// their commit, and commits the answers while they stream, at least every second or 2 KiB. Answers belong to
// their conversations; nothing here knows which one is on the screen.
class Answers : public QObject
{
    Q_OBJECT

public:
    // What a step in a conversation left there: its row and the whole chosen branch.
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
    // gets one sentence where nothing could be written. conversation 0: a new one, with this system prompt of
    // its own.
    struct Then
    {
        std::function<void(const Turn&)> done;
        StoreBridge::Failed failed;
    };
    void send(qint64 conversation, const QString& text, const QString& systemPrompt, Then then);
    void edit(qint64 message, const QString& text, Then then); // a person's message, as a new branch
    void regenerate(qint64 message, Then then);    // one more answer to a question, or instead of an answer
    void continueAnswer(qint64 answer, Then then); // goes on writing at its end

    void stop(qint64 conversation);
    // The conversation goes to the trash or for ever. What is being written there is stopped; `keep`: and
    // what has arrived is saved.
    enum class Rest
    {
        keep,
        drop,
    };
    void leave(qint64 conversation, Rest rest);

    bool canAsk() const { return m_engine.state() == EngineBridge::State::ready && m_store.isOpen(); }
    const Answer* inConversation(qint64 conversation) const; // being written or saved there
    const Answer* find(qint64 answer) const;
    bool isWriting(qint64 conversation) const; // not ended
    int writing() const;                       // answers that have not ended

    // The prompt of a conversation as the engine gets it: system prompt, then the branch.
    static std::vector<engine::Message> prompt(const std::vector<storage::Message>& branch,
                                               const QString& systemPrompt);
    // The system prompt that applies: the conversation's own, else that of the settings.
    QString systemPrompt(const storage::Conversation& conversation) const;
    static QString ownSystemPrompt(const storage::Conversation& conversation);
    static std::string withSystemPrompt(const std::string& settings, const QString& prompt);

signals:
    void turned(const ui::Answers::Turn& turn);
    void progressed(qint64 conversation, qint64 answer); // its state, prompt or token counts
    void textAdded(qint64 conversation, qint64 answer, const QString& text);
    void ended(qint64 conversation, qint64 answer);
    void saved(const ui::Answers::Turn& turn); // the end is on the disk; the branch holds only that answer

private:
    struct Ask // what the store's task found and made
    {
        Turn turn;
        qint64 answer = 0;
        std::vector<std::int32_t> ids;
    };
    using Write = std::function<storage::Id(storage::ChatStore&)>; // returns the answer that now streams

    storage::AnswerOrigin origin(const engine::Sampling& sampling) const;
    void begin(const engine::Sampling& sampling, Write write, bool continues, Then then);
    void ask(const Ask& ask, const engine::Sampling& sampling, bool continues, const Then& then);
    void save(Answer& answer);
    void finish(Answer& answer, storage::AnswerResult result);

    void onPromptRead(qint64 id, qint64 done, qint64 total);
    void onText(qint64 id, const QString& text, int tokens);
    void onFinished(qint64 id, const engine::Result& result);
    void onFailed(qint64 id, const QString& message);

    StoreBridge& m_store;
    EngineBridge& m_engine;
    Settings& m_settings;
    std::map<qint64, Answer> m_answers; // by message; addresses stay
    QTimer m_save_timer;
};

} // namespace ui
