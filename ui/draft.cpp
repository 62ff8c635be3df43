// SPDX-License-Identifier: MIT
#include "ui/draft.h"

#include "ui/text.h"

namespace ui {

namespace {

constexpr int save_after_ms = 700;

} // namespace

Draft::Draft(StoreBridge& store, Settings& settings, QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_settings(settings)
    , m_text(settings.newDraft())
{
    m_timer.setSingleShot(true);
    m_timer.setInterval(save_after_ms);
    connect(&m_timer, &QTimer::timeout, this, &Draft::save);
}

Draft::~Draft()
{
    save();
}

void Draft::setText(const QString& text)
{
    if (text == m_text)
        return;
    m_text = text;
    m_unsaved = true;
    m_timer.start();
    emit changed();
}

void Draft::save()
{
    m_timer.stop();
    if (!m_unsaved)
        return;
    m_unsaved = false;
    if (m_conversation == 0) {
        m_settings.setNewDraft(m_text);
        return;
    }
    m_store.run(
        m_conversation, this,
        [id = m_conversation, text = toUtf8(m_text)](storage::ChatStore& store) {
            if (store.conversation(id)) // it may have been deleted meanwhile
                store.set_draft(id, text);
        },
        [] {});
}

void Draft::open(qint64 conversation)
{
    save();
    m_conversation = conversation;
    m_text = conversation == 0 ? m_settings.newDraft() : QString();
    emit changed();
}

void Draft::take(const storage::Conversation& conversation)
{
    if (m_unsaved) // written since
        return;
    m_text = toQt(conversation.draft);
    emit changed();
}

} // namespace ui
