// SPDX-License-Identifier: MIT
#include "ui/chat_settings.h"

#include "ui/text.h"

#include <algorithm>

namespace ui {

ChatSettings::ChatSettings(StoreBridge& store, Answers& answers, ConversationModel& conversations,
                           QObject* parent)
    : QObject(parent)
    , m_store(store)
    , m_answers(answers)
    , m_conversations(conversations)
{
    connect(&m_conversations, &ConversationModel::currentIdChanged, this, [this] {
        emit changed();
        m_answers.readOwn(m_conversations.currentId());
    });
    connect(&m_answers, &Answers::ownChanged, this, [this](qint64 conversation) {
        if (conversation == m_conversations.currentId())
            emit changed();
    });
    connect(this, &ChatSettings::changed, this, &ChatSettings::currentPresetChanged);
    connect(this, &ChatSettings::presetsChanged, this, &ChatSettings::currentPresetChanged);
    connect(&m_store, &StoreBridge::opened, this, [this] { changePresets({}); });
}

QVariantMap ChatSettings::numbers() const
{
    const ConversationSettings settings = own();
    QVariantMap numbers;
    for (const QString& name : Settings::samplingNames()) {
        if (const auto number = settings.number(name))
            numbers.insert(name, *number);
    }
    return numbers;
}

bool ChatSettings::any() const
{
    return !systemPrompt().isEmpty() || !numbers().isEmpty();
}

QVariantList ChatSettings::presets() const
{
    QVariantList list;
    for (const storage::Preset& preset : m_presets)
        list.append(QVariantMap{{QStringLiteral("id"), qint64(preset.id)},
                                {QStringLiteral("name"), toQt(preset.name)}});
    return list;
}

QString ChatSettings::currentPreset() const
{
    const std::string here = own().preset().json();
    const auto found = std::ranges::find_if(m_presets, [&here](const storage::Preset& preset) {
        return ConversationSettings(preset.settings).preset().json() == here;
    });
    return found == m_presets.end() ? QString() : toQt(found->name);
}

void ChatSettings::change(std::function<void(ConversationSettings&)> change)
{
    m_answers.changeOwn(m_conversations.currentId(), std::move(change));
}

void ChatSettings::setSystemPrompt(const QString& prompt)
{
    change([prompt](ConversationSettings& own) { own.setSystemPrompt(prompt); });
}

void ChatSettings::setNumber(const QString& name, double value)
{
    change([name, value](ConversationSettings& own) { own.setNumber(name, value); });
}

void ChatSettings::clearNumber(const QString& name)
{
    change([name](ConversationSettings& own) { own.setNumber(name, std::nullopt); });
}

void ChatSettings::changePresets(std::function<void(storage::ChatStore&)> change)
{
    m_store.run(
        this,
        [change = std::move(change)](storage::ChatStore& store) {
            if (change)
                change(store);
            return store.presets();
        },
        [this](const std::vector<storage::Preset>& presets) {
            m_presets = presets;
            emit presetsChanged();
        });
}

void ChatSettings::savePreset(const QString& name)
{
    const QString trimmed = name.trimmed();
    if (trimmed.isEmpty())
        return;
    changePresets([name = toUtf8(trimmed), settings = own().preset().json()](storage::ChatStore& store) {
        const std::vector<storage::Preset> presets = store.presets();
        const auto found = std::ranges::find(presets, name, &storage::Preset::name);
        if (found == presets.end())
            store.add_preset(name, settings);
        else
            store.change_preset(found->id, name, settings);
    });
}

void ChatSettings::applyPreset(qint64 id)
{
    const auto found = std::ranges::find(m_presets, id, &storage::Preset::id);
    if (found != m_presets.end())
        change([preset = ConversationSettings(found->settings)](ConversationSettings& own) {
            own.apply(preset);
        });
}

void ChatSettings::deletePreset(qint64 id)
{
    changePresets([id](storage::ChatStore& store) { store.delete_preset(id); });
}

} // namespace ui
