// SPDX-License-Identifier: MIT
#include "ui/chat_model.h"

#include "ui/message_text.h"
#include "ui/text.h"

#include <QClipboard>
#include <QGuiApplication>

#include <algorithm>
#include <utility>

namespace ui {

namespace {

constexpr int clock_ms = 500;

} // namespace

ChatModel::ChatModel(StoreBridge& store, EngineBridge& engine, Answers& answers,
                     ConversationModel& conversations, Settings& settings, QObject* parent)
    : BranchModel(store, answers, parent)
    , m_store(store)
    , m_engine(engine)
    , m_answers(answers)
    , m_conversations(conversations)
    , m_finder(store)
    , m_draft(store, settings)
    , m_context(engine, answers, settings, *this)
{
    connect(&m_conversations, &ConversationModel::currentIdChanged, this,
            [this] { open(m_conversations.currentId()); });
    connect(&m_answers, &Answers::turned, this, [this](const Answers::Turn& turn) {
        if (turn.conversation.id == conversationId()) {
            showEnd(turn.branch);
            emit progressChanged();
            emit contextChanged();
        }
        announceState();
    });
    connect(&m_answers, &Answers::progressed, this, [this](qint64 conversation) {
        announceState();
        if (conversation == conversationId()) {
            emit progressChanged();
            emit contextChanged();
        }
    });
    connect(this, &ChatModel::conversationIdChanged, this,
            [this] { m_finder.setConversation(conversationId()); });
    connect(&m_answers, &Answers::textAdded, this,
            [this](qint64 conversation, qint64 answer, const QString& text) {
                if (conversation == conversationId())
                    addText(answer, text);
            });
    connect(&m_answers, &Answers::ended, this, &ChatModel::onEnded);
    connect(&m_answers, &Answers::saved, this, [this](const Answers::Turn&) { announceState(); });
    connect(&m_engine, &EngineBridge::stateChanged, this, [this] {
        announceState();
        emit contextChanged();
        m_context.count();
    });
    connect(this, &BranchModel::shown, this, [this] {
        m_finder.repeat();
        m_context.forget(conversationId());
        m_context.count();
        announceState();
    });
    connect(this, &BranchModel::completed, this, [this] {
        emit contextChanged(); // what was left out is counted from the first row
        tryToReveal();
    });
    connect(&m_context, &ContextUse::changed, this, &ChatModel::contextChanged);
    connect(&m_draft, &Draft::changed, this, &ChatModel::draftChanged);
    connect(&m_draft, &Draft::editedChanged, this, &ChatModel::editedChanged);
    connect(&m_answers, &Answers::canAskChanged, this, &ChatModel::announceState);
    connect(&m_answers, &Answers::ownChanged, this, [this](qint64 conversation) {
        if (conversation == conversationId())
            m_context.count();
    });
    m_clock.setInterval(clock_ms);
    connect(&m_clock, &QTimer::timeout, this, &ChatModel::progressChanged);
}

// A conversation comes onto the screen.
void ChatModel::open(qint64 conversation)
{
    if (conversation == conversationId())
        return;
    m_pending = false;
    m_reveal = 0;
    m_context.forget(conversation);
    BranchModel::open(conversation);
    setLoading(conversation != 0);
    emit conversationIdChanged();
    m_draft.open(conversation);
    emit progressChanged();
    emit contextChanged();
    announceState();
    if (conversation == 0)
        return;

    // On the store's thread, behind the writes: what is read is what the models have been told so far.
    struct Opened
    {
        storage::Conversation conversation;
        std::vector<storage::Message> end;
    };
    m_store.run(
        conversation, this,
        [conversation](storage::ChatStore& store) {
            return Opened{store.conversation(conversation).value(), store.branch(conversation, page)};
        },
        [this, visit = visit()](const Opened& opened) {
            if (visit != this->visit())
                return;
            m_draft.take(opened.conversation);
            showEnd(opened.end);
            setLoading(false);
            emit contextChanged();
            tryToReveal();
        },
        [this, visit = visit()](const QString& why) {
            m_store.report(why);
            if (visit == this->visit())
                setLoading(false);
        });
}

void ChatModel::onEnded(qint64 conversation, qint64 answer)
{
    announceState();
    if (conversation != conversationId())
        return;
    if (const Answer* end = m_answers.find(answer)) {
        BranchModel::end(answer, end->result);
        m_context.count();
    }
}

QString ChatModel::state() const
{
    const Answer* running = answer();
    if (running && running->state != Answer::State::ended) {
        switch (running->state) {
        case Answer::State::reading:
            return QStringLiteral("reading");
        case Answer::State::writing:
            return QStringLiteral("writing");
        default:
            return QStringLiteral("waiting");
        }
    }
    return m_pending || m_answers.isBeginning(conversationId()) ? QStringLiteral("waiting")
                                                                : QStringLiteral("idle");
}

void ChatModel::announceState()
{
    const QString now = state();
    const bool elsewhere = modelBusyElsewhere();
    if (now != m_announced_state || elsewhere != m_announced_elsewhere) {
        m_announced_state = now;
        m_announced_elsewhere = elsewhere;
        if (now == QLatin1String("reading") || now == QLatin1String("waiting"))
            m_clock.start();
        else
            m_clock.stop();
        emit stateChanged();
    }
    if (canSend() != m_announced_can_send) {
        m_announced_can_send = canSend();
        emit canSendChanged();
    }
}

bool ChatModel::canSend() const
{
    return m_answers.canAsk() && !m_pending && !m_loading && answer() == nullptr &&
           !m_answers.isBeginning(conversationId());
}

bool ChatModel::modelBusyElsewhere() const
{
    return m_answers.writing() > (m_answers.isWriting(conversationId()) ? 1 : 0);
}

qint64 ChatModel::promptDone() const
{
    return answer() ? answer()->promptDone : 0;
}

qint64 ChatModel::promptTotal() const
{
    return answer() ? answer()->promptTotal : 0;
}

double ChatModel::promptSeconds() const
{
    return answer() ? static_cast<double>(answer()->since.elapsed()) / 1000.0 : 0.0;
}

void ChatModel::setPending(bool pending)
{
    m_pending = pending;
    announceState();
}

void ChatModel::setLoading(bool loading)
{
    if (m_loading == loading)
        return;
    m_loading = loading;
    emit loadingChanged();
    announceState();
}

Answers::Then ChatModel::then()
{
    m_stop_when_asked = false;
    setPending(true);
    return {[this, visit = visit()](const Answers::Turn& turn) {
                if (visit != this->visit())
                    return;
                if (m_stop_when_asked)
                    m_answers.stop(turn.conversation.id);
                setPending(false);
            },
            [this, visit = visit()](const QString& why) {
                m_store.report(why);
                if (visit == this->visit())
                    setPending(false);
            }};
}

bool ChatModel::send(const QString& text)
{
    const QString message = text.trimmed();
    if (message.isEmpty() || !canSend())
        return false;
    const QString before = m_draft.text();
    Answers::Then then = this->then();
    const auto done = std::move(then.done);
    const auto failed = std::move(then.failed);
    then.done = [this, done, visit = visit()](const Answers::Turn& turn) {
        if (visit == this->visit() && conversationId() == 0) {
            // The new conversation on the screen has become a real one; it stays where it is.
            adopt(turn.conversation.id);
            m_draft.adopt(turn.conversation.id);
            m_context.adopt(turn.conversation.id);
            m_conversations.adopt(turn.conversation);
            emit conversationIdChanged();
        }
        done(turn);
    };
    then.failed = [this, failed, before, conversation = conversationId()](const QString& why) {
        failed(why);
        m_draft.putBack(conversation, before);
    };
    m_answers.send(conversationId(), message, std::move(then));
    m_draft.setText({});
    m_draft.save();
    return true;
}

void ChatModel::stop()
{
    m_stop_when_asked = m_pending;
    m_answers.stop(conversationId());
}

void ChatModel::regenerate(qint64 messageId)
{
    if (canSend() && row(messageId))
        m_answers.regenerate(messageId, then());
}

void ChatModel::repeat(qint64 messageId)
{
    const Content* answer = content(messageId);
    if (canSend() && answer && answer->message.origin)
        m_answers.repeat(messageId, then());
}

void ChatModel::beginEdit(qint64 messageId)
{
    if (const Content* message = content(messageId))
        m_draft.beginEdit(messageId, message->text);
}

void ChatModel::edit(qint64 messageId, const QString& text)
{
    const Row* edited = row(messageId);
    const QString message = text.trimmed();
    if (message.isEmpty() || !edited)
        return;
    const auto back = [this, messageId, text, conversation = conversationId()] {
        m_draft.putBackEdit(conversation, messageId, text);
    };
    if (edited->head.role == storage::Role::assistant && canSwitchBranch()) {
        switchBranch(
            messageId,
            [messageId, message = toUtf8(message)](storage::ChatStore& store) {
                return store.add_sibling(messageId, message);
            },
            [this, back](const QString& why) {
                m_store.report(why);
                back();
            });
    } else if (edited->head.role == storage::Role::user && canSend()) {
        Answers::Then then = this->then();
        then.failed = [failed = std::move(then.failed), back](const QString& why) {
            failed(why);
            back();
        };
        m_answers.edit(messageId, message, std::move(then));
    } else {
        return;
    }
    if (messageId == m_draft.edited())
        m_draft.endEdit();
}

void ChatModel::continueAnswer(qint64 messageId)
{
    const Row* answer = row(messageId);
    if (canSend() && answer && answer->head.role == storage::Role::assistant)
        m_answers.continueAnswer(messageId, then());
}

void ChatModel::chooseSibling(qint64 messageId, int delta)
{
    switchBranch(messageId, [messageId, delta](storage::ChatStore& store) -> storage::Id {
        const std::vector<storage::Id> siblings = store.siblings(messageId);
        const auto at = std::find(siblings.begin(), siblings.end(), messageId);
        const auto to = (at - siblings.begin()) + delta;
        if (at == siblings.end() || to < 0 || to >= static_cast<std::ptrdiff_t>(siblings.size()))
            return messageId;
        const storage::Id sibling = siblings[static_cast<std::size_t>(to)];
        store.choose_branch(sibling);
        return sibling;
    });
}

// `choose` makes a branch the chosen one and returns the message from which on it is another.
void ChatModel::switchBranch(qint64 message, std::function<storage::Id(storage::ChatStore&)> choose,
                             StoreBridge::Failed failed)
{
    if (!canSwitchBranch())
        return;
    m_store.run(
        message, this,
        [choose = std::move(choose)](storage::ChatStore& store) { return branchAt(store, choose(store)); },
        [this, visit = visit()](const Branch& branch) {
            m_conversations.apply(branch.conversation);
            if (visit != this->visit() || branch.conversation.id != conversationId())
                return;
            showBranch(branch);
            emit contextChanged();
            if (m_reveal == branch.changed)
                tryToReveal();
        },
        std::move(failed));
}

void ChatModel::fork(qint64 messageId)
{
    const QString title = tr("%1 (fork)").arg(m_conversations.currentTitle());
    m_store.run(
        messageId, this,
        [messageId, title = toUtf8(title)](storage::ChatStore& store) {
            const storage::Id fork = store.fork(messageId, title);
            ConversationSettings own(store.conversation(fork).value().settings);
            own.setQueue({}); // these stay where they were written
            own.setEdits({});
            store.set_settings(fork, own.json());
            return store.conversation(fork).value();
        },
        [this](const storage::Conversation& fork) {
            m_conversations.apply(fork);
            m_conversations.open(fork.id);
        });
}

void ChatModel::reveal(qint64 messageId)
{
    m_reveal = messageId;
    tryToReveal();
}

void ChatModel::tryToReveal()
{
    if (m_reveal == 0 || m_loading)
        return;
    if (const int at = rowOf(m_reveal); at >= 0) {
        m_reveal = 0;
        emit revealed(at);
    } else if (isWhole()) { // it is on another branch
        switchBranch(m_reveal, [message = m_reveal](storage::ChatStore& store) {
            store.choose_branch(message);
            return message;
        });
    }
}

void ChatModel::copyMessage(qint64 messageId)
{
    if (const Content* message = content(messageId))
        copyText(message->text);
}

void ChatModel::copyMessageText(qint64 messageId)
{
    if (const Content* message = content(messageId))
        copyText(plainText(message->message.role, message->text));
}

void ChatModel::copyRange(int first, int last, const QVariant& firstPart, const QVariant& lastPart,
                          bool markdown)
{
    const CopyAs as = markdown ? CopyAs::markdown : CopyAs::text;
    std::vector<CopiedPiece> pieces;
    std::vector<storage::Id> unread;
    for (int i = std::max(0, first); i <= std::min(last, count() - 1); ++i) {
        const Row& row = rows()[static_cast<std::size_t>(i)];
        const QVariant part = i == first ? firstPart : i == last ? lastPart : QVariant();
        CopiedPiece& piece = pieces.emplace_back(CopiedPiece{0, row.head.role, part.toString()});
        if (part.isValid() && !part.isNull())
            continue;
        if (!row.content) {
            piece.unread = row.head.id;
            unread.push_back(row.head.id);
        } else {
            piece.text = markdown ? row.content->text : plainText(row.head.role, row.content->text);
        }
    }
    if (unread.empty()) {
        copyText(joined(pieces, {}, as));
        return;
    }
    // Where texts have to be read, the rest happens on the store's thread, too.
    m_store.run(
        conversationId(), this,
        [pieces = std::move(pieces), unread = std::move(unread), as](storage::ChatStore& store) {
            return joined(pieces, store.messages(unread), as);
        },
        [this](const QString& text) { copyText(text); });
}

void ChatModel::copyText(const QString& text)
{
    QGuiApplication::clipboard()->setText(text);
}

} // namespace ui
