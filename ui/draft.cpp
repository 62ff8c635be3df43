// SPDX-License-Identifier: MIT
#include "ui/draft.h"

#include "ui/text.h"

#include <algorithm>
#include <utility>

namespace ui {

namespace {

constexpr int save_after_ms = 700;
constexpr int save_again_ms = 2000;

} // namespace

Draft::Draft(StoreBridge& store, Settings& settings, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_settings(settings)
{
    m_now.text = settings.newDraft();
    m_now.cursor = static_cast<int>(m_now.text.size());
    m_timer.setSingleShot(true);
    m_timer.setInterval(save_after_ms);
    connect(&m_timer, &QTimer::timeout, this, &Draft::save);
    m_again.setSingleShot(true);
    m_again.setInterval(save_again_ms);
    connect(&m_again, &QTimer::timeout, this, [this] {
        for (const qint64 conversation : m_saving.keys())
            write(conversation);
    });
}

Draft::~Draft()
{
    save();
    if (m_failing) {
        for (const qint64 conversation : m_saving.keys())
            write(conversation);
    }
}

void Draft::setText(const QString& text)
{
    if (text == m_now.text)
        return;
    m_now.text = text;
    m_now.cursor = std::min(m_now.cursor, static_cast<int>(text.size()));
    touch();
    emit changed();
}

// Alone it is not worth a write before the conversation is left.
void Draft::setCursor(int cursor)
{
    if (cursor == m_now.cursor || cursor > m_now.text.size())
        return;
    m_now.cursor = cursor;
    m_unsaved = true;
}

void Draft::beginEdit(qint64 message, const QString& original)
{
    m_edited = message;
    m_original = original;
    emit editedChanged();
}

void Draft::setEditedText(const QString& text)
{
    if (m_edited == 0 || text == editedText())
        return;
    if (text == m_original)
        m_now.edits.remove(m_edited);
    else
        m_now.edits.insert(m_edited, text);
    touch();
    emit editedChanged();
}

void Draft::endEdit()
{
    if (m_edited == 0)
        return;
    if (m_now.edits.remove(m_edited) > 0)
        touch();
    m_edited = 0;
    emit editedChanged();
}

void Draft::touch()
{
    m_unsaved = true;
    m_timer.start();
}

void Draft::save()
{
    m_timer.stop();
    if (m_reading || !std::exchange(m_unsaved, false))
        return;
    if (m_conversation == 0) {
        m_settings.setNewDraft(m_now.text);
        return;
    }
    m_saving.insert(m_conversation, m_now);
    write(m_conversation);
}

void Draft::write(qint64 conversation)
{
    const Written written = m_saving.value(conversation);
    m_store.run(
        conversation, this,
        [conversation, text = toUtf8(written.text), cursor = written.cursor,
         edits = written.edits](storage::ChatStore& store) {
            const std::optional<storage::Conversation> now = store.conversation(conversation);
            if (!now) // deleted meanwhile
                return;
            store.set_draft(conversation, text, cursor);
            if (ConversationSettings own(now->settings); own.edits() != edits) {
                own.setEdits(edits);
                store.set_settings(conversation, own.json());
            }
        },
        [this, conversation, written] {
            m_failing = false;
            if (m_saving.value(conversation) == written)
                m_saving.remove(conversation);
        },
        [this](const QString& why) {
            if (!std::exchange(m_failing, true))
                m_store.report(why);
            m_again.start();
        });
}

void Draft::open(qint64 conversation)
{
    if (m_reading && std::exchange(m_unsaved, false))
        merge(m_returned[m_conversation], m_now);
    save();
    m_conversation = conversation;
    m_reading = conversation != 0;
    m_now = {};
    m_edited = 0;
    if (conversation == 0) {
        m_now.text = m_settings.newDraft();
        m_now.cursor = static_cast<int>(m_now.text.size());
    }
    emit changed();
    emit editedChanged();
}

void Draft::take(const storage::Conversation& conversation)
{
    Written kept{toQt(conversation.draft), static_cast<int>(conversation.draft_cursor),
                 ConversationSettings(conversation.settings).edits()};
    kept = m_saving.value(conversation.id, kept);
    m_reading = false;
    if (!m_now.text.isEmpty()) { // written since it was opened
        kept.text += (kept.text.isEmpty() ? QString() : QStringLiteral("\n\n")) + m_now.text;
        kept.cursor = static_cast<int>(kept.text.size());
        touch();
    }
    m_now = kept;
    m_now.cursor = std::clamp(m_now.cursor, 0, static_cast<int>(m_now.text.size()));
    if (const auto returned = m_returned.find(conversation.id); returned != m_returned.end()) {
        merge(m_now, *returned);
        m_returned.erase(returned);
        touch();
    }
    if (!m_now.edits.isEmpty())
        m_edited = m_now.edits.lastKey();
    emit changed();
    emit editedChanged();
}

void Draft::merge(Written& written, const Written& returned)
{
    if (!returned.text.isEmpty()) {
        written.text =
            written.text.isEmpty() ? returned.text : returned.text + QStringLiteral("\n\n") + written.text;
        written.cursor = static_cast<int>(written.text.size());
    }
    for (auto edit = returned.edits.begin(); edit != returned.edits.end(); ++edit)
        written.edits.insert(edit.key(), edit.value());
}

void Draft::putBack(qint64 conversation, const Written& returned)
{
    if (conversation != m_conversation || m_reading) {
        if (conversation != 0) {
            merge(m_returned[conversation], returned);
        } else {
            Written kept{m_settings.newDraft(), 0, {}};
            merge(kept, returned);
            m_settings.setNewDraft(kept.text);
        }
        return;
    }
    merge(m_now, returned);
    if (m_edited == 0 && !returned.edits.isEmpty())
        m_edited = returned.edits.lastKey();
    touch();
    emit changed();
    emit editedChanged();
}

void Draft::putBack(qint64 conversation, const QString& text)
{
    putBack(conversation, Written{text, 0, {}});
}

void Draft::putBackEdit(qint64 conversation, qint64 message, const QString& text)
{
    putBack(conversation, Written{{}, 0, {{message, text}}});
}

} // namespace ui
