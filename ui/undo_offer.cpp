// SPDX-License-Identifier: MIT
#include "ui/undo_offer.h"

#include <algorithm>
#include <map>
#include <utility>

namespace ui {

namespace {

constexpr int offered_for_ms = 10'000;

} // namespace

UndoOffer::UndoOffer(QObject* parent)
    : QObject(parent)
{
    m_timer.setSingleShot(true);
    m_timer.setInterval(offered_for_ms);
    connect(&m_timer, &QTimer::timeout, this, [this] { offer({}); });
}

void UndoOffer::offer(Step step)
{
    m_step = std::move(step);
    if (m_step.text.isEmpty())
        m_timer.stop();
    else
        m_timer.start();
    emit textChanged();
}

void UndoOffer::forget(const std::vector<storage::Id>& ids)
{
    const auto forgotten = std::erase_if(m_step.before, [&](const storage::Conversation& one) {
        return std::find(ids.begin(), ids.end(), one.id) != ids.end();
    });
    if (forgotten > 0 && m_step.before.empty())
        offer({});
}

UndoOffer::Step UndoOffer::take()
{
    Step step = std::move(m_step);
    offer({});
    return step;
}

void putBefore(storage::ChatStore& store, const std::vector<storage::Conversation>& before)
{
    std::map<std::string, std::vector<storage::Id>> folders;
    std::map<std::vector<std::string>, std::vector<storage::Id>> tags;
    std::map<bool, std::vector<storage::Id>> archived;
    std::map<bool, std::vector<storage::Id>> trashed;
    for (const storage::Conversation& one : before) {
        const std::optional<storage::Conversation> now = store.conversation(one.id);
        if (!now)
            continue;
        if (now->folder != one.folder)
            folders[one.folder].push_back(one.id);
        if (now->tags != one.tags)
            tags[one.tags].push_back(one.id);
        if (now->archived != one.archived)
            archived[one.archived].push_back(one.id);
        if (now->deleted_at.has_value() != one.deleted_at.has_value())
            trashed[one.deleted_at.has_value()].push_back(one.id);
    }
    for (const auto& [folder, ids] : folders)
        store.set_folder(ids, folder);
    for (const auto& [list, ids] : tags)
        store.set_tags(ids, list);
    for (const auto& [is, ids] : archived)
        store.set_archived(ids, is);
    for (const auto& [is, ids] : trashed) {
        if (is)
            store.move_to_trash(ids);
        else
            store.restore(ids);
    }
}

} // namespace ui
